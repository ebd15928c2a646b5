/** One mistake in a workload file. Pure. */
import type { Percentages } from './document';

/** Where it stands: the keys that lead there. */
export interface Mistake {
  readonly path: readonly string[];
  /** It is the key that is wrong, not its value. */
  readonly isKey?: true;
  /** The line, out of the place as text and the value there. */
  says(at: string, shown: string): string;
}

export function mistake(path: readonly string[], says: Mistake['says'], isKey = false): Mistake {
  return isKey ? { path, isKey, says } : { path, says };
}

/** Percentages are written with a digit or two behind the point. */
const CLOSE_TO_ALL = 0.01;

/** Percentages that are not all. */
export function sumMistakes(operations: Percentages, path: readonly string[]): Mistake[] {
  const sum = Object.values(operations).reduce((all, percent) => all + percent, 0);
  if (Math.abs(sum - 100) <= CLOSE_TO_ALL) return [];
  return [mistake(path, (at) => `${at} come to ${Number(sum.toFixed(3))}%: make them 100`, true)];
}
