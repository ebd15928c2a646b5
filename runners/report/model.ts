/** What a report tells of a Result, as numbers with their units: every format is made of this, and `json` is this. Pure. */

import type { Distribution } from '../../lib/result/distribution';
import { percentile } from '../../lib/result/distribution';
import {
  type Connections,
  errorCount,
  type Figures,
  type Generator,
  type LoadShare,
  measuredMs,
  measuredPoints,
  type Outage,
  type Result,
  type ScheduledPhase,
  sum,
  type ThresholdResult,
  type TimelinePoint,
  type Verdict,
  type Warmup,
  type Warning,
  type Worker,
} from '../../lib/result/result';
import type { ErrorClass } from '../../lib/s3/classify';
import { settings } from '../../lib/settings/config';
import { type Cost, costOf } from '../cost/cost';
import type { Prices } from '../cost/prices';
import { isEnough, type Latency, latencyOf } from '../figures/latency';
import { type Loss, lossesOf } from '../figures/outages';
import { type Stage, stagesOf } from '../figures/stages';
import { percentilesOf, type Spread, slotsOf, spreadOf } from '../figures/timeline';
import { judged } from '../judge/judge';

export const REPORT_SCHEMA = 's3loadtest/report@1';

/** Figures with their rates. Latencies in milliseconds. */
export interface Rates {
  readonly ops: number;
  readonly opsPerSecond: number;
  readonly bytes: number;
  readonly bytesPerSecond: number;
  readonly errors: number;
  readonly errorsByClass: Figures['errors'];
  /** Failed attempts that were repeated; requests meant for an endpoint that was left out, and that others had. */
  readonly retries?: number;
  readonly redirected?: number;
  readonly misses: number;
  readonly objects: number;
  readonly objectsPerSecond: number;
  readonly latency?: Latency;
  readonly ttfb?: Latency;
  readonly errorLatency?: Latency;
}

export interface Operation extends Rates {
  readonly test: string;
  readonly op: string;
  /** Of operations and of bytes, per second, over the timeline's intervals. */
  readonly opsSpread?: Spread;
  readonly bytesSpread?: Spread;
}

export interface SizeRow extends Rates {
  readonly test: string;
  readonly phase?: string;
  readonly op: string;
  readonly size: string;
}

export interface EndpointRow extends Rates {
  readonly test: string;
  readonly op: string;
  readonly endpoint: string;
}

/** What failed in one way. */
export interface ErrorRow {
  readonly class: ErrorClass;
  readonly count: number;
  /** Of all attempts, 0 to 1. */
  readonly share: number;
  readonly byOperation: ReadonlyArray<{ readonly test: string; readonly op: string; readonly count: number }>;
  /** The first one that was heard of, and what it says of itself. */
  readonly sample?: string;
  readonly sampleOp?: string;
  readonly status?: number;
  readonly code?: string;
}

/** One operation over time. */
export interface Line {
  readonly test: string;
  readonly op: string;
  readonly points: readonly LinePoint[];
}

export interface LinePoint {
  /** Seconds from the run's start to the middle of the interval. */
  readonly seconds: number;
  readonly ms: number;
  readonly opsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly errors: number;
  readonly misses: number;
  readonly objects: number;
  /** Milliseconds; none from stock k6. */
  readonly p50?: number;
  readonly p99?: number;
}

/** One operation's latency by percentile. */
export interface Curve {
  readonly test: string;
  readonly op: string;
  readonly points: ReadonlyArray<{ readonly percent: number; readonly ms: number; readonly enough: boolean }>;
}

export interface Report {
  readonly schema: typeof REPORT_SCHEMA;
  readonly run: {
    readonly id: string;
    readonly tests: readonly string[];
    readonly startedAt: string;
    readonly seconds: number;
    /** Those that the figures are of: all, but for a warm-up. */
    readonly measuredSeconds: number;
    readonly warmup?: Warmup;
    readonly endedBy?: 'steady';
    /** host:port of HTTP proxies on the way. */
    readonly httpProxies?: readonly string[];
    readonly seed: number;
    readonly backend: string;
    readonly versions: Readonly<Record<string, string>>;
    readonly config: Readonly<Record<string, unknown>>;
    readonly loads: readonly LoadShare[];
    readonly schedule: readonly ScheduledPhase[];
  };
  readonly interrupted: boolean;
  readonly partial: boolean;
  readonly verdict: Verdict;
  readonly warnings: readonly Warning[];
  readonly total: Rates;
  readonly operations: readonly Operation[];
  readonly sizes: readonly SizeRow[];
  readonly endpoints: readonly EndpointRow[];
  /** Endpoints that were away, and when: as in the Result. */
  readonly losses: readonly Loss[];
  readonly outages: readonly Outage[];
  readonly workers: readonly Worker[];
  readonly connections: ReadonlyArray<Omit<Connections, 'lifetime'> & { readonly lifetime?: Latency }>;
  readonly errors: readonly ErrorRow[];
  readonly thresholds: readonly ThresholdResult[];
  readonly stages: readonly Stage[];
  readonly generator: Generator;
  readonly cost?: Cost;
  readonly timeline: readonly Line[];
  readonly distribution: readonly Curve[];
  /** Whether latencies are those of histograms; else they are of stock k6's quantiles, and merging them was not exact. */
  readonly exact: boolean;
}

