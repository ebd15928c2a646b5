/** elephant against a real server: a thousand slow connections, what the server makes of them, and what can go wrong. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Connections, parseResult, type Result, stillOpen } from '../../lib/result/result';
import { ROOT } from '../k6';
import { makeCertificates, missing, startVersitygw } from '../servers';
import {
  CLI,
  type Ended,
  environment,
  type Home,
  keysIn,
  newBucket,
  notRun,
  openStage,
  Program,
  type Site,
  type Stage,
  stockK6,
  works,
} from '../stage';

const noOpenssl = await missing(['openssl']);
/** Who may raise limits does; root may, until that is taken away. */
const unprivileged =
  process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-sys_resource', '--inh-caps=-sys_resource'] : [];
const lacks = await missing(['sh', ...unprivileged.slice(0, 1)]);
let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
});

afterAll(async () => {
  await stage?.stop();
});

async function setting(site: Site = stage.site) {
  const home = await stage.home();
  const bucket = await newBucket(site);
  const env = environment(stage, home, site.server, bucket);
  return { home, bucket, env, keys: () => keysIn(site, bucket) };
}

function start(home: Home, env: NodeJS.ProcessEnv, ...options: string[]): Program {
  return new Program(process.execPath, [CLI, 'run', 'elephant', '--json', ...options], env, home.path);
}

function resultOf({ code, stdout, stderr }: Ended, exit = 0): Result {
  expect(code, stderr).toBe(exit);
  return parseResult(stdout);
}

const endedOf = ({ ended }: Connections) => Object.values(ended).reduce((sum, n) => sum + n, 0);
const ofOp = (result: Result, op: string) => result.connections.filter((connections) => connections.op === op);
const sumOf = (all: readonly Connections[], of: (connections: Connections) => number) =>
  all.reduce((sum, connections) => sum + of(connections), 0);
const ended = (all: readonly Connections[], how: string) => sumOf(all, (connections) => connections.ended[how] ?? 0);

const UPLOADED = /^loadtest\/w0\/(?:1|10)KB\/elephant\/\d{16}\/[0-9a-z]+-[0-9a-z]{4}-\d+-g1$/;
const READ = /^loadtest\/w0\/10MB\/elephant\//;

function expectWhole(env: NodeJS.ProcessEnv, n: number): void {
  const said = execFileSync('python3', [join(ROOT, 'test', 'slow-objects.py')], { env, maxBuffer: 1e8 });
  expect(JSON.parse(said.toString())).toEqual({ right: n, wrong: [] });
}

/** Connections of this machine's to a port of its own, as Linux lists them. */
function establishedTo(endpoint: string): string[] {
  const port = Number(new URL(endpoint).port).toString(16).toUpperCase().padStart(4, '0');
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n');
  return lines.filter((line) => new RegExp(`^ *\\d+: \\w+:\\w+ \\w+:${port} 01 `).test(line));
}

const hasBoto3 = works('python3', '-c', 'import boto3');

