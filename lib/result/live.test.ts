import { expect, test } from 'vitest';
import { DIGITS, Histogram } from './histogram';
import { INTERVAL_SCHEMA, type Interval, type IntervalSeries } from './interval';
import { Meter } from './live';

const BEGIN = Date.UTC(2026, 10, 21, 12);
const GET = { test: 'firehose', op: 'GET', size: '1KB', endpoint: 'a' };

function interval(t: number, ms: number, ...series: IntervalSeries[]): Interval {
  const generator = { cpuSeconds: 0, memoryBytes: 0, peakMemoryBytes: 0, vus: 1, iterations: 0, droppedIterations: 0 };
  return {
    schema: INTERVAL_SCHEMA,
    seq: 0,
    t: BEGIN + t,
    ms,
    series,
    totals: { ops: 0, bytes: 0, errors: 0 },
    connections: [],
    generator,
  };
}

function latency(...us: number[]): string {
  const histogram = new Histogram(DIGITS);
  for (const n of us) histogram.record(n);
  return histogram.encode();
}

test('totals are of the run, rates and latencies of what came since the last look', () => {
  const meter = new Meter(BEGIN);
  meter.add(interval(0, 1000, { ...GET, ops: 100, bytes: 1000, latency: latency(1000, 2000), errors: { reset: 2 } }));
  meter.add(interval(1000, 1000, { ...GET, ops: 300, bytes: 1000, latency: latency(4000) }));
  expect(meter.tickMs).toBe(2000);
  const first = meter.tick(['firehose']);
  expect(first).toMatchObject({ ops: 400, bytes: 2000, errors: 2, opsPerSecond: 200, bytesPerSecond: 1000 });
  expect(first.elapsedMs).toBe(2000);
  expect(first.latency).toEqual([
    { op: 'GET', percentiles: { p50: expect.closeTo(2, 2), p95: expect.closeTo(4, 2), p99: expect.closeTo(4, 2) } },
  ]);
  meter.add(interval(2000, 500, { ...GET, op: 'LIST', ops: 50, objects: 5000, latency: latency(7000) }));
  expect(meter.tickMs).toBe(500);
  expect(meter.tick(['firehose'])).toMatchObject({
    ops: 450,
    opsPerSecond: 100,
    elapsedMs: 2500,
    latency: [{ op: 'LIST' }],
    objects: [{ op: 'LIST', perSecond: 10_000 }],
    tests: [],
  });
});

test('STATS are of all that came since the last ones, however many ticks there were', () => {
  const meter = new Meter(BEGIN);
  for (const second of [0, 1, 2]) {
    meter.add(interval(second * 1000, 1000, { ...GET, ops: 100, latency: latency(1000 * (second + 1)) }));
    if (second < 2) expect(meter.tick(['firehose'])).toMatchObject({ opsPerSecond: 100 });
  }
  expect(meter.tickMs).toBe(1000);
  expect([2_900, 3_400, 3_500, 10_000].map((ms) => meter.isDue(ms))).toEqual([true, true, false, false]);
  expect(meter.stats(['firehose'])).toMatchObject({
    ops: 300,
    opsPerSecond: 100,
    latency: [{ op: 'GET', percentiles: { p50: expect.closeTo(2, 2), p99: expect.closeTo(3, 2) } }],
  });
  expect([meter.tickMs, meter.isDue(1_000)]).toEqual([0, false]);
  meter.add(interval(3000, 1000, { ...GET, ops: 50 }));
  expect(meter.stats(['firehose'])).toMatchObject({ ops: 350, opsPerSecond: 50, latency: [] });
});

test('an operation that does nothing for a while stays in the picture', () => {
  const meter = new Meter(BEGIN);
  meter.add(interval(0, 1000, { ...GET, ops: 100 }));
  meter.tick(['firehose']);
  meter.add(interval(1000, 1000));
  expect(meter.tick(['firehose']).operations).toMatchObject([{ op: 'GET', ops: 100, opsPerSecond: 0 }]);
});

test('of several tests each has its rate, and latencies are left out', () => {
  const meter = new Meter(BEGIN);
  meter.add(interval(0, 1000, { ...GET, ops: 5, latency: latency(1) }, { ...GET, test: 'ebb', op: 'PUT', ops: 7 }));
  expect(meter.tick(['firehose', 'ebb', 'idle'])).toMatchObject({
    latency: [],
    tests: [
      { test: 'firehose', opsPerSecond: 5 },
      { test: 'ebb', opsPerSecond: 7 },
      { test: 'idle', opsPerSecond: 0 },
    ],
  });
});

test('several processes at once are one rate, whatever their clocks say', () => {
  const meter = new Meter(BEGIN);
  meter.add(interval(0, 1000, { ...GET, ops: 100 }));
  meter.add(interval(3000, 1000, { ...GET, ops: 100 }), -3000);
  expect(meter.tick(['firehose'])).toMatchObject({ opsPerSecond: 200, elapsedMs: 1000 });
});

test('connections are open that were opened and have not ended, of all processes', () => {
  const meter = new Meter(BEGIN);
  const put = { test: 'elephant', op: 'PUT', endpoint: 'a' };
  const none = interval(0, 1000);
  meter.add({ ...none, connections: [{ ...put, open: 90, opened: 100, ended: { reset: 10, refused: 50 } }] });
  meter.add({ ...none, connections: [{ ...put, op: 'GET', open: 7, opened: 7 }] });
  expect(meter.tick(['elephant']).open).toBe(97);
  meter.add({ ...none, connections: [{ ...put, open: 60, ended: { completed: 20, closed: 10 } }] });
  expect(meter.tick(['elephant']).open).toBe(67);
  meter.add(none);
  expect(meter.tick(['elephant']).open).toBe(67);
});

test('before anything came there is nothing, and no division by it', () => {
  expect(new Meter(BEGIN).tick(['firehose'])).toMatchObject({ ops: 0, opsPerSecond: 0, elapsedMs: 0, latency: [] });
  expect(new Meter(BEGIN).tick(['firehose'])).not.toHaveProperty('open');
});
