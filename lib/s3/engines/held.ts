/** Slow connections, which extension/hold holds in Go, whatever backend does the rest. */
import type { KeyFrame } from '../../workload/keys';
import { type Command, GET, PUT } from '../commands';
import type { Counting, EngineOptions } from '../engine';
import type { HeldConnections, Holding } from '../held';
import { extension, nativeOptions } from './extension';

/** None are open at first. `keys` are for what is uploaded. */
export function holdConnections(
  options: EngineOptions,
  counting: Counting,
  { bytesPerSecond, uploads, downloads }: Holding,
  keys: KeyFrame,
  rowOf = (row: Command) => row,
): HeldConnections {
  if (extension === undefined) throw new Error('slow connections need a k6 with the extension');
  const holding = {
    bytesPerSecond,
    uploads: uploads.map(({ label, bytes }) => ({ size: label, bytes, before: keys.before(label) })),
    after: keys.after,
    downloads: { size: downloads.label, bytes: downloads.bytes },
  };
  return extension.hold(nativeOptions(options, counting), holding, { upload: rowOf(PUT), download: rowOf(GET) });
}

/** How many files k6 may have open, each connection being one, after an attempt to be allowed so many. */
export function openFiles(wanted: number): number {
  return extension?.openFiles(wanted) ?? wanted;
}
