/** What came of an S3 operation, whichever engine sent it. */
import type { ErrorClass } from './classify';

/** Why an operation failed. */
export interface Failure {
  readonly errorClass: ErrorClass;
  /** S3's error code, '' when it gave none (answers to HEAD have no body, those to GET are streamed away). */
  readonly code: string;
  /** What the server or the transport said. */
  readonly message: string;
}

/** What came of one operation, its last attempt if it was tried again. A success has no `failure`. */
export interface Outcome {
  readonly failure?: Failure | undefined;
  /** The failure is a repeat's, as the row's doneBefore says, of an attempt whose answer was lost. It is not counted: that one was. */
  readonly doneBefore?: boolean;
  /** HTTP status, 0 when there was no answer. */
  readonly status: number;
  /** Payload bytes sent or received by a success. */
  readonly bytes: number;
  /** Milliseconds from the call to the last byte, connecting included. */
  readonly ms: number;
  /** host:port that answered, or that the request went to. */
  readonly endpoint: string;
  /** Response headers by lower-case name, of failures and of operations whose row has them. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}
