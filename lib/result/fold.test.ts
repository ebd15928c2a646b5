import { describe, expect, test } from 'vitest';
import { percentile } from './distribution';
import { Fold } from './fold';
import { DIGITS, Histogram } from './histogram';
import { INTERVAL_SCHEMA, type Interval, type IntervalSeries } from './interval';
import type { Measured } from './metrics';
import type { RunFacts } from './run-facts';

const BEGIN = Date.UTC(2026, 10, 21, 12);

const measured: Measured = {
  test: 'spiky',
  phases: ['steady', 'burst'],
  series: ['PUT', 'GET'].flatMap((op) => ['1KB', '1MB'].map((size) => ({ op, size }))),
  endpoints: ['a:9000', 'b:9000'],
  holdsConnections: false,
  missesExpected: false,
  verified: false,
};

const facts: RunFacts = {
  run: {
    id: 'r',
    tests: ['spiky'],
    startedAt: new Date(BEGIN).toISOString(),
    seed: 1,
    backend: 'native',
    versions: {},
    config: {},
    loads: [{ test: 'spiky', scenario: 'spiky', vus: 8, share: 1 }],
    schedule: [],
    quantiles: [],
  },
  measured: [measured],
  plannedMs: 3000,
  warmupMs: 0,
  tlsNotVerified: false,
};

function encoded(us: readonly number[]): string {
  const histogram = new Histogram(DIGITS);
  for (const n of us) histogram.record(n);
  return histogram.encode();
}

function of(op: string, size: string, more: Partial<IntervalSeries>): IntervalSeries {
  return { test: 'spiky', phase: 'steady', op, size, endpoint: 'a:9000', ...more };
}

function interval(seq: number, series: readonly IntervalSeries[], more: Partial<Interval> = {}): Interval {
  return {
    schema: INTERVAL_SCHEMA,
    seq,
    t: BEGIN + seq * 1000,
    ms: 1000,
    totals: { ops: 0, bytes: 0, errors: 0 },
    series,
    connections: [],
    generator: { cpuSeconds: seq, memoryBytes: 1, peakMemoryBytes: 1, vus: 8, iterations: 5, droppedIterations: 1 },
    ...more,
  };
}

const END = { end: { thresholds: [{ metric: 'http_req_failed', expr: 'rate<0.01', ok: false }] } };

function folded(intervals: readonly Interval[]): Fold {
  const fold = new Fold();
  for (const each of intervals) fold.add(each);
  return fold;
}

const ALL = [
  interval(0, [
    of('GET', '1KB', { ops: 2, bytes: 2048, latency: encoded([1000, 3000]), ttfb: encoded([500, 700]) }),
    of('PUT', '1MB', { errors: { throttled: 2, server: 1 }, retries: 2, errorLatency: encoded([10, 20, 30]) }),
  ]),
  interval(1, [
    of('GET', '1KB', { ops: 1, bytes: 1024, latency: encoded([9000]), endpoint: 'b:9000', objects: 3, misses: 4 }),
    of('GET', '1KB', { ops: 1, bytes: 1024, latency: encoded([2000]), phase: 'burst' }),
  ]),
  interval(2, [of('GET', '1MB', { ops: 1, bytes: 10, latency: encoded([50_000]), errors: { throttled: 1 } })], END),
];

test('an endpoint that answers nothing is away, and what was meant for it is counted there', () => {
  const gone = of('GET', '1KB', { endpoint: 'b:9000', errors: { connect: 3 }, retries: 2, redirected: 40 });
  const { endpoints, outages } = folded([
    interval(0, [of('GET', '1KB', { ops: 9 }), of('GET', '1KB', { ops: 9, endpoint: 'b:9000' })]),
    interval(1, [of('GET', '1KB', { ops: 9 }), gone]),
    interval(2, [of('GET', '1KB', { ops: 9 }), { ...gone, errors: {}, retries: 0 }], END),
  ]).result(facts);
  expect(outages).toEqual([{ endpoint: 'b:9000', t: 1000, ms: 2000 }]);
  expect(endpoints).toMatchObject([
    { endpoint: 'a:9000', ops: 27, errors: {} },
    { endpoint: 'b:9000', ops: 9, errors: { connect: 3 }, retries: 2, redirected: 80 },
  ]);
  expect(folded(ALL).result(facts)).not.toHaveProperty('outages');
});

