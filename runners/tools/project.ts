/** Where the project is, and what has been built there. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '../../lib/settings/config';

/** The project's root folder, wherever this code stands: in build/, or as it is, in tests. */
export const ROOT = rootAbove(dirname(fileURLToPath(import.meta.url)));

function rootAbove(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : rootAbove(dirname(folder));
}

/** All patterns there are, in one script. */
export const ALL = 'all';
/** The script of workload files: no pattern of its own. */
export const WORKLOAD = 'workload';

/** Names of the patterns there are: each is a bundle in build/. */
export function patterns(): string[] {
  const folder = join(ROOT, 'build');
  const files = existsSync(folder) ? readdirSync(folder) : [];
  const names = files.filter((name) => name.endsWith('.js')).map((name) => name.slice(0, -3));
  return names.filter((name) => name !== WORKLOAD && !name.startsWith('bench-'));
}

/**
 * Path of the bundle that runs these patterns, and which of its own they are, where it has more than that.
 * @throws ConfigError when one of them is no pattern
 */
export function scriptOf(names: readonly string[]): { script: string; tests?: readonly string[] } {
  const known = patterns();
  const unknown = names.find((name) => name !== WORKLOAD && !known.includes(name));
  if (unknown !== undefined) {
    throw new ConfigError([
      `pattern "${unknown}" is not known: give ${known.join(', ') || 'one after `npm run build`'}, or a workload file, whose name ends in .yaml`,
    ]);
  }
  const different = [...new Set(names)];
  const path = (name: string) => join(ROOT, 'build', `${name}.js`);
  const [only] = different;
  if (different.length === 1 && only !== undefined) return { script: path(only) };
  if (different.includes(ALL))
    throw new ConfigError([`patterns "${names.join(' ')}": ${ALL} has the others in it, give it alone`]);
  return { script: path(ALL), tests: different };
}

/** What is in a bundle, for where it goes alone: k6 would miss the source map that it names. @throws the system's error */
export function scriptText(path: string): string {
  return readFileSync(path, 'utf8').replace(/^\/\/# sourceMappingURL=.*\n?/m, '');
}
