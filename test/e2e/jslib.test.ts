/** The jslib backend in whole runs: patterns whose operations are promised, and a library that can't be loaded. */
import { mkdirSync, readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseResult, type Result, sum } from '../../lib/result/result';
import { startDemandingProxy } from '../flaky-proxy';
import { ROOT } from '../k6';
import { CLI, type Ended, environment, type Home, keysIn, newBucket, openStage, Program, type Stage } from '../stage';

let stage: Stage;
let standIn: string;

beforeAll(async () => {
  stage = await openStage();
  standIn = join(stage.folder, 'jslib.js');
  await build({
    entryPoints: [join(ROOT, 'test', 'jslib-stand-in.k6.ts')],
    outfile: standIn,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    sourcemap: true,
    external: ['k6', 'k6/*'],
    logLevel: 'error',
  });
});

afterAll(async () => {
  await stage?.stop();
});

async function setting(more: NodeJS.ProcessEnv = {}) {
  const home = await stage.home();
  const bucket = await newBucket(stage.site);
  const jslib = { S3LOADTEST_BACKEND: 'jslib', S3LOADTEST_JSLIB_URL: standIn };
  const env = { ...environment(stage, home, stage.server, bucket), ...jslib, ...more };
  return { home, env, keys: () => keysIn(stage.site, bucket) };
}

const start = (home: Home, env: NodeJS.ProcessEnv, ...args: string[]): Promise<Ended> =>
  new Program(process.execPath, [CLI, ...args], env, home.path).ended;

const opsOf = (result: Result, op: string) => result.totals.find((total) => total.op === op)?.ops ?? 0;

describe('patterns', () => {
  test.each([
    { args: ['--concurrency', '4'], why: 'as fast as the VUs go: many operations an iteration' },
    { args: ['--concurrency', '4', '--rate', '60'], why: 'at a rate: one an iteration' },
  ])('firehose $args counts every operation, and has written every object: $why', async ({ args }) => {
    const { home, env, keys } = await setting();
    const sizes = ['--size', '1KB,9MB', '--duration', '2s'];
    const { code, stdout, stderr } = await start(home, env, 'run', 'firehose', ...sizes, ...args, '--json');
    expect(code, stderr).toBe(0);
    const result = parseResult(stdout);
    expect(result.run.backend).toBe('jslib');
    const { ops, errors } = sum(result.totals);
    expect(ops).toBeGreaterThan(0);
    expect(errors).toBe(0);
    expect(keys()).toHaveLength(opsOf(result, 'PUT'));
    for (const { op, size, ops: n, bytes } of result.series) {
      const each = op === 'PUT' || op === 'GET' ? { '1KB': 1024, '9MB': 9 * 1024 ** 2 }[size] : undefined;
      if (each !== undefined) expect(bytes, `${op} ${size}`).toBe(n * each);
    }
  });

  test('what a bucket demands is sent, though the library knows nothing of it', async () => {
    const proxy = await startDemandingProxy(stage.server.endpoints[0]);
    const { home, env } = await setting({ S3_ENDPOINTS: proxy.endpoint });
    const demands = ['--checksum', 'md5', '--header', 'x-amz-meta-owner: me', '--sign-payload'];
    const args = ['run', 'firehose', '--size', '1KB,9MB', '--duration', '1s', '--concurrency', '2', ...demands];
    const { code, stderr } = await start(home, env, ...args);
    proxy.stop();
    expect(code, stderr).toBe(0);
    const makes = proxy.headers.filter(({ op }) => op === 'PUT' || op === 'POSTuploads');
    expect(makes.length).toBeGreaterThan(2);
    for (const headers of makes) expect(headers['x-amz-meta-owner']).toBe('me');
  });

  test('metastorm and listops go together: promised operations among those that are not', async () => {
    const { home, env } = await setting();
    // One VU each: versitygw may fail a PUT into a folder that another's DELETE has just made empty.
    const args = ['run', 'metastorm', 'listops', '--duration', '2s', '--concurrency', '2', '--json'];
    const { code, stdout, stderr } = await start(home, env, ...args);
    expect(code, stderr).toBe(0);
    const result = parseResult(stdout);
    expect(result.errorSamples).toEqual([]);
    expect(sum(result.totals).errors).toBe(0);
    for (const op of ['PUT', 'HEAD', 'LIST', 'DELETE']) expect(opsOf(result, op), op).toBeGreaterThan(0);
  });

  test('heavyread reads what it is seeded with', async () => {
    const { home, env, keys } = await setting();
    const args = ['--seed-objects', '4', '--size', '1KB', '--duration', '1s', '--concurrency', '2', '--json'];
    const { code, stdout, stderr } = await start(home, env, 'run', 'heavyread', ...args);
    expect(code, stderr).toBe(0);
    expect(opsOf(parseResult(stdout), 'GET')).toBeGreaterThan(10);
    expect(keys()).toHaveLength(4);
  });
});

describe('a library that can not be loaded is told in one line that names the setting, and nothing is loaded', () => {
  const NAME = 'S3LOADTEST_JSLIB_URL';

  test.each([
    {
      url: '/nowhere/index.js',
      says: "k6-jslib-aws can't be loaded from there (there is no such file)",
      why: 'no file',
    },
    {
      url: 'https://127.0.0.1:1/index.js',
      says: "k6-jslib-aws can't be loaded from there (dial tcp 127.0.0.1:1: connect: connection refused)",
      why: 'nobody listens',
    },
    { url: './broken.js', says: "k6-jslib-aws can't be loaded from there (file://", why: 'no JavaScript' },
    { url: './other.js', says: 'it exports no AWSConfig, Endpoint, S3Client, SignatureV4', why: 'another module' },
  ])('$url: $why', async ({ url, says }) => {
    const { home, env, keys } = await setting({ [NAME]: url });
    await writeFile(join(home.path, 'broken.js'), 'this is none');
    await writeFile(join(home.path, 'other.js'), 'export const S3 = 1;');
    const { code, stdout, stderr } = await start(home, env, 'run', 'firehose', '--duration', '5s');
    const errors = stderr
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith("warning: Couldn't load source map"));
    expect(errors).toEqual([expect.stringMatching(/^error: /)]);
    expect(errors[0]?.startsWith(`error: ${NAME} is "${url}": ${says}`), stderr).toBe(true);
    expect([code, stdout, keys()]).toEqual([2, '', []]);
    expect(readdirSync(join(home.data, 'results'))).toEqual([]);
  });

  test('by bare k6, too', async () => {
    const { home, env } = await setting({ [NAME]: '/nowhere/index.js', K6_NO_USAGE_REPORT: 'true' });
    const args = ['--address=127.0.0.1:0', 'run', '--log-format=raw', join(ROOT, 'build', 'firehose.js')];
    // Bare k6 makes no folders.
    mkdirSync(join(home.data, 'results'), { recursive: true });
    const { code, stderr } = await new Program(stage.k6, args, env, home.path).ended;
    expect(code).toBe(108);
    expect(stderr.match(/S3LOADTEST_JSLIB_URL is "\/nowhere\/index\.js"/g)).toHaveLength(1);
  });

  test('a key that it would refuse is told before k6 is started', async () => {
    const { home, env } = await setting({ AWS_ACCESS_KEY_ID: 'minioadmin' });
    const { code, stderr } = await start(home, env, 'run', 'firehose');
    expect(stderr).toBe(
      'AWS_ACCESS_KEY_ID has 10 characters, and S3LOADTEST_BACKEND is "jslib", which takes 16 to 128: give such a key, or another backend\n',
    );
    expect(code).toBe(2);
  });
});
