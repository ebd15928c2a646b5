/** `s3loadtest dist` and `start`: patterns on many machines at once. `s3loadtest doctor`: whether they could run. */

import { basename } from 'node:path';
import type { Command } from 'commander';
import { FROM_CLI } from '../../lib/result/protocol';
import { ConfigError, settings as settingOf } from '../../lib/settings/config';
import { loadPrices } from '../cost/prices';
import { conduct, tellRows } from '../fleet/conduct';
import { FILES } from '../fleet/launch';
import { type Preparation, prepare, renderRows } from '../fleet/prepare';
import { segmentsOf } from '../fleet/segments';
import { findWorkers, type Workers } from '../fleet/workers';
import { workerName } from '../fleet/workers-file';
import { hasExtension, withBackend } from '../run/backend';
import { dryRun } from '../run/dry-run';
import { EXIT } from '../run/exit';
import { planK6 } from '../run/plan';
import { startsProxy } from '../run/proxy';
import { defaultConcurrency, loadSettings, type Options, type Settings } from '../run/settings';
import { stoppable } from '../terminal/stoppable';
import { createTerminal } from '../terminal/terminal';
import { ROOT, scriptOf } from '../tools/project';
import { crossBuildK6, getTools, type Tool } from '../tools/tools';
import { addRunOptions } from './run';

/** What doctor tries when it is not told: any pattern's script will do. */
const TRIED = 'firehose';

export function addDist(program: Command): void {
  const add = (name: string, description: string, detached: boolean) =>
    addSiteOptions(addRunOptions(program.command(name)))
      .argument('<patterns...>')
      .option('--allow-partial', 'run on those workers that can, when others can not')
      .description(description)
      .action(async (names: string[], options: Options) => {
        process.exitCode = await dist(names, options, process.env, detached);
      });
  add('dist', 'run patterns on many machines at once, follow them, and merge what they measured', false);
  add('start', 'the same, and leave it alone once the load has begun: see status, collect, stop', true);
  addSiteOptions(addRunOptions(program.command('doctor')))
    .description('look whether workers can run, without a run')
    .action(async (options: Options) => {
      process.exitCode = await stoppable((signal) => doctor(options, process.env, signal));
    });
}

function addSiteOptions(command: Command): Command {
  return command
    .option('--workers <n>', 'how many; the first ones of the workers file, or processes here where there is none')
    .option('--per-host <n>', 'up to so many workers on one machine');
}

async function dist(
  names: string[],
  options: Options,
  environment: NodeJS.ProcessEnv,
  detached: boolean,
): Promise<number> {
  const { script, tests } = scriptOf(names);
  const { settings, workers, k6, preparation } = await inquire(options, environment, script);
  if (detached && settings.config.untilSteady) {
    throw new ConfigError([
      `${settingOf.untilSteady.env[0]} is true: a run that is left to itself has nobody to end it: leave it out, or run by dist`,
    ]);
  }
  if (options.dryRun === true) return showOnly({ script, tests, settings, workers, k6, options }, environment);
  const prices = loadPrices(settings.config.prices);
  const preparing = new AbortController();
  return conduct({
    name: [...new Set(names)].join('-'),
    tests,
    workers,
    preparation: { ...preparation, signal: preparing.signal },
    settings,
    outs: (options.out as string[] | undefined) ?? [],
    json: options.json === true,
    detached,
    allowPartial: options.allowPartial === true,
    memoryCheck: options.memoryCheck !== false,
    k6Version: k6.version,
    prices,
    environment,
    preparing,
  });
}

