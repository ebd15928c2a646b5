import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { EntriesPage, Entry, List, Listing } from './entry';
import { folders, inParallel, pages, walk } from './walk';

/** A listing over keys, in pages of so many, which notes what it is asked for. */
function listingOver(keys: Set<string>, pageSize: number, asked: Listing[] = []): List<Entry> {
  return async (listing): Promise<EntriesPage<Entry>> => {
    asked.push(listing);
    await sleep(0);
    const { prefix, delimiter, from } = listing;
    const after = from?.after ?? '';
    if (after !== '' && !keys.has(after) && delimiter === undefined) throw new Error(`${after} is gone`);
    const found: Array<{ key?: string; prefix?: string; at: string }> = [];
    for (const key of [...keys].sort()) {
      if (!key.startsWith(prefix)) continue;
      const end = delimiter ? key.indexOf(delimiter, prefix.length) : -1;
      const folder = key.slice(0, end + 1);
      if (end === -1) found.push({ key, at: key });
      else if (!found.some((one) => one.prefix === folder)) found.push({ prefix: folder, at: folder });
    }
    const rest = found.filter(({ at }) => at > after);
    const page = rest.slice(0, pageSize);
    return {
      entries: page.flatMap(({ key }) => (key === undefined ? [] : [{ key, bytes: 1 }])),
      prefixes: page.flatMap((one) => (one.prefix === undefined ? [] : [one.prefix])),
      next: rest.length > pageSize ? { after: page.at(-1)?.at ?? '' } : undefined,
    };
  };
}

const KEYS = [
  'l/notes',
  'l/w0/1KB/a/1/x',
  'l/w0/1KB/a/2/x',
  'l/w0/1KB/a/3/x',
  'l/w0/1KB/b/1/x',
  'l/w0/2KB/a/1/x',
  'l/w0/readme',
  'l/w1/1KB/a/1/x',
  'l/w1/1KB/note',
  'm/other',
];

describe('pages', () => {
  test('all of them, in order', async () => {
    const seen: string[] = [];
    for await (const { entries } of pages(listingOver(new Set(KEYS), 3), 'l/')) seen.push(...entries.map((e) => e.key));
    expect(seen).toEqual(KEYS.filter((key) => key.startsWith('l/')));
  });

  test('what a page holds may be deleted at once: the place where the listing goes on is still there', async () => {
    const keys = new Set(KEYS);
    for await (const { entries } of pages(listingOver(keys, 2), 'l/')) for (const { key } of entries) keys.delete(key);
    expect([...keys]).toEqual(['m/other']);
  });

  test('a server that does not move on is no endless listing', async () => {
    const stuck: List<Entry> = async () => ({ entries: [], prefixes: [], next: { after: 'x' } });
    const all = async () => {
      for await (const _ of pages(stuck, 'l/'));
    };
    await expect(all()).rejects.toThrow('does not move on');
  });
});

describe('a walk', () => {
  test.each([1, 2, 1000])('visits every key once, by pages of %i', async (pageSize) => {
    const seen: string[] = [];
    const entries = (page: readonly Entry[]) => {
      seen.push(...page.map(({ key }) => key));
    };
    await walk(listingOver(new Set(KEYS), pageSize), 'l/', { entries }, 3);
    expect(seen.sort()).toEqual(KEYS.filter((key) => key.startsWith('l/')));
  });

  test('lists with a delimiter down to the tests, and there without', async () => {
    const asked: Listing[] = [];
    await walk(listingOver(new Set(KEYS), 1000, asked), 'l/', { entries: () => {} }, 1);
    expect(asked.filter(({ delimiter }) => delimiter === undefined).map(({ prefix }) => prefix)).toEqual([
      'l/w0/1KB/a/',
      'l/w0/1KB/b/',
      'l/w0/2KB/a/',
      'l/w1/1KB/a/',
    ]);
  });

  test('listing waits for what is done with it', async () => {
    let [busy, most] = [0, 0];
    const entries = async () => {
      most = Math.max(most, ++busy);
      await sleep(2);
      busy--;
    };
    await walk(listingOver(new Set(KEYS), 1), 'l/', { entries }, 2);
    expect(most).toBeLessThanOrEqual(3); // two folders, and the search for the next
    expect(busy).toBe(0);
  });

  test('folders that are not entered are not listed', async () => {
    const asked: Listing[] = [];
    const list = listingOver(new Set(KEYS), 1000, asked);
    const found: string[] = [];
    const enters = (names: readonly string[]) => names[0] === 'w1';
    for await (const folder of folders(list, 'l/', { entries: () => {} }, undefined, enters)) found.push(folder.prefix);
    expect(found).toEqual(['l/w1/1KB/a/']);
    expect(asked.some(({ prefix }) => prefix.startsWith('l/w0'))).toBe(false);
  });
});

describe('in parallel', () => {
  test('so many at once, and no more', async () => {
    let [busy, most, done] = [0, 0, 0];
    await inParallel(Array.from({ length: 10 }).keys(), 3, async () => {
      most = Math.max(most, ++busy);
      await sleep(1);
      busy--;
      done++;
    });
    expect([most, done]).toEqual([3, 10]);
  });

  test('after a failure none is begun, those under way are waited for, and the first failure is told', async () => {
    const begun: number[] = [];
    let ended = 0;
    const all = inParallel([1, 2, 3, 4, 5], 2, async (n) => {
      begun.push(n);
      await sleep(n * 5);
      if (n === 1) throw new Error('first');
      ended++;
    });
    await expect(all).rejects.toThrow('first');
    expect(begun).toEqual([1, 2]);
    expect(ended).toBe(1);
  });

  test('items that fail to come are a failure', async () => {
    const broken = async function* () {
      yield 1;
      throw new Error('no more');
    };
    await expect(inParallel(broken(), 2, async () => {})).rejects.toThrow('no more');
  });
});
