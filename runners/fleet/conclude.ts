/** The end of a run, wherever it ran: prints and writes its Result, and says how it ended. */
import { formatDuration } from '../../lib/settings/units';
import { type Telling, tell } from '../report/tell';
import { type Cause, causeOf } from '../run/exit';
import type { Gathered } from './gather';
import type { Member } from './place';
import { reasonsOf } from './reasons';
import { workerName } from './workers-file';

export interface Ending extends Telling {
  /** The one member is a process of this CLI, which messages do not name. */
  readonly alone: boolean;
  /** A signal that all figures were kept after is no failure: someone ordered it. */
  readonly stopInOrder: boolean;
}

/** Prints the Result, or why there is none, and writes it. Returns how the run ended. */
export function conclude({ result, parts }: Gathered, members: readonly Member[], ending: Ending): Cause {
  const { terminal, alone } = ending;
  const fail = (message: string) => terminal.log({ level: 'error', message });
  if (result === undefined) {
    for (const message of alone ? members.map((each) => noResult(each, ending)) : noResults(members, ending))
      fail(message);
    return 'no-result';
  }
  if (alone && result.partial) {
    const time = formatDuration(result.run.durationMs);
    fail(`k6 ${members[0]?.why}: the figures are of the first ${time}, without thresholds`);
  }
  const written = tell(result, parts, ending, alone ? [] : moreLines(result));
  for (const { id, host, lost } of result.workers) {
    if (lost) fail(`${workerName({ id, host })} is missing from ${(lost.atMs / 1000).toFixed(1)} s on: ${lost.why}`);
  }
  return written ? causeOf(result, ending.stopInOrder) : 'not-written';
}

/** Below FINAL. */
function moreLines({ workers, partial }: NonNullable<Gathered['result']>): string[] {
  const begun = workers.filter(({ lost }) => lost?.atMs !== 0);
  const skew = Math.max(...begun.map(({ startSkewMs }) => startSkewMs));
  return [
    ...(begun.length > 1 ? [`  Start: ${begun.length} workers began within ${Math.round(skew)} ms`] : []),
    ...(partial ? ['  Partial: not all that was measured is in these figures'] : []),
  ];
}

function noResult({ why, transcript: { lastError, begin } }: Member, { folder }: Ending): string {
  const cause = lastError ? ` (its last error: ${lastError})` : '';
  return `k6 ${why} and gave no Result${cause}${begin ? `: see ${folder.path}/k6.log` : ''}`;
}

function noResults(members: readonly Member[], { folder }: Ending): string[] {
  return [...reasonsOf(members), `no worker gave a Result: see ${folder.path}/k6.log`];
}
