/** What a run shows on a terminal while it goes on, as lines of text. Pure. */
import type { OperationStats, Stats } from '../../lib/result/final';
import { formatBytes, formatCount, formatDuration, formatLatency } from '../../lib/settings/units';

/** A worker as one looks at it. */
export interface WorkerView {
  readonly id: string;
  readonly host: string;
  /** running, or what else it is. */
  readonly state: string;
  readonly opsPerSecond: number;
  /** Cores in use. */
  readonly cores?: number | undefined;
  readonly memoryBytes?: number | undefined;
}

/** When a run ends: after a time, or with an operation. */
export interface Planned {
  readonly ms: number;
  readonly ops?: number | undefined;
}

export interface LiveView {
  readonly stats: Stats;
  readonly planned: Planned;
  /** Operations a second, of some seconds until now. */
  readonly recent: readonly number[];
  /** Where there are several. */
  readonly workers: readonly WorkerView[];
}

const BAR = 20;
const SPARKS = [...'▁▂▃▄▅▆▇█'];
/** More are not read while they change. */
const MOST_OPERATIONS = 16;
const MOST_WORKERS = 12;

/** How many seconds a sparkline is of. */
export const RECENT = 40;

export function renderView({ stats, planned, recent, workers }: LiveView): string[] {
  return [
    `${progress(stats, planned)}  ${sparkline(recent)}`,
    totals(stats),
    ...(stats.operations.length > 0 ? ['', ...operations(stats)] : []),
    ...(workers.length > 0 ? ['', ...workerLines(workers)] : []),
  ];
}

function progress(stats: Stats, { ms, ops }: Planned): string {
  if (ops !== undefined) return `${bar(ops > 0 ? stats.ops / ops : 1)} ${farText(stats, ops)}`;
  const { elapsedMs } = stats;
  const left = Math.max(0, ms - elapsedMs);
  const rest = left < 500 ? 'ending' : `${seconds(left)} left`;
  return `${bar(ms > 0 ? elapsedMs / ms : 1)} ${seconds(elapsedMs)} of ${seconds(ms)}, ${rest}`;
}

function bar(share: number): string {
  const full = Math.round(Math.min(1, share) * BAR);
  return `[${'#'.repeat(full)}${'.'.repeat(BAR - full)}]`;
}

const seconds = (ms: number) => formatDuration(Math.round(ms / 1000) * 1000);

/** `1,234 of 10,000 operations, 12s left`: by the average so far. */
export function farText({ ops, elapsedMs }: Stats, planned: number): string {
  const left = ops > 0 ? `, ${seconds((Math.max(0, planned - ops) * elapsedMs) / ops)} left` : '';
  return `${formatCount(ops)} of ${formatCount(planned)} operations${left}`;
}

/** From nothing to the most of them. */
export function sparkline(values: readonly number[]): string {
  const most = Math.max(...values, 0);
  if (most === 0) return '';
  return values.map((n) => SPARKS[Math.round((n / most) * (SPARKS.length - 1))]).join('');
}

function totals(stats: Stats): string {
  const counts = `${formatCount(stats.ops)} ops, ${formatBytes(stats.bytes)}, ${formatCount(stats.errors)} errors`;
  const open = stats.open === undefined ? '' : `, ${formatCount(stats.open)} connections open`;
  return `${counts}${open}; now ${formatCount(stats.opsPerSecond)} ops/s, ${formatBytes(stats.bytesPerSecond)}/s`;
}

function operations({ operations: all, elapsedMs }: Stats): string[] {
  const several = new Set(all.map(({ test }) => test)).size > 1;
  const shown = all.length > MOST_OPERATIONS ? byTest(all) : all;
  const seconds = Math.max(0.001, elapsedMs / 1000);
  const rows = shown.map((each) => [
    [...(several ? [each.test] : []), each.op].join(' '),
    `${formatCount(each.opsPerSecond)}/s`,
    `${formatCount(each.ops / seconds)}/s`,
    `${formatBytes(each.bytesPerSecond)}/s`,
    each.p50 === undefined ? '' : formatLatency(each.p50),
    each.p99 === undefined ? '' : formatLatency(each.p99),
    formatCount(each.errors),
  ]);
  return table(['', 'now', 'average', '', 'p50', 'p99', 'errors'], rows);
}

/** One a test, of rates alone: latencies of different operations are no figure together. */
function byTest(all: readonly OperationStats[]): OperationStats[] {
  const sums = new Map<string, OperationStats>();
  for (const { test, ops, errors, opsPerSecond, bytesPerSecond } of all) {
    const sum = sums.get(test) ?? { test, op: '', ops: 0, errors: 0, opsPerSecond: 0, bytesPerSecond: 0 };
    sums.set(test, {
      ...sum,
      ops: sum.ops + ops,
      errors: sum.errors + errors,
      opsPerSecond: sum.opsPerSecond + opsPerSecond,
      bytesPerSecond: sum.bytesPerSecond + bytesPerSecond,
    });
  }
  return [...sums.values()];
}

/** All of few; of many those that do not simply run, and how many do. */
function workerLines(all: readonly WorkerView[]): string[] {
  const odd = all.filter(({ state }) => state !== 'running');
  const shown = all.length <= MOST_WORKERS ? all : odd.slice(0, MOST_WORKERS);
  const rows = shown.map(({ id, host, state, opsPerSecond, cores, memoryBytes }) => [
    `${id} ${host}`,
    state,
    `${formatCount(opsPerSecond)}/s`,
    cores === undefined ? '' : `${cores.toFixed(1)} cores`,
    memoryBytes === undefined ? '' : formatBytes(memoryBytes),
  ]);
  const hidden = all.length - shown.length;
  const rest = hidden === 0 ? [] : [`${hidden} more workers: ${all.length - odd.length} running`];
  return [...table(['worker', 'state', 'ops', 'CPU', 'memory'], rows), ...rest];
}

/** The first two columns begin on the left, if the second is text; figures end on the right. */
function table(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string[] {
  const all = [head, ...rows];
  const widths = head.map((_, i) => Math.max(...all.map((row) => (row[i] ?? '').length)));
  const left = (i: number) => i === 0 || head[i] === 'state';
  return all.map((row) =>
    row
      .map((cell, i) => (left(i) ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}
