import { describe, expect, test } from 'vitest';
import { type Distribution, percentile, QUANTILES } from '../result/distribution';
import { type Measured, submetrics } from '../result/metrics';
import type { ScheduledPhase } from '../result/result';
import { readConfig } from '../settings/config';
import { factsOf, type Plan } from '../workload/plan';
import { type SummaryData, type SummaryFacts, type SummaryMetric, summarize, TREND_STATS } from './summary';

const environment = {
  S3_ENDPOINTS: 'http://10.0.0.1:9000,http://10.0.0.2:9000',
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'hush/hush',
  S3_BUCKET: 'bucket',
  S3LOADTEST_DURATION: '30s',
  S3LOADTEST_SIZE: '1KB,1MB',
};
const config = readConfig(environment);

const measured: Measured = {
  test: 'firehose',
  phases: [],
  series: ['GET', 'PUT'].flatMap((op) => ['1KB', '1MB'].map((size) => ({ op, size }))),
  endpoints: ['10.0.0.1:9000', '10.0.0.2:9000'],
  holdsConnections: false,
  missesExpected: false,
  verified: false,
};

const LOADS = [{ test: 'firehose', scenario: 'firehose', vus: 8, share: 1 }];

const PLAN = { config, measured: [measured], loads: [] } as unknown as Plan;

const facts = factsWith(PLAN, [measured]);

/** As script.ts has them. */
function factsWith(plan: Plan, all: readonly Measured[], loads = LOADS, schedule: ScheduledPhase[] = []): SummaryFacts {
  const { run, ...facts } = factsOf(plan, '20261121T120000Z-firehose-3f9a', Date.UTC(2026, 10, 21, 12), '0.1.0', {});
  const tests = all.map(({ test }) => test);
  return { ...facts, run: { ...run, tests, loads, schedule }, measured: all, setupMs: 1500 };
}

/** A Trend as k6 gives it: here all quantiles on the straight line from least to greatest. */
function trend(count: number, min: number, max: number): SummaryMetric {
  const values: Record<string, number> = { count, min, max, avg: (min + max) / 2 };
  for (const p of QUANTILES) values[`p(${p})`] = min + ((max - min) * p) / 100;
  return { values };
}

const counter = (count: number): SummaryMetric => ({ values: { count, rate: count / 30 } });

/** What k6 says of submetrics that nothing came into: they are there, and empty. */
const empty: Record<string, SummaryMetric> = Object.fromEntries(
  submetrics(measured).map((name) => [name, { values: { count: 0, rate: 0 }, thresholds: {} }]),
);

function dataOf(metrics: Record<string, SummaryMetric>, testRunDurationMs = 31_520.4): SummaryData {
  return { state: { testRunDurationMs }, metrics: { ...empty, ...metrics } };
}

const GETS = 'test:firehose,op:GET';
const FULL = dataOf({
  [`s3_op_duration{${GETS},size:1KB}`]: trend(400, 1, 101),
  [`s3_op_duration{${GETS}}`]: trend(400, 1, 101),
  [`s3_op_duration{${GETS},endpoint:10.0.0.1:9000}`]: trend(300, 1, 51),
  [`s3_op_duration{${GETS},endpoint:10.0.0.2:9000}`]: trend(100, 2, 101),
  [`http_req_waiting{${GETS},status:200}`]: trend(400, 0.5, 50),
  [`http_req_waiting{${GETS}}`]: trend(407, 0.5, 9000),
  [`s3_bytes{${GETS}}`]: counter(409_600),
  [`s3_bytes{${GETS},size:1KB}`]: counter(409_600),
  [`s3_error_duration{${GETS}}`]: trend(7, 5, 60_000),
  [`s3_errors{${GETS},class:throttled}`]: counter(4),
  [`s3_errors{${GETS},class:timeout}`]: counter(3),
  's3_error_duration{test:firehose,op:PUT}': trend(2, 5, 6),
  's3_errors{test:firehose,op:PUT,class:server}': counter(2),
  iterations: counter(404),
  dropped_iterations: counter(0),
  s3_retries: counter(5),
  [`s3_retries{${GETS},endpoint:10.0.0.2:9000}`]: counter(5),
  [`s3_redirected{${GETS},endpoint:10.0.0.2:9000}`]: counter(200),
  http_req_failed: { values: { rate: 0.02 }, thresholds: { 'rate<0.01': { ok: false } } },
  'http_req_duration{op:GET}': { values: {}, thresholds: { 'p(99)<50': { ok: true }, 'avg<1': { ok: false } } },
});

