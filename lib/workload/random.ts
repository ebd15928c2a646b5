/** Numbers that look random and come again with the same seed. Pure; runs in k6 and in Node. */

export type Random = () => number;

/** A generator of numbers in [0, 1) from a 32-bit seed: mulberry32, small and good enough to choose operations with. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A whole number in [0, n). */
export function below(n: number, random: Random): number {
  return Math.floor(random() * n);
}

/** Shuffles in place, each order equally likely (Fisher and Yates). Returns the same array. */
export function shuffle<T>(items: T[], random: Random): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = below(i + 1, random);
    const item = items[i] as T;
    items[i] = items[j] as T;
    items[j] = item;
  }
  return items;
}
