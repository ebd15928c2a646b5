/**
 * Runs on several machines, end to end: real OpenSSH servers in network namespaces, a real S3 server, the real k6 on each.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Distribution, percentile } from '../../lib/result/distribution';
import { errorCount, type Result, sum } from '../../lib/result/result';
import { canMakeHosts, type Hosts, startHosts, type TestHost } from '../hosts';
import { CREDENTIALS, temporaryFolder } from '../servers';
import {
  CLI,
  environment,
  expectNoCredential,
  type Home,
  keysIn,
  newBucket,
  openStage,
  Program,
  type Site,
  type Stage,
} from '../stage';

const possible = canMakeHosts();
const RUNS = '.s3loadtest/runs';

let hosts: Hosts;
let stage: Stage;
let site: Site;
let home: Home;

beforeAll(async () => {
  if (!possible) return;
  stage = await openStage();
  hosts = await startHosts(await temporaryFolder(), [{ disk: '400m' }, { disk: '400m' }, { disk: '160m' }]);
  site = await stage.another({ address: hosts.address });
});
afterAll(async () => {
  await hosts?.stop();
  await stage?.stop();
});

interface Started {
  readonly bucket: string;
  readonly program: Program;
}

/** Starts the CLI with these machines as workers. */
async function start(
  args: readonly string[],
  more: NodeJS.ProcessEnv = {},
  through: readonly string[] = [],
): Promise<Started> {
  home ??= await stage.home();
  const bucket = await newBucket(site);
  const workers = join(home.path, 'workers');
  writeFileSync(workers, `# machines\n${hosts.hosts.map(({ address }) => address).join('\n')}\n`);
  const env = {
    ...environment(stage, home, site.server, bucket),
    S3LOADTEST_WORKERS_FILE: workers,
    S3LOADTEST_SSH_CONFIG: hosts.sshConfig({ knownHosts: hosts.known() }),
    ...more,
  };
  const [path = process.execPath, ...words] = [...through, process.execPath];
  return { bucket, program: new Program(path, [...words, CLI, ...args], env, home.path) };
}

const resultOf = (output: string) => JSON.parse(output) as Result;
const countOf = ({ totals }: Result, op: string) => totals.find((total) => total.op === op)?.ops ?? 0;

/** What runs on a machine, with its arguments. */
const processesOn = (host: TestHost) => host.run('sh', '-c', 'cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" " "');

