/**
 * Machines to run on, for tests: each a network namespace with an address of its own on one bridge, its own processes,
 * hostname, home (a small disk in memory) and boot id, and a real OpenSSH server. Takes root. All of it is gone at the end.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { command, connected, Daemon } from './servers';
import { notRun } from './stage';

/** What it takes: Debian's and Ubuntu's openssh-server, openssh-client, iproute2, faketime and busybox-static. */
const COMMANDS = ['sshd', 'ssh', 'ssh-keygen', 'ssh-agent', 'ssh-add', 'ip', 'faketime', 'busybox'];
const KEY_TYPES = ['ed25519', 'ecdsa', 'rsa'] as const;

export interface HostOptions {
  /** Its port of sshd. */
  readonly port?: number;
  /** Types of its host keys; ed25519 where none are named. */
  readonly keys?: readonly (typeof KEY_TYPES)[number][];
  /** How far ahead its clock is, for all commands but those that do not ask the C library, as Go's. */
  readonly clockAheadMs?: number;
  /** Its shell and every command are busybox's, and there is nothing else, as on Alpine. */
  readonly busybox?: boolean;
  /** Size of its home, for mount: 64m where none is named. */
  readonly disk?: string;
  /** Its home is that of another of the hosts, by number, as with a home on NFS. */
  readonly homeOf?: number;
  /** Further lines of sshd_config; the first of two that say the same holds. */
  readonly sshd?: readonly string[];
}

export interface TestHost {
  readonly name: string;
  readonly address: string;
  readonly address6: string;
  readonly port: number;
  /** `address` or `[address]:port`, as known_hosts has it. */
  readonly knownAs: string;
  /** Its public host keys, a line `type base64` each. */
  readonly publicKeys: readonly string[];
  /** Cuts its cable, or mends it. */
  link(state: 'up' | 'down'): void;
  /** Ends all that runs there at once, and starts it again with another boot id. The home stays. */
  reboot(): Promise<void>;
  /** Runs a command there, not by ssh. @throws when it fails, with what it said */
  run(...args: readonly string[]): string;
  /** Gives it other host keys. */
  newKeys(): Promise<void>;
  /** What its sshd has said. */
  log(): string;
}

export interface Hosts {
  readonly folder: string;
  /** Of this machine on the bridge. */
  readonly address: string;
  readonly hosts: readonly TestHost[];
  /** The key that all let in. */
  readonly key: string;
  /** An address on the bridge that nobody has. */
  readonly nobody: string;
  /** Writes a known_hosts file with these hosts, or all, in it and returns its path. */
  known(hosts?: readonly TestHost[]): string;
  /** Writes an ssh configuration that takes nothing from this machine's and returns its path. */
  sshConfig(options?: { knownHosts?: string; key?: string; lines?: readonly string[] }): string;
  /** Makes a key without or with a passphrase, that no host knows, and returns its path. */
  newKey(passphrase?: string): Promise<string>;
  stop(): Promise<void>;
}

/** Whether hosts can be made here; says so when not, and fails in CI. */
export function canMakeHosts(): boolean {
  const folders = (process.env.PATH ?? '').split(':');
  const lacks = COMMANDS.filter((name) => !folders.some((folder) => existsSync(join(folder, name))));
  if (process.getuid?.() !== 0) lacks.push('root');
  if (lacks.length > 0) notRun('hosts in network namespaces', lacks.join(', '));
  return lacks.length === 0;
}

