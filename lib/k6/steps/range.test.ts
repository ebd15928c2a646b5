import { expect, test } from 'vitest';
import type { Arguments, Reply } from '../../s3/engine';
import { seeded } from '../../workload/random';
import { rangedRead } from './range';

/** What reads of an object ask for: expected bytes, and the range. */
function readsOf(length: number, bytes: number | undefined, times: number): [number | undefined, string | undefined][] {
  const reads: [number | undefined, string | undefined][] = [];
  const read = (_: string, __: string, load?: unknown, more?: Arguments): Reply => {
    reads.push([load as number | undefined, more?.headers?.range]);
    return { status: 206, bytes: 0, ms: 1, endpoint: 'e:1' };
  };
  const ranged = rangedRead(length, seeded(1));
  for (let i = 0; i < times; i++) void ranged(read, 'key', '1KB', bytes);
  return reads;
}

test('parts begin at multiples, and the last is as long as what is left', () => {
  const reads = new Map(readsOf(100, 250, 200).map(([expected, range]) => [range, expected]));
  expect(Object.fromEntries(reads)).toEqual({ 'bytes=0-99': 100, 'bytes=100-199': 100, 'bytes=200-249': 50 });
});

test.each([100, 50])('an object of %d bytes is read whole', (bytes) => {
  expect(readsOf(100, bytes, 1)).toEqual([[bytes, undefined]]);
});

test('of an object whose length is not known, the first part', () => {
  expect(readsOf(100, undefined, 1)).toEqual([[undefined, 'bytes=0-99']]);
});
