/** Whether a run's throughput has become steady, out of the intervals that its k6 processes tell of. Pure. */
import { STEADY_MS } from '../settings/run';
import type { Interval } from './interval';

/** So many blocks of throughput, the last ones, are to agree. */
const BLOCKS = 6;
/** How long one is, milliseconds. */
const BLOCK_MS = STEADY_MS / BLOCKS;
/** How far a block may be from their mean, and how far all of them may climb or fall: parts of the mean. */
const WITHIN = 0.05;

/**
 * Whether the last blocks of these, operations a second of each, agree: none is further than 5% from their mean, nor do they
 * climb or fall by more, by the line that fits them best.
 */
export function isSteady(rates: readonly number[]): boolean {
  if (rates.length < BLOCKS) return false;
  const last = rates.slice(-BLOCKS);
  const mean = last.reduce((sum, rate) => sum + rate, 0) / BLOCKS;
  if (mean <= 0 || last.some((rate) => Math.abs(rate - mean) > WITHIN * mean)) return false;
  const middle = (BLOCKS - 1) / 2;
  const spread = last.reduce((sum, _, i) => sum + (i - middle) ** 2, 0);
  const slope = last.reduce((sum, rate, i) => sum + (i - middle) * rate, 0) / spread;
  return Math.abs(slope) * (BLOCKS - 1) <= WITHIN * mean;
}

/** Adds up operations by block, of one k6 or of several on a common clock. */
export class Throughput {
  private readonly blocks: number[] = [];
  /** How far each k6 has told, milliseconds since 1970. */
  private readonly until = new Map<string, number>();

  /** @param from when the first block begins: after the warm-up, milliseconds since 1970 */
  constructor(private readonly from: number) {}

  /** Of the k6 that is called so. `clockOffset` is added to its times, milliseconds. */
  add(source: string, { t, ms, series }: Interval, clockOffset = 0): void {
    const [begin, end] = [t + clockOffset, t + clockOffset + ms];
    this.until.set(source, end);
    const ops = series.reduce((sum, each) => sum + (each.ops ?? 0), 0);
    // An interval that lies in two blocks is divided: clocks, and with them intervals, do not keep to blocks.
    const first = Math.max(0, Math.floor((begin - this.from) / BLOCK_MS));
    for (let n = first; this.from + n * BLOCK_MS < end; n++) {
      const [blockBegin, blockEnd] = [this.from + n * BLOCK_MS, this.from + (n + 1) * BLOCK_MS];
      const inside = Math.min(end, blockEnd) - Math.max(begin, blockBegin);
      if (inside > 0) this.blocks[n] = (this.blocks[n] ?? 0) + (ops * inside) / ms;
    }
  }

  /** One that tells no more: blocks are not to wait for it. */
  end(source: string): void {
    this.until.delete(source);
  }

  /** Whether it is steady by now: by the blocks that all of them have told of. */
  get isSteady(): boolean {
    if (this.until.size === 0) return false;
    const known = Math.floor((Math.min(...this.until.values()) - this.from) / BLOCK_MS);
    if (known < BLOCKS) return false;
    return isSteady(Array.from({ length: known }, (_, n) => ((this.blocks[n] ?? 0) * 1000) / BLOCK_MS));
  }
}
