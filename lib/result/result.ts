/**
 * The contract between k6 and everything that reads what a run measured: one JSON document a k6 process, and merging
 * several gives one again. Pure; runs in k6 and in Node.
 */

import type { ErrorClass } from '../s3/classify';
import type { Distribution } from './distribution';

export const SCHEMA = 's3loadtest/result@1';

/** Figures of some operations. Latencies in milliseconds; a distribution is left out when nothing was counted. */
export interface Figures {
  /** Successes only. */
  readonly ops: number;
  /** Payload bytes of successes. */
  readonly bytes: number;
  /** Failed attempts by class. Retries are attempts of their own. */
  readonly errors: Partial<Record<ErrorClass, number>>;
  /** Keys that successes listed or deleted, of operations that do so. */
  readonly objects?: number;
  /** Asked for, and deleted by another meanwhile: neither successes nor errors. Where nobody deletes, they are errors. */
  readonly misses?: number;
  /** Failed attempts that were repeated: those of `errors` beyond them were an operation's last. */
  readonly retries?: number;
  /** Requests whose turn it was to go to the endpoint, or to one of those, while it was left out, and that went to another. */
  readonly redirected?: number;
  /** Successes whose content was compared with what was written, and is that. */
  readonly verified?: number;
  /** From the call to the last byte, connecting included, of successes. */
  readonly latency?: Distribution | undefined;
  /** From the request's last byte to the answer's first, of successes. None for a multipart PUT. */
  readonly ttfb?: Distribution | undefined;
  /** Of failed attempts. */
  readonly errorLatency?: Distribution | undefined;
}

/** What a series is of. */
export interface Series extends Figures {
  readonly test: string;
  /** The phase of the test's load, where several are counted apart. */
  readonly phase?: string;
  readonly op: string;
  /** A size label; 'none' for operations on no object. */
  readonly size: string;
}

/** Figures of one operation over all sizes, exact where the series' sum would be merged. */
export interface Total extends Figures {
  readonly test: string;
  readonly op: string;
}

/** Figures of one operation at one endpoint, over all sizes. */
export interface EndpointSeries extends Total {
  readonly endpoint: string;
}

/**
 * A time in which an endpoint was away: it answered nothing, and was left out, refused or cut off three requests at least. To the
 * interval in which k6 told of it, a second as a rule. Of several workers it is the time in which it was away for one at least.
 */
export interface Outage {
  readonly endpoint: string;
  /** Milliseconds from the run's start. */
  readonly t: number;
  readonly ms: number;
}

/** What one operation did within one interval. */
export interface TimelinePoint {
  /** Milliseconds from the run's start to the interval's. */
  readonly t: number;
  /** Length of the interval in milliseconds. */
  readonly ms: number;
  readonly test: string;
  readonly op: string;
  readonly ops: number;
  readonly bytes: number;
  readonly errors: number;
  /** As in Figures, where they are of use. */
  readonly objects?: number;
  readonly misses?: number;
  /** Latencies of successes, as lib/result/histogram.ts encodes them, coarsely; none from stock k6. */
  readonly histogram?: string;
}

/** Connections held open on purpose, by the operation each of them slowly does. */
export interface Connections {
  readonly test: string;
  readonly op: string;
  readonly endpoint: string;
  /** Most at once. */
  readonly peakOpen: number;
  readonly opened: number;
  /** By how they ended: completed, reset, timeout, rejected, closed (by us), and refused, which were never opened. */
  readonly ended: Readonly<Record<string, number>>;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** How long those lived that ended. */
  readonly lifetime?: Distribution | undefined;
}

/** A time in which a load was to be on, milliseconds from the run's start. */
export interface ScheduledPhase {
  readonly test: string;
  readonly scenario: string;
  readonly phase: string;
  readonly startMs: number;
  readonly endMs: number;
}

/** One k6 scenario's part of the load. */
export interface LoadShare {
  readonly test: string;
  readonly scenario: string;
  readonly vus: number;
  /** That its VU holds open, where they are what its load is. */
  readonly connections?: number;
  /** Part of the whole, 0 to 1. */
  readonly share: number;
}

export interface ThresholdResult {
  readonly metric: string;
  readonly expr: string;
  readonly ok: boolean;
}

