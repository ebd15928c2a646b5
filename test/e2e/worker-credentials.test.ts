/** Credentials that end before a run on two machines does, with real OpenSSH servers and a store that refuses those that ended. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseResult, sum } from '../../lib/result/result';
import { run } from '../../runners/process/child';
import { startKeyedProxy } from '../flaky-proxy';
import { canMakeHosts, type Hosts, startHosts, type TestHost } from '../hosts';
import { missing, temporaryFolder } from '../servers';
import { CLI, environment, newBucket, notRun, openStage, Program, type Stage } from '../stage';

const possible = canMakeHosts();
const VALID_MS = 12_000;
/** A program that gives a new set each time, with who asked and when it was made in its access key. */
const giving = (who: string) => `#!/bin/sh
now=$(date +%s%3N)
echo "{\\"Version\\":1,\\"AccessKeyId\\":\\"AKID${who}$now\\",\\"SecretAccessKey\\":\\"s$now\\",\\"SessionToken\\":\\"t$now\\",\\"Expiration\\":\\"$(date -u -d "+${VALID_MS / 1000} seconds" +%Y-%m-%dT%H:%M:%SZ)\\"}"
`;
const isValid = (key: string) => Date.now() < Number(/\d+$/.exec(key)?.[0]) + VALID_MS;

let hosts: Hosts;
let stage: Stage;

beforeAll(async () => {
  if (!possible) return;
  stage = await openStage();
  hosts = await startHosts(await temporaryFolder(), [{ disk: '400m' }, { disk: '400m' }]);
});
afterAll(async () => {
  await hosts?.stop();
  await stage?.stop();
});

/** A run whose home here has this as its ~/.aws/config, and a store for it. */
async function stageRun(config: string, more: NodeJS.ProcessEnv = {}) {
  const proxy = await startKeyedProxy(stage.server, isValid, hosts.address);
  const home = await stage.home();
  mkdirSync(join(home.path, '.aws'));
  writeFileSync(join(home.path, '.aws', 'config'), config);
  const workers = join(home.path, 'workers');
  writeFileSync(workers, hosts.hosts.map(({ address }) => `${address}\n`).join(''));
  const bucket = await newBucket(stage.site);
  const {
    AWS_ACCESS_KEY_ID: _id,
    AWS_SECRET_ACCESS_KEY: _key,
    ...env
  } = environment(stage, home, stage.server, bucket);
  const own = {
    S3_ENDPOINTS: proxy.endpoint,
    S3LOADTEST_WORKERS_FILE: workers,
    S3LOADTEST_SSH_CONFIG: hosts.sshConfig({ knownHosts: hosts.known() }),
  };
  const start = (...args: string[]) =>
    new Program(process.execPath, [CLI, ...args], { ...env, ...own, ...more }, home.path);
  return { proxy, start, home };
}

const LOAD = ['firehose', '--size', '1KB', '--rate', '100', '--concurrency', '2', '--workers', '2', '--json'];
/** Files on a machine, but for k6 and scripts, that have an access key in them. */
const keysOn = (host: TestHost) =>
  host.run('sh', '-c', 'grep -rl AKID /root --exclude-dir=code --exclude-dir=.aws 2> /dev/null || true').trim();

