/** What earlier commands have left on this machine's disk: payload files and key files. Read in k6's init context. */

import { FROM_CLI } from '../result/protocol';
import { type Config, type ObjectSize, STANDARD_SIZES, settings } from '../settings/config';
import { isListedKey, keyFileName, type ListedKeys } from '../workload/keys';
import { poolBytesFor } from '../workload/payload';
import type { Plan } from '../workload/plan';
import { isBareRun } from './settings';
import { sharedKeys } from './shared';

/** Names of the project's patterns, between commas, set by the build from scripts/. A list would be a module of each VU. */
declare const PATTERNS: string;

/** Path of the payload file that bodies are cut from: the smallest that is enough for all. Undefined when there is none. */
export function findContent({ config, sizes }: Plan): string | undefined {
  const pool = poolBytesFor(
    sizes.map(({ bytes }) => bytes),
    config.partSize,
  );
  const standard = settings.sizes.parse(STANDARD_SIZES.join(',')) ?? [];
  const fits = standard.find(({ bytes }) => bytes >= pool);
  if (fits === undefined) return undefined;
  const path = `${resolve(config.dataDir)}/payload/${fits.label}.bin`;
  return readIfThere(path, 'b') === undefined ? undefined : path;
}

/** Keys out of key files, by size, once for all VUs. */
export function readKeyFiles({ config, sizes }: Plan): ListedKeys {
  const path = __ENV[FROM_CLI.keys];
  if (path === '') return {};
  const entries = sizes.map((size) => [size.label, sharedKeys(size.label, () => keysOf(size, config, path))] as const);
  return Object.fromEntries(entries);
}

/** The CLI has looked at all key files and taken what fits; by hand, k6 finds those of this worker and takes them whole. */
function keysOf(size: ObjectSize, config: Config, path: string | undefined): string[] {
  const folder = resolve(config.keyDir);
  const paths =
    path !== undefined
      ? [path]
      : PATTERNS.split(',').map(
          (test) => `${folder}/${keyFileName({ test, worker: config.workerId, size: size.label })}`,
        );
  const lines = paths.flatMap((file) => (readIfThere(file) ?? '').split('\n'));
  return lines.filter((key) => isListedKey(config.prefix, key, size.label));
}

/** k6 looks for relative paths beside the script. */
function resolve(folder: string): string {
  return folder.startsWith('/') ? folder : `${__ENV.PWD ?? '.'}/${folder}`;
}

function readIfThere(path: string): string | undefined;
function readIfThere(path: string, mode: 'b'): ArrayBuffer | undefined;
function readIfThere(path: string, mode?: 'b'): string | ArrayBuffer | undefined {
  // Of what a script opens, k6 puts a copy in an archive.
  if (__ENV[FROM_CLI.present] === undefined && !isBareRun()) return undefined;
  try {
    return mode === undefined ? open(path) : open(path, mode);
  } catch {
    return undefined;
  }
}