describe('a run', () => {
  const result = summarize(FULL, facts);

  test('is told by what it was and what it was given, secrets left out', () => {
    expect(result).toMatchObject({
      schema: 's3loadtest/result@1',
      run: {
        id: '20261121T120000Z-firehose-3f9a',
        tests: ['firehose'],
        startedAt: '2026-11-21T12:00:00.000Z',
        seed: 1,
        backend: 'http',
        versions: { s3loadtest: '0.1.0' },
        config: { bucket: 'bucket', duration: 30_000 },
        loads: LOADS,
        schedule: [],
        quantiles: QUANTILES,
      },
      interrupted: false,
      partial: false,
    });
    expect(JSON.stringify(result)).not.toMatch(/AKIDEXAMPLE|hush/);
  });

  test("lasted from the load's start, not from setup's: k6 counts both, and every rate is by this", () => {
    expect(result.run.durationMs).toBe(30_020);
  });

  test('has totals of what was done: successes, their bytes, failures by class', () => {
    const [gets, puts] = result.totals;
    expect(result.totals).toHaveLength(2);
    expect(gets).toMatchObject({
      test: 'firehose',
      op: 'GET',
      ops: 400,
      bytes: 409_600,
      errors: { throttled: 4, timeout: 3 },
    });
    expect(gets?.latency).toMatchObject({ kind: 'quantiles', count: 400, min: 1, max: 101, mean: 51 });
    expect(percentile(gets?.latency as Distribution, 99)).toBe(100);
    // Only failures were seen of PUT; they are no throughput, and have no latency.
    expect(puts).toEqual({
      test: 'firehose',
      op: 'PUT',
      ops: 0,
      bytes: 0,
      errors: { server: 2 },
      latency: undefined,
      ttfb: undefined,
      errorLatency: puts?.errorLatency,
    });
    expect(puts?.errorLatency).toMatchObject({ count: 2, min: 5, max: 6 });
  });

  test('keeps the time of failures apart from that of successes', () => {
    expect(result.totals[0]?.ttfb).toMatchObject({ count: 400, max: 50 });
    expect(result.totals[0]?.errorLatency).toMatchObject({ count: 7, max: 60_000 });
  });

  test('leaves out series and endpoints where nothing was done', () => {
    expect(result.series.map(({ op, size, ops }) => [op, size, ops])).toEqual([['GET', '1KB', 400]]);
    expect(result.endpoints.map(({ op, endpoint, ops }) => [op, endpoint, ops])).toEqual([
      ['GET', '10.0.0.1:9000', 300],
      ['GET', '10.0.0.2:9000', 100],
    ]);
  });

  test('tells how thresholds did, each expression of each metric, and none of those that only keep submetrics apart', () => {
    expect(result.thresholds).toEqual([
      { metric: 'http_req_failed', expr: 'rate<0.01', ok: false },
      { metric: 'http_req_duration{op:GET}', expr: 'p(99)<50', ok: true },
      { metric: 'http_req_duration{op:GET}', expr: 'avg<1', ok: false },
    ]);
  });

  test('has of the generator what k6 knows, and null for what it does not', () => {
    expect(result.generator).toEqual({
      cpu: null,
      memory: null,
      cores: null,
      vus: 8,
      iterations: 404,
      droppedIterations: 0,
      retries: 5,
    });
    expect([result.timeline, result.workers, result.errorSamples]).toEqual([[], [], []]);
  });

  test('has six digits of a latency, no more: a Result of nine tests is read by people', () => {
    const metric = { values: { ...trend(3, 1, 2).values, avg: 1.23456789, 'p(50)': 0.000123456789 } };
    const { totals } = summarize(dataOf({ [`s3_op_duration{${GETS}}`]: metric }), facts);
    expect(totals[0]?.latency?.mean).toBe(1.23457);
    const latency = totals[0]?.latency;
    expect(latency?.kind === 'quantiles' && latency.values[QUANTILES.indexOf(50)]).toBe(0.000123457);
  });

  test('comes back out of JSON as it went in: there is no number in it that JSON can not hold', () => {
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
  });
});

