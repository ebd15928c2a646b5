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

/**
 * Deals operations out of shuffled decks, each of which holds each operation as often as its share says, and each size as
 * often as any other. So shares hold over every deck, not only over many thousand operations.
 */
export class Deck {
  private readonly cards: Card[] = [];
  private readonly length: number;
  private at = 0;

  constructor(mix: Mix, sizes: readonly string[], random: Random) {
    const shared = Object.values(mix).reduce(greatestCommonDivisor, 0);
    const deck = Object.entries(mix).flatMap(([op, parts]) =>
      sizes.flatMap((size) => Array.from({ length: parts / shared }, () => ({ op, size }))),
    );
    this.length = deck.length;
    for (let i = 0; i < DECKS; i++) this.cards.push(...shuffle(deck, random));
  }

  next(): Card {
    if (this.at === this.cards.length) this.at = 0;
    return this.cards[this.at++] as Card;
  }

  /**
   * Does `other` in place of a card that can't be played yet, and leaves that one for later: it changes places with a card
   * of `other` and the same size further down its deck. Returns the card to play.
   */
  instead(card: Card, other: string): Card {
    const end = Math.ceil(this.at / this.length) * this.length;
    for (let i = this.at; i < end; i++) {
      const later = this.cards[i] as Card;
      if (later.op !== other || later.size !== card.size) continue;
      this.cards[i] = card;
      this.cards[this.at - 1] = later;
      return later;
    }
    return { op: other, size: card.size };
  }
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
