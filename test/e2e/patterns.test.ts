/** The patterns but firehose, which other tests have, as users run them: the built CLI, real k6, a real S3 server. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, createServer, request as httpRequest } from 'node:http';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseResult, type Result, type Series, sum } from '../../lib/result/result';
import { parseSize } from '../../lib/settings/units';
import { opOf, startProxy } from '../fault-server';
import { ROOT } from '../k6';
import { startVersitygw } from '../servers';
import {
  CLI,
  environment,
  type Home,
  keysIn,
  listen,
  newBucket,
  notRun,
  openStage,
  Program,
  type Stage,
  works,
} from '../stage';

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
});

afterAll(async () => {
  await stage?.stop();
});

/** A bucket, folders and an environment of a test's own. */
interface Setting {
  readonly home: Home;
  readonly bucket: string;
  readonly env: NodeJS.ProcessEnv;
}

async function setting(): Promise<Setting> {
  const home = await stage.home();
  const bucket = await newBucket(stage.site);
  return { home, bucket, env: environment(stage, home, stage.server, bucket) };
}

const start = ({ home, env }: Setting, ...args: string[]) =>
  new Program(process.execPath, [CLI, ...args], env, home.path);

interface Ran {
  readonly result: Result;
  readonly stderr: string;
}

/** Runs `s3loadtest run` to its end, which is to be a good one, and checks that its figures are of one piece. */
async function run(own: Setting, ...args: string[]): Promise<Ran> {
  const { code, stdout, stderr } = await start(own, 'run', ...args, '--json').ended;
  expect(code, stderr).toBe(0);
  const result = parseResult(stdout);
  const { errors } = sum(result.totals);
  expect([errors, result.interrupted, result.errorSamples], stderr).toEqual([0, false, []]);
  expectOnePiece(result, stderr);
  return { result, stderr };
}

/** FINAL, series, totals, endpoints and the timeline tell the same, operation by operation. */
function expectOnePiece(result: Result, said: string): void {
  const { interrupted } = result;
  const ops = (figures: ReadonlyArray<{ test: string; op: string }>) =>
    [...new Set(figures.map(({ test: of, op }) => `${of} ${op}`))].sort();
  expect(ops(result.series)).toEqual(ops(result.totals));
  expect(ops(result.endpoints)).toEqual(ops(result.totals));
  for (const total of result.totals) {
    const same = <T extends { test: string; op: string }>(all: readonly T[]) =>
      all.filter(({ test: of, op }) => of === total.test && op === total.op);
    expect(sum(same(result.series)), total.op).toEqual(sum([total]));
    expect(sum(same(result.endpoints)), total.op).toEqual(sum([total]));
    const inTime = { ops: 0, bytes: 0, errors: 0, misses: 0, objects: 0 };
    for (const point of same(result.timeline)) {
      for (const name of ['ops', 'bytes', 'errors', 'misses', 'objects'] as const) inTime[name] += point[name] ?? 0;
    }
    expect(inTime, `${total.op} in time`).toEqual({ ...sum([total]), objects: total.objects ?? 0 });
    expect(total.latency?.count ?? 0).toBe(total.ops);
  }
  for (const { op, size, ops: n, bytes } of result.series) {
    if (op !== 'GET' && op !== 'PUT') continue;
    const all = n * (parseSize(size) as number);
    // VUs tell bytes every 50 ms, and one that is broken off tells no more.
    if (interrupted) expect(bytes, `${op} ${size}`).toBeLessThanOrEqual(all);
    else expect(bytes, `${op} ${size}`).toBe(all);
  }
  const figures = sum(result.totals);
  const final = /^FINAL: ops=([\d,]+) \(.*?\), bytes=.*?, errors=([\d,]+)(?:, misses=([\d,]+))?, elapsed=/m.exec(said);
  const [ops_, errors, misses = '0'] = (final ?? []).slice(1);
  const number = (text = '') => Number(text.replaceAll(',', ''));
  expect([number(ops_), number(errors), number(misses)]).toEqual([figures.ops, figures.errors, figures.misses]);
}

/** Percent of each operation, or size, to two digits. */
function percents(series: readonly Series[], by: 'op' | 'size' = 'op'): Record<string, number> {
  const all = sum(series).ops;
  const names = [...new Set(series.map((each) => each[by]))];
  return Object.fromEntries(
    names.map((name) => [name, (100 * sum(series.filter((each) => each[by] === name)).ops) / all]),
  );
}

/** Within two points of each. */
function expectPercents(found: Record<string, number>, wanted: Record<string, number>): void {
  expect(Object.keys(found).sort()).toEqual(Object.keys(wanted).sort());
  for (const [name, percent] of Object.entries(wanted)) {
    expect(Math.abs((found[name] as number) - percent), `${name}: ${JSON.stringify(found)}`).toBeLessThan(2);
  }
}

function expectAbout(found: number, wanted: number, tolerance: number, of = ''): void {
  expect(Math.abs(found - wanted) / wanted, `${of} ${found} and not ${wanted}`).toBeLessThan(tolerance);
}

/**
 * As many operations were due as asked for, to two percent, and nearly all of them were begun: on two cores with the server,
 * and with other tests at the same time, some may find no VU free.
 */
