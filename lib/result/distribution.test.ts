import { describe, expect, test } from 'vitest';
import { type Random, seeded } from '../workload/random';
import { type Distribution, mergeDistributions, percentile, QUANTILES, type Quantiles } from './distribution';

/** What k6 makes of samples: the value at a rank, between two samples on the straight line between them. */
function quantile(sorted: readonly number[], percent: number): number {
  const i = (percent / 100) * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(i)] as number, sorted[Math.ceil(i)] as number];
  return low + (high - low) * (i - Math.floor(i));
}

function distributionOf(samples: readonly number[]): Quantiles {
  const sorted = [...samples].sort((a, b) => a - b);
  return {
    kind: 'quantiles',
    count: sorted.length,
    min: sorted[0] as number,
    max: sorted.at(-1) as number,
    mean: sorted.reduce((sum, x) => sum + x, 0) / sorted.length,
    values: QUANTILES.map((p) => quantile(sorted, p)),
  };
}

/** The share of samples, in percent, below a value and up to it: a rank between the two is right. */
function rankOf(sorted: readonly number[], ms: number): { below: number; upTo: number } {
  const n = sorted.length;
  // A value that interpolation has put a rounding error away from a sample is that sample.
  const nothing = Math.abs(ms) * 1e-12;
  const first = sorted.findIndex((x) => x >= ms - nothing);
  const next = sorted.findIndex((x) => x > ms + nothing);
  return { below: ((first === -1 ? n : first) / n) * 100, upTo: ((next === -1 ? n : next) / n) * 100 };
}

/** How far the rank of a value is from what it was said to be, in percent of all samples. */
function rankError(sorted: readonly number[], ms: number, percent: number): number {
  const { below, upTo } = rankOf(sorted, ms);
  return Math.max(0, below - percent, percent - upTo);
}

const RANKS = [0, ...QUANTILES, 100];

/** The longest step of QUANTILES that two ranks, in percent, lie in or between. */
function stepAround(low: number, high: number): number {
  let longest = 0;
  for (let i = 1; i < RANKS.length; i++) {
    const [from, to] = [RANKS[i - 1] as number, RANKS[i] as number];
    if (to >= low && from <= high) longest = Math.max(longest, to - from);
  }
  return longest;
}

const uniform = (random: Random) => 1 + 99 * random();
const lognormal = (random: Random) =>
  Math.exp(2 + 0.8 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));
const bimodal = (random: Random) => (random() < 0.9 ? 2 + random() : 200 + 50 * random());
const constant = () => 5;
/** As a clock of whole milliseconds gives them. */
const whole = (random: Random) => Math.ceil(lognormal(random));

const draw = (n: number, shape: (random: Random) => number, seed: number) => {
  const random = seeded(seed);
  return Array.from({ length: n }, () => shape(random));
};

describe('QUANTILES', () => {
  test('rise, are whole thousandths and stay between 0 and 100', () => {
    expect(QUANTILES).toHaveLength(225);
    expect([QUANTILES[0], QUANTILES.at(-1)]).toEqual([0.5, 99.999]);
    for (const [i, p] of QUANTILES.entries()) {
      expect(p).toBeGreaterThan(i === 0 ? 0 : (QUANTILES[i - 1] as number));
      // As k6 spells them in `p(99.9)`: a rounding error would name a statistic that it does not give.
      expect(String(p)).toMatch(/^\d+(\.\d{1,3})?$/);
    }
  });

  test.each([1, 5, 10, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99, 99.999])(
    'hold p%d, which reports ask for, itself',
    (p) => expect(QUANTILES).toContain(p),
  );
});

