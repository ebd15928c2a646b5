/** ListObjectsV2: prefixes, pages, delimiters. */
import type { Awaitable } from '../../lib/s3/engine';
import type { CountOutcome, ListOutcome, PageOptions } from '../s3';
import { type Bench, type Case, put, same, succeeded } from './case';

export const listingCases: readonly Case[] = [
  { name: 'a listing of nothing is empty', run: empty },
  { name: 'a listing has the keys of its prefix, in order, with their sizes', run: byPrefix },
  { name: 'a listing of 25 keys comes in pages', run: pages },
  { name: 'a listing begins after startAfter', run: startAfter },
  { name: 'a delimiter gives common prefixes', run: delimiter },
  { name: 'a listing with a delimiter comes in pages', run: delimiterPages },
  { name: 'keys and prefixes that need encoding come back as they are', run: encoded },
  { name: 'a count of nothing is 0, and its page the last', run: countNothing },
  { name: 'a count of 25 keys is what a listing has, page by page', run: countPages },
  { name: 'a count takes prefixes, tokens and startAfter as a listing does', run: countSome },
];

/** Over a thousand keys; once a server is enough. */
export const bigListingCase: Case = {
  name: 'a page has 1,000 keys unless told otherwise, and DeleteObjects takes as many',
  run: thousand,
};

const keysOf = (page: ListOutcome) => page.objects.map(({ key }) => key);

/** All pages of what gives one of them. */
async function pagesOf<P extends ListOutcome | CountOutcome>(
  page: (options: PageOptions) => Awaitable<P>,
  options: PageOptions,
): Promise<P[]> {
  const found: P[] = [];
  let next: string | undefined;
  do {
    const one = await page({ ...options, ...(next === undefined ? {} : { continuationToken: next }) });
    found.push(succeeded(`page ${found.length + 1}`, one));
    next = one.next;
  } while (next !== undefined && found.length < 100);
  return found;
}

const allPages = (t: Bench, options: PageOptions): Promise<ListOutcome[]> => pagesOf(t.s3.listObjects, options);

/** Counts page by page, and throws unless a listing has as many on each. */
async function countAsListed(t: Bench, what: string, options: PageOptions): Promise<number[]> {
  const counted = (await pagesOf(t.s3.countObjects, options)).map(({ keys, bytes }) => {
    same('bytes of the operation', bytes, 0);
    return keys;
  });
  const listed = (await allPages(t, options)).map(({ objects }) => objects.length);
  same(`${what} a page`, counted, listed);
  return counted;
}

function empty(t: Bench): void {
  const page = succeeded('LIST', t.s3.listObjects({ prefix: t.key('') }));
  same('page', [page.objects, page.prefixes, page.next], [[], [], undefined]);
}

async function byPrefix(t: Bench): Promise<void> {
  const sizes: Record<string, number> = { 'in/a': 1, 'in/b': 20, 'in/c/d': 300, inside: 4, out: 5 };
  for (const [name, bytes] of Object.entries(sizes)) await put(t, t.key(name), t.random(bytes));
  const page = succeeded('LIST', t.s3.listObjects({ prefix: t.key('in/') }));
  same('objects', page.objects, [
    { key: t.key('in/a'), bytes: 1 },
    { key: t.key('in/b'), bytes: 20 },
    { key: t.key('in/c/d'), bytes: 300 },
  ]);
  same('next', page.next, undefined);
  same('bytes of the operation', page.bytes, 0);
}

async function pages(t: Bench): Promise<void> {
  const keys = Array.from({ length: 25 }, (_, i) => t.key(`k${String(i).padStart(2, '0')}`));
  for (const key of keys) await put(t, key, t.random(1));
  const found = await allPages(t, { prefix: t.key(''), maxKeys: 10 });
  same(
    'keys a page',
    found.map((page) => page.objects.length),
    [10, 10, 5],
  );
  same('keys', found.flatMap(keysOf), keys);
  // A page that the last key fills is the last one.
  const even = await allPages(t, { prefix: t.key(''), maxKeys: 5 });
  same('keys in pages of 5', even.flatMap(keysOf), keys);
}

async function startAfter(t: Bench): Promise<void> {
  const keys = ['a', 'b', 'c', 'd'].map(t.key);
  for (const key of keys) await put(t, key, t.random(1));
  const after = succeeded('LIST', t.s3.listObjects({ prefix: t.key(''), startAfter: t.key('b') }));
  same('keys after b', keysOf(after), [t.key('c'), t.key('d')]);
  const between = succeeded('LIST', t.s3.listObjects({ prefix: t.key(''), startAfter: t.key('bb') }));
  same('keys after bb', keysOf(between), [t.key('c'), t.key('d')]);
}

const TREE = ['a/1', 'a/2', 'b/1', 'b/c/2', 'd', 'e', 'f/1', 'g'];

async function delimiter(t: Bench): Promise<void> {
  for (const name of TREE) await put(t, t.key(name), t.random(1));
  const page = succeeded('LIST', t.s3.listObjects({ prefix: t.key(''), delimiter: '/' }));
  same('keys', keysOf(page), ['d', 'e', 'g'].map(t.key));
  same('common prefixes', page.prefixes, ['a/', 'b/', 'f/'].map(t.key));
  const below = succeeded('LIST', t.s3.listObjects({ prefix: t.key('b/'), delimiter: '/' }));
  same('keys in b/', keysOf(below), [t.key('b/1')]);
  same('common prefixes in b/', below.prefixes, [t.key('b/c/')]);
}

