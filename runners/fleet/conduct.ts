/** A run from its preparation to its exit code, at any place that can start k6. */
import { newRunId } from '../../lib/result/protocol';
import { formatDuration } from '../../lib/settings/units';
import { loadPrices } from '../cost/prices';
import { aborted, onStopSignals } from '../process/stoppable';
import { type Cause, EXIT_OF, isRefusal } from '../run/exit';
import { makeRunFolder, type RunFolder } from '../run/folder';
import { isOfOurSignal } from '../run/k6-log';
import { pruneKeys, type RunKeys, takeKeys } from '../run/keys';
import type { Settings } from '../run/settings';
import type { LogLine } from '../terminal/log-line';
import { createTerminal, type Terminal } from '../terminal/terminal';
import { conclude } from './conclude';
import { type GatherOptions, gather } from './gather';
import { Monitor } from './monitor';
import { hasBegun, type Member, type MemberEvents, type PlaceToStart, type Started } from './place';
import { workerName } from './workers-file';

export interface Run {
  /** The patterns. */
  readonly name: string;
  readonly settings: Settings;
  /** The Result goes to standard output. */
  readonly json: boolean;
  /** Leave it alone once it has begun. */
  readonly detached: boolean;
  /** Run on what can be started, though some can't. */
  readonly allowPartial: boolean;
  readonly k6Version: string;
  /** Endpoints behind a proxy that the CLI starts. */
  readonly proxied?: readonly string[] | undefined;
}

/** Runs it, says what happens, and returns the exit code. @throws ConfigError when something here is not right */
export async function conduct(run: Run, place: PlaceToStart): Promise<number> {
  const { config } = run.settings;
  const prices = loadPrices(config.prices);
  const terminal = createTerminal(run.json, config.logLevel);
  const interrupts = new Interrupts(terminal, place);
  try {
    const { ready, missing } = await place.prepare(terminal, interrupts.first);
    if (ready === 0 || (missing > 0 && !run.allowPartial)) {
      terminal.say('Nothing was started');
      return EXIT_OF['not-started'];
    }
    interrupts.first.throwIfAborted();
    const id = newRunId(Date.now(), run.name);
    const folder = makeRunFolder(config, id);
    const keys = await takeKeys(config, folder);
    try {
      const session = { run, place, id, folder, keys, terminal, interrupts, prices };
      return EXIT_OF[await runFrom(ready + missing, missing, session)];
    } catch (e) {
      folder.addLog({ level: 'error', message: String(e) });
      throw e;
    } finally {
      folder.close();
    }
  } catch (e) {
    if (!interrupts.first.aborted || e !== interrupts.first.reason) throw e;
    terminal.say('Stopped: nothing was started');
    return EXIT_OF['not-started'];
  } finally {
    interrupts.release();
    await place.close();
  }
}

interface Session {
  readonly run: Run;
  readonly place: PlaceToStart;
  readonly id: string;
  readonly folder: RunFolder;
  readonly keys: RunKeys;
  readonly terminal: Terminal;
  readonly interrupts: Interrupts;
  readonly prices: ReturnType<typeof loadPrices>;
}

async function runFrom(expected: number, missing: number, session: Session): Promise<Cause> {
  const { run, place, id, folder, keys, terminal, interrupts } = session;
  const { config } = run.settings;
  let steady = false;
  const monitor = new Monitor(terminal, config.statsInterval, {
    steady: () => {
      steady = true;
      terminal.say('steady: throughput stays within 5%, stopping');
      interrupts.stopMembers();
    },
    refused: (sinceMs) => {
      const since = sinceMs < 1000 ? 'from the start' : `from ${formatDuration(Math.round(sinceMs / 1000) * 1000)} on`;
      const message = `the store refuses these credentials ${since}, and nothing else comes back: stopping`;
      terminal.log({ level: 'error', message });
      interrupts.stopMembers();
    },
  });
  const on = eventsFor({ monitor, keys, folder, terminal, alone: place.alone });
  const started = await place.start({ run: id, keys: keys.path, tellDeleted: keys.any }, on, interrupts.first);
  const { members } = started;
  if (!started.begins) return endBeforeLoad(started, session);
  for (const message of started.problems) terminal.log({ level: 'error', message });
  const absent = missing + started.missing;
  if (absent > 0) {
    const who = absent === 1 ? '1 worker is' : `${absent} workers are`;
    terminal.log({ level: 'warning', message: `${who} missing: the Result will be partial` });
  }
  if (run.detached) {
    await Promise.race([Promise.all(members.map(hasBegun)), interrupts.second]);
    terminal.say(`It runs by itself now: s3loadtest status; s3loadtest collect ${id}; s3loadtest stop ${id}`);
    folder.remove();
    return started.missing > 0 ? 'partial' : 'passed';
  }
  interrupts.watch(members);
  await monitor.follow(members, interrupts.leaving);
  if (interrupts.leaving.aborted) {
    terminal.say(`Left: to have what was measured, s3loadtest collect ${id}`);
    return 'left';
  }
  if (place.alone && members.every(({ transcript }) => transcript.begin === undefined)) {
    return endBeforeLoad(started, session);
  }
  return end(members, { expected, interrupted: interrupts.first.aborted, steady }, session);
}

