/**
 * Runs on several machines, end to end: real OpenSSH servers in network namespaces, a real S3 server, the real k6 on each.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
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
  home = await stage.home();
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
    expect(code, stderr + stdout).toBe(0);

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

  test('a key of SSE-C reaches all of them, and is on no command line, in no file and in no figure', async () => {
    const key = randomBytes(32).toString('base64');
    // The server takes no notice of keys.
    const args = ['dist', ...LOAD, '--workers', '3', '--duration', '6s', '--stats-interval', '2s', '--json'];
    const { program } = await start([...args, '--sse-c', '--no-check'], { S3LOADTEST_SSE_C_KEY: key });
    await program.says(/STATS: .* 3 of 3 workers/, 60_000);
    const texts = {
      'processes on a worker': hosts.hosts.map(processesOn).join(''),
      'processes here': readFileSync(`/proc/${program.pid}/cmdline`, 'utf8'),
      'files on the workers': hosts.hosts
        .map((host) => host.run('sh', '-c', `cat /root/${RUNS}/*/*/* 2>/dev/null || true`))
        .join(''),
    };
    const { code, stdout, stderr } = await program.ended;
    expect(code, stderr).toBe(0);
    const result = resultOf(stdout);
    expect(result.workers.map(({ exit }) => exit)).toEqual([0, 0, 0]);
    expect(result.run.config).toMatchObject({ sseC: true });
    const log = readFileSync(join(home.data, 'results', result.run.id, 'k6.log'), 'utf8');
    expectNoCredential({ ...texts, stdout, stderr, log }, [key]);
  });

  test('a workload file runs on all of them, and its shares hold over all', async () => {
    const file = join(home.path, 'web.yaml');
    writeFileSync(file, 'name: web\naccess: {read: 50, data: 83}\nobjects: {sizes: 1KB}\nvus: 2\n');
    const { program } = await start(['dist', file, '--workers', '3', '--duration', '8s', '--json']);
    const { stdout } = await program.ended;
    const { totals, workers } = resultOf(stdout);
    expect(workers).toHaveLength(3);
    const attempts = ({ ops, errors }: Result['totals'][number]) =>
      ops + Object.values(errors).reduce((sum, n) => sum + n, 0);
    const all = totals.reduce((sum, figures) => sum + attempts(figures), 0);
    expect(all).toBeGreaterThan(5_000);
    const shares = totals.map((figures) => [figures.op, (attempts(figures) * 100) / all] as const);
    for (const [op, share] of shares) {
      const expected = op === 'GET' || op === 'PUT' ? 41.5 : 17 / 8;
      expect(Math.abs(share - expected), `${op} ${share}`).toBeLessThan(1);
    }
    // What versitygw does not know fails, by its name.
    const failed = totals.flatMap(({ errors }) => Object.keys(errors));
    expect([...new Set(failed)]).toEqual(['unsupported']);
  });

  test('a clock that is wrong by seconds moves neither the start nor the timeline', async () => {
    const { program } = await start(['dist', ...LOAD, '--workers', '2', '--duration', '3s', '--json'], {}, [
      'faketime',
      '-f',
      '+3s',
    ]);
    const { code, stdout, stderr } = await program.ended;
    expect(code, stderr + stdout).toBe(0);
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
    await vi.waitFor(() => expect(keysIn(site, bucket).length).toBeGreaterThan(0), { timeout: 20_000, interval: 200 });
    await sleep(2_000); // Each of them writes its counts once a second.
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
    // It was stopped by order, and all was reported.
    expect({ code, id: result.run.id }).toEqual({ code: 0, id: run });
    expect(result).toMatchObject({ interrupted: true, partial: false });
    expect(result.warnings.filter(({ code }) => code === 'worker-lost')).toEqual([]);
    expect(result.workers.map(({ exit }) => exit)).toEqual([0, 0, 0]);
    // What was under way when it was stopped was written, and not measured.
    expect(keysIn(site, bucket).length - countOf(result, 'PUT')).toBeLessThanOrEqual(12);
    expect((await (await start(['status'])).program.ended).stdout).toBe('no runs\n');
  }, 120_000);

  test('two runs at once: all of them are looked at, stopped and collected by one word', async () => {
    const ids: string[] = [];
    for (const _ of [1, 2]) {
      const { code, stdout } = await (await start(['start', ...LOAD, '--workers', '2', '--duration', '60s'])).program
        .ended;
      expect(code).toBe(0);
      ids.push(/s3loadtest collect (\S+);/.exec(stdout)?.[1] ?? '');
    }
    const several = await (await start(['stop'])).program.ended;
    expect([several.code, several.stderr]).toEqual([
      2,
      expect.stringMatching(/several runs are under way.*take all: /),
    ]);
    const looked = await (await start(['status', 'all'])).program.ended;
    expect(looked.stdout.match(/running/g)).toHaveLength(4);
    const stopped = await (await start(['stop', 'all'])).program.ended;
    expect(stopped.stdout.match(/is ended with 105/g)).toHaveLength(4);
    const collected = await (await start(['collect', 'all', '--keep'])).program.ended;
    expect({ code: collected.code, stderr: collected.stderr }).toMatchObject({ code: 0 });
    for (const id of ids) expect(collected.stdout).toContain(join(id, 'result.json'));

    // What is kept is known as collected, and in nobody's way.
    const kept = await (await start(['status'])).program.ended;
    expect(kept.stdout.match(/ended with 105, collected/g)).toHaveLength(4);
    const none = await (await start(['collect'])).program.ended;
    expect([none.code, none.stderr]).toEqual([2, 'no run is there\n']);
    for (const id of ids) expect((await (await start(['collect', id])).program.ended).code).toBe(0);
    expect((await (await start(['status'])).program.ended).stdout).toBe('no runs\n');
  }, 120_000);

  test('a worker that is killed: what is left of it is gone, and to collect it again costs nothing', async () => {
    const { program } = await start(['dist', ...LOAD, '--workers', '2', '--duration', '8s', '--json']);
    await program.says(/on 2 workers/, 60_000);
    await sleep(6_000);
    (hosts.hosts[1] as TestHost).run('pkill', '-9', '-f', 'k6-[0-9a-f]* run');
    const { code, stdout } = await program.ended;
    const whole = resultOf(stdout);
    expect({ code, partial: whole.partial }).toEqual({ code: 1, partial: true });
    expect((await (await start(['status'])).program.ended).stdout).toBe('no runs\n');

    // A folder that could not be removed then, as of a machine that was away.
    const [host] = hosts.hosts as [TestHost];
    const { run } = whole;
    const left = { schema: 's3loadtest/worker@1', run: run.id, name: 'firehose', worker: 'w1', host: host.address };
    const manifest = JSON.stringify({
      ...left,
      workers: 2,
      segment: '1/2:1',
      clockOffsetMs: 0,
      cores: 1,
      intervalMs: 1000,
    });
    const folder = `/root/${RUNS}/${run.id}/w1`;
    const files = `mkdir -p ${folder} && cd ${folder} && date +%s > started && echo "137 $(date +%s)" > exit && : > stderr && : > statistics`;
    host.run('sh', '-c', `${files} && echo '${manifest}' > run.json`);
    const again = await (await start(['collect', run.id, '--json'])).program.ended;
    expect({ code: again.code, stderr: again.stderr }).toMatchObject({ code: 1 });
    expect(again.stderr).toContain('nothing that it has is given up');
    expect(sum(resultOf(again.stdout).totals)).toEqual(sum(whole.totals));
    expect(resultOf(again.stdout).workers).toEqual(whole.workers);
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
    expect(code, stderr + stdout).toBe(0);
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

  test('Ctrl-C while they are being launched leaves nothing that runs, and sends no load', async () => {
    const { program, bucket } = await start(['dist', ...LOAD, '--workers', '3', '--duration', '60s']);
    await program.says(/on 3 workers for/, 60_000);
    const stopped = performance.now();
    program.kill('SIGINT');
    const { code, stdout, stderr } = await program.ended;
    expect(code, stderr).toBe(1);
    // A k6 that ignored it, as it does while it begins, would only end by a SIGTERM after 30 s.
    expect(performance.now() - stopped).toBeLessThan(25_000);
    for (const host of hosts.hosts) expect(processesOn(host), stdout + stderr).not.toMatch(/k6-\w+ run|supervisor/);
    expect(keysIn(site, bucket)).toEqual([]);
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

describe.runIf(possible)('machines that share a home', () => {
  let sharing: Hosts;

  beforeAll(async () => {
    sharing = await startHosts(await temporaryFolder(), [{ disk: '400m' }, { homeOf: 0 }]);
  });
  afterAll(() => sharing?.stop());

  const own = () => {
    const workers = join(home.path, 'sharing');
    writeFileSync(workers, sharing.hosts.map(({ address }) => `${address}\n`).join(''));
    const config = sharing.sshConfig({ knownHosts: sharing.known() });
    return { S3LOADTEST_WORKERS_FILE: workers, S3LOADTEST_SSH_CONFIG: config };
  };

  test('each worker is looked at, stopped and collected once, where it runs', async () => {
    site = await stage.another({ address: sharing.address });
    const load = [
      'firehose',
      '--size',
      '1KB',
      '--rate',
      '50',
      '--concurrency',
      '4',
      '--workers',
      '2',
      '--duration',
      '60s',
    ];
    const { program, bucket } = await start(['start', ...load], own());
    const begun = await program.ended;
    expect({ code: begun.code, stderr: begun.stderr }).toMatchObject({ code: 0 });
    // A run that is stopped before it wrote anything has failed.
    await vi.waitFor(() => expect(keysIn(site, bucket).length).toBeGreaterThan(20), { timeout: 20_000, interval: 200 });
    const looked = await (await start(['status'], own())).program.ended;
    const [first, second] = sharing.hosts as [TestHost, TestHost];
    expect(looked.stdout.split('\n').slice(1)).toEqual([
      expect.stringMatching(new RegExp(`^  w0 ${first.address}  running`)),
      expect.stringMatching(new RegExp(`^  w1 ${second.address}  running`)),
      '',
    ]);
    const stopped = await (await start(['stop'], own())).program.ended;
    expect(stopped.stdout.match(/was running, is ended with 105/g)).toHaveLength(2);
    expect(stopped.stdout).not.toContain('vanished');
    const { code, stdout, stderr } = await (await start(['collect', '--json'], own())).program.ended;
    expect(code, stderr + stdout).toBe(0);
    const result = resultOf(stdout);
    expect(result.workers.map(({ id, host }) => [id, host])).toEqual([
      ['w0', first.address],
      ['w1', second.address],
    ]);
    expect(keysIn(site, bucket).length - countOf(result, 'PUT')).toBeLessThanOrEqual(8);
    expect(countOf(result, 'PUT')).toBeLessThanOrEqual(keysIn(site, bucket).length);
    expect((await (await start(['status'], own())).program.ended).stdout).toBe('no runs\n');
  }, 120_000);

  test('a collect in mid-run follows each where it runs, to its end', async () => {
    site = await stage.another({ address: sharing.address });
    const load = ['firehose', '--size', '1KB', '--rate', '50', '--concurrency', '4', '--workers', '2'];
    const { program, bucket } = await start(['start', ...load, '--duration', '8s'], own());
    const begun = await program.ended;
    expect(begun.code, begun.stderr).toBe(0);
    const { code, stdout, stderr } = await (await start(['collect', '--json'], own())).program.ended;
    expect(code, stderr).toBe(0);
    expect(stderr).not.toMatch(/lost|vanished/);
    const result = resultOf(stdout);
    expect([result.workers.length, result.partial]).toEqual([2, false]);
    expect(countOf(result, 'PUT')).toBe(keysIn(site, bucket).length);
  }, 120_000);
});

/** Programs that answer as systemd's do, where a run is ended with its session, or begun beside it. */
describe.runIf(possible)('a machine whose logind ends what a session leaves', () => {
  let machines: Hosts;
  let standIns: string;

  beforeAll(async () => {
    standIns = await temporaryFolder();
    const program = (name: string, script: string) =>
      writeFileSync(join(standIns, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    program('busctl', 'case $5 in KillUserProcesses) echo "b true" ;; *) echo "as 0" ;; esac');
    program('loginctl', `[ -e ${standIns}/lingers ] && echo Linger=yes || echo Linger=no`);
    program('systemd-run', 'shift 3; IN_SCOPE=1 exec "$@"');
    // As logind does: all of the session, and nothing that is beside it.
    const every = 'for p in $(grep -lz XDG_SESSION_ID=7 /proc/[0-9]*/environ 2> /dev/null); do';
    const isBeside = 'tr "\\0" "\\n" < $p 2> /dev/null | grep -qx IN_SCOPE=1';
    program('end-session', `${every} ${isBeside} || kill -KILL $(echo $p | cut -d / -f 3) 2> /dev/null; done; exit 0`);
    const SESSION = `SetEnv PATH=${standIns}:/usr/bin:/bin XDG_SESSION_ID=7`;
    machines = await startHosts(await temporaryFolder(), [{ disk: '400m', sshd: [SESSION] }]);
    site = await stage.another({ address: machines.address });
  });
  afterAll(() => machines?.stop());

  const by = () => {
    const workers = join(home.path, 'ending');
    writeFileSync(workers, machines.hosts.map(({ address }) => `${address}\n`).join(''));
    const config = machines.sshConfig({ knownHosts: machines.known() });
    return { S3LOADTEST_WORKERS_FILE: workers, S3LOADTEST_SSH_CONFIG: config };
  };
  const LOAD = ['firehose', '--size', '1KB', '--rate', '50', '--concurrency', '2', '--workers', '1'];

  test('doctor says so, start refuses it, and with lingering a run outlives its session', async () => {
    const [host] = machines.hosts as [TestHost];
    const remedy = 'run `loginctl enable-linger root` there';
    const doctor = await (await start(['doctor', '--workers', '1'], by())).program.ended;
    expect(doctor.code).toBe(0);
    expect(doctor.stderr).toMatch(
      new RegExp(
        `^warning: w0 .*: its logind ends what a session leaves .*, a run when its connection breaks: ${remedy}$`,
        'm',
      ),
    );
    const refused = await (await start(['start', ...LOAD, '--duration', '60s'], by())).program.ended;
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringMatching(
        new RegExp(`^error: w0 .*: a run can't be left there: its logind ends .*, ${remedy}$`, 'm'),
      ),
    ]);

    writeFileSync(join(standIns, 'lingers'), '');
    expect((await (await start(['doctor', '--workers', '1'], by())).program.ended).stderr).not.toContain('logind');
    const begun = await (await start(['start', ...LOAD, '--duration', '60s'], by())).program.ended;
    expect(begun.code, begun.stderr).toBe(0);
    host.run(join(standIns, 'end-session'));
    await sleep(2_000);
    const looked = await (await start(['status', '--json'], by())).program.ended;
    expect(JSON.parse(looked.stdout)).toMatchObject({ runs: [{ state: 'running' }] });
    await (await start(['stop'], by())).program.ended;
    expect((await (await start(['collect', '--json'], by())).program.ended).code).toBe(0);
  }, 120_000);
});
