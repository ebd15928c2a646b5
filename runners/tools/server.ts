/** A versitygw of our own on loopback, with a bucket: a real S3 server to try things on, gone when we are. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeFailure } from '../../lib/s3/classify';
import { CREATE_BUCKET } from '../../lib/s3/commands';
import { createNodeEngine } from '../bucket/engine';
import { createTransport } from '../bucket/transport';
import { freePort } from '../process/free-port';
import { watchOver } from '../process/watchdog';

export interface Server {
  /** The variables that a run against it needs, credentials included. */
  readonly environment: Readonly<Record<string, string>>;
  /** The temporary folder that all it keeps is in. */
  readonly folder: string;
  /** Resolves when the server ends, whoever ended it. */
  readonly ended: Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

const START_MS = 10_000;
const BUCKET = 'loadtest';
const REGION = 'us-east-1';

/** How often another port is tried, when one that was free is taken before the server has it. */
const PORTS_TRIED = 5;

/** Starts the versitygw at a path. @throws Error saying what it said when it does not start */
export async function startServer(versitygw: string, environment: NodeJS.ProcessEnv): Promise<Server> {
  for (let tried = 1; ; tried++) {
    try {
      return await startOnce(versitygw, environment);
    } catch (e) {
      if (tried === PORTS_TRIED || !/address already in use/.test((e as Error).message)) throw e;
    }
  }
}

async function startOnce(versitygw: string, environment: NodeJS.ProcessEnv): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), 's3loadtest-'));
  const root = join(folder, 'buckets');
  mkdirSync(root);
  const endpoint = `127.0.0.1:${await freePort()}`;
  const keys = {
    AWS_ACCESS_KEY_ID: `DEMO${randomBytes(8).toString('hex').toUpperCase()}`,
    AWS_SECRET_ACCESS_KEY: randomBytes(20).toString('hex'),
  };
  // A group of its own, so that Ctrl-C leaves it up until the run has ended in order. Keep-alive is off by default.
  const child = spawn(versitygw, ['--port', endpoint, '--keep-alive', '--quiet', 'posix', root], {
    env: {
      ...environment,
      ROOT_ACCESS_KEY_ID: keys.AWS_ACCESS_KEY_ID,
      ROOT_SECRET_ACCESS_KEY: keys.AWS_SECRET_ACCESS_KEY,
    },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const callOff = child.pid === undefined ? () => {} : watchOver(child.pid, 'TERM', folder);
  let said = '';
  const listen = (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2_000);
  };
  child.stdout.on('data', listen);
  child.stderr.on('data', listen);
  let alive = true;
  const ended = once(child, 'close').then(
    () => {},
    (e: Error) => {
      said = e.message;
    },
  );
  void ended.then(() => {
    alive = false;
    callOff();
  });

  const stop = async () => {
    if (alive) child.kill('SIGTERM');
    const killing = setTimeout(() => child.kill('SIGKILL'), 5_000);
    await ended;
    clearTimeout(killing);
    rmSync(folder, { recursive: true, force: true });
  };
  const transport = createTransport(false, 1);
  const engine = createNodeEngine(
    {
      ...{
        endpoints: [`http://${endpoint}`],
        bucket: BUCKET,
        addressing: 'path',
        region: REGION,
        leavesSigning: false,
      },
      ...{ timeout: START_MS, attempts: 1 },
      credentials: { accessKeyId: keys.AWS_ACCESS_KEY_ID, secretAccessKey: keys.AWS_SECRET_ACCESS_KEY },
    },
    transport,
  );
  const createBucket = engine.compile(CREATE_BUCKET);
  for (const deadline = Date.now() + START_MS; ; await sleep(20)) {
    const { failure, status } = await createBucket('');
    if (failure === undefined) break;
    if (alive && Date.now() < deadline) continue;
    await stop();
    const why = said.trim() || describeFailure(status, failure.code, failure.message);
    throw new Error(`versitygw did not start: ${why}`);
  }
  transport.close();
  const own = { S3_ENDPOINTS: `http://${endpoint}`, S3_BUCKET: BUCKET, AWS_REGION: REGION, ...keys };
  return { environment: own, folder, ended, stop };
}
