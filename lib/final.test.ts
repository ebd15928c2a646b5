import { describe, expect, test } from 'vitest';
import { type Distribution, QUANTILES } from './distribution';
import { finalText, type Stats, statsLine } from './final';
import { type Result, SCHEMA, type Total } from './result';

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
      quantiles: QUANTILES,
      ...run,
    },
    series: [],
    totals: [GET, PUT],
    endpoints: [],
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
        Errors: GET notFound=3 throttled=1,204 | UPLOAD_PART timeout=2 (retries=1,206)
          throttled: GET 503 SlowDown: Reduce your rate (endpoint 10.0.0.1:9000)
        Threshold failed: http_req_failed rate<0.01
        Warning: TLS certificates were not verified: set S3_VERIFY_SSL=true"
    `);
  });

  test('several tests in one run: each line says of which', () => {
    const text = finalText(
      resultOf({ totals: [GET, { ...PUT, test: 'ebb', errors: { server: 1 } }] }, { tests: ['firehose', 'ebb'] }),
    );
    expect(text).toMatchInlineSnapshot(`
      "FINAL: ops=42,691 (1,422/s), bytes=25.0GB, errors=1, elapsed=30s
        Latency: firehose GET p50=15ms p95=29ms p99=30ms | ebb PUT p50=600ms p95=1.14s p99=1.19s
        Errors: ebb PUT server=1"
    `);
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

describe('statsLine', () => {
  const stats: Stats = {
    ops: 42_691,
    bytes: 2.1 * 1024 ** 3,
    errors: 0,
    opsPerSecond: 1423.03,
    bytesPerSecond: 71.2 * 1024 ** 2,
    elapsedMs: 30_000,
    latency: [],
  };

  test.each([
    {
      more: {},
      line: 'STATS: ops=42,691 (1,423/s), bytes=2.1GB (71.2MB/s), errors=0, elapsed=30s',
      why: 'as the original wrote it',
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
  ])('$line: $why', ({ more, line }) => {
    expect(statsLine({ ...stats, ...more })).toBe(line);
  });
});
