/** Deletes in batches, several at once, and keeps account of what came of it. */
import { MOST_IN_BATCH } from '../../lib/s3/batch';
import { BucketError, type Entry, type LeftEntry } from './entry';

/** Batches that may fail as a whole one after the other, each after five attempts, before that is taken for good. */
const MOST_FAILED_BATCHES = 5;

/** What failed with one code: how often, and what was said the first time. */
export interface FailedWith {
  count: number;
  readonly sample: string;
}

export interface Deletion {
  readonly deleted: { objects: number; bytes: number };
  /** Of keys that are still there, by code. */
  readonly failed: Map<string, FailedWith>;
  /** Counts a failure. */
  fail(code: string, sample: string): void;
  /** Takes entries to delete. Waits while as many batches are under way as may be. @throws the error that ended it all */
  add(entries: readonly Entry[]): Promise<void>;
  /** Waits for what is under way, and unless `aborted` deletes what is left of a batch before. @throws as add */
  finish(): Promise<void>;
}

/**
 * `deleteAll` deletes at most 1,000 and gives what is still there; `parallel` calls of it are made at once. When the signal
 * aborts, no further one is begun.
 */
export function createDeletion(
  deleteAll: (entries: readonly Entry[], signal?: AbortSignal) => Promise<LeftEntry[]>,
  parallel: number,
  signal: AbortSignal,
): Deletion {
  const deleted = { objects: 0, bytes: 0 };
  const failed = new Map<string, FailedWith>();
  const underWay = new Set<Promise<void>>();
  let pending: Entry[] = [];
  let failedBatches = 0;
  let broken: unknown;

  const fail = (code: string, sample: string) => {
    const known = failed.get(code);
    if (known) known.count++;
    else failed.set(code, { count: 1, sample });
  };

  const deleteBatch = async (batch: readonly Entry[]): Promise<void> => {
    try {
      const left = await deleteAll(batch, signal);
      failedBatches = 0;
      deleted.objects += batch.length - left.length;
      deleted.bytes += bytesOf(batch) - bytesOf(left);
      for (const { key, code, message } of left) fail(code || 'no code', `${key}: ${message}`);
    } catch (e) {
      if (!(e instanceof BucketError)) {
        broken ??= e;
        return;
      }
      const { code, errorClass } = e.failure;
      for (const { key } of batch) fail(code || errorClass, `${key}: ${e.message}`);
      failedBatches++;
      // No other batch will be allowed, or understood, either.
      const forGood = errorClass === 'auth' || errorClass === 'client' || errorClass === 'notFound';
      if (forGood || failedBatches >= MOST_FAILED_BATCHES) broken ??= e;
    }
  };

  const begin = async (batch: readonly Entry[]): Promise<void> => {
    while (underWay.size >= parallel) await Promise.race(underWay);
    if (broken !== undefined) throw broken;
    signal.throwIfAborted();
    const task: Promise<void> = deleteBatch(batch).finally(() => underWay.delete(task));
    underWay.add(task);
  };

  return {
    deleted,
    failed,
    fail,
    add: async (entries) => {
      pending.push(...entries);
      while (pending.length >= MOST_IN_BATCH) await begin(pending.splice(0, MOST_IN_BATCH));
    },
    finish: async () => {
      try {
        if (pending.length > 0 && broken === undefined && !signal.aborted) await begin(pending);
        pending = [];
      } finally {
        await Promise.all(underWay);
      }
      if (broken !== undefined) throw broken;
    },
  };
}

function bytesOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, { bytes }) => sum + bytes, 0);
}
