/** Where objects stand, and which of them a VU may read. Pure but for the clock. */
import { countIn, countOf, keyOf, type NumberedSet } from './numbered';
import type { Pick } from './popularity';
import { below } from './random';

/** `loadtest/{worker}/{size}/{test}/{timestamp_us}/{suffix}`, as the original laid it out. */
export interface KeyParts {
  readonly worker: string;
  readonly size: string;
  readonly test: string;
}

/** Ends keys of objects whose content the native backend made out of the key: those are what it can verify. */
export const GENERATED_END = '-g1';

/** Keys a worker remembers in all, shared out among its VUs: k6 has nothing that VUs could share. */
const TRACKED_KEYS = 5_000;
/** Found keys that all VUs together may hold; each VU gets a copy of what setup returns. */
const FOUND_KEYS_IN_ALL_VUS = 200_000;
/** How often chance is asked for an object that is not gone. */
const DRAWS = 20;
const FOUND_KEYS_MOST = 5_000;
const FOUND_KEYS_LEAST = 120;

/**
 * Makes keys of a size that no other VU, run or worker makes: by time, VU, count and four random letters. `mark` stands near the end,
 * for who reads the key.
 */
export type MakeKey = (size: string, mark?: string) => string;

/** What keys are made of beside a time, in microseconds, and a count: what stands before the time, and between the two. */
export interface KeyFrame {
  before(size: string): string;
  readonly after: string;
}

/** A frame that no other VU, run or worker has. */
export function createKeyFrame(prefix: string, worker: string, test: string, vu: number): KeyFrame {
  const letters = below(36 ** 4, Math.random)
    .toString(36)
    .padStart(4, '0');
  return { before: (size) => `${prefix}${worker}/${size}/${test}/`, after: `/${vu.toString(36)}-${letters}-` };
}

/** A maker of keys for one VU of a test on a worker; `end` ends them. */
export function createKeyMaker(prefix: string, worker: string, test: string, vu: number, end = ''): MakeKey {
  const { before, after: tail } = createKeyFrame(prefix, worker, test, vu);
  const heads = new Map<string, string>();
  let count = 0;
  return (size, mark = '') => {
    let head = heads.get(size);
    if (head === undefined) {
      head = before(size);
      heads.set(size, head);
    }
    const n = count++;
    // The clock gives milliseconds; the count fills up the 16 digits that microseconds have.
    return head + (Date.now() * 1000 + (n % 1000)) + tail + n + mark + end;
  };
}

/** Keys of a size, which k6 may hold once for all VUs: they can be looked at, and not changed. */
export type ListedKeys = Readonly<Record<string, { readonly length: number; readonly [index: number]: string }>>;
export type FoundKeys = Readonly<Record<string, readonly string[]>>;

/** Keys that one VU may ask for, by size: those it wrote, the oldest forgotten first, and those found in the bucket. */
export interface TrackedKeys {
  wrote(size: string, key: string): void;
  /** One that this VU wrote, each as likely; undefined when there is none. */
  own(size: string): string | undefined;
  /** Any of all, each as likely; undefined when there is none. */
  any(size: string): string | undefined;
  /** The key given last is not in the bucket any more. */
  forget(): void;
  /** What is in the bucket now, in place of what was found before. */
  found(keys: FoundKeys): void;
}

interface SizeKeys {
  readonly own: string[];
  /** Where the next key goes when there is no room. */
  oldest: number;
  found: string[];
  /** How many objects by number there are. */
  readonly numbered: number;
}

/**
 * `vus` is how many share the room for tracked keys; `listed` are keys out of key files, `sets` objects by number. `pick` says which
 * of all comes next, where not each is as likely.
 */
