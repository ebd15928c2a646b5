import { describe, expect, test } from 'vitest';
import type { Result } from '../../lib/result/result';
import { syntheticRun } from '../../test/synthetic-run';
import { differences, remarks } from './comparable';

const CONFIG = { sizes: [{ label: '1KB', bytes: 1024 }], rate: 500, timeout: 60_000, partSize: 8 * 1024 ** 2, ramp: 0 };
const base = syntheticRun({ seed: 1, seconds: 20, opsPerSecond: 5, config: CONFIG });

function found(change: (result: Result) => Result): string[] {
  return differences({ name: 'a', result: base }, { name: 'b', result: change(base) });
}

const withRun = (run: Partial<Result['run']>) => (result: Result) => ({ ...result, run: { ...result.run, ...run } });
const withConfig = (config: Readonly<Record<string, unknown>>) => (result: Result) =>
  withRun({ config: { ...result.run.config, ...config } })(result);

describe('runs of the same load', () => {
  test.each<[string, (result: Result) => Result]>([
    ['and the same in all', (result) => result],
    [
      'against another store',
      withConfig({ endpoints: ['https://10.0.0.9:443'], bucket: 'other', region: 'eu-west-1' }),
    ],
    ['with files elsewhere', withConfig({ dataDir: '/data', keyDir: '/keys', prefix: 'p/', workerId: 'w9' })],
    [
      'told otherwise',
      withConfig({ statsInterval: 5000, logLevel: 'debug', thresholds: [{ metric: 'm', expr: 'rate>1' }] }),
    ],
    ['a little longer', withRun({ durationMs: 24_000 })],
    ['with the default of a setting that the other was written before', withConfig({ seedObjects: 0 })],
    ['at another time', withRun({ id: 'other', startedAt: '2027-01-01T00:00:00.000Z' })],
  ])('%s', (_, change) => {
    expect(found(change)).toEqual([]);
  });
});

describe('runs of another load', () => {
  test.each<[string, (result: Result) => Result]>([
    ['tests: firehose in a, metastorm delete in b', withRun({ tests: ['metastorm', 'delete'] })],
    ['backend: native in a, http in b', withRun({ backend: 'http' })],
    ['--concurrency: 16 in a, 64 in b', withConfig({ concurrency: 64 })],
    ['--size: 1KB in a, 1MB,10MB in b', withConfig({ sizes: [{ label: '1MB' }, { label: '10MB' }] })],
    ['--rate: 500/s in a, none in b', withConfig({ rate: undefined })],
    ['--ramp: 0s in a, 30s in b', withConfig({ ramp: 30_000 })],
    ['--duration: 20s in a, 5m in b', withConfig({ duration: 300_000 })],
    ['--timeout: 1m in a, 5s in b', withConfig({ timeout: 5000 })],
    ['S3LOADTEST_PART_SIZE: 8MB in a, 16MB in b', withConfig({ partSize: 16 * 1024 ** 2 })],
    [
      '--stages: none in a, 100/s:5m,500/s:1m in b',
      withConfig({
        stages: {
          unit: 'rate',
          list: [
            { target: 100, ms: 300_000 },
            { target: 500, ms: 60_000 },
          ],
        },
      }),
    ],
    ['setting-of-a-later-version: none in a, {"x":1} in b', withConfig({ 'setting-of-a-later-version': { x: 1 } })],
    [
      'VUs: firehose=16 in a, firehose=8 in b',
      withRun({ loads: [{ test: 'firehose', scenario: 'firehose', vus: 8, share: 1 }] }),
    ],
    [
      'schedule: bursts are at other times in b than in a',
      withRun({ schedule: [{ test: 'firehose', scenario: 'firehose', phase: 'burst', startMs: 0, endMs: 1000 }] }),
    ],
    ['workers: 1 in a, 2 in b', (result) => ({ ...result, workers: [worker('x'), worker('y')] })],
    ['b is partial', (result) => ({ ...result, partial: true, interrupted: true })],
    ['b was interrupted after 20s', (result) => ({ ...result, interrupted: true })],
    ['time: 20s in a, 26s in b', withRun({ durationMs: 26_000 })],
  ])('%s', (text, change) => {
    expect(found(change)).toEqual([text]);
  });

  test('that differ in several ways are told all of them', () => {
    const both = found((result) => withConfig({ concurrency: 1, rate: 1 })(withRun({ backend: 'http' })(result)));
    expect(both).toEqual([
      'backend: native in a, http in b',
      '--concurrency: 16 in a, 1 in b',
      '--rate: 500/s in a, 1/s in b',
    ]);
  });
});

const worker = (host: string) => ({ id: host, host, segment: '0:1', clockOffsetMs: 0, startSkewMs: 0, exit: 0 });

describe('remarks', () => {
  const named = (name: string, result: Result) => ({ name, result });

  test('of runs that are alike there are none', () => {
    expect(remarks([named('a', base), named('b', base)])).toEqual([]);
  });

  test('are of versions, machines and warnings', () => {
    const other = {
      ...withRun({ versions: { k6: 'v2.3.0' } })(base),
      workers: [worker('n2')],
      warnings: [{ code: 'unmet-demand' as const, message: '5 operations were due', remedy: 'raise' }],
    };
    const first = { ...withRun({ versions: { k6: 'v2.2.0' } })(base), workers: [worker('n1')] };
    expect(remarks([named('a', first), named('b', other)])).toEqual([
      'versions differ: k6 v2.2.0; k6 v2.3.0',
      'load generators differ: n1; n2',
      'b: 5 operations were due',
    ]);
  });
});
