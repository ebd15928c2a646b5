/** `s3loadtest status`, `stop` and `collect`: runs that go on by themselves on workers, whoever started them. */
import type { Command } from 'commander';
import type { Interval } from '../../lib/result/interval';
import { ConfigError } from '../../lib/settings/config';
import { formatBytes, formatCount, formatDuration } from '../../lib/settings/units';
import { loadPrices } from '../cost/prices';
import { Attendance } from '../fleet/attend';
import { conclude } from '../fleet/conclude';
import { eventsFor } from '../fleet/conduct';
import { collectK8s, type Source } from '../fleet/kubernetes/collect';
import { FILES, MANIFEST_SCHEMA, type Manifest } from '../fleet/launch';
import { atEach, sayWhy } from '../fleet/machines';
import { lastLine, type Remote } from '../fleet/remote';
import { gather } from '../fleet/results';
import { Watch } from '../fleet/watch';
import { type RunStatus, runStatus, stopRun } from '../fleet/worker';
import { findWorkers, type Workers } from '../fleet/workers';
import type { Machine } from '../fleet/workers-file';
import { EXIT } from '../run/exit';
import { makeRunFolder } from '../run/folder';
import { IntervalReader } from '../run/intervals';
import { pruneKeys, takeKeys } from '../run/keys';
import { addSettingOptions, collect as gatherValues, loadSome, type Options } from '../run/settings';
import { onStopSignals } from '../terminal/stoppable';
import { createTerminal } from '../terminal/terminal';

export function addRuns(program: Command): void {
  program
    .command('status')
    .description('every run on the machines of the workers file, or here where there is none')
    .option('--json', 'print it as JSON on standard output')
    .action(async (options: Options) => {
      process.exitCode = await status(options, process.env);
    });
  program
    .command('stop')
    .argument('[run]', 'which one; the one that is under way, where it is left out')
    .description('end a run in order on all its workers; collect then gives what it measured')
    .action(async (run: string | undefined, options: Options) => {
      process.exitCode = await stop(run, options, process.env);
    });
  addSettingOptions(program.command('collect'), ['statsInterval', 'logLevel', 'prices'])
    .argument('[run]', 'which one; the only one there is, where it is left out')
    .description('follow a run to its end, and merge what its workers measured')
    .option('--json', 'print the Result on standard output, and all else on standard error')
    .option('--keep', "leave the workers' folders of the run where they are")
    .option('--k8s <testrun>', 'instead, a run by k6-operator: a TestRun in the cluster that kubectl is set up for')
    .option('--namespace <name>', "where the TestRun is; kubectl's own, where it is left out")
    .option('--k8s-logs <file>', "instead, logs of k6-operator's runners that kubectl saved: any number", gatherValues)
    .action(async (run: string | undefined, options: Options) => {
      const source = clusterSource(run, options);
      const own = source === undefined ? collect(run, options, process.env) : collectK8s(source, options, process.env);
      process.exitCode = await own;
    });
}

/** Where else than on workers a run is to be collected from. @throws ConfigError when it is more than one place */
function clusterSource(run: string | undefined, options: Options): Source | undefined {
  const { k8s, k8sLogs, namespace } = options as { k8s?: string; k8sLogs?: string[]; namespace?: string };
  const asked = [run, k8s && '--k8s', k8sLogs && '--k8s-logs'].filter((each) => each !== undefined);
  if (asked.length > 1) throw new ConfigError([`${asked.join(' and ')} are of different runs: give one of them`]);
  if (k8sLogs !== undefined) return { files: k8sLogs };
  return k8s === undefined ? undefined : { testRun: k8s, namespace };
}

/** Settings that these commands have: they know neither bucket nor credentials. */
const SETTINGS = [
  ...(['workersFile', 'sshConfig', 'remoteLogDir'] as const),
  ...(['dataDir', 'keyDir', 'sizes', 'statsInterval', 'logLevel', 'prices'] as const),
] as const;

/** A run on one worker's machine, as it is found there. */
interface Found {
  readonly machine: Machine;
  readonly status: RunStatus;
  readonly totals: Interval['totals'] | undefined;
}

