/** Requests that their own time limit ended while their bytes were on the way: no fault of the store's. Pure. */
import { type Result, sum } from '../../lib/result/result';
import { effectOf } from '../../lib/s3/commands';
import { parseSize } from '../../lib/settings/units';
import { configOf } from '../figures/config';

export interface CutOff {
  /** What set the limit, as an option, and the limit in milliseconds. */
  readonly option: '--timeout' | '--request-timeout';
  readonly limitMs: number;
  /** By the native backend, whose --timeout is no limit of whole requests. */
  readonly native: boolean;
  /** Requests that it ended, and bytes that those were of in all. */
  readonly requests: number;
  readonly bytes: number;
  /** Part of these bytes that had moved by then, 0 to 1. */
  readonly moved: number;
  /** What a whole request takes at this pace, milliseconds, on average. */
  readonly wholeMs: number;
}

export function cutOffRemedy({ native }: CutOff): string {
  const other = native ? 'leave it out' : 'take S3LOADTEST_BACKEND=native without it';
  return `raise --request-timeout, or ${other}: --timeout then ends only what does not move`;
}

/** Part of the bytes, below which they were not on the way, but a store that answers nothing. */
const LEAST_MOVED = 0.05;
/** Bytes of a request that a socket takes of a body while the store takes none: Linux keeps 4 MB at most. */
const BUFFERED_BYTES = 4 * 1024 ** 2;
/** Bytes of a request: smaller ones fit into the buffers of a connection, and show no pace. */
const LEAST_BYTES = 256 * 1024;

const HEAD_BYTES = 1024;
const LISTED_BYTES = 512;

/** Undefined where there is no limit of whole requests, it ended none, or it is not known what moved. */
export function cutOffOf({ run, series, totals, generator: { traffic } }: Result): CutOff | undefined {
  const {
    timeout,
    requestTimeout,
    range = Number.POSITIVE_INFINITY,
    partSize = Number.POSITIVE_INFINITY,
  } = configOf(run);
  // The native backend's --timeout ends what does not move.
  const native = run.backend === 'native';
  const limitMs = requestTimeout ?? (native ? undefined : timeout);
  if (limitMs === undefined || traffic === undefined) return undefined;
  const ways = [
    { effect: 'read', carried: traffic.receivedBytes, buffered: 0, whole: (bytes: number) => Math.min(bytes, range) },
    {
      effect: 'write',
      carried: traffic.sentBytes,
      buffered: BUFFERED_BYTES,
      whole: (bytes: number) => Math.min(bytes, partSize),
    },
  ] as const;
  // Heads, and XML: more than these are is taken for them, so that it does not pass for bodies.
  const { ops, errors: failures, misses } = sum(totals);
  const listed = totals.reduce((n, { objects = 0 }) => n + objects, 0);
  const overhead = (ops + failures + misses) * HEAD_BYTES + listed * LISTED_BYTES;
  let [requests, bytes, moved, certain] = [0, 0, 0, 0];
  for (const { effect, carried, buffered, whole } of ways) {
    let [ended, wanted] = [0, 0];
    for (const { op, size, errors } of series) {
      const each = whole(parseSize(size) ?? 0);
      if (effectOf(op) !== effect || errors.timeout === undefined || each < LEAST_BYTES) continue;
      ended += errors.timeout;
      wanted += errors.timeout * each;
    }
    const served = sum(totals.filter(({ op }) => effectOf(op) === effect)).bytes + overhead;
    const spare = Math.min(wanted, Math.max(0, carried - served));
    requests += ended;
    bytes += wanted;
    moved += spare;
    certain += Math.max(0, spare - ended * buffered);
  }
  if (bytes === 0 || certain < LEAST_MOVED * bytes) return undefined;
  const part = moved / bytes;
  const option = requestTimeout === undefined ? '--timeout' : '--request-timeout';
  return { option, limitMs, native, requests, bytes, moved: part, wholeMs: limitMs / part };
}
