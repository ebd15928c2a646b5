/** The proxy backend in whole runs: a proxy that runs already, and one that the CLI starts, watches and stops. */
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseResult, type Result, sum } from '../../lib/result/result';
import { ROOT } from '../k6';
import { startSigningProxy } from '../signing-proxy';
import {
  alive,
  CLI,
  commandLine,
  environment,
  expectNoCredential,
  gone,
  type Home,
  keysIn,
  newBucket,
  openStage,
  Program,
  type Stage,
} from '../stage';

let stage: Stage;
/** Programs in s3pool's place: one that does as it, and one that SIGTERM does not end. */
let s3pool: string;
let deaf: string;

beforeAll(async () => {
  stage = await openStage();
  [s3pool, deaf] = await Promise.all([program('s3pool', ''), program('deaf', "process.on('SIGTERM', () => {});")]);
});

afterAll(async () => {
  await stage?.stop();
});

/** Makes an executable of test/s3pool.program.ts. */
async function program(name: string, first: string): Promise<string> {
  const path = join(stage.folder, `${name}.mjs`);
  const contents = `${first} import './test/s3pool.program';`;
  await build({
    stdin: { contents, resolveDir: ROOT, loader: 'ts' },
    outfile: path,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    banner: { js: '#!/usr/bin/env node' },
    logLevel: 'error',
  });
  await chmod(path, 0o755);
  return path;
}