describe.runIf(possible)('a set that the CLI has, and that ends', () => {
  const program = async () => {
    const path = join(await temporaryFolder(), 'credentials.sh');
    writeFileSync(path, giving('x'), { mode: 0o755 });
    return `[profile bench]\ncredential_process = ${path}\n`;
  };

  test.each(['native', 'http'])('is renewed from here, and sent to each worker, by %s', async (backend) => {
    const more = { AWS_PROFILE: 'bench', S3LOADTEST_BACKEND: backend };
    const { proxy, start } = await stageRun(await program(), more);
    const running = start('dist', ...LOAD, '--duration', '20s', '--stats-interval', '1s');
    await running.says(/STATS: .* 2 of 2 workers/, 60_000);
    // A connection that is cut while they are renewed: they are sent when it is back.
    const [host, other] = hosts.hosts as [TestHost, TestHost];
    host.run('pkill', '-KILL', '-f', 'sshd: root@notty');
    const looked: string[] = [];
    const looking = setInterval(
      () => looked.push(other.run('sh', '-c', 'cat /proc/[0-9]*/cmdline | tr "\\0" " "')),
      500,
    );
    const { code, stdout, stderr } = await running.ended;
    clearInterval(looking);
    await proxy.stop();
    expect(code, stderr).toBe(0);
    const { totals, workers, partial } = parseResult(stdout) ?? expect.fail(stdout);
    expect([sum(totals).errors, partial, workers.map(({ exit }) => exit)]).toEqual([0, false, [0, 0]]);
    expect(proxy.keys.size).toBeGreaterThan(2);
    expect(stderr).not.toMatch(/can't be renewed|could not be renewed|not taken/);
    // They are nowhere to be seen, and nothing of them is left.
    expect(stdout + stderr + looked.join()).not.toMatch(/AKIDx\d/);
    expect(looked.length).toBeGreaterThan(5);
    for (const each of hosts.hosts) expect(keysOn(each)).toBe('');
  });

  test('is told to end where the run is left to itself', async () => {
    const { proxy, start } = await stageRun(await program(), { AWS_PROFILE: 'bench' });
    const { stderr } = await start('start', ...LOAD, '--duration', '30s').ended;
    expect(stderr).toMatch(
      /^warning: the credentials end at 20\S+Z, before the run does, and can't be renewed there$/m,
    );
    await start('stop').ended;
    await start('collect').ended;
    await proxy.stop();
  });
});

const noGo = await missing(['go']);
if (noGo.length > 0) notRun("workers' own credentials", 'go');

describe.runIf(possible && noGo.length === 0)("workers' own", () => {
  /** What Go has built already, in whatever home. */
  const built = async () => {
    const { stdout } = await run('go', ['env', 'GOCACHE', 'GOMODCACHE'], { env: process.env });
    const [GOCACHE = '', GOMODCACHE = ''] = stdout.split('\n');
    return { GOCACHE, GOMODCACHE };
  };
  const WORKER = ['--credentials', 'worker'];
  /** ~/.aws/config of a machine: a program that says who asked. */
  const giveTo = (host: TestHost, who: string) => {
    const script = giving(who).replaceAll("'", "'\\''");
    const config = '[default]\\ncredential_process = /root/.aws/give\\n';
    const files = `mkdir -p /root/.aws && printf '${config}' > /root/.aws/config && printf '%s' '${script}' > /root/.aws/give`;
    host.run('sh', '-c', `${files} && chmod 700 /root/.aws/give`);
  };

  test.each([
    { backend: 'native', by: 'dist' },
    // Nobody is there while it runs.
    { backend: 'http', by: 'start' },
  ])('are found and renewed on each, and nothing of them is here: $backend, by $by', async ({ backend, by }) => {
    const [one, two] = hosts.hosts as [TestHost, TestHost];
    giveTo(one, 'a');
    giveTo(two, 'b');
    // Keys that are here are not for them, nor is a profile that is not there.
    const keys = { AWS_ACCESS_KEY_ID: 'AKIDhere0', AWS_SECRET_ACCESS_KEY: 'secret of here' };
    const { proxy, start } = await stageRun('', {
      ...keys,
      AWS_PROFILE: 'nope',
      S3LOADTEST_BACKEND: backend,
      ...(await built()),
    });
    const begun = await start(by, ...LOAD, ...WORKER, '--duration', '16s').ended;
    const { code, stdout, stderr } = by === 'start' ? await start('collect', '--json').ended : begun;
    await proxy.stop();
    expect(code, stderr).toBe(0);
    const { totals, workers } = parseResult(stdout) ?? expect.fail(stdout);
    expect([sum(totals).errors, workers.map(({ exit }) => exit)]).toEqual([0, [0, 0]]);
    expect(sum(totals).ops).toBeGreaterThan(100);
    const seen = [...proxy.keys].map((key) => /^AKID(\w)\d/.exec(key)?.[1]);
    // Each of them had several, and nobody else's.
    expect([...new Set(seen)].sort()).toEqual(['a', 'b']);
    for (const who of ['a', 'b']) expect(seen.filter((each) => each === who).length).toBeGreaterThan(1);
    expect(begun.stdout + begun.stderr + stdout + stderr).not.toMatch(/AKID|secret of here/);
    for (const each of hosts.hosts) expect(keysOn(each)).toBe('');
  });

  test('that are not there are told, and no load is sent', async () => {
    const [one, two] = hosts.hosts as [TestHost, TestHost];
    giveTo(one, 'a');
    two.run('rm', '-rf', '/root/.aws');
    const { proxy, start } = await stageRun('', await built());
    const { code, stderr, stdout } = await start('dist', ...LOAD, ...WORKER, '--duration', '5s').ended;
    await proxy.stop();
    expect(code, stdout).not.toBe(0);
    expect(stderr).toMatch(/w1 .*AWS's provider chain gives no credentials on this machine \(.+\): `aws sts/);
    expect(stdout).toBe('');
  });

  test.each([
    {
      args: ['run', 'firehose'],
      says: /^S3LOADTEST_CREDENTIALS is worker: only dist and start have workers: give env or aws$/m,
    },
    { args: ['cleanup', '--yes'], says: /^S3LOADTEST_CREDENTIALS is worker: only dist/m },
    {
      args: ['dist', ...LOAD],
      env: { S3LOADTEST_BACKEND: 'jslib' },
      says: /^--credentials is worker, and S3LOADTEST_BACKEND is "jslib", which takes no keys/m,
    },
  ])('are for dist and start: $args.0', async ({ args, env = {}, says }) => {
    const { proxy, start } = await stageRun('', env);
    const { code, stderr } = await start(...args, ...WORKER).ended;
    await proxy.stop();
    expect([code, stderr]).toEqual([2, expect.stringMatching(says)]);
  });
});
