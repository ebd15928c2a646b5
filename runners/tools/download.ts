/** Gets the binary out of a project's release archive, checked against the checksums published beside it. */
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, stat } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { proxyOf } from '../../lib/settings/http-proxy';
import { createProxied } from '../bucket/proxied';
import { run, StepFailure } from '../process/child';

/** A server that sends nothing for so long, in milliseconds, is given up. */
const IDLE_MS = 30_000;

export interface Release {
  /** Folder of the release below the base address: `grafana/k6/releases/download/v2.2.0`. */
  folder: string;
  /** File names in that folder: a .tar.gz or .zip, and lines of `<sha256>  <file name>`. */
  archive: string;
  checksums: string;
  /** Name of the executable, at the archive's top or one folder down. */
  binary: string;
}

interface DownloadOptions {
  /** Existing empty folder that takes the archive and what is in it; the caller removes it. */
  work: string;
  /** The `tar` command; undefined where there is none. */
  tar: string | undefined;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  /** Called with the bytes received of the archive so far. */
  onBytes: (bytes: number) => void;
}

/**
 * Downloads a release from below a base address, which has no slash at its end, verifies, then unpacks; returns the path of the
 * binary inside `work`.
 * Throws StepFailure naming the address or file that was wrong, and the signal's reason when aborted.
 */
export async function download(release: Release, options: DownloadOptions & { base: string }): Promise<string> {
  const { signal, env } = options;
  const address = (file: string) => `${options.base}/${release.folder}/${file}`;

  // The small file first: when the release isn't there, it says so before 40 MB are on their way.
  let sums = '';
  await receive(address(release.checksums), env, signal, async (chunk) => {
    sums += Buffer.from(chunk).toString('latin1');
  });
  const expected = publishedSum(sums, release.archive);
  if (!expected) throw new StepFailure(`${address(release.checksums)} has no sha256 of ${release.archive}`);

  const name = release.archive;
  const source = { url: address(name), name, sha256: expected, saysWho: release.checksums };
  return unpack(await receiveFile(source, options), name, release.binary, options);
}

/** One file that its user knows the checksum of. */
export interface OneFile {
  readonly url: string;
  /** In lower case. */
  readonly sha256: string;
  /** Name of the executable, where the file is an archive: at its top or one folder down. */
  readonly binary: string;
}

const ARCHIVE = /\.(?:tar\.gz|tgz|zip)$/i;

/** Downloads and verifies one file, which is the binary or an archive with it in it, and returns the binary's path inside `work`. */
export async function downloadOne({ url, sha256, binary }: OneFile, options: DownloadOptions): Promise<string> {
  const name = new URL(url).pathname.split('/').at(-1) || binary;
  const file = await receiveFile({ url, name: 'fetched', sha256, saysWho: 'the one given' }, options);
  return ARCHIVE.test(name) ? unpack(file, name, binary, options) : file;
}

interface Source {
  readonly url: string;
  /** What it is called in the work folder. */
  readonly name: string;
  readonly sha256: string;
  /** Where the checksum is from. */
  readonly saysWho: string;
}

/** Returns the path of what came. Throws StepFailure when that has another checksum. */
async function receiveFile(source: Source, { work, env, signal, onBytes }: DownloadOptions): Promise<string> {
  const path = join(work, source.name);
  const hash = createHash('sha256');
  let bytes = 0;
  const file = await open(path, 'wx');
  try {
    await receive(source.url, env, signal, async (chunk) => {
      hash.update(chunk);
      await file.writeFile(chunk);
      bytes += chunk.length;
      onBytes(bytes);
    });
  } finally {
    await file.close();
  }
  const actual = hash.digest('hex');
  if (actual === source.sha256) return path;
  throw new StepFailure(
    `${source.url} has sha256 ${actual}, ${source.saysWho} says ${source.sha256}: damaged, or not the published file`,
  );
}

