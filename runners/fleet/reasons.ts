/** Why members have no figures, for people. */
import type { Member } from './place';
import { workerName } from './workers-file';

/** Members that a message names. */
const MOST_NAMED = 3;

/** Lines of why these did not begin: each reason once, with whose it is. */
export function reasonsOf(members: readonly Member[]): string[] {
  const names = new Map<string, string[]>();
  for (const member of members) {
    for (const why of whyNot(member)) names.set(why, [...(names.get(why) ?? []), workerName(member)]);
  }
  return [...names].map(([why, whose]) => {
    const more = whose.length - MOST_NAMED;
    return `${whose.slice(0, MOST_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}: ${why}`;
  });
}

function whyNot({ state, transcript: { refusals }, why, exit }: Member): readonly string[] {
  if (refusals.length > 0) return refusals;
  if (why !== undefined) return [why];
  return [state === 'ended' ? `k6 ended with ${exit} before its load began` : 'it did not get ready'];
}