/** Makes an executable of a shell script. */
async function script(home: Home, text: string): Promise<string> {
  const path = join(home.path, 'script.sh');
  await writeFile(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return path;
}

async function setting(binary = 'none') {
  const home = await stage.home();
  const bucket = await newBucket(stage.site);
  const own = environment(stage, home, stage.server, bucket);
  const env: NodeJS.ProcessEnv = { ...own, S3LOADTEST_BACKEND: 'proxy', S3POOL_BINARY: binary };
  return { home, env, keys: () => keysIn(stage.site, bucket) };
}

const start = (home: Home, env: NodeJS.ProcessEnv, ...args: string[]): Program =>
  new Program(process.execPath, [CLI, ...args], env, home.path);

const SHORT = ['run', 'firehose', '--size', '1KB', '--concurrency', '4', '--duration', '2s'];
const LONG = [...SHORT.slice(0, -1), '60s'];
const opsOf = (result: Result, op: string) => result.totals.find((total) => total.op === op)?.ops ?? 0;
const resultsIn = (home: Home) => readdirSync(join(home.data, 'results'));

describe('a proxy that runs already', () => {
  test('needs no credentials here, neither for a run nor for cleanup', async () => {
    const { home, env, keys } = await setting();
    const proxy = await startSigningProxy({ ...stage.server });
    try {
      const { AWS_ACCESS_KEY_ID: _, AWS_SECRET_ACCESS_KEY: __, ...keyless } = env;
      const through = { ...keyless, S3_ENDPOINTS: proxy.endpoint };
      const { code, stdout, stderr } = await start(home, through, ...SHORT, '--json').ended;
      expect(code, stderr).toBe(0);
      const result = parseResult(stdout);
      expect(result.run).toMatchObject({ backend: 'proxy', config: { endpoints: [proxy.endpoint] } });
      expect([sum(result.totals).ops > 0, sum(result.totals).errors]).toEqual([true, 0]);
      expect(keys()).toHaveLength(opsOf(result, 'PUT'));
      const cleanup = await start(home, through, 'cleanup', '--yes').ended;
      expect(cleanup.code, cleanup.stderr).toBe(0);
      expect(keys()).toEqual([]);
    } finally {
      await proxy.stop();
    }
  });

  test('is asked for where a store refuses what is not signed', async () => {
    const { home, env } = await setting();
    const { code, stderr } = await start(home, env, ...SHORT).ended;
    const host = stage.server.endpoints[0].replace('http://', '');
    expect(stderr).toBe(
      `error: S3_ENDPOINTS: ${host} refuses requests that are not signed (403 AccessDenied: Access Denied.): is it a proxy ` +
        `that signs, as S3LOADTEST_BACKEND=proxy has it, and may its credentials list "${env.S3_BUCKET}"?\n`,
    );
    expect([code, resultsIn(home)]).toEqual([2, []]);
  });

  test('bare k6 has no other', async () => {
    const { home, env } = await setting(s3pool);
    const args = ['--address=127.0.0.1:0', 'run', '--log-format=raw', join(ROOT, 'build', 'firehose.js')];
    // Bare k6 makes no folders.
    await mkdir(join(home.data, 'results'), { recursive: true });
    const bare = { ...env, K6_NO_USAGE_REPORT: 'true' };
    const { code, stderr } = await new Program(stage.k6, args, bare, home.path).ended;
    expect(code).toBe(108);
    expect(stderr).toContain(
      `S3POOL_BINARY is "${s3pool}": only \`npx s3loadtest run\` starts a proxy: give S3POOL_BINARY=none, and a proxy that runs`,
    );
  });
});

test('one is started for a run, and gone afterwards', async () => {
  const { home, env, keys } = await setting(s3pool);
  const cli = start(home, env, ...SHORT, '--json');
  const proxy = await cli.child(/s3pool\.mjs proxy/);
  expect(commandLine(proxy)).toMatch(/s3pool\.mjs proxy --insecure --listen 127\.0\.0\.1:\d+ $/);
  const k6 = await cli.child(/k6 run /);
  const lines = { proxy: commandLine(proxy), k6: commandLine(k6) };
  const { code, stdout, stderr } = await cli.ended;
  expect(code, stderr).toBe(0);
  expect(alive(proxy)).toBe(false);
  const [endpoint] = stage.server.endpoints;
  expect(stderr).toMatch(new RegExp(`^${s3pool} signs at http://127\\.0\\.0\\.1:\\d+ for ${endpoint}$`, 'm'));
  const result = parseResult(stdout);
  const { config } = result.run;
  expect(config.endpoints).toEqual([/http:\/\/127\.0\.0\.1:\d+/.exec(stderr)?.[0]]);
  expect(config.proxied).toEqual([endpoint]);
  expect([sum(result.totals).ops > 0, sum(result.totals).errors]).toEqual([true, 0]);
  expect(keys()).toHaveLength(opsOf(result, 'PUT'));
  expectNoCredential({ ...lines, stdout, stderr });
});

describe('without S3POOL_BINARY', () => {
  async function unset() {
    const own = await setting();
    const { S3POOL_BINARY: _, ...env } = own.env;
    return { ...own, env };
  }

  test('s3pool on PATH is started', async () => {
    const { home, env, keys } = await unset();
    const folder = join(home.path, 'bin');
    await mkdir(folder);
    const path = join(folder, 's3pool');
    await writeFile(path, `#!/bin/sh\nexec "${s3pool}" "$@"\n`, { mode: 0o755 });
    const own = { ...env, PATH: `${folder}:${env.PATH}` };
    const { code, stdout, stderr } = await start(home, own, ...SHORT, '--json').ended;
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(new RegExp(`^${path} signs at http://127\\.0\\.0\\.1:\\d+ for `, 'm'));
    expect(keys()).toHaveLength(opsOf(parseResult(stdout), 'PUT'));
    const told = await start(home, own, ...SHORT, '--dry-run').ended;
    expect(told.stdout).toMatch(/bin\/s3pool proxy --insecure --listen 127\.0\.0\.1:\d+$/m);
    // What signs by itself needs no proxy: nothing is started for it.
    const cleanup = await start(home, env, 'cleanup', '--yes').ended;
    expect([cleanup.code, keys()], cleanup.stderr).toEqual([0, []]);
    await writeFile(path, '#!/bin/sh\nexit 3\n', { mode: 0o755 });
    const broken = await start(home, own, ...SHORT).ended;
    expect([broken.code, broken.stderr]).toEqual([
      2,
      `s3pool is "${path}": it ended with exit code 3: give the path of s3pool\n`,
    ]);
  });

  test('and without s3pool on PATH, no load begins, and the ways out are told', async () => {
    const { home, env } = await unset();
    const { code, stderr } = await start(home, env, ...SHORT).ended;
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^S3LOADTEST_BACKEND is proxy, and no s3pool is on PATH: give its path as S3POOL_BINARY, .* S3POOL_BINARY=none where /,
    );
    const dist = await start(home, env, 'dist', 'firehose', '--workers', '2').ended;
    expect([dist.code, dist.stderr]).toEqual([
      2,
      expect.stringContaining('S3POOL_BINARY is not set: only `s3loadtest run`'),
    ]);
  });
});