describe('a thousand connections at two ports of a server', () => {
  let own: Awaited<ReturnType<typeof setting>>;
  let result: Result;
  let said: string;

  beforeAll(async () => {
    own = await setting();
    const endpoints = stage.server.endpoints.join(',');
    const run = start(own.home, { ...own.env, S3_ENDPOINTS: endpoints }, '--duration', '7s', '--bps', '2000');
    const over = await run.ended;
    said = over.stderr;
    result = resultOf(over);
  }, 60_000);

  test('are open all the time, half uploading and half downloading, at each endpoint the same', () => {
    expect(said).toMatch(/^elephant: 1000 connections for 7s on /m);
    expect(result.connections.map(({ op }) => op)).toEqual(['PUT', 'PUT', 'GET', 'GET']);
    expect(new Set(result.connections.map(({ endpoint }) => endpoint)).size).toBe(2);
    for (const { op, peakOpen } of result.connections) {
      expect(peakOpen).toBeLessThanOrEqual(250);
      // Uploads end all the time, and are replaced.
      expect(peakOpen).toBeGreaterThanOrEqual(op === 'GET' ? 250 : 230);
    }
    for (const connections of result.connections) expect(stillOpen(connections)).toBe(0);
  });

  test('each that completed was replaced, and is an operation', () => {
    const puts = ofOp(result, 'PUT');
    const completed = ended(puts, 'completed');
    expect(completed).toBeGreaterThan(400);
    expect(sumOf(puts, ({ opened }) => opened)).toBe(completed + ended(puts, 'closed'));
    expect(ended(puts, 'closed')).toBeLessThanOrEqual(500);
    expect(ended(puts, 'closed')).toBeGreaterThan(400);
    const [total] = result.totals;
    expect(total).toMatchObject({ op: 'PUT', ops: completed, errors: {} });
    // 1 KiB at 2,000 bytes a second.
    expect(total?.latency?.min).toBeGreaterThan(900);
    expect(said).toMatch(/^ {2}Connections: PUT 500 open at most: opened=/m);
  });

  test('a server is kept waiting by each download for as long as it is open', () => {
    const gets = ofOp(result, 'GET');
    expect(sumOf(gets, ({ opened }) => opened)).toBe(500);
    expect(ended(gets, 'closed')).toBe(500);
    const perSecond = sumOf(gets, ({ bytesReceived }) => bytesReceived) / 500 / 7;
    expect(perSecond).toBeGreaterThan(1_000);
    expect(perSecond).toBeLessThan(2_100);
    for (const { lifetime } of gets) expect(lifetime?.min).toBeGreaterThan(4_000);
  });

  test('the bucket holds what completed, one object to read, and nothing of what did not', () => {
    const keys = own.keys();
    const uploaded = keys.filter((key) => UPLOADED.test(key));
    expect(uploaded).toHaveLength(ended(ofOp(result, 'PUT'), 'completed'));
    expect(keys.filter((key) => !UPLOADED.test(key))).toEqual([expect.stringMatching(READ)]);
  });

  if (hasBoto3) {
    test('boto3 reads them back, each byte as it was sent', () => {
      expectWhole(own.env, ended(ofOp(result, 'PUT'), 'completed'));
    });
  } else notRun('what slow uploads wrote, read back', 'python3 with boto3');

  test('cost the client less than half a core, and little memory', () => {
    expect(result.generator.cpu?.cores).toBeLessThan(0.5);
    expect(result.generator.memory?.peakBytes).toBeLessThan(250e6);
  });

  test('k6 fails the run by itself only where none could be opened', () => {
    expect(result.thresholds).toEqual([
      { metric: 's3_connections{test:elephant,outcome:opened}', expr: 'count>0', ok: true },
    ]);
  });
});

test('nothing that completes is no failure', async () => {
  const { home, env } = await setting();
  const over = await start(home, env, '--duration', '2s', '--concurrency', '10').ended;
  const result = resultOf(over);
  expect(result.totals).toEqual([]);
  expect(sumOf(result.connections, ({ opened }) => opened)).toBe(10);
  expect(over.stderr).toMatch(/^FINAL: ops=0 /m);
});

test('a server that goes: uploads are reset, others refused, and it is not asked without end', async () => {
  const folder = await mkdtemp(join(stage.folder, 'killed-'));
  const server = await startVersitygw({ path: stage.versitygw, folder });
  try {
    const { home, env } = await setting({ server, buckets: join(folder, 'buckets') });
    const run = start(home, env, '--duration', '8s', '--concurrency', '100');
    await run.says(/100 connections for/);
    await sleep(2_500);
    await server.stop();
    const result = resultOf(await run.ended);
    const puts = ofOp(result, 'PUT');
    // What was there, and what the system took for it while it went.
    expect(ended(puts, 'reset')).toBeGreaterThanOrEqual(50);
    expect(ended(puts, 'reset')).toBeLessThanOrEqual(100);
    // Each waits 0.1 s, then 0.2 and so on, or half of that: five or six times in five seconds.
    expect(ended(puts, 'refused')).toBeGreaterThan(50 * 3);
    expect(ended(puts, 'refused')).toBeLessThan(50 * 8);
    const total = result.totals.find(({ op }) => op === 'PUT');
    expect(total?.errors).toEqual({ reset: ended(puts, 'reset'), connect: ended(puts, 'refused') });
    expect(result.errorSamples.map((sample) => sample.class).sort()).toEqual(['connect', 'reset']);
    expect(result.generator.cpu?.cores).toBeLessThan(0.5);
    expect(sumOf(puts, endedOf)).toBe(sumOf(puts, ({ opened }) => opened) + ended(puts, 'refused'));
  } finally {
    await server.stop();
  }
}, 60_000);

test('interrupted: all sockets are closed, what was not whole is no object, and what was open is told', async () => {
  const { home, env, keys } = await setting();
  const run = start(home, env, '--duration', '60s', '--concurrency', '200', '--bps', '500');
  await run.says(/200 connections for/);
  await sleep(4_500);
  run.kill('SIGINT');
  const over = await run.ended;
  const result = resultOf(over, 1);
  expect(result.interrupted).toBe(true);
  for (const op of ['PUT', 'GET']) expect(sumOf(ofOp(result, op), stillOpen)).toBe(100);
  expect(over.stderr).toMatch(/ left open=100 \| GET 100 open at most: opened=100 left open=100$/m);
  expect(over.stderr).not.toMatch(/setTimeout/);
  expect(establishedTo(stage.server.endpoints[0])).toEqual([]);
  const uploaded = keys().filter((key) => UPLOADED.test(key));
  expect(uploaded.length).toBeGreaterThanOrEqual(ended(ofOp(result, 'PUT'), 'completed'));
  if (hasBoto3) expectWhole(env, uploaded.length);
}, 60_000);

