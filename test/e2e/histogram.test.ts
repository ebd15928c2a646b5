/** `k6 run --out s3loadtest=FILE`: what its lines add up to, against every sample of the same run, and how runs end with it. */
import { createReadStream, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import * as hdr from 'hdr-histogram-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DIGITS, Histogram } from '../../lib/result/histogram';
import { INTERVAL_SCHEMA, type Interval, type IntervalSeries } from '../../lib/result/interval';
import { ROOT } from '../k6';
import { missing } from '../servers';
import { environment, type Home, newBucket, notRun, openStage, Program, type Stage } from '../stage';

const BUNDLE = join(ROOT, 'build', 'firehose.js');
/** As the CLI runs it: k6 keeps no samples, and judges nothing. */
const LEAN = ['--summary-mode=disabled', '--no-thresholds'];

/** Reads what is not compressed; the library's types leave it out. */
const { decode } = hdr.JsHistogram as unknown as { decode(bytes: Uint8Array, bitsOfACount: 64): hdr.Histogram };

const noGo = await missing(['go']);
if (noGo.length > 0) notRun('the histogram output, which is part of the k6 that Go builds', 'go');

describe.runIf(noGo.length === 0)('the histogram output', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await openStage();
  });

  afterAll(async () => {
    await stage?.stop();
  });

  interface Wishes {
    readonly out?: string;
    readonly args?: readonly string[];
    readonly env?: NodeJS.ProcessEnv;
  }

  async function start({ out, args = LEAN, env = {} }: Wishes): Promise<{ home: Home; file: string; k6: Program }> {
    const home = await stage.home();
    await mkdir(join(home.data, 'results'), { recursive: true });
    const file = out ?? join(home.path, 'lines.ndjson');
    const settings = {
      ...environment(stage, home, stage.server, await newBucket(stage.site)),
      K6_AUTO_EXTENSION_RESOLUTION: 'false',
      S3LOADTEST_EXTENSION: '1',
      S3LOADTEST_BACKEND: 'native',
      S3LOADTEST_DURATION: '1s',
      S3LOADTEST_SIZE: '1KB',
      S3LOADTEST_CONCURRENCY: '4',
      ...env,
    };
    const flags = ['--quiet', '--no-usage-report', '--log-format=raw', '--out', `s3loadtest=${file}`];
    return { home, file, k6: new Program(stage.k6, ['run', ...flags, ...args, BUNDLE], settings, home.path) };
  }

  async function run(wishes: Wishes) {
    const { home, file, k6 } = await start(wishes);
    return { home, file, ...(await k6.ended) };
  }

  test('lines add up to the samples of the run, percentiles to 0.1%', async () => {
    const settings = {
      S3LOADTEST_DURATION: '6s',
      S3LOADTEST_SIZE: '1KB,10KB',
      S3_ENDPOINTS: stage.server.endpoints.join(),
    };
    const { file, home, code, stderr } = await run({ args: [...LEAN, '--out', 'json=samples.json'], env: settings });
    expect(code, stderr).toBe(0);
    const lines = wholeLines(file);
    expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_, i) => i));
    for (const [i, { schema, t, ms, end }] of lines.entries()) {
      expect(schema).toBe(INTERVAL_SCHEMA);
      expect(end === undefined, `end of line ${i}`).toBe(i < lines.length - 1);
      const next = lines[i + 1];
      if (next === undefined) continue;
      expect(next.t).toBe(t + ms);
      // A busy machine is late; it is never early.
      expect(next.t % 1000, 'ms after the second').toBeLessThan(500);
    }
    expect(lines.length).toBeGreaterThan(5);

    const raw = await samplesOf(join(home.path, 'samples.json'));
    const folded = fold(lines);
    expect([...folded.keys()].sort()).toEqual([...raw.series.keys()].sort());
    // Two operations on two sizes at two endpoints.
    expect(folded.size).toBe(8);
    for (const [name, samples] of raw.series) {
      const figures = folded.get(name) as Folded;
      expect({ ops: figures.ops, bytes: figures.bytes }, name).toEqual({
        ops: samples.latency.length,
        bytes: samples.bytes,
      });
      expect(samples.latency.length).toBeGreaterThan(100);
      for (const kind of ['latency', 'ttfb'] as const) {
        const sorted = samples[kind].sort((a, b) => a - b);
        expect(figures[kind].count, `${name} ${kind}`).toBe(sorted.length);
        for (const p of [0, 50, 90, 99, 99.9, 99.99, 100]) {
          const us = 1000 * (sorted[Math.max(1, Math.ceil((p / 100) * sorted.length - 1e-6)) - 1] as number);
          expect(Math.abs(figures[kind].percentile(p) - us), `${name} ${kind} p${p}`).toBeLessThanOrEqual(
            Math.max(1, us / 1000),
          );
        }
      }
    }
    const generators = lines.map(({ generator }) => generator);
    const last = generators.at(-1) as Interval['generator'];
    const total = (of: (g: Interval['generator']) => number) => generators.reduce((sum, g) => sum + of(g), 0);
    expect(total((g) => g.iterations)).toBe(raw.iterations);
    expect(total((g) => g.droppedIterations)).toBe(0);
    expect(generators.map((g) => g.vus)).toContain(4);
    expect(last.cpuSeconds).toBeGreaterThan(0.1);
    expect(last.memoryBytes).toBeGreaterThan(20e6);
    expect(last.peakMemoryBytes).toBeGreaterThanOrEqual(last.memoryBytes);

    // And by another's reading.
    const of = lines.flatMap(({ series }) => series).filter(({ latency }) => latency !== undefined);
    for (const { ops, latency = '' } of of) {
      const decoded = decode(Buffer.from(latency, 'base64'), 64);
      const own = new Histogram(DIGITS);
      own.addEncoded(latency);
      expect(decoded.totalCount).toBe(ops);
      for (const p of [50, 99, 100]) expect(decoded.getValueAtPercentile(p)).toBe(own.percentile(p));
    }
  }, 60_000);

  test('the http backend is counted the same', async () => {
    const { file, home, code, stderr } = await run({
      args: [...LEAN, '--out', 'json=samples.json'],
      env: { S3LOADTEST_BACKEND: 'http' },
    });
    expect(code, stderr).toBe(0);
    const raw = await samplesOf(join(home.path, 'samples.json'));
    const folded = fold(wholeLines(file));
    expect([...folded.keys()].sort()).toEqual([...raw.series.keys()].sort());
    for (const [name, { ops, bytes, latency, ttfb }] of folded) {
      const samples = raw.series.get(name);
      expect([ops, bytes, latency.count, ttfb.count], name).toEqual([
        ...[samples?.latency.length, samples?.bytes],
        ...[samples?.latency.length, samples?.ttfb.length],
      ]);
    }
  });

  const THRESHOLDS = 's3_op_duration{op:GET}:p(99)<0.001;s3_op_duration{op:GET}:count>0;http_reqs:rate>1';

  test.each([
    ['judged by the output', LEAN],
    ['judged by k6', []],
  ])('a crossed threshold, %s: exit code 99, said once, told in the last line', async (_, args) => {
    const env = { S3LOADTEST_THRESHOLDS: THRESHOLDS.replace('count>0', 'max>0') };
    const { file, code, stderr } = await run({ args, env });
    expect(code, stderr).toBe(99);
    expect(stderr.match(/thresholds on metrics .* have been crossed/g)).toEqual([
      "thresholds on metrics 's3_op_duration{op:GET}' have been crossed",
    ]);
    expect(wholeLines(file).at(-1)?.end?.thresholds).toEqual([
      { metric: 'http_req_failed{test:firehose}', expr: 'rate<0.01', ok: true },
      { metric: 'http_reqs', expr: 'rate>1', ok: true },
      { metric: 's3_op_duration{op:GET}', expr: 'p(99)<0.001', ok: false },
      { metric: 's3_op_duration{op:GET}', expr: 'max>0', ok: true },
      { metric: 's3_op_duration{test:firehose}', expr: 'max>0', ok: true },
    ]);
  });

  test('a threshold that k6 would refuse is refused: exit code 104, one line, no load', async () => {
    const { code, stderr } = await run({ env: { S3LOADTEST_THRESHOLDS: THRESHOLDS } });
    expect([code, stderr.trim().split('\n')]).toEqual([
      104,
      [expect.stringMatching(/"count>0" applied on metric s3_op_duration.*unsupported aggregation method count/)],
    ]);
  });

  test('interrupted, it still writes its last line', async () => {
    const { file, k6 } = await start({ env: { S3LOADTEST_DURATION: '30s' } });
    await waitFor(() => wholeLines(file).some(({ series }) => series.length > 0));
    k6.kill('SIGINT');
    const { code, stderr } = await k6.ended;
    expect(code, stderr).toBe(105);
    expect(wholeLines(file).at(-1)?.end?.thresholds).toContainEqual({
      metric: 's3_op_duration{test:firehose}',
      expr: 'max>0',
      ok: true,
    });
  });

  test('killed, it leaves whole lines', async () => {
    const { home, k6 } = await start({ out: 'lines.ndjson,interval=100ms', env: { S3LOADTEST_DURATION: '30s' } });
    const file = join(home.path, 'lines.ndjson');
    await waitFor(() => wholeLines(file).length > 10);
    k6.kill('SIGKILL');
    await k6.ended;
    const lines = wholeLines(file);
    expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_, i) => i));
    expect(lines.at(-1)?.end).toBeUndefined();
    expect(readFileSync(file, 'utf8').endsWith('\n')).toBe(true);
  });

  test('a file that takes nothing: exit code 1, said as it begins and at the end', async () => {
    const { code, stderr } = await run({ out: '/dev/full', env: { S3LOADTEST_DURATION: '2s' } });
    expect(stderr.trim().split('\n')).toEqual([
      'write /dev/full: no space left on device: the figures are kept, and written as soon as that works',
      'write /dev/full: no space left on device: the last figures are lost',
    ]);
    expect(code).toBe(1);
  });

  test.each([
    ['', /names no file: give s3loadtest=FILE, or - for standard output, or s3loadtest=FILE,interval=1s$/],
    ['lines,interval=5', /has the interval "5": give a time of 100ms to 1h, such as 1s$/],
    ['/dev/null/lines', /open \/dev\/null\/lines: not a directory: give a file that can be written$/],
  ])('--out s3loadtest=%s is refused in one line, exit code 104', async (out, says) => {
    const { code, stderr } = await run({ out });
    expect([code, stderr.trim().split('\n')]).toEqual([104, [expect.stringMatching(says)]]);
  });
});

