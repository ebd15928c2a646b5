/** `s3loadtest cleanup`, `keys` and `init-data` as users start them: the built CLI against a real S3 server. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest } from 'node:http';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROOT } from '../k6';
import { makeCertificates, missing } from '../servers';
import {
  bareEnvironment,
  CLI,
  type Ended,
  environment,
  expectNoCredential,
  type Home,
  keysIn,
  listen,
  newBucket,
  notRun,
  openStage,
  Program,
  type Site,
  type Stage,
  works,
} from '../stage';

const hasBoto3 = works('python3', '-c', 'import boto3');
// By a constant: knip takes a name in a call for a package's command.
const SCRIPT = 'script';
const hasScript = works(SCRIPT, '--version');
const noOpenssl = await missing(['openssl']);
// A mount namespace of its own: the file system goes with the command, however that ends.
const inNamespace = [['-m'], ['-r', '-m']].find((flags) =>
  works('unshare', ...flags, 'mount', '-t', 'tmpfs', '-o', 'size=32k', 'tmpfs', '/tmp'),
);
let stage: Stage;
const stops: Array<() => void> = [];

beforeAll(async () => {
  stage = await openStage();
});

afterAll(async () => {
  for (const stop of stops) stop();
  await stage?.stop();
});

/** A bucket, folders and an environment of a test's own. */
async function setting(site: Site = stage.site) {
  const home = await stage.home();
  const bucket = await newBucket(site);
  const env: NodeJS.ProcessEnv = {
    ...environment(stage, home, site.server, bucket),
    S3LOADTEST_KEY_DIR: join(home.data, 'keys'),
  };
  const put = async (key: string, bytes: number) => {
    const path = join(site.buckets, bucket, key);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, 'x'.repeat(bytes));
  };
  return { home, bucket, env, put, keys: () => keysIn(site, bucket).sort() };
}

const BYTES: Readonly<Record<string, number>> = { '1B': 1, '1KB': 1024, '2KB': 2048 };

/** A key of the layout. */
const keyOf = (n: number, { worker = 'w0', size = '1KB', test = 'firehose', prefix = 'loadtest/' } = {}) =>
  `${prefix}${worker}/${size}/${test}/${1_700_000_000_000_000 + n}/0-abcd-${n}`;

function start(command: string, home: Home, env: NodeJS.ProcessEnv, ...options: string[]): Program {
  return new Program(process.execPath, [CLI, command, ...options], env, home.path);
}

function run(command: string, home: Home, env: NodeJS.ProcessEnv, ...options: string[]): Promise<Ended> {
  return start(command, home, env, ...options).ended;
}

/** One line on standard error, nothing on standard output, no stack, no credential. */
function expectRefused({ code, stdout, stderr }: Ended, says: RegExp): void {
  expect(stderr).toMatch(says);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  expect(stdout).toBe('');
  expect(code).toBe(2);
  expectNoCredential({ stderr });
}

