/** Which operation comes next: shares kept exactly, in an order that a seed gives. Pure. */
import { type Random, shuffle } from './random';

export interface Card {
  readonly op: string;
  readonly size: string;
}

/** Parts of a whole by operation, in any unit: `{ GET: 50, PUT: 50 }`. */
export type Mix = Readonly<Record<string, number>>;

/** Decks shuffled ahead and then dealt over and over: shuffling costs k6 more than all else that chooses. */
const DECKS = 32;

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
 */
export function createDeck(mix: Mix, sizes: readonly string[], random: Random): Deck {
  const shared = Object.values(mix).reduce(greatestCommonDivisor, 0);
  const deck = Object.entries(mix).flatMap(([op, parts]) =>
    sizes.flatMap((size) => Array.from({ length: parts / shared }, () => ({ op, size }))),
  );
  const cards: Card[] = [];
  for (let i = 0; i < DECKS; i++) cards.push(...shuffle(deck, random));
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

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
