/** Listings page by page, over the rows that list. What is pure here serves engines that wait and engines that promise. */
import { LIST_KEYS } from './commands';
import type { Arguments, Engine, Found, Reply } from './engine';
import type { Outcome } from './outcome';

/** Where a page begins: parameters of the query, whatever the command has for it. */
export type Position = Readonly<Record<string, string>>;

export interface ListOptions {
  readonly prefix?: string | undefined;
  readonly delimiter?: string | undefined;
  readonly startAfter?: string | undefined;
  /** 1 to 1,000; the server's default is 1,000. */
  readonly maxKeys?: number | undefined;
  /** `next` of the page before. */
  readonly from?: Position | undefined;
}

export interface ListedObject {
  readonly key: string;
  /** 0 for a delete marker. */
  readonly bytes: number;
}

/** A page of a listing. */
export interface Page extends Outcome {
  /** How many objects it has; of a failure none. */
  readonly count: number;
  /** For the next page; undefined on the last one. */
  readonly next?: Position | undefined;
}

/** A page whose keys were read. */
export interface KeysPage extends Page {
  readonly objects: readonly ListedObject[];
  /** Common prefixes, when there is a delimiter. */
  readonly prefixes: readonly string[];
}

/** Parameters of the query, each with the element that has it for the next page. */
const MARKERS: ReadonlyArray<readonly [parameter: string, element: string]> = [
  ['continuation-token', 'NextContinuationToken'],
  ['marker', 'NextMarker'],
  ['key-marker', 'NextKeyMarker'],
  ['version-id-marker', 'NextVersionIdMarker'],
  ['upload-id-marker', 'NextUploadIdMarker'],
];

/** What a row that lists is called with. */
export function listArguments({ prefix, delimiter, startAfter, maxKeys, from }: ListOptions): Arguments {
  return { query: { prefix, delimiter, 'start-after': startAfter, 'max-keys': maxKeys, ...from } };
}

/** Where the next page begins. */
export function nextOf(found: Found | undefined): Position | undefined {
  if (found?.texts.IsTruncated !== 'true') return undefined;
  const from: Record<string, string> = {};
  for (const [parameter, element] of MARKERS) {
    const text = found.texts[element];
    if (text) from[parameter] = text;
  }
  return from;
}

/** The page of a reply to LIST. */
export function pageOf({ found, ...outcome }: Reply): Page {
  return { ...outcome, count: found?.objects ?? 0, next: nextOf(found) };
}

/** The page of a reply to LIST_KEYS. */
export function keysPageOf(reply: Reply): KeysPage {
  const { Contents = [] } = reply.found?.lists ?? {};
  const objects = Contents.map(([key = '', size]) => ({ key, bytes: Number(size) }));
  return { ...pageOf(reply), objects, prefixes: prefixesOf(reply) };
}

/** The common prefixes of a page. */
export function prefixesOf({ found }: Reply): string[] {
  return (found?.lists.CommonPrefixes ?? []).map(([prefix = '']) => prefix);
}

/** Gives one page of a listing, and stops the VU until it has come. */
export type ListKeys = (options: ListOptions) => KeysPage;

export function listKeys(engine: Engine): ListKeys {
  const list = engine.compileSync(LIST_KEYS);
  return (options) => keysPageOf(list('', '', undefined, listArguments(options)));
}
