/** Deleting what locks keep: legal holds are ended, and retention in governance mode is passed by. */
import { PUT_OBJECT_LEGAL_HOLD } from '../../lib/s3/commands';
import { legalHoldOf } from '../../lib/s3/configurations';
import type { NodeEngine } from './engine';
import type { Entry, LeftEntry } from './entry';
import { inParallel } from './walk';

/** Holds ended at once. */
const AT_ONCE = 16;
/** What stores call a deletion that a lock forbids. */
const LOCKED: ReadonlySet<string> = new Set(['AccessDenied', 'InvalidRequest', 'ObjectLocked']);

export const BYPASS = { 'x-amz-bypass-governance-retention': 'true' };

type Remove = (entries: readonly Entry[], signal?: AbortSignal) => Promise<LeftEntry[]>;

/** Whether stores say in these words that a lock keeps something. */
export const saysLocked = (message: string): boolean => /object lock|\bWORM\b|legal hold|retention/i.test(message);

/** Whether a refusal may be a lock's: some stores say no more than that it is one. */
export const isLocked = ({ code }: LeftEntry): boolean => LOCKED.has(code);

/** `remove` deletes with BYPASS. What is still there then, is so for another reason, and that is told. */
export function createUnlocking(engine: NodeEngine, remove: Remove): Remove {
  const setHold = engine.compile(PUT_OBJECT_LEGAL_HOLD);
  return async (entries, signal) => {
    await inParallel(entries, AT_ONCE, async ({ key, versionId }) => {
      signal?.throwIfAborted();
      const more = versionId === undefined ? {} : { query: { versionId } };
      // Where that fails, so will the deletion.
      await setHold(key, legalHoldOf(false), more, signal);
    });
    return remove(entries, signal);
  };
}
