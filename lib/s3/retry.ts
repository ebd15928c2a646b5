/** When a failed operation is tried again, whichever engine sends. Pure. */
import { isRetryable } from './classify';
import type { Outcome } from './outcome';

const FIRST_PAUSE = 0.1;
const LONGEST_PAUSE = 30;

/** Seconds to wait before attempt `n` (2 is the first repeat): 0.1 s doubling to 30 s, then half of it at random. */
export function pauseBefore(n: number, random: () => number = Math.random): number {
  const whole = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (n - 2));
  return whole / 2 + (whole / 2) * random();
}

/**
 * Seconds until the next attempt, or undefined when this one is what came of the operation: it was the nth of `attempts`, which go
 * to so many `endpoints` in turn. Where one does not answer, another need not wait for it. With a `delay`, in milliseconds, only a
 * 503 is tried again, after that.
 */
export function nextPause(
  { failure, status }: Outcome,
  n: number,
  attempts: number,
  endpoints: number,
  delay?: number,
): number | undefined {
  if (failure === undefined || n >= attempts || !isRetryable(failure.errorClass)) return undefined;
  if (delay !== undefined) return status === 503 ? delay / 1000 : undefined;
  if (status === 0 && n < endpoints) return 0;
  return pauseBefore(n + 1);
}
