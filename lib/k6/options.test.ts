import type { Options } from 'k6/options';
import { describe, expect, test } from 'vitest';
import { connections, operations, task } from '../../test/fake-step';
import { submetrics } from '../result/metrics';
import { type Environment, readConfig } from '../settings/config';
import { planOf } from '../workload/plan';
import { WAITING } from '../workload/scenario';
import type { Workload } from '../workload/workload';
import { optionsOf } from './options';

const BOTH = operations('GET', 'PUT');
const FLAT: Workload = { name: 'flat', data: { sizes: ['1KB'] }, loads: [{ step: BOTH }] };
const BURSTS: Workload = {
  name: 'bursts',
  data: { sizes: ['1KB'] },
  loads: [{ step: BOTH, shape: { windows: { kind: 'bursts', burst: 20_000, pause: 10_000 } } }],
};
const SELF_PACED: Workload = {
  name: 'self',
  data: { sizes: [] },
  loads: [{ step: task('LIST', 'DELETE_OBJECTS') }],
};

const HELD: Workload = {
  name: 'held',
  data: { sizes: ['1KB'] },
  loads: [{ step: connections('PUT', 'GET') }],
};

function planned(patterns: readonly Workload[], more: Environment) {
  const config = readConfig({
    S3_ENDPOINTS: 'http://10.0.0.1:9000',
    AWS_ACCESS_KEY_ID: 'key',
    AWS_SECRET_ACCESS_KEY: 'secret',
    S3_BUCKET: 'bucket',
    S3LOADTEST_DURATION: more.S3LOADTEST_STAGES ? '' : '90s',
    S3LOADTEST_CONCURRENCY: '8',
    ...more,
  });
  return planOf(patterns, config, true);
}

const optionsFor = (patterns: readonly Workload[], more: Environment = {}): Options =>
  optionsOf(planned(patterns, more));

/** Thresholds that can fail: those with an expression. */
function asked({ thresholds = {} }: Options): Record<string, unknown> {
  return Object.fromEntries(Object.entries(thresholds).filter(([, expressions]) => expressions.length > 0));
}

describe('thresholds', () => {
  test.each<{ patterns: readonly Workload[]; more: Environment; are: Record<string, string[]>; why: string }>([
    {
      patterns: [HELD],
      more: {},
      are: { 's3_connections{test:held,outcome:opened}': ['count>0'] },
      why: 'what ends connections is what is looked for, but some must be opened',
    },
    {
      patterns: [FLAT, HELD],
      more: { S3LOADTEST_VERIFY: 'true', S3LOADTEST_THRESHOLDS: 'http_req_failed:rate<0.5' },
      are: {
        's3_op_duration{test:flat}': ['max>0'],
        's3_errors{test:flat,class:corrupt}': ['count<1'],
        's3_connections{test:held,outcome:opened}': ['count>0'],
        's3_errors{test:held,class:corrupt}': ['count<1'],
        http_req_failed: ['rate<0.5'],
      },
      why: 'one wrong byte fails a run that looks for it',
    },
    {
      patterns: [FLAT],
      more: {},
      are: { 's3_op_duration{test:flat}': ['max>0'], 'http_req_failed{test:flat}': ['rate<0.01'] },
      why: 'something succeeds, and nearly all does',
    },
    {
      patterns: [FLAT, SELF_PACED],
      more: {},
      are: {
        's3_op_duration{test:flat}': ['max>0'],
        'http_req_failed{test:flat}': ['rate<0.01'],
        's3_op_duration{test:self}': ['max>0'],
        'http_req_failed{test:self}': ['rate<0.01'],
      },
      why: 'of each test: many successes of one must not hide that another has none',
    },
    {
      patterns: [FLAT, SELF_PACED],
      more: { S3LOADTEST_THRESHOLDS: 'http_req_failed:rate<0.5' },
      are: {
        's3_op_duration{test:flat}': ['max>0'],
        's3_op_duration{test:self}': ['max>0'],
        http_req_failed: ['rate<0.5'],
      },
      why: 'one on failures replaces the default of every test; that something succeeds is asked for all the same',
    },
    {
      patterns: [FLAT],
      more: { S3LOADTEST_THRESHOLDS: 'http_req_failed{test:flat}:rate<0.2;http_req_failed{test:flat}:rate<0.3' },
      are: {
        's3_op_duration{test:flat}': ['max>0'],
        'http_req_failed{test:flat}': ['rate<0.2', 'rate<0.3'],
      },
      why: 'with tags, too, and two of one metric are both kept',
    },
    {
      patterns: [FLAT],
      more: { S3LOADTEST_THRESHOLDS: 'http_req_duration{op:GET}:p(99)<50;s3_op_duration{test:flat}:max<99' },
      are: {
        's3_op_duration{test:flat}': ['max>0', 'max<99'],
        'http_req_failed{test:flat}': ['rate<0.01'],
        'http_req_duration{op:GET}': ['p(99)<50'],
      },
      why: 'any other is added',
    },
    {
      patterns: [FLAT],
      more: { S3LOADTEST_THRESHOLDS: 's3_op_duration{test:flat,op:GET}:p(99)<50' },
      are: {
        's3_op_duration{test:flat}': ['max>0'],
        'http_req_failed{test:flat}': ['rate<0.01'],
        's3_op_duration{test:flat,op:GET}': ['p(99)<50'],
      },
      why: 'even on one that figures are read from',
    },
  ])('$are: $why', ({ patterns, more, are }) => {
    expect(asked(optionsFor(patterns, more))).toEqual(are);
  });

  test('name every submetric that figures are read from, without an expression: so k6 keeps it apart', () => {
    const plan = planned([FLAT, SELF_PACED], {});
    const { thresholds } = optionsOf(plan);
    const names = plan.measured.flatMap(submetrics);
    expect(names.length).toBeGreaterThan(50);
    expect(thresholds).toMatchObject(Object.fromEntries(names.map((name) => [name, []])));
  });
});