describe('percentile', () => {
  test.each([
    { name: 'uniform from 0 to 100', samples: Array.from({ length: 10_001 }, (_, i) => i / 100), at: (p: number) => p },
    { name: 'squares', samples: Array.from({ length: 100_001 }, (_, i) => (i / 1000) ** 2), at: (p: number) => p * p },
    { name: 'constant', samples: new Array<number>(50).fill(7), at: () => 7 },
    { name: 'one sample', samples: [7], at: () => 7 },
  ])('$name: its values are known', ({ samples, at }) => {
    const d = distributionOf(samples);
    for (const p of [0, 0.5, 1, 50, 95, 99, 99.1, 99.9, 99.99, 99.999, 100])
      expect(percentile(d, p)).toBeCloseTo(at(p), 6);
  });

  test('between two quantiles lies on the straight line between them', () => {
    const d = distributionOf(Array.from({ length: 10_001 }, (_, i) => i / 100));
    expect(percentile(d, 0.25)).toBeCloseTo(0.25, 6);
    expect(percentile(d, 33.3)).toBeCloseTo(33.3, 6);
    expect(percentile(d, 99.9995)).toBeCloseTo(99.9995, 6);
  });

  test('of nothing is nothing, not 0', () => {
    expect(percentile({ kind: 'quantiles', count: 0, min: 0, max: 0, mean: 0, values: [] }, 50)).toBeUndefined();
  });
});

interface Merge {
  readonly name: string;
  readonly parts: readonly (readonly number[])[];
  readonly why: string;
}

/** Workers that saw the same, as those of one run against one store do. */
const alike: readonly Merge[] = [
  { name: '2 × uniform', parts: [1, 2].map((s) => draw(5000, uniform, s)), why: 'the plainest' },
  {
    name: '10 × lognormal',
    parts: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((s) => draw(3000, lognormal, s)),
    why: 'as latencies are',
  },
  { name: '3 × bimodal', parts: [1, 2, 3].map((s) => draw(4000, bimodal, s)), why: 'cache hits and misses' },
  { name: '3 × whole ms', parts: [1, 2, 3].map((s) => draw(4000, whole, s)), why: 'each value many times over' },
  {
    name: 'lognormal, 100 to 1',
    parts: [draw(20_000, lognormal, 1), draw(200, lognormal, 2)],
    why: 'a worker that joined late',
  },
];

/** Workers that saw something else: where one stands at another rank than all together. */
const unlike: readonly Merge[] = [
  {
    name: 'fast and slow',
    parts: [draw(5000, uniform, 1), draw(5000, (r) => 200 + uniform(r), 2)],
    why: 'no value in common',
  },
  {
    name: 'constant and uniform',
    parts: [draw(1000, constant, 1), draw(1000, uniform, 2)],
    why: 'half of all at one value',
  },
  { name: 'two constants', parts: [draw(1000, constant, 1), new Array<number>(3000).fill(50)], why: 'nothing between' },
  {
    name: 'one of ten slow in its tail',
    parts: [1, 2, 3, 4, 5, 6, 7, 8, 9].map((s) => draw(2000, uniform, s)).concat([draw(2000, bimodal, 10)]),
    why: 'the tail of all is a tenth of all',
  },
  {
    name: 'half with a tail of 1.2%',
    parts: [draw(10_000, (r) => (r() < 0.988 ? 1 + r() : 100 + 900 * r()), 1), draw(10_000, uniform, 2)],
    why: 'p99.5 of all is p99 of one, where steps are five times longer',
  },
  { name: 'whole ms and uniform', parts: [draw(4000, whole, 1), draw(4000, uniform, 2)], why: 'jumps and slopes' },
  { name: 'tiny counts', parts: [[3], [1, 2], [10, 20, 30], [5]], why: 'fewer than there are quantiles' },
  {
    name: 'ten of one sample each',
    parts: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((x) => [x]),
    why: 'a short run of large objects',
  },
  { name: 'one and many', parts: [[1000], draw(10_000, lognormal, 1)], why: 'an outlier alone on its worker' },
];

/** Ranks that reports show, and some between. */
const SHOWN = [1, 5, 10, 25, 33.3, 50, 66.7, 75, 90, 95, 98.7, 99, 99.5, 99.9, 99.99];