function expectBegun(result: Result, ops: number): void {
  const found = sum(result.totals).ops;
  expectAbout(found + result.generator.droppedIterations, ops, 0.02, 'due:');
  expectAbout(found, ops, 0.1, 'begun:');
}

const totalOf = (result: Result, op: string, of = result.run.tests[0]) =>
  result.totals.find((total) => total.test === of && total.op === op);

/** Puts files where versitygw has the bucket's objects: 50,000 in a few seconds. */
function put({ bucket }: Setting, keys: readonly string[], bytes: number): void {
  const made = new Set<string>();
  for (const key of keys) {
    const path = join(stage.site.buckets, bucket, key);
    if (!made.has(dirname(path))) mkdirSync(dirname(path), { recursive: true });
    made.add(dirname(path));
    writeFileSync(path, Buffer.alloc(bytes));
  }
}

/**
 * Keeps folders in which tests write from being empty. versitygw's PUT answers 409 when a DELETE takes the folder's last
 * object, and with it the folder, at the same time; nothing of the layout is what no test deletes.
 */
function keepFolders(own: Setting, ...folders: readonly string[]): void {
  const keys = folders.map((folder) => `loadtest/w0/${folder}/keep`);
  put(own, keys, 0);
}

/** So many keys of the layout. */
function layoutKeys(n: number, size: string, worker = 'w0', of = 'firehose'): string[] {
  const time = (i: number) => String(1_700_000_000_000_000 + Math.floor(i / 100));
  return Array.from({ length: n }, (_, i) => `loadtest/${worker}/${size}/${of}/${time(i)}/k${i}`);
}

const SHORT = ['--burst', '3s', '--pause', '4s'];

describe('the mix of operations', () => {
  test('metastorm writes, asks for, lists and deletes objects of one byte', async () => {
    const own = await setting();
    keepFolders(own, '1B/metastorm');
    const { result } = await run(own, 'metastorm', '--duration', '10s');
    const { ops, misses } = sum(result.totals);
    expect([ops > 5_000, misses]).toEqual([true, 0]);
    expectPercents(percents(result.series), { PUT: 30, HEAD: 25, LIST: 25, DELETE: 20 });
    expect([...new Set(result.series.map(({ size }) => size))].sort()).toEqual(['1B', 'none']);
    expect(totalOf(result, 'PUT')?.bytes).toBe(totalOf(result, 'PUT')?.ops);
  });

  test('baseload reads seven times for three writes, each size as often', async () => {
    const { result } = await run(await setting(), 'baseload', '--duration', '8s', '--size', '1KB,2KB,3KB');
    expect(sum(result.totals).ops).toBeGreaterThan(5_000);
    expectPercents(percents(result.series), { GET: 70, PUT: 30 });
    expectPercents(percents(result.series, 'size'), { '1KB': 33.3, '2KB': 33.3, '3KB': 33.3 });
  });

  test('listops goes through the whole prefix page by page, and begins again', async () => {
    const own = await setting();
    put(own, layoutKeys(2_500, '1KB'), 0);
    put(own, ['production/x'], 0);
    const proxy = await startProxy(stage.server.endpoints[0]);
    try {
      const through = { ...own, env: { ...own.env, S3_ENDPOINTS: proxy.endpoints[0] } };
      const { result } = await run(through, 'listops', '--duration', '3s', '--concurrency', '1');
      const lists = proxy.seen
        .filter((request) => opOf(request) === 'LIST')
        .map(({ url }) => new URL(url, 'http://s3'));
      const pages = lists.slice(-(totalOf(result, 'LIST')?.ops as number)).map(({ searchParams: query }) => query);
      expect(pages.length).toBeGreaterThan(9);
      const places = pages.map((query) => (query.has('continuation-token') ? 'goes on' : 'begins'));
      expect(places).toEqual(places.map((_, i) => (i % 3 === 0 ? 'begins' : 'goes on')));
      expect(new Set(pages.map((query) => `${query.get('prefix')} ${query.get('max-keys') ?? 1000}`))).toEqual(
        new Set(['loadtest/ 1000']),
      );
      const listed = pages.map((_, i) => (i % 3 === 2 ? 500 : 1_000));
      expect(totalOf(result, 'LIST')?.objects).toBe(listed.reduce((all, n) => all + n, 0));
    } finally {
      proxy.stop();
    }
  });
});

/** How far a second's figures may reach out of a burst: an operation under way, k6's and the CLI's clocks. Milliseconds. */
const SLACK_MS = 500;

/** Operations in every second of a burst, and none elsewhere. */
function expectOnlyInBursts({ run: { schedule }, timeline }: Result): void {
  let [within, outside] = [0, 0];
  for (const t of new Set(timeline.map((point) => point.t))) {
    const points = timeline.filter((point) => point.t === t);
    const ops = points.reduce((all, point) => all + point.ops, 0);
    const end = t + (points[0]?.ms as number);
    const overlaps = schedule.map(({ startMs, endMs }) => Math.min(end, endMs) - Math.max(t, startMs));
    const told = `${ops} operations from ${t} to ${end} ms`;
    if (overlaps.some((ms) => ms > SLACK_MS)) {
      within++;
      expect(ops, told).toBeGreaterThan(0);
    } else if (overlaps.every((ms) => ms < -SLACK_MS)) {
      outside++;
      expect(ops, told).toBe(0);
    }
  }
  // Bursts are of three seconds and pauses of four: this looked at something.
  expect(within).toBeGreaterThanOrEqual(4);
  expect(outside).toBeGreaterThanOrEqual(2);
}