async function waitFor(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 20_000; !condition(); await sleep(50)) {
    if (Date.now() > end) throw new Error(`it did not come to pass: ${condition}`);
  }
}

/** Its lines so far, up to the last end of a line. */
function wholeLines(file: string): Interval[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return []; // not made yet
  }
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

interface Folded {
  ops: number;
  bytes: number;
  readonly latency: Histogram;
  readonly ttfb: Histogram;
}

const nameOf = (tags: Pick<IntervalSeries, 'test' | 'op' | 'size' | 'endpoint'>) =>
  [tags.test, tags.op, tags.size, tags.endpoint].join(' ');

function fold(lines: readonly Interval[]): Map<string, Folded> {
  const all = new Map<string, Folded>();
  for (const one of lines.flatMap(({ series }) => series)) {
    const name = nameOf(one);
    const sum = all.get(name) ?? { ops: 0, bytes: 0, latency: new Histogram(DIGITS), ttfb: new Histogram(DIGITS) };
    all.set(name, sum);
    sum.ops += one.ops ?? 0;
    sum.bytes += one.bytes ?? 0;
    if (one.latency !== undefined) sum.latency.addEncoded(one.latency);
    if (one.ttfb !== undefined) sum.ttfb.addEncoded(one.ttfb);
  }
  return all;
}

interface Samples {
  readonly latency: number[];
  readonly ttfb: number[];
  bytes: number;
}

/** What k6's own JSON output says of the same run. */
async function samplesOf(file: string): Promise<{ series: Map<string, Samples>; iterations: number }> {
  const series = new Map<string, Samples>();
  let iterations = 0;
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const metric = /"metric":"(s3_op_duration|s3_bytes|http_req_waiting|iterations)"/.exec(line)?.[1];
    if (metric === undefined || !line.includes('"type":"Point"')) continue;
    const { value, tags } = JSON.parse(line).data as { value: number; tags: Record<string, string> };
    if (metric === 'iterations') {
      iterations += value;
      continue;
    }
    if (metric === 'http_req_waiting' && tags.status !== '200') continue;
    const { test, op, size = '', endpoint = '' } = tags;
    if (test === undefined || op === undefined || op === 'preparation') continue;
    const name = nameOf({ test, op, size, endpoint });
    const sum = series.get(name) ?? { latency: [], ttfb: [], bytes: 0 };
    series.set(name, sum);
    if (metric === 's3_bytes') sum.bytes += value;
    else (metric === 's3_op_duration' ? sum.latency : sum.ttfb).push(value);
  }
  return { series, iterations };
}
