/**
 * A COSBench workload, read from its XML: what it says, and what of it has no meaning that is known here. Defaults and checks are
 * COSBench's own, in com.intel.cosbench.config of https://github.com/intel-cloud/cosbench. Pure.
 */
import { ConfigError } from '../../lib/settings/config';
import { parseEntries } from './selectors';
import { readXml, type XmlAttribute, type XmlElement, type XmlPlace } from './xml';

/** Something that the file says and that is not carried over, or only in part. */
export interface Leftover {
  readonly at: XmlPlace;
  /** One line, without values that may be credentials. */
  readonly says: string;
}

export interface CosbenchWorkload {
  readonly name: string;
  readonly description: string;
  readonly stages: readonly WorkStage[];
  readonly stores: readonly Store[];
  readonly leftovers: readonly Leftover[];
}

/** Where objects are: a storage or an auth element, wherever it stands. Its entries may be credentials. */
export interface Store {
  readonly at: XmlPlace;
  readonly element: 'storage' | 'auth';
  readonly type: string;
  readonly entries: ReadonlyMap<string, string>;
  readonly leftovers: readonly Leftover[];
}

/** Stages come one after the other, works of one stage at once. */
export interface WorkStage {
  readonly name: string;
  readonly at: XmlPlace;
  /** Seconds to wait after it. */
  readonly delay: number;
  readonly works: readonly Work[];
  readonly leftovers: readonly Leftover[];
}

export interface Work {
  readonly name: string;
  readonly type: 'init' | 'prepare' | 'cleanup' | 'dispose' | 'delay' | 'normal';
  readonly at: XmlPlace;
  readonly workers: number;
  /** Seconds; 0 where something else ends it. */
  readonly runtime: number;
  /** Seconds before the runtime whose samples don't count, at full load all the same; and after it. */
  readonly rampup: number;
  readonly rampdown: number;
  /** Of all workers together; 0 for no limit. */
  readonly totalOps: number;
  readonly totalBytes: number;
  /** Failures that are accepted, of a million. */
  readonly afr: number | undefined;
  readonly operations: readonly WorkOperation[];
  readonly entries: Entries;
  readonly leftovers: readonly Leftover[];
}

export interface WorkOperation {
  readonly at: XmlPlace;
  readonly type: string;
  /** Percent of the work's operations. */
  readonly ratio: number;
  readonly entries: Entries;
  readonly leftovers: readonly Leftover[];
}

/** Of config attributes, its own and those of the elements around it: the innermost counts. */
export type Entries = ReadonlyMap<string, XmlAttribute>;

/** Attributes that each element has to COSBench. */
const ATTRIBUTES: Readonly<Record<string, readonly string[]>> = {
  workload: ['name', 'description', 'trigger', 'config'],
  workflow: ['config'],
  workstage: ['name', 'closuredelay', 'trigger', 'config'],
  work: [
    ...['name', 'type', 'workers', 'interval', 'division', 'runtime', 'rampup', 'rampdown', 'afr'],
    ...['totalOps', 'totalBytes', 'driver', 'config'],
  ],
  operation: ['type', 'ratio', 'division', 'config', 'id'],
  storage: ['type', 'config'],
  auth: ['type', 'config'],
};
const CHILDREN: Readonly<Record<string, readonly string[]>> = {
  workload: ['auth', 'storage', 'workflow'],
  workflow: ['workstage'],
  workstage: ['auth', 'storage', 'work'],
  work: ['auth', 'storage', 'operation'],
  operation: [],
};
const SPECIAL = ['init', 'prepare', 'cleanup', 'dispose', 'delay'] as const;
const LARGEST = 2 ** 31 - 1;
const MILLION = 1_000_000;
/** Workers of one work: as many VUs as a load of a workload file has at the most. */
const MOST_WORKERS = 100_000;
/** k6 runs no load for longer: 366 days, in seconds. */
const LONGEST = 366 * 86_400;
/** Who has made so many mistakes has given another file. */
const MOST_PROBLEMS = 60;
const SHOWN = 60;

/** As COSBench's own division of each type of work: nothing that its user said. */
const OWN_DIVISION: Readonly<Record<Work['type'], string>> = {
  ...{ init: 'container', dispose: 'container', prepare: 'object', cleanup: 'object' },
  ...{ delay: 'none', normal: 'none' },
};

/** @throws ConfigError with a line for each mistake: `load.xml:12:30: workers is "many": give …` */
export function readCosbench(file: string, text: string): CosbenchWorkload {
  const root = readXml(file, text);
  const problems: string[] = [];
  const reader = new Reader((at, says) => problems.push(`${file}:${at.line}:${at.column}: ${says}`));
  const workload = reader.workload(root);
  if (problems.length > 0) throw new ConfigError([...new Set(problems)].slice(0, MOST_PROBLEMS));
  return workload;
}

