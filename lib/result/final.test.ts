import { describe, expect, test } from 'vitest';
import { type Distribution, QUANTILES } from './distribution';
import { finalText, type Stats, statsLine } from './final';
import { type Connections, type Result, SCHEMA, type Series, type Total } from './result';

/** Latencies evenly from 0 to `max` milliseconds. */
function even(count: number, max: number): Distribution {
  return { kind: 'quantiles', count, min: 0, max, mean: max / 2, values: QUANTILES.map((p) => (max * p) / 100) };
}

const GET: Total = {
  test: 'firehose',
  op: 'GET',
  ops: 21_345,
  bytes: 12.5 * 1024 ** 3,
  errors: {},
  latency: even(21_345, 30),
};
const PUT: Total = {
  test: 'firehose',
  op: 'PUT',
  ops: 21_346,
  bytes: 12.5 * 1024 ** 3,
  errors: {},
  latency: even(21_346, 1200),
};

function resultOf(more: Partial<Result> = {}, run: Partial<Result['run']> = {}): Result {
  return {
    schema: SCHEMA,
    run: {
      id: '20261121T120000Z-firehose-3f9a',
      tests: ['firehose'],
      startedAt: '2026-11-21T12:00:00.000Z',
      durationMs: 30_020,
      seed: 1,
      backend: 'http',
      versions: {},
      config: {},
      loads: [],
      schedule: [],
      quantiles: QUANTILES,
      ...run,
    },
    series: [],
    totals: [GET, PUT],
    endpoints: [],
    connections: [],
    timeline: [],
    thresholds: [],
    generator: { cpu: null, memory: null, cores: null, vus: 8, iterations: 42_691, droppedIterations: 0, retries: 0 },
    workers: [],
    errorSamples: [],
    warnings: [],
    interrupted: false,
    partial: false,
    ...more,
  };
}

