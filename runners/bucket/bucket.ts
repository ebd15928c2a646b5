/** A bucket as the CLI sees it, outside any load: what is in it, and out with it. */
import { clearTimeout, setTimeout } from 'node:timers';
import { setTimeout as sleep } from 'node:timers/promises';
import { batchOf, type Deletable, undeletedOf } from '../../lib/s3/batch';
import { classifyCode, isRetryable } from '../../lib/s3/classify';
import {
  ABORT_MULTIPART,
  type Command,
  CREATE_BUCKET,
  DELETE,
  DELETE_BUCKET,
  DELETE_OBJECTS,
  GET_BUCKET_VERSIONING,
  HEAD_BUCKET,
  LIST_BUCKETS,
  LIST_KEYS,
  LIST_UPLOADS,
  LIST_V1,
  LIST_VERSIONS,
  PUT_BUCKET_VERSIONING,
} from '../../lib/s3/commands';
import { VERSIONING } from '../../lib/s3/configurations';
import type { Arguments, Reply } from '../../lib/s3/engine';
import { explain, PATIENCE_MS, waitingText } from '../../lib/s3/explain';
import { keysPageOf, listArguments, nextOf, prefixesOf } from '../../lib/s3/listing';
import { argumentsOfV1, mayLackV2, replyOfV1 } from '../../lib/s3/listing-v1';
import { locationOf } from '../../lib/s3/location';
import { pauseBefore } from '../../lib/s3/retry';
import { type Config, ConfigError, leavesSigning } from '../../lib/settings/config';
import { proxiesOf, proxyOf } from '../../lib/settings/http-proxy';
import { createNodeEngine, type NodeCall } from './engine';
import { BucketError, type Entry, type LeftEntry, type List } from './entry';
import { createRemoval } from './removal';
import { createTransport } from './transport';
import { BYPASS, createUnlocking, isLocked } from './unlock';

/** The settings that it takes to reach a bucket. */
export const BUCKET_SETTINGS = [
  'endpoints',
  'accessKeyId',
  'secretAccessKey',
  'sessionToken',
  'region',
  'bucket',
  'verifySsl',
  'addressing',
  'backend',
  's3poolBinary',
  'timeout',
  'allowPartial',
  'httpProxy',
] as const;

export type BucketConfig = Pick<Config, (typeof BUCKET_SETTINGS)[number]>;

export interface Upload {
  readonly key: string;
  readonly uploadId: string;
}

export interface Bucket {
  /**
   * Lists at each endpoint, once, and tells what it waits for where that takes long. Gives a line for each that does not answer,
   * where it may go on without them.
   * @throws ConfigError naming the setting that is wrong
   */
  check(prefix: string, signal?: AbortSignal, tell?: (line: string) => void): Promise<string[]>;
  readonly listObjects: List<Entry>;
  /** Every version of every object, and delete markers. */
  readonly listVersions: List<Entry>;
  /** Multipart uploads that were neither completed nor aborted. */
  readonly listUploads: List<Upload>;
  /** At most 1,000. Gives those that are still there. An aborted signal ends repeats, not what is under way. @throws BucketError */
  deleteAll(entries: readonly Entry[], signal?: AbortSignal): Promise<LeftEntry[]>;
  /** Whether the store turned out to have no DeleteObjects. */
  deletesOneByOne(): boolean;
  abortUpload(upload: Upload, signal?: AbortSignal): Promise<void>;
  /** Whether the bucket keeps, or has kept, versions. @throws BucketError */
  versioned(signal?: AbortSignal): Promise<boolean>;
  /** Names of all buckets that this user owns. @throws BucketError */
  ownedBuckets(signal?: AbortSignal): Promise<string[]>;
  /** Whether there is a bucket of this name, whoever owns it. @throws BucketError when that can't be told */
  isThere(signal?: AbortSignal): Promise<boolean>;
  /** Creates it, and has it keep versions where that is asked for. One that is this user's already is fine. @throws BucketError */
  create(keepsVersions: boolean, signal?: AbortSignal): Promise<void>;
  /** Takes the bucket itself away, which must be empty. One that is gone already is fine. @throws BucketError */
  remove(signal?: AbortSignal): Promise<void>;
  /** One line for a failure: what is wrong, with which value, and which setting mends it. */
  explain(error: BucketError): string;
  /** Ends its connections. */
  close(): void;
}

const ATTEMPTS = 5;
/** Connections to each endpoint. */
const MOST_CONNECTIONS = 64;
/** What answers to a batch call an entry that is gone already, as it should be. */
const GONE: ReadonlySet<string> = new Set(['NoSuchKey', 'NoSuchVersion']);

