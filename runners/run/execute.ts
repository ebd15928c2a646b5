/** Runs patterns with one local k6, from start to Result. */
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { statsLine } from '../../lib/result/final';
import { newRunId } from '../../lib/result/protocol';
import { achieved, type Result, sum } from '../../lib/result/result';
import { ConfigError } from '../../lib/settings/config';
import { formatDuration } from '../../lib/settings/units';
import { loadPrices } from '../cost/prices';
import { judged } from '../judge/judge';
import { type Telling, tell } from '../report/tell';
import { onStopSignals } from '../terminal/stoppable';
import { createTerminal } from '../terminal/terminal';
import { dryRun } from './dry-run';
import { EXIT } from './exit';
import { makeRunFolder, type RunFolder } from './folder';
import { generatorOf, workerFigures } from './generator';
import { freePort, type K6End, type K6Process, STATISTICS_PIPE, startK6 } from './k6';
import { isOfOurSignal } from './k6-log';
import { pruneKeys, takeKeys } from './keys';
import { type Observed, type Observer, observeApi, observeIntervals } from './observe';
import { planK6 } from './plan';
import { availableMemory } from './proc';
import { defaultConcurrency, type Settings } from './settings';
import { exitWhenSteady, SIGNALLED, steadyResult } from './steady';

export interface Execution {
  /** What the run is called after: its patterns. */
  readonly name: string;
  /** Path of the bundle, and which of its patterns run, where not all do. */
  readonly script: string;
  readonly tests?: readonly string[] | undefined;
  /** Path of the k6 binary, and the version it has. */
  readonly k6: string;
  readonly k6Version: string;
  /** Whether it has the project's extension. */
  readonly extension: boolean;
  readonly settings: Settings;
  readonly outs: readonly string[];
  readonly json: boolean;
  readonly dryRun: boolean;
  readonly memoryCheck: boolean;
  /** Environment of the CLI. */
  readonly environment: NodeJS.ProcessEnv;
  /** Shell commands that would be started before k6: a dry run shows them. */
  readonly before?: readonly string[];
  /** The proxy that the endpoints of the settings are, where it was started for the run. */
  readonly proxy?: {
    /** Endpoints behind it. */
    readonly endpoints: readonly string[];
    /** Resolves when it has gone, and the run can't go on, with how: one line. */
    readonly lost: Promise<string>;
  };
}

/** What stands for the pipe in a command that is shown. */
const STATISTICS_FILE = 'statistics.ndjson';

/** How long to wait, after k6 has ended without a summary, for what may have been the cause. */
const LAST_WORDS_MS = 300;

/**
 * Runs it and returns the exit code. Says what happens on the terminal, and writes the run's folder.
 * @throws ConfigError when the folder can't be made
 */
export async function execute(execution: Execution): Promise<number> {
  const { config } = execution.settings;
  const prices = loadPrices(config.prices);
  const runId = newRunId(Date.now(), execution.name);
  // The project's k6 tells by itself what it does; stock k6 is asked.
  const api = execution.extension ? undefined : `127.0.0.1:${await freePort()}`;
  const planWith = (keys: { path: string; any: boolean }, statistics: string | undefined) =>
    planK6({
      k6: execution.k6,
      statistics,
      script: execution.script,
      tests: execution.tests,
      runId,
      api,
      outs: execution.outs,
      settings: execution.settings.environment,
      concurrency: defaultConcurrency(),
      keys: keys.path,
      tellDeleted: keys.any,
      freeMemory: execution.memoryCheck ? availableMemory() : undefined,
    });
  if (execution.dryRun) {
    const noKeys = { path: '', any: false };
    // Shown with a file, which anyone can give it, and tried with nothing: it measures nothing then.
    const shown = planWith(noKeys, execution.extension ? STATISTICS_FILE : undefined);
    const { environment, json, before } = execution;
    const told = await dryRun([{ plan: shown }], planWith(noKeys, undefined), environment, json, before);
    if ('problem' in told) throw new ConfigError([told.problem]);
    process.stdout.write(`${told.text}\n`);
    return EXIT.ok;
  }

  const terminal = createTerminal(execution.json, config.logLevel);
  const folder = makeRunFolder(config, runId);
  const keys = await takeKeys(config, folder);
  const plan = planWith(keys, execution.extension ? STATISTICS_PIPE : undefined);
  let began = false;
  let lastError = '';
  const observed: Observed = {
    tick: (stats) => terminal.progress(stats, config.duration),
    stats: (stats) => terminal.say(statsLine(stats)),
    steady: () => untilSteady.stop(),
  };
  const intervals = observeIntervals(config.statsInterval, observed);
  const observer: Observer = api === undefined ? intervals : observeApi(api, config.statsInterval, observed);
  const k6 = startK6(plan, execution.environment, {
    begin: ({ facts, load, split, schedule }) => {
      began = true;
      observer.begin(facts);
      const time = formatDuration(config.duration);
      terminal.say(`${execution.name}: ${load} for ${time} on ${config.endpoints.join(', ')}`);
      if (split !== undefined) terminal.say(split);
      if (schedule.length > 0) terminal.say(`on and off by schedule, ${schedule.length} times on: --dry-run shows it`);
    },
    interval: intervals.add,
    deleted: (range) => keys.deleted(range),
    log: (line) => {
      folder.addLog(line);
      if (isOfOurSignal(line)) return;
      if (line.level === 'error') lastError = line.message;
      terminal.log(line);
    },
  });
  const untilSteady = stopWhenSteady(k6, terminal.say);
  const signals = stopOnSignals(k6, (line) => terminal.log({ level: 'warning', message: line }));
  const proxy = stopWithProxy(k6, execution.proxy?.lost, (message) => {
    lastError = message;
    folder.addLog({ level: 'error', message });
    terminal.log({ level: 'error', message });
  });
  try {
    const ended = await k6.ended;
    terminal.clear();
    const measured = await observer.result(ended);
    const { end, steady } = untilSteady.judge(ended, measured);
    if (measured === undefined) await proxy.lastWords();
    const stopped = signals.received() || proxy.lost();
    const exit =
      measured === undefined
        ? endedWithoutResult(end, began, folder, lastError, terminal.log)
        : report(complete(steady && !stopped ? steadyResult(measured) : measured, end, execution, stopped), end, {
            folder,
            terminal,
            prices,
            json: execution.json,
          });
    // What was deleted is gone, however k6 ended.
    return (await pruneKeys(keys, config, terminal.say)) && !proxy.lost() ? exit : EXIT.failed;
  } catch (e) {
    folder.addLog({ level: 'error', message: String(e) });
    throw e;
  } finally {
    signals.release();
    folder.close();
  }
}

