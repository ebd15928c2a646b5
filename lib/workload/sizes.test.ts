import { describe, expect, test } from 'vitest';
import { settings } from '../settings/config';
import { ownKey } from './own-keys';
import { seeded } from './random';
import { bytesByKey, bytesMark, createSizeDeck, drawBytes, labelsByWeight } from './sizes';

const sizesOf = (text: string) => settings.sizes.parse(text) ?? [];
const N = 100_000;

/** Many draws of a size, in order. */
function drawsOf(text: string): number[] {
  const [size] = sizesOf(text);
  const random = seeded(5);
  return Array.from({ length: N }, () =>
    size?.drawn === undefined ? 0 : drawBytes(size.drawn, size.bytes, random),
  ).sort((a, b) => a - b);
}

describe('sizes that are drawn', () => {
  test('from one to another, each as likely, both included', () => {
    const draws = drawsOf('1B-4B');
    for (const bytes of [1, 2, 3, 4]) {
      expect(Math.abs(draws.filter((draw) => draw === bytes).length / N - 0.25)).toBeLessThan(0.01);
    }
    const wide = drawsOf('1KB-64KB');
    expect(wide[0]).toBeGreaterThanOrEqual(1024);
    expect(wide.at(-1)).toBeLessThanOrEqual(65_536);
    expect(Math.abs(wide.reduce((sum, n) => sum + n, 0) / N - (1024 + 65_536) / 2)).toBeLessThan(300);
  });

  test('lognormal: quantiles are those of the distribution', () => {
    const draws = drawsOf('lognormal:1MB:0.8');
    const quantile = (q: number) => draws[Math.floor(q * N)] as number;
    const deviates = { 0.1587: -1, 0.5: 0, 0.8413: 1, 0.9772: 2 };
    for (const [q, deviate] of Object.entries(deviates)) {
      const expected = 1024 ** 2 * Math.exp(0.8 * deviate);
      expect(Math.abs(quantile(Number(q)) / expected - 1)).toBeLessThan(0.03);
    }
    expect(draws.at(-1)).toBeLessThanOrEqual(sizesOf('lognormal:1MB:0.8')[0]?.bytes as number);
  });
});

test('a key says how long its object is, whoever ends it', () => {
  const key = (end: string) => `loadtest/w0/1KB-64KB/web/1763726400000000/0-abcd-7${end}`;
  expect(bytesByKey(key(bytesMark(12_345)))).toBe(12_345);
  expect(bytesByKey(key(`${bytesMark(12_345)}-g1`))).toBe(12_345);
  expect(bytesByKey(key('-g1'))).toBeUndefined();
});

test.each(['1KB-64KB', 'lognormal:1MB:0.8', '1B-100GB'])('keys of %s are own keys', (text) => {
  const [size] = sizesOf(text);
  expect(ownKey('loadtest/', `loadtest/w0/${size?.label}/web/1763726400000000/0-abcd-7`)?.size).toBe(size?.label);
});

test.each(['1KB-', '-1KB', 'lognormal-1MB', '1KB-64KB-1MB', 'lognormal-1MB-x'])('%s is no folder of ours', (label) => {
  expect(ownKey('loadtest/', `loadtest/w0/${label}/web/1763726400000000/0-abcd-7`)).toBeUndefined();
});

test('weights are told apart as small as they go, and dealt exactly', () => {
  const sizes = sizesOf('1KB:80,10MB:20');
  expect(labelsByWeight(sizes)).toEqual(['1KB', '1KB', '1KB', '1KB', '10MB']);
  const next = createSizeDeck(sizes, seeded(1));
  const dealt = Array.from({ length: 500 }, next);
  expect(dealt.filter((label) => label === '10MB')).toHaveLength(100);
});