/** In percent: where a chart of latencies has its points. */
const RANKS = [
  ...[50, 55, 60, 65, 70, 75, 80, 85, 90, 92, 94, 95, 96, 97, 98],
  ...[99, 99.2, 99.4, 99.5, 99.6, 99.7, 99.8, 99.9, 99.92, 99.94, 99.95, 99.96, 99.97, 99.98, 99.99],
];

/**
 * @param prices what the cost is reckoned by; without them there is none
 * @param mostPoints how many the timelines of all operations may have together: of more, some become one
 */
export function reportOf(given: Result, prices: Prices | undefined, mostPoints = Number.POSITIVE_INFINITY): Report {
  const result = judged(given);
  const { run, totals, series, endpoints, timeline } = result;
  const seconds = measuredMs(run) / 1000;
  const measured = measuredPoints(run, timeline);
  const rates = (figures: Figures) => ratesOf(figures, seconds);
  const cost = prices && costOf(result, prices);
  return {
    schema: REPORT_SCHEMA,
    run: {
      id: run.id,
      tests: run.tests,
      startedAt: run.startedAt,
      seconds: run.durationMs / 1000,
      measuredSeconds: seconds,
      ...(run.warmup === undefined ? {} : { warmup: run.warmup }),
      ...(run.endedBy === undefined ? {} : { endedBy: run.endedBy }),
      ...(run.httpProxies === undefined ? {} : { httpProxies: run.httpProxies }),
      seed: run.seed,
      backend: run.backend,
      versions: run.versions,
      config: shownConfig(run.config),
      loads: run.loads,
      schedule: run.schedule,
    },
    interrupted: result.interrupted,
    partial: result.partial,
    // `judged` gives one.
    verdict: result.verdict as Verdict,
    warnings: result.warnings,
    total: ratesOf(sumOf(totals), seconds),
    operations: totals.map((total) => {
      const slots = slotsOf(pointsOf(measured, total));
      const opsSpread = spreadOf(slots, ({ ops }) => ops);
      const bytesSpread = spreadOf(slots, ({ bytes }) => bytes);
      return {
        test: total.test,
        op: total.op,
        ...rates(total),
        ...(opsSpread === undefined ? {} : { opsSpread }),
        ...(bytesSpread === undefined ? {} : { bytesSpread }),
      };
    }),
    sizes: series.map((each) => ({
      test: each.test,
      ...(each.phase === undefined ? {} : { phase: each.phase }),
      op: each.op,
      size: each.size,
      ...rates(each),
    })),
    endpoints: endpoints.map((each) => ({ test: each.test, op: each.op, endpoint: each.endpoint, ...rates(each) })),
    losses: lossesOf(result),
    outages: result.outages ?? [],
    workers: result.workers,
    connections: result.connections.map(({ lifetime, ...counts }) => ({
      ...counts,
      ...(lifetime === undefined ? {} : { lifetime: latencyOf(lifetime) }),
    })),
    errors: errorsOf(result),
    thresholds: result.thresholds,
    stages: stagesOf(result),
    generator: result.generator,
    ...(cost === undefined ? {} : { cost }),
    timeline: totals.map((total) => ({
      test: total.test,
      op: total.op,
      points: grouped(pointsOf(timeline, total), Math.max(2, Math.floor(mostPoints / totals.length))).map(linePoint),
    })),
    distribution: totals.flatMap(({ test, op, latency }) =>
      latency === undefined ? [] : [{ test, op, points: curveOf(latency) }],
    ),
    exact: totals.every(({ latency }) => latency === undefined || latency.kind === 'hdr'),
  };
}

/** Settings that are known, and not secret: whatever a Result holds beside them. */
function shownConfig(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const shown = Object.entries(settings).filter(([name, s]) => !('secret' in s) && config[name] !== undefined);
  return Object.fromEntries(shown.map(([name]) => [name, config[name]]));
}

