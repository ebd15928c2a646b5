/** Load shapes as k6 scenarios. Pure. */
import type { Scenario, Stage } from 'k6/options';
import type { Config } from '../settings/config';
import { isAlways, type Schedule } from './schedule';

/** One k6 scenario's load. */
export interface Load {
  /** The scenario's name. */
  readonly name: string;
  readonly test: string;
  /** Part of the whole load (VUs or rate) that is this scenario's: 0 < share <= 1. */
  readonly share: number;
  /** VUs of this scenario at full load, its share already taken. */
  readonly vus: number;
  readonly schedule: Schedule;
}

/** The name of the scenario that does nothing, and only ends with the run. */
export const WAITING = 'waiting';

/** What k6 calls the scenario that its own options (--vus, --iterations …) put in the place of a script's. */
export const OVERRIDE = 'default';

/** How much longer than one request's time limit operations under way at the end may take before k6 breaks them off. */
const GRACE_MS = 5_000;

/**
 * Time in which VUs fall to fewer where they would jump. After a jump down, and a climb to fewer than before within
 * `gracefulRampDown`, k6 2.2.0 breaks VUs off when that is over and never starts them again; when it takes them off one by
 * one, it keeps count: https://github.com/grafana/k6/blob/v2.2.0/lib/executor/ramping_vus.go#L313
 */
const SHORTEST_FALL_MS = 1;

/** Whether operations are begun at a rate, whatever the store takes; else each VU goes at its own pace (closed loop). */
export function isOpenLoop(config: Config): boolean {
  return config.rate !== undefined || config.stages?.unit === 'rate';
}

/**
 * The scenario of a load: as many VUs as asked for, each at its own pace (closed loop), or with a rate, operations begun on
 * time whatever the store takes (open loop). Both climb and fall as --ramp and --stages say.
 */
export function scenarioOf(load: Load, config: Config): Scenario {
  const common = { gracefulStop: `${config.timeout + GRACE_MS}ms`, tags: { test: load.test } };
  const scenario = isOpenLoop(config) ? openLoop(load, config) : closedLoop(load, config, common.gracefulStop);
  return { ...scenario, ...common };
}

/**
 * The scenario of `workers` k6 processes together, of which each takes an equal execution segment. k6 divides VUs and rates
 * alike, but rates are asked for in all and VUs for each worker: so there are as many times the VUs, and each worker gets
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
    case 'constant-arrival-rate':
    case 'ramping-arrival-rate': {
      const { preAllocatedVUs, maxVUs = preAllocatedVUs } = scenario;
      return { ...scenario, preAllocatedVUs: preAllocatedVUs * workers, maxVUs: maxVUs * workers };
    }
    default:
      throw new Error(`no scenario here is ${scenario.executor}`);
  }
}

/** Load wanted at `t` milliseconds from the start, all scenarios together: VUs, or operations a second in an open loop. */
export function targetAt(config: Config, t: number): number {
  const line = wholeLoad(config).find(({ start, end }) => start <= t && t < end);
  return line === undefined ? 0 : levelAt(line, t);
}

/** VUs that are there all the time, or as stages have it. The schedule is not in here: the script idles outside its windows. */
function closedLoop(load: Load, config: Config, gracefulRampDown: string): Scenario {
  const { vus } = load;
  if (isConstant(config)) return { executor: 'constant-vus', vus, duration: `${config.duration}ms` };
  // No stage that has VUs may lose this scenario its last one.
  const scaled = (all: number) => (all === 0 ? 0 : Math.max(1, Math.round((all * vus) / config.concurrency)));
  const stages = stagesOf(wholeLoad(config, SHORTEST_FALL_MS), scaled);
  return { executor: 'ramping-vus', startVUs: 0, stages, gracefulRampDown };
}

/**
 * Operations begun at a rate, and none outside the schedule's windows. k6 begins an operation when the time for it is full,
 * so the last of a window begins just after its end, and the scenario ends with its last operation: it waits for no pause.
 */
function openLoop(load: Load, config: Config): Scenario {
  // All VUs from the start: making them in mid-run would take CPU from the load.
  const vus = { preAllocatedVUs: load.vus, maxVUs: load.vus };
  const asked = wholeLoad(config).map(({ to }) => to * load.share);
  const on = joined(load.schedule);
  if (isAlways(on, config.duration) && isConstant(config)) {
    const seconds = timeUnitOf(asked, []);
    const duration = `${config.duration}ms`;
    const rate = wholeRate(asked[0] as number, seconds);
    return { executor: 'constant-arrival-rate', rate, timeUnit: `${seconds}s`, duration, ...vus };
  }
  const lines = within(on, wholeLoad(config)).map((line) => ({
    ...line,
    from: line.from * load.share,
    to: line.to * load.share,
  }));
  const cut = lines.flatMap(({ from, to }) => (from === to ? [] : [from, to]));
  const seconds = timeUnitOf(asked, cut);
  const stages = stagesOf(lines, (rate) => wholeRate(rate, seconds));
  return { executor: 'ramping-arrival-rate', startRate: 0, timeUnit: `${seconds}s`, stages, ...vus };
}

/** A load that goes in a line from one level to another, or stays. Times in milliseconds from the start. */
interface Line {
  readonly start: number;
  readonly end: number;
  readonly from: number;
  readonly to: number;
}

const isConstant = (config: Config) => config.ramp === 0 && config.stages === undefined;

/** The load of all scenarios from start to end, without gaps. No fall takes less than `shortestFall` milliseconds. */
function wholeLoad(config: Config, shortestFall = 0): Line[] {
  const full = config.rate ?? config.concurrency;
  const lines: Line[] = [];
  let start = 0;
  let from = 0;
  for (const { target, ms } of config.stages?.list ?? [{ target: full, ms: config.duration }]) {
    const ramp = target < from ? Math.max(config.ramp, shortestFall) : config.ramp;
    const there = start + (from === target ? 0 : ramp);
    const end = start + ms;
    if (there > start) lines.push({ start, end: there, from, to: target });
    if (end > there) lines.push({ start: there, end, from: target, to: target });
    start = end;
    from = target;
  }
  return lines;
}

/** Exactly `to` at the end, where floating point may miss it by a little. */
function levelAt({ start, end, from, to }: Line, t: number): number {
  return t === end ? to : from + ((to - from) * (t - start)) / (end - start);
}

type Span = Pick<Line, 'start' | 'end'>;

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
function within(spans: readonly Span[], lines: readonly Line[]): Line[] {
  const cut: Line[] = [];
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
function stagesOf(lines: readonly Line[], whole: (level: number) => number): Stage[] {
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
