/** What is in a bucket, as the CLI lists and deletes it, and how a call on it fails. */
import type { Deletable } from '../../lib/s3/batch';
import { describeFailure } from '../../lib/s3/classify';
import type { Position } from '../../lib/s3/listing';
import type { Failure, Outcome } from '../../lib/s3/outcome';

/** An object, or one version of it, or a delete marker. */
export interface Entry extends Deletable {
  /** 0 for a delete marker. */
  readonly bytes: number;
}

/** A page of a listing of the CLI's. */
export interface EntriesPage<T> {
  readonly entries: readonly T[];
  /** One level below, when there is a delimiter. */
  readonly prefixes: readonly string[];
  /** Of the next page; undefined on the last one. */
  readonly next?: Position | undefined;
}

export interface Listing {
  readonly prefix: string;
  readonly delimiter?: '/';
  readonly from?: Position | undefined;
}

/** Gives one page of at most 1,000. @throws BucketError, or the signal's reason */
export type List<T> = (listing: Listing, signal?: AbortSignal) => Promise<EntriesPage<T>>;

/** An entry that an answer to a batch says is still there. */
export interface LeftEntry extends Entry {
  readonly code: string;
  readonly message: string;
}

/** A call that failed, at its last attempt. */
export class BucketError extends Error {
  readonly failure: Failure;

  /** `verb` is what could not be done to the bucket: list, delete from. */
  constructor(
    readonly outcome: Outcome & { readonly failure: Failure },
    readonly verb: string,
  ) {
    super(describeFailure(outcome.status, outcome.failure.code, outcome.failure.message));
    this.name = 'BucketError';
    this.failure = outcome.failure;
  }
}
