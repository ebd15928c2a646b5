/**
 * How latencies are distributed, in a form that merges: exactly with the project's k6, which counts them in histograms. On
 * stock k6 it is a dense, tail-weighted set of quantiles: its summary gives any number of them, but neither samples nor a
 * histogram. Pure.
 */
import { DIGITS, decodeHistogram, Histogram } from './histogram';

/**
 * The quantiles kept, in percent: steps of 0.5 up to 99, of 0.1 up to 99.9, of 0.01 up to 99.99, of 0.001 up to 99.999.
 * Merging interpolates between two neighbours of each part, so a merged percentile's rank is off by less than the parts' steps
 * where its latency stands in each, weighed by count: one step where it lies when the parts saw the same, and half a percent
 * at the very most. Of few operations, one is a step: that much k6's own quantiles are off.
 */
export const QUANTILES: readonly number[] = [
  ...steps(0.5, 99, 0.5),
  ...steps(99.1, 99.9, 0.1),
  ...steps(99.91, 99.99, 0.01),
  ...steps(99.991, 99.999, 0.001),
];

/** The same with both ends, where a distribution has its minimum and its maximum. */
const RANKS: readonly number[] = [0, ...QUANTILES, 100];

/** A distribution of milliseconds. */
export type Distribution = Quantiles | Hdr;

interface Known {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
}

/** `values` are the latencies at `QUANTILES`, in that order. */
export interface Quantiles extends Known {
  readonly kind: 'quantiles';
  readonly values: readonly number[];
}

/** Minimum, maximum and mean are the histogram's: right to half a bucket, of which one is less than 0.1% wide. */
export interface Hdr extends Known {
  readonly kind: 'hdr';
  /** Of microseconds, as lib/result/histogram.ts encodes it. */
  readonly histogram: string;
}

/** What a histogram of microseconds has counted; undefined when that is nothing. */
export function distributionOf(histogram: Histogram): Hdr | undefined {
  const { count, min, max, mean } = histogram;
  if (count === 0) return undefined;
  const known = { count, min: min / US_PER_MS, max: max / US_PER_MS, mean: Number((mean / US_PER_MS).toPrecision(6)) };
  return { kind: 'hdr', ...known, histogram: histogram.encode() };
}

const US_PER_MS = 1000;

/** Of those that were looked into: a report asks for many percentiles of each. */
const decoded = new WeakMap<Hdr, Histogram>();

function histogramOf(d: Hdr): Histogram {
  let histogram = decoded.get(d);
  if (histogram === undefined) {
    histogram = decodeHistogram(d.histogram);
    decoded.set(d, histogram);
  }
  return histogram;
}

function steps(from: number, to: number, by: number): number[] {
  const n = Math.round((to - from) / by);
  return Array.from({ length: n + 1 }, (_, i) => Number((from + i * by).toFixed(3)));
}

/** The latency, in milliseconds, that `percent` of the operations did not exceed; undefined when there were none. */
export function percentile(d: Distribution, percent: number): number | undefined {
  if (d.count === 0) return undefined;
  if (d.kind === 'hdr') return histogramOf(d).percentile(percent) / US_PER_MS;
  let [lowRank, low] = [0, d.min];
  for (let i = 0; i < QUANTILES.length; i++) {
    const [rank, value] = [QUANTILES[i] as number, d.values[i] as number];
    if (rank >= percent) return between(percent, lowRank, low, rank, value);
    [lowRank, low] = [rank, value];
  }
  return between(percent, lowRank, low, 100, d.max);
}

/** Standard deviation in milliseconds: of quantiles, as if all between two neighbours were evenly spread. */
export function deviation(d: Distribution): number {
  if (d.kind === 'hdr') return histogramOf(d).deviation / US_PER_MS;
  const values = [d.min, ...d.values, d.max].map((ms) => ms - d.mean);
  let sum = 0;
  for (let i = 1; i < values.length; i++) {
    const [a, b] = [values[i - 1] as number, values[i] as number];
    const share = ((RANKS[i] as number) - (RANKS[i - 1] as number)) / 100;
    sum += (share * (a * a + a * b + b * b)) / 3;
  }
  return Math.sqrt(sum);
}

