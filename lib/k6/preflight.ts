/**
 * Tries the bucket before any load: each endpoint is asked to list, and one object written, read and deleted. What is
 * wrong ends in one line that names the setting to change.
 */

import { describeFailure } from '../s3/classify';
import { DELETE, GET, LIST_KEYS, PUT } from '../s3/commands';
import type { Engine, Reply } from '../s3/engine';
import { type ExplainedConfig, explain } from '../s3/explain';
import { listArguments } from '../s3/listing';
import type { MakeKey } from '../workload/keys';

/** What the run will do to the bucket. */
export interface Needs {
  readonly lists: boolean;
  readonly writes: boolean;
  readonly deletes: boolean;
}

export interface Checked {
  /** What stands in the way of the run, in one line; undefined when nothing does. */
  readonly problem?: string;
  /** What the run can do without, and its user should know, in lines. */
  readonly doubts: readonly string[];
}

export async function preflight(
  engine: Engine,
  config: ExplainedConfig & { readonly prefix: string },
  marker: MakeKey,
  needs: Needs,
  /** Passes a call on, and says what it is for where that takes long. */
  watch: (doing: string, call: Promise<Reply>) => Promise<Reply> = (_, call) => call,
): Promise<Checked> {
  const said = (verb: string, reply: Reply) => explain(verb, reply, config, Date.now());
  const list = engine.compileAsync(LIST_KEYS);
  const doubts: string[] = [];
  for (const _ of config.endpoints) {
    // The engine goes on to the next endpoint by itself.
    const page = listArguments({ prefix: config.prefix, maxKeys: 1 });
    const listed = await watch('a listing', list('', '', undefined, page));
    if (listed.failure?.code === 'AccessDenied' && !needs.lists) {
      doubts.push(`${said('list', listed)}: this run does not list`);
    } else if (listed.failure) return { problem: said('list', listed), doubts };
  }
  if (!needs.writes) return { doubts };
  const key = marker('1KB');
  const body = new ArrayBuffer(1024);
  const put = await watch('a write', engine.compileAsync(PUT)(key, '', body));
  if (put.failure) {
    // The server may still do what it did not answer.
    const left = put.status === 0 ? `; ${key} may be there all the same` : '';
    return { problem: `${said('write to', put)}${left}`, doubts };
  }
  const got = await watch('a read', engine.compileAsync(GET)(key, '', body.byteLength));
  const deleted = await watch('a deletion', engine.compileAsync(DELETE)(key, ''));
  const stays = deleted.failure ? `; ${key} stays` : '';
  if (got.failure) return { problem: `${said('read from', got)}${stays}`, doubts };
  if (deleted.failure === undefined) return { doubts };
  if (needs.deletes) return { problem: `${said('delete from', deleted)}${stays}`, doubts };
  const why = describeFailure(deleted.status, deleted.failure.code, deleted.failure.message);
  doubts.push(
    `these credentials can't clean up "${config.bucket}" (${why}): ${key} stays, and so will what this run writes`,
  );
  return { doubts };
}
