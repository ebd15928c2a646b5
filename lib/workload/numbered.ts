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
  /** How many of each come in turn; one where it is left out. */
  readonly weights?: readonly number[];
}

/** `time` in microseconds since 1970, as in every key. */
export function numberedSet(
  { prefix, worker, test, end }: { prefix: string; worker: string; test: string; end: string },
  sizes: ReadonlyArray<{ readonly label: string; readonly weight?: number }>,
  count: number,
  time: number,
): NumberedSet {
  const isWeighted = sizes.some(({ weight }) => weight !== undefined);
  return {
    ...{ before: `${prefix}${worker}/`, after: `/${test}/${time}/obj-`, end, count },
    sizes: sizes.map(({ label }) => label),
    ...(isWeighted && { weights: sizes.map(({ weight = 1 }) => weight) }),
  };
}

/** The size label and the key of object n. */
export function numbered(
  { before, after, end, sizes, weights }: NumberedSet,
  n: number,
): { size: string; key: string } {
  const size = sizes[weights === undefined ? n % sizes.length : turnOf(weights, n)] as string;
  return { size, key: `${before}${size}${after}${n}${end}` };
}

const sumOf = (weights: readonly number[]): number => weights.reduce((sum, weight) => sum + weight, 0);

/** Which of the sizes object n has. */
function turnOf(weights: readonly number[], n: number): number {
  let left = n % sumOf(weights);
  return weights.findIndex((weight) => {
    left -= weight;
    return left < 0;
  });
}

/** How many objects of a size there are. */
export function countOf({ sizes, count, weights }: NumberedSet, size: string): number {
  const first = sizes.indexOf(size);
  if (weights !== undefined && first >= 0) {
    const [each, own] = [sumOf(weights), weights[first] as number];
    const rest = (count % each) - sumOf(weights.slice(0, first));
    return Math.floor(count / each) * own + Math.max(0, Math.min(own, rest));
  }
  return first < 0 || count <= first ? 0 : Math.floor((count - first - 1) / sizes.length) + 1;
}

/** How many objects of a size there are in all sets. */
export function countIn(sets: readonly NumberedSet[], size: string): number {
  return sets.reduce((sum, set) => sum + countOf(set, size), 0);
}

/** The key of the object of a size that is number i among those of this size. */
export function keyOf(set: NumberedSet, size: string, i: number): string {
  const first = set.sizes.indexOf(size);
  if (set.weights === undefined) return numbered(set, i * set.sizes.length + first).key;
  const own = set.weights[first] as number;
  const before = sumOf(set.weights.slice(0, first));
  return numbered(set, Math.floor(i / own) * sumOf(set.weights) + before + (i % own)).key;
}
