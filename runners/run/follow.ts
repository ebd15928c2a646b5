/** Follows a running k6 through its REST API: running counts once a second, latencies when they are wanted. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stats } from '../../lib/result/final';
import { liveMetrics, type Measured, totalTags } from '../../lib/result/metrics';
import { errorCount, type TimelinePoint, type Total } from '../../lib/result/result';
import { COMMANDS } from '../../lib/s3/commands';

const INTERVAL_MS = 1_000;
/** A k6 that takes longer to answer is busier with its load than a look is worth. */
const LOOK_MS = 5_000;

/** The operation that a request of this op completes: k6 sees a multipart upload's calls, its caller a PUT. */
const countedAs = (op: string): string => COMMANDS.get(op)?.completes ?? op;
/** Whether a request is no operation, and completes none. */
const isPart = (op: string): boolean => COMMANDS.get(countedAs(op))?.counts === 'part';

/** Running counts of one operation of one test. */
interface Counts {
  readonly test: string;
  readonly op: string;
  ops: number;
  bytes: number;
  errors: number;
  objects: number;
  misses: number;
}

const COUNTED = ['ops', 'bytes', 'errors', 'objects', 'misses'] as const;

/** Counts of each operation of each test, in the order they were first seen. */
class Tally {
  private readonly all = new Map<string, Counts>();

  of(test: string, op: string): Counts {
    const name = `${test} ${op}`;
    let counts = this.all.get(name);
    if (counts === undefined) {
      counts = { test, op, ops: 0, bytes: 0, errors: 0, objects: 0, misses: 0 };
      this.all.set(name, counts);
    }
    return counts;
  }

  list(): Counts[] {
    return [...this.all.values()].filter((counts) => COUNTED.some((name) => counts[name] > 0));
  }

  total(of: (typeof COUNTED)[number], where: (counts: Counts) => boolean = () => true): number {
    return [...this.all.values()].filter(where).reduce((n, counts) => n + counts[of], 0);
  }

  /** What came since, as points of so many milliseconds: one for each operation that was ever seen. */
  since(before: Tally, t: number, ms: number): TimelinePoint[] {
    return this.list().map((now) => {
      const then = before.of(now.test, now.op);
      const point = { t, ms, test: now.test, op: now.op, ops: now.ops - then.ops };
      const [bytes, errors] = [now.bytes - then.bytes, now.errors - then.errors];
      return {
        ...point,
        bytes,
        errors,
        ...(now.objects > 0 ? { objects: now.objects - then.objects } : {}),
        ...(now.misses > 0 ? { misses: now.misses - then.misses } : {}),
      };
    });
  }
}

export interface Follower {
  /**
   * Ends following; resolves with a point for every operation and second. What happened after the last look is the
   * difference to `totals`, the run's final figures, and ends when the run did, `durationMs` after its start.
   */
  stop(totals: readonly Total[], durationMs: number): Promise<TimelinePoint[]>;
}

/**
 * Follows until stopped. `tick` is called every second, `stats` every `statsMs` milliseconds. Errors of a k6 that does not
 * answer yet, or no more, are not told: its end tells more.
 */
export function follow(
  api: string,
  measured: readonly Measured[],
  statsMs: number,
  on: { tick(stats: Stats): void; stats(stats: Stats): void },
): Follower {
  const began = Date.now();
  const timeline: TimelinePoint[] = [];
  let before = { at: began, tally: new Tally() };
  let atLastStats = before;
  const stopped = new AbortController();

  const poll = async (): Promise<void> => {
    // One for each look: a signal remembers everyone who listened to it.
    const signal = AbortSignal.timeout(LOOK_MS);
    const tally = await readTally(api, measured, signal);
    const now = { at: Date.now(), tally };
    timeline.push(...tally.since(before.tally, before.at - began, now.at - before.at));
    on.tick(statsOf(now, before, began, measured));
    before = now;
    if (now.at - atLastStats.at < statsMs - INTERVAL_MS / 2) return;
    // Of many tests, percentiles would fill lines that nobody reads.
    const latency = measured.length > 1 ? [] : await readLatencies(api, measured, signal);
    on.stats({ ...statsOf(now, atLastStats, began, measured), latency });
    atLastStats = now;
  };

  const loop = (async () => {
    while (!stopped.signal.aborted) {
      const next = before.at + INTERVAL_MS;
      await sleep(Math.max(50, next - Date.now()), undefined, { signal: stopped.signal }).catch(() => {});
      if (!stopped.signal.aborted) await poll().catch(() => {});
    }
  })();
  return {
    stop: async (totals, durationMs) => {
      stopped.abort();
      await loop;
      const t = before.at - began;
      return [
        ...timeline,
        ...tallyOf(totals)
          .since(before.tally, t, Math.max(1, durationMs - t))
          .filter(isSomething),
      ];
    },
  };
}

