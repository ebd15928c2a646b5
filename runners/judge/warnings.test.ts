import { describe, expect, test } from 'vitest';
import type { Figures, Result, Warning, WarningCode, Worker } from '../../lib/result/result';
import { type Made, type MadeSeries, madeResult } from '../../test/made-results';
import { evidenceOf } from './evidence';
import { furtherWarnings } from './warnings';

const GET: MadeSeries = { op: 'GET', size: '1KB', perSecond: 700, median: 20, sigma: 0.4 };

/** A run that nothing is to be said against: 16 VUs that wait, 8 cores that idle, two minutes. */
const calm = (more: Partial<Made> = {}): Made => ({
  seed: 1,
  seconds: 20,
  vus: 16,
  tests: [{ name: 'firehose', series: [GET] }],
  readable: { objects: 1e6, bytes: 1e9 },
  ...more,
  generator: { cpu: { seconds: 10, cores: 0.5, waitSeconds: 0.1 }, cores: 8, ...more.generator },
});

const warn = (more: Partial<Made> = {}, change: (result: Result) => Result = (result) => result): Warning[] => {
  const result = change(madeResult(calm(more)));
  return furtherWarnings(result, evidenceOf(result));
};
const codes = (...args: Parameters<typeof warn>): WarningCode[] => warn(...args).map(({ code }) => code);
const series = (...all: Partial<MadeSeries>[]): Partial<Made> => ({
  tests: [{ name: 'firehose', series: all.map((one) => ({ ...GET, ...one })) }],
});
const one = (...args: Parameters<typeof warn>): string => {
  const [first, ...others] = warn(...args);
  expect(others).toEqual([]);
  return first === undefined ? '' : `${first.code}: ${first.message} → ${first.remedy}`;
};

test('a calm run has none', () => {
  expect(warn()).toEqual([]);
});

describe('the generator', () => {
  test.each<[string, Partial<Made>, RegExp]>([
    [
      'had no core left',
      { generator: { cpu: { seconds: 152, cores: 7.6 } } },
      /^generator-cpu: k6 used 7\.6 of 8 cores: .* → spread the load over more machines/,
    ],
    [
      'by the http backend',
      {
        generator: { cpu: { seconds: 152, cores: 7.6 } },
        more: { run: { ...madeResult(calm()).run, backend: 'http' } },
      },
      /→ S3LOADTEST_BACKEND=native takes a third of the CPU/,
    ],
    [
      'had to wait for other programs',
      { generator: { cpu: { seconds: 20, cores: 1, waitSeconds: 140 }, machine: { busyCores: 8, cores: 8 } } },
      /^generator-cpu: k6 got 1 of 8 cores .* → leave this machine to k6 \(other programs used 7 cores\)/,
    ],
    [
      'had too few VUs',
      { generator: { cpu: { seconds: 200, cores: 1, waitSeconds: 0 }, cores: 64 } },
      /^generator-vus: 16 VUs spent 63% .* → --concurrency 64$/,
    ],
    [
      'did not fill the store',
      series({ sigma: 0.02 }),
      /^generator-vus: the store answered 16 VUs nearly as fast as it ever did .* → more load may well show more: --concurrency 64$/,
    ],
    [
      'had a full network',
      { generator: { links: [{ name: 'eth0', bitsPerSecond: 1e9, receivedBytes: 2.4e9, sentBytes: 1 }] } },
      /^generator-network: network link eth0 carried 96% of its 1 Gbit\/s/,
    ],
  ])('%s', (_, more, expected) => {
    expect(one(more)).toMatch(expected);
  });

  test('some of the time had no core left', () => {
    const timeline = Array.from({ length: 20 }, (_, i) => ({
      t: i * 1000,
      ms: 1000,
      cores: i < 4 ? 7.8 : 1,
      memoryBytes: 1,
    }));
    expect(one({ generator: { timeline } })).toMatch(/^generator-cpu: .*\(20% of the time all\)/);
  });
});

describe('demand that was not met', () => {
  const rate = { config: { rate: 1000 }, dropped: 6000 };
  test('says how many VUs it takes, by what operations took', () => {
    // 1,000 a second of 20 ms, and half as many again.
    expect(one(rate)).toMatch(/^unmet-demand: 6,000 of 20,\d{3} operations due \(30%\) .* → --concurrency 3[2-4];/);
  });

  test('is no matter of VUs where k6 has no CPU', () => {
    const said = warn({ ...rate, generator: { cpu: { seconds: 160, cores: 8 } } });
    expect(said.find(({ code }) => code === 'unmet-demand')?.remedy).toMatch(/^k6 had no CPU left/);
  });
});

