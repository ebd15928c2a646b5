/** Figures of a run while it goes on, out of the intervals that its k6 processes tell of. Pure. */
import type { Stats } from './final';
import { DIGITS, Histogram } from './histogram';
import type { Interval } from './interval';

const US_PER_MS = 1000;

/** The percentiles of the original's STATS line. */
const SHOWN = [50, 95, 99];

/** What one operation of one test did. */
interface Counts {
  readonly test: string;
  readonly op: string;
  /** Since the run's start. */
  readonly total: { ops: number; errors: number };
  ops: number;
  bytes: number;
  objects: number;
  latency: Histogram;
}

/** Reads rates and latencies off a stream of intervals: those of what came since it was last read. */
export class Meter {
  private readonly startedAt: number;
  private readonly total = { ops: 0, bytes: 0, errors: 0 };
  private readonly byOp = new Map<string, Counts>();
  private open: number | undefined;
  private readAt: number;
  private until: number;

  /** @param startedAt when the load began, milliseconds since 1970 by the clock of the intervals */
  constructor(startedAt: number) {
    this.startedAt = startedAt;
    this.readAt = startedAt;
    this.until = startedAt;
  }

  /** Milliseconds that intervals were added of since it was last read. */
  get unreadMs(): number {
    return this.until - this.readAt;
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
        counts = { test, op, total: { ops: 0, errors: 0 }, ...nothing() };
        this.byOp.set(name, counts);
      }
      counts.total.ops += ops;
      counts.total.errors += failed;
      counts.ops += ops;
      counts.bytes += bytes;
      counts.objects += objects;
      if (latency !== undefined) counts.latency.addEncoded(latency);
    }
  }

  /** Totals, and what came since this was last called. Of several tests it tells rates instead of latencies. */
  read(tests: readonly string[]): Stats {
    const seconds = Math.max(0.001, this.unreadMs / 1000);
    const counts = [...this.byOp.values()].sort((a, b) => (a.op < b.op ? -1 : 1));
    const several = tests.length > 1;
    const stats: Stats = {
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
    for (const each of counts) Object.assign(each, nothing());
    this.readAt = this.until;
    return stats;
  }
}

const sumOf = (counts: readonly Counts[], test: string) =>
  counts.reduce((sum, each) => (each.test === test ? sum + each.ops : sum), 0);

const nothing = () => ({ ops: 0, bytes: 0, objects: 0, latency: new Histogram(DIGITS) });
const msAt = (latency: Histogram, percent: number) => latency.percentile(percent) / US_PER_MS;

function shown(op: string, latency: Histogram): Stats['latency'][number][] {
  if (latency.count === 0) return [];
  const percentiles = SHOWN.map((p) => [`p${p}`, msAt(latency, p)] as const);
  return [{ op, percentiles: Object.fromEntries(percentiles) }];
}
