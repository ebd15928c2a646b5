/** Which keys are s3loadtest's own. Pure. */
import { isPlain, type KeyParts, parseKey } from './keys';

/** Of workers and tests, as the settings take them. */
const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;
/** A size, sizes from one to another, or those of a lognormal distribution, as lib/settings/load.ts names them. */
export const SIZE_LABEL = /(?:\d+[KMGT]?B-)?\d+[KMGT]?B|lognormal-\d+[KMGT]?B-\d+(?:\.\d+)?/;
const LABEL = new RegExp(`^(?:${SIZE_LABEL.source})$`);
const SEGMENTS = 5;

/**
 * The parts of a key that s3loadtest may have written under the prefix; undefined for any other. Stricter than what patterns
 * read (`parseKey`), because what passes here is deleted: `1KB` must be a size, names must be names, and nothing may follow.
 */
export function ownKey(prefix: string, key: string): KeyParts | undefined {
  const parts = parseKey(prefix, key);
  if (parts === undefined || !isPlain(key)) return undefined;
  if (!isOwnFolder([parts.worker, parts.size, parts.test])) return undefined;
  return key.slice(prefix.length).split('/').length === SEGMENTS ? parts : undefined;
}

/** Whether own keys may stand in a folder, given as its one to three names below the prefix: worker, size, test. */
export function isOwnFolder(names: readonly string[]): boolean {
  return names.every((name, level) => (level === 1 ? LABEL : NAME).test(name));
}
