/** The original's STATS and FINAL lines, from figures. Pure: returns text. */

import { formatBytes, formatCount, formatDuration, formatLatency } from '../settings/units';
import { type Distribution, mergeDistributions, percentile } from './distribution';
import {
  type Connections,
  errorCount,
  measuredMs,
  type Result,
  readsOf,
  type Series,
  stillOpen,
  sum,
  type Total,
  type Warmup,
} from './result';

const PERCENTILES = [50, 95, 99];

/** What one operation did: totals so far, and rates and latencies, in milliseconds, of the last interval. */
export interface OperationStats {
  readonly test: string;
  readonly op: string;
  readonly ops: number;
  readonly errors: number;
  readonly opsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly p50?: number;
  readonly p99?: number;
}

/** What is known of a run while it runs: totals so far, and rates over the last interval. */
export interface Stats {
  readonly ops: number;
  readonly bytes: number;
  readonly errors: number;
  readonly opsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly elapsedMs: number;
  /** Connections that are open now, where a test holds them open. */
  readonly open?: number;
  /** Milliseconds by op and percentile's name, of the same time; of the whole run where stock k6 tells them. */
  readonly latency: ReadonlyArray<{ readonly op: string; readonly percentiles: Readonly<Record<string, number>> }>;
  /** Each operation of each test; none where only running counts are known. */
  readonly operations: readonly OperationStats[];
  /** Keys listed or deleted a second, by op. */
  readonly objects: ReadonlyArray<{ readonly op: string; readonly perSecond: number }>;
  /** Where several tests run: operations a second of each. */
  readonly tests: ReadonlyArray<{ readonly test: string; readonly opsPerSecond: number }>;
}

/** `STATS: ops=42,691 (1,423/s), bytes=2.1GB (71.2MB/s), errors=0, elapsed=30s | GET p50=3.0ms p90=9.1ms p95=18ms`. */
export function statsLine(stats: Stats): string {
  const ops = `ops=${formatCount(stats.ops)} (${formatCount(stats.opsPerSecond)}/s)`;
  const bytes = `bytes=${formatBytes(stats.bytes)} (${formatBytes(stats.bytesPerSecond)}/s)`;
  const counts = [ops, bytes, `errors=${formatCount(stats.errors)}`];
  if (stats.open !== undefined) counts.push(`open=${formatCount(stats.open)}`);
  const figures = `STATS: ${counts.join(', ')}, elapsed=${formatDuration(stats.elapsedMs)}`;
  const latency = stats.latency.map(({ op, percentiles }) => {
    const shown = Object.entries(percentiles).map(([name, ms]) => `${name}=${formatLatency(ms)}`);
    return `${op} ${shown.join(' ')}`;
  });
  const objects = stats.objects.map(({ op, perSecond }) => `${op} ${formatCount(perSecond)} keys/s`);
  const tests = stats.tests.map(({ test, opsPerSecond }) => `${test} ${formatCount(opsPerSecond)}/s`);
  return [figures, ...latency, ...objects, ...tests].join(' | ');
}

/**
 * The FINAL lines: operations, bytes, errors and time, then what each operation did, errors by class, thresholds and, where
 * there is reason, what makes the figures less than they seem. Several tests are told one after the other.
 */
export function finalText(result: Result): string {
  const { tests, durationMs } = result.run;
  const seconds = measuredMs(result.run) / 1000;
  const head = headline(result.totals, seconds);
  const several = tests.length > 1;
  const lines = [
    `FINAL: ${head}, elapsed=${formatDuration(durationMs)}${endText(result)}`,
    ...warmupLine(result),
    ...tests.flatMap((test) => {
      const totals = result.totals.filter((total) => total.test === test);
      const own = testLines(result, test, totals, seconds);
      return several ? [`  ${test}: ${headline(totals, seconds)}`, ...own.map((line) => `  ${line}`)] : own;
    }),
    ...result.errorSamples.map((sample) => `    ${sample.class}: ${sample.op} ${sample.message}`),
    ...retryLine(result),
    ...result.thresholds.filter((t) => !t.ok).map((t) => `  Threshold failed: ${t.metric} ${t.expr}`),
    ...result.warnings.map((w) => `  Warning: ${w.message}: ${w.remedy}`),
  ];
  return lines.join('\n');
}

function endText({ run, interrupted }: Result): string {
  if (interrupted) return ' (interrupted)';
  if (run.endedBy === 'steady') return ' (steady: stopped)';
  return run.config.untilSteady === true ? ' (never steady)' : '';
}

function warmupLine({ run: { warmup } }: Result): string[] {
  return warmup === undefined ? [] : [`  Warm-up: ${warmupText(warmup)}`];
}

/** `the first 30.4s are cut: 12,345 ops (12.1MB), 0 errors`. */
export function warmupText({ ms, ops, bytes, errors }: Warmup): string {
  const what = `${formatCount(ops)} ops (${formatBytes(bytes)}), ${formatCount(errors)} errors`;
  return `the first ${formatDuration(ms)} are cut: ${what}`;
}

