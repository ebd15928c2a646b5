/** Which sizes objects have, which of them are read, and how much of them. */
import { statSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseResult, sum } from '../../lib/result/result';
import { startRecordingProxy } from '../flaky-proxy';
import { CLI, environment, keysIn, listen, newBucket, openStage, Program, type Stage } from '../stage';

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage?.stop());

/** A run by a backend on a bucket. */
async function run(backend: string, bucket: string, args: readonly string[], endpoint?: string) {
  const home = await stage.home();
  const env = { ...environment(stage, home, stage.server, bucket), S3LOADTEST_BACKEND: backend };
  const at = endpoint === undefined ? env : { ...env, S3_ENDPOINTS: endpoint };
  return new Program(process.execPath, [CLI, 'run', ...args, '--json'], at, home.path).ended;
}

/** Bytes of the objects there are, by the size in their keys. */
function bytesBySize(bucket: string): Record<string, number[]> {
  const all: Record<string, number[]> = {};
  for (const key of keysIn(stage.site, bucket)) {
    const size = key.split('/')[2] as string;
    all[size] = [...(all[size] ?? []), statSync(join(stage.site.buckets, bucket, key)).size];
  }
  return all;
}

describe.each(['native', 'http'])('by %s', (backend) => {
  test('sizes with weights are written as often as these say, and so are seeds', async () => {
    const bucket = await newBucket(stage.site);
    const load = ['--size', '1KB:3,4KB:1', '--rate', '100', '--concurrency', '4', '--duration', '4s'];
    const { code, stderr } = await run(backend, bucket, ['firehose', ...load]);
    expect(code, stderr).toBe(0);
    const { '1KB': small = [], '4KB': large = [] } = bytesBySize(bucket);
    expect(small.length + large.length).toBeGreaterThan(150);
    expect(Math.abs(small.length / (small.length + large.length) - 0.75)).toBeLessThan(0.06);
    const other = await newBucket(stage.site);
    const seeds = ['heavyread', '--seed-objects', '40', '--size', '1KB:3,4KB:1', '--duration', '2s', '--rate', '50'];
    const seeded = await run(backend, other, seeds);
    expect(seeded.code, seeded.stderr).toBe(0);
    const written = Object.entries(bytesBySize(other)).map(([size, bytes]) => [size, bytes.length]);
    expect(Object.fromEntries(written)).toEqual({ '1KB': 30, '4KB': 10 });
    const reads = parseResult(seeded.stdout).series.filter(({ op }) => op === 'GET');
    expect(Math.abs((reads.find(({ size }) => size === '1KB')?.ops ?? 0) - 75)).toBeLessThanOrEqual(3);
  });

  test.each(['1KB-64KB', 'lognormal:16KB:0.7'])(
    '%s: objects are as long as their keys say, read in full, and cleaned up',
    async (sizes) => {
      const bucket = await newBucket(stage.site);
      const load = ['firehose', '--size', sizes, '--rate', '100', '--concurrency', '4', '--duration', '3s'];
      const { code, stdout, stderr } = await run(backend, bucket, load);
      expect(code, stderr).toBe(0);
      const keys = keysIn(stage.site, bucket);
      expect(keys.length).toBeGreaterThan(100);
      const lengths = keys.map((key) => statSync(join(stage.site.buckets, bucket, key)).size);
      expect(keys.map((key) => Number(/-b(\d+)(?:-g1)?$/.exec(key)?.[1]))).toEqual(lengths);
      expect(new Set(lengths).size).toBeGreaterThan(80);
      const { errors, bytes } = sum(parseResult(stdout).totals);
      expect(errors).toBe(0);
      expect(bytes).toBeGreaterThan(lengths.reduce((all, n) => all + n, 0));
      // Another run finds them by their folder, and reads them in parts.
      const more = await run(backend, bucket, [
        'heavyread',
        '--size',
        sizes,
        '--range',
        '2KB',
        '--rate',
        '50',
        '--duration',
        '2s',
      ]);
      expect(more.code, more.stderr).toBe(0);
      const home = await stage.home();
      const env = environment(stage, home, stage.server, bucket);
      const cleaned = await new Program(process.execPath, [CLI, 'cleanup', '--yes'], env, home.path).ended;
      expect(cleaned.code, cleaned.stderr).toBe(0);
      expect(keysIn(stage.site, bucket)).toEqual([]);
    },
  );

  test('ranges: parts are asked for, and their bytes are counted', async () => {
    const bucket = await newBucket(stage.site);
    const proxy = await startRecordingProxy(stage.server.endpoints[0]);
    const load = ['--seed-objects', '8', '--size', '10KB', '--range', '4KB', '--rate', '60', '--duration', '3s'];
    const { code, stdout, stderr } = await run(backend, bucket, ['heavyread', ...load], proxy.endpoint);
    proxy.stop();
    expect(code, stderr).toBe(0);
    const { ops, bytes, errors } = sum(parseResult(stdout).totals);
    expect(errors).toBe(0);
    // Two parts of 4 KB and one of 2 KB, each as likely.
    expect(Math.abs(bytes / ops / 1024 - 10 / 3)).toBeLessThan(0.4);
  });

  test('a store that sends the whole is told so', async () => {
    const bucket = await newBucket(stage.site);
    const server = createServer((request, response) => {
      if (request.method === 'GET' && /obj-/.test(request.url ?? '')) return response.end(Buffer.alloc(10_240));
      if (request.method === 'GET') return response.end('<ListBucketResult></ListBucketResult>');
      return request.resume().once('end', () => response.end());
    });
    const endpoint = `http://127.0.0.1:${await listen(server)}`;
    const load = ['--seed-objects', '2', '--size', '10KB', '--range', '4KB', '--rate', '10', '--duration', '2s'];
    const { code, stderr } = await run(backend, bucket, ['heavyread', '--no-check', ...load], endpoint);
    server.closeAllConnections();
    server.close();
    // Nothing succeeded.
    expect(code, stderr).toBe(1);
    expect(stderr).toMatch(/GET 200: the whole object came, and not the range that was asked for: leave --range out/);
  });

  test('parts at once: objects are whole', async () => {
    const bucket = await newBucket(stage.site);
    const parts = ['--part-concurrency', '3', ...(backend === 'native' ? ['--verify'] : [])];
    const load = ['--size', '21MB', '--concurrency', '2', '--duration', '4s', ...parts];
    const { code, stdout, stderr } = await run(backend, bucket, ['firehose', ...load]);
    expect(code, stderr).toBe(0);
    const { totals } = parseResult(stdout);
    expect(sum(totals).errors).toBe(0);
    const there = bytesBySize(bucket)['21MB'] ?? [];
    expect(there).toHaveLength(totals.find(({ op }) => op === 'PUT')?.ops ?? 0);
    expect(there.filter((bytes) => bytes !== 21 * 1024 ** 2)).toEqual([]);
  });

  test('popularity: few objects get most of the reads', async () => {
    const bucket = await newBucket(stage.site);
    const proxy = await startRecordingProxy(stage.server.endpoints[0]);
    const load = [
      '--seed-objects',
      '50',
      '--size',
      '1KB',
      '--keys',
      'hot:10%:80%',
      '--rate',
      '200',
      '--duration',
      '4s',
    ];
    const { code, stderr } = await run(backend, bucket, ['heavyread', ...load], proxy.endpoint);
    proxy.stop();
    expect(code, stderr).toBe(0);
    const reads = new Map<string, number>();
    for (const request of proxy.requests) {
      const [, key] = /^GET .*\/(obj-\d+)/.exec(request) ?? [];
      if (key !== undefined) reads.set(key, (reads.get(key) ?? 0) + 1);
    }
    const counts = [...reads.values()].sort((a, b) => b - a);
    const all = counts.reduce((total, n) => total + n, 0);
    expect(all).toBeGreaterThan(700);
    expect(Math.abs(counts.slice(0, 5).reduce((total, n) => total + n, 0) / all - 0.8)).toBeLessThan(0.06);
  });
});
