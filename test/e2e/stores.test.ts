/** Stores that lack what others have: it is found out, said once, and done without. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseResult, sum } from '../../lib/result/result';
import { startProxyWithoutBatches } from '../flaky-proxy';
import { CLI, environment, keysIn, newBucket, openStage, Program, type Stage } from '../stage';

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage?.stop());

describe.each([
  { backend: 'native', status: 501, code: 'NotImplemented' },
  { backend: 'native', status: 400, code: 'NotImplemented' },
  { backend: 'http', status: 405, code: 'MethodNotAllowed' },
])('a store without DeleteObjects, $status $code, by $backend', ({ backend, status, code }) => {
  test('delete deletes one by one, and says so once', async () => {
    const proxy = await startProxyWithoutBatches(stage.server.endpoints[0], { status, code });
    const home = await stage.home();
    const bucket = await newBucket(stage.site);
    const env = { ...environment(stage, home, stage.site.server, bucket), S3_ENDPOINTS: proxy.endpoint };
    const run = (...args: string[]) =>
      new Program(process.execPath, [CLI, 'run', ...args, '--json'], { ...env, S3LOADTEST_BACKEND: backend }, home.path)
        .ended;
    await run('firehose', '--size', '1KB', '--rate', '100', '--concurrency', '2', '--duration', '2s');
    const there = keysIn(stage.site, bucket).length;
    expect(there).toBeGreaterThan(50);
    const { code: exit, stdout, stderr } = await run('delete', '--concurrency', '4', '--duration', '3s');
    proxy.stop();
    expect(exit, stderr).toBe(0);
    expect(stderr.match(/has no DeleteObjects \(.*\): objects are deleted one by one/g)).toHaveLength(1);
    expect(keysIn(stage.site, bucket)).toEqual([]);
    const { totals } = parseResult(stdout);
    expect(totals.find(({ op }) => op === 'DELETE')?.ops).toBe(there);
    expect(sum(totals).errors).toBe(0);
  });
});
