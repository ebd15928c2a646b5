/** Load shapes as k6 scenarios. Pure. */
import type { Scenario, Stage } from 'k6/options';
import { isAlways, type Schedule } from './schedule';
import { durationOf, isConstant, type LoadLine, levelAt, linesOf, type Shape } from './shape';

/** One k6 scenario's load. */
export interface ScenarioLoad {
  /** The scenario's name. */
  readonly name: string;
  readonly test: string;
  readonly shape: Shape;
  readonly schedule: Schedule;
  /** How many it does in all, where that and no time ends it. */
  readonly operations?: number | undefined;
}

/** The name of the scenario that does nothing, and only ends with the run. */
export const WAITING = 'waiting';

/** What k6 calls the scenario that its own options (--vus, --iterations …) put in the place of a script's. */
export const OVERRIDE = 'default';

/** k6 ends what is counted by time, too. */
const LONGEST = '8760h';

/** How much longer than one request's time limit operations under way at the end may take before k6 breaks them off. */
const GRACE_MS = 5_000;

/**
 * Time in which VUs fall to fewer where they would jump. After a jump down, and a climb to fewer than before within
 * `gracefulRampDown`, k6 2.2.0 breaks VUs off when that is over and never starts them again; when it takes them off one by
 * one, it keeps count: https://github.com/grafana/k6/blob/v2.2.0/lib/executor/ramping_vus.go#L313
 */
const SHORTEST_FALL_MS = 1;

/**
 * The scenario of a load: as many VUs as it has, each at its own pace (closed loop), or with a rate, operations begun on time
 * whatever the store takes (open loop). `timeout` is that of a request, milliseconds.
 */
export function scenarioOf({ test, shape, schedule, operations }: ScenarioLoad, timeout: number): Scenario {
  const common = { gracefulStop: `${timeout + GRACE_MS}ms`, tags: { test } };
  if (operations !== undefined) return { ...counted(operations, shape.vus), ...common };
  const scenario = shape.unit === 'rate' ? openLoop(shape, schedule) : closedLoop(shape, common.gracefulStop);
  return { ...scenario, ...common };
}

/**
 * The scenario of `workers` k6 processes together, of which each takes an equal execution segment. k6 divides VUs and rates
 * alike, but a rate is that of all workers and VUs are each worker's: so there are as many times the VUs, and each worker gets
 * exactly those that the scenario has here.
 */
export function acrossWorkers(scenario: Scenario, workers: number): Scenario {
  switch (scenario.executor) {
    case 'constant-vus':
      return { ...scenario, vus: (scenario.vus ?? 1) * workers };
    case 'ramping-vus': {
      const stages = scenario.stages.map((stage) => ({ ...stage, target: stage.target * workers }));
      return { ...scenario, startVUs: (scenario.startVUs ?? 1) * workers, stages };
    }
    case 'per-vu-iterations': {
      const { vus = 1, iterations = 1 } = scenario;
      return { ...scenario, vus: vus * workers, iterations: Math.ceil(iterations / workers) };
    }
    case 'constant-arrival-rate':
    case 'ramping-arrival-rate': {
      const { preAllocatedVUs, maxVUs = preAllocatedVUs } = scenario;
      return { ...scenario, preAllocatedVUs: preAllocatedVUs * workers, maxVUs: maxVUs * workers };
    }
    default:
      throw new Error(`no scenario here is ${scenario.executor}`);
  }
}

/** So many operations, an iteration each, and as many of each VU. */
function counted(operations: number, vus: number): Scenario {
  return { executor: 'per-vu-iterations', vus, iterations: Math.ceil(operations / vus), maxDuration: LONGEST };
}

/** VUs that are there all the time, or as stages have it. The schedule is not in here: the script idles outside its windows. */
function closedLoop(shape: Shape, gracefulRampDown: string): Scenario {
  const { vus } = shape;
  if (isConstant(shape)) return { executor: 'constant-vus', vus, duration: `${durationOf(shape)}ms` };
  // No stage that has VUs may lose this scenario its last one.
  const whole = (level: number) => (level === 0 ? 0 : Math.max(1, Math.round(level)));
  const stages = stagesOf(linesOf(shape, SHORTEST_FALL_MS), whole);
  return { executor: 'ramping-vus', startVUs: 0, stages, gracefulRampDown };
}

/**
 * Operations begun at a rate, and none outside the schedule's windows. k6 begins an operation when the time for it is full,
 * so the last of a window begins just after its end, and the scenario ends with its last operation: it waits for no pause.
 */
