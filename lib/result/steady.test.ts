import { describe, expect, test } from 'vitest';
import { STEADY_MS } from '../settings/run';
import { seeded } from '../workload/random';
import { INTERVAL_SCHEMA, type Interval } from './interval';
import { isSteady, Throughput } from './steady';

const BEGIN = Date.UTC(2026, 10, 21, 12);

/** Numbers of a normal distribution with this deviation, around 1. */
function noise(n: number, deviation: number, seed: number): number[] {
  const random = seeded(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Array.from({ length: n }, () => 1 + deviation * normal());
}

/** After how many blocks it is found to be steady; undefined when it never is. */
function foundAfter(rates: readonly number[]): number | undefined {
  return rates.map((_, i) => i + 1).find((n) => isSteady(rates.slice(0, n)));
}

const SEEDS = Array.from({ length: 50 }, (_, i) => i + 1);

describe('the last six blocks', () => {
  test('that are alike are steady, and no fewer', () => {
    expect(isSteady([100, 100, 100, 100, 100])).toBe(false);
    expect(isSteady([100, 100, 100, 100, 100, 100])).toBe(true);
    expect(isSteady([5, 900, 100, 100, 100, 100, 100, 100])).toBe(true);
  });

  test('with 2% of noise are found to be within two minutes, whatever the seed', () => {
    for (const seed of SEEDS) {
      const found = foundAfter(noise(24, 0.02, seed).map((n) => 1000 * n));
      expect(found, `seed ${seed}`).toBeDefined();
      expect(found).toBeGreaterThanOrEqual(6);
    }
  });

  test.each([
    { rates: [1000, 1000, 1065, 1000, 1000, 1000], why: 'one is too far from the mean' },
    { rates: [0, 0, 0, 0, 0, 0], why: 'nothing is done' },
    { rates: [955, 973, 991, 1009, 1027, 1045], why: 'each is near the mean, and they climb by 9%' },
    { rates: [1045, 1027, 1009, 991, 973, 955], why: 'they fall' },
    { rates: [1000, 1000, 1000, 930, 930, 930], why: 'a step' },
  ])('are not when $why', ({ rates }) => expect(isSteady(rates)).toBe(false));

  test('are once a step is out of them', () => {
    expect(foundAfter([500, 500, 500, ...Array<number>(10).fill(1000)])).toBe(9);
  });

  test.each([
    { what: 'a drift of 3% a block', of: (i: number) => 1.03 ** i },
    { what: 'bursts, one block in three', of: (i: number) => (i % 3 === 0 ? 1.3 : 1) },
    { what: 'noise of 15%', of: (i: number) => noise(60, 0.15, 7)[i] as number },
  ])('are never found in $what', ({ of }) => {
    expect(foundAfter(noise(60, 0.002, 1).map((n, i) => 1000 * n * of(i)))).toBeUndefined();
  });
});

function interval(t: number, ops: number, ms = 1000): Interval {
  return {
    schema: INTERVAL_SCHEMA,
    ...{ seq: 0, t, ms, connections: [], totals: { ops: 0, bytes: 0, errors: 0 } },
    series: ops === 0 ? [] : [{ test: 'a', op: 'GET', size: '1KB', endpoint: 'e', ops }],
    generator: { cpuSeconds: 0, memoryBytes: 0, peakMemoryBytes: 0, vus: 1, iterations: 0, droppedIterations: 0 },
  };
}

describe('throughput out of intervals', () => {
  test('is not steady before 30 s have gone by, and is then, however intervals lie to blocks', () => {
    const throughput = new Throughput(BEGIN);
    // The clock's seconds end 0.3 s after the load began.
    let t = BEGIN - 700;
    for (; t + 1000 < BEGIN + STEADY_MS; t += 1000) {
      throughput.add('w0', interval(t, t < BEGIN ? 30 : 100));
      expect(throughput.isSteady).toBe(false);
    }
    throughput.add('w0', interval(t, 100));
    expect(throughput.isSteady).toBe(true);
  });

  test('waits for the slowest to tell, and not for one that has ended', () => {
    const throughput = new Throughput(BEGIN);
    throughput.add('w1', interval(BEGIN, 100));
    for (let t = 0; t < STEADY_MS; t += 1000) throughput.add('w0', interval(BEGIN + t, 1000));
    expect(throughput.isSteady).toBe(false);
    throughput.end('w1');
    // Its one second is in the first block: 2% more.
    expect(throughput.isSteady).toBe(true);
  });

  test('is that of all workers together, on one clock', () => {
    const throughput = new Throughput(BEGIN);
    // Each by itself goes up and down; the second one's clock is an hour late.
    for (let n = 0; n < STEADY_MS / 1000; n++) {
      const up = Math.floor(n / 5) % 2 === 0;
      throughput.add('w0', interval(BEGIN + n * 1000, up ? 300 : 100));
      throughput.add('w1', interval(BEGIN - 3_600_000 + n * 1000, up ? 100 : 300), 3_600_000);
    }
    expect(throughput.isSteady).toBe(true);
  });

  test('of a time in which nothing succeeds is none', () => {
    const throughput = new Throughput(BEGIN);
    for (let t = 0; t < 2 * STEADY_MS; t += 1000) throughput.add('w0', interval(BEGIN + t, 0));
    expect(throughput.isSteady).toBe(false);
  });
});
