/** What runs commands on a worker's machine, and what goes wrong with it. */
import type { Writable } from 'node:stream';
import { type Machine, workerName } from './workers-file';

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
    readonly machine: Machine,
    readonly trouble: Trouble,
    /** The same without the machine's name. */
    readonly why: string,
  ) {
    super(`${workerName(machine)}: ${why}`);
  }
}

/** How a command ended; `code` is null when a signal did it. */
export interface Exit {
  readonly code: number | null;
  readonly signal?: string | undefined;
}

/** Takes what a command writes, as it comes. */
export interface Output {
  stdout(chunk: Buffer): void;
  stderr(chunk: Buffer): void;
}

/** A command that runs. */
export interface Running {
  readonly stdin: Writable;
  /** Resolves when it has ended and all its output was handed over. Rejects with a RemoteError when the connection went before. */
  readonly ended: Promise<Exit>;
  /** Ends it, and does not wait. */
  stop(): void;
}

/** What runs commands on a machine. */
export interface Shell {
  /** Starts a command line, in whatever shell the user has there. `output` gets all it writes, from the first byte on. @throws RemoteError */
  start(command: string, output: Output): Promise<Running>;
  /** Resolves when the connection is gone, with why, or with undefined when it was closed from here. */
  readonly gone: Promise<RemoteError | undefined>;
  close(): Promise<void>;
}
