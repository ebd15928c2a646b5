import { describe, expect, test } from 'vitest';
import { ERROR_CLASSES } from '../s3/classify';
import {
  endpointTags,
  figureMetrics,
  liveMetrics,
  type Measured,
  opsOf,
  seriesTags,
  submetric,
  submetrics,
  totalTags,
} from './metrics';

/** Two operations, one of them of fewer sizes than the other. */
const MEASURED: Measured = {
  test: 'firehose',
  phases: [],
  series: [
    { op: 'GET', size: '1KB' },
    { op: 'GET', size: '100MB' },
    { op: 'UPLOAD_PART', size: '100MB' },
  ],
  endpoints: ['10.0.0.1:9000', '[::1]:9000'],
  holdsConnections: false,
  missesExpected: false,
  verified: false,
};

test.each([
  { tags: { test: 'firehose', op: 'GET' }, name: 's3_bytes{test:firehose,op:GET}', why: 'as thresholds are written' },
  {
    tags: { endpoint: '10.0.0.1:9000' },
    name: 's3_bytes{endpoint:10.0.0.1:9000}',
    why: 'k6 parts at the first colon only',
  },
  { tags: { endpoint: '[::1]:9000' }, name: 's3_bytes{endpoint:[::1]:9000}', why: 'IPv6 likewise' },
])('submetric $name: $why', ({ tags, name }) => {
  expect(submetric('s3_bytes', tags)).toBe(name);
});

test('series are of pairs of operation and size, totals of every operation, endpoints of every operation at each', () => {
  expect(opsOf(MEASURED)).toEqual(['GET', 'UPLOAD_PART']);
  expect(seriesTags(MEASURED)).toEqual([
    { test: 'firehose', op: 'GET', size: '1KB' },
    { test: 'firehose', op: 'GET', size: '100MB' },
    { test: 'firehose', op: 'UPLOAD_PART', size: '100MB' },
  ]);
  expect(totalTags(MEASURED)).toEqual([
    { test: 'firehose', op: 'GET' },
    { test: 'firehose', op: 'UPLOAD_PART' },
  ]);
  expect(endpointTags(MEASURED)).toEqual([
    { test: 'firehose', op: 'GET', endpoint: '10.0.0.1:9000' },
    { test: 'firehose', op: 'UPLOAD_PART', endpoint: '10.0.0.1:9000' },
    { test: 'firehose', op: 'GET', endpoint: '[::1]:9000' },
    { test: 'firehose', op: 'UPLOAD_PART', endpoint: '[::1]:9000' },
  ]);
});

test('with phases every series is there once a phase; totals are over all of them', () => {
  const phased = { ...MEASURED, phases: ['steady', 'read-burst'], series: MEASURED.series.slice(0, 2) };
  expect(seriesTags(phased)).toEqual([
    { test: 'firehose', phase: 'steady', op: 'GET', size: '1KB' },
    { test: 'firehose', phase: 'steady', op: 'GET', size: '100MB' },
    { test: 'firehose', phase: 'read-burst', op: 'GET', size: '1KB' },
    { test: 'firehose', phase: 'read-burst', op: 'GET', size: '100MB' },
  ]);
  expect(totalTags(phased)).toEqual([{ test: 'firehose', op: 'GET' }]);
});

describe('figures of an operation', () => {
  test.each([
    { op: 'GET', status: '200', why: 'an object' },
    { op: 'PUT', status: '200', why: 'S3 says 200, not 201' },
    { op: 'HEAD', status: '200', why: 'an object without its bytes' },
    { op: 'LIST', status: '200', why: 'a page' },
    { op: 'DELETE', status: '204', why: 'nothing to say' },
    { op: 'DELETE_OBJECTS', status: '200', why: 'a list of what was not deleted' },
    { op: 'UPLOAD_PART', status: '200', why: 'as a PUT' },
    { op: 'ABORT_MULTIPART', status: '204', why: 'as a DELETE' },
  ])("$op's time to first byte and running count are of status $status: $why", ({ op, status }) => {
    const tags = { test: 't', op };
    expect(figureMetrics(tags, false).ttfb).toBe(`http_req_waiting{test:t,op:${op},status:${status}}`);
    expect(liveMetrics(tags, true).ops).toBe(`http_reqs{test:t,op:${op},status:${status}}`);
  });

  test.each([
    { op: 'GET', missesExpected: true, objects: false, misses: true, why: 'another may have deleted it' },
    { op: 'HEAD', missesExpected: true, objects: false, misses: true, why: 'likewise' },
    { op: 'DELETE', missesExpected: true, objects: false, misses: true, why: 'likewise' },
    { op: 'GET', missesExpected: false, objects: false, misses: false, why: 'nobody deletes: a 404 is an error' },
    { op: 'PUT', missesExpected: true, objects: false, misses: false, why: 'asks for nothing' },
    {
      op: 'UPLOAD_PART',
      missesExpected: true,
      objects: false,
      misses: false,
      why: "a lost upload is none of a deletion's",
    },
    { op: 'LIST', missesExpected: true, objects: true, misses: false, why: 'keys, and a listing is always there' },
    {
      op: 'DELETE_OBJECTS',
      missesExpected: true,
      objects: true,
      misses: true,
      why: 'keys; S3 deletes what is not there, some servers refuse it',
    },
  ])('$op, misses expected $missesExpected: objects $objects, misses $misses ($why)', (row) => {
    const tags = { test: 't', op: row.op };
    const figures = figureMetrics(tags, row.missesExpected);
    expect(figures.objects).toBe(row.objects ? `s3_objects{test:t,op:${row.op}}` : undefined);
    expect(figures.misses).toBe(row.misses ? `s3_misses{test:t,op:${row.op}}` : undefined);
    const { objects, misses } = liveMetrics(tags, row.missesExpected);
    expect([objects, misses]).toEqual([figures.objects, figures.misses]);
  });
});

