import { expect, test } from 'vitest';
import type { Interval, IntervalSeries } from '../../lib/result/interval';
import { RefusalWatch } from './refusal';

const START = 1_000_000;
/** A second of a run. */
const second = (n: number, figures: Partial<IntervalSeries>, ms = 1000) =>
  ({
    t: START + n * 1000,
    ms,
    series: [{ test: 'a', op: 'GET', size: '1KB', endpoint: 'e', ...figures }],
  }) as unknown as Interval;
const watched = (all: readonly Partial<IntervalSeries>[]) => {
  const watch = new RefusalWatch(START);
  return all.map((figures, n) => watch.add(second(n, figures))).filter((since) => since !== undefined);
};

const good = { ops: 9 };
const refused = { errors: { auth: 9 } };

test('five seconds of nothing but refusals are told once, with since when', () => {
  expect(watched([good, good, refused, refused, refused, refused])).toEqual([]);
  expect(watched([good, good, refused, refused, refused, refused, refused, refused, refused])).toEqual([2000]);
});

test('a load that pauses has no refusals, and no other answers', () => {
  expect(watched([refused, refused, {}, {}, refused])).toEqual([0]);
});

test.each([[good], [{ misses: 1 }], [{ errors: { auth: 9, timeout: 1 } }]])(
  'but not where anything else came: %j',
  (other) => {
    expect(watched([refused, refused, refused, other, refused, refused, refused, refused])).toEqual([]);
  },
);

test("an interval's time is corrected to the common clock", () => {
  const watch = new RefusalWatch(START);
  expect(watch.add(second(0, refused, 5_000), 700)).toBe(700);
});
