import { defineConfig } from 'vitest/config';

/** Tests that start processes or servers, or wait; they stand beside the code that they are of. */
const SLOW = [
  'tools/tools',
  'fleet/worker',
  'fleet/remote',
  'fleet/ssh/config',
  'fleet/ssh/known-hosts',
  'compare/comparison',
].map((path) => `runners/${path}.test.ts`);
/** Tests whose outcome is a time, a rate or a size of memory: they have the machine for themselves. */
const MEASURING = ['compare', 'demo', 'dist', 'elephant', 'histogram', 'memory', 'patterns', 'steady', 'verdict'].map(
  (name) => `test/e2e/${name}.test.ts`,
);
const UNIT = ['lib/**/*.test.ts', 'runners/**/*.test.ts', 'test/house.test.ts'];

/** Groups come one after the other; the files of one run so many at once. */
const group = (name: string, order: number, atOnce: number, include: string[], exclude: string[] = []) => ({
  extends: true as const,
  test: { name, include, exclude, sequence: { groupOrder: order }, maxWorkers: atOnce, fileParallelism: atOnce > 1 },
});

export default defineConfig({
  test: {
    testTimeout: 120_000,
    hookTimeout: 300_000,
    reporters: ['default', './test/closing-line.ts'],
    projects: [
      group('unit', 0, 2, UNIT, SLOW),
      group('counting', 1, 2, [...SLOW, 'test/**/*.test.ts'], [...MEASURING, 'test/house.test.ts']),
      group('measuring', 2, 1, MEASURING),
    ],
  },
});
