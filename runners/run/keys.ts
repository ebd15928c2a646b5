/** Key files in a run: what k6 is to read of them before it, and what it deleted taken out of them after. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DeletedRange } from '../../lib/result/protocol';
import { type Config, ConfigError } from '../../lib/settings/config';
import { formatCount } from '../../lib/settings/units';
import { partOf } from '../../lib/workload/part';
import {
  compareKeys,
  findKeyFiles,
  isWithin,
  type KeyFile,
  type KeyRange,
  sampleKeys,
  withoutDeleted,
} from '../bucket/key-files';
import type { RunFolder } from './folder';

/** Keys of one size that k6 is given: enough that caches help no more than they would with all. */
const MOST_KEYS = 50_000;

export class RunKeys {
  /** What each worker deleted, by its number. */
  private readonly ranges: KeyRange[][] = [];
  private workers = 1;
  /** Keys within the ranges that are still there. */
  private failed = new Set<string>();

  private constructor(
    private readonly files: readonly KeyFile[],
    /** Path of the file that k6 is to read, '' where there are no key files. */
    readonly path: string,
  ) {}

  /** Puts keys out of all key files into one in the run's folder, if there is one. @throws the system's error */
  static async take(config: Pick<Config, 'keyDir'>, folder: string | undefined): Promise<RunKeys> {
    const files = await findKeyFiles(config.keyDir);
    if (files.length === 0 || folder === undefined) return new RunKeys(files, '');
    const path = join(folder, 'keys.txt');
    const keys = Object.values(await sampleKeys(files, MOST_KEYS, Math.random)).flat();
    writeFileSync(path, `${keys.join('\n')}\n`);
    return new RunKeys(files, path);
  }

  /** Whether there are key files that deleting would make untrue. */
  get any(): boolean {
    return this.files.length > 0;
  }

  deleted({ first, last, failed, part }: DeletedRange): void {
    this.workers = part.of;
    const ranges = this.ranges[part.index] ?? [];
    this.ranges[part.index] = ranges;
    ranges.push([first, last]);
    // What failed before is gone when it was not refused again.
    const refused = new Set(failed);
    const within = (key: string) =>
      compareKeys(first, key) <= 0 && compareKeys(key, last) <= 0 && partOf(key, part.of) === part.index;
    this.failed = new Set([...this.failed].filter((key) => !within(key) || refused.has(key)).concat(failed));
  }

  /** Takes deleted keys out of the key files, and k6's file away. Returns how many were dropped. @throws the system's error */
  async finish(config: Partial<Pick<Config, 'sizes'>>): Promise<number> {
    if (this.path !== '') rmSync(this.path, { force: true });
    if (this.ranges.length === 0) return 0;
    const ranges = Array.from({ length: this.workers }, (_, i) => merged(this.ranges[i] ?? []));
    const isDeleted = (key: string) => isWithin(key, ranges[partOf(key, this.workers)] ?? []) && !this.failed.has(key);
    // A listing of some sizes passes others by.
    const sizes = config.sizes && new Set(config.sizes.map(({ label }) => label));
    let dropped = 0;
    for (const { path, size } of this.files) {
      if (sizes === undefined || sizes.has(size)) dropped += await withoutDeleted(path, isDeleted);
    }
    return dropped;
  }
}

/** The same ranges in order, those that overlap as one. */
function merged(ranges: readonly KeyRange[]): KeyRange[] {
  const all: [string, string][] = [];
  for (const [first, last] of [...ranges].sort((a, b) => compareKeys(a[0], b[0]))) {
    const before = all.at(-1);
    if (before === undefined || compareKeys(before[1], first) < 0) all.push([first, last]);
    else if (compareKeys(before[1], last) < 0) before[1] = last;
  }
  return all;
}

/**
 * Reads key files, if there are any: for k6 where there is a folder, else to prune them alone.
 * @throws ConfigError when they can't be read; then the folder is gone
 */
export async function takeKeys(config: Pick<Config, 'keyDir'>, folder?: RunFolder): Promise<RunKeys> {
  try {
    return await RunKeys.take(config, folder?.path);
  } catch (e) {
    folder?.remove();
    throw new ConfigError([
      `S3LOADTEST_KEY_DIR is "${config.keyDir}": key files can't be read there (${(e as Error).message})`,
    ]);
  }
}

/** Takes deleted keys out of key files. Returns whether that went well, and has said so when not. */
export async function pruneKeys(
  keys: RunKeys,
  config: Pick<Config, 'keyDir'> & Partial<Pick<Config, 'sizes'>>,
  say: (line: string) => void,
): Promise<boolean> {
  try {
    const dropped = await keys.finish(config);
    if (dropped > 0)
      say(`  Key files in ${config.keyDir}: ${formatCount(dropped)} keys were deleted, and are taken out`);
    return true;
  } catch (e) {
    say(`error: key files in ${config.keyDir} still hold keys that were deleted: ${(e as Error).message}`);
    return false;
  }
}