/** What the load generator itself used; null where it could not be measured, as under bare `k6 run`. */
export interface Generator {
  /**
   * CPU seconds, and cores used on average; and seconds that its threads were ready to run while no core was free, where the
   * system tells.
   */
  readonly cpu: { readonly seconds: number; readonly cores: number; readonly waitSeconds?: number } | null;
  /** Most resident memory, bytes. */
  readonly memory: { readonly peakBytes: number } | null;
  /** Cores it may use. */
  readonly cores: number | null;
  /** Cores that all programs of the machine together used on average, and that there are. */
  readonly machine?: { readonly busyCores: number; readonly cores: number };
  /** The machine's network links while the load was on, bytes, and what each can carry in one direction. */
  readonly links?: readonly NetworkLink[];
  /** The same while it went on: points of equal length, in order. */
  readonly timeline?: readonly GeneratorPoint[];
  readonly vus: number;
  readonly iterations: number;
  /** Operations that an arrival rate asked for and no VU was free to begin. */
  readonly droppedIterations: number;
  /** Iterations that ended with an exception of the script; left out when there are none. */
  readonly exceptions?: number;
  /** Further attempts after a failure. */
  readonly retries: number;
  /** What k6's connections carried while the load was on: headers, TLS and what never became an operation included. */
  readonly traffic?: { readonly receivedBytes: number; readonly sentBytes: number };
}

