/** A COSBench workload as a workload file, and what of it is not in there. Pure. */
import { ConfigError } from '../../lib/settings/config';
import { formatDuration, parseDuration } from '../../lib/settings/units';
import type { FileLoad, FileShape, FileSizes, Percentages, WorkloadFile } from '../../lib/workload/file/document';
import { type CosbenchWorkload, type Leftover, type Operation, type Stage, shown, type Work } from './cosbench';
import { namesOf } from './names';
import { bucketsOf, inTurn, objectLeftovers, selectorProblems } from './objects';
import { seedOf } from './prepared';
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
/** Seconds for works that end with a number of operations or bytes, which no load does. */
const CHOSEN_SECONDS = 300;
const LONGEST_SECONDS = 366 * 86_400;

/** A work that becomes a load, and when it begins. */
interface Run {
  readonly name: string;
  readonly stage: Stage;
  readonly work: Work;
  /** Seconds that nothing happens before it. */
  readonly pause: number;
  /** Index of the one that must have ended. */
  readonly after: number | undefined;
}

/** @throws ConfigError with a line for each thing that no load can be made of */
export function convert(file: string, workload: CosbenchWorkload): Converted {
  const { runs, notes: timeNotes } = inSequence(workload);
  const problems = [...runProblems(runs, workload), ...selectorProblems(workload)];
  if (problems.length > 0) {
    const lines = problems.map(({ at, says }) => `${file}:${at.line}:${at.column}: ${says}`);
    throw new ConfigError([...new Set(lines)]);
  }
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
      ...criteriaOf(runs),
      ...(Object.keys(settings).length > 0 && { settings }),
    },
    settings: [...store.settings, buckets.setting],
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

const isNormal = ({ type }: Work): boolean => type === 'normal';
/** Seconds of its load. Without a runtime COSBench has no time before it either. */
const climbOf = ({ runtime, rampup }: Work): number => (runtime > 0 ? rampup : 0);
const secondsOf = (work: Work): number => climbOf(work) + (work.runtime || CHOSEN_SECONDS);

/** Stages one after the other, with what lies between them. */
function inSequence({ stages }: CosbenchWorkload): { runs: Run[]; notes: Leftover[] } {
  const normal = stages.map((stage) => stage.works.filter(isNormal));
  const names = namesOf(
    stages.flatMap(({ name }, i) => (normal[i] as Work[]).map((work) => nameParts(name, work, normal[i] as Work[]))),
    'load',
  );
  const runs: Run[] = [];
  const notes: Leftover[] = [];
  let last: number | undefined;
  let pause = 0;
  for (const [i, stage] of stages.entries()) {
    const works = normal[i] as Work[];
    if (works.length > 0) {
      if (last === undefined && pause > 0) {
        notes.push({
          at: stage.at,
          says: `the wait of ${timeText(pause)} before the first load is left out`,
        });
      }
      const [before, after] = [last === undefined ? 0 : pause, last];
      const first = runs.length;
      for (const work of works) runs.push({ name: names[runs.length] as string, stage, work, pause: before, after });
      const longest = Math.max(...works.map(secondsOf));
      last = first + works.findIndex((work) => secondsOf(work) === longest);
      pause = 0;
    }
    pause += stage.delay;
  }
  const end = stages.at(-1);
  if (pause > 0 && last !== undefined && end !== undefined) {
    notes.push({ at: end.at, says: `the wait of ${timeText(pause)} after the last load is left out` });
  }
  return { runs, notes };
}

const nameParts = (stage: string, { name }: Work, works: readonly Work[]): string =>
  works.length > 1 ? `${stage}-${name}` : stage || name;

function originOf(stage: Stage, { name, at }: Work): string {
  return `workstage ${shown(stage.name)}${name === '' ? '' : `, work ${shown(name)}`} (line ${at.line})`;
}

function runProblems(runs: readonly Run[], { stages }: CosbenchWorkload): Leftover[] {
  const [first] = stages;
  if (runs.length === 0 && first !== undefined) {
    const says =
      'no <work> is of type normal: there is no load here. `s3loadtest run PATTERN --seed-objects` writes objects';
    return [{ at: first.at, says }];
  }
  const over = runs[MOST_LOADS];
  if (over !== undefined) {
    return [
      { at: over.work.at, says: `this is work ${MOST_LOADS + 1} with a load: a file has ${MOST_LOADS}, make several` },
    ];
  }
  const total = runs.reduce((most, run) => Math.max(most, endOf(run, runs)), 0);
  const long = runs.find((run) => endOf(run, runs) > LONGEST_SECONDS);
  return [
    ...(long === undefined
      ? []
      : [{ at: long.work.at, says: `all loads take ${timeText(total)}: a run takes 366d at the most` }]),
    ...runs.flatMap(({ work }) => work.operations.flatMap(operationProblems)),
  ];
}

