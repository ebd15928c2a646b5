/** What a script in scripts/ says of a traffic pattern. */

import type { Traffic } from '../k6/steps/traffic';
import type { Config } from '../settings/config';
import type { Schedule } from './schedule';

export interface Pattern {
  /** As users type it, and as it stands in keys and in the `test` tag. */
  readonly name: string;
  /** Labels of the sizes where `--size` names none; empty for a pattern that is about no objects of its own. */
  readonly sizes: readonly string[];
  /** One k6 scenario each. */
  readonly loads: readonly PatternLoad[];
  /** VUs where nobody says how many, and the pattern wants others than the machine would give it. */
  readonly concurrency?: number;
}

export interface PatternLoad {
  readonly does: Traffic;
  /** Tells it from the pattern's other loads. */
  readonly name?: string;
  /** Its weight where the pattern's VUs and rate are divided among its loads. Default 1. */
  readonly share?: number;
  /** When it is on; else from start to end. */
  readonly when?: (config: Config) => Schedule;
}

/** What tells patterns that run together from others. */
export function nameOf(patterns: readonly Pattern[]): string {
  return patterns.map(({ name }) => name).join(', ');
}

/** The name of a load's k6 scenario. */
export function loadName(pattern: Pattern, load: PatternLoad): string {
  return load.name === undefined ? pattern.name : `${pattern.name}-${load.name}`;
}
