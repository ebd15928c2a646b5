/** Encryption with a key of one's own (SSE-C): which requests have the key, that nothing else shows it, and a store that does it. */
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseResult, sum } from '../../lib/result/result';
import { createSigner, UNSIGNED_PAYLOAD } from '../../lib/s3/sign';
import { keyHeaders } from '../../lib/s3/sse-c';
import { nodeHashes } from '../../runners/bucket/hashes';
import { startKeyProxy } from '../key-proxy';
import { RGW_COMMANDS, startRgw } from '../rgw';
import { makeCertificates, missing, temporaryFolder } from '../servers';
import {
  alive,
  CLI,
  environment,
  expectNoCredential,
  type Home,
  newBucket,
  notRun,
  openStage,
  Program,
  type Stage,
} from '../stage';

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage?.stop());

const BYTES = randomBytes(32);
const KEY = BYTES.toString('base64');
const MD5 = createHash('md5').update(BYTES).digest('base64');
const SSE_C = { S3LOADTEST_SSE_C_KEY: KEY };

async function start(backend: string, endpoint: string, args: readonly string[], more: NodeJS.ProcessEnv = SSE_C) {
  const home = await stage.home();
  const env = environment(stage, home, stage.site.server, await newBucket(stage.site));
  const own = { ...env, S3_ENDPOINTS: endpoint, S3LOADTEST_BACKEND: backend, ...more };
  return { home, program: new Program(process.execPath, [CLI, 'run', ...args], own, home.path) };
}

/** All that is in files below a folder, by name. */
function filesOf({ path }: Home): Record<string, string> {
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map(({ parentPath, name }) => [name, readFileSync(join(parentPath, name), 'latin1')]),
  );
}

/** The command lines of the load, and of whatever has the key on it. */
function commandLines(): string {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && alive(Number(name)));
  const lines = all.map((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    } catch {
      return ''; // It has ended meanwhile.
    }
  });
  return lines.filter((line) => line.includes('firehose.js') || line.includes(KEY)).join('\n');
}

describe.each(['native', 'http'])('--sse-c, by %s', (backend) => {
  test('sends the key, signed, with what writes and reads objects; nothing else shows it', async () => {
    const proxy = await startKeyProxy(stage.server.endpoints[0]);
    const load = ['firehose', '--size', '1KB,9MB', '--concurrency', '2', '--duration', '3s', '--sse-c'];
    const { home, program } = await start(backend, proxy.endpoint, load);
    await expect.poll(commandLines, { timeout: 60_000 }).toContain('firehose.js');
    const processes = commandLines();
    const { code, stdout, stderr } = await program.ended;
    proxy.stop();
    expect(code, stderr).toBe(0);
    const keyed = new Set(proxy.asked.filter(({ key }) => key !== undefined).map(({ op }) => op));
    expect(keyed).toEqual(new Set(['PUT', 'GET', 'HEAD', 'POST uploads', 'PUT partNumber']));
    const others = new Set(proxy.asked.filter(({ key }) => key === undefined).map(({ op }) => op));
    expect([...others].filter((op) => keyed.has(op))).toEqual([]);
    expect(others).toContain('POST uploadId');
    for (const { key, source, signed } of proxy.asked.filter((one) => one.key !== undefined)) {
      expect({ key, source }).toEqual({ key: ['AES256', KEY, MD5], source: undefined });
      expect(signed).toContain('x-amz-server-side-encryption-customer-key;');
    }
    const files = filesOf(home);
    const [result = '{}'] = Object.entries(files).flatMap(([name, text]) => (name === 'result.json' ? [text] : []));
    expect(JSON.parse(result).run.config).toMatchObject({ sseC: true });
    expect(processes).toContain('firehose.js');
    const encoded = [KEY, BYTES.toString('hex'), encodeURIComponent(KEY), KEY.replaceAll('/', '\\/'), MD5];
    expectNoCredential({ ...files, processes, stdout, stderr }, encoded);
  });

  test('copies with it, and asks for attributes', async () => {
    const proxy = await startKeyProxy(stage.server.endpoints[0]);
    const home = await stage.home();
    const file = join(home.path, 'copies.yaml');
    const shares = '{PUT: 40, COPY: 30, GET_OBJECT_ATTRIBUTES: 10, HEAD: 10, PUT_OBJECT_TAGGING: 10}';
    await writeFile(file, `name: copies\noperations: ${shares}\nobjects: {sizes: 1KB}\nvus: 2\nduration: 2s\n`);
    const { program } = await start(backend, proxy.endpoint, [file, '--sse-c', '--json']);
    const { code, stdout, stderr } = await program.ended;
    proxy.stop();
    expect(code, stderr).toBe(0);
    expect(sum(parseResult(stdout).totals).errors).toBe(0);
    const all = [...new Set(proxy.asked.map(({ op, key, source }) => JSON.stringify([op, key, source])))];
    const own = ['AES256', KEY, MD5];
    const asked = all.map((text) => JSON.parse(text));
    expect(asked).toContainEqual(['PUT', own, own]);
    expect(asked).toContainEqual(['GET attributes', own, null]);
  });

  test('a store that takes no notice of the key is refused, and so is a run without one', async () => {
    const load = ['firehose', '--size', '1KB', '--duration', '1s', '--sse-c'];
    const deaf = await start(backend, stage.server.endpoints[0], load);
    expect(await deaf.program.ended).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/does not say that it encrypts with the key: leave --sse-c out$/m),
    });
    const keyless = await start(backend, stage.server.endpoints[0], load, {});
    expect(await keyless.program.ended).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^--sse-c is true, and S3LOADTEST_SSE_C_KEY is missing: give 32 bytes in base64/),
    });
  });
});

