/** The native backend: extension/ signs, sends, classifies, records and tries again in Go. Here is how to get at it. */
import type { Recorder, S3, S3Options } from './api';
import { extension, nativeOptions } from './extension';

/** How long a machine that is ready waits for the others. */
const START_LIMIT_MS = 2 * 3600_000;

/** Waits until the load of several machines is to begin. Throws what hinders it. */
export function awaitStart(path: string): void {
  if (extension === undefined) throw new Error('a common start needs a k6 with the extension');
  extension.awaitStart(path, START_LIMIT_MS);
}

/** A client in Go for one VU. The recorder only says what counts: whoever sends also measures. */
export function createNativeS3(options: S3Options, { counting }: Recorder): S3 {
  if (extension === undefined) throw new Error('the native backend needs a k6 with the extension');
  return extension.connect(nativeOptions(options, counting));
}
