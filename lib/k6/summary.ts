/** k6's end-of-test summary as a Result. Pure. */
import { type Distribution, QUANTILES } from '../result/distribution';
import {
  connectionMetrics,
  EXCEPTIONS,
  endpointTags,
  figureMetrics,
  type Measured,
  type OpTags,
  RETRIES,
  seriesTags,
  totalTags,
  trafficMetrics,
} from '../result/metrics';
import type { Connections, EndpointSeries, Figures, Result, ThresholdResult } from '../result/result';
import { isSomething, type RunFacts, resultOf } from '../result/run-facts';
import type { ErrorClass } from '../s3/classify';

/** What k6 hands to handleSummary, as far as it is read here. */
export interface SummaryData {
  readonly state: { readonly testRunDurationMs: number };
  /** Missing when the run ended before anything was measured. */
  readonly metrics?: Readonly<Record<string, SummaryMetric>>;
}

export interface SummaryMetric {
  readonly values: Readonly<Record<string, number>>;
  readonly thresholds?: Readonly<Record<string, { readonly ok: boolean }>>;
}

/** The statistics that k6 is to compute of every Trend. */
export const TREND_STATS: readonly string[] = ['min', 'max', 'avg', 'count', ...QUANTILES.map((p) => `p(${p})`)];

/** k6 measures to nanoseconds; six digits are more than any latency has of them. */
const round = (ms: number) => Number(ms.toPrecision(6));

/** What the summary does not know. */
export interface SummaryFacts extends RunFacts {
  /** Milliseconds from k6's start of the test to the load's: setup is no load, but k6 counts it as the test's time. */
  readonly setupMs: number;
}

/** The Result of one k6 process. What only the CLI sees (CPU, memory, timeline, workers) is left empty. */
export function summarize(data: SummaryData, facts: SummaryFacts): Result {
  const metrics = data.metrics ?? {};
  const read = <T extends OpTags>(of: (m: Measured) => readonly T[]) =>
    facts.measured.flatMap((m) =>
      of(m)
        .map((tags) => ({ ...tags, ...readFigures(metrics, tags, m) }))
        .filter(isSomething),
    );
  const totals = read(totalTags);
  const count = (name: string) => metrics[name]?.values.count ?? 0;
  return resultOf(facts, {
    durationMs: data.state.testRunDurationMs - facts.setupMs,
    series: read(seriesTags),
    totals,
    endpoints: facts.measured.flatMap((m): EndpointSeries[] => {
      const [only, ...others] = m.endpoints;
      // k6 was not asked to keep a single endpoint apart.
      if (only !== undefined && others.length === 0) {
        return totals.filter(({ test }) => test === m.test).map((total) => ({ ...total, endpoint: only }));
      }
      return read((each) => (each === m ? endpointTags(m) : []));
    }),
    connections: facts.measured.filter((m) => m.holdsConnections).flatMap((m) => readConnections(metrics, m)),
    timeline: [],
    thresholds: readThresholds(metrics),
    iterations: count('iterations'),
    droppedIterations: count('dropped_iterations'),
    exceptions: count(EXCEPTIONS),
    retries: count(RETRIES),
    traffic: {
      receivedBytes: facts.measured.reduce((n, m) => n + count(trafficMetrics(m).received), 0),
      sentBytes: facts.measured.reduce((n, m) => n + count(trafficMetrics(m).sent), 0),
    },
  });
}

function readFigures(
  metrics: Readonly<Record<string, SummaryMetric>>,
  tags: OpTags,
  { missesExpected, verified }: Measured,
): Figures {
  const names = figureMetrics(tags, missesExpected, verified);
  const count = (name: string) => metrics[name]?.values.count ?? 0;
  const latency = readTrend(metrics[names.latency]);
  const errors: Partial<Record<ErrorClass, number>> = {};
  for (const [errorClass, name] of names.errors) if (count(name) > 0) errors[errorClass] = count(name);
  return {
    ops: latency?.count ?? 0,
    bytes: count(names.bytes),
    errors,
    ...(count(names.retries) > 0 ? { retries: count(names.retries) } : {}),
    ...(count(names.redirected) > 0 ? { redirected: count(names.redirected) } : {}),
    ...(names.objects === undefined ? {} : { objects: count(names.objects) }),
    ...(names.misses === undefined ? {} : { misses: count(names.misses) }),
    ...(names.verified === undefined ? {} : { verified: count(names.verified) }),
    latency,
    ttfb: readTrend(metrics[names.ttfb]),
    errorLatency: readTrend(metrics[names.errorLatency]),
  };
}

function readConnections(metrics: Readonly<Record<string, SummaryMetric>>, measured: Measured): Connections[] {
  const count = (name: string) => metrics[name]?.values.count ?? 0;
  return endpointTags(measured).flatMap((tags) => {
    const names = connectionMetrics(tags);
    const ended = names.ended.flatMap(([how, name]) => (count(name) > 0 ? [[how, count(name)] as const] : []));
    if (count(names.opened) === 0 && ended.length === 0) return [];
    return {
      ...tags,
      peakOpen: metrics[names.open]?.values.max ?? 0,
      opened: count(names.opened),
      ended: Object.fromEntries(ended),
      bytesSent: count(names.sent),
      bytesReceived: count(names.received),
      lifetime: readTrend(metrics[names.lifetime]),
    };
  });
}

function readTrend(metric: SummaryMetric | undefined): Distribution | undefined {
  const values = metric?.values;
  const count = values?.count ?? 0;
  if (values === undefined || count === 0) return undefined;
  const { min = 0, max = 0, avg = 0 } = values;
  const at = (p: number) => round(values[`p(${p})`] ?? max);
  return { kind: 'quantiles', count, min: round(min), max: round(max), mean: round(avg), values: QUANTILES.map(at) };
}

function readThresholds(metrics: Readonly<Record<string, SummaryMetric>>): ThresholdResult[] {
  return Object.entries(metrics).flatMap(([metric, { thresholds }]) =>
    Object.entries(thresholds ?? {}).map(([expr, { ok }]) => ({ metric, expr, ok })),
  );
}
