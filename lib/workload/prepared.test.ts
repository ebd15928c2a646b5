import { expect, test } from 'vitest';
import { placeOf, preparedOf, readPrepared, setsOf } from './prepared';

const keys = { before: 'loadtest/prepared/', after: '/w/1795825399259000/obj-', end: '-g1', sizes: ['1KB', '4KB'] };
const of = (objects: number, buckets: number) => ({
  endpoints: ['http://10.0.0.1:9000'],
  ...{ workload: 'w', id: '0a1b2c3d', startedAt: '', prefix: 'loadtest/', objects, keys, complete: true },
  buckets: Array.from({ length: buckets }, (_, n) => ({ name: `b-${n}` })),
});

test.each([
  [10, 1],
  [10, 3],
  [2, 5],
  [0, 2],
])('%d objects in %d buckets: each is in one, and the sets have all of them', (objects, buckets) => {
  const places = Array.from({ length: objects }, (_, i) => placeOf(i, buckets));
  const counts = setsOf(preparedOf(of(objects, buckets))).map(({ count }) => count);
  expect(counts).toEqual(counts.map((_, b) => places.filter(({ bucket }) => bucket === b).length));
  expect(counts.reduce((sum, n) => sum + n, 0)).toBe(objects);
  for (const { bucket, n } of places) expect(n).toBeLessThan(counts[bucket] as number);
});

test('what was written is read, and nothing else', () => {
  const prepared = preparedOf(of(10, 2));
  expect(readPrepared('m.json', JSON.stringify(prepared))).toEqual(prepared);
  for (const text of [
    '',
    '[]',
    'null',
    '{}',
    '{"schema":"s3loadtest-prepared/1"}',
    JSON.stringify({ ...prepared, objects: 'x' }),
  ]) {
    expect(() => readPrepared('m.json', text)).toThrow(/^m\.json is no manifest of `s3loadtest prepare`/);
  }
});
