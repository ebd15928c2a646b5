/**
 * Tries the bucket before any load: each endpoint is asked to list, and one object written, read and deleted. What is
 * wrong ends in one line that names the setting to change.
 */

import { batchOf, lacksBatches } from '../s3/batch';
import { describeFailure, isRetryable } from '../s3/classify';
import { CREATE_BUCKET, DELETE, DELETE_OBJECTS, GET, HEAD, LIST_KEYS, LIST_V1, PUT } from '../s3/commands';
import type { Engine, Reply } from '../s3/engine';
import { type ExplainedConfig, explain } from '../s3/explain';
import { listArguments } from '../s3/listing';
import { mayLackV2 } from '../s3/listing-v1';
import { locationOf } from '../s3/location';
import type { Failure } from '../s3/outcome';
import { USED_KEY } from '../s3/sse-c';
import type { Config } from '../settings/config';
import type { MakeKey } from '../workload/keys';

/** What the run will do to the bucket. */
export interface Needs {
  readonly lists: boolean;
  readonly writes: boolean;
  readonly deletes: boolean;
  /** By DELETE_OBJECTS. */
  readonly batches: boolean;
}

export interface Checked {
  /** The bucket was not there, and is created. */
  readonly created?: boolean;
  /** The store has no DELETE_OBJECTS. */
  readonly oneByOne?: boolean;
  /** The store has ListObjects of version 1 only. */
  readonly listsV1?: boolean;
  /** The endpoints that answered. */
  readonly live: string[];
  /** What stands in the way of the run, in one line; undefined when nothing does. */
  readonly problem?: string;
  /** What the run can do without, and its user should know, in lines. */
  readonly doubts: readonly string[];
}

type CheckedConfig = ExplainedConfig & Pick<Config, 'prefix' | 'allowPartial' | 'createBucket' | 'sseC'>;
/** Makes an engine of one attempt for endpoints, in this order. */
type EngineOf = (endpoints: string[]) => Engine;
type Watch = (doing: string, call: Promise<Reply>) => Promise<Reply>;

export async function preflight(
  engineOf: EngineOf,
  config: CheckedConfig,
  marker: MakeKey,
  needs: Needs,
  /** Passes a call on, and says what it is for where that takes long. */
  watch: Watch = (_, call) => call,
): Promise<Checked> {
  const listed = await tryEndpoints(engineOf, config, needs, watch);
  if (listed.problem !== undefined || !needs.writes) return listed;
  const tried = await tryObject(engineOf(listed.live), config, marker, needs, watch);
  return { ...listed, ...tried, doubts: [...listed.doubts, ...tried.doubts] };
}

/** Lists at each. */
async function tryEndpoints(engineOf: EngineOf, config: CheckedConfig, needs: Needs, watch: Watch): Promise<Checked> {
  const list = engineOf(config.endpoints).compileAsync(LIST_KEYS);
  const doubts: string[] = [];
  const live: string[] = [];
  let first: string | undefined;
  let [created, listsV1] = [false, false];
  for (const endpoint of config.endpoints) {
    // The engine goes on to the next endpoint by itself.
    const page = listArguments({ prefix: config.prefix, maxKeys: 1 });
    let listed = await watch('a listing', list('', '', undefined, page));
    if (config.createBucket && listed.failure?.code === 'NoSuchBucket') {
      const made = await engineOf([endpoint]).compileAsync(CREATE_BUCKET)('', '', locationOf(config.region));
      // Another worker may have been first.
      if (made.failure && made.failure.code !== 'BucketAlreadyOwnedByYou') {
        return { problem: explain('create', made, config, Date.now()), live, doubts };
      }
      created = true;
      listed = await engineOf([endpoint]).compileAsync(LIST_KEYS)('', '', undefined, page);
    }
    if (mayLackV2(listed)) {
      const older = await engineOf([endpoint]).compileAsync(LIST_V1)('', '', undefined, page);
      if (older.failure === undefined) {
        if (!listsV1) doubts.push(`${endpoint} has ListObjects of version 1 only: that is used`);
        [listed, listsV1] = [older, true];
      }
    }
    const { failure, status } = listed;
    const said = failure && explain('list', listed, config, Date.now());
    if (said === undefined) live.push(endpoint);
    else if (!needs.lists && isOfListing(failure, status)) {
      live.push(endpoint);
      doubts.push(`${said}: this run does not list`);
    } else if (!(config.allowPartial && isOfServer(failure))) {
      const others = config.endpoints.length > 1 && isOfServer(failure);
      return { problem: others ? `${said}; --allow-partial begins without it` : said, live, doubts };
    } else {
      first ??= said;
      doubts.push(`${said}: the run begins without it, and tries it now and then`);
    }
  }
  if (live.length === 0 && first !== undefined) return { problem: first, live, doubts: [] };
  return { live, doubts, created, ...(listsV1 && { listsV1 }) };
}

