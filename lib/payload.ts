/**
 * Bodies that neither compress nor repeat, made cheaply: cut from a pool of random bytes, with fresh random bytes stamped
 * into every 4 KiB, so that no two bodies are alike to a store that looks for repeated blocks.
 */
import type { PartedBody } from './s3/api';

/** The block in which stores look for duplicates, or a divisor of theirs. */
const BLOCK = 4096;
const STAMP = 8;
const SMALLEST_POOL = 64 * 1024;
/** Bodies up to here have a buffer of their own. */
const SMALL = 16 * 1024;
/** S3's limit on the parts of an upload: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const MOST_PARTS = 10_000;
/** Copies of a body that k6 makes on its way out, and what its garbage collector lets pile up; measured, see README. */
const COPIES = 5;
/** A VU of this bundle without any body; measured. */
const VU_BYTES = 400 * 1024;

/** Bytes of one part, for a body that goes in parts: the part size, or more where S3's 10,000 parts would not do. */
export function partBytesFor(bytes: number, partSize: number): number {
  return Math.max(partSize, Math.ceil(bytes / MOST_PARTS / BLOCK) * BLOCK);
}

/** The largest piece of any of these bodies that is in memory at once. */
export function largestPiece(sizes: readonly number[], partSize: number): number {
  return Math.max(0, ...sizes.map((bytes) => (bytes > partSize ? partBytesFor(bytes, partSize) : bytes)));
}

/** Memory, in bytes, that a run may come to need: every VU with its largest piece under way. */
export function memoryNeed(vus: number, sizes: readonly number[], partSize: number): number {
  return vus * (VU_BYTES + COPIES * Math.max(SMALLEST_POOL, largestPiece(sizes, partSize)));
}

/** One VU's bodies. */
export interface Payload {
  /** A new body, to be sent before the next one is asked for. */
  body(bytes: number): ArrayBuffer;
  /** Whether a body of this many bytes goes in parts. */
  inParts(bytes: number): boolean;
  /** A large body, a part at a time out of the one pool. */
  parts(bytes: number): PartedBody;
}

/** `sizes` are all that will be asked for. The pool is filled with the first body: a VU that only reads has none. */
export function createPayload(
  sizes: readonly number[],
  partSize: number,
  randomBytes: (n: number) => ArrayBuffer,
): Payload {
  const poolBytes = Math.max(SMALLEST_POOL, Math.ceil(largestPiece(sizes, partSize) / 4) * 4);
  let pool: ArrayBuffer | undefined;
  let words = new Uint32Array(0);
  // Small bodies have a buffer each, stamped anew: cutting them out of the pool would leave k6 a buffer to collect each time.
  const small = new Map<number, { buffer: ArrayBuffer; words: Uint32Array }>();
  let count = Math.floor(Math.random() * 0x1_0000_0000);

  /** Makes every block of the words from one index to another unlike any other: a random number, then a count. */
  const stamp = (into: Uint32Array, from: number, end: number): void => {
    for (let at = from; at <= end; at += BLOCK / 4) {
      into[at] = Math.random() * 0x1_0000_0000;
      into[at + 1] = count++;
    }
  };

  const smallBody = (bytes: number): ArrayBuffer => {
    let own = small.get(bytes);
    if (own === undefined) {
      const buffer = randomBytes(bytes);
      own = { buffer, words: new Uint32Array(buffer, 0, Math.floor(bytes / 4)) };
      small.set(bytes, own);
    }
    stamp(own.words, 0, (bytes - STAMP) / 4);
    return own.buffer;
  };

  const largeBody = (bytes: number): ArrayBuffer => {
    if (pool === undefined) {
      pool = randomBytes(poolBytes);
      words = new Uint32Array(pool);
    }
    const from = Math.floor(Math.random() * ((poolBytes - bytes) / 4 + 1));
    stamp(words, from, from + (bytes - STAMP) / 4);
    return bytes === poolBytes ? pool : pool.slice(from * 4, from * 4 + bytes);
  };

  const body = (bytes: number): ArrayBuffer => (bytes <= SMALL && bytes >= STAMP ? smallBody(bytes) : largeBody(bytes));

  return {
    body,
    inParts: (bytes) => bytes > partSize,
    parts: (bytes) => {
      const partBytes = partBytesFor(bytes, partSize);
      return { bytes, partBytes, part: (i) => body(Math.min(partBytes, bytes - i * partBytes)) };
    },
  };
}
