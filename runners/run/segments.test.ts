import { expect, test } from 'vitest';
import { partOf } from '../../test/part-of';
import { segmentsOf } from './segments';

test('segments as k6 takes them', () => {
  expect(segmentsOf(1)).toEqual([{ segment: '0:1', sequence: '0,1' }]);
  expect(segmentsOf(3)).toEqual([
    { segment: '0:1/3', sequence: '0,1/3,2/3,1' },
    { segment: '1/3:2/3', sequence: '0,1/3,2/3,1' },
    { segment: '2/3:1', sequence: '0,1/3,2/3,1' },
  ]);
});

test('each segment begins where the one before it ends, and all are in the sequence', () => {
  for (let n = 1; n <= 200; n++) {
    const segments = segmentsOf(n);
    expect(segments).toHaveLength(n);
    const ends = segments.map(({ segment }) => segment.split(':')[1]);
    expect(['0', ...ends].join(',')).toBe(segments[0]?.sequence);
    expect(segments.map(({ segment }) => segment.split(':')[0])).toEqual(['0', ...ends.slice(0, -1)]);
  }
});

test('parts sum up to the whole, and none is more than one larger than another', () => {
  for (let n = 1; n <= 200; n++) {
    for (const whole of [0, 1, 2, 3, 7, n - 1, n, n + 1, 64 * n, 100_003, 16_777_259]) {
      const parts = Array.from({ length: n }, (_, i) => partOf(whole, i, n));
      expect(parts.reduce((sum, part) => sum + part, 0)).toBe(whole);
      expect(Math.max(...parts) - Math.min(...parts)).toBeLessThanOrEqual(1);
      // Of n times as much each gets the whole.
      expect(parts.every((_, i) => partOf(whole * n, i, n) === whole)).toBe(true);
    }
  }
});
