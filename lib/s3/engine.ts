/** What makes requests out of the rows of commands.ts: the contract of every engine, held by the conformance suite. */

import type { Checksum } from '../settings/config';
import type { Command } from './commands';
import type { Failure, Outcome } from './outcome';

/** A value, or the promise of one. To await the one as the other would cost each operation a turn of the event loop. */
export type Awaitable<T> = T | Promise<T>;

/** A body that the native engine, and no other, makes while it sends it: uncompressible, and another for every key. */
export interface Generated {
  readonly bytes: number;
  /** Where in the object's content it begins, of a part. */
  readonly offset?: number;
}

/** What a row with a payload sends. */
export type Body = ArrayBuffer | Generated;

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

/** What a row with a body sends, or how many bytes the object of a row without one must have. */
export type CallLoad = Body | string | number;

/**
 * One operation: attempts until one succeeds, can't be mended by another, or was the last; each is recorded.
 *
 * `key` is '' on the bucket, `size` the size label of its metrics ('' where size means nothing).
 */
export type SyncCall = (key: string, size: string, load?: CallLoad, more?: Arguments) => Reply;
export type AsyncCall = (...call: Parameters<SyncCall>) => Promise<Reply>;
export type Call = (...call: Parameters<SyncCall>) => Awaitable<Reply>;

/** An engine of one VU. */
export interface Engine {
  /** The way this engine prefers: promised where Grafana's client makes the call, which only promises; else at once. */
  compile(command: Command): Call;
  /** A call that stops the VU until it has ended. */
  compileSync(command: Command): SyncCall;
  /** A call that leaves the VU free, so that it can have many under way. */
  compileAsync(command: Command): AsyncCall;
  /**
   * Keeps a call back that is made when k6 ends the test before the function is called that it returns: only where the engine
   * outlives the script, which k6 breaks off wherever it is.
   */
  atInterrupt?(command: Command): (...call: Parameters<SyncCall>) => () => void;
  /** What it sends with the bodies of objects; uploads in parts name it when they are completed. */
  readonly checksum?: Checksum | undefined;
  /** Records the success of an operation that several calls made. */
  composed(op: string, size: string, whole: Outcome): void;
}

export interface EngineOptions {
  /** `http://host:port`, rotated per request. */
  readonly endpoints: readonly string[];
  readonly bucket: string;
  readonly addressing: 'path' | 'virtual';
  readonly region: string;
  readonly credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string | undefined };
  /** Path of a file that has the latest credentials, where they are renewed. */
  readonly credentialsFile?: string | undefined;
  /** Milliseconds in which a request may move nothing; for an engine that can't tell, those of a whole request. */
  readonly timeout: number;
  /** Milliseconds of a whole request, body included. */
  readonly requestTimeout?: number | undefined;
  /** Attempts in all; 1 for none but the first. */
  readonly attempts: number;
  /** Milliseconds before each repeat, of what is answered with 503: nothing else is repeated then. */
  readonly retryDelay?: number | undefined;
  /** Who gets no answer waits before the next operation: for a closed loop, which would fail as fast as it can. */
  readonly brakes?: boolean;
  /** Objects whose content the engine can tell from their key are compared with it as they are read. */
  readonly verify?: boolean;
  /** Every key is known to hold unreserved characters and slashes only, so that none needs to be looked at. */
  readonly plainKeys?: boolean;
  /** Waits between attempts, in seconds: `sleep` stops the VU, `pause` lets what it has under way go on. */
  readonly sleep: (seconds: number) => void;
  readonly pause: (seconds: number) => Promise<void>;
  /** Rotation starts here, so that VUs do not move in step. */
  readonly firstEndpoint: number;
}

/** What counts: all that an engine which measures by itself has to know. */
export interface Counting {
  /** Nothing does: it is done beside the load. */
  readonly silent: boolean;
  /** That an object is not there is a miss, and no error. */
  readonly missesExpected: boolean;
}

/** Makes engines that count alike, and does what is to be done around their operations. */
export interface EngineSource {
  create(options: EngineOptions): Engine;
  /** To be called as each of the VU's iterations begins. */
  begin(): void;
  /** Tells k6 what was counted so far. */
  flush(): void;
}

export type Connect = (counting: Counting) => EngineSource;

/** Records every attempt, unless the engine measures by itself. */
export interface Recorder {
  /** An attempt is about to be made, or its outcome to be recorded: sets the tags that its figures will carry. */
  begin(op: string, size: string, endpoint: string): void;
  /** It succeeded, and is an operation. `objects` are objects listed or deleted. */
  succeeded(ms: number, bytes: number, objects: number): void;
  failed(command: Command, outcome: Outcome, failure: Failure): void;
  /** A success that nevertheless failed for so many of its objects. */
  refused(command: Command, outcome: Outcome, failure: Failure, objects: number): void;
  /** A further attempt is about to be made. */
  retried(): void;
  /** An attempt goes elsewhere, for the endpoint whose turn it was is left out. To be told before it begins. */
  redirected(op: string, size: string, from: string): void;
}
