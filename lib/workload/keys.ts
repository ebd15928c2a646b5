/** Where objects stand, and which of them a VU may read. Pure but for the clock. */

import type { KeysPage, ListKeys } from '../s3/listing';
import type { Outcome } from '../s3/outcome';
import { below, shuffle } from './random';

/** `loadtest/{worker}/{size}/{test}/{timestamp_us}/{suffix}`, as the original laid it out. */
export interface KeyParts {
  readonly worker: string;
  readonly size: string;
  readonly test: string;
}

/** Keys a worker remembers in all, shared out among its VUs: k6 has nothing that VUs could share. */
const TRACKED_KEYS = 5_000;
/** Found keys that all VUs together may hold; each VU gets a copy of what setup returns. */
const FOUND_KEYS_IN_ALL_VUS = 200_000;
const FOUND_KEYS_MOST = 5_000;
const FOUND_KEYS_LEAST = 120;
const MOST_PAGES = 10;

/** Makes keys of a size that no other VU, run or worker makes: by time, VU, count and four random letters. */
export type MakeKey = (size: string) => string;

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
  return (size) => {
    let head = heads.get(size);
    if (head === undefined) {
      head = before(size);
      heads.set(size, head);
    }
    const n = count++;
    // The clock gives milliseconds; the count fills up the 16 digits that microseconds have.
    return head + (Date.now() * 1000 + (n % 1000)) + tail + n + end;
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
}

/** `vus` is how many share the room for tracked keys; `listed` are keys out of key files. */
export function createTrackedKeys(
  sizes: readonly string[],
  vus: number,
  found: FoundKeys,
  listed: ListedKeys = {},
): TrackedKeys {
  const room = Math.max(1, Math.floor(TRACKED_KEYS / vus / sizes.length));
  const all = new Map<string, SizeKeys>(
    sizes.map((size) => [size, { own: [], oldest: 0, found: [...(found[size] ?? [])] }]),
  );
  let lastOf: string[] | undefined;
  let last = 0;
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
      const tracked = all.get(size);
      if (tracked === undefined) return undefined;
      lastOf = tracked.own;
      last = (Math.random() * lastOf.length) | 0;
      return lastOf[last];
    },
    any: (size) => {
      const tracked = all.get(size);
      if (tracked === undefined) return undefined;
      const own = tracked.own;
      const others = tracked.found;
      const files = listed[size];
      const known = own.length + others.length;
      last = (Math.random() * (known + (files === undefined ? 0 : files.length))) | 0;
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
      return files?.[last - known];
    },
    forget: () => {
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

/**
 * Keys of every worker and test under the prefix whose objects have exactly one of the sizes, by size label: at most `most` in
 * all, an equal share of each worker's, size's and test's, so that a bucket of billions is found in a few requests.
 * Objects are taken by the bytes they have, whatever their key says. `onFailure` hears why a listing failed.
 */
export function findKeys(
  list: ListKeys,
  prefix: string,
  sizes: ReadonlyArray<{ readonly label: string; readonly bytes: number }>,
  most: number,
  onFailure: (outcome: Outcome) => void,
): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  const label = new Map(sizes.map((size) => [size.bytes, size.label]));
  const folders = (under: string[]) => under.flatMap((folder) => subfolders(list, folder, onFailure));
  const all = folders(folders(folders([prefix]))); // worker, size, test
  // Where one of each would be too many, chance takes some: the first in order would be those of the first workers only.
  const groups = all.length > most ? shuffle(all, Math.random).slice(0, most) : all;
  const share = Math.floor(most / Math.max(1, groups.length));
  for (const group of groups) {
    const page = list({ prefix: group, maxKeys: Math.min(1000, share) });
    if (page.failure) onFailure(page);
    for (const { key, bytes } of page.objects) {
      const size = label.get(bytes);
      if (size === undefined || !isPlain(key) || parseKey(prefix, key) === undefined) continue;
      found[size] ??= [];
      found[size].push(key);
    }
  }
  return found;
}

/** The prefixes one level below, of so many pages at most: no layout of this kind has more, but a bucket of others' may. */
function subfolders(list: ListKeys, prefix: string, onFailure: (outcome: Outcome) => void): string[] {
  const all: string[] = [];
  let from: KeysPage['next'];
  for (let n = 0; n < MOST_PAGES; n++) {
    const page = list({ prefix, delimiter: '/', from });
    if (page.failure) onFailure(page);
    all.push(...page.prefixes);
    from = page.next;
    if (from === undefined) break;
  }
  return all;
}