/** Not less than asked for, and no more than two seconds longer. */
function expectDuration({ run: { durationMs } }: Result, ms: number): void {
  expect(durationMs).toBeGreaterThanOrEqual(ms - 50);
  expect(durationMs).toBeLessThan(ms + 2_000);
}

describe('bursts and pauses', () => {
  const bursts = (of: string, ...windows: [number, number][]) =>
    windows.map(([startMs, endMs]) => ({ test: of, scenario: of, phase: 'burst', startMs, endMs }));
  const sizes = ['1KB', '2KB', '3KB'];

  test('checkpoint writes nine times for one read in its bursts and nothing between, and ends in a burst', async () => {
    const args = ['--duration', '9s', '--size', '1KB,2KB', ...SHORT];
    const { result, stderr } = await run(await setting(), 'checkpoint', ...args);
    expect(result.run.schedule).toEqual(bursts('checkpoint', [0, 3000], [7000, 9000]));
    expect(stderr).toMatch(/^2 bursts are scheduled; --dry-run lists them$/m);
    expectPercents(percents(result.series), { GET: 10, PUT: 90 });
    expectOnlyInBursts(result);
    expectDuration(result, 9_000);
  });

  test('heavyread reads each size as often in its bursts and nothing between, and ends in a pause', async () => {
    const own = await setting();
    for (const size of sizes) put(own, layoutKeys(20, size), parseSize(size) as number);
    const { result, stderr } = await run(own, 'heavyread', '--duration', '12s', '--size', sizes.join(','), ...SHORT);
    expect(result.run.schedule).toEqual(bursts('heavyread', [0, 3000], [7000, 10_000]));
    const { ops, misses } = sum(result.totals);
    expect([ops > 5_000, misses]).toEqual([true, 0]);
    expectPercents(percents(result.series), { GET: 100 });
    expectPercents(percents(result.series, 'size'), { '1KB': 33.3, '2KB': 33.3, '3KB': 33.3 });
    for (const size of sizes) expect(stderr).toMatch(new RegExp(`^ +${size} +[1-9][\\d,]* .*p99=`, 'm'));
    expectOnlyInBursts(result);
    expectDuration(result, 12_000);
    expect(keysIn(stage.site, own.bucket)).toHaveLength(60);
  });

  describe.concurrent('at a rate', () => {
    test('checkpoint begins as many operations in its bursts and none between, and ends in a pause', async () => {
      const args = ['--duration', '12s', '--size', '1KB', '--rate', '100', ...SHORT];
      const { result } = await run(await setting(), 'checkpoint', ...args);
      expectBegun(result, 600);
      expectPercents(percents(result.series), { GET: 10, PUT: 90 });
      expectOnlyInBursts(result);
      expectDuration(result, 12_000);
    });

    test('heavyread begins as many operations in its bursts and none between, and ends in a burst', async () => {
      const own = await setting();
      put(own, layoutKeys(20, '1KB'), 1024);
      const args = ['--duration', '9s', '--size', '1KB', '--rate', '100', ...SHORT];
      const { result } = await run(own, 'heavyread', ...args);
      expectBegun(result, 500);
      expectOnlyInBursts(result);
      expectDuration(result, 9_000);
    });
  });
});

