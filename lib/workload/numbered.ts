/** Objects by number: which there are and what they are called is arithmetic, so any count of them takes no memory and no listing. Pure. */

/** Objects 0 to `count` - 1 of one test on one worker, their sizes in turn. */
export interface NumberedSet {
  /** What stands before the size, and between size and number: lib/workload/keys.ts has the layout. */
  readonly before: string;
  readonly after: string;
  readonly end: string;
  readonly count: number;
  /** Size labels. */
  readonly sizes: readonly string[];
}

/** `time` in microseconds since 1970, as in every key. */
export function numberedSet(
  { prefix, worker, test, end }: { prefix: string; worker: string; test: string; end: string },
  sizes: readonly string[],
  count: number,
  time: number,
): NumberedSet {
  return { before: `${prefix}${worker}/`, after: `/${test}/${time}/obj-`, end, count, sizes };
}

/** The size label and the key of object n. */
export function numbered({ before, after, end, sizes }: NumberedSet, n: number): { size: string; key: string } {
  const size = sizes[n % sizes.length] as string;
  return { size, key: `${before}${size}${after}${n}${end}` };
}

/** How many objects of a size there are. */
export function countOf({ sizes, count }: NumberedSet, size: string): number {
  const first = sizes.indexOf(size);
  return first < 0 || count <= first ? 0 : Math.floor((count - first - 1) / sizes.length) + 1;
}

/** How many objects of a size there are in all sets. */
export function countIn(sets: readonly NumberedSet[], size: string): number {
  return sets.reduce((sum, set) => sum + countOf(set, size), 0);
}

/** The key of the object of a size that is number i among those of this size. */
export function keyOf(set: NumberedSet, size: string, i: number): string {
  return numbered(set, i * set.sizes.length + set.sizes.indexOf(size)).key;
}