const isSomething = (point: TimelinePoint) => COUNTED.some((name) => (point[name] ?? 0) > 0);

/** A run's final figures, counted as running ones are. */
function tallyOf(totals: readonly Total[]): Tally {
  const tally = new Tally();
  for (const total of totals) {
    const counts = tally.of(total.test, countedAs(total.op));
    counts.ops += total.ops;
    counts.bytes += total.bytes;
    counts.errors += errorCount(total);
    counts.objects += total.objects ?? 0;
    counts.misses += total.misses ?? 0;
  }
  return tally;
}

interface Look {
  readonly at: number;
  readonly tally: Tally;
}

function statsOf(now: Look, before: Look, began: number, measured: readonly Measured[]): Stats {
  const seconds = Math.max(0.001, (now.at - before.at) / 1000);
  const rate = (of: (typeof COUNTED)[number], where?: (counts: Counts) => boolean) =>
    (now.tally.total(of, where) - before.tally.total(of, where)) / seconds;
  const listed = [...new Set(now.tally.list().flatMap(({ op, objects }) => (objects > 0 ? [op] : [])))];
  return {
    ops: now.tally.total('ops'),
    bytes: now.tally.total('bytes'),
    errors: now.tally.total('errors'),
    opsPerSecond: rate('ops'),
    bytesPerSecond: rate('bytes'),
    elapsedMs: now.at - began,
    latency: [],
    operations: [],
    objects: listed.map((op) => ({ op, perSecond: rate('objects', (counts) => counts.op === op) })),
    tests:
      measured.length > 1
        ? measured.map(({ test }) => ({ test, opsPerSecond: rate('ops', (counts) => counts.test === test) }))
        : [],
  };
}

async function readTally(api: string, measured: readonly Measured[], signal: AbortSignal): Promise<Tally> {
  const tally = new Tally();
  const read = async (metric: string | undefined) =>
    metric === undefined ? 0 : ((await readSample(api, metric, signal))?.count ?? 0);
  const all = measured.flatMap((m) =>
    totalTags(m).map(async (tags) => {
      const names = liveMetrics(tags, m.missesExpected);
      const counts = tally.of(tags.test, countedAs(tags.op));
      const [ops, errors, bytes, objects, misses] = await Promise.all(
        [names.ops, names.errors, names.bytes, names.objects, names.misses].map(read),
      );
      if (!isPart(tags.op)) counts.ops += ops ?? 0;
      counts.errors += errors ?? 0;
      counts.bytes += bytes ?? 0;
      counts.objects += objects ?? 0;
      counts.misses += misses ?? 0;
    }),
  );
  await Promise.all(all);
  return tally;
}

/** Latencies since the run's start. k6's REST API gives these percentiles and no others. */
async function readLatencies(
  api: string,
  measured: readonly Measured[],
  signal: AbortSignal,
): Promise<Stats['latency']> {
  const all = measured.flatMap((m) =>
    totalTags(m).map(async (tags) => {
      const sample = await readSample(api, liveMetrics(tags, m.missesExpected).latency, signal);
      if (sample === undefined || (sample.max ?? 0) === 0) return [];
      const { med = 0, 'p(90)': p90 = 0, 'p(95)': p95 = 0 } = sample;
      return [{ op: tags.op, percentiles: { p50: med, p90, p95 } }];
    }),
  );
  return (await Promise.all(all)).flat();
}

/** A metric's values, or undefined while nothing was measured. */
async function readSample(
  api: string,
  metric: string,
  signal: AbortSignal,
): Promise<Record<string, number> | undefined> {
  const response = await fetch(`http://${api}/v1/metrics/${encodeURIComponent(metric)}`, { signal });
  const body = (await response.json()) as { data?: { attributes?: { sample?: Record<string, number> } } };
  return response.ok ? body.data?.attributes?.sample : undefined;
}
