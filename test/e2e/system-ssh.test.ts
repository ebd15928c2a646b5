/** Workers over this machine's own ssh, with real OpenSSH servers: connecting, commands, a run, and what breaks. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Result } from '../../lib/result/result';
import type { Remote } from '../../runners/fleet/remote';
import { connectBySsh } from '../../runners/fleet/ssh/connect';
import { connectBySystem } from '../../runners/fleet/ssh/system';
import { canMakeHosts, type Hosts, startHosts, type TestHost } from '../hosts';
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
  startSilent,
} from '../stage';

const possible = canMakeHosts();
const RUNS = '.s3loadtest/runs';

let hosts: Hosts;
let one: TestHost;
let two: TestHost;
let stage: Stage;
let site: Site;
let home: Home;
let folder: string;
/** Key of who vouches for users, and for the second host. */
let authority: string;

beforeAll(async () => {
  if (!possible) return;
  stage = await openStage();
  home = await stage.home();
  folder = join(stage.folder, 'hosts');
  mkdirSync(folder);
  authority = join(folder, 'authority');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', authority]);
  hosts = await startHosts(folder, [
    { disk: '400m', sshd: ['MaxSessions 4'] },
    {
      ...{ disk: '400m', port: 2222 },
      sshd: [`TrustedUserCAKeys ${authority}.pub`, `HostCertificate ${folder}/host1-key-ed25519-cert.pub`],
    },
  ]);
  [one, two] = hosts.hosts as [TestHost, TestHost];
  execFileSync('ssh-keygen', [
    ...['-q', '-s', authority, '-I', 'host', '-h', '-n', two.address],
    join(folder, 'host1-key-ed25519.pub'),
  ]);
  await two.reboot();
  site = await stage.another({ address: hosts.address });
});
afterAll(async () => {
  await hosts?.stop();
  await stage?.stop();
});

const opened: Remote[] = [];
afterEach(() => Promise.all(opened.splice(0).map((remote) => remote.close())));

async function connect(
  host: Pick<TestHost, 'address' | 'port'>,
  more: Partial<Parameters<typeof connectBySystem>[1]> = {},
) {
  const machine = { id: 'w0', host: host.address, port: host.port, slot: 0 };
  const configFile = hosts.sshConfig({ knownHosts: hosts.known() });
  const remote = await connectBySystem(machine, { configFile, environment: process.env, ...more });
  opened.push(remote);
  return remote;
}

/** What connections leave in the folder for temporary files. */
const sockets = () => readdirSync(tmpdir()).filter((name) => name.startsWith('s3lt-ssh-'));
/** Programs here that hold connections to these hosts. */
const connections = () =>
  readdirSync('/proc').filter((pid) => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return (
        words[0] === 'ssh' &&
        words.some((word) => word.startsWith(`${folder}/ssh_config`) || word.includes('ControlPath='))
      );
    } catch {
      return false; // it has ended, or is no process
    }
  });

describe.runIf(possible)('a connection', () => {
  test('one login serves all commands: exit codes, both outputs, and input', async () => {
    const logins = () => two.log().match(/Accepted publickey/g)?.length ?? 0;
    const before = logins();
    const remote = await connect(two);
    const all = await Promise.all([
      remote.run('uname -n'),
      remote.run('echo out; echo "$1" >&2; exit 7', { args: ["it's"] }),
      remote.run('cat', { stdin: 'sent' }),
      remote.run('exit 255'),
    ]);
    expect(all.map(({ code, stdout, stderr }) => [code, stdout, stderr])).toEqual([
      [0, 'host1\n', ''],
      [7, 'out\n', "it's\n"],
      [0, 'sent', ''],
      [255, '', ''],
    ]);
    expect(logins() - before).toBe(1);
    expect(sockets()).toHaveLength(1);
    expect(
      Number(execFileSync('stat', ['-c', '%a', join(tmpdir(), sockets()[0] as string)], { encoding: 'utf8' })),
    ).toBe(700);
    await remote.close();
    expect(await remote.gone).toBeUndefined();
    expect([sockets(), connections()]).toEqual([[], []]);
  });

  test('files go there and back whole', async () => {
    const remote = await connect(one);
    const bytes = randomBytes(5 * 1024 ** 2);
    const local = join(folder, 'file');
    writeFileSync(local, bytes);
    await remote.putFile(local, '/root/file', '0640');
    expect((await remote.readFile('/root/file')).equals(bytes)).toBe(true);
    expect((await remote.run('stat -c %a /root/file; rm /root/file')).stdout).toBe('640\n');
    await remote.close();
  });

  test('that is cut is told as lost, with what ssh said of it', async () => {
    const remote = await connect(two, { keepaliveMs: 1_000 });
    const streaming = await remote.stream('while :; do echo x; sleep 0.1; done', () => {});
    two.link('down');
    const lost = await streaming.ended.catch((e: unknown) => e);
    two.link('up');
    expect(lost).toMatchObject({
      trouble: 'lost',
      why: `the connection to ${two.address} is lost (the system's ssh: Timeout, server ${two.address} not responding.)`,
    });
    expect(await remote.gone).toBe(lost);
    await expect(remote.run('true')).rejects.toBe(lost);
    expect(sockets()).toEqual([]);
  });

  test('that takes no more commands says so', async () => {
    const remote = await connect(one);
    const running = await Promise.all([1, 2, 3, 4].map(() => remote.stream('exec sleep 30', () => {})));
    await expect(remote.run('true')).rejects.toMatchObject({
      why: "no command can be run there (the system's ssh: mux_client_request_session: session request failed: Session open refused by peer)",
    });
    for (const each of running) each.stop();
    await remote.close();
    expect([sockets(), connections()]).toEqual([[], []]);
  });
});

