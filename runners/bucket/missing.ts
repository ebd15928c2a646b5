/** Which objects by number are not there, by listings of where they would be. */
import type { NumberedSet } from '../../lib/workload/numbered';
import type { Entry, List } from './entry';
import { inParallel, pages } from './walk';

/** Ranges of numbers, the second of each left out. */
export type Ranges = [number, number][];

/** Folders listed at once. */
const LISTS = 8;
/** More are told to k6 as fewer and longer ones: what is there is then written once more, as it was. */
const MOST_RANGES = 2_000;

/** A bit each for so many objects. */
class Numbers {
  private readonly bits: Uint8Array;
  constructor(readonly count: number) {
    this.bits = new Uint8Array(Math.ceil(count / 8));
  }
  add(i: number): void {
    this.bits[i >> 3] = (this.bits[i >> 3] as number) | (1 << (i & 7));
  }
  has(i: number): boolean {
    return ((this.bits[i >> 3] as number) & (1 << (i & 7))) !== 0;
  }
}

export interface Missing {
  readonly ranges: Ranges;
  readonly objects: number;
}

/**
 * What is missing of `objects` in all, which the buckets have in turn, each a set of its own. `found` hears how many were seen.
 * @throws BucketError, or the signal's reason
 */
export async function missingOf(
  objects: number,
  buckets: ReadonlyArray<{ readonly list: List<Entry>; readonly set: NumberedSet }>,
  signal: AbortSignal,
  found: (objects: number) => void,
): Promise<Missing> {
  const there = new Numbers(objects);
  let seen = 0;
  const folders = buckets.flatMap(({ list, set }, b) => set.sizes.map((size) => ({ list, set, b, size })));
  await inParallel(folders, LISTS, async ({ list, set: { before, after, end, count }, b, size }) => {
    const prefix = `${before}${size}${after}`;
    for await (const { entries } of pages(list, prefix, signal)) {
      for (const { key } of entries) {
        const n = key.endsWith(end) ? numberIn(key.slice(prefix.length, key.length - end.length)) : undefined;
        if (n === undefined || n >= count) continue;
        there.add(n * buckets.length + b);
        seen++;
      }
      found(seen);
    }
  });
  return rangesOf(there);
}

const numberIn = (text: string): number | undefined => (/^(?:0|[1-9]\d*)$/.test(text) ? Number(text) : undefined);

function rangesOf(there: Numbers): Missing {
  let ranges: Ranges = [];
  let objects = 0;
  for (let i = 0; i < there.count; i++) {
    if (there.has(i)) continue;
    objects++;
    const last = ranges.at(-1);
    if (last?.[1] === i) last[1] = i + 1;
    else ranges.push([i, i + 1]);
  }
  for (let gap = 1; ranges.length > MOST_RANGES; gap *= 2) ranges = joined(ranges, gap);
  return { ranges, objects };
}

/** Ranges with no gap as short as that between them. */
function joined(ranges: Ranges, gap: number): Ranges {
  const all: Ranges = [];
  for (const [from, to] of ranges) {
    const last = all.at(-1);
    if (last !== undefined && from - last[1] <= gap) last[1] = to;
    else all.push([from, to]);
  }
  return all;
}
