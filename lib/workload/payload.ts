/**
 * Bodies that neither compress nor repeat, made cheaply: cut from a pool of random bytes, with fresh random bytes stamped
 * into every 4 KiB, so that no two bodies are alike to a store that looks for repeated blocks.
 */
import type { Body } from '../s3/engine';
import type { PartedBody } from '../s3/multipart';

/** The block in which stores look for duplicates, or a divisor of theirs. */
const BLOCK = 4096;
const STAMP = 8;
const SMALLEST_POOL = 64 * 1024;
/** Bodies up to here have a buffer of their own, if their sizes are no more than these. */
const SMALL = 16 * 1024;
const MOST_SMALL = 64;
/** S3's limit on the parts of an upload: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const MOST_PARTS = 10_000;
/** Copies of a body that k6 makes on its way out, and garbage not yet collected: 34 MB a VU were measured with 8 MB parts. */
const COPIES = 5;
/** A VU without its bodies: from 100 to 500 VUs with bodies of 1 KB k6 grew by 1.14 MB each by http, 0.7 MB by native. */
const VU_BYTES = 850 * 1024;

/** Bytes of one part, for a body that goes in parts: the part size, or more where S3's 10,000 parts would not do. */
export function partBytesFor(bytes: number, partSize: number): number {
  return Math.max(partSize, Math.ceil(bytes / MOST_PARTS / BLOCK) * BLOCK);
}

/** The largest piece of any of these bodies that is in memory at once. */
export function largestPiece(sizes: readonly number[], partSize: number): number {
  return Math.max(0, ...sizes.map((bytes) => (bytes > partSize ? partBytesFor(bytes, partSize) : bytes)));
}

/**
 * Memory, in bytes, that a run may come to need: every VU with its largest piece under way, or so many parts of it `atOnce`, and
 * with so many copies `more` of it than a plain body has.
 */
export function memoryNeed(vus: number, sizes: readonly number[], partSize: number, atOnce = 1, more = 0): number {
  const underWay = sizes.map((bytes) => Math.min(bytes, largestPiece([bytes], partSize) * atOnce));
  return vus * (VU_BYTES + (COPIES + more) * Math.max(SMALLEST_POOL, ...underWay));
}

/** Bytes that bodies of these sizes are cut from. */
export function poolBytesFor(sizes: readonly number[], partSize: number): number {
  return Math.max(SMALLEST_POOL, Math.ceil(largestPiece(sizes, partSize) / 4) * 4);
}

/** One VU's bodies. */
export interface Payload {
  /** A new body, to be sent before the next one is asked for. */
  body(bytes: number): Body;
  /** A large body, to be sent part by part. */
  parts(bytes: number): PartedBody;
}

/** Bodies cut from one pool. */
export interface CutPayload extends Payload {
  body(bytes: number): ArrayBuffer;
}

/** Bodies that the native backend makes: only their lengths are said. */
export function describePayload(partSize: number): Payload {
  const bodies = new Map<number, Body>();
  return {
    body: (bytes) => {
      let body = bodies.get(bytes);
      if (body === undefined) {
        body = { bytes };
        if (bodies.size < MOST_SMALL) bodies.set(bytes, body);
      }
      return body;
    },
    parts: (bytes) => {
      const partBytes = partBytesFor(bytes, partSize);
      const part = (i: number) => ({ bytes: Math.min(partBytes, bytes - i * partBytes), offset: i * partBytes });
      return { bytes, partBytes, part };
    },
  };
}

interface Buffered {
  readonly buffer: ArrayBuffer;
  readonly words: Uint32Array;
}

/** `sizes` are all that will be asked for. The pool is filled with the first body: a VU that only reads has none. */
export function createPayload(
  sizes: readonly number[],
  partSize: number,
  randomBytes: (n: number) => ArrayBuffer,
): CutPayload {
  const poolBytes = poolBytesFor(sizes, partSize);
  // Small bodies have a buffer each, stamped anew: cutting them out of the pool would leave k6 a buffer to collect each time.
  const small = new Map<number, Buffered>();
  let large: Buffered | undefined;
  let count = Math.floor(Math.random() * 0x1_0000_0000);

  const fill = (bytes: number): Buffered => {
    const isSmall = bytes <= SMALL && bytes >= STAMP && small.size < MOST_SMALL;
    const buffer = randomBytes(isSmall ? bytes : poolBytes);
    const filled = { buffer, words: new Uint32Array(buffer, 0, Math.floor(buffer.byteLength / 4)) };
    if (isSmall) small.set(bytes, filled);
    else large = filled;
    return filled;
  };

  const body = (bytes: number): ArrayBuffer => {
    let from = 0;
    let own = bytes <= SMALL && bytes >= STAMP ? small.get(bytes) : large;
    if (own === undefined) own = small.size < MOST_SMALL || large === undefined ? fill(bytes) : large;
    if (own === large) from = Math.floor(Math.random() * (Math.floor((poolBytes - bytes) / 4) + 1));
    const words = own.words;
    // A random number and a count make each block unlike any other; a body of less than both has as much as fits.
    const end = bytes < STAMP ? from : from + (bytes - STAMP) / 4;
    for (let at = from; at <= end; at += BLOCK / 4) {
      words[at] = Math.random() * 0x1_0000_0000;
      words[at + 1] = count++;
    }
    if (own.buffer.byteLength === bytes) return own.buffer;
    return own.buffer.slice(from * 4, from * 4 + bytes);
  };

  return {
    body,
    parts: (bytes) => {
      const partBytes = partBytesFor(bytes, partSize);
      return { bytes, partBytes, part: (i) => body(Math.min(partBytes, bytes - i * partBytes)) };
    },
  };
}
