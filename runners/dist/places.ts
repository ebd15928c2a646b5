/** Where workers run, and how to get there: machines of the workers file over SSH, or this one where there is no such file. */
import { readFileSync } from 'node:fs';
import { type Config, ConfigError } from '../../lib/config';
import { atOnce } from '../at-once';
import { connectBySsh } from '../ssh/connect';
import { connectHere, placesHere } from '../workers/local';
import { type Remote, RemoteError } from '../workers/remote';
import { type Host, type Place, parseWorkersFile, placesOn } from '../workers/workers-file';

/** Most connections that are made at once. */
export const AT_ONCE = 32;

export interface Sites {
  readonly places: readonly Place[];
  /** They are processes on this machine. */
  readonly local: boolean;
  /** @throws RemoteError; the signal's reason */
  connect(place: Place, signal?: AbortSignal): Promise<Remote>;
}

type Wanted = Pick<Config, 'workersFile'> & Partial<Pick<Config, 'sshConfig'>>;

export interface SitesAsked {
  /** As many as there are machines, where it is left out. */
  readonly workers?: number | undefined;
  /** Most workers on one machine; one where it is left out. */
  readonly perHost?: number | undefined;
}

/** Places for so many workers. @throws ConfigError when the workers file is not right, or has too few machines */
export function sitesFor(config: Wanted, environment: NodeJS.ProcessEnv, asked: SitesAsked): Sites {
  const hosts = readHosts(config);
  if (hosts === undefined)
    return { places: placesHere(asked.workers ?? 1), local: true, connect: async (p) => connectHere(p, environment) };
  const places = placesOn(
    hosts,
    asked.workers ?? hosts.length * (asked.perHost ?? 1),
    config.workersFile,
    asked.perHost,
  );
  return { places, local: false, connect: bySsh(config, environment) };
}

/** Every machine that there is, once. @throws ConfigError when the workers file is not right */
export function allSites(config: Wanted, environment: NodeJS.ProcessEnv): Sites {
  const hosts = readHosts(config);
  if (hosts === undefined)
    return { places: placesHere(1), local: true, connect: async (p) => connectHere(p, environment) };
  const places = placesOn(hosts, hosts.length, config.workersFile);
  return { places, local: false, connect: bySsh(config, environment) };
}

/** Machines of the workers file; undefined where there is none. */
function readHosts({ workersFile }: Wanted): Host[] | undefined {
  try {
    return parseWorkersFile(readFileSync(workersFile, 'utf8'), workersFile);
  } catch (e) {
    if (e instanceof ConfigError) throw e;
    if ((e as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new ConfigError([`S3LOADTEST_WORKERS_FILE is "${workersFile}": it can't be read (${(e as Error).message})`]);
  }
}

function bySsh(config: Wanted, environment: NodeJS.ProcessEnv): Sites['connect'] {
  const options = { configFile: config.sshConfig, environment };
  return (place, signal) => connectBySsh(place, { ...options, ...(signal && { signal }) });
}

/** Does something at each place that can be reached, side by side; says in one line of each of the others why not. */
export async function atEach<T>(
  sites: Sites,
  work: (remote: Remote) => Promise<T>,
): Promise<{ done: Array<{ place: Place; value: T }>; problems: string[] }> {
  const outcomes = await atOnce(sites.places, AT_ONCE, async (place) => {
    const remote = await sites.connect(place);
    try {
      return { place, value: await work(remote) };
    } finally {
      await remote.close();
    }
  });
  const done = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const problems = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [sayWhy(outcome.reason)] : []));
  return { done, problems };
}

/** One line of why a place can't be used. @throws what is no trouble with a machine */
export function sayWhy(reason: unknown): string {
  if (reason instanceof RemoteError) return reason.message;
  throw reason;
}
