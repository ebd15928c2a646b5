/** The workers of a run: where they are, and how to get there. */
import { readFileSync } from 'node:fs';
import { type Config, ConfigError, settings } from '../../lib/settings/config';
import { connectHere, machinesHere } from './local';
import type { Remote } from './remote';
import { connectBySsh } from './ssh/connect';
import { connectBySystem } from './ssh/system';
import { type Machine, machinesOn, parseWorkersFile } from './workers-file';

export interface Workers {
  readonly machines: readonly Machine[];
  /** There is no workers file: all of them are on this machine. */
  readonly here: boolean;
  /** @throws RemoteError; the signal's reason */
  connect(machine: Machine, signal?: AbortSignal): Promise<Remote>;
}

export interface WorkerCounts {
  /** As many as there are hosts, or room on them, where it is left out. */
  readonly count?: number | undefined;
  /** Most on one host; one where it is left out. */
  readonly perHost?: number | undefined;
}

/** Connections made at the same time: more would be turned away by jump hosts, and starve each other here. */
export const MOST_AT_ONCE = 32;

/**
 * Workers on the first hosts of the workers file; where nobody named one and there is none, on this machine.
 * @throws ConfigError when the file can't be read, has lines that are not right, or too few hosts
 */
export function findWorkers(
  { workersFile, ssh, sshConfig }: Pick<Config, 'workersFile'> & Partial<Pick<Config, 'ssh' | 'sshConfig'>>,
  { count, perHost }: WorkerCounts,
  environment: NodeJS.ProcessEnv,
): Workers {
  const text = readWorkersFile(workersFile);
  if (text === undefined) {
    return {
      machines: machinesHere(count ?? 1),
      here: true,
      connect: async (machine) => connectHere(machine, environment),
    };
  }
  const hosts = parseWorkersFile(text, workersFile);
  const machines = machinesOn(hosts, count ?? hosts.length * (perHost ?? 1), workersFile, perHost);
  const connect = ssh === 'system' ? connectBySystem : connectBySsh;
  return {
    machines,
    here: false,
    connect: (machine, signal) =>
      connect(machine, { configFile: sshConfig, environment, ...(signal === undefined ? {} : { signal }) }),
  };
}

function readWorkersFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (e) {
    const { code, message } = e as NodeJS.ErrnoException;
    if (code === 'ENOENT' && path === settings.workersFile.fallback) return undefined;
    throw new ConfigError([
      `${settings.workersFile.env[0]} is "${path}", which can't be read (${message}): give a file with a host a line`,
    ]);
  }
}