describe('spiky', () => {
  /** With this seed a burst of reads, one of writes and one of reads, the last one cut off by the end. */
  const ARGS = ['spiky', '--size', '1KB,2KB', '--duration', '11s', '--seed', '3', ...SHORT];
  let own: Setting;
  let closed: Result;

  beforeAll(async () => {
    own = await setting();
    closed = (await run(own, ...ARGS)).result;
  });

  const ofPhase = (result: Result, phase: string) => result.series.filter((series) => series.phase === phase);

  test('counts the base and the bursts apart, each with its own mix', () => {
    expect([...new Set(closed.series.map(({ phase }) => phase))].sort()).toEqual([
      'read-burst',
      'steady',
      'write-burst',
    ]);
    expectPercents(percents(ofPhase(closed, 'steady')), { GET: 70, PUT: 30 });
    expectPercents(percents(ofPhase(closed, 'read-burst')), { GET: 95, PUT: 5 });
    expectPercents(percents(ofPhase(closed, 'write-burst')), { GET: 5, PUT: 95 });
    expect(sum(closed.totals).ops).toBeGreaterThan(5_000);
    expectDuration(closed, 11_000);
  });

  test('has the base all the time, with a quarter of the VUs', () => {
    const vus = closed.run.loads.map(({ vus, share }) => [vus, share]);
    const [base, burst] = vus.map(([n]) => n as number) as [number, number];
    expect(vus.map(([, share]) => share)).toEqual([0.25, 0.75]);
    expect(burst / (base + burst)).toBeCloseTo(0.75, 1);
    for (const { t, ms, ops, op } of closed.timeline) if (ms > 500) expect(ops, `${op} at ${t}`).toBeGreaterThan(0);
  });

  test('at a rate: in every second what is due in it, a quarter in the base and the rest in bursts', async () => {
    const { result } = await run(await setting(), ...ARGS, '--rate', '200');
    expect(result.run.schedule).toEqual(closed.run.schedule);
    const seconds = (phase: string) =>
      result.run.schedule
        .filter((window) => window.phase === phase)
        .reduce((all, { startMs, endMs }) => all + (endMs - startMs) / 1000, 0);
    const expected = { steady: 11 * 50, 'read-burst': seconds('read-burst') * 150, 'write-burst': 3 * 150 };
    expectBegun(
      result,
      Object.values(expected).reduce((all, n) => all + n, 0),
    );
    for (const [phase, ops] of Object.entries(expected)) {
      expectAbout(sum(ofPhase(result, phase)).ops, ops, 0.1, phase);
    }
    const points = new Map<number, { ms: number; ops: number }>();
    for (const { t, ms, ops } of result.timeline) points.set(t, { ms, ops: ops + (points.get(t)?.ops ?? 0) });
    for (const [t, { ms, ops }] of points) {
      const on = result.run.schedule.map(({ startMs, endMs }) => Math.min(t + ms, endMs) - Math.max(t, startMs));
      const due = (50 * ms) / 1000 + on.reduce((all, each) => all + Math.max(0, each), 0) * 0.15;
      expect(Math.abs(ops - due), `${ops} and not ${due} from ${t} to ${t + ms} ms`).toBeLessThan(45);
    }
    expectDuration(result, 11_000);
  });

  test('comes when --dry-run says, which sends nothing; another seed gives other times', async () => {
    let connections = 0;
    const server = createServer().on('connection', (socket) => {
      connections++;
      socket.destroy();
    });
    const nobody = { ...own, env: { ...own.env, S3_ENDPOINTS: `http://127.0.0.1:${await listen(server)}` } };
    try {
      const dry = async (...more: string[]) => {
        const { code, stdout, stderr } = await start(nobody, 'run', ...ARGS, '--dry-run', ...more).ended;
        expect([code, stderr]).toEqual([0, '']);
        return stdout;
      };
      const { schedule } = closed.run;
      expect(schedule).toHaveLength(3);
      expect(JSON.parse(await dry('--json')).schedule).toEqual(schedule);
      const lines = schedule.map(
        ({ phase, startMs, endMs }) =>
          `spiky: ${phase} from ${(startMs / 1000).toFixed(3)}s to ${(endMs / 1000).toFixed(3)}s`,
      );
      expect((await dry()).trim().split('\n').slice(-3)).toEqual(lines);
      const other = JSON.parse(await dry('--json', '--seed', '4')).schedule;
      expect(other.length).toBeGreaterThan(0);
      expect(other).not.toEqual(schedule);
      expect(connections).toBe(0);
    } finally {
      server.close();
    }
  });
});

