/** What the timeline of a Result says: rates of whole intervals, and how they are spread. Pure. */
import { Histogram, TIMELINE_DIGITS } from '../../lib/result/histogram';
import type { TimelinePoint } from '../../lib/result/result';

/** All that happened in one interval. */
export interface Slot {
  /** Milliseconds from the run's start, and how many. */
  readonly t: number;
  readonly ms: number;
  readonly ops: number;
  readonly bytes: number;
  readonly errors: number;
}

/** Points of several operations as one each time, in order. */
export function slotsOf(points: readonly TimelinePoint[]): Slot[] {
  const slots = new Map<number, { t: number; ms: number; ops: number; bytes: number; errors: number }>();
  for (const { t, ms, ops, bytes, errors } of points) {
    const slot = slots.get(t);
    if (slot === undefined) slots.set(t, { t, ms, ops, bytes, errors });
    else {
      slot.ops += ops;
      slot.bytes += bytes;
      slot.errors += errors;
    }
  }
  return [...slots.values()].sort((a, b) => a.t - b.t);
}

/** Those as long as the others: a run's first and last may be shorter, and longer where a rest was added. */
export function whole<T extends { readonly ms: number }>(slots: readonly T[]): T[] {
  const lengths = slots.map(({ ms }) => ms).sort((a, b) => a - b);
  const usual = lengths[Math.floor(lengths.length / 2)] ?? 0;
  return slots.filter(({ ms }) => Math.abs(ms - usual) <= usual * 0.1);
}

/** Of a rate, per second, over intervals of equal length. */
export interface Spread {
  readonly intervalMs: number;
  readonly intervals: number;
  readonly slowest: number;
  readonly p25: number;
  readonly median: number;
  readonly p75: number;
  readonly fastest: number;
}

/** How the rates of whole intervals are spread; undefined of fewer than three. */
export function spreadOf(slots: readonly Slot[], of: (slot: Slot) => number): Spread | undefined {
  const all = whole(slots);
  const rates = all.map((slot) => of(slot) / (slot.ms / 1000)).sort((a, b) => a - b);
  if (rates.length < 3) return undefined;
  const at = (share: number) => {
    const rank = share * (rates.length - 1);
    const [low, high] = [rates[Math.floor(rank)] as number, rates[Math.ceil(rank)] as number];
    return low + (high - low) * (rank - Math.floor(rank));
  };
  const intervalMs = all[0]?.ms ?? 0;
  return {
    intervalMs,
    intervals: rates.length,
    slowest: at(0),
    p25: at(0.25),
    median: at(0.5),
    p75: at(0.75),
    fastest: at(1),
  };
}

/** Percentiles, in milliseconds, of what several points counted; undefined where there are no histograms. */
export function percentilesOf(points: readonly TimelinePoint[], percents: readonly number[]): number[] | undefined {
  const sum = new Histogram(TIMELINE_DIGITS);
  for (const { histogram } of points) if (histogram !== undefined) sum.addEncoded(histogram);
  return sum.count === 0 ? undefined : percents.map((p) => sum.percentile(p) / 1000);
}
