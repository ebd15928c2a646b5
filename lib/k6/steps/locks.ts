/** Locks of objects: only of what the VU itself has written, for a minute or until the next request. */
import { PUT_OBJECT_LEGAL_HOLD, PUT_OBJECT_RETENTION } from '../../s3/commands';
import { legalHoldOf, retentionOf } from '../../s3/configurations';
import type { Reply } from '../../s3/engine';
import type { VirtualUser } from '../../workload/step';
import { ended, whenEnded } from './ended';
import type { Done, Play } from './mix';

/** How long an object is retained: long enough for clocks that differ, and soon over. */
const RETAIN_MS = 60_000;

/** Each time for longer: to shorten it takes a right of its own. */
export function retain({ engine, keys }: VirtualUser): Play {
  const call = engine.compile(PUT_OBJECT_RETENTION);
  return ({ size }) => {
    const key = keys.own(size);
    return key === undefined ? false : ended(call(key, size, retentionOf(Date.now() + RETAIN_MS)));
  };
}

/**
 * Holds an object and lets it go again, two operations: what is held can't be deleted until someone lets it go. Where the end of the
 * test comes in between, an engine that outlives the script lets go.
 */
export function holdAndRelease({ engine, keys }: VirtualUser): Play {
  const call = engine.compile(PUT_OBJECT_LEGAL_HOLD);
  const releaseLater = engine.atInterrupt?.(PUT_OBJECT_LEGAL_HOLD);
  return ({ size }) => {
    const key = keys.own(size);
    if (key === undefined) return false;
    const off = legalHoldOf(false);
    const settle = releaseLater?.(key, size, off);
    const over = (): undefined => {
      settle?.();
    };
    const release = ({ failure, status }: Reply): Done => {
      // Refused: it is not held. What had no answer, or one of an error, may have been done.
      if (failure !== undefined && status >= 400 && status < 500) return over();
      return whenEnded(call(key, size, off), over);
    };
    return whenEnded(call(key, size, legalHoldOf(true)), release);
  };
}