/** Passes requests on to the server, unless the hook answers. */
async function startFront(
  hook: (method: string, url: string, body: string) => Promise<[status: number, body: string] | undefined>,
): Promise<string> {
  const target = new URL(stage.server.endpoints[0]);
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', url = '', headers } = request;
    const body = Buffer.concat(chunks);
    const own = await hook(method, url, body.toString());
    if (own) return response.writeHead(own[0]).end(own[1]);
    const { hostname, port } = target;
    const onward = httpRequest({ hostname, port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.rawHeaders);
      answer.pipe(response);
    });
    onward.on('error', () => request.socket.destroy()).end(body);
  });
  const port = await listen(server);
  stops.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${port}`;
}

const errorXml = (code: string) => `<Error><Code>${code}</Code><Message>said ${code}</Message></Error>`;

describe('cleanup', () => {
  describe('in a bucket that holds foreign keys, too', () => {
    const foreign = [
      'loadtest/notes.txt',
      'loadtest/w0/1KB/firehose/1700000000000000/x/report.doc',
      'loadtest/w0/1KB/firehose/readme',
      'loadtest/w0/documents/firehose/1700000000000000/x',
      'loadtest2/w0/1KB/firehose/1700000000000000/x',
      'production/2026/db.dump',
      'production/w0/1KB/firehose/1700000000000000/x',
    ];
    let own: Awaited<ReturnType<typeof setting>>;
    const ownKeys: string[] = [];
    const sizes: Record<string, number> = {};

    beforeAll(async () => {
      own = await setting();
      for (const key of foreign) await own.put(key, 7);
      for (const worker of ['w0', 'rack-7.a'])
        for (const size of ['1B', '1KB'])
          for (const of of ['firehose', 'heavy-read'])
            for (let n = 0; n < 5; n++) ownKeys.push(keyOf(n, { worker, size, test: of }));
      for (const key of ownKeys) await own.put(key, BYTES[key.split('/')[2] as string] as number);
      for (const key of foreign) sizes[key] = 7;
    });

    test('it refuses, tells how many and which, and deletes nothing', async () => {
      const ended = await run('cleanup', own.home, own.env, '--yes');
      expectRefused(
        ended,
        /prefix "loadtest\/" holds 4 keys that are not s3loadtest's \(loadtest\/notes\.txt, .* …\), and nothing was deleted: .*--include-foreign/,
      );
      expect(own.keys()).toEqual([...foreign, ...ownKeys].sort());
    });

    test('with --include-foreign it goes on, and deletes its own and no other', async () => {
      const { code, stdout, stderr } = await run('cleanup', own.home, own.env, '--yes', '--include-foreign');
      expect(code, stderr).toBe(0);
      expect(stdout).toMatch(/^w0 +1KB +firehose +5 +5\.0KB$/m);
      expect(stdout).toMatch(/^rack-7\.a +1B +heavy-read +5 +5B$/m);
      expect(stdout).toMatch(/^total +40 +20\.0KB$/m);
      expect(stdout).toMatch(/^deleted 40 objects \(20\.0KB\) in [\d.]+s, [\d,]+\/s$/m);
      expect(stderr).toBe('');
      expect(own.keys()).toEqual(foreign);
      expectNoCredential({ stdout, stderr });
    });

    if (hasBoto3) {
      test('boto3 sees each foreign key, with its bytes, and nothing else', () => {
        const listing = execFileSync('python3', [join(ROOT, 'test', 'list-bucket.py')], { env: own.env });
        expect(JSON.parse(listing.toString())).toEqual(sizes);
      });
    } else notRun('boto3 lists what cleanup left', 'python3 with boto3');

    test('a second time there is nothing to delete', async () => {
      const { code, stdout } = await run('cleanup', own.home, own.env, '--yes', '--include-foreign');
      expect(stdout).toMatch(/^nothing to delete under "loadtest\/" in "/);
      expect(code).toBe(0);
      expect(own.keys()).toEqual(foreign);
    });
  });

  test('--prefix names what is deleted, and what is not', async () => {
    const { home, env, put, keys } = await setting();
    const [mine, other] = [keyOf(1, { prefix: 'a/b/' }), keyOf(1)];
    for (const key of [mine, other]) await put(key, 1024);
    const { code, stderr } = await run('cleanup', home, env, '--yes', '--prefix', 'a/b/');
    expect(code, stderr).toBe(0);
    expect(keys()).toEqual([other]);
  });

  test('--json prints what was found and done, and nothing else on standard output', async () => {
    const { home, env, put } = await setting();
    for (let n = 0; n < 3; n++) await put(keyOf(n), 1024);
    const { code, stdout, stderr } = await run('cleanup', home, env, '--yes', '--json');
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      bucket: env.S3_BUCKET,
      prefix: 'loadtest/',
      versions: false,
      found: {
        holdings: [{ worker: 'w0', size: '1KB', test: 'firehose', objects: 3, bytes: 3072 }],
        objects: 3,
        bytes: 3072,
        foreign: { objects: 0, examples: [] },
        uploads: 0,
      },
      deleted: { objects: 3, bytes: 3072, uploads: 0 },
      failed: {},
      interrupted: false,
    });
    expect(stderr).toMatch(/^total +3 +3\.0KB$/m);
  });

  describe('what it refuses', () => {
    test('to delete unasked where there is nobody to ask, before any request', async () => {
      const { home, env } = await setting();
      const ended = await run('cleanup', home, { ...env, S3_ENDPOINTS: 'http://127.0.0.1:1' });
      expectRefused(ended, /^cleanup asks before it deletes, and here is no terminal to ask on: give --yes$/m);
    });

    test.each([
      { options: ['--prefix', ''], says: /^--prefix is empty: give/ },
      { options: ['--prefix', ' '], says: /^--prefix is empty: give/ },
      { options: ['--prefix', '/'], says: /^--prefix is "\/": give/ },
      { options: ['--prefix', 'loadtest'], says: /^--prefix is "loadtest": give/ },
      { options: ['--prefix', '../'], says: /^--prefix is "\.\.\/": give/ },
    ])('$options', async ({ options, says }) => {
      const { home, env, put, keys } = await setting();
      await put(keyOf(1), 1024);
      expectRefused(await run('cleanup', home, env, '--yes', ...options), says);
      expect(keys()).toEqual([keyOf(1)]);
    });

    test('a prefix that a script has left empty', async () => {
      const { home, env } = await setting();
      const ended = await run('cleanup', home, { ...env, S3LOADTEST_PREFIX: '' }, '--yes');
      expectRefused(ended, /^S3LOADTEST_PREFIX is empty: give/);
    });

    test.each(['--worker-id', '--duration', '--nonsense'])('%s, an option it does not have', async (option) => {
      const { home, env } = await setting();
      const { code, stderr } = await run('cleanup', home, env, '--yes', option, 'x');
      expect(stderr).toMatch(new RegExp(`^error: unknown option '${option}'$`, 'm'));
      expect(code).toBe(2);
    });

    test.each([
      {
        of: 'a wrong secret',
        env: { AWS_SECRET_ACCESS_KEY: 'wrong' },
        says: /^AWS_SECRET_ACCESS_KEY is not the secret of/,
      },
      { of: 'an unknown access key', env: { AWS_ACCESS_KEY_ID: 'NOBODY' }, says: /^AWS_ACCESS_KEY_ID is not known to/ },
      { of: 'no such bucket', env: { S3_BUCKET: 'none-such' }, says: /^S3_BUCKET "none-such" is not at/ },
      {
        of: 'another region',
        env: { AWS_REGION: 'eu-9' },
        says: /^AWS_REGION "eu-9" is not the region.*give "us-east-1"/,
      },
      {
        of: 'nobody there',
        env: { S3_ENDPOINTS: 'http://127.0.0.1:1' },
        says: /^S3_ENDPOINTS: nothing listens at 127/,
      },
    ])('$of', async ({ env: more, says }) => {
      const { home, env } = await setting();
      for (const command of ['cleanup', 'keys']) {
        const options = command === 'cleanup' ? ['--yes'] : [];
        expectRefused(await run(command, home, { ...env, ...more }, ...options), says);
      }
      expect(existsSync(join(home.data, 'keys'))).toBe(false);
    });

    test('missing settings, all at once', async () => {
      const { home } = await setting();
      const { code, stderr } = await run('cleanup', home, bareEnvironment(home), '--yes');
      expect(stderr.match(/^\w+ is missing /gm)).toEqual([
        'S3_ENDPOINTS is missing ',
        'AWS_ACCESS_KEY_ID is missing ',
        'AWS_SECRET_ACCESS_KEY is missing ',
        'S3_BUCKET is missing ',
      ]);
      expect(code).toBe(2);
    });
  });

  if (noOpenssl.length === 0) {
    test('TLS, verified by the CA that SSL_CERT_FILE names', async () => {
      const tls = await makeCertificates(stage.folder);
      const site = await stage.another({ tls });
      const { home, env, put, keys } = await setting(site);
      await put(keyOf(1), 1024);
      const verified = { ...env, S3_VERIFY_SSL: 'true' };
      expectRefused(
        await run('cleanup', home, verified, '--yes'),
        /^S3_VERIFY_SSL is true, and the certificate of .* is not trusted/,
      );
      const { code, stderr } = await run('cleanup', home, { ...verified, SSL_CERT_FILE: tls.ca }, '--yes');
      expect(code, stderr).toBe(0);
      expect(keys()).toEqual([]);
    });
  } else notRun('cleanup over TLS', 'openssl');

  describe('the question', () => {
    /** Answers on a pseudo-terminal, once it is asked. */
    async function answer(home: Home, env: NodeJS.ProcessEnv, input: string, ...options: string[]) {
      const words = [process.execPath, CLI, 'cleanup', ...options].map((word) => `'${word}'`).join(' ');
      const child = spawn(SCRIPT, ['-qec', `exec ${words}`, '/dev/null'], { env, cwd: home.path });
      let stdout = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        if (!stdout.includes('[y/N]') && (stdout + text).includes('[y/N]')) child.stdin.write(input);
        stdout += text;
      });
      const [status] = await once(child, 'close');
      return { status, stdout };
    }

    if (hasScript) {
      test.each(['n\n', '\n', 'yesterday\n', '\u0004'])('%j is no', async (input) => {
        const { home, env, put, keys } = await setting();
        await put(keyOf(1), 1024);
        const { status, stdout } = await answer(home, env, input);
        expect(stdout).toMatch(/Delete 1 objects \(1\.0KB\) under "loadtest\/" in "bucket-\d+"\? \[y\/N\] /);
        expect(stdout).toMatch(/nothing was deleted\r\n$/);
        expect(status).toBe(1);
        expect(keys()).toEqual([keyOf(1)]);
      });

      test.each(['y\n', 'Yes\n'])('%j is yes', async (input) => {
        const { home, env, put, keys } = await setting();
        for (const key of [keyOf(1), 'loadtest/notes']) await put(key, 1024);
        const { status, stdout } = await answer(home, env, input, '--include-foreign');
        expect(stdout).toMatch(/Delete 1 objects \(1\.0KB\) .* \(1 other key stay\)\? \[y\/N\] /);
        expect(status, stdout).toBe(0);
        expect(keys()).toEqual(['loadtest/notes']);
      });

      test('Ctrl-C is no, too', async () => {
        const { home, env, put, keys } = await setting();
        await put(keyOf(1), 1024);
        const { status, stdout } = await answer(home, env, '\u0003');
        expect(stdout).toMatch(/SIGINT: nothing was deleted\r\n$/);
        expect(status).toBe(1);
        expect(keys()).toEqual([keyOf(1)]);
      });
    } else notRun('the question on a terminal', 'script (util-linux)');
  });

  describe('a deletion of many', () => {
    const MANY = 20_000;

    test('that is interrupted ends what is under way and says how far it came; the same command goes on', async () => {
      const { home, env, put, keys } = await setting();
      for (let n = 0; n < MANY; n += 100) {
        await Promise.all(Array.from({ length: 100 }, (_, i) => put(keyOf(n + i, { size: '1B' }), 1)));
      }
      let batches = 0;
      let program: Program | undefined;
      const endpoint = await startFront(async (method, url, body) => {
        if (method !== 'POST' || !url.includes('delete=')) return undefined;
        expect(body.match(/<Object>/g)?.length).toBeLessThanOrEqual(1000);
        if (++batches === 1) program?.kill('SIGINT');
        // Those that are under way by then are to be waited for.
        await sleep(300);
        return undefined;
      });
      program = start('cleanup', home, { ...env, S3_ENDPOINTS: endpoint }, '--yes');
      const first = await program.ended;
      const left = keys().length;
      expect(first.code, first.stderr).toBe(1);
      expect(left).toBe(MANY - batches * 1000);
      expect(left).toBeGreaterThan(0);
      const gone = (MANY - left).toLocaleString('en-US');
      expect(first.stderr).toBe(`SIGINT: ${gone} of 20,000 objects are gone; the same command goes on with the rest\n`);

      const second = await run('cleanup', home, env, '--yes');
      expect(second.code, second.stderr).toBe(0);
      expect(second.stdout).toMatch(new RegExp(`^total +${left.toLocaleString('en-US')} `, 'm'));
      expect(keys()).toEqual([]);
    });
  });

  test('what a server refuses key by key is counted by code, the rest goes, and that is no success', async () => {
    const { home, env, put, keys } = await setting();
    for (let n = 0; n < 4; n++) await put(keyOf(n), 1024);
    const endpoint = await startFront(async (method, _, body) => {
      if (method !== 'POST' || !body.includes(keyOf(2))) return undefined;
      const error = errorXml('AccessDenied').replace('<Error>', `<Error><Key>${keyOf(2)}</Key>`);
      return [200, `<DeleteResult>${error}</DeleteResult>`];
    });
    const { code, stdout, stderr } = await run('cleanup', home, { ...env, S3_ENDPOINTS: endpoint }, '--yes');
    expect(stdout).toMatch(/^deleted 3 objects \(3\.0KB\)/m);
    expect(stderr).toBe(`error: 1 not deleted, AccessDenied: ${keyOf(2)}: said AccessDenied\n`);
    expect(code).toBe(1);
    expect(keys()).toHaveLength(4); // the answer was the test's own
  });

  test('credentials that may list and not delete end it at the first batch', async () => {
    const { home, env, put, keys } = await setting();
    for (let n = 0; n < 4; n++) await put(keyOf(n), 1024);
    const endpoint = await startFront(async (method) =>
      method === 'POST' ? [403, errorXml('AccessDenied')] : undefined,
    );
    const { code, stderr } = await run('cleanup', home, { ...env, S3_ENDPOINTS: endpoint }, '--yes');
    expect(stderr).toMatch(
      /^error: S3_BUCKET "bucket-\d+": the credentials may not delete from it at .*; 0 of 4 objects are gone; .*\nerror: 4 not deleted, AccessDenied: /,
    );
    expect(code).toBe(1);
    expect(keys()).toHaveLength(4);
  });

  test('a listing that fails on the way deletes nothing that was not listed', async () => {
    const { home, env, put, keys } = await setting();
    await put(keyOf(1), 1024);
    const endpoint = await startFront(async (_, url) =>
      url.includes('prefix=loadtest%2Fw0%2F1KB%2Ffirehose') ? [500, errorXml('InternalError')] : undefined,
    );
    const { code, stderr } = await run('cleanup', home, { ...env, S3_ENDPOINTS: endpoint }, '--yes');
    expect(stderr).toMatch(
      /^error: S3_ENDPOINTS: .* does not let us list .*500 InternalError.*; nothing was deleted\n$/,
    );
    expect(code).toBe(1);
    expect(keys()).toEqual([keyOf(1)]);
  });

  if (hasBoto3) {
    describe('in a bucket that keeps versions', () => {
      let own: Awaited<ReturnType<typeof setting>>;
      let ids: { versions: [key: string, version: string][]; uploads: string[] };
      const foreign = 'loadtest/notes.txt';
      const python = (what: string, input = '') =>
        JSON.parse(
          execFileSync('python3', [join(ROOT, 'test', 'versions.py'), what], { env: own.env, input }).toString(),
        );

      beforeAll(async () => {
        own = await setting(await stage.another({ versioning: true }));
        ids = python('fill', `+${keyOf(1)}\n${keyOf(2)}\n+${foreign}\n`);
        expect(ids.versions).toHaveLength(4 + 3 + 4);
      });

      test('objects go, versions stay, which is said; so do unfinished uploads of own keys', async () => {
        const { code, stdout, stderr } = await run('cleanup', own.home, own.env, '--yes', '--include-foreign');
        expect(code, stderr).toBe(0);
        expect(stdout).toMatch(/^total +1 +1\.0KB$/m);
        expect(stdout).toMatch(/^and 2 unfinished uploads$/m);
        expect(stdout).toMatch(/^deleted 1 objects \(1\.0KB\) and 2 unfinished uploads in /m);
        expect(stderr).toMatch(
          /^versioning is on in "bucket-\d+": versions stay and take room, --versions deletes them, too\n$/,
        );
        const left = python('list');
        expect(left.versions).toHaveLength(ids.versions.length + 1); // one more delete marker
        expect(left.uploads).toEqual([`${foreign}-upload`]);
      });

      test('--versions deletes every version and delete marker of own keys, and those of no other', async () => {
        const { code, stdout, stderr } = await run(
          'cleanup',
          own.home,
          own.env,
          '--yes',
          '--include-foreign',
          '--versions',
        );
        expect(code, stderr).toBe(0);
        expect(stdout).toMatch(/^total +8 +5\.0KB$/m);
        expect(stdout).toMatch(/^deleted 8 versions and delete markers \(5\.0KB\)/m);
        expect(stderr).toBe('');
        const left = python('list');
        expect(left.versions.sort()).toEqual(ids.versions.filter(([key]) => key === foreign).sort());
        expect(left.versions).toHaveLength(4);
        expect(left.uploads).toEqual([`${foreign}-upload`]);
      });
    });
  } else notRun('cleanup of versions', 'python3 with boto3');
});

describe('keys', () => {
  /** Lines of the key files, by the file's name. */
  function keyFiles(home: Home): Record<string, string[]> {
    const dir = join(home.data, 'keys');
    return Object.fromEntries(
      readdirSync(dir).map((name) => [name, readFileSync(join(dir, name), 'utf8').split('\n').slice(0, -1)]),
    );
  }

  test('writes a file for each test, worker and size, of whole objects of its own, and nothing else', async () => {
    const { home, env, put } = await setting();
    const expected: Record<string, string[]> = {};
    for (const worker of ['w0', 'rack-7'])
      for (const size of ['1B', '1KB', '2KB'])
        for (const of of ['firehose', 'heavy-read']) {
          // More than a page of one.
          const n = worker === 'w0' && size === '1B' && of === 'firehose' ? 2500 : 3;
          const keys = Array.from({ length: n }, (_, i) => keyOf(i, { worker, size, test: of }));
          for (const key of keys) await put(key, BYTES[size] as number);
          expected[`loadtest-keys-${of}-${worker}-${size}.txt`] = keys.sort();
        }
    await put(keyOf(99), 1000); // cut off
    await put(keyOf(98, { size: '2KB' }), 0);
    for (const key of ['loadtest/notes.txt', 'loadtest/w0/1KB/firehose/1700000000000000/a/b', 'x/y'])
      await put(key, 1024);
    const { code, stdout, stderr } = await run('keys', home, env);
    expect(code, stderr).toBe(0);
    expect(keyFiles(home)).toEqual(expected);
    expect(stdout).toBe(
      `2,533 keys in 12 files in ${env.S3LOADTEST_KEY_DIR}; left out: objects of another length than their key says: 2, keys that are not s3loadtest's: 2\n`,
    );
  });

  test('two groups whose names make one share a file', async () => {
    const { home, env, put } = await setting();
    const keys = [keyOf(1, { test: 'a-b', worker: 'c' }), keyOf(2, { test: 'a', worker: 'b-c' })];
    for (const key of keys) await put(key, 1024);
    const { code, stderr } = await run('keys', home, env);
    expect(code, stderr).toBe(0);
    expect(Object.entries(keyFiles(home)).map(([name, lines]) => [name, lines.sort()])).toEqual([
      ['loadtest-keys-a-b-c-1KB.txt', keys.sort()],
    ]);
  });

  test('replaces what is there, removes files of its own that have no object left, and leaves all others', async () => {
    const { home, env, put } = await setting();
    await put(keyOf(1), 1024);
    const old = {
      'loadtest-keys-firehose-w0-1KB.txt': [keyOf(7)],
      'loadtest-keys-firehose-w9-1KB.txt': [keyOf(7, { worker: 'w9' })], // of this prefix, and gone
      'loadtest-keys-firehose-w8-1KB.txt': [keyOf(7, { worker: 'w8', prefix: 'other/' })],
      'loadtest-keys-firehose-w7-1KB.txt': ['what somebody has written'],
      'loadtest-keys-firehose-w6-1KB.txt': [],
      'notes.txt': [keyOf(7, { worker: 'w9' })],
    };
    await mkdir(join(home.data, 'keys'), { recursive: true });
    for (const [name, lines] of Object.entries(old)) {
      await writeFile(join(home.data, 'keys', name), lines.map((line) => `${line}\n`).join(''));
    }
    const { code, stdout, stderr } = await run('keys', home, env);
    expect(code, stderr).toBe(0);
    const { 'loadtest-keys-firehose-w9-1KB.txt': _, ...rest } = old;
    expect(keyFiles(home)).toEqual({ ...rest, 'loadtest-keys-firehose-w0-1KB.txt': [keyOf(1)] });
    expect(stdout).toMatch(/loadtest-keys-firehose-w9-1KB\.txt removed: none of its objects is left$/m);
  });

  test('of nothing writes and removes nothing', async () => {
    const { home, env } = await setting();
    await mkdir(join(home.data, 'keys'), { recursive: true });
    await writeFile(join(home.data, 'keys', 'loadtest-keys-firehose-w0-1KB.txt'), `${keyOf(1)}\n`);
    const { code, stdout } = await run('keys', home, env);
    expect(stdout).toMatch(
      /^no object of s3loadtest's under "loadtest\/" in "bucket-\d+": no key file is written or removed$/m,
    );
    expect(code).toBe(0);
    expect(keyFiles(home)).toEqual({ 'loadtest-keys-firehose-w0-1KB.txt': [keyOf(1)] });
  });

  test.each([
    {
      how: 'a listing that fails on the way',
      says: /^error: S3_ENDPOINTS: .*500 InternalError.*; 0 key files are complete, all others are as they were\n$/,
    },
    { how: 'an interrupt', says: /^SIGINT: 0 key files are complete, all others are as they were\n$/ },
  ])('$how leaves the files that were there', async ({ how, says }) => {
    const { home, env, put } = await setting();
    for (let n = 0; n < 1100; n++) await put(keyOf(n, { size: '1B' }), 1);
    const first = await run('keys', home, env);
    expect(first.code, first.stderr).toBe(0);
    const before = keyFiles(home);
    await put(keyOf(5000, { size: '1B' }), 1);
    let program: Program | undefined;
    const endpoint = await startFront(async (_, url) => {
      if (!url.includes('continuation-token=')) return undefined; // the second page
      if (how !== 'an interrupt') return [500, errorXml('InternalError')];
      program?.kill('SIGINT');
      await sleep(1000);
      return undefined;
    });
    program = start('keys', home, { ...env, S3_ENDPOINTS: endpoint });
    const { code, stderr } = await program.ended;
    expect(stderr).toMatch(says);
    expect(code).toBe(1);
    expect(keyFiles(home)).toEqual(before);
  });

  test('a folder that can not be made', async () => {
    const { home, env } = await setting();
    await writeFile(join(home.path, 'file'), '');
    const ended = await run('keys', home, { ...env, S3LOADTEST_KEY_DIR: join(home.path, 'file', 'keys') });
    expectRefused(ended, /^S3LOADTEST_KEY_DIR is ".*\/file\/keys": it can't be made \(ENOTDIR/);
  });

  if (inNamespace) {
    test('a full disk', async () => {
      const { home, env, put } = await setting();
      for (let n = 0; n < 1000; n++) await put(keyOf(n, { size: '1B' }), 1);
      const dir = env.S3LOADTEST_KEY_DIR as string;
      await mkdir(dir, { recursive: true });
      const script =
        'mount -t tmpfs -o size=16k tmpfs "$S3LOADTEST_KEY_DIR" && "$@"; code=$?; ls "$S3LOADTEST_KEY_DIR"; exit $code';
      const args = [...inNamespace, 'sh', '-c', script, 'sh', process.execPath, CLI, 'keys'];
      const { code, stdout, stderr } = await new Program('unshare', args, env, home.path).ended;
      expect(stderr).toMatch(
        /^error: S3LOADTEST_KEY_DIR is ".*": ENOSPC: no space left on device, write; 0 key files are complete/,
      );
      expect(stdout).toBe('');
      expect(code).toBe(1);
    });
  } else notRun('a full disk', 'mount namespaces');
});

