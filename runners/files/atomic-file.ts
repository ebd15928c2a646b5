/** Files written bit by bit that are there whole or not at all. */
import { rmSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolders } from './folders';

/** Adds to the file. */
export type Write = (data: string | Uint8Array) => Promise<void>;

/**
 * Makes or replaces a file out of what `fill` writes: under a temporary name in the same folder, on the disk, and only then
 * under its own. `fill` returns false to leave all as it was. Whatever else happens, what was there before stays, and
 * nothing half written does. @throws the system's error, or what `fill` throws
 */
export async function writeWhole(path: string, fill: (write: Write) => Promise<boolean>): Promise<boolean> {
  makeFolders(dirname(path));
  const part = `${path}.part-${process.pid}`;
  const onExit = () => rmSync(part, { force: true });
  process.once('exit', onExit);
  try {
    const file = await open(part, 'w');
    let keep = false;
    try {
      keep = await fill((data) => file.appendFile(data));
      if (keep) await file.sync();
    } finally {
      await file.close();
    }
    if (keep) await rename(part, path);
    else await rm(part, { force: true });
    return keep;
  } catch (e) {
    await rm(part, { force: true });
    throw e;
  } finally {
    process.removeListener('exit', onExit);
  }
}

/** Whether an error is the system's, about a file: its message is for users as it stands. */
export function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}
