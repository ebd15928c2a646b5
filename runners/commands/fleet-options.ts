/** What commands for several machines have in common: their options, and what follows from them before anything runs. */
import type { Command } from 'commander';
import { ConfigError, settings as settingOf } from '../../lib/settings/config';
import type { Preparation } from '../fleet/prepare';
import { findWorkers, type Workers } from '../fleet/workers';
import { withAllAddresses } from '../run/addresses';
import { hasExtension, withBackend } from '../run/backend';
import { endTooSoon, findCredentials } from '../run/credentials';
import { startsNone, startsProxy } from '../run/proxy';
import { loadSettings, type Options, type Settings } from '../run/settings';
import { ROOT } from '../tools/project';
import { crossBuildK6, getTools, type Tool } from '../tools/tools';
import { addRunOptions } from './run';

/** Adds the options of `run`, and those that say which machines. */
export function addFleetOptions(command: Command): Command {
  return addRunOptions(command)
    .option(
      '--workers <n>',
      'number of workers: the first ones of the workers file, or processes on this machine if there is no such file',
    )
    .option('--per-host <n>', 'maximum number of workers on one machine');
}

export interface Fleet {
  readonly settings: Settings;
  readonly workers: Workers;
  readonly k6: Tool;
  readonly preparation: Omit<Preparation, 'signal'>;
}

/** What is to run, where, and by what. @throws ConfigError, ToolError */
export async function fleetOf(options: Options, given: NodeJS.ProcessEnv, script: string): Promise<Fleet> {
  const { environment, lease } = await findCredentials(options, given);
  const wanted = loadSettings(options, environment);
  check(wanted, options);
  const perHost = options.perHost === undefined ? undefined : wholeNumber('per-host', options.perHost);
  const count = options.workers === undefined ? undefined : wholeNumber('workers', options.workers);
  const workers = findWorkers(wanted.config, { count, perHost }, environment);
  const log = (line: string) => process.stderr.write(`${line}\n`);
  const { k6 } = await getTools(['k6'], { env: environment, root: ROOT, log });
  if (!(await hasExtension(k6.path, environment))) {
    throw new ConfigError([
      `${k6.path} has not the project's extension, which several workers need: have Go here, and leave out S3LOADTEST_K6`,
    ]);
  }
  const settings = await withAllAddresses(withBackend(wanted, true, log));
  const late = endTooSoon(lease, settings.config.duration);
  if (late !== undefined) log(`warning: ${late}`);
  const vus = options.concurrency === undefined ? undefined : settings.config.concurrency;
  const k6For = builder(workers, k6, environment, log);
  return { settings, workers, k6, preparation: { config: settings.config, k6For, script, vus } };
}

/** @throws ConfigError when something is asked for that several workers can't have */
function check({ config }: Settings, { workerId }: Options): void {
  if (startsProxy(config)) {
    throw new ConfigError([
      startsNone(
        config,
        'only `s3loadtest run` starts a proxy',
        `start it where the workers are, and give where it listens as ${settingOf.endpoints.env[0]}`,
      ),
    ]);
  }
  if (workerId !== undefined) {
    throw new ConfigError([`--worker-id is "${workerId}": several workers are w0, w1 … by themselves, leave it out`]);
  }
}

/** The k6 for a machine: the one here where that will do, else one that is built for it, once. */
function builder(
  workers: Workers,
  k6: Tool,
  env: NodeJS.ProcessEnv,
  log: (line: string) => void,
): Preparation['k6For'] {
  const built = new Map<string, Promise<string>>();
  return (system, machine) => {
    const os = system.toLowerCase();
    const arch = ARCHITECTURES[machine] ?? machine;
    if (workers.here || (os === process.platform && arch === process.arch.replace('x64', 'amd64'))) {
      return Promise.resolve(k6.path);
    }
    const path = built.get(`${os}-${arch}`) ?? crossBuildK6({ os, arch }, { env, root: ROOT, log });
    built.set(`${os}-${arch}`, path);
    return path;
  };
}

/** As uname says it, and as Go does. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  amd64: 'amd64',
  aarch64: 'arm64',
  arm64: 'arm64',
};

/** @throws ConfigError */
function wholeNumber(option: string, value: unknown): number {
  const n = Number(value);
  if (Number.isInteger(n) && n > 0) return n;
  throw new ConfigError([`--${option} is "${value}": give a whole number from 1`]);
}
