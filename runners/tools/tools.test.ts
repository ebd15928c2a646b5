import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildSync } from 'esbuild';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startHttpProxy } from '../../test/http-proxy';
import { getTools, releaseOf, ToolError, type ToolName } from './tools';

const K6 = 'v2.2.0';
const GATEWAY = 'v1.8.0';

let root: string;
let log: string[];
let stop: Array<() => unknown>;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 's3loadtest-tools-'));
  log = [];
  stop = [() => rmSync(root, { recursive: true, force: true })];
  write(
    'extension/go.mod',
    `module x\n\ngo 1.25.0\n\nrequire go.k6.io/k6/v2 ${K6}\n\nrequire (\n\tgo.k6.io/k6 v1.0.0 // indirect\n)\n`,
  );
  write('extension/cmd/k6/main.go', 'package main\n');
  write(
    'tools/versitygw/go.mod',
    `module x\n\ngo 1.24.0\n\nrequire (\n\tgithub.com/versity/versitygw ${GATEWAY} // indirect\n)\n`,
  );
});

afterEach(async () => {
  for (const end of stop.reverse()) await end();
});

/** Writes a file below the temporary root and returns its path. */
function write(path: string, text: string, mode = 0o644): string {
  const full = join(root, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, text, { mode });
  return full;
}

const script = (path: string, body: string) => write(path, `#!/bin/sh\n${body}\n`, 0o755);
// As the real one, it calls itself by the name of its file.
const k6Says = (version: string) => `[ "$1" = version ] && echo "\${0##*/} ${version} (go1.26.8, linux/amd64)"`;
const gatewaySays = (version: string) => `[ "$1" = --version ] && printf 'Version  : ${version}\\nBuild    : norev\\n'`;

/** A PATH with the shell's commands that the scripts and tar need, but no Go, k6 or versitygw. */
function barePath(...first: string[]): string {
  const bin = join(root, 'bare');
  if (!existsSync(bin)) {
    mkdirSync(bin);
    for (const command of ['tar', 'gzip', 'sh', 'cp', 'sleep', 'chmod', 'cat', 'echo', 'touch', 'printf']) {
      const path = execFileSync('sh', ['-c', `command -v -p ${command} || true`], { encoding: 'utf8' }).trim();
      if (path.startsWith('/')) symlinkSync(path, join(bin, command));
    }
  }
  return [...first, bin].join(':');
}

/** A `go` that "builds" by writing what the given script body says, once for each tool, and keeps a count. */
function fakeGo(before = ''): string {
  return dirname(
    script(
      'go/go',
      `echo "$PWD $*" >> ${root}/go.calls
${before}
while [ "$1" != -o ]; do shift; done
case "$PWD" in
  */extension) printf '#!/bin/sh\\necho "\${0##*/} ${K6} (go1.26.8)"\\n' > "$2" ;;
  *) printf '#!/bin/sh\\necho "Version  : 1.8.0"\\n' > "$2" ;;
esac
chmod +x "$2"`,
    ),
  );
}

/** Body of a fake go that has a compiler running for half a minute. */
const compiling = `sh -c 'echo $$ > ../compiler; exec sleep 30'`;

const goCalls = () => (existsSync(join(root, 'go.calls')) ? readFileSync(join(root, 'go.calls'), 'utf8') : '');

async function get<Name extends ToolName>(names: Name[], env: NodeJS.ProcessEnv, signal?: AbortSignal) {
  return getTools(names, { env, root, log: (line) => log.push(line), live: false, ...(signal && { signal }) });
}

/** The ToolError a call ends with. */
async function failure(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ToolError);
  return (error as ToolError).message;
}

/** All files below .tools: nothing else may be left behind. */
const installed = () =>
  existsSync(join(root, '.tools'))
    ? readdirSync(join(root, '.tools'), { recursive: true, encoding: 'utf8' })
        .filter((path) => path !== 'bin')
        .sort()
    : [];

