/** Looks for objects that other tests, workers and runs have left, within limits of its own. */
import type { KeysPage, ListOptions } from '../s3/listing';
import type { Outcome } from '../s3/outcome';
import type { ObjectSize } from '../settings/config';
import { isPlain, parseKey } from './keys';
import { inLanes } from './lanes';
import { shuffle } from './random';

/** What a search may cost: it ends with what it has found by then. */
export interface SearchLimits {
  /** Requests at once, and in all. */
  readonly parallel: number;
  readonly requests: number;
  /** Milliseconds until the last request begins. */
  readonly ms: number;
}

export interface Search {
  readonly list: (options: ListOptions) => Promise<KeysPage>;
  readonly prefix: string;
  readonly sizes: ReadonlyArray<Pick<ObjectSize, 'label' | 'bytes' | 'drawn'>>;
  /** How many keys are wanted at the most, all sizes together. */
  readonly most: number;
  readonly limits: SearchLimits;
}

export interface Finding {
  /** By size label. */
  readonly keys: Readonly<Record<string, readonly string[]>>;
  readonly requests: number;
  readonly ms: number;
  /** It was not ended by its limits, and no listing failed. */
  readonly complete: boolean;
  /** The first listing that failed. */
  readonly failure?: Outcome | undefined;
}

/** Folders may take so much of the time, and those of one level so much of the requests: all of them are worth nothing without a key. */
const TIME_FOR_FOLDERS = 0.6;
const REQUESTS_A_LEVEL = 0.2;
/** Pages of folders in one: no layout of this kind has more, but a bucket of others' may. */
const MOST_PAGES = 10;

/**
 * Keys of every worker and test under the prefix whose objects have exactly one of the sizes: an equal share of each worker's,
 * size's and test's, so that a bucket of billions is found in a few requests. Objects are taken by the bytes they have, whatever
 * their key says.
 */
export async function findKeys(search: Search): Promise<Finding> {
  const { prefix, sizes, most, limits } = search;
  const began = Date.now();
  const listing = new LimitedListing(search, began);
  let folders = [prefix];
  for (const level of ['worker', 'size', 'test']) {
    const below: string[] = [];
    await listing.each(folders, async (folder) => {
      below.push(...(await subfolders(listing, folder)));
    });
    folders = below;
    if (level !== 'test') folders = listing.some(below, Math.ceil(REQUESTS_A_LEVEL * limits.requests));
  }
  // Where one of each would be too many, chance takes some: the first in order would be those of the first workers only.
  const groups = folders.length > most ? shuffle(folders, Math.random).slice(0, most) : folders;
  const share = Math.floor(most / Math.max(1, groups.length));
  const label = new Map(sizes.flatMap((size) => (size.drawn ? [] : [[size.bytes, size.label] as const])));
  // Of sizes that are drawn the folder says which object is one.
  const drawn = new Set(sizes.flatMap((size) => (size.drawn ? size.label : [])));
  const keys: Record<string, string[]> = {};
  listing.extendTo(limits.ms);
  await listing.each(shuffle(groups, Math.random), async (group) => {
    const page = await listing.page({ prefix: group, maxKeys: Math.min(1000, share) });
    for (const { key, bytes } of page?.objects ?? []) {
      const folder = parseKey(prefix, key)?.size;
      const size = folder !== undefined && drawn.has(folder) ? folder : label.get(bytes);
      if (size === undefined || folder === undefined || !isPlain(key)) continue;
      keys[size] ??= [];
      keys[size].push(key);
    }
  });
  const { requests, complete, failure } = listing;
  return { keys, requests, ms: Date.now() - began, complete, failure };
}

/** Listings that stop when the limits are reached. */
class LimitedListing {
  requests = 0;
  complete = true;
  failure: Outcome | undefined;
  private until: number;

  constructor(
    private readonly search: Search,
    private readonly began: number,
  ) {
    this.until = began + TIME_FOR_FOLDERS * search.limits.ms;
  }

  extendTo(ms: number): void {
    this.until = this.began + ms;
  }

  /** So many of them at the most, by chance. */
  some(folders: readonly string[], most: number): string[] {
    if (folders.length > most) this.complete = false;
    return shuffle([...folders], Math.random).slice(0, most);
  }

  /** A page; undefined where it failed, or the limits are reached. */
  async page(options: ListOptions): Promise<KeysPage | undefined> {
    if (this.requests >= this.search.limits.requests || Date.now() >= this.until) {
      this.complete = false;
      return undefined;
    }
    this.requests++;
    const page = await this.search.list(options);
    if (page.failure === undefined) return page;
    this.complete = false;
    this.failure ??= page;
    return undefined;
  }

  /** Works on all of them, some at once. */
  each(items: readonly string[], work: (item: string) => Promise<void>): Promise<void> {
    return inLanes(items, this.search.limits.parallel, work);
  }
}

/** The prefixes one level below. */
async function subfolders(listing: LimitedListing, prefix: string): Promise<string[]> {
  const all: string[] = [];
  let from: KeysPage['next'];
  for (let n = 0; n < MOST_PAGES; n++) {
    const page = await listing.page({ prefix, delimiter: '/', from });
    if (page === undefined) break;
    all.push(...page.prefixes);
    from = page.next;
    if (from === undefined) break;
  }
  return all;
}
