/** Results of runs that never were: out of distributions that are known, by seeds, through the same fold as real ones. */
import { type Distribution, percentile, QUANTILES } from '../lib/result/distribution';
import { Fold } from '../lib/result/fold';
import { DIGITS, Histogram } from '../lib/result/histogram';
import { INTERVAL_SCHEMA, type IntervalConnections, type IntervalSeries } from '../lib/result/interval';
import type { Measured } from '../lib/result/metrics';
import type { Figures, Generator, LoadShare, Result, ScheduledPhase, ThresholdResult } from '../lib/result/result';
import type { RunFacts } from '../lib/result/run-facts';
import type { ErrorClass } from '../lib/s3/classify';
import { parseSize } from '../lib/settings/units';
import { type Random, seeded } from '../lib/workload/random';

/** One operation on one size. Latencies are log-normal, which storage's are much like. */
export interface MadeSeries {
  readonly op: string;
  readonly size: string;
  readonly perSecond: number;
  /** Milliseconds. */
  readonly median: number;
  /** Of the logarithm: 0 is the same each time. */
  readonly sigma: number;
  readonly phase?: string;
  /** Of all attempts, by class. */
  readonly errors?: Partial<Record<ErrorClass, number>>;
  readonly objects?: number;
  readonly misses?: number;
}

export interface MadeTest {
  readonly name: string;
  readonly series: readonly MadeSeries[];
  readonly loads?: readonly Omit<LoadShare, 'test'>[];
}

export interface Made {
  readonly id?: string;
  readonly seed: number;
  readonly seconds: number;
  readonly tests: readonly MadeTest[];
  readonly endpoints?: readonly string[];
  readonly vus?: number;
  readonly schedule?: readonly ScheduledPhase[];
  readonly config?: Record<string, unknown>;
  readonly readable?: { readonly objects: number; readonly bytes: number };
  readonly thresholds?: readonly ThresholdResult[];
  readonly dropped?: number;
  readonly connections?: readonly IntervalConnections[];
  readonly generator?: Partial<Generator>;
  readonly more?: Partial<Result>;
  /** What the rate of a second is multiplied by. */
  readonly shape?: (second: number) => number;
}

const BEGIN = Date.UTC(2026, 10, 21, 12);

/** A Result of the project's own k6. */
export function madeResult(made: Made): Result {
  const { seconds, tests, endpoints = ['10.0.0.1:9000'], vus = 16, shape = () => 1 } = made;
  const random = seeded(made.seed);
  const fold = new Fold();
  for (let second = 0; second < seconds; second++) {
    const series = tests.flatMap((test) =>
      test.series.flatMap((one) =>
        endpoints.map((endpoint) => intervalOf(test.name, one, endpoint, shape(second) / endpoints.length, random)),
      ),
    );
    const iterations = series.reduce((n, { ops = 0 }) => n + ops, 0);
    fold.add({
      schema: INTERVAL_SCHEMA,
      seq: second,
      t: BEGIN + second * 1000,
      ms: 1000,
      totals: { ops: 0, bytes: 0, errors: 0 },
      series: series.filter(({ ops = 0, errors, misses = 0 }) => ops > 0 || errors !== undefined || misses > 0),
      connections: second === 0 ? (made.connections ?? []) : [],
      generator: {
        cpuSeconds: second,
        memoryBytes: 80e6,
        peakMemoryBytes: 80e6,
        vus,
        iterations,
        droppedIterations: second === 0 ? (made.dropped ?? 0) : 0,
      },
      ...(second === seconds - 1 ? { end: { thresholds: made.thresholds ?? [] } } : {}),
    });
  }
  const result = fold.result(factsOf(made, endpoints, vus));
  // What k6 used is each test's own to say.
  const { timeline: _, cpu: __, ...generator } = result.generator;
  return {
    ...result,
    generator: { ...generator, cpu: null, cores: 8, ...made.generator },
    workers: [{ id: 'w0', host: 'load-1', segment: '0:1', clockOffsetMs: 0, startSkewMs: 0, exit: 0 }],
    ...made.more,
  };
}