test('several workers are told to have their own', async () => {
  const { home, env } = await setting(s3pool);
  const { code, stderr } = await start(home, env, 'dist', 'firehose', '--workers', '2').ended;
  expect(stderr).toBe(
    `S3POOL_BINARY is "${s3pool}": only \`s3loadtest run\` starts a proxy: give S3POOL_BINARY=none, start it where the workers ` +
      'are, and give where it listens as S3_ENDPOINTS\n',
  );
  expect(code).toBe(2);
});

test('certificates are verified by it where they are to be', async () => {
  const { home, env } = await setting(s3pool);
  const told = await start(home, { ...env, S3_VERIFY_SSL: 'true' }, ...SHORT, '--dry-run').ended;
  expect(told.stdout).toMatch(/s3pool\.mjs proxy --listen 127\.0\.0\.1:\d+$/m);
});

test('a dry run shows its command before that of k6, starts neither, and shows no credential', async () => {
  const { home, env } = await setting(s3pool);
  const { code, stdout, stderr } = await start(home, env, ...SHORT, '--dry-run', '--json').ended;
  expect(code, stderr).toBe(0);
  const { commands } = JSON.parse(stdout) as { commands: string[] };
  expect(commands).toEqual([
    expect.stringMatching(
      /^S3_POOL=http:[\s\S]*AWS_SECRET_ACCESS_KEY="\$AWS_SECRET_ACCESS_KEY"[\s\S]*s3pool\.mjs proxy --insecure --listen 127/,
    ),
    expect.stringMatching(/ run .*firehose\.js$/),
  ]);
  const address = /--listen (\S+)/.exec(commands[0] ?? '')?.[1];
  expect(commands[1]).toContain(`S3_ENDPOINTS=http://${address} `);
  expectNoCredential({ stdout, stderr });
});

describe('one that does not come up is told in one line, and nothing is loaded', () => {
  const tells = 'echo "starting as $AWS_ACCESS_KEY_ID"';
  test.each<{ text?: string; mode?: number; says: RegExp; why: string }>([
    { says: /^it is not there: give the path of s3pool$/, why: 'no such file' },
    {
      text: 'exit 0',
      mode: 0o644,
      says: /^it may not be executed: give the path of s3pool$/,
      why: 'a file, and no program',
    },
    {
      text: 'echo "error: no such command: $1" >&2; exit 3',
      says: /^it ended with exit code 3 \(error: no such command: proxy\): give the path of s3pool$/,
      why: 'another program',
    },
    {
      text: 'kill -KILL $$',
      says: /^it was ended by SIGKILL: give the path of s3pool$/,
      why: 'as one that memory runs out for',
    },
    {
      text: `${tells}; sleep 60`,
      says: /^it does not listen at 127\.0\.0\.1:\d+ within 10 s \(starting as …\): give the path of s3pool$/,
      why: 'it hangs',
    },
  ])('$why', async ({ text, mode = 0o755, says }) => {
    const home = await stage.home();
    const binary = join(home.path, 'script.sh');
    const own = await setting(binary);
    if (text !== undefined) await script(home, text);
    if (text !== undefined) await chmod(binary, mode);
    const { code, stdout, stderr } = await start(own.home, own.env, ...SHORT).ended;
    expect(stderr.startsWith(`S3POOL_BINARY is "${binary}": `), stderr).toBe(true);
    expect(stderr.slice(`S3POOL_BINARY is "${binary}": `.length).trimEnd()).toMatch(says);
    expect([code, stdout, own.keys()]).toEqual([2, '', []]);
    expectNoCredential({ stderr });
  });
});

