/** Which charts a report has, out of its numbers. Pure. */
import type { Curve, Line, LinePoint, Report } from '../model';
import type { Band, ChartData, ChartFrame, Unit } from './chart';

export interface Chart {
  /** Unlike any other's. */
  readonly id: string;
  readonly title: string;
  /** What it shows, in a sentence, for who can't see it. */
  readonly summary: string;
  readonly frame: ChartFrame;
  readonly data: ChartData;
}

/** Charts of one test, or of all together. */
export interface ChartGroup {
  readonly id: string;
  readonly title: string;
  readonly charts: readonly Chart[];
  /** What a reader may miss, and why it is not there. */
  readonly note?: string;
}

const MB = 1024 ** 2;
/** Colours of operations that most runs have: the same in every chart of every report. */
const COLORS: Readonly<Record<string, number>> = { GET: 1, PUT: 2, HEAD: 3, LIST: 4, DELETE: 5, DELETE_OBJECTS: 6 };
const ALL_COLORS = 8;

export function chartGroups(report: Report): ChartGroup[] {
  const timeline = report.timeline.filter(({ points }) =>
    points.some((point) => point.opsPerSecond > 0 || point.errors > 0),
  );
  const { tests } = report.run;
  const groups = tests.map((test): ChartGroup => {
    const lines = timeline.filter((line) => line.test === test);
    const curves = report.distribution.filter((curve) => curve.test === test);
    const charts = [
      ...overTime(test, lines, bandsOf(report, test)),
      ...(curves.length === 0 ? [] : [distribution(test, curves)]),
    ];
    const timed = lines.some((line) => line.points.some((point) => point.p50 !== undefined));
    const note = timed || lines.length === 0 ? undefined : "Latency over time takes the project's own k6.";
    return { id: test, title: test, charts, ...(note === undefined ? {} : { note }) };
  });
  const own = generator(report);
  const together = tests.length > 1 ? [overview(timeline, tests)] : [];
  const [first] = groups;
  if (tests.length === 1 && first !== undefined) return [{ ...first, charts: [...first.charts, ...own] }];
  return [...together.map((group) => ({ ...group, charts: [...group.charts, ...own] })), ...groups];
}

/** Times of a test's load that are not always on; before them the warm-up, which is in no other figure. */
function bandsOf({ run }: Report, test: string): Band[] {
  const warmup = run.warmup === undefined ? [] : [{ from: 0, to: run.warmup.ms / 1000, label: 'warm-up' }];
  const phases = run.schedule
    .filter((phase) => phase.test === test && phase.startMs < run.seconds * 1000)
    .map(({ startMs, endMs, phase }) => ({ from: startMs / 1000, to: endMs / 1000, label: phase }));
  return [...warmup, ...phases];
}

function colorOf(op: string, i: number): number {
  return COLORS[op] ?? ((i + 6) % ALL_COLORS) + 1;
}

function overTime(test: string, lines: readonly Line[], bands: readonly Band[]): Chart[] {
  const xs = lines[0]?.points.map(({ seconds }) => rounded(seconds)) ?? [];
  if (xs.length < 2) return [];
  const errors = xs.map((_, i) => lines.reduce((sum, { points }) => sum + (points[i]?.errors ?? 0), 0));
  const chart = (
    id: string,
    title: string,
    unit: Unit,
    of: (point: LinePoint) => number | undefined,
    which: readonly Line[],
  ): Chart => ({
    id: `${test}-${id}`,
    title,
    summary: `${title} of ${test} by operation`,
    frame: {
      x: 'time',
      unit,
      series: which.map(({ op }, i) => ({ name: op, color: colorOf(op, i) })),
      errors: true,
      ...(bands.length === 0 ? {} : { bands }),
    },
    data: { xs, values: which.map(({ points }) => xs.map((_, i) => valueAt(points[i], of))), errors },
  });
  const moving = lines.filter(({ points }) => points.some(({ bytesPerSecond }) => bytesPerSecond > 0));
  const timed = lines.filter(({ points }) => points.some(({ p50 }) => p50 !== undefined));
  return [
    chart('ops', 'Operations per second', 'ops/s', ({ opsPerSecond }) => opsPerSecond, lines),
    ...(moving.length === 0
      ? []
      : [chart('bytes', 'Payload per second', 'MB/s', ({ bytesPerSecond }) => bytesPerSecond / MB, moving)]),
    ...(timed.length === 0 ? [] : [latencyOverTime(test, xs, timed, errors, bands)]),
  ];
}

