/** Holding slow connections open: one VU has them all, half upload and half download, a few bytes a second each. */
import { GET, PUT } from '../../s3/commands';
import type { ObjectSize } from '../../settings/config';
import { targetAt } from '../../workload/shape';
import type { ConnectionsStep, VirtualUser } from '../../workload/step';
import { pause } from '../pause';

/** How often it is looked how many connections there are to be. */
const LOOK_MS = 100;
/** How soon after a look for objects to download there may be another. */
const SUPPLY_MS = 2_000;
/** Different objects to download: more would not make a server any busier. */
const MOST_KEYS = 100;

/**
 * As many connections as the load has, each replaced when it ends; with a rate, so many are opened a second, and what is due
 * while all are open is dropped. Objects of the size to `read` are downloaded: it should be more than a server's system can
 * buffer, so that it is the server that is kept waiting.
 */
export function hold({ read }: { readonly read: string }): ConnectionsStep {
  return {
    kind: 'connections',
    commands: [PUT, GET],
    reads: read,
    start: (vu) => async (window, begin) => {
      const [downloads] = vu.readSizes as readonly [ObjectSize];
      const held = vu.hold({ bytesPerSecond: vu.config.bytesPerSecond, uploads: vu.sizes, downloads });
      held.read(someKeys(vu, read));
      const open = vu.shape.unit === 'rate' ? opening(vu, held, begin) : keeping(vu, held, begin);
      const until = begin + window.end;
      let supplied = 0;
      for (let now = Date.now(); now < until; now = Date.now()) {
        open(now);
        if (held.lost() && now - supplied > SUPPLY_MS) {
          held.read(await vu.supply(downloads));
          supplied = now;
        }
        await pause(Math.min(LOOK_MS, until - now));
      }
      await held.close();
    },
  };
}

type Held = ReturnType<VirtualUser['hold']>;

/** So many connections are open all the time. */
function keeping({ shape }: VirtualUser, held: Held, begin: number): (now: number) => void {
  let kept = 0;
  return (now) => {
    const wanted = Math.ceil(targetAt(shape, now - begin));
    if (wanted !== kept) held.keep(wanted);
    kept = wanted;
  };
}

/** So many are opened a second. */
function opening(vu: VirtualUser, held: Held, begin: number): (now: number) => void {
  let owed = 0;
  let looked = begin;
  return (now) => {
    owed += (targetAt(vu.shape, now - begin) * (now - looked)) / 1000;
    looked = now;
    const due = Math.floor(owed);
    owed -= due;
    for (let n = held.open(due, vu.shape.vus); n > 0; n--) vu.dropped();
  };
}

function someKeys({ keys }: VirtualUser, size: string): string[] {
  const some = Array.from({ length: MOST_KEYS }, () => keys.any(size));
  return [...new Set(some.filter((key) => key !== undefined))];
}
