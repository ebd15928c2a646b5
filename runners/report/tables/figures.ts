/** Tables of what operations did: as a whole, by size, by endpoint. Pure. */
import { formatBytes, formatCount, formatDuration, formatLatency } from '../../../lib/settings/units';
import { isEnough, type Latency, type Percentile } from '../../figures/latency';
import { share } from '../../judge/words';
import type { Operation, Rates, Report } from '../model';
import { type Cell, countOrNothing, type Field, few, perSecond, type Table, tableOf } from './table';

const several = ({ run }: Report) => run.tests.length > 1;

type Which = 'latency' | 'ttfb' | 'errorLatency';

/** A percentile, marked where it rests on too few. */
function percentileOf(latency: Latency | undefined, name: Percentile): string | Cell {
  if (latency === undefined) return '';
  const text = formatLatency(latency[name]);
  return isEnough(latency.count, Number(name.slice(1))) ? text : few(text);
}

/** Which percentiles go where there is no room for all: the higher, the sooner. The others stay. */
const DROPPED: Partial<Record<Percentile, number>> = { p25: 5, p75: 5, p95: 4, 'p99.99': 4, 'p99.9': 2, p90: 1 };

function percentiles<T extends Rates>(names: readonly Percentile[], which: Which = 'latency'): Field<T>[] {
  return names.map((name) => {
    const drop = DROPPED[name];
    const of = (row: T) => percentileOf(row[which], name);
    return { title: name, right: true, ...(drop === undefined ? {} : { drop }), of };
  });
}

function latency<T extends Rates>(
  title: string,
  of: (latency: Latency) => number,
  which: Which = 'latency',
  more: Partial<Field<T>> = {},
): Field<T> {
  return {
    title,
    right: true,
    of: (row) => {
      const known = row[which];
      return known === undefined ? '' : formatLatency(of(known));
    },
    ...more,
  };
}

const test = (report: Report): Field<{ readonly test: string }>[] =>
  several(report) ? [{ title: 'test', of: (row) => row.test }] : [];

const errors: Field<Rates> = {
  title: 'errors',
  right: true,
  of: (row) => (row.errors > 0 ? { text: formatCount(row.errors), tone: 'bad' } : '0'),
};

function counts<T extends Rates>(): Field<T>[] {
  return [
    { title: 'ops', right: true, of: (row) => formatCount(row.ops) },
    { title: 'ops/s', right: true, of: (row) => perSecond(row.opsPerSecond) },
    {
      title: 'bytes/s',
      right: true,
      optional: true,
      of: (row) => (row.bytes > 0 ? formatBytes(row.bytesPerSecond) : ''),
    },
    {
      title: 'keys/s',
      right: true,
      optional: true,
      of: (row) => (row.objects > 0 ? perSecond(row.objectsPerSecond) : ''),
    },
    errors,
    { title: 'misses', right: true, optional: true, drop: 6, of: (row) => countOrNothing(row.misses) },
  ];
}

/** With a last row of them all, where there are several. */
function withTotal(report: Report): Operation[] {
  const { operations, total } = report;
  return operations.length > 1
    ? [...operations, { ...total, test: several(report) ? 'all' : '', op: 'total' }]
    : [...operations];
}

export function operationsTable(report: Report): Table | undefined {
  return tableOf<Operation>('operations', 'Operations', withTotal(report), [
    ...test(report),
    { title: 'op', of: (row) => row.op },
    ...counts<Operation>(),
    latency('mean', ({ mean }) => mean, 'latency', { drop: 7 }),
    ...percentiles<Operation>(['p50', 'p90', 'p99', 'p99.9']),
    latency('slowest', ({ max }) => max, 'latency', { drop: 3 }),
  ]);
}

/** The same and all of the latencies beside it, where there is room. */
export function everyOperationTable(report: Report): Table | undefined {
  return tableOf<Operation>(
    'operations',
    'Operations',
    withTotal(report),
    [
      ...test(report),
      { title: 'op', of: (row) => row.op },
      ...counts<Operation>(),
      latency('mean', ({ mean }) => mean),
      latency('std dev', ({ deviation }) => deviation),
      latency('fastest', ({ min }) => min),
      ...percentiles<Operation>(['p25', 'p50', 'p75', 'p90', 'p95', 'p99', 'p99.9', 'p99.99']),
      latency('slowest', ({ max }) => max),
    ],
    [LATENCY_NOTE],
  );
}

const LATENCY_NOTE = 'latency from the call to the last byte, connecting included, of operations that succeeded';

export function latencyTable(report: Report): Table | undefined {
  return tableOf(
    'latency',
    'Latency',
    report.operations.filter((row) => row.latency !== undefined),
    [
      ...test(report),
      { title: 'op', of: (row) => row.op },
      latency('mean', ({ mean }) => mean),
      latency('std dev', ({ deviation }) => deviation, 'latency', { drop: 6 }),
      latency('fastest', ({ min }) => min, 'latency', { drop: 3 }),
      ...percentiles<Operation>(['p25', 'p50', 'p75', 'p90', 'p95', 'p99', 'p99.9', 'p99.99']),
      latency('slowest', ({ max }) => max),
    ],
    [LATENCY_NOTE],
  );
}

