/** k6's end-of-test summary as a Result. Pure. */
import { type Config, publicConfig } from './config';
import { type Distribution, QUANTILES } from './distribution';
import { endpointTags, figureMetrics, type Measured, type OpTags, RETRIES, seriesTags, totalTags } from './metrics';
import {
  type EndpointSeries,
  errorCount,
  type Figures,
  type LoadShare,
  type Result,
  SCHEMA,
  type ScheduledPhase,
  sum,
  type ThresholdResult,
  type Total,
  type Warning,
} from './result';
import type { ErrorClass } from './s3/classify';

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

/** What the summary does not know. */
export interface RunFacts {
  readonly runId: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** Milliseconds from k6's start of the test to that: setup is no load, but k6 counts it as the test's time. */
  readonly setupMs: number;
  readonly measured: readonly Measured[];
  /** How long the load was to last at least. */
  readonly plannedMs: number;
  readonly loads: readonly LoadShare[];
  readonly schedule: readonly ScheduledPhase[];
  readonly versions: Readonly<Record<string, string>>;
}

/** The statistics that k6 is to compute of every Trend. */
export const TREND_STATS: readonly string[] = ['min', 'max', 'avg', 'count', ...QUANTILES.map((p) => `p(${p})`)];

/** k6 measures to nanoseconds; six digits are more than any latency has of them. */
const round = (ms: number) => Number(ms.toPrecision(6));

/** The Result of one k6 process. What only the CLI sees (CPU, memory, timeline, workers) is left empty. */
export function summarize(data: SummaryData, config: Config, facts: RunFacts): Result {
  const metrics = data.metrics ?? {};
  const durationMs = data.state.testRunDurationMs - facts.setupMs;
  const seen = (f: Figures) => f.ops > 0 || errorCount(f) > 0 || (f.misses ?? 0) > 0;
  const read = <T extends OpTags>(of: (m: Measured) => readonly T[]) =>
    facts.measured.flatMap((m) =>
      of(m)
        .map((tags) => ({ ...tags, ...readFigures(metrics, tags, m) }))
        .filter(seen),
    );
  const totals = read(totalTags);
  const count = (name: string) => metrics[name]?.values.count ?? 0;
  return {
    schema: SCHEMA,
    run: {
      id: facts.runId,
      tests: facts.measured.map((m) => m.test),
      startedAt: new Date(facts.startedAt).toISOString(),
      durationMs: Math.round(durationMs),
      seed: config.seed,
      backend: config.backend,
      versions: facts.versions,
      config: publicConfig(config),
      loads: facts.loads,
      schedule: facts.schedule,
      quantiles: QUANTILES,
    },
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
    timeline: [],
    thresholds: readThresholds(metrics),
    generator: {
      cpu: null,
      memory: null,
      cores: null,
      vus: facts.loads.reduce((n, { vus }) => n + vus, 0),
      iterations: count('iterations'),
      droppedIterations: count('dropped_iterations'),
      retries: count(RETRIES),
    },
    workers: [],
    errorSamples: [],
    warnings: warningsOf(config, count('dropped_iterations'), totals),
    // k6 does not say that it was stopped early, but only a run that was ends before its time.
    interrupted: durationMs < facts.plannedMs - 50,
    partial: false,
  };
}

/** Misses among reads, from which on the keys that a run reads by are not those of the bucket. */
const MANY_MISSES = 0.1;
const DELETES: ReadonlySet<string> = new Set(['DELETE', 'DELETE_OBJECTS']);

function warningsOf(config: Config, dropped: number, totals: readonly Total[]): Warning[] {
  const warnings: Warning[] = [];
  if (!config.verifySsl && config.endpoints.some((endpoint) => endpoint.startsWith('https://'))) {
    warnings.push({
      code: 'tls-not-verified',
      message: 'TLS certificates were not verified',
      remedy: 'set S3_VERIFY_SSL=true, and SSL_CERT_FILE where the CA is your own',
    });
  }
  if (dropped > 0) {
    warnings.push({
      code: 'unmet-demand',
      message: `${dropped} operations were due and no VU was free, so the rate asked for was not reached`,
      remedy: 'raise --concurrency; if that does not help, the store is the limit',
    });
  }
  const reads = sum(totals.filter(({ op }) => op === 'GET'));
  const share = reads.misses / (reads.ops + reads.misses);
  if (share > MANY_MISSES && !totals.some(({ op }) => DELETES.has(op))) {
    warnings.push({
      code: 'many-misses',
      message: `${Math.round(share * 100)}% of the reads were of objects that are gone`,
      remedy: 'make key files anew (s3loadtest keys), or remove them; or something else deletes in this bucket',
    });
  }
  return warnings;
}

function readFigures(
  metrics: Readonly<Record<string, SummaryMetric>>,
  tags: OpTags,
  { missesExpected }: Measured,
): Figures {
  const names = figureMetrics(tags, missesExpected);
  const count = (name: string) => metrics[name]?.values.count ?? 0;
  const latency = readTrend(metrics[names.latency]);
  const errors: Partial<Record<ErrorClass, number>> = {};
  for (const [errorClass, name] of names.errors) if (count(name) > 0) errors[errorClass] = count(name);
  return {
    ops: latency?.count ?? 0,
    bytes: count(names.bytes),
    errors,
    ...(names.objects === undefined ? {} : { objects: count(names.objects) }),
    ...(names.misses === undefined ? {} : { misses: count(names.misses) }),
    latency,
    ttfb: readTrend(metrics[names.ttfb]),
    errorLatency: readTrend(metrics[names.errorLatency]),
  };
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