test.each([
  { ms: 31_500, interrupted: false, why: '30 s of load and 1.5 s of setup' },
  { ms: 91_400, interrupted: false, why: 'the last operations took their time' },
  { ms: 31_460, interrupted: false, why: "k6's own clock may be some milliseconds short" },
  { ms: 31_000, interrupted: true, why: 'long enough only if setup were load' },
  { ms: 9_000, interrupted: true, why: 'Ctrl-C' },
])('after $ms ms, interrupted is $interrupted: $why', ({ ms, interrupted }) => {
  expect(summarize(dataOf({}, ms), facts).interrupted).toBe(interrupted);
});

test.each([
  { data: { state: { testRunDurationMs: 1600 } }, why: 'k6 leaves metrics out when nothing was measured' },
  { data: { state: { testRunDurationMs: 1600 }, metrics: {} }, why: 'or has none' },
  { data: dataOf({}, 1600), why: 'or has them empty' },
])('a run in which nothing happened is a Result of nothing: $why', ({ data }) => {
  expect(summarize(data, facts)).toMatchObject({
    run: { durationMs: 100 },
    series: [],
    totals: [],
    endpoints: [],
    thresholds: [],
    generator: { iterations: 0, droppedIterations: 0, retries: 0 },
    interrupted: true,
  });
});

describe('several tests in one k6', () => {
  const other: Measured = { ...measured, test: 'ebb', endpoints: ['10.0.0.9:9000'] };
  const loads = [
    { test: 'firehose', scenario: 'firehose', vus: 6, share: 0.5 },
    { test: 'ebb', scenario: 'ebb', vus: 1, share: 0.125 },
    { test: 'ebb', scenario: 'ebb-burst', vus: 5, share: 0.375 },
  ];
  const schedule = [{ test: 'ebb', scenario: 'ebb-burst', phase: 'burst', startMs: 1000, endMs: 2000 }];
  const data = dataOf({
    's3_op_duration{test:firehose,op:GET}': trend(3, 1, 2),
    's3_op_duration{test:firehose,op:GET,endpoint:10.0.0.2:9000}': trend(3, 1, 2),
    's3_op_duration{test:ebb,op:GET}': trend(5, 1, 2),
  });
  const result = summarize(data, factsWith(PLAN, [measured, other], loads, schedule));

  test('have each their own figures', () => {
    expect(result.run.tests).toEqual(['firehose', 'ebb']);
    expect(result.totals.map(({ test, op, ops }) => [test, op, ops])).toEqual([
      ['firehose', 'GET', 3],
      ['ebb', 'GET', 5],
    ]);
  });

  test('and their own endpoints, each once: of a single one k6 keeps no figures apart, they are the totals', () => {
    expect(result.endpoints.map(({ test, op, endpoint, ops }) => [test, op, endpoint, ops])).toEqual([
      ['firehose', 'GET', '10.0.0.2:9000', 3],
      ['ebb', 'GET', '10.0.0.9:9000', 5],
    ]);
  });

  test('where each has several endpoints, those of one are none of another', () => {
    const both = { ...other, endpoints: measured.endpoints };
    const { endpoints } = summarize(
      dataOf({ [`s3_op_duration{${GETS},endpoint:10.0.0.2:9000}`]: trend(3, 1, 2) }),
      factsWith(PLAN, [measured, both], loads),
    );
    expect(endpoints.map(({ test, ops }) => [test, ops])).toEqual([['firehose', 3]]);
  });

  test('say how the load was divided among them, and when it was to be on', () => {
    expect(result.run.loads).toEqual(loads);
    expect(result.run.schedule).toEqual(schedule);
    expect(result.generator.vus).toBe(12);
  });
});

