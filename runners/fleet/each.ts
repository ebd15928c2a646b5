/** Something done on every worker's machine, side by side. */
import { atOnce } from './at-once';
import type { Remote } from './remote';
import { RemoteError } from './shell';
import { MOST_AT_ONCE, type Workers } from './workers';
import type { Machine } from './workers-file';

/** Does something on each machine that can be reached; says in one line of each of the others why not. */
export async function atEach<T>(
  workers: Workers,
  work: (remote: Remote) => Promise<T>,
): Promise<{ done: Array<{ machine: Machine; value: T }>; problems: string[] }> {
  const outcomes = await atOnce(workers.machines, MOST_AT_ONCE, async (machine) => {
    const remote = await workers.connect(machine);
    try {
      return { machine, value: await work(remote) };
    } finally {
      await remote.close();
    }
  });
  const done = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const problems = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [sayWhy(outcome.reason)] : []));
  return { done, problems };
}

/** One line of why a machine can't be used. @throws what is no trouble with a machine */
export function sayWhy(reason: unknown): string {
  if (reason instanceof RemoteError) return reason.message;
  throw reason;
}
