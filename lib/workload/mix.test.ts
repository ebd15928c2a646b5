import { describe, expect, test } from 'vitest';
import { type Card, createDeck, type Deck, type Mix } from './mix';
import { seeded } from './random';

const SIX = ['1KB', '10KB', '100KB', '1MB', '10MB', '100MB'];

const take = (deck: Deck, n: number): Card[] => Array.from({ length: n }, () => deck.next());

function counts(cards: readonly Card[]): Record<string, number> {
  const all: Record<string, number> = {};
  for (const { op, size } of cards) all[`${op} ${size}`] = (all[`${op} ${size}`] ?? 0) + 1;
  return all;
}

interface Row {
  readonly mix: Mix;
  readonly sizes: readonly string[];
  /** Cards of one deck, and of one deck how many of each operation and size. */
  readonly deck: number;
  readonly each: Readonly<Record<string, number>>;
  readonly why: string;
}

const rows: readonly Row[] = [
  { mix: { GET: 50, PUT: 50 }, sizes: SIX, deck: 12, each: { GET: 1, PUT: 1 }, why: 'halves are as small as they get' },
  { mix: { GET: 1, PUT: 1 }, sizes: SIX, deck: 12, each: { GET: 1, PUT: 1 }, why: 'in any unit' },
  { mix: { GET: 0.5, PUT: 0.5 }, sizes: ['1KB'], deck: 2, each: { GET: 1, PUT: 1 }, why: 'even in halves' },
  { mix: { GET: 90, PUT: 10 }, sizes: ['1KB', '1MB'], deck: 20, each: { GET: 9, PUT: 1 }, why: 'tenths' },
  { mix: { GET: 97, PUT: 3 }, sizes: ['1KB'], deck: 100, each: { GET: 97, PUT: 3 }, why: 'nothing divides both' },
  { mix: { GET: 60, PUT: 30, DELETE: 10 }, sizes: SIX, deck: 60, each: { GET: 6, PUT: 3, DELETE: 1 }, why: 'three' },
  { mix: { PUT: 100 }, sizes: SIX, deck: 6, each: { PUT: 1 }, why: 'one alone' },
  { mix: { GET: 4, PUT: 0 }, sizes: ['1KB'], deck: 1, each: { GET: 1 }, why: 'no share is never dealt' },
];

// Enough to go through all decks that were shuffled ahead and into them again.
const DECKS_DEALT = 70;

test.each(rows)('$mix over $sizes.length sizes, $why: shares hold over every deck', ({ mix, sizes, deck, each }) => {
  const expected = Object.fromEntries(
    Object.entries(each).flatMap(([op, n]) => sizes.map((size) => [`${op} ${size}`, n])),
  );
  for (const seed of [1, 2, 1_000_004]) {
    const dealt = createDeck(mix, sizes, seeded(seed));
    for (let i = 0; i < DECKS_DEALT; i++) expect(counts(take(dealt, deck))).toEqual(expected);
  }
});

test('one seed gives one order, another another', () => {
  const order = (seed: number) => take(createDeck({ GET: 50, PUT: 50 }, SIX, seeded(seed)), 24);
  expect(order(1)).toEqual(order(1));
  expect(order(1)).not.toEqual(order(2));
});

test('decks differ, so that no order comes again at once', () => {
  const dealt = createDeck({ GET: 50, PUT: 50 }, SIX, seeded(1));
  const orders = Array.from({ length: 32 }, () => JSON.stringify(take(dealt, 12)));
  expect(new Set(orders).size).toBe(32);
});

describe('instead', () => {
  /** Does as a VU does in an empty bucket: a GET of a size of which nothing was written yet becomes a PUT. */
  function play(deck: Deck, n: number): Card[] {
    const written = new Set<string>();
    return Array.from({ length: n }, () => {
      const card = deck.next();
      const played = card.op === 'GET' && !written.has(card.size) ? deck.instead(card, 'PUT') : card;
      if (played.op === 'PUT') written.add(played.size);
      return played;
    });
  }

  test.each(rows.filter(({ mix }) => mix.GET && mix.PUT))('$mix, $why: keeps the shares of every deck', (row) => {
    const { mix, sizes, deck, each } = row;
    const expected = Object.fromEntries(
      Object.entries(each).flatMap(([op, n]) => sizes.map((size) => [`${op} ${size}`, n])),
    );
    for (const seed of [1, 2, 3, 4, 5]) {
      const played = play(createDeck(mix, sizes, seeded(seed)), deck * DECKS_DEALT);
      for (let i = 0; i < DECKS_DEALT; i++) {
        expect(counts(played.slice(i * deck, (i + 1) * deck))).toEqual(expected);
      }
    }
  });

  test.each(rows.filter(({ mix }) => mix.GET && mix.PUT))(
    '$mix, $why: nothing is read before it was written',
    (row) => {
      const { mix, sizes, deck } = row;
      for (const seed of [1, 2, 3, 4, 5]) {
        const written = new Set<string>();
        for (const { op, size } of play(createDeck(mix, sizes, seeded(seed)), deck * 3)) {
          if (op === 'PUT') written.add(size);
          if (op === 'GET') expect(written.has(size)).toBe(true);
        }
      }
    },
  );

  test('gives back a card of the other operation and the same size, and deals the first one later', () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const deck = createDeck({ GET: 50, PUT: 50 }, SIX, seeded(seed));
      const first = deck.next();
      const other = first.op === 'GET' ? 'PUT' : 'GET';
      expect(deck.instead(first, other)).toEqual({ op: other, size: first.size });
      const rest = take(deck, 11);
      expect(rest.filter((card) => card.size === first.size)).toEqual([first]);
    }
  });

  test('never borrows from the next deck, whose shares hold by themselves', () => {
    for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
      const deck = createDeck({ GET: 1, PUT: 1 }, ['1KB'], seeded(seed));
      const [, last] = take(deck, 2) as [Card, Card];
      const other = last.op === 'GET' ? 'PUT' : 'GET';
      expect(deck.instead(last, other)).toEqual({ op: other, size: '1KB' });
      for (let i = 0; i < 5; i++) expect(counts(take(deck, 2))).toEqual({ 'GET 1KB': 1, 'PUT 1KB': 1 });
    }
  });

  test('gives one all the same when the deck has none left: a bucket that was emptied meanwhile', () => {
    const deck = createDeck({ GET: 1 }, ['1KB'], seeded(1));
    expect(deck.instead(deck.next(), 'PUT')).toEqual({ op: 'PUT', size: '1KB' });
    expect(deck.next()).toEqual({ op: 'GET', size: '1KB' });
  });
});

test.each<{ mix: Mix; why: string }>([
  { mix: {}, why: 'nothing to do' },
  { mix: { GET: 0, PUT: 0 }, why: 'nothing to do' },
  { mix: { GET: -1, PUT: 2 }, why: 'less than nothing' },
  { mix: { GET: Number.NaN }, why: 'no number' },
  { mix: { GET: 33.3, PUT: 66.7 }, why: 'no common part that floating point knows' },
  { mix: { GET: 99_999, PUT: 1 }, why: 'a deck that no VU has the memory for' },
])('a mix of $mix is refused, with what would be right: $why', ({ mix }) => {
  expect(() => createDeck(mix, ['1KB'], seeded(1))).toThrow(/mix .*: give whole numbers/);
});
