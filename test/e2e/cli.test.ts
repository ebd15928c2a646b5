/** `s3loadtest run` as users start it: the built CLI, real k6, a real S3 server. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseResult, type Result, sum } from '../../lib/result/result';
import { defaultText, type Setting, settings } from '../../lib/settings/config';
import { formatCount } from '../../lib/settings/units';
import { startProxy } from '../fault-server';
import { startExpiringProxy } from '../flaky-proxy';
import { ROOT } from '../k6';
import { freePort, makeCertificates, missing } from '../servers';
import {
  alive,
  bareEnvironment,
  CLI,
  commandLine,
  type Ended,
  environment,
  expectNoCredential,
  gone,
  type Home,
  keysIn,
  listen,
  newBucket,
  notRun,
  openStage,
  Program,
  partsIn,
  type Site,
  type Stage,
  startSilent,
  stockK6,
  works,
} from '../stage';

const noOpenssl = await missing(['openssl']);
let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
});

afterAll(async () => {
  await stage?.stop();
});

/** A bucket, folders and an environment of a test's own. */
async function setting(site: Site = stage.site) {
  const home = await stage.home();
  const bucket = await newBucket(site);
  const env = environment(stage, home, site.server, bucket);
  return { home, bucket, env, keys: () => keysIn(site, bucket) };
}

/** Starts `s3loadtest run firehose` with options. */
function startRun(home: Home, env: NodeJS.ProcessEnv, ...options: string[]): Program {
  return new Program(process.execPath, [CLI, 'run', 'firehose', ...options], env, home.path);
}

/** The one run under a data folder: its path, and its Result. */
function onlyRun(home: Home): { path: string; result: Result } {
  const results = join(home.data, 'results');
  const ids = readdirSync(results);
  expect(ids).toHaveLength(1);
  const path = join(results, ids[0] as string);
  return { path, result: parseResult(readFileSync(join(path, 'result.json'), 'utf8')) };
}

const opsOf = (result: Result, op: string) => result.totals.find((total) => total.op === op)?.ops ?? 0;
const K6_RUNS = /k6 run .*firehose\.js/;

