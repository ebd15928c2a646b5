/** Slow connections, which extension/slow holds in Go, whatever backend does the rest. */
import type { KeyFrame } from '../../workload/keys';
import { GET, PUT } from '../commands';
import type { Counting, EngineOptions } from '../engine';
import { extension, nativeOptions } from './extension';

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

/** None are open at first. `keys` are for what is uploaded. */
export function holdConnections(
  options: EngineOptions,
  counting: Counting,
  { bytesPerSecond, uploads, downloads }: Holding,
  keys: KeyFrame,
): HeldConnections {
  if (extension === undefined) throw new Error('slow connections need a k6 with the extension');
  const holding = {
    bytesPerSecond,
    uploads: uploads.map(({ label, bytes }) => ({ size: label, bytes, before: keys.before(label) })),
    after: keys.after,
    downloads: { size: downloads.label, bytes: downloads.bytes },
  };
  return extension.hold(nativeOptions(options, counting), holding, { upload: PUT, download: GET });
}

/** How many files k6 may have open, each connection being one, after an attempt to be allowed so many. */
export function openFiles(wanted: number): number {
  return extension?.openFiles(wanted) ?? wanted;
}
