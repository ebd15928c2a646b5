import { describe, expect, test } from 'vitest';
import type { Generator, Result } from '../../lib/result/result';
import { asStock, type Made, madeResult } from '../../test/made-results';
import { judged } from './judge';
import { verdictOf } from './verdict';

/** Sixteen VUs whose operations take 20 ms: 800 a second, when nothing else holds them up. */
const busy = (more: Partial<Made> = {}): Made => ({
  seed: 1,
  seconds: 20,
  vus: 16,
  tests: [
    {
      name: 'firehose',
      series: [{ op: 'GET', size: '1KB', perSecond: 700, median: 20, sigma: 0.4 }],
    },
  ],
  ...more,
  generator: { cpu: { seconds: 10, cores: 0.5, waitSeconds: 0.1 }, cores: 8, ...more.generator },
});

const verdict = (more: Partial<Made> = {}) => verdictOf(madeResult(busy(more)));
const withErrors = (errors: Made['tests'][number]['series'][number]['errors']): Partial<Made> => ({
  tests: [
    {
      name: 'firehose',
      series: [
        { op: 'GET', size: '1KB', perSecond: 700, median: 20, sigma: 0.4, ...(errors === undefined ? {} : { errors }) },
      ],
    },
  ],
});
const using = (cpu: Generator['cpu'], more: Partial<Generator> = {}): Partial<Made> => ({
  generator: { cpu, ...more },
});

describe('the store', () => {
  test('where VUs wait for it and k6 has plenty left', () => {
    expect(verdict()).toMatchInlineSnapshot(`
      {
        "evidence": [
          "k6 used 0.5 of 8 cores (6.3%).",
          "VUs were in operations 95% of their time; k6's own work, waiting for a core included, took 3.2% of it.",
          "How full the network was is not known.",
          "The median operation took 3.9 times as long as the fastest of its kind.",
        ],
        "limit": "store",
        "message": "The store, or the network to it, was the limit: VUs waited for it 92% of their time, while k6 used 0.5 of 8 cores.",
      }
    `);
  });

  test("the same by stock k6's figures", () => {
    expect(verdictOf(asStock(madeResult(busy()))).limit).toBe('store');
  });

  test.each([
    [['127.0.0.1:9000', '[::1]:9000', 'localhost'], true],
    [['127.0.0.1:9000', 'localhost.example.com:9000'], false],
  ])('alone, where no network is between: %j', (endpoints, alone) => {
    const said = alone
      ? /^The store was the limit: VUs waited/
      : /^The store, or the network to it, was the limit: VUs/;
    expect(verdict({ endpoints }).message).toMatch(said);
  });

  test('alone, where it answers that it failed', () => {
    expect(verdict(withErrors({ server: 0.02, reset: 0.01 })).message).toMatch(/^The store was the limit: 3% .*server/);
  });

  test('where it says so itself, whatever k6 used', () => {
    const full = using({ seconds: 160, cores: 8 });
    const { limit, message } = verdict({ ...withErrors({ throttled: 0.05 }), ...full });
    expect([limit, message]).toEqual([
      'store',
      'The store was the limit: it throttled 5% of the requests (503 or 429).',
    ]);
  });

  test('where requests fail for want of it', () => {
    const { limit, message } = verdict(withErrors({ timeout: 0.02, server: 0.01 }));
    expect([limit, message]).toEqual([
      'store',
      'The store, or the network to it, was the limit: 3% of the requests failed (server and timeout).',
    ]);
  });

  test('where more VUs brought no more', () => {
    const stages = { unit: 'vus', list: [4, 16].map((target) => ({ target, ms: 10_000 })) };
    const { limit, message, evidence } = verdict({ config: { stages } });
    expect([limit, message]).toEqual([
      'store',
      'The store, or the network to it, was the limit: from 4 to 16 VUs, 700/s became 700/s.',
    ]);
    expect(evidence).toContainEqual(
      expect.stringMatching(
        /^From 4 VUs to 16 VUs, throughput went from 700\/s to 700\/s, and the median latency from/,
      ),
    );
  });

  test('where operations that were due found all VUs waiting', () => {
    const { limit, message } = verdict({ config: { rate: 1000 }, dropped: 6000 });
    expect(limit).toBe('store');
    expect(message).toBe(
      'The store, or the network to it, was the limit at 700/s: 30% of the operations due could not begin, for all 16 VUs were waiting for it.',
    );
  });
});

