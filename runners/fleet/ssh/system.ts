/**
 * Connections by this machine's own ssh, for what no other program has: certificates, hardware keys, GSSAPI, all of its
 * configuration. One ssh logs in and holds the connection (ControlMaster); each command is another one that goes through it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { settings } from '../../../lib/settings/config';
import { quote } from '../../process/quote';
import { watchOver } from '../../process/watchdog';
import { Remote } from '../remote';
import { RemoteError } from '../shell';
import type { Endpoint, Machine } from '../workers-file';
import { optionsFor, timesFor } from './config';
import type { SshOptions } from './connect';
import { SshProblem } from './problem';
import { UNANSWERED } from './shell';
import { type Failed, whatSystemSaid } from './system-diagnosis';
import { Master, SystemShell } from './system-shell';

/** Until ssh is connected, where its configuration has no ConnectTimeout. */
const CONNECT_MS = 10_000;
/** Until commands can be run: a hardware key wants to be touched meanwhile. */
const LOGIN_MS = 30_000;
const KEEPALIVE_MS = 5_000;
const LOOK_MS = 20;
const RETRY_MS = 300;
/** Of a socket's name, on every system (macOS has the shortest), less what ssh puts behind it while it makes it. */
const LONGEST_PATH = 103 - 17;
/** A path that means itself in ssh's configuration. */
const PLAIN_PATH = /^[\w./-]+$/;

/**
 * Connects to a machine.
 * @throws RemoteError with one line that says what ssh said, and what to do; the signal's reason
 */
export async function connectBySystem(machine: Machine, options: SshOptions): Promise<Remote> {
  const { host: name, id: _, slot: __, ...rest } = machine;
  const endpoint = { name, ...rest };
  try {
    const args = await argumentsFor(endpoint, options);
    const began = Date.now();
    for (;;) {
      options.signal?.throwIfAborted();
      const attempt = await logIn(machine, endpoint, args, options);
      if (attempt instanceof Master) return new Remote(machine, new SystemShell(machine, attempt));
      // Where many come at once some are turned away at random (MaxStartups).
      if (!attempt.turnedAway || Date.now() - began > CONNECT_MS) throw attempt.problem;
      await sleep(RETRY_MS * (0.5 + Math.random()), undefined, options.signal && { signal: options.signal });
    }
  } catch (e) {
    options.signal?.throwIfAborted();
    if (e instanceof SshProblem) throw new RemoteError(machine, e.trouble, e.message);
    throw e;
  }
}

/** For the ssh that logs in, but for where its socket is. */
async function argumentsFor(endpoint: Endpoint, options: SshOptions): Promise<string[]> {
  const { configFile: file, environment } = options;
  const times = await timesFor(endpoint, { file, environment });
  const seconds = (ms: number) => String(Math.ceil(ms / 1000));
  const own = {
    ControlMaster: 'yes',
    // It ends with the process that we see, not in the background.
    ControlPersist: 'no',
    // Nobody can answer it.
    BatchMode: 'yes',
    ConnectTimeout: seconds(times.connectTimeoutMs ?? options.connectMs ?? CONNECT_MS),
    ServerAliveInterval: seconds(times.keepaliveMs ?? options.keepaliveMs ?? KEEPALIVE_MS),
    ServerAliveCountMax: String(UNANSWERED),
    // What it says when it fails, and no more.
    LogLevel: 'INFO',
    // For a user at a terminal.
    ClearAllForwardings: 'yes',
    RemoteCommand: 'none',
    RequestTTY: 'no',
  };
  const asOptions = Object.entries(own).flatMap(([keyword, value]) => ['-o', `${keyword}=${value}`]);
  return ['-N', ...asOptions, ...optionsFor(endpoint, file)];
}

/** Starts the ssh that holds the connection. @throws SshProblem; the signal's reason */
async function logIn(
  machine: Machine,
  endpoint: Endpoint,
  args: readonly string[],
  { configFile, environment, signal }: SshOptions,
): Promise<Master | Failed> {
  const folder = socketFolder();
  const socket = join(folder, 's');
  // What it says is read: in English. A session of its own: Ctrl-C at the terminal is not for it.
  const env = { ...environment, LC_ALL: 'C' };
  const child = spawn('ssh', [...args, '-o', `ControlPath=${socket}`, '--', endpoint.name], {
    env,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  // At once: what it says is lost where it ends before anyone listens.
  const master = new Master({ child, env, folder, socket, host: machine.host });
  try {
    await once(child, 'spawn');
  } catch (e) {
    throw notStarted(e as NodeJS.ErrnoException);
  }
  master.watched(watchOver(-(child.pid as number), 'TERM', folder));
  const until = Date.now() + LOGIN_MS;
  while (!master.isOver && !existsSync(socket)) {
    if (signal?.aborted || Date.now() > until) {
      await master.end();
      signal?.throwIfAborted();
      const why = `the system's ssh did not log in at ${endpoint.name} in ${LOGIN_MS / 1000} s`;
      throw new SshProblem('timeout', `${why}: try \`${commandOf(endpoint, configFile)}\`, and see what it waits for`);
    }
    await Promise.race([sleep(LOOK_MS), master.ended]);
  }
  if (!master.isOver) return master;
  await master.ended;
  return whatSystemSaid(master.said, endpoint, commandOf(endpoint, configFile));
}

/** How a user does the same. */
const commandOf = (endpoint: Endpoint, file: string | undefined) =>
  ['ssh', ...optionsFor(endpoint, file), endpoint.name].map(quote).join(' ');

function notStarted({ code, message }: NodeJS.ErrnoException): SshProblem {
  const why = code === 'ENOENT' ? 'there is no ssh on the PATH' : `ssh can't be started (${message})`;
  return new SshProblem(
    'config',
    `${settings.ssh.env[0]} is system, and ${why}: install OpenSSH's client, or leave ${settings.ssh.env[0]} out`,
  );
}

/** For this user alone, as whoever may use the socket is logged in. */
function socketFolder(): string {
  const usual = join(tmpdir(), 's3lt-ssh-XXXXXX', 's');
  const parent = usual.length <= LONGEST_PATH && PLAIN_PATH.test(usual) ? tmpdir() : '/tmp';
  return mkdtempSync(join(parent, 's3lt-ssh-'));
}