describe('a run with --json', () => {
  let home: Home;
  let env: NodeJS.ProcessEnv;
  let ended: Ended;
  let keys: string[];
  let k6CommandLine: string;
  let result: Result;

  beforeAll(async () => {
    const own = await setting();
    ({ home, env } = own);
    const cli = startRun(home, env, '--duration', '3s', '--size', '1KB,10KB', '--json');
    const k6 = await cli.child(K6_RUNS);
    k6CommandLine = `${commandLine(k6)} ${commandLine(cli.pid)}`;
    ended = await cli.ended;
    keys = own.keys();
    result = parseResult(ended.stdout);
  });

  test('ends with 0 and prints one Result and nothing else on standard output', () => {
    expect(ended.code, ended.stderr).toBe(0);
    expect(result.schema).toBe('s3loadtest/result@1');
    expect(ended.stdout).toBe(`${JSON.stringify(JSON.parse(ended.stdout))}\n`);
    expect(ended.stderr).toMatch(/^FINAL: ops=/m);
  });

  test('counts every operation by op and size, and each sum is the same', () => {
    expect(result.series.map(({ test: of, op, size }) => `${of} ${op} ${size}`).sort()).toEqual([
      'firehose GET 10KB',
      'firehose GET 1KB',
      'firehose PUT 10KB',
      'firehose PUT 1KB',
    ]);
    const { ops, bytes, errors, misses } = sum(result.totals);
    expect(ops).toBeGreaterThan(100);
    expect([errors, misses]).toEqual([0, 0]);
    expect(sum(result.series)).toEqual({ ops, bytes, errors, misses });
    expect(sum(result.endpoints)).toEqual({ ops, bytes, errors, misses });
    for (const of of ['ops', 'bytes', 'errors'] as const) {
      const inTime = result.timeline.reduce((total, point) => total + point[of], 0);
      expect(inTime, `${of} of the timeline`).toBe({ ops, bytes, errors }[of]);
    }
  });

  test('bytes are operations times size', () => {
    for (const { op, size, ops, bytes } of result.series) {
      expect(bytes, `${op} ${size}`).toBe(ops * (size === '1KB' ? 1024 : 10240));
    }
  });

  test('each series has a latency of every one of its operations', () => {
    for (const { ops, latency, ttfb } of result.series) {
      expect(latency?.count).toBe(ops);
      expect(ttfb?.count).toBe(ops);
    }
  });

  test('the bucket holds one object for each successful PUT, and nothing else', () => {
    expect(keys).toHaveLength(opsOf(result, 'PUT'));
    for (const size of ['1KB', '10KB']) {
      const ops = result.series.find((series) => series.op === 'PUT' && series.size === size)?.ops;
      expect(keys.filter((key) => key.includes(`/${size}/`))).toHaveLength(ops as number);
    }
  });

  if (works('python3', '-c', 'import boto3')) {
    test('boto3 sees as many objects, each of its bytes', () => {
      const listing = execFileSync('python3', [join(ROOT, 'test', 'list-bucket.py')], { env, maxBuffer: 1e8 });
      const bytesByKey: Record<string, number> = JSON.parse(listing.toString());
      expect(Object.keys(bytesByKey).sort()).toEqual(keys.sort());
      for (const [key, bytes] of Object.entries(bytesByKey)) expect(bytes).toBe(key.includes('/1KB/') ? 1024 : 10240);
    });
  } else notRun('boto3 lists what a run wrote', 'python3 with boto3');

  test('the folder of the run has the same Result, the worker, and the log', () => {
    const { path } = onlyRun(home);
    expect(readdirSync(path, { recursive: true }).sort()).toEqual([
      'k6.log',
      'report.html',
      'result.json',
      'workers',
      join('workers', 'w0.json'),
    ]);
    expect(JSON.parse(readFileSync(join(path, 'result.json'), 'utf8'))).toEqual(result);
    expect(JSON.parse(readFileSync(join(path, 'workers', 'w0.json'), 'utf8'))).toEqual(result);
    expect(ended.stderr).toContain(`Result: ${join(path, 'result.json')}`);
    expect(ended.stderr).toContain(`Report: ${join(path, 'report.html')}`);
    expect(readFileSync(join(path, 'report.html'), 'utf8')).toContain(`<dd>${result.run.id}</dd>`);
  });

  test('tells what the limit was, what each operation did, and what it would have cost', () => {
    expect(result.verdict?.limit).toMatch(/^(store|generator|neither|unknown)$/);
    expect(ended.stderr.replace(/\n +/g, ' ')).toContain(`Verdict: ${result.verdict?.message}`);
    expect(ended.stderr).toMatch(/^Operations\n {2}op +ops +ops\/s .* p50 +p90 +p99/m);
    expect(ended.stderr).toMatch(/^Cost: [\d.]+ USD this run, /m);
  });

  test('says what the generator used', () => {
    const { cpu, memory, cores } = result.generator;
    expect(cpu?.seconds).toBeGreaterThan(0.05);
    expect(cpu?.cores).toBeLessThanOrEqual(cores as number);
    expect(memory?.peakBytes).toBeGreaterThan(10e6);
    expect(memory?.peakBytes).toBeLessThan(2e9);
    const { machine, timeline = [] } = result.generator;
    expect(cpu?.waitSeconds).toBeGreaterThanOrEqual(0);
    expect(machine?.busyCores).toBeGreaterThan(0);
    expect(machine?.busyCores).toBeLessThanOrEqual((machine?.cores ?? 0) * 1.05);
    expect(timeline.length).toBeGreaterThanOrEqual(2);
    const seconds = timeline.reduce((sum, point) => sum + (point.cores * point.ms) / 1000, 0);
    expect(Math.abs(seconds / (cpu?.seconds ?? 0) - 1)).toBeLessThan(0.35);
  });

  test('the Result tells the run it is of', () => {
    expect(result.run.config).toMatchObject({ duration: 3000, bucket: env.S3_BUCKET, workerId: 'w0' });
    expect(result.run.durationMs).toBeGreaterThanOrEqual(3000);
    expect(result.run.durationMs).toBeLessThan(5000);
    expect(Date.now() - Date.parse(result.run.startedAt)).toBeLessThan(120_000);
    expect(result.workers).toMatchObject([{ id: 'w0', exit: 0 }]);
    expect(result.run.versions.k6).toMatch(/^v?2\./);
    expect([result.interrupted, result.partial]).toEqual([false, false]);
    expect(result.run.readable).toEqual({ objects: 0, bytes: 0 });
    expect(result.warnings.map(({ code }) => code)).toContain('fresh-reads');
  });

  test('no credential is written, said or on a command line', () => {
    expect(k6CommandLine).toContain('firehose.js');
    const { path } = onlyRun(home);
    const files = ['result.json', 'k6.log', join('workers', 'w0.json')];
    const texts = Object.fromEntries(files.map((file) => [file, readFileSync(join(path, file), 'utf8')]));
    expectNoCredential({ ...texts, k6CommandLine, stdout: ended.stdout, stderr: ended.stderr });
  });
});

