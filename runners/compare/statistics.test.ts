import { describe, expect, test } from 'vitest';
import { seeded } from '../../lib/workload/random';
import {
  blocksFor,
  designEffect,
  difference,
  inBlocks,
  mean,
  shareDifference,
  shareInterval,
  varianceOfMean,
} from './statistics';

const random = seeded(11);
const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** An autoregressive process of mean 1. */
function process(n: number, sd: number, correlation: number): number[] {
  let state = sd * normal();
  return Array.from({ length: n }, () => {
    state = correlation * state + Math.sqrt(1 - correlation ** 2) * sd * normal();
    return 1 + state;
  });
}

describe('blocks', () => {
  test.each([
    [0, 0],
    [7, 0],
    [8, 8],
    [30, 30],
    [256, 30],
  ])('of %i points are %i', (points, blocks) => {
    expect(blocksFor(points)).toBe(blocks);
  });

  test('share the counts of points that lie across them, and lose none', () => {
    const points = [
      { t: 0, ms: 700, n: 7 },
      { t: 700, ms: 1000, n: 10 },
      { t: 1700, ms: 1300, n: 26 },
    ];
    expect(inBlocks(points, 3000, 3)).toEqual([10, 13, 20].map((n) => expect.closeTo(n, 9)));
  });

  test('end where they are told to', () => {
    expect(inBlocks([{ t: 0, ms: 4000, n: 40 }], 2000, 2)).toEqual([10, 10]);
    expect(inBlocks([{ t: 5000, ms: 1000, n: 40 }], 2000, 2)).toEqual([0, 0]);
  });
});

describe('the variance of the mean', () => {
  /** Of many pairs of runs: the mean of what it is said to be, over what it is. */
  function ratio(correlation: number, shape = (_: number) => 1): number {
    const pairs = Array.from({ length: 2000 }, () =>
      [0, 1].map(() => process(30, 0.2, correlation).map((x, b) => x + shape(b) - 1)),
    );
    const said = mean(pairs.map((runs) => varianceOfMean(runs).variance));
    const means = pairs.flatMap((runs) => runs.map(mean));
    return said / mean(means.map((m) => (m - mean(means)) ** 2));
  }

  test.each([
    [0, 1, 1.45],
    [0.5, 0.9, 1.5],
    [0.8, 0.6, 1.4],
  ])('is about right, or more, where blocks resemble their neighbours by %f', (correlation, least, most) => {
    const found = ratio(correlation);
    expect(found).toBeGreaterThan(least);
    expect(found).toBeLessThan(most);
  });

  test('knows nothing of what all runs have in common', () => {
    const burst = (b: number) => (b % 10 < 5 ? 10 : 0.1);
    expect(ratio(0, burst)).toBeLessThan(1.45);
  });

  test('of runs that never vary is nothing', () => {
    const flat = new Array<number>(10).fill(1);
    expect(varianceOfMean([flat, flat])).toEqual({ variance: 0, df: 9 });
  });
});

describe('the difference', () => {
  const estimate = (log: number, variance = 0.0001) => ({ log, variance });

  test('of single runs has the noise of runs in it, as it is assumed', () => {
    const { change, low, high } = difference([estimate(1)], [estimate(1.2)], 9, 0.03, 0.025);
    expect(change).toBeCloseTo(0.2, 9);
    // Two runs of variance 0.0001 + 0.0009 each, by Satterthwaite 900 degrees of freedom.
    expect(high - change).toBeCloseTo(1.9626 * Math.sqrt(0.002), 4);
    expect(change - low).toBeCloseTo(high - change, 9);
  });

  test('of repeats has what they show, too', () => {
    const spread = [-0.1, 0, 0.1].map((x) => estimate(1 + x, 0));
    const alike = [0, 0, 0].map((x) => estimate(1 + x, 0));
    const half = (a: typeof spread, b: typeof spread) => difference(a, b, 9, 0.03, 0.025).high;
    // (4 × 0.0009 + 4 × 0.01) / 8 of each run, 8 degrees of freedom; then with nothing but what is assumed.
    expect(half(spread, spread)).toBeCloseTo(2.306 * Math.sqrt((0.00545 * 2) / 3), 4);
    expect(half(alike, alike)).toBeCloseTo(2.306 * Math.sqrt((0.00045 * 2) / 3), 4);
  });
});

describe('shares', () => {
  test.each([
    // Newcombe, 1998, table I, method 3.
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])('of %i in %i lie from %f to %f', (n, of, low, high) => {
    const found = shareInterval(n, of, 1, 1.96);
    expect(found.low).toBeCloseTo(low, 4);
    expect(found.high).toBeCloseTo(high, 4);
  });

  test.each([
    // Newcombe, 1998, table II, method 10.
    [56, 70, 48, 80, 0.0524, 0.3339],
    [9, 10, 3, 10, 0.1705, 0.809],
    [10, 10, 0, 20, 0.6791, 1],
  ])('%i/%i less %i/%i lie from %f to %f', (n, of, n2, of2, low, high) => {
    const share = (k: number, all: number) => ({ share: k / all, ...shareInterval(k, all, 1, 1.96) });
    const found = shareDifference(share(n2, of2), share(n, of));
    expect(found.low).toBeCloseTo(low, 4);
    expect(found.high).toBeCloseTo(high, 4);
  });

  test('in clusters are worth less', () => {
    const even = Array.from({ length: 20 }, () => ({ n: 5, of: 1000 }));
    const atOnce = even.map((share, i) => ({ ...share, n: i === 3 ? 100 : 0 }));
    expect(designEffect(even)).toBe(1);
    // A hundred at once are hardly more than one.
    expect(designEffect(atOnce)).toBeGreaterThan(80);
    expect(designEffect([{ n: 0, of: 100 }])).toBe(1);
    expect(shareInterval(100, 20_000, 100, 1.96).high).toBeGreaterThan(4 * shareInterval(100, 20_000, 1, 1.96).high);
  });
});
