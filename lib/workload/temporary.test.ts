import { expect, test } from 'vitest';
import { amountOf, bucketOfVu, doubtOf, numberOf, ownBuckets } from './temporary';

test.each([
  ['100', { count: 100 }],
  ['5%', { percent: 5 }],
  ['0.5%', { percent: 0.5 }],
  ['100%', { percent: 100 }],
  ['0', undefined],
  ['0%', undefined],
  ['101%', undefined],
  ['1.5', undefined],
  ['-1', undefined],
  ['', undefined],
  ['many', undefined],
])('%j is %j', (text, amount) => {
  expect(amountOf(text)).toEqual(amount);
});

test('a percentage is of others, and one at the least', () => {
  expect([numberOf({ percent: 5 }, 200), numberOf({ percent: 1 }, 10), numberOf({ count: 7 }, 1)]).toEqual([10, 1, 7]);
});

const SLOW = "WorkloadWisdom's own example";
test.each([
  [
    SLOW,
    { create: 1_000_000, lifetime: 5_000 },
    300_000,
    /^temporary objects live 5 s, and to write 1000000 of them takes a VU 20000 s/,
  ],
  [
    'a run that ends before they die often',
    { create: 10, lifetime: 60_000 },
    100_000,
    /^temporary objects live 60 s, and the run takes 100 s: give it 180 s/,
  ],
  ['numbers that work', { create: 10, lifetime: 10_000 }, 60_000, undefined],
])('%s', (_, of, duration, doubt) => {
  const said = doubtOf({ ...of, remove: of.create, shares: {} }, 0.5, duration);
  if (doubt === undefined) expect(said).toBeUndefined();
  else expect(said).toMatch(doubt);
});

test('names of buckets that VUs create are names of buckets', () => {
  const own = ownBuckets('0a1b2c3d', { prefix: 'lt-', postfix: '-x' });
  expect(bucketOfVu(own, 'Host.example_1', 12)).toBe('lt-t-0a1b2c3d-host-example-1-12-x');
});