export interface NetworkLink {
  readonly name: string;
  readonly bitsPerSecond: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** What load generators used within one interval, all machines together. */
export interface GeneratorPoint {
  /** Milliseconds from the run's start to the interval's. */
  readonly t: number;
  readonly ms: number;
  /** Cores that k6 used. */
  readonly cores: number;
  /** Cores that all programs used. */
  readonly busyCores?: number;
  /** Resident memory of k6 at its end, bytes. */
  readonly memoryBytes: number;
}

export interface ErrorSample {
  readonly class: ErrorClass;
  readonly op: string;
  readonly message: string;
}

export interface Worker {
  readonly id: string;
  readonly host: string;
  readonly segment: string;
  readonly clockOffsetMs: number;
  /** How much later its load began than the run's. */
  readonly startSkewMs: number;
  /** k6's exit code. */
  readonly exit: number;
  /** Since when nothing was heard of it, milliseconds from the run's start, and why: its figures end there. */
  readonly lost?: { readonly atMs: number; readonly why: string };
  /** What it did and used, of several. */
  readonly ops?: number;
  readonly bytes?: number;
  readonly errors?: number;
  readonly vus?: number;
  readonly cpu?: Generator['cpu'];
  readonly memory?: Generator['memory'];
  readonly cores?: Generator['cores'];
}

/** Everything that may be said against a run's figures. */
export type WarningCode =
  | 'tls-not-verified'
  | 'not-verified'
  | 'unmet-demand'
  | 'script-exceptions'
  | 'many-misses'
  | 'generator-cpu'
  | 'generator-vus'
  | 'generator-network'
  | 'few-samples'
  | 'worker-lost'
  | 'worker-late'
  | 'clock-offset'
  | 'fresh-reads'
  | 'many-errors'
  | 'unsteady'
  | 'uneven-endpoints'
  | 'endpoint-away';

/** A reason to trust the figures less, with what to do about it. */
export interface Warning {
  readonly code: WarningCode;
  readonly message: string;
  readonly remedy: string;
}

/** What kept a run from being faster. */
export interface Verdict {
  /** `neither`: all that was asked for was served. `unknown`: the evidence does not say. */
  readonly limit: 'store' | 'generator' | 'neither' | 'unknown';
  /** One sentence. */
  readonly message: string;
  /** What it rests on, a sentence each. */
  readonly evidence: readonly string[];
}

/** What a run is, known when its load begins. */
/** One search of one process for objects to read. */
export interface Discovery {
  /** LISTs that it sent. */
  readonly requests: number;
  /** Keys that it found. */
  readonly objects: number;
  readonly ms: number;
  /** It was not ended by its limits, and no listing failed. */
  readonly complete: boolean;
}

export interface RunHead {
  readonly id: string;
  readonly tests: readonly string[];
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly seed: number;
  readonly backend: string;
  readonly versions: Readonly<Record<string, string>>;
  /** The settings, without secrets. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly loads: readonly LoadShare[];
  /** Of loads that are not on from start to end. */
  readonly schedule: readonly ScheduledPhase[];
  /** In percent: where the values of distributions by quantiles stand. */
  readonly quantiles: readonly number[];
  /** Objects that were in the bucket to be read when the load began, bytes of them in all: of runs that read. */
  readonly readable?: { readonly objects: number; readonly bytes: number };
  /** What looking for them came to, before the load and outside its figures: of runs that listed the bucket for it. */
  readonly discovery?: Discovery;
  /** host:port of the HTTP proxies that requests went through, where they did. */
  readonly httpProxies?: readonly string[];
}

/** The start of a run, kept out of its figures. */
export interface Warmup {
  /** From the run's start: to the end of the interval in which the time asked for was over. */
  readonly ms: number;
  readonly ops: number;
  readonly bytes: number;
  readonly errors: number;
}

export interface Result {
  readonly schema: typeof SCHEMA;
  readonly run: RunHead & {
    /** From the first operation's start to the last one's end. */
    readonly durationMs: number;
    /** What was cut: the timeline and held connections have it, no other figure has. */
    readonly warmup?: Warmup;
    /** Why it ended before its time: throughput had become steady. */
    readonly endedBy?: 'steady';
  };
  readonly series: readonly Series[];
  readonly totals: readonly Total[];
  readonly endpoints: readonly EndpointSeries[];
  /** In the order of their times, a warm-up's included; left out where there were none, and by stock k6, which has no timeline. */
  readonly outages?: readonly Outage[];
  readonly connections: readonly Connections[];
  readonly timeline: readonly TimelinePoint[];
  readonly thresholds: readonly ThresholdResult[];
  readonly generator: Generator;
  readonly workers: readonly Worker[];
  /** One a class, where one was heard. */
  readonly errorSamples: readonly ErrorSample[];
  readonly warnings: readonly Warning[];
  /** Of what the CLI has looked at. */
  readonly verdict?: Verdict;
  readonly interrupted: boolean;
  readonly partial: boolean;
}

/** Attempts that failed, all classes together. */
export function errorCount(figures: Figures): number {
  return Object.values(figures.errors).reduce((sum, n) => sum + n, 0);
}

/** Successes, payload bytes, failed attempts and misses of all of them. */
export function sum(all: readonly Figures[]): { ops: number; bytes: number; errors: number; misses: number } {
  const total = { ops: 0, bytes: 0, errors: 0, misses: 0 };
  for (const figures of all) {
    total.ops += figures.ops;
    total.bytes += figures.bytes;
    total.errors += errorCount(figures);
    total.misses += figures.misses ?? 0;
  }
  return total;
}

/** How long the time is that figures are of, milliseconds: rates are by this. */
export function measuredMs({ durationMs, warmup }: Result['run']): number {
  return Math.max(0, durationMs - (warmup?.ms ?? 0));
}

/** The points of a timeline that figures are of, too: one that has some of the warm-up in it is none. */
export function measuredPoints<T extends { readonly t: number }>({ warmup }: Result['run'], points: readonly T[]): T[] {
  return points.filter(({ t }) => t >= (warmup?.ms ?? 0));
}

/** Connections that are open, or were when the run was cut off. */
export function stillOpen({ opened, ended }: Pick<Connections, 'opened' | 'ended'>): number {
  const all = Object.entries(ended).reduce((n, [how, count]) => (how === 'refused' ? n : n + count), 0);
  return Math.max(0, opened - all);
}

/** Whether anything was achieved: an operation succeeded, or a connection that was to be held was opened and not rejected. */
export function achieved({ totals, connections }: Pick<Result, 'totals' | 'connections'>): boolean {
  return sum(totals).ops > 0 || connections.some(({ opened, ended }) => opened > (ended.rejected ?? 0));
}

/** Reads that succeeded, and how many of those were verified. */
export function readsOf(totals: readonly Total[]): { reads: number; verified: number } {
  const of = (figure: 'ops' | 'verified') =>
    totals.reduce((n, total) => n + (total.op === 'GET' ? (total[figure] ?? 0) : 0), 0);
  return { reads: of('ops'), verified: of('verified') };
}

/**
 * A Result out of its JSON.
 * @throws Error saying what the text is instead: no JSON, or a Result of another schema.
 */
export function parseResult(json: string): Result {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (e) {
    throw new Error(`not JSON: ${(e as Error).message}`);
  }
  const schema = (value as { schema?: unknown } | null)?.schema;
  if (schema !== SCHEMA) throw new Error(`schema is ${JSON.stringify(schema)}, this version reads ${SCHEMA}`);
  return value as Result;
}
