/** Operations on single objects in fixed shares: reads, writes, heads, deletes, and listings between them. */
import { sleep } from 'k6';
import { type Command, DELETE, GET, HEAD, LIST, PUT } from '../../s3/commands';
import type { Awaitable } from '../../s3/engine';
import { listArguments } from '../../s3/listing';
import type { Outcome } from '../../s3/outcome';
import type { ObjectSize } from '../../settings/config';
import { type Card, createDeck, type Deck, type Mix } from '../../workload/mix';
import { below, type Random } from '../../workload/random';
import type { Operate, OperationStep, Step, VirtualUser } from '../../workload/step';

/** The operations a mix may name, in any shares: `{ GET: 70, PUT: 30 }`. */
export type OpMix = Readonly<Partial<Record<keyof typeof ROWS, number>>>;

/** Listings are of the prefix and one of these letters, as the original's. */
const LIST_LETTERS = 'abcdefghijklmnop';
/** How long a VU with nothing to read waits before it tries again. */
const WAIT_SECONDS = 0.25;

/** What an operation comes to where nobody looks at it: nothing, or that it will have ended. */
export type Done = Awaitable<undefined>;
/** Does what a card says; false when there is no object to do it to. */
export type Play = (card: Card) => Done | false;
/** Plays cards of other operations than a mix may name. */
type Others = (vu: VirtualUser) => Play;

const ROWS = { GET, PUT, HEAD, DELETE, LIST } as const;

declare function require(module: '../../workload/sizes'): typeof import('../../workload/sizes');
declare function require(module: './range'): typeof import('./range');

/** One mix all the time. */
export function mix(shares: OpMix): OperationStep {
  return mixByPhase({ '': shares });
}

/** Another mix in each phase of its schedule. */
export function mixByPhase(mixes: Readonly<Record<string, OpMix>>): OperationStep {
  const commands = Object.values(ROWS).filter(({ op }) =>
    Object.values(mixes).some((shares) => (shares[op as keyof OpMix] ?? 0) > 0),
  );
  return mixOf(mixes as Readonly<Record<string, Mix>>, commands);
}

/** Any shares of any commands: `others` plays those that a mix may not name. */
export function mixOf(
  mixes: Readonly<Record<string, Mix>>,
  commands: readonly Command[],
  others?: Others,
  overwrites = false,
): OperationStep {
  const step: OperationStep = {
    kind: 'operation',
    commands,
    start: (vu) => start(vu, mixes, step, others?.(vu), overwrites),
  };
  return step;
}

