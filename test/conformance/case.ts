/**
 * What a case of the conformance suite is: a name, and a function that works an engine and throws when it does not keep
 * lib/s3/engine.ts. Pure, so that vitest reads the names from the same list that k6 runs.
 */

import type { ErrorClass } from '../../lib/s3/classify';
import type { Engine, EngineOptions } from '../../lib/s3/engine';
import type { Outcome } from '../../lib/s3/outcome';
import type { ReadOutcome, S3 } from '../s3';

export interface Case {
  readonly name: string;
  /** Its recorder takes an object that is not there for a miss, and no error. */
  readonly missesExpected?: boolean | undefined;
  run(t: Bench): void | Promise<void>;
}

/** What a case works with. */
export interface Bench {
  /** The engine under test, as the settings have it. */
  readonly engine: Engine;
  /** Its rows by the names of S3's calls. */
  readonly s3: S3;
  readonly options: EngineOptions;
  /** Another engine, with some of its options changed. */
  engineWith(changes: Partial<EngineOptions>): Engine;
  /** The same by the names of S3's calls. */
  client(changes: Partial<EngineOptions>): S3;
  /** Tells k6 what was counted so far; what comes later is told at the end of the case. */
  flush(): void;
  /** A key of this case's own. */
  key(name: string): string;
  random(bytes: number): ArrayBuffer;
  bytesOf(text: string): ArrayBuffer;
  /** Lower-case hex. */
  sha256(data: ArrayBuffer): string;
  /** Notes that an object is in the bucket, with this content; boto3 is to find these and no others. */
  wrote(key: string, content: ArrayBuffer): void;
  /** Notes that it no longer is. */
  removed(key: string): void;
  /** Tells vitest something to judge: boto3's own result is the yardstick for it, or what a server saw. */
  report(name: string, value: unknown): void;
}

/** The tag with the case's name on every sample. */
export const CASE_TAG = 'case';

/** What k6 prints of a case, after CASE_MARK and as JSON. */
export interface CaseLine {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly ms: number;
}

/** What a line with a case, what a case reports, and what the whole suite wrote begin with. */
export const CASE_MARK = 'conformance-case ';
export const REPORT_MARK = 'conformance-report ';
export const WROTE_MARK = 'conformance-wrote ';

/** A promise that is kept when somebody says so. */
export function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((kept) => {
    resolve = kept;
  });
  return { promise, resolve };
}

/** Throws unless the two are the same, as JSON tells. */
export function same(what: string, actual: unknown, expected: unknown): void {
  const [is, wanted] = [actual, expected].map((value) => JSON.stringify(value) ?? 'undefined');
  if (is !== wanted) throw new Error(`${what}: ${is}, not ${wanted}`);
}

/** The outcome of an operation that must have succeeded, by a status of 2xx where no other is named. */
export function succeeded<O extends Outcome>(what: string, outcome: O, status?: number): O {
  if (outcome.failure !== undefined) throw new Error(`${what} failed: ${JSON.stringify(shown(outcome))}`);
  const isRight = status === undefined ? outcome.status >= 200 && outcome.status <= 299 : outcome.status === status;
  if (!isRight) throw new Error(`${what} succeeded with status ${outcome.status}`);
  if (!(outcome.ms >= 0)) throw new Error(`${what} took ${outcome.ms} ms`);
  return outcome;
}

/** Throws unless it failed in this way; a code is only looked at where one is given. */
export function failed(
  what: string,
  outcome: Outcome,
  want: { errorClass: ErrorClass; status?: number; code?: string },
): void {
  if (outcome.failure === undefined) throw new Error(`${what} succeeded: ${JSON.stringify(shown(outcome))}`);
  const { errorClass, code } = outcome.failure;
  const { status } = outcome;
  const is = {
    errorClass,
    ...(want.status === undefined ? {} : { status }),
    ...(want.code === undefined ? {} : { code }),
  };
  const wanted = {
    errorClass: want.errorClass,
    ...(want.status === undefined ? {} : { status: want.status }),
    ...(want.code === undefined ? {} : { code: want.code }),
  };
  if (JSON.stringify(is) !== JSON.stringify(wanted)) {
    throw new Error(`${what} failed as ${JSON.stringify(shown(outcome))}, not as ${JSON.stringify(wanted)}`);
  }
  same(`bytes of the failed ${what}`, outcome.bytes, 0);
}

/** Writes an object, which must succeed, and notes it. */
export async function put(t: Bench, key: string, body: ArrayBuffer): Promise<Outcome> {
  const outcome = succeeded(`PUT ${key}`, await t.s3.putObject(key, body, '1KB'));
  t.wrote(key, body);
  return outcome;
}

/** Throws unless a read succeeded and gave these bytes. */
export function readAs(t: Bench, what: string, read: ReadOutcome, body: ArrayBuffer): void {
  const { bytes, content } = succeeded(what, read);
  if (!(content instanceof ArrayBuffer)) throw new Error(`${what} gave ${typeof content}`);
  same(`bytes of ${what}`, [bytes, content.byteLength], [body.byteLength, body.byteLength]);
  same(`content of ${what}`, t.sha256(content), t.sha256(body));
}

/** host:port of an endpoint. */
export function hostOf(endpoint: string): string {
  return endpoint.replace(/^https?:\/\//, '');
}

function shown({ failure, status, bytes, endpoint }: Outcome) {
  return { ...failure, status, bytes, endpoint };
}
