/** The project's k6 extension, where this k6 has it. */
import { FROM_CLI, MARKS } from '../../result/protocol';
import type { Command } from '../commands';
import type { AsyncCall, Counting, Engine, EngineOptions, SyncCall } from '../engine';
import type { HeldConnections } from '../held';
import type { Credentials } from '../sign';

/** What k6/x/s3loadtest exports. */
interface Extension {
  /** An engine for the VU that calls, which must be running. */
  connect(options: NativeOptions): NativeEngine;
  /** Holds connections on behalf of the VU that calls, and none at first. The rows say what is sent on them. */
  hold(
    options: NativeOptions,
    holding: NativeHolding,
    rows: { readonly upload: Command; readonly download: Command },
  ): HeldConnections;
  /** Returns when the load is to begin: at the milliseconds since 1970 in a file. Throws when that does not come in time. */
  awaitStart(path: string, limitMs: number): void;
  /** How many files k6 may have open, after an attempt to be allowed so many. */
  openFiles(wanted: number): number;
  /** Sets Go's GOGC: how much may be allocated until garbage is collected, in percent of what is in use. */
  setGCPercent(percent: number): void;
  /** The latest set in a file of credentials, undefined while there is none. */
  credentials(path: string): Credentials | undefined;
  /** Where VUs of this process post what they share. */
  board(): Board;
}

/** What the VUs of one process share: extension/shared. */
export interface Board {
  /** Whether the calling VU is to do for all what nobody has claimed for so many milliseconds. */
  claim(name: string, everyMs: number): boolean;
  /** Puts a text where the VUs find it. Returns its version. */
  post(name: string, text: string): number;
  /** What was posted since a version. */
  newer(name: string, version: number): { readonly version: number; readonly text: string } | undefined;
}

interface NativeEngine extends Pick<Engine, 'composed'> {
  compile(command: Command): SyncCall;
  compileAsync(command: Command): AsyncCall;
  atInterrupt: NonNullable<Engine['atInterrupt']>;
}

/** It sleeps by itself, and looking at keys costs it nothing. */
interface NativeOptions
  extends Omit<EngineOptions, 'credentials' | 'sleep' | 'plainKeys' | 'verify' | 'brakes'>,
    Counting {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  readonly verify: boolean;
  readonly brakes: boolean;
  /** What begins the log line that tells the first failure of a class. */
  readonly sampleMark: string;
}

/** It makes keys by itself, too, out of a frame: lib/workload/keys.ts. */
interface NativeHolding {
  readonly bytesPerSecond: number;
  readonly uploads: ReadonlyArray<{ readonly size: string; readonly bytes: number; readonly before: string }>;
  readonly after: string;
  readonly downloads: { readonly size: string; readonly bytes: number };
}

declare const require: (name: string) => Extension;

/** k6 takes a module that it does not have for the end of the VU, and catching that does not help: so it is never asked. */
export const extension = __ENV[FROM_CLI.extension] ? require('k6/x/s3loadtest') : undefined;

export function nativeOptions(options: EngineOptions, counting: Counting): NativeOptions {
  const { endpoints, bucket, addressing, region, timeout, attempts, firstEndpoint, pause } = options;
  const { verify = false, brakes = false, requestTimeout = 0, retryDelay = 0, credentialsFile = '' } = options;
  const { accessKeyId, secretAccessKey, sessionToken = '' } = options.credentials;
  return {
    ...{ endpoints, bucket, addressing, region, timeout, attempts, firstEndpoint, pause },
    ...{ accessKeyId, secretAccessKey, sessionToken, verify, brakes, requestTimeout, retryDelay, credentialsFile },
    ...{ silent: counting.silent, missesExpected: counting.missesExpected },
    sampleMark: MARKS.sample,
  };
}