describe('finalText', () => {
  test('a run in which all went well: two lines', () => {
    expect(finalText(resultOf())).toMatchInlineSnapshot(`
      "FINAL: ops=42,691 (1,422/s), bytes=25.0GB, errors=0, elapsed=30s
        Latency: GET p50=15ms p95=29ms p99=30ms | PUT p50=600ms p95=1.14s p99=1.19s"
    `);
  });

  test('a run in which much did not: failures by class with a sample each, thresholds, and reasons for doubt', () => {
    const failing: Total = { ...GET, errors: { notFound: 3, throttled: 1204 }, errorLatency: even(1207, 5) };
    const dead: Total = { test: 'firehose', op: 'UPLOAD_PART', ops: 0, bytes: 0, errors: { timeout: 2 } };
    const text = finalText(
      resultOf({
        totals: [failing, PUT, dead],
        interrupted: true,
        generator: { ...resultOf().generator, retries: 1206 },
        errorSamples: [
          { class: 'throttled', op: 'GET', message: '503 SlowDown: Reduce your rate (endpoint 10.0.0.1:9000)' },
        ],
        thresholds: [
          { metric: 'http_req_failed', expr: 'rate<0.01', ok: false },
          { metric: 'http_req_duration{op:GET}', expr: 'p(99)<50', ok: true },
        ],
        warnings: [
          { code: 'tls-not-verified', message: 'TLS certificates were not verified', remedy: 'set S3_VERIFY_SSL=true' },
        ],
      }),
    );
    expect(text).toMatchInlineSnapshot(`
      "FINAL: ops=42,691 (1,422/s), bytes=25.0GB, errors=1,209, elapsed=30s (interrupted)
        Latency: GET p50=15ms p95=29ms p99=30ms | PUT p50=600ms p95=1.14s p99=1.19s
        Errors: GET notFound=3 throttled=1,204 | UPLOAD_PART timeout=2
          throttled: GET 503 SlowDown: Reduce your rate (endpoint 10.0.0.1:9000)
        Retries: 1,206 of these attempts were repeats
        Threshold failed: http_req_failed rate<0.01
        Warning: TLS certificates were not verified: set S3_VERIFY_SSL=true"
    `);
  });

  test('with --verify, how many of the reads were verified: none, too', () => {
    const text = (verified?: number) =>
      finalText(resultOf({ totals: [{ ...GET, ...(verified && { verified }) }, PUT] }, { config: { verify: true } }));
    expect(text(21_000)).toContain('\n  Verified: 21,000 of 21,345 reads');
    expect(text()).toContain('\n  Verified: 0 of 21,345 reads');
    expect(finalText(resultOf({ totals: [PUT] }, { config: { verify: true } }))).not.toContain('Verified');
  });

  test('several tests in one run: all of them together, then each with what it did', () => {
    const ebb = { test: 'ebb', bytes: 0, errors: {} };
    const text = finalText(
      resultOf(
        {
          totals: [
            GET,
            { ...PUT, errors: { server: 1 } },
            { ...ebb, op: 'LIST', ops: 30, objects: 30_000, latency: even(30, 40) },
            { ...ebb, op: 'DELETE_OBJECTS', ops: 3, objects: 2_990, errors: { auth: 10 }, latency: even(3, 300) },
          ],
          errorSamples: [{ class: 'auth', op: 'DELETE_OBJECTS', message: '200 AccessDenied (endpoint a:9000)' }],
        },
        { tests: ['firehose', 'ebb'] },
      ),
    );
    expect(text).toMatchInlineSnapshot(`
      "FINAL: ops=42,724 (1,423/s), bytes=25.0GB, errors=11, elapsed=30s
        firehose: ops=42,691 (1,422/s), bytes=25.0GB, errors=1
          Latency: GET p50=15ms p95=29ms p99=30ms | PUT p50=600ms p95=1.14s p99=1.19s
          Errors: PUT server=1
        ebb: ops=33 (1/s), bytes=0B, errors=10
          Latency: LIST p50=20ms p95=38ms p99=40ms | DELETE_OBJECTS p50=150ms p95=285ms p99=297ms
          Keys: LIST 30,000 (999/s) | DELETE_OBJECTS 2,990 (100/s)
          Errors: DELETE_OBJECTS auth=10
          auth: DELETE_OBJECTS 200 AccessDenied (endpoint a:9000)"
    `);
  });

  test('a test of several that did nothing is named all the same', () => {
    const text = finalText(resultOf({}, { tests: ['firehose', 'ebb'] }));
    expect(text).toMatch(/\n {2}ebb: ops=0 \(0\/s\), bytes=0B, errors=0$/);
  });

  test('misses are told apart from errors, and not where there were none', () => {
    const text = finalText(
      resultOf({
        totals: [
          { ...GET, misses: 1234 },
          { ...PUT, misses: 0 },
        ],
      }),
    );
    expect(text).toMatchInlineSnapshot(`
      "FINAL: ops=42,691 (1,422/s), bytes=25.0GB, errors=0, misses=1,234, elapsed=30s
        Latency: GET p50=15ms p95=29ms p99=30ms | PUT p50=600ms p95=1.14s p99=1.19s
        Misses (404: deleted meanwhile, no errors): GET 1,234"
    `);
  });

  describe('a line a size', () => {
    const series = (op: string, size: string, bytes: number, max: number): Series => ({
      test: 'heavyread',
      op,
      size,
      ops: 1000,
      bytes,
      errors: {},
      latency: even(1000, max),
    });
    const reads = [series('GET', '1KB', 1_024_000, 3), series('GET', '100MB', 1000 * 100 * 1024 ** 2, 900)];
    const of = (all: readonly Series[], tests = ['heavyread']) =>
      finalText(resultOf({ totals: [{ ...GET, test: 'heavyread' }], series: all }, { tests })).split('\n');

    test('where one operation is all there is: sizes are what tells its figures apart', () => {
      expect(of(reads).join('\n')).toMatchInlineSnapshot(`
        "FINAL: ops=21,345 (711/s), bytes=12.5GB, errors=0, elapsed=30s
          Latency: GET p50=15ms p95=29ms p99=30ms
              1KB  1,000  33.3KB/s  p50=1.5ms p95=2.9ms p99=3.0ms
            100MB  1,000   3.3GB/s  p50=450ms p95=855ms p99=891ms"
      `);
    });

    test('further in where several tests are told', () => {
      expect(of(reads, ['heavyread', 'ebb'])[3]).toMatch(/^ {8}1KB {2}/);
    });

    test('a size that only failed has no latency', () => {
      const { latency: _, ...failed } = { ...series('GET', '1MB', 0, 1), ops: 0, errors: { connect: 3 } };
      expect(of([...reads, failed])[4]).toBe('      1MB      0      0B/s');
    });

    test.each([
      { all: reads.slice(0, 1), why: 'one size is the total' },
      { all: [...reads, series('PUT', '1KB', 1, 1)], why: 'two operations have a latency each' },
      { all: [{ ...reads[0], phase: 'a' } as Series, { ...reads[1], phase: 'b' } as Series], why: 'phases mix sizes' },
      { all: reads.map((s) => ({ ...s, test: 'ebb' })), why: "another test's" },
    ])('and else none: $why', ({ all }) => {
      expect(of(all)).toHaveLength(2);
    });
  });

  test('a run in which nothing happened has no rate and no latency, rather than NaN or 0ms', () => {
    const text = finalText(resultOf({ totals: [], interrupted: true }, { durationMs: 0 }));
    expect(text).toBe('FINAL: ops=0 (0/s), bytes=0B, errors=0, elapsed=0s (interrupted)');
  });

  test('a run in which all failed counts nothing as throughput', () => {
    const totals = [
      { test: 'firehose', op: 'GET', ops: 0, bytes: 0, errors: { connect: 900 }, errorLatency: even(900, 1) },
    ];
    expect(finalText(resultOf({ totals }))).toMatchInlineSnapshot(`
      "FINAL: ops=0 (0/s), bytes=0B, errors=900, elapsed=30s
        Errors: GET connect=900"
    `);
  });
});