test.each([
  { op: 'GET', verified: true, name: 's3_verified{test:t,op:GET}', why: 'what is read can be compared' },
  { op: 'PUT', verified: true, name: undefined, why: 'and nothing else' },
  { op: 'GET', verified: false, name: undefined, why: 'where that is asked for' },
])('$op, verified $verified: $name ($why)', ({ op, verified, name }) => {
  expect(figureMetrics({ test: 't', op }, false, verified).verified).toBe(name);
  const measured = { ...MEASURED, test: 't', series: [{ op, size: '1KB' }], verified };
  expect(submetrics(measured).includes(name ?? 's3_verified{test:t,op:GET}')).toBe(name !== undefined);
});

describe('k6 keeps apart', () => {
  /** All submetrics that the figures of some tags are read from. */
  const figures = (tags: string, status: string) => [
    `s3_op_duration{${tags}}`,
    `http_req_waiting{${tags},status:${status}}`,
    `s3_error_duration{${tags}}`,
    `s3_bytes{${tags}}`,
    `s3_retries{${tags}}`,
    `s3_redirected{${tags}}`,
    ...ERROR_CLASSES.map((errorClass) => `s3_errors{${tags},class:${errorClass}}`),
  ];

  test('what figures are read from, each once and nothing else', () => {
    const names = submetrics(MEASURED);
    expect(new Set(names).size).toBe(names.length);
    const tags = [...seriesTags(MEASURED), ...totalTags(MEASURED), ...endpointTags(MEASURED)];
    const expected = tags.flatMap((t) => figures(submetric('', t).slice(1, -1), '200'));
    // What the CLI follows while the run goes on: successes and failures by operation.
    const live = ['GET', 'UPLOAD_PART'].flatMap((op) => [
      `http_reqs{test:firehose,op:${op},status:200}`,
      `http_reqs{test:firehose,op:${op},expected_response:false}`,
    ]);
    const traffic = ['data_received{test:firehose}', 'data_sent{test:firehose}'];
    expect([...names].sort()).toEqual([...expected, ...live, ...traffic].sort());
  });

  test('objects and misses where an operation has them', () => {
    const names = submetrics({
      ...MEASURED,
      series: [
        { op: 'LIST', size: 'none' },
        { op: 'DELETE', size: '1B' },
      ],
      missesExpected: true,
    });
    expect(names).toEqual(
      expect.arrayContaining([
        's3_objects{test:firehose,op:LIST,size:none}',
        's3_objects{test:firehose,op:LIST}',
        's3_misses{test:firehose,op:DELETE,size:1B}',
        's3_misses{test:firehose,op:DELETE}',
        's3_misses{test:firehose,op:DELETE,endpoint:10.0.0.1:9000}',
        ...figures('test:firehose,op:DELETE', '204'),
      ]),
    );
    expect(names.filter((name) => /^s3_objects\{.*DELETE|^s3_misses\{.*LIST/.test(name))).toEqual([]);
  });

  test('a single endpoint never: its figures are the totals, and each submetric costs every sample a comparison', () => {
    const names = submetrics({ ...MEASURED, endpoints: ['10.0.0.1:9000'] });
    expect(names.filter((name) => name.includes('endpoint:'))).toEqual([]);
    expect(names).toEqual(expect.arrayContaining(figures('test:firehose,op:GET', '200')));
  });

  test('of connections that are held: opened, ended in each way, open, bytes each way and lifetime, by op and endpoint', () => {
    const series = ['PUT', 'GET'].map((op) => ({ op, size: '1KB' }));
    const held = { ...MEASURED, series, endpoints: ['10.0.0.1:9000'], holdsConnections: true };
    const names = submetrics(held).filter((name) => name.startsWith('s3_connection'));
    const get = 'test:firehose,op:GET,endpoint:10.0.0.1:9000';
    expect(names.filter((name) => name.includes('op:GET'))).toEqual([
      `s3_connections{${get},outcome:opened}`,
      `s3_connections_open{${get}}`,
      `s3_connection_bytes{${get},direction:sent}`,
      `s3_connection_bytes{${get},direction:received}`,
      `s3_connection_lifetime{${get}}`,
      ...['completed', 'reset', 'timeout', 'rejected', 'refused', 'closed'].map(
        (outcome) => `s3_connections{${get},outcome:${outcome}}`,
      ),
    ]);
    expect(names.filter((name) => name.includes('op:PUT'))).toHaveLength(11);
    expect(submetrics(MEASURED).filter((name) => name.startsWith('s3_connection'))).toEqual([]);
  });

  test('every name is one that k6 can parse: no empty tag, no comma or brace within one', () => {
    const phased = { ...MEASURED, phases: ['write-burst', 'steady'], missesExpected: true };
    for (const name of submetrics(phased)) expect(name).toMatch(/^\w+\{\w+:[^{},]+(,\w+:[^{},]+)*\}$/);
  });
});
