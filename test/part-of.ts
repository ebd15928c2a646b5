/** What k6's execution segments come to, by which tests judge them. */

/** What the i-th of `n` workers, from 0, gets of so many VUs or operations. */
export function partOf(whole: number, i: number, n: number): number {
  return Math.floor(whole / n) + (i < whole % n ? 1 : 0);
}