/** The first signal ends k6 with its summary, the second without. */
function stopOnSignals(k6: Pick<K6Process, 'interrupt' | 'kill'>, say: (line: string) => void) {
  return onStopSignals((name) => {
    say(`${name}: stopping, the figures so far are kept (again: at once)`);
    k6.interrupt();
  }, k6.kill);
}

/** Ends k6, with its summary, when its throughput is steady: that is no interruption. */
function stopWhenSteady(k6: Pick<K6Process, 'interrupt'>, say: (line: string) => void) {
  let stopped = false;
  return {
    stop: () => {
      stopped = true;
      say('steady: throughput stays within 5%, stopping');
      k6.interrupt();
    },
    /** How k6 ended, but for the signal, and whether that was by this. */
    judge: (end: K6End, result: Result | undefined): { end: K6End; steady: boolean } => {
      const steady = stopped && end.exit === SIGNALLED && result !== undefined && !result.partial;
      return { end: steady ? { ...end, exit: exitWhenSteady(result) } : end, steady };
    },
  };
}

/** Ends k6, with its summary, when the proxy that its requests go through has gone. */
function stopWithProxy(
  k6: Pick<K6Process, 'interrupt'>,
  gone: Promise<string> | undefined,
  say: (line: string) => void,
) {
  let lost = false;
  const heard = gone?.then((line) => {
    lost = true;
    say(line);
    k6.interrupt();
  });
  return {
    lost: () => lost,
    /** A check that failed for it may end k6 before the proxy's end is heard of. */
    lastWords: async () => {
      if (heard !== undefined) await Promise.race([heard, sleep(LAST_WORDS_MS)]);
    },
  };
}

/** k6 refused the run before it began, or ended in a way that leaves no summary. */
function endedWithoutResult(
  end: K6End,
  began: boolean,
  folder: RunFolder,
  lastError: string,
  log: (line: { level: string; message: string }) => void,
): number {
  if (!began) {
    folder.remove();
    // k6 has said what it, or our checks in it, refuse: 104 a configuration, 108 a check, 255 an option.
    if (lastError !== '') return end.exit === 104 || end.exit === 108 || end.exit === 255 ? EXIT.usage : EXIT.failed;
  }
  const why = lastError ? ` (its last error: ${lastError})` : '';
  log({
    level: 'error',
    message: `k6 ${howEnded(end)} and gave no Result${why}${began ? `: see ${folder.path}/k6.log` : ''}`,
  });
  return EXIT.failed;
}

const howEnded = ({ exit, signal }: K6End) => (signal ? `was ended by ${signal}` : `exited with ${exit}`);

/** Adds to k6's Result what only the CLI knows, and judges it. */
function complete(result: Result, end: K6End, execution: Execution, stopped: boolean): Result {
  const { workerId } = execution.settings.config;
  const generator = generatorOf(result.generator, end.usage);
  const { ops, bytes, errors } = sum(result.totals);
  return judged({
    ...result,
    run: {
      ...result.run,
      versions: { ...result.run.versions, k6: execution.k6Version },
      config: { ...result.run.config, ...(execution.proxy && { proxied: execution.proxy.endpoints }) },
    },
    generator,
    workers: [
      {
        id: workerId,
        host: hostname(),
        segment: '0:1',
        clockOffsetMs: 0,
        startSkewMs: 0,
        exit: end.exit ?? EXIT.failed,
        ops,
        bytes,
        errors,
        ...workerFigures(generator),
      },
    ],
    errorSamples: end.samples,
    interrupted: result.interrupted || stopped,
  });
}

function report(result: Result, end: K6End, telling: Telling): number {
  if (result.partial) {
    const time = formatDuration(result.run.durationMs);
    telling.terminal.log({
      level: 'error',
      message: `k6 ${howEnded(end)}: the figures are of the first ${time}, without thresholds`,
    });
  }
  const parts = result.workers.map(({ id }) => ({ worker: id, result }));
  if (!tell(result, parts, telling)) return EXIT.failed;
  if (result.interrupted || result.partial || !achieved(result)) return EXIT.failed;
  if (end.exit === EXIT.ok || end.exit === EXIT.threshold) return end.exit;
  return EXIT.failed;
}