describe('errors', () => {
  test.each([
    [0.002, ['many-errors']],
    [0.0003, []],
  ])('of %d of the requests', (part, expected) => {
    expect(codes(series({ errors: { timeout: part } }))).toEqual(expected);
  });

  test.each([
    ['socket: too many open files', /ulimit -n/],
    ['connect: cannot assign requested address', /ip_local_port_range/],
    ['connect: connection refused', /endpoints refuse connections/],
  ])('whose is the remedy: %s', (message, remedy) => {
    const sample = { class: 'connect', op: 'PUT', message } as const;
    const change = (result: Result) => ({ ...result, errorSamples: [sample] });
    expect(one(series({ errors: { connect: 0.1 } }), change)).toMatch(remedy);
  });

  test.each([
    ['timeout', /--timeout/],
    ['throttled', /--concurrency/],
    ['corrupt', /look into this/],
  ] as const)('the remedy is that of the most: %s', (name, remedy) => {
    expect(one(series({ errors: { [name]: 0.006, reset: 0.002 } }))).toMatch(remedy);
  });
});

describe('workers', () => {
  const worker = (id: string, more: Partial<Worker> = {}): Worker => ({
    ...{ id, host: `load-${id}`, segment: '', clockOffsetMs: 1, startSkewMs: 2, exit: 0 },
    ...more,
  });
  const of = (more: Partial<Worker>) => one({ more: { workers: [worker('w0'), worker('w1', more)] } });

  test.each<[string, Partial<Worker>, RegExp | '']>([
    ['that is well', {}, ''],
    ['whose threshold failed', { exit: 99 }, ''],
    [
      'that was lost',
      { lost: { atMs: 9000, why: 'no answer' } },
      /^worker-lost: worker w1 on load-w1 was lost 9s after/,
    ],
    ['whose k6 broke', { exit: 107 }, /^worker-lost: k6 of worker w1 on load-w1 ended with 107/],
    ['that began late', { startSkewMs: 1500 }, /^worker-late: 1 worker began late: w1 by 1\.5s/],
    ['whose clock is off', { clockOffsetMs: -2300 }, /^clock-offset: the clocks of 1 worker are off: w1 by 2\.3s/],
  ])('one %s', (_, more, expected) => {
    if (expected === '') expect(of(more)).toBe('');
    else expect(of(more)).toMatch(expected);
  });
});

describe('throughput', () => {
  const long = { seconds: 60, ...series({ perSecond: 100 }), vus: 2, readable: { objects: 1e6, bytes: 1 } };
  const climbing = (second: number) => 0.4 + second / 60;

  test.each<[string, Partial<Made>, boolean]>([
    ['that stays', {}, false],
    ['that climbs', { shape: climbing }, true],
    ['that falls', { shape: (second) => climbing(60 - second) }, true],
    ['that climbs by --ramp', { shape: (s) => Math.min(1, s / 40), config: { ramp: 40_000 } }, false],
    ['by stages', { shape: climbing, config: { stages: { unit: 'vus', list: [{ target: 2, ms: 60_000 }] } } }, false],
    [
      'by a schedule',
      { shape: climbing, schedule: [{ test: 'firehose', scenario: 'x', phase: 'burst', startMs: 0, endMs: 60_000 }] },
      false,
    ],
  ])('%s', (_, more, expected) => {
    expect(codes({ ...long, ...more }).includes('unsteady')).toBe(expected);
  });
});

