import { describe, expect, test } from 'vitest';
import { type Popularity, settings } from '../settings/config';
import { pickBy } from './popularity';
import { seeded } from './random';

const parse = (text: string) => settings.popularity.parse(text) as Popularity;

/** How often each of n objects comes in so many picks. */
function countsOf(text: string, n: number, picks: number): number[] {
  const pick = pickBy(parse(text), seeded(3), 0);
  const counts = Array<number>(n).fill(0);
  for (let i = 0; i < picks; i++) {
    const at = pick(n);
    counts[at] = (counts[at] as number) + 1;
  }
  return counts;
}

describe('zipf', () => {
  test.each([0.5, 1, 1.1, 2, 5])('exponent %d: ranks come as often as its law says (chi-square)', (exponent) => {
    const [n, picks] = [50, 200_000];
    const counts = countsOf(`zipf:${exponent}`, n, picks);
    const weights = Array.from({ length: n }, (_, i) => (i + 1) ** -exponent);
    const whole = weights.reduce((sum, weight) => sum + weight, 0);
    let [chi, cells] = [0, 0];
    counts.forEach((count, i) => {
      const expected = (picks * (weights[i] as number)) / whole;
      if (expected < 5) return;
      chi += (count - expected) ** 2 / expected;
      cells++;
    });
    // The 99.9% quantile, by Wilson and Hilferty.
    const k = cells - 1;
    expect(chi).toBeLessThan(k * (1 - 2 / (9 * k) + 3.09 * Math.sqrt(2 / (9 * k))) ** 3);
  });

  test('a billion objects take no memory, and all numbers are among them', () => {
    const pick = pickBy(parse('zipf:1.1'), seeded(1), 0);
    const picks = Array.from({ length: 20_000 }, () => pick(1e9));
    expect(Math.min(...picks)).toBe(0);
    expect(Math.max(...picks)).toBeGreaterThan(1e8);
    expect(picks.every((at) => Number.isInteger(at) && at >= 0 && at < 1e9)).toBe(true);
  });

  test('their number may change', () => {
    const pick = pickBy(parse('zipf:0.9'), seeded(1), 0);
    for (const n of [1, 2, 10, 3, 1]) for (let i = 0; i < 200; i++) expect(pick(n)).toBeLessThan(n);
  });
});

test('a hot set gets its share of reads, and its objects are alike', () => {
  const counts = countsOf('hot:10%:90%', 100, 100_000);
  const hot = counts.slice(0, 10);
  expect(Math.abs(hot.reduce((sum, n) => sum + n, 0) / 100_000 - 0.9)).toBeLessThan(0.01);
  for (const count of hot) expect(Math.abs(count / 9_000 - 1)).toBeLessThan(0.06);
  for (const count of counts.slice(10)) expect(Math.abs(count / 111 - 1)).toBeLessThan(0.4);
});

test('of one object all are hot', () => {
  expect(countsOf('hot:1%:90%', 1, 10)).toEqual([10]);
});

test('in order: each once a round, and VUs begin apart', () => {
  expect(countsOf('sequential', 7, 21)).toEqual(Array(7).fill(3));
  const pick = pickBy(parse('sequential'), seeded(1), 0.5);
  expect([pick(10), pick(10), pick(10)]).toEqual([5, 6, 7]);
});
