/** What leaves this machine by `k6 archive` and `k6 cloud run`: no credential; and how an archive gets them where it runs. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLOUD_SYSTEM_TAGS } from '../../lib/result/metrics';
import { startCloud } from '../cloud-stand-in';
import { ROOT } from '../k6';
import { startKeyProxy } from '../key-proxy';
import { CREDENTIALS } from '../servers';
import {
  bareEnvironment,
  CLI,
  type Ended,
  environment,
  expectNoCredential,
  type Home,
  keysIn,
  newBucket,
  openStage,
  Program,
  type Stage,
} from '../stage';

const BUNDLE = join(ROOT, 'build', 'firehose.js');
const SECRET = { AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId, AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey };

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
});

afterAll(async () => {
  await stage?.stop();
});

async function k6(home: Home, env: NodeJS.ProcessEnv, ...args: string[]): Promise<Ended> {
  const own = { K6_AUTO_EXTENSION_RESOLUTION: 'false', K6_NO_USAGE_REPORT: 'true', ...env };
  const program = new Program(stage.k6, ['--address=127.0.0.1:0', ...args], own, home.path);
  const late = setTimeout(() => program.kill('SIGKILL'), 40_000);
  const ended = await program.ended;
  clearTimeout(late);
  return ended;
}

/** A folder with the settings in both `.env` files, as someone has it who runs k6 there, too; and a bucket. */
async function settled(): Promise<{ home: Home; bucket: string; env: NodeJS.ProcessEnv; flags: string[] }> {
  const home = await stage.home();
  const bucket = await newBucket(stage.site);
  const env = environment(stage, home, stage.server, bucket);
  const file = Object.entries(env)
    .filter(([name]) => /^(S3|AWS)_/.test(name))
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
  for (const value of Object.values(SECRET)) expect(file).toContain(value);
  await mkdir(join(home.path, '.s3loadtest'));
  await writeFile(join(home.path, '.env'), file);
  await writeFile(join(home.path, '.s3loadtest', '.env'), file);
  const open = {
    S3_ENDPOINTS: stage.server.endpoints[0],
    S3_BUCKET: bucket,
    S3LOADTEST_DURATION: '1s',
    S3LOADTEST_SIZE: '1KB',
    S3LOADTEST_CONCURRENCY: '4',
  };
  return { home, bucket, env, flags: Object.entries(open).flatMap(([name, value]) => ['--env', `${name}=${value}`]) };
}

interface Metadata {
  readonly options: { readonly scenarios: Record<string, { vus: number }>; readonly systemTags: readonly string[] };
}

/** Checks that nothing in an archive is a credential, and that this would be seen; returns what k6 is told of the run. */
function open(archive: string): Metadata {
  const content = readFileSync(archive, 'latin1');
  expect(content).toContain('AWS_SECRET_ACCESS_KEY'); // the bundle names it: nothing is compressed
  expectNoCredential({ content });
  const names = execFileSync('tar', ['-tf', archive], { encoding: 'utf8' });
  expect(names).toContain('firehose.js');
  expect(names).not.toMatch(/\.env\b/);
  return JSON.parse(execFileSync('tar', ['-xOf', archive, 'metadata.json'], { encoding: 'utf8' })) as Metadata;
}