async function status(options: Options, environment: NodeJS.ProcessEnv): Promise<number> {
  const config = loadSome(SETTINGS, options, environment);
  const { found, problems } = await findRuns(findWorkers(config, {}, environment), config.remoteLogDir);
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify({ runs: found.map(asJson), problems })}\n`);
  } else {
    for (const line of statusLines(found)) console.log(line);
  }
  for (const problem of problems) console.error(`error: ${problem}`);
  return problems.length > 0 ? EXIT.failed : EXIT.ok;
}

function asJson({ machine, status: { run, worker, state, age, exit, why, folder }, totals }: Found) {
  return { run, worker, host: machine.host, state, ageSeconds: age, exit, why, folder, ...totals };
}

function statusLines(found: readonly Found[]): string[] {
  if (found.length === 0) return ['no runs'];
  const runs = [...new Set(found.map(({ status: { run } }) => run))].sort();
  return runs.flatMap((run) => {
    const parts = found.filter(({ status }) => status.run === run);
    const sum = (of: 'ops' | 'bytes' | 'errors') => parts.reduce((n, { totals }) => n + (totals?.[of] ?? 0), 0);
    const age = Math.max(...parts.map(({ status }) => status.age));
    const figures = `ops=${formatCount(sum('ops'))}, bytes=${formatBytes(sum('bytes'))}, errors=${formatCount(sum('errors'))}`;
    const head = `${run}  started ${formatDuration(age * 1000)} ago  ${figures}`;
    return [head, ...parts.map(({ machine, status, totals }) => `  ${workerLine(machine, status, totals)}`)];
  });
}

function workerLine(
  { host }: Machine,
  { worker, state, exit, why }: RunStatus,
  totals: Interval['totals'] | undefined,
): string {
  const how = state === 'ended' ? `ended with ${exit}` : why === undefined ? state : `${state}: ${why}`;
  return `${worker} ${host}  ${how}${totals ? `  ops=${formatCount(totals.ops)}` : ''}`;
}

/** Runs on all machines; `problems` are those that can't be asked. */
async function findRuns(workers: Workers, logs: string): Promise<{ found: Found[]; problems: string[] }> {
  const { done, problems } = await atEach(workers, async (remote) => {
    const all = await runStatus(remote, logs);
    return Promise.all(all.map(async (status) => ({ status, totals: await totalsOf(remote, status) })));
  });
  const found = done.flatMap(({ machine, value }) => value.map((each) => ({ machine, ...each })));
  return { found, problems };
}

/** What it has done so far, off the last whole line of its statistics. */
async function totalsOf(remote: Remote, { folder }: RunStatus): Promise<Interval['totals'] | undefined> {
  const { stdout } = await remote.run('tail -n 1 "$1" 2> /dev/null', { args: [`${folder}/${FILES.statistics}`] });
  try {
    return [...new IntervalReader().push(stdout)].at(-1)?.totals;
  } catch {
    return undefined; // it is being written
  }
}

const isActive = ({ status: { state } }: Found) => state === 'running' || state === 'starting';

/** Those of one run. @throws ConfigError when it is not there, or is not the only one */
function choose(
  found: readonly Found[],
  run: string | undefined,
  of: (found: Found) => boolean,
  what: string,
): Found[] {
  const runs = [...new Set(found.filter(of).map(({ status }) => status.run))].sort();
  if (run === undefined && runs.length !== 1) {
    throw new ConfigError([
      runs.length === 0 ? `no run is ${what}` : `several runs are ${what}, name one: ${runs.join(', ')}`,
    ]);
  }
  const chosen = found.filter(({ status }) => status.run === (run ?? runs[0]));
  if (chosen.length === 0) throw new ConfigError([`run "${run}" is on none of these machines: see s3loadtest status`]);
  return chosen;
}

async function stop(run: string | undefined, options: Options, environment: NodeJS.ProcessEnv): Promise<number> {
  const config = loadSome(SETTINGS, options, environment);
  const workers = findWorkers(config, {}, environment);
  const { found, problems } = await findRuns(workers, config.remoteLogDir);
  const chosen = choose(found, run, isActive, 'under way');
  const { done, problems: failed } = await atEach(
    { ...workers, machines: workers.machines.filter((machine) => chosen.some((each) => each.machine === machine)) },
    async (remote) => {
      const here = chosen.filter(({ machine }) => machine === remote.machine);
      return Promise.all(here.map(async ({ status }) => ({ status, stopped: await stopRun(remote, status.folder) })));
    },
  );
  const stops = done.flatMap(({ machine, value }) => value.map((each) => ({ machine, ...each })));
  for (const { machine, status, stopped } of stops) {
    const { was, signals, state, exit, left } = stopped;
    const sent = signals.length > 0 ? `, by ${signals.join(', ')}` : '';
    const how =
      left.length > 0
        ? `processes ${left.join(', ')} are still there`
        : `${state}${exit === undefined ? '' : ` with ${exit}`}`;
    console.log(`${status.worker} ${machine.host}: was ${was}, is ${how}${sent}`);
  }
  for (const problem of [...problems, ...failed]) console.error(`error: ${problem}`);
  const left = stops.some(({ stopped }) => stopped.left.length > 0);
  return left || problems.length + failed.length > 0 ? EXIT.failed : EXIT.ok;
}

async function collect(run: string | undefined, options: Options, environment: NodeJS.ProcessEnv): Promise<number> {
  const config = loadSome(SETTINGS, options, environment);
  const prices = loadPrices(config.prices);
  const workers = findWorkers(config, {}, environment);
  const { found, problems } = await findRuns(workers, config.remoteLogDir);
  const chosen = choose(found, run, () => true, 'there');
  const terminal = createTerminal(options.json === true, config.logLevel);
  for (const message of problems) terminal.log({ level: 'error', message });
  const id = chosen[0]?.status.run as string;
  const folder = makeRunFolder(config, id);
  const keys = await takeKeys(config, folder);
  const attendance = new Attendance(terminal, config.statsInterval, 0);
  const on = eventsFor(attendance, keys, folder, terminal);
  const leaving = new AbortController();
  const signals = onStopSignals(
    (name) => {
      terminal.log({ level: 'warning', message: `${name}: left; the run goes on` });
      leaving.abort();
    },
    () => process.exit(EXIT.failed),
  );
  const watches: Watch[] = [];
  try {
    for (const { machine, status } of chosen) {
      try {
        const remote = await workers.connect(machine);
        const manifest = await readManifest(remote, status.folder);
        const handle = { machine: { ...machine, id: status.worker }, folder: status.folder, manifest };
        watches.push(new Watch(handle, remote, () => workers.connect(machine), on));
      } catch (e) {
        problems.push(sayWhy(e));
        terminal.log({ level: 'error', message: sayWhy(e) });
      }
    }
    await attendance.attend(watches, leaving.signal);
    if (leaving.signal.aborted) {
      folder.remove();
      return EXIT.failed;
    }
    const expected = Math.max(...watches.map(({ handle }) => handle.manifest.workers));
    const gathered = gather(watches, expected, undefined, { interrupted: false, steady: false });
    const how = { json: options.json === true, keep: options.keep === true, prices };
    const exit = await conclude(gathered, watches, folder, how, terminal);
    return (await pruneKeys(keys, config, terminal.say)) ? exit : EXIT.failed;
  } finally {
    signals.release();
    folder.close();
    await Promise.all(watches.map((watch) => watch.close()));
  }
}

/** @throws RemoteError when it can't be read */
async function readManifest(remote: Remote, folder: string): Promise<Manifest> {
  const { code, stdout, stderr } = await remote.run('cat "$1"', { args: [`${folder}/${FILES.manifest}`] });
  if (code !== 0) throw remote.failure('command', `what runs in ${folder} can't be read (${lastLine(stderr)})`);
  try {
    const manifest = JSON.parse(stdout) as Manifest;
    if (manifest.schema === MANIFEST_SCHEMA) return manifest;
  } catch {
    // as good as another version's
  }
  throw remote.failure('command', `${folder} is of another version of s3loadtest`);
}