type Files = Record<string, Buffer | string | ((response: ServerResponse) => void)>;

/** Serves `files` by path on loopback, the rest with 404; returns the base address. */
async function serve(files: Files): Promise<string> {
  const server = createServer((request, response) => {
    const file = files[request.url ?? ''];
    if (file === undefined) response.writeHead(404).end('not here');
    else if (typeof file === 'function') file(response);
    else response.end(file);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stop.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function releaseHere(name: ToolName) {
  const release = releaseOf(name, name === 'k6' ? K6 : GATEWAY, 'linux', process.arch);
  if (!release) throw new Error(`these tests serve Linux archives for x64 and arm64, not for ${process.arch}`);
  return release;
}

/** A release archive as published: the binary in one wrapping folder, and its checksum file. */
function publish(name: ToolName): Files {
  const { folder, archive, checksums } = releaseHere(name);
  const wrap = archive.replace(/\.tar\.gz$/, '');
  script(`publish/${name}/${wrap}/${name}`, name === 'k6' ? k6Says(K6) : gatewaySays('1.8.0'));
  write(`publish/${name}/${wrap}/README.md`, 'readme');
  execFileSync('tar', ['-czf', join(root, archive), '-C', join(root, 'publish', name), wrap]);
  const bytes = readFileSync(join(root, archive));
  const sum = createHash('sha256').update(bytes).digest('hex');
  const other = '0'.repeat(64);
  return {
    [`/${folder}/${archive}`]: bytes,
    [`/${folder}/${checksums}`]: `${other}  ${wrap}.deb\n${sum}  ${archive}\n${other}  x-${archive}\n`,
  };
}

test('a setting is taken as it is, before everything else', async () => {
  const path = script('mine/k6-next', k6Says('v2.0.0-rc1'));
  script('.tools/bin/k6', k6Says(K6));
  expect(await get(['k6'], { S3LOADTEST_K6: path, PATH: barePath() })).toEqual({
    k6: { path, version: 'v2.0.0-rc1', from: 'setting' },
  });
});

test('a wrong setting names the variable, its value and what would be right, and all are told at once', async () => {
  const right = 'it takes the path of a k6 binary, v2.0 or later';
  const rows: Array<[value: string, what: string]> = [
    [join(root, 'nowhere'), 'which does not exist'],
    [root, 'which is not a file'],
    [write('plain', 'x'), 'which is not executable'],
    [script('old', k6Says('v1.3.0')), 'which is k6 v1.3.0'],
    [script('other', 'echo "GNU bash"'), 'which does not work ("k6 version" said "GNU bash")'],
    [script('mute', 'exit 3'), 'which does not work ("k6 version" ended with 3)'],
  ];
  const PATH = barePath(dirname(script('good/k6', k6Says(K6))));
  for (const [value, what] of rows) {
    expect(await failure(get(['k6'], { S3LOADTEST_K6: value, PATH }))).toBe(
      `S3LOADTEST_K6 is "${value}", ${what}: ${right}`,
    );
  }
  const both = await failure(get(['k6', 'versitygw'], { S3LOADTEST_K6: '/no/a', S3LOADTEST_VERSITYGW: '/no/b', PATH }));
  expect(both.split('\n')).toEqual([
    `S3LOADTEST_K6 is "/no/a", which does not exist: ${right}`,
    'S3LOADTEST_VERSITYGW is "/no/b", which does not exist: it takes the path of a versitygw binary',
  ]);
});

test('an old k6 on PATH is skipped with one line, the next one is taken', async () => {
  const old = script('old/k6', k6Says('v1.3.0'));
  const good = script('new/k6', k6Says('v2.1.0'));
  const gateway = script('new/versitygw', gatewaySays('git'));
  const tools = await get(['k6', 'versitygw'], { PATH: barePath(dirname(old), dirname(good)) });
  expect(tools.k6).toEqual({ path: good, version: 'v2.1.0', from: 'path' });
  expect(tools.versitygw).toEqual({ path: gateway, version: 'git', from: 'path' });
  expect(log).toEqual([`skipping k6 on PATH: ${old} is v1.3.0, older than v2.0`]);
});

test('Go builds both pinned modules, once; .tools/bin then answers by itself, in milliseconds', async () => {
  const PATH = barePath(fakeGo());
  const tools = await get(['k6', 'versitygw'], { PATH });
  expect(tools).toEqual({
    k6: { path: join(root, '.tools/bin/k6'), version: K6, from: 'built' },
    versitygw: { path: join(root, '.tools/bin/versitygw'), version: GATEWAY, from: 'built' },
  });
  expect(goCalls()).toMatch(/extension build -mod=readonly -trimpath -ldflags=-s -w -o \S+ \.\/cmd\/k6$/m);
  expect(goCalls()).toMatch(
    /tools\/versitygw build -mod=readonly -trimpath -ldflags=-s -w -X=main.Version=1.8.0 -o \S+ github.com\/versity\/versitygw\/cmd\/versitygw$/m,
  );
  expect([...log].sort()).toEqual([
    'building k6 v2.2.0 …',
    'building versitygw v1.8.0 …',
    expect.stringMatching(/^built k6 v2\.2\.0 in \d+ s$/),
    expect.stringMatching(/^built versitygw v1\.8\.0 in \d+ s$/),
  ]);
  expect(installed()).toEqual(['bin/k6', 'bin/k6.version', 'bin/versitygw', 'bin/versitygw.version']);

  // A binary that would give itself away if it were run.
  script('.tools/bin/k6', `touch ${root}/ran`);
  const calls = goCalls();
  const start = performance.now();
  const again = await get(['k6', 'versitygw'], { PATH });
  expect(performance.now() - start).toBeLessThan(50);
  expect([again.k6.from, again.versitygw.from]).toEqual(['tools', 'tools']);
  expect(existsSync(join(root, 'ran'))).toBe(false);
  expect(goCalls()).toBe(calls);
});

test('where there is Go, k6 is built though PATH has one: our build can do more; versitygw is not', async () => {
  const elsewhere = script('new/k6', k6Says('v2.9.0'));
  script('new/versitygw', gatewaySays('1.9.0'));
  const PATH = barePath(fakeGo(), dirname(elsewhere));
  const { k6, versitygw } = await get(['k6', 'versitygw'], { PATH });
  expect([k6.from, versitygw.from]).toEqual(['built', 'path']);
  // Tests are no part of what is built.
  write('extension/s3/client_test.go', 'package s3');
  expect((await get(['k6'], { PATH })).k6.from).toBe('tools');
});

test('where Go fails, the k6 on PATH is taken', async () => {
  const elsewhere = script('new/k6', k6Says('v2.9.0'));
  const PATH = barePath(fakeGo('echo "no such module" >&2; exit 1'), dirname(elsewhere));
  expect((await get(['k6'], { PATH })).k6).toEqual({ path: elsewhere, version: 'v2.9.0', from: 'path' });
  expect(log).toContain("k6 v2.2.0 can't be built here: no such module");
});

test('a downloaded k6 gives way to our own build once there is Go, and stays where that fails', async () => {
  const S3LOADTEST_DOWNLOAD_BASE = await serve(publish('k6'));
  await get(['k6'], { PATH: barePath(), S3LOADTEST_DOWNLOAD_BASE });
  expect((await get(['k6'], { PATH: barePath() })).k6.from).toBe('tools');
  const broken = await get(['k6'], { PATH: barePath(fakeGo('exit 1')), S3LOADTEST_DOWNLOAD_BASE });
  expect(broken.k6.from).toBe('tools');
  const PATH = barePath(fakeGo());
  expect((await get(['k6'], { PATH })).k6.from).toBe('built');
  expect((await get(['k6'], { PATH })).k6.from).toBe('tools');
});

test.each([
  { live: true, more: 6 },
  { live: false, more: 0 },
])(
  'while tools are built, one line every few seconds has them all where someone watches ($live)',
  async ({ live, more }) => {
    const go = fakeGo(`touch ${root}/begun; while [ ! -e ${root}/go-on ]; do sleep 0.02; done`);
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
    stop.push(() => vi.useRealTimers());
    const call = getTools(['k6', 'versitygw'], {
      env: { PATH: barePath(go) },
      root,
      log: (line) => log.push(line),
      live,
    });
    await until(() => log.length === 2 && existsSync(join(root, 'begun')));
    vi.advanceTimersByTime(34_000);
    write('go-on', '');
    await call;
    expect(log).toHaveLength(2 + more + 2);
    const last = 'building k6 v2.2.0 … 30 s; building versitygw v1.8.0 … 30 s';
    if (live) expect(log[7]?.split('; ').sort()).toEqual(last.split('; '));
    expect(log).toContain('built k6 v2.2.0 in 34 s');
  },
);

test('.tools/bin is replaced when the pin changes, though PATH has a k6', async () => {
  const elsewhere = script('new/k6', k6Says('v2.9.0'));
  const PATH = barePath(fakeGo(), dirname(elsewhere));
  await get(['k6'], { PATH: barePath(join(root, 'go')) });
  write('extension/go.mod', 'module x\n\ngo 1.25.0\n\nrequire go.k6.io/k6/v2 v2.3.0\n');
  log = [];
  expect((await get(['k6'], { PATH })).k6).toMatchObject({ version: 'v2.3.0', from: 'built' });
  expect(log[0]).toBe('.tools/bin/k6 is v2.2.0, the project now has v2.3.0: replacing it');
  // The same version from a changed main.go, an extension say, is another binary too.
  write('extension/cmd/k6/main.go', 'package main // changed\n');
  log = [];
  expect((await get(['k6'], { PATH })).k6.from).toBe('built');
  expect(log[0]).toBe('.tools/bin/k6 is v2.3.0 from another extension, the project now has v2.3.0: replacing it');
  // Without Go, PATH's is better than nothing.
  write('extension/cmd/k6/main.go', 'package main // changed again\n');
  const S3LOADTEST_DOWNLOAD_BASE = await serve({});
  const last = await get(['k6'], { PATH: barePath(dirname(elsewhere)), S3LOADTEST_DOWNLOAD_BASE });
  expect(last.k6).toEqual({ path: elsewhere, version: 'v2.9.0', from: 'path' });
});

test('a k6 put into .tools/bin by hand is taken when it is the pinned one, otherwise replaced', async () => {
  const path = script('.tools/bin/k6', k6Says(K6));
  const PATH = barePath(fakeGo());
  expect(await get(['k6'], { PATH })).toEqual({ k6: { path, version: K6, from: 'tools' } });
  script('.tools/bin/k6', k6Says('v2.1.0'));
  expect((await get(['k6'], { PATH })).k6.from).toBe('built');
});

test('without Go the official archives are downloaded, checked and put in place', async () => {
  const base = await serve({ ...publish('k6'), ...publish('versitygw') });
  const tools = await get(['k6', 'versitygw'], { PATH: barePath(), S3LOADTEST_DOWNLOAD_BASE: `${base}/` });
  expect(tools).toEqual({
    k6: { path: join(root, '.tools/bin/k6'), version: K6, from: 'downloaded' },
    versitygw: { path: join(root, '.tools/bin/versitygw'), version: GATEWAY, from: 'downloaded' },
  });
  expect(execFileSync(tools.k6.path, ['version'], { encoding: 'utf8' })).toContain(K6);
  expect(installed()).toEqual(['bin/k6', 'bin/k6.version', 'bin/versitygw', 'bin/versitygw.version']);
  expect(log).toContain("k6 v2.2.0 can't be built here: Go is not on PATH");
  expect(log).toContainEqual(expect.stringMatching(/^downloaded k6 v2\.2\.0, \d+B, in \d+ s$/));
});

test('downloads go through the proxy that the environment names', async () => {
  const proxy = await startHttpProxy(await serve(publish('k6')));
  stop.push(async () => proxy.stop());
  const own = { S3LOADTEST_DOWNLOAD_BASE: 'http://downloads.test', HTTP_PROXY: proxy.url };
  expect((await get(['k6'], { PATH: barePath(), ...own })).k6.from).toBe('downloaded');
  expect(proxy.asked).toHaveLength(2);
});

test('a Go too old for the module falls through to the download', async () => {
  const said = 'go: go.mod requires go >= 1.25.0 (running go 1.22.1; GOTOOLCHAIN=local)';
  const go = fakeGo(`echo "go: downloading x v1" >&2; echo "${said}" >&2; exit 1`);
  const S3LOADTEST_DOWNLOAD_BASE = await serve(publish('k6'));
  const { k6 } = await get(['k6'], { PATH: barePath(go), S3LOADTEST_DOWNLOAD_BASE });
  expect(k6.from).toBe('downloaded');
  expect(log).toContain(`k6 v2.2.0 can't be built here: ${said}`);
});

test('where nothing works, one message has the reason of each way and the ways out; nothing is left behind', async () => {
  const { folder, archive, checksums } = releaseHere('k6');
  const at = (file: string) => `/${folder}/${file}`;
  const good = publish('k6');
  const damaged = Buffer.concat([good[at(archive)] as Buffer, Buffer.from('x')]);
  const rows: Array<[why: string, files: Files, reason: RegExp]> = [
    ['no release', {}, /checksums\.txt answered 404 Not Found$/],
    [
      'no archive',
      { ...good, [at(archive)]: (response) => response.writeHead(404).end() },
      /\.tar\.gz answered 404 Not Found$/,
    ],
    [
      'a damaged archive',
      { ...good, [at(archive)]: damaged },
      /\.tar\.gz has sha256 [0-9a-f]{64}, k6-v2\.2\.0-checksums\.txt says [0-9a-f]{64}: damaged, or not the published file$/,
    ],
    [
      'a list without it',
      { ...good, [at(checksums)]: `${'0'.repeat(64)}  other.tar.gz\n` },
      /checksums\.txt has no sha256 of k6-v2\.2\.0-linux-\w+\.tar\.gz$/,
    ],
    [
      'a connection cut halfway',
      {
        ...good,
        [at(archive)]: (response) => {
          response.writeHead(200, { 'content-length': 1000 });
          response.write('half');
          setTimeout(() => response.destroy(), 20);
        },
      },
      /\.tar\.gz: other side closed$/,
    ],
  ];
  for (const [why, files, reason] of rows) {
    const S3LOADTEST_DOWNLOAD_BASE = await serve(files);
    const lines = (await failure(get(['k6'], { PATH: barePath(), S3LOADTEST_DOWNLOAD_BASE }))).split('\n');
    expect(lines, why).toEqual([
      'k6 v2.2.0 is not to be had here.',
      '  PATH: no k6 there',
      '  build: Go is not on PATH',
      expect.stringMatching(reason),
      'Ways out: install Go 1.25.0 or later; or put k6 v2.0 or later on PATH; or set S3LOADTEST_K6 to the path of a binary; or set S3LOADTEST_DOWNLOAD_BASE to a mirror of https://github.com.',
    ]);
    expect(installed(), why).toEqual([]);
  }
});

test('an archive without the binary, or with one for another system, is not installed', async () => {
  for (const [content, reason] of [
    [{ 'k6.txt': 'x' }, /holds no k6$/m],
    [{ k6: '\x7fELF not for here' }, /download: .*(ENOEXEC|"k6 version")/m],
  ] as const) {
    const { folder, archive, checksums } = releaseHere('k6');
    const from = mkdtempSync(join(root, 'archive-'));
    for (const [name, text] of Object.entries(content)) writeFileSync(join(from, name), text);
    execFileSync('tar', ['-czf', join(root, archive), '-C', from, '.']);
    const bytes = readFileSync(join(root, archive));
    const sum = createHash('sha256').update(bytes).digest('hex').toUpperCase();
    const base = await serve({
      [`/${folder}/${archive}`]: bytes,
      [`/${folder}/${checksums}`]: `${sum} *${archive}\r\n`,
    });
    expect(await failure(get(['k6'], { PATH: barePath(), S3LOADTEST_DOWNLOAD_BASE: base }))).toMatch(reason);
    expect(installed()).toEqual([]);
  }
});

test('two missing tools make one message; the one that can be had is kept', async () => {
  const dead = await serve({});
  const message = await failure(get(['k6', 'versitygw'], { PATH: barePath(), S3LOADTEST_DOWNLOAD_BASE: dead }));
  expect(message).toContain('k6 v2.2.0 is not to be had here.');
  expect(message).toContain('versitygw v1.8.0 is not to be had here.');
  expect(message).toContain('set S3LOADTEST_K6 and S3LOADTEST_VERSITYGW to the path of a binary');
  expect(message.match(/Ways out/g)).toHaveLength(1);

  const half = await serve(publish('versitygw'));
  await failure(get(['k6', 'versitygw'], { PATH: barePath(), S3LOADTEST_DOWNLOAD_BASE: half }));
  expect(installed()).toEqual(['bin/versitygw', 'bin/versitygw.version']);
});

test('a wrong download address, a refused connection and a missing tar are told', async () => {
  const reason = async (env: NodeJS.ProcessEnv) =>
    (await failure(get(['k6'], env))).split('\n').find((line) => line.startsWith('  download: '));
  expect(await reason({ PATH: barePath(), S3LOADTEST_DOWNLOAD_BASE: 'mirror' })).toBe(
    '  download: S3LOADTEST_DOWNLOAD_BASE is "mirror": it takes an address such as https://github.com',
  );
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  expect(await reason({ PATH: barePath(), S3LOADTEST_DOWNLOAD_BASE: `http://127.0.0.1:${port}` })).toMatch(
    /checksums\.txt: connect ECONNREFUSED/,
  );
  expect(await reason({ PATH: root })).toBe('  download: tar is not on PATH');
});

test('an abort during a download ends it and leaves nothing', async () => {
  const { folder, archive } = releaseHere('k6');
  const controller = new AbortController();
  const base = await serve({
    ...publish('k6'),
    [`/${folder}/${archive}`]: (response) => {
      response.writeHead(200, { 'content-length': 1000 });
      response.write('half');
      setTimeout(() => controller.abort(), 50);
    },
  });
  const call = get(['k6'], { PATH: barePath(), S3LOADTEST_DOWNLOAD_BASE: base }, controller.signal);
  await expect(call).rejects.toMatchObject({ name: 'AbortError' });
  expect(installed()).toEqual([]);
});

test('an abort during a build ends go and what it started, and does not go on to download', async () => {
  const controller = new AbortController();
  const go = fakeGo(compiling);
  const call = get(['k6'], { PATH: barePath(go) }, controller.signal);
  call.catch(() => {});
  await until(() => existsSync(join(root, 'compiler')));
  controller.abort();
  await expect(call).rejects.toMatchObject({ name: 'AbortError' });
  expect(isRunning(pidIn('compiler'))).toBe(false);
  expect(installed()).toEqual([]);
  expect(log).toEqual(['building k6 v2.2.0 …']);
});

test.each([
  // sh has what it starts with & ignore SIGINT: that one needs to be killed.
  ['SIGINT', (): string => compiling],
  ['SIGTERM', (): string => `sleep 30 & echo $! > ${root}/compiler; sleep 30`],
] as const)('%s during a build ends go, cleans up, then ends the process', async (name, body) => {
  const child = startBuild(fakeGo(`echo x > "$GOTMPDIR/object"; ${body()}`));
  const ended = once(child, 'exit');
  await until(() => existsSync(join(root, 'compiler')));
  child.kill(name);
  expect(await ended).toEqual([null, name]);
  expect(isRunning(pidIn('compiler'))).toBe(false);
  expect(installed()).toEqual([]);
});

test('a caller that listens to a signal itself lives on, and gets an AbortError', async () => {
  const call = get(['k6'], { PATH: barePath(fakeGo(compiling)) });
  call.catch(() => {});
  await until(() => existsSync(join(root, 'compiler')));
  const keep = () => {};
  process.on('SIGHUP', keep);
  stop.push(() => process.removeListener('SIGHUP', keep));
  process.kill(process.pid, 'SIGHUP');
  await expect(call).rejects.toMatchObject({ name: 'AbortError', message: 'interrupted by SIGHUP' });
});

test('two processes that build at once both get a whole binary', async () => {
  const go = fakeGo('sleep 0.2');
  const ended = await Promise.all([startBuild(go), startBuild(go)].map((child) => once(child, 'exit')));
  expect(ended).toEqual([
    [0, null],
    [0, null],
  ]);
  expect(installed()).toEqual(['bin/k6', 'bin/k6.version']);
  expect((await get(['k6'], { PATH: barePath() })).k6.from).toBe('tools');
});

test('release names are those that k6 and versitygw publish', () => {
  const names = (name: ToolName, version: string, platform: string, arch: string) => {
    const release = releaseOf(name, version, platform, arch);
    return release && [`${release.folder}/${release.archive}`, release.checksums];
  };
  expect(names('k6', K6, 'linux', 'x64')).toEqual([
    'grafana/k6/releases/download/v2.2.0/k6-v2.2.0-linux-amd64.tar.gz',
    'k6-v2.2.0-checksums.txt',
  ]);
  expect(names('k6', K6, 'darwin', 'arm64')?.[0]).toBe('grafana/k6/releases/download/v2.2.0/k6-v2.2.0-macos-arm64.zip');
  expect(names('versitygw', GATEWAY, 'linux', 'x64')).toEqual([
    'versity/versitygw/releases/download/v1.8.0/versitygw_v1.8.0_Linux_x86_64.tar.gz',
    'checksums.txt',
  ]);
  expect(names('versitygw', GATEWAY, 'darwin', 'arm64')?.[0]).toBe(
    'versity/versitygw/releases/download/v1.8.0/versitygw_v1.8.0_Darwin_arm64.tar.gz',
  );
  expect(names('k6', K6, 'linux', 'riscv64')).toBeUndefined();
  expect(names('k6', K6, 'win32', 'x64')).toBeUndefined();
});

/** A process of its own that gets k6, as the CLI would, with the given folder's `go`. */
function startBuild(go: string): ChildProcess {
  const bundle = join(root, 'get.mjs');
  buildSync({
    stdin: {
      contents: `import { getTools } from './tools';
await getTools(['k6'], { env: process.env, root: ${JSON.stringify(root)}, log: () => {} });`,
      resolveDir: import.meta.dirname,
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    // Packages in it are CommonJS.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    outfile: bundle,
  });
  const child = spawn(process.execPath, [bundle], {
    env: { PATH: barePath(go) },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  stop.push(() => child.kill('SIGKILL'));
  return child;
}

const pidIn = (file: string) => Number(readFileSync(join(root, file), 'utf8'));

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // Where nobody collects orphans, an ended process stays as a zombie.
    const state = existsSync('/proc') ? readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '') : '';
    return !state.startsWith('Z');
  } catch {
    return false;
  }
}

async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 5) {
    if (waited > 5_000) throw new Error('waited 5 s in vain');
    await sleep(5);
  }
}
