/** `k6 run build/firehose.js`: stock k6 without the CLI, configured by the environment and `.env` files. */
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseResult, type Result, sum } from '../../lib/result/result';
import { ROOT } from '../k6';
import {
  bareEnvironment,
  type Ended,
  environment,
  expectNoCredential,
  type Home,
  keysIn,
  listen,
  newBucket,
  openStage,
  Program,
  type Stage,
} from '../stage';

const BUNDLE = join(ROOT, 'build', 'firehose.js');
const SHORT = { S3LOADTEST_DURATION: '1s', S3LOADTEST_SIZE: '1KB', S3LOADTEST_CONCURRENCY: '4' };

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
});

afterAll(async () => {
  await stage?.stop();
});

/** Runs k6 as a user in that folder does; flags only keep it from asking the network for its extensions and statistics. */
async function k6(home: Home, env: NodeJS.ProcessEnv, ...args: string[]): Promise<Ended> {
  const own = { K6_AUTO_EXTENSION_RESOLUTION: 'false', K6_NO_USAGE_REPORT: 'true', ...env };
  // k6 takes port 6565 for its REST API, which is of no use here and may be taken.
  const program = new Program(stage.k6, ['--address=127.0.0.1:0', ...args], own, home.path);
  const late = setTimeout(() => program.kill('SIGKILL'), 30_000);
  const ended = await program.ended;
  clearTimeout(late);
  return ended;
}

/** A folder to run in, with a `data/results` folder as a clone has it. */
async function clone(): Promise<Home> {
  const home = await stage.home();
  await mkdir(join(home.path, 'data', 'results'), { recursive: true });
  return home;
}

/** The one Result in a folder. */
function onlyResult(home: Home): { path: string; result: Result } {
  const files = readdirSync(join(home.data, 'results'));
  expect(files).toEqual([expect.stringMatching(/^\d{8}T\d{6}Z-firehose-[0-9a-f]{4}\.json$/)]);
  const path = join(home.data, 'results', files[0] as string);
  return { path, result: parseResult(readFileSync(path, 'utf8')) };
}

const settingsFile = (env: NodeJS.ProcessEnv) =>
  Object.entries(env)
    .filter(([name]) => /^(S3|AWS)_|^S3LOADTEST_(?!K6|DATA)/.test(name))
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');

const full = (home: Home, bucket: string) => ({ ...environment(stage, home, stage.server, bucket), ...SHORT });

test('with the environment alone: FINAL on standard output, the Result in data/results', async () => {
  const home = await clone();
  const bucket = await newBucket(stage.site);
  const { S3LOADTEST_DATA_DIR: _, ...env } = full(home, bucket) as NodeJS.ProcessEnv;
  const { code, stdout, stderr } = await k6(home, env, 'run', BUNDLE);
  expect(code, stderr).toBe(0);
  const { result } = onlyResult(home);
  expect(stdout).toMatch(/^FINAL: ops=.*errors=0/m);
  expect(stdout).toContain(`Result: ./data/results/${result.run.id}.json`);
  const { ops, errors } = sum(result.totals);
  expect([ops > 10, errors, result.interrupted]).toEqual([true, 0, false]);
  expect(sum(result.series)).toEqual(sum(result.totals));
  expect(keysIn(stage.site, bucket)).toHaveLength(result.totals.find((total) => total.op === 'PUT')?.ops as number);
  expectNoCredential({ stdout, stderr, result: JSON.stringify(result) });
});