describe('the load', () => {
  test('keeps the shares of operations and sizes', async () => {
    const { home, env } = await setting();
    const sizes = ['1KB', '2KB', '3KB', '4KB', '5KB', '6KB'];
    const { code, stdout, stderr } = await startRun(home, env, '--duration', '8s', '--size', sizes.join(','), '--json')
      .ended;
    expect(code, stderr).toBe(0);
    const result = parseResult(stdout);
    const { ops } = sum(result.totals);
    // Fewer would not tell a point of a percent from chance; a usual machine does 15,000 to 30,000.
    expect(ops).toBeGreaterThan(5_000);
    for (const op of ['GET', 'PUT']) expect(Math.abs(opsOf(result, op) / ops - 0.5), op).toBeLessThan(0.01);
    for (const size of sizes) {
      const share = sum(result.series.filter((series) => series.size === size)).ops / ops;
      expect(Math.abs(share - 1 / 6), size).toBeLessThan(0.02);
    }
  });

  test('keys have the layout of the original', async () => {
    const { home, env, keys } = await setting();
    const { code, stderr } = await startRun(home, env, '--duration', '2s', '--size', '1KB,3KB').ended;
    expect(code, stderr).toBe(0);
    const layout = /^loadtest\/w0\/(1KB|3KB)\/firehose\/(\d{16})\/.+$/;
    const times = keys().map((key) => Number(layout.exec(key)?.[2]));
    expect(times.length).toBeGreaterThan(10);
    // Microseconds since 1970, of the last minute; NaN, for a key of another layout, is none.
    const now = Date.now() * 1000;
    expect(times.filter((time) => !(time > now - 60e6 && time <= now))).toEqual([]);
  });

  test('--prefix and --worker-id are in the keys, and the worker in the Result', async () => {
    const { home, env, keys } = await setting();
    const where = ['--prefix', 'a/b-c/', '--worker-id', 'rack7.n2'];
    const { code, stderr } = await startRun(home, env, '--duration', '1s', '--size', '2KB', ...where).ended;
    expect(code, stderr).toBe(0);
    const all = keys();
    expect(all.length).toBeGreaterThan(10);
    expect(all.filter((key) => !/^a\/b-c\/rack7\.n2\/2KB\/firehose\/\d{16}\/.+$/.test(key))).toEqual([]);
    const { path, result } = onlyRun(home);
    expect(result.workers[0]?.id).toBe('rack7.n2');
    expect(existsSync(join(path, 'workers', 'rack7.n2.json'))).toBe(true);
  });

  describe('through a proxy that notes every request', () => {
    /** Runs one VU for a second and returns the requests after the checks, as `GET key` and `PUT key`, in order. */
    async function requests(own: Awaited<ReturnType<typeof setting>>): Promise<string[]> {
      const proxy = await startProxy(stage.server.endpoints[0]);
      try {
        const env = { ...own.env, S3_ENDPOINTS: proxy.endpoints[0] };
        const options = ['--duration', '2s', '--size', '1KB', '--concurrency', '1'];
        const { code, stderr } = await startRun(own.home, env, ...options).ended;
        expect(code, stderr).toBe(0);
      } finally {
        proxy.stop();
      }
      const all = proxy.seen.map(({ method, url }) => ({ method, key: url.replace(/^\/[^/?]*\/?/, '') }));
      const lastOfChecks = all.findLastIndex(({ method, key }) => method === 'DELETE' || key.startsWith('?'));
      expect(lastOfChecks).toBeGreaterThan(0);
      return all.slice(lastOfChecks + 1).map(({ method, key }) => `${method} ${key}`);
    }

    test('it writes only until there is something to read, and then reads what it wrote', async () => {
      const all = await requests(await setting());
      expect(all[0]).toMatch(/^PUT /);
      const written = new Set<string>();
      let reads = 0;
      for (const request of all) {
        const [method, key = ''] = request.split(' ');
        if (method === 'PUT') written.add(key);
        else {
          expect(written, request).toContain(key);
          reads++;
        }
      }
      expect(reads).toBeGreaterThan(10);
    });

    test('it reads from the start what other tests have left, of the sizes of this run only', async () => {
      const own = await setting();
      const folder = join(stage.site.buckets, own.bucket, 'loadtest', 'other');
      const put = async (size: string, name: string, bytes: number) => {
        const path = join(folder, size, 'othertest', '1700000000000000');
        await mkdir(path, { recursive: true });
        await writeFile(join(path, name), Buffer.alloc(bytes));
      };
      // Chance reads each of two, however few reads a slow machine makes.
      const names = ['x0', 'x1'];
      for (const name of names) await put('1KB', name, 1024);
      await put('1KB', 'truncated', 1000);
      await put('2KB', 'larger', 2048);
      const all = await requests(own);
      const gets = all.filter((request) => request.startsWith('GET ')).map((request) => request.slice(4));
      const others = gets.filter((key) => key.startsWith('loadtest/other/'));
      expect([...new Set(others)].sort()).toEqual(
        names.map((n) => `loadtest/other/1KB/othertest/1700000000000000/${n}`),
      );
      expect(gets.some((key) => key.startsWith('loadtest/w0/'))).toBe(true);
    });
  });

  test('--rate begins as many operations a second', async () => {
    const { home, env } = await setting();
    const { code, stdout, stderr } = await startRun(
      home,
      env,
      '--duration',
      '4s',
      '--size',
      '1KB',
      '--rate',
      '100',
      '--json',
    ).ended;
    expect(code, stderr).toBe(0);
    const result = parseResult(stdout);
    const rate = sum(result.totals).ops / 4;
    expect(rate).toBeGreaterThan(95);
    expect(rate).toBeLessThan(105);
    expect(result.generator.droppedIterations).toBe(0);
  });

  test('a rate that VUs do not reach is told', async () => {
    const { home, env } = await setting();
    const load = ['--rate', '100000', '--concurrency', '2', '--duration', '1s', '--size', '1KB'];
    const { code, stdout, stderr } = await startRun(home, env, ...load).ended;
    expect(code, stderr).toBe(0);
    const { result } = onlyRun(home);
    expect(result.generator.droppedIterations).toBeGreaterThan(1000);
    expect(result.warnings.map((warning) => warning.code)).toContain('unmet-demand');
    const dropped = formatCount(result.generator.droppedIterations);
    expect(stdout).toMatch(
      new RegExp(`^ {2}Warning: ${dropped} of [\\d,]+ operations due .*(?:--concurrency|dist)`, 'm'),
    );
  });
});