export function createTrackedKeys(
  sizes: readonly string[],
  vus: number,
  found: FoundKeys,
  listed: ListedKeys = {},
  sets: readonly NumberedSet[] = [],
  pick?: Pick,
): TrackedKeys {
  const room = Math.max(1, Math.floor(TRACKED_KEYS / vus / sizes.length));
  const all = new Map<string, SizeKeys>(
    sizes.map((size) => {
      return [size, { own: [], oldest: 0, found: [...(found[size] ?? [])], numbered: countIn(sets, size) }];
    }),
  );
  let lastOf: string[] | undefined;
  let last = 0;
  /** Objects by number that are not in the bucket any more; of a set that loses many, the first of them. */
  const gone = new Set<string>();
  let lastNumbered: string | undefined;
  const isGone = (key: string | undefined) => gone.size > 0 && key !== undefined && gone.has(key);
  /** One that is not known to be gone; undefined where chance finds none. */
  const another = (size: string, count: number): string | undefined => {
    for (let n = 0; n < DRAWS; n++) {
      lastNumbered = numberedKey(sets, size, Math.floor(Math.random() * count));
      if (!isGone(lastNumbered)) return lastNumbered;
    }
    lastNumbered = undefined;
    return undefined;
  };
  return {
    wrote: (size, key) => {
      const tracked = all.get(size);
      if (tracked === undefined) return;
      const own = tracked.own;
      if (own.length < room) own.push(key);
      else {
        own[tracked.oldest] = key;
        tracked.oldest = (tracked.oldest + 1) % room;
      }
    },
    own: (size) => {
      lastNumbered = undefined;
      const tracked = all.get(size);
      if (tracked === undefined) return undefined;
      lastOf = tracked.own;
      last = (Math.random() * lastOf.length) | 0;
      return lastOf[last];
    },
    any: (size) => {
      lastNumbered = undefined;
      const tracked = all.get(size);
      if (tracked === undefined) return undefined;
      const own = tracked.own;
      const others = tracked.found;
      const files = listed[size];
      const known = own.length + others.length;
      const listedToo = known + (files === undefined ? 0 : files.length);
      const count = listedToo + tracked.numbered;
      // The most popular are those that all VUs know alike, so they are counted from the end.
      last = pick === undefined || count === 0 ? Math.floor(Math.random() * count) : count - 1 - pick(count);
      if (last < own.length) {
        lastOf = own;
        return own[last];
      }
      if (last < known) {
        lastOf = others;
        last -= own.length;
        return others[last];
      }
      lastOf = undefined;
      if (last < listedToo) return files?.[last - known];
      lastNumbered = numberedKey(sets, size, last - listedToo);
      return isGone(lastNumbered) ? another(size, tracked.numbered) : lastNumbered;
    },
    forget: () => {
      if (lastNumbered !== undefined && gone.size < TRACKED_KEYS) gone.add(lastNumbered);
      lastNumbered = undefined;
      if (lastOf === undefined) return;
      const end = lastOf.pop();
      if (end !== undefined && last < lastOf.length) lastOf[last] = end;
      lastOf = undefined;
    },
    found: (keys) => {
      for (const [size, tracked] of all) tracked.found = [...(keys[size] ?? [])];
      lastOf = undefined;
    },
  };
}

/** The key of the i-th object of a size in all sets. */
function numberedKey(sets: readonly NumberedSet[], size: string, i: number): string | undefined {
  let left = i;
  for (const set of sets) {
    const count = countOf(set, size);
    if (left < count) return keyOf(set, size, left);
    left -= count;
  }
  return undefined;
}

/**
 * Whether a key needs no encoding, as all that KeyMaker makes: others are left alone, so that VUs need not look at each. The
 * expression stands in here because the first one of a VU costs it 18 KB.
 */
export function isPlain(key: string): boolean {
  return /^[A-Za-z0-9\-._~/]+$/.test(key);
}

/** Which of the keys of a listing are of this layout: its parts, or undefined. */
export function parseKey(prefix: string, key: string): KeyParts | undefined {
  if (!key.startsWith(prefix)) return undefined;
  const [worker, size, test, time, suffix] = key.slice(prefix.length).split('/');
  if (!worker || !size || !test || !suffix || !/^\d{16}$/.test(time ?? '')) return undefined;
  return { worker, size, test };
}

/** The name of the file that keys of a test, a worker and a size are in, one a line, as the original's. */
export function keyFileName({ test, worker, size }: KeyParts): string {
  return `loadtest-keys-${test}-${worker}-${size}.txt`;
}

/** Whether a line of a key file is a key that a VU may ask for as an object of this size. */
export function isListedKey(prefix: string, key: string, size: string): boolean {
  return isPlain(key) && parseKey(prefix, key)?.size === size;
}

/** How many found keys each VU can be given. */
export function foundKeysFor(vus: number): number {
  return Math.min(FOUND_KEYS_MOST, Math.max(FOUND_KEYS_LEAST, Math.floor(FOUND_KEYS_IN_ALL_VUS / vus)));
}