describe.runIf(possible)('three machines', () => {
  const LOAD = ['firehose', '--size', '1KB,10KB', '--concurrency', '4'];

  test('run as one: counts, objects, latencies and the start are what they are together', async () => {
    // Raw samples, beside the folders of runs: those are gone when all in them is known.
    const { bucket, program } = await start([
      ...['dist', ...LOAD, '--workers', '3', '--duration', '8s', '--json', '--stats-interval', '3s'],
      ...['--out', 'json=../../raw.json'],
    ]);
    await program.says(/STATS: .* 3 of 3 workers/, 60_000);
    const [host] = hosts.hosts as [TestHost, TestHost, TestHost];
    expectNoCredential({
      'processes on a worker': processesOn(host),
      'processes here': readFileSync(`/proc/${program.pid}/cmdline`, 'utf8'),
    });
    expect(host.run('sh', '-c', `ls /root/${RUNS}/*/*`)).not.toMatch(/settings/);
    const { code, stdout, stderr } = await program.ended;
    expect({ code, stderr }).toMatchObject({ code: 0 });

    const result = resultOf(stdout);
    const id = result.run.id;
    const parts = hosts.hosts.map((_, i) => {
      const path = join(home.data, 'results', id, 'workers', `w${i}.json`);
      return resultOf(readFileSync(path, 'utf8'));
    });
    expect(result.workers.map(({ id, segment, exit }) => [id, segment, exit])).toEqual([
      ['w0', '0:1/3', 0],
      ['w1', '1/3:2/3', 0],
      ['w2', '2/3:1', 0],
    ]);
    for (const op of ['GET', 'PUT']) {
      expect(countOf(result, op)).toBe(parts.reduce((n, part) => n + countOf(part, op), 0));
      expect(countOf(result, op)).toBeGreaterThan(100);
    }
    expect(keysIn(site, bucket)).toHaveLength(countOf(result, 'PUT'));
    expect(Math.max(...result.workers.map(({ startSkewMs }) => startSkewMs))).toBeLessThan(50);
    expect(result.generator.vus).toBe(12);
    expect(result).toMatchObject({ interrupted: false, partial: false });

    const samples = { GET: [] as number[], PUT: [] as number[] };
    for (const host of hosts.hosts) {
      for (const line of host
        .run('grep', '"metric":"s3_op_duration","type":"Point"', `/root/${RUNS}/raw.json`)
        .split('\n')) {
        if (line === '') continue;
        const { data } = JSON.parse(line) as { data: { value: number; tags: { op: 'GET' | 'PUT' } } };
        samples[data.tags.op].push(data.value);
      }
    }
    for (const { op, ops, latency } of result.totals) {
      const all = samples[op as 'GET' | 'PUT'].sort((a, b) => a - b);
      expect(all).toHaveLength(ops);
      for (const p of [50, 90, 99, 99.9]) {
        const raw = all[Math.ceil((p / 100) * all.length - 1e-6) - 1] as number;
        const merged = percentile(latency as Distribution, p) as number;
        expect(Math.abs(merged - raw), `${op} p${p}`).toBeLessThanOrEqual(Math.max(raw * 0.002, 0.001));
      }
    }
    const said = { stdout, stderr, log: readFileSync(join(home.data, 'results', id, 'k6.log'), 'utf8') };
    expectNoCredential(said);
    for (const host of hosts.hosts) {
      expect(host.run('ls', `/root/${RUNS}`).split('\n').filter(Boolean)).toEqual(['raw.json']);
      const left = host.run(
        'sh',
        '-c',
        `grep -rlF ${CREDENTIALS.accessKeyId} /root /tmp/.s3loadtest 2>/dev/null || true`,
      );
      expect(left).toBe('');
      host.run('rm', `/root/${RUNS}/raw.json`);
    }
  }, 120_000);

  test('a clock that is wrong by seconds moves neither the start nor the timeline', async () => {
    const { program } = await start(['dist', ...LOAD, '--workers', '2', '--duration', '3s', '--json'], {}, [
      'faketime',
      '-f',
      '+3s',
    ]);
    const { code, stdout, stderr } = await program.ended;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const result = resultOf(stdout);
    for (const { clockOffsetMs, startSkewMs } of result.workers) {
      expect(clockOffsetMs).toBeGreaterThan(-3100);
      expect(clockOffsetMs).toBeLessThan(-2900);
      expect(startSkewMs).toBeLessThan(50);
    }
    expect(result.run.durationMs).toBeLessThan(4_000);
    expect(result.timeline.reduce((n, { ops }) => n + ops, 0)).toBe(sum(result.totals).ops);
  }, 60_000);

  test('started, left alone, looked at, stopped and collected by others than who started it', async () => {
    const { program, bucket } = await start(['start', ...LOAD, '--workers', '3', '--duration', '60s']);
    const begun = await program.ended;
    expect({ code: begun.code, stderr: begun.stderr }).toMatchObject({ code: 0 });
    const run = /s3loadtest collect (\S+);/.exec(begun.stdout)?.[1] ?? '';
    await sleep(1_500);
    const looked = await (await start(['status', '--json'])).program.ended;
    const { runs } = JSON.parse(looked.stdout) as { runs: Array<{ run: string; state: string; ops: number }> };
    expect(runs.map(({ run, state }) => [run, state])).toEqual(new Array(3).fill([run, 'running']));
    expect(runs.every(({ ops }) => ops > 0)).toBe(true);
    const stopped = await (await start(['stop', run])).program.ended;
    expect(stopped.code).toBe(0);
    expect(stopped.stdout.match(/was running, is ended with 105, by INT/g)).toHaveLength(3);
    for (const host of hosts.hosts) expect(processesOn(host)).not.toMatch(/k6-\w+ run/);
    const { code, stdout } = await (await start(['collect', '--json'])).program.ended;
    const result = resultOf(stdout);
    expect({ code, id: result.run.id }).toEqual({ code: 1, id: run });
    expect(result).toMatchObject({ interrupted: true, partial: false });
    // What was under way when it was stopped was written, and not measured.
    expect(keysIn(site, bucket).length - countOf(result, 'PUT')).toBeLessThanOrEqual(12);
    expect((await (await start(['status'])).program.ended).stdout).toBe('no runs\n');
  }, 120_000);

  test('a cable that is pulled for some seconds costs nothing', async () => {
    const { program, bucket } = await start(['dist', ...LOAD, '--workers', '3', '--duration', '16s', '--json']);
    await program.says(/\d of 3 workers|on 3 workers/, 60_000);
    await sleep(5_000);
    const [host] = hosts.hosts as [TestHost, TestHost, TestHost];
    // Its load waits too: the server is on the other side of the cable. Shorter than its time limits, it goes on.
    host.link('down');
    await sleep(4_000);
    host.link('up');
    const { code, stdout, stderr } = await program.ended;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const result = resultOf(stdout);
    expect(result).toMatchObject({ partial: false });
    expect(keysIn(site, bucket)).toHaveLength(countOf(result, 'PUT'));
  }, 120_000);

  test('workers that break: the run goes on, and is told what is missing since when', async () => {
    const { program } = await start(['dist', ...LOAD, '--workers', '3', '--duration', '16s', '--json']);
    await program.says(/on 3 workers/, 60_000);
    const [cut, killed, full] = hosts.hosts as [TestHost, TestHost, TestHost];
    await sleep(7_000);
    cut.link('down');
    killed.run('pkill', '-9', '-f', 'k6-[0-9a-f]* run');
    full.run('sh', '-c', 'cat /dev/zero > /root/filler 2>/dev/null || true');
    const { code, stdout, stderr } = await program.ended;
    cut.link('up');
    full.run('rm', '-f', '/root/filler');
    expect(code).toBe(1);
    expect(stderr).toMatch(/w0 .*out of reach/);
    expect(stderr).toMatch(/w1 .*lost: it was killed/);
    const result = resultOf(stdout);
    expect(result.partial).toBe(true);
    const lost = result.workers.map(({ lost }) => lost);
    expect(lost.map((each) => each !== undefined && each.atMs > 1_000 && each.atMs < 16_500)).toEqual([
      true,
      true,
      true,
    ]);
    expect(lost[0]?.why).toMatch(/nothing was heard of it/);
    expect(lost[1]?.why).toBe('it was killed');
    expect(lost[2]?.why).toMatch(/disk/);
    // What they had told by then counts.
    expect(result.workers.every(({ ops = 0 }) => ops > 0)).toBe(true);
    const runs = await (await start(['stop', result.run.id])).program.ended;
    expect(runs.code).toBe(0);
    for (const host of hosts.hosts) host.run('sh', '-c', `rm -rf /root/${RUNS}/*`);
  }, 150_000);

  test('Ctrl-C stops all of them, and what they measured is told', async () => {
    const { program, bucket } = await start([
      'dist',
      ...LOAD,
      '--workers',
      '3',
      '--duration',
      '60s',
      '--json',
      '--stats-interval',
      '1s',
    ]);
    await program.says(/STATS: .* 3 of 3 workers/, 60_000);
    program.kill('SIGINT');
    const { code, stdout } = await program.ended;
    const result = resultOf(stdout);
    expect({ code, partial: result.partial, interrupted: result.interrupted }).toEqual({
      code: 1,
      partial: false,
      interrupted: true,
    });
    for (const host of hosts.hosts) expect(processesOn(host)).not.toMatch(/k6-\w+ run/);
    expect(keysIn(site, bucket).length - countOf(result, 'PUT')).toBeLessThanOrEqual(12);
    expect(errorCount(result.totals[0] ?? { ops: 0, bytes: 0, errors: {} })).toBe(0);
  }, 120_000);

  test('what is wrong with workers is told of all of them at once, and nothing is started', async () => {
    const odd = join((await stage.home()).path, 'odd-workers');
    writeFileSync(
      odd,
      [hosts.hosts[0]?.address, hosts.nobody, 'no-such-host.invalid', hosts.hosts[1]?.address].join('\n'),
    );
    const config = hosts.sshConfig({ knownHosts: hosts.known([hosts.hosts[0] as TestHost]) });
    const more = { S3LOADTEST_WORKERS_FILE: odd, S3LOADTEST_SSH_CONFIG: config };
    const { program, bucket } = await start(['dist', ...LOAD, '--workers', '4', '--duration', '5s'], more);
    const { code, stderr, ms } = await program.ended;
    expect(code).toBe(1);
    const errors = stderr.split('\n').filter((line) => line.startsWith('error: '));
    expect(errors).toHaveLength(3);
    expect(errors.join('\n')).toMatch(/w1 .*(?:no answer|no way)/);
    expect(errors.join('\n')).toMatch(/w2 .*no-such-host/);
    expect(errors.join('\n')).toMatch(/w3 .*host key .* is not in/);
    expect(ms).toBeLessThan(20_000);
    expect(keysIn(site, bucket)).toEqual([]);
    const partial = await start(
      ['dist', ...LOAD, '--workers', '4', '--duration', '2s', '--allow-partial', '--json'],
      more,
    );
    const ended = await partial.program.ended;
    const result = resultOf(ended.stdout);
    expect({ code: ended.code, partial: result.partial, workers: result.workers.length }).toEqual({
      code: 1,
      partial: true,
      workers: 1,
    });
    expect(keysIn(site, partial.bucket)).toHaveLength(countOf(result, 'PUT'));
  }, 120_000);

  test('a bucket that a worker has no right to is told once, and no load is sent', async () => {
    const { program, bucket } = await start(['dist', ...LOAD, '--workers', '3', '--duration', '5s'], {
      AWS_SECRET_ACCESS_KEY: 'wrong',
    });
    const { code, stderr, stdout } = await program.ended;
    expect({ code, says: stdout.includes('No load was sent') }).toEqual({ code: 2, says: true });
    expect(stderr.match(/AWS_SECRET_ACCESS_KEY is not the secret/g)).toHaveLength(1);
    expect(keysIn(site, bucket)).toEqual([]);
    for (const host of hosts.hosts) expect(host.run('ls', `/root/${RUNS}`).trim()).toBe('');
  }, 60_000);

  test.each([
    {
      args: ['dist', 'firehose', '--workers', '4'],
      says: /--workers is 4, .* has 3 hosts: add more, or take --per-host 2/,
    },
    { args: ['dist', 'firehose', '--workers', '0'], says: /--workers is "0": give a whole number/ },
    { args: ['dist', 'firehose', '--workers', '3', '--worker-id', 'x'], says: /--worker-id is "x": .* leave it out/ },
    { args: ['dist', 'nope', '--workers', '3'], says: /pattern "nope" is not known/ },
    { args: ['stop'], says: /no run is under way/ },
    { args: ['collect', 'nope'], says: /run "nope" is on none of these machines/ },
  ])('$args is refused', async ({ args, says }) => {
    const { code, stderr } = await (await start(args)).program.ended;
    expect(code).toBe(2);
    expect(stderr).toMatch(says);
  });

  test('doctor says how each of them is', async () => {
    const { code, stdout } = await (await start(['doctor', '--workers', '3'])).program.ended;
    expect(code).toBe(0);
    expect(stdout.match(/ready +\S+ \d+ cores/g)).toHaveLength(3);
  }, 60_000);
});
