import { describe, expect, test } from 'vitest';
import { seeded } from '../workload/random';
import { type Distribution, distributionOf, percentile, QUANTILES } from './distribution';
import { DIGITS, decodeHistogram, Histogram, TIMELINE_DIGITS } from './histogram';
import { Merge } from './merge';
import { type Result, SCHEMA, sum, type TimelinePoint } from './result';

const BEGIN = Date.UTC(2026, 10, 21, 12);
const OPS = ['GET', 'PUT'] as const;

function histogramOf(us: readonly number[], digits = DIGITS): Histogram {
  const histogram = new Histogram(digits);
  for (const n of us) histogram.record(n);
  return histogram;
}

const hdr = (us: readonly number[]) => distributionOf(histogramOf(us));

/** Latencies of one worker, microseconds. */
function draw(n: number, seed: number): number[] {
  const random = seeded(seed);
  return Array.from({ length: n }, () => Math.round(Math.exp(7 + seed / 3 + 2 * random() * random())));
}

interface Made {
  readonly id?: string;
  readonly us?: readonly number[];
  readonly latency?: Distribution | undefined;
  readonly clockOffsetMs?: number;
  readonly begin?: number;
  readonly more?: Partial<Result>;
  readonly config?: Record<string, unknown>;
}

/** The Result of one worker that did both operations, each as often, for three seconds. */
function resultOf({
  id = 'w0',
  us = [1000],
  latency = hdr(us),
  begin = BEGIN,
  clockOffsetMs = 0,
  ...made
}: Made): Result {
  const tags = { test: 'firehose', size: '1KB' };
  const figures = { ops: us.length, bytes: us.length * 1024, errors: { throttled: 1 }, latency, ttfb: latency };
  const point = (op: string, t: number): TimelinePoint => ({
    ...{ t, ms: 1000, test: 'firehose', op, ops: t === 0 ? us.length : 0, bytes: 0, errors: 0 },
    ...(t === 0 ? { histogram: histogramOf(us, TIMELINE_DIGITS).encode() } : {}),
  });
  return {
    schema: SCHEMA,
    run: {
      id: 'run',
      tests: ['firehose'],
      startedAt: new Date(begin).toISOString(),
      durationMs: 3000,
      seed: 1,
      backend: 'native',
      versions: { k6: '2.2.0' },
      config: { bucket: 'b', workerId: id, ...made.config },
      loads: [{ test: 'firehose', scenario: 'firehose', vus: 4, share: 1 }],
      schedule: [],
      quantiles: QUANTILES,
    },
    series: OPS.map((op) => ({ ...tags, op, ...figures })),
    totals: OPS.map((op) => ({ test: 'firehose', op, ...figures })),
    endpoints: OPS.map((op) => ({ test: 'firehose', op, endpoint: `${id}:9000`, ...figures })),
    connections: [],
    timeline: [0, 1000, 2000].flatMap((t) => OPS.map((op) => point(op, t))),
    thresholds: [{ metric: 'http_req_failed', expr: 'rate<0.01', ok: true }],
    generator: {
      cpu: { seconds: 3, cores: 1 },
      memory: { peakBytes: 100 },
      cores: 2,
      vus: 4,
      iterations: 10,
      droppedIterations: 0,
      retries: 1,
    },
    workers: [{ id, host: `${id}.local`, segment: '0:1/3', clockOffsetMs, startSkewMs: 0, exit: 0 }],
    errorSamples: [{ class: 'throttled', op: 'GET', message: `from ${id}` }],
    warnings: [],
    interrupted: false,
    partial: false,
    ...made.more,
  };
}

function merged(all: readonly Result[]): Result {
  const merge = new Merge();
  for (const result of all) merge.add(result);
  return merge.result();
}