describe('k6 archive', () => {
  test('takes no credential along, and the load as it was asked for', async () => {
    const { home, env, flags } = await settled();
    const archive = join(home.path, 'archive.tar');
    const { code, stderr } = await k6(home, env, 'archive', ...flags, '-O', archive, BUNDLE);
    expect(code, stderr).toBe(0);
    const { options } = open(archive);
    expect(options.scenarios.firehose?.vus).toBe(4);
    expect(options.systemTags).toEqual(expect.arrayContaining([...CLOUD_SYSTEM_TAGS]));
  });

  test('is refused what is missing for a run, credentials not among it', async () => {
    const { home, env } = await settled();
    const archive = join(home.path, 'archive.tar');
    const { code, stderr } = await k6(home, env, 'archive', '-O', archive, BUNDLE);
    expect(code).not.toBe(0);
    const lines = [...stderr.matchAll(/(\w+) is missing \([^)]*\): give it by --env/g)].map(([, name]) => name);
    expect(lines).toEqual(['S3_ENDPOINTS', 'S3_BUCKET']);
    expect(stderr).not.toContain('AWS_');
    expect(() => readFileSync(archive)).toThrow('ENOENT');
  });

  test('of several patterns at once by stock k6, which one of them needs more than', async () => {
    const { home, env, flags } = await settled();
    const archive = join(home.path, 'archive.tar');
    const all = join(ROOT, 'build', 'all.js');
    const tests = ['--env', 'S3LOADTEST_TESTS=firehose,listops'];
    const { code, stderr } = await k6(home, env, 'archive', ...flags, ...tests, '-O', archive, all);
    expect(code, stderr).toBe(0);
    const metadata = execFileSync('tar', ['-xOf', archive, 'metadata.json'], { encoding: 'utf8' });
    expect(Object.keys((JSON.parse(metadata) as Metadata).options.scenarios)).toEqual(['firehose', 'listops']);
  });

  test('warns of credentials that --env puts into it', async () => {
    const { home, env, flags } = await settled();
    const given = ['--env', 'AWS_SECRET_ACCESS_KEY=something'];
    const { code, stderr } = await k6(home, env, 'archive', ...flags, ...given, '-O', join(home.path, 'a.tar'), BUNDLE);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/level=warning msg="AWS_SECRET_ACCESS_KEY given by --env: an archive has that in it/);
  });
});

describe('an archive that runs without any file or variable of this machine', () => {
  async function archived() {
    const { home, bucket, env, flags } = await settled();
    const archive = join(home.path, 'archive.tar');
    expect((await k6(home, env, 'archive', ...flags, '-O', archive, BUNDLE)).code).toBe(0);
    const elsewhere = await stage.home();
    const run = (...args: string[]) =>
      k6(elsewhere, bareEnvironment(elsewhere), 'run', '--quiet', '--include-system-env-vars=false', ...args, archive);
    return { bucket, elsewhere, run, archive };
  }

  test.each([
    { what: 'as the variables are called', name: (variable: string) => variable },
    { what: 'without capitals', name: (variable: string) => variable.toLowerCase().replaceAll('_', '-') },
  ])('has credentials from secrets of k6, $what', async ({ name }) => {
    const { bucket, elsewhere, run } = await archived();
    const file = join(elsewhere.path, 'secrets');
    const lines = Object.entries(SECRET).map(([variable, value]) => `${name(variable)}=${value}\n`);
    await writeFile(file, lines.join(''));
    const { code, stdout, stderr } = await run(`--secret-source=file=${file}`);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^FINAL: ops=.*errors=0/m);
    expect(keysIn(stage.site, bucket).length).toBeGreaterThan(10);
    expectNoCredential({ stdout, stderr });
  });

  test('has them from variables that are given there', async () => {
    const { bucket, elsewhere, archive } = await archived();
    const env = { ...bareEnvironment(elsewhere), ...SECRET };
    const { code, stderr } = await k6(elsewhere, env, 'run', '--quiet', archive);
    expect(code, stderr).toBe(0);
    expect(keysIn(stage.site, bucket).length).toBeGreaterThan(10);
  });

  test('says that it has none', async () => {
    const { bucket, run } = await archived();
    const { code, stderr } = await run();
    expect(code).toBe(108);
    for (const variable of Object.keys(SECRET)) {
      expect(stderr).toMatch(new RegExp(`${variable} is missing .*secret \\(no secret sources are configured\\)`));
    }
    expect(keysIn(stage.site, bucket)).toEqual([]);
  });

  test('has the key of SSE-C from there, too, and from nowhere else', async () => {
    const proxy = await startKeyProxy(stage.server.endpoints[0]);
    const { home, env, flags } = await settled();
    const key = randomBytes(32).toString('base64');
    await appendFile(join(home.path, '.env'), `S3LOADTEST_SSE_C_KEY=${key}\n`);
    const archive = join(home.path, 'archive.tar');
    const own = ['--env', `S3_ENDPOINTS=${proxy.endpoint}`, '--env', 'S3LOADTEST_SSE_C=true'];
    const packed = await k6(home, env, 'archive', ...flags, ...own, '-O', archive, BUNDLE);
    expect(packed.code, packed.stderr).toBe(0);
    open(archive);
    expectNoCredential({ archive: readFileSync(archive, 'latin1') }, [key]);

    const elsewhere = await stage.home();
    const file = join(elsewhere.path, 'secrets');
    const run = () => {
      const args = ['run', '--quiet', '--include-system-env-vars=false', `--secret-source=file=${file}`, archive];
      return k6(elsewhere, bareEnvironment(elsewhere), ...args);
    };
    const credentials = Object.entries(SECRET).map(([variable, value]) => `${variable}=${value}\n`);
    await writeFile(file, credentials.join(''));
    const lacking = await run();
    expect(lacking).toMatchObject({
      code: 108,
      stderr: expect.stringMatching(
        /S3LOADTEST_SSE_C_KEY is missing: give 32 bytes in base64.*, or have k6 give it as a secret/,
      ),
    });
    expect(proxy.asked).toEqual([]);
    await writeFile(file, [...credentials, `S3LOADTEST_SSE_C_KEY=${key}\n`].join(''));
    const { code, stdout, stderr } = await run();
    proxy.stop();
    expect(code, stderr).toBe(0);
    const writes = proxy.asked.filter(({ op }) => op === 'PUT');
    expect(writes.length).toBeGreaterThan(2);
    for (const write of writes) expect(write.key?.[1]).toBe(key);
    expectNoCredential({ stdout, stderr }, [key]);
  });

  test('says that a secret is none, without showing it', async () => {
    const { elsewhere, run } = await archived();
    const file = join(elsewhere.path, 'secrets');
    await writeFile(file, 'AWS_ACCESS_KEY_ID=two words\nAWS_SECRET_ACCESS_KEY=hush/hush\n');
    const { code, stderr } = await run(`--secret-source=file=${file}`);
    expect(code).toBe(108);
    expect(stderr).toContain('the secret AWS_ACCESS_KEY_ID is (not shown): give an access key');
    expect(stderr).not.toContain('two words');
  });
});

