/** Workers on three machines with real OpenSSH servers: connecting, files, runs, and what breaks. */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { FROM_CLI, MARKS } from '../../lib/result/protocol';
import { parseResult, sum } from '../../lib/result/result';
import { measureClock } from '../../runners/fleet/clock';
import { atEach } from '../../runners/fleet/each';
import type { Remote } from '../../runners/fleet/remote';
import { RemoteError } from '../../runners/fleet/shell';
import { connectBySsh, type SshOptions } from '../../runners/fleet/ssh/connect';
import { followFile, probe, runFolder, runStatus, startRun, stopRun } from '../../runners/fleet/worker';
import { findWorkers } from '../../runners/fleet/workers';
import { type Machine, parseEndpoint } from '../../runners/fleet/workers-file';
import { canMakeHosts, type Hosts, startHosts, type TestHost } from '../hosts';
import { ROOT } from '../k6';
import { CREDENTIALS } from '../servers';
import { alive, keysIn, listen, newBucket, openStage, type Stage, startSilent } from '../stage';

const CLOCK_AHEAD_MS = 3_000;
const possible = canMakeHosts();

let hosts: Hosts;
/** Plain; with three host keys, on another port, its clock ahead; with nothing but busybox. */
let plain: TestHost;
let odd: TestHost;
let small: TestHost;
let config: string;
let stage: Stage;
let folder: string;

beforeAll(async () => {
  if (!possible) return;
  stage = await openStage();
  folder = join(stage.folder, 'hosts');
  mkdirSync(folder);
  hosts = await startHosts(folder, [
    {},
    { port: 2222, keys: ['ed25519', 'ecdsa', 'rsa'], clockAheadMs: CLOCK_AHEAD_MS, sshd: ['AllowTcpForwarding yes'] },
    // Other keys every 2 MB: in the midst of an upload, too.
    { busybox: true, sshd: ['MaxStartups 2:100:2', 'AllowTcpForwarding no', 'RekeyLimit 2M'], disk: '20m' },
  ]);
  [plain, odd, small] = hosts.hosts as [TestHost, TestHost, TestHost];
  config = hosts.sshConfig({ knownHosts: hosts.known() });
});
afterAll(async () => {
  await hosts?.stop();
  await stage?.stop();
});

/** Each with an id of its own. */
let count = 0;
function machineOf(text: string, address?: string): Machine {
  const endpoint = parseEndpoint(text);
  if (endpoint === undefined) throw new Error(`no host: ${text}`);
  const { name, ...rest } = endpoint;
  return { id: `w${count++}`, host: name, ...rest, ...(address === undefined ? {} : { address }), slot: 0 };
}

const opened: Remote[] = [];
afterAll(async () => {
  await Promise.all(opened.map((remote) => remote.close()));
});

async function connect(text: string, configFile = config, more: Partial<SshOptions> & { address?: string } = {}) {
  const { address, ...options } = more;
  const remote = await connectBySsh(machineOf(text, address), { configFile, environment: process.env, ...options });
  opened.push(remote);
  return remote;
}

const to = ({ address, port }: TestHost) => `${address}:${port}`;
const answer = async (remote: Remote, script: string) => (await remote.run(script)).stdout.trim();

