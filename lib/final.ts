/** The original's STATS and FINAL lines, from figures. Pure: returns text. */
import { percentile } from './distribution';
import { errorCount, type Result, sum, type Total } from './result';
import { formatBytes, formatCount, formatDuration, formatLatency } from './units';

const PERCENTILES = [50, 95, 99];

/** What is known of a run while it runs: totals so far, and rates over the last interval. */
export interface Stats {
  readonly ops: number;
  readonly bytes: number;
  readonly errors: number;
  readonly opsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly elapsedMs: number;
  /** Milliseconds by op and percentile's name, as k6 tells them while it runs. */
  readonly latency: ReadonlyArray<{ readonly op: string; readonly percentiles: Readonly<Record<string, number>> }>;
}

/** `STATS: ops=42,691 (1,423/s), bytes=2.1GB (71.2MB/s), errors=0, elapsed=30s | GET p50=3.0ms p90=9.1ms p95=18ms`. */
export function statsLine(stats: Stats): string {
  const ops = `ops=${formatCount(stats.ops)} (${formatCount(stats.opsPerSecond)}/s)`;
  const bytes = `bytes=${formatBytes(stats.bytes)} (${formatBytes(stats.bytesPerSecond)}/s)`;
  const figures = `STATS: ${ops}, ${bytes}, errors=${formatCount(stats.errors)}, elapsed=${formatDuration(stats.elapsedMs)}`;
  const latency = stats.latency.map(({ op, percentiles }) => {
    const shown = Object.entries(percentiles).map(([name, ms]) => `${name}=${formatLatency(ms)}`);
    return `${op} ${shown.join(' ')}`;
  });
  return [figures, ...latency].join(' | ');
}

/**
 * The FINAL lines: operations, bytes, errors and time, then latency by operation, errors by class, thresholds and, where
 * there is reason, what makes the figures less than they seem.
 */
export function finalText(result: Result): string {
  const { ops, bytes, errors } = sum(result.totals);
  const seconds = result.run.durationMs / 1000;
  const rate = seconds > 0 ? ops / seconds : 0;
  const head = `FINAL: ops=${formatCount(ops)} (${formatCount(rate)}/s), bytes=${formatBytes(bytes)}`;
  const lines = [
    `${head}, errors=${formatCount(errors)}, elapsed=${formatDuration(result.run.durationMs)}${result.interrupted ? ' (interrupted)' : ''}`,
    ...latencyLine(result),
    ...errorLine(result),
    ...result.thresholds.filter((t) => !t.ok).map((t) => `  Threshold failed: ${t.metric} ${t.expr}`),
    ...result.warnings.map((w) => `  Warning: ${w.message}: ${w.remedy}`),
  ];
  return lines.join('\n');
}

/** What a total is of: the operation, and the test where there are several. */
function nameOf(total: Total, { run }: Result): string {
  return run.tests.length > 1 ? `${total.test} ${total.op}` : total.op;
}

function latencyLine(result: Result): string[] {
  const byOp = result.totals.flatMap((total) => {
    const { latency } = total;
    if (!latency) return [];
    const shown = PERCENTILES.map((p) => `p${p}=${formatLatency(percentile(latency, p) ?? 0)}`);
    return [`${nameOf(total, result)} ${shown.join(' ')}`];
  });
  return byOp.length > 0 ? [`  Latency: ${byOp.join(' | ')}`] : [];
}

function errorLine(result: Result): string[] {
  const failed = result.totals.filter((total) => errorCount(total) > 0);
  const byOp = failed.map((total) => {
    const classes = Object.entries(total.errors).map(([name, n]) => `${name}=${formatCount(n)}`);
    return `${nameOf(total, result)} ${classes.join(' ')}`;
  });
  const retries = result.generator.retries > 0 ? ` (retries=${formatCount(result.generator.retries)})` : '';
  const samples = result.errorSamples.map((sample) => `    ${sample.class}: ${sample.op} ${sample.message}`);
  return byOp.length > 0 ? [`  Errors: ${byOp.join(' | ')}${retries}`, ...samples] : [];
}
