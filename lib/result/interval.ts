/**
 * What the histogram output of the project's k6 writes: one line of JSON for each interval, holding what happened in it.
 * Everything a Result tells of a run is the sum of its lines, so a run that is cut off is known up to its last one.
 * `extension/output` writes these, in Go. Types only.
 */

import type { ErrorClass } from '../s3/classify';
import type { ThresholdResult } from './result';

export const INTERVAL_SCHEMA = 's3loadtest/interval@1';

/**
 * An HDR histogram of microseconds, 3 significant digits, 1 µs to 24 h: HdrHistogram's V2 encoding, not compressed, in
 * base64. Longer times count as 24 h, and less than half a microsecond as 0.
 */
export type EncodedHistogram = string;

export interface Interval {
  readonly schema: typeof INTERVAL_SCHEMA;
  /** Counts the lines from 0: a gap is a loss. */
  readonly seq: number;
  /** When it began: milliseconds since 1970, by the clock of the machine that k6 runs on. */
  readonly t: number;
  /** How long it was, milliseconds. */
  readonly ms: number;
  /** Those of which something was counted in it. */
  /** Since k6 began, of all operations together: whoever comes by later need not read all lines. */
  readonly totals: { readonly ops: number; readonly bytes: number; readonly errors: number };
  readonly series: readonly IntervalSeries[];
  readonly connections: readonly IntervalConnections[];
  readonly generator: IntervalGenerator;
  /** On the last line of a k6 that ended in order. Thresholds stand by the names of their metrics: k6 keeps no other order. */
  readonly end?: { readonly thresholds: readonly ThresholdResult[] };
}

/** Figures of one operation on one size at one endpoint; what is 0 or nothing is left out. */
export interface IntervalSeries {
  readonly test: string;
  readonly phase?: string;
  readonly op: string;
  readonly size: string;
  readonly endpoint: string;
  /** Successes: s3_op_duration. */
  readonly ops?: number;
  readonly bytes?: number;
  readonly errors?: Partial<Record<ErrorClass, number>>;
  readonly objects?: number;
  readonly misses?: number;
  readonly retries?: number;
  /** Requests that were meant for this endpoint, which was left out, and that went to another. */
  readonly redirected?: number;
  /** Successes whose content was compared with what was written. */
  readonly verified?: number;
  readonly latency?: EncodedHistogram;
  readonly ttfb?: EncodedHistogram;
  readonly errorLatency?: EncodedHistogram;
}

/** Connections held open on purpose, by the operation each of them slowly does. */
export interface IntervalConnections {
  readonly test: string;
  readonly op: string;
  readonly endpoint: string;
  /** Now. */
  readonly open: number;
  /** In this interval; what is 0 is left out. */
  readonly opened?: number;
  /** Ended, by how: completed, reset, timeout, refused … */
  readonly ended?: Readonly<Record<string, number>>;
  readonly bytesSent?: number;
  readonly bytesReceived?: number;
  /** How long those that ended in it had lived. */
  readonly lifetime?: EncodedHistogram;
}

/** What k6 itself did and used. */
export interface IntervalGenerator {
  /** Of the process since its start, user and system. */
  readonly cpuSeconds: number;
  /** Resident, now. */
  readonly memoryBytes: number;
  readonly peakMemoryBytes: number;
  /** Active now. */
  readonly vus: number;
  /** In this interval. */
  readonly iterations: number;
  readonly droppedIterations: number;
  /** Iterations that ended with an exception of the script; left out when there are none. */
  readonly exceptions?: number;
  /** In this interval, of the connections of VUs under load: headers and TLS included. Told as their iterations end; left out when 0. */
  readonly receivedBytes?: number;
  readonly sentBytes?: number;
}