function intervalOf(test: string, one: MadeSeries, endpoint: string, share: number, random: Random): IntervalSeries {
  const { op, size, phase, median, sigma, objects, misses = 0 } = one;
  // Fractions add up over time: what is left of one interval is as likely a whole one.
  const whole = (n: number) => Math.floor(n + random());
  const attempts = whole(one.perSecond * share);
  const errors: Partial<Record<ErrorClass, number>> = {};
  for (const [name, part] of Object.entries(one.errors ?? {}) as [ErrorClass, number][]) {
    const n = whole(attempts * part);
    if (n > 0) errors[name] = n;
  }
  const failed = Object.values(errors).reduce((a, b) => a + b, 0);
  const missed = whole(attempts * misses);
  const ops = Math.max(0, attempts - failed - missed);
  const [latency, ttfb, errorLatency] = [new Histogram(DIGITS), new Histogram(DIGITS), new Histogram(DIGITS)];
  for (let i = 0; i < ops; i++) {
    const us = median * 1000 * Math.exp(sigma * normal(random));
    latency.record(us);
    ttfb.record(us * 0.8);
  }
  for (let i = 0; i < failed; i++) errorLatency.record(2_000);
  const moves = ['GET', 'GET_PART', 'PUT', 'POST'].includes(op);
  return {
    test,
    ...(phase === undefined ? {} : { phase }),
    op,
    size,
    endpoint,
    ...(ops > 0 ? { ops, latency: latency.encode(), ttfb: ttfb.encode() } : {}),
    ...(moves && ops > 0 ? { bytes: ops * (parseSize(size) ?? 0) } : {}),
    ...(failed > 0 ? { errors, errorLatency: errorLatency.encode() } : {}),
    ...(objects === undefined || ops === 0 ? {} : { objects: objects * ops }),
    ...(missed > 0 ? { misses: missed } : {}),
  };
}

/** Of mean 0 and deviation 1, by Box and Muller. */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

function factsOf(made: Made, endpoints: readonly string[], vus: number): RunFacts {
  const { id, seed, seconds, tests, schedule = [], readable, config } = made;
  const names = tests.map(({ name }) => name);
  return {
    run: {
      id: id ?? `20261121T120000Z-${names.join('-')}-3f9a`,
      tests: names,
      startedAt: new Date(BEGIN).toISOString(),
      seed,
      backend: 'native',
      versions: { s3loadtest: '0.1.0', k6: 'v2.2.0' },
      config: {
        endpoints: endpoints.map((endpoint) => `http://${endpoint}`),
        bucket: 'bucket',
        prefix: 'loadtest/',
        duration: seconds * 1000,
        concurrency: vus,
        partSize: 8 * 1024 ** 2,
        ...config,
      },
      loads: tests.flatMap(({ name, loads }): LoadShare[] =>
        (loads ?? [{ scenario: name, vus: vus / tests.length, share: 1 / tests.length }]).map((load) => ({
          test: name,
          ...load,
        })),
      ),
      schedule,
      quantiles: QUANTILES,
      ...(readable === undefined ? {} : { readable }),
    },
    measured: tests.map(
      ({ name, series }): Measured => ({
        test: name,
        phases: [...new Set(series.flatMap(({ phase }) => phase ?? []))],
        series: series.map(({ op, size }) => ({ op, size })),
        verified: false,
        endpoints,
        missesExpected: false,
        holdsConnections: (made.connections ?? []).some(({ test }) => test === name),
      }),
    ),
    plannedMs: seconds * 1000,
    warmupMs: 0,
    tlsNotVerified: false,
  };
}

/** The same as stock k6 would have told it: quantiles, and a timeline without latencies. */
export function asStock(result: Result): Result {
  const of = (d: Distribution | undefined): Distribution | undefined => {
    if (d === undefined) return undefined;
    const { count, min, max, mean } = d;
    return { kind: 'quantiles', count, min, max, mean, values: QUANTILES.map((p) => percentile(d, p) ?? 0) };
  };
  const all = <T extends Figures>(figures: readonly T[]): T[] =>
    figures.map((each) => ({
      ...each,
      latency: of(each.latency),
      ttfb: of(each.ttfb),
      errorLatency: of(each.errorLatency),
    }));
  return {
    ...result,
    series: all(result.series),
    totals: all(result.totals),
    endpoints: all(result.endpoints),
    timeline: result.timeline.map(({ histogram: _, ...point }) => point),
  };
}