function headline(totals: readonly Total[], seconds: number): string {
  const { ops, bytes, errors, misses } = sum(totals);
  const counts = `ops=${formatCount(ops)} (${formatCount(perSecond(ops, seconds))}/s), bytes=${formatBytes(bytes)}`;
  return `${counts}, errors=${formatCount(errors)}${misses > 0 ? `, misses=${formatCount(misses)}` : ''}`;
}

const perSecond = (n: number, seconds: number) => (seconds > 0 ? n / seconds : 0);

function testLines(result: Result, test: string, totals: readonly Total[], seconds: number): string[] {
  const line = (name: string, of: (total: Total) => string | undefined) => {
    const shown = totals.flatMap((total) => {
      const text = of(total);
      return text === undefined ? [] : [`${total.op} ${text}`];
    });
    return shown.length > 0 ? [`  ${name}: ${shown.join(' | ')}`] : [];
  };
  return [
    ...line('Latency', ({ latency }) => latency && percentiles(latency)),
    ...connectionLines(result.connections.filter((connections) => connections.test === test)),
    ...line('Keys', ({ objects }) =>
      !objects ? undefined : `${formatCount(objects)} (${formatCount(perSecond(objects, seconds))}/s)`,
    ),
    ...sizeTable(
      result.series.filter((series) => series.test === test),
      seconds,
    ),
    ...line('Misses (404: deleted meanwhile, no errors)', ({ misses }) => (misses ? formatCount(misses) : undefined)),
    ...verifiedLine(result, totals),
    ...line('Errors', (total) => {
      const classes = Object.entries(total.errors).map(([name, n]) => `${name}=${formatCount(n)}`);
      return errorCount(total) > 0 ? classes.join(' ') : undefined;
    }),
  ];
}

function verifiedLine({ run }: Result, totals: readonly Total[]): string[] {
  const { reads, verified } = readsOf(totals);
  if (run.config.verify !== true || reads === 0) return [];
  return [`  Verified: ${formatCount(verified)} of ${formatCount(reads)} reads`];
}

/** What became of connections that were held open, by what each of them did. */
function connectionLines(all: readonly Connections[]): string[] {
  const byOp = new Map<string, Connections[]>();
  for (const connections of all) byOp.set(connections.op, [...(byOp.get(connections.op) ?? []), connections]);
  const line = (name: string, of: (own: readonly Connections[]) => string | undefined) => {
    const shown = [...byOp].flatMap(([op, own]) => {
      const text = of(own);
      return text === undefined ? [] : [`${op} ${text}`];
    });
    return shown.length > 0 ? [`  ${name}: ${shown.join(' | ')}`] : [];
  };
  const total = (own: readonly Connections[], of: (connections: Connections) => number) =>
    own.reduce((n, connections) => n + of(connections), 0);
  return [
    ...line('Connections', (own) => {
      const hows = [...new Set(own.flatMap(({ ended }) => Object.keys(ended)))];
      const ended = hows.map((how) => `${how}=${formatCount(total(own, (c) => c.ended[how] ?? 0))}`);
      const open = `${formatCount(total(own, (c) => c.peakOpen))} open at most`;
      const left = total(own, stillOpen);
      const opened = `opened=${formatCount(total(own, (c) => c.opened))}`;
      return [`${open}:`, opened, ...ended, ...(left > 0 ? [`left open=${formatCount(left)}`] : [])].join(' ');
    }),
    ...line('On the wire', (own) => {
      const bytes = (of: (connections: Connections) => number) => formatBytes(total(own, of));
      return `sent=${bytes((c) => c.bytesSent)} received=${bytes((c) => c.bytesReceived)}`;
    }),
    ...line('Lived', (own) => {
      const lifetime = mergeDistributions(own.map((c) => c.lifetime));
      return lifetime && percentiles(lifetime);
    }),
  ];
}

function percentiles(latency: Distribution): string {
  return PERCENTILES.map((p) => `p${p}=${formatLatency(percentile(latency, p) ?? 0)}`).join(' ');
}

/** A line a size, where sizes are all that tells the operations apart. */
function sizeTable(series: readonly Series[], seconds: number): string[] {
  const one = new Set(series.map(({ op, phase }) => `${op} ${phase}`)).size === 1;
  if (!one || series.length < 2) return [];
  const rows = series.map(({ size, ops, bytes, latency }) => [
    size,
    formatCount(ops),
    `${formatBytes(perSecond(bytes, seconds))}/s`,
    latency === undefined ? '' : percentiles(latency),
  ]);
  const widths = [0, 1, 2].map((i) => Math.max(...rows.map((row) => (row[i] ?? '').length)));
  return rows.map((row) =>
    `    ${row.map((cell, i) => (i < 3 ? cell.padStart(widths[i] ?? 0) : cell)).join('  ')}`.trimEnd(),
  );
}

function retryLine({ generator: { retries } }: Result): string[] {
  return retries > 0 ? [`  Retries: ${formatCount(retries)} of these attempts were repeats`] : [];
}