/** A run under load, and the processes of it. */
async function underLoad(binary: string) {
  const own = await setting(binary);
  const cli = start(own.home, own.env, ...LONG);
  await cli.says(/VUs for/);
  const [proxy, k6] = await Promise.all([cli.child(/\.mjs proxy|script\.sh proxy/), cli.child(/k6 run /)]);
  await sleep(1_000);
  return { ...own, cli, proxy, k6 };
}

describe('one that ends', () => {
  test('under load ends the run, with what was measured, in one line and as a failure', async () => {
    const { cli, home, proxy, k6 } = await underLoad(s3pool);
    process.kill(proxy, 'SIGKILL');
    const { code, stdout, stderr, ms } = await cli.ended;
    expect(code).toBe(1);
    expect(stderr.match(/^error: .*$/gm)).toEqual([
      expect.stringMatching(/^error: S3POOL_BINARY ".+" was ended by SIGKILL \(.*\): nothing signs requests any more$/),
    ]);
    expect(stdout).toMatch(/^FINAL: ops=[1-9].* \(interrupted\)$/m);
    expect(alive(k6)).toBe(false);
    expect(ms).toBeLessThan(20_000);
    const [id] = resultsIn(home);
    const folder = join(home.data, 'results', id as string);
    expect(parseResult(readFileSync(join(folder, 'result.json'), 'utf8')).interrupted).toBe(true);
    expect(readFileSync(join(folder, 'k6.log'), 'utf8')).toContain('nothing signs requests any more');
  });

  test('before load begins is told, too', async () => {
    const home = await stage.home();
    // It takes connections, and ends at the first request.
    const text =
      "createServer((s) => s.once('data', () => process.exit(3))).listen(+process.argv.at(-1).split(':')[1], '127.0.0.1')";
    const binary = await script(
      home,
      `exec "${process.execPath}" -e "const { createServer } = require('node:net'); ${text}" -- "$@"`,
    );
    const own = await setting(binary);
    const { code, stdout, stderr } = await start(own.home, own.env, ...SHORT).ended;
    expect(stderr).toMatch(/^error: S3POOL_BINARY ".+" ended with exit code 3: nothing signs requests any more$/m);
    expect([code, stdout]).toEqual([1, '']);
    expect(resultsIn(own.home)).toEqual([]);
  });
});

describe('none is left', () => {
  test.each([
    { signal: 'SIGINT', binary: () => s3pool, within: 1_000, code: 1, why: 'stopped in order' },
    { signal: 'SIGKILL', binary: () => s3pool, within: 5_000, code: null, why: 'nobody is there to stop it' },
    { signal: 'SIGTERM', binary: () => deaf, within: 1_000, code: 1, why: 'it does not end when told to' },
  ] as const)('after $signal: $why', async ({ signal, binary, within, code }) => {
    const { cli, proxy, k6 } = await underLoad(binary());
    cli.kill(signal);
    const ended = await cli.ended;
    expect(ended.code).toBe(code);
    expect(Math.max(await gone(proxy), await gone(k6))).toBeLessThan(within);
  });

  test('of what a script in its place has started', async () => {
    const home = await stage.home();
    const binary = await script(home, `"${s3pool}" "$@" & wait`);
    const { cli, proxy } = await underLoad(binary);
    const port = /--listen 127\.0\.0\.1:(\d+)/.exec(commandLine(proxy))?.[1];
    cli.kill('SIGINT');
    expect((await cli.ended).code).toBe(1);
    // Its port is free again.
    const server = createServer();
    server.listen(Number(port), '127.0.0.1');
    await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject));
    server.close();
  });
});