describe('of three workers', () => {
  const samples = [draw(3000, 1), draw(500, 5), draw(9000, 2)];
  const all = samples.map((us, i) => resultOf({ id: `w${i}`, us }));
  const one = merged(all);

  test('counts, bytes and errors are the sums', () => {
    expect(sum(one.totals)).toEqual({ ops: 25_000, bytes: 25_000 * 1024, errors: 6, misses: 0 });
    expect(one.series.map(({ op, size, ops, errors }) => [op, size, ops, errors])).toEqual([
      ['GET', '1KB', 12_500, { throttled: 3 }],
      ['PUT', '1KB', 12_500, { throttled: 3 }],
    ]);
    expect(one.endpoints.map(({ endpoint, ops }) => [endpoint, ops])).toContainEqual(['w1:9000', 500]);
    expect(one.generator).toMatchObject({
      cpu: { seconds: 9, cores: 3 },
      cores: 6,
      vus: 12,
      iterations: 30,
      retries: 3,
    });
    expect(one.run.loads).toEqual([{ test: 'firehose', scenario: 'firehose', vus: 12, share: 1 }]);
    expect(one.workers.map(({ id }) => id)).toEqual(['w0', 'w1', 'w2']);
    expect(one.errorSamples).toEqual([{ class: 'throttled', op: 'GET', message: 'from w0' }]);
  });

  test('repeats, redirected requests and times in which an endpoint was away, of those that tell', () => {
    const away = (result: Result, retries: number, t: number): Result => ({
      ...result,
      endpoints: result.endpoints.map((each) => ({ ...each, endpoint: 'a:9000', retries, redirected: 10 * retries })),
      outages: [{ endpoint: 'a:9000', t, ms: 1_000 }],
    });
    const [first, second, old] = all as [Result, Result, Result];
    const { endpoints, outages, totals } = merged([away(first, 2, 500), away(second, 3, 1_200), old]);
    expect(endpoints.map(({ endpoint, op, retries, redirected }) => [endpoint, op, retries, redirected])).toEqual([
      ['a:9000', 'GET', 5, 50],
      ['a:9000', 'PUT', 5, 50],
      ['w2:9000', 'GET', undefined, undefined],
      ['w2:9000', 'PUT', undefined, undefined],
    ]);
    expect(outages).toEqual([{ endpoint: 'a:9000', t: 500, ms: 1_700 }]);
    expect(totals[0]).not.toHaveProperty('redirected');
    expect(one).not.toHaveProperty('outages');
  });

  test('what connections carried, where all tell', () => {
    const carrying = (result: Result, receivedBytes: number): Result => ({
      ...result,
      generator: { ...result.generator, traffic: { receivedBytes, sentBytes: 1 } },
    });
    const [first, second, third] = all as [Result, Result, Result];
    const three = merged([carrying(first, 1), carrying(second, 20), carrying(third, 300)]);
    expect(three.generator.traffic).toEqual({ receivedBytes: 321, sentBytes: 3 });
    expect(merged([carrying(first, 1), second]).generator).not.toHaveProperty('traffic');
  });

  test('verified reads, too, and what was not verified is said of all of them', () => {
    const verifying = all.map((result, i) => ({
      ...result,
      run: { ...result.run, config: { verify: true } },
      totals: result.totals.map((total) => (total.op === 'GET' ? { ...total, verified: total.ops - i } : total)),
      warnings: [{ code: 'not-verified' as const, message: 'of one worker', remedy: '' }],
    }));
    const { totals, warnings } = merged(verifying);
    expect(totals.map(({ op, verified }) => [op, verified])).toEqual([
      ['GET', 12_497],
      ['PUT', undefined],
    ]);
    expect(warnings.map(({ message }) => message)).toEqual([expect.stringMatching(/^3 of 12500 reads/)]);
    expect(merged(all).warnings).toEqual([]);
  });

  test.each([50, 90, 99, 99.9, 99.99])('p%d is that of all samples taken together, within a bucket', (p) => {
    const sorted = samples.flat().sort((a, b) => a - b);
    const true_ = sorted[Math.ceil((p / 100) * sorted.length - 1e-6) - 1] as number;
    const value = percentile(one.totals[0]?.latency as Distribution, p) as number;
    expect(value * 1000).toBeGreaterThanOrEqual(true_);
    expect(value * 1000).toBeLessThanOrEqual(Math.max(true_ * 1.001, true_ + 1));
  });

  test('in whatever order, at once or by and by, it is the same', () => {
    const [a, b, c] = all as [Result, Result, Result];
    const figures = ({ totals, series, timeline }: Result) => ({ totals, series, timeline });
    expect(figures(merged([c, a, b]))).toEqual(figures(one));
    expect(figures(merged([merged([a, b]), c]))).toEqual(figures(one));
  });

  test('comes out of JSON as it went in', () => {
    expect(JSON.parse(JSON.stringify(one))).toEqual(JSON.parse(JSON.stringify(one)));
    expect(merged([JSON.parse(JSON.stringify(one)) as Result]).totals).toEqual(one.totals);
  });
});

