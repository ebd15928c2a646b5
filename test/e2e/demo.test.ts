/** `s3loadtest demo` and `bench`: what they start, and that nothing of it stays, however they end. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseResult, sum } from '../../lib/result/result';
import { parseEnvFile } from '../../lib/settings/env-file';
import { currentSample, shapeOf } from '../../runners/sample.mjs';
import { ROOT } from '../k6';
import { missing } from '../servers';
import {
  alive,
  bareEnvironment,
  CLI,
  commandLine,
  type Ended,
  expectNoCredential,
  gone,
  type Home,
  notRun,
  openStage,
  Program,
  type Stage,
  works,
} from '../stage';

const noGo = await missing(['go']);
let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
});

afterAll(async () => {
  await stage?.stop();
});

/** Starts the demo; settings of the environment that name another server are not for it. */
async function startDemo(...options: string[]): Promise<{ cli: Program; home: Home }> {
  const home = await stage.home();
  const env = {
    ...bareEnvironment(home),
    S3LOADTEST_K6: stage.k6,
    S3LOADTEST_VERSITYGW: stage.versitygw,
    S3LOADTEST_DATA_DIR: home.data,
    S3_ENDPOINTS: 'http://nope.invalid',
    AWS_SECRET_ACCESS_KEY: 'of-another-server',
  };
  const args = [CLI, 'demo', '--size', '1KB', ...options];
  return { cli: new Program(process.execPath, args, env, home.path), home };
}

const leftIn = (home: Home) => readdirSync(home.temporary);

/** The demo under load, and what it started. */
async function underLoad(...options: string[]) {
  const demo = await startDemo('--duration', '60s', ...options);
  await demo.cli.says(/VUs for/);
  const [k6, versitygw] = await Promise.all([demo.cli.child(/k6 run /), demo.cli.child(/versitygw .*posix/)]);
  expect(leftIn(demo.home)).toHaveLength(1);
  await sleep(1_200);
  return { ...demo, k6, versitygw };
}

test('loads a server of its own, says what it measured, and leaves nothing but the Result', async () => {
  const { cli, home } = await startDemo('--duration', '6s', '--stats-interval', '2s');
  const versitygw = await cli.child(/versitygw .*posix/);
  const serverCommand = commandLine(versitygw);
  const { code, stdout, stderr } = await cli.ended;
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^STATS: ops=[1-9][\d,]* \([\d,]+\/s\), bytes=.*, errors=0, elapsed=[\d.]+s \| GET p50=/m);
  expect(stdout).toMatch(/^FINAL: ops=[1-9].* errors=0, elapsed=/m);
  // `npm run sample` takes a new one.
  const progress = shapeOf(stderr);
  expect(shapeOf(currentSample()).filter((line) => !progress.includes(line))).toEqual(shapeOf(stdout));
  const path = /^ {2}Result: (.+)$/m.exec(stdout)?.[1] as string;
  const result = parseResult(readFileSync(path, 'utf8'));
  expect(path.startsWith(home.data)).toBe(true);
  expect(sum(result.totals).errors).toBe(0);
  expect(result.run.config.endpoints).toEqual([/http:\/\/127\.0\.0\.1:\d+/.exec(stderr)?.[0]]);
  expect([alive(versitygw), leftIn(home)]).toEqual([false, []]);
  expect(serverCommand).not.toMatch(/DEMO[0-9A-F]{16}|[0-9a-f]{40}/);
  expect(stdout + stderr).not.toMatch(/DEMO[0-9A-F]{16}|[0-9a-f]{40}/);
});

describe('nothing stays', () => {
  async function expectGone(k6: number, versitygw: number, home: Home, withinMs: number): Promise<void> {
    const ms = Math.max(await gone(k6), await gone(versitygw));
    for (const end = Date.now() + 3_000; leftIn(home).length > 0 && Date.now() < end; ) await sleep(20);
    expect(leftIn(home)).toEqual([]);
    expect(ms).toBeLessThan(withinMs);
  }

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('after %s', async (signal) => {
    const { cli, home, k6, versitygw } = await underLoad();
    cli.kill(signal);
    const { code, stdout } = await cli.ended;
    expect(code).toBe(1);
    expect(stdout).toMatch(/^FINAL: ops=[1-9].* errors=0, .* \(interrupted\)$/m);
    await expectGone(k6, versitygw, home, 100);
  });

  test('after SIGKILL of the CLI', async () => {
    const { cli, home, k6, versitygw } = await underLoad();
    cli.kill('SIGKILL');
    await cli.ended;
    await expectGone(k6, versitygw, home, 5_000);
  });

  test('after SIGKILL of k6, which ends the demo with 1', async () => {
    const { cli, home, k6, versitygw } = await underLoad();
    process.kill(k6, 'SIGKILL');
    const { code, stderr } = await cli.ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: k6 was ended by SIGKILL(?:: the figures are of the first| and gave no Result)/m);
    await expectGone(k6, versitygw, home, 100);
  });

  test('after SIGKILL of versitygw, which shows as errors and no success', async () => {
    const { cli, home } = await startDemo('--duration', '3s');
    await cli.says(/VUs for/);
    const [k6, versitygw] = await Promise.all([cli.child(/k6 run /), cli.child(/versitygw .*posix/)]);
    await sleep(500);
    process.kill(versitygw, 'SIGKILL');
    const { code, stdout } = await cli.ended;
    expect(code).toBe(99);
    expect(stdout).toMatch(/^ {2}Errors: .*connect=[1-9]/m);
    expect(stdout).toMatch(/^ {2}Threshold failed: http_req_failed\{test:firehose\} rate<0\.01$/m);
    await expectGone(k6, versitygw, home, 100);
  });

  test('after SIGINT before load begins', async () => {
    const { cli, home } = await startDemo('--duration', '60s');
    const versitygw = await cli.child(/versitygw .*posix/);
    cli.kill('SIGINT');
    const { code, signal, ms } = await cli.ended;
    expect([code, signal]).toEqual([1, null]);
    expect(ms).toBeLessThan(10_000);
    await expectGone(versitygw, versitygw, home, 100);
  });
});

