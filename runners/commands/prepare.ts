/** `s3loadtest prepare`: the buckets and objects that a workload file is to find. */
import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { FROM_CLI } from '../../lib/result/protocol';
import {
  AUDIENCES,
  type Config,
  ConfigError,
  optionOf,
  type Setting,
  settings as settingOf,
  type User,
} from '../../lib/settings/config';
import { formatCount } from '../../lib/settings/units';
import type { Filling } from '../../lib/workload/command-shares';
import type { FileBuckets, WorkloadFile } from '../../lib/workload/file/document';
import { differenceTo, wantsPreparation } from '../../lib/workload/file/storage';
import { SIZES } from '../../lib/workload/file/workload';
import { GENERATED_END } from '../../lib/workload/keys';
import type { NumberedSet } from '../../lib/workload/numbered';
import { checkStore, type PreparedBucket, type PreparedStorage, preparedOf, setsOf } from '../../lib/workload/prepared';
import { ownBuckets } from '../../lib/workload/temporary';
import { BUCKET_SETTINGS, type Bucket, openBucket } from '../bucket/bucket';
import { BucketError } from '../bucket/entry';
import { type Missing, missingOf } from '../bucket/missing';
import { inParallel } from '../bucket/walk';
import { stoppable, stoppedBy } from '../process/stoppable';
import { hasExtension, withBackend } from '../run/backend';
import { findCredentials } from '../run/credentials';
import { EXIT } from '../run/exit';
import { writeAtomically } from '../run/folder';
import { loadSettings, loadSome, type Options, type Settings } from '../run/settings';
import { createStatusLine, type StatusLine } from '../terminal/status-line';
import { distWanted } from './dist';
import { addFleetOptions } from './fleet-options';
import { findK6, runWanted } from './run';
import { loadPrepared, loadWorkloadFile, manifestOf, type Wanted, wantedOfFile } from './wanted';

const DESCRIPTION = `create the buckets and write the objects that a workload file is to find (buckets.new, objects.count), and keep a \
manifest of them, which runs of the file and cleanup go by. Stopped or failed, the same command goes on with what is missing. \
With --workers on many machines.`;

/** VUs where nobody says how many. */
const WORKERS = 16;
/** Buckets created at once, and names of them shown. */
const AT_ONCE = 8;
const MOST_SHOWN = 4;
/** Stands in keys for the worker. */
const WORKER = 'prepared';

export function addPrepare(program: Command): void {
  addFleetOptions(program.command('prepare'))
    .argument('<file>', 'workload file')
    .summary('create the buckets and objects that a workload file is to find')
    .description(DESCRIPTION)
    .action(async (path: string, options: Options) => {
      process.exitCode = await prepare(path, options, process.env);
    });
}

interface Session {
  readonly path: string;
  readonly manifest: string;
  readonly file: WorkloadFile;
  readonly status: StatusLine;
  /** Something was prepared before. */
  readonly goesOn: boolean;
  /** A bucket as its owner sees it. */
  open(bucket: PreparedBucket): Bucket;
}

/** @throws ConfigError, ToolError */
async function prepare(path: string, typed: Options, given: NodeJS.ProcessEnv): Promise<number> {
  const file = loadWorkloadFile(path);
  if (!wantsPreparation(file)) {
    throw new ConfigError([`${path}: there is nothing to prepare: it has no objects.count and no buckets.new`]);
  }
  const manifest = manifestOf(file, typed);
  const before = loadPrepared(manifest);
  const difference = before && differenceTo(file, before);
  if (difference !== undefined) {
    throw new ConfigError([
      `${manifest} is not of this file: ${difference}: \`s3loadtest cleanup --prepared ${manifest}\` takes that away, or name another by --prepared`,
    ]);
  }
  const { environment } = await findCredentials(typed, given, { profiles: file.credentials });
  const named = before ?? (await planned(path, file, typed, environment));
  const { options } = wantedOfFile(path, file, typed, named);
  const config = loadSome([...BUCKET_SETTINGS, 'users'], options, environment);
  checkStore(manifest, named, config.endpoints);
  const status = createStatusLine(options.json === true);
  const opened = new Map<string, Bucket>();
  const open = ({ name, user }: PreparedBucket) => {
    const bucket = opened.get(name) ?? openBucket({ ...config, bucket: name, ...userOf(config, user) });
    opened.set(name, bucket);
    return bucket;
  };
  try {
    return await make(named, { path, manifest, file, status, goesOn: before !== undefined, open }, typed, environment);
  } finally {
    for (const bucket of opened.values()) bucket.close();
  }
}

const userOf = ({ users = [] }: Pick<Config, 'users'>, user: number | undefined): Partial<User> =>
  users[user ?? 0] ?? {};