describe('connections that were held', () => {
  const held: Connections = {
    ...{ test: 'firehose', op: 'PUT', endpoint: 'a' },
    peakOpen: 500,
    opened: 12_345,
    ended: { completed: 11_000, reset: 45, refused: 7, closed: 1_300 },
    bytesSent: 12_345_678,
    bytesReceived: 1234,
    lifetime: even(12_345, 60_000),
  };

  test('are told by what they did, over all endpoints', () => {
    const { lifetime: _, ...get } = held;
    const connections: Connections[] = [
      held,
      { ...held, endpoint: 'b', ended: { completed: 12_345 } },
      { ...get, op: 'GET', opened: 500, ended: {} },
    ];
    expect(finalText(resultOf({ totals: [], connections }))).toMatchInlineSnapshot(`
      "FINAL: ops=0 (0/s), bytes=0B, errors=0, elapsed=30s
        Connections: PUT 1,000 open at most: opened=24,690 completed=23,345 reset=45 refused=7 closed=1,300 | GET 500 open at most: opened=500 left open=500
        On the wire: PUT sent=23.5MB received=2.4KB | GET sent=11.8MB received=1.2KB
        Lived: PUT p50=30.0s p95=57.0s p99=59.4s"
    `);
  });

  test('of another test are told with that', () => {
    const text = finalText(resultOf({ connections: [{ ...held, test: 'ebb' }] }, { tests: ['firehose', 'ebb'] }));
    expect(text).toMatch(/\n {2}ebb: .*\n {4}Connections: PUT 500 open at most/);
  });
});

describe('statsLine', () => {
  const stats: Stats = {
    ops: 42_691,
    bytes: 2.1 * 1024 ** 3,
    errors: 0,
    opsPerSecond: 1423.03,
    bytesPerSecond: 71.2 * 1024 ** 2,
    elapsedMs: 30_000,
    latency: [],
    objects: [],
    operations: [],
    tests: [],
  };

  test.each([
    {
      more: {},
      line: 'STATS: ops=42,691 (1,423/s), bytes=2.1GB (71.2MB/s), errors=0, elapsed=30s',
      why: 'as the original wrote it',
    },
    {
      more: { open: 1000 },
      line: 'STATS: ops=42,691 (1,423/s), bytes=2.1GB (71.2MB/s), errors=0, open=1,000, elapsed=30s',
      why: 'connections that are held open',
    },
    {
      more: {
        latency: [
          { op: 'GET', percentiles: { p50: 3, p90: 9.13, p95: 18.2 } },
          { op: 'PUT', percentiles: { p95: 1250 } },
        ],
      },
      line: 'STATS: ops=42,691 (1,423/s), bytes=2.1GB (71.2MB/s), errors=0, elapsed=30s | GET p50=3.0ms p90=9.1ms p95=18ms | PUT p95=1.25s',
      why: 'with what k6 knows of latency',
    },
    {
      more: { ops: 0, bytes: 0, opsPerSecond: 0, bytesPerSecond: 0, errors: 12_000, elapsedMs: 59_960 },
      line: 'STATS: ops=0 (0/s), bytes=0B (0B/s), errors=12,000, elapsed=1m',
      why: 'when nothing succeeds',
    },
    {
      more: {
        latency: [{ op: 'LIST', percentiles: { p95: 12 } }],
        objects: [{ op: 'LIST', perSecond: 12_000.4 }],
        tests: [
          { test: 'listops', opsPerSecond: 12 },
          { test: 'firehose', opsPerSecond: 1411.03 },
        ],
      },
      line: 'STATS: ops=42,691 (1,423/s), bytes=2.1GB (71.2MB/s), errors=0, elapsed=30s | LIST p95=12ms | LIST 12,000 keys/s | listops 12/s | firehose 1,411/s',
      why: 'operations on many objects tell their keys, and several tests a rate each',
    },
  ])('$line: $why', ({ more, line }) => {
    expect(statsLine({ ...stats, ...more })).toBe(line);
  });
});
