import { describe, expect, test } from 'vitest';
import { achieved, errorCount, type Figures, parseResult, SCHEMA, stillOpen, sum } from './result';

const figures = (ops: number, bytes: number, errors: Figures['errors']): Figures => ({ ops, bytes, errors });

test.each([
  { errors: {}, n: 0, why: 'none' },
  { errors: { throttled: 3 }, n: 3, why: 'one class' },
  { errors: { throttled: 3, notFound: 2, corrupt: 1 }, n: 6, why: 'all classes together' },
])('errors of $errors are $n: $why', ({ errors, n }) => {
  expect(errorCount(figures(100, 0, errors))).toBe(n);
});

test('a sum is of successes, payload bytes, failures and misses, and of nothing is 0', () => {
  const one = figures(10, 10_240, { server: 1 });
  const other = { ...figures(5, 5_000, { server: 2, timeout: 4 }), misses: 3, objects: 1000 };
  expect(sum([one, other, { ...other, misses: 4 }])).toEqual({ ops: 20, bytes: 20_240, errors: 13, misses: 7 });
  expect(sum([])).toEqual({ ops: 0, bytes: 0, errors: 0, misses: 0 });
});

test.each([
  { opened: 0, ended: {}, open: 0, why: 'none' },
  { opened: 9, ended: { completed: 3, reset: 1, closed: 5 }, open: 0, why: 'all ended' },
  { opened: 9, ended: { completed: 3, refused: 50 }, open: 6, why: 'those that were refused never were' },
])('of $opened and $ended $open are open still: $why', ({ opened, ended, open }) => {
  expect(stillOpen({ opened, ended })).toBe(open);
});

test('an operation or a connection is something achieved, attempts are not', () => {
  const total = { test: 'a', op: 'PUT', ...figures(0, 0, { connect: 9 }) };
  const held = { test: 'a', op: 'PUT', endpoint: 'e', peakOpen: 0, opened: 0, ended: { refused: 9 } };
  const connections = { ...held, bytesSent: 0, bytesReceived: 0 };
  expect(achieved({ totals: [total], connections: [connections] })).toBe(false);
  expect(achieved({ totals: [{ ...total, ops: 1 }], connections: [] })).toBe(true);
  expect(achieved({ totals: [total], connections: [{ ...connections, opened: 1 }] })).toBe(true);
  const rejected = { ...connections, opened: 2, ended: { rejected: 2 } };
  expect(achieved({ totals: [total], connections: [rejected] })).toBe(false);
});

describe('parseResult', () => {
  test('gives back what was written', () => {
    expect(parseResult(JSON.stringify({ schema: SCHEMA, series: [] }))).toEqual({ schema: SCHEMA, series: [] });
  });

  test.each([
    { json: '', says: /^not JSON: /, why: 'k6 was killed before it wrote' },
    { json: '{"schema": "s3loadte', says: /^not JSON: /, why: 'or while it did' },
    { json: '{}', says: 'schema is undefined, this version reads s3loadtest/result@1', why: 'some other JSON' },
    { json: 'null', says: 'schema is undefined, this version reads s3loadtest/result@1', why: 'JSON of nothing' },
    {
      json: '"s3loadtest/result@1"',
      says: 'schema is undefined, this version reads s3loadtest/result@1',
      why: 'a text',
    },
    { json: '[]', says: 'schema is undefined, this version reads s3loadtest/result@1', why: 'a list' },
    {
      json: '{"schema":"s3loadtest/result@2"}',
      says: 'schema is "s3loadtest/result@2", this version reads s3loadtest/result@1',
      why: 'a Result of a later version',
    },
    { json: '{"schema":1}', says: 'schema is 1, this version reads s3loadtest/result@1', why: 'no name' },
  ])('refuses $json, and says what it is: $why', ({ json, says }) => {
    expect(() => parseResult(json)).toThrow(says);
  });

  test('the schema has not changed: whoever changes it changes this, and says so in CHANGELOG.md', () => {
    expect(SCHEMA).toBe('s3loadtest/result@1');
  });
});
