import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { ErrorClass } from '../../lib/s3/classify';
import { createDeletion } from './deletion';
import { BucketError, type Entry, type LeftEntry } from './entry';

const entries = (n: number, bytes = 10): Entry[] => Array.from({ length: n }, (_, i) => ({ key: `k${i}`, bytes }));
const never = new AbortController().signal;

function failure(errorClass: ErrorClass, code = ''): BucketError {
  const status = 403;
  return new BucketError(
    { failure: { errorClass, code, message: 'no' }, status, bytes: 0, ms: 1, endpoint: 'e:1' },
    'delete from',
  );
}

/** Takes every batch, notes how large it was and how many were under way. */
function taker(answer: (batch: readonly Entry[]) => LeftEntry[] = () => []) {
  const batches: number[] = [];
  const seen = { batches, most: 0 };
  let busy = 0;
  const deleteAll = async (batch: readonly Entry[]) => {
    batches.push(batch.length);
    seen.most = Math.max(seen.most, ++busy);
    await sleep(2);
    busy--;
    return answer(batch);
  };
  return { seen, deleteAll };
}

describe('a deletion', () => {
  test('goes by batches of 1,000, whatever comes at a time, so many at once', async () => {
    const { seen, deleteAll } = taker();
    const deletion = createDeletion(deleteAll, 2, never);
    for (const n of [400, 400, 400, 2900, 1, 0]) await deletion.add(entries(n));
    await deletion.finish();
    expect(seen).toEqual({ batches: [1000, 1000, 1000, 1000, 101], most: 2 });
    expect(deletion.deleted).toEqual({ objects: 4101, bytes: 41_010 });
    expect(deletion.failed.size).toBe(0);
  });

  test('counts what failed by code with the first of each, and goes on', async () => {
    const { deleteAll } = taker((batch) =>
      batch
        .slice(0, 3)
        .map((entry, i) => ({ ...entry, code: i === 2 ? 'InternalError' : 'AccessDenied', message: 'm' })),
    );
    const deletion = createDeletion(deleteAll, 1, never);
    await deletion.add(entries(2000));
    await deletion.finish();
    expect(deletion.deleted).toEqual({ objects: 1994, bytes: 19_940 });
    expect([...deletion.failed]).toEqual([
      ['AccessDenied', { count: 4, sample: 'k0: m' }],
      ['InternalError', { count: 2, sample: 'k2: m' }],
    ]);
  });

  test('ends at a batch that no other will fare better than', async () => {
    let calls = 0;
    const deletion = createDeletion(
      async () => {
        calls++;
        throw failure('auth', 'AccessDenied');
      },
      1,
      never,
    );
    await expect(deletion.add(entries(5000))).rejects.toBeInstanceOf(BucketError);
    await expect(deletion.finish()).rejects.toBeInstanceOf(BucketError);
    expect(calls).toBe(1);
    expect(deletion.failed.get('AccessDenied')?.count).toBe(1000);
  });

  test('lets a few batches fail for a busy server, not many', async () => {
    let calls = 0;
    const deletion = createDeletion(
      async () => {
        calls++;
        throw failure('server');
      },
      1,
      never,
    );
    await expect(deletion.add(entries(20_000))).rejects.toBeInstanceOf(BucketError);
    expect(calls).toBe(5);
    expect(deletion.failed.get('server')?.count).toBe(5000);
  });

  test('goes on for any number of batches that fail, if others succeed between them', async () => {
    let calls = 0;
    const deletion = createDeletion(
      async () => {
        if (++calls % 2 === 0) throw failure('server');
        return [];
      },
      1,
      never,
    );
    await deletion.add(entries(20_000));
    await deletion.finish();
    expect(deletion.deleted.objects).toBe(10_000);
    expect(deletion.failed.get('server')?.count).toBe(10_000);
  });

  test('at an interrupt begins no further batch, and what is under way ends and counts', async () => {
    const controller = new AbortController();
    const { seen, deleteAll } = taker();
    const interrupted = (batch: readonly Entry[]) => {
      if (seen.batches.length === 1) controller.abort(new DOMException('SIGINT', 'AbortError'));
      return deleteAll(batch);
    };
    const deletion = createDeletion(interrupted, 2, controller.signal);
    await expect(deletion.add(entries(9500))).rejects.toThrow('SIGINT');
    await deletion.finish();
    expect(seen.batches).toEqual([1000, 1000]);
    expect(deletion.deleted.objects).toBe(2000);
  });

  test('what is a bug is thrown as it is', async () => {
    const deletion = createDeletion(
      async () => {
        throw new TypeError('bug');
      },
      1,
      never,
    );
    await deletion.add(entries(1));
    await expect(deletion.finish()).rejects.toThrow('bug');
  });
});
