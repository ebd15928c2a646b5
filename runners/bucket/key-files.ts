/** Key files: `loadtest-keys-{test}-{worker}-{size}.txt`, one key a line, of any length: none but a small one is read whole. */
import { createReadStream } from 'node:fs';
import { type FileHandle, open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import type { KeyParts } from '../../lib/workload/keys';
import { isOwnFolder, ownKey, SIZE_LABEL } from '../../lib/workload/own-keys';
import { type Random, shuffle } from '../../lib/workload/random';
import { writeWhole } from '../files/atomic-file';

/** A key file, and what its name says of it. */
export interface KeyFile extends KeyParts {
  readonly path: string;
}

/** First and last key, both of them within. */
export type KeyRange = readonly [first: string, last: string];

/** Bytes up to which a file is read whole. */
const SMALL = 1024 ** 2;
/** S3's limit on the bytes of a key: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html */
const LONGEST_LINE = 1024 + 2;
/** How often places are picked for what is still wanted: two may be in one line, and lines may be no keys. */
const ROUNDS = 4;
const READS_AT_ONCE = 32;
/** Segments of the layout below the prefix. */
const SEGMENTS = 5;
const NAME = new RegExp(`^loadtest-keys-(.+?)-(${SIZE_LABEL.source})\\.txt$`);

/**
 * The key files in a folder, by name; none where there is no folder. Where a name could be split into test and worker in
 * several ways (`a-b-c`) the file's first key tells; without one the test has no dash. @throws the system's error
 */
export async function findKeyFiles(dir: string): Promise<KeyFile[]> {
  let names: string[];
  try {
    names = await readdir(dir);
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw e;
  }
  const files: KeyFile[] = [];
  for (const name of names.sort()) {
    const path = join(dir, name);
    const ways = splits(name);
    const [first] = ways;
    if (first === undefined) continue;
    const key = ways.length > 1 ? partsOf(await firstLine(path)) : undefined;
    const told = ways.find(({ test, worker }) => test === key?.test && worker === key.worker);
    files.push({ path, ...(told ?? first) });
  }
  return files;
}

/** The ways in which a file's name can be read, the one with the shortest test first; none when it is no key file's. */
function splits(name: string): KeyParts[] {
  const [, both = '', size = ''] = NAME.exec(name) ?? [];
  const ways: KeyParts[] = [];
  for (let at = both.indexOf('-', 1); at !== -1; at = both.indexOf('-', at + 1)) {
    const [test, worker] = [both.slice(0, at), both.slice(at + 1)];
    if (isOwnFolder([worker, size, test])) ways.push({ test, worker, size });
  }
  return ways;
}

/** The parts of a key of the layout, whatever its prefix; undefined for any other. */
function partsOf(key: string): KeyParts | undefined {
  const above = key.split('/').slice(0, -SEGMENTS);
  return above.length > 0 ? ownKey(`${above.join('/')}/`, key) : undefined;
}

/** The first line of a file, or as much of it as a key can have; '' when there is none. @throws the system's error */
export async function firstLine(path: string): Promise<string> {
  const file = await open(path);
  try {
    return lines(await readAt(file, 0, LONGEST_LINE))[0] ?? '';
  } finally {
    await file.close();
  }
}

/**
 * Up to `most` keys of each size, none twice, an equal share from each file as far as it has them. Of a large file only
 * what is picked is read, from places spread evenly over it. Lines that are no plain key of the layout and the file's size
 * are passed over. @throws the system's error
 */
export async function sampleKeys(
  files: readonly KeyFile[],
  most: number,
  random: Random,
): Promise<Record<string, string[]>> {
  const samples: Record<string, string[]> = {};
  for (const size of new Set(files.map((file) => file.size))) {
    // Where one key of each would be too many, chance takes some.
    const some = shuffle([...files], random).filter((file) => file.size === size);
    const sized = await Promise.all(
      some.slice(0, most).map(async ({ path }) => ({ path, bytes: (await stat(path)).size })),
    );
    // The smallest first: what they lack the larger ones make up for.
    sized.sort((a, b) => a.bytes - b.bytes);
    const keys = new Set<string>();
    for (const [i, { path, bytes }] of sized.entries()) {
      const share = Math.ceil((most - keys.size) / (sized.length - i));
      const pick = bytes <= SMALL ? fromSmall : fromLarge;
      for (const key of await pick(path, bytes, size, share, random)) keys.add(key);
    }
    if (keys.size > 0) samples[size] = [...keys];
  }
  return samples;
}

async function fromSmall(path: string, _: number, size: string, most: number, random: Random): Promise<string[]> {
  const keys = new Set(lines(await readFile(path, 'utf8')).filter((line) => partsOf(line)?.size === size));
  return shuffle([...keys], random).slice(0, most);
}

async function fromLarge(path: string, bytes: number, size: string, most: number, random: Random): Promise<string[]> {
  const keys = new Set<string>();
  const file = await open(path);
  try {
    for (let round = 0; round < ROUNDS && keys.size < most; round++) {
      const wanted = most - keys.size;
      for (let from = 0; from < wanted; from += READS_AT_ONCE) {
        const places = Array.from({ length: Math.min(READS_AT_ONCE, wanted - from) }, (_, i) =>
          Math.floor(((from + i + random()) / wanted) * bytes),
        );
        for (const line of await Promise.all(places.map((place) => lineAfter(file, place)))) {
          if (partsOf(line)?.size === size) keys.add(line);
        }
      }
    }
  } finally {
    await file.close();
  }
  return [...keys];
}

/** The line after the one that a place is in; after the last one comes the first. */
async function lineAfter(file: FileHandle, place: number): Promise<string> {
  const [, line = '', ...rest] = lines(await readAt(file, place, 2 * LONGEST_LINE));
  // What goes on past what was read is too long for a key, and the end of the file ends a line as well as a newline.
  if (line !== '') return line;
  return rest.length > 0 ? '' : (lines(await readAt(file, 0, LONGEST_LINE))[0] ?? '');
}

async function readAt(file: FileHandle, place: number, bytes: number): Promise<string> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, place);
  return buffer.toString('utf8', 0, bytesRead);
}

