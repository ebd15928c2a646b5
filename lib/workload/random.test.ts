import { describe, expect, test } from 'vitest';
import { below, seeded, shuffle } from './random';

describe('seeded', () => {
  // mulberry32, worked out apart in Python. A run's seed stands in its Result: the numbers it gives must never change.
  test.each([
    { seed: 0, first: [0.26642920868471265, 0.0003297457005828619, 0.2232720274478197] },
    { seed: 1, first: [0.6270739405881613, 0.002735721180215478, 0.5274470399599522] },
    { seed: 0xffff_ffff, first: [0.8964226141106337, 0.189478256739676, 0.7156526781618595] },
  ])('seed $seed gives what it always gave', ({ seed, first }) => {
    const random = seeded(seed);
    expect(first.map(() => random())).toEqual(first);
  });

  test('32 bits of a seed count', () => {
    expect(seeded(2 ** 32 + 1)()).toBe(seeded(1)());
  });

  test.each([1, 2, 1_000_004, 0xffff_ffff])('numbers of seed %i are in [0, 1) and spread evenly', (seed) => {
    const random = seeded(seed);
    const n = 20_000;
    const buckets = new Array<number>(20).fill(0);
    for (let i = 0; i < n; i++) {
      const x = random();
      expect(x >= 0 && x < 1).toBe(true);
      const bucket = Math.floor(x * buckets.length);
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    }
    const even = n / buckets.length;
    const chiSquare = buckets.reduce((sum, count) => sum + (count - even) ** 2 / even, 0);
    // 19 degrees of freedom: one even generator in 10,000 is beyond this, and these seeds are fixed.
    expect(chiSquare).toBeLessThan(50.8);
  });

  test('neighbouring seeds, as neighbouring VUs have them, do not go in step', () => {
    const firsts = Array.from({ length: 2000 }, (_, vu) => seeded(1_000_003 + vu)());
    const half = firsts.filter((x) => x < 0.5).length;
    expect(Math.abs(half - 1000)).toBeLessThan(150);
    const rises = firsts.filter((x, i) => i > 0 && x > (firsts[i - 1] as number)).length;
    expect(Math.abs(rises - 1000)).toBeLessThan(150);
  });
});

test.each([
  { n: 1, x: 0.999_999_999, is: 0, why: 'only 0 is below 1' },
  { n: 6, x: 0, is: 0, why: 'the least' },
  { n: 6, x: 1 - 2 ** -32, is: 5, why: 'the greatest that seeded() gives stays below' },
  { n: 36 ** 4, x: 0.5, is: 36 ** 4 / 2, why: 'the middle' },
])('below($n) of $x is $is: $why', ({ n, x, is }) => {
  expect(below(n, () => x)).toBe(is);
});

describe('shuffle', () => {
  test('keeps what it was given, and is the array it was given', () => {
    const items = Array.from({ length: 100 }, (_, i) => i);
    const shuffled = shuffle(items, seeded(1));
    expect(shuffled).toBe(items);
    expect(shuffled).not.toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect([...shuffled].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  test.each([[[]], [['a']]])('has nothing to do with %j', (items) => {
    expect(shuffle([...items], seeded(1))).toEqual(items);
  });

  test('gives every order of four as often as any other', () => {
    const counts = new Map<string, number>();
    const random = seeded(7);
    const n = 24_000;
    for (let i = 0; i < n; i++) {
      const order = shuffle(['a', 'b', 'c', 'd'], random).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - n / 24) ** 2 / (n / 24), 0);
    expect(chiSquare).toBeLessThan(57.8); // 23 degrees of freedom: one even shuffle in 10,000 is beyond this
  });
});
