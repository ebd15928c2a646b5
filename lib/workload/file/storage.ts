/** Where the VUs of a workload file work, by what the file says and what was prepared for it. Pure. */
import { ConfigError, settings, type User } from '../../settings/config';
import { type Home, homesOf, type OwnedBucket } from '../home';
import { type PreparedStorage, setsOf } from '../prepared';
import type { WorkloadFile } from './document';

/** Whether a file can't run before `s3loadtest prepare`. */
export const wantsPreparation = ({ buckets, objects }: WorkloadFile): boolean =>
  buckets?.new !== undefined || objects?.count !== undefined;

/** The bucket, as a setting, that a file names in place of it. */
export function bucketOf(file: WorkloadFile, prepared: PreparedStorage | undefined): Record<string, string> {
  const first = prepared?.buckets[0]?.name ?? file.buckets?.existing?.[0];
  return first === undefined ? {} : { [settings.bucket.env[0]]: first };
}

/**
 * Where its VUs work; undefined where that is the one bucket of the settings.
 * @throws ConfigError where something is to be prepared first, or profiles were not looked up
 */
export function homesOfFile(
  file: WorkloadFile,
  prepared: PreparedStorage | undefined,
  users: readonly User[],
  bucket: string,
): readonly Home[] | undefined {
  const { credentials = [], buckets } = file;
  if (credentials.length > users.length) {
    throw new ConfigError([
      `${file.name}: credentials names profiles, and only the CLI looks these up: run it by \`s3loadtest run FILE.yaml\``,
    ]);
  }
  const of = users.slice(0, credentials.length);
  if (wantsPreparation(file)) {
    checkPrepared(file, prepared);
    return homesOf((prepared as PreparedStorage).buckets, of, setsOf(prepared as PreparedStorage));
  }
  if (buckets === undefined && credentials.length === 0) return undefined;
  const named: readonly OwnedBucket[] = (buckets?.existing ?? [bucket]).map((name) => ({ name }));
  return homesOf(named, of);
}

/** @throws ConfigError */
function checkPrepared(file: WorkloadFile, prepared: PreparedStorage | undefined): void {
  const what = file.objects?.count === undefined ? 'its buckets are' : 'its objects are';
  if (prepared === undefined) {
    throw new ConfigError([
      `${file.name}: ${what} to be there before the load, and no manifest says that they are: run \`s3loadtest prepare FILE.yaml\` first`,
    ]);
  }
}

/** What of a file a preparation no longer is of, in a phrase; undefined where it is of the file as it is. */
export function differenceTo(
  { name, objects, buckets, credentials = [] }: WorkloadFile,
  of: PreparedStorage,
): string | undefined {
  if (of.workload !== name) return `it is of workload "${of.workload}"`;
  const count = objects?.count ?? 0;
  if (of.objects !== count) return `it has ${of.objects} objects, and the file ${count}`;
  const wanted = buckets?.existing;
  const there = of.buckets.map((bucket) => bucket.name);
  if (wanted !== undefined && wanted.join() !== there.join()) return `it is of the buckets ${there.join(', ')}`;
  const all = (buckets?.new ?? 0) * Math.max(1, credentials.length);
  if (buckets?.new !== undefined && there.length !== all) return `it has ${there.length} buckets, and the file ${all}`;
  return undefined;
}
