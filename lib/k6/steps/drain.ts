/** Deleting what tests have written: one VU lists the prefix, and has many batches under way at once. */
import type { Part } from '../../result/protocol';
import { type DeletedRange, MARKS } from '../../result/protocol';
import { batchOf, lacksBatches, MOST_IN_BATCH, undeletedOf } from '../../s3/batch';
import { DELETE, DELETE_OBJECTS, LIST_KEYS } from '../../s3/commands';
import type { Reply } from '../../s3/engine';
import { type ListKeys, listKeys, type Position } from '../../s3/listing';
import { ownKey } from '../../workload/own-keys';
import { partOf } from '../../workload/part';
import { targetAt } from '../../workload/shape';
import type { TaskStep, VirtualUser } from '../../workload/step';
import { pause } from '../pause';

/** A cycle begins so long after the last one did, or at its end when that took longer. Milliseconds. */
const CYCLE_MS = 30_000;
/** How long to wait for another look at a clock or a load that stands at nothing. */
const LOOK_MS = 100;

/** Lists the prefix page by page and deletes the layout's keys of the sizes that are set, all of them where none are. */
export function drain(): TaskStep {
  return {
    kind: 'task',
    commands: [LIST_KEYS, DELETE_OBJECTS, DELETE],
    start: (vu) => async (window, begin) => {
      const until = begin + window.end;
      const part = vu.part();
      const list = listKeys(vu.engine);
      const removal = removalFor(vu);
      const pace = createPace(vu, begin);
      for (let now = Date.now(); now < until; now = Date.now()) {
        pace.resume();
        const { most } = removal;
        await cycle(vu, list, removal, part, pace, until);
        // What batches left, since the store has none, is listed again at once.
        if (removal.most === most) await pause(Math.min(now + CYCLE_MS, until) - Date.now());
      }
    },
  };
}

/** Deletes so many keys at the most. */
interface Removal {
  most: number;
  remove(keys: readonly string[]): Promise<Reply>;
}

/** By batches, or one by one where the store has none: where nobody has tried it before, the first batch finds out. */
function removalFor({ engine, config, oneByOne }: VirtualUser): Removal {
  const removeOne = engine.compileAsync(DELETE);
  const single: Removal = {
    most: 1,
    remove: ([key = '']) => removeOne(key, ownKey(config.prefix, key)?.size ?? ''),
  };
  if (oneByOne) return single;
  const removeBatch = engine.compileAsync(DELETE_OBJECTS);
  const removal: Removal = {
    most: MOST_IN_BATCH,
    remove: async (keys) => {
      const reply = await removeBatch('', '', batchOf(keys.map((key) => ({ key }))), { objects: keys.length });
      if (lacksBatches(reply) && removal.most > 1) {
        console.warn(`${reply.endpoint} has no DeleteObjects: objects are deleted one by one`);
        Object.assign(removal, single);
      }
      return reply;
    },
  };
  return removal;
}

/** Goes through the listing once, so that no key is sent twice. */
async function cycle(
  vu: VirtualUser,
  list: ListKeys,
  removal: Removal,
  part: Part,
  pace: Pace,
  until: number,
): Promise<void> {
  const { config } = vu;
  const sizes = config.sizes && new Set(config.sizes.map((size) => size.label));
  const isOurs = (key: string) => partOf(key, part.of) === part.index;
  let found: string[] = [];
  let from: Position | undefined;
  do {
    const page = list({ prefix: config.prefix, from });
    for (const { key } of page.objects) {
      const parts = ownKey(config.prefix, key);
      if (parts !== undefined && (sizes === undefined || sizes.has(parts.size)) && isOurs(key)) found.push(key);
    }
    from = page.next;
    while (found.length >= removal.most || (from === undefined && found.length > 0)) {
      if (!(await pace.turn(until))) return pace.idle();
      const batch = found.slice(0, removal.most);
      found = found.slice(batch.length);
      pace.start(removal.remove(batch).then((reply) => deleted(vu, part, batch, reply)));
    }
  } while (from !== undefined && Date.now() < until);
  return pace.idle();
}

function deleted(vu: VirtualUser, part: Part, batch: readonly string[], reply: Reply): void {
  vu.flush();
  if (reply.failure !== undefined || !vu.reportsDeleted) return;
  // The CLI takes them out of the key files. Listings are in order, so a range says it.
  const range: DeletedRange = {
    first: batch[0] ?? '',
    last: batch.at(-1) ?? '',
    failed: undeletedOf(reply).map(({ key }) => key),
    part,
  };
  console.info(MARKS.deleted + JSON.stringify(range));
}

/** When the next batch may begin. */
interface Pace {
  /** There is something to delete again: until now no more than one batch was due. */
  resume(): void;
  /** Resolves when it is a batch's turn; with false when time is up before. */
  turn(until: number): Promise<boolean>;
  /** Counts a batch as under way until it has ended. */
  start(batch: Promise<void>): void;
  /** Resolves when none is under way any more. */
  idle(): Promise<void>;
}

/**
 * As many batches at once as the load has VUs; with a rate, one whenever it is due, and one that was due while all VUs were
 * taken is dropped, as k6 drops an iteration.
 */
function createPace(vu: VirtualUser, begin: number): Pace {
  const { shape } = vu;
  const running = new Set<Promise<void>>();
  // A rate that climbs is low at first: when the next batch is due is not to be foreseen from it, only how much is by now.
  let owed = 1;
  let looked = Date.now();
  const level = () => targetAt(shape, Date.now() - begin);

  /** Counts what has become due. Returns how much does, a second. */
  const accrue = (now: number): number => {
    const perSecond = level();
    owed += (perSecond * (now - looked)) / 1000;
    looked = now;
    return perSecond;
  };

  const free = async (until: number): Promise<boolean> => {
    while (running.size >= Math.ceil(level())) {
      if (Date.now() >= until) return false;
      await Promise.race([...running, pause(LOOK_MS)]);
    }
    return Date.now() < until;
  };

  return {
    turn: async (until) => {
      if (shape.unit === 'vus') return free(until);
      for (;;) {
        const now = Date.now();
        if (now >= until) return false;
        const perSecond = accrue(now);
        if (perSecond > 0 && owed >= 1) {
          owed -= 1;
          if (running.size < shape.vus) return true;
          vu.dropped();
          continue;
        }
        const ms = perSecond > 0 ? ((1 - owed) * 1000) / perSecond : LOOK_MS;
        await pause(Math.min(ms, LOOK_MS, until - now));
      }
    },
    start: (batch) => {
      const ended = batch.finally(() => running.delete(ended));
      running.add(ended);
    },
    idle: async () => {
      await Promise.all(running);
    },
    resume: () => {
      accrue(Date.now());
      owed = Math.min(owed, 1);
    },
  };
}
