/** S3 servers on loopback for tests, each in a temporary folder that goes with it. Nothing here outlives its test run. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, rmSync } from 'node:fs';
import { access, constants, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../runners/process/child';
import { VIRTUAL_DOMAIN } from './conformance/suites';

/** One that answers. */
export interface Server {
  /** `http://127.0.0.1:port`, or another address; two ports of one server. */
  readonly endpoints: readonly [string, string];
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** The certificate of its CA, a file, when it speaks TLS. */
  readonly ca?: string;
}

export const CREDENTIALS = { accessKeyId: 'AKIDCONFORMANCE00', secretAccessKey: 'conformance/secret+key==' } as const;

/** A folder that is gone when this process is. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 's3lt-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A port that nothing listened on a moment ago, below those that systems give to clients. */
export async function freePort(address = '127.0.0.1'): Promise<number> {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 20_000);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, address, () => resolve(true));
    });
    if (!free) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

/** Two endpoints on free ports of loopback, or of another address of this machine. */
export async function freeEndpoints(scheme: 'http' | 'https', address = '127.0.0.1'): Promise<[string, string]> {
  return [`${scheme}://${address}:${await freePort(address)}`, `${scheme}://${address}:${await freePort(address)}`];
}

/** Which of these commands are not on PATH. */
export async function missing(commands: readonly string[]): Promise<string[]> {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const found = await Promise.all(
    commands.map(async (command) => {
      const places = folders.map((folder) => access(join(folder, command), constants.X_OK).then(() => true));
      return Promise.any(places).catch(() => false);
    }),
  );
  return commands.filter((_, i) => !found[i]);
}

/** Runs a command to its end, and throws what it said unless that was a success. */
export async function command(path: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(path, args, { env: process.env, timeoutMs: 60_000 });
  if (code !== 0) throw new Error(`${path} ${args[0]} ended with ${code}: ${stderr || stdout}`);
  return stdout;
}

/** A server process. */
export class Daemon {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #log: string;
  readonly #ended: Promise<unknown>;
  readonly #onExit = () => this.#child.kill('SIGKILL');

  /** `log` is the file that takes what it says. */
  constructor(path: string, args: readonly string[], log: string, env = process.env) {
    this.#name = path;
    this.#log = log;
    const output = openSync(log, 'a');
    this.#child = spawn(path, [...args], { stdio: ['ignore', output, output], env });
    closeSync(output);
    this.#ended = new Promise((resolve) => this.#child.once('exit', resolve).once('error', resolve));
    process.prependOnceListener('exit', this.#onExit);
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** Waits until the probe no longer throws; throws when the process ends first, or half a minute has gone by. */
  async answers(probe: () => Promise<unknown>): Promise<void> {
    let last: unknown;
    for (const end = Date.now() + 30_000; Date.now() < end && this.#child.exitCode === null; await sleep(50)) {
      try {
        await probe();
        return;
      } catch (error) {
        last = error;
      }
    }
    const said = await readFile(this.#log, 'utf8').catch(() => '');
    throw new Error(`${this.#name} did not come up (${String(last)}): ${said.slice(-2000)}`);
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
    process.removeListener('exit', this.#onExit);
  }
}

export interface Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** A CA of our own, and a certificate from it for loopback and for buckets as host names. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  const file = (name: string) => join(folder, name);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const names = `DNS:localhost,DNS:*.${VIRTUAL_DOMAIN},IP:127.0.0.1`;
  const [ca, cert, key] = ['ca.pem', 'cert.pem', 'key.pem'].map(file) as [string, string, string];
  const caFiles = ['-keyout', file('ca.key'), '-out', ca];
  await command('openssl', 'req', '-x509', ...newKey, '-subj', '/CN=s3loadtest tests', ...caFiles);
  const leaf = ['-subj', '/CN=localhost', '-addext', `subjectAltName=${names}`, '-keyout', key, '-out', cert];
  const notCa = ['-addext', 'basicConstraints=critical,CA:false'];
  await command('openssl', 'req', '-x509', '-CA', ca, '-CAkey', file('ca.key'), ...newKey, ...leaf, ...notCa);
  return { ca, cert, key };
}

interface VersitygwOptions {
  /** Of the executable. */
  path: string;
  folder: string;
  region?: string;
  tls?: Certificates;
  /** It can keep versions of objects. */
  versioning?: boolean;
  /** Of this machine, where it is not to be loopback. */
  address?: string;
  /** Secrets of further users, by access key: they own the buckets that they create, and no others. */
  users?: Readonly<Record<string, string>>;
}

type Stoppable = Server & { stop(): Promise<void> };

/** Starts versitygw, which answers to path and to virtual-host addressing. */
export async function startVersitygw(options: VersitygwOptions): Promise<Stoppable> {
  for (let tried = 1; ; tried++) {
    try {
      return await startOnce(options);
    } catch (e) {
      // A port that was free a moment ago need not be now.
      if (tried === 5 || !/address already in use/.test(String(e))) throw e;
      for (const made of ['buckets', 'versions', 'users', 'versitygw.log']) {
        await rm(join(options.folder, made), { recursive: true, force: true });
      }
    }
  }
}

async function startOnce(options: VersitygwOptions): Promise<Stoppable> {
  const { path, folder, region = 'us-east-1', tls, versioning, address, users = {} } = options;
  const endpoints = await freeEndpoints(tls ? 'https' : 'http', address);
  const buckets = join(folder, 'buckets');
  await mkdir(buckets);
  const args = endpoints.flatMap((endpoint) => ['--port', new URL(endpoint).host]);
  args.push('--keep-alive', '--quiet', '--region', region);
  if (tls) args.push('--cert', tls.cert, '--key', tls.key);
  const iam = join(folder, 'users');
  if (Object.keys(users).length > 0) {
    await mkdir(iam);
    args.push('--iam-dir', iam);
  }
  args.push('--virtual-domain', VIRTUAL_DOMAIN, 'posix');
  if (versioning) {
    const versions = join(folder, 'versions');
    await mkdir(versions);
    args.push('--versioning-dir', versions);
  }
  args.push(buckets);
  const { accessKeyId, secretAccessKey } = CREDENTIALS;
  const env = { PATH: process.env.PATH, ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey };
  const daemon = new Daemon(path, args, join(folder, 'versitygw.log'), env);
  await daemon.answers(() => Promise.all(endpoints.map(connected)));
  for (const [access, secret] of Object.entries(users)) {
    const as = ['--access', accessKeyId, '--secret', secretAccessKey, '--endpoint-url', endpoints[0]];
    await command(path, 'admin', ...as, 'create-user', '--access', access, '--secret', secret, '--role', 'userplus');
  }
  return { endpoints, region, ...CREDENTIALS, ...(tls && { ca: tls.ca }), stop: () => daemon.stop() };
}

/** Rejects while nothing takes connections at an endpoint. */
export async function connected(endpoint: string): Promise<void> {
  const { hostname, port } = new URL(endpoint);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      socket.destroy();
      resolve();
    }).once('error', reject);
  });
}
