/** `s3loadtest cleanup --prepared`: takes away what `s3loadtest prepare` made, by its manifest, and nothing else. */
import { rmSync } from 'node:fs';
import { ConfigError, type User } from '../../lib/settings/config';
import { formatCount } from '../../lib/settings/units';
import { checkStore, type PreparedBucket, type PreparedStorage } from '../../lib/workload/prepared';
import { DEDICATED, TEMPORARY, testOf } from '../../lib/workload/temporary';
import { BUCKET_SETTINGS, type BucketConfig, openBucket } from '../bucket/bucket';
import { BucketError } from '../bucket/entry';
import { stoppedBy } from '../process/stoppable';
import { findCredentials } from '../run/credentials';
import { EXIT } from '../run/exit';
import { loadSome, type Options } from '../run/settings';
import { createStatusLine, type StatusLine } from '../terminal/status-line';
import { ask, checkAsks, cleanUp } from './cleaning';
import { loadPrepared } from './wanted';

/** @throws ConfigError when it must not, or can't, before anything is deleted */
export async function cleanupPrepared(
  manifest: string,
  options: Options,
  given: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<number> {
  if (options.prefix !== undefined) {
    throw new ConfigError(['--prefix and --prepared are both given: the manifest has the prefix, leave --prefix out']);
  }
  checkAsks(options);
  const prepared = loadPrepared(manifest);
  if (prepared === undefined) throw new ConfigError([`--prepared is "${manifest}": there is no such file`]);
  const { environment } = await findCredentials(options, given, { profiles: prepared.credentials });
  // The manifest has the buckets.
  const config = loadSome([...BUCKET_SETTINGS, 'users'], options, {
    ...environment,
    S3_BUCKET: prepared.buckets[0]?.name,
  });
  checkStore(manifest, prepared, config.endpoints);
  const status = createStatusLine(options.json === true);
  try {
    if (options.yes !== true && !(await ask(question(prepared), signal))) {
      status.tell('nothing was deleted');
      return EXIT.failed;
    }
    const left: string[] = [];
    for (const bucket of prepared.buckets) {
      signal.throwIfAborted();
      const user: Partial<User> = config.users?.[bucket.user ?? 0] ?? {};
      const own = { ...config, bucket: bucket.name, ...user };
      if (!(await takeAway(bucket, own, prepared, options, status, signal))) left.push(bucket.name);
    }
    left.push(...(await takeAwayOwn(prepared, config, options, status, signal)));
    return end(manifest, left, status);
  } catch (e) {
    const name = stoppedBy(e, signal);
    if (name === undefined) throw e;
    status.tell(`${name}: the same command goes on with the rest`);
    return EXIT.failed;
  }
}

/** Buckets that VUs created for themselves in runs of it. Returns those that stay. */
async function takeAwayOwn(
  prepared: PreparedStorage,
  config: BucketConfig & { readonly users?: readonly User[] },
  options: Options,
  status: StatusLine,
  signal: AbortSignal,
): Promise<string[]> {
  const { own } = prepared;
  if (own === undefined) return [];
  const left: string[] = [];
  for (const user of config.users ?? [{}]) {
    const as = { ...config, ...user };
    const asking = openBucket(as);
    try {
      const names = (await asking.ownedBuckets(signal)).filter((name) => name.startsWith(own.before));
      for (const name of names) {
        const bucket = { name, created: true } as const;
        if (!(await takeAway(bucket, { ...as, bucket: name }, prepared, options, status, signal))) left.push(name);
      }
    } catch (e) {
      if (!(e instanceof BucketError)) throw e;
      status.tell(`warning: buckets that a run left can't be looked for: ${asking.explain(e)}`);
    } finally {
      asking.close();
    }
  }
  return left;
}

function question({ buckets, objects, workload }: PreparedStorage): string {
  const created = buckets.filter((bucket) => bucket.created);
  const own = created.length > 0 ? `${counted(created.length, 'bucket')} with all that tests wrote there` : '';
  const others = buckets.length - created.length;
  const there = others > 0 ? `what ${workload} wrote in ${counted(others, 'bucket')}` : '';
  const what = [own, there].filter((part) => part !== '').join(', and ');
  return `Delete ${what} (${formatCount(objects)} objects were prepared)? [y/N] `;
}

const counted = (n: number, what: string) => `${formatCount(n)} ${what}${n === 1 ? '' : 's'}`;

/** Whether nothing of it is left. */
async function takeAway(
  { name, created }: PreparedBucket,
  config: BucketConfig,
  { prefix, workload }: PreparedStorage,
  options: Options,
  status: StatusLine,
  signal: AbortSignal,
): Promise<boolean> {
  const bucket = openBucket(config, undefined, options.unlock === true);
  try {
    if (created && !(await bucket.isThere(signal))) return true;
    const plan = {
      ...{ bucket, name, prefix, yes: true, json: options.json === true },
      unlock: options.unlock === true,
      versions: created === true || options.versions === true,
      // What others put into a bucket of ours keeps it there.
      includeForeign: created === true || options.includeForeign === true,
      ...(!created && { tests: [workload, testOf(workload, TEMPORARY), testOf(workload, DEDICATED)] }),
    };
    const exit = await cleanUp(plan, signal);
    signal.throwIfAborted();
    if (exit !== EXIT.ok) return false;
    if (!created) return true;
    await bucket.remove(signal);
    status.say(`bucket "${name}" is gone`);
    return true;
  } catch (e) {
    if (e instanceof BucketError) {
      const why = e.failure.code === 'BucketNotEmpty' ? 'it has objects that no test wrote' : bucket.explain(e);
      status.tell(`error: bucket "${name}" stays: ${why}`);
      return false;
    }
    if (!(e instanceof ConfigError)) throw e;
    status.tell(`error: ${e.message}`);
    return false;
  } finally {
    bucket.close();
  }
}

function end(manifest: string, left: readonly string[], status: StatusLine): number {
  if (left.length > 0) {
    status.tell(
      `error: not all is gone (${left.join(', ')}): ${manifest} stays, and the same command goes on with the rest`,
    );
    return EXIT.failed;
  }
  rmSync(manifest, { force: true });
  status.say(`${manifest} is gone, with all that it names`);
  return EXIT.ok;
}