/** Whether an endpoint that lists nothing may do all else. */
const isOfListing = (failure: Failure | undefined, status: number) =>
  failure?.code === 'AccessDenied' ||
  failure?.errorClass === 'timeout' ||
  failure?.errorClass === 'unsupported' ||
  status === 405 ||
  NOT_TAKEN.has(failure?.code ?? '') ||
  (status !== 0 && isOfServer(failure));

/** What stores without such a listing answer: other refusals by 400, as of a wrong region, are of every request. */
const NOT_TAKEN: ReadonlySet<string> = new Set(['InvalidArgument', 'InvalidRequest', 'MethodNotAllowed']);

/** Whether a failure is the endpoint's, and not that of what was asked of it. */
const isOfServer = (failure: Failure | undefined) => failure !== undefined && isRetryable(failure.errorClass);

/** Writes an object, reads and deletes it. */
async function tryObject(
  engine: Engine,
  config: CheckedConfig,
  marker: MakeKey,
  needs: Needs,
  watch: Watch,
): Promise<Omit<Checked, 'live'>> {
  const said = (verb: string, reply: Reply) => explain(verb, reply, config, Date.now());
  const doubts: string[] = [];
  const key = marker('1KB');
  const body = new ArrayBuffer(1024);
  const put = await watch('a write', engine.compileAsync(PUT)(key, '', body));
  if (put.failure) {
    // The server may still do what it did not answer.
    const left = put.status === 0 ? `; ${key} may be there all the same` : '';
    return { problem: `${said('write to', put)}${left}`, doubts };
  }
  const ignoresKey = config.sseC && !(await usedKey(engine, key, watch));
  const got = await watch('a read', engine.compileAsync(GET)(key, '', body.byteLength));
  const batch = needs.batches
    ? await watch(
        'a batch of deletions',
        engine.compileAsync(DELETE_OBJECTS)('', '', batchOf([{ key }]), { objects: 1 }),
      )
    : undefined;
  const oneByOne = batch !== undefined && lacksBatches(batch);
  if (oneByOne) {
    const { status, endpoint, failure: { code = '', message = '' } = {} } = batch;
    const lack = describeFailure(status, code, message);
    doubts.push(`${endpoint} has no DeleteObjects (${lack}): objects are deleted one by one`);
  }
  const deleted = await watch('a deletion', engine.compileAsync(DELETE)(key, ''));
  const stays = deleted.failure ? `; ${key} stays` : '';
  if (got.failure) return { problem: `${said('read from', got)}${stays}`, doubts };
  if (ignoresKey) {
    const what = `${got.endpoint} does not say that it encrypts with the key`;
    return { problem: `S3LOADTEST_SSE_C is true, and ${what}: leave --sse-c out${stays}`, doubts };
  }
  if (deleted.failure === undefined) return { doubts, oneByOne };
  if (needs.deletes) return { problem: `${said('delete from', deleted)}${stays}`, doubts };
  const why = describeFailure(deleted.status, deleted.failure.code, deleted.failure.message);
  doubts.push(
    `these credentials can't clean up "${config.bucket}" (${why}): ${key} stays, and so will what this run writes`,
  );
  return { doubts };
}

/** Whether a store says of an object that it is encrypted with the key of the request. Where it says nothing at all, a read will tell. */
async function usedKey(engine: Engine, key: string, watch: Watch): Promise<boolean> {
  const { failure, headers } = await watch('a look at an object', engine.compileAsync(HEAD)(key, ''));
  return failure !== undefined || headers?.[USED_KEY] !== undefined;
}