describe('endpoints', () => {
  const endpoints = ['a:9000', 'b:9000', 'c:9000'];
  const changed = (endpoint: string, change: (figures: Result['endpoints'][number]) => Result['endpoints'][number]) =>
    one({ endpoints }, (result) => ({
      ...result,
      endpoints: result.endpoints.map((each) => (each.endpoint === endpoint ? change(each) : each)),
    }));

  test('that share alike', () => {
    expect(one({ endpoints })).toBe('');
  });

  test('of which one carries more than its part', () => {
    const said = changed('b:9000', (figures) => ({ ...figures, ops: figures.ops * 2 }));
    expect(said).toMatch(/^uneven-endpoints: b:9000 had 50% of the requests, its part is 33%/);
  });

  test('of which one has the failures', () => {
    const said = changed('c:9000', (figures) => ({ ...figures, errors: { reset: 300 } }));
    expect(said).toMatch(/^uneven-endpoints: c:9000 had 100% of the failures/);
  });

  test('of which one hangs: its failures are few, and all are', () => {
    const said = changed('c:9000', (figures) => ({ ...figures, errors: { timeout: 12 } }));
    expect(said).toMatch(/^uneven-endpoints: c:9000 had 100% of the failures/);
    expect(changed('c:9000', (figures) => ({ ...figures, errors: { timeout: 9 } }))).toBe('');
  });

  test('of which one did not answer for a while, and the others had its part', () => {
    const said = changed('c:9000', (figures) => ({ ...figures, ops: 20, errors: { timeout: 4 } }));
    expect(said).toMatch(
      /^uneven-endpoints: c:9000 left \d+ requests \(timeout \d+\) unanswered: it had [\d.]+% of all, its part is 33%/,
    );
    expect(said).not.toMatch(/[ab]:9000/);
    const none = changed('c:9000', (figures) => ({ ...figures, ops: 0, errors: { connect: 9 } }));
    expect(none).toMatch(/^uneven-endpoints: c:9000 answered none of \d+ requests \(connect \d+\)/);
  });

  describe('of which one was away', () => {
    const away = (outages: Result['outages'], figures: Partial<Figures>, more: Partial<Made> = {}) =>
      one({ endpoints, ...more }, (result) => ({
        ...result,
        outages: outages ?? [],
        endpoints: result.endpoints.map((each) => (each.endpoint === 'c:9000' ? { ...each, ...figures } : each)),
      }));
    const ONCE = [{ endpoint: 'c:9000', t: 6_000, ms: 14_000 }];

    test('is told by what became of its part', () => {
      expect(away(ONCE, { ops: 1_500, errors: { connect: 140, reset: 8 }, retries: 28, redirected: 3_100 })).toBe(
        'endpoint-away: c:9000 was away for 14s (from 6s on): 3,100 of its requests went elsewhere, 28 failed and were ' +
          'repeated, 120 failed: 3.3% of its share was not met → look at this node; while it does not answer, the others ' +
          'are asked in its place',
      );
    });

    test('and nothing was lost by it', () => {
      const said = away(ONCE, { ops: 1_500, errors: { connect: 9 }, retries: 9, redirected: 3_100 });
      expect(said).toContain('3,100 of its requests went elsewhere, 9 failed and were repeated → ');
    });

    test('several times', () => {
      const twice = [...ONCE, { endpoint: 'c:9000', t: 2_000, ms: 1_000 }].reverse();
      expect(away(twice, { ops: 1_500, redirected: 9 })).toContain(
        'was away for 15s (2 times, first from 2s on): 9 of',
      );
    });

    test('from the start', () => {
      const said = away([{ endpoint: 'c:9000', t: 0, ms: 20_000 }], {
        ops: 0,
        errors: { connect: 9 },
        redirected: 900,
      });
      expect(said).toContain('was away for 20s (it never answered): 900 of its requests went elsewhere, 9 failed: ');
    });

    test('in the warm-up, which no figure is of', () => {
      const warmup = { ms: 10_000, ops: 0, bytes: 0, errors: 0 };
      const warned = (t: number) =>
        one({ endpoints }, (result) => ({
          ...result,
          run: { ...result.run, warmup },
          outages: [{ endpoint: 'c:9000', t, ms: 5_000 }],
        }));
      expect(warned(2_000)).not.toContain('endpoint-away');
      expect(warned(7_000)).toContain('c:9000 was away for 2s (from 10s on)');
    });
  });

  test('a single one that was away', () => {
    const said = one({ endpoints: ['a:9000'] }, (result) => ({
      ...result,
      outages: [{ endpoint: 'a:9000', t: 15_000, ms: 5_000 }],
      endpoints: result.endpoints.map((each) => ({ ...each, errors: { connect: 120 } })),
    }));
    expect(said).toMatch(
      /^endpoint-away: a:9000 was away for 5s \(from 15s on\): 120 failed: 0\.\d% of its share was not met/,
    );
    expect(said).toMatch(/a closed loop asks less often while it does not answer$/);
  });

  test('of which one is slow', () => {
    const slow = madeResult(calm({ ...series({ median: 60 }), endpoints: ['a:9000'] })).endpoints[0]?.latency;
    const said = changed('a:9000', (figures) => ({ ...figures, latency: slow }));
    expect(said).toMatch(/^uneven-endpoints: a:9000 took 60ms for a GET at the median, the others 20ms/);
  });
});

describe('reads', () => {
  const both = {
    tests: [
      {
        name: 'firehose',
        series: [
          { ...GET, perSecond: 600 },
          { ...GET, op: 'PUT', perSecond: 600 },
        ],
      },
    ],
  };
  test.each<[string, Partial<Made>, RegExp | '']>([
    [
      'of what the run wrote',
      { ...both, readable: { objects: 0, bytes: 0 } },
      /^fresh-reads: every read was of an object that this run had written/,
    ],
    [
      'of few objects, each many times',
      { readable: { objects: 100, bytes: 102_400 } },
      /^fresh-reads: 100 objects, 100\.0KB in all, were read 140 times each/,
    ],
    ['of many', {}, ''],
    ['of more than any cache holds', { readable: { objects: 100, bytes: 1e13 } }, ''],
    ['where nobody said what there was', { more: { run: withoutReadable() } }, ''],
  ])('%s', (_, more, expected) => {
    if (expected === '') expect(one(more)).toBe('');
    else expect(one(more)).toMatch(expected);
  });
});

function withoutReadable(): Result['run'] {
  const { readable: _, ...run } = madeResult(calm()).run;
  return run;
}

describe('samples', () => {
  test('are enough for p99.9 from 10,000 on', () => {
    expect(one({ seconds: 10 })).toMatch(
      /^few-samples: fewer than 10 operations lie beyond p99\.9 of GET → --duration 1m would give enough, at 700\/s$/,
    );
  });

  test('of several operations, each by the first percentile that lacks them', () => {
    const said = warn({
      tests: [
        { name: 'a', series: [GET] },
        {
          name: 'b',
          series: [
            { ...GET, perSecond: 1 },
            { ...GET, op: 'PUT', perSecond: 10 },
          ],
        },
      ],
    });
    expect(said.at(-1)?.message).toBe('fewer than 10 operations lie beyond p99 of b PUT; p90 of b GET');
  });
});