function latencyOverTime(
  test: string,
  xs: readonly number[],
  lines: readonly Line[],
  errors: readonly number[],
  bands: readonly Band[],
): Chart {
  const both = lines.flatMap((line, i) => {
    const color = colorOf(line.op, i);
    return [
      { series: { name: `${line.op} p50`, color }, values: xs.map((_, n) => valueAt(line.points[n], (p) => p.p50)) },
      {
        series: { name: `${line.op} p99`, color, dashed: true },
        values: xs.map((_, n) => valueAt(line.points[n], (p) => p.p99)),
      },
    ];
  });
  return {
    id: `${test}-latency`,
    title: 'Latency over time',
    summary: `Median and 99th percentile of the latency of ${test} by operation, on a logarithmic axis`,
    frame: {
      x: 'time',
      unit: 'ms',
      log: true,
      series: both.map(({ series }) => series),
      errors: true,
      ...(bands.length === 0 ? {} : { bands }),
    },
    data: { xs, values: both.map(({ values }) => values), errors },
  };
}

function distribution(test: string, curves: readonly Curve[]): Chart {
  const longest = curves.reduce((a, b) => (b.points.length > a.points.length ? b : a));
  const xs = longest.points.map(({ percent }) => percent);
  return {
    id: `${test}-distribution`,
    title: 'Latency distribution',
    summary: `Latency of ${test} by percentile and operation, both axes logarithmic`,
    frame: {
      x: 'percentile',
      unit: 'ms',
      log: true,
      series: curves.map(({ op, points }, i) => {
        const fewFrom = points.findIndex(({ enough }) => !enough);
        return { name: op, color: colorOf(op, i), ...(fewFrom === -1 ? {} : { fewFrom }) };
      }),
    },
    data: { xs, values: curves.map(({ points }) => xs.map((_, i) => valueAt(points[i], ({ ms }) => ms))) },
  };
}

function overview(lines: readonly Line[], tests: readonly string[]): ChartGroup {
  const xs = lines[0]?.points.map(({ seconds }) => rounded(seconds)) ?? [];
  const errors = xs.map((_, i) => lines.reduce((sum, { points }) => sum + (points[i]?.errors ?? 0), 0));
  const chart = (id: string, title: string, unit: Unit, of: (point: LinePoint) => number): Chart => ({
    id: `all-${id}`,
    title,
    summary: `${title} by test`,
    frame: {
      x: 'time',
      unit,
      series: tests.map((name, i) => ({
        name,
        color: (i % ALL_COLORS) + 1,
        ...(i >= ALL_COLORS ? { dashed: true } : {}),
      })),
      errors: true,
    },
    data: {
      xs,
      values: tests.map((test) => {
        const own = lines.filter((line) => line.test === test);
        return xs.map((_, i) => rounded(own.reduce((sum, { points }) => sum + (points[i] ? of(points[i]) : 0), 0)));
      }),
      errors,
    },
  });
  const charts = [
    chart('ops', 'Operations per second', 'ops/s', ({ opsPerSecond }) => opsPerSecond),
    chart('bytes', 'Payload per second', 'MB/s', ({ bytesPerSecond }) => bytesPerSecond / MB),
  ];
  return { id: 'all', title: 'All tests', charts: xs.length < 2 ? [] : charts };
}

function generator({ generator: { timeline = [], cores } }: Report): Chart[] {
  if (timeline.length < 2) return [];
  const xs = timeline.map(({ t, ms }) => rounded((t + ms / 2) / 1000));
  const busy = timeline.some(({ busyCores }) => busyCores !== undefined);
  return [
    {
      id: 'generator-cpu',
      title: 'CPU of the load generator',
      summary: 'Cores that k6 used, and all programs of its machine',
      frame: {
        x: 'time',
        unit: 'cores',
        series: [
          { name: 'k6', color: 1 },
          ...(busy ? [{ name: 'all programs', color: 8 }] : []),
          ...(cores === null ? [] : [{ name: 'all there are for k6', color: 7, dashed: true }]),
        ],
      },
      data: {
        xs,
        values: [
          timeline.map((point) => rounded(point.cores)),
          ...(busy
            ? [timeline.map(({ busyCores }) => (busyCores === undefined ? undefined : rounded(busyCores)))]
            : []),
          ...(cores === null ? [] : [timeline.map(() => cores)]),
        ],
      },
    },
  ];
}

function valueAt<T>(point: T | undefined, of: (point: T) => number | undefined): number | undefined {
  const value = point === undefined ? undefined : of(point);
  return value === undefined ? undefined : rounded(value);
}

/** To four digits: more can't be seen, and would fill the file. */
const rounded = (n: number) => Number(n.toPrecision(4));