describe('intervals add up', () => {
  const result = folded(ALL).result(facts);

  test('by operation, size and phase', () => {
    expect(result.series.map(({ phase, op, size, ops, bytes }) => [phase, op, size, ops, bytes])).toEqual([
      ['steady', 'PUT', '1MB', 0, 0],
      ['steady', 'GET', '1KB', 3, 3072],
      ['steady', 'GET', '1MB', 1, 10],
      ['burst', 'GET', '1KB', 1, 1024],
    ]);
    const gets = result.series.find(({ phase, op, size }) => phase === 'steady' && op === 'GET' && size === '1KB');
    expect([50, 66, 67, 100].map((p) => gets?.latency && percentile(gets.latency, p))).toEqual([3, 3, 9, 9].map(near));
    expect(gets?.latency).toMatchObject({ kind: 'hdr', count: 3 });
    expect(gets?.ttfb?.count).toBe(2);
  });

  test('by operation, and by endpoint, in the order of what is measured', () => {
    expect(result.totals.map(({ op, ops, errors, misses, objects }) => ({ op, ops, errors, misses, objects }))).toEqual(
      [
        { op: 'PUT', ops: 0, errors: { throttled: 2, server: 1 }, misses: undefined, objects: undefined },
        { op: 'GET', ops: 5, errors: { throttled: 1 }, misses: 4, objects: 3 },
      ],
    );
    expect(result.totals[0]).not.toHaveProperty('misses');
    expect(result.totals[0]?.errorLatency?.count).toBe(3);
    expect(result.endpoints.map(({ op, endpoint, ops }) => [op, endpoint, ops])).toEqual([
      ['PUT', 'a:9000', 0],
      ['GET', 'a:9000', 4],
      ['GET', 'b:9000', 1],
    ]);
  });

  test('to a run with its time, thresholds and what k6 did', () => {
    expect(result).toMatchObject({
      run: { durationMs: 3000, tests: ['spiky'] },
      thresholds: END.end.thresholds,
      generator: { vus: 8, iterations: 15, droppedIterations: 3, retries: 2 },
      interrupted: false,
      partial: false,
    });
    expect(result.warnings.map(({ code }) => code)).toContain('unmet-demand');
  });

  test('and to what k6 used since its load began', () => {
    // A second of CPU in each second, and what setup took before is left out.
    const { generator } = result;
    expect(generator.cpu?.cores).toBeCloseTo(1, 5);
    expect(generator.memory).toEqual({ peakBytes: 1 });
    expect(generator.timeline?.every(({ cores, memoryBytes }) => cores === 1 && memoryBytes === 1)).toBe(true);
  });

  test('and to a timeline with latencies', () => {
    const gets = result.timeline.filter(({ op }) => op === 'GET');
    expect(gets.map(({ t, ops, errors }) => [t, ops, errors])).toEqual([
      [0, 2, 0],
      [1000, 2, 0],
      [2000, 1, 1],
    ]);
    expect(gets.every(({ histogram }) => histogram !== undefined)).toBe(true);
  });
});

const near = (ms: number) => expect.closeTo(ms, 1);

test('a line that comes twice, as from a connection taken up again, counts once', () => {
  const [first, second, third] = ALL as [Interval, Interval, Interval];
  expect(folded([first, second, second, first, third]).result(facts)).toEqual(folded(ALL).result(facts));
});

test('a line that is missing is no small thing', () => {
  const [first, , third] = ALL as [Interval, Interval, Interval];
  expect(() => folded([first, third])).toThrow(/lines 1 to 1 of the statistics are missing/);
});

