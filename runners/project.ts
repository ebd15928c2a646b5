/** Where the project is, and what has been built there. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '../lib/config';

/** The project's root folder: the CLI is one file in build/. */
export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Names of the patterns there are: each is a bundle in build/. */
export function patterns(): string[] {
  const folder = join(ROOT, 'build');
  const files = existsSync(folder) ? readdirSync(folder) : [];
  return files.filter((name) => name.endsWith('.js') && !name.startsWith('bench-')).map((name) => name.slice(0, -3));
}

/** Path of a pattern's bundle. @throws ConfigError when there is no such pattern */
export function scriptOf(pattern: string): string {
  const known = patterns();
  if (!known.includes(pattern)) {
    throw new ConfigError([
      `pattern "${pattern}" is not known: give ${known.join(', ') || 'one after `npm run build`'}`,
    ]);
  }
  return join(ROOT, 'build', `${pattern}.js`);
}
