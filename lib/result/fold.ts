/** The intervals that a k6 told of, added up to its Result, without those of a warm-up. Pure. */
import { distributionOf } from './distribution';
import { FigureSum } from './figure-sum';
import { UsageTimeline } from './generator-timeline';
import { DIGITS, Histogram, TIMELINE_DIGITS } from './histogram';
import type { Interval, IntervalConnections, IntervalSeries } from './interval';
import { type Measured, seriesTags } from './metrics';
import { Absences } from './outages';
import {
  type Connections,
  type EndpointSeries,
  errorCount,
  type Figures,
  type Generator,
  type Result,
  type Series,
  type ThresholdResult,
  type Total,
  type Warmup,
} from './result';
import { isSomething, type RunFacts, resultOf } from './run-facts';
import { type Happened, Timeline } from './timeline';

/** A second is what a person can follow. */
const TIMELINE_MS = 1_000;

type Tags = Pick<IntervalSeries, 'test' | 'phase' | 'op' | 'size' | 'endpoint'>;

interface Leaf {
  readonly tags: Tags;
  readonly sum: FigureSum;
}

/** Held connections that are being added up. */
interface Held {
  readonly tags: Pick<Connections, 'test' | 'op' | 'endpoint'>;
  peakOpen: number;
  opened: number;
  readonly ended: Record<string, number>;
  bytesSent: number;
  bytesReceived: number;
  readonly lifetime: Histogram;
}

export class Fold {
  private readonly leaves = new Map<string, Leaf>();
  private readonly held = new Map<string, Held>();
  private readonly timeline = new Timeline(TIMELINE_MS);
  private readonly usage = new UsageTimeline();
  private readonly outages = new Absences();
  private next = 0;
  private endedAt = 0;
  private iterations = 0;
  private droppedIterations = 0;
  private exceptions = 0;
  private readonly traffic = { receivedBytes: 0, sentBytes: 0 };
  private last: Interval | undefined;
  /** When the warm-up is over, milliseconds since 1970; undefined as long as it is not known when the load began. */
  private warmUntil: number | undefined;
  private warmupMs = 0;
  /** What came before that was known. */
  private early: Interval[] = [];
  /** The end of the last interval that was cut, and what was in them. */
  private cutUntil = 0;
  private readonly cut = { ops: 0, bytes: 0, errors: 0 };

  /** Whether the last line has come: k6 ended in order. */
  get complete(): boolean {
    return this.last?.end !== undefined;
  }

  /** The interval that came last. */
  get latest(): Interval | undefined {
    return this.last;
  }

  /** Says when the load began and what is to be cut. Intervals that come before this wait for it: say so early. */
  begin({ run, warmupMs }: RunFacts): void {
    if (this.warmUntil !== undefined) return;
    this.warmupMs = warmupMs;
    this.warmUntil = Date.parse(run.startedAt) + warmupMs;
    for (const interval of this.early.splice(0)) this.count(interval);
  }

  /**
   * Adds an interval. One that has been added before is not added again.
   * @throws Error when lines between it and the one before are missing, or it can't be read
   */
  add(interval: Interval): void {
    if (interval.seq < this.next) return;
    if (interval.seq > this.next)
      throw new Error(`lines ${this.next} to ${interval.seq - 1} of the statistics are missing`);
    this.next++;
    this.last = interval;
    this.endedAt = interval.t + interval.ms;
    const { cpuSeconds, memoryBytes } = interval.generator;
    this.usage.add({ at: this.endedAt, cpuSeconds, memoryBytes });
    // Held connections outlast a warm-up: what was opened and what ended must add up.
    for (const connections of interval.connections) this.addConnections(connections);
    this.outages.add(interval.t, interval.ms, interval.series);
    if (this.warmUntil === undefined) this.early.push(interval);
    else this.count(interval);
  }

