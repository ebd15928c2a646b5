/**
 * Where k6 and the S3 server come from: a setting, the project's own `.tools/bin`, PATH, else a build of the pinned Go
 * module, else the official release. The one copy of each version is the `require` line of its module's go.mod: extension/
 * for k6, which is built with the project's own extension in it, tools/versitygw for versitygw.
 */
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import {
  access,
  chmod,
  constants,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { formatBytes } from '../../lib/settings/units';
import { run, StepFailure } from '../process/child';
import { interruptible } from '../process/interruptible';
import { download, type Release } from './download';
import { goBuild } from './go-build';

export type ToolName = 'k6' | 'versitygw';

export interface Tool {
  /** Absolute path of the executable. */
  path: string;
  /** As the tool or its pin says it: `v2.2.0`. */
  version: string;
  /** `tools` is an earlier build or download, found in `.tools/bin`; `built` and `downloaded` were made by this call. */
  from: 'setting' | 'tools' | 'path' | 'built' | 'downloaded';
}

export interface ToolOptions {
  /** S3LOADTEST_K6, S3LOADTEST_VERSITYGW, S3LOADTEST_DOWNLOAD_BASE and PATH are read from it; children get all of it. */
  env: NodeJS.ProcessEnv;
  /** The project's root folder, absolute: holds tools/ and .tools/. */
  root: string;
  /** Takes one line of progress, without a newline. */
  log: (line: string) => void;
  /** Ends builds and downloads. */
  signal?: AbortSignal;
  /** Whether someone watches: progress is told while it goes on, not at its begin and end alone. Standard error's, where left out. */
  live?: boolean;
}

/** A tool can't be had, and its message says why and what to do about it: print the message, not the stack. */
export class ToolError extends Error {
  override name = 'ToolError';
}

const DOWNLOAD_BASE = 'https://github.com';
const PROGRESS_MS = 5_000;
const PROBE_MS = 20_000;

interface Definition {
  /** The folder of the module that builds it, below the project's root. */
  folder: string;
  /** Our build can do what a release can't. */
  extended?: true;
  /** The environment variable that names a binary to use. */
  setting: string;
  /** The module whose required version is the pin, and the package of the command. */
  module: string;
  package: string;
  ldflags: (version: string) => string[];
  /** How the tool is asked for its version, and where in the answer it stands. */
  versionArgs: readonly string[];
  versionLine: RegExp;
  /** The lowest major version that works; absent when any does. */
  minimum?: number;
}

const TOOLS: Record<ToolName, Definition> = {
  k6: {
    folder: 'extension',
    extended: true,
    setting: 'S3LOADTEST_K6',
    module: 'go.k6.io/k6/v2',
    package: './cmd/k6',
    ldflags: () => [],
    versionArgs: ['version'],
    // k6 calls itself by the name its file has: `k6-2.2 v2.2.0 (commit/…, go1.26.8, linux/amd64)`.
    versionLine: /^.* v(\d+\.\d+\.\d+\S*) \(.*\bgo\d/m,
    minimum: 2,
  },
  versitygw: {
    folder: 'tools/versitygw',
    setting: 'S3LOADTEST_VERSITYGW',
    module: 'github.com/versity/versitygw',
    package: 'github.com/versity/versitygw/cmd/versitygw',
    // Without it a build of a tagged module still calls itself "git".
    ldflags: (version) => [`-X=main.Version=${version.slice(1)}`],
    versionArgs: ['--version'],
    versionLine: /^Version\s*:\s*v?(\S+)/m,
  },
};

/** What go.mod says of a tool, and what tells a binary made from it from one made from another state of the folder. */
interface Pin {
  /** `v2.2.0` */
  version: string;
  /** The lowest Go that builds it: `1.25.0`. */
  go: string;
  /** The content of the stamp file beside our own binary. */
  stamp: string;
  /** The same for a downloaded release, where that is less than our own. */
  releaseStamp: string;
}

/** Why each way to get a tool failed, in the order they were tried. */
interface Missing {
  name: ToolName;
  pin: Pin;
  reasons: string[];
}

interface Context extends ToolOptions {
  signal: AbortSignal;
  progress: ToolProgress;
}

/**
 * Finds, builds or downloads the named tools; what must be built or downloaded is, at the same time.
 *
 * A tool is looked for in its setting (S3LOADTEST_K6, S3LOADTEST_VERSITYGW), `.tools/bin`, PATH (k6 from v2 on), then
 * built with Go, then downloaded. A binary in `.tools/bin` that is not the pinned one is replaced, with PATH as the last
 * resort. k6, which our build adds to, is built before PATH is looked at wherever there is Go.
 *
 * Rejects with ToolError when a setting is wrong or nothing worked (one message for all the tools), and with the
 * signal's reason when aborted. SIGINT, SIGTERM and SIGHUP end builds and downloads too; then the process ends by that
 * signal, or, where the caller listens to it, the call rejects with an AbortError.
 */
export async function getTools<Name extends ToolName>(
  names: readonly Name[],
  options: ToolOptions,
): Promise<Record<Name, Tool>> {
  // Settings first, so that a mistyped one is told at once and not after another tool's two minutes of building.
  const tools: Partial<Record<Name, Tool>> = {};
  const problems: string[] = [];
  for (const name of names) {
    const set = await fromSetting(name, options);
    if (typeof set === 'string') problems.push(set);
    else if (set) tools[name] = set;
  }
  if (problems.length > 0) throw new ToolError(problems.join('\n'));

  const wanted = names.filter((name) => !tools[name]);
  if (wanted.length === 0) return tools as Record<Name, Tool>;
  await interruptible(options.signal, async (signal) => {
    const progress = new ToolProgress(options);
    // All of them are waited for: when one fails in an unforeseen way, the other's build must not go on unattended.
    const found = await Promise.allSettled(wanted.map((name) => find(name, { ...options, signal, progress })));
    const missing: Missing[] = [];
    for (const [i, name] of wanted.entries()) {
      const result = found[i];
      if (result?.status !== 'fulfilled') throw result?.reason;
      if ('reasons' in result.value) missing.push(result.value);
      else tools[name] = result.value;
    }
    if (missing.length > 0) throw new ToolError(waysOut(missing));
  });
  return tools as Record<Name, Tool>;
}

/** The tool its variable names; what is wrong with the variable's value; or undefined when it is not set. */
async function fromSetting(name: ToolName, { env, signal }: ToolOptions): Promise<Tool | string | undefined> {
  const { setting, minimum } = TOOLS[name];
  const value = env[setting];
  if (!value) return undefined;
  const path = resolve(value);
  const right = `it takes the path of a ${name} binary${minimum ? `, v${minimum}.0 or later` : ''}`;
  const wrong = (what: string) => `${setting} is "${value}", ${what}: ${right}`;
  const found = await stat(path).catch(() => undefined);
  if (!found) return wrong('which does not exist');
  if (!found.isFile()) return wrong('which is not a file');
  if (!(await isExecutable(path))) return wrong('which is not executable');
  try {
    const version = await probe(name, path, env, signal);
    if (isTooOld(name, version)) return wrong(`which is ${name} ${version}`);
    return { path, version, from: 'setting' };
  } catch (error) {
    return wrong(`which does not work (${reasonOf(error)})`);
  }
}

async function find(name: ToolName, context: Context): Promise<Tool | Missing> {
  const pin = await readPin(name, context.root);
  const own = await fromOwnFolder(name, pin, context);
  const [go] = await onPath('go', context.env);
  const lesser = own !== undefined && own.stamp !== pin.stamp && own.stamp === pin.releaseStamp;
  if (own && !(lesser && go)) return own.tool;
  const ways: Array<[way: string, attempt: () => Promise<Tool>]> = [
    ['build', () => build(name, pin, context)],
    ['download', () => downloadRelease(name, pin, context)],
  ];
  const path: (typeof ways)[number] = ['PATH', () => fromPath(name, context)];
  // Who had our own build is to have it after an update too, not whatever else is on PATH.
  if (own) ways.splice(1, 1, ['.tools/bin', async () => own.tool]);
  else if (await isExecutable(ownPath(name, context.root))) ways.push(path);
  else if (TOOLS[name].extended && go) ways.splice(1, 0, path);
  else ways.unshift(path);

  const reasons: string[] = [];
  for (const [way, attempt] of ways) {
    try {
      return await attempt();
    } catch (error) {
      context.signal.throwIfAborted();
      reasons.push(`${way}: ${reasonOf(error)}`);
      if (way === 'build') context.log(`${name} ${pin.version} can't be built here: ${reasonOf(error)}`);
    }
  }
  return { name, pin, reasons };
}

/** What `.tools/bin` has, when it is of the pinned version, and its stamp. */
async function fromOwnFolder(
  name: ToolName,
  pin: Pin,
  context: Context,
): Promise<{ tool: Tool; stamp: string | undefined } | undefined> {
  const path = ownPath(name, context.root);
  if (!(await isExecutable(path))) return undefined;
  const stamp = await readFile(stampPath(name, context.root), 'utf8').catch(() => undefined);
  const tool = (version: string): Tool => ({ path, version, from: 'tools' });
  if (stamp === pin.stamp || stamp === pin.releaseStamp) return { tool: tool(pin.version), stamp };
  // No stamp: put there by hand, on a machine that can neither build nor download perhaps. Its own word must do.
  const version = stamp?.split(' ')[0] ?? (await probe(name, path, context.env, context.signal).catch(() => 'broken'));
  context.signal.throwIfAborted();
  if (stamp === undefined && version === pin.version) return { tool: tool(version), stamp };
  const now = version === pin.version ? `${version} from another ${TOOLS[name].folder}` : version;
  context.log(`.tools/bin/${name} is ${now}, the project now has ${pin.version}: replacing it`);
  return undefined;
}

async function fromPath(name: ToolName, context: Context): Promise<Tool> {
  const skipped: string[] = [];
  for (const path of await onPath(name, context.env)) {
    let fault: string;
    try {
      const version = await probe(name, path, context.env, context.signal);
      if (!isTooOld(name, version)) return { path, version, from: 'path' };
      fault = `${path} is ${version}, older than v${TOOLS[name].minimum}.0`;
    } catch (error) {
      context.signal.throwIfAborted();
      fault = `${path} does not work (${reasonOf(error)})`;
    }
    context.log(`skipping ${name} on PATH: ${fault}`);
    skipped.push(fault);
  }
  throw new StepFailure(skipped.join('; ') || `no ${name} there`);
}

async function build(name: ToolName, pin: Pin, context: Context): Promise<Tool> {
  const [go] = await onPath('go', context.env);
  if (!go) throw new StepFailure('Go is not on PATH');
  const { env, root, signal } = context;
  const { ldflags, package: target } = TOOLS[name];
  const done = context.progress.begin(() => `building ${name} ${pin.version}`);
  try {
    const path = await inWorkFolder(root, async (work) => {
      const folder = moduleFolder(name, root);
      const binary = await goBuild({ go, folder, package: target, ldflags: ldflags(pin.version), work, env, signal });
      return install(name, pin.stamp, binary, work, context);
    });
    context.log(`built ${name} ${pin.version} in ${done()}`);
    return { path, version: pin.version, from: 'built' };
  } finally {
    done();
  }
}

/** A system that Go builds for, in Go's words: linux, amd64. */
export interface Target {
  readonly os: string;
  readonly arch: string;
}

/**
 * Builds the project's k6 for another system, a worker's perhaps, and returns its path: `.tools/k6-linux-arm64`. It is built
 * anew each time, which Go's cache makes short. @throws ToolError when it can't be
 */
export async function crossBuildK6(target: Target, options: ToolOptions): Promise<string> {
  const { version } = await readPin('k6', options.root);
  const { folder, package: main, ldflags } = TOOLS.k6;
  return crossBuild({ name: 'k6', title: `k6 ${version}`, folder, main, ldflags: ldflags(version) }, target, options);
}

/** The same for the program that finds a machine's own credentials: `.tools/credentials-linux-arm64`. */
export function buildCredentials(target: Target, options: ToolOptions): Promise<string> {
  const title = "the finder of workers' credentials";
  return crossBuild({ name: 'credentials', title, folder: CREDENTIALS, main: '.', ldflags: [] }, target, options);
}

/** The module of it, below the project's root. */
const CREDENTIALS = 'tools/credentials';

interface Crossing {
  readonly name: string;
  /** For people. */
  readonly title: string;
  readonly folder: string;
  readonly main: string;
  readonly ldflags: readonly string[];
}

async function crossBuild(what: Crossing, target: Target, options: ToolOptions): Promise<string> {
  const { title, folder, main, ldflags } = what;
  const { env, root } = options;
  const [go] = await onPath('go', env);
  if (!go) throw new ToolError(`${title} for another system is built by Go, which is not on PATH: install it`);
  const name = `${what.name}-${target.os}-${target.arch}`;
  return interruptible(options.signal, async (signal) => {
    const done = new ToolProgress(options).begin(() => `building ${title} for ${target.os} on ${target.arch}`);
    try {
      return await inWorkFolder(root, async (work) => {
        const own = { ...env, GOOS: target.os, GOARCH: target.arch, CGO_ENABLED: '0' };
        const module = join(root, folder);
        const binary = await goBuild({ go, folder: module, package: main, ldflags, work, env: own, signal });
        const path = join(root, '.tools', name);
        await rename(binary, path);
        return path;
      });
    } catch (error) {
      signal.throwIfAborted();
      throw new ToolError(`${name} can't be built: ${reasonOf(error)}`);
    } finally {
      done();
    }
  });
}

async function downloadRelease(name: ToolName, pin: Pin, context: Context): Promise<Tool> {
  const { env, root, signal } = context;
  const base = (env.S3LOADTEST_DOWNLOAD_BASE || DOWNLOAD_BASE).replace(/\/+$/, '');
  if (!/^https?:\/\/[^/]/.test(base)) {
    throw new StepFailure(`S3LOADTEST_DOWNLOAD_BASE is "${base}": it takes an address such as ${DOWNLOAD_BASE}`);
  }
  const release = releaseOf(name, pin.version, process.platform, process.arch);
  if (!release) throw new StepFailure(`no release for ${process.platform} on ${process.arch}`);
  const [tar] = await onPath('tar', env);
  if (!tar) throw new StepFailure('tar is not on PATH');
  let bytes = 0;
  const onBytes = (received: number) => {
    bytes = received;
  };
  const done = context.progress.begin(
    () => `downloading ${name} ${pin.version} from ${base}${bytes > 0 ? `, ${formatBytes(bytes)}` : ''}`,
  );
  try {
    const path = await inWorkFolder(root, async (work) => {
      const binary = await download(release, { base, work, tar, env, signal, onBytes });
      return install(name, pin.releaseStamp, binary, work, context);
    });
    context.log(`downloaded ${name} ${pin.version}, ${formatBytes(bytes)}, in ${done()}`);
    return { path, version: pin.version, from: 'downloaded' };
  } finally {
    done();
  }
}

/** Puts a finished binary into `.tools/bin` in one step, and returns its path there. */
async function install(
  name: ToolName,
  content: string,
  binary: string,
  work: string,
  context: Context,
): Promise<string> {
  const path = ownPath(name, context.root);
  await chmod(binary, 0o755);
  // A binary for another system passes every check but this one.
  await probe(name, binary, context.env, context.signal);
  const stamp = join(work, 'stamp');
  await writeFile(stamp, content);
  await mkdir(resolve(path, '..'), { recursive: true });
  await rename(binary, path);
  // The stamp last: if the process ends in between, the binary is made again rather than taken for what it isn't.
  await rename(stamp, stampPath(name, context.root));
  return path;
}

/**
 * The official release of a tool; undefined when there is none for that system. `platform` and `arch` are Node's.
 * Names: k6's build-release.sh, versitygw's .goreleaser.yaml.
 */
export function releaseOf(name: ToolName, version: string, platform: string, arch: string): Release | undefined {
  if (!['linux', 'darwin'].includes(platform) || !['x64', 'arm64'].includes(arch)) return undefined;
  const mac = platform === 'darwin';
  if (name === 'k6') {
    const system = `${mac ? 'macos' : 'linux'}-${arch === 'x64' ? 'amd64' : arch}`;
    return {
      folder: `grafana/k6/releases/download/${version}`,
      archive: `k6-${version}-${system}.${mac ? 'zip' : 'tar.gz'}`,
      checksums: `k6-${version}-checksums.txt`,
      binary: 'k6',
    };
  }
  return {
    folder: `versity/versitygw/releases/download/${version}`,
    archive: `versitygw_${version}_${mac ? 'Darwin' : 'Linux'}_${arch === 'x64' ? 'x86_64' : arch}.tar.gz`,
    checksums: 'checksums.txt',
    binary: 'versitygw',
  };
}

/** The version of k6 that the project is made for: `2.2.0`. */
export async function pinnedK6(root: string): Promise<string> {
  return (await readPin('k6', root)).version.replace(/^v/, '');
}

async function readPin(name: ToolName, root: string): Promise<Pin> {
  const folder = moduleFolder(name, root);
  const hash = createHash('sha256');
  let goMod = '';
  for (const file of (await readdir(folder, { recursive: true })).sort()) {
    if (!/^go\.(mod|sum)$|(?<!_test)\.go$/.test(file)) continue;
    const text = await readFile(join(folder, file), 'utf8');
    hash.update(`${file} ${text.length}\n${text}`);
    if (file === 'go.mod') goMod = text;
  }
  let version: string | undefined;
  let go: string | undefined;
  for (const line of goMod.split('\n')) {
    const [first, second, third] = line.trim().split(/\s+/);
    if (first === 'go') go = second;
    if (first === TOOLS[name].module) version = second;
    if (first === 'require' && second === TOOLS[name].module) version = third;
  }
  if (!version || !go) throw new ToolError(`${TOOLS[name].folder}/go.mod requires no version of ${TOOLS[name].module}`);
  const stamp = `${version} ${hash.digest('hex').slice(0, 16)}\n`;
  return { version, go, stamp, releaseStamp: TOOLS[name].extended ? `${version} release\n` : stamp };
}

/** The version the binary says it is, with a leading v where it is a number. Throws when it doesn't start or doesn't say. */
async function probe(
  name: ToolName,
  path: string,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { versionArgs, versionLine } = TOOLS[name];
  const { code, stdout, stderr } = await run(path, versionArgs, {
    env,
    timeoutMs: PROBE_MS,
    ...(signal && { signal }),
  });
  const version = versionLine.exec(stdout)?.[1];
  if (code === 0 && version) return /^\d/.test(version) ? `v${version}` : version;
  const said = (stderr.trim() || stdout.trim()).split('\n')[0]?.slice(0, 100);
  throw new StepFailure(`"${name} ${versionArgs.join(' ')}" ${said ? `said "${said}"` : `ended with ${code}`}`);
}

function isTooOld(name: ToolName, version: string): boolean {
  return Number(/^v(\d+)/.exec(version)?.[1] ?? 0) < (TOOLS[name].minimum ?? 0);
}

/** What a failed step says of itself. What is neither a StepFailure nor the system's refusal is a bug, and thrown on. */
function reasonOf(error: unknown): string {
  if (error instanceof StepFailure) return error.message;
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.message;
  throw error;
}

function waysOut(missing: readonly Missing[]): string {
  const lines = missing.flatMap(({ name, pin, reasons }) => [
    `${name} ${pin.version} is not to be had here.`,
    ...reasons.map((reason) => `  ${reason}`),
  ]);
  const go = missing.map(({ pin }) => pin.go).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const each = (text: (name: ToolName) => string) => missing.map(({ name }) => text(name)).join(' and ');
  const ways = [
    `install Go ${go.at(-1)} or later`,
    `put ${each((name) => (TOOLS[name].minimum ? `${name} v${TOOLS[name].minimum}.0 or later` : name))} on PATH`,
    `set ${each((name) => TOOLS[name].setting)} to the path of a binary`,
    `set S3LOADTEST_DOWNLOAD_BASE to a mirror of ${DOWNLOAD_BASE}`,
  ];
  return [...lines, `Ways out: ${ways.join('; or ')}.`].join('\n');
}

/** Every executable file of that name in PATH's folders, in PATH's order. */
export async function onPath(command: string, env: NodeJS.ProcessEnv): Promise<string[]> {
  const found: string[] = [];
  for (const folder of (env.PATH ?? '').split(delimiter)) {
    // A relative folder would make it depend on where the command was typed.
    if (isAbsolute(folder) && (await isExecutable(join(folder, command)))) found.push(join(folder, command));
  }
  return found;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** Gives `use` an empty folder on the same file system as `.tools/bin`, and removes it with all it holds. */
export async function inWorkFolder<T>(root: string, use: (work: string) => Promise<T>): Promise<T> {
  await mkdir(join(root, '.tools'), { recursive: true });
  const work = await mkdtemp(join(root, '.tools', 'work-'));
  const onExit = () => rmSync(work, { recursive: true, force: true });
  process.once('exit', onExit);
  try {
    return await use(work);
  } finally {
    process.removeListener('exit', onExit);
    await rm(work, { recursive: true, force: true });
  }
}

const moduleFolder = (name: ToolName, root: string) => join(root, TOOLS[name].folder);
const ownPath = (name: ToolName, root: string) => join(root, '.tools', 'bin', name);
const stampPath = (name: ToolName, root: string) => join(root, '.tools', 'bin', `${name}.version`);

const secondsSince = (start: number) => `${Math.round((Date.now() - start) / 1000)} s`;

/** A line when something begins; where someone watches, one every few seconds for all that is under way: `building k6 v2.2.0 … 34 s; building versitygw v1.8.0 … 34 s`. */
export class ToolProgress {
  readonly #log: (line: string) => void;
  readonly #running = new Map<() => string, number>();
  readonly #live: boolean;
  #timer: NodeJS.Timeout | undefined;

  constructor({ log, live = process.stderr.isTTY === true }: Pick<ToolOptions, 'log' | 'live'>) {
    this.#log = log;
    this.#live = live;
  }

  /** Says that it begins, and where someone watches goes on saying so, until the returned function is called, which returns the time taken. */
  begin(label: () => string): () => string {
    const start = Date.now();
    this.#log(`${label()} …`);
    this.#running.set(label, start);
    if (this.#live) {
      this.#timer ??= setInterval(() => {
        this.#log([...this.#running].map(([text, since]) => `${text()} … ${secondsSince(since)}`).join('; '));
      }, PROGRESS_MS);
    }
    return () => {
      this.#running.delete(label);
      if (this.#running.size === 0) {
        clearInterval(this.#timer);
        this.#timer = undefined;
      }
      return secondsSince(start);
    };
  }
}