describe.runIf(possible)('connecting', () => {
  test('by address, port, IPv6, alias, and a name beside its address', async () => {
    const known = hosts.known();
    writeFileSync(known, `[${odd.address6}]:2222 ${odd.publicKeys[0]}\nodd ${odd.publicKeys[0]}\n`, { flag: 'a' });
    const aliases = hosts.sshConfig({
      knownHosts: known,
      lines: ['Host other', `HostName ${odd.address}`, 'Port 2222'],
    });
    const all = await Promise.all([
      connect(to(plain), aliases),
      connect(`root@[${odd.address6}]:2222`, aliases),
      connect('other', aliases),
      connect('odd:2222', aliases, { address: odd.address }),
      connect(small.address, aliases),
    ]);
    expect(await Promise.all(all.map((remote) => answer(remote, 'uname -n')))).toEqual([
      'host0',
      'host1',
      'host1',
      'host1',
      'host2',
    ]);
  });

  test('hashed names', async () => {
    const knownHosts = hosts.known();
    execFileSync('ssh-keygen', ['-q', '-H', '-f', knownHosts], { stdio: 'ignore' });
    expect(readFileSync(knownHosts, 'utf8')).not.toContain(odd.address);
    const hashed = hosts.sshConfig({ knownHosts });
    expect(await answer(await connect(to(plain), hashed), 'uname -n')).toBe('host0');
    expect(await answer(await connect(to(odd), hashed), 'uname -n')).toBe('host1');
  });

  test('a server that has several keys, by whichever is known', async () => {
    for (const line of odd.publicKeys) {
      const knownHosts = join(folder, 'known_one');
      writeFileSync(knownHosts, `${odd.knownAs} ${line}\n`);
      const one = hosts.sshConfig({ knownHosts });
      expect(await answer(await connect(to(odd), one), 'uname -n'), line).toBe('host1');
    }
  });

  test('a key that only an agent has', async () => {
    const socket = join(folder, 'agent');
    const said = execFileSync('ssh-agent', ['-s', '-a', socket], { encoding: 'utf8' });
    try {
      const environment = { ...process.env, SSH_AUTH_SOCK: socket };
      execFileSync('ssh-add', ['-q', await hosts.newKey()], { env: environment });
      execFileSync('ssh-add', ['-q', hosts.key], { env: environment });
      const own = ['Host *', 'IdentityAgent SSH_AUTH_SOCK', 'IdentityFile none'];
      const agent = hosts.sshConfig({ knownHosts: hosts.known(), lines: own, key: 'none' });
      expect(await answer(await connect(to(plain), agent, { environment }), 'uname -n')).toBe('host0');
    } finally {
      process.kill(Number(/SSH_AGENT_PID=(\d+)/.exec(said)?.[1]));
    }
  });

  test('through two jump hosts, each verified', async () => {
    const lines = (target: TestHost) => [`Host ${target.address}`, `ProxyJump ${to(plain)},${to(odd)}`];
    const jumping = hosts.sshConfig({ knownHosts: hosts.known(), lines: lines(small) });
    const remote = await connect(small.address, jumping);
    expect(await answer(remote, 'echo "$SSH_CONNECTION" | cut -d " " -f 1')).toBe(odd.address);

    const unknown = hosts.sshConfig({ knownHosts: hosts.known([small, plain]), lines: lines(small) });
    await expect(connect(small.address, unknown)).rejects.toThrow(
      new RegExp(
        `^w\\d+ \\(${small.address}\\): host key SHA256:\\S+ \\(ssh-ed25519\\) is not in .*, then ssh .* true$`,
      ),
    );
  });

  /** A program for ProxyCommand, and connecting through it. */
  function through(script: string) {
    const program = join(folder, `through-${count}`);
    writeFileSync(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const lines = [`Host ${small.address}`, `ProxyCommand ${program} %h %p %r`];
    const tunnelled = hosts.sshConfig({ knownHosts: hosts.known(), lines });
    return { program, connecting: connect(small.address, tunnelled) };
  }

  test('through a program, which ends with the connection', async () => {
    const marks = join(folder, 'marks');
    const { connecting } = through(`echo $$ $3 >> ${marks}; exec busybox nc $1 $2`);
    const remote = await connecting;
    expect(await answer(remote, 'uname -n')).toBe('host2');
    // More than any buffer on the way.
    expect(await answer(remote, 'head -c 1000000 /dev/zero | tr "\\0" x')).toHaveLength(1_000_000);
    const [pid, user] = readFileSync(marks, 'utf8').trim().split(' ');
    expect([user, alive(Number(pid))]).toEqual(['root', true]);
    remote.close();
    await vi.waitFor(() => expect(alive(Number(pid))).toBe(false), 5_000);
  });

  test.each([
    { script: 'echo no tunnel here >&2; exit 3', how: 'no tunnel here' },
    { script: 'exit 4', how: 'exit code 4' },
    { script: 'kill -TERM $$', how: 'SIGTERM' },
  ])('a program that fails: $script', async ({ script, how }) => {
    const { program, connecting } = through(script);
    await expect(connecting).rejects.toMatchObject({
      trouble: 'unreachable',
      why: `ProxyCommand "${program} ${small.address} 22 root" does not connect us to root@${small.address} (${how})`,
    });
  });

  test('many at once to a server that turns most of them away', async () => {
    const all = await Promise.all(Array.from({ length: 6 }, () => connect(small.address)));
    expect(await Promise.all(all.map((remote) => answer(remote, 'uname -n')))).toEqual(Array(6).fill('host2'));
  });
});

describe.runIf(possible)('what keeps from connecting', () => {
  test('is told of all workers, one line each, within 10 s, and keeps nobody else from it', async () => {
    const silent = await startSilent();
    const closed = await listenOnce();
    const mixed = hosts.sshConfig({
      knownHosts: hosts.known([odd, small]),
      key: await hosts.newKey(),
      lines: [`Host * !${small.address}`, `IdentityFile ${hosts.key}`],
    });
    const workersFile = join(folder, 'workers');
    const lines = [
      to(odd),
      'nowhere.invalid',
      `127.0.0.1:${closed}`,
      `127.0.0.1:${new URL(silent.endpoint).port}`,
      hosts.nobody,
      plain.address,
      small.address,
      to(odd).replace(odd.address, `root@${odd.address}`),
    ];
    writeFileSync(workersFile, lines.join('\n'));
    const began = Date.now();
    const workers = findWorkers({ workersFile, sshConfig: mixed }, { count: lines.length }, process.env);
    const { done, problems } = await atEach(workers, async () => {});
    silent.stop();
    expect(Date.now() - began).toBeLessThan(12_000);
    expect(done.map(({ machine }) => machine.id)).toEqual(['w0', 'w7']);
    expect(problems).toEqual([
      expect.stringMatching(/^w1 \(nowhere\.invalid\): the name nowhere\.invalid (is not known|can not be)/),
      `w2 (127.0.0.1): root@127.0.0.1:${closed} refuses connections: start sshd there, or give its port as host:port`,
      `w3 (127.0.0.1): no answer in 10 s while connecting to root@127.0.0.1:${new URL(silent.endpoint).port}`,
      `w4 (${hosts.nobody}): there is no way to root@${hosts.nobody} (EHOSTUNREACH): see that it is up, and the network`,
      expect.stringMatching(
        /^w5 .*: host key SHA256:\S+ \(ssh-ed25519\) is not in .*: see that it is the host's, then ssh-keyscan -t ed25519 \S+ >> \S+$/,
      ),
      expect.stringMatching(
        /^w6 .* let us in with none of \S+\/key-\S+: make the public key known there, ssh-copy-id -i \S+/,
      ),
    ]);
    for (const line of problems) expect(line).not.toContain('\n');
  });

  test('a key that has changed', async () => {
    const knownHosts = join(folder, 'known_old');
    writeFileSync(knownHosts, `${odd.knownAs} ${plain.publicKeys[0]}\n`);
    const old = hosts.sshConfig({ knownHosts });
    await expect(connect(to(odd), old)).rejects.toMatchObject({
      trouble: 'hostKey',
      why: expect.stringMatching(
        /is not the one in .*: if it was meant to change, ssh-keygen -R '\[\S+\]:2222' -f \S+ && ssh-keyscan -t ed25519 -p 2222 \S+ >> \S+$/,
      ),
    });
    // And that remedy is one.
    execFileSync('ssh-keygen', ['-R', odd.knownAs, '-f', knownHosts], { stdio: 'ignore' });
    execFileSync('sh', ['-c', `ssh-keyscan -t ed25519 -p 2222 ${odd.address} >> ${knownHosts} 2> /dev/null`]);
    expect(await answer(await connect(to(odd), old), 'uname -n')).toBe('host1');
  });

  test('a key with a passphrase, and no agent', async () => {
    const key = await hosts.newKey('secret');
    const locked = hosts.sshConfig({ knownHosts: hosts.known(), key });
    await expect(connect(to(plain), locked)).rejects.toMatchObject({
      trouble: 'auth',
      why: `not let in at root@${plain.address}: ${key} has a passphrase: run \`ssh-add ${key}\``,
    });
  });

  test('a jump host that forwards nothing', async () => {
    const lines = [`Host ${plain.address}`, `ProxyJump ${small.address}`];
    const jumping = hosts.sshConfig({ knownHosts: hosts.known(), lines });
    await expect(connect(plain.address, jumping)).rejects.toMatchObject({
      trouble: 'unreachable',
      why: `root@${small.address} does not connect us to root@${plain.address} (it forwards nothing): set AllowTcpForwarding in its sshd_config`,
    });
  });

  test("ssh's own limit, where that is shorter", async () => {
    const silent = await startSilent();
    const { port } = new URL(silent.endpoint);
    const hasty = hosts.sshConfig({ knownHosts: hosts.known(), lines: ['Host 127.0.0.1', 'ConnectTimeout 1'] });
    await expect(connect(`127.0.0.1:${port}`, hasty)).rejects.toMatchObject({
      trouble: 'timeout',
      why: `root@127.0.0.1:${port} did not answer in 1 s, its ConnectTimeout in ssh's configuration: see that it is up, or raise that`,
    });
    silent.stop();
  });

  test('being called off', async () => {
    const silent = await startSilent();
    const controller = new AbortController();
    const { port } = new URL(silent.endpoint);
    const connecting = connect(`127.0.0.1:${port}`, config, { signal: controller.signal });
    setTimeout(() => controller.abort(new Error('called off')), 300);
    await expect(connecting).rejects.toThrow('called off');
    silent.stop();
  });
});

/** A port of loopback that was open, and is not. */
async function listenOnce(): Promise<number> {
  const { createServer } = await import('node:net');
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe.runIf(possible)('a machine', () => {
  test('its clock, also one that is ahead, and one that shows seconds only', async () => {
    for (const host of [plain, odd, small]) {
      const ahead = host === odd ? CLOCK_AHEAD_MS : 0;
      const { offsetMs, errorMs } = await measureClock(await connect(to(host)));
      // The command that libfaketime is loaded into reads the clock a little later.
      expect(Math.abs(offsetMs - ahead)).toBeLessThanOrEqual(errorMs + 2);
      expect(errorMs).toBeLessThan(host === small ? 400 : 100);
    }
  });

  test('what it has, and a file that it has not, and then has', async () => {
    const remote = await connect(to(small));
    const bytes = randomBytes(12 * 1024 ** 2);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const file = { name: `tool-${sha256.slice(0, 16)}`, sha256 };
    const local = join(folder, file.name);
    writeFileSync(local, bytes);
    const before = await probe(remote, '~/code', '~/runs', [file]);
    expect(before).toMatchObject({ system: 'Linux', home: '/root', code: { path: '/root/code', problem: undefined } });
    expect(before.code.free).toBe(20 * 1024 ** 2);
    expect([...before.have]).toEqual([]);
    const path = `${before.code.path}/${file.name}`;
    await remote.putFile(local, path, '0755');
    expect([...(await probe(remote, '~/code', '~/runs', [file])).have]).toEqual([file.name]);
    const back = join(folder, 'back');
    await remote.getFile(path, back);
    expect(readFileSync(back).equals(bytes)).toBe(true);

    // There is no room for another.
    await expect(remote.putFile(local, `${before.code.path}/again`, '0755')).rejects.toMatchObject({
      trouble: 'command',
      why: expect.stringMatching(/^\/root\/code\/again can't be written \(cat: .*No space left on device\)$/),
    });
    expect(await answer(remote, 'ls /root/code')).toBe(file.name);
    await remote.run('rm -r /root/code');
  });
});

describe.runIf(possible)('a connection that is lost', () => {
  test('in mid-transfer is told as that, and leaves nothing half done', async () => {
    const large = join(folder, 'large');
    writeFileSync(large, '');
    truncateSync(large, 48 * 1024 ** 2);
    const remote = await connect(to(odd));
    await remote.putText('as it was', '/root/file', '0600');
    const sending = remote.putFile(large, '/root/file', '0600').catch((e: unknown) => e);
    const size = () => Number(odd.run('sh', '-c', 'cat /root/file.part-* 2> /dev/null | wc -c'));
    while (size() < 2 ** 20) await sleep(5);
    odd.run('pkill', '-KILL', '-f', 'sshd: root@notty');
    expect(await sending).toMatchObject({ name: 'RemoteError', trouble: 'lost' });
    expect(await sending).toBe(await remote.gone);
    const after = await connect(to(odd));
    for (const end = Date.now() + 5_000; size() > 0 && Date.now() < end; ) await sleep(20);
    expect(await answer(after, 'ls /root/file*; cat /root/file')).toBe('/root/file\nas it was');
  });
});

describe.runIf(possible)('a run', () => {
  /** A k6 of this machine: hosts have its files, but for their homes. */
  const SCRIPT = `
    import { sleep } from 'k6';
    export const options = { vus: 1, duration: '60s' };
    let n = 0;
    export default () => { console.log('line ' + n++); sleep(0.1); };
    export const handleSummary = () => ({ stdout: 'summary\\n' });`;
  const k6Run = (...more: string[]): [string, ...string[]] => [
    stage.k6,
    'run',
    '--quiet',
    '--no-usage-report',
    '--log-format=raw',
    '--address=',
    ...more,
  ];

  test('of the real thing, against a server beyond the bridge, with nothing of its credentials to be seen', async () => {
    const site = await stage.another({ address: hosts.address });
    const bucket = await newBucket(site);
    const remote = await connect(to(plain));
    const { code, logs } = await probe(remote, '~/code', '~/runs', []);
    await remote.putFile(join(ROOT, 'build', 'firehose.js'), `${code.path}/firehose.js`, '0644');
    const dir = runFolder(logs.path, 'real', 'w0');

    // Whatever runs there meanwhile: no command line has the secret key in it.
    const secret = CREDENTIALS.secretAccessKey;
    const found: string[] = [];
    let looks = 0;
    const watching = await (await connect(to(plain))).stream(
      'while :; do cat /proc/[0-9]*/cmdline 2> /dev/null | tr "\\0" "\\n"; echo; echo "looked again"; done',
      (line) => {
        if (line === 'looked again') looks++;
        if (line.includes(secret)) found.push(line);
      },
    );
    await startRun(remote, dir, k6Run(`${code.path}/firehose.js`), {
      [FROM_CLI.present]: '1',
      [FROM_CLI.extension]: '1',
      [FROM_CLI.runId]: 'real',
      S3LOADTEST_BACKEND: 'native',
      S3_ENDPOINTS: site.server.endpoints.join(','),
      S3_BUCKET: bucket,
      AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: secret,
      S3LOADTEST_DURATION: '2s',
      S3LOADTEST_CONCURRENCY: '2',
      S3LOADTEST_SIZE: '1KB',
    });
    let result: string | undefined;
    const { ended } = await followFile(remote, dir, 'stdout', 0, (line) => {
      if (line.startsWith(MARKS.result)) result = line.slice(MARKS.result.length);
    });
    expect((await ended).code).toBe(0);
    watching.stop();
    expect(found).toEqual([]);
    expect(looks).toBeGreaterThan(20);
    const [status] = await runStatus(remote, logs.path);
    expect(status).toMatchObject({ run: 'real', state: 'ended', exit: 0 });
    const { totals } = parseResult(result ?? '') ?? { totals: [] };
    expect(keysIn(site, bucket)).toHaveLength(sum(totals.filter(({ op }) => op === 'PUT')).ops);
    expect(keysIn(site, bucket).length).toBeGreaterThan(10);
    const said = await remote.run('cat "$1"/*', { args: [dir] });
    for (const credential of Object.values(CREDENTIALS)) expect(said.stdout).not.toContain(credential);
    expect([...(status?.files.keys() ?? [])].filter((name) => name.startsWith('settings'))).toEqual([]);
  });

  test('goes on when the connection is lost, and is followed on from where it was', async () => {
    const script = join(folder, 'run.js');
    writeFileSync(script, SCRIPT);
    const first = await connect(to(plain), config, { keepaliveMs: 400 });
    const { logs } = await probe(first, '~/code', '~/runs', []);
    const dir = runFolder(logs.path, 'lost', 'w0');
    await startRun(first, dir, k6Run(script), {});
    const lines: string[] = [];
    let offset = 0;
    const onLine = (line: string, bytes: number) => {
      lines.push(line);
      offset += bytes;
    };
    const cut = await followFile(first, dir, 'stderr', 0, onLine);
    while (lines.length < 5) await sleep(20);
    plain.link('down');
    const began = Date.now();
    const lost = await cut.ended.catch((e: unknown) => e);
    expect(lost).toBeInstanceOf(RemoteError);
    expect(lost).toMatchObject({
      trouble: 'lost',
      why: `the connection to root@${plain.address} is lost (nothing was heard for 1.6 s)`,
    });
    expect(Date.now() - began).toBeLessThan(4_000);
    expect(await first.gone).toBe(lost);
    await expect(first.run('true')).rejects.toBe(lost);
    const before = lines.length;
    plain.link('up');

    const second = await connect(to(plain));
    const [status] = (await runStatus(second, logs.path)).filter(({ run }) => run === 'lost');
    expect(status).toMatchObject({ state: 'running' });
    const again = await followFile(second, dir, 'stderr', offset, onLine);
    while (lines.length < before + 10) await sleep(20);
    // k6 ends by the first signal, with its summary.
    const stopped = await stopRun(second, dir, { int: 10_000 });
    expect(stopped).toMatchObject({ was: 'running', signals: ['INT'], state: 'ended', exit: 105, left: [] });
    expect((await again.ended).code).toBe(0);
    const told = lines.filter((line) => line.startsWith('line '));
    expect(told).toEqual(told.map((_, i) => `line ${i}`));
    expect(lines.join('\n')).toBe((await second.run('cat "$1/stderr"', { args: [dir] })).stdout.trimEnd());
    expect((await second.run('cat "$1/stdout"', { args: [dir] })).stdout).toContain('summary');
  });

  test('is told as gone after a reboot, and as killed after kill -9', async () => {
    const script = join(folder, 'run.js');
    writeFileSync(script, SCRIPT);
    const remote = await connect(to(small));
    const { logs } = await probe(remote, '~/code', '~/runs', []);
    const start = async (run: string) => startRun(remote, runFolder(logs.path, run, 'w0'), k6Run(script), {});
    const pid = await start('killed');
    small.run('kill', '-9', String(pid));
    await start('rebooted');
    const states = async (by: Remote) =>
      new Map((await runStatus(by, logs.path)).map(({ run, state, exit, why }) => [run, [state, exit, why]]));
    while ((await states(remote)).get('killed')?.[0] === 'running') await sleep(50);
    expect(await states(remote)).toEqual(
      new Map<string, unknown>([
        ['killed', ['ended', 137, undefined]],
        ['rebooted', ['running', undefined, undefined]],
      ]),
    );
    await small.reboot();
    expect((await remote.gone)?.message).toContain('is lost');
    const after = await connect(to(small));
    expect(await states(after)).toEqual(
      new Map<string, unknown>([
        ['killed', ['ended', 137, undefined]],
        ['rebooted', ['vanished', undefined, 'the machine was started anew']],
      ]),
    );
  });

  test('has its exit code on a disk that is full', async () => {
    const remote = await connect(to(odd));
    const { logs } = await probe(remote, '~/code', '~/runs', []);
    const dir = runFolder(logs.path, 'full', 'w0');
    const fill = 'cat /dev/zero > filling 2> /dev/null; sleep 0.3; echo more; echo more >&2; exit 9';
    await startRun(remote, dir, ['sh', '-c', fill], {});
    const { ended } = await followFile(remote, dir, 'stdout', 0, () => {});
    expect((await ended).code).toBe(0);
    const { logs: full, runs } = await probe(remote, '~/code', '~/runs', []);
    expect(runs).toMatchObject([{ run: 'full', state: 'ended', exit: 9 }]);
    expect(full.free).toBe(0);
    expect(full.problem).toMatch(/No space left on device/);
    await expect(startRun(remote, runFolder(logs.path, 'more', 'w0'), ['true'], { A: 'x' })).rejects.toThrow(
      /can't be written \(.*No space left on device\)$/,
    );
    await remote.run('rm "$1/filling"', { args: [dir] });
  });
});
