import { expect, test } from 'vitest';
import { fakeVu } from '../../../test/fake-vu';
import type { Home } from '../../workload/home';
import { numberedSet } from '../../workload/numbered';
import type { VirtualUser } from '../../workload/step';
import { fill, objectsIn } from './fill';

const WINDOW = { phase: '', start: 0, end: 1 };
const SET = numberedSet({ prefix: 'loadtest/', worker: 'prepared', test: 'w', end: '' }, [{ label: '1KB' }], 1000, 1);
const homes = (count: number): Home[] => Array.from({ length: count }, (_, n) => ({ bucket: `b-${n}`, set: SET }));

/** What each of so many VUs writes: `home key`, in so many rounds. */
async function written(vus: number, inHomes: number, ranges: [number, number][], rounds: number): Promise<string[][]> {
  const step = fill({ ranges }, homes(inHomes));
  return Promise.all(
    Array.from({ length: vus }, async (_, number) => {
      const own: string[] = [];
      const at = (home: number): VirtualUser => {
        const write = (key: string) => {
          own.push(`${home} ${key.split('obj-')[1]}`);
          return { status: 200, bytes: 1024, ms: 1, endpoint: '' };
        };
        return { ...fakeVu(), writer: () => write };
      };
      const operate = step.start({ ...fakeVu(), at, number, among: vus });
      for (let n = 0; n < rounds; n++) await operate(WINDOW, 0);
      return own;
    }),
  );
}

const homesOf = (own: readonly string[]) => [...new Set(own.map((one) => Number(one.split(' ')[0])))].sort();

// WorkloadWisdom's two examples of credentials, each with a bucket of its own.
test('eight credentials and four workers: each has two of them', async () => {
  const all = await written(4, 8, [[0, 40]], 10);
  expect(all.map(homesOf)).toEqual([
    [0, 4],
    [1, 5],
    [2, 6],
    [3, 7],
  ]);
});

test('one credential and four workers: all have it', async () => {
  expect((await written(4, 1, [[0, 40]], 10)).map(homesOf)).toEqual([[0], [0], [0], [0]]);
});

test('each object of the ranges is written once, and those that are left over do nothing', async () => {
  const ranges: [number, number][] = [
    [3, 5],
    [10, 17],
  ];
  expect(objectsIn({ ranges })).toBe(9);
  const all = (await written(4, 2, ranges, 5)).flat().sort();
  const expected = [3, 4, 10, 11, 12, 13, 14, 15, 16].map((i) => `${i % 2} ${Math.floor(i / 2)}`).sort();
  expect(all).toEqual(expected);
});