describe('scenarios', () => {
  const shown = (options: Options) =>
    Object.entries(options.scenarios ?? {}).map(([name, { executor }]) => `${name} ${executor}`);

  test.each<{ patterns: readonly Workload[]; more: Environment; are: readonly string[]; why: string }>([
    { patterns: [FLAT], more: {}, are: ['flat constant-vus'], why: 'VUs last as long as they should' },
    {
      patterns: [FLAT, BURSTS],
      more: {},
      are: ['flat constant-vus', 'bursts constant-vus'],
      why: 'pauses are slept through by VUs that are there',
    },
    { patterns: [FLAT], more: { S3LOADTEST_RAMP: '9s' }, are: ['flat ramping-vus'], why: 'so do they where they ramp' },
    {
      patterns: [FLAT],
      more: { S3LOADTEST_RATE: '50' },
      are: ['flat constant-arrival-rate'],
      why: 'k6 keeps a constant rate up to the end',
    },
    {
      patterns: [FLAT],
      more: { S3LOADTEST_RATE: '50', S3LOADTEST_RAMP: '9s' },
      are: ['flat ramping-arrival-rate', `${WAITING} constant-vus`],
      why: 'a changing one ends with its last operation',
    },
    {
      patterns: [FLAT],
      more: { S3LOADTEST_STAGES: '5/s:5s,0/s:10s' },
      are: ['flat ramping-arrival-rate', `${WAITING} constant-vus`],
      why: 'which stages may have long before the end',
    },
    {
      patterns: [FLAT, BURSTS],
      more: { S3LOADTEST_RATE: '50' },
      are: ['flat constant-arrival-rate', 'bursts ramping-arrival-rate', `${WAITING} constant-vus`],
      why: 'one such scenario is enough, and bursts make one of a constant rate',
    },
    {
      patterns: [SELF_PACED],
      more: { S3LOADTEST_RATE: '50', S3LOADTEST_RAMP: '9s' },
      are: ['self constant-vus'],
      why: 'traffic that paces itself needs nobody to wait for it',
    },
    {
      patterns: [SELF_PACED],
      more: { S3LOADTEST_STAGES: '5:5s,9:5s' },
      are: ['self constant-vus'],
      why: 'nor does it where VUs change',
    },
  ])('$are: $why', ({ patterns, more, are }) => {
    expect(shown(optionsFor(patterns, more))).toEqual(are);
  });

  test('traffic that paces itself gets one VU and no rate, for all the time', () => {
    for (const more of [
      {},
      { S3LOADTEST_RATE: '50', S3LOADTEST_RAMP: '9s' },
      { S3LOADTEST_STAGES: '5:30s,9:60s', S3LOADTEST_RAMP: '9s', S3LOADTEST_CONCURRENCY: '' },
      { S3LOADTEST_STAGES: '5/s:30s,9/s:60s', S3LOADTEST_RAMP: '9s' },
    ] as Environment[]) {
      expect(optionsFor([SELF_PACED], more).scenarios).toEqual({
        self: {
          executor: 'constant-vus',
          vus: 1,
          duration: '90000ms',
          gracefulStop: '65000ms',
          tags: { test: 'self' },
        },
      });
    }
  });

  test('beside it the others keep rate and ramp', () => {
    const { scenarios } = optionsFor([FLAT, SELF_PACED], { S3LOADTEST_RATE: '50' });
    expect(scenarios?.flat).toMatchObject({ executor: 'constant-arrival-rate', rate: 25, maxVUs: 4 });
  });

  test('waiting is one VU until the whole duration is over, of no test', () => {
    const { scenarios } = optionsFor([FLAT], { S3LOADTEST_STAGES: '5/s:5s,0/s:10s' });
    expect(scenarios?.[WAITING]).toEqual({
      executor: 'constant-vus',
      vus: 1,
      duration: '15000ms',
      gracefulStop: '1s',
    });
  });
});

