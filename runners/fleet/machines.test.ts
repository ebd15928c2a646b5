import { expect, test } from 'vitest';
import { rateLine } from './machines';

test.each([
  { rate: 3000, workers: 1, line: '3,000 operations/s in all' },
  { rate: 3000, workers: 2, line: '3,000 operations/s in all, divided equally among 2 workers' },
  { rate: 0.5, workers: 3, line: '0.5 operations/s in all, divided equally among 3 workers' },
])('$line', ({ rate, workers, line }) => {
  expect(rateLine(rate, workers)).toBe(line);
});
