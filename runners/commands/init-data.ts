/** `s3loadtest init-data`: payload files of every size, for tests that send bodies from disk. */
import { randomFillSync } from 'node:crypto';
import { statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { ConfigError, STANDARD_SIZES } from '../../lib/settings/config';
import { formatBytes, formatCount, parseSize } from '../../lib/settings/units';
import { isFileError, writeWhole } from '../files/atomic-file';
import { makeFolders } from '../files/folders';
import { stoppable, stoppedBy } from '../process/stoppable';
import { EXIT } from '../run/exit';
import { loadSome, type Options } from '../run/settings';
import { createStatusLine, type StatusLine } from '../terminal/status-line';

const SIZES = [...STANDARD_SIZES, '1GB', '10GB', '100GB'] as const;
const DEFAULT_MOST = '100MB';
/** Bytes written at a time. */
const CHUNK = 4 * 1024 ** 2;

/** A payload file that is to be there. */
export interface PayloadFile {
  readonly path: string;
  readonly bytes: number;
}

export function addInitData(program: Command): void {
  program
    .command('init-data')
    .summary('write payload files')
    .description(
      `write payload files, random bytes that do not compress, into payload/ in the data folder: ${SIZES.join(', ')}`,
    )
    .option('--max-size <size>', `size of the largest file (default: ${DEFAULT_MOST})`)
    .action(async (options: Options) => {
      process.exitCode = await stoppable((signal) => initData(options, process.env, signal));
    });
}

/** Writes the files that are missing. @throws ConfigError when that can't be, before anything is written */
export async function initData(options: Options, environment: NodeJS.ProcessEnv, signal: AbortSignal): Promise<number> {
  const sizes = sizesUpTo(String(options.maxSize ?? DEFAULT_MOST));
  const { dataDir } = loadSome(['dataDir'], {}, environment);
  const folder = join(dataDir, 'payload');
  const files = sizes.map((size) => ({ path: join(folder, `${size.label}.bin`), bytes: size.bytes }));
  const missing = missingOf(files, bytesAt);
  if (missing.length > 0) await makeRoom(dataDir, folder, missing);

  const status = createStatusLine(false);
  for (const { path } of files.filter((file) => !missing.includes(file))) status.say(`${path} is there: kept`);
  for (const file of missing) {
    try {
      await writePayload(file, status, signal);
    } catch (e) {
      status.clear();
      return notWritten(file, e, status, signal);
    }
    status.say(`${file.path} written`);
  }
  const all = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const kept = missing.length < files.length ? `, ${formatCount(files.length - missing.length)} of them kept` : '';
  status.say(`${formatCount(files.length)} payload files, ${formatBytes(all)}${kept}`);
  return EXIT.ok;
}

/** @throws ConfigError when the text is no size, or none of the files is so small */
function sizesUpTo(text: string): Array<{ label: string; bytes: number }> {
  const sizes = SIZES.map((label) => ({ label, bytes: parseSize(label) as number }));
  const most = parseSize(text);
  const [least, largest] = [sizes[0], sizes.at(-1)] as [{ bytes: number }, { bytes: number }];
  if (most === undefined || most < least.bytes || most > largest.bytes) {
    throw new ConfigError([`--max-size is "${text}": give a size from ${SIZES[0]} to ${SIZES.at(-1)}, such as 10MB`]);
  }
  return sizes.filter(({ bytes }) => bytes <= most);
}

/**
 * The files that are not there; `bytesAt` tells the bytes of one that is, undefined for none.
 * @throws ConfigError naming all that are there with another size
 */
export function missingOf(
  files: readonly PayloadFile[],
  bytesAt: (path: string) => number | undefined | 'no file',
): PayloadFile[] {
  const problems: string[] = [];
  const missing = files.filter((file) => {
    const bytes = bytesAt(file.path);
    if (bytes !== undefined && bytes !== file.bytes) {
      const what =
        bytes === 'no file' ? 'is no file' : `has ${formatCount(bytes)} bytes, not ${formatCount(file.bytes)}`;
      problems.push(`${file.path} ${what}: remove it or move it away, and it is written anew`);
    }
    return bytes === undefined;
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return missing;
}

function bytesAt(path: string): number | undefined | 'no file' {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    return found && (found.isFile() ? found.size : 'no file');
  } catch (e) {
    // A folder above it that is none, say: making the folder tells.
    if ((e as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw new ConfigError([`S3LOADTEST_DATA_DIR: ${path} can't be looked at (${(e as Error).message})`]);
  }
}

/** Makes the folder, and sees whether the files will fit. @throws ConfigError */
async function makeRoom(dataDir: string, folder: string, missing: readonly PayloadFile[]): Promise<void> {
  const setting = `S3LOADTEST_DATA_DIR is "${dataDir}"`;
  let free: number;
  try {
    makeFolders(folder);
    const { bavail, bsize } = await statfs(folder);
    free = bavail * bsize;
  } catch (e) {
    throw new ConfigError([`${setting}: payload files can't be written there (${(e as Error).message})`]);
  }
  const need = missing.reduce((sum, { bytes }) => sum + bytes, 0);
  if (need > free) {
    const lack = `payload files need ${formatBytes(need)} and its disk has ${formatBytes(free)} free, ${formatBytes(need - free)} too little`;
    throw new ConfigError([`${setting}: ${lack}: free some, name another folder, or give a smaller --max-size`]);
  }
}

async function writePayload(file: PayloadFile, status: StatusLine, signal: AbortSignal): Promise<void> {
  const began = Date.now();
  const chunk = Buffer.alloc(Math.min(CHUNK, file.bytes));
  await writeWhole(file.path, async (write) => {
    for (let written = 0; written < file.bytes; ) {
      signal.throwIfAborted();
      // Fresh for each chunk: a store that looks for repeated blocks finds none.
      const part = chunk.subarray(0, Math.min(chunk.byteLength, file.bytes - written));
      await write(randomFillSync(part));
      written += part.byteLength;
      status.show(() => {
        const rate = (written / Math.max(1, Date.now() - began)) * 1000;
        const share = Math.floor((written / file.bytes) * 100);
        return `${file.path}: ${share}% of ${formatBytes(file.bytes)}, ${formatBytes(rate)}/s`;
      });
    }
    return true;
  });
}

function notWritten(file: PayloadFile, e: unknown, status: StatusLine, signal: AbortSignal): number {
  const name = stoppedBy(e, signal);
  if (name !== undefined) {
    status.tell(`${name}: ${file.path} is not written, nor those after it; the same command writes what is missing`);
  } else if (isFileError(e)) {
    status.tell(`error: ${file.path} can't be written (${e.message}): nothing half written is left`);
  } else throw e;
  return EXIT.failed;
}