describe('the generator', () => {
  test.each<[string, Partial<Made>, RegExp]>([
    ['had no core left', using({ seconds: 152, cores: 7.6 }), /k6 used 7\.6 of 8 cores, all that it could have\.$/],
    [
      'was kept from its cores',
      using({ seconds: 20, cores: 1, waitSeconds: 130 }, { machine: { busyCores: 7.9, cores: 8 } }),
      /k6 used 1 of 8 cores and was kept waiting for the rest \(other programs used 6\.9\)\.$/,
    ],
    [
      'was busy with itself',
      using({ seconds: 200, cores: 1, waitSeconds: 0 }, { cores: 64 }),
      /16 VUs spent 63% of their time in k6/,
    ],
    [
      'had a full network',
      using(
        { seconds: 10, cores: 0.5 },
        { links: [{ name: 'eth0', bitsPerSecond: 1e9, receivedBytes: 2.4e9, sentBytes: 1e6 }] },
      ),
      /network was the limit: eth0 carried 96% of what it can\.$/,
    ],
  ])('%s', (_, more, message) => {
    const said = verdict(more);
    expect(said.message).toMatch(message);
    expect(said.limit).toBe('generator');
  });

  test.each([
    ['dial tcp 127.0.0.1:7070: socket: too many open files', 'open files'],
    ['dial tcp 127.0.0.1:7070: connect: cannot assign requested address', 'local ports'],
  ])('had no more of what connections need: %s', (message, what) => {
    const result = madeResult(busy(withErrors({ connect: 0.38 })));
    const sample = { class: 'connect', op: 'PUT', message } as const;
    const said = verdictOf({ ...result, errorSamples: [sample] });
    expect([said.limit, said.message]).toEqual([
      'generator',
      `The load generator was the limit: its machine had no more ${what}, and 38% of the requests failed so.`,
    ]);
    expect(verdictOf({ ...result, errorSamples: [{ ...sample, message: 'connect: connection refused' }] }).limit).toBe(
      'store',
    );
  });

  test('has too few VUs for the rate, where latency did not rise', () => {
    const flat = { name: 'firehose', series: [{ op: 'GET', size: '1KB', perSecond: 59, median: 30, sigma: 0.02 }] };
    const { limit, message } = verdict({
      vus: 2,
      tests: [flat],
      config: { rate: 500 },
      dropped: 8_800,
      ...using({ seconds: 1, cores: 0.05 }),
    });
    expect([limit, message]).toEqual([
      'generator',
      "The load generator's configuration was the limit at 59/s: 2 VUs were too few for this rate. All were busy, and the store's latency did not rise.",
    ]);
  });

  test('was stopped by the CPU limit of its container', () => {
    const { limit, message } = verdict(
      using({ seconds: 9.8, cores: 0.49 }, { cores: 0.5, machine: { busyCores: 0.5, cores: 8 } }),
    );
    expect([limit, message]).toEqual([
      'generator',
      'The load generator was the limit: k6 used 0.49 of 0.5 cores, all that it could have under its CPU limit (the machine has 8).',
    ]);
  });

  test('pauses do not hide that it had no core left while the load was on', () => {
    const on = (second: number) => second < 5;
    const timeline = Array.from({ length: 20 }, (_, i) => ({
      t: i * 1000,
      ms: 1000,
      cores: on(i) ? 7.9 : 0,
      memoryBytes: 1,
    }));
    const { limit, evidence } = verdict({
      ...using({ seconds: 40, cores: 2 }, { timeline }),
      shape: (second) => (on(second) ? 1 : 0),
      schedule: [{ test: 'firehose', scenario: 'firehose', phase: 'burst', startMs: 0, endMs: 5000 }],
    });
    expect([limit, evidence[0]]).toEqual(['generator', 'k6 used 7.9 of 8 cores (99%).']);
  });
});

