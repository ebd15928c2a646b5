/** What a report tells of a distribution of latencies. Pure. */
import { type Distribution, deviation, percentile } from '../../lib/result/distribution';

/** In percent. */
export const PERCENTILES = [25, 50, 75, 90, 95, 99, 99.9, 99.99] as const;
export type Percentile = `p${(typeof PERCENTILES)[number]}`;

/** Milliseconds. */
export interface Latency extends Readonly<Record<Percentile, number>> {
  readonly count: number;
  readonly mean: number;
  readonly deviation: number;
  readonly min: number;
  readonly max: number;
}

/** Operations that are to lie beyond a percentile before it says more than chance does. */
const ENOUGH = 10;

export function latencyOf(d: Distribution): Latency {
  const { count, mean, min, max } = d;
  const shown = PERCENTILES.map((p) => [`p${p}`, percentile(d, p) ?? 0] as const);
  const percentiles = Object.fromEntries(shown) as Record<Percentile, number>;
  return { count, mean, deviation: deviation(d), min, ...percentiles, max };
}

/** Whether so many operations are enough for a percentile, in percent. */
export function isEnough(count: number, percent: number): boolean {
  return count * (100 - percent) >= ENOUGH * 100 - 1e-6;
}

/** How many operations a percentile takes. */
export function enoughFor(percent: number): number {
  return Math.ceil((ENOUGH * 100) / (100 - percent) - 1e-6);
}
