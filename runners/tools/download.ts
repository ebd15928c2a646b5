/** Gets the binary out of a project's release archive, checked against the checksums published beside it. */
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
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
  /** Base address, without a slash at its end. */
  base: string;
  /** Existing empty folder that takes the archive and what is in it; the caller removes it. */
  work: string;
  /** The `tar` command. */
  tar: string;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  /** Called with the bytes received of the archive so far. */
  onBytes: (bytes: number) => void;
}

/**
 * Downloads, verifies, then unpacks; returns the path of the binary inside `work`.
 * Throws StepFailure naming the address or file that was wrong, and the signal's reason when aborted.
 */
export async function download(release: Release, options: DownloadOptions): Promise<string> {
  const { work, signal } = options;
  const address = (file: string) => `${options.base}/${release.folder}/${file}`;

  // The small file first: when the release isn't there, it says so before 40 MB are on their way.
  let sums = '';
  await receive(address(release.checksums), signal, async (chunk) => {
    sums += Buffer.from(chunk).toString('latin1');
  });
  const expected = publishedSum(sums, release.archive);
  if (!expected) throw new StepFailure(`${address(release.checksums)} has no sha256 of ${release.archive}`);

  const archive = join(work, release.archive);
  const hash = createHash('sha256');
  let bytes = 0;
  const file = await open(archive, 'wx');
  try {
    await receive(address(release.archive), signal, async (chunk) => {
      hash.update(chunk);
      await file.writeFile(chunk);
      bytes += chunk.length;
      options.onBytes(bytes);
    });
  } finally {
    await file.close();
  }
  const actual = hash.digest('hex');
  if (actual !== expected) {
    throw new StepFailure(
      `${address(release.archive)} has sha256 ${actual}, ${release.checksums} says ${expected}: damaged, or not the published file`,
    );
  }

  const unpacked = join(work, 'unpacked');
  await mkdir(unpacked);
  // No flag for the compression: GNU's and BSD's tar see it by themselves, and BSD's (macOS) reads zip too.
  const { code, stderr } = await run(options.tar, ['-x', '-o', '-f', archive, '-C', unpacked], {
    env: options.env,
    signal,
  });
  if (code !== 0) throw new StepFailure(`tar can't unpack ${release.archive}: ${stderr.trim().split('\n')[0]}`);
  const binary = await findFile(unpacked, release.binary);
  if (!binary) throw new StepFailure(`${release.archive} holds no ${release.binary}`);
  return binary;
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
async function receive(url: string, signal: AbortSignal, take: (chunk: Uint8Array) => Promise<void>): Promise<void> {
  signal.throwIfAborted();
  const stop = new AbortController();
  const onAbort = () => stop.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const idle = setTimeout(() => stop.abort(new StepFailure(`${url} sent nothing for ${IDLE_MS / 1000} s`)), IDLE_MS);
  try {
    const response = await fetch(url, { signal: stop.signal });
    if (!response.ok || !response.body) {
      await response.body?.cancel();
      throw new StepFailure(`${url} answered ${response.status} ${response.statusText}`.trimEnd());
    }
    for await (const chunk of response.body) {
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
