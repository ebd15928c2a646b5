/** A run on several workers, from the first connection to the merged Result. */

import { newRunId } from '../../lib/result/protocol';
import type { Config } from '../../lib/settings/config';
import { formatCount, formatDuration } from '../../lib/settings/units';
import type { Prices } from '../cost/prices';
import { EXIT } from '../run/exit';
import { makeRunFolder, type RunFolder } from '../run/folder';
import { pruneKeys, type RunKeys, takeKeys } from '../run/keys';
import type { Settings } from '../run/settings';
import { onStopSignals } from '../terminal/stoppable';
import { createTerminal, type Terminal } from '../terminal/terminal';
import { Attendance } from './attend';
import { conclude } from './conclude';
import { type Member, type Preparation, prepare, type Row, renderRows } from './prepare';
import { gather } from './results';
import { named, type Started, start } from './start';
import type { Watch, WatchEvents } from './watch';
import type { Workers } from './workers';
import { workerName } from './workers-file';

export interface Conducted {
  /** The patterns. */
  readonly name: string;
  readonly tests: readonly string[] | undefined;
  readonly workers: Workers;
  readonly preparation: Preparation;
  readonly settings: Settings;
  readonly outs: readonly string[];
  readonly json: boolean;
  /** Leave it alone once it has begun. */
  readonly detached: boolean;
  readonly allowPartial: boolean;
  readonly memoryCheck: boolean;
  readonly k6Version: string;
  /** What the cost is reckoned by. */
  readonly prices: Prices | undefined;
  readonly environment: NodeJS.ProcessEnv;
  /** Aborts while machines are being prepared. */
  readonly preparing: AbortController;
}

/** Runs it, says what happens, and returns the exit code. @throws ConfigError when something here is not right */
export async function conduct(run: Conducted): Promise<number> {
  const { config } = run.settings;
  const terminal = createTerminal(run.json, config.logLevel);
  const interrupted = new Interrupts(terminal, run.preparing);
  const watches: Watch[] = [];
  let members: Member[] = [];
  try {
    const prepared = await prepareAll(run, terminal);
    members = prepared.members;
    if (members.length === 0 || (prepared.problems > 0 && !run.allowPartial)) {
      terminal.say('Nothing was started');
      return EXIT.failed;
    }
    return await runOn(members, prepared.problems, run, terminal, interrupted, watches);
  } catch (e) {
    if (!interrupted.first.aborted || e !== run.preparing.signal.reason) throw e;
    terminal.say('Stopped: nothing was started');
    return EXIT.failed;
  } finally {
    interrupted.release();
    await Promise.all([...members.map(({ remote }) => remote.close()), ...watches.map((watch) => watch.close())]);
  }
}

async function prepareAll(run: Conducted, terminal: Terminal): Promise<{ members: Member[]; problems: number }> {
  const { workers, preparation } = run;
  if (workers.here) {
    terminal.say(
      `no workers file (${run.settings.config.workersFile}): ${workers.machines.length} k6 processes on this machine`,
    );
  }
  const { members, rows } = await prepare(workers, preparation, (now) => terminal.show(renderRows(now)));
  terminal.clear();
  return { members, problems: tellRows(rows, terminal) };
}

/** Says how each place is, and returns how many can't be used. */
export function tellRows(rows: readonly Row[], terminal: Terminal): number {
  for (const line of renderRows(rows)) terminal.say(line);
  for (const { machine, doubts } of rows) {
    for (const doubt of doubts) terminal.log({ level: 'warning', message: `${workerName(machine)}: ${doubt}` });
  }
  const problems = rows.flatMap(({ problem }) => problem ?? []);
  for (const message of problems) terminal.log({ level: 'error', message });
  return problems.length;
}

async function runOn(
  members: readonly Member[],
  missing: number,
  run: Conducted,
  terminal: Terminal,
  interrupted: Interrupts,
  watches: Watch[],
): Promise<number> {
  const { config } = run.settings;
  const id = newRunId(Date.now(), run.name);
  const folder = makeRunFolder(config, id);
  const keys = await takeKeys(config, folder);
  try {
    let steady = false;
    const attendance = new Attendance(terminal, config.statsInterval, config.duration, () => {
      steady = true;
      terminal.say('steady: throughput stays within 5%, stopping');
      interrupted.stopAll();
    });
    const on = eventsFor(attendance, keys, folder, terminal);
    const common = {
      run: id,
      ...{ name: run.name, tests: run.tests, settings: run.settings, outs: run.outs, memoryCheck: run.memoryCheck },
      ...{ keys: keys.path, tellDeleted: keys.any, environment: run.environment },
    };
    terminal.say(`${id}: ${run.name} on ${members.length} workers for ${formatDuration(config.duration)}`);
    const started = await start(members, run.workers, common, run.allowPartial, on, interrupted.first);
    watches.push(...started.watches);
    if (started.at === undefined) return await callOff(started, folder, terminal, interrupted);
    for (const message of started.problems) terminal.log({ level: 'error', message });
    tellSplit(watches, missing + started.failed, config, terminal);
    if (run.detached) {
      await Promise.race([Promise.all(watches.map((watch) => begun(watch))), interrupted.second]);
      terminal.say(`It runs by itself now: s3loadtest status; s3loadtest collect ${id}; s3loadtest stop ${id}`);
      folder.remove();
      return started.failed > 0 ? EXIT.failed : EXIT.ok;
    }
    interrupted.stop(watches);
    await attendance.attend(watches, interrupted.leaving);
    if (interrupted.leaving.aborted) {
      terminal.say(`Left: to have what was measured, s3loadtest collect ${id}`);
      return EXIT.failed;
    }
    const gathered = gather(watches, members.length + missing, run.k6Version, {
      interrupted: interrupted.first.aborted,
      steady,
    });
    const exit = await conclude(
      gathered,
      watches,
      folder,
      { json: run.json, keep: false, prices: run.prices },
      terminal,
    );
    return (await pruneKeys(keys, config, terminal.say)) ? exit : EXIT.failed;
  } finally {
    folder.close();
  }
}

