/** Brings a run on its way: k6 is started on every worker, and when all of them are ready they begin at one instant. */

import type { LogLine } from '../run/k6-log';
import { atOnce } from './at-once';
import { type Launch, launch } from './launch';
import { sayWhy } from './machines';
import type { Member } from './prepare';
import { segmentsOf } from './segments';
import { Watch, type WatchEvents } from './watch';
import { MOST_AT_ONCE, type Workers } from './workers';
import { workerName } from './workers-file';

export type Common = Omit<Launch, 'workers' | 'alike' | 'index' | 'segment' | 'interval'>;

/** So long before the instant everyone has been told of it, unless a connection is very slow. */
const NOTICE_MS = 1_000;
const NOTICE_FOR_EACH_MS = 20;
/** Lines of statistics a second, all workers together: what a terminal can show, and one core can read. */
const LINES_PER_SECOND = 20;

/** Workers that a message names. */
const MOST_NAMED = 3;

export interface Started {
  readonly watches: readonly Watch[];
  /** When the load was to begin, milliseconds since 1970 by the clock here; undefined when it did not. */
  readonly at: number | undefined;
  /** How many workers did not get ready, and lines that say why; those who have the same reason share them. */
  readonly failed: number;
  readonly problems: readonly string[];
}

/**
 * Starts k6 on all members. When one of them does not get ready nothing begins, unless `partial` allows that; then the caller
 * is to stop those that wait. `signal` calls it off before the load has begun.
 */
export async function start(
  members: readonly Member[],
  workers: Workers,
  common: Common,
  partial: boolean,
  on: WatchEvents,
  signal: AbortSignal,
): Promise<Started> {
  const segments = segmentsOf(members.length);
  const interval = Math.max(1, Math.ceil(members.length / LINES_PER_SECOND));
  const outcomes = await atOnce([...members.entries()], MOST_AT_ONCE, async ([index, member]) => {
    const { machine } = member;
    const alike = members.filter((other) => isSameMachine(other, member)).length;
    const segment = segments[index] as (typeof segments)[number];
    const how = { ...common, workers: members.length, alike, index, segment, interval };
    const started = await launch(member, how);
    return new Watch({ machine, ...started }, member.remote, () => workers.connect(machine), on);
  });
  const watches = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const unstarted = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [sayWhy(outcome.reason)] : []));
  const calledOff = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  await Promise.race([calledOff, Promise.all(watches.map((watch) => watch.ready))]);
  const waiting = watches.filter(({ state }) => state === 'ready');
  const unready = watches.filter(({ state }) => state !== 'ready');
  const problems = [...unstarted, ...together(unready)];
  const failed = unstarted.length + unready.length;
  if (signal.aborted || waiting.length === 0 || (failed > 0 && !partial)) {
    return { watches, at: undefined, failed, problems };
  }
  const slowest = Math.max(...members.map(({ clock }) => clock.rttMs));
  const at = Date.now() + NOTICE_MS + NOTICE_FOR_EACH_MS * waiting.length + 4 * slowest;
  const told = await atOnce(waiting, waiting.length, (watch) => watch.start(at));
  const untold = told.flatMap((outcome) => (outcome.status === 'rejected' ? [sayWhy(outcome.reason)] : []));
  return { watches, at, failed: failed + untold.length, problems: [...problems, ...untold] };
}

const isSameMachine = ({ machine: a }: Member, { machine: b }: Member) =>
  a.host === b.host && a.port === b.port && a.address === b.address;

/** Why these are not ready: each reason once, with whose it is. */
function together(unready: readonly Watch[]): string[] {
  const names = new Map<string, string[]>();
  for (const watch of unready) {
    for (const why of whyNot(watch)) names.set(why, [...(names.get(why) ?? []), workerName(watch.handle.machine)]);
  }
  return [...names].map(([why, whose]) => {
    const more = whose.length - MOST_NAMED;
    return `${whose.slice(0, MOST_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}: ${why}`;
  });
}

function whyNot({ state, refusals, why, exit }: Watch): readonly string[] {
  if (refusals.length > 0) return refusals;
  if (why !== undefined) return [why];
  return [state === 'ended' ? `k6 ended with ${exit} before its load began` : 'it did not get ready'];
}

/** What a worker's k6 said, with whose it is. */
export function named(watch: Watch, { level, message }: LogLine): LogLine {
  return { level, message: `${workerName(watch.handle.machine)}: ${message}` };
}