describe.runIf(possible)('certificates', () => {
  /** A key that no machine knows, with a certificate for this user name. */
  async function certified(user: string) {
    const key = await hosts.newKey();
    execFileSync('ssh-keygen', ['-q', '-s', authority, '-I', 'user', '-n', user, '-V', '-1m:+1h', `${key}.pub`]);
    return key;
  }
  const builtIn = (configFile: string, environment = process.env) =>
    connectBySsh({ id: 'w0', host: two.address, port: 2222, slot: 0 }, { configFile, environment });

  test("a user's, in a file, and the host's: the system's ssh logs in, what is built in names it", async () => {
    const key = await certified('root');
    const knownHosts = join(folder, 'known_authority');
    const publicKey = readFileSync(`${authority}.pub`, 'utf8').split(' ').slice(0, 2).join(' ');
    writeFileSync(knownHosts, `@cert-authority ${two.knownAs} ${publicKey}\n`);
    const configFile = hosts.sshConfig({ knownHosts, key });
    expect((await (await connect(two, { configFile })).run('uname -n')).stdout).toBe('host1\n');
    expect(two.log()).toMatch(/Accepted publickey for root .* ED25519-CERT .* ID user /);
    await expect(builtIn(configFile)).rejects.toThrow(
      /known_hosts has only a @cert-authority for \S+, .* not supported here: set S3LOADTEST_SSH=system, or add/,
    );
    await expect(builtIn(hosts.sshConfig({ knownHosts: hosts.known(), key }))).rejects.toThrow(
      /: not let in at root@\S+: \S+-cert\.pub is a certificate, which can't be used here: set S3LOADTEST_SSH=system, or/,
    );
    // One for another user lets nobody in.
    const other = hosts.sshConfig({ knownHosts, key: await certified('somebody') });
    await expect(connect(two, { configFile: other })).rejects.toMatchObject({ trouble: 'auth' });
  });

  test("a user's that an agent has", async () => {
    const socket = join(folder, 'agent');
    const said = execFileSync('ssh-agent', ['-s', '-a', socket], { encoding: 'utf8' });
    try {
      const environment = { ...process.env, SSH_AUTH_SOCK: socket };
      execFileSync('ssh-add', ['-q', await certified('root')], { env: environment, stdio: 'ignore' });
      const lines = ['Host *', 'IdentityAgent SSH_AUTH_SOCK', 'IdentityFile none'];
      const configFile = hosts.sshConfig({ knownHosts: hosts.known(), lines, key: 'none' });
      const remote = await connect(two, { configFile, environment });
      expect((await remote.run('uname -n')).stdout).toBe('host1\n');
      await expect(builtIn(configFile, environment)).rejects.toThrow(
        /: not let in at root@\S+: .* in the agent is a certificate, which can't be used here: set S3LOADTEST_SSH=system/,
      );
    } finally {
      process.kill(Number(/SSH_AGENT_PID=(\d+)/.exec(said)?.[1]));
    }
  });
});

