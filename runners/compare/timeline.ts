/** What the timelines of several runs of the same load tell of chance within them. Pure. */
import { percentile } from '../../lib/result/distribution';
import { decodeHistogram, type Histogram } from '../../lib/result/histogram';
import {
  errorCount,
  measuredMs,
  measuredPoints,
  type Result,
  type TimelinePoint,
  type Total,
} from '../../lib/result/result';
import { blocksFor, designEffect, inBlocks, type Share, type Variance, varianceOfMean } from './statistics';

const US_PER_MS = 1000;

/** What is counted, and makes a rate. */
export type Counted = 'ops' | 'bytes' | 'objects';

/** One operation of one test in several runs, whose timelines are cut into the same blocks of time. */
export class OpInTime {
  private readonly points: ReadonlyArray<readonly TimelinePoint[]>;
  private readonly totals: ReadonlyArray<Total | undefined>;
  private readonly end: number;
  private readonly blocks: number;
  private readonly rates = new Map<Counted, Variance | undefined>();
  private readonly effects = new Map<number, Variance | undefined>();
  private histograms: ReadonlyArray<ReadonlyArray<Histogram | undefined>> | undefined;

  constructor(runs: readonly Result[], test: string, op: string) {
    const own = (x: { readonly test: string; readonly op: string }) => x.test === test && x.op === op;
    this.end = Math.min(...runs.map(({ run }) => measuredMs(run)));
    this.points = runs.map(({ run, timeline }) => {
      const points = measuredPoints(run, timeline).filter(own);
      const from = run.warmup?.ms ?? 0;
      return points.map((point) => ({ ...point, t: point.t - from })).filter(({ t }) => t < this.end);
    });
    this.totals = runs.map(({ totals }) => totals.find(own));
    this.blocks = blocksFor(Math.min(...this.points.map((points) => points.length)));
  }

  /** The variance of the logarithm of a run's rate. Undefined when the runs are too short, or nothing was counted in one. */
  rate(of: Counted): Variance | undefined {
    return kept(this.rates, of, () => this.findRate(of));
  }

  private findRate(of: Counted): Variance | undefined {
    if (this.blocks === 0) return undefined;
    const runs = this.points.map((points) => this.cut(points, (point) => point[of] ?? 0));
    const sums = runs.map(sum);
    if (sums.includes(0)) return undefined;
    // Of a mean of 1 the variance is that of its logarithm.
    return varianceOfMean(runs.map((run, r) => run.map((n) => (n * this.blocks) / (sums[r] as number))));
  }

  /**
   * How many times larger the variance of the share of operations below a percentile is than if their latencies did not
   * depend on one another; with its degrees of freedom. Undefined where the timeline has no histograms.
   */
  latencyEffect(percent: number): Variance | undefined {
    return kept(this.effects, percent, () => this.findLatencyEffect(percent));
  }

  private findLatencyEffect(percent: number): Variance | undefined {
    if (this.blocks === 0) return undefined;
    this.histograms ??= this.points.map((points) =>
      points.map(({ histogram }) => (histogram === undefined ? undefined : decodeHistogram(histogram))),
    );
    const runs: number[][] = [];
    for (const [r, points] of this.points.entries()) {
      const latency = this.totals[r]?.latency;
      const limit = latency && percentile(latency, percent);
      const histograms = this.histograms[r] ?? [];
      if (limit === undefined || histograms.every((histogram) => histogram === undefined)) return undefined;
      const counts = points.map(({ t, ms }, i) => {
        const histogram = histograms[i];
        return { t, ms, of: histogram?.count ?? 0, n: histogram?.countUpTo(limit * US_PER_MS) ?? 0 };
      });
      runs.push(this.inUnitsOfChance(counts));
    }
    const { variance, df } = varianceOfMean(runs);
    return { variance: Math.max(1, variance), df };
  }

  /** How far errors come in clusters, in blocks or in whole runs, in those of the runs; 1 when they do not. */
  errorEffect(from: number, to: number): number {
    const shares = this.points.slice(from, to).map((points): Share[] => {
      const errors = this.cut(points, (point) => point.errors);
      const attempts = this.cut(points, (point) => point.ops + point.errors);
      return errors.map((n, b) => ({ n, of: attempts[b] as number }));
    });
    const whole = this.totals.slice(from, to).map((total): Share => {
      const n = total === undefined ? 0 : errorCount(total);
      return { n, of: (total?.ops ?? 0) + n };
    });
    return Math.max(designEffect(shares.flat()), designEffect(whole));
  }

  private cut<P extends { readonly t: number; readonly ms: number }>(points: readonly P[], of: (point: P) => number) {
    return inBlocks(
      points.map((point) => ({ t: point.t, ms: point.ms, n: of(point) })),
      this.end,
      this.blocks,
    );
  }

  /** What each block adds to the share, times the number of blocks, in units of the share's standard error by chance alone. */
  private inUnitsOfChance(counts: ReadonlyArray<{ t: number; ms: number; n: number; of: number }>): number[] {
    const below = this.cut(counts, ({ n }) => n);
    const all = this.cut(counts, ({ of }) => of);
    const of = sum(all);
    const share = sum(below) / of;
    const error = Math.sqrt((share * (1 - share)) / of);
    return below.map((n, b) => (error > 0 ? (this.blocks * (n - share * (all[b] as number))) / of / error : 0));
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, n) => total + n, 0);
}

function kept<K, V>(known: Map<K, V>, key: K, find: () => V): V {
  if (!known.has(key)) known.set(key, find());
  return known.get(key) as V;
}
