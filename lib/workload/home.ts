/** Where VUs work: buckets, and on whose behalf. Pure. */
import type { User } from '../settings/config';
import type { NumberedSet } from './numbered';
import type { Operate, Step, VirtualUser } from './step';

export interface Home {
  readonly bucket: string;
  /** Whose credentials, where they are not those of the settings. */
  readonly user?: User;
  /** Objects that are there before the load. */
  readonly set?: NumberedSet;
}

/** A bucket, and by number the user who created it. */
export interface OwnedBucket {
  readonly name: string;
  readonly user?: number;
}

/**
 * Every user in every bucket; in one that a user has created, that one alone. Neighbours differ in both, so that few VUs are in many
 * buckets and of many users.
 */
export function homesOf(
  buckets: readonly OwnedBucket[],
  users: readonly User[],
  sets: readonly (NumberedSet | undefined)[] = [],
): Home[] {
  const rounds = buckets.some(({ user }) => user !== undefined) ? 1 : Math.max(1, users.length);
  return Array.from({ length: rounds }, (_, round) =>
    buckets.map(({ name, user }, b): Home => {
      const [own, set] = [users[user ?? (round + b) % rounds], sets[b]];
      return { bucket: name, ...(own && { user: own }), ...(set && { set }) };
    }),
  ).flat();
}

/** Which of `homes` are a VU's, by its number from 1 among so many: one, or all of them where there are more than VUs. */
export function homesFor(homes: number, vu: number, vus: number): number[] {
  const first = (vu - 1) % homes;
  return homes <= vus ? [first] : Array.from({ length: homes }, (_, i) => (first + i) % homes);
}

/** A step in each of a VU's homes by turns, begun there when it is that one's turn. `first` is the VU in the first of them. */
export function takingTurns(step: Step, first: VirtualUser, homes: readonly number[]): Operate {
  const operates: Operate[] = [step.start(first)];
  let next = 0;
  return (window, begin) => {
    const at = next;
    next = (next + 1) % homes.length;
    operates[at] ??= step.start(first.at(homes[at] as number));
    return (operates[at] as Operate)(window, begin);
  };
}
