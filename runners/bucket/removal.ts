/** Deletes entries by batches, or one by one where the store has no DeleteObjects. */
import { lacksBatches } from '../../lib/s3/batch';
import type { Reply } from '../../lib/s3/engine';
import { BucketError, type Entry, type LeftEntry } from './entry';
import { inParallel } from './walk';

/** Deletions at once, of those that a batch would have done. */
const AT_ONCE = 16;

export interface Removal {
  /** Deletes at most 1,000 and gives what is still there. @throws BucketError, or the signal's reason */
  remove(entries: readonly Entry[], signal?: AbortSignal): Promise<LeftEntry[]>;
  /** Whether the store turned out to have no batches. */
  oneByOne(): boolean;
}

/** `one` deletes an entry, and does not throw where the store refuses. */
export function createRemoval(
  batch: (entries: readonly Entry[], signal?: AbortSignal) => Promise<LeftEntry[]>,
  one: (entry: Entry, signal?: AbortSignal) => Promise<Reply>,
): Removal {
  let batches = true;

  const singly = async (entries: readonly Entry[], signal?: AbortSignal): Promise<LeftEntry[]> => {
    const left: LeftEntry[] = [];
    await inParallel(entries, AT_ONCE, async (entry) => {
      signal?.throwIfAborted();
      const { failure } = await one(entry, signal);
      // What is gone is gone, whoever took it.
      if (failure === undefined || failure.errorClass === 'notFound') return;
      left.push({ ...entry, code: failure.code || failure.errorClass, message: failure.message });
    });
    return left;
  };

  return {
    remove: async (entries, signal) => {
      if (!batches) return singly(entries, signal);
      try {
        return await batch(entries, signal);
      } catch (e) {
        if (!(e instanceof BucketError) || !lacksBatches(e.outcome)) throw e;
        batches = false;
        return singly(entries, signal);
      }
    },
    oneByOne: () => !batches,
  };
}