/** Seconds from the start of the first to the end of this one. */
function endOf({ work, pause, after }: Run, runs: readonly Run[]): number {
  const before = after === undefined ? undefined : runs[after];
  return (before === undefined ? 0 : endOf(before, runs)) + pause + secondsOf(work);
}

function operationProblems({ at, type, entries }: Operation): Leftover[] {
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

function loadOf(run: Run, i: number, runs: readonly Run[], prepared: readonly SizesPart[]) {
  const { work, stage, name, pause, after } = run;
  const operations: Record<string, number> = {};
  for (const { type, ratio } of work.operations) {
    const command = COMMANDS[type] as string;
    operations[command] = (operations[command] ?? 0) + ratio;
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

/** A text that is exact: formatDuration has two units at the most. */
function timeText(seconds: number): string {
  const text = formatDuration(seconds * 1000);
  return parseDuration(text) === seconds * 1000 ? text : `${seconds}s`;
}

/** `0:1m,8:5m` where nothing happens first. */
function shapeOf(work: Work, pause: number): FileShape {
  const { workers } = work;
  const climb = climbs(work, pause) ? climbOf(work) : 0;
  const length = secondsOf(work);
  const ramp = climb > 0 ? { ramp: timeText(climb) } : {};
  if (pause > 0) return { stages: `0:${timeText(pause)},${workers}:${timeText(length)}`, ...ramp };
  return { vus: workers, duration: timeText(length), ...ramp };
}

/** No stage may be shorter than the ramp. */
const climbs = (work: Work, pause: number): boolean => pause === 0 || climbOf(work) <= pause;

function rampLeftovers(work: Work, pause: number): Leftover[] {
  const { at, rampup, rampdown, runtime } = work;
  const says: string[] = [];
  if (rampup > 0 && runtime === 0) says.push(`rampup=${rampup} is left out: COSBench has none without a runtime`);
  if (rampup > 0 && runtime > 0) {
    const how = climbs(work, pause)
      ? `the load climbs in that time`
      : `the wait before is shorter, and the load begins at once`;
    says.push(`rampup=${rampup}: ${how}; COSBench begins with all workers and leaves the time out of its figures`);
  }
  if (rampdown > 0)
    says.push(`rampdown=${rampdown} is left out: load after the runtime, of which COSBench has no figures`);
  return says.map((line) => ({ at, says: line }));
}

function limitLeftovers({ at, runtime, totalOps, totalBytes }: Work): Leftover[] {
  const limits = [
    ...(totalOps > 0 ? [`totalOps=${totalOps}`] : []),
    ...(totalBytes > 0 ? [`totalBytes=${totalBytes}`] : []),
  ];
  const [limit] = limits;
  if (limit === undefined) return [];
  const chosen = timeText(CHOSEN_SECONDS);
  const how =
    runtime > 0 ? 'the load ends with its runtime' : `a load ends with its time, ${chosen} is chosen: give another`;
  return [{ at, says: `${limits.join(' and ')}: ${how}` }];
}

/** Who deletes what others wrote has nothing to do here. */
function deletesOthers({ at, operations }: Work): Leftover[] {
  const types = operations.map(({ type }) => COMMANDS[type]);
  if (!types.includes('DELETE') || types.includes('PUT')) return [];
  return [{ at, says: 'DELETE takes what its VU has written, and this load writes nothing: add PUT to it' }];
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
  const reads = operations.some(({ type }) => type === 'read' || type === 'head');
  return reads && prepared.length > 0 ? convertSizes(prepared) : { losses: [] };
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
function popularityOf(runs: readonly Run[]): { popularity?: string } {
  const reads = runs.flatMap(({ work }) => work.operations.filter(({ type }) => type === 'read'));
  const isInTurn = ({ entries }: Operation) => inTurn(parseSelector(entries.get('objects')?.value ?? ''));
  return reads.length > 0 && reads.every(isInTurn) ? { popularity: 'sequential' } : {};
}

function criteriaOf(runs: readonly Run[]): Pick<WorkloadFile, 'criteria'> {
  const criteria = runs.flatMap(({ work: { afr }, name }) => {
    const of = runs.length > 1 ? `{phase:${name}}` : '';
    return afr === undefined ? [] : [`http_req_failed${of}:rate<=${afr / 1_000_000}`];
  });
  return criteria.length > 0 ? { criteria } : {};
}

/** Seconds at the start that figures leave out: as COSBench's do, where all works that begin then have as many. */
function warmupOf(runs: readonly Run[]): { warmup: number; notes: Leftover[] } {
  const first = runs.filter(({ after }) => after === undefined).map(({ work }) => climbOf(work));
  const warmup = first.every((seconds) => seconds === first[0]) ? (first[0] ?? 0) : 0;
  const later = runs.find(({ work, after }) => climbOf(work) > 0 && (after !== undefined || warmup === 0));
  if (later === undefined) return { warmup, notes: [] };
  const says = 'figures of a load that climbs later than at the start, or not with all others, have its climb in them';
  return { warmup, notes: [{ at: later.work.at, says }] };
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
