import { describe, expect, test } from 'vitest';
import { type Config, readConfig } from './config';
import { continuous } from './scenario';

const config = (more: Readonly<Record<string, string>>): Config =>
  readConfig({
    S3_ENDPOINTS: 'http://127.0.0.1:9000',
    AWS_ACCESS_KEY_ID: 'key',
    AWS_SECRET_ACCESS_KEY: 'secret',
    S3_BUCKET: 'bucket',
    S3LOADTEST_DURATION: '90s',
    S3LOADTEST_CONCURRENCY: '8',
    ...more,
  });

test('without a rate, each VU goes at its own pace from start to end', () => {
  expect(continuous('firehose', config({}))).toEqual({
    executor: 'constant-vus',
    vus: 8,
    duration: '90000ms',
    gracefulStop: '65000ms',
    tags: { test: 'firehose' },
  });
});

test('with one, operations begin on time, by VUs that are all there from the start', () => {
  expect(continuous('firehose', config({ S3LOADTEST_RATE: '500' }))).toEqual({
    executor: 'constant-arrival-rate',
    rate: 500,
    timeUnit: '1s',
    duration: '90000ms',
    preAllocatedVUs: 8,
    maxVUs: 8,
    gracefulStop: '65000ms',
    tags: { test: 'firehose' },
  });
});

describe('k6 takes whole rates only, so the time unit gives way', () => {
  test.each([
    { text: '500', rate: 500, timeUnit: '1s', why: 'whole as it is' },
    { text: '30000/m', rate: 500, timeUnit: '1s', why: 'whole by the second' },
    { text: '2.5', rate: 150, timeUnit: '60s', why: 'whole by the minute' },
    { text: '10/m', rate: 10, timeUnit: '60s', why: 'a sixth of one a second has no end in decimals' },
    { text: '1/m', rate: 1, timeUnit: '60s', why: 'once a minute' },
    { text: '7/h', rate: 7, timeUnit: '3600s', why: 'whole by the hour' },
    { text: '1/h', rate: 1, timeUnit: '3600s', why: 'and not, rounded up, once in 1,000 s' },
    { text: '0.333', rate: 3_330_000, timeUnit: '10000000s', why: 'whole by no unit that people use' },
  ])('$text is $rate in $timeUnit: $why', ({ text, rate, timeUnit }) => {
    expect(continuous('t', config({ S3LOADTEST_RATE: text }))).toMatchObject({ rate, timeUnit });
  });

  test('no rate from one an hour to 100,000 a second is off by more than a thousandth', () => {
    for (let perSecond = 1 / 3_600; perSecond <= 100_000; perSecond *= 1.37) {
      const scenario = continuous('t', { ...config({}), rate: perSecond });
      if (scenario.executor !== 'constant-arrival-rate') throw new Error(`not an arrival rate: ${scenario.executor}`);
      const seconds = Number.parseInt(scenario.timeUnit ?? '', 10);
      expect(Number.isInteger(scenario.rate)).toBe(true);
      expect(Math.abs(scenario.rate / seconds / perSecond - 1), `${perSecond}/s`).toBeLessThan(0.001);
    }
  });
});
