import { expect, test } from 'vitest';
import { countOf, keyOf, numbered, numberedSet } from './numbered';
import { ownKey } from './own-keys';

const labelled = (labels: readonly string[]) => labels.map((label) => ({ label }));

const TIME = 1_763_726_400_000_000;
const frame = { prefix: 'loadtest/', worker: 'w0', test: 'tide', end: '-g1' };

test.each([0, 1, 2, 3, 10, 1000])('%d objects are each of one size, and each is found by its size', (count) => {
  const set = numberedSet(frame, labelled(['1KB', '10KB', '1MB']), count, TIME);
  const all = Array.from({ length: count }, (_, n) => numbered(set, n));
  expect(new Set(all.map(({ key }) => key)).size).toBe(count);
  for (const size of ['1KB', '10KB', '1MB', '5GB']) {
    const own = all.filter((object) => object.size === size).map(({ key }) => key);
    expect(countOf(set, size)).toBe(own.length);
    expect(own.map((_, i) => keyOf(set, size, i))).toEqual(own);
  }
});

test('a billion take no longer than one', () => {
  const set = numberedSet(frame, labelled(['1KB', '1MB']), 1_000_000_001, TIME);
  expect([countOf(set, '1KB'), countOf(set, '1MB')]).toEqual([500_000_001, 500_000_000]);
  expect(keyOf(set, '1KB', 500_000_000)).toBe(`loadtest/w0/1KB/tide/${TIME}/obj-1000000000-g1`);
});

test.each([0, 1, 4, 5, 9, 10, 23])('%d objects of two sizes with weights', (count) => {
  const sizes = [
    { label: '1KB', weight: 4 },
    { label: '1MB', weight: 1 },
  ];
  const set = numberedSet(frame, sizes, count, TIME);
  const all = Array.from({ length: count }, (_, n) => numbered(set, n));
  for (const { label } of sizes) {
    const own = all.filter(({ size }) => size === label).map(({ key }) => key);
    expect(countOf(set, label)).toBe(own.length);
    expect(own.map((_, i) => keyOf(set, label, i))).toEqual(own);
  }
  expect(countOf(set, '1KB')).toBe(Math.floor(count / 5) * 4 + Math.min(4, count % 5));
});

test('their keys are of the layout: cleanup and the delete pattern take them', () => {
  const { key } = numbered(numberedSet(frame, labelled(['1KB']), 5, TIME), 4);
  expect(ownKey('loadtest/', key)).toMatchObject({ worker: 'w0', size: '1KB', test: 'tide' });
});