function start(
  vu: VirtualUser,
  mixes: Readonly<Record<string, Mix>>,
  step: Step,
  others: Play | undefined,
  overwrites: boolean,
): Operate {
  // What else a load does, as temporary objects, is not its own to choose.
  const writes = Object.values(mixes).some((shares) => PUT.op in shares);
  const write = writes ? vu.writer() : notInMix;
  const { engine, keys, makeKey, config, random } = vu;
  const labels = vu.sizes.map((size) => size.label);
  const sizeOf = new Map(vu.sizes.map((size) => [size.label, size]));
  // A function costs a VU a kilobyte: those of other mixes are not made.
  const compiled = (row: Command) => (step.commands.includes(row) ? engine.compile(row) : notInMix);
  const [read, head, remove, list] = [compiled(GET), compiled(HEAD), compiled(DELETE), compiled(LIST)];
  const own = ownSizes(vu, mixes);
  const dealt = own === undefined ? labels : [''];
  const decks = new Map<string, Deck>(
    Object.entries(mixes).map(([phase, shares]) => [phase, createDeck(shares, dealt, random)]),
  );
  const ranged = config.range === undefined ? undefined : rangeOf(config.range, random);
  const only = decks.get('');
  let another = below(labels.length, Math.random);

  const wrote = (size: string, key: string) => {
    return ({ failure }: Outcome): undefined => {
      if (failure === undefined) keys.wrote(size, key);
    };
  };

  const put = (size: string): Done => {
    const of = sizeOf.get(size) as ObjectSize;
    const bytes = of.drawn === undefined ? of.bytes : (own as OwnSizes).draw(of);
    const there = overwrites ? keys.any(size) : undefined;
    const key = there ?? (of.drawn === undefined ? makeKey(size) : makeKey(size, (own as OwnSizes).mark(bytes)));
    const outcome = write(key, of.drawn === undefined ? of : { label: size, bytes });
    if (there !== undefined) return endOf(outcome);
    if (outcome instanceof Promise) return outcome.then(wrote(size, key));
    if (outcome.failure === undefined) keys.wrote(size, key);
    return undefined;
  };

  const got = ({ failure }: Outcome): undefined => {
    if (failure?.errorClass === 'notFound') keys.forget();
  };

  const get = (key: string, size: string): Done => {
    const of = sizeOf.get(size) as ObjectSize;
    const bytes = of.drawn === undefined ? of.bytes : (own as OwnSizes).bytesByKey(key);
    const outcome = ranged === undefined ? read(key, size, bytes) : ranged(read, key, size, bytes);
    return outcome instanceof Promise ? outcome.then(got) : got(outcome);
  };

  const play: Play = (card) => {
    const { op, size } = card;
    if (op === 'PUT') return put(size);
    if (op === 'GET') {
      const key = keys.any(size);
      return key === undefined ? false : get(key, size);
    }
    if (op === 'LIST') {
      const prefix = config.prefix + LIST_LETTERS[below(LIST_LETTERS.length, random)];
      return endOf(list('', '', undefined, listArguments({ prefix })));
    }
    if (others !== undefined && op !== 'DELETE') return others(card);
    const key = keys.own(size);
    if (key === undefined) return false;
    if (op === 'DELETE') {
      keys.forget();
      return endOf(remove(key, size));
    }
    const outcome = head(key, size);
    return outcome instanceof Promise ? outcome.then(got) : got(outcome);
  };

  /** Does it to an object of another size, where there are none of the one that is due; with none of any, waits for some. */
  const toAnother = (op: string): Done => {
    if (op === 'DELETE') {
      // Of what the VU has written: nobody else gives it any.
      sleep(WAIT_SECONDS);
      return undefined;
    }
    for (let n = 0; n < labels.length; n++) {
      another = (another + 1) % labels.length;
      const played = play({ op, size: labels[another] as string });
      if (played !== false) return played;
    }
    return vu.findKeys().then((found) => {
      if (found === undefined) sleep(WAIT_SECONDS);
      else keys.found(found);
      return undefined;
    });
  };

  return (window) => {
    const deck = only ?? (decks.get(window.phase) as Deck);
    const dealt = deck.next();
    const card = own === undefined ? dealt : own.sized(dealt);
    const played = play(card);
    if (played !== false) return played;
    if (!writes) return toAnother(card.op);
    // Until there is something to read, write it; the read comes later instead, so that shares stay as they are.
    const written = deck.instead(dealt, 'PUT');
    return put(own === undefined ? written.size : card.size);
  };
}

function rangeOf(bytes: number, random: Random) {
  const { rangedRead } = require('./range');
  return rangedRead(bytes, random);
}

/** Sizes that are not each as often, or not each of one length. */
interface OwnSizes {
  /** The card with the size that is due for its operation. */
  sized(card: Card): Card;
  draw(size: ObjectSize): number;
  mark(bytes: number): string;
  bytesByKey(key: string): number | undefined;
}

/** Undefined where sizes are as patterns have them: that is in the deck of operations already. */
function ownSizes({ sizes, random }: VirtualUser, mixes: Readonly<Record<string, Mix>>): OwnSizes | undefined {
  if (sizes.every(({ weight, drawn }) => weight === undefined && drawn === undefined)) return undefined;
  const { bytesByKey, bytesMark, createSizeDeck, drawBytes } = require('../../workload/sizes');
  const ops = Object.values(mixes).flatMap((shares) => Object.keys(shares));
  const decks = new Map(ops.map((op) => [op, createSizeDeck(sizes, random)]));
  return {
    sized: ({ op }) => ({ op, size: (decks.get(op) as () => string)() }),
    draw: ({ drawn, bytes }) => (drawn === undefined ? bytes : drawBytes(drawn, bytes, random)),
    mark: bytesMark,
    bytesByKey,
  };
}

const notInMix = (): never => {
  throw new Error('no card of this mix says so');
};

function endOf(outcome: Awaitable<Outcome>): Done {
  return outcome instanceof Promise ? outcome.then(() => undefined) : undefined;
}
