/** Credentials as AWS's own tools find them: one set from one place, renewed where a run outlasts it. */
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseResult, sum } from '../../lib/result/result';
import { startKeyedProxy } from '../flaky-proxy';
import { makeCertificates, temporaryFolder } from '../servers';
import {
  CLI,
  environment,
  expectNoCredential,
  keysIn,
  listen,
  newBucket,
  openStage,
  Program,
  type Stage,
  stockK6,
} from '../stage';

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage?.stop());

const LOAD = ['run', 'firehose', '--size', '1KB', '--concurrency', '2', '--json'];

/** A home with this as its ~/.aws/config, and an environment without keys. */
async function withConfig(config: string, more: NodeJS.ProcessEnv = {}, site = stage.site) {
  const home = await stage.home();
  await mkdir(join(home.path, '.aws'));
  await writeFile(join(home.path, '.aws', 'config'), config);
  const bucket = await newBucket(site);
  const { AWS_ACCESS_KEY_ID: _id, AWS_SECRET_ACCESS_KEY: _key, ...env } = environment(stage, home, site.server, bucket);
  const run = (...args: string[]) =>
    new Program(process.execPath, [CLI, ...args], { ...env, ...more }, home.path).ended;
  return { run, home, bucket };
}

const profile = () => `[profile bench]
aws_access_key_id = ${stage.server.accessKeyId}
aws_secret_access_key = ${stage.server.secretAccessKey}
`;

