import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { fakeS3, OK } from '../../test/fake-s3';
import type { ListOutcome, PageOptions } from '../../test/s3';
import { listKeys } from '../s3/listing';
import { type Finding, findKeys, type Search, type SearchLimits } from './find-keys';

interface Bucket {
  readonly list: Search['list'];
  readonly asked: PageOptions[];
}

/** A bucket that lists as S3 does: in order, a page at a time, what has a delimiter beyond the prefix as one. */
function bucketOf(
  objects: ReadonlyMap<string, number>,
  fails: (options: PageOptions) => boolean = () => false,
): Bucket {
  const keys = [...objects.keys()].sort();
  const asked: PageOptions[] = [];
  const listObjects = (options: PageOptions = {}): ListOutcome => {
    asked.push(options);
    const { prefix = '', delimiter, maxKeys = 1000, continuationToken: after = '' } = options;
    const page = { objects: [] as { key: string; bytes: number }[], prefixes: [] as string[] };
    if (fails(options)) {
      const failure = { errorClass: 'server', code: 'InternalError', message: '' } as const;
      return { ...OK, ...page, status: 500, failure };
    }
    let last = '';
    for (const key of keys) {
      if (!key.startsWith(prefix) || key <= after || (last.endsWith('/') && key.startsWith(last))) continue;
      if (after.endsWith('/') && key.startsWith(after)) continue;
      if (page.objects.length + page.prefixes.length === maxKeys) return { ...OK, ...page, next: last };
      const end = delimiter === undefined ? -1 : key.indexOf(delimiter, prefix.length);
      last = end === -1 ? key : key.slice(0, end + 1);
      if (end === -1) page.objects.push({ key, bytes: objects.get(key) as number });
      else page.prefixes.push(last);
    }
    return { ...OK, ...page };
  };
  const list = listKeys(fakeS3({ listObjects }));
  return { list: async (options) => list(options), asked };
}

const KB = { label: '1KB', bytes: 1024 };
const MB = { label: '1MB', bytes: 1024 ** 2 };

function written(workers: number, tests: readonly string[], each: number): Map<string, number> {
  const objects = new Map<string, number>();
  for (let w = 0; w < workers; w++) {
    for (const { label, bytes } of [KB, MB]) {
      for (const test of tests) {
        for (let i = 0; i < each; i++) {
          objects.set(`loadtest/w${w}/${label}/${test}/${1_763_726_400_000_000 + i}/1-abcd-${i}`, bytes);
        }
      }
    }
  }
  return objects;
}

const PLENTY: SearchLimits = { parallel: 8, requests: 10_000, ms: 60_000 };

/** Keys that a search which meets nothing in its way finds. */
async function found(list: Search['list'], sizes: Search['sizes'], most: number): Promise<Finding['keys']> {
  const { keys, complete, failure } = await findKeys({ list, prefix: 'loadtest/', sizes, most, limits: PLENTY });
  expect([complete, failure]).toEqual([true, undefined]);
  return keys;
}

