/** Follows a run that others started to its end, wherever it is, and writes what its members measured as one Result. */
import { newRunId } from '../../lib/result/protocol';
import type { Config } from '../../lib/settings/config';
import { formatCount } from '../../lib/settings/units';
import type { Prices } from '../cost/prices';
import { stoppable, stoppedBy } from '../process/stoppable';
import { type Cause, EXIT_OF } from '../run/exit';
import { makeRunFolder, type RunFolder } from '../run/folder';
import { pruneKeys, takeKeys } from '../run/keys';
import type { LogLine } from '../terminal/log-line';
import type { Terminal } from '../terminal/terminal';
import { conclude } from './conclude';
import { eventsFor } from './conduct';
import { gather } from './gather';
import { Monitor } from './monitor';
import type { PlaceToFollow } from './place';

export interface Collection {
  readonly config: Pick<Config, 'dataDir' | 'keyDir' | 'statsInterval'> & Partial<Pick<Config, 'sizes'>>;
  readonly prices: Prices | undefined;
  readonly terminal: Terminal;
  /** The Result goes to standard output. */
  readonly json: boolean;
}

/** Says what happens and returns the exit code. A signal leaves the run to itself. @throws ConfigError when it can't be followed */
export function collectRun(place: PlaceToFollow, collection: Collection): Promise<number> {
  const { terminal } = collection;
  return stoppable(async (signal) => {
    try {
      return EXIT_OF[await collect(place, collection, signal)];
    } catch (e) {
      const name = stoppedBy(e, signal);
      if (name === undefined) throw e;
      terminal.log({ level: 'warning', message: `${name}: left; the run goes on` });
      return EXIT_OF.left;
    } finally {
      await place.close();
    }
  });
}

async function collect(place: PlaceToFollow, collection: Collection, signal: AbortSignal): Promise<Cause> {
  const { config, prices, terminal, json } = collection;
  const log = new LateLog(config);
  try {
    if (place.run !== undefined) log.open(place.run);
    const keys = await takeKeys(config);
    const monitor = new Monitor(terminal, config.statsInterval);
    const on = eventsFor({
      monitor,
      keys,
      folder: log,
      terminal: place.isQuiet ? quiet(terminal) : terminal,
      alone: false,
    });
    const members = await place.follow(on, terminal, signal);
    await monitor.follow(members, signal);
    signal.throwIfAborted();
    const folder = log.open(place.run ?? newRunId(Date.now(), 'none'));
    const before = folder.readResults();
    if (before !== undefined) {
      const n = formatCount(before.parts.size);
      terminal.say(`${folder.path} has a Result of ${n} workers already: nothing that it has is given up`);
    }
    const expected = place.expected ?? members.length;
    const gathered = gather(members, { expected, before, id: place.run });
    const cause = conclude(gathered, members, { folder, terminal, prices, json, alone: false, stopInOrder: true });
    if (cause !== 'not-written') await place.collect(members);
    return (await pruneKeys(keys, config, terminal.say)) ? cause : 'keys-not-pruned';
  } catch (e) {
    log.discard();
    throw e;
  } finally {
    log.close();
  }
}

/** What runners in a cluster say is for k6.log alone: there may be a thousand of them. */
const quiet = (terminal: Terminal): Terminal => ({ ...terminal, log: () => {} });

/** k6.log of a run whose id may be known late only. */
class LateLog {
  private folder: RunFolder | undefined;
  private readonly lines: LogLine[] = [];

  constructor(private readonly config: Pick<Config, 'dataDir'>) {}

  /** @throws ConfigError when the run's folder can't be made */
  open(run: string): RunFolder {
    this.folder ??= makeRunFolder(this.config, run);
    for (const line of this.lines.splice(0)) this.folder.addLog(line);
    return this.folder;
  }

  addLog(line: LogLine): void {
    if (this.folder === undefined) this.lines.push(line);
    else this.folder.addLog(line);
  }

  discard(): void {
    this.folder?.remove();
  }

  close(): void {
    this.folder?.close();
  }
}
