import { expect, test } from 'vitest';
import { studentQuantile } from './student';

// Out of printed tables (NIST/SEMATECH e-Handbook, 1.3.6.7.2), and for extreme tails out of R's qt.
test.each([
  [0.025, 1, 12.706],
  [0.025, 2, 4.303],
  [0.025, 9, 2.262],
  [0.05, 4, 2.132],
  [0.001, 9, 4.297],
  [0.001, 20, 3.552],
  [0.025, 100, 1.984],
  [0.025, Number.POSITIVE_INFINITY, 1.96],
  [0.001, Number.POSITIVE_INFINITY, 3.09],
  [0.5, 7, 0],
])('a tail of %f with %f degrees of freedom begins at %f', (tail, df, t) => {
  expect(studentQuantile(tail, df)).toBeCloseTo(t, 3);
});

test('far tails and broken degrees of freedom lie where their neighbours say', () => {
  // With one degree of freedom it is Cauchy's distribution, with two it has a closed form, too.
  for (const tail of [1e-2, 1e-4, 1e-6]) {
    expect(studentQuantile(tail, 1) / (1 / Math.tan(Math.PI * tail))).toBeCloseTo(1, 8);
    expect(studentQuantile(tail, 2) / ((1 - 2 * tail) / Math.sqrt(2 * tail * (1 - tail)))).toBeCloseTo(1, 8);
  }
  const [four, between, five] = [4, 4.5, 5].map((df) => studentQuantile(1e-4, df)) as [number, number, number];
  expect(between).toBeLessThan(four);
  expect(between).toBeGreaterThan(five);
});