describe('init-data', () => {
  const SIZES = { '1KB': 1024, '10KB': 10_240, '100KB': 102_400, '1MB': 1_048_576 };
  const LABELS = Object.keys(SIZES);

  /** A data folder, and no setting but that. */
  async function bare() {
    const home = await stage.home();
    const folder = join(home.data, 'payload');
    const env: NodeJS.ProcessEnv = { ...bareEnvironment(home), S3LOADTEST_DATA_DIR: home.data };
    return { home, env, folder, path: (label: string) => join(folder, `${label}.bin`) };
  }

  test('writes files of random bytes, each of its size, and needs no credentials', async () => {
    const { home, env, folder, path } = await bare();
    const { code, stdout, stderr } = await run('init-data', home, env, '--max-size', '1MB');
    expect(code, stderr).toBe(0);
    expect(readdirSync(folder).sort()).toEqual(LABELS.map((label) => `${label}.bin`).sort());
    for (const [label, bytes] of Object.entries(SIZES)) {
      const content = readFileSync(path(label));
      expect(content.byteLength).toBe(bytes);
      expect(gzipSync(content).byteLength).toBeGreaterThan(content.byteLength);
    }
    expect(stdout).toBe(`${LABELS.map((label) => `${path(label)} written\n`).join('')}4 payload files, 1.1MB\n`);
    expect(stderr).toBe('');
  });

  test('keeps what is there, and writes what is missing', async () => {
    const { home, env, path } = await bare();
    await run('init-data', home, env, '--max-size', '10KB');
    const before = readFileSync(path('10KB'));
    const { code, stdout } = await run('init-data', home, env, '--max-size', '100KB');
    expect(code).toBe(0);
    expect(readFileSync(path('10KB')).equals(before)).toBe(true);
    expect(statSync(path('100KB')).size).toBe(102_400);
    expect(stdout).toMatch(
      /10KB\.bin is there: kept\n.*100KB\.bin written\n3 payload files, 111\.0KB, 2 of them kept\n$/,
    );
  });

  test('files of another size are told, all of them, before anything is written', async () => {
    const { home, env, folder, path } = await bare();
    await mkdir(folder, { recursive: true });
    await writeFile(path('1KB'), 'x');
    await writeFile(path('100KB'), '');
    const { code, stdout, stderr } = await run('init-data', home, env, '--max-size', '1MB');
    expect(stderr).toBe(
      `${path('1KB')} has 1 bytes, not 1,024: remove it or move it away, and it is written anew\n${path('100KB')} has 0 bytes, not 102,400: remove it or move it away, and it is written anew\n`,
    );
    expect(stdout).toBe('');
    expect(code).toBe(2);
    expect(readdirSync(folder).sort()).toEqual(['100KB.bin', '1KB.bin']);
  });

  test.each(['', '0', '1B', '101GB', 'big'])('--max-size %j is refused', async (size) => {
    const { home, env, folder } = await bare();
    expectRefused(
      await run('init-data', home, env, '--max-size', size),
      /^--max-size is ".*": give a size from 1KB to 100GB/,
    );
    expect(existsSync(folder)).toBe(false);
  });

  test('an interrupt leaves nothing half written, and the same command goes on', async () => {
    const { home, env, folder } = await bare();
    const program = start('init-data', home, env, '--max-size', '1GB');
    await program.says(/100MB\.bin written/);
    program.kill('SIGINT');
    const { code, stderr } = await program.ended;
    expect(stderr).toBe(
      `SIGINT: ${join(folder, '1GB.bin')} is not written, nor those after it; the same command writes what is missing\n`,
    );
    expect(code).toBe(1);
    expect(readdirSync(folder)).toHaveLength(6);
    expect(readdirSync(folder).filter((name) => !name.endsWith('.bin'))).toEqual([]);
    const second = await run('init-data', home, env);
    expect([second.code, second.stdout.match(/kept$/gm)?.length]).toEqual([0, 7]); // six files, and the sum
  });

  test('a folder that can not be made', async () => {
    const { home, env } = await bare();
    await writeFile(join(home.path, 'file'), '');
    const ended = await run('init-data', home, { ...env, S3LOADTEST_DATA_DIR: join(home.path, 'file') });
    expectRefused(ended, /^S3LOADTEST_DATA_DIR is ".*\/file": payload files can't be written there \(ENOTDIR/);
  });

  if (process.getuid?.() !== 0) {
    test('a folder that may not be written to', async () => {
      const { home, env, folder } = await bare();
      await mkdir(folder, { recursive: true });
      await chmod(folder, 0o500);
      const { code, stderr } = await run('init-data', home, env, '--max-size', '1KB');
      expect(stderr).toMatch(/^error: .*1KB\.bin can't be written \(EACCES/);
      expect(code).toBe(1);
    });
  }

  if (inNamespace) {
    /** Runs it with a small file system of its own as data folder. */
    async function onSmallDisk(options: string, size: string): Promise<Ended> {
      const { home, env } = await bare();
      await mkdir(home.data);
      const script = `mount -t tmpfs -o ${options} tmpfs "$S3LOADTEST_DATA_DIR" && "$@"; code=$?; find "$S3LOADTEST_DATA_DIR" -type f -printf '%f\\n'; exit $code`;
      const args = [
        ...(inNamespace as string[]),
        'sh',
        '-c',
        script,
        'sh',
        process.execPath,
        CLI,
        'init-data',
        '--max-size',
        size,
      ];
      return new Program('unshare', args, env, home.path).ended;
    }

    test('a disk without the room is told before anything is written', async () => {
      const ended = await onSmallDisk('size=1m', '1MB');
      expectRefused(
        ended,
        /^S3LOADTEST_DATA_DIR is ".*": payload files need 1\.1MB and its disk has 1\.0MB free, 111\.0KB too little: free some/,
      );
    });

    test('a disk that takes no more on the way', async () => {
      // Room for its two folders and one file by number, which the free bytes do not tell.
      const { code, stdout, stderr } = await onSmallDisk('size=4m,nr_inodes=3', '100KB');
      expect(stderr).toMatch(/^error: .*10KB\.bin can't be written \(ENOSPC: .*\): nothing half written is left\n$/);
      expect(stdout).toMatch(/1KB\.bin written\n1KB\.bin\n$/);
      expect(code).toBe(1);
    });
  } else notRun('a full disk for payload files', 'mount namespaces');
});

describe('help', () => {
  test.each(['cleanup', 'keys', 'init-data'])('of %s', (command) => {
    const help = execFileSync(process.execPath, [CLI, command, '--help'], { encoding: 'utf8' });
    const store = ['  --prefix', '  --timeout', '  --allow-partial', '  --credentials', '  --http-proxy'];
    expect(help.match(/^ {2}(--[\w-]+)/gm)).toEqual(
      {
        cleanup: [...store, '  --yes', '  --versions', '  --unlock', '  --include-foreign', '  --prepared', '  --json'],
        keys: store,
        'init-data': ['  --max-size'],
      }[command],
    );
  });
});