test('the timelines are laid on one clock', () => {
  const late = resultOf({ id: 'w1', us: [1, 2, 3], begin: BEGIN + 3000, clockOffsetMs: 3000 });
  const later = resultOf({ id: 'w2', us: [4], begin: BEGIN + 1000 });
  const one = merged([resultOf({ us: [9, 9] }), late, later]);
  expect(one.run).toMatchObject({ startedAt: new Date(BEGIN).toISOString(), durationMs: 4000 });
  const gets = one.timeline.filter(({ op }) => op === 'GET');
  expect(gets.map(({ t, ms, ops }) => [t, ms, ops])).toEqual([
    [0, 1000, 5],
    [1000, 1000, 1],
    [2000, 1000, 0],
    [3000, 1000, 0],
  ]);
  expect(decodeHistogram(gets[0]?.histogram ?? '').count).toBe(5);
});

describe('what generators used', () => {
  const using = (id: string, host: string, begin = BEGIN): Result => {
    const one = resultOf({ id, begin });
    return {
      ...one,
      workers: one.workers.map((worker) => ({ ...worker, host })),
      generator: {
        ...one.generator,
        cpu: { seconds: 3, cores: 1, waitSeconds: 0.5 },
        machine: { busyCores: 1.5, cores: 4 },
        links: [{ name: 'eth0', bitsPerSecond: 1e9, receivedBytes: 10, sentBytes: 20 }],
        timeline: [0, 1000, 2000].map((t) => ({ t, ms: 1000, cores: 1, busyCores: 1.5, memoryBytes: 100 })),
      },
    };
  };
  const both = [using('w0', 'load-1'), using('w1', 'load-2', BEGIN + 1000)];

  test('adds up, each at its time; links stay those of each machine', () => {
    const { generator } = merged(both);
    expect(generator).toMatchObject({
      cpu: { seconds: 6, cores: 2, waitSeconds: 1 },
      machine: { busyCores: 3, cores: 8 },
      links: [{ name: 'load-1 eth0' }, { name: 'load-2 eth0' }],
    });
    expect(
      generator.timeline?.map(({ t, cores, busyCores, memoryBytes }) => [t, cores, busyCores, memoryBytes]),
    ).toEqual([
      [0, 1, 1.5, 100],
      [1000, 2, 3, 200],
      [2000, 2, 3, 200],
      [3000, 1, 1.5, 100],
    ]);
  });

  test('of one machine that several share has its cores once', () => {
    const on = (host: string, id: string) => {
      const one = using(id, host);
      return { ...one, workers: one.workers.map((worker) => ({ ...worker, cores: 4 })) };
    };
    expect(merged([on('a', 'w0'), on('a', 'w1'), on('b', 'w2')]).generator.cores).toBe(8);
  });

  test('is not known of all where it is not known of one', () => {
    const { generator } = merged([both[0] as Result, resultOf({ id: 'w1' })]);
    expect(generator.cpu).toEqual({ seconds: 6, cores: 2 });
    expect(generator.machine).toBeUndefined();
  });

  test('merged again stays what it was', () => {
    const [a, b, c] = [...both, using('w2', 'load-3')] as [Result, Result, Result];
    const { links, timeline } = merged([merged([a, b]), c]).generator;
    expect(links?.map(({ name }) => name)).toEqual(['load-1 eth0', 'load-2 eth0', 'load-3 eth0']);
    expect(timeline).toEqual(merged([a, b, c]).generator.timeline);
  });
});

