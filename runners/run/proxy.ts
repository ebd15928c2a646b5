/**
 * The signing proxy of the proxy backend, as s3pool is one: started from S3POOL_BINARY for a run, watched, and stopped with
 * it. It gets endpoints and credentials by its environment, as s3pool reads them: S3_POOL, AWS_….
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { ConfigError, leavesSigning, settings, TYPED } from '../../lib/settings/config';
import { freePort } from '../process/free-port';
import { watchOver } from '../process/watchdog';
import type { Settings } from './settings';

export interface ProxyPlan {
  readonly path: string;
  /** Where the path is from: what the user set, or that it was found. */
  readonly name: string;
  readonly args: readonly string[];
  /** What it gets besides the CLI's own environment. Holds the credentials. */
  readonly environment: Readonly<Record<string, string>>;
  /** `127.0.0.1:port`, where it is to listen. */
  readonly address: string;
}

export interface SigningProxy {
  /** `http://127.0.0.1:port`. */
  readonly endpoint: string;
  /** Resolves when it has ended, unless it was stopped, with how: one line. */
  readonly lost: Promise<string>;
  /** Ends it, and all that it started. */
  stop(): Promise<void>;
}

const [BINARY] = settings.s3poolBinary.env;
const CREDENTIALS = [settings.accessKeyId, settings.secretAccessKey, settings.sessionToken].map(({ env }) => env[0]);
const START_MS = 10_000;
const STOP_MS = 5_000;
const LOOK_MS = 25;
/** How often another port is tried, when one that was free is taken before the proxy has it. */
const PORTS_TRIED = 5;

/** Whether a run is to start a proxy: with S3POOL_BINARY=none those of S3_ENDPOINTS run already. */
export function startsProxy(config: Settings['config']): boolean {
  return config.backend === 'proxy' && !leavesSigning(config);
}

/** What only `run` does, for those that can't: what is wrong, and the remedy. `name` is who says so, `where` the proxies are to run. */
export function startsNone({ s3poolBinary }: Settings['config'], who: string, where: string): string {
  const value = s3poolBinary === undefined ? 'not set' : `"${s3poolBinary}"`;
  return `${BINARY} is ${value}: ${who}: give ${BINARY}=none, ${where}`;
}

/** The settings of a run whose proxy was found. */
export function withProxyBinary({ config, environment }: Settings, path: string): Settings {
  return { config: { ...config, s3poolBinary: path }, environment: { ...environment, [BINARY]: path } };
}

/** What is to be started. */
export function planProxy({ config, environment }: Settings, port: number): ProxyPlan {
  const address = `127.0.0.1:${port}`;
  const endpoints = config.endpoints.join(',');
  const credentials = Object.fromEntries(CREDENTIALS.map((name) => [name, environment[name] ?? '']));
  return {
    path: config.s3poolBinary ?? '',
    name: config[TYPED]?.s3poolBinary === undefined ? 's3pool' : BINARY,
    args: ['proxy', ...(config.verifySsl ? [] : ['--insecure']), '--listen', address],
    environment: { S3_POOL: endpoints, AWS_REGION: config.region, ...credentials },
    address,
  };
}

/** The settings of a run whose requests go through a proxy. */
export function throughProxy({ config, environment }: Settings, endpoint: string): Settings {
  return {
    config: { ...config, endpoints: [endpoint] },
    environment: { ...environment, [settings.endpoints.env[0]]: endpoint },
  };
}

/** Starts it, and resolves when it listens. @throws ConfigError naming S3POOL_BINARY, when it does not */
export async function startProxy(given: Settings, environment: NodeJS.ProcessEnv): Promise<SigningProxy> {
  for (let tried = 1; ; tried++) {
    try {
      return await startOnce(planProxy(given, await freePort()), environment);
    } catch (e) {
      if (tried === PORTS_TRIED || !/address (?:is )?already in use/i.test((e as Error).message)) throw e;
    }
  }
}

async function startOnce(plan: ProxyPlan, environment: NodeJS.ProcessEnv): Promise<SigningProxy> {
  const { path, args, address } = plan;
  // A group of its own: Ctrl-C is to leave it up until the run has ended in order, and what it starts is to end with it.
  const child = spawn(path, [...args], {
    env: { ...environment, ...plan.environment },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const group = child.pid === undefined ? undefined : -child.pid;
  const callOff = group === undefined ? () => {} : watchOver(group, 'TERM');
  const secrets = CREDENTIALS.flatMap((name) => plan.environment[name] || []);
  const words = lastWords(child.stdout, child.stderr, secrets);
  let how: string | undefined;
  const ended = once(child, 'exit').then(
    ([code, signal]) => {
      how = signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
    },
    (e: NodeJS.ErrnoException) => {
      how =
        { ENOENT: 'is not there', EACCES: 'may not be executed' }[e.code ?? ''] ?? `can't be started (${e.message})`;
    },
  );
  void ended.then(callOff);

  let stopped = false;
  const signal = (name: NodeJS.Signals) => {
    try {
      if (group !== undefined) process.kill(group, name);
    } catch {} // nobody is left of it
  };
  const stop = async () => {
    stopped = true;
    if (how === undefined) signal('SIGTERM');
    const killing = setTimeout(() => signal('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(killing);
    // What it started and did not end.
    signal('SIGKILL');
  };

  const isUp = await listens(address, () => how !== undefined);
  if (!isUp) {
    const why = how ?? `does not listen at ${address} within ${START_MS / 1000} s`;
    await stop();
    throw new ConfigError([`${plan.name} is "${path}": it ${why}${await words()}: give the path of s3pool`]);
  }
  const lost = ended.then(async () => {
    const line = `${plan.name} "${path}" ${how}${await words()}: nothing signs requests any more`;
    return stopped ? new Promise<string>(() => {}) : line;
  });
  return { endpoint: `http://${address}`, lost, stop };
}

/** Resolves with true when something takes connections there; with false when it is too late, or over. */
async function listens(address: string, over: () => boolean): Promise<boolean> {
  const { hostname, port } = new URL(`http://${address}`);
  for (const deadline = Date.now() + START_MS; Date.now() < deadline && !over(); await sleep(LOOK_MS)) {
    const socket = connect(Number(port), hostname);
    const taken = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (taken && !over()) return true;
  }
  return false;
}

/** Keeps the last line that was said, to tell it in parentheses, without these texts. */
function lastWords(stdout: NodeJS.ReadableStream, stderr: NodeJS.ReadableStream, secrets: readonly string[]) {
  let said = '';
  const listen = (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2_000);
  };
  stdout.on('data', listen);
  stderr.on('data', listen);
  return async (): Promise<string> => {
    await sleep(50); // what it said last may come after its end
    const last = stripVTControlCharacters(said).trim().split('\n').at(-1) ?? '';
    const line = secrets.reduce((text, secret) => text.replaceAll(secret, '…'), last);
    return line === '' ? '' : ` (${line.slice(0, 300)})`;
  };
}