describe('findKeys', () => {
  test('finds what every worker and test wrote, by size', async () => {
    const objects = written(2, ['firehose', 'ebb'], 3);
    const keys = await found(bucketOf(objects).list, [KB, MB], 1000);
    expect(Object.keys(keys).sort()).toEqual(['1KB', '1MB']);
    expect([...(keys['1KB'] ?? []), ...(keys['1MB'] ?? [])].sort()).toEqual([...objects.keys()].sort());
    expect(keys['1KB']?.every((key) => key.includes('/1KB/'))).toBe(true);
  });

  test('goes by the bytes an object has: what was cut short or named wrongly would be read as corrupt', async () => {
    const objects = new Map([
      ['loadtest/w0/1KB/t/1763726400000000/right', 1024],
      ['loadtest/w0/1KB/t/1763726400000000/short', 1000],
      ['loadtest/w0/1KB/t/1763726400000000/mega', 1024 ** 2],
      ['loadtest/w0/10KB/t/1763726400000000/unasked', 10_240],
    ]);
    expect(await found(bucketOf(objects).list, [KB, MB], 100)).toEqual({
      '1KB': ['loadtest/w0/1KB/t/1763726400000000/right'],
      '1MB': ['loadtest/w0/1KB/t/1763726400000000/mega'],
    });
  });

  test("leaves alone what is not of the layout, though it is under the prefix, and other people's prefixes", async () => {
    const objects = new Map([
      ['loadtest/readme', 1024],
      ['loadtest/a/b', 1024],
      ['loadtest/w0/1KB/t/notes', 1024],
      ['loadtest/w0/1KB/t/123/x', 1024],
      ['backup/w0/1KB/t/1763726400000000/x', 1024],
      ['loadtest2/w0/1KB/t/1763726400000000/x', 1024],
    ]);
    expect(await found(bucketOf(objects).list, [KB], 100)).toEqual({});
  });

  test.each([
    { name: 'few groups', workers: 2, most: 40, share: 5, why: 'an equal share of each' },
    { name: 'a remainder', workers: 3, most: 40, share: 3, why: 'rounded down, so that it is not more in all' },
    { name: 'one each', workers: 10, most: 40, share: 1, why: 'just enough' },
  ])('$name: at most as many as asked for, $why', async ({ workers, most, share }) => {
    const { list, asked } = bucketOf(written(workers, ['firehose', 'ebb'], 20));
    const keys = await found(list, [KB, MB], most);
    const groups = new Map<string, number>();
    for (const key of Object.values(keys).flat()) {
      const group = key.split('/').slice(0, 4).join('/');
      groups.set(group, (groups.get(group) ?? 0) + 1);
    }
    expect(groups.size).toBe(workers * 4);
    expect(new Set(groups.values())).toEqual(new Set([share]));
    // The bucket, each worker, each size of a worker, each test of that: no request more, whatever lies in the bucket.
    expect(asked).toHaveLength(1 + workers + workers * 2 + workers * 4);
  });

  test('more groups than keys asked for: one of each of some, of every size, and no more in all', async () => {
    const { list, asked } = bucketOf(written(100, ['firehose', 'ebb', 'tide'], 2));
    const keys = await found(list, [KB, MB], 120);
    expect(Object.values(keys).flat()).toHaveLength(120);
    expect(asked.filter(({ delimiter }) => delimiter === undefined)).toHaveLength(120);
    // 60 of 600 each, give or take what chance does in one of a million runs.
    for (const { label } of [KB, MB]) expect(keys[label]?.length).toBeGreaterThan(30);
    // Not the first workers' only: those that began first would be read by all.
    expect(new Set(Object.values(keys).flatMap((list) => list.map((key) => key.split('/')[1]))).size).toBeGreaterThan(
      40,
    );
  });

  test('asks for no longer page than S3 has', async () => {
    const { list, asked } = bucketOf(written(1, ['firehose'], 2));
    await found(list, [KB], 5000);
    expect(asked.map(({ maxKeys }) => maxKeys).filter((n) => n !== undefined)).toEqual([1000, 1000]);
  });

  test('folders beyond a page of a thousand are found', async () => {
    const objects = new Map<string, number>();
    for (let w = 0; w < 1500; w++) objects.set(`loadtest/w${w}/1KB/t/1763726400000000/x`, 1024);
    expect((await found(bucketOf(objects).list, [KB], 2000))['1KB']).toHaveLength(1500);
  });

  test('a bucket full of objects that are not ours, right under the prefix, does not keep it listing for ever', async () => {
    let asked = 0;
    const listObjects = (): ListOutcome => {
      if (++asked > 1000) expect.fail('still listing');
      return { ...OK, objects: [], prefixes: [], next: `page ${asked}` };
    };
    const list = listKeys(fakeS3({ listObjects }));
    expect(await found(async (options) => list(options), [KB], 100)).toEqual({});
  });

  test('an empty bucket has nothing to find, in one request', async () => {
    const { list, asked } = bucketOf(new Map());
    expect(await found(list, [KB], 100)).toEqual({});
    expect(asked).toEqual([{ prefix: 'loadtest/', delimiter: '/' }]);
  });

  test('says that a listing failed, and goes on with the rest', async () => {
    const fails = ({ prefix }: PageOptions) => prefix === 'loadtest/w0/' || prefix === 'loadtest/w1/1KB/t/';
    const { list } = bucketOf(written(2, ['t'], 1), fails);
    const { keys, complete, failure } = await findKeys({
      ...{ list, prefix: 'loadtest/', sizes: [KB, MB], most: 100, limits: PLENTY },
    });
    expect([complete, failure?.failure?.code]).toEqual([false, 'InternalError']);
    expect(keys).toEqual({ '1MB': ['loadtest/w1/1MB/t/1763726400000000/1-abcd-0'] });
  });

  test.each([1, 4, 16])('sends %d requests at once, and no more', async (parallel) => {
    const { list } = bucketOf(written(20, ['a', 'b'], 1));
    let [running, most] = [0, 0];
    const slow: Search['list'] = async (options) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 1));
      running--;
      return list(options);
    };
    await findKeys({ list: slow, prefix: 'loadtest/', sizes: [KB], most: 1000, limits: { ...PLENTY, parallel } });
    expect(most).toBe(parallel);
  });

  test.each([10, 64, 500])(
    'of %d requests some are left for keys, and it says that there were more',
    async (requests) => {
      const { list, asked } = bucketOf(written(100, ['a', 'b', 'c'], 1));
      const limits = { ...PLENTY, requests };
      const finding = await findKeys({ list, prefix: 'loadtest/', sizes: [KB, MB], most: 5000, limits });
      expect([finding.complete, finding.requests]).toEqual([false, asked.length]);
      expect(asked.length).toBeLessThanOrEqual(requests);
      expect(Object.values(finding.keys).flat().length).toBeGreaterThan(requests / 3);
    },
  );

  test('ends in time on a slow store, with what it has found by then', async () => {
    // The store's 10 ms, and nothing of what else this machine does.
    vi.useFakeTimers();
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const { list } = bucketOf(written(30, ['a', 'b', 'c', 'd'], 1));
    const slow: Search['list'] = async (options) => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      return list(options);
    };
    const limits = { parallel: 8, requests: 10_000, ms: 150 };
    const search = findKeys({ list: slow, prefix: 'loadtest/', sizes: [KB, MB], most: 5000, limits });
    await vi.advanceTimersByTimeAsync(1_000);
    const finding = await search;
    expect(finding.complete).toBe(false);
    expect(finding.ms).toBeGreaterThanOrEqual(140);
    expect(finding.ms).toBeLessThanOrEqual(170);
    expect(Object.values(finding.keys).flat().length).toBeGreaterThan(0);
  });
});
