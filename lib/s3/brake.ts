/** What keeps a VU of a closed loop from failing as fast as it can: what extension/request/brake.go is to the native engine. */

import { OUT_AFTER } from './outage';
import type { Outcome } from './outcome';

/** The shortest and the longest time from the begin of an operation that got no answer to the end of the pause after it, in milliseconds. */
const FIRST_MS = 10;
const LONGEST_MS = 1_000;

export interface Brake {
  /**
   * Milliseconds to wait after an operation that began then, before the VU goes on: 0 but after the third in a row that got no
   * answer at all. Whatever a store answers, and however fast, is what its load is to measure.
   */
  pauseAfter(outcome: Pick<Outcome, 'status' | 'failure'>, began: number): number;
}

/** Of a VU that goes to so many endpoints in turn: while one of them answers, there is no row. */
export function createBrake(
  endpoints: number,
  clock: () => number = Date.now,
  random: () => number = Math.random,
): Brake {
  const free = Math.max(OUT_AFTER, endpoints);
  let row = 0;
  let failedAt = 0;
  return {
    pauseAfter: ({ status, failure }, began) => {
      if (status !== 0) row = 0;
      // A time limit has held the VU up by itself.
      if (status !== 0 || failure === undefined || failure.errorClass === 'timeout') return 0;
      const now = clock();
      // Of several that were under way at once, the first speaks for all.
      if (began >= failedAt) {
        row++;
        failedAt = now;
      }
      if (row < free) return 0;
      const whole = Math.min(LONGEST_MS, FIRST_MS * 2 ** (row - free));
      return Math.max(0, whole / 2 + (whole / 2) * random() - (now - began));
    },
  };
}
