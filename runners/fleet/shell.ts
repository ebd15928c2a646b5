/** What runs commands on a worker's machine, and what goes wrong with it. */
import type { Readable, Writable } from 'node:stream';
import { type Place, placeName } from './workers-file';

/** What went wrong, for whoever decides by it; the message is for people. */
export type Trouble =
  /** ssh's configuration is not right, or asks for what is not supported. */
  | 'config'
  | 'resolve'
  | 'refused'
  | 'unreachable'
  /** No answer in time. */
  | 'timeout'
  | 'hostKey'
  | 'auth'
  /** There was a connection, and it is gone. */
  | 'lost'
  /** A command did not do what it is there for. */
  | 'command';

/** A worker's machine can't be used, and the message, one line, names it, says why and what to do. */
export class RemoteError extends Error {
  override name = 'RemoteError';
  constructor(
    readonly place: Place,
    readonly trouble: Trouble,
    /** The same without the place. */
    readonly why: string,
  ) {
    super(`${placeName(place)}: ${why}`);
  }
}

/** How a command ended; `code` is null when a signal did it. */
export interface Exit {
  readonly code: number | null;
  readonly signal?: string | undefined;
}

/** A command that runs. */
export interface Running {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when it has ended and its output is read. Rejects with a RemoteError when the connection went before. */
  readonly ended: Promise<Exit>;
  /** Ends it, and does not wait. */
  stop(): void;
}

/** What runs commands on a machine. */
export interface Shell {
  /** Starts a command line, in whatever shell the user has there. @throws RemoteError */
  start(command: string): Promise<Running>;
  /** Resolves when the connection is gone, with why, or with undefined when it was closed from here. */
  readonly gone: Promise<RemoteError | undefined>;
  close(): Promise<void>;
}