/**
 * `unlocks`: what a lock keeps is deleted all the same, as far as the credentials may. `pause` waits so many milliseconds between
 * attempts. @throws ConfigError when SSL_CERT_FILE can't be read, or a proxy not be used
 */
export function openBucket(
  config: BucketConfig,
  pause: (ms: number) => Promise<unknown> = sleep,
  unlocks = false,
): Bucket {
  const proxies = config.httpProxy === 'none' ? {} : process.env;
  proxiesOf(config, proxies);
  const transport = createTransport(config.verifySsl, MOST_CONNECTIONS, (origin) => proxyOf(origin, proxies)?.url);
  const options = { ...config, credentials: config, leavesSigning: leavesSigning(config), attempts: ATTEMPTS };
  const engine = createNodeEngine(options, transport, pause);
  const list = orThrow(engine.compile(LIST_KEYS), LIST_KEYS);
  const listV1 = orThrow(engine.compile(LIST_V1), LIST_V1);
  let listsV1 = false;
  const listVersions = orThrow(engine.compile(LIST_VERSIONS), LIST_VERSIONS);
  const listUploads = orThrow(engine.compile(LIST_UPLOADS), LIST_UPLOADS);
  const remove = orThrow(engine.compile(DELETE_OBJECTS), DELETE_OBJECTS);
  const abort = orThrow(engine.compile(ABORT_MULTIPART), ABORT_MULTIPART);
  const getVersioning = orThrow(engine.compile(GET_BUCKET_VERSIONING), GET_BUCKET_VERSIONING);

  type Headers = Arguments['headers'] & {};
  const deleteBatch = async (
    entries: readonly Entry[],
    signal?: AbortSignal,
    headers: Headers = {},
  ): Promise<LeftEntry[]> => {
    const reply = await remove('', batchOf(entries), { objects: entries.length, headers }, signal);
    const byId = new Map(entries.map((entry) => [idOf(entry), entry]));
    return undeletedOf(reply).flatMap((left) => {
      // Not every server names the version.
      const { key, code, message } = left;
      const entry = byId.get(idOf(left)) ?? entries.find((one) => one.key === key) ?? { key, bytes: 0 };
      return GONE.has(code) ? [] : [{ ...entry, code, message }];
    });
  };

  const deleteOne = engine.compile(DELETE);
  const removalWith = (headers: Headers) =>
    createRemoval(
      (entries, signal) => deleteBatch(entries, signal, headers),
      ({ key, versionId }, signal) =>
        deleteOne(key, '', { headers, ...(versionId !== undefined && { query: { versionId } }) }, signal),
    );
  const removal = removalWith({});
  const unlock = unlocks ? createUnlocking(engine, removalWith(BYPASS).remove) : undefined;
  const removeAll = async (entries: readonly Entry[], signal?: AbortSignal): Promise<LeftEntry[]> => {
    const left = await removal.remove(entries, signal);
    const locked = unlock === undefined ? [] : left.filter(isLocked);
    if (unlock === undefined || locked.length === 0) return left;
    return [...left.filter((entry) => !isLocked(entry)), ...(await unlock(locked, signal))];
  };

  return {
    check: async (prefix, signal, tell) => {
      const timer = tell && setTimeout(tell, PATIENCE_MS, waitingText('a listing', config));
      const once = { ...options, attempts: 1 };
      const replies = config.endpoints.map(async (endpoint) => {
        const { compile } = createNodeEngine({ ...once, endpoints: [endpoint] }, transport);
        const page = listArguments({ prefix, maxKeys: 1 });
        const reply = await compile(LIST_KEYS)('', '', page, signal);
        if (!mayLackV2(reply)) return reply;
        const older = await compile(LIST_V1)('', '', page, signal);
        if (older.failure !== undefined) return reply;
        listsV1 = true;
        return older;
      });
      const dead: string[] = [];
      const results = await Promise.allSettled(replies);
      clearTimeout(timer);
      for (const result of results) {
        if (result.status === 'rejected') throw result.reason;
        const { failure } = result.value;
        if (failure === undefined) continue;
        const said = explain('list', result.value, config, Date.now());
        if (!config.allowPartial || !isRetryable(failure.errorClass)) throw new ConfigError([said]);
        dead.push(said);
      }
      if (dead.length === config.endpoints.length) throw new ConfigError(dead);
      const older = listsV1 ? ['the store has ListObjects of version 1 only: that is used'] : [];
      return [...older, ...dead.map((said) => `${said}: goes on without it`)];
    },
    listObjects: async (listing, signal) => {
      const wanted = listArguments(listing);
      const { objects, prefixes, next } = keysPageOf(
        listsV1 ? replyOfV1(await listV1('', '', argumentsOfV1(wanted), signal)) : await list('', '', wanted, signal),
      );
      return { entries: objects, prefixes, next };
    },
    listVersions: async (listing, signal) => {
      const reply = await listVersions('', '', listArguments(listing), signal);
      const { Version = [], DeleteMarker = [] } = reply.found?.lists ?? {};
      const entries = [...Version, ...DeleteMarker].map(([key = '', size, id]) => {
        return { key, bytes: Number(size), versionId: id || 'null' };
      });
      return { entries, prefixes: prefixesOf(reply), next: nextOf(reply.found) };
    },
    listUploads: async (listing, signal) => {
      const reply = await listUploads('', '', listArguments(listing), signal);
      const entries = (reply.found?.lists.Upload ?? []).map(([key = '', uploadId = '']) => ({ key, uploadId }));
      return { entries, prefixes: prefixesOf(reply), next: nextOf(reply.found) };
    },
    deleteAll: async (entries, signal) => {
      let left = await removeAll(entries, signal);
      const forGood: LeftEntry[] = [];
      for (let n = 2; n <= ATTEMPTS + 1; n++) {
        // The server may have been too busy for some of them only.
        const again = n > ATTEMPTS || signal?.aborted ? [] : left.filter(mayGo);
        forGood.push(...left.filter((entry) => !again.includes(entry)));
        if (again.length === 0) break;
        await pause(pauseBefore(n) * 1000);
        left = await removeAll(again, signal);
      }
      return forGood;
    },
    deletesOneByOne: removal.oneByOne,
    abortUpload: async ({ key, uploadId }, signal) => {
      try {
        await abort(key, '', { query: { uploadId } }, signal);
      } catch (e) {
        if (!(e instanceof BucketError) || e.failure.code !== 'NoSuchUpload') throw e;
      }
    },
    versioned: async (signal) => {
      const { found } = await getVersioning('', '', {}, signal);
      return found?.texts.Status !== undefined;
    },
    ownedBuckets: async (signal) => {
      // Asked of the endpoint's root, whatever the addressing.
      const root = createNodeEngine({ ...options, bucket: '', addressing: 'path' }, transport, pause);
      const { found } = await orThrow(root.compile(LIST_BUCKETS), LIST_BUCKETS)('', '', {}, signal);
      return (found?.lists.Bucket ?? []).map(([name = '']) => name);
    },
    isThere: async (signal) => {
      const reply = await engine.compile(HEAD_BUCKET)('', '', {}, signal);
      if (reply.failure === undefined || reply.status === 403 || reply.status === 301) return true;
      if (reply.status === 404) return false;
      throw new BucketError({ ...reply, failure: reply.failure }, 'look for');
    },
    create: async (keepsVersions, signal) => {
      const { failure, ...made } = await engine.compile(CREATE_BUCKET)('', locationOf(config.region), {}, signal);
      if (failure !== undefined && failure.code !== 'BucketAlreadyOwnedByYou') {
        throw new BucketError({ ...made, failure }, 'create');
      }
      if (!keepsVersions) return;
      const { failure: refusal, ...set } = await engine.compile(PUT_BUCKET_VERSIONING)('', VERSIONING, {}, signal);
      if (refusal !== undefined) throw new BucketError({ ...set, failure: refusal }, 'set versioning of');
    },
    remove: async (signal) => {
      const { failure, ...removed } = await engine.compile(DELETE_BUCKET)('', '', {}, signal);
      if (failure !== undefined && failure.code !== 'NoSuchBucket')
        throw new BucketError({ ...removed, failure }, 'delete');
    },
    explain: ({ outcome, failure, verb }) => {
      // The check's own words would tell the time limit of the check.
      if (failure.errorClass !== 'timeout') return explain(verb, outcome, config, Date.now());
      const limit = `${config.timeout / 1000} s`;
      return `S3_ENDPOINTS: ${outcome.endpoint} did not let us ${verb} "${config.bucket}" within ${limit}, in ${ATTEMPTS} attempts`;
    },
    close: () => transport.close(),
  };
}

/** The call of a row with a failure thrown. @throws BucketError */
function orThrow(call: NodeCall, { method }: Command): (...call: Parameters<NodeCall>) => Promise<Reply> {
  return async (...parameters) => {
    const reply = await call(...parameters);
    const { failure } = reply;
    if (failure === undefined) return reply;
    throw new BucketError({ ...reply, failure }, method === 'GET' ? 'list' : 'delete from');
  };
}

/** Whether another attempt may delete an entry. */
function mayGo({ code }: LeftEntry): boolean {
  return isRetryable(classifyCode(code));
}

function idOf({ key, versionId = '' }: Deletable): string {
  return `${versionId} ${key}`;
}
