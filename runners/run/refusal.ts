/** Finds out when a store refuses the credentials of a run altogether, as it does once they have expired. */
import type { Interval } from '../../lib/result/interval';

/** So long must nothing else come back, milliseconds. */
const ALTOGETHER_MS = 5_000;

export class RefusalWatch {
  /** When the refusals began that nothing else has come between; by the common clock. */
  private since: number | undefined;
  private isKnown = false;

  /** @param startedAt when the load began, milliseconds since 1970 by the common clock */
  constructor(private readonly startedAt: number) {}

  /** Adds what a k6 reports. Returns once since when all is refused, milliseconds from the start. */
  add({ t, ms, series }: Interval, clockOffset = 0): number | undefined {
    let [refused, others] = [0, 0];
    for (const { ops = 0, misses = 0, errors = {} } of series) {
      const { auth = 0, ...more } = errors;
      refused += auth;
      others += ops + misses + Object.values(more).reduce((sum, n) => sum + n, 0);
    }
    if (others > 0) this.since = undefined;
    if (others > 0 || refused === 0 || this.isKnown) return undefined;
    this.since ??= t + clockOffset;
    this.isKnown = t + clockOffset + ms - this.since >= ALTOGETHER_MS;
    return this.isKnown ? this.since - this.startedAt : undefined;
  }
}
