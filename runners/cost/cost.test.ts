import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Result } from '../../lib/result/result';
import { type MadeSeries, madeResult } from '../../test/made-results';
import { costOf } from './cost';
import type { Prices } from './prices';

const prices = JSON.parse(readFileSync('data/prices.json', 'utf8')) as Prices;
const GB = 1024 ** 3;
const MONTH_S = 730 * 3600;

const one = (more: Partial<MadeSeries>): MadeSeries => ({
  op: 'GET',
  size: '1KB',
  perSecond: 100,
  median: 5,
  sigma: 0.1,
  ...more,
});

/** Ten seconds of whole numbers of operations a second. */
const run = (...series: MadeSeries[]): Result =>
  madeResult({ seed: 1, seconds: 10, tests: [{ name: 'mix', series }], config: { partSize: 8 * 1024 ** 2 } });

const cost = (result: Result, by: Prices = prices) => {
  const known = costOf(result, by);
  if (known === undefined) throw new Error('no cost');
  return known;
};
const line = (result: Result, of: string) =>
  cost(result).lines.find((each) => each.of === of || each.class === of) ?? { quantity: 0, run: 0, month: 0 };

test("requests by their class, at AWS's prices", () => {
  const result = run(
    one({}),
    one({ op: 'PUT' }),
    one({ op: 'LIST', size: 'none' }),
    one({ op: 'HEAD' }),
    one({ op: 'DELETE' }),
  );
  expect(line(result, 'write')).toMatchObject({ quantity: 2000, run: 0.01 });
  expect(line(result, 'read').quantity).toBe(2000);
  expect(line(result, 'read').run).toBeCloseTo(0.0008, 10);
  expect(line(result, 'free')).toMatchObject({ quantity: 1000, run: 0 });
});

test('what no class names has the price of the others', () => {
  expect(line(run(one({ op: 'GET_TAGS' })), 'read').quantity).toBe(1000);
});

test('a multipart PUT is its parts, and two more', () => {
  // 100 MB in parts of 8 MB: 13, of which the last is shorter.
  expect(line(run(one({ op: 'PUT', size: '100MB', perSecond: 1 })), 'write').quantity).toBe(10 * (13 + 2));
  expect(line(run(one({ op: 'PUT', size: '8MB', perSecond: 1 })), 'write').quantity).toBe(10);
});

test('what is made in parts is its calls, whatever the size', () => {
  for (const op of ['MULTIPART', 'MULTIPART_COPY']) {
    expect(line(run(one({ op, size: '100MB', perSecond: 1 })), 'write').quantity).toBe(10 * (13 + 2));
    expect(line(run(one({ op, size: '1KB', perSecond: 1 })), 'write').quantity).toBe(10 * 3);
  }
});

test('bytes of every kind of read go out, and those of every kind of write are stored', () => {
  const [read, written] = [run(one({ op: 'GET_PART' })), run(one({ op: 'POST' }))];
  expect(line(read, 'bytesOut').quantity).toBe(line(run(one({})), 'bytesOut').quantity);
  expect(line(written, 'storage').quantity).toBe(line(run(one({ op: 'PUT' })), 'storage').quantity);
  expect(line(written, 'storage').quantity).toBeGreaterThan(0);
});

test.each([
  ['notFound', 100],
  ['auth', 100],
  ['client', 100],
  ['corrupt', 100],
  ['throttled', 0],
  ['server', 0],
  ['timeout', 0],
  ['connect', 0],
  ['reset', 0],
] as const)('of %s answers %d of 100 are charged for', (name, charged) => {
  // Ten a second fail.
  expect(line(run(one({ errors: { [name]: 0.1 } })), 'read').quantity).toBe(900 + charged);
});

test('what was asked for and gone was answered', () => {
  expect(line(run(one({ misses: 0.1 })), 'read').quantity).toBe(1000);
});

test('bytes out are those read, bytes stored those written', () => {
  const result = run(one({ size: '1GB', perSecond: 1 }), one({ op: 'PUT', size: '1GB', perSecond: 2 }));
  expect(line(result, 'bytesOut')).toMatchObject({ quantity: 10 * GB, run: 10 * 0.09 });
  expect(line(result, 'storage')).toMatchObject({ quantity: 20 * GB, run: 20 * 0.023 });
});

test('a month has so many times the run, its bytes by steps, and half of what is stored at its end', () => {
  const result = run(one({ size: '1GB', perSecond: 1 }), one({ op: 'PUT', size: '1GB', perSecond: 1 }));
  const gigabytes = MONTH_S;
  const out = 10_240 * 0.09 + 40_960 * 0.085 + 102_400 * 0.07 + (gigabytes - 153_600) * 0.05;
  const stored = 51_200 * 0.023 + 460_800 * 0.022 + (gigabytes / 2 - 512_000) * 0.021;
  expect(line(result, 'bytesOut').month).toBeCloseTo(out, 3);
  expect(line(result, 'storage').month).toBeCloseTo(stored, 3);
  expect(line(result, 'read').month).toBeCloseTo((MONTH_S / 1000) * 1 * 0.0004, 6);
});

test('the whole is the sum of its lines, and a million operations so many times one', () => {
  const known = cost(run(one({}), one({ op: 'PUT' })));
  expect(known.run).toBeCloseTo(
    known.lines.reduce((n, each) => n + each.run, 0),
    12,
  );
  expect(known.perMillionOperations).toBeCloseTo((known.run / 2000) * 1e6, 9);
  expect(known.month).toBeCloseTo(
    known.lines.reduce((n, each) => n + each.month, 0),
    9,
  );
});

describe('nothing', () => {
  test('was asked: no cost', () => {
    expect(costOf(run(), prices)).toBeUndefined();
  });

  test('succeeded: what was answered is charged for, and a million operations cost nothing that is known', () => {
    const known = cost(run(one({ errors: { auth: 1 } })));
    expect([known.run > 0, known.perMillionOperations]).toEqual([true, 0]);
  });
});