describe('a profile', () => {
  test('is taken where AWS_PROFILE names it, by run, cleanup and keys', async () => {
    // A token of other credentials is none of this set.
    const { run, bucket, home } = await withConfig(profile(), { AWS_PROFILE: 'bench', AWS_SESSION_TOKEN: 'of others' });
    const { code, stdout, stderr } = await run(...LOAD, '--duration', '1s');
    expect(code, stderr).toBe(0);
    expectNoCredential({ stdout, stderr });
    expect((await run('keys')).code).toBe(0);
    expect((await run('cleanup', '--yes')).code).toBe(0);
    expect(keysIn(stage.site, bucket)).toEqual([]);
    expect(home.path).not.toBe('');
  });

  test.each(['native', 'http'])(
    'has the region that nothing else names, by %s',
    async (backend) => {
      const site = await stage.another({ region: 'eu-test-1' });
      const env = { AWS_PROFILE: 'bench', S3LOADTEST_BACKEND: backend, AWS_REGION: '' };
      const { run } = await withConfig(`${profile()}region = eu-test-1\n`, env, site);
      const { code, stderr } = await run(...LOAD, '--duration', '1s');
      expect(code, stderr).toBe(0);
      // One that the user names comes first.
      Object.assign(env, { AWS_REGION: 'us-east-1' });
      expect((await run(...LOAD, '--duration', '1s')).stderr).toContain('AWS_REGION "us-east-1" is not the region');
    },
    60_000,
  );

  test.each([
    {
      args: [],
      env: { AWS_PROFILE: 'nope' },
      says: /^AWS_PROFILE is "nope", and AWS's provider chain gives no credentials \(.+\): `aws sts get-caller-identity` shows/,
    },
    {
      args: ['--credentials', 'aws'],
      env: { AWS_EC2_METADATA_DISABLED: 'true' },
      says: /^S3LOADTEST_CREDENTIALS is aws, and AWS's provider chain gives no credentials \(/,
    },
    { args: [], env: {}, says: /^AWS_ACCESS_KEY_ID is missing/ },
  ])('$env $args: what is wrong is one line', async ({ args, env, says }) => {
    const { run } = await withConfig(profile(), env);
    const { code, stderr } = await run(...LOAD, '--duration', '1s', ...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(says);
    expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(2);
  });
});

test('the CA that AWS_CA_BUNDLE names is trusted, in load and in cleanup', async () => {
  const tls = await makeCertificates(await temporaryFolder());
  const site = await stage.another({ tls });
  const home = await stage.home();
  const env = { ...environment(stage, home, site.server, await newBucket(site)), S3_VERIFY_SSL: 'true' };
  const run = (more: NodeJS.ProcessEnv, ...args: string[]) =>
    new Program(process.execPath, [CLI, ...args], { ...env, ...more }, home.path).ended;
  expect((await run({}, ...LOAD, '--duration', '1s')).stderr).toMatch(/certificate of \S+ is not trusted/);
  const trusting = { AWS_CA_BUNDLE: tls.ca };
  for (const args of [
    [...LOAD, '--duration', '1s'],
    ['cleanup', '--yes'],
  ]) {
    const { code, stderr } = await run(trusting, ...args);
    expect(code, stderr).toBe(0);
  }
});

test("a container's role is asked for by AWS's own protocol", async () => {
  const { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey } = stage.server;
  const role = createServer((request, response) => {
    if (request.headers.authorization !== 'pod token') return response.writeHead(401).end();
    const Expiration = new Date(Date.now() + 3_600_000).toISOString();
    return response.end(JSON.stringify({ AccessKeyId, SecretAccessKey, Token: '', Expiration }));
  });
  const port = await listen(role);
  const { run } = await withConfig('', {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${port}/role`,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: 'pod token',
  });
  const { code, stderr } = await run(...LOAD, '--duration', '1s', '--credentials', 'aws');
  role.close();
  expect(code, stderr).toBe(0);
});

describe('credentials that end before the run does', () => {
  const VALID_MS = 8_000;
  /** A program that gives a new set each time, with when it was made in its access key. */
  const PROCESS = `#!/bin/sh
now=$(date +%s%3N)
echo "{\\"Version\\":1,\\"AccessKeyId\\":\\"AKID$now\\",\\"SecretAccessKey\\":\\"s$now\\",\\"SessionToken\\":\\"t$now\\",\\"Expiration\\":\\"$(date -u -d "+${VALID_MS / 1000} seconds" +%Y-%m-%dT%H:%M:%SZ)\\"}"
`;
  const isValid = (key: string) => Date.now() < Number(key.slice(4)) + VALID_MS;

  async function outlasting(more: (home: Awaited<ReturnType<Stage['home']>>) => Promise<NodeJS.ProcessEnv>) {
    const proxy = await startKeyedProxy(stage.server, isValid);
    const program = join(stage.folder, 'credentials.sh');
    await writeFile(program, PROCESS, { mode: 0o755 });
    const env: NodeJS.ProcessEnv = { AWS_PROFILE: 'bench', S3_ENDPOINTS: proxy.endpoint };
    const { run, home } = await withConfig(`[profile bench]\ncredential_process = ${program}\n`, env);
    Object.assign(env, await more(home));
    return { proxy, run };
  }

  test.each(['native', 'http'])('are renewed in mid-run, by %s', async (backend) => {
    const { proxy, run } = await outlasting(async () => ({ S3LOADTEST_BACKEND: backend }));
    const { code, stdout, stderr } = await run(...LOAD, '--duration', '12s');
    await proxy.stop();
    expect(code, stderr).toBe(0);
    expect(sum(parseResult(stdout).totals).errors, stderr).toBe(0);
    expect(proxy.keys.size).toBeGreaterThan(2);
    expect(stdout + stderr).not.toMatch(/AKID\d/);
  });

  test('are told to end where a stock k6 can not take others', async () => {
    const { proxy, run } = await outlasting(async (home) => ({ S3LOADTEST_K6: await stockK6(stage, home) }));
    const { stderr } = await run(...LOAD, '--duration', '11s');
    await proxy.stop();
    expect(stderr).toMatch(
      /^warning: the credentials end at 20\S+Z, before the run does, and can't be renewed there$/m,
    );
    expect(stderr).toMatch(/ExpiredToken/);
  });
});