describe('thresholds', () => {
  test('one that fails is named, and ends the run with 99', async () => {
    const { home, env } = await setting();
    const options = ['--duration', '1s', '--size', '1KB', '--threshold', 'http_req_duration{op:GET}:p(99)<0.001'];
    const { code, stdout, stderr } = await startRun(home, env, ...options).ended;
    expect(code, stderr).toBe(99);
    expect(stdout).toMatch(/^FINAL: /m);
    expect(stdout).toMatch(/^ {2}Threshold failed: http_req_duration\{op:GET\} p\(99\)<0\.001$/m);
    expect(onlyRun(home).result.thresholds.filter((t) => !t.ok)).toEqual([
      { metric: 'http_req_duration{op:GET}', expr: 'p(99)<0.001', ok: false },
    ]);
  });

  test('one on http_req_failed replaces the default; all others stay', async () => {
    const { home, env } = await setting();
    const asked = ['--threshold', 'http_req_failed:rate<0.5', '--threshold', 'iterations:count>1'];
    const { code, stderr } = await startRun(home, env, '--duration', '1s', '--size', '1KB', ...asked).ended;
    expect(code, stderr).toBe(0);
    const shown = onlyRun(home).result.thresholds.map(({ metric, expr, ok }) => `${metric} ${expr} ${ok}`);
    expect(shown.sort()).toEqual([
      'http_req_failed rate<0.5 true',
      'iterations count>1 true',
      's3_op_duration{test:firehose} max>0 true',
    ]);
  });

  test('by default a percent of failures is one too many', async () => {
    const { home, env } = await setting();
    const { code, stderr } = await startRun(home, env, '--duration', '1s', '--size', '1KB').ended;
    expect(code, stderr).toBe(0);
    const shown = onlyRun(home).result.thresholds.map(({ metric, expr }) => `${metric} ${expr}`);
    expect(shown).toContain('http_req_failed{test:firehose} rate<0.01');
  });
});

