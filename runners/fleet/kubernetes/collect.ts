/** Merges what k6-operator's runners measured out of their logs: the operator itself leaves each one's figures in its pod. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { newRunId } from '../../../lib/result/protocol';
import { type Config, ConfigError } from '../../../lib/settings/config';
import { loadPrices } from '../../cost/prices';
import { EXIT } from '../../run/exit';
import { makeRunFolder } from '../../run/folder';
import { loadSome, type Options } from '../../run/settings';
import { stoppable, stoppedBy } from '../../terminal/stoppable';
import { createTerminal, type Terminal } from '../../terminal/terminal';
import { report } from '../conclude';
import { exitOf, type Gathered } from '../results';
import { gather, type Runner } from './gather';
import { Kubectl } from './kubectl';
import { RunnerLog, splitPrefix } from './runner-log';

/** Where the logs are: in a cluster, or in files. */
export type Source =
  | { readonly testRun: string; readonly namespace: string | undefined }
  | { readonly files: readonly string[] };

/** How often the cluster is asked how far things are. */
const LOOK_MS = 2_000;

/**
 * Collects a run that goes on, following it to its end, or one that is over; writes its folder; returns the exit code.
 * @throws ConfigError when there is no such run, or the logs are not of one
 */
export async function collectK8s(source: Source, options: Options, environment: NodeJS.ProcessEnv): Promise<number> {
  const config = loadSome(['dataDir', 'logLevel', 'prices'], options, environment);
  const json = options.json === true;
  const terminal = createTerminal(json, config.logLevel);
  return stoppable(async (signal) => {
    try {
      const runners =
        'files' in source
          ? (await readLogs(source.files)).map((log) => ({ log }))
          : await follow(source.testRun, new Kubectl(environment, source.namespace), terminal, signal);
      return conclude(gather(runners), runners, config, json, terminal);
    } catch (e) {
      const name = stoppedBy(e, signal);
      if (name === undefined) throw e;
      terminal.log({ level: 'warning', message: `${name}: left; the run goes on` });
      return EXIT.failed;
    }
  });
}

/** One log a file, or in a file those that say by a prefix which pod each line is of. @throws ConfigError when one is none */
async function readLogs(files: readonly string[]): Promise<RunnerLog[]> {
  const all: RunnerLog[] = [];
  for (const file of files) {
    const logs = new Logs(file);
    try {
      for await (const line of createInterface({ input: createReadStream(file) })) logs.add(line);
    } catch (e) {
      throw new ConfigError([`${file} can't be read: ${(e as Error).message}`]);
    }
    const own = logs.list().filter(({ isOfK6 }) => isOfK6);
    if (own.length === 0) {
      throw new ConfigError([`${file} is no log of a runner: give what \`kubectl logs POD\` says`]);
    }
    all.push(...own);
  }
  return all;
}

/** Logs by their pods. Lines that name none are of the source itself. */
class Logs {
  private readonly all = new Map<string, RunnerLog>();

  constructor(private readonly source: string) {}

  add(text: string): void {
    const { pod, line } = splitPrefix(text);
    this.of(pod ?? this.source).add(line);
  }

  of(source: string): RunnerLog {
    let log = this.all.get(source);
    if (log === undefined) {
      log = new RunnerLog(source);
      this.all.set(source, log);
    }
    return log;
  }

  list(): RunnerLog[] {
    return [...this.all.values()];
  }
}

/** Follows a run from wherever it is to its end. */
async function follow(testRun: string, kubectl: Kubectl, terminal: Terminal, signal: AbortSignal): Promise<Runner[]> {
  await awaitStart(testRun, kubectl, terminal, signal);
  const logs = new Logs(testRun);
  for (;;) {
    const before = await kubectl.runners(testRun);
    if (before.length === 0) throw new ConfigError([`TestRun ${testRun} has no runners any more, nor their logs`]);
    terminal.say(`following ${before.length} runner${before.length > 1 ? 's' : ''} of ${testRun}`);
    const said = await kubectl.follow(testRun, before.length, (line) => logs.add(line), signal);
    signal.throwIfAborted();
    const pods = await kubectl.runners(testRun);
    const open = pods.filter(({ name, phase }) => phase === 'Running' && !logs.of(name).complete);
    if (open.length === 0) {
      const gone = logs.list().filter(({ source }) => !pods.some(({ name }) => name === source));
      return [...pods.map((pod) => ({ ...pod, log: logs.of(pod.name) })), ...gone.map((log) => ({ log }))];
    }
    // A log that is read once more loses nothing, and counts nothing twice.
    terminal.log({
      level: 'warning',
      message: `kubectl: ${said ?? 'the logs ended before the runners'}; asking again`,
    });
    await pause(signal);
  }
}

/** Waits until the operator has started all runners. @throws ConfigError when it never will */
async function awaitStart(testRun: string, kubectl: Kubectl, terminal: Terminal, signal: AbortSignal): Promise<void> {
  let told: string | undefined;
  for (;;) {
    const { stage } = await kubectl.testRun(testRun);
    if (stage === 'started' || stage === 'stopped' || stage === 'finished') return;
    if (stage === 'error') {
      throw new ConfigError([
        `TestRun ${testRun} is in error: \`kubectl logs job/${testRun}-initializer\` and the operator's own log say why`,
      ]);
    }
    if (stage !== told) terminal.say(`waiting for ${testRun} to start: ${stage || 'the operator has not seen it yet'}`);
    told = stage;
    await pause(signal);
  }
}

/** @throws the signal's reason when that comes first */
async function pause(signal: AbortSignal): Promise<void> {
  await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
  signal.throwIfAborted();
}

function conclude(
  gathered: Gathered,
  runners: readonly Runner[],
  config: Pick<Config, 'dataDir' | 'prices'>,
  json: boolean,
  terminal: Terminal,
): number {
  const folder = makeRunFolder(config, gathered.result?.run.id ?? newRunId(Date.now(), 'k8s'));
  try {
    for (const { log } of runners) {
      for (const { level, message } of log.said) folder.addLog({ level, message: `${log.source}: ${message}` });
    }
    const prices = loadPrices(config.prices);
    return report(gathered, { folder, terminal, prices, json }) ? exitOf(gathered) : EXIT.failed;
  } finally {
    folder.close();
  }
}