describe('neither', () => {
  test('where the rate asked for was served', () => {
    const { limit, message, evidence } = verdict({ config: { rate: 700 } });
    expect([limit, message]).toEqual(['neither', 'Neither was at its limit: the 700/s asked for were served.']);
    expect(evidence).toContain('No operation was due without a free VU.');
  });

  test('where VUs had nothing to do', () => {
    const idle = { name: 'delete', series: [{ op: 'LIST', size: 'none', perSecond: 20, median: 50, sigma: 0.3 }] };
    expect(verdict({ tests: [idle] })).toMatchObject({
      limit: 'neither',
      message: 'Neither was at its limit: VUs had nothing to do for 93% of the time.',
    });
  });
});

describe('requests that a limit of the whole ended', () => {
  const MB = 1024 ** 2;
  /** 20 of an op on 10 MB, and what connections carried meanwhile. */
  function cut(
    { receivedBytes = 0, sentBytes = 0 },
    { op = 'GET', backend = 'http', ...config }: { op?: string; backend?: string; requestTimeout?: number } = {},
    more: Partial<Result> = {},
  ) {
    const made = madeResult({
      ...busy(),
      tests: [{ name: 'heavyread', series: [{ op, size: '10MB', perSecond: 0, median: 1, sigma: 0 }] }],
    });
    const figures = { ops: 0, bytes: 0, errors: { timeout: 20 } };
    const result: Result = {
      ...made,
      run: { ...made.run, backend, config: { timeout: 8_000, partSize: 8 * MB, ...config } },
      series: [{ test: 'heavyread', op, size: '10MB', ...figures }],
      totals: [{ test: 'heavyread', op, ...figures }],
      generator: { ...made.generator, traffic: { receivedBytes, sentBytes } },
      ...more,
    };
    return judged(result);
  }
  const limitOf = (...args: Parameters<typeof cut>) => {
    const { verdict, warnings } = cut(...args);
    return {
      limit: verdict?.limit,
      message: verdict?.message,
      remedy: warnings.find((w) => w.code === 'many-errors')?.remedy,
    };
  };

  test('while their bytes came: that is no limit of the store, and the remedy is another limit', () => {
    expect(limitOf({ receivedBytes: 100 * MB })).toEqual({
      limit: 'unknown',
      message:
        'What the limit was is not known: --timeout 8s ended 20 requests, with 50% of their 200.0MB moved. Whole ones take 16s ' +
        'at this pace: raise --request-timeout, or take S3LOADTEST_BACKEND=native without it: --timeout then ends only what ' +
        'does not move.',
      remedy:
        'raise --request-timeout, or take S3LOADTEST_BACKEND=native without it: --timeout then ends only what does not move',
    });
  });

  test('of the native backend, which was given one', () => {
    const { limit, message } = limitOf({ receivedBytes: 100 * MB }, { backend: 'native', requestTimeout: 4_000 });
    expect([limit, message]).toEqual([
      'unknown',
      expect.stringMatching(
        /--request-timeout 4s ended 20 .* Whole ones take 8s .*: raise --request-timeout, or leave it out:/,
      ),
    ]);
  });

  test('while parts of uploads were sent', () => {
    const { message } = limitOf({ sentBytes: 128 * MB }, { op: 'PUT' });
    expect(message).toMatch(/with 80% of their 160\.0MB moved\. Whole ones take 10s at this pace/);
  });

  test.each<[string, Parameters<typeof cut>[0], Parameters<typeof cut>[1]]>([
    ['nothing came', { receivedBytes: 30_000 }, {}],
    ['what was sent is what a socket takes', { sentBytes: 70 * MB }, { op: 'PUT' }],
    ['the native backend ends what does not move', { receivedBytes: 100 * MB }, { backend: 'native' }],
  ])('and all the same may be the store: %s', (_, traffic, how) => {
    expect(limitOf(traffic, how).message).not.toMatch(/at this pace/);
  });

  test('most of what failed failed otherwise', () => {
    const others = { ops: 900, bytes: 0, errors: { timeout: 20, server: 80 } };
    const totals = [{ test: 'heavyread', op: 'GET', ...others }];
    expect(limitOf({ receivedBytes: 100 * MB }, {}, { totals }).limit).toBe('store');
  });

  test('a Result that does not tell what connections carried', () => {
    const { generator } = madeResult(busy());
    expect(limitOf({}, {}, { generator }).message).not.toMatch(/at this pace/);
  });
});