  /** Into the figures, or what was cut of them; into the timeline in either case. */
  private count(interval: Interval): void {
    const { t, ms, generator } = interval;
    // With no warm-up nothing is: an interval that setup ended in has the load's first operations.
    const isCut = this.warmupMs > 0 && t < (this.warmUntil ?? 0);
    if (isCut) this.cutUntil = t + ms;
    else {
      this.iterations += generator.iterations;
      this.droppedIterations += generator.droppedIterations;
      this.exceptions += generator.exceptions ?? 0;
      this.traffic.receivedBytes += generator.receivedBytes ?? 0;
      this.traffic.sentBytes += generator.sentBytes ?? 0;
    }
    this.addSeries(interval, isCut);
  }

  /** What a run with these facts came to. One that has no last line is partial, and lasted until what is known of it. */
  result(facts: RunFacts): Result {
    this.begin(facts);
    const startedAt = Date.parse(facts.run.startedAt);
    const endedAt = Math.max(startedAt, this.endedAt);
    const leaves = [...this.leaves.values()];
    const outages = this.outages.list(startedAt);
    const result = resultOf(facts, {
      durationMs: endedAt - startedAt,
      ...(this.warmupMs > 0 ? { warmup: this.warmup(startedAt) } : {}),
      series: inOrder(
        facts.measured,
        by(
          leaves,
          ({ test, phase, op, size }): Omit<Series, keyof Figures> => ({
            test,
            ...(phase === undefined ? {} : { phase }),
            op,
            size,
          }),
        ),
      ),
      totals: inOrder(
        facts.measured,
        by(leaves, ({ test, op }): Omit<Total, keyof Figures> => ({ test, op })),
      ),
      endpoints: inOrder(
        facts.measured,
        by(leaves, ({ test, op, endpoint }): Omit<EndpointSeries, keyof Figures> => ({ test, op, endpoint })),
      ),
      ...(outages.length > 0 ? { outages } : {}),
      connections: inOrder(
        facts.measured,
        [...this.held.values()].map(({ tags, lifetime, ...counts }) => ({
          ...tags,
          ...counts,
          lifetime: distributionOf(lifetime),
        })),
      ),
      timeline: this.timeline.points(startedAt, endedAt),
      thresholds: this.thresholds(),
      iterations: this.iterations,
      droppedIterations: this.droppedIterations,
      exceptions: this.exceptions,
      traffic: { ...this.traffic },
      retries: leaves.reduce((n, { sum }) => n + sum.retries, 0),
    });
    const known = { ...result, generator: { ...result.generator, ...this.used(startedAt) } };
    return this.complete ? known : { ...known, interrupted: true, partial: true };
  }

  /** What k6 told of itself, since the load began. */
  private used(startedAt: number): Partial<Generator> {
    const timeline = this.usage.points(startedAt);
    const ms = timeline.reduce((sum, point) => sum + point.ms, 0);
    if (this.last === undefined || ms === 0) return {};
    const seconds = timeline.reduce((sum, point) => sum + point.cores * point.ms, 0) / 1000;
    return {
      cpu: { seconds, cores: seconds / (ms / 1000) },
      memory: { peakBytes: this.last.generator.peakMemoryBytes },
      timeline,
    };
  }

  private warmup(startedAt: number): Warmup {
    return { ms: Math.max(0, this.cutUntil - startedAt), ...this.cut };
  }

  private thresholds(): readonly ThresholdResult[] {
    return this.last?.end?.thresholds ?? [];
  }

  private addSeries({ t, ms, series }: Interval, isCut: boolean): void {
    const byOp = new Map<string, { happened: Happened; coarse: Histogram }>();
    for (const each of series) {
      const { test, op } = each;
      const name = `${test} ${op}`;
      const { happened, coarse } = byOp.get(name) ?? {
        happened: { test, op, ops: 0, bytes: 0, errors: 0 },
        coarse: new Histogram(TIMELINE_DIGITS),
      };
      const sum = isCut ? new FigureSum() : this.leafOf(each).sum;
      sum.addInterval(each, coarse);
      if (isCut) {
        this.cut.ops += sum.ops;
        this.cut.bytes += sum.bytes;
        this.cut.errors += errorCount(sum);
      }
      byOp.set(name, { happened: withSeries(happened, each), coarse });
    }
    const all = [...byOp.values()].map(({ happened, coarse }) => ({
      ...happened,
      ...(coarse.count > 0 ? { histogram: coarse.encode() } : {}),
    }));
    if (all.length > 0) this.timeline.add(t, ms, all);
  }

