/** What whole-program tests stand on: the built CLI and k6 as processes, a versitygw, and folders that are all temporary. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Server as HttpServer } from 'node:http';
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { getTools } from '../runners/tools/tools';
import { ROOT } from './k6';
import { CREDENTIALS, type Server, startVersitygw, temporaryFolder } from './servers';

export const CLI = join(ROOT, 'build', 'cli.mjs');

/** How a process ended. */
export interface Ended {
  /** Exit code; null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}

/** Those that run: a test that fails leaves its own. */
const running = new Set<Program>();

/** A process that runs, and what it has said so far. */
export class Program {
  readonly #child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly ended: Promise<Ended>;

  constructor(path: string, args: readonly string[], env: NodeJS.ProcessEnv, cwd: string) {
    const began = performance.now();
    const child = spawn(path, [...args], { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    running.add(this);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    const onExit = () => child.kill('SIGKILL');
    process.once('exit', onExit);
    this.ended = once(child, 'close').then(([code, signal]) => {
      process.removeListener('exit', onExit);
      running.delete(this);
      return { code, signal, stdout: this.stdout, stderr: this.stderr, ms: performance.now() - began };
    });
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Waits until it says something. Throws when it ends before, or does not in time. */
  async says(pattern: RegExp, withinMs = 20_000): Promise<void> {
    let over = false;
    void this.ended.then(() => {
      over = true;
    });
    const said = () => this.stdout + this.stderr;
    for (const end = Date.now() + withinMs; !pattern.test(said()); await sleep(20)) {
      if (over || Date.now() > end) throw new Error(`${pattern} was not said, but: ${said()}`);
    }
  }

  /** The process that it started with this on its command line. */
  async child(pattern: RegExp): Promise<number> {
    const find = () => processes().find((p) => p.parent === this.pid && pattern.test(commandLine(p.pid)));
    for (const end = Date.now() + 10_000; Date.now() < end; await sleep(10)) {
      const found = find();
      if (found) return found.pid;
    }
    throw new Error(`no child of ${this.pid} matches ${pattern}: ${this.stdout}${this.stderr}`);
  }
}

/** Waits until a process is gone, and says how long it took, in milliseconds; throws after 15 s. */
export async function gone(pid: number): Promise<number> {
  const began = performance.now();
  while (alive(pid)) {
    if (performance.now() - began > 15_000) throw new Error(`${pid} still runs: ${commandLine(pid)}`);
    await sleep(20);
  }
  return performance.now() - began;
}

/** Whether a process runs; one that ended and that nobody has waited for does not. */
export function alive(pid: number): boolean {
  return processes().some((p) => p.pid === pid);
}

/** Arguments of a process, separated by spaces. */
export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

function processes(): { pid: number; parent: number }[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat='], { encoding: 'utf8' }).trim().split('\n');
  return lines.flatMap((line) => {
    const [pid, parent, state = ''] = line.trim().split(/\s+/);
    return state.startsWith('Z') ? [] : [{ pid: Number(pid), parent: Number(parent) }];
  });
}

/** Folders of one test. */
export interface Home {
  /** The home and working folder of what runs there, without any `.env`. */
  readonly path: string;
  /** Its S3LOADTEST_DATA_DIR. */
  readonly data: string;
  /** Its TMPDIR. */
  readonly temporary: string;
}

export interface Stage {
  readonly folder: string;
  readonly server: Server;
  readonly k6: string;
  readonly versitygw: string;
  /** Starts another versitygw that shares nothing with the first. */
  another(
    options: Pick<Parameters<typeof startVersitygw>[0], 'region' | 'tls' | 'versioning' | 'address' | 'users'>,
  ): Promise<Site>;
  /** The first server. */
  readonly site: Site;
  home(): Promise<Home>;
  stop(): Promise<void>;
}

/** A server whose buckets are folders. */
export interface Site {
  readonly server: Server;
  readonly buckets: string;
}

/** Bundles the project, as `npm run build` does, and starts a versitygw. */
export async function openStage(): Promise<Stage> {
  execFileSync(process.execPath, [join(ROOT, 'runners', 'bootstrap.mjs')], { stdio: 'inherit' });
  const tools = await getTools(['k6', 'versitygw'], { env: process.env, root: ROOT, log: console.error });
  const folder = await temporaryFolder();
  const stops: Array<() => Promise<void>> = [];
  const another: Stage['another'] = async (options) => {
    const own = await mkdtemp(join(folder, 'server-'));
    const server = await startVersitygw({ path: tools.versitygw.path, folder: own, ...options });
    stops.push(server.stop);
    return { server, buckets: join(own, 'buckets') };
  };
  const site = await another({});
  return {
    folder,
    server: site.server,
    site,
    k6: tools.k6.path,
    versitygw: tools.versitygw.path,
    another,
    home: async () => {
      const path = await mkdtemp(join(folder, 'home-'));
      const temporary = join(path, 'tmp');
      await mkdir(temporary);
      return { path, temporary, data: join(path, 'data') };
    },
    stop: async () => {
      for (const program of running) program.kill('SIGTERM');
      await Promise.all([...running].map((program) => program.ended));
      for (const stop of stops.reverse()) await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

let count = 0;

/** Makes a bucket no other test uses, and returns its name. */
export async function newBucket(site: Site): Promise<string> {
  count++;
  const name = `bucket-${count}`;
  await mkdir(join(site.buckets, name));
  return name;
}

/** Keys of all objects in a bucket, as its folder has them. */
export function keysIn(site: Site, bucket: string): string[] {
  return filesIn(site, bucket).filter((name) => !name.startsWith('.sgwtmp/'));
}

/** The files in which the server keeps the parts of unfinished uploads of a bucket. */
export function partsIn(site: Site, bucket: string): string[] {
  return filesIn(site, bucket).filter((name) => name.startsWith('.sgwtmp/multipart/'));
}

function filesIn(site: Site, bucket: string): string[] {
  const folder = join(site.buckets, bucket);
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

/** What a machine gives to every process, and nothing of the settings that this one's user may have. */
export function bareEnvironment(home: Home): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, HOME: home.path, TMPDIR: home.temporary, PWD: home.path };
}

/** The environment of a run against a bucket. */
export function environment(stage: Stage, home: Home, server: Server, bucket: string): NodeJS.ProcessEnv {
  return {
    ...bareEnvironment(home),
    S3LOADTEST_K6: stage.k6,
    S3LOADTEST_DATA_DIR: home.data,
    S3_ENDPOINTS: server.endpoints[0],
    S3_BUCKET: bucket,
    AWS_REGION: server.region,
    AWS_ACCESS_KEY_ID: server.accessKeyId,
    AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
  };
}

/** Runs the CLI where names are as this file, and no other, has them: a mount over /etc/hosts. Needs root. */
export function programKnowing(hosts: string, args: readonly string[], env: NodeJS.ProcessEnv, cwd: string): Program {
  const inside = ['sh', '-c', 'mount --bind "$0" /etc/hosts && exec "$@"', hosts, process.execPath, CLI, ...args];
  return new Program('unshare', ['--mount', ...inside], env, cwd);
}

/** A k6 that does not say it has the extension, as a stock one does not. */
export async function stockK6(stage: Stage, home: Home): Promise<string> {
  const path = join(home.path, 'k6');
  const script = `#!/bin/sh\n[ "$1" = version ] && { echo "k6 v2.2.0 (go1.26)"; exit; }\nexec ${stage.k6} "$@"\n`;
  await writeFile(path, script, { mode: 0o755 });
  return path;
}

/** Fails when one of these texts has a credential in it. */
export function expectNoCredential(
  texts: Readonly<Record<string, string>>,
  credentials: readonly string[] = Object.values(CREDENTIALS),
) {
  for (const [name, text] of Object.entries(texts)) {
    for (const credential of credentials) expect(text.includes(credential), `a credential in ${name}`).toBe(false);
  }
}

/** Listens on loopback with the handler; `port` is where. */
export async function listen(server: NetServer | HttpServer, host = '127.0.0.1', port = 0): Promise<number> {
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the system gave no port');
  return address.port;
}

/** A server that takes connections and never answers. */
export async function startSilent(): Promise<{ endpoint: string; stop(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
  });
  const port = await listen(server);
  return {
    endpoint: `http://127.0.0.1:${port}`,
    stop: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** Says what is not tested here, and why; in CI that is a failure. */
export function notRun(what: string, lacks: string): void {
  const why = `${what}: not run, for this machine lacks ${lacks}`;
  console.warn(why);
  test.skipIf(process.env.CI !== 'true')(why, () => expect.fail(why));
}

/** Whether a command ends well. */
export function works(path: string, ...args: string[]): boolean {
  try {
    execFileSync(path, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