describe('delete', () => {
  const boto3 = works('python3', '-c', 'import boto3');
  if (!boto3) notRun('boto3 looks at what delete has left', 'python3 with boto3');

  /** Keys of the bucket, as a client that is not ours lists them. */
  function left({ env, bucket }: Setting): string[] {
    const script = join(ROOT, 'test', 'list-bucket.py');
    if (!boto3) return keysIn(stage.site, bucket).sort();
    return Object.keys(JSON.parse(execFileSync('python3', [script], { env, maxBuffer: 1e8 }).toString())).sort();
  }

  test('takes all 50,000 objects of the layout, and nobody else’s', async () => {
    const own = await setting();
    for (const worker of ['w0', 'w1']) {
      for (const size of ['1B', '1KB', '10KB', '1MB', '3KB']) put(own, layoutKeys(5_000, size, worker), 0);
    }
    const foreign = [
      'loadtest/notes.txt',
      'loadtest/w0/1KB/firehose/1600000000000000/x/y',
      'loadtest/w0/1KB/firehose/notadate/x',
      'loadtest/w0/reports/firehose/1600000000000000/x',
      'production/w0/1KB/firehose/1700000000000000/x',
      'production/x',
    ];
    put(own, foreign, 10);
    expect(keysIn(stage.site, own.bucket)).toHaveLength(50_000 + foreign.length);
    const { result, stderr } = await run(own, 'delete', '--duration', '25s');
    expect(left(own)).toEqual(foreign);
    expect(totalOf(result, 'DELETE_OBJECTS')).toMatchObject({ ops: 50, objects: 50_000, bytes: 0 });
    expect(totalOf(result, 'LIST')?.objects).toBe(50_000 + foreign.filter((key) => key.startsWith('loadtest/')).length);
    expect(stderr).toMatch(/^ {2}Keys: LIST 50,004 \(.*\) \| DELETE_OBJECTS 50,000 \(/m);
    expectDuration(result, 25_000);
  });

  test('with --size it leaves the others, and key files lose exactly what is gone', async () => {
    const own = await setting();
    const keys = (size: string, worker: string) => layoutKeys(150, size, worker);
    for (const worker of ['w0', 'w1']) {
      put(own, keys('1KB', worker), 1024);
      put(own, keys('2KB', worker), 2048);
    }
    expect((await start(own, 'keys').ended).code).toBe(0);
    const file = (worker: string, size: string) =>
      join(own.home.data, 'keys', `loadtest-keys-firehose-${worker}-${size}.txt`);
    const before = 'loadtest/w0/1KB/firehose/0000000000000001/x';
    const after = 'loadtest/w1/1KB/firehose/9999999999999999/x';
    await appendFile(file('w0', '1KB'), `${before}\n`);
    await appendFile(file('w1', '1KB'), `${after}\n`);
    const { result, stderr } = await run(own, 'delete', '--size', '1KB', '--duration', '2s');
    expect(left(own)).toEqual([...keys('2KB', 'w0'), ...keys('2KB', 'w1')].sort());
    expect(totalOf(result, 'DELETE_OBJECTS')?.objects).toBe(300);
    const lines = (worker: string, size: string) => readFileSync(file(worker, size), 'utf8').trim().split('\n').sort();
    expect([lines('w0', '1KB'), lines('w1', '1KB')]).toEqual([[before], [after]]);
    for (const worker of ['w0', 'w1']) expect(lines(worker, '2KB')).toEqual(keys('2KB', worker).sort());
    expect(stderr).toMatch(/: 300 keys were deleted, and are taken out$/m);
  });
});

describe('several at once', () => {
  test('metastorm, listops and delete: each has figures of its own, and what is gone meanwhile is no error', async () => {
    const own = await setting();
    keepFolders(own, '1B/metastorm');
    // What delete goes through first, so that it comes to the others' keys while they are new.
    put(own, layoutKeys(4_000, '1KB', 'a0'), 0);
    const args = ['metastorm', 'listops', 'delete', '--duration', '10s'];
    const { result, stderr } = await run(own, ...args);
    expect([...result.run.tests].sort()).toEqual(['delete', 'listops', 'metastorm']);
    expect([...new Set(result.totals.map((total) => total.test))].sort()).toEqual(['delete', 'listops', 'metastorm']);
    for (const of of result.run.tests) {
      expect(stderr).toMatch(new RegExp(`^ {2}${of}: ops=[1-9].*, errors=0`, 'm'));
    }
    expect(totalOf(result, 'DELETE_OBJECTS', 'delete')?.objects).toBeGreaterThan(4_000);
    expect(totalOf(result, 'HEAD', 'metastorm')?.misses).toBeGreaterThan(0);
    expect(stderr).toMatch(/^ +Misses \(404: deleted meanwhile, no errors\): HEAD [1-9]/m);
  });

  test('all: every test works on an empty bucket, and how the VUs are divided is one line', async () => {
    const args = ['all', '--duration', '15s', '--size', '1KB,2KB', '--concurrency', '20', '--bps', '1KB'];
    const own = await setting();
    const bundles = readdirSync(join(ROOT, 'scripts')).map((name) => name.replace(/\.ts$/, ''));
    const tests = bundles.filter((name) => !/^all$|^workload$|^bench-/.test(name)).sort();
    for (const size of ['1KB', '2KB']) keepFolders(own, ...tests.map((name) => `${size}/${name}`));
    const { result, stderr } = await run(own, ...args);
    expect([...result.run.tests].sort()).toEqual(tests);
    for (const of of result.run.tests) {
      expect(sum(result.totals.filter((total) => total.test === of)).ops, of).toBeGreaterThan(0);
    }
    const splits = stderr.split('\n').filter((line) => line.startsWith('18 VUs: '));
    const loads = result.run.loads.filter(({ connections }) => connections === undefined);
    const vus = loads.map((load) => `${load.scenario} ${load.vus}`);
    expect(splits).toEqual([`18 VUs: ${vus.join(', ')}; 2 connections: elephant 2`]);
    expect(loads.reduce((all, load) => all + load.vus, 0)).toBe(18);
    expectDuration(result, 15_000);
  });
});

describe('heavyread', () => {
  test('beside a test that writes none of its sizes refuses, too', async () => {
    const own = await setting();
    const { code, stdout, stderr } = await start(own, 'run', 'metastorm', 'heavyread', '--duration', '2s').ended;
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^error: heavyread finds nothing to read: .*\n$/);
  });

  test('with nothing to read refuses, in one line that says how to make data', async () => {
    const own = await setting();
    put(own, ['production/x', 'loadtest/notes.txt'], 1024);
    const { code, stdout, stderr } = await start(own, 'run', 'heavyread', '--duration', '2s').ended;
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(
      /^error: heavyread finds nothing to read: .*: write some first with --seed-objects 1000, or .*\n$/,
    );
  });

  test('--seed-objects writes so many, its sizes in turn, and reads them; one that goes meanwhile is a miss', async () => {
    const own = await setting();
    const sizes = ['1KB', '2KB', '3KB', '4KB', '5KB', '9MB']; // the last one in parts
    const args = ['--seed-objects', '60', '--size', sizes.join(','), '--duration', '4s', '--concurrency', '8'];
    const cli = start(own, 'run', 'heavyread', ...args, '--json');
    await cli.says(/VUs for/);
    const keys = keysIn(stage.site, own.bucket);
    await sleep(1_000);
    const victim = keys.find((key) => key.includes('/2KB/')) as string;
    await rm(join(stage.site.buckets, own.bucket, victim));
    const { code, stdout, stderr } = await cli.ended;
    expect(code, stderr).toBe(0);
    expect(keys).toHaveLength(60);
    for (const size of sizes) {
      expect(
        keys.filter((key) => key.startsWith(`loadtest/w0/${size}/heavyread/`)),
        size,
      ).toHaveLength(10);
    }
    expect(keysIn(stage.site, own.bucket)).toHaveLength(59);
    const result = parseResult(stdout);
    expectOnePiece(result, stderr);
    const { errors, misses } = sum(result.totals);
    expect(errors).toBe(0);
    // Each VU asks for it once, and then knows.
    expect(misses).toBeGreaterThan(0);
    expect(misses).toBeLessThanOrEqual(8);
    expect(stderr).toMatch(/^ {2}Misses \(404: deleted meanwhile, no errors\): GET [1-8]$/m);
    expect(result.series.map(({ op, size }) => `${op} ${size}`).sort()).toEqual(sizes.map((size) => `GET ${size}`));
    for (const { size, ops } of result.series) expect(ops, size).toBeGreaterThan(10);
  });

  /** Runs heavyread through a proxy, and returns what it asked for: folders listed before, and keys got. */
  async function asked(own: Setting): Promise<{ folders: number; got: Set<string>; result: Result }> {
    const proxy = await startProxy(stage.server.endpoints[0]);
    try {
      const through = { ...own, env: { ...own.env, S3_ENDPOINTS: proxy.endpoints[0] } };
      const { result } = await run(through, 'heavyread', '--size', '1KB,2KB', '--duration', '2s');
      const gets = proxy.seen.filter((request) => opOf(request) === 'GET');
      const keys = gets.map(({ url }) => url.slice(own.bucket.length + 2)).filter((key) => !key.includes('preflight'));
      return { folders: proxy.seen.filter(({ url }) => url.includes('delimiter=')).length, got: new Set(keys), result };
    } finally {
      proxy.stop();
    }
  }

  test('reads keys out of key files without a look into the bucket; those that are gone are misses', async () => {
    const own = await setting();
    const ones = layoutKeys(20, '1KB');
    const twos = layoutKeys(20, '2KB');
    put(own, ones, 1024);
    put(own, twos, 2048);
    const without = await asked(own);
    expect(without.folders).toBeGreaterThan(0);
    expect(without.got).toEqual(new Set([...ones, ...twos]));

    expect((await start(own, 'keys').ended).code).toBe(0);
    const file = (size: string) => join(own.home.data, 'keys', `loadtest-keys-firehose-w0-${size}.txt`);
    expect(readFileSync(file('1KB'), 'utf8').trim().split('\n').sort()).toEqual([...ones].sort());
    const stale = 'loadtest/w0/1KB/firehose/1700000000000000/gone';
    await writeFile(file('1KB'), `${[...ones.slice(0, 5), stale].join('\n')}\n`);
    const { folders, got, result } = await asked(own);
    expect(folders).toBe(0);
    expect(got).toEqual(new Set([...ones.slice(0, 5), stale, ...twos]));
    const misses = totalOf(result, 'GET')?.misses as number;
    const ofOnes = sum(result.series.filter(({ size }) => size === '1KB'));
    expect(misses).toBeGreaterThan(0);
    expect(ofOnes.misses).toBe(misses);
  });
});

