import { describe, expect, test } from 'vitest';
import { distributionOf, percentile, QUANTILES } from '../../lib/result/distribution';
import { DIGITS, Histogram } from '../../lib/result/histogram';
import { enoughFor, isEnough, latencyOf } from './latency';

/** 1 ms to 1,000 ms, each once. */
function evenly() {
  const histogram = new Histogram(DIGITS);
  for (let ms = 1; ms <= 1000; ms++) histogram.record(ms * 1000);
  const d = distributionOf(histogram);
  if (d === undefined) throw new Error('nothing was recorded');
  return d;
}

describe('of latencies that are known', () => {
  const hdr = evenly();
  const { count, min, max, mean } = hdr;
  const values = QUANTILES.map((p) => percentile(hdr, p) ?? 0);
  test.each([
    ['a histogram', hdr],
    ["stock k6's quantiles", { kind: 'quantiles' as const, count, min, max, mean, values }],
  ])('%s', (_, d) => {
    const latency = latencyOf(d);
    const near = (value: number, to: number) => expect(Math.abs(value / to - 1)).toBeLessThan(0.002);
    near(latency.mean, 500.5);
    near(latency.deviation, 288.7);
    near(latency.p25, 250);
    near(latency.p50, 500);
    near(latency.p75, 750);
    near(latency.p90, 900);
    near(latency.p99, 990);
    near(latency['p99.9'], 999);
    near(latency.max, 1000);
    near(latency.min, 1);
    expect(latency.count).toBe(1000);
  });
});

test('a percentile needs ten operations beyond it', () => {
  expect([isEnough(999, 99), isEnough(1000, 99), isEnough(9_999, 99.9), isEnough(10_000, 99.9)]).toEqual([
    false,
    true,
    false,
    true,
  ]);
  expect([50, 99, 99.9, 99.99].map(enoughFor)).toEqual([20, 1000, 10_000, 100_000]);
});