async function end(
  members: readonly Member[],
  known: Pick<GatherOptions, 'expected' | 'interrupted' | 'steady'>,
  { run, place, folder, keys, terminal, prices }: Session,
): Promise<Cause> {
  const { k6Version, proxied } = run;
  const { alone } = place;
  const gathered = gather(members, { ...known, k6Version, proxied, alone });
  const cause = conclude(gathered, members, { folder, terminal, prices, json: run.json, alone, stopInOrder: false });
  if (cause !== 'not-written') await place.collect(members);
  // What was deleted is gone, however k6 ended.
  return (await pruneKeys(keys, run.settings.config, terminal.say)) ? cause : 'keys-not-pruned';
}

/** Stops what waits for a load that is not to begin, or says why k6 ended before it. */
async function endBeforeLoad({ members, problems }: Started, session: Session): Promise<Cause> {
  const { place, folder, terminal, interrupts } = session;
  const interrupted = interrupts.first.aborted;
  const fail = (message: string) => terminal.log({ level: 'error', message });
  if (!interrupted) problems.forEach(fail);
  const silent = members.filter(({ transcript, cutShort }) => transcript.lastError === '' && cutShort !== true);
  // What k6 refuses it has said itself.
  if (place.alone) for (const { why } of silent) fail(`k6 ${why} and gave no Result`);
  (await place.stop(members)).forEach(fail);
  await place.collect(members);
  if (!place.alone) terminal.say(interrupted ? 'Stopped: no load was sent' : 'No load was sent');
  folder.remove();
  const isRefused = ({ exit, transcript, cutShort }: Member) =>
    isRefusal(exit) && transcript.refusals.length > 0 && cutShort !== true;
  return members.length > 0 && members.every(isRefused) && !interrupted ? 'refused' : 'not-started';
}

/** Passes what members report on to the monitor, key files, k6.log and the terminal. */
export function eventsFor(to: {
  readonly monitor: Monitor;
  readonly keys: Pick<RunKeys, 'deleted'>;
  readonly folder: Pick<RunFolder, 'addLog'>;
  readonly terminal: Terminal;
  /** The one member is a process of this CLI, which messages do not name. */
  readonly alone: boolean;
}): MemberEvents {
  const { monitor, keys, folder, terminal, alone } = to;
  const named = ({ level, message }: LogLine, member: Member): LogLine => ({
    level,
    message: alone ? message : `${workerName(member)}: ${message}`,
  });
  return {
    begin: (member) => monitor.begin(member),
    interval: (interval, member) => monitor.interval(interval, member),
    tick: (stats) => monitor.tick(stats),
    stats: (stats) => monitor.stats(stats),
    deleted: (range) => keys.deleted(range),
    log: (line, member) => {
      folder.addLog(named(line, member));
      if (isOfOurSignal(line)) return;
      // Why some of several can't begin is printed for all of them together.
      if (!alone && line.level === 'error' && member.transcript.begin === undefined) return;
      terminal.log(named(line, member));
    },
  };
}

/** What Ctrl-C means: first to stop everywhere and say what was measured, then to end at once, or to leave members to it. */
class Interrupts {
  /** Aborted by the first signal. */
  readonly first: AbortSignal;
  /** Aborted by the second, where members go on then. */
  readonly leaving: AbortSignal;
  readonly second: Promise<void>;
  private readonly signals: ReturnType<typeof onStopSignals>;
  private members: readonly Member[] = [];

  constructor(
    private readonly terminal: Terminal,
    private readonly place: PlaceToStart,
  ) {
    const [first, leaving] = [new AbortController(), new AbortController()];
    this.first = first.signal;
    this.leaving = leaving.signal;
    this.second = aborted(leaving.signal);
    const what = place.alone
      ? 'stopping, the figures so far are kept (again: at once)'
      : 'stopping all workers (again: leave them to it)';
    this.signals = onStopSignals(
      (name) => {
        terminal.log({ level: 'warning', message: `${name}: ${what}` });
        first.abort(new DOMException(name, 'AbortError'));
        this.stopMembers();
      },
      () => {
        if (place.abandon()) leaving.abort();
      },
    );
  }

  /** From now on the first signal stops these. */
  watch(members: readonly Member[]): void {
    this.members = members;
    if (this.first.aborted) this.stopMembers();
  }

  release(): void {
    this.signals.release();
  }

  stopMembers(): void {
    void this.place.stop(this.members).then((problems) => {
      for (const message of problems) this.terminal.log({ level: 'error', message });
    });
  }
}