describe('connections that are to be held', () => {
  const holding = (open: number): Partial<Made> => ({
    tests: [{ name: 'elephant', series: [], loads: [{ scenario: 'elephant', vus: 1, share: 1, connections: 1000 }] }],
    connections: ['GET', 'PUT'].map((op) => ({
      test: 'elephant',
      op,
      endpoint: 'a:9000',
      open: open / 2,
      opened: open,
    })),
  });

  test.each([
    [1000, 'neither', 'Neither was at its limit: all 1,000 connections asked for were held.'],
    [600, 'store', 'The store was the limit: of 1,000 connections asked for it held 600 at most.'],
    [0, 'store', 'The store was the limit: of 1,000 connections asked for it held 0 at most.'],
  ])('%d of 1,000 were', (open, limit, message) => {
    expect(verdict(holding(open))).toMatchObject({ limit, message });
  });

  test('nothing is said of a limit where the store rejected their requests', () => {
    const { connections = [], ...more } = holding(1000);
    const rejecting = {
      ...more,
      connections: connections.map((each) => ({ ...each, ended: { rejected: each.opened ?? 0 } })),
    };
    expect(verdict(rejecting)).toMatchObject({
      limit: 'unknown',
      message: 'What the limit was is not known: the store rejected 100% of the requests on its connections.',
    });
  });

  test('a generator without CPU is the limit all the same', () => {
    expect(verdict({ ...holding(600), ...using({ seconds: 160, cores: 8 }) }).limit).toBe('generator');
  });
});

describe('not known', () => {
  test('where VUs waited for a store whose latency did not rise', () => {
    const flat = { name: 'firehose', series: [{ op: 'GET', size: '1KB', perSecond: 700, median: 20, sigma: 0.02 }] };
    const { limit, message, evidence } = verdict({ tests: [flat] });
    expect([limit, message]).toEqual([
      'unknown',
      expect.stringMatching(
        /but its latency did not rise: 16 VUs are too few to show a limit, or it was as busy before\.$/,
      ),
    ]);
    expect(evidence.at(-1)).toMatch(
      /^Latency did not rise under this load .* more --concurrency may well show more\.$/,
    );
  });

  test.each<[string, Partial<Made>, RegExp]>([
    [
      'where most requests were refused',
      withErrors({ auth: 0.55, timeout: 0.02 }),
      /^What the limit was is not known: the store refused 55% of the requests \(auth\)\.$/,
    ],
    [
      'where nothing was measured of k6',
      { generator: { cpu: null } },
      /what k6 used of its machine was not measured\.$/,
    ],
    [
      'where k6 had neither much nor little left',
      using({ seconds: 120, cores: 6 }),
      /k6 used 6 of 8 cores and took 38% of the VUs' time, too much to blame the store/,
    ],
    ['where nothing succeeded', withErrors({ connect: 1 }), /no operation succeeded\.$/],
  ])('%s', (_, more, message) => {
    const said = verdict(more);
    expect(said.message).toMatch(message);
    expect(said.limit).toBe('unknown');
  });
});

test('judging a Result again comes to the same', () => {
  const once: Result = judged(madeResult(busy({ dropped: 10, config: { rate: 700 } })));
  expect(judged(once)).toEqual(once);
});