/** What is to be made, named. */
async function planned(
  path: string,
  file: WorkloadFile,
  typed: Options,
  environment: NodeJS.ProcessEnv,
): Promise<PreparedStorage> {
  const id = randomBytes(4).toString('hex');
  const buckets = bucketsOf(file, id, () => loadSome(['bucket'], typed, environment).bucket);
  const startedAt = new Date();
  const head = {
    workload: file.name,
    id,
    startedAt: startedAt.toISOString(),
    buckets,
    objects: file.objects?.count ?? 0,
    endpoints: loadSome(['endpoints'], typed, environment).endpoints,
    ...(file.credentials && { credentials: file.credentials }),
    ...(file.buckets?.new !== undefined && { own: ownBuckets(id, file.buckets) }),
  };
  const none = { before: '', after: '', end: '', sizes: [] };
  const { options } = wantedOfFile(path, file, typed, preparedOf({ ...head, prefix: '', keys: none, complete: false }));
  const settings = loadSettings(options, environment);
  // Buckets alone need no k6.
  const wanted = head.objects === 0 ? settings : await asRun(settings, environment);
  const { prefix, sizes = settingOf.sizes.parse(SIZES.join(',')) ?? [], backend } = wanted.config;
  const { names = {} } = file.objects ?? {};
  const time = startedAt.getTime() * 1000;
  const keys = {
    before: `${prefix}${WORKER}/`,
    after: `/${file.name}/${time}/${names.prefix ?? ''}obj-`,
    end: `${names.postfix ?? ''}${backend === 'native' ? GENERATED_END : ''}`,
    sizes: sizes.map(({ label }) => label),
    ...(sizes.some(({ weight }) => weight !== undefined) && { weights: sizes.map(({ weight = 1 }) => weight) }),
  };
  return preparedOf({ ...head, prefix, keys, complete: false });
}

/** The settings with the backend that a run has. */
async function asRun(settings: Settings, environment: NodeJS.ProcessEnv): Promise<Settings> {
  const k6 = await findK6(environment);
  return withBackend(settings, await hasExtension(k6.path, environment), () => {});
}

function bucketsOf({ buckets, credentials = [] }: WorkloadFile, id: string, fallback: () => string): PreparedBucket[] {
  const { existing, new: count } = buckets ?? {};
  if (existing !== undefined) return existing.map((name) => ({ name }));
  if (count === undefined) return [{ name: fallback() }];
  const users = Math.max(1, credentials.length);
  return Array.from({ length: users * count }, (_, i): PreparedBucket => {
    const user = Math.floor(i / count);
    return {
      name: nameOf(buckets as FileBuckets, user, i % count, users, id),
      created: true,
      ...(users > 1 && { user }),
    };
  });
}

/** `loadtest-2-1-3f9a01bc-x`: the second user's first bucket. */
function nameOf(
  { prefix = 'loadtest-', postfix = '', unique }: FileBuckets,
  user: number,
  n: number,
  users: number,
  id: string,
): string {
  const numbers = users > 1 ? `${user + 1}-${n + 1}` : `${n + 1}`;
  return `${prefix}${numbers}${unique ? `-${id}` : ''}${postfix}`;
}

async function make(
  prepared: PreparedStorage,
  session: Session,
  typed: Options,
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  const { path, file, status, goesOn } = session;
  const { objects } = prepared;
  const isDry = typed.dryRun === true;
  const begun = isDry ? undefined : await stopping(session, (signal) => createBuckets(prepared, session, signal));
  if (typeof begun === 'number') return begun;
  const whole: Missing = { ranges: objects > 0 ? [[0, objects]] : [], objects };
  const left = goesOn && !isDry ? await look(prepared, session) : whole;
  if (typeof left === 'number') return left;
  if (left.objects === 0) return isDry ? EXIT.ok : done(prepared, session);
  if (goesOn)
    status.tell(`${formatCount(objects - left.objects)} of ${formatCount(objects)} objects are there already`);
  const wanted = wantedToFill(wantedOfFile(path, fileToFill(file), typed, prepared), left, file, typed);
  const exit = await (typed.workers === undefined
    ? runWanted(wanted, environment)
    : distWanted(wanted, environment, false));
  if (isDry) return exit;
  const after = await look(prepared, session);
  if (typeof after === 'number') return after;
  if (after.objects === 0) return done(prepared, session);
  const missing = `${formatCount(after.objects)} of ${formatCount(objects)} objects are missing`;
  status.tell(`error: ${missing}: the same command goes on with them`);
  return exit === EXIT.ok ? EXIT.failed : exit;
}

/** Runs what can be broken off: gives the exit code then. */
async function stopping<T>({ status }: Session, work: (signal: AbortSignal) => Promise<T>): Promise<T | number> {
  let result: { readonly of: T } | undefined;
  const exit = await stoppable(async (signal) => {
    try {
      result = { of: await work(signal) };
      return EXIT.ok;
    } catch (e) {
      status.clear();
      const name = stoppedBy(e, signal);
      if (name === undefined) throw e;
      status.tell(`${name}: the same command goes on from here`);
      return EXIT.failed;
    }
  });
  return result === undefined ? exit : result.of;
}

