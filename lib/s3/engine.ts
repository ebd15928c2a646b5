/** What makes requests out of the rows of commands.ts: the contract of every backend, held by the conformance suite. */
import type { Awaitable, Body, Outcome } from './api';
import type { Command } from './commands';

/** What a call has beside its key. Left out by most: each object costs k6's JavaScript time. */
export interface Arguments {
  /** Added to the row's query; undefined ones are left out. */
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  /** Signed and sent, by lower-case name. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How many objects it is about, of a command that names them in its body. */
  readonly objects?: number;
}

/** What was found in an answer, as its row asks. */
export interface Found {
  /** Objects that it has, or was done to. */
  readonly objects: number;
  /** Text by element; one that is not there is left out. */
  readonly texts: Readonly<Record<string, string>>;
  /** Children's texts by element, in the row's order; '' for one that is not there. */
  readonly lists: Readonly<Record<string, readonly (readonly string[])[]>>;
}

/** What came of a call. Fields beside Outcome's are of successes, and there where the row asks for them. */
export interface Reply extends Outcome {
  readonly content?: ArrayBuffer | undefined;
  readonly found?: Found | undefined;
}

/**
 * One operation: attempts until one succeeds, can't be mended by another, or was the last; each is recorded.
 *
 * `key` is '' on the bucket, `size` the size label of its metrics ('' where size means nothing). `load` is what a row with a
 * body sends, or how many bytes the object of a row without one must have.
 */
export type Call = (key: string, size: string, load?: Body | string | number, more?: Arguments) => Awaitable<Reply>;

/** The same without holding up the VU, so that it can have many under way. */
export type AsyncCall = (...call: Parameters<Call>) => Promise<Reply>;

/** An engine of one VU. */
export interface Engine {
  compile(command: Command): Call;
  compileAsync(command: Command): AsyncCall;
  /** Records the success of an operation that several calls made. `last` is what came of the last of them. */
  composed(op: string, size: string, whole: Outcome): void;
}
