import { expect, test } from 'vitest';
import { endpointTags, type Measured, seriesTags, submetric, submetrics, totalTags } from './metrics';
import { ERROR_CLASSES } from './s3/classify';

const MEASURED: Measured = {
  test: 'firehose',
  ops: ['GET', 'PUT'],
  sizes: ['1KB', '100MB'],
  endpoints: ['10.0.0.1:9000', '[::1]:9000'],
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

test('series are of every operation and size, totals of every operation, endpoints of every operation at each', () => {
  expect(seriesTags(MEASURED)).toEqual([
    { test: 'firehose', op: 'GET', size: '1KB' },
    { test: 'firehose', op: 'GET', size: '100MB' },
    { test: 'firehose', op: 'PUT', size: '1KB' },
    { test: 'firehose', op: 'PUT', size: '100MB' },
  ]);
  expect(totalTags(MEASURED)).toEqual([
    { test: 'firehose', op: 'GET' },
    { test: 'firehose', op: 'PUT' },
  ]);
  expect(endpointTags(MEASURED)).toEqual([
    { test: 'firehose', op: 'GET', endpoint: '10.0.0.1:9000' },
    { test: 'firehose', op: 'PUT', endpoint: '10.0.0.1:9000' },
    { test: 'firehose', op: 'GET', endpoint: '[::1]:9000' },
    { test: 'firehose', op: 'PUT', endpoint: '[::1]:9000' },
  ]);
});

test('k6 keeps apart what figures are read from: each once, for each an own sum and each class of error', () => {
  const names = submetrics(MEASURED);
  expect(new Set(names).size).toBe(names.length);
  const figures = (tags: string) => [
    `s3_op_duration{${tags}}`,
    `http_req_waiting{${tags},expected_response:true}`,
    `s3_bytes{${tags}}`,
    `s3_error_duration{${tags}}`,
    ...ERROR_CLASSES.map((errorClass) => `s3_error_duration{${tags},class:${errorClass}}`),
  ];
  expect(names).toEqual(expect.arrayContaining(figures('test:firehose,op:PUT,size:100MB')));
  expect(names).toEqual(expect.arrayContaining(figures('test:firehose,op:PUT')));
  expect(names).toEqual(expect.arrayContaining(figures('test:firehose,op:PUT,endpoint:[::1]:9000')));
  // What the CLI follows while the run goes on: successes and failures by operation.
  expect(names).toContain('http_reqs{test:firehose,op:GET,expected_response:true}');
  expect(names).toContain('http_reqs{test:firehose,op:GET,expected_response:false}');
});