/** Prints what would be started where. @throws ConfigError when k6 would refuse it */
async function showOnly(
  run: Pick<Inquiry, 'settings' | 'workers' | 'k6'> & {
    readonly script: string;
    readonly tests: readonly string[] | undefined;
    readonly options: Options;
  },
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  const { settings, options } = run;
  const { machines } = run.workers;
  const folder = settings.config.remoteCodeDir;
  const common = {
    ...{
      runId: '',
      outs: (options.out as string[] | undefined) ?? [],
      settings: settings.environment,
      tests: run.tests,
    },
    ...{ concurrency: defaultConcurrency(), keys: '', tellDeleted: false, freeMemory: undefined },
  };
  const segments = segmentsOf(machines.length);
  const shown = machines.map((machine, i) => {
    const [k6, script] = [`${folder}/k6`, `${folder}/${basename(run.script)}`];
    const own = { worker: machine.id, statistics: FILES.statistics, segment: segments[i] };
    const plan = planK6({ ...common, k6, script, ...own });
    const workers = { [FROM_CLI.workers]: String(machines.length) };
    return { where: workerName(machine), plan: { ...plan, environment: { ...plan.environment, ...workers } } };
  });
  const tried = planK6({ ...common, k6: run.k6.path, script: run.script });
  const told = await dryRun(shown, tried, environment, options.json === true);
  if ('problem' in told) throw new ConfigError([told.problem]);
  process.stdout.write(`${told.text}\n`);
  return EXIT.ok;
}

async function doctor(options: Options, environment: NodeJS.ProcessEnv, signal: AbortSignal): Promise<number> {
  const { script } = scriptOf([TRIED]);
  const { workers, preparation, settings } = await inquire(options, environment, script);
  const terminal = createTerminal(options.json === true, settings.config.logLevel);
  const { members, rows } = await prepare(workers, { ...preparation, signal }, (now) => terminal.show(renderRows(now)));
  terminal.clear();
  const problems = tellRows(rows, terminal);
  await Promise.all(members.map(({ remote }) => remote.close()));
  return problems > 0 ? EXIT.failed : EXIT.ok;
}

interface Inquiry {
  readonly settings: Settings;
  readonly workers: Workers;
  readonly k6: Tool;
  readonly preparation: Omit<Preparation, 'signal'>;
}

/** What is to run, where, and by what. @throws ConfigError, ToolError */
async function inquire(options: Options, environment: NodeJS.ProcessEnv, script: string): Promise<Inquiry> {
  const given = loadSettings(options, environment);
  if (startsProxy(given.config)) {
    throw new ConfigError([
      `${settingOf.s3poolBinary.env[0]} is "${given.config.s3poolBinary}": only \`s3loadtest run\` starts it: leave it out, ` +
        `start it where the workers are, and give where it listens as ${settingOf.endpoints.env[0]}`,
    ]);
  }
  if (options.workerId !== undefined) {
    throw new ConfigError([
      `--worker-id is "${options.workerId}": several workers are w0, w1 … by themselves, leave it out`,
    ]);
  }
  const perHost = options.perHost === undefined ? undefined : wholeNumber('per-host', options.perHost);
  const count = options.workers === undefined ? undefined : wholeNumber('workers', options.workers);
  const workers = findWorkers(given.config, { count, perHost }, environment);
  const log = (line: string) => process.stderr.write(`${line}\n`);
  const { k6 } = await getTools(['k6'], { env: environment, root: ROOT, log });
  if (!(await hasExtension(k6.path, environment))) {
    throw new ConfigError([
      `${k6.path} has not the project's extension, which several workers need: have Go here, and leave out S3LOADTEST_K6`,
    ]);
  }
  const settings = withBackend(given, true, log);
  const built = new Map<string, Promise<string>>();
  const k6For = (system: string, machine: string): Promise<string> => {
    const os = system.toLowerCase();
    const arch = ARCHITECTURES[machine] ?? machine;
    if (workers.here || (os === process.platform && arch === process.arch.replace('x64', 'amd64'))) {
      return Promise.resolve(k6.path);
    }
    let path = built.get(`${os}-${arch}`);
    if (path === undefined) {
      path = crossBuildK6({ os, arch }, { env: environment, root: ROOT, log });
      built.set(`${os}-${arch}`, path);
    }
    return path;
  };
  const vus = options.concurrency === undefined ? undefined : settings.config.concurrency;
  return { settings, workers, k6, preparation: { config: settings.config, k6For, script, vus } };
}

/** As uname says it, and as Go does. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  amd64: 'amd64',
  aarch64: 'arm64',
  arm64: 'arm64',
};

/** @throws ConfigError */
function wholeNumber(option: string, given: unknown): number {
  const n = Number(given);
  if (Number.isInteger(n) && n > 0) return n;
  throw new ConfigError([`--${option} is "${given}": give a whole number from 1`]);
}
