/** What commands for several machines have in common: their options, and what follows from them before anything runs. */
import type { Command } from 'commander';
import { ConfigError, settings as settingOf } from '../../lib/settings/config';
import type { Preparation } from '../fleet/prepare';
import { findWorkers, type Workers } from '../fleet/workers';
import { withAllAddresses } from '../run/addresses';
import { hasExtension, withBackend } from '../run/backend';
import { findCredentials, type Lease } from '../run/credentials';
import { startsNone, startsProxy } from '../run/proxy';
import { loadSettings, type Options, type Settings } from '../run/settings';
import { ROOT } from '../tools/project';
import { buildCredentials, crossBuildK6, getTools, type Target, type Tool } from '../tools/tools';
import { addRunOptions } from './run';
import type { Wanted } from './wanted';

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
  readonly lease: Lease | undefined;
  /** When the credentials end, renewed or not. */
  readonly ends: Date | undefined;
  readonly workers: Workers;
  readonly k6: Tool;
  readonly preparation: Omit<Preparation, 'signal'>;
}

/** What is to run, where, and by what. @throws ConfigError, ToolError */
export async function fleetOf(wantedRun: Wanted, given: NodeJS.ProcessEnv): Promise<Fleet> {
  const { options, script, profiles, variables = {} } = wantedRun;
  const { environment, lease, ends } = await findCredentials(options, given, { profiles, ofWorkers: true });
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
  const direct = await withAllAddresses(withBackend(wanted, true, log));
  const settings = { ...direct, environment: { ...direct.environment, ...variables } };
  const vus = options.concurrency === undefined ? undefined : settings.config.concurrency;
  const k6For = k6Builder(workers, k6, builder(crossBuildK6, environment, log));
  const credentialsFor =
    settings.config.credentials === 'worker' ? builder(buildCredentials, environment, log) : undefined;
  const preparation = { config: settings.config, k6For, credentialsFor, script, vus };
  return { settings, lease, ends, workers, k6, preparation };
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

type Build = (
  target: Target,
  options: { env: NodeJS.ProcessEnv; root: string; log: (line: string) => void },
) => Promise<string>;

/** The k6 for a machine: the one here where that will do, else one that is built for it. */
function k6Builder(workers: Workers, k6: Tool, build: Preparation['k6For']): Preparation['k6For'] {
  return (system, machine) => {
    const { os, arch } = targetOf(system, machine);
    const isLikeHere = os === process.platform && arch === process.arch.replace('x64', 'amd64');
    return workers.here || isLikeHere ? Promise.resolve(k6.path) : build(system, machine);
  };
}

/** Builds for each kind of machine once. */
function builder(build: Build, env: NodeJS.ProcessEnv, log: (line: string) => void): Preparation['k6For'] {
  const built = new Map<string, Promise<string>>();
  return (system, machine) => {
    const { os, arch } = targetOf(system, machine);
    const path = built.get(`${os}-${arch}`) ?? build({ os, arch }, { env, root: ROOT, log });
    built.set(`${os}-${arch}`, path);
    return path;
  };
}

const targetOf = (system: string, machine: string): Target => ({
  os: system.toLowerCase(),
  arch: ARCHITECTURES[machine] ?? machine,
});

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
