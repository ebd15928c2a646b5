import { createHash, randomBytes as nodeRandomBytes } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createPayload, largestPiece, memoryNeed, partBytesFor } from './payload';

afterEach(() => {
  vi.restoreAllMocks();
});

const KB = 1024;
const MB = 1024 * KB;
const GB = 1024 * MB;

/** As k6/crypto's: an ArrayBuffer of just that many bytes. */
const randomBytes = (n: number): ArrayBuffer => new Uint8Array(nodeRandomBytes(n)).buffer;

/** A copy: a payload may use its buffer again for the next body. */
const copy = (body: ArrayBuffer): Buffer => Buffer.from(body.slice(0));
const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('base64');

const PART = 5 * MB;
/** Words are 4 bytes, stamps 8, blocks 4 KiB, small bodies up to 16 KiB, the least pool 64 KiB: all of them, and beside them. */
const LENGTHS = [
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 1000, KB],
  ...[4 * KB - 1, 4 * KB, 4 * KB + 1, 4 * KB + 7, 10 * KB, 16 * KB - 1, 16 * KB, 16 * KB + 1, 16 * KB + 2, 16 * KB + 3],
  ...[64 * KB - 1, 64 * KB, 64 * KB + 1, 100_001, MB + 1, PART - 1, PART],
];

describe('a body', () => {
  test.each(LENGTHS)('of %i bytes has that many, wherever it is cut', (bytes) => {
    // Alone, in a pool of its own, and with a larger one, out of whose pool it is cut.
    for (const sizes of [[bytes], [bytes, PART]]) {
      for (const dice of [0, 0.25, 0.5, 0.75, 1 - 2 ** -53]) {
        vi.spyOn(Math, 'random').mockReturnValue(dice);
        const payload = createPayload(sizes, PART, randomBytes);
        expect(payload.body(bytes).byteLength, `dice ${dice}`).toBe(bytes);
        expect(payload.body(bytes).byteLength, `again, dice ${dice}`).toBe(bytes);
        vi.restoreAllMocks();
      }
    }
  });

  test.each(LENGTHS.filter((bytes) => bytes <= MB + 1))('of %i bytes does not compress', (bytes) => {
    const payload = createPayload([bytes], PART, randomBytes);
    for (let i = 0; i < 3; i++) {
      expect(deflateSync(payload.body(bytes), { level: 6 }).length).toBeGreaterThanOrEqual(0.98 * bytes);
    }
  });

  // Of 7 bytes and fewer there are too few for any two to differ: of one byte, 256.
  test.each(LENGTHS.filter((bytes) => bytes >= 8 && bytes <= 100_001))('of %i bytes is like no other', (bytes) => {
    const seen = new Set<string>();
    for (let vu = 0; vu < 4; vu++) {
      const payload = createPayload([bytes], PART, randomBytes);
      for (let i = 0; i < 50; i++) seen.add(hash(copy(payload.body(bytes))));
    }
    expect(seen.size).toBe(200);
  });

  test('is like no other, though the dice always fall the same', () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    for (const bytes of [8, KB, 16 * KB + 1, 64 * KB]) {
      const payload = createPayload([bytes], PART, randomBytes);
      expect(new Set(Array.from({ length: 50 }, () => hash(copy(payload.body(bytes))))).size).toBe(50);
    }
  });

  test.each([
    { bytes: 4, least: 195, why: 'of 4 bytes there are enough' },
    { bytes: 7, least: 200, why: 'of 7 even more' },
    { bytes: 1, least: 100, why: 'of one byte, most of the 256 there are' },
  ])('of $bytes bytes is often another: $why', ({ bytes, least }) => {
    const payload = createPayload([bytes], PART, randomBytes);
    const seen = new Set(Array.from({ length: 200 }, () => hash(copy(payload.body(bytes)))));
    expect(seen.size).toBeGreaterThanOrEqual(least);
  });

  test('shares no aligned block of 4 KiB with another, of whatever size: nothing for a store to find twice', () => {
    const sizes = [4 * KB, 10 * KB, 16 * KB, 20 * KB, 64 * KB, 100 * KB + 1, MB];
    const blocks = new Set<string>();
    let all = 0;
    for (let vu = 0; vu < 2; vu++) {
      const payload = createPayload(sizes, PART, randomBytes);
      for (let i = 0; i < 5; i++) {
        for (const bytes of sizes) {
          const body = copy(payload.body(bytes));
          for (let at = 0; at + 4 * KB <= bytes; at += 4 * KB, all++) blocks.add(hash(body.subarray(at, at + 4 * KB)));
        }
      }
    }
    expect(blocks.size).toBe(all);
  });

  test('costs a VU that only reads no memory', () => {
    const filled = vi.fn(randomBytes);
    const payload = createPayload([100 * KB], PART, filled);
    expect(filled).not.toHaveBeenCalled();
    payload.body(100 * KB);
    payload.body(100 * KB);
    expect(filled).toHaveBeenCalledTimes(1);
  });
});

