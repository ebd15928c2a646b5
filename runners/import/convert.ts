/** A COSBench workload as a workload file, and what of it is not in there. Pure. */
import { ConfigError } from '../../lib/settings/config';
import type { FileLoad, FileSizes, Percentages, WorkloadFile } from '../../lib/workload/file/document';
import { type CosbenchWorkload, type Leftover, shown, type Work, type WorkOperation, type WorkStage } from './cosbench';
import { namesOf } from './names';
import { bucketsOf, inTurn, objectLeftovers, selectorProblems } from './objects';
import { seedOf } from './prepared';
import {
  endOf,
  inSequence,
  isNormal,
  LONGEST_SECONDS,
  limitLeftovers,
  rampLeftovers,
  shapeOf,
  timeText,
  type WorkRun,
  warmupOf,
} from './runs';
import { parseSelector } from './selectors';
import { convertSizes, type SizesPart, sizesProblem } from './sizes';
import { tellStores } from './store';

export interface Converted {
  readonly file: WorkloadFile;
  /** Settings to give beside it: their variables, some with a value. */
  readonly settings: readonly string[];
  /** What was not carried over, by where it would stand: in the file as a whole, or in the load of this number. */
  readonly notes: readonly Note[];
  /** Which work each load comes from. */
  readonly origins: readonly string[];
}

export interface Note extends Leftover {
  readonly load?: number;
}

/** Operations of COSBench, those of later versions included, as commands. */
const COMMANDS: Readonly<Record<string, string>> = {
  ...{ read: 'GET', write: 'PUT', filewrite: 'PUT', delete: 'DELETE', list: 'LIST', head: 'HEAD' },
};
/** As many loads as a file has. */
const MOST_LOADS = 50;
/** Who has made so many mistakes has given another file. */
const MOST_PROBLEMS = 60;

/** @throws ConfigError with a line for each thing that no load can be made of */
export function convert(file: string, workload: CosbenchWorkload): Converted {
  const fail = (problems: readonly Leftover[]): void => {
    const lines = problems.map(({ at, says }) => `${file}:${at.line}:${at.column}: ${says}`);
    if (lines.length > 0) throw new ConfigError([...new Set(lines)].slice(0, MOST_PROBLEMS));
  };
  fail(countProblems(workload));
  const { runs, notes: timeNotes } = inSequence(workload);
  fail([...timeProblems(runs), ...operationProblems(runs), ...selectorProblems(workload)]);
  const store = tellStores(workload.stores);
  const seed = seedOf(
    workload,
    runs.map(({ work }) => work),
  );
  const made = runs.map((run, i) => loadOf(run, i, runs, seed.sizes));
  const { warmup, notes: warmupNotes } = warmupOf(runs);
  const settings = {
    ...(seed.objects > 0 && { 'seed-objects': seed.objects }),
    ...(warmup > 0 && { warmup: timeText(warmup) }),
    ...(store.timeout !== undefined && { timeout: `${store.timeout}ms` }),
  };
  const buckets = bucketsOf(workload);
  return {
    file: {
      name: namesOf([workload.name], 'cosbench')[0] as string,
      ...(workload.description.trim() !== '' && { description: workload.description.replace(/\s+/g, ' ').trim() }),
      ...together(
        made.map(({ load }) => load),
        popularityOf(runs),
      ),
      ...(buckets.existing && { buckets: { existing: buckets.existing } }),
      ...criteriaOf(runs),
      ...(Object.keys(settings).length > 0 && { settings }),
    },
    settings: [...store.settings, ...buckets.settings],
    origins: runs.map(({ stage, work }) => originOf(stage, work)),
    notes: [
      ...[
        ...workload.leftovers,
        ...store.leftovers,
        ...buckets.leftovers,
        ...seed.leftovers,
        ...stageLeftovers(workload),
      ],
      ...timeNotes,
      ...warmupNotes,
      ...made.flatMap(({ leftovers }, load) => leftovers.map((leftover) => ({ ...leftover, load }))),
    ],
  };
}

function originOf(stage: WorkStage, { name, at }: Work): string {
  return `workstage ${shown(stage.name)}${name === '' ? '' : `, work ${shown(name)}`} (line ${at.line})`;
}

function countProblems({ stages }: CosbenchWorkload): Leftover[] {
  const works = stages.flatMap((stage) => stage.works.filter(isNormal));
  const [first] = stages;
  if (works.length === 0 && first !== undefined) {
    const says =
      'no <work> is of type normal: there is no load here. `s3loadtest run PATTERN --seed-objects` writes objects';
    return [{ at: first.at, says }];
  }
  const over = works[MOST_LOADS];
  if (over === undefined) return [];
  return [{ at: over.at, says: `this is work ${MOST_LOADS + 1} with a load: a file has ${MOST_LOADS}, make several` }];
}

function timeProblems(runs: readonly WorkRun[]): Leftover[] {
  const long = runs.find((run) => endOf(run, runs) > LONGEST_SECONDS);
  if (long === undefined) return [];
  const total = Math.max(...runs.map((run) => endOf(run, runs)));
  return [{ at: long.work.at, says: `all loads take ${timeText(total)}: a run takes 366d at the most` }];
}

const operationProblems = (runs: readonly WorkRun[]) =>
  runs.flatMap(({ work }) => work.operations.flatMap(operationProblem));

