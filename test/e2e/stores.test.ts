/** Stores that lack what others have: it is found out, said once, and done without. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseResult, sum } from '../../lib/result/result';
import { startDemandingProxy, startOldLister, startPathGateway, startProxyWithoutBatches } from '../flaky-proxy';
import { RGW_COMMANDS, startRgw } from '../rgw';
import { command, makeCertificates, missing, temporaryFolder } from '../servers';
import { startSigningProxy } from '../signing-proxy';
import { CLI, environment, keysIn, newBucket, notRun, openStage, Program, type Stage } from '../stage';

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

test.each(['native', 'http'])('without a check delete finds out by its first batch, by %s', async (backend) => {
  const proxy = await startProxyWithoutBatches(stage.server.endpoints[0], { status: 501, code: 'NotImplemented' });
  const home = await stage.home();
  const bucket = await newBucket(stage.site);
  const env = { ...environment(stage, home, stage.site.server, bucket), S3_ENDPOINTS: proxy.endpoint };
  const run = (...args: string[]) =>
    new Program(process.execPath, [CLI, 'run', ...args], { ...env, S3LOADTEST_BACKEND: backend }, home.path).ended;
  await run('firehose', '--size', '1KB', '--rate', '50', '--concurrency', '2', '--duration', '2s');
  const { stderr } = await run('delete', '--no-check', '--concurrency', '4', '--duration', '4s');
  proxy.stop();
  expect(stderr.match(/has no DeleteObjects: objects are deleted one by one/g)).toHaveLength(1);
  expect(keysIn(stage.site, bucket)).toEqual([]);
});

describe.each([
  { backend: 'native', refuses: false },
  { backend: 'http', refuses: true },
])('a store that lists by version 1 only (it refuses the other: $refuses), by $backend', ({ backend, refuses }) => {
  test('is found out, said once, and all that lists goes through all pages', async () => {
    const store = await startOldLister(stage.server, refuses);
    const home = await stage.home();
    const bucket = await newBucket(stage.site);
    const env = { ...environment(stage, home, stage.server, bucket), S3_ENDPOINTS: store.endpoint };
    const start = (...args: string[]) =>
      new Program(process.execPath, [CLI, ...args], { ...env, S3LOADTEST_BACKEND: backend }, home.path).ended;
    const run = (...args: string[]) => start('run', ...args, '--json');
    const ONCE = /ListObjects of version 1 only: that is used/g;
    // Two pages, whatever the machine makes of a load.
    const there = 1_200;
    const folder = join(stage.site.buckets, bucket, 'loadtest/w0/1KB/firehose/1700000000000000');
    mkdirSync(folder, { recursive: true });
    for (let n = 0; n < there; n++) writeFileSync(join(folder, `obj-${n}`), Buffer.alloc(1024));

    store.requests.length = 0;
    const listed = await run('listops', '--concurrency', '1', '--duration', '2s');
    expect(listed.code, listed.stderr).toBe(0);
    expect(listed.stderr.match(ONCE)).toHaveLength(1);
    const [list] = parseResult(listed.stdout).totals;
    expect({ op: list?.op, errors: list?.errors }).toEqual({ op: 'LIST', errors: {} });
    expect(store.requests.some((request) => /[?&]marker=loadtest/.test(request))).toBe(true);
    // Whole rounds have each object once.
    expect((list?.objects ?? 0) / (list?.ops ?? 1)).toBeGreaterThan(there / Math.ceil(there / 1000) / 2);

    const read = await run('heavyread', '--size', '1KB', '--rate', '50', '--duration', '2s');
    expect(read.code, read.stderr).toBe(0);
    const keys = await start('keys');
    expect(keys.code, keys.stderr).toBe(0);
    const cleaned = await start('cleanup', '--yes');
    expect(cleaned.code, cleaned.stderr).toBe(0);
    expect((cleaned.stdout + cleaned.stderr).match(ONCE)).toHaveLength(1);
    await store.stop();
    expect(keysIn(stage.site, bucket)).toEqual([]);
  });
});

describe('a bucket that wants more than S3 does', () => {
  async function run(backend: string, endpoint: string, ...args: string[]) {
    const home = await stage.home();
    const env = environment(stage, home, stage.site.server, await newBucket(stage.site));
    const own = { ...env, S3_ENDPOINTS: endpoint, S3LOADTEST_BACKEND: backend, S3POOL_BINARY: 'none' };
    const load = ['firehose', '--size', '1KB,9MB', '--concurrency', '2', '--duration', '1s', '--json'];
    return new Program(process.execPath, [CLI, 'run', ...load, ...args], own, home.path).ended;
  }

  test.each(['native', 'http'])('a checksum, by %s: the way is told', async (backend) => {
    const proxy = await startDemandingProxy(stage.server.endpoints[0]);
    const { code, stderr } = await run(backend, proxy.endpoint);
    proxy.stop();
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(
        /^error: S3_BUCKET "[\w-]+" wants a checksum with every object.*--checksum crc32c sends one/,
      ),
    });
  });

  test.each([
    ...['md5', 'crc32', 'crc32c', 'crc64nvme', 'sha1', 'sha256'].map((checksum) => ({ backend: 'native', checksum })),
    ...['md5', 'sha1', 'sha256'].map((checksum) => ({ backend: 'http', checksum })),
  ])('$checksum, which the store checks, by $backend, in parts, too', async ({ backend, checksum }) => {
    const proxy = await startDemandingProxy(stage.server.endpoints[0]);
    const { code, stdout, stderr } = await run(backend, proxy.endpoint, '--checksum', checksum, '--sign-payload');
    proxy.stop();
    expect(code, stderr).toBe(0);
    const { errors, ops } = sum(parseResult(stdout).totals);
    expect({ errors, written: ops > 1 }).toEqual({ errors: 0, written: true });
    const puts = proxy.headers.filter(({ op }) => op === 'PUT');
    expect(puts.length).toBeGreaterThan(1);
    for (const put of puts) expect(put['x-amz-content-sha256']).toMatch(/^[0-9a-f]{64}$/);
    expect(proxy.headers.some(({ op }) => op === 'PUTuploadId')).toBe(true);
  });

  test('a checksum and a header through a proxy that signs, too', async () => {
    const signing = await startSigningProxy({ ...stage.server, endpoints: [stage.server.endpoints[0]] });
    const proxy = await startDemandingProxy(signing.endpoint);
    const { code, stderr } = await run('proxy', proxy.endpoint, '--checksum', 'sha256', '--header', 'x-amz-meta-a: b');
    proxy.stop();
    await signing.stop();
    expect(code, stderr).toBe(0);
    const puts = proxy.headers.filter(({ op }) => op === 'PUT');
    expect(puts.length).toBeGreaterThan(1);
    for (const put of puts) expect(put['x-amz-checksum-sha256']).toMatch(/=$/);
  });

  test('http by itself makes no CRC, and says so', async () => {
    const { code, stderr } = await run('http', stage.server.endpoints[0], '--checksum', 'crc32c');
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/^error: --checksum is crc32c: only the native backend makes that/),
    });
  });

  test.each(['native', 'http'])('headers and a storage class with each object, by %s', async (backend) => {
    const proxy = await startDemandingProxy(stage.server.endpoints[0]);
    const sse = ['--header', 'x-amz-meta-owner: me', '--header', 'X-Route: a', '--storage-class', 'STANDARD'];
    const { code, stderr } = await run(backend, proxy.endpoint, ...sse, '--checksum', 'md5');
    proxy.stop();
    expect(code, stderr).toBe(0);
    for (const { op, ...headers } of proxy.headers) {
      const makes = op === 'PUT' || op === 'POSTuploads';
      expect({
        op,
        route: headers['x-route'],
        owner: headers['x-amz-meta-owner'],
        class: headers['x-amz-storage-class'],
      }).toEqual({
        ...{ op, route: 'a', owner: makes ? 'me' : undefined },
        class: makes ? 'STANDARD' : undefined,
      });
    }
  });
});

describe.each(['native', 'http'])('--create-bucket, by %s', (backend) => {
  test('creates it once, and uses it', async () => {
    const home = await stage.home();
    const bucket = `made-by-${backend}`;
    const env = { ...environment(stage, home, stage.site.server, bucket), S3LOADTEST_BACKEND: backend };
    const load = ['run', 'firehose', '--size', '1KB', '--concurrency', '2', '--duration', '1s'];
    const run = (...args: string[]) => new Program(process.execPath, [CLI, ...load, ...args], env, home.path).ended;
    const refused = await run();
    expect({ code: refused.code, stderr: refused.stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/is not at .*NoSuchBucket.*: --create-bucket creates it, or name another/),
    });
    const first = await run('--create-bucket');
    expect(first.code, first.stderr).toBe(0);
    expect(first.stdout + first.stderr).toContain(`bucket "${bucket}" was not there, and is created`);
    const second = await run('--create-bucket');
    expect(second.code, second.stderr).toBe(0);
    expect(second.stdout + second.stderr).not.toContain('is created');
    expect(keysIn(stage.site, bucket).length).toBeGreaterThan(2);
  });
});

describe.each(['native', 'http'])('S3 below a path, by %s', (backend) => {
  test('is signed with it, in load and in cleanup', async () => {
    const gateway = await startPathGateway(stage.server, '/gateway/s3');
    const home = await stage.home();
    const bucket = await newBucket(stage.site);
    const env = environment(stage, home, stage.site.server, bucket);
    const own = { ...env, S3_ENDPOINTS: `${gateway.endpoint}/`, S3LOADTEST_BACKEND: backend };
    const program = (...args: string[]) => new Program(process.execPath, [CLI, ...args], own, home.path).ended;
    const load = ['firehose', '--size', '1KB,9MB', '--concurrency', '2', '--duration', '1s', '--json'];
    const { code, stdout, stderr } = await program('run', ...load);
    expect(code, stderr).toBe(0);
    expect(sum(parseResult(stdout).totals).errors).toBe(0);
    expect(keysIn(stage.site, bucket).length).toBeGreaterThan(1);
    const cleaned = await program('cleanup', '--yes');
    await gateway.stop();
    expect(cleaned.code, cleaned.stderr).toBe(0);
    expect(keysIn(stage.site, bucket)).toEqual([]);
    expect(gateway.refused).toBe(0);
  });
});

const lacking = await missing(RGW_COMMANDS);
if (lacking.length > 0) notRun("a bucket of a tenant, which is Ceph's", lacking.join(', '));

describe.runIf(lacking.length === 0)("a tenant's bucket at Ceph RGW, with an access key of signs", () => {
  const keys = { AWS_ACCESS_KEY_ID: `t1$u:"x'\\`, AWS_SECRET_ACCESS_KEY: 'correct horse "battery"' };
  let rgw: Awaited<ReturnType<typeof startRgw>>;

  beforeAll(async () => {
    const folder = await temporaryFolder();
    rgw = await startRgw(folder, await makeCertificates(folder));
    const names = ['--uid', 't1$u', '--display-name', 'u'];
    const own = ['--access-key', keys.AWS_ACCESS_KEY_ID, '--secret-key', keys.AWS_SECRET_ACCESS_KEY];
    await command('radosgw-admin', '-c', `${folder}/ceph.conf`, 'user', 'create', ...names, ...own);
  }, 120_000);
  afterAll(() => rgw?.stop());

  test.each(['native', 'http'])('is created, written, read and cleaned by %s', async (backend) => {
    const home = await stage.home();
    const env = {
      ...environment(stage, home, rgw.plain, `t1:bucket-${backend}`),
      ...keys,
      S3LOADTEST_BACKEND: backend,
    };
    const program = (...args: string[]) => new Program(process.execPath, [CLI, ...args], env, home.path).ended;
    const load = ['firehose', '--size', '1KB', '--concurrency', '2', '--duration', '1s', '--json', '--create-bucket'];
    const { code, stdout, stderr } = await program('run', ...load);
    expect(code, stderr).toBe(0);
    expect(sum(parseResult(stdout).totals)).toMatchObject({ errors: 0, ops: expect.any(Number) });
    const cleaned = await program('cleanup', '--yes');
    expect(cleaned.code, cleaned.stderr).toBe(0);
    expect(cleaned.stdout + cleaned.stderr).toMatch(/deleted \d+ objects/);
  });
});