export function eventsFor(
  attendance: Attendance,
  keys: Pick<RunKeys, 'deleted'>,
  folder: RunFolder,
  terminal: Terminal,
): WatchEvents {
  return {
    begin: (_, watch) => attendance.begin(watch),
    interval: (interval, watch) => attendance.interval(interval, watch),
    deleted: (range) => keys.deleted(range),
    log: (line, watch) => {
      const told = named(watch, line);
      folder.addLog(told);
      // Why one can't begin is told of all together.
      if (line.level === 'error' && watch.begin === undefined) return;
      // What k6 says of our own signal has been said.
      if (!/aborted because k6 received a '\w+' signal/.test(line.message)) terminal.log(told);
    },
  };
}

/** Stops what waits for a load that is not to begin. */
async function callOff(
  { watches, problems }: Started,
  folder: RunFolder,
  terminal: Terminal,
  interrupted: Interrupts,
): Promise<number> {
  for (const message of problems) if (!interrupted.first.aborted) terminal.log({ level: 'error', message });
  const failures = await Promise.all(watches.map((watch) => watch.stop()));
  for (const message of failures) if (message !== undefined) terminal.log({ level: 'error', message });
  for (const watch of watches) watch.giveUp('it was called off');
  await Promise.all(watches.map((watch) => watch.removeFolder()));
  terminal.say(interrupted.first.aborted ? 'Stopped: no load was sent' : 'No load was sent');
  folder.remove();
  const refused = watches.length > 0 && watches.every(({ exit }) => exit === 104 || exit === 108 || exit === 255);
  return refused && !interrupted.first.aborted ? EXIT.usage : EXIT.failed;
}

/** Resolves when its load has begun, or it has ended. */
async function begun(watch: Watch): Promise<void> {
  while (watch.begin === undefined && !watch.isOver) await new Promise((resolve) => setTimeout(resolve, 100));
}

function tellSplit(watches: readonly Watch[], missing: number, config: Config, terminal: Terminal): void {
  const n = watches.length;
  if (config.rate !== undefined) terminal.say(`in all ${formatCount(config.rate)} operations/s, a ${n}th on each`);
  if (missing > 0) {
    terminal.log({ level: 'warning', message: `${missing} workers are missing: the Result will be partial` });
  }
}

/** What Ctrl-C means: first to stop everywhere and say what was measured, then to leave at once. */
class Interrupts {
  /** Aborted by the first. */
  readonly first: AbortSignal;
  /** Aborted by the second. */
  readonly leaving: AbortSignal;
  readonly second: Promise<void>;
  private readonly signals: ReturnType<typeof onStopSignals>;
  private watches: readonly Watch[] = [];

  constructor(
    private readonly terminal: Terminal,
    preparing: AbortController,
  ) {
    const [first, leaving] = [new AbortController(), new AbortController()];
    this.first = first.signal;
    this.leaving = leaving.signal;
    this.second = new Promise((resolve) => leaving.signal.addEventListener('abort', () => resolve(), { once: true }));
    this.signals = onStopSignals(
      (name) => {
        terminal.log({ level: 'warning', message: `${name}: stopping all workers (again: leave them to it)` });
        first.abort();
        preparing.abort(new DOMException(name, 'AbortError'));
        this.stopAll();
      },
      () => leaving.abort(),
    );
  }

  /** From now on the first signal stops these. */
  stop(watches: readonly Watch[]): void {
    this.watches = watches;
    if (this.first.aborted) this.stopAll();
  }

  release(): void {
    this.signals.release();
  }

  /** Ends all of them in order. */
  stopAll(): void {
    for (const watch of this.watches) {
      void watch.stop().then((problem) => {
        if (problem === undefined) return;
        this.terminal.log({ level: 'error', message: problem });
        // Nobody can stop it from here: its load ends with its time.
        if (watch.state === 'unreachable') watch.giveUp('it could not be reached to stop it');
      });
    }
  }
}