/** A value as it may be shown: on one line, and not all of a long one. */
export function shown(value: string): string {
  // Signs that move a terminal's cursor, or end a comment.
  const plain = value.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, ' ');
  return `"${plain.length > SHOWN ? `${plain.slice(0, SHOWN)}…` : plain}"`;
}

class Reader {
  readonly #stores: Store[] = [];

  constructor(private readonly wrong: (at: XmlPlace, says: string) => void) {}

  workload(root: XmlElement): CosbenchWorkload {
    const { name, at } = root;
    const none = { name: '', description: '', stages: [], stores: [], leftovers: [] };
    if (name !== 'workload') {
      this.wrong(at, `the file begins with <${short(name)}>: give a COSBench workload, which begins with <workload>`);
      return none;
    }
    const leftovers = [...this.#unknown(root), ...triggerOf(root)];
    this.#store(root);
    const flows = childrenOf(root, 'workflow');
    const [flow] = flows;
    if (flow === undefined) {
      this.wrong(at, '<workload> has no <workflow>: put its stages into one');
      return none;
    }
    leftovers.push(...this.#unknown(flow));
    for (const another of flows.slice(1)) this.wrong(another.at, 'this is a second <workflow>: a workload has one');
    const entries = within(within(new Map(), root), flow);
    const stages = childrenOf(flow, 'workstage').map((stage) => this.#stage(stage, entries));
    if (stages.length === 0) this.wrong(flow.at, '<workflow> has no <workstage>: a workload has one at least');
    const description = root.attributes.get('description')?.value ?? '';
    return { name: textOf(root, 'name'), description, stages, stores: this.#stores, leftovers };
  }

  #stage(element: XmlElement, around: Entries): WorkStage {
    const leftovers = [...this.#unknown(element), ...triggerOf(element)];
    this.#store(element);
    const entries = within(around, element);
    const works = childrenOf(element, 'work').map((work) => this.#work(work, entries));
    if (works.length === 0) this.wrong(element.at, '<workstage> has no <work>: give it one, or take it out');
    const delay = this.#number(element, 'closuredelay', 0, LONGEST, 'seconds') ?? 0;
    return { name: textOf(element, 'name'), at: element.at, delay, works, leftovers };
  }

  #work(element: XmlElement, around: Entries): Work {
    const leftovers = this.#unknown(element);
    this.#store(element);
    const entries = within(around, element);
    const given = textOf(element, 'type');
    const special = SPECIAL.find((name) => name === given);
    const type: Work['type'] = special ?? 'normal';
    if (special === undefined && !['', 'normal'].includes(given)) {
      leftovers.push({ at: element.at, says: `a work of type ${shown(given)} is to COSBench a normal one` });
    }
    const time = (name: string) => this.#number(element, name, 0, LONGEST, 'seconds') ?? 0;
    const workers = this.#number(element, 'workers', 1, MOST_WORKERS, 'workers');
    if (workers === undefined && type === 'normal' && !element.attributes.has('workers')) {
      this.wrong(element.at, '<work> has no workers: say how many work at once');
    }
    const work = {
      ...{ name: textOf(element, 'name'), type, at: element.at, workers: workers ?? 1, entries },
      ...{ runtime: time('runtime'), rampup: time('rampup'), rampdown: time('rampdown') },
      totalOps: this.#number(element, 'totalOps', 0, LARGEST, 'operations') ?? 0,
      totalBytes: this.#number(element, 'totalBytes', 0, Number.MAX_SAFE_INTEGER, 'bytes') ?? 0,
      afr: this.#number(element, 'afr', 0, MILLION, 'failures of a million'),
      operations: type === 'normal' ? this.#operations(element, entries) : [],
    };
    if (type === 'normal') this.#limits(element, work);
    return { ...work, leftovers: [...leftovers, ...this.#about(element, type)] };
  }

  #limits(element: XmlElement, { runtime, totalOps, totalBytes }: Pick<Work, 'runtime' | 'totalOps' | 'totalBytes'>) {
    const given = ['runtime', 'totalOps', 'totalBytes'].some((name) => Number(textOf(element, name)) !== 0);
    if (runtime === 0 && totalOps === 0 && totalBytes === 0 && !given) {
      this.wrong(element.at, '<work> has no end: give it a runtime in seconds, totalOps or totalBytes');
    }
  }

  #operations(work: XmlElement, around: Entries): WorkOperation[] {
    const elements = childrenOf(work, 'operation');
    if (elements.length === 0) this.wrong(work.at, '<work> has no <operation>: say what it does');
    const before = this.#problems;
    const operations = elements.flatMap((element) => {
      const ratio = this.#number(element, 'ratio', 0, 100, 'percent') ?? 100;
      const type = textOf(element, 'type');
      if (type === '')
        this.wrong(element.at, '<operation> has no type: give read, write, filewrite, delete, list or head');
      const leftovers = [...this.#unknown(element), ...divisionOf(element, 'normal')];
      const operation = { at: element.at, type, ratio, entries: within(around, element), leftovers };
      // COSBench leaves them out, too.
      return ratio === 0 && element.attributes.has('ratio') ? [] : [operation];
    });
    const sum = operations.reduce((all, { ratio }) => all + ratio, 0);
    if (elements.length > 0 && this.#problems === before && sum !== 100) {
      this.wrong(work.at, `ratios of <work> come to ${sum}: make them 100`);
    }
    return operations;
  }

  /** What a work says that has no counterpart. */
  #about(element: XmlElement, type: Work['type']): Leftover[] {
    const found = [...divisionOf(element, type)];
    const { interval, driver } = Object.fromEntries(element.attributes);
    const every = this.#number(element, 'interval', 1, LARGEST, 'seconds');
    if (interval !== undefined && every !== undefined && every !== 5) {
      found.push({ at: interval.at, says: `interval=${every} is left out: figures are of each second` });
    }
    if (driver !== undefined && driver.value.trim() !== '') {
      const says = `driver=${shown(driver.value)} is left out: \`s3loadtest dist\` divides a run among machines`;
      found.push({ at: driver.at, says });
    }
    return found;
  }

  #store(parent: XmlElement): void {
    for (const element of parent.children) {
      const { name, at, attributes } = element;
      if (name !== 'storage' && name !== 'auth') continue;
      const entries = parseEntries(attributes.get('config')?.value ?? '');
      this.#stores.push({
        at,
        element: name,
        type: textOf(element, 'type'),
        entries,
        leftovers: this.#unknown(element),
      });
    }
  }

  /** Attributes and elements that COSBench does not have there. Their values may be anything. */
  #unknown({ name, attributes, children }: XmlElement): Leftover[] {
    const own = ATTRIBUTES[name] ?? [];
    const others = [...attributes].filter(([key]) => !own.includes(key) && !/^xmlns\b|:/.test(key));
    return [
      ...others.map(([key, { at }]) => {
        const like = own.find((each) => each.toLowerCase() === key.toLowerCase());
        const remedy = like === undefined ? '' : `: ${like} is`;
        return { at, says: `attribute ${short(key)} of <${name}> is none of COSBench's${remedy}, and left out` };
      }),
      ...children.flatMap(({ name: child, at }) =>
        CHILDREN[name]?.includes(child)
          ? []
          : [{ at, says: `<${short(child)}> within <${name}> is none of COSBench's, and left out` }],
      ),
    ];
  }

