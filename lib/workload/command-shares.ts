import type { OwnBuckets, TemporaryObjects } from './temporary';

/** Writing the objects that a workload is to find: which of them, as ranges of numbers, the second of each left out. */
export interface Filling {
  readonly ranges: ReadonlyArray<readonly [number, number]>;
}

export interface Temporary extends TemporaryObjects {
  /** The part of a VU's operations that are about them. */
  readonly share: number;
  /** Where each VU creates a bucket for them. */
  readonly buckets?: OwnBuckets;
}

/** What a load out of a workload file does, as data: VUs make their step of it. */
export interface CommandShares {
  /** Whole parts by op. */
  readonly shares: Readonly<Record<string, number>>;
  /** Milliseconds that a VU waits after each operation, where it has a time of its own. */
  readonly think?: number;
  /** Objects that it writes, and deletes again. */
  readonly temporary?: Temporary;
  /** Each VU has an object for its HEADs alone, and one for its PUT_OBJECT_ACLs. */
  readonly dedicated?: boolean;
  /** PUT replaces objects that are there. */
  readonly overwrites?: boolean;
  /** A VU that gets a status of 400 or more does nothing more. */
  readonly endsAtErrors?: boolean;
  /** Objects of one batch, at the most. */
  readonly batch?: number;
  /** How many different ones are set in turn. */
  readonly unique?: { readonly acls?: number; readonly policies?: number; readonly lifecycles?: number };
}
