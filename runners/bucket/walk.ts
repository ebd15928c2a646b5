/** Goes through what stands under a prefix, however much it is: folder by folder, several at once, a page in memory each. */
import type { Position } from '../../lib/s3/listing';
import type { List } from './entry';

/** Levels of folders in the layout of keys: worker, size, test. */
const LEVELS = 3;

/** What a walk hands on. Its promises are waited for, so that listing never runs ahead of what is done with it. */
export interface Visitor<T> {
  /** A page's entries, in a folder of the layout's depth, or above it. */
  entries(entries: readonly T[]): Promise<void> | void;
}

/**
 * The pages of a listing, each handed on only when the next one has come: so a page's entries may be deleted at once, and
 * the place where the listing goes on is still there when it is asked for (of versions, not every server finds it otherwise).
 * @throws what `list` throws
 */
export async function* pages<T>(list: List<T>, prefix: string, signal?: AbortSignal, delimiter?: '/') {
  const query = { prefix, ...(delimiter && { delimiter }) };
  let page = await list(query, signal);
  while (page.next !== undefined) {
    const from: Position = page.next;
    const ahead = await list({ ...query, from }, signal);
    if (ahead.next !== undefined && JSON.stringify(ahead.next) === JSON.stringify(from)) {
      throw new Error(`the listing of "${prefix}" does not move on from ${JSON.stringify(from)}`);
    }
    yield page;
    page = ahead;
  }
  yield page;
}

/**
 * The folders three levels below a prefix, found as they are asked for; what stands above them goes to the visitor.
 * `enters` says whether to look into a folder, by its path from the prefix on.
 */
export async function* folders<T>(
  list: List<T>,
  prefix: string,
  visitor: Visitor<T>,
  signal?: AbortSignal,
  enters: (names: readonly string[]) => boolean = () => true,
  above: readonly string[] = [],
): AsyncGenerator<{ prefix: string; names: readonly string[] }> {
  if (above.length === LEVELS) {
    yield { prefix, names: above };
    return;
  }
  for await (const page of pages(list, prefix, signal, '/')) {
    if (page.entries.length > 0) await visitor.entries(page.entries);
    for (const folder of page.prefixes) {
      const names = [...above, folder.slice(prefix.length, -1)];
      if (enters(names)) yield* folders(list, folder, visitor, signal, enters, names);
    }
  }
}

/** Visits every entry under a prefix, `parallel` folders at once. @throws what `list` or the visitor throws */
export async function walk<T>(
  list: List<T>,
  prefix: string,
  visitor: Visitor<T>,
  parallel: number,
  signal?: AbortSignal,
): Promise<void> {
  await inParallel(folders(list, prefix, visitor, signal), parallel, async (folder) => {
    for await (const page of pages(list, folder.prefix, signal)) {
      if (page.entries.length > 0) await visitor.entries(page.entries);
    }
  });
}

/** Works on items as they come, so many at once. After a failure no further one is begun, and those under way are waited for. */
export async function inParallel<T>(
  items: AsyncIterable<T> | Iterable<T>,
  parallel: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  // Asked by several workers, it answers one after the other.
  const iterator = each(items);
  const failures: unknown[] = [];
  const worker = async () => {
    try {
      for (;;) {
        const { done, value } = await iterator.next();
        if (done || failures.length > 0) return;
        await work(value);
      }
    } catch (e) {
      failures.push(e);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  await iterator.return();
  if (failures.length > 0) throw failures[0];
}

async function* each<T>(items: AsyncIterable<T> | Iterable<T>): AsyncGenerator<T, void> {
  yield* items;
}
