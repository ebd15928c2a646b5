/** What a k6 that the CLI started and the CLI say to each other: variables in, marked lines out. Pure. */
import type { ErrorSample, ScheduledPhase } from './result';
import type { RunFacts } from './run-facts';

/** Variables that only the CLI sets. */
export const FROM_CLI = {
  /** Set at all: settings are complete in the environment, and the Result goes to standard output. */
  present: 'S3LOADTEST_CLI',
  /** The variables that the user set by options, separated by commas: messages name the options. */
  options: 'S3LOADTEST_OPTIONS',
  runId: 'S3LOADTEST_RUN_ID',
  /** Set to anything: this k6 has the extension. Whoever runs such a k6 without the CLI says so, too. */
  extension: 'S3LOADTEST_EXTENSION',
  /** Bytes of memory free when k6 is started; '' when they are not known or not to be looked at. */
  freeMemory: 'S3LOADTEST_FREE_MEMORY',
  /** VUs for a machine like this, where nobody asked for any and the pattern does not want others. */
  concurrency: 'S3LOADTEST_DEFAULT_CONCURRENCY',
  /** A file with keys out of key files, one a line; '' for none. */
  keys: 'S3LOADTEST_KEYS',
  /** Set at all: which keys were deleted is to be told. */
  tellDeleted: 'S3LOADTEST_TELL_DELETED',
  /** A file that has new credentials in JSON now and then, where they are renewed; or `|` and a program that writes them. */
  credentials: 'S3LOADTEST_CREDENTIALS_FILE',
  /** How many k6 processes run this load together, each an execution segment of it; one when it is left out. */
  workers: 'S3LOADTEST_WORKERS',
  /** A file that will tell when to begin, where several machines do so at once. */
  startFile: 'S3LOADTEST_START_FILE',
  /** What is to be written before a workload file runs: a Filling, in JSON. */
  filling: 'S3LOADTEST_FILLING',
  /** Set at all: nothing will run, the plan is to be told. */
  dryRun: 'S3LOADTEST_DRY_RUN',
} as const;

/** What the lines begin with. The Result is on standard output, the others are messages of k6's log. */
export const MARKS = {
  plan: 's3loadtest-plan ',
  ready: 's3loadtest-ready',
  begin: 's3loadtest-begin ',
  deleted: 's3loadtest-deleted ',
  sample: 's3loadtest-sample ',
  result: 's3loadtest-result ',
} as const;

/** One of `of` parts, counted from 0. */
export interface Part {
  readonly index: number;
  readonly of: number;
}

/** What is to run: for people who ask before. */
export interface PlanText {
  /** How the load is divided, or undefined where it is not. */
  readonly split?: string | undefined;
  readonly schedule: readonly ScheduledPhase[];
}

/** Load is about to begin. */
export interface Begin extends PlanText {
  readonly facts: RunFacts;
  /** How much: `16 VUs`. */
  readonly load: string;
  /** Which of the k6 processes that run the load together this one is. */
  readonly part: Part;
}

/** Every key of the layout between these, in the order of a listing, is deleted but for the failed. */
export interface DeletedRange {
  readonly first: string;
  readonly last: string;
  readonly failed: readonly string[];
  /** Only of the keys of this part, where several workers delete. */
  readonly part: Part;
}

/** What a marked line holds, or undefined when it is not marked so. */
export function readMarked<T extends PlanText | Begin | ErrorSample | DeletedRange>(
  mark: string,
  line: string,
): T | undefined {
  return line.startsWith(mark) ? (JSON.parse(line.slice(mark.length)) as T) : undefined;
}

/** `20261121T110526Z-firehose-3f9a`: sorts by time, names the tests, and is like no other. `ms` is since 1970. */
export function newRunId(ms: number, tests: string): string {
  const time = new Date(ms).toISOString().replace(/[:-]|\.\d{3}/g, '');
  const letters = Math.floor(Math.random() * 0x1_0000)
    .toString(16)
    .padStart(4, '0');
  return `${time}-${tests}-${letters}`;
}
