/** Figures of a run while it goes on, out of the intervals that its k6 processes tell of. Pure. */
import type { Stats } from './final';
import { DIGITS, Histogram } from './histogram';
import type { Interval } from './interval';

const US_PER_MS = 1000;

/** Less than this before its time, a figure is of that time. */
const SLACK_MS = 500;

/** The percentiles of the original's STATS line. */
const SHOWN = [50, 95, 99];

/** What one operation of one test did. */
interface Counts {
  readonly test: string;
  readonly op: string;
  /** Since the run's start. */
  readonly total: { ops: number; errors: number };
  /** Since the last tick; and from the last STATS to that tick. */
  sinceTick: Recent;
  sinceStats: Recent;
}

interface Recent {
  ops: number;
  bytes: number;
  objects: number;
  readonly latency: Histogram;
}

type Window = 'sinceTick' | 'sinceStats';

/**
 * Reads rates and latencies off a stream of intervals, for two who look at different times: those of what came since each of
 * them looked last. A histogram is decoded once for both.
 */
export class Meter {
  private readonly startedAt: number;
  private readonly total = { ops: 0, bytes: 0, errors: 0 };
  private readonly byOp = new Map<string, Counts>();
  private open: number | undefined;
  private until: number;
  private readonly readAt: Record<Window, number>;

  /** @param startedAt when the load began, milliseconds since 1970 by the clock of the intervals */
  constructor(startedAt: number) {
    this.startedAt = startedAt;
    this.until = startedAt;
    this.readAt = { sinceTick: startedAt, sinceStats: startedAt };
  }

  /** Milliseconds that intervals were added of since the last tick. */
  get tickMs(): number {
    return this.until - this.readAt.sinceTick;
  }

  /** Whether STATS that come every so many milliseconds are due: intervals follow clocks, and may be a little short of it. */
  isDue(everyMs: number): boolean {
    return this.until - this.readAt.sinceStats > everyMs - SLACK_MS;
  }

  /** Of one process or of several at once. `clockOffset` is added to its times, milliseconds. */
  add({ t, ms, series, connections }: Interval, clockOffset = 0): void {
    this.until = Math.max(this.until, t + ms + clockOffset);
    for (const { opened = 0, ended = {} } of connections) {
      const { refused: _, ...closed } = ended;
      this.open = (this.open ?? 0) + opened - Object.values(closed).reduce((sum, n) => sum + n, 0);
    }
    for (const { test, op, ops = 0, bytes = 0, objects = 0, errors = {}, latency } of series) {
      this.total.ops += ops;
      this.total.bytes += bytes;
      const failed = Object.values(errors).reduce((sum, n) => sum + n, 0);
      this.total.errors += failed;
      const name = `${test} ${op}`;
      let counts = this.byOp.get(name);
      if (counts === undefined) {
        counts = { test, op, total: { ops: 0, errors: 0 }, sinceTick: nothing(), sinceStats: nothing() };
        this.byOp.set(name, counts);
      }
      counts.total.ops += ops;
      counts.total.errors += failed;
      const { sinceTick } = counts;
      sinceTick.ops += ops;
      sinceTick.bytes += bytes;
      sinceTick.objects += objects;
      if (latency !== undefined) sinceTick.latency.addEncoded(latency);
    }
  }

  /** Totals, and what came since this was last called. Of several tests it tells rates instead of latencies. */
  tick(tests: readonly string[]): Stats {
    const stats = this.read('sinceTick', tests);
    this.settle();
    return stats;
  }

  /** The same, at times of its own. */
  stats(tests: readonly string[]): Stats {
    this.settle();
    const stats = this.read('sinceStats', tests);
    for (const counts of this.byOp.values()) counts.sinceStats = nothing();
    this.readAt.sinceStats = this.until;
    return stats;
  }

  /** What was since the tick is so no more, and still is since the STATS. */
  private settle(): void {
    for (const { sinceTick, sinceStats } of this.byOp.values()) {
      for (const name of ['ops', 'bytes', 'objects'] as const) sinceStats[name] += sinceTick[name];
      sinceStats.latency.add(sinceTick.latency);
    }
    for (const counts of this.byOp.values()) counts.sinceTick = nothing();
    this.readAt.sinceTick = this.until;
  }

  private read(window: Window, tests: readonly string[]): Stats {
    const seconds = Math.max(0.001, (this.until - this.readAt[window]) / 1000);
    const counts = [...this.byOp.values()]
      .sort((a, b) => (a.op < b.op ? -1 : 1))
      .map(({ test, op, total, [window]: recent }) => ({ test, op, total, ...recent }));
    const several = tests.length > 1;
    return {
      ...this.total,
      opsPerSecond: counts.reduce((sum, { ops }) => sum + ops, 0) / seconds,
      bytesPerSecond: counts.reduce((sum, { bytes }) => sum + bytes, 0) / seconds,
      elapsedMs: this.until - this.startedAt,
      ...(this.open === undefined ? {} : { open: this.open }),
      latency: several ? [] : counts.flatMap(({ op, latency }) => shown(op, latency)),
      operations: counts.map((each) => ({
        test: each.test,
        op: each.op,
        ...each.total,
        opsPerSecond: each.ops / seconds,
        bytesPerSecond: each.bytes / seconds,
        ...(each.latency.count > 0 ? { p50: msAt(each.latency, 50), p99: msAt(each.latency, 99) } : {}),
      })),
      objects: counts.flatMap(({ test, op, objects }) =>
        objects > 0 ? [{ op: several ? `${test} ${op}` : op, perSecond: objects / seconds }] : [],
      ),
      tests: several ? tests.map((test) => ({ test, opsPerSecond: sumOf(counts, test) / seconds })) : [],
    };
  }
}

const sumOf = (counts: ReadonlyArray<{ test: string; ops: number }>, test: string) =>
  counts.reduce((sum, each) => (each.test === test ? sum + each.ops : sum), 0);

const nothing = (): Recent => ({ ops: 0, bytes: 0, objects: 0, latency: new Histogram(DIGITS) });
const msAt = (latency: Histogram, percent: number) => latency.percentile(percent) / US_PER_MS;

function shown(op: string, latency: Histogram): Stats['latency'][number][] {
  if (latency.count === 0) return [];
  const percentiles = SHOWN.map((p) => [`p${p}`, msAt(latency, p)] as const);
  return [{ op, percentiles: Object.fromEntries(percentiles) }];
}