test('phases have series of their own, and one total together', () => {
  const phased: Measured = { ...measured, phases: ['steady', 'read-burst'] };
  const data = dataOf({
    's3_op_duration{test:firehose,phase:steady,op:GET,size:1KB}': trend(3, 1, 2),
    's3_op_duration{test:firehose,phase:read-burst,op:GET,size:1KB}': trend(5, 1, 2),
    's3_op_duration{test:firehose,op:GET}': trend(8, 1, 2),
  });
  const result = summarize(data, { ...facts, measured: [phased] });
  expect(result.series.map(({ phase, op, size, ops }) => [phase, op, size, ops])).toEqual([
    ['steady', 'GET', '1KB', 3],
    ['read-burst', 'GET', '1KB', 5],
  ]);
  expect(result.totals.map(({ op, ops }) => [op, ops])).toEqual([['GET', 8]]);
});

describe('connections that were held', () => {
  const held: Measured = { ...measured, holdsConnections: true };
  const at = 'op:PUT,endpoint:10.0.0.2:9000';
  const data = dataOf({
    [`s3_connections{test:firehose,${at},outcome:opened}`]: counter(12),
    [`s3_connections{test:firehose,${at},outcome:completed}`]: counter(5),
    [`s3_connections{test:firehose,${at},outcome:refused}`]: counter(3),
    [`s3_connections_open{test:firehose,${at}}`]: { values: { value: 0, min: 0, max: 9 } },
    [`s3_connection_bytes{test:firehose,${at},direction:sent}`]: counter(4000),
    [`s3_connection_bytes{test:firehose,${at},direction:received}`]: counter(300),
    [`s3_connection_lifetime{test:firehose,${at}}`]: trend(5, 1000, 9000),
  });

  test('are told by what they did and where; those that never were are not', () => {
    const { connections } = summarize(data, { ...facts, measured: [held] });
    expect(connections).toEqual([
      {
        ...{ test: 'firehose', op: 'PUT', endpoint: '10.0.0.2:9000' },
        peakOpen: 9,
        opened: 12,
        ended: { completed: 5, refused: 3 },
        bytesSent: 4000,
        bytesReceived: 300,
        lifetime: expect.objectContaining({ count: 5, min: 1000, max: 9000 }),
      },
    ]);
  });

  test('are not looked for where none are held', () => {
    expect(summarize(data, facts).connections).toEqual([]);
  });
});

describe('misses and objects', () => {
  const deleting: Measured = {
    ...measured,
    series: [
      { op: 'GET', size: '1KB' },
      { op: 'PUT', size: '1KB' },
      { op: 'LIST', size: 'none' },
    ],
    missesExpected: true,
  };
  const data = dataOf({
    's3_misses{test:firehose,op:GET}': counter(7),
    's3_op_duration{test:firehose,op:PUT}': trend(1, 1, 2),
    's3_op_duration{test:firehose,op:LIST}': trend(2, 1, 2),
    's3_objects{test:firehose,op:LIST}': counter(1500),
  });

  test('are of the operations that have them; one that did nothing but miss is told', () => {
    const { totals } = summarize(data, { ...facts, measured: [deleting] });
    expect(totals.map(({ op, ops, errors, misses, objects }) => ({ op, ops, errors, misses, objects }))).toEqual([
      { op: 'GET', ops: 0, errors: {}, misses: 7, objects: undefined },
      { op: 'PUT', ops: 1, errors: {}, misses: undefined, objects: undefined },
      { op: 'LIST', ops: 2, errors: {}, misses: undefined, objects: 1500 },
    ]);
    // Left out, not undefined: a Result is JSON.
    expect(totals[1]).not.toHaveProperty('misses');
    expect(totals[1]).not.toHaveProperty('objects');
  });

  test('are not read where nobody deletes: there a 404 is an error', () => {
    const { totals } = summarize(data, { ...facts, measured: [{ ...deleting, missesExpected: false }] });
    expect(totals.map(({ op }) => op)).toEqual(['PUT', 'LIST']);
  });
});