/** Unpacks an archive, told by its name, and returns the path of the binary in it. */
async function unpack(archive: string, name: string, binary: string, options: DownloadOptions): Promise<string> {
  const { work, tar, env, signal } = options;
  if (tar === undefined) throw new StepFailure(`tar is not on PATH, and ${name} is an archive`);
  const unpacked = join(work, 'unpacked');
  await mkdir(unpacked);
  // No flag for the compression: GNU's and BSD's tar see it by themselves, and BSD's (macOS) reads zip too.
  const { code, stderr } = await run(tar, ['-x', '-o', '-f', archive, '-C', unpacked], { env, signal });
  if (code !== 0) throw new StepFailure(`tar can't unpack ${name}: ${stderr.trim().split('\n')[0]}`);
  const found = await findFile(unpacked, binary);
  if (!found) throw new StepFailure(`${name} holds no ${binary}`);
  return found;
}

/** The sha256 of `file` in the text of a checksum file (what sha256sum prints), in lower case. */
function publishedSum(text: string, file: string): string | undefined {
  for (const line of text.split(/\r?\n/)) {
    const [, sum, name] = /^([0-9a-f]{64})\s+\*?(.+)$/i.exec(line.trim()) ?? [];
    if (sum && name === file) return sum.toLowerCase();
  }
  return undefined;
}

/** GETs `url`, handing on its body piece by piece. Throws StepFailure for a status other than 2xx, an error or a stall. */
async function receive(
  url: string,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
  take: (chunk: Uint8Array) => Promise<void>,
): Promise<void> {
  signal.throwIfAborted();
  const stop = new AbortController();
  const onAbort = () => stop.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const idle = setTimeout(() => stop.abort(new StepFailure(`${url} sent nothing for ${IDLE_MS / 1000} s`)), IDLE_MS);
  try {
    const { status, statusText, body, end } = await get(url, env, stop.signal);
    if (status < 200 || status > 299 || !body) {
      await end();
      throw new StepFailure(`${url} answered ${status} ${statusText}`.trimEnd());
    }
    for await (const chunk of body) {
      idle.refresh();
      await take(chunk);
    }
  } catch (error) {
    if (stop.signal.aborted) throw stop.signal.reason;
    if (error instanceof StepFailure || !(error instanceof Error)) throw error;
    throw new StepFailure(`${url}: ${networkReason(error)}`);
  } finally {
    clearTimeout(idle);
    signal.removeEventListener('abort', onAbort);
  }
}

interface Got {
  readonly status: number;
  readonly statusText: string;
  readonly body: AsyncIterable<Uint8Array> | null;
  /** Leaves the body alone. */
  end(): Promise<void> | undefined;
}

/** Fetches, through a proxy where the environment names one: Node's own fetch knows none. */
async function get(url: string, env: NodeJS.ProcessEnv, signal: AbortSignal, redirects = 5): Promise<Got> {
  const proxy = proxyOf(url, env);
  if (proxy === undefined) {
    const { status, statusText, body } = await fetch(url, { signal });
    return { status, statusText, body, end: () => body?.cancel() };
  }
  const request = url.startsWith('https:') ? httpsRequest : httpRequest;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = request(url, { signal, ...createProxied(1).optionsFor(url, proxy.url) });
    sent.on('response', resolve).on('error', reject).end();
  });
  const { statusCode: status = 0, statusMessage: statusText = '', headers } = response;
  if (status >= 300 && status < 400 && headers.location !== undefined && redirects > 0) {
    response.destroy();
    return get(new URL(headers.location, url).href, env, signal, redirects - 1);
  }
  return { status, statusText, body: response, end: async () => void response.destroy() };
}

/** fetch says only "fetch failed" and keeps what happened in `cause`, whose message is empty if two addresses failed. */
function networkReason(error: Error): string {
  const cause = error.cause;
  if (!(cause instanceof Error)) return error.message;
  return cause.message || ('code' in cause ? String(cause.code) : error.message);
}

async function findFile(folder: string, name: string): Promise<string | undefined> {
  const below = (await readdir(folder)).sort();
  for (const path of [join(folder, name), ...below.map((entry) => join(folder, entry, name))]) {
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile()) return path;
  }
  return undefined;
}
