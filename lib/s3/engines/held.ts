/** Slow connections, which extension/slow holds in Go, whatever backend does the rest. */
import type { KeyFrame } from '../../workload/keys';
import type { Counting, HeldConnections, Holding, S3Options } from '../api';
import { extension, nativeOptions } from './extension';

/** None are open at first. `keys` are for what is uploaded. */
export function holdConnections(
  options: S3Options,
  counting: Counting,
  { bytesPerSecond, uploads, downloads }: Holding,
  keys: KeyFrame,
): HeldConnections {
  if (extension === undefined) throw new Error('slow connections need a k6 with the extension');
  return extension.hold(nativeOptions(options, counting), {
    bytesPerSecond,
    uploads: uploads.map(({ label, bytes }) => ({ size: label, bytes, before: keys.before(label) })),
    after: keys.after,
    downloads: { size: downloads.label, bytes: downloads.bytes },
  });
}

/** How many files k6 may have open, each connection being one, after an attempt to be allowed so many. */
export function openFiles(wanted: number): number {
  return extension?.openFiles(wanted) ?? wanted;
}
