/** Starts one worker's k6 on its machine, up to the point at which it waits for the others. */
import { FROM_CLI } from '../../lib/result/protocol';
import { planK6 } from '../run/plan';
import type { Segment } from '../run/segments';
import { defaultConcurrency, type Settings } from '../run/settings';
import type { FreshCredentials } from './fresh-credentials';
import type { ReadyMachine } from './prepare';
import { runFolder, startRun } from './worker';

/** What a worker's folder says of it to whoever finds it there. */
export interface Manifest {
  readonly schema: typeof MANIFEST_SCHEMA;
  readonly run: string;
  /** The patterns. */
  readonly name: string;
  readonly worker: string;
  readonly host: string;
  /** How many there are in all. */
  readonly workers: number;
  readonly segment: string;
  /** This machine's clock minus that of the one it was started from, milliseconds. */
  readonly clockOffsetMs: number;
  readonly cores: number;
  /** How often its statistics come. */
  readonly intervalMs: number;
}

export const MANIFEST_SCHEMA = 's3loadtest/worker@1';

/** Files in a worker's folder. */
export const FILES = {
  manifest: 'run.json',
  statistics: 'statistics',
  log: 'stderr',
  start: 'start',
  /** Until k6 has taken them. */
  credentials: 'credentials',
  keys: 'keys.txt',
  authorities: 'ca.pem',
  /** Its figures were collected, and its folder was kept. */
  collected: 'collected',
} as const;

export interface Launch {
  readonly run: string;
  readonly name: string;
  readonly tests: readonly string[] | undefined;
  readonly settings: Settings;
  readonly outs: readonly string[];
  readonly workers: number;
  /** How many of them are on the same machine. */
  readonly alike: number;
  readonly index: number;
  readonly segment: Segment;
  /** Seconds between two lines of the statistics. */
  readonly interval: number;
  readonly memoryCheck: boolean;
  /** Keys to read, a file here; '' for none. */
  readonly keys: string;
  readonly tellDeleted: boolean;
  /** Where they are renewed while it runs. */
  readonly credentials?: FreshCredentials | undefined;
  readonly environment: NodeJS.ProcessEnv;
}

/** Starts it, and returns where it is and what it is. @throws RemoteError */
export async function launch(ready: ReadyMachine, how: Launch): Promise<{ folder: string; manifest: Manifest }> {
  const { remote, probe, machine } = ready;
  const { environment: settings } = how.settings;
  const folder = runFolder(probe.logs.path, how.run, machine.id);
  const manifest: Manifest = {
    schema: MANIFEST_SCHEMA,
    run: how.run,
    name: how.name,
    worker: machine.id,
    host: machine.host,
    workers: how.workers,
    segment: how.segment.segment,
    // A k6 begins its load to the millisecond; what is measured of clocks is seldom better.
    clockOffsetMs: Math.round(ready.clock.offsetMs),
    cores: probe.cores,
    intervalMs: how.interval * 1000,
  };
  await remote.putText(JSON.stringify(manifest), `${folder}/${FILES.manifest}`, '0600');
  if (how.keys !== '') await remote.putFile(how.keys, `${folder}/${FILES.keys}`, '0600');
  const authorities = how.environment.SSL_CERT_FILE;
  if (authorities) await remote.putFile(authorities, `${folder}/${FILES.authorities}`, '0600');
  const free = probe.memoryAvailable;
  const plan = planK6({
    k6: ready.k6,
    script: ready.script,
    statistics: `${folder}/${FILES.statistics},interval=${how.interval}s`,
    runId: how.run,
    worker: machine.id,
    outs: how.outs,
    settings,
    concurrency: defaultConcurrency(probe.cores, how.alike),
    tests: how.tests,
    keys: how.keys === '' ? '' : `${folder}/${FILES.keys}`,
    tellDeleted: how.tellDeleted,
    freeMemory: how.memoryCheck && free !== undefined ? Math.floor(free / how.alike) : undefined,
    segment: how.segment,
  });
  await startRun(remote, folder, [plan.k6, ...plan.args], {
    ...forK6(how.environment),
    ...plan.environment,
    ...how.credentials?.variables,
    ...(how.credentials ? { [FROM_CLI.credentials]: `${folder}/${FILES.credentials}` } : {}),
    ...(ready.credentials === undefined ? {} : { [FROM_CLI.credentials]: `|${ready.credentials}` }),
    [FROM_CLI.workers]: String(how.workers),
    [FROM_CLI.startFile]: `${folder}/${FILES.start}`,
    ...(authorities ? { SSL_CERT_FILE: `${folder}/${FILES.authorities}` } : {}),
  });
  return { folder, manifest };
}

/** Variables here that k6 itself reads, as where Prometheus is. */
function forK6(environment: NodeJS.ProcessEnv): Record<string, string> {
  const own = Object.entries(environment).filter(([name, value]) => name.startsWith('K6_') && value !== undefined);
  return Object.fromEntries(own) as Record<string, string>;
}
