import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['lib/**/*.test.ts', 'runners/**/*.test.ts', 'test/**/*.test.ts'],
    // Tests that run k6 and servers share two cores: one file at a time keeps their timings honest.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 300_000,
    reporters: ['default', './test/closing-line.ts'],
  },
});
