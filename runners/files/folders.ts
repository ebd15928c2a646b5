/** Folders on this machine's disk. */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/** Makes a folder and those above it. Node's own `recursive` never returns where the system says ENOENT, as in /proc. */
export function makeFolders(path: string): void {
  try {
    mkdirSync(path);
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || dirname(path) === path || existsSync(dirname(path))) throw e;
    makeFolders(dirname(path));
    mkdirSync(path);
  }
}
