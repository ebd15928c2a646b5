/** The end of a run on several workers: what it came to is told, written, and no longer needed where it was measured. */
import type { Prices } from '../cost/prices';
import { type Telling, tell } from '../report/tell';
import { EXIT } from '../run/exit';
import type { RunFolder } from '../run/folder';
import type { Terminal } from '../terminal/terminal';
import { exitOf, type Gathered } from './results';
import type { Watch } from './watch';

export interface Conclusion {
  /** The Result goes to standard output. */
  readonly json: boolean;
  /** The workers keep their folders. */
  readonly keep: boolean;
  /** What the cost is reckoned by. */
  readonly prices: Prices | undefined;
}

/** Returns the exit code. The folder of a worker goes when all that was in it is known and written here. */
export async function conclude(
  gathered: Gathered,
  watches: readonly Watch[],
  folder: RunFolder,
  { json, keep, prices }: Conclusion,
  terminal: Terminal,
): Promise<number> {
  if (!report(gathered, { folder, terminal, prices, json })) return EXIT.failed;
  const known = watches.filter((watch) => watch.isComplete);
  if (!keep) await Promise.all(known.map((watch) => watch.removeFolder()));
  return exitOf(gathered);
}

/** Says what it came to, and writes that. Returns whether there is a Result, and all of it is written. */
export function report({ result, parts }: Gathered, telling: Telling): boolean {
  const { folder, terminal } = telling;
  if (result === undefined) {
    terminal.log({ level: 'error', message: `no worker gave a Result: see ${folder.path}/k6.log` });
    return false;
  }
  const begun = result.workers.filter(({ lost }) => lost?.atMs !== 0);
  const skew = Math.max(...begun.map(({ startSkewMs }) => startSkewMs));
  const more = [
    ...(begun.length > 1 ? [`  Start: ${begun.length} workers began within ${Math.round(skew)} ms`] : []),
    ...(result.partial ? ['  Partial: not all that was measured is in these figures'] : []),
  ];
  const written = tell(result, parts, telling, more);
  for (const { id, host, lost } of result.workers) {
    if (lost)
      terminal.log({
        level: 'error',
        message: `${id} (${host}) is missing from ${seconds(lost.atMs)} on: ${lost.why}`,
      });
  }
  return written;
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