function lines(text: string): string[] {
  return text.split(/\r?\n/);
}

/**
 * Rewrites a key file without the keys that were deleted. Streamed, and there whole or not at all; a file that holds none of
 * those keys is left as it is. Returns how many keys were dropped.
 * @throws the system's error
 */
export async function withoutDeleted(file: string, isDeleted: (key: string) => boolean): Promise<number> {
  let dropped = 0;
  const stays = (key: string) => {
    if (!isDeleted(key)) return true;
    dropped++;
    return false;
  };
  await writeWhole(file, async (write) => {
    const decoder = new StringDecoder('utf8');
    let rest = '';
    for await (const chunk of createReadStream(file, { highWaterMark: SMALL })) {
      const all = (rest + decoder.write(chunk as Buffer)).split('\n');
      rest = all.pop() ?? '';
      const staying = all.filter((line) => stays(line.replace(/\r$/, '')));
      if (staying.length > 0) await write(`${staying.join('\n')}\n`);
    }
    rest += decoder.end();
    if (rest !== '' && stays(rest)) await write(`${rest}\n`);
    return dropped > 0;
  });
  return dropped;
}

/**
 * Whether a key lies in one of the ranges, which are in order and apart; found by halving. The order is S3's, that of their
 * UTF-8 bytes.
 */
export function isWithin(key: string, ranges: readonly KeyRange[]): boolean {
  let [from, to] = [0, ranges.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    const [first, last] = ranges[middle] as KeyRange;
    if (compareKeys(key, first) < 0) to = middle;
    else if (compareKeys(key, last) > 0) from = middle + 1;
    else return true;
  }
  return false;
}

/** S3's order. JavaScript's own, by UTF-16 units, differs from it only where there are units past D800. */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  if (PAST_D800.test(a) && PAST_D800.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return a < b ? -1 : 1;
}

const PAST_D800 = /[\ud800-\uffff]/;