describe('mergeDistributions', () => {
  const merged = (parts: Merge['parts']) => {
    const all = parts.flat().sort((a, b) => a - b);
    return { all, one: mergeDistributions(parts.map(distributionOf)) as Quantiles };
  };

  test.each([...alike, ...unlike])('$name: count, least, greatest and mean are exact', ({ parts }) => {
    const { all, one } = merged(parts);
    const true_ = distributionOf(all);
    expect([one.count, one.min, one.max]).toEqual([true_.count, true_.min, true_.max]);
    expect(one.mean).toBeCloseTo(true_.mean, 9);
    expect(one.values).toHaveLength(QUANTILES.length);
  });

  test.each([...alike, ...unlike])('$name: values rise from least to greatest', ({ parts }) => {
    const { one } = merged(parts);
    for (const [i, value] of one.values.entries()) {
      expect(value).toBeGreaterThanOrEqual(i === 0 ? one.min : (one.values[i - 1] as number));
      expect(value).toBeLessThanOrEqual(one.max);
    }
  });

  // The bound that the report states, for workers that saw the same: a merged percentile's true rank is less than one step of
  // QUANTILES away, as long as that step is where it lies; and a sample's weight, which k6's own quantiles are off by as well.
  test.each(alike)('$name ($why): ranks are off by less than one step where they lie', ({ parts }) => {
    const { all, one } = merged(parts);
    const sample = Math.max(...parts.map((part) => 100 / part.length)) * (1 / parts.length);
    for (const p of SHOWN) {
      const error = rankError(all, percentile(one, p) as number, p);
      expect(error, `p${p}`).toBeLessThan(stepAround(p, p) + sample);
    }
  });

  // And for any: the mean, weighed by count, of the parts' own steps where the value lies in each. So half a percent at most.
  test.each([...alike, ...unlike])(
    "$name ($why): ranks are off by less than the parts' steps, weighed",
    ({ parts }) => {
      const { all, one } = merged(parts);
      const sorted = parts.map((part) => [...part].sort((a, b) => a - b));
      for (const p of SHOWN) {
        const value = percentile(one, p) as number;
        let bound = 0;
        for (const part of sorted) {
          const { below, upTo } = rankOf(part, value);
          const sample = 100 / part.length;
          bound += ((stepAround(below - sample, upTo + sample) + sample) * part.length) / all.length;
        }
        expect(rankError(all, value, p), `p${p} = ${value}`).toBeLessThan(bound);
      }
    },
  );

  test.each([...alike, ...unlike])('$name: the order of the parts does not matter', ({ parts }) => {
    const forth = mergeDistributions(parts.map(distributionOf)) as Quantiles;
    const back = mergeDistributions([...parts].reverse().map(distributionOf)) as Quantiles;
    for (const [i, value] of forth.values.entries()) expect(back.values[i]).toBeCloseTo(value, 6);
  });

  test('merging merges is about as merging at once', () => {
    const parts = [1, 2, 3, 4].map((s) => draw(3000, lognormal, s));
    const all = parts.flat().sort((a, b) => a - b);
    const [a, b, c, d] = parts.map(distributionOf);
    const twice = mergeDistributions([mergeDistributions([a, b]), mergeDistributions([c, d])]) as Distribution;
    for (const p of SHOWN) {
      expect(rankError(all, percentile(twice, p) as number, p), `p${p}`).toBeLessThan(2 * stepAround(p, p) + 0.04);
    }
  });

  test('a value that many samples have is kept, not smeared over its neighbours', () => {
    const d = mergeDistributions([distributionOf([10, 20, 30]), distributionOf(new Array<number>(97).fill(15))]);
    expect([10, 25, 50, 75, 90].map((p) => percentile(d as Distribution, p))).toEqual([15, 15, 15, 15, 15]);
  });

  test('of one is that one; of none, or of nothing counted, is none', () => {
    const one = distributionOf([1, 2, 3]);
    const nothing: Distribution = { kind: 'quantiles', count: 0, min: 0, max: 0, mean: 0, values: [] };
    expect(mergeDistributions([one])).toBe(one);
    expect(mergeDistributions([undefined, one, nothing])).toBe(one);
    expect(mergeDistributions([])).toBeUndefined();
    expect(mergeDistributions([undefined, nothing])).toBeUndefined();
  });
});
