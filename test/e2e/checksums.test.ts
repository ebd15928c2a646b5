/** Checksums behind the bodies: what goes over the wire is read by a proxy, and the store behind it checks it once more. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseResult, sum } from '../../lib/result/result';
import { type Chunked, chainOf, checksumOf, startChunkProxy } from '../chunk-proxy';
import { CLI, environment, newBucket, openStage, Program, type Stage } from '../stage';

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage?.stop());

const run = (backend: string, endpoint: string, ...args: string[]) => runOf('firehose', backend, endpoint, ...args);

async function runOf(pattern: string, backend: string, endpoint: string, ...args: string[]) {
  const home = await stage.home();
  const env = environment(stage, home, stage.site.server, await newBucket(stage.site));
  const own = { ...env, S3_ENDPOINTS: endpoint, S3LOADTEST_BACKEND: backend, S3POOL_BINARY: 'none' };
  const load = [pattern, '--concurrency', '2', '--duration', '1s', '--json'];
  return new Program(process.execPath, [CLI, 'run', ...load, ...args], own, home.path).ended;
}

const CHUNK = 64 * 1024;

/** Two of each length: a checksum that is made bit by bit takes its time. */
function someOf(bodies: readonly Chunked[]): Chunked[] {
  const lengths = new Set(bodies.map(({ data }) => data.length));
  return [...lengths].flatMap((length) => bodies.filter(({ data }) => data.length === length).slice(0, 2));
}

describe('--checksum-trailer', () => {
  test.each([
    ...['crc32', 'crc32c', 'crc64nvme', 'sha1', 'sha256'].map((checksum) => ({ backend: 'native', checksum })),
    ...['sha1', 'sha256'].map((checksum) => ({ backend: 'http', checksum })),
  ])('sends $checksum behind each body, by $backend, in parts, too', async ({ backend, checksum }) => {
    const proxy = await startChunkProxy(stage.server.endpoints[0]);
    const own = ['--size', '1KB,200KB,9MB', '--checksum', checksum, '--checksum-trailer'];
    const { code, stdout, stderr } = await run(backend, proxy.endpoint, ...own);
    proxy.stop();
    expect(code, stderr).toBe(0);
    expect(sum(parseResult(stdout).totals).errors).toBe(0);
    expect(proxy.problems).toEqual([]);
    expect(new Set(proxy.bodies.map(({ op }) => op))).toEqual(new Set(['PUT', 'PUTpartNumber']));
    for (const { headers, data, sizes, signatures, trailer } of proxy.bodies) {
      expect(headers).toMatchObject({
        'content-encoding': 'aws-chunked',
        'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
        'x-amz-decoded-content-length': String(data.length),
        'x-amz-trailer': `x-amz-checksum-${checksum}`,
      });
      expect(headers.authorization).toContain('content-encoding;host;x-amz-content-sha256');
      expect(headers[`x-amz-checksum-${checksum}`]).toBeUndefined();
      expect(sizes.slice(0, -1).every((size) => size === CHUNK)).toBe(true);
      expect(signatures).toEqual([]);
      expect(trailer.name).toBe(`x-amz-checksum-${checksum}`);
    }
    for (const { data, trailer } of someOf(proxy.bodies)) expect(trailer.value).toBe(checksumOf(checksum, data));
  });

  test.each(['native', 'http'])('the store checks it: a wrong one is refused, by %s', async (backend) => {
    const proxy = await startChunkProxy(stage.server.endpoints[0], { spoil: true });
    const own = ['--size', '200KB', '--checksum', 'sha256', '--checksum-trailer', '--no-check'];
    const { code, stdout } = await run(backend, proxy.endpoint, ...own);
    proxy.stop();
    const { totals, errorSamples } = parseResult(stdout);
    const { ops, errors } = sum(totals);
    expect({ code, ops, failed: errors > 0 }).toEqual({ code: 1, ops: 0, failed: true });
    expect(errorSamples.map(({ message }) => message)).toEqual([expect.stringMatching(/^400 BadDigest/)]);
  });

  test('with --sign-payload each chunk is signed, and the trailer', async () => {
    const proxy = await startChunkProxy(stage.server.endpoints[0]);
    const own = ['--size', '1KB,200KB,9MB', '--checksum', 'crc64nvme', '--checksum-trailer', '--sign-payload'];
    const { code, stdout, stderr } = await run('native', proxy.endpoint, ...own);
    proxy.stop();
    expect(code, stderr).toBe(0);
    expect(sum(parseResult(stdout).totals).errors).toBe(0);
    expect(proxy.problems).toEqual([]);
    expect(proxy.bodies.length).toBeGreaterThan(2);
    for (const body of someOf(proxy.bodies)) {
      expect(body.headers['x-amz-content-sha256']).toBe('STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER');
      expect(body.trailer.value).toBe(checksumOf('crc64nvme', body.data));
      expect(body.signatures).toEqual(chainOf(body, stage.server.secretAccessKey));
    }
  });

  test.each([[], ['--sign-payload']])('goes with what is uploaded slowly, with %j', async (...more) => {
    const proxy = await startChunkProxy(stage.server.endpoints[0]);
    const own = ['--size', '100KB', '--bps', '1MB', '--checksum', 'crc32c', '--checksum-trailer', ...more];
    const { code, stdout, stderr } = await runOf('elephant', 'native', proxy.endpoint, ...own);
    proxy.stop();
    expect(code, stderr).toBe(0);
    expect(sum(parseResult(stdout).totals).errors).toBe(0);
    expect(proxy.problems).toEqual([]);
    expect(proxy.bodies.some(({ data }) => data.length === 100 * 1024)).toBe(true);
  });

  test.each(['native', 'http'])("an object's own encoding is told of with it, by %s", async (backend) => {
    const proxy = await startChunkProxy(stage.server.endpoints[0]);
    const own = ['--size', '1KB', '--checksum', 'sha1', '--checksum-trailer', '--header', 'content-encoding: gzip'];
    const { code, stderr } = await run(backend, proxy.endpoint, ...own);
    proxy.stop();
    expect(code, stderr).toBe(0);
    expect(new Set(proxy.bodies.map(({ headers }) => headers['content-encoding']))).toEqual(
      new Set(['aws-chunked,gzip']),
    );
  });

  test.each([
    {
      backend: 'native',
      args: ['--checksum-trailer'],
      says: '--checksum-trailer is true, and no checksum is to be sent: give --checksum crc64nvme',
    },
    {
      backend: 'native',
      args: ['--checksum-trailer', '--checksum', 'md5'],
      says: '--checksum is md5, which S3 takes in a header only: give crc64nvme, crc32c, crc32, sha1 or sha256',
    },
    {
      backend: 'http',
      args: ['--checksum-trailer', '--checksum', 'sha256', '--sign-payload'],
      says: '--checksum-trailer and --sign-payload are both true, and this run has S3LOADTEST_BACKEND "http"',
    },
    {
      backend: 'proxy',
      args: ['--checksum-trailer', '--checksum', 'sha256'],
      says: '--checksum-trailer is true, and this run has S3LOADTEST_BACKEND "proxy"',
    },
  ])('$args by $backend is refused in a line', async ({ backend, args, says }) => {
    const { code, stderr } = await run(backend, stage.server.endpoints[0], ...args);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(says) });
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});
