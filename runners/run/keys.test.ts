import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Config, readConfig } from '../../lib/settings/config';
import { partOf } from '../../lib/workload/part';
import { RunKeys } from './keys';

let dir: string;
let config: Config;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 's3lt-run-keys-'));
  config = readConfig({
    S3_ENDPOINTS: 'http://a',
    AWS_ACCESS_KEY_ID: 'a',
    AWS_SECRET_ACCESS_KEY: 'b',
    S3_BUCKET: 'bucket',
    S3LOADTEST_KEY_DIR: dir,
  });
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const keys = Array.from(
  { length: 60 },
  (_, n) => `loadtest/w0/1KB/firehose/1763726400000000/${String(n).padStart(6, '0')}`,
);
const [first, last] = [keys[0] as string, keys.at(-1) as string];

/** Keys that are left in the key file after such deletions. */
async function left(deleted: (run: RunKeys) => void): Promise<string[]> {
  const file = join(dir, 'loadtest-keys-firehose-w0-1KB.txt');
  writeFileSync(file, `${keys.join('\n')}\n`);
  const run = await RunKeys.take(config, dir);
  deleted(run);
  await run.finish(config);
  return readFileSync(file, 'utf8').split('\n').slice(0, -1);
}

test('of several workers, each takes away only the keys of its part', async () => {
  const part = (index: number) => ({ index, of: 3 });
  const stay = await left((run) => {
    run.deleted({ first, last, failed: [], part: part(0) });
    run.deleted({ first: keys[10] as string, last: keys[19] as string, failed: [], part: part(2) });
  });
  const gone = (key: string, i: number) => partOf(key, 3) === 0 || (partOf(key, 3) === 2 && i >= 10 && i < 20);
  expect(stay).toEqual(keys.filter((key, i) => !gone(key, i)));
  expect(stay.length).toBeGreaterThan(20);
});

test('a key that one worker failed to delete stays, until that worker deletes it', async () => {
  const whole = { index: 0, of: 1 };
  const failed = [keys[5] as string];
  expect(await left((run) => run.deleted({ first, last, failed, part: whole }))).toEqual(failed);
  const again = (run: RunKeys) => {
    run.deleted({ first, last, failed, part: whole });
    run.deleted({ first, last, failed: [], part: whole });
  };
  expect(await left(again)).toEqual([]);
});
