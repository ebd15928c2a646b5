/** What `s3loadtest prepare` has made for a workload file: its manifest, on which runs, cleanup and a second prepare go. Pure. */
import { ConfigError } from '../settings/config';
import type { OwnedBucket } from './home';
import type { NumberedSet } from './numbered';
import type { OwnBuckets } from './temporary';

const SCHEMA = 's3loadtest-prepared/1';

export interface PreparedStorage {
  readonly schema: typeof SCHEMA;
  /** Name of the workload file. */
  readonly workload: string;
  /** In the names of buckets that are to be like no others. */
  readonly id: string;
  readonly startedAt: string;
  /** Of the store: a bucket of the same name elsewhere is another. */
  readonly endpoints: readonly string[];
  /** Profiles that buckets are created and objects written by; left out for the settings' credentials. */
  readonly credentials?: readonly string[];
  /** Of the keys. */
  readonly prefix: string;
  readonly buckets: readonly PreparedBucket[];
  /** How buckets are called that VUs create for themselves in runs. */
  readonly own?: OwnBuckets;
  /** How many objects there are in all buckets, which have them in turn. */
  readonly objects: number;
  /** How they are called: the same in each bucket. */
  readonly keys: Omit<NumberedSet, 'count'>;
  /** All of it was seen to be there. */
  readonly complete: boolean;
}

export interface PreparedBucket extends OwnedBucket {
  /** By `prepare`: cleanup takes it away again. */
  readonly created?: true;
}

export function preparedOf(parts: Omit<PreparedStorage, 'schema'>): PreparedStorage {
  return { schema: SCHEMA, ...parts };
}

/** The objects of each bucket. */
export function setsOf({
  objects,
  buckets,
  keys,
}: Pick<PreparedStorage, 'objects' | 'buckets' | 'keys'>): NumberedSet[] {
  return buckets.map((_, b) => ({ ...keys, count: countIn(objects, buckets.length, b) }));
}

/** How many of so many objects are in bucket b. */
const countIn = (objects: number, buckets: number, b: number): number => Math.ceil(Math.max(0, objects - b) / buckets);

/** Object i of all: its bucket, and its number there. */
export const placeOf = (i: number, buckets: number): { readonly bucket: number; readonly n: number } => ({
  bucket: i % buckets,
  n: Math.floor(i / buckets),
});

/** Where a run of `name` finds what was prepared. */
export const manifestPath = (dataDir: string, name: string): string => `${dataDir}/prepared/${name}.json`;

/** @throws ConfigError when the text of `path` is none */
export function readPrepared(path: string, text: string): PreparedStorage {
  let value: Partial<PreparedStorage> | null = null;
  try {
    value = JSON.parse(text);
  } catch {
    // Told below.
  }
  const isOne =
    value?.schema === SCHEMA &&
    Array.isArray(value.buckets) &&
    value.buckets.every((bucket) => typeof bucket?.name === 'string') &&
    Array.isArray(value.endpoints) &&
    Number.isSafeInteger(value.objects) &&
    typeof value.prefix === 'string' &&
    Array.isArray(value.keys?.sizes);
  if (!isOne) {
    throw new ConfigError([
      `${path} is no manifest of \`s3loadtest prepare\`, or a broken one: run that again, or name another`,
    ]);
  }
  return value as PreparedStorage;
}

const hostOf = (endpoint: string): string => endpoint.replace(/#.*/, '');

/** @throws ConfigError where none of the endpoints is one of the store that `path` is about */
export function checkStore(path: string, { endpoints }: PreparedStorage, now: readonly string[]): void {
  const known = endpoints.map(hostOf);
  if (now.some((endpoint) => known.includes(hostOf(endpoint)))) return;
  throw new ConfigError([
    `${path} is about ${endpoints.join(', ')}, and S3_ENDPOINTS is ${now.join(', ')}: give one of those, or name another manifest by --prepared`,
  ]);
}