describe.concurrent('load that is asked for', () => {
  /** Buckets with something to delete: filled before, for that takes all of this process. */
  const full: { rate?: Setting; demand?: Setting } = {};

  beforeAll(async () => {
    full.rate = await setting();
    put(full.rate, layoutKeys(15_000, '1KB'), 0);
    full.demand = await setting();
    put(full.demand, layoutKeys(10_000, '1KB'), 0);
  });

  /** The server behind a proxy whose answers take so long at least. */
  async function slowly<T>(own: Setting, ms: number, use: (through: Setting) => Promise<T>): Promise<T> {
    const { hostname, port } = new URL(stage.server.endpoints[0]);
    const agent = new Agent({ keepAlive: true });
    const server = createServer((request, response) => {
      const due = sleep(ms);
      const { method, url: path, headers } = request;
      const onward = httpRequest({ agent, hostname, port, method, path, headers }, async (answer) => {
        await due;
        response.writeHead(answer.statusCode ?? 500, answer.rawHeaders);
        answer.pipe(response);
      });
      onward.on('error', () => request.socket.destroy());
      request.pipe(onward);
    });
    server.keepAliveTimeout = 60_000;
    const endpoint = `http://127.0.0.1:${await listen(server)}`;
    try {
      return await use({ ...own, env: { ...own.env, S3_ENDPOINTS: endpoint } });
    } finally {
      server.closeAllConnections();
      server.close();
      agent.destroy();
    }
  }

  /** Operations of all kinds from one time to another, of the seconds that lie within. */
  const between = ({ timeline }: Result, from: number, to: number) => {
    const points = timeline.filter(({ t, ms }) => t >= from && t + ms <= to);
    const ms = new Map(points.map((point) => [point.t, point.ms]));
    const time = [...ms.values()].reduce((all, each) => all + each, 0);
    return points.reduce((all, { ops }) => all + ops, 0) / (time / 1000);
  };

  test.each([
    ['metastorm --rate 50 --duration 5s', 250],
    ['baseload --rate 60/s --duration 5s', 300],
    ['metastorm --rate 50 --ramp 4s --duration 6s', 200],
    ['baseload --rate 3000/m --ramp 4s --duration 6s', 200],
    ['metastorm --stages 20/s:2s,80/s:3s', 280],
    ['baseload --stages 80/s:2s,0/s:2s,20/s:2s', 200],
  ])('%s: %d operations', async (args, ops) => {
    const own = await setting();
    keepFolders(own, '1B/metastorm');
    const size = args.startsWith('metastorm') ? [] : ['--size', '1KB'];
    const { result } = await run(own, ...args.split(' '), ...size, '--concurrency', '32');
    expectBegun(result, ops);
    if (!args.includes('--ramp')) return;
    expect(between(result, 0, 2_200)).toBeLessThan(20);
    expect(between(result, 4_000, 10_000)).toBeGreaterThan(40);
  });

  test.each([
    // VU seconds: a climb to eight in four seconds starts one every half a second, the first of them after that.
    ['metastorm --concurrency 8 --ramp 4s --duration 6s', 14 + 16],
    ['baseload --concurrency 8 --ramp 2s --duration 4s', 7 + 16],
    ['metastorm --stages 2:2s,8:3s', 4 + 24],
    ['baseload --stages 8:2s,0:2s,4:2s', 16 + 8],
  ])('%s: VUs are at work for %d seconds in all', async (args, vuSeconds) => {
    const own = await setting();
    keepFolders(own, '1B/metastorm');
    const size = args.startsWith('metastorm') ? [] : ['--size', '1KB'];
    await slowly(own, 200, async (through) => {
      const { result } = await run(through, ...args.split(' '), ...size);
      // A VU waits for answers nearly all the time, so that their times come to its own, however slow this machine is.
      const busy = result.totals.reduce((all, { ops, latency }) => all + (ops * (latency?.mean ?? 0)) / 1000, 0);
      expectAbout(busy, vuSeconds, 0.25);
    });
  });

  test('delete --rate sends as many batches', async () => {
    const own = full.rate as Setting;
    const { result } = await run(own, 'delete', '--rate', '2', '--duration', '5s');
    expect(totalOf(result, 'DELETE_OBJECTS')).toMatchObject({ ops: 10, objects: 10_000 });
    expect(result.generator.droppedIterations).toBe(0);
    expect(keysIn(stage.site, own.bucket)).toHaveLength(5_000);
  });

  test.each(['metastorm', 'delete'])('a rate that one VU does not reach is told of %s', async (of) => {
    await slowly(of === 'delete' ? (full.demand as Setting) : await setting(), 200, async (through) => {
      const { result, stderr } = await run(through, of, '--rate', '50', '--concurrency', '1', '--duration', '3s');
      const { droppedIterations } = result.generator;
      const paced = of === 'delete' ? (totalOf(result, 'DELETE_OBJECTS')?.ops ?? 0) : sum(result.totals).ops;
      expect(droppedIterations).toBeGreaterThan(20);
      expect(paced).toBeLessThanOrEqual(16);
      if (of === 'metastorm') expect(Math.abs(paced + droppedIterations - 150)).toBeLessThan(10);
      expect(result.warnings.map(({ code }) => code)).toContain('unmet-demand');
      expect(stderr).toMatch(
        new RegExp(`^ {2}Warning: ${droppedIterations} of .* operations due .*--concurrency`, 'm'),
      );
    });
  });
});

