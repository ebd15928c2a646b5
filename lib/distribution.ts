/**
 * How latencies are distributed, in a form that merges. On stock k6 that is a dense, tail-weighted set of quantiles: k6's
 * summary gives any number of them, but neither samples nor a histogram. Pure.
 */

/**
 * The quantiles kept, in percent: steps of 0.5 up to 99, of 0.1 up to 99.9, of 0.01 up to 99.99, of 0.001 up to 99.999.
 * Merging interpolates between two neighbours, so a merged percentile's rank is off by less than one step where it lies.
 */
export const QUANTILES: readonly number[] = [
  ...steps(0.5, 99, 0.5),
  ...steps(99.1, 99.9, 0.1),
  ...steps(99.91, 99.99, 0.01),
  ...steps(99.991, 99.999, 0.001),
];

/** A distribution of milliseconds. `values` are the latencies at `QUANTILES`, in that order. */
export interface Distribution {
  readonly kind: 'quantiles';
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly values: readonly number[];
}

function steps(from: number, to: number, by: number): number[] {
  const n = Math.round((to - from) / by);
  return Array.from({ length: n + 1 }, (_, i) => Number((from + i * by).toFixed(3)));
}

/** The latency, in milliseconds, that `percent` of the operations did not exceed; undefined when there were none. */
export function percentile(d: Distribution, percent: number): number | undefined {
  if (d.count === 0) return undefined;
  let [lowRank, low] = [0, d.min];
  for (let i = 0; i < QUANTILES.length; i++) {
    const [rank, value] = [QUANTILES[i] as number, d.values[i] as number];
    if (rank >= percent) return between(percent, lowRank, low, rank, value);
    [lowRank, low] = [rank, value];
  }
  return between(percent, lowRank, low, 100, d.max);
}

function between(x: number, x0: number, y0: number, x1: number, y1: number): number {
  return x1 === x0 ? y1 : y0 + ((y1 - y0) * (x - x0)) / (x1 - x0);
}

/** The share, in percent, of the operations that took `ms` at most. */
function shareUpTo(d: Distribution, ms: number): number {
  if (ms < d.min) return 0;
  if (ms >= d.max) return 100;
  // The last quantile not above ms; equal neighbours are a flat stretch, all of which counts.
  let [low, high] = [-1, d.values.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((d.values[middle] as number) <= ms) low = middle;
    else high = middle;
  }
  const [rank0, value0] = low < 0 ? [0, d.min] : [QUANTILES[low] as number, d.values[low] as number];
  const [rank1, value1] =
    high >= d.values.length ? [100, d.max] : [QUANTILES[high] as number, d.values[high] as number];
  return between(ms, value0, rank0, value1, rank1);
}

/**
 * One distribution of several, each weighed by its count: their cumulative distributions are added, and the sum is read
 * at `QUANTILES`. Count, minimum, maximum and mean are exact. Undefined when nothing was counted.
 */
export function mergeDistributions(all: readonly (Distribution | undefined)[]): Distribution | undefined {
  const some = all.filter((d): d is Distribution => d !== undefined && d.count > 0);
  const [first] = some;
  if (first === undefined || some.length === 1) return first;
  const count = some.reduce((sum, d) => sum + d.count, 0);
  const min = Math.min(...some.map((d) => d.min));
  const max = Math.max(...some.map((d) => d.max));
  const mean = some.reduce((sum, d) => sum + d.mean * d.count, 0) / count;
  // Between two of these latencies every cumulative distribution is a straight line, and so is their sum.
  const latencies = [...new Set(some.flatMap((d) => [d.min, ...d.values, d.max]))].sort((a, b) => a - b);
  const shares = latencies.map((ms) => some.reduce((sum, d) => sum + shareUpTo(d, ms) * d.count, 0) / count);
  const values: number[] = [];
  let i = 0;
  for (const rank of QUANTILES) {
    while (i < latencies.length - 1 && (shares[i] as number) < rank) i++;
    const value = latencies[i] as number;
    if (i === 0) values.push(value);
    else {
      const [rank0, value0] = [shares[i - 1] as number, latencies[i - 1] as number];
      values.push(between(rank, rank0, value0, shares[i] as number, value));
    }
  }
  return { kind: 'quantiles', count, min, max, mean, values };
}