describe('ends', () => {
  const SIZE = ['--size', '1KB'];
  /** A run for a minute, under load for a second, and its k6. */
  async function underLoad() {
    const own = await setting();
    const cli = startRun(own.home, own.env, '--duration', '60s', ...SIZE);
    await cli.says(/VUs for/);
    const k6 = await cli.child(K6_RUNS);
    await sleep(1_200);
    return { ...own, cli, k6 };
  }

  function expectInterrupted({ code, stdout, stderr }: Ended, home: Home, k6: number): void {
    expect(code, stderr).toBe(1);
    expect(stdout).toMatch(/^FINAL: .* \(interrupted\)$/m);
    const { result } = onlyRun(home);
    expect(result.interrupted).toBe(true);
    expect(sum(result.totals).ops).toBeGreaterThan(10);
    expect(sum(result.timeline.map((point) => ({ ...point, errors: {} }))).ops).toBe(sum(result.totals).ops);
    expect(alive(k6)).toBe(false);
  }

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s: the figures so far are kept', async (signal) => {
    const { cli, k6, home } = await underLoad();
    cli.kill(signal);
    const ended = await cli.ended;
    expectInterrupted(ended, home, k6);
    expect(ended.ms).toBeLessThan(10_000);
  });

  // What may stay is an upload that was just being created: nobody knows its id yet. It has no parts, and costs nothing.
  test('SIGINT aborts uploads that are under way: no part stays for somebody to pay for', async () => {
    const { home, bucket, env } = await setting();
    const parts = { ...env, S3LOADTEST_PART_SIZE: '5MB' };
    const cli = startRun(home, parts, '--duration', '60s', '--size', '100MB', '--concurrency', '4');
    await cli.says(/VUs for/);
    await sleep(2_500);
    expect(partsIn(stage.site, bucket)).not.toEqual([]);
    cli.kill('SIGINT');
    expect((await cli.ended).stdout).toMatch(/^FINAL: .* \(interrupted\)$/m);
    expect(partsIn(stage.site, bucket)).toEqual([]);
  });

  test('credentials that expire end the run, with since when, and the figures so far are kept', async () => {
    const { home, env } = await setting();
    const proxy = await startExpiringProxy(stage.server.endpoints[0], 2_000);
    const load = ['--duration', '60s', '--size', '1KB', '--rate', '50', '--concurrency', '4'];
    const cli = startRun(home, { ...env, S3_ENDPOINTS: proxy.endpoint }, ...load);
    const { code, stdout, stderr, ms } = await cli.ended;
    proxy.stop();
    expect(stderr).toMatch(
      /^error: the store refuses these credentials from \ds on, and nothing else comes back: stopping$/m,
    );
    expect([code, stdout]).toEqual([1, expect.stringMatching(/^ {2}Errors: GET auth=\d+ \| PUT auth=\d+$/m)]);
    expect(stdout).toMatch(/^FINAL: ops=[1-9].* \(interrupted\)$/m);
    expect(ms).toBeLessThan(30_000);
  });

  // k6 takes 40 ms to end: the second comes before, while the Result is written, and as the CLI exits.
  test.each([10, 45, 80])('SIGINT twice within %d ms, as Ctrl-C under npm comes, is one', async (ms) => {
    const { cli, k6, home } = await underLoad();
    cli.kill('SIGINT');
    await sleep(ms);
    cli.kill('SIGINT');
    expectInterrupted(await cli.ended, home, k6);
  });

  test('k6 goes when the CLI is killed', async () => {
    const { cli, k6 } = await underLoad();
    cli.kill('SIGKILL');
    expect((await cli.ended).signal).toBe('SIGKILL');
    expect(await gone(k6)).toBeLessThan(5_000);
  });

  test('k6 that is killed ends the run with 1 and one line; what it had told by then is kept', async () => {
    const { cli, k6, home } = await underLoad();
    process.kill(k6, 'SIGKILL');
    const { code, stdout, stderr } = await cli.ended;
    expect(code).toBe(1);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(/^error: k6 was ended by SIGKILL: the figures are of the first .*s, without thresholds$/m);
    expect(stdout).toMatch(/^FINAL: ops=[1-9].*\(interrupted\)$/m);
    const { result } = onlyRun(home);
    expect(result).toMatchObject({ partial: true, interrupted: true, thresholds: [] });
    expect(sum(result.totals).ops).toBeGreaterThan(0);
  });

  test('a run in which nothing succeeds is no success, whatever its thresholds', async () => {
    const { home, env } = await setting();
    const list = '<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>';
    let checked = false;
    const server = createServer((request, response) => {
      request.resume();
      if (checked && request.method === 'PUT') response.writeHead(403).end();
      else if (request.method === 'GET') response.end(request.url?.includes('list-type') ? list : Buffer.alloc(1024));
      else response.writeHead(request.method === 'DELETE' ? 204 : 200).end();
      // The check deletes the object it wrote; from then on writing is denied.
      checked ||= request.method === 'DELETE';
    });
    const endpoint = `http://127.0.0.1:${await listen(server)}`;
    try {
      const asked = ['--threshold', 'http_req_failed:rate<=1', '--duration', '1s', '--concurrency', '1', ...SIZE];
      const { code, stdout, stderr } = await startRun(home, { ...env, S3_ENDPOINTS: endpoint }, ...asked).ended;
      expect(code, stderr).toBe(1);
      expect(stdout).toMatch(/^FINAL: ops=0 .*, errors=[1-9]/m);
      expect(stdout).toMatch(/^ {2}Errors: PUT auth=[1-9]/m);
      expect(stdout).toMatch(/^ {2}Threshold failed: s3_op_duration\{test:firehose\} max>0$/m);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});

describe('standard output', () => {
  test.each([
    { to: '| head -n 1', why: 'its reader goes' },
    { to: '> /dev/full', why: 'its disk is full' },
  ])('$why ($to): the run goes on to its Result, and says so', async ({ to }) => {
    const { home, env } = await setting();
    const options = '--duration 3s --size 1KB --stats-interval 1s';
    const script = `{ "$1" "$2" run firehose ${options}; echo "exit $?" >&2; } ${to}`;
    const { stderr } = await new Program('sh', ['-c', script, 'sh', process.execPath, CLI], env, home.path).ended;
    expect(stderr).toMatch(/^error: standard output takes no more \((EPIPE|ENOSPC)\)\nexit 1\n$/);
    const { result } = onlyRun(home);
    expect([result.interrupted, sum(result.totals).ops > 100]).toEqual([false, true]);
  });
});

describe('a disk that takes no Result', () => {
  function expectRefuge({ code, stdout, stderr }: Ended, home: Home): void {
    expect(code, stderr).toBe(1);
    expect(stdout).toMatch(/^FINAL: ops=[1-9]/m);
    const refuges = readdirSync(home.temporary).filter((name) => /^s3loadtest-.*firehose.*\.json$/.test(name));
    expect(refuges).toHaveLength(1);
    const refuge = join(home.temporary, refuges[0] as string);
    expect(stdout).toContain(`Result: ${refuge}`);
    expect(stdout).toMatch(/^error: .*result\.json can't be written \(.*\), so the Result is in /m);
    expect(sum(parseResult(readFileSync(refuge, 'utf8')).totals).ops).toBeGreaterThan(0);
  }

  // A mount namespace of its own: the file system goes with the run, however that ends. Without root, as its own root.
  const inNamespace = [['-m'], ['-r', '-m']].find((flags) =>
    works('unshare', ...flags, 'mount', '-t', 'tmpfs', '-o', 'size=32k', 'tmpfs', '/tmp'),
  );
  if (inNamespace) {
    test('is full: the Result goes to the temporary folder', async () => {
      const { home, env } = await setting();
      await mkdir(home.data);
      const options = ['run', 'firehose', '--duration', '1s', '--size', '1KB,2KB,3KB,4KB'];
      const script = 'mount -t tmpfs -o size=16k tmpfs "$S3LOADTEST_DATA_DIR" && exec "$@"';
      const args = [...inNamespace, 'sh', '-c', script, 'sh', process.execPath, CLI, ...options];
      const ended = await new Program('unshare', args, env, home.path).ended;
      expectRefuge(ended, home);
      expect(ended.stdout).toContain('ENOSPC');
      expect(readdirSync(home.data)).toEqual([]); // it was the small disk that the run wrote to
    });

    test('is full, and the temporary folder is, too: one line says that the Result is lost', async () => {
      const { home, env } = await setting();
      await mkdir(home.data);
      const options = ['run', 'firehose', '--duration', '1s', '--size', '1KB,2KB,3KB,4KB'];
      const script =
        'mount -t tmpfs -o size=16k tmpfs "$S3LOADTEST_DATA_DIR" && mount -t tmpfs -o size=8k tmpfs "$TMPDIR" && exec "$@"';
      const args = [...inNamespace, 'sh', '-c', script, 'sh', process.execPath, CLI, ...options];
      const { code, stdout, stderr } = await new Program('unshare', args, env, home.path).ended;
      expect(code, stderr).toBe(1);
      expect(stdout).toMatch(/^FINAL: ops=[1-9]/m);
      expect(stdout).toMatch(/^error: .*result\.json can't be written \(.*\), nor can .*: the Result is lost/m);
      expect(stderr).not.toContain('    at ');
    });
  } else notRun('a full disk', 'mount namespaces');

  test('is gone: the Result goes to the temporary folder', async () => {
    const { home, env } = await setting();
    const cli = startRun(home, env, '--duration', '2s', '--size', '1KB');
    await cli.says(/VUs for/);
    await rm(home.data, { recursive: true });
    await writeFile(home.data, 'no folder');
    expectRefuge(await cli.ended, home);
  });
});

describe('--dry-run and --help', () => {
  test('--dry-run prints a command that runs as it stands, and starts nothing', async () => {
    const { home, env, keys } = await setting();
    const options = ['--duration', '1s', '--size', '1KB', '--threshold', 'http_reqs{op:GET}:count>1', '--dry-run'];
    const { code, stdout, stderr } = await startRun(home, env, ...options).ended;
    expect([code, stderr]).toEqual([0, '']);
    expectNoCredential({ stdout });
    expect(stdout).toContain('AWS_SECRET_ACCESS_KEY="$AWS_SECRET_ACCESS_KEY"');
    expect(stdout).toContain('S3LOADTEST_SIZE=1KB');
    expect([keys(), existsSync(home.data)]).toEqual([[], false]);
    const ran = await new Program('sh', ['-c', stdout], env, home.path).ended;
    expect(ran.code, ran.stderr).toBe(0);
    expect(keys().length).toBeGreaterThan(0);
  });

  test('--dry-run --json prints the same as JSON', async () => {
    const { home, env } = await setting();
    const { code, stdout } = await startRun(home, env, '--dry-run', '--json').ended;
    expect(code).toBe(0);
    const commands = [expect.stringMatching(/k6 run [\s\S]*firehose\.js$/)];
    expect(JSON.parse(stdout)).toEqual({ commands, schedule: [] });
  });

  test('--dry-run needs no server', async () => {
    const { home, env } = await setting();
    const nowhere = { ...env, S3_ENDPOINTS: `http://127.0.0.1:${await freePort()}` };
    const many = ['--concurrency', '5000', '--dry-run', '--no-memory-check'];
    expect((await startRun(home, nowhere, ...many).ended).code).toBe(0);
  });

  test('--dry-run refuses in one line what the run would refuse without asking the server', async () => {
    const { home, env } = await setting();
    // By the native backend, whose bodies take no memory, so many VUs may do.
    const http = { ...env, S3LOADTEST_BACKEND: 'http' };
    const { code, stdout, stderr } = await startRun(home, http, '--concurrency', '5000', '--dry-run').ended;
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^5000 VUs with up to 8\.0MB each under way may need .*--no-memory-check .*\n$/);
  });

  test('--help tells every option with its variable and default', async () => {
    const home = await stage.home();
    const { code, stdout } = await startRun(home, bareEnvironment(home), '--help').ended;
    expect(code).toBe(0);
    const help = stdout.replace(/\s+/g, ' ');
    const withOption = (Object.values(settings) as Setting<unknown>[]).filter((s) => s.option !== undefined);
    expect(withOption.length).toBeGreaterThan(10);
    for (const s of withOption) {
      expect(help).toContain(` --${s.option} ${s.help} (${s.env[0]}; default: ${defaultText(s)})`);
    }
  });
});

describe('the backend', () => {
  const SHORT = ['--duration', '1s', '--size', '1KB', '--json'];

  test("is native by the project's k6", async () => {
    const { home, env } = await setting();
    const { code, stdout, stderr } = await startRun(home, env, ...SHORT).ended;
    expect(code, stderr).toBe(0);
    expect(parseResult(stdout).run.backend).toBe('native');
    expect(stderr).not.toMatch(/extension/);
  });

  test('is http by a stock k6, and one line says what is missing', async () => {
    const { home, env } = await setting();
    const S3LOADTEST_K6 = await stockK6(stage, home);
    // What a shell has for another k6 does not matter.
    const other = { ...env, S3LOADTEST_K6, S3LOADTEST_EXTENSION: '1' };
    const { code, stdout, stderr } = await startRun(home, other, ...SHORT).ended;
    expect(code, stderr).toBe(0);
    expect(parseResult(stdout).run.backend).toBe('http');
    expect(stderr.match(/^.*extension.*$/gm)).toEqual([
      expect.stringMatching(/^this k6 has not the project's extension/),
    ]);
  });

  test('native is refused by a stock k6', async () => {
    const { home, env } = await setting();
    const asked = { ...env, S3LOADTEST_K6: await stockK6(stage, home), S3LOADTEST_BACKEND: 'native' };
    const { code, stderr } = await startRun(home, asked, ...SHORT).ended;
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/^S3LOADTEST_BACKEND is "native": this k6 has not .*\n$/),
    ]);
  });
});

