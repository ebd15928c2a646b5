/** Sizes that are drawn, and sizes with weights: how many bytes an object has, and which size comes next. Pure. */
import type { Drawn, ObjectSize } from '../settings/config';
import { greatestCommonDivisor } from './mix';
import { below, type Random, shuffle } from './random';

/** Bytes of one object, `most` at the most. A normal deviate is drawn by Box and Muller's method. */
export function drawBytes(drawn: Drawn, most: number, random: Random): number {
  if ('from' in drawn) return drawn.from + below(drawn.to - drawn.from + 1, random);
  const deviate = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Math.max(1, Math.min(most, Math.round(drawn.median * Math.exp(drawn.sigma * deviate))));
}

/** What a key has of an object whose size was drawn, so that readers know how long it must be. */
export const bytesMark = (bytes: number): string => `-b${bytes}`;

const MARKED = /-b(\d+)(?:-g1)?$/;

/** Bytes of the object by its key; undefined where that does not say. */
export function bytesByKey(key: string): number | undefined {
  const [, digits] = MARKED.exec(key) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/** Each label as often as its weight says, of weights as small as they can be told. */
export function labelsByWeight(sizes: readonly ObjectSize[]): string[] {
  const weights = sizes.map(({ weight = 1 }) => weight);
  const shared = weights.reduce(greatestCommonDivisor, 0);
  return sizes.flatMap(({ label }, i) => Array<string>((weights[i] as number) / shared).fill(label));
}

/** Deals labels out of a shuffled deck in which each is as often as its weight says. */
export function createSizeDeck(sizes: readonly ObjectSize[], random: Random): () => string {
  const deck = shuffle(labelsByWeight(sizes), random);
  let at = 0;
  return () => {
    if (at === deck.length) {
      shuffle(deck, random);
      at = 0;
    }
    return deck[at++] as string;
  };
}
