import { expect, test } from 'vitest';
import { numbered } from '../../lib/workload/numbered';
import { preparedOf, setsOf } from '../../lib/workload/prepared';
import type { Entry, List } from './entry';
import { missingOf } from './missing';

const keys = {
  before: 'loadtest/prepared/',
  after: '/w/1795825399259000/obj-',
  end: '-g1',
  sizes: ['1KB', '4KB'],
  weights: [3, 1],
};

/** Buckets with all objects but those; pages of 100 in the order of a listing. */
function bucketsWithout(objects: number, buckets: number, gone: ReadonlySet<number>, more: readonly string[] = []) {
  const names = Array.from({ length: buckets }, (_, n) => ({ name: `b-${n}` }));
  const parts = {
    workload: 'w',
    id: '',
    startedAt: '',
    prefix: 'loadtest/',
    endpoints: [],
    objects,
    keys,
    buckets: names,
    complete: false,
  };
  return setsOf(preparedOf(parts)).map((set, b) => {
    const there = Array.from({ length: set.count }, (_, n) => n).filter((n) => !gone.has(n * buckets + b));
    const all = [...there.map((n) => numbered(set, n).key), ...more].sort();
    const list: List<Entry> = async ({ prefix, from }) => {
      const own = all.filter((key) => key.startsWith(prefix));
      const at = Number(from?.at ?? 0);
      const entries = own.slice(at, at + 100).map((key) => ({ key, bytes: 1024 }));
      return { entries, prefixes: [], ...(at + 100 < own.length && { next: { at: String(at + 100) } }) };
    };
    return { list, set };
  });
}

const look = (objects: number, buckets: number, gone: readonly number[], more: readonly string[] = []) =>
  missingOf(objects, bucketsWithout(objects, buckets, new Set(gone), more), new AbortController().signal, () => {});

test.each([
  ['nothing', 1000, 3, [], []],
  ['all of it', 5, 2, [0, 1, 2, 3, 4], [[0, 5]]],
  ['the end', 1000, 3, [998, 999], [[998, 1000]]],
  [
    'some in between',
    1000,
    4,
    [0, 7, 8, 500],
    [
      [0, 1],
      [7, 9],
      [500, 501],
    ],
  ],
])('missing is %s', async (_, objects, buckets, gone, ranges) => {
  expect(await look(objects, buckets, gone)).toEqual({ ranges, objects: gone.length });
});

test("keys that are no object's are none", async () => {
  const odd = ['obj-01-g1', 'obj-1', 'obj-99999-g1', 'obj-x-g1'].map(
    (end) => `loadtest/prepared/1KB/w/1795825399259000/${end}`,
  );
  expect(await look(10, 1, [1], odd)).toEqual({ ranges: [[1, 2]], objects: 1 });
});

test('many gaps are told as fewer, that hold all of them', async () => {
  const gone = Array.from({ length: 10_000 }, (_, n) => 2 * n);
  const { ranges, objects } = await look(20_000, 2, gone);
  expect(objects).toBe(10_000);
  expect(ranges.length).toBeLessThanOrEqual(2_000);
  expect(gone.every((i) => ranges.some(([from, to]) => from <= i && i < to))).toBe(true);
});
