import { expect, test } from 'vitest';
import { createKeyMaker } from './keys';
import { partOf, partOfSegment } from './part';

test.each([1, 2, 3, 7, 10, 100])('of %i parts each key is in one, and each part has about as many', (of) => {
  const makeKey = createKeyMaker('loadtest/', 'w0', 'firehose', 3);
  const counts = new Array<number>(of).fill(0);
  const n = 1000 * of;
  for (let i = 0; i < n; i++) {
    const part = partOf(makeKey('1KB'), of);
    counts[part] = (counts[part] as number) + 1;
  }
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(n);
  // Five times as far off as chance makes one in a hundred parts.
  expect(Math.min(...counts)).toBeGreaterThan(850);
  expect(Math.max(...counts)).toBeLessThan(1150);
});

test('keys shorter than what is looked at have a part, too', () => {
  expect(partOf('', 3)).toBe(0);
  expect([0, 1, 2]).toContain(partOf('a', 3));
});

test.each([
  { segment: '0:1/3', sequence: '0,1/3,2/3,1', part: { index: 0, of: 3 } },
  { segment: '2/3:1', sequence: '0,1/3,2/3,1', part: { index: 2, of: 3 } },
  { segment: '1/5:3/10', sequence: '0,1/10,1/5,3/10,2/5,1/2,3/5,7/10,4/5,9/10,1', part: { index: 2, of: 10 } },
  { segment: null, sequence: null, part: { index: 0, of: 1 } },
  { segment: '0:1/2', sequence: null, part: { index: 0, of: 1 } },
])('segment $segment of $sequence is part $part', ({ segment, sequence, part }) => {
  expect(partOfSegment(segment, sequence)).toEqual(part);
});