describe('many misses among reads', () => {
  const reading = (ops: readonly string[]) => ({
    ...measured,
    missesExpected: true,
    series: ops.map((op) => ({ op, size: '1KB' })),
  });
  const codes = (ops: readonly string[], misses: number) =>
    summarize(
      dataOf({
        's3_op_duration{test:firehose,op:GET}': trend(900, 1, 2),
        's3_op_duration{test:firehose,op:DELETE}': trend(900, 1, 2),
        's3_misses{test:firehose,op:GET}': counter(misses),
      }),
      { ...facts, measured: [reading(ops)] },
    ).warnings.map(({ code }) => code);

  test.each([
    { ops: ['GET'], misses: 101, are: ['many-misses'], why: 'more than a tenth: keys are not those of the bucket' },
    { ops: ['GET'], misses: 99, are: [], why: 'fewer happen' },
    { ops: ['GET', 'DELETE'], misses: 101, are: [], why: 'the run itself deletes' },
  ])('$ops, $misses of 1,000: $why', ({ ops, misses, are }) => {
    expect(codes(ops, misses)).toEqual(are);
  });
});

describe('verified reads', () => {
  const plan = { ...PLAN, config: readConfig({ ...environment, S3LOADTEST_VERIFY: 'true' }) };
  const of = (verified: number, plan: Plan) =>
    summarize(
      dataOf({
        's3_op_duration{test:firehose,op:GET}': trend(900, 1, 2),
        's3_verified{test:firehose,op:GET}': counter(verified),
      }),
      factsWith(plan, [{ ...measured, verified: true }]),
    );

  test('are counted, and where some reads were not verified, that is said', () => {
    const some = of(897, plan);
    expect(some.totals.map(({ op, verified }) => [op, verified])).toEqual([['GET', 897]]);
    expect(some.warnings).toMatchObject([
      { code: 'not-verified', message: expect.stringMatching(/^3 of 900 reads were not verified/) },
    ]);
    expect(of(900, plan).warnings).toEqual([]);
  });

  test("are nobody's business where nobody asked", () => {
    expect(of(0, PLAN).warnings).toEqual([]);
  });
});

describe('warnings', () => {
  const codes = (more: Record<string, string>, dropped: number) =>
    summarize(
      dataOf({ dropped_iterations: counter(dropped) }),
      factsWith({ ...PLAN, config: readConfig({ ...environment, ...more }) }, [measured]),
    ).warnings.map(({ code }) => code);

  test.each([
    { more: {}, dropped: 0, is: [], why: 'no TLS, so none that was not verified' },
    { more: { S3_ENDPOINTS: 'https://s3' }, dropped: 0, is: ['tls-not-verified'], why: 'the default does not verify' },
    {
      more: { S3_ENDPOINTS: 'http://a,https://s3' },
      dropped: 0,
      is: ['tls-not-verified'],
      why: 'one endpoint is enough',
    },
    { more: { S3_ENDPOINTS: 'https://s3', S3_VERIFY_SSL: 'true' }, dropped: 0, is: [], why: 'it was verified' },
    { more: {}, dropped: 3, is: ['unmet-demand'], why: 'the rate asked for was not reached' },
  ])('$is: $why', ({ more, dropped, is }) => {
    expect(codes(more, dropped)).toEqual(is);
  });
});

test('k6 is asked for every statistic that is read', () => {
  expect(TREND_STATS).toEqual(expect.arrayContaining(['min', 'max', 'avg', 'count', 'p(50)', 'p(99)', 'p(99.999)']));
  expect(TREND_STATS).toHaveLength(4 + QUANTILES.length);
});