  private leafOf({ test, phase, op, size, endpoint }: IntervalSeries): Leaf {
    const name = `${test} ${phase} ${op} ${size} ${endpoint}`;
    let leaf = this.leaves.get(name);
    if (leaf === undefined) {
      leaf = { tags: { test, ...(phase === undefined ? {} : { phase }), op, size, endpoint }, sum: new FigureSum() };
      this.leaves.set(name, leaf);
    }
    return leaf;
  }

  private addConnections(more: IntervalConnections): void {
    const { test, op, endpoint } = more;
    const name = `${test} ${op} ${endpoint}`;
    let held = this.held.get(name);
    if (held === undefined) {
      const tags = { test, op, endpoint };
      const none = { peakOpen: 0, opened: 0, ended: {}, bytesSent: 0, bytesReceived: 0 };
      held = { tags, ...none, lifetime: new Histogram(DIGITS) };
      this.held.set(name, held);
    }
    held.peakOpen = Math.max(held.peakOpen, more.open);
    held.opened += more.opened ?? 0;
    held.bytesSent += more.bytesSent ?? 0;
    held.bytesReceived += more.bytesReceived ?? 0;
    for (const [how, n] of Object.entries(more.ended ?? {})) held.ended[how] = (held.ended[how] ?? 0) + n;
    if (more.lifetime !== undefined) held.lifetime.addEncoded(more.lifetime);
  }
}

function withSeries(happened: Happened, more: IntervalSeries): Happened {
  const objects = (happened.objects ?? 0) + (more.objects ?? 0);
  const misses = (happened.misses ?? 0) + (more.misses ?? 0);
  return {
    ...happened,
    ops: happened.ops + (more.ops ?? 0),
    bytes: happened.bytes + (more.bytes ?? 0),
    errors: happened.errors + Object.values(more.errors ?? {}).reduce((sum, n) => sum + n, 0),
    ...(objects > 0 ? { objects } : {}),
    ...(misses > 0 ? { misses } : {}),
  };
}

/** Leaves added up by what `of` makes of their tags; those in which nothing was counted are left out. */
function by<T extends object>(leaves: readonly Leaf[], of: (tags: Tags) => T): Array<T & Figures> {
  const sums = new Map<string, { tags: T; sum: FigureSum }>();
  for (const { tags, sum } of leaves) {
    const own = of(tags);
    const name = JSON.stringify(own);
    const known = sums.get(name) ?? { tags: own, sum: new FigureSum() };
    known.sum.addSum(sum);
    sums.set(name, known);
  }
  return [...sums.values()].map(({ tags, sum }) => ({ ...tags, ...sum.figures() })).filter(isSomething);
}

/** In the order in which tests, phases, operations, sizes and endpoints are measured, as stock k6's Result has them. */
function inOrder<T extends { test: string; phase?: string; op: string; size?: string; endpoint?: string }>(
  measured: readonly Measured[],
  figures: readonly T[],
): T[] {
  const places = new Map<string, number>();
  for (const m of measured) {
    for (const { test, op, size, phase = '' } of seriesTags(m)) {
      for (const endpoint of m.endpoints) {
        // The first place of each, however much of it is asked for.
        for (const name of [
          [test, phase, op, size, ''],
          [test, '', op, '', ''],
          [test, '', op, '', endpoint],
        ]) {
          const key = name.join(' ');
          if (!places.has(key)) places.set(key, places.size);
        }
      }
    }
  }
  const place = ({ test, phase = '', op, size = '', endpoint = '' }: T) =>
    places.get([test, phase, op, size, endpoint].join(' ')) ?? places.size;
  return [...figures].sort((a, b) => place(a) - place(b));
}