export function ttfbTable(report: Report): Table | undefined {
  return tableOf(
    'ttfb',
    'Time to first byte',
    report.operations.filter((row) => row.ttfb !== undefined),
    [
      ...test(report),
      { title: 'op', of: (row) => row.op },
      latency('mean', ({ mean }) => mean, 'ttfb'),
      latency('fastest', ({ min }) => min, 'ttfb', { drop: 3 }),
      ...percentiles<Operation>(['p25', 'p50', 'p75', 'p90', 'p99', 'p99.9'], 'ttfb'),
      latency('slowest', ({ max }) => max, 'ttfb'),
    ],
    ["from the request's last byte to the answer's first; a multipart PUT has none"],
  );
}

/** A rate of one operation over the intervals of the timeline. */
interface SpreadRow {
  readonly test: string;
  readonly op: string;
  readonly unit: string;
  readonly spread: NonNullable<Operation['opsSpread']>;
  readonly format: (n: number) => string;
}

export function throughputTable(report: Report): Table | undefined {
  const rows = report.operations.flatMap(({ test: name, op, opsSpread, bytesSpread, bytes }): SpreadRow[] => [
    ...(opsSpread === undefined ? [] : [{ test: name, op, unit: 'ops/s', spread: opsSpread, format: perSecond }]),
    ...(bytesSpread === undefined || bytes === 0
      ? []
      : [{ test: name, op, unit: 'bytes/s', spread: bytesSpread, format: formatBytes }]),
  ]);
  const length = rows[0]?.spread.intervalMs ?? 0;
  return tableOf('throughput', `Throughput by intervals of ${formatDuration(length)}`, rows, [
    ...test(report),
    { title: 'op', of: (row) => row.op },
    { title: '', of: (row) => row.unit },
    { title: 'slowest', right: true, of: ({ spread, format }) => format(spread.slowest) },
    { title: 'p25', right: true, of: ({ spread, format }) => format(spread.p25) },
    { title: 'median', right: true, of: ({ spread, format }) => format(spread.median) },
    { title: 'p75', right: true, of: ({ spread, format }) => format(spread.p75) },
    { title: 'fastest', right: true, of: ({ spread, format }) => format(spread.fastest) },
  ]);
}

export function sizesTable(report: Report): Table | undefined {
  const sized = report.sizes.filter(({ size, phase }) => size !== 'none' || phase !== undefined);
  // One size in one phase is what the operations' table says.
  const kinds = new Set(sized.map((row) => `${row.size} ${row.phase ?? ''}`));
  return tableOf('sizes', 'Size × operation', kinds.size > 1 ? sized : [], [
    ...test(report),
    { title: 'phase', optional: true, of: (row) => row.phase ?? '' },
    { title: 'op', of: (row) => row.op },
    { title: 'size', right: true, of: (row) => (row.size === 'none' ? '' : row.size) },
    ...counts<(typeof sized)[number]>(),
    ...percentiles<(typeof sized)[number]>(['p50', 'p90', 'p99', 'p99.9']),
    latency('slowest', ({ max }) => max, 'latency', { drop: 3 }),
  ]);
}

/** Endpoints that were away: what became of their part of the load. */
export function outagesTable({ losses }: Report): Table | undefined {
  return tableOf(
    'outages',
    'Endpoints that were away',
    losses,
    [
      { title: 'endpoint', of: (row) => row.endpoint },
      { title: 'away', right: true, of: (row) => formatDuration(row.awayMs) },
      { title: 'times', right: true, drop: 2, of: (row) => formatCount(row.times) },
      { title: 'from', right: true, drop: 1, of: (row) => formatDuration(row.fromMs) },
      { title: 'elsewhere', right: true, of: (row) => formatCount(row.redirected) },
      { title: 'repeated', right: true, of: (row) => formatCount(row.repeated) },
      { title: 'failed', right: true, of: (row) => ({ text: formatCount(row.failed), tone: 'bad' }) },
      { title: 'unmet', right: true, of: (row) => share(row.unmet) },
    ],
    ['elsewhere: requests that others had; unmet: of its fair share of all operations, those that failed for good'],
  );
}

export function endpointsTable(report: Report): Table | undefined {
  const all = new Set(report.endpoints.map(({ endpoint }) => endpoint));
  const attempts = new Map<string, number>();
  for (const { test: name, op, ops, errors: failed, misses } of report.endpoints) {
    const key = `${name} ${op}`;
    attempts.set(key, (attempts.get(key) ?? 0) + ops + failed + misses);
  }
  return tableOf('endpoints', 'Endpoints', all.size > 1 ? report.endpoints : [], [
    { title: 'endpoint', of: (row) => row.endpoint },
    ...test(report),
    { title: 'op', of: (row) => row.op },
    {
      title: 'share',
      right: true,
      of: (row) => {
        const whole = attempts.get(`${row.test} ${row.op}`) ?? 1;
        return `${(((row.ops + row.errors + row.misses) / whole) * 100).toFixed(1)}%`;
      },
    },
    ...counts<(typeof report.endpoints)[number]>(),
    ...percentiles<(typeof report.endpoints)[number]>(['p50', 'p90', 'p99']),
    latency('slowest', ({ max }) => max, 'latency', { drop: 3 }),
  ]);
}