describe('settings', () => {
  /** Runs with those files, and returns the buckets that something was written to. */
  async function writtenTo(where: { environment?: boolean; folder?: boolean; home?: boolean }): Promise<string[]> {
    const home = await clone();
    const buckets = { environment: '', folder: '', home: '' };
    for (const name of ['environment', 'folder', 'home'] as const) buckets[name] = await newBucket(stage.site);
    const env = { ...bareEnvironment(home), ...(where.environment ? full(home, buckets.environment) : {}) };
    if (where.folder) await writeFile(join(home.path, '.env'), settingsFile(full(home, buckets.folder)));
    if (where.home) {
      await mkdir(join(home.path, '.s3loadtest'));
      await writeFile(join(home.path, '.s3loadtest', '.env'), settingsFile(full(home, buckets.home)));
    }
    const { code, stderr } = await k6(home, env, 'run', BUNDLE);
    expect(code, stderr).toBe(0);
    expect(onlyResult(home).result.run.config.bucket).toBeDefined();
    return Object.entries(buckets).flatMap(([name, bucket]) => (keysIn(stage.site, bucket).length > 0 ? [name] : []));
  }

  test.each([
    { where: { folder: true }, wins: 'folder', why: './.env is enough' },
    { where: { home: true }, wins: 'home', why: '~/.s3loadtest/.env is enough' },
    { where: { folder: true, home: true }, wins: 'folder', why: './.env goes before ~/.s3loadtest/.env' },
    { where: { environment: true, folder: true, home: true }, wins: 'environment', why: 'the environment goes first' },
  ])('$why', async ({ where, wins }) => {
    expect(await writtenTo(where)).toEqual([wins]);
  });

  test('they mix: what the environment lacks comes from ./.env, and what that lacks from ~/.s3loadtest/.env', async () => {
    const home = await clone();
    const bucket = await newBucket(stage.site);
    const { AWS_SECRET_ACCESS_KEY = '', S3_ENDPOINTS, ...rest } = full(home, bucket) as NodeJS.ProcessEnv;
    await writeFile(join(home.path, '.env'), `# comment\nexport AWS_SECRET_ACCESS_KEY="${AWS_SECRET_ACCESS_KEY}"\n`);
    await mkdir(join(home.path, '.s3loadtest'));
    await writeFile(
      join(home.path, '.s3loadtest', '.env'),
      `AWS_SECRET_ACCESS_KEY=wrong\nS3_ENDPOINTS=${S3_ENDPOINTS}\n`,
    );
    const { code, stderr } = await k6(home, rest, 'run', BUNDLE);
    expect(code, stderr).toBe(0);
    expect(keysIn(stage.site, bucket).length).toBeGreaterThan(10);
  });
});

describe('refuses', () => {
  test("workers' own credentials, as it is none", async () => {
    const home = await stage.home();
    const env = { ...full(home, await newBucket(stage.site)), S3LOADTEST_CREDENTIALS: 'worker' };
    const { code, stderr } = await k6(home, env, 'run', BUNDLE);
    expect(code).not.toBe(0);
    expect(stderr).toContain(
      'S3LOADTEST_CREDENTIALS is worker: only `npx s3loadtest dist` and `start` have workers: give env',
    );
  });

  test('what is missing, all of it at once, and without a request', async () => {
    let requests = 0;
    const server = createServer((_, response) => {
      requests++;
      response.end();
    });
    const endpoint = `http://127.0.0.1:${await listen(server)}`;
    try {
      await fetch(endpoint);
      expect(requests).toBe(1); // it counts
      for (const given of [{}, { S3_ENDPOINTS: endpoint }]) {
        const home = await clone();
        const { code, stdout, stderr } = await k6(home, { ...bareEnvironment(home), ...given }, 'run', BUNDLE);
        expect(code).toBe(108);
        const named = [...stderr.matchAll(/([A-Z][A-Z0-9]*_[A-Z0-9_]+) is missing/g)].map((match) => match[1]);
        const all = ['S3_ENDPOINTS', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'S3_BUCKET'];
        expect(named).toEqual(all.filter((name) => !(name in given)));
        expect(stdout).not.toContain('FINAL');
        expect(stderr).not.toMatch(/\bat .*firehose\.js:\d+/);
        expect(readdirSync(join(home.data, 'results'))).toEqual([]);
      }
      expect(requests).toBe(1);
    } finally {
      server.close();
    }
  });

  test.each([20, -20])('a clock that is %d minutes off', async (minutes) => {
    const home = await clone();
    const bucket = await newBucket(stage.site);
    const script = await shiftedFirehose(home.path, minutes);
    const { code, stdout, stderr } = await k6(home, full(home, bucket), 'run', script);
    expect(code).toBe(108);
    const where = minutes > 0 ? 'ahead of' : 'behind';
    expect(stderr).toMatch(new RegExp(`this machine's clock is 20 minutes ${where} the clock of 127\\.0\\.0\\.1:\\d+`));
    expect(stdout).not.toContain('FINAL');
    expect(keysIn(stage.site, bucket)).toEqual([]);
  });

  test('the clock that is shifted by nothing is right, so that it is the shift that is refused', async () => {
    const home = await clone();
    const env = full(home, await newBucket(stage.site));
    const { code, stderr } = await k6(home, env, 'run', await shiftedFirehose(home.path, 0));
    expect(code, stderr).toBe(0);
  });
});

