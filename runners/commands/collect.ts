/** `s3loadtest collect`: follows a run to its end, on workers' machines or in a cluster, and merges what was measured. */
import type { Command } from 'commander';
import { type Config, ConfigError } from '../../lib/settings/config';
import { parseDuration } from '../../lib/settings/units';
import { loadPrices } from '../cost/prices';
import { type Collection, collectRun } from '../fleet/collect';
import { Cluster, SavedLogs } from '../fleet/kubernetes/cluster';
import { Kubectl } from '../fleet/kubernetes/kubectl';
import { RunOnMachines } from '../fleet/machines';
import type { PlaceToFollow } from '../fleet/place';
import { ALL, chooseRuns, findRuns, isCollected } from '../fleet/runs';
import { findWorkers } from '../fleet/workers';
import { addSettingOptions, collect as gatherValues, loadSome, type Options } from '../run/settings';
import { createTerminal } from '../terminal/terminal';

/** It knows neither bucket nor credentials. */
const SETTINGS = [
  ...(['workersFile', 'ssh', 'sshConfig', 'remoteLogDir'] as const),
  ...(['dataDir', 'keyDir', 'sizes', 'statsInterval', 'logLevel', 'prices'] as const),
] as const;

const START_TIMEOUT = '5m';

interface CollectOptions extends Options {
  readonly json?: boolean;
  readonly keep?: boolean;
  readonly k8s?: string;
  readonly k8sLogs?: string[];
  readonly namespace?: string;
  readonly startTimeout: string;
}

export function addCollect(program: Command): void {
  addSettingOptions(program.command('collect'), ['statsInterval', 'logLevel', 'prices'])
    .argument('[run]', `run ID, or ${ALL} (default: the only run there is)`)
    .description('follow a run to its end and merge the Results of its workers')
    .option('--json', 'print the Result on standard output, everything else on standard error')
    .option('--keep', "keep the run's folders on the workers")
    .option('--k8s <testrun>', "collect a TestRun of k6-operator instead, from kubectl's current cluster")
    .option('--namespace <name>', "namespace of the TestRun (default: kubectl's current one)")
    .option('--start-timeout <time>', "how long to wait for pods that can't start", START_TIMEOUT)
    .option('--k8s-logs <file>', "collect from saved logs of k6-operator's runners instead (repeatable)", gatherValues)
    .action(async (run: string | undefined, options: CollectOptions) => {
      process.exitCode = await collect(run, options, process.env);
    });
}

async function collect(
  run: string | undefined,
  options: CollectOptions,
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  const { k8s, k8sLogs, json = false } = options;
  const named = [run, k8s && '--k8s', k8sLogs && '--k8s-logs'].filter((each) => each !== undefined);
  if (named.length > 1) throw new ConfigError([`${named.join(' and ')} are of different runs: give one of them`]);
  const config = loadSome(SETTINGS, options, environment);
  const terminal = createTerminal(json, config.logLevel);
  const collection: Collection = { config, prices: loadPrices(config.prices), terminal, json };
  if (k8sLogs !== undefined) return collectRun(new SavedLogs(k8sLogs), collection);
  if (k8s !== undefined) {
    const warn = (message: string) => terminal.log({ level: 'warning', message });
    const kubectl = new Kubectl(environment, options.namespace, warn);
    return collectRun(new Cluster(k8s, kubectl, startTimeout(options)), collection);
  }
  return collectFromMachines(run, { collection, config, keep: options.keep === true, environment });
}

/** One run after the other. Returns the exit code of the first that is no success. */
async function collectFromMachines(
  run: string | undefined,
  how: {
    readonly collection: Collection;
    readonly config: Pick<Config, 'workersFile' | 'ssh' | 'sshConfig' | 'remoteLogDir'>;
    readonly keep: boolean;
    readonly environment: NodeJS.ProcessEnv;
  },
): Promise<number> {
  const { collection, config, keep, environment } = how;
  const workers = findWorkers(config, {}, environment);
  const { found, problems } = await findRuns(workers, config.remoteLogDir);
  for (const message of problems) collection.terminal.log({ level: 'error', message });
  const places = chooseRuns(found, run, (each) => !isCollected(each), 'there').map(
    (members): PlaceToFollow => new RunOnMachines(workers, members, keep),
  );
  const exits: number[] = [];
  for (const place of places) exits.push(await collectRun(place, collection));
  return exits.find((exit) => exit !== 0) ?? 0;
}

/** Milliseconds. @throws ConfigError */
function startTimeout({ startTimeout: text }: CollectOptions): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new ConfigError([`--start-timeout is "${text}": give a time such as ${START_TIMEOUT}`]);
}