function between(x: number, x0: number, y0: number, x1: number, y1: number): number {
  return x1 === x0 ? y1 : y0 + ((y1 - y0) * (x - x0)) / (x1 - x0);
}

/** By latency: the shares, in percent, of operations that took less, and of those that took it at most. */
interface Shares {
  readonly below: Float64Array;
  readonly upTo: Float64Array;
}

type Point = readonly [share: number, ms: number];

/** Adds a distribution to the shares at these latencies, which rise, by the weight it has among all. */
function addShares(shares: Shares, latencies: readonly number[], d: Quantiles, weight: number): void {
  const values = [d.min, ...d.values, d.max];
  let next = 0; // the first value not below the latency
  for (const [i, ms] of latencies.entries()) {
    while (next < values.length && (values[next] as number) < ms) next++;
    let [below, upTo] = [100, 100];
    if (next < values.length) {
      const [rank, value] = [RANKS[next] as number, values[next] as number];
      below = next === 0 ? 0 : between(ms, values[next - 1] as number, RANKS[next - 1] as number, value, rank);
      // Equal values are a jump: so many operations took the same.
      let last = next;
      while (values[last + 1] === ms) last++;
      upTo = value === ms ? (RANKS[last] as number) : below;
    }
    shares.below[i] = (shares.below[i] as number) + below * weight;
    shares.upTo[i] = (shares.upTo[i] as number) + upTo * weight;
  }
}

/**
 * One distribution of several: exactly of histograms, and of quantiles as near as `QUANTILES` says. Undefined when nothing was
 * counted.
 * @throws Error when they are of different kinds, or histograms of different precision
 */
export function mergeDistributions(all: readonly (Distribution | undefined)[]): Distribution | undefined {
  const some = all.filter((d): d is Distribution => d !== undefined && d.count > 0);
  const [first] = some;
  if (first === undefined || some.length === 1) return first;
  const histograms = some.filter((d) => d.kind === 'hdr');
  if (histograms.length === 0) return mergeQuantiles(some.filter((d) => d.kind === 'quantiles'));
  if (histograms.length < some.length) throw new Error('some latencies are histograms, others quantiles of stock k6');
  const sum = new Histogram(DIGITS);
  for (const { histogram } of histograms) sum.addEncoded(histogram);
  return distributionOf(sum);
}

/**
 * Weighs each by its count: their cumulative distributions are added, and the sum is read at `QUANTILES`. Count, minimum,
 * maximum and mean are exact.
 */
function mergeQuantiles(some: readonly Quantiles[]): Quantiles {
  const count = some.reduce((sum, d) => sum + d.count, 0);
  const min = Math.min(...some.map((d) => d.min));
  const max = Math.max(...some.map((d) => d.max));
  const mean = some.reduce((sum, d) => sum + d.mean * d.count, 0) / count;
  // Between two of these latencies every cumulative distribution is a straight line, and so is their sum; at one it may jump.
  const latencies = [...new Set(some.flatMap((d) => [d.min, ...d.values, d.max]))].sort((a, b) => a - b);
  const shares = { below: new Float64Array(latencies.length), upTo: new Float64Array(latencies.length) };
  for (const d of some) addShares(shares, latencies, d, d.count / count);
  const points = latencies.flatMap((ms, i): Point[] => [
    [shares.below[i] as number, ms],
    [shares.upTo[i] as number, ms],
  ]);
  let i = 0;
  const values = QUANTILES.map((rank) => {
    while (i < points.length - 1 && (points[i] as Point)[0] < rank) i++;
    const [share, ms] = points[i] as Point;
    const [share0, ms0] = points[Math.max(0, i - 1)] as Point;
    return between(rank, share0, ms0, share, ms);
  });
  return { kind: 'quantiles', count, min, max, mean, values };
}
