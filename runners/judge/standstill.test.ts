import { describe, expect, test } from 'vitest';
import { type Made, madeResult } from '../../test/made-results';
import { causeOf } from '../run/exit';
import { judged } from './judge';
import { standstillMs } from './standstill';

/** A minute at 500 a second, with as few failures as who waits makes; `from` is when nothing comes back any more. */
const dying = (
  from: number,
  to: number,
  more: Partial<Made> = {},
  errors: Record<string, number> = { connect: 0.002 },
): Made => ({
  seed: 1,
  seconds: 60,
  vus: 16,
  tests: [{ name: 'firehose', series: [{ op: 'GET', size: '1KB', perSecond: 500, median: 20, sigma: 0.4, errors }] }],
  shape: (second) => (second >= from && second < to ? 0 : 1),
  config: { duration: 60_000 },
  ...more,
});

const failed = (made: Made) => judged(madeResult(made)).thresholds.filter(({ ok }) => !ok);

describe('a store that is gone for a while', () => {
  test('fails the run, however few requests failed', () => {
    const result = judged(madeResult(dying(30, 60)));
    expect(result.thresholds).toContainEqual({ metric: 'standstill', expr: 'rate<0.01', ok: false });
    const ended = { ...result, workers: [{ ...result.workers[0], exit: 0 }] } as typeof result;
    expect(causeOf(ended)).toBe('threshold-crossed');
    expect(Math.abs(standstillMs(result) - 30_000)).toBeLessThan(2_000);
  });

  test('once, judged again', () => {
    expect(judged(judged(madeResult(dying(30, 60)))).thresholds).toEqual(judged(madeResult(dying(30, 60))).thresholds);
  });

  test('as it does where it hangs', () => {
    expect(failed(dying(20, 50, {}, { timeout: 0.001 }))).toHaveLength(1);
  });
});

test.each([
  ['a second is no standstill', dying(30, 31)],
  ['no request was without an answer', dying(30, 60, {}, { throttled: 0.002 })],
  [
    'another limit of failures was asked for',
    dying(30, 60, { config: { duration: 60_000, thresholds: [{ metric: 'http_req_failed', expr: 'rate<1' }] } }),
  ],
  [
    'the load has pauses',
    dying(30, 60, {
      schedule: [{ test: 'firehose', scenario: 'firehose', phase: 'burst', startMs: 0, endMs: 30_000 }],
    }),
  ],
  [
    'it has stages of nothing',
    dying(30, 60, {
      config: {
        duration: 60_000,
        stages: {
          unit: 'vus',
          list: [
            { target: 16, ms: 30_000 },
            { target: 0, ms: 30_000 },
          ],
        },
      },
    }),
  ],
  ['loads of its file begin and end', dying(30, 60, { config: { duration: 60_000, workload: '{"loads":[]}' } })],
  [
    'it was over by then, but for a request that hung',
    dying(30, 60, { config: { duration: 30_000 } }, { timeout: 0.001 }),
  ],
])('%s', (_, made) => {
  expect(failed(made)).toEqual([]);
});

test('of few operations nothing is known', () => {
  const made = dying(30, 60);
  const slow = made.tests.map((one) => ({ ...one, series: one.series.map((series) => ({ ...series, perSecond: 2 })) }));
  expect(failed({ ...made, tests: slow })).toEqual([]);
});