function ratesOf(figures: Figures, seconds: number): Rates {
  const perSecond = (n: number) => (seconds > 0 ? n / seconds : 0);
  const { ops, bytes, errors, retries, redirected, misses = 0, objects = 0, latency, ttfb, errorLatency } = figures;
  return {
    ops,
    opsPerSecond: perSecond(ops),
    bytes,
    bytesPerSecond: perSecond(bytes),
    errors: errorCount(figures),
    errorsByClass: errors,
    ...(retries === undefined ? {} : { retries }),
    ...(redirected === undefined ? {} : { redirected }),
    misses,
    objects,
    objectsPerSecond: perSecond(objects),
    ...(latency === undefined ? {} : { latency: latencyOf(latency) }),
    ...(ttfb === undefined ? {} : { ttfb: latencyOf(ttfb) }),
    ...(errorLatency === undefined ? {} : { errorLatency: latencyOf(errorLatency) }),
  };
}

/** Counts of all: latencies of different operations say nothing as one. */
function sumOf(all: readonly Figures[]): Figures {
  const { ops, bytes, misses } = sum(all);
  const errors: Partial<Record<ErrorClass, number>> = {};
  for (const figures of all) {
    for (const [name, n] of Object.entries(figures.errors) as [ErrorClass, number][]) {
      errors[name] = (errors[name] ?? 0) + n;
    }
  }
  return { ops, bytes, misses, errors, objects: all.reduce((n, { objects = 0 }) => n + objects, 0) };
}

function pointsOf(timeline: readonly TimelinePoint[], of: { test: string; op: string }): TimelinePoint[] {
  return timeline.filter(({ test, op }) => test === of.test && op === of.op);
}

/** In groups of equal size, so many of them at most. */
function grouped(points: readonly TimelinePoint[], most: number): TimelinePoint[][] {
  const size = Math.max(1, Math.ceil(points.length / most));
  const groups: TimelinePoint[][] = [];
  for (let i = 0; i < points.length; i += size) groups.push(points.slice(i, i + size));
  return groups;
}

function linePoint(points: readonly TimelinePoint[]): LinePoint {
  const sum = (of: (point: TimelinePoint) => number) => points.reduce((all, point) => all + of(point), 0);
  const ms = sum((point) => point.ms);
  const [p50, p99] = percentilesOf(points, [50, 99]) ?? [];
  return {
    seconds: ((points[0]?.t ?? 0) + ms / 2) / 1000,
    ms,
    opsPerSecond: sum(({ ops }) => ops) / (ms / 1000),
    bytesPerSecond: sum(({ bytes }) => bytes) / (ms / 1000),
    errors: sum(({ errors }) => errors),
    misses: sum(({ misses = 0 }) => misses),
    objects: sum(({ objects = 0 }) => objects),
    ...(p50 === undefined || p99 === undefined ? {} : { p50, p99 }),
  };
}

/** As far as there are operations beyond. */
function curveOf(latency: Distribution): Curve['points'] {
  const { count } = latency;
  return RANKS.filter((percent) => percent === 50 || count * (100 - percent) >= 100 - 1e-6).map((percent) => ({
    percent,
    ms: percentile(latency, percent) ?? 0,
    enough: isEnough(count, percent),
  }));
}

function errorsOf({ totals, errorSamples }: Result): ErrorRow[] {
  const { ops, errors, misses } = sum(totals);
  const rows = new Map<ErrorClass, { count: number; byOperation: { test: string; op: string; count: number }[] }>();
  for (const { test, op, errors: byClass } of totals) {
    for (const [name, count] of Object.entries(byClass) as [ErrorClass, number][]) {
      const row = rows.get(name) ?? { count: 0, byOperation: [] };
      row.count += count;
      row.byOperation.push({ test, op, count });
      rows.set(name, row);
    }
  }
  return [...rows]
    .map(([name, row]): ErrorRow => {
      const sample = errorSamples.find((each) => each.class === name);
      const [, status, code] = /^(\d{3})(?: ([^\s:]+))?(?=[:\s]|$)/.exec(sample?.message ?? '') ?? [];
      return {
        class: name,
        count: row.count,
        share: row.count / Math.max(1, ops + errors + misses),
        byOperation: row.byOperation,
        ...(sample === undefined ? {} : { sample: sample.message, sampleOp: sample.op }),
        ...(status === undefined ? {} : { status: Number(status) }),
        ...(code === undefined || code.startsWith('(') ? {} : { code }),
      };
    })
    .sort((a, b) => b.count - a.count);
}
