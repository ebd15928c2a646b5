/** Which operation comes next: shares kept exactly, in an order that a seed gives. Pure. */
import { type Random, shuffle } from './random';

export interface Card {
  readonly op: string;
  readonly size: string;
}

/** Parts of a whole by operation, in any unit: `{ GET: 50, PUT: 50 }`. A tenth of a percent is the least that can be told apart. */
export type Mix = Readonly<Record<string, number>>;

/** About how many cards are shuffled ahead and then dealt over and over: shuffling costs k6 more than all else that chooses. */
const CARDS_AHEAD = 400;
/** Every VU has decks of its own, so they must stay small. */
const MOST_PARTS = 1_000;

export interface Deck {
  next(): Card;
  /**
   * Does `other` in place of the card last dealt, which can't be played yet, and leaves that one for later: it changes
   * places with a card of `other` and the same size further down its deck. Returns the card to play.
   */
  instead(card: Card, other: string): Card;
}

/**
 * Deals operations out of shuffled decks, each of which holds each operation as often as its share says, and each size as
 * often as any other. So shares hold over every deck, not only over many thousand operations.
 * @throws Error when the parts are no shares of a whole.
 */
export function createDeck(mix: Mix, sizes: readonly string[], random: Random): Deck {
  const shares = Object.values(mix);
  const shared = shares.every((n) => n >= 0) ? shares.reduce(greatestCommonDivisor, 0) : Number.NaN;
  const inAll = shares.reduce((sum, n) => sum + n / shared, 0);
  if (!(inAll >= 1 && inAll <= MOST_PARTS)) {
    throw new Error(`mix ${JSON.stringify(mix)}: give whole numbers, one above 0, such as { GET: 97, PUT: 3 }`);
  }
  const deck = Object.entries(mix).flatMap(([op, parts]) =>
    sizes.flatMap((size) => Array.from({ length: parts / shared }, () => ({ op, size }))),
  );
  const cards: Card[] = [];
  while (deck.length > 0 && cards.length < CARDS_AHEAD) {
    shuffle(deck, random);
    // By number: spreading would make an object for each card, half a megabyte a VU.
    for (let i = 0; i < deck.length; i++) cards.push(deck[i] as Card);
  }
  let at = 0;
  return {
    next: () => {
      if (at === cards.length) at = 0;
      return cards[at++] as Card;
    },
    instead: (card, other) => {
      const end = Math.ceil(at / deck.length) * deck.length;
      for (let i = at; i < end; i++) {
        const later = cards[i] as Card;
        if (later.op !== other || later.size !== card.size) continue;
        cards[i] = card;
        cards[at - 1] = later;
        return later;
      }
      return { op: other, size: card.size };
    },
  };
}

export function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
