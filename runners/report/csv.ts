/** A report as one table of comma-separated values (RFC 4180), units in the header. Pure: returns text. */
import { ERROR_CLASSES } from '../../lib/s3/classify';
import { type Latency, PERCENTILES } from '../figures/latency';
import type { Rates, Report } from './model';

/** What a row is of; what it is not of is empty. */
interface Row {
  readonly scope: 'total' | 'operation' | 'size' | 'endpoint' | 'outage' | 'interval';
  readonly test?: string;
  readonly phase?: string | undefined;
  readonly op?: string;
  readonly size?: string;
  readonly endpoint?: string;
  readonly start: number;
  readonly seconds: number;
  /** Nothing of an outage, which is a time. */
  readonly figures: Partial<Rates>;
}

type Column = readonly [name: string, of: (row: Row, report: Report) => string | number | undefined];

const columns: readonly Column[] = [
  ['run', (_, { run }) => run.id],
  ['started', (_, { run }) => run.startedAt],
  ['scope', ({ scope }) => scope],
  ['test', ({ test }) => test],
  ['phase', ({ phase }) => phase],
  ['op', ({ op }) => op],
  ['size', ({ size }) => size],
  ['endpoint', ({ endpoint }) => endpoint],
  ['start_s', ({ start }) => start],
  ['duration_s', ({ seconds }) => seconds],
  ['operations', ({ figures }) => figures.ops],
  ['operations_per_s', ({ figures }) => figures.opsPerSecond],
  ['payload_bytes', ({ figures }) => figures.bytes],
  ['payload_bytes_per_s', ({ figures }) => figures.bytesPerSecond],
  ['keys', ({ figures }) => figures.objects],
  ['misses', ({ figures }) => figures.misses],
  ['errors', ({ figures }) => figures.errors],
  // Intervals know how many failed, and not how.
  ...ERROR_CLASSES.map(
    (name): Column => [
      `errors_${name}`,
      ({ scope, figures: { errorsByClass } }) =>
        scope === 'interval' || errorsByClass === undefined ? undefined : (errorsByClass[name] ?? 0),
    ],
  ),
  ...latencyColumns('latency', ({ figures }) => figures.latency),
  ...latencyColumns('ttfb', ({ figures }) => figures.ttfb),
  ...latencyColumns('error_latency', ({ figures }) => figures.errorLatency),
  ['repeated', ({ figures }) => figures.retries],
  ['redirected', ({ figures }) => figures.redirected],
];

function latencyColumns(name: string, of: (row: Row) => Latency | undefined): Column[] {
  const column = (what: string, value: (latency: Latency) => number): Column => [
    `${name}_${what}_ms`,
    (row) => {
      const latency = of(row);
      // An interval has two percentiles, and no more.
      const known = latency && value(latency);
      return known === undefined || Number.isNaN(known) ? undefined : known;
    },
  ];
  return [
    column('mean', ({ mean }) => mean),
    column('stddev', ({ deviation }) => deviation),
    column('min', ({ min }) => min),
    ...PERCENTILES.map((p) => column(`p${p}`, (latency) => latency[`p${p}`])),
    column('max', ({ max }) => max),
  ];
}

/** Of several runs one below the other. */
export function reportCsv(reports: readonly Report[]): string {
  const head = columns.map(([name]) => name).join(',');
  const lines = reports.flatMap((report) =>
    rowsOf(report).map((row) => columns.map(([, of]) => field(of(row, report))).join(',')),
  );
  return [head, ...lines].join('\r\n');
}

function rowsOf(report: Report): Row[] {
  const { warmup, measuredSeconds } = report.run;
  const all = { start: (warmup?.ms ?? 0) / 1000, seconds: measuredSeconds };
  return [
    { scope: 'total', ...all, figures: report.total },
    ...report.operations.map((row): Row => ({ scope: 'operation', test: row.test, op: row.op, ...all, figures: row })),
    ...report.sizes.map(
      (row): Row => ({
        scope: 'size',
        test: row.test,
        phase: row.phase,
        op: row.op,
        size: row.size,
        ...all,
        figures: row,
      }),
    ),
    ...report.endpoints.map(
      (row): Row => ({ scope: 'endpoint', test: row.test, op: row.op, endpoint: row.endpoint, ...all, figures: row }),
    ),
    ...report.outages.map(
      ({ endpoint, t, ms }): Row => ({ scope: 'outage', endpoint, start: t / 1000, seconds: ms / 1000, figures: {} }),
    ),
    ...report.timeline.flatMap(({ test, op, points }) =>
      points.map((point): Row => {
        const length = point.ms / 1000;
        return {
          scope: 'interval',
          test,
          op,
          start: point.seconds - length / 2,
          seconds: length,
          figures: {
            ops: Math.round(point.opsPerSecond * length),
            opsPerSecond: point.opsPerSecond,
            bytes: Math.round(point.bytesPerSecond * length),
            bytesPerSecond: point.bytesPerSecond,
            errors: point.errors,
            errorsByClass: {},
            misses: point.misses,
            objects: point.objects,
            objectsPerSecond: point.objects / length,
            ...(point.p50 === undefined || point.p99 === undefined
              ? {}
              : { latency: intervalLatency(point.p50, point.p99) }),
          },
        };
      }),
    ),
  ];
}

function intervalLatency(p50: number, p99: number): Latency {
  const unknown = Number.NaN;
  const percentiles = Object.fromEntries(PERCENTILES.map((p) => [`p${p}`, unknown]));
  return {
    count: 0,
    mean: unknown,
    deviation: unknown,
    min: unknown,
    max: unknown,
    ...percentiles,
    p50,
    p99,
  } as Latency;
}

/** A number to six digits, or a text in quotes where it needs them; one that a spreadsheet would take for a formula is none. */
function field(value: string | number | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'number') return String(Number.isInteger(value) ? value : Number(value.toPrecision(6)));
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