describe('--keep', () => {
  /** The demo after its run, with the server up. */
  async function kept() {
    const { cli, home } = await startDemo('--duration', '1s', '--keep');
    await cli.says(/stays up until Ctrl-C/);
    const versitygw = await cli.child(/versitygw .*posix/);
    const file = /another client: \. (\S+)/.exec(cli.stderr)?.[1] as string;
    return { cli, home, versitygw, file };
  }
  const ends = async ({ cli, home, versitygw, file }: Awaited<ReturnType<typeof kept>>): Promise<Ended> => {
    const ended = await cli.ended;
    expect([alive(versitygw), existsSync(file), leftIn(home)]).toEqual([false, false, []]);
    return ended;
  };

  if (works('python3', '-c', 'import boto3')) {
    test('the server stays for another client until SIGTERM', async () => {
      const demo = await kept();
      expect(statSync(demo.file).mode & 0o777).toBe(0o600);
      const text = readFileSync(demo.file, 'utf8');
      const list = `. "$1" && exec python3 "$2"`;
      const args = ['-c', list, 'sh', demo.file, join(ROOT, 'test', 'list-bucket.py')];
      const listing = execFileSync('sh', args, { env: bareEnvironment(demo.home), maxBuffer: 1e8 });
      const path = /^ {2}Result: (.+)$/m.exec(demo.cli.stdout)?.[1] as string;
      const puts = parseResult(readFileSync(path, 'utf8')).totals.find((total) => total.op === 'PUT')?.ops;
      expect(Object.keys(JSON.parse(listing.toString()))).toHaveLength(puts as number);
      demo.cli.kill('SIGTERM');
      const { code, stdout, stderr } = await ends(demo);
      expect(code, stderr).toBe(0);
      const { AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '' } = parseEnvFile(text.replace(/^export /gm, ''));
      expect(AWS_SECRET_ACCESS_KEY.length).toBeGreaterThan(16);
      expectNoCredential({ stdout, stderr }, [AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY]);
    });
  } else notRun('boto3 uses the server that demo --keep leaves', 'python3 with boto3');

  test('it ends when the server does', async () => {
    const demo = await kept();
    process.kill(demo.versitygw, 'SIGKILL');
    await ends(demo);
  });
});

if (noGo.length === 0) {
  test('bench prints a table of all clients', async () => {
    const home = await stage.home();
    // Go looks for its caches by the real HOME.
    const env = { ...process.env, TMPDIR: home.temporary, S3LOADTEST_K6: stage.k6 };
    const args = [CLI, 'bench', '--duration', '2s', '--rounds', '1'];
    const { code, stdout, stderr } = await new Program(process.execPath, args, env, home.path).ended;
    expect(code, stderr).toBe(0);
    const rows = stdout.split('\n').filter((line) => line.startsWith('| '));
    // Where Grafana's client can't be had, that is said.
    const noJslib = /^k6-jslib-aws is not to be had \(.+\): the jslib backend is left out$/m.test(stderr);
    const backends = ['http', 'native', ...(noJslib ? [] : ['jslib']), 'proxy'];
    const figures = '[1-9][\\d,]* \\| [1-9]\\d* µs \\| \\d\\.\\d\\d \\| \\d+\\.\\d\\d';
    expect(rows).toEqual([
      '| client | ops/s | CPU per op | ops/s, ratio | CPU, ratio |',
      expect.stringMatching(/^\| unsigned k6\/http \| [1-9][\d,]* \| [1-9]\d* µs \| 1\.00 \| 1\.00 \|$/),
      ...backends.flatMap((name) => [
        expect.stringMatching(`^\\| firehose, ${name} backend \\| ${figures} \\|$`),
        ...(name === 'native'
          ? [expect.stringMatching(`^\\| firehose of a workload file, native backend \\| ${figures} \\|$`)]
          : []),
      ]),
    ]);
    expect(stdout).toMatch(/^native over http: \d+\.\d\d × the ops\/s, \d\.\d\d × the CPU per operation$/m);
    expect(stdout).toMatch(/^Machine: \d+ cores \(.+\), shared with the server; k6 v?2\./m);
    expect(leftIn(home)).toEqual([]);
  });

  test('bench --checksums prints a table of what they cost, and how far rounds were apart', async () => {
    const home = await stage.home();
    const env = { ...process.env, TMPDIR: home.temporary, S3LOADTEST_K6: stage.k6 };
    const args = [CLI, 'bench', '--checksums', '--duration', '1s', '--rounds', '2', '--concurrency', '2'];
    const { code, stdout, stderr } = await new Program(process.execPath, args, env, home.path).ended;
    expect(code, stderr).toBe(0);
    const names = stdout
      .split('\n')
      .flatMap((line) => /^\| (.+?) \| [\d,]+ \| \d+ µs \| [\d.]+ \| [\d.]+ \|$/.exec(line)?.[1] ?? []);
    expect(names).toEqual([
      'none',
      'md5 in a header',
      'crc32c in a header',
      'crc32c behind the body',
      'crc64nvme behind the body',
      'the body hashed and signed',
      'crc32c behind signed chunks',
    ]);
    expect(stdout).toMatch(/^From round to round, CPU ratios were up to \d+% off these$/m);
    expect(leftIn(home)).toEqual([]);
  });
} else notRun('bench', 'Go');