/** Against what stands in for its API: what k6 sends is real, what the real service makes of it is not tried here. */
describe('k6 cloud run', () => {
  test('uploads no credential', async () => {
    const { home, env, flags } = await settled();
    const cloud = await startCloud({});
    try {
      const all = { ...env, ...cloud.environment };
      const { stderr, stdout } = await k6(home, all, 'cloud', 'run', '--exit-on-running', ...flags, BUNDLE);
      const upload = cloud.received.find(({ what }) => what === 'POST /cloud/v6/projects/1/load_tests');
      expect(upload?.body, stdout + stderr).toContain('AWS_SECRET_ACCESS_KEY');
      expect(cloud.received.map(({ what }) => what)).toContain('POST /cloud/v6/load_tests/7/start');
      expectNoCredential(Object.fromEntries(cloud.received.map(({ what, body }) => [what, body])));
    } finally {
      cloud.stop();
    }
  });

  test('--local-execution uploads none, either, and has them from secrets of the cloud', async () => {
    const { home, bucket, env, flags } = await settled();
    await mkdir(join(home.data, 'results'), { recursive: true });
    const cloud = await startCloud(SECRET);
    try {
      const all = { ...env, ...cloud.environment };
      const { code, stderr, stdout } = await k6(home, all, 'cloud', 'run', '--local-execution', ...flags, BUNDLE);
      expect(code, stdout + stderr).toBe(0);
      const said = cloud.received.map(({ what }) => what);
      expect(said).toEqual(
        expect.arrayContaining(['PUT /archive', 'GET /secrets/AWS_SECRET_ACCESS_KEY', 'POST /push']),
      );
      expect(keysIn(stage.site, bucket).length).toBeGreaterThan(10);
      expectNoCredential(Object.fromEntries(cloud.received.map(({ what, body }) => [what, body])));
    } finally {
      cloud.stop();
    }
  });
});

test('s3loadtest run --out cloud sends samples with the tags that k6 Cloud does not go without', async () => {
  const { home, env } = await settled();
  const cloud = await startCloud({});
  try {
    const options = ['--out', 'cloud', '--duration', '1s', '--size', '1KB', '--concurrency', '2'];
    const own = { ...env, ...cloud.environment };
    const { code, stdout, stderr } = await new Program(
      process.execPath,
      [CLI, 'run', 'firehose', ...options],
      own,
      home.path,
    ).ended;
    expect(code, stdout + stderr).toBe(0);
    expect(cloud.received.map(({ what }) => what)).toContain('POST /v2/metrics/42');
    expectNoCredential(Object.fromEntries(cloud.received.map(({ what, body }) => [what, body])));
  } finally {
    cloud.stop();
  }
});