  /** Undefined when it is not there, or wrong and told. */
  #number(element: XmlElement, name: string, least: number, most: number, unit: string): number | undefined {
    const found = element.attributes.get(name);
    if (found === undefined) return undefined;
    const text = found.value.trim();
    const value = Number(text);
    if (/^\+?\d+$/.test(text) && value >= least && value <= most) return value;
    this.#problems++;
    const what = `a whole number of ${unit} from ${least} to ${most}`;
    this.wrong(found.at, `${name} is ${shown(found.value)}: give ${what}`);
    return undefined;
  }

  #problems = 0;
}

const short = (name: string): string => (name.length > SHOWN ? `${name.slice(0, SHOWN)}…` : name);
const childrenOf = ({ children }: XmlElement, name: string) => children.filter((child) => child.name === name);
const textOf = ({ attributes }: XmlElement, name: string): string => attributes.get(name)?.value.trim() ?? '';

function within(around: Entries, { attributes }: XmlElement): Entries {
  const config = attributes.get('config');
  if (config === undefined) return around;
  const own = [...parseEntries(config.value)].map(([key, value]) => [key, { value, at: config.at }] as const);
  return new Map([...around, ...own]);
}

function triggerOf({ attributes }: XmlElement): Leftover[] {
  const trigger = attributes.get('trigger');
  if (trigger === undefined || trigger.value.trim() === '') return [];
  return [{ at: trigger.at, says: 'trigger is left out: run the script before s3loadtest' }];
}

function divisionOf({ attributes }: XmlElement, type: Work['type']): Leftover[] {
  const division = attributes.get('division');
  if (division === undefined || ['', 'none', OWN_DIVISION[type]].includes(division.value.trim())) return [];
  const says = `division=${shown(division.value)} is left out: VUs share one bucket, and each writes objects of its own`;
  return [{ at: division.at, says }];
}