async function delimiterPages(t: Bench): Promise<void> {
  for (const name of TREE) await put(t, t.key(name), t.random(1));
  for (const maxKeys of [1, 2, 4]) {
    const found = await allPages(t, { prefix: t.key(''), delimiter: '/', maxKeys });
    same(`keys by ${maxKeys}`, found.flatMap(keysOf), ['d', 'e', 'g'].map(t.key));
    same(
      `common prefixes by ${maxKeys}`,
      found.flatMap((page) => page.prefixes),
      ['a/', 'b/', 'f/'].map(t.key),
    );
  }
}

async function encoded(t: Bench): Promise<void> {
  const names = [
    'a b',
    'a+b',
    'a%b',
    'a%2Fb',
    'a&b',
    'a=b',
    'a?b',
    'a#b',
    "!'()*",
    'ä',
    '日本',
    '😀',
    '~',
    '.dot',
    '<&>"',
  ];
  for (const name of names) await put(t, t.key(name), t.random(1));
  const all = succeeded('LIST', t.s3.listObjects({ prefix: t.key('') }));
  same('keys', keysOf(all).sort(), names.map(t.key).sort());
  for (const name of names) {
    const one = succeeded(`LIST ${name}`, t.s3.listObjects({ prefix: t.key(name) }));
    same(`keys that begin with ${name}`, keysOf(one), [t.key(name)]);
    const under = t.key(`folders/${name}/x`);
    await put(t, under, t.random(1));
    const folder = t.s3.listObjects({ prefix: t.key(`folders/${name}`), delimiter: '/' });
    same(`common prefix ${name}/`, succeeded(`LIST ${name}/`, folder).prefixes, [t.key(`folders/${name}/`)]);
  }
  // A token is opaque, and holds what a query must have encoded.
  const paged = await allPages(t, { prefix: t.key(''), delimiter: '/', maxKeys: 1 });
  same('keys one by one', paged.flatMap(keysOf).sort(), names.map(t.key).sort());
}

async function countNothing(t: Bench): Promise<void> {
  const page = succeeded('LIST', await t.s3.countObjects({ prefix: t.key('') }));
  same('page', [page.keys, page.next], [0, undefined]);
}

async function countPages(t: Bench): Promise<void> {
  for (let i = 0; i < 25; i++) await put(t, t.key(`k${String(i).padStart(2, '0')}`), t.random(1));
  const prefix = t.key('');
  same('keys by 10', await countAsListed(t, 'keys by 10', { prefix, maxKeys: 10 }), [10, 10, 5]);
  // A page that the last key fills is the last one.
  same('keys by 5', await countAsListed(t, 'keys by 5', { prefix, maxKeys: 5 }), [5, 5, 5, 5, 5]);
  same('keys one by one', (await countAsListed(t, 'keys one by one', { prefix, maxKeys: 1 })).length, 25);
  same('keys', await countAsListed(t, 'keys', { prefix }), [25]);
}

async function countSome(t: Bench): Promise<void> {
  const { s3 } = t;
  // Those that an answer would have to encode, or might be read as part of it.
  const names = ['in/a b', 'in/a+b', 'in/<KeyCount>7</KeyCount>', 'in/ü', 'in/😀', 'in/&', 'inside', 'out'];
  for (const name of names) await put(t, t.key(name), t.random(1));
  same('keys below in/', await countAsListed(t, 'keys below in/', { prefix: t.key('in/') }), [6]);
  same('keys that begin with in', await countAsListed(t, 'keys with in', { prefix: t.key('in'), maxKeys: 4 }), [4, 3]);
  const odd = t.key('in/<KeyCount>7</KeyCount>');
  same('keys under the odd one', await countAsListed(t, 'keys under the odd one', { prefix: odd }), [1]);
  const after = { prefix: t.key(''), startAfter: t.key('in/ü') };
  same('keys after one', await countAsListed(t, 'keys after one', after), [3]);
  // Pages of either kind go on where one of the other ended.
  const first = succeeded('first page', await s3.countObjects({ prefix: t.key(''), maxKeys: 3 }));
  const rest = succeeded('rest', s3.listObjects({ prefix: t.key(''), continuationToken: first.next ?? '' }));
  const all = keysOf(succeeded('LIST', s3.listObjects({ prefix: t.key('') })));
  same('keys of both', [first.keys, ...keysOf(rest)], [3, ...all.slice(3)]);
}

async function thousand(t: Bench): Promise<void> {
  const { s3 } = t;
  const keys = Array.from({ length: 1003 }, (_, i) => t.key(`<${String(i).padStart(4, '0')}>`));
  const body = t.random(1);
  for (const key of keys) succeeded('PUT', await s3.putObject(key, body, ''));
  const found = await allPages(t, { prefix: t.key('') });
  same(
    'keys a page',
    found.map((page) => page.objects.length),
    [1000, 3],
  );
  same('keys', found.flatMap(keysOf), keys);
  same('keys counted', await countAsListed(t, 'keys', { prefix: t.key('') }), [1000, 3]);
  const answer = succeeded('DeleteObjects', s3.deleteObjects(keys.slice(0, 1000)));
  same('keys that failed', answer.failed, []);
  same('keys left', keysOf(succeeded('LIST', s3.listObjects({ prefix: t.key('') }))), keys.slice(1000));
  succeeded('DeleteObjects of the rest', s3.deleteObjects(keys.slice(1000)));
}
