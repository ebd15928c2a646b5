/**
 * Tries the bucket before any load: each endpoint is asked to list, and one object written, read and deleted. What is
 * wrong ends in one line that names the setting to change.
 */

import { DELETE, GET, PUT } from '../s3/commands';
import type { Engine } from '../s3/engine';
import { type ExplainedConfig, explain } from '../s3/explain';
import { listKeys } from '../s3/listing';
import type { MakeKey } from '../workload/keys';

/** What stands in the way of the run, in one line; undefined when nothing does. */
export async function preflight(
  engine: Engine,
  config: ExplainedConfig,
  marker: MakeKey,
  writes: boolean,
): Promise<string | undefined> {
  const list = listKeys(engine);
  for (const _ of config.endpoints) {
    const listed = list({ maxKeys: 1 }); // the engine goes on to the next endpoint by itself
    if (listed.failure) return explain('list', listed, config, Date.now());
  }
  if (!writes) return undefined;
  const key = marker('1KB');
  const body = new ArrayBuffer(1024);
  const put = await engine.compile(PUT)(key, '', body);
  if (put.failure) return explain('write to', put, config, Date.now());
  const got = await engine.compile(GET)(key, '', body.byteLength);
  const deleted = await engine.compile(DELETE)(key, '');
  if (got.failure) return explain('read from', got, config, Date.now());
  return deleted.failure ? explain('delete from', deleted, config, Date.now()) : undefined;
}
