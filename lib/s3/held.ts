/** Connections that are held open on purpose: what they are for, and what can be done with them. */

/** What connections are held for, by the extension. */
export interface Holding {
  /** On each connection. */
  readonly bytesPerSecond: number;
  /** What half of them upload: objects of these sizes in turn. */
  readonly uploads: ReadonlyArray<{ readonly label: string; readonly bytes: number }>;
  /** What the others download: objects of this size. */
  readonly downloads: { readonly label: string; readonly bytes: number };
}

/** Slow connections, each with one request on it: PUT and GET in turn, at every endpoint the same number. */
export interface HeldConnections {
  /** So many are to be open from now on: each is replaced when it ends. Those that are too many are closed. */
  keep(connections: number): void;
  /** Opens so many now that are not replaced, up to so many at once. Returns for how many there was no place. */
  open(connections: number, most: number): number;
  /** What is downloaded, until it is set anew. */
  read(keys: readonly string[]): void;
  /** Whether something that was to be downloaded is gone. */
  lost(): boolean;
  /** Closes all of them, and resolves when that is done and counted. */
  close(): Promise<void>;
}