describe('refuses before any load, in one line that names the setting', () => {
  interface Refusal {
    readonly what: string;
    readonly options?: readonly string[];
    /** Changes to an environment that is right. */
    readonly env?: (env: NodeJS.ProcessEnv) => NodeJS.ProcessEnv | Promise<NodeJS.ProcessEnv>;
    /** Each line on standard error. */
    readonly says: readonly RegExp[];
    /** Milliseconds, 5 s where nothing is said. */
    readonly within?: number;
  }

  async function expectRefused(refusal: Refusal, site?: Site): Promise<void> {
    const { home, env, keys } = await setting(site);
    const changed = (await refusal.env?.(env)) ?? env;
    const cli = startRun(home, changed, ...(refusal.options ?? ['--duration', '2s', '--size', '1KB']));
    // One that does not refuse would load until it ends.
    const late = setTimeout(() => cli.kill('SIGKILL'), 10_000);
    const { code, stdout, stderr, ms } = await cli.ended;
    clearTimeout(late);
    expect(stderr.trimEnd().split('\n')).toEqual(refusal.says.map((line) => expect.stringMatching(line)));
    expect([code, stdout]).toEqual([2, '']);
    expect(ms).toBeLessThan(refusal.within ?? 5_000);
    expect(keys()).toEqual([]);
    expect(existsSync(join(home.data, 'results')) ? readdirSync(join(home.data, 'results')) : []).toEqual([]);
    expectNoCredential({ stderr });
  }

  const with_ = (changes: NodeJS.ProcessEnv) => (env: NodeJS.ProcessEnv) => ({ ...env, ...changes });
  const nobodyListens = async (scheme: string) => `${scheme}://127.0.0.1:${await freePort()}`;

  const refusals: Refusal[] = [
    {
      what: 'a wrong secret',
      env: with_({ AWS_SECRET_ACCESS_KEY: 'not-the-secret' }),
      says: [/^error: AWS_SECRET_ACCESS_KEY is not the secret of AWS_ACCESS_KEY_ID at 127\.0\.0\.1:\d+ \(403 /],
    },
    {
      what: 'an unknown access key',
      env: with_({ AWS_ACCESS_KEY_ID: 'AKIDNOBODY' }),
      says: [/^error: AWS_ACCESS_KEY_ID is not known to 127\.0\.0\.1:\d+/],
    },
    {
      what: 'a missing bucket',
      env: with_({ S3_BUCKET: 'no-such-bucket' }),
      says: [/^error: S3_BUCKET "no-such-bucket" is not at 127\.0\.0\.1:\d+ .*: --create-bucket creates it/],
    },
    {
      what: 'a closed port',
      env: async (env) => ({ ...env, S3_ENDPOINTS: await nobodyListens('http') }),
      says: [/^error: S3_ENDPOINTS: nothing listens at 127\.0\.0\.1:\d+/],
    },
    {
      what: 'a closed port behind an open one',
      env: async (env) => ({ ...env, S3_ENDPOINTS: `${env.S3_ENDPOINTS},${await nobodyListens('http')}` }),
      says: [/^error: S3_ENDPOINTS: nothing listens at 127\.0\.0\.1:\d+/],
    },
    {
      what: 'a host that does not resolve',
      env: with_({ S3_ENDPOINTS: 'http://nope.invalid:9000' }),
      says: [/^error: S3_ENDPOINTS: the host name "nope\.invalid" does not resolve/],
    },
    {
      what: 'https to a plain port',
      env: (env) => ({ ...env, S3_ENDPOINTS: env.S3_ENDPOINTS?.replace('http:', 'https:') }),
      says: [/^error: S3_ENDPOINTS: 127\.0\.0\.1:\d+ does not speak TLS .*: give http:\/\/127\.0\.0\.1:\d+$/],
    },
    {
      what: 'everything that is missing, at once',
      env: ({ PATH, HOME, TMPDIR }) => ({ PATH, HOME, TMPDIR }),
      says: [
        /^S3_ENDPOINTS is missing .*\.env/,
        /^AWS_ACCESS_KEY_ID is missing .*\.env/,
        /^AWS_SECRET_ACCESS_KEY is missing .*\.env/,
        /^S3_BUCKET is missing .*\.env/,
      ],
    },
    {
      what: 'several bad values, at once',
      env: with_({ S3_ENDPOINTS: 'localhost:9000', S3_VERIFY_SSL: 'maybe', S3LOADTEST_BACKEND: 'boto3' }),
      options: ['--duration', '0.5s', '--size', '1XB', '--concurrency', '-3'],
      says: [
        /^S3_ENDPOINTS is "localhost:9000": give http:\/\/host:port/,
        /^S3_VERIFY_SSL is "maybe": give true or false$/,
        /^S3LOADTEST_BACKEND is "boto3": give native, http, jslib or proxy;/,
        /^--duration is "0\.5s": give a duration of 1s or more/,
        /^--concurrency is "-3": give a whole number/,
        /^--size is "1XB": give sizes/,
      ],
    },
    {
      what: 'a bad threshold',
      options: ['--threshold', 'http_req_duration p(99)<5'],
      says: [/^--threshold is "http_req_duration p\(99\)<5": give a metric, a colon/],
    },
    {
      what: 'a threshold on a metric that there is not',
      options: ['--size', '1KB', '--threshold', 'nope:rate<1'],
      says: [/^error: .*threshold.* nope\b.*no metric name "nope" found/],
    },
    {
      what: 'a bad --out',
      options: ['--size', '1KB', '--out', 'nope=1'],
      says: [/^error: invalid output type 'nope', available types are: /],
    },
    {
      what: 'a data folder that can not be made',
      env: with_({ S3LOADTEST_DATA_DIR: '/proc/nope' }),
      says: [/^S3LOADTEST_DATA_DIR is "\/proc\/nope": results can't be written there \(.*\)$/],
    },
    {
      what: 'more memory than there is',
      env: with_({ S3LOADTEST_PART_SIZE: '1GB', S3LOADTEST_BACKEND: 'http' }),
      options: ['--duration', '2s', '--size', '1GB', '--concurrency', '300'],
      says: [/^error: 300 VUs with up to 1\.0GB each under way may need 1\.5TB of memory, .* --no-memory-check /],
    },
    {
      what: 'far more VUs than memory, before they are made',
      env: with_({ S3LOADTEST_BACKEND: 'http' }),
      options: ['--concurrency', '5000'],
      says: [/^error: 5000 VUs with up to 8\.0MB each under way may need 199\.4GB of memory, .*--no-memory-check /],
    },
  ];
  test.each(refusals)('$what', (refusal) => expectRefused(refusal));

  test('an endpoint that takes connections and never answers', async () => {
    const silent = await startSilent();
    try {
      await expectRefused({
        what: 'silence',
        within: 9_000,
        env: with_({ S3_ENDPOINTS: silent.endpoint, S3LOADTEST_TIMEOUT: '6s' }),
        says: [
          /^info: http:\/\/127\.0\.0\.1:\d+: no answer to a listing yet, up to 6s \(--timeout\) is waited for it$/,
          /^error: S3_ENDPOINTS: 127\.0\.0\.1:\d+ does not answer within 6s/,
        ],
      });
    } finally {
      silent.stop();
    }
  });

  test('another region', async () => {
    const abroad = await stage.another({ region: 'eu-central-1' });
    const says = [/^error: AWS_REGION "us-east-1" is not the region of 127\.0\.0\.1:\d+ .*: give "eu-central-1"$/];
    await expectRefused({ what: 'region', env: with_({ AWS_REGION: 'us-east-1' }), says }, abroad);
  });

  if (noOpenssl.length === 0) {
    describe('with TLS', () => {
      let secure: Site;
      beforeAll(async () => {
        secure = await stage.another({ tls: await makeCertificates((await stage.home()).path) });
      });

      test('http to a TLS port', () =>
        expectRefused(
          {
            what: 'http',
            env: (env) => ({ ...env, S3_ENDPOINTS: env.S3_ENDPOINTS?.replace('https:', 'http:') }),
            says: [/^error: S3_ENDPOINTS: 127\.0\.0\.1:\d+ /],
          },
          secure,
        ));

      test('a certificate that is not trusted, with S3_VERIFY_SSL=true', () =>
        expectRefused(
          {
            what: 'untrusted',
            env: with_({ S3_VERIFY_SSL: 'true' }),
            says: [
              /^error: S3_VERIFY_SSL is true, and the certificate of 127\.0\.0\.1:\d+ is not trusted .*SSL_CERT_FILE/,
            ],
          },
          secure,
        ));

      test('what is trusted is loaded, and what is not verified is told', async () => {
        for (const [verify, codes] of [['true', []] as const, ['false', ['tls-not-verified']] as const]) {
          const { home, env } = await setting(secure);
          const own = { ...env, S3_VERIFY_SSL: verify, ...(verify === 'true' && { SSL_CERT_FILE: secure.server.ca }) };
          const { code, stderr } = await startRun(home, own, '--duration', '1s', '--size', '1KB').ended;
          expect(code, stderr).toBe(0);
          const said = onlyRun(home).result.warnings.map((warning) => warning.code);
          expect(said.filter((of) => of === 'tls-not-verified')).toEqual(codes);
        }
      });
    });
  } else notRun('refusals with TLS', 'openssl');

  test.each([
    {
      minutes: 20,
      says: /clock is 20 minutes ahead of the clock of 127\.0\.0\.1:\d+ \(403 .*\): set it right, by NTP/,
    },
    { minutes: -20, says: /clock is 20 minutes behind the clock of 127\.0\.0\.1:\d+ \(403 .*\): set it right, by NTP/ },
  ])('a clock that is $minutes minutes off', async ({ minutes, says }) => {
    const home = await stage.home();
    const wrapper = join(home.path, 'k6');
    await writeFile(
      join(home.path, 'shift.js'),
      `const Real = Date; const by = ${minutes * 60_000};
       globalThis.Date = class extends Real {
         constructor(...args) { if (args.length === 0) super(Real.now() + by); else super(...args); }
         static now() { return Real.now() + by; }
       };`,
    );
    const bundle = join(ROOT, 'build', 'firehose.js');
    await writeFile(
      join(home.path, 'shifted.js'),
      `import './shift.js'; export * from '${bundle}'; export { default } from '${bundle}';`,
    );
    // Stock k6 in all but the script: what the CLI names is loaded after Date has been shifted.
    const script = `#!/bin/sh\nfor a; do shift; case $a in ${bundle}) a=${home.path}/shifted.js;; esac; set -- "$@" "$a"; done\nexec ${stage.k6} "$@"\n`;
    await writeFile(wrapper, script, { mode: 0o755 });
    // Go's clock does not shift with JavaScript's.
    const env = with_({ S3LOADTEST_K6: wrapper, S3LOADTEST_BACKEND: 'http' });
    await expectRefused({ what: 'clock', env, says: [says] });
  });

  test.each([
    { args: ['run', 'firehoes'], says: /^pattern "firehoes" is not known: give .*\bfirehose\b/ },
    { args: ['run', 'firehose', '--durations', '3s'], says: /^error: unknown option '--durations'/ },
    { args: ['run'], says: /^error: missing required argument 'patterns'/ },
    { args: ['runn'], says: /^error: unknown command 'runn'/ },
    { args: ['bench', '--rounds', '0'], says: /^--rounds is "0": give 1 or more/ },
    { args: ['bench', '--duration', 'soon'], says: /^--duration is "soon": give a duration/ },
  ])('$args', async ({ args, says }) => {
    const { home, env } = await setting();
    const { code, stdout, stderr, ms } = await new Program(process.execPath, [CLI, ...args], env, home.path).ended;
    expect(stderr).toMatch(says);
    expect(stderr).not.toMatch(/^ {4}at /m);
    expect([code, stdout]).toEqual([2, '']);
    expect(ms).toBeLessThan(5_000);
  });
});