test('without its last line a run is partial, and lasted as long as is known', () => {
  const fold = folded(ALL.slice(0, 2));
  expect(fold.complete).toBe(false);
  expect(fold.result(facts)).toMatchObject({
    run: { durationMs: 2000 },
    thresholds: [],
    interrupted: true,
    partial: true,
  });
});

test('a run of which nothing is known is a Result of nothing', () => {
  expect(folded([]).result(facts)).toMatchObject({ run: { durationMs: 0 }, series: [], partial: true });
});

test('held connections: what is open at most, how they ended, how long they lived', () => {
  const tags = { test: 'elephant', op: 'PUT', endpoint: 'a:9000' };
  const { connections } = folded([
    interval(0, [], { connections: [{ ...tags, open: 90, opened: 100, ended: { reset: 10 }, bytesSent: 500 }] }),
    interval(1, [], { connections: [{ ...tags, open: 100, opened: 12, ended: { reset: 1, completed: 1 } }] }),
    interval(2, [], {
      connections: [{ ...tags, open: 3, ended: { completed: 97 }, bytesReceived: 7, lifetime: encoded([5000]) }],
    }),
  ]).result(facts);
  expect(connections).toMatchObject([
    {
      ...tags,
      peakOpen: 100,
      opened: 112,
      ended: { reset: 11, completed: 98 },
      bytesSent: 500,
      bytesReceived: 7,
      lifetime: { count: 1 },
    },
  ]);
});

describe('a warm-up', () => {
  const warm = (warmupMs: number, ahead = 0): RunFacts => ({
    ...facts,
    warmupMs,
    run: { ...facts.run, startedAt: new Date(BEGIN + ahead).toISOString() },
  });

  test('is cut at the end of the interval in which it is over, and told of', () => {
    const result = folded(ALL).result(warm(1500));
    expect(result.run).toMatchObject({ durationMs: 3000, warmup: { ms: 2000, ops: 4, bytes: 4096, errors: 3 } });
    expect(result.totals.map(({ op, ops, bytes, errors }) => ({ op, ops, bytes, errors }))).toEqual([
      { op: 'GET', ops: 1, bytes: 10, errors: { throttled: 1 } },
    ]);
    expect(result.totals[0]?.latency?.count).toBe(1);
    expect(result.series.map(({ op, size, ops }) => [op, size, ops])).toEqual([['GET', '1MB', 1]]);
    expect(result.endpoints.map(({ endpoint, ops }) => [endpoint, ops])).toEqual([['a:9000', 1]]);
    expect(result.generator).toMatchObject({ iterations: 5, droppedIterations: 1, retries: 0 });
    expect(result.interrupted).toBe(false);
  });

  test('counts to the exact border, and from where the load began', () => {
    expect(folded(ALL).result(warm(1000)).run.warmup).toMatchObject({ ms: 1000, ops: 2 });
    expect(folded(ALL).result(warm(1000, 300)).run.warmup).toMatchObject({ ms: 1700, ops: 4 });
  });

  test('is in the timeline', () => {
    const all = folded(ALL).result(facts).timeline;
    expect(folded(ALL).result(warm(1500)).timeline).toEqual(all);
    expect(all.reduce((sum, { ops }) => sum + ops, 0)).toBe(5);
  });

  test('is the same whenever it is said when the load began', () => {
    const late = folded(ALL).result(warm(1500));
    for (const n of [0, 1, 2]) {
      const fold = new Fold();
      for (const each of ALL.slice(0, n)) fold.add(each);
      fold.begin(warm(1500));
      for (const each of ALL.slice(n)) fold.add(each);
      expect(fold.result(warm(1500))).toEqual(late);
    }
  });

  test('that was not asked for is not told of', () => {
    expect(folded(ALL).result(facts).run).not.toHaveProperty('warmup');
  });
});
