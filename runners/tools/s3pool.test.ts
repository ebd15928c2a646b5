import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ConfigError } from '../../lib/settings/config';
import { findS3pool } from './s3pool';

const BINARY = '#!/bin/sh\necho proxy\n';
/** Where tar and gzip are, and no s3pool. */
const SYSTEM = '/usr/bin:/bin';

let root: string;
let log: string[];
let stop: Array<() => unknown>;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 's3loadtest-s3pool-'));
  log = [];
  stop = [() => rmSync(root, { recursive: true, force: true })];
});

afterEach(async () => {
  for (const end of stop.reverse()) await end();
});

const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex');

/** Serves files by name, and counts what is asked for. */
async function serve(files: Readonly<Record<string, Buffer | string>>) {
  const asked: string[] = [];
  const server = createServer(({ url = '' }, response) => {
    asked.push(url);
    const content = files[url.slice(1)];
    response.writeHead(content === undefined ? 404 : 200).end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stop.push(() => server.close());
  return { base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

/** A .tar.gz of a release: a folder with the binary and a text in it. */
function archive(name = 's3pool'): Buffer {
  const folder = join(root, 'release', 's3pool-v1');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), BINARY);
  writeFileSync(join(folder, 'LICENSE'), 'MIT\n');
  const file = join(root, 'release', 'made.tar.gz');
  execFileSync('tar', ['-czf', file, '-C', join(root, 'release'), 's3pool-v1']);
  return readFileSync(file);
}

const find = (wanted: Parameters<typeof findS3pool>[0], PATH = SYSTEM) =>
  findS3pool(wanted, { env: { PATH }, root, log: (line) => log.push(line), live: false });

async function problem(wanted: Parameters<typeof findS3pool>[0], path?: string): Promise<string> {
  const error = await find(wanted, path).catch((e) => e);
  expect(error).toBeInstanceOf(ConfigError);
  expect(existsSync(join(root, '.tools', 'bin', 's3pool'))).toBe(false);
  return (error as ConfigError).problems.join('\n');
}

test('the one on PATH is taken, and nothing is fetched', async () => {
  const { base, asked } = await serve({});
  const bin = join(root, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 's3pool'), BINARY, { mode: 0o755 });
  const wanted = { s3poolUrl: `${base}/s3pool`, s3poolSha256: sha256(BINARY) };
  expect(await find(wanted, `${bin}:${SYSTEM}`)).toBe(join(bin, 's3pool'));
  expect([asked, log]).toEqual([[], []]);
});

test('without one, and without an address, the ways out are told', async () => {
  expect(await problem({})).toBe(
    'S3LOADTEST_BACKEND is proxy, and no s3pool is on PATH: give its path as S3POOL_BINARY, where to fetch it as S3POOL_URL ' +
      'and S3POOL_SHA256, or S3POOL_BINARY=none where S3_ENDPOINTS are proxies that already run',
  );
});

test('nothing is fetched of which no checksum is given', async () => {
  const { base, asked } = await serve({ s3pool: BINARY });
  expect(await problem({ s3poolUrl: `${base}/s3pool` })).toBe(
    `S3POOL_URL is "${base}/s3pool", and S3POOL_SHA256 is not set: give the SHA-256 that it is to have`,
  );
  expect(asked).toEqual([]);
});

test.each<[string, string, () => Buffer | string]>([
  ['a binary', 's3pool-linux-x86_64', () => BINARY],
  ['an archive', 's3pool.tar.gz', () => archive()],
])('%s is fetched once, told in a line, and can be run', async (_, name, content) => {
  const bytes = content();
  const { base, asked } = await serve({ [name]: bytes });
  const wanted = { s3poolUrl: `${base}/${name}`, s3poolSha256: sha256(bytes) };
  const path = await find(wanted);
  expect(path).toBe(join(root, '.tools', 'bin', 's3pool'));
  expect(readFileSync(path, 'utf8')).toBe(BINARY);
  expect(statSync(path).mode & 0o111).toBe(0o111);
  expect(log).toEqual([
    `fetching s3pool from ${base}/${name} …`,
    expect.stringMatching(/^fetched s3pool, \d+B, in \d+ s$/),
  ]);
  expect(await find(wanted)).toBe(path);
  expect([asked.length, log.length]).toEqual([1, 2]);
  // Another is another release; one that somebody changed is none.
  appendFileSync(path, '# changed\n');
  await find(wanted);
  expect(readFileSync(path, 'utf8')).toBe(BINARY);
  expect(asked).toHaveLength(2);
});

test('what has another checksum is not kept', async () => {
  const { base } = await serve({ s3pool: `${BINARY}evil\n` });
  const said = await problem({ s3poolUrl: `${base}/s3pool`, s3poolSha256: sha256(BINARY) });
  expect(said).toBe(
    `S3POOL_URL: ${base}/s3pool has sha256 ${sha256(`${BINARY}evil\n`)}, the one given says ${sha256(BINARY)}: ` +
      'damaged, or not the published file',
  );
});

test.each<[string, () => Record<string, Buffer | string>, RegExp]>([
  ['is not there', () => ({}), /^S3POOL_URL: \S+\/s3pool\.tar\.gz answered 404 Not Found$/],
  ['holds another program', () => ({ 's3pool.tar.gz': archive('other') }), /s3pool\.tar\.gz holds no s3pool$/],
  ['is no archive', () => ({ 's3pool.tar.gz': BINARY }), /tar can't unpack s3pool\.tar\.gz: /],
])('a release that %s', async (_, made, says) => {
  const files = made();
  const { base } = await serve(files);
  const sum = sha256(files['s3pool.tar.gz'] ?? '');
  expect(await problem({ s3poolUrl: `${base}/s3pool.tar.gz`, s3poolSha256: sum })).toMatch(says);
});

test('a server that is not there', async () => {
  const said = await problem({ s3poolUrl: 'http://127.0.0.1:9/s3pool', s3poolSha256: sha256('') });
  expect(said).toMatch(/^S3POOL_URL: http:\/\/127\.0\.0\.1:9\/s3pool: \S/);
});
