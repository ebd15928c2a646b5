/** `s3loadtest run <patterns>`: one or several at once on this machine. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { FROM_CLI } from '../../lib/result/protocol';
import { conduct } from '../fleet/conduct';
import { type LocalLoad, LocalProcess } from '../fleet/process';
import { freePort } from '../process/free-port';
import { availableMemory } from '../process/proc';
import { withAllAddresses, withLiveAddresses } from '../run/addresses';
import { hasExtension, withBackend } from '../run/backend';
import { endTooSoon, findCredentials, renewHere } from '../run/credentials';
import { showRun } from '../run/dry-run';
import { planK6, showCommand } from '../run/plan';
import { planProxy, startsProxy, throughProxy, withProxyBinary } from '../run/proxy';
import {
  addSettingOptions,
  collect,
  defaultConcurrency,
  loadSettings,
  type Options,
  type Settings,
} from '../run/settings';
import { patterns, ROOT } from '../tools/project';
import { getTools, type Tool } from '../tools/tools';
import { type Wanted, wantedOf } from './wanted';

/** What stands for the pipe in a command that is shown: a file, which anyone can give it. */
const STATISTICS_FILE = 'statistics.ndjson';

/** Adds the options that `run` and what runs like it take. */
export function addRunOptions(command: Command): Command {
  return addSettingOptions(command)
    .option('--out <uri>', "k6's --out (repeatable): json=FILE, experimental-prometheus-rw, cloud …", collect)
    .option('--no-memory-check', 'run even if memory may be too small')
    .option('--dry-run', 'print the k6 command and start nothing')
    .option('--json', 'print the Result on standard output, everything else on standard error');
}

export function addRun(program: Command): void {
  addRunOptions(program.command('run'))
    .argument('<patterns...>', `${patterns().join(', ')}; or a workload file, FILE.yaml`)
    .description('run a pattern on this machine, several at once in one k6 process, or what a workload file says')
    .action(async (names: string[], options: Options) => {
      process.exitCode = await run(names, options, process.env);
    });
}

/** Runs patterns at once and returns the exit code. @throws ConfigError, ToolError */
export async function run(names: readonly string[], typed: Options, given: NodeJS.ProcessEnv): Promise<number> {
  return runWanted(wantedOf(names, typed), given);
}

/** @throws ConfigError, ToolError */
export async function runWanted(named: Wanted, given: NodeJS.ProcessEnv): Promise<number> {
  const { options, profiles, variables = {}, ...what } = named;
  const { environment, lease, ends } = await findCredentials(options, given, { profiles });
  const wanted = loadSettings(options, environment);
  const isDry = options.dryRun === true;
  const k6 = isDry ? likelyK6(environment) : await findK6(environment);
  const extension = await hasExtension(k6.path, environment);
  const reached = await withLiveAddresses(await withAllAddresses(withBackend(wanted, extension, say)), environment);
  const direct = await withS3pool(reached, environment, isDry);
  const canRenew = lease !== undefined && extension === true && direct.config.backend !== 'jslib';
  const late = canRenew ? undefined : endTooSoon(ends, direct.config.duration);
  if (late !== undefined) say(`warning: ${late}`);
  const renewal = canRenew && !isDry ? renewHere(lease, (line) => say(`warning: ${line}`)) : undefined;
  const own = { ...variables, ...(renewal && { [FROM_CLI.credentials]: renewal.path }) };
  const settings = { ...direct, environment: { ...direct.environment, ...own } };
  const load: LocalLoad = {
    ...what,
    k6: k6.path,
    extension: extension === true,
    settings,
    outs: (options.out as string[] | undefined) ?? [],
    memoryCheck: options.memoryCheck !== false,
    environment,
  };
  const json = options.json === true;
  if (isDry) return showLoad(load, json);
  const proxied = startsProxy(settings.config) ? settings.config.endpoints : undefined;
  const { name } = load;
  const rest = { detached: false, allowPartial: false, k6Version: k6.version, proxied };
  try {
    return await conduct({ name, settings, json, ...rest }, new LocalProcess(load));
  } finally {
    renewal?.stop();
  }
}

/** The settings with the path of the signing proxy that the run is to start, where it is to start one. A dry run fetches none. */
async function withS3pool(own: Settings, env: NodeJS.ProcessEnv, isDry: boolean): Promise<Settings> {
  const { config } = own;
  if (!startsProxy(config) || config.s3poolBinary !== undefined) return own;
  const { findS3pool, s3poolOnPath } = await import('../tools/s3pool');
  const path = isDry ? await s3poolOnPath(env) : await findS3pool(config, { env, root: ROOT, log: say });
  return withProxyBinary(own, path ?? 's3pool');
}

const say = (line: string) => process.stderr.write(`${line}\n`);

export async function findK6(environment: NodeJS.ProcessEnv): Promise<Tool> {
  return (await getTools(['k6'], { env: environment, root: ROOT, log: say })).k6;
}

/** The k6 that a run would take if it is there; a dry run builds none. */
function likelyK6(environment: NodeJS.ProcessEnv): { path: string; version: string } {
  const own = join(ROOT, '.tools', 'bin', 'k6');
  return { path: environment.S3LOADTEST_K6 || (existsSync(own) ? own : 'k6'), version: '' };
}

/** Prints what would be started. @throws ConfigError when k6 would refuse it */
async function showLoad({ settings: direct, ...load }: LocalLoad, json: boolean): Promise<number> {
  const proxy = startsProxy(direct.config) ? planProxy(direct, await freePort()) : undefined;
  const settings = proxy ? throughProxy(direct, `http://${proxy.address}`) : direct;
  const planWith = (statistics: string | undefined, api: string | undefined) =>
    planK6({
      ...load,
      ...{ statistics, api, runId: '', settings: settings.environment, keys: '', tellDeleted: false },
      concurrency: defaultConcurrency(),
      freeMemory: load.memoryCheck ? availableMemory() : undefined,
    });
  const api = load.extension ? undefined : `127.0.0.1:${await freePort()}`;
  const shown = planWith(load.extension ? STATISTICS_FILE : undefined, api);
  const before = proxy ? [showCommand(proxy.path, proxy.args, proxy.environment)] : [];
  // Tried without statistics: it measures nothing then.
  return showRun([{ plan: shown }], planWith(undefined, api), load.environment, json, before);
}