/** Creates those that are new, none of which may be there before. */
async function createBuckets(prepared: PreparedStorage, session: Session, signal: AbortSignal): Promise<void> {
  const { file, status, goesOn, open } = session;
  const own = prepared.buckets.filter(({ created }) => created);
  const opened = own.map((bucket) => ({ ...bucket, bucket: open(bucket) }));
  if (!goesOn) {
    const there: string[] = [];
    await inParallel(opened, AT_ONCE, async ({ name, bucket }) => {
      if (await saying(bucket, bucket.isThere(signal))) there.push(name);
    });
    const [first] = there.sort();
    if (first !== undefined) {
      const others = there.length > 1 ? `, and ${there.length - 1} more of its names,` : '';
      throw new ConfigError([
        `bucket "${first}"${others} is there already, and was not created by this: give buckets.prefix another value, or unique: true`,
      ]);
    }
  }
  // Before they are created: what is in no manifest nobody would take away.
  saveManifest(session.manifest, prepared);
  await inParallel(opened, AT_ONCE, ({ bucket }) =>
    saying(bucket, bucket.create(file.buckets?.versioning === true, signal)),
  );
  if (own.length > 0 && !goesOn)
    status.say(`${own.length} ${own.length === 1 ? 'bucket' : 'buckets'} created: ${listed(own)}`);
}

function listed(buckets: readonly PreparedBucket[]): string {
  const names = buckets.slice(0, MOST_SHOWN).map(({ name }) => name);
  return `${names.join(', ')}${buckets.length > MOST_SHOWN ? ' …' : ''}`;
}

/** A call on a bucket, with what a failure means in terms of settings. */
async function saying<T>(bucket: Bucket, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (e) {
    if (e instanceof BucketError) throw new ConfigError([bucket.explain(e)]);
    throw e;
  }
}

/** Lists what is there; gives what is not, or the exit code. */
function look(prepared: PreparedStorage, session: Session): Promise<Missing | number> {
  const { status, open } = session;
  const sets = setsOf(prepared);
  const buckets = prepared.buckets.map((bucket, b) => ({ bucket: open(bucket), set: sets[b] as NumberedSet }));
  return stopping(session, async (signal) => {
    const lists = buckets.map(({ bucket, set }) => ({
      set,
      list: (...page: Parameters<Bucket['listObjects']>) => saying(bucket, bucket.listObjects(...page)),
    }));
    const found = (n: number) =>
      status.show(() => `looking: ${formatCount(n)} of ${formatCount(prepared.objects)} objects are there`);
    const missing = await missingOf(prepared.objects, lists, signal, found);
    status.clear();
    return missing;
  });
}

function done(prepared: PreparedStorage, { manifest, status, path }: Session): number {
  saveManifest(manifest, { ...prepared, complete: true });
  const { objects, buckets } = prepared;
  const where = buckets.length === 1 ? `bucket "${buckets[0]?.name}"` : `${buckets.length} buckets`;
  status.say(`prepared: ${objects > 0 ? `${formatCount(objects)} objects in ` : ''}${where}, by ${manifest}`);
  status.say(`  s3loadtest run ${path}`);
  status.say(`  s3loadtest cleanup --prepared ${manifest}   takes it away again`);
  return EXIT.ok;
}

/** @throws ConfigError */
function saveManifest(path: string, prepared: PreparedStorage): void {
  try {
    writeAtomically(path, `${JSON.stringify(prepared, undefined, 2)}\n`);
  } catch (e) {
    throw new ConfigError([
      `${path} can't be written (${(e as Error).message}): make room, or name another by --prepared`,
    ]);
  }
}

/** What of a file its objects are written by: not its load. */
function fileToFill({ name, objects, buckets, credentials, responses, settings = {} }: WorkloadFile): WorkloadFile {
  const own = Object.entries(settings).filter(([option]) => isOfStore(option));
  return {
    name,
    ...(objects && { objects }),
    ...(buckets && { buckets }),
    ...(credentials && { credentials }),
    ...(responses && { responses }),
    settings: Object.fromEntries(own),
  };
}

const isOfStore = (option: string): boolean =>
  Object.values(AUDIENCES.store).some((row: Setting<unknown>) => optionOf(row) === `--${option}`);

function wantedToFill(wanted: Wanted, missing: Missing, file: WorkloadFile, typed: Options): Wanted {
  const vus = Math.min(file.prepare?.workers ?? WORKERS, missing.objects);
  const filling: Filling = { ranges: missing.ranges };
  return {
    ...wanted,
    name: `prepare-${wanted.name}`,
    options: { ...wanted.options, concurrency: typed.concurrency ?? String(vus) },
    variables: { [FROM_CLI.filling]: JSON.stringify(filling) },
  };
}