function operationProblem({ at, type, entries }: WorkOperation): Leftover[] {
  if (COMMANDS[type] === undefined || !Object.hasOwn(COMMANDS, type)) {
    if (type === '') return [];
    return [{ at, says: `operation type is ${shown(type)}: give ${Object.keys(COMMANDS).join(', ')}` }];
  }
  if (type !== 'write') return [];
  const sizes = entries.get('sizes');
  if (sizes === undefined) return [{ at, says: 'a write has no sizes: say sizes=c(64)KB in its config' }];
  const problem = sizesProblem(sizes.value);
  return problem === undefined ? [] : [{ at: sizes.at, says: `sizes is ${shown(sizes.value)}: ${problem}` }];
}

function loadOf(run: WorkRun, i: number, runs: readonly WorkRun[], prepared: readonly SizesPart[]) {
  const { work, stage, name, pause, after } = run;
  const operations: Record<string, number> = {};
  for (const { type, ratio } of work.operations) {
    const command = COMMANDS[type] as string;
    operations[command] = (operations[command] ?? 0) + ratio;
  }
  const { DELETE: deletes = 0, PUT } = operations;
  if (deletes > 0 && PUT === undefined) {
    operations.PUT = deletes;
    const whole = 100 + deletes;
    for (const [op, ratio] of Object.entries(operations)) operations[op] = Number(((ratio * 100) / whole).toFixed(3));
  }
  const before = after === undefined ? undefined : runs[after]?.name;
  const { sizes, losses } = sizesOf(work, prepared);
  const isSequential = popularityOf(runs).popularity !== undefined;
  const own = work.operations.flatMap((operation) => objectLeftovers(operation, isSequential));
  const load: FileLoad = {
    name,
    ...(before !== undefined && { after: before }),
    operations,
    ...(sizes !== undefined && { objects: { sizes } }),
    ...shapeOf(work, pause),
  };
  return {
    load,
    leftovers: [
      ...(runs.findIndex((other) => other.stage === stage) === i ? stage.leftovers : []),
      ...work.leftovers,
      ...limitLeftovers(work),
      ...rampLeftovers(work, pause),
      ...work.operations.flatMap(({ leftovers }) => leftovers),
      ...own,
      ...losses.map((says) => ({ at: work.at, says })),
      ...deletesOthers(work),
    ],
  };
}

/** Who deletes what others wrote has nothing to do here. */
function deletesOthers({ at, operations }: Work): Leftover[] {
  const types = operations.map(({ type }) => COMMANDS[type]);
  if (!types.includes('DELETE') || types.includes('PUT')) return [];
  return [
    { at, says: 'DELETE takes what its VU has written: this load has as many PUTs as DELETEs, and COSBench has none' },
  ];
}

/** What is written; of a load that only reads, what was prepared. */
function sizesOf(
  { operations }: Work,
  prepared: readonly SizesPart[],
): { sizes?: FileSizes; losses: readonly string[] } {
  const written = operations.flatMap(({ type, ratio, entries }): SizesPart[] => {
    const sizes = entries.get('sizes');
    return type === 'write' && sizes !== undefined ? [{ text: sizes.value, share: ratio }] : [];
  });
  if (written.length > 0) return convertSizes(written);
  const isAbout = operations.some(({ type }) => ['read', 'head', 'delete'].includes(type));
  return isAbout && prepared.length > 0 ? convertSizes(prepared) : { losses: [] };
}

/** One load is the file itself; of several, what all of them have stands above them. */
function together(loads: readonly FileLoad[], popularity: WorkloadFile['objects']): Omit<WorkloadFile, 'name'> {
  const sizes = new Map(
    loads.flatMap(({ objects }) =>
      objects?.sizes === undefined ? [] : [[JSON.stringify(objects.sizes), objects.sizes]],
    ),
  );
  const [common, another] = sizes.values();
  const objects = { ...(common !== undefined && another === undefined && { sizes: common }), ...popularity };
  const above = Object.keys(objects).length > 0 ? { objects } : {};
  const [only] = loads;
  if (loads.length === 1 && only !== undefined) {
    const { name: _, objects: __, operations, ...rest } = only;
    return { operations: operations as Percentages, ...above, ...rest };
  }
  if (another !== undefined) return { ...above, loads };
  return { ...above, loads: loads.map(({ objects: _, ...load }) => load) };
}

/** Where all that is read is read in turn. */
function popularityOf(runs: readonly WorkRun[]): { popularity?: string } {
  const reads = runs.flatMap(({ work }) => work.operations.filter(({ type }) => type === 'read'));
  const isInTurn = ({ entries }: WorkOperation) => inTurn(parseSelector(entries.get('objects')?.value ?? ''));
  return reads.length > 0 && reads.every(isInTurn) ? { popularity: 'sequential' } : {};
}

function criteriaOf(runs: readonly WorkRun[]): Pick<WorkloadFile, 'criteria'> {
  const criteria = runs.flatMap(({ work: { afr }, name }) => {
    const of = runs.length > 1 ? `{phase:${name}}` : '';
    return afr === undefined ? [] : [`http_req_failed${of}:rate<=${afr / 1_000_000}`];
  });
  return criteria.length > 0 ? { criteria } : {};
}

/** Stages without a load. */
function stageLeftovers({ stages }: CosbenchWorkload): Leftover[] {
  const says: Partial<Record<Work['type'], string>> = {
    init: 'init is left out: --create-bucket makes the bucket of a run',
    cleanup: 'cleanup is left out: `s3loadtest cleanup` deletes what runs have written',
    dispose: 'dispose is left out: the bucket stays',
  };
  return stages.flatMap((stage) => [
    ...(stage.works.some(isNormal) ? [] : stage.leftovers),
    ...stage.works.flatMap((work) => {
      const line = says[work.type];
      return isNormal(work) ? [] : [...work.leftovers, ...(line === undefined ? [] : [{ at: work.at, says: line }])];
    }),
  ]);
}