describe('refuses in one line', () => {
  test.each([
    ['spiky --stages 10:5m,20/s:5m', '--stages is "10:5m,20/s:5m": give VUs and times'],
    ['spiky --stages 10:5m --duration 5m', '--stages and --duration are both set'],
    ['spiky --stages 10/s:5m --rate 5', '--stages and --rate are both set'],
    ['spiky --ramp 10m --duration 5m', '--ramp is 10m: the run takes 5m, give no more'],
    ['checkpoint --burst 0s', '--burst is "0s": give a duration of 1s or more'],
    ['checkpoint --pause long', '--pause is "long": give a duration of 1s or more'],
    ['firehose --seed-objects 5', 'error: --seed-objects is 5: of firehose none only reads, leave it out'],
    ['heavyread --seed-objects -1', '--seed-objects is "-1": give a whole number'],
    ['all firehose', 'patterns "all firehose": all has the others in it, give it alone'],
    ['nosuch', 'pattern "nosuch" is not known: give all, baseload, checkpoint, delete, elephant, firehose, heavy'],
    ['firehose nosuch', 'pattern "nosuch" is not known: give '],
  ])('%s', async (args, says) => {
    const own = await setting();
    const { code, stdout, stderr } = await start(own, 'run', ...args.split(' ')).ended;
    expect(stderr.slice(0, says.length)).toBe(says);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect([code, stdout]).toEqual([2, '']);
    expect(keysIn(stage.site, own.bucket)).toEqual([]);
  });
});