if (noOpenssl.length === 0) {
  test('by TLS', async () => {
    const tls = await makeCertificates(await mkdtemp(join(stage.folder, 'tls-')));
    const { home, env } = await setting(await stage.another({ tls }));
    const trusting = { ...env, S3_VERIFY_SSL: 'true', SSL_CERT_FILE: tls.ca };
    const options = ['--duration', '5s', '--concurrency', '100', '--bps', '1KB', '--size', '1KB'];
    const result = resultOf(await start(home, trusting, ...options).ended);
    const puts = ofOp(result, 'PUT');
    expect(ended(puts, 'completed')).toBeGreaterThan(50);
    expect(sumOf(puts, endedOf)).toBe(sumOf(puts, ({ opened }) => opened));
    expect(ofOp(result, 'GET')).toMatchObject([{ peakOpen: 50, opened: 50, ended: { closed: 50 } }]);
    if (hasBoto3) expectWhole(trusting, ended(puts, 'completed'));
  }, 60_000);
} else notRun('elephant by TLS', noOpenssl.join(' and '));

describe('refuses, in one line', () => {
  async function refusal(env: NodeJS.ProcessEnv, home: Home, ...options: string[]): Promise<string> {
    const { code, stdout, stderr } = await start(home, env, ...options).ended;
    expect([code, stdout], stderr).toEqual([2, '']);
    const lines = stderr.split('\n').filter((line) => !/^this k6 has not/.test(line) && line !== '');
    expect(lines, stderr).toHaveLength(1);
    return lines[0] as string;
  }

  test('a stock k6, saying how to get the other', async () => {
    const { home, env } = await setting();
    const said = await refusal({ ...env, S3LOADTEST_K6: await stockK6(stage, home) }, home);
    expect(said).toMatch(/^error: elephant needs the project's k6, .* `npx s3loadtest run` .* builds it/);
  });

  test.each([
    [['--concurrency', '20001'], /20001 are more connections than elephant can hold: give 20000 at most/],
    [['--bps', '0'], /^--bps is "0": give bytes a second from 1 to 1MB/],
  ])('%j', async (options, says) => {
    const { home, env } = await setting();
    expect(await refusal(env, home, ...options)).toMatch(says);
  });

  if (lacks.length === 0) {
    test('more connections than files may be open, with the number that is needed', async () => {
      const { home, env, keys } = await setting();
      const limited = ['-c', 'ulimit -n 300; exec "$@"', 'sh', process.execPath, CLI, 'run', 'elephant'];
      const [program = 'sh', ...before] = [...unprivileged, 'sh'];
      const { code, stderr } = await new Program(program, [...before, ...limited], env, home.path).ended;
      expect([code, stderr]).toEqual([
        2,
        'error: 1000 connections take 1201 open files, and k6 may have 300: take --concurrency 99, or start it where ' +
          '`ulimit -n 1201` is allowed\n',
      ]);
      expect(keys()).toEqual([]);
    });

    test('and so for VUs of any pattern, at each endpoint', async () => {
      const { home, env, keys } = await setting();
      const firehose = [process.execPath, CLI, 'run', 'firehose', '--concurrency', '400'];
      const limited = ['-c', 'ulimit -n 300; exec "$@"', 'sh', ...firehose];
      const [program = 'sh', ...before] = [...unprivileged, 'sh'];
      const { code, stderr } = await new Program(program, [...before, ...limited], env, home.path).ended;
      expect([code, stderr]).toEqual([
        2,
        'error: 400 VUs at 1 endpoint take 600 open files, and k6 may have 300: take --concurrency 100, or start it where ' +
          '`ulimit -n 600` is allowed\n',
      ]);
      expect(keys()).toEqual([]);
    });
  } else notRun('a limit of open files', lacks.join(' and '));
});

test('all with a stock k6 leaves it out, and says so in one line', async () => {
  const { home, env } = await setting();
  const stock = { ...env, S3LOADTEST_K6: await stockK6(stage, home) };
  const args = [
    CLI,
    'run',
    'all',
    '--json',
    '--duration',
    '2s',
    '--size',
    '1KB',
    '--concurrency',
    '9',
    '--seed-objects',
    '1',
  ];
  const { code, stdout, stderr } = await new Program(process.execPath, args, stock, home.path).ended;
  expect([0, 99], stderr).toContain(code);
  expect(parseResult(stdout).run.tests).not.toContain('elephant');
  expect(parseResult(stdout).run.tests).toHaveLength(8);
  expect(stderr.match(/^.*elephant.*$/gm)).toEqual([
    expect.stringMatching(/elephant is left out: it needs the project's k6/),
  ]);
}, 60_000);
