/** How commands end: exit codes, and the cause that each of them stands for. docs/results.md has this table for users. */
import { achieved, type Result } from '../../lib/result/result';

export const EXIT = { ok: 0, failed: 1, usage: 2, regression: 3, threshold: 99 } as const;

/** How a run can end, and the CLI's exit code for it. */
export const EXIT_OF = {
  passed: EXIT.ok,
  /** The load ran as planned, and a threshold failed. */
  'threshold-crossed': EXIT.threshold,
  /** k6, or a check in it, refused a setting or the bucket before any load. */
  refused: EXIT.usage,
  /** No load was sent, for another reason. */
  'not-started': EXIT.failed,
  /** The CLI was told to leave before the end. */
  left: EXIT.failed,
  'no-result': EXIT.failed,
  /** Figures of a worker, or of some time, are missing. */
  partial: EXIT.failed,
  /** A signal ended it before its time. */
  interrupted: EXIT.failed,
  /** Not one operation succeeded. */
  'nothing-achieved': EXIT.failed,
  /** A k6 ended with a code of its own. */
  'k6-failed': EXIT.failed,
  /** The Result, or its report, could not be written. */
  'not-written': EXIT.failed,
  /** Key files still have keys that were deleted. */
  'keys-not-pruned': EXIT.failed,
} as const satisfies Readonly<Record<string, number>>;

export type Cause = keyof typeof EXIT_OF;

/** k6's own exit codes, those that decide something here: go.k6.io/k6/v2/errext/exitcodes. */
export const K6_EXIT = {
  ok: 0,
  threshold: 99,
  badConfiguration: 104,
  signalled: 105,
  aborted: 108,
  badOption: 255,
} as const;

/** Whether k6 ended so because it was given something that can't be run. */
export function isRefusal(exit: number | null | undefined): boolean {
  return exit === K6_EXIT.badConfiguration || exit === K6_EXIT.aborted || exit === K6_EXIT.badOption;
}

/** Why a run with this Result ended. `stopInOrder`: a signal that all figures were kept after is no failure. */
export function causeOf(result: Result | undefined, stopInOrder = false): Cause {
  if (result === undefined) return 'no-result';
  if (result.partial) return 'partial';
  if (result.interrupted && !stopInOrder) return 'interrupted';
  if (!achieved(result)) return 'nothing-achieved';
  const exits = result.workers.map(({ exit }) => exit);
  if (exits.some((exit) => exit !== K6_EXIT.ok && exit !== K6_EXIT.threshold)) return 'k6-failed';
  // k6 does not know of all of them.
  const isCrossed = exits.includes(K6_EXIT.threshold) || result.thresholds.some(({ ok }) => !ok);
  return isCrossed ? 'threshold-crossed' : 'passed';
}

/** The exit code of a k6 that ended by itself with these thresholds. */
export function exitByThresholds({ thresholds }: Pick<Result, 'thresholds'>): number {
  return thresholds.every(({ ok }) => ok) ? K6_EXIT.ok : K6_EXIT.threshold;
}
