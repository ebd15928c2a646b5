/** Commands through an ssh that holds a connection. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { lastLine } from '../../process/last-line';
import { type Exit, type Output, RemoteError, type Running, type Shell } from '../shell';
import type { Machine } from '../workers-file';

/** ssh's own exit code for what is no command's. */
const OWN_FAILURE = 255;
/** How long what ended a connection may take to be known after the commands that went through it. */
const NEWS_MS = 500;
const GRACE_MS = 1_000;
/** What ssh says where the server takes no further command, or the connection does not take it. */
const NOT_TAKEN = /^(?:mux_client|Control socket connect|kex_exchange_identification|Connection closed by UNKNOWN)/m;

interface Held {
  readonly child: ChildProcess;
  readonly env: NodeJS.ProcessEnv;
  readonly folder: string;
  readonly socket: string;
  readonly host: string;
}

/** The ssh that holds a connection, and the socket by which others use it. */
export class Master {
  isOver = false;
  /** Resolves when it has ended, and all that it said is known. */
  readonly ended: Promise<void>;
  private text = '';
  private callOff = () => {};

  constructor(readonly held: Held) {
    const { child, folder } = held;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.text = (this.text + text).slice(-4_000);
    });
    this.ended = endOf(child).then(() => {
      this.isOver = true;
      this.callOff();
      rmSync(folder, { recursive: true, force: true });
    });
  }

  /** What ssh wrote. */
  get said(): string {
    return this.text;
  }

  /** It ends with this process; what calls that off. */
  watched(callOff: () => void): void {
    this.callOff = callOff;
  }

  /** Ends it, and all that it started. */
  async end(): Promise<void> {
    this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), GRACE_MS);
    await this.ended;
    clearTimeout(timer);
  }

  private signal(name: NodeJS.Signals): void {
    try {
      process.kill(-(this.held.child.pid as number), name);
    } catch {
      // it has ended
    }
  }
}

/** Resolves when it has ended and all that it said was read, or could not be started. */
async function endOf(child: ChildProcess): Promise<void> {
  const closed = once(child, 'close');
  closed.catch(() => {});
  try {
    await once(child, 'exit');
  } catch {
    return; // it was never started
  }
  // A program that it started may have its standard error, and go on.
  await Promise.race([closed, sleep(200)]);
}

export class SystemShell implements Shell {
  readonly gone: Promise<RemoteError | undefined>;
  private readonly commands = new Set<ChildProcess>();
  private closing = false;
  private lost: RemoteError | undefined;

  constructor(
    private readonly machine: Machine,
    private readonly master: Master,
  ) {
    this.gone = master.ended.then(() => {
      if (!this.closing) {
        const why = `the system's ssh: ${lastLine(master.said)}`;
        this.lost = new RemoteError(machine, 'lost', `the connection to ${machine.host} is lost (${why})`);
      }
      return this.lost;
    });
  }

  async start(command: string, output: Output): Promise<Running> {
    if (this.master.isOver) throw this.lost ?? new RemoteError(this.machine, 'lost', 'the connection was closed');
    const { env, socket, host } = this.master.held;
    const own = {
      ControlMaster: 'no',
      ControlPath: socket,
      // Where the socket is gone it would connect by itself.
      ProxyCommand: 'false',
      BatchMode: 'yes',
      LogLevel: 'ERROR',
    };
    const options = Object.entries(own).flatMap(([keyword, value]) => ['-o', `${keyword}=${value}`]);
    const child = spawn('ssh', ['-F', '/dev/null', ...options, '-T', '--', host, command], {
      env,
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let said = '';
    // At once: Node throws away what nobody has begun to read when the child ends.
    child.stdout.on('data', output.stdout);
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk).slice(-4_000);
      output.stderr(chunk);
    });
    child.stdin.on('error', () => {}); // it ended before it had read all; its exit code tells
    try {
      await once(child, 'spawn');
    } catch (e) {
      throw new RemoteError(this.machine, 'command', `ssh can't be started: ${(e as Error).message}`);
    }
    return this.running(child, () => said);
  }

  private running(child: ChildProcess, said: () => string): Running {
    this.commands.add(child);
    let stopped = false;
    const ended = once(child, 'close').then(([code]): Exit | Promise<Exit> => {
      this.commands.delete(child);
      if (stopped) return { code: null, signal: 'SIGTERM' };
      return code === null || code === OWN_FAILURE ? this.whose(code, said()) : { code };
    });
    ended.catch(() => {}); // it may be over before anyone waits for it
    return {
      stdin: child.stdin as NonNullable<typeof child.stdin>,
      ended,
      stop: () => {
        stopped = true;
        child.kill('SIGTERM');
      },
    };
  }

  /** Whether it was the command that failed, or ssh. @throws RemoteError when it was ssh */
  private async whose(code: number | null, said: string): Promise<Exit> {
    await Promise.race([this.gone, sleep(NEWS_MS)]);
    if (this.lost !== undefined) throw this.lost;
    if (code === null || this.master.isOver) throw new RemoteError(this.machine, 'lost', 'a command was cut off');
    const refused = NOT_TAKEN.test(said) ? said.split('\n').find((line) => NOT_TAKEN.test(line)) : undefined;
    if (refused === undefined) return { code };
    const why = `the system's ssh: ${refused.trim()}`;
    throw new RemoteError(this.machine, 'command', `no command can be run there (${why})`);
  }

  async close(): Promise<void> {
    this.closing = true;
    for (const child of this.commands) child.kill('SIGTERM');
    await this.master.end();
  }
}