/** Starts them. `folder` takes keys, configurations and logs, and is to be empty. */
export async function startHosts(folder: string, options: readonly HostOptions[]): Promise<Hosts> {
  sweep();
  const id = `${process.pid.toString(36)}${randomBytes(1).toString('hex')}`;
  const [a, b] = randomBytes(2);
  const net = `10.${a}.${b}`;
  const net6 = `fd00:${a}:${b}`;
  const bridge = bridgeOf(id);
  const stops: Array<() => Promise<void>> = [];
  const clean = () => remove(id);
  process.once('exit', clean);
  const stop = async () => {
    await Promise.all(stops.map((end) => end()));
    clean();
    process.removeListener('exit', clean);
  };
  try {
    const key = await makeKey(join(folder, 'client'), 'ed25519');
    ip('link', 'add', bridge, 'type', 'bridge');
    ip('address', 'add', `${net}.1/24`, 'dev', bridge);
    ip('address', 'add', `${net6}::1/64`, 'dev', bridge, 'nodad');
    ip('link', 'set', bridge, 'up');
    mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
    for (const [i, { homeOf, disk = '64m' }] of options.entries()) {
      if (homeOf !== undefined) continue;
      const home = homeFolder(folder, i);
      mkdirSync(home);
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${disk},mode=700`, disks(id), home]);
    }
    const made = await Promise.all(
      options.map((option, i) =>
        startHost({ folder, id, i, bridge, net, net6, authorized: `${key}.pub` }, option, stops),
      ),
    );
    return {
      folder,
      address: `${net}.1`,
      nobody: `${net}.250`,
      hosts: made,
      key,
      known: (hosts = made) => {
        const path = join(folder, `known_hosts-${randomUUID()}`);
        const lines = hosts.flatMap((host) => host.publicKeys.map((line) => `${host.knownAs} ${line}\n`));
        writeFileSync(path, lines.join(''));
        return path;
      },
      sshConfig: ({ knownHosts = '/dev/null', key: identity = key, lines = [] } = {}) => {
        const path = join(folder, `ssh_config-${randomUUID()}`);
        const common = [
          `IdentityFile ${identity}`,
          `UserKnownHostsFile ${knownHosts}`,
          'GlobalKnownHostsFile /dev/null',
          'IdentityAgent none',
          'User root',
        ];
        writeFileSync(path, [...lines, 'Host *', ...common, ''].join('\n'));
        return path;
      },
      newKey: (passphrase) => makeKey(join(folder, `key-${randomUUID()}`), 'ed25519', passphrase),
      stop,
    };
  } catch (e) {
    await stop();
    throw e;
  }
}

const bridgeOf = (id: string) => `s3lt${id}`;
const namespace = (id: string, i: number | '') => `s3lt-${id}-${i}`;
/** What /proc/mounts shows as the device of all homes. */
const disks = (id: string) => `s3lt-${id}`;

const homeFolder = (folder: string, i: number) => join(folder, `host${i}-home`);

const namespaces = () => (existsSync('/run/netns') ? readdirSync('/run/netns') : []);

/** Removes all that hosts take of this machine, but for their folder. */
function remove(id: string): void {
  for (const name of namespaces().filter((each) => each.startsWith(namespace(id, '')))) {
    const pids = execFileSync('ip', ['netns', 'pids', name], { encoding: 'utf8' });
    for (const pid of pids.split('\n').filter((line) => line !== '')) quietly('kill', '-KILL', pid);
    quietly('ip', 'netns', 'delete', name);
  }
  quietly('ip', 'link', 'delete', bridgeOf(id));
  for (const line of readFileSync('/proc/mounts', 'utf8').split('\n')) {
    const [device, path = ''] = line.split(' ');
    if (device === disks(id)) quietly('umount', path);
  }
}

/** Removes what test runs that were killed have left. */
function sweep(): void {
  const ids = namespaces().flatMap((name) => /^s3lt-(\w+)-\d+$/.exec(name)?.[1] ?? []);
  for (const id of new Set(ids)) if (!existsSync(`/proc/${Number.parseInt(id.slice(0, -2), 36)}`)) remove(id);
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

function quietly(name: string, ...args: string[]): void {
  try {
    execFileSync(name, args, { stdio: 'ignore' });
  } catch {
    // what is not there need not be removed
  }
}

/** Makes a key pair and returns the private one's path. */
async function makeKey(path: string, type: string, passphrase = ''): Promise<string> {
  await command(
    'ssh-keygen',
    '-q',
    '-t',
    type,
    ...(type === 'rsa' ? ['-b', '2048'] : []),
    '-N',
    passphrase,
    '-f',
    path,
  );
  return path;
}

/**
 * The first process of a host. Its /proc and mounts are its own: its home is a disk, another boot id lies over the kernel's,
 * and a busybox host has nothing but busybox.
 */
const INIT = `
set -e
home=$1 boot=$2 name=$3 passwd=$4; shift 4
hostname "$name"
mount --bind "$home" /root
mount --bind "$boot" /proc/sys/kernel/random/boot_id
if [ -n "$passwd" ]; then
  mount --bind "$passwd" /etc/passwd
  mount --bind "$(command -v busybox)" "$(readlink -f /bin/sh)"
fi
exec "$@"
`;

interface Ground {
  readonly folder: string;
  readonly id: string;
  readonly i: number;
  readonly bridge: string;
  /** The first three of four numbers. */
  readonly net: string;
  readonly net6: string;
  /** Public keys that are let in. */
  readonly authorized: string;
}

async function startHost(ground: Ground, options: HostOptions, stops: Array<() => Promise<void>>): Promise<TestHost> {
  const { folder, id, i, bridge, net, net6 } = ground;
  const { port = 22, keys = ['ed25519'], homeOf = i } = options;
  const name = `host${i}`;
  const file = (what: string) => join(folder, `${name}-${what}`);
  const address = `${net}.${11 + i}`;
  const address6 = `${net6}::${i + 2}`;
  const outside = `s3v${id}${i}`;
  const ns = namespace(id, i);
  ip('netns', 'add', ns);
  ip('link', 'add', outside, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', ns);
  ip('link', 'set', outside, 'master', bridge, 'up');
  ip('-n', ns, 'address', 'add', `${address}/24`, 'dev', 'eth0');
  ip('-n', ns, 'address', 'add', `${address6}/64`, 'dev', 'eth0', 'nodad');
  for (const link of ['lo', 'eth0']) ip('-n', ns, 'link', 'set', link, 'up');

  const hostKeys = keys.map((type) => file(`key-${type}`));
  const makeKeys = () => Promise.all(keys.map((type, n) => makeKey(hostKeys[n] as string, type)));
  await makeKeys();
  const home = homeFolder(folder, homeOf);
  const tools = file('tools');
  const passwd = options.busybox ? file('passwd') : '';
  if (options.busybox) {
    mkdirSync(tools);
    execFileSync('busybox', ['--install', '-s', tools]);
    writeFileSync(passwd, readFileSync('/etc/passwd', 'utf8').replace(/^(root:.*:).*$/m, '$1/bin/sh'));
  }
  const environment = [
    ...(options.busybox ? [`PATH=${tools}`] : []),
    ...(options.clockAheadMs === undefined
      ? []
      : [`LD_PRELOAD=${faketime()}`, `FAKETIME=+${options.clockAheadMs / 1000}s`, 'FAKETIME_DONT_FAKE_MONOTONIC=1']),
  ];
  writeFileSync(
    file('sshd_config'),
    [
      ...(options.sshd ?? []),
      `ListenAddress ${address}:${port}`,
      `ListenAddress [${address6}]:${port}`,
      ...hostKeys.map((path) => `HostKey ${path}`),
      `AuthorizedKeysFile ${ground.authorized}`,
      ...(environment.length > 0 ? [`SetEnv ${environment.join(' ')}`] : []),
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitRootLogin prohibit-password',
      'PidFile none',
      'LogLevel VERBOSE',
      '',
    ].join('\n'),
  );
  const log = file('sshd.log');
  const boot = file('boot_id');
  let daemon: Daemon | undefined;
  const start = async () => {
    writeFileSync(boot, `${randomUUID()}\n`);
    const init = ['sh', '-c', INIT, 'init', home, boot, name, passwd];
    const sshd = ['/usr/sbin/sshd', '-D', '-e', '-f', file('sshd_config')];
    const contained = ['--mount', '--uts', '--pid', '--fork', '--mount-proc', '--kill-child'];
    const all = ['netns', 'exec', ns, 'unshare', ...contained, ...init, ...sshd];
    daemon = new Daemon('ip', all, log);
    await daemon.answers(() => connected(`http://${address}:${port}`));
  };
  await start();
  stops.push(async () => daemon?.stop());
  return {
    name,
    address,
    address6,
    port,
    knownAs: port === 22 ? address : `[${address}]:${port}`,
    get publicKeys() {
      return hostKeys.map((path) => readFileSync(`${path}.pub`, 'utf8').split(' ').slice(0, 2).join(' '));
    },
    link: (state) => ip('link', 'set', outside, state),
    reboot: async () => {
      await daemon?.stop();
      await start();
    },
    run: (...args) => {
      const first = readFileSync(`/proc/${daemon?.pid}/task/${daemon?.pid}/children`, 'utf8').trim();
      const inside = ['-t', first, '--mount', '--uts', '--pid', '--net'];
      // Raw samples of a run are many.
      const maxBuffer = 512 * 1024 ** 2;
      const stdio = ['ignore', 'pipe', 'pipe'] as const;
      return execFileSync('nsenter', [...inside, ...args], { encoding: 'utf8', stdio: [...stdio], maxBuffer });
    },
    newKeys: async () => {
      for (const path of hostKeys) execFileSync('rm', [path, `${path}.pub`]);
      await makeKeys();
      await daemon?.stop();
      await start();
    },
    log: () => readFileSync(log, 'utf8'),
  };
}

/** The library that `faketime` preloads: sshd gives commands an environment of its own, so they are to be told by that. */
function faketime(): string {
  const [line = ''] = execFileSync('faketime', ['-f', '+0s', 'printenv', 'LD_PRELOAD'], { encoding: 'utf8' }).split(
    '\n',
  );
  return line.trim();
}
