/** When loads of a workload file begin and end, as far as the file says it. Pure. */
import { settings } from '../../settings/config';
import { parseDuration } from '../../settings/units';
import type { FileLoad, FileShape } from './document';

/** Milliseconds of a text that is a duration; 0 of none. */
export const milliseconds = (text: string | undefined): number => parseDuration(text ?? '') ?? 0;

/** Milliseconds that a load takes by itself; undefined where it takes what the run does. */
export function lengthOf({ stages, duration }: FileShape): number | undefined {
  if (duration !== undefined) return milliseconds(duration);
  return settings.stages.parse(stages ?? '')?.list.reduce((sum, stage) => sum + stage.ms, 0);
}

/** Milliseconds of the shortest part of a load at one level: no ramp may be longer. */
export function shortestOf(shape: FileShape): number | undefined {
  const stages = settings.stages.parse(shape.stages ?? '')?.list;
  return stages === undefined ? lengthOf(shape) : Math.min(...stages.map(({ ms }) => ms));
}

/** When load number i begins; undefined where the one before it takes what the run does. */
export function startOf(i: number, loads: readonly FileLoad[]): number | undefined {
  const after = loads[i]?.after;
  // Only a load above: a file that is not checked yet may go round in a circle.
  const before = after === undefined ? -1 : loads.slice(0, i).findIndex(({ name }) => name === after);
  return before < 0 ? 0 : endOf(before, loads);
}

/** When load number i ends; undefined where the run ends it. */
export function endOf(i: number, loads: readonly FileLoad[]): number | undefined {
  const [start, length] = [startOf(i, loads), lengthOf(loads[i] as FileLoad)];
  return start === undefined || length === undefined ? undefined : start + length;
}

/** The time of the run, where its loads say it. */
export function durationText(loads: readonly FileLoad[] = []): string | undefined {
  const ends = loads.map((_, i) => endOf(i, loads));
  const known = ends.flatMap((end) => end ?? []);
  return known.length === 0 || known.length < ends.length ? undefined : `${Math.max(...known)}ms`;
}