describe('a body in parts', () => {
  test.each([
    { bytes: PART + 1, partSize: PART, lengths: [PART, 1], why: 'a last part of one byte' },
    { bytes: 2 * PART, partSize: PART, lengths: [PART, PART], why: 'two whole ones, and none of nothing' },
    { bytes: 12 * MB, partSize: PART, lengths: [PART, PART, 2 * MB], why: 'what is left' },
    {
      bytes: 2 * PART + 3,
      partSize: PART + 1,
      lengths: [PART + 1, PART + 1, 1],
      why: 'a part size that is no number of words',
    },
  ])('$bytes bytes by $partSize: $why', ({ bytes, partSize, lengths }) => {
    const body = createPayload([bytes, KB], partSize, randomBytes).parts(bytes);
    expect([body.bytes, body.partBytes]).toEqual([bytes, partSize]);
    const parts = Array.from({ length: Math.ceil(bytes / body.partBytes) }, (_, i) =>
      copy(body.part(i) as ArrayBuffer),
    );
    expect(parts.map((part) => part.length)).toEqual(lengths);
    expect(lengths.reduce((sum, n) => sum + n, 0)).toBe(bytes);
    // The parts are cut from one pool, and are other blocks all the same.
    const blocks = parts.flatMap((part) =>
      Array.from({ length: Math.floor(part.length / (4 * KB)) }, (_, i) =>
        hash(part.subarray(i * 4 * KB, (i + 1) * 4 * KB)),
      ),
    );
    expect(new Set(blocks).size).toBe(blocks.length);
  });
});

test.each([
  { bytes: 100 * MB, partSize: 8 * MB, part: 8 * MB, why: 'as set' },
  { bytes: 80_000 * MB, partSize: 8 * MB, part: 8 * MB, why: 'just 10,000 parts' },
  {
    bytes: 80_000 * MB + 1,
    partSize: 8 * MB,
    part: 8 * MB + 4 * KB,
    why: 'a byte more makes larger parts, of whole blocks',
  },
  { bytes: 100 * GB, partSize: 8 * MB, part: 10_739_712, why: 'the largest object' },
  { bytes: 100 * GB, partSize: GB, part: GB, why: 'a part size that will do' },
])('$bytes bytes in parts of $partSize go in parts of $part: $why', ({ bytes, partSize, part }) => {
  expect(partBytesFor(bytes, partSize)).toBe(part);
  expect(Math.ceil(bytes / part)).toBeLessThanOrEqual(10_000);
});

test.each([
  { sizes: [], partSize: 8 * MB, piece: 0, why: 'no bodies' },
  { sizes: [KB, MB], partSize: 8 * MB, piece: MB, why: 'the largest body' },
  { sizes: [KB, 8 * MB], partSize: 8 * MB, piece: 8 * MB, why: 'whole, up to the part size' },
  { sizes: [KB, 100 * MB], partSize: 8 * MB, piece: 8 * MB, why: 'or a part of it' },
  { sizes: [100 * GB, KB], partSize: 8 * MB, piece: 10_739_712, why: 'which 10,000 parts make larger' },
])('of $sizes by $partSize, the largest piece in memory is $piece: $why', ({ sizes, partSize, piece }) => {
  expect(largestPiece(sizes, partSize)).toBe(piece);
});

describe('memoryNeed', () => {
  test('grows with the VUs, and with five copies of the largest piece', () => {
    const one = memoryNeed(1, [100 * MB], 8 * MB);
    expect(one).toBeGreaterThan(5 * 8 * MB);
    expect(one).toBeLessThan(5 * 8 * MB + 2 * MB);
    expect(memoryNeed(64, [100 * MB], 8 * MB)).toBe(64 * one);
    expect(memoryNeed(64, [KB, 100 * GB], 8 * MB)).toBeGreaterThan(64 * one);
  });

  test('is something for the smallest bodies, too', () => {
    expect(memoryNeed(1, [1], 8 * MB)).toBe(memoryNeed(1, [64 * KB], 8 * MB));
    expect(memoryNeed(2000, [KB], 8 * MB)).toBeGreaterThan(2000 * MB);
  });
});
