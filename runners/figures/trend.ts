/** Whether throughput was still going somewhere as a run ended. Pure. */
import type { TimelinePoint } from '../../lib/result/result';
import { slotsOf, whole } from './timeline';

export interface Trend {
  /** What it changed by from the first to the last, relative to its mean: 0.2 is 20% more. */
  readonly change: number;
  /** Milliseconds it was looked at over. */
  readonly overMs: number;
}

/** Of the time after a climb: the start, which fills caches and connections, is left out. */
const LOOKED_AT = 0.6;
/**
 * Blocks that the time is cut into, by how many intervals it takes: the more, the less of a trend is seen. `significant` is
 * Student's t, of two degrees of freedom fewer, that chance exceeds once in a thousand times.
 */
const CUTS = [
  { intervals: 40, blocks: 20, significant: 3.92 },
  { intervals: 10, blocks: 10, significant: 5.04 },
];

/**
 * A straight line through the rates of blocks of equal length; undefined where there are too few intervals, or chance may have drawn it.
 * @param rampMs how long the load climbed at the start, milliseconds
 */
export function trendOf(timeline: readonly TimelinePoint[], rampMs: number): Trend | undefined {
  const slots = whole(slotsOf(timeline).filter(({ t }) => t >= rampMs));
  const all = slots.slice(Math.floor(slots.length * (1 - LOOKED_AT)));
  const cut = CUTS.find(({ intervals }) => all.length >= intervals);
  if (cut === undefined) return undefined;
  const { blocks, significant } = cut;
  const size = Math.floor(all.length / blocks);
  const used = all.slice(all.length - size * blocks);
  const rates = Array.from({ length: blocks }, (_, i) => {
    const block = used.slice(i * size, (i + 1) * size);
    return block.reduce((n, { ops }) => n + ops, 0) / (block.reduce((n, { ms }) => n + ms, 0) / 1000);
  });
  const mean = rates.reduce((a, b) => a + b, 0) / blocks;
  if (mean === 0) return undefined;
  const middle = (blocks - 1) / 2;
  const spread = rates.reduce((sum, _, i) => sum + (i - middle) ** 2, 0);
  const slope = rates.reduce((sum, rate, i) => sum + (i - middle) * (rate - mean), 0) / spread;
  const residual = rates.reduce((sum, rate, i) => sum + (rate - mean - slope * (i - middle)) ** 2, 0);
  const error = Math.sqrt(residual / (blocks - 2) / spread);
  if (Math.abs(slope) < significant * error) return undefined;
  return { change: (slope * (blocks - 1)) / mean, overMs: used.reduce((n, { ms }) => n + ms, 0) };
}
