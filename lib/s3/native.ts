/** The native backend: extension/ signs, sends, classifies, records and tries again in Go. Here is how to get at it. */
import { FROM_CLI, MARKS } from '../protocol';
import type { Counting, Recorder, S3, S3Options } from './api';

/** What k6/x/s3loadtest exports. */
interface Extension {
  /** A client for the VU that asks, which must be running. */
  connect(options: NativeOptions): S3;
  /** Returns when the load is to begin: at the milliseconds since 1970 in a file. Throws when that does not come in time. */
  awaitStart(path: string, limitMs: number): void;
}

/** It sleeps by itself, and looking at keys costs it nothing. */
interface NativeOptions extends Omit<S3Options, 'credentials' | 'sleep' | 'plainKeys'>, Counting {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  /** What begins the log line that tells the first failure of a class. */
  readonly sampleMark: string;
}

declare const require: (name: string) => Extension;

/** k6 takes a module that it does not have for the end of the VU, and catching that does not help: so it is never asked. */
const extension = __ENV[FROM_CLI.extension] ? require('k6/x/s3loadtest') : undefined;

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
  const { endpoints, bucket, addressing, region, timeout, attempts, firstEndpoint, pause } = options;
  const { accessKeyId, secretAccessKey, sessionToken = '' } = options.credentials;
  return extension.connect({
    ...{ endpoints, bucket, addressing, region, timeout, attempts, firstEndpoint, pause },
    ...{ accessKeyId, secretAccessKey, sessionToken },
    ...{ silent: counting.silent, missesExpected: counting.missesExpected },
    sampleMark: MARKS.sample,
  });
}