describe('k6 run by hand', () => {
  async function bare(pattern: string, more: NodeJS.ProcessEnv) {
    const own = await setting();
    keepFolders(own, '1B/metastorm');
    await mkdir(join(own.home.data, 'results'), { recursive: true });
    const flags = { K6_AUTO_EXTENSION_RESOLUTION: 'false', K6_NO_USAGE_REPORT: 'true', S3LOADTEST_CONCURRENCY: '4' };
    const env = { ...own.env, ...flags, S3LOADTEST_DURATION: '2s', ...more };
    const args = ['--address=127.0.0.1:0', 'run', '--quiet', join(ROOT, 'build', `${pattern}.js`)];
    const ended = await new Program(stage.k6, args, env, own.home.path).ended;
    const results = readdirSync(join(own.home.data, 'results'));
    const read = (name: string) => parseResult(readFileSync(join(own.home.data, 'results', name), 'utf8'));
    return { ...ended, results: results.map(read) };
  }

  test('metastorm', async () => {
    const { code, stdout, stderr, results } = await bare('metastorm', {});
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^FINAL: ops=[1-9].*errors=0/m);
    expect(results).toHaveLength(1);
    expectPercents(percents(results[0]?.series ?? []), { PUT: 30, HEAD: 25, LIST: 25, DELETE: 20 });
  });

  test('some of all', async () => {
    const { code, stdout, stderr, results } = await bare('all', { S3LOADTEST_TESTS: 'metastorm,listops' });
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/4 VUs: metastorm 2, listops 2/);
    for (const of of ['metastorm', 'listops']) {
      expect(stdout).toMatch(new RegExp(`^ {2}${of}: ops=[1-9].*errors=0`, 'm'));
    }
    expect(results.map(({ run: { tests } }) => tests)).toEqual([['metastorm', 'listops']]);
  });

  test('a name that all does not know is refused', async () => {
    const { code, stdout, stderr, results } = await bare('all', { S3LOADTEST_TESTS: 'metastorm,nosuch' });
    expect(code).toBe(108);
    expect(stderr).toMatch(/S3LOADTEST_TESTS: \\"nosuch\\" is not known: give .*metastorm/);
    expect([stdout.includes('FINAL'), results]).toEqual([false, []]);
  });
});

describe('a run that is cut short', () => {
  const LONG = ['--concurrency', '4', '--duration', '60s', '--size', '1KB', '--burst', '2s', '--pause', '30s'];

  describe.concurrent('by SIGINT keeps its figures', () => {
    test.each([
      ['in a burst', ['checkpoint', ...LONG], 1_000],
      ['in a pause', ['checkpoint', ...LONG], 3_500],
      ['in a pause at a rate', ['checkpoint', '--rate', '50', ...LONG], 3_500],
      ['while delete waits to begin again', ['delete', '--duration', '60s'], 2_500],
    ] as const)('%s', async (_, args, after) => {
      const own = await setting();
      if (args[0] === 'delete') put(own, layoutKeys(30, '1KB'), 0);
      const cli = start(own, 'run', ...args);
      await cli.says(/VUs for/);
      await sleep(after);
      const killed = performance.now();
      cli.kill('SIGINT');
      const { code, stdout, stderr } = await cli.ended;
      expect(performance.now() - killed).toBeLessThan(3_000);
      expect(code, stderr).toBe(1);
      expect(stdout).toMatch(/^FINAL: ops=[1-9].* errors=0, .*\(interrupted\)$/m);
      const path = /^ {2}Result: (.+)$/m.exec(stdout)?.[1] as string;
      const result = parseResult(readFileSync(path, 'utf8'));
      expect(result.interrupted).toBe(true);
      expect(Math.abs(result.run.durationMs - after)).toBeLessThan(1_000);
      expectOnePiece(result, stdout);
      if (args[0] === 'delete') expect(totalOf(result, 'DELETE_OBJECTS')?.objects).toBe(30);
    });
  });

  test('by the server’s end counts what failed, and is no success', async () => {
    const own = await setting();
    const folder = await mkdtemp(join(stage.folder, 'server-'));
    const server = await startVersitygw({ path: stage.versitygw, folder });
    await mkdir(join(folder, 'buckets', own.bucket));
    const doomed = { ...own, env: { ...own.env, S3_ENDPOINTS: server.endpoints[0] } };
    const cli = start(doomed, 'run', 'metastorm', '--duration', '4s', '--json');
    try {
      await cli.says(/VUs for/);
      await sleep(1_500);
    } finally {
      await server.stop();
    }
    const { code, stdout, stderr } = await cli.ended;
    expect(code, stderr).toBe(99);
    const result = parseResult(stdout);
    expectOnePiece(result, stderr);
    expect(sum(result.totals).ops).toBeGreaterThan(100);
    for (const { op, errors } of result.totals) expect(errors.connect, op).toBeGreaterThan(0);
    expect(result.errorSamples.map((sample) => sample.class)).toContain('connect');
    expect(stderr).toMatch(/^ {2}Errors: .*connect=[1-9]/m);
    expectDuration(result, 4_000);
  });
});