test('several workers have several times the VUs, also one each that waits and one that paces itself', () => {
  const { scenarios = {} } = optionsOf(planned([FLAT, SELF_PACED], { S3LOADTEST_STAGES: '5/s:30s,9/s:60s' }), 3);
  expect(Object.entries(scenarios).map(([name, s]) => [name, 'vus' in s ? s.vus : 'maxVUs' in s && s.maxVUs])).toEqual([
    ['flat', 12],
    ['self', 3],
    [WAITING, 3],
  ]);
});

test.each<{ patterns: readonly Workload[]; more: Environment; connections: number; why: string }>([
  { patterns: [FLAT], more: { S3LOADTEST_CONCURRENCY: '500' }, connections: 64, why: 'VUs send one at a time' },
  { patterns: [SELF_PACED], more: { S3LOADTEST_CONCURRENCY: '32' }, connections: 64, why: 'enough as it is' },
  { patterns: [SELF_PACED], more: { S3LOADTEST_CONCURRENCY: '100' }, connections: 100, why: 'all from one VU' },
  { patterns: [HELD], more: { S3LOADTEST_CONCURRENCY: '100' }, connections: 64, why: 'what is held open is not k6’s' },
  {
    patterns: [FLAT, SELF_PACED],
    more: { S3LOADTEST_CONCURRENCY: '300' },
    connections: 150,
    why: 'its part of them',
  },
])('$connections connections are kept: $why', ({ patterns, more, connections }) => {
  expect(optionsFor(patterns, more)).toMatchObject({ batch: connections, batchPerHost: connections });
});

test('setup has two minutes for a bucket to be looked through and the time limits of the check, and hours where objects are written before or others are waited for', () => {
  const reading: Workload = { name: 'reading', data: { sizes: ['1KB'] }, loads: [{ step: operations('GET') }] };
  expect(optionsFor([reading]).setupTimeout).toBe('360s');
  expect(optionsFor([reading], { S3LOADTEST_TIMEOUT: '500ms' }).setupTimeout).toBe('122s');
  expect(optionsFor([reading], { S3LOADTEST_SEED_OBJECTS: '1' }).setupTimeout).toBe('4h');
  expect(optionsOf(planned([reading], {}), 3).setupTimeout).toBe('4h');
});

test.each<{ more: Environment; is: Options; why: string }>([
  { more: {}, is: { insecureSkipTLSVerify: true }, why: 'the default does not verify' },
  { more: { S3_VERIFY_SSL: 'true' }, is: { insecureSkipTLSVerify: false }, why: 'as asked for' },
  {
    more: {},
    is: { maxRedirects: 0, throw: true, discardResponseBodies: true, noCookiesReset: true },
    why: 'what the client relies on',
  },
  {
    more: {},
    is: { systemTags: ['status', 'error_code', 'expected_response', 'scenario'] },
    why: 'what submetrics go by, and no URL: keys would be tags',
  },
])('$is: $why', ({ more, is }) => {
  expect(optionsFor([FLAT], more)).toMatchObject(is);
});

test("a workload's criteria are thresholds, beside those that every run has and those of the settings", () => {
  const criteria = [{ metric: 's3_op_duration{op:PUT}', expr: 'p(99)<100' }];
  const options = optionsFor([{ ...FLAT, criteria }], { S3LOADTEST_THRESHOLDS: 's3_op_duration{op:PUT}:max<900' });
  expect(asked(options)).toMatchObject({ 's3_op_duration{op:PUT}': ['p(99)<100', 'max<900'] });
  expect(Object.keys(asked(options))).toContain('http_req_failed{test:flat}');
});
