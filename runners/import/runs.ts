/** When COSBench's works are on, and how much: as loads of a workload file have it. Pure. */
import { formatDuration, parseDuration } from '../../lib/settings/units';
import type { FileShape } from '../../lib/workload/file/document';
import type { CosbenchWorkload, Leftover, Work, WorkStage } from './cosbench';
import { namesOf } from './names';

/** A work that becomes a load, and when it begins. */
export interface WorkRun {
  readonly name: string;
  readonly stage: WorkStage;
  readonly work: Work;
  /** Seconds that nothing happens before it. */
  readonly pause: number;
  /** Index of the one that must have ended. */
  readonly after: number | undefined;
}

/** Seconds for works that end with a number of operations or bytes, which no load does. */
const CHOSEN_SECONDS = 300;
export const LONGEST_SECONDS = 366 * 86_400;

export const isNormal = ({ type }: Work): boolean => type === 'normal';
/** Seconds of its load. Without a runtime COSBench has no time before it either. */
const climbOf = ({ runtime, rampup }: Work): number => (runtime > 0 ? rampup : 0);
const secondsOf = (work: Work): number => climbOf(work) + (work.runtime || CHOSEN_SECONDS);

/** Stages one after the other, with what lies between them. */
export function inSequence({ stages }: CosbenchWorkload): { runs: WorkRun[]; notes: Leftover[] } {
  const normal = stages.map((stage) => stage.works.filter(isNormal));
  const names = namesOf(
    stages.flatMap(({ name }, i) => (normal[i] as Work[]).map((work) => nameParts(name, work, normal[i] as Work[]))),
    'load',
  );
  const runs: WorkRun[] = [];
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

/** Seconds from the start of the first to the end of this one. */
export function endOf({ work, pause, after }: WorkRun, runs: readonly WorkRun[]): number {
  const before = after === undefined ? undefined : runs[after];
  return (before === undefined ? 0 : endOf(before, runs)) + pause + secondsOf(work);
}

/** A text that is exact: formatDuration has two units at the most. */
export function timeText(seconds: number): string {
  const text = formatDuration(seconds * 1000);
  return parseDuration(text) === seconds * 1000 ? text : `${seconds}s`;
}

/** `0:1m,8:5m` where nothing happens first. */
export function shapeOf(work: Work, pause: number): FileShape {
  const { workers } = work;
  const climb = climbs(work, pause) ? climbOf(work) : 0;
  const length = secondsOf(work);
  const ramp = climb > 0 ? { ramp: timeText(climb) } : {};
  if (pause > 0) return { stages: `0:${timeText(pause)},${workers}:${timeText(length)}`, ...ramp };
  return { vus: workers, duration: timeText(length), ...ramp };
}

/** No stage may be shorter than the ramp. */
const climbs = (work: Work, pause: number): boolean => pause === 0 || climbOf(work) <= pause;

export function rampLeftovers(work: Work, pause: number): Leftover[] {
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

export function limitLeftovers({ at, runtime, totalOps, totalBytes }: Work): Leftover[] {
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

/** Seconds at the start that figures leave out: as COSBench's do, where all works that begin then have as many. */
export function warmupOf(runs: readonly WorkRun[]): { warmup: number; notes: Leftover[] } {
  const first = runs.filter(({ after }) => after === undefined).map(({ work }) => climbOf(work));
  const warmup = first.every((seconds) => seconds === first[0]) ? (first[0] ?? 0) : 0;
  const later = runs.find(({ work, after }) => climbOf(work) > 0 && (after !== undefined || warmup === 0));
  if (later === undefined) return { warmup, notes: [] };
  const says = 'figures of a load that climbs later than at the start, or not with all others, have its climb in them';
  return { warmup, notes: [{ at: later.work.at, says }] };
}