function openLoop(shape: Shape, schedule: Schedule): Scenario {
  // All VUs from the start: making them in mid-run would take CPU from the load.
  const vus = { preAllocatedVUs: shape.vus, maxVUs: shape.vus };
  const duration = durationOf(shape);
  const levels = shape.stages.map(({ target }) => target);
  const on = joined(schedule);
  if (isAlways(on, duration) && isConstant(shape)) {
    const seconds = timeUnitOf(levels, []);
    const rate = wholeRate(levels[0] as number, seconds);
    return { executor: 'constant-arrival-rate', rate, timeUnit: `${seconds}s`, duration: `${duration}ms`, ...vus };
  }
  const lines = within(on, linesOf(shape));
  const cut = lines.flatMap(({ from, to }) => (from === to ? [] : [from, to]));
  const seconds = timeUnitOf(levels, cut);
  const stages = stagesOf(lines, (rate) => wholeRate(rate, seconds));
  return { executor: 'ramping-arrival-rate', startRate: 0, timeUnit: `${seconds}s`, stages, ...vus };
}

type Span = Pick<LoadLine, 'start' | 'end'>;

/** Windows without their phases, those that follow each other at once as one. */
function joined(schedule: Schedule): Span[] {
  const spans: { start: number; end: number }[] = [];
  for (const { start, end } of schedule) {
    const last = spans.at(-1);
    if (last?.end === start) last.end = end;
    else spans.push({ start, end });
  }
  return spans;
}

/** The same load within the spans, and none between them. A climb goes on meanwhile and is entered where it has come to. */
function within(spans: readonly Span[], lines: readonly LoadLine[]): LoadLine[] {
  const cut: LoadLine[] = [];
  let next = 0;
  for (const line of lines) {
    let start = line.start;
    while (start < line.end) {
      while ((spans[next]?.end ?? Number.POSITIVE_INFINITY) <= start) next++;
      const { start: on, end: off } = spans[next] ?? { start: line.end, end: line.end };
      const end = Math.min(line.end, on <= start ? off : on);
      const [from, to] = on <= start ? [levelAt(line, start), levelAt(line, end)] : [0, 0];
      cut.push({ start, end, from, to });
      start = end;
    }
  }
  return cut;
}

/**
 * What k6 has for lines: stages, each from where the one before it ended to its own target, the first from 0. One that
 * takes no time is a jump. `whole` gives the number that k6 gets for a level.
 */
function stagesOf(lines: readonly LoadLine[], whole: (level: number) => number): Stage[] {
  const stages: { ms: number; from: number; target: number }[] = [];
  for (const line of lines) {
    const ms = line.end - line.start;
    const from = whole(line.from);
    const target = whole(line.to);
    const last = stages.at(-1);
    const level = last?.target ?? 0;
    if (last !== undefined && last.from === level && from === level && target === level) last.ms += ms;
    else if (from === level) stages.push({ ms, from, target });
    else stages.push({ ms: 0, from: level, target: from }, { ms, from, target });
  }
  // To microseconds, as durations are read: floating point would give 1e-12ms, which k6 can't read.
  return stages.map(({ ms, target }) => ({ duration: `${Math.round(ms * 1000) / 1000}ms`, target }));
}

/** Seconds in which a rate that someone typed comes to a whole number, and then some in which any nearly does. */
const TIME_UNITS = [1, 60, 3_600, 10_000_000];
/** How far off a rate in mid-climb may be: a part of itself, or operations a second. */
const CLOSE_ENOUGH = 0.001;

/** k6 takes whole rates only, but any time unit: 2.5 a second is 150 in 60 seconds. */
function wholeRate(perSecond: number, seconds: number): number {
  return perSecond === 0 ? 0 : Math.max(1, Math.round(perSecond * seconds));
}

/**
 * Seconds of the one time unit that k6 counts all rates of a scenario by. Rates asked for come to whole numbers in it, and
 * those in which a climb is cut come close.
 */
function timeUnitOf(asked: readonly number[], cut: readonly number[]): number {
  const isWhole = (n: number) => Math.abs(n - Math.round(n)) < 1e-9;
  const isClose = (n: number, seconds: number) =>
    Math.abs(wholeRate(n, seconds) / seconds - n) <= Math.max(n, 1) * CLOSE_ENOUGH;
  const fits = (seconds: number) => asked.every((n) => isWhole(n * seconds)) && cut.every((n) => isClose(n, seconds));
  return TIME_UNITS.find(fits) ?? (TIME_UNITS.at(-1) as number);
}
