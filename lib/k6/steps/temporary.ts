/** Objects that a VU writes, works on while they live, and deletes again. Loaded by VUs whose load has some. */
import { type Command, CREATE_BUCKET, DELETE, PUT } from '../../s3/commands';
import { locationOf } from '../../s3/location';
import { TEMPORARY_ACTIONS } from '../../workload/actions';
import type { Temporary } from '../../workload/command-shares';
import { createKeyMaker } from '../../workload/keys';
import { createDeck } from '../../workload/mix';
import { below } from '../../workload/random';
import { bytesMark, createSizeDeck, drawBytes } from '../../workload/sizes';
import type { Operate, VirtualUser } from '../../workload/step';
import { bucketOfVu, TEMPORARY, testOf } from '../../workload/temporary';
import { sentWith } from './actions';
import { ended, whenEnded } from './ended';
import type { Done } from './mix';

/** What a load with temporary objects does beside its own commands. */
export const rowsOf = ({ shares }: Temporary): Command[] => [
  PUT,
  DELETE,
  ...Object.keys(shares).flatMap((op) => TEMPORARY_ACTIONS[op] ?? []),
];

/** Each operation is one of them as often as `share` says; while they have nothing to do, all are of `others`. */
export function withTemporary(vu: VirtualUser, temporary: Temporary, others: Operate): Operate {
  const lives = liveIn(vu, temporary);
  let owed = 0;
  return (window, begin) => {
    owed += temporary.share;
    if (owed < 1) return others(window, begin);
    owed -= 1;
    const played = lives(begin + window.end);
    return played === false ? others(window, begin) : (played as void | Promise<void>);
  };
}

interface Kept {
  readonly key: string;
  readonly size: string;
  readonly bytes: number;
}

/**
 * One generation after the other: written, alive, deleted in an order that the seed gives. The next begins only where it can be gone
 * before the end, by what the last one took. Gives false where there is nothing to do.
 */
function liveIn(user: VirtualUser, temporary: Temporary): (end: number) => Done | false {
  const { create, remove, lifetime, shares } = temporary;
  const vu = homeOf(user, temporary);
  const { random, config, sizes } = vu;
  const makeKey = createKeyMaker(
    config.prefix,
    config.workerId,
    testOf(user.test, TEMPORARY),
    user.number + 1,
    user.keyEnd,
  );
  const [write, removeOne] = [vu.writer(), vu.engine.compile(DELETE)];
  const sizeOf = new Map(sizes.map((size) => [size.label, size]));
  const nextSize = createSizeDeck(sizes, random);
  const act = actionsOn(vu, shares);
  const there: Kept[] = [];
  let [began, until, attempts, gone] = [0, 0, 0, 0];
  let took = 0;
  let state: 'none' | 'written' | 'alive' | 'deleted' = 'none';

  const writeOne = (): Done => {
    attempts++;
    const size = nextSize();
    const { bytes: most, drawn } = sizeOf.get(size) as (typeof sizes)[number];
    const bytes = drawn === undefined ? most : drawBytes(drawn, most, random);
    const key = makeKey(size, drawn === undefined ? '' : bytesMark(bytes));
    return whenEnded(write(key, { label: size, bytes }), ({ failure }) => {
      if (failure === undefined) there.push({ key, size, bytes });
      return undefined;
    });
  };

  const deleteOne = (): Done => {
    const at = below(there.length, random);
    const { key, size } = there[at] as Kept;
    there[at] = there.at(-1) as Kept;
    there.pop();
    gone++;
    return ended(removeOne(key, size));
  };

  return (end) => {
    const now = Date.now();
    if (state === 'none') {
      if (took > 0 && now + took > end) return false;
      [began, attempts, gone] = [now, 0, 0];
      // What the last generation left on purpose stays.
      there.length = 0;
      state = 'written';
    }
    if (state === 'written') {
      if (attempts < create) return writeOne();
      state = 'alive';
      until = Date.now() + lifetime;
    }
    if (state === 'alive') {
      if (now < until) return there.length === 0 ? false : act(there[below(there.length, random)] as Kept);
      state = 'deleted';
    }
    if (gone < remove && there.length > 0) return deleteOne();
    took = Math.max(took, now - began);
    state = 'none';
    return false;
  };
}

/** Does to an object what is its turn; false where nothing is to be done to them. */
function actionsOn(vu: VirtualUser, shares: Temporary['shares']): (object: Kept) => Done | false {
  const ops = Object.keys(shares);
  if (ops.length === 0) return () => false;
  const deck = createDeck(shares, [''], vu.random);
  const plays = new Map(
    ops.map((op) => {
      const command = TEMPORARY_ACTIONS[op] as Command;
      const call = vu.engine.compile(command);
      const [load, more] = sentWith(command, vu, { shares });
      const isRead = command.effect === 'read';
      return [op, ({ key, size, bytes }: Kept) => call(key, size, isRead ? bytes : load(), more())] as const;
    }),
  );
  return (object) => {
    const play = plays.get(deck.next().op);
    return play === undefined ? false : ended(play(object));
  };
}

/** Where they are: in a bucket of the VU's own where buckets are new, else in any of those there are. */
function homeOf(vu: VirtualUser, { buckets }: Temporary): VirtualUser {
  if (buckets !== undefined) {
    const own = vu.at(vu.home, bucketOfVu(buckets, vu.config.workerId, vu.numberHere));
    const { failure, status, endpoint } = own.silent().compileSync(CREATE_BUCKET)('', '', locationOf(vu.config.region));
    if (failure !== undefined && failure.code !== 'BucketAlreadyOwnedByYou') {
      console.warn(
        `bucket "${own.config.bucket}" for temporary objects was not created: ${status} ${failure.code} (endpoint ${endpoint})`,
      );
    }
    return own;
  }
  return vu.homes > 1 ? vu.at(below(vu.homes, vu.random)) : vu;
}