test('what one lacks, all lack; what one failed, all failed', () => {
  const [metric, expr] = ['http_req_failed', 'rate<0.01'];
  const one = merged([
    resultOf({}),
    resultOf({ more: { interrupted: true, thresholds: [{ metric, expr, ok: false }] } }),
    resultOf({ more: { partial: true } }),
  ]);
  expect(one).toMatchObject({ interrupted: true, partial: true, thresholds: [{ metric, expr, ok: false }] });
});

test('settings that differ are told as what they are', () => {
  const { config } = merged([resultOf({ id: 'w0' }), resultOf({ id: 'w1', config: { size: '1KB' } })]).run;
  expect(config).toEqual({ bucket: 'b', workerId: { differs: ['w0', 'w1'] }, size: '1KB' });
});

test('held connections add up; at most as many were open as each had at its most', () => {
  const held = { test: 'elephant', op: 'PUT', endpoint: 'a' };
  const connections = (n: number) => [
    { ...held, peakOpen: n, opened: 2 * n, ended: { reset: n }, bytesSent: 1, bytesReceived: 2, lifetime: hdr([n]) },
  ];
  const one = merged([1, 10].map((n) => resultOf({ more: { connections: connections(n) } })));
  expect(one.connections).toMatchObject([
    { ...held, peakOpen: 11, opened: 22, ended: { reset: 11 }, bytesSent: 2, lifetime: { count: 2 } },
  ]);
});

describe('what can not be added is refused, saying what it is', () => {
  const quantiles: Distribution = {
    kind: 'quantiles',
    count: 1,
    min: 1,
    max: 1,
    mean: 1,
    values: QUANTILES.map(() => 1),
  };
  const coarse = { ...(hdr([1]) as Distribution & { kind: 'hdr' }), histogram: histogramOf([1], 2).encode() };

  test('histograms and quantiles', () => {
    expect(() => merged([resultOf({}), resultOf({ latency: quantiles })])).toThrow(
      /its latencies are quantiles \(stock k6\), those before it histograms/,
    );
  });

  test('histograms of another precision', () => {
    expect(() => merged([resultOf({}), resultOf({ latency: coarse })])).toThrow(/precision 2 .* precision 3/);
  });

  test('nothing at all', () => {
    expect(() => merged([])).toThrow(/no Result/);
  });
});

test('what was cut of each adds up; the cut is at the mean of theirs', () => {
  const cut = (ms: number, ops: number) => {
    const result = resultOf({ id: `w${ops}` });
    return { ...result, run: { ...result.run, warmup: { ms, ops, bytes: 10 * ops, errors: 1 } } };
  };
  const one = merged([cut(1000, 5), cut(1800, 7)]);
  expect(one.run).toMatchObject({ durationMs: 3000, warmup: { ms: 1400, ops: 12, bytes: 120, errors: 2 } });
  expect(merged([one, cut(1400, 1)]).run.warmup).toMatchObject({ ms: 1400, ops: 13 });
  expect(merged([resultOf({})]).run).not.toHaveProperty('warmup');
});

test('that throughput had become steady is kept', () => {
  const result = resultOf({});
  expect(merged([result, { ...result, run: { ...result.run, endedBy: 'steady' } }]).run.endedBy).toBe('steady');
  expect(merged([result]).run).not.toHaveProperty('endedBy');
});
