/** Which of so many objects is read next: how popular each of them is. Takes no memory, whatever their number. Pure. */
import type { Popularity } from '../settings/config';
import type { Random } from './random';

/** The number of the next one out of n, counted from 0. The most popular come first. */
export type Pick = (n: number) => number;

/** `first` is where a VU begins that goes through them in order: 0 for the first object, 1 for the last. */
export function pickBy(popularity: Popularity, random: Random, first: number): Pick {
  switch (popularity.kind) {
    case 'zipf':
      return zipf(popularity.exponent, random);
    case 'hot':
      return hot(popularity.objects, popularity.reads, random);
    default:
      return sequential(first);
  }
}

/** A part of the objects gets a part of the reads; within each all are alike. */
function hot(objects: number, reads: number, random: Random): Pick {
  return (n) => {
    const few = Math.min(n, Math.max(1, Math.round(n * objects)));
    if (few === n || random() < reads) return Math.floor(random() * few);
    return few + Math.floor(random() * (n - few));
  };
}

function sequential(first: number): Pick {
  let next: number | undefined;
  return (n) => {
    next ??= Math.floor(first * n);
    const at = next % n;
    next = at + 1;
    return at;
  };
}

/**
 * The object of rank r as often as r to the power of -exponent says: W. Hörmann and G. Derflinger, "Rejection-inversion to generate
 * variates from monotone discrete distributions", ACM TOMACS 6 (1996). What depends on n alone is kept until n changes.
 */
function zipf(exponent: number, random: Random): Pick {
  const h = (x: number) => Math.exp(-exponent * Math.log(x));
  // The integral of h, and its inverse, as they stand at an exponent of 1, too.
  const integral = (x: number) => {
    const log = Math.log(x);
    return near((1 - exponent) * log, Math.expm1) * log;
  };
  const inverse = (x: number) => Math.exp(near(Math.max(-1, x * (1 - exponent)), Math.log1p) * x);
  const begin = integral(1.5) - 1;
  const close = 2 - inverse(integral(2.5) - h(2));
  let [known, end] = [0, 0];
  return (n) => {
    if (n !== known) [known, end] = [n, integral(n + 0.5)];
    for (;;) {
      const u = end + random() * (begin - end);
      const x = inverse(u);
      const rank = Math.max(1, Math.min(n, Math.round(x)));
      if (rank - x <= close || u >= integral(rank + 0.5) - h(rank)) return rank - 1;
    }
  };
}

/** f(x) / x, which goes to 1 where x goes to 0. */
const near = (x: number, f: (x: number) => number): number => (Math.abs(x) > 1e-8 ? f(x) / x : 1 - x / 2);