test('a key on the command line is refused, and not shown', async () => {
  const header = ['--header', `x-amz-server-side-encryption-customer-key: ${KEY}`];
  const { program } = await start('native', stage.server.endpoints[0], ['firehose', ...header]);
  const { code, stdout, stderr } = await program.ended;
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('S3LOADTEST_SSE_C_KEY') });
  expectNoCredential({ stdout, stderr }, [KEY]);
});

const lacking = await missing(RGW_COMMANDS);
if (lacking.length > 0) notRun('objects that are encrypted at Ceph RGW', lacking.join(', '));

describe.runIf(lacking.length === 0)('at Ceph RGW', () => {
  let rgw: Awaited<ReturnType<typeof startRgw>>;

  beforeAll(async () => {
    const folder = await temporaryFolder();
    rgw = await startRgw(folder, await makeCertificates(folder));
  }, 120_000);
  afterAll(() => rgw?.stop());

  /** The status of a GET with these headers, and its bytes. */
  async function read(path: string, headers: Record<string, string>): Promise<{ status: number; body: Buffer }> {
    const { endpoints, region, accessKeyId, secretAccessKey } = rgw.plain;
    const host = new URL(endpoints[0]).host;
    const signer = createSigner(nodeHashes, { accessKeyId, secretAccessKey }, region, host);
    const signed = signer.signWith('GET', path, '', headers, UNSIGNED_PAYLOAD);
    const answer = await fetch(endpoints[0] + path, { headers: signed });
    return { status: answer.status, body: Buffer.from(await answer.arrayBuffer()) };
  }

  test.each([
    { backend: 'native', more: ['--verify', '--checksum', 'crc32c'] },
    { backend: 'http', more: [] },
  ])('objects are written, in parts, too, and read with the key only, by $backend', async ({ backend, more }) => {
    const home = await stage.home();
    const bucket = `keyed-${backend}`;
    const env = { ...environment(stage, home, rgw.plain, bucket), S3LOADTEST_BACKEND: backend, ...SSE_C };
    const program = (...args: string[]) => new Program(process.execPath, [CLI, ...args], env, home.path).ended;
    const load = [
      'firehose',
      '--size',
      '1KB,9MB',
      '--concurrency',
      '2',
      '--duration',
      '2s',
      '--create-bucket',
      '--json',
    ];
    const { code, stdout, stderr } = await program('run', ...load, '--sse-c', ...more);
    expect(code, stderr).toBe(0);
    const { totals } = parseResult(stdout);
    expect(sum(totals).errors).toBe(0);
    expect(totals.find(({ op }) => op === 'GET')?.ops).toBeGreaterThan(0);

    await program('keys');
    const [key = ''] = Object.values(filesOf(home)).flatMap((text) => /^loadtest\/\S*\/1KB\/\S+$/m.exec(text) ?? []);
    const path = `/${bucket}/${key}`;
    expect((await read(path, {})).status).toBe(400);
    const { status, body } = await read(path, keyHeaders({ key: KEY, md5: MD5 }, 'object'));
    expect({ status, bytes: body.length }).toEqual({ status: 200, bytes: 1024 });
    const cleaned = await program('cleanup', '--yes');
    expect(cleaned.code, cleaned.stderr).toBe(0);
  });
});
