/** `s3loadtest keys`: key files out of a listing, for tests that read what others wrote. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { ConfigError } from '../../lib/settings/config';
import { formatCount, parseSize } from '../../lib/settings/units';
import { type KeyParts, keyFileName } from '../../lib/workload/keys';
import { isOwnFolder, ownKey } from '../../lib/workload/own-keys';
import { BUCKET_SETTINGS, type Bucket, openBucket } from '../bucket/bucket';
import { BucketError, type Entry } from '../bucket/entry';
import { findKeyFiles, firstLine } from '../bucket/key-files';
import { folders, inParallel, pages } from '../bucket/walk';
import { isFileError, writeWhole } from '../files/atomic-file';
import { makeFolders } from '../files/folders';
import { stoppable, stoppedBy } from '../process/stoppable';
import { findCredentials } from '../run/credentials';
import { EXIT } from '../run/exit';
import { addSettingOptions, loadSome, type Options } from '../run/settings';
import { createStatusLine, type StatusLine } from '../terminal/status-line';

const DESCRIPTION = `write key files from a listing: the keys of s3loadtest's own objects under the prefix, one file for each \
test, worker and size, in the folder S3LOADTEST_KEY_DIR. Each file is replaced when it is complete. A key file is removed \
when no such object is left for it and its first key begins with the prefix; all others stay, and all do when the listing \
finds no key at all.`;

/** Files written at once. */
const PARALLEL = 8;

/** One file to be: usually of one folder, of several where dashes in names of tests and workers make one name of two. */
interface Group {
  readonly name: string;
  readonly prefixes: string[];
  readonly bytes: number;
}

interface Counts {
  files: number;
  keys: number;
  /** Objects of another length than their key says. */
  otherLength: number;
  /** Keys that are not s3loadtest's, where they were seen. */
  foreign: number;
}

export function addKeys(program: Command): void {
  addSettingOptions(program.command('keys'), ['prefix', 'timeout', 'allowPartial', 'credentials', 'httpProxy'])
    .summary('write key files from a listing of the bucket')
    .description(DESCRIPTION)
    .action(async (options: Options) => {
      process.exitCode = await stoppable((signal) => keys(options, process.env, signal));
    });
}

/** Writes the files and returns the exit code. @throws ConfigError when that can't be, before anything is written */
export async function keys(options: Options, given: NodeJS.ProcessEnv, signal: AbortSignal): Promise<number> {
  const { environment } = await findCredentials(options, given);
  const config = loadSome([...BUCKET_SETTINGS, 'prefix', 'keyDir'], options, environment);
  const { prefix, keyDir } = config;
  const bucket = openBucket(config);
  const status = createStatusLine(false);
  const counts: Counts = { files: 0, keys: 0, otherLength: 0, foreign: 0 };
  try {
    const tell = (line: string) => status.tell(line);
    for (const doubt of await bucket.check(prefix, signal, tell)) status.tell(`warning: ${doubt}`);
    makeKeyDir(keyDir);
    const groups = await findGroups(bucket, prefix, counts, signal);
    const written = new Set<string>();
    await inParallel(groups.values(), PARALLEL, async (group) => {
      if (await writeGroup(bucket, prefix, keyDir, group, counts, status, signal)) written.add(group.name);
    });
    if (written.size > 0) await removeStale(keyDir, prefix, written, status);
    status.say(summary(counts, config.bucket, prefix, keyDir));
    return EXIT.ok;
  } catch (e) {
    status.clear();
    const soFar = `${formatCount(counts.files)} key files are complete, all others are as they were`;
    const name = stoppedBy(e, signal);
    if (name !== undefined) status.tell(`${name}: ${soFar}`);
    else if (e instanceof BucketError) status.tell(`error: ${bucket.explain(e)}; ${soFar}`);
    else if (isFileError(e)) status.tell(`error: S3LOADTEST_KEY_DIR is "${keyDir}": ${e.message}; ${soFar}`);
    else throw e;
    return EXIT.failed;
  } finally {
    bucket.close();
  }
}

function makeKeyDir(keyDir: string): void {
  try {
    makeFolders(keyDir);
  } catch (e) {
    throw new ConfigError([`S3LOADTEST_KEY_DIR is "${keyDir}": it can't be made (${(e as Error).message})`]);
  }
}

/** The folders of the layout there are, by the name of the file they go to. */
async function findGroups(
  bucket: Bucket,
  prefix: string,
  counts: Counts,
  signal: AbortSignal,
): Promise<Map<string, Group>> {
  const groups = new Map<string, Group>();
  const above = {
    entries: (entries: readonly Entry[]) => {
      counts.foreign += entries.length;
    },
  };
  for await (const folder of folders(bucket.listObjects, prefix, above, signal, isOwnFolder)) {
    const [worker = '', size = '', test = ''] = folder.names;
    const name = keyFileName({ worker, size, test });
    const group = groups.get(name);
    if (group) group.prefixes.push(folder.prefix);
    else groups.set(name, { name, prefixes: [folder.prefix], bytes: parseSize(size) ?? 0 });
  }
  return groups;
}

/** Writes a group's file; false when it has no key, and there is none to write. */
async function writeGroup(
  bucket: Bucket,
  prefix: string,
  keyDir: string,
  group: Group,
  counts: Counts,
  status: StatusLine,
  signal: AbortSignal,
): Promise<boolean> {
  const written = await writeWhole(join(keyDir, group.name), async (write) => {
    let own = 0;
    for (const folder of group.prefixes) {
      for await (const { entries } of pages(bucket.listObjects, folder, signal)) {
        const right = entries.filter(({ key }) => ownKey(prefix, key) !== undefined);
        const chosen = right.filter(({ bytes }) => bytes === group.bytes);
        if (chosen.length > 0) await write(`${chosen.map(({ key }) => key).join('\n')}\n`);
        own += chosen.length;
        counts.keys += chosen.length;
        counts.foreign += entries.length - right.length;
        counts.otherLength += right.length - chosen.length;
        status.show(() => `${formatCount(counts.keys)} keys, ${formatCount(counts.files)} files complete`);
      }
    }
    return own > 0;
  });
  if (written) counts.files++;
  return written;
}

/** Removes the key files that this listing would have written, had there been anything to write. */
async function removeStale(
  keyDir: string,
  prefix: string,
  written: ReadonlySet<string>,
  status: StatusLine,
): Promise<void> {
  for (const file of await findKeyFiles(keyDir)) {
    if (written.has(keyFileName(file))) continue;
    const parts = ownKey(prefix, await firstLine(file.path));
    if (parts === undefined || !isOf(parts, file)) continue;
    rmSync(file.path);
    status.say(`${file.path} removed: none of its objects is left`);
  }
}

function isOf(parts: KeyParts, { test, worker, size }: KeyParts): boolean {
  return parts.test === test && parts.worker === worker && parts.size === size;
}

function summary(counts: Counts, bucket: string, prefix: string, keyDir: string): string {
  const left = [
    counts.otherLength > 0 ? `objects of another length than their key says: ${formatCount(counts.otherLength)}` : '',
    counts.foreign > 0 ? `keys that are not s3loadtest's: ${formatCount(counts.foreign)}` : '',
  ].filter((part) => part !== '');
  const leftOut = left.length > 0 ? `; left out: ${left.join(', ')}` : '';
  if (counts.keys === 0) {
    return `no object of s3loadtest's under "${prefix}" in "${bucket}": no key file is written or removed${leftOut}`;
  }
  return `${formatCount(counts.keys)} keys in ${formatCount(counts.files)} files in ${keyDir}${leftOut}`;
}
