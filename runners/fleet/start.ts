/** Brings a run on its way: k6 is started on every machine, and when all of them are ready they begin at one instant. */
import { aborted } from '../process/stoppable';
import { segmentsOf } from '../run/segments';
import { atOnce } from './at-once';
import { sayWhy } from './each';
import { type Launch, launch } from './launch';
import { MachineMember } from './machine-member';
import type { MemberEvents } from './place';
import type { ReadyMachine } from './prepare';
import { reasonsOf } from './reasons';
import { MOST_AT_ONCE, type Workers } from './workers';

/** What is the same on all machines. */
export type CommonLaunch = Omit<Launch, 'workers' | 'alike' | 'index' | 'segment' | 'interval'>;

/** How long before the instant of the start all machines know it, unless a connection is very slow. */
const NOTICE_MS = 1_000;
const NOTICE_FOR_EACH_MS = 20;
/** Lines of statistics a second, all workers together: what a terminal can show, and one core can read. */
const LINES_PER_SECOND = 20;

export interface StartedMachines {
  readonly members: readonly MachineMember[];
  /** Whether the load begins. */
  readonly begins: boolean;
  /** How many workers did not get ready, and lines that say why; those who have the same reason share them. */
  readonly missing: number;
  readonly problems: readonly string[];
}

/**
 * Starts k6 on all machines. When one of them does not get ready nothing begins, unless `partial` allows that; then the caller
 * is to stop those that wait. `signal` calls it off before the load has begun.
 */
export async function start(
  machines: readonly ReadyMachine[],
  workers: Workers,
  common: CommonLaunch,
  partial: boolean,
  on: MemberEvents,
  signal: AbortSignal,
): Promise<StartedMachines> {
  const segments = segmentsOf(machines.length);
  const interval = Math.max(1, Math.ceil(machines.length / LINES_PER_SECOND));
  const outcomes = await atOnce([...machines.entries()], MOST_AT_ONCE, async ([index, ready]) => {
    const { machine } = ready;
    const alike = machines.filter((other) => isSameMachine(other, ready)).length;
    const segment = segments[index] as (typeof segments)[number];
    const how = { ...common, workers: machines.length, alike, index, segment, interval };
    const started = await launch(ready, how);
    const member = new MachineMember({ machine, ...started }, ready.remote, () => workers.connect(machine), on);
    common.credentials?.add(member);
    return member;
  });
  const members = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const unstarted = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [sayWhy(outcome.reason)] : []));
  await Promise.race([aborted(signal), Promise.all(members.map((member) => member.ready))]);
  const waiting = members.filter(({ state }) => state === 'ready');
  const unready = members.filter(({ state }) => state !== 'ready');
  const problems = [...unstarted, ...reasonsOf(unready)];
  const missing = unstarted.length + unready.length;
  if (signal.aborted || waiting.length === 0 || (missing > 0 && !partial)) {
    return { members, begins: false, missing, problems };
  }
  const slowest = Math.max(...machines.map(({ clock }) => clock.rttMs));
  const at = Date.now() + NOTICE_MS + NOTICE_FOR_EACH_MS * waiting.length + 4 * slowest;
  const notices = await atOnce(waiting, waiting.length, (member) => member.start(at));
  const unnotified = notices.flatMap((outcome) => (outcome.status === 'rejected' ? [sayWhy(outcome.reason)] : []));
  return { members, begins: true, missing: missing + unnotified.length, problems: [...problems, ...unnotified] };
}

const isSameMachine = ({ machine: a }: ReadyMachine, { machine: b }: ReadyMachine) =>
  a.host === b.host && a.port === b.port && a.address === b.address;