describe.runIf(possible)('what keeps from connecting is one line, with what ssh said', () => {
  const refused = (why: RegExp, trouble: string) => ({ name: 'RemoteError', trouble, why: expect.stringMatching(why) });

  test('a host key that is not known, or another one', async () => {
    const unknown = hosts.sshConfig({ knownHosts: hosts.known([one]) });
    await expect(connect(two, { configFile: unknown })).rejects.toMatchObject(
      refused(
        /^the system's ssh does not connect us to \S+ \(Host key verification failed\.\): see by `ssh .*` that/,
        'hostKey',
      ),
    );
    const knownHosts = join(folder, 'known_old');
    writeFileSync(knownHosts, `${two.knownAs} ${one.publicKeys[0]}\n`);
    const old = hosts.sshConfig({ knownHosts });
    const remedy = /\(Host key for \S+ has changed .*\): if .*, (ssh-keygen -R '\S+' -f \S+known_old), then/;
    const error = await connect(two, { configFile: old }).catch((e: unknown) => e);
    expect(error).toMatchObject(refused(remedy, 'hostKey'));
    execFileSync('sh', ['-c', remedy.exec(String(error))?.[1] ?? 'false'], { stdio: 'ignore' });
    expect(readFileSync(knownHosts, 'utf8')).toBe('');
  });

  test('a login that is refused, a machine that is not there, a name that is not known', async () => {
    const key = hosts.sshConfig({ knownHosts: hosts.known(), key: await hosts.newKey() });
    await expect(connect(one, { configFile: key })).rejects.toMatchObject(
      refused(
        / \(root@\S+: Permission denied \(publickey\)\.\): see that `ssh .* true` logs in and asks for nothing$/,
        'auth',
      ),
    );
    await expect(connect({ address: one.address, port: 1 })).rejects.toMatchObject(
      refused(/\(ssh: connect to host \S+ port 1: Connection refused\): start sshd there/, 'refused'),
    );
    await expect(connect({ address: 'nowhere.invalid', port: 22 })).rejects.toMatchObject(
      refused(/\(ssh: Could not resolve hostname nowhere\.invalid: .*\): correct the name/, 'resolve'),
    );
    expect([sockets(), connections()]).toEqual([[], []]);
  });

  test('a ProxyCommand that fails, with what it said', async () => {
    const failing = ['Host *', "ProxyCommand sh -c 'echo no tunnel here >&2; exit 3'"];
    const lines = { knownHosts: hosts.known(), lines: failing };
    await expect(connect(one, { configFile: hosts.sshConfig(lines) })).rejects.toMatchObject(
      refused(/ \(no tunnel here\): try `ssh /, 'lost'),
    );
  });

  test('a server that is silent, being called off, and no ssh at all', async () => {
    const silent = await startSilent();
    const port = Number(new URL(silent.endpoint).port);
    const there = { address: '127.0.0.1', port };
    await expect(connect(there, { connectMs: 1_000 })).rejects.toMatchObject(
      refused(/timed out during banner exchange/, 'timeout'),
    );
    const controller = new AbortController();
    const connecting = connect(there, { signal: controller.signal });
    setTimeout(() => controller.abort(new Error('called off')), 500);
    await expect(connecting).rejects.toThrow('called off');
    silent.stop();
    await expect(connect(one, { environment: { PATH: folder } })).rejects.toMatchObject({
      trouble: 'config',
      why: "S3LOADTEST_SSH is system, and there is no ssh on the PATH: install OpenSSH's client, or leave S3LOADTEST_SSH out",
    });
    expect([sockets(), connections()]).toEqual([[], []]);
  });
});

describe.runIf(possible)('a run on two machines', () => {
  const LOAD = ['firehose', '--size', '1KB', '--rate', '200', '--concurrency', '4', '--workers', '2', '--json'];

  async function start(args: readonly string[], more: NodeJS.ProcessEnv = {}) {
    const bucket = await newBucket(site);
    const workers = join(home.path, 'workers');
    writeFileSync(workers, `${one.address}\n${two.address}:2222\n`);
    const env = {
      ...environment(stage, home, site.server, bucket),
      S3LOADTEST_WORKERS_FILE: workers,
      S3LOADTEST_SSH: 'system',
      S3LOADTEST_SSH_CONFIG: hosts.sshConfig({ knownHosts: hosts.known() }),
      ...more,
    };
    return { bucket, program: new Program(process.execPath, [CLI, ...args], env, home.path) };
  }
  const resultOf = (output: string) => JSON.parse(output) as Result;
  const puts = ({ totals }: Result) => totals.find(({ op }) => op === 'PUT')?.ops ?? 0;
  const processesOn = (host: TestHost) => host.run('sh', '-c', 'cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" " "');
  const nothingIsLeft = async () => {
    for (const host of hosts.hosts) {
      expect(processesOn(host)).not.toMatch(/k6-\w+ run/);
      host.run('sh', '-c', `rm -rf /root/${RUNS}/*`);
    }
    await vi.waitFor(() => expect([sockets(), connections()]).toEqual([[], []]), 5_000);
  };

  test('its Result is what is in the bucket', async () => {
    const { program, bucket } = await start(['dist', ...LOAD, '--duration', '4s']);
    await program.says(/on 2 workers/, 60_000);
    expect(connections().length).toBeGreaterThan(1);
    expectNoCredential(
      Object.fromEntries(connections().map((pid) => [pid, readFileSync(`/proc/${pid}/cmdline`, 'utf8')])),
    );
    const { code, stdout, stderr } = await program.ended;
    expect(code, stderr).toBe(0);
    const result = resultOf(stdout);
    expect(result.workers.map(({ id, exit }) => [id, exit])).toEqual([
      ['w0', 0],
      ['w1', 0],
    ]);
    expect(keysIn(site, bucket)).toHaveLength(puts(result));
    expect(puts(result)).toBeGreaterThan(100);
    await nothingIsLeft();
  });

  test('Ctrl-C in mid-run stops both, and what they measured is told', async () => {
    const { program } = await start(['dist', ...LOAD, '--duration', '60s', '--stats-interval', '1s']);
    await program.says(/STATS: .* 2 of 2 workers/, 60_000);
    program.kill('SIGINT');
    const { stdout } = await program.ended;
    expect(resultOf(stdout)).toMatchObject({ interrupted: true, partial: false });
    await nothingIsLeft();
  });

  test('a k6 that is killed is told, and the other goes on', async () => {
    const { program } = await start(['dist', ...LOAD, '--duration', '6s', '--stats-interval', '1s']);
    await program.says(/STATS: .* 2 of 2 workers/, 60_000);
    two.run('pkill', '-9', '-f', 'k6-[0-9a-f]* run');
    const { code, stdout, stderr } = await program.ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/w1 .*lost: it was killed/);
    const { partial, workers } = resultOf(stdout);
    expect([partial, workers.map(({ lost }) => lost?.why)]).toEqual([true, [undefined, 'it was killed']]);
    await nothingIsLeft();
  });

  test('a connection that is cut in mid-run is made again', async () => {
    const { program, bucket } = await start(['dist', ...LOAD, '--duration', '8s', '--stats-interval', '1s']);
    await program.says(/STATS: .* 2 of 2 workers/, 60_000);
    two.run('pkill', '-KILL', '-f', 'sshd: root@notty');
    const { code, stdout, stderr } = await program.ended;
    expect(code, stderr).toBe(0);
    expect(puts(resultOf(stdout))).toBe(keysIn(site, bucket).length);
    await nothingIsLeft();
  });

  test('a CLI that is killed leaves no connection', async () => {
    const { program } = await start(['dist', ...LOAD, '--duration', '60s', '--stats-interval', '1s']);
    await program.says(/STATS: .* 2 of 2 workers/, 60_000);
    program.kill('SIGKILL');
    await program.ended;
    await vi.waitFor(() => expect([sockets(), connections()]).toEqual([[], []]), 15_000);
    const stopped = await (await start(['stop'])).program.ended;
    expect(stopped.stdout.match(/was running, is ended with 105/g)).toHaveLength(2);
    await nothingIsLeft();
  });

  test('a worker that refuses us is told, and nothing is started', async () => {
    const lines = [
      `Host ${two.address}`,
      'IdentitiesOnly yes',
      `IdentityFile ${await hosts.newKey()}`,
      `Host ${one.address}`,
      `IdentityFile ${hosts.key}`,
    ];
    const config = hosts.sshConfig({ knownHosts: hosts.known(), lines, key: '/nowhere' });
    const { program, bucket } = await start(['dist', ...LOAD, '--duration', '4s'], { S3LOADTEST_SSH_CONFIG: config });
    const { code, stderr } = await program.ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^error: w1 \(\S+\): the system's ssh does not connect us to \S+ \(root@\S+: Permission denied/m,
    );
    expect(keysIn(site, bucket)).toEqual([]);
    await nothingIsLeft();
  });
});
