import { expect, test } from 'vitest';
import { createKeyMaker } from './keys';
import { partOf } from './part';

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
