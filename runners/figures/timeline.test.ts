import { describe, expect, test } from 'vitest';
import type { TimelinePoint } from '../../lib/result/result';
import { seeded } from '../../lib/workload/random';
import { slotsOf, spreadOf } from './timeline';
import { trendOf } from './trend';

const point = (t: number, ops: number, op = 'GET', ms = 1000): TimelinePoint => ({
  t,
  ms,
  test: 'firehose',
  op,
  ops,
  bytes: ops * 10,
  errors: 1,
});

test('points of one time are added up, in order', () => {
  expect(slotsOf([point(1000, 4), point(0, 1), point(0, 2, 'PUT')])).toEqual([
    { t: 0, ms: 1000, ops: 3, bytes: 30, errors: 2 },
    { t: 1000, ms: 1000, ops: 4, bytes: 40, errors: 1 },
  ]);
});

test('rates are spread over whole intervals: ends that are shorter or longer are none', () => {
  const rates = [50, 10, 20, 30, 40].map((ops, i) => point(i * 1000, ops));
  const slots = slotsOf([point(-400, 900, 'GET', 400), ...rates, point(5000, 900, 'GET', 1400)]);
  expect(spreadOf(slots, ({ ops }) => ops)).toEqual({
    intervalMs: 1000,
    intervals: 5,
    slowest: 10,
    p25: 20,
    median: 30,
    p75: 40,
    fastest: 50,
  });
  expect(spreadOf(slots.slice(0, 2), ({ ops }) => ops)).toBeUndefined();
});

describe('a trend', () => {
  const run = (seed: number, rate: (second: number) => number) => {
    const random = seeded(seed);
    return Array.from({ length: 120 }, (_, i) => point(i * 1000, rate(i) * (0.8 + 0.4 * random())));
  };

  test('is not seen in noise: at most once in 200 tries', () => {
    const seen = Array.from({ length: 200 }, (_, seed) =>
      trendOf(
        run(seed + 1, () => 500),
        0,
      ),
    ).filter(Boolean);
    expect(seen.length).toBeLessThanOrEqual(1);
  });

  test.each([
    ['climbs', 1],
    ['falls', -1],
  ])('is seen where it %s', (_, sign) => {
    const trend = trendOf(
      run(1, (second) => (sign > 0 ? 200 : 1000) + sign * 5 * second),
      0,
    );
    expect(Math.sign(trend?.change ?? 0)).toBe(sign);
    // 5 a second over the last of the time.
    expect(trend?.overMs).toBe(60_000);
    expect(Math.abs(trend?.change ?? 0)).toBeGreaterThan(0.15);
  });

  test('takes no start for one: that fills caches', () => {
    expect(
      trendOf(
        run(1, (second) => (second < 20 ? 5 * second : 500)),
        0,
      ),
    ).toBeUndefined();
    expect(
      trendOf(
        run(1, (second) => (second < 60 ? 8 * second : 500)),
        60_000,
      ),
    ).toBeUndefined();
  });

  test('takes ten intervals', () => {
    const few = run(1, (second) => 500 + 20 * second).slice(0, 15);
    expect(trendOf(few, 0)).toBeUndefined();
  });
});
