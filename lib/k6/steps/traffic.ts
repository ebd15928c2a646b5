/** What the VUs of one k6 scenario do, apart from when and how many: the contract between a pattern and the script around it. */

import type { Awaitable, Engine } from '../../s3/engine';
import type { HeldConnections, Holding } from '../../s3/engines/held';
import type { Config, ObjectSize } from '../../settings/config';
import type { FoundKeys, MakeKey, TrackedKeys } from '../../workload/keys';
import type { Part } from '../../workload/part';
import type { Payload } from '../../workload/payload';
import type { Random } from '../../workload/random';
import type { Window } from '../../workload/schedule';

/** What a VU works with. Made at its first iteration in a scenario. */
export interface VirtualUser {
  readonly engine: Engine;
  readonly config: Config;
  readonly sizes: readonly ObjectSize[];
  /** Those that it reads. */
  readonly readSizes: readonly ObjectSize[];
  readonly keys: TrackedKeys;
  readonly payload: Payload;
  /** The same in every run with the same seed. */
  readonly random: Random;
  /** The scenario's load at full: VUs, or what stands for them where the traffic paces itself, such as connections. */
  readonly vus: number;
  /** The scenario's part of the whole load. */
  readonly share: number;
  readonly makeKey: MakeKey;
  /** Keys that are in the bucket now, by size. Outside the figures. */
  findKeys(): FoundKeys;
  /** Keys of objects of a size: those in the bucket now, or of one that is written for it. Outside the figures. */
  supply(size: ObjectSize): Awaitable<readonly string[]>;
  /** Holds connections, none at first: only for traffic that says so of itself. */
  hold(holding: Holding): HeldConnections;
  /** Tells k6 what was counted so far: for traffic that does not end its iteration soon. */
  flush(): void;
  /** Of what all workers find alike, what this one is to take. Takes k6 milliseconds to say. */
  part(): Part;
  /** Counts an operation that was due and that no VU was free for. */
  dropped(): void;
  /** Whether someone wants to hear which keys were deleted. */
  readonly tellsDeleted: boolean;
}

/**
 * Does one operation, and promises its end where it can't be waited for at once; or goes on to the window's end and keeps what it has under way. `begin` is when the scenario began, in
 * milliseconds since 1970.
 */
export type Operate = (window: Window, begin: number) => void | Promise<void>;

export interface Traffic {
  /** Operations as its caller counts them. */
  readonly ops: readonly string[];
  /** Reads objects, which must be there: its own or those found in the bucket. */
  readonly reads: boolean;
  /** Writes objects. */
  readonly writes: boolean;
  readonly deletes: boolean;
  /** Operations begin as this VU decides: one VU is enough, and it keeps to rate, ramp and stages by itself. */
  readonly pacesItself: boolean;
  /**
   * Its load is connections that this VU holds open, not VUs. Takes the extension. They are what it is about: that nothing
   * completes on them is no failure, nor that a server ends them.
   */
  readonly holdsConnections: boolean;
  /** Labels of the sizes that it reads, where they are not the load's own: setup sees that there is an object of each. */
  readonly readsSizes?: readonly string[];
  start(vu: VirtualUser): Operate;
}
