/** Follows a running k6 through its REST API: running counts once a second, latencies when they are wanted. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stats } from '../lib/final';
import { BYTES, type Measured, OP_DURATION, REQUESTS, submetric, totalTags } from '../lib/metrics';
import { errorCount, type TimelinePoint, type Total } from '../lib/result';

const INTERVAL_MS = 1_000;
/** A multipart upload is the caller's PUT; k6 sees its calls, the last of which ends it. */
const COUNTED_AS: Readonly<Record<string, string>> = { COMPLETE_MULTIPART: 'PUT' };
/** Calls that are part of another operation. */
const NOT_COUNTED: ReadonlySet<string> = new Set(['CREATE_MULTIPART', 'UPLOAD_PART', 'ABORT_MULTIPART']);

interface Counts {
  ops: number;
  bytes: number;
  errors: number;
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
  let before: { at: number; counts: Map<string, Counts> } = { at: began, counts: new Map() };
  let atLastStats = { at: began, ops: 0, bytes: 0 };
  const stopped = new AbortController();

  const poll = async (): Promise<void> => {
    const counts = await readCounts(api, measured, stopped.signal);
    const at = Date.now();
    for (const [op, now] of counts) {
      const then = before.counts.get(op) ?? { ops: 0, bytes: 0, errors: 0 };
      const [ops, bytes, errors] = [now.ops - then.ops, now.bytes - then.bytes, now.errors - then.errors];
      timeline.push({ t: before.at - began, ms: at - before.at, op, ops, bytes, errors });
    }
    const stats = statsOf(counts, before, at, began);
    before = { at, counts };
    on.tick(stats);
    if (at - atLastStats.at < statsMs - INTERVAL_MS / 2) return;
    const seconds = (at - atLastStats.at) / 1000;
    on.stats({
      ...stats,
      opsPerSecond: (stats.ops - atLastStats.ops) / seconds,
      bytesPerSecond: (stats.bytes - atLastStats.bytes) / seconds,
      latency: await readLatencies(api, measured, stopped.signal),
    });
    atLastStats = { at, ops: stats.ops, bytes: stats.bytes };
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
      return [...timeline, ...lastPoints(before.counts, totals, t, Math.max(1, durationMs - t))];
    },
  };
}

function lastPoints(seen: Map<string, Counts>, totals: readonly Total[], t: number, ms: number): TimelinePoint[] {
  const points: TimelinePoint[] = [];
  const final = new Map<string, Counts>();
  for (const total of totals) {
    const op = COUNTED_AS[total.op] ?? total.op;
    const sum = final.get(op) ?? { ops: 0, bytes: 0, errors: 0 };
    sum.ops += total.ops;
    sum.bytes += total.bytes;
    sum.errors += errorCount(total);
    final.set(op, sum);
  }
  for (const [op, now] of final) {
    const then = seen.get(op) ?? { ops: 0, bytes: 0, errors: 0 };
    const [ops, bytes, errors] = [now.ops - then.ops, now.bytes - then.bytes, now.errors - then.errors];
    if (ops > 0 || errors > 0) points.push({ t, ms, op, ops, bytes, errors });
  }
  return points;
}

function statsOf(
  counts: Map<string, Counts>,
  before: { at: number; counts: Map<string, Counts> },
  at: number,
  began: number,
) {
  const total = (all: Map<string, Counts>, of: keyof Counts) => [...all.values()].reduce((n, c) => n + c[of], 0);
  const seconds = Math.max(0.001, (at - before.at) / 1000);
  const [ops, bytes] = [total(counts, 'ops'), total(counts, 'bytes')];
  return {
    ops,
    bytes,
    errors: total(counts, 'errors'),
    opsPerSecond: (ops - total(before.counts, 'ops')) / seconds,
    bytesPerSecond: (bytes - total(before.counts, 'bytes')) / seconds,
    elapsedMs: at - began,
    latency: [],
  };
}

async function readCounts(
  api: string,
  measured: readonly Measured[],
  signal: AbortSignal,
): Promise<Map<string, Counts>> {
  const counts = new Map<string, Counts>();
  const all = measured.flatMap(totalTags).map(async (tags) => {
    const [ok, failed, bytes] = await Promise.all([
      readValue(api, submetric(REQUESTS, { ...tags, expected_response: 'true' }), 'count', signal),
      readValue(api, submetric(REQUESTS, { ...tags, expected_response: 'false' }), 'count', signal),
      readValue(api, submetric(BYTES, tags), 'count', signal),
    ]);
    const op = COUNTED_AS[tags.op] ?? tags.op;
    const sum = counts.get(op) ?? { ops: 0, bytes: 0, errors: 0 };
    if (!NOT_COUNTED.has(tags.op)) sum.ops += ok;
    sum.bytes += bytes;
    sum.errors += failed;
    if (sum.ops + sum.errors > 0) counts.set(op, sum);
  });
  await Promise.all(all);
  return counts;
}

/** Latencies since the run's start. k6's REST API gives these percentiles and no others. */
async function readLatencies(
  api: string,
  measured: readonly Measured[],
  signal: AbortSignal,
): Promise<Stats['latency']> {
  const all = measured.flatMap(totalTags).map(async (tags) => {
    const sample = await readSample(api, submetric(OP_DURATION, tags), signal);
    if (sample === undefined || (sample.max ?? 0) === 0) return [];
    const { med = 0, 'p(90)': p90 = 0, 'p(95)': p95 = 0 } = sample;
    return [{ op: tags.op, percentiles: { p50: med, p90, p95 } }];
  });
  return (await Promise.all(all)).flat();
}

async function readValue(api: string, metric: string, of: string, signal: AbortSignal): Promise<number> {
  return (await readSample(api, metric, signal))?.[of] ?? 0;
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