/** Makes a k6 script that is firehose on a machine whose clock is so many minutes ahead. */
async function shiftedFirehose(folder: string, minutes: number): Promise<string> {
  await writeFile(join(folder, 'shift.js'), shiftDate(minutes));
  const script = join(folder, 'shifted.js');
  await writeFile(script, `import './shift.js'; export * from '${BUNDLE}'; export { default } from '${BUNDLE}';`);
  return script;
}

function shiftDate(minutes: number): string {
  return `
    const Real = Date;
    globalThis.Date = class extends Real {
      constructor(...args) { if (args.length === 0) super(Date.now()); else super(...args); }
      static now() { return Real.now() + ${minutes} * 60_000; }
    };`;
}

test.each([
  { what: 'is not there', make: async () => {} },
  { what: 'has no folder results', make: (data: string) => mkdir(data) },
  {
    what: 'has a file for results',
    make: async (data: string) => {
      await mkdir(data);
      await writeFile(join(data, 'results'), '');
    },
  },
])('a data folder that $what: no load, for k6 would exit 0 without a Result', async ({ make }) => {
  const home = await stage.home();
  const bucket = await newBucket(stage.site);
  await make(home.data);
  const { code, stdout, stderr } = await k6(home, full(home, bucket), 'run', BUNDLE);
  expect(code).toBe(108);
  expect(stderr).toContain(`there is no folder ${join(home.data, 'results')} for the Result: make it, or name another`);
  expect(stdout).not.toContain('FINAL');
  expect(keysIn(stage.site, bucket)).toEqual([]);
});

describe("k6's own options for a load replace the script's", () => {
  const own = { ...SHORT, S3LOADTEST_DURATION: '20s', K6_VUS: undefined, K6_DURATION: undefined };

  /** The pattern's Result and what k6 said, run by these options and variables. */
  async function runBy(args: readonly string[], variables: NodeJS.ProcessEnv = {}) {
    const home = await clone();
    const env = { ...full(home, await newBucket(stage.site)), ...own, ...variables };
    const ended = await k6(home, env, 'run', ...args, BUNDLE);
    return { ...ended, home };
  }

  test('so many iterations are so many operations', async () => {
    const { code, stderr, home } = await runBy(['--vus', '4', '--iterations', '20']);
    expect(code, stderr).toBe(0);
    const { result } = onlyResult(home);
    expect([sum(result.totals).ops, result.interrupted, result.generator.vus]).toEqual([20, false, 4]);
    expect(stderr).toContain("k6's own options replace the load of firehose: 4 VUs, 20 iterations");
  });

  test.each([
    ['-u 3 -d 1s', ['-u', '3', '-d', '1s'], {}, '3 VUs for 1s', 3],
    ['--stage 1s:4', ['--stage', '1s:4'], {}, 'stages 1s:4', 4],
    ['K6_VUS and K6_DURATION', [], { K6_VUS: '2', K6_DURATION: '1s' }, '2 VUs for 1s', 2],
  ])('%s', async (_, args, variables, says, vus) => {
    const { code, stderr, home } = await runBy(args, variables);
    expect(code, stderr).toBe(0);
    const { result } = onlyResult(home);
    const { ops, errors } = sum(result.totals);
    expect([ops > 20, errors, result.interrupted, result.generator.vus]).toEqual([true, 0, false, vus]);
    expect(result.series.every(({ test }) => test === 'firehose')).toBe(true);
    expect(result.run.durationMs).toBeLessThan(5000);
    expect(stderr).toContain(says);
    expect(stderr).not.toContain('TypeError');
  });

  test.each([
    ['all', 'several loads'],
    ['spiky', 'several loads'],
    ['checkpoint', 'bursts'],
    ['delete', 'a pace of its own'],
  ])('%s refuses: it has %s', async (name, why) => {
    const home = await clone();
    const env = { ...full(home, await newBucket(stage.site)), ...own };
    const { code, stderr } = await k6(home, env, 'run', '--vus', '2', '--iterations', '4', bundleOf(name));
    expect(code).toBe(108);
    const errors = stderr.split('\n').filter((line) => line.includes('level=error'));
    expect(errors).toEqual([expect.stringContaining(why)]);
    expect(readdirSync(join(home.data, 'results'))).toEqual([]);
  });
});

const bundleOf = (name: string) => join(ROOT, 'build', `${name}.js`);
