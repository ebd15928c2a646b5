/**
 * What one iteration of a load does, apart from when and how many: the contract between a workload and the script around it. What
 * a step reads, writes and deletes is what the rows of its commands say.
 */

import type { Part } from '../result/protocol';
import type { Command, Effect } from '../s3/commands';
import type { Awaitable, Engine } from '../s3/engine';
import type { HeldConnections, Holding } from '../s3/held';
import type { ObjectSize, VuConfig } from '../settings/config';
import type { CommandShares, Filling } from './command-shares';
import type { FoundKeys, MakeKey, TrackedKeys } from './keys';
import type { Payload } from './payload';
import type { Random } from './random';
import type { Window } from './schedule';
import type { Shape } from './shape';
import type { WriteObject } from './write';

/** What a VU works with. Made at its first iteration in a scenario. */
export interface VirtualUser {
  readonly engine: Engine;
  readonly config: VuConfig;
  readonly sizes: readonly ObjectSize[];
  /** Those that it reads. */
  readonly readSizes: readonly ObjectSize[];
  readonly keys: TrackedKeys;
  /** The same in every run with the same seed. */
  readonly random: Random;
  /** The load's shape on this worker: a step that paces itself keeps to it. */
  readonly shape: Shape;
  readonly makeKey: MakeKey;
  /** The workload's name, and what ends keys of what it writes. */
  readonly test: string;
  readonly keyEnd: string;
  /** When the run began, milliseconds since 1970. */
  readonly startedAt: number;
  /** The number of the home that it is in. */
  readonly home: number;
  /** The same VU in another of the homes, by number, or in any bucket by the credentials of that one. */
  at(home: number, bucket?: string): VirtualUser;
  /** An engine that nothing is counted of. */
  silent(): Engine;
  /** How many homes there are; 0 where there is only the bucket of the settings. */
  readonly homes: number;
  /** How many VUs its load has on all workers, and its number among all VUs, from 0. */
  readonly among: number;
  readonly number: number;
  /** Its number on this worker, from 1. */
  readonly numberHere: number;
  /** Bodies of its sizes. */
  payload(): Payload;
  /** What writes objects of its sizes. */
  writer(): WriteObject;
  /** The same outside the figures. */
  beside(): WriteObject;
  /** Keys that are in the bucket now, by size, where it was looked for them anew; undefined where it was not time. Outside the figures. */
  findKeys(): Promise<FoundKeys | undefined>;
  /** Keys of objects of a size: those in the bucket now, or of one that is written for it. Outside the figures. */
  supply(size: ObjectSize): Awaitable<readonly string[]>;
  /** The store has no DELETE_OBJECTS. */
  readonly oneByOne: boolean;
  /** Holds connections, none at first: only for a step of connections. */
  hold(holding: Holding): HeldConnections;
  /** Tells k6 what was counted so far: for a step that does not end its iteration soon. */
  flush(): void;
  /** Of what all workers find alike, what this one is to take. Takes k6 milliseconds to say. */
  part(): Part;
  /** Counts an operation that was due and that no VU was free for. */
  dropped(): void;
  /** Whether someone wants to know which keys were deleted. */
  readonly reportsDeleted: boolean;
}

/**
 * Does one operation, and promises its end where it can't be waited for at once; or goes on to the window's end and keeps what it
 * has under way. `begin` is when the scenario began, in milliseconds since 1970.
 */
export type Operate = (window: Window, begin: number) => void | Promise<void>;

export type Step = OperationStep | TaskStep | ConnectionsStep;

interface AnyStep {
  /** What it does to the store. Rows of one op count as one. */
  readonly commands: readonly Command[];
  start(vu: VirtualUser): Operate;
}

/** An iteration is one operation, and k6 says when it begins. */
export interface OperationStep extends AnyStep {
  readonly kind: 'operation';
  /** What it is made of, where VUs make it anew: a file's workload is known to VU 0 alone. */
  readonly data?: StepData;
  /** It says by itself in which of several homes an operation is: else they take turns. */
  readonly steers?: true;
}

export type StepData = CommandShares | Filling;

/** One VU does it all: many operations at once, and it keeps to the load's shape by itself. */
export interface TaskStep extends AnyStep {
  readonly kind: 'task';
}

/**
 * A task whose load is connections that it holds open, not VUs. Takes the extension. They are what it is about: that nothing
 * completes on them is no failure, nor that a server ends them.
 */
export interface ConnectionsStep extends AnyStep {
  readonly kind: 'connections';
  /** Label of the size that it reads: setup sees that there is an object of it. */
  readonly reads: string;
}

/** Whether a step does this to objects. */
export function has(effect: Effect, { commands }: Step): boolean {
  return commands.some((command) => command.effect === effect);
}

/** Operations as their caller counts them, each once. */
export function opsOf({ commands }: Step): string[] {
  return [...new Set(commands.map(({ op }) => op))];
}

/** Whether k6 says when each operation begins; else the step keeps to its shape by itself. */
export const isPaced = ({ kind }: Step): boolean => kind === 'operation';

export const holdsConnections = ({ kind }: Step): boolean => kind === 'connections';
