/** Where the signing proxy of the proxy backend comes from: PATH, what was fetched before, else the release that the user names. */
import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ConfigError, settings } from '../../lib/settings/config';
import { formatBytes } from '../../lib/settings/units';
import { StepFailure } from '../process/child';
import { interruptible } from '../process/interruptible';
import { downloadOne } from './download';
import { inWorkFolder, onPath, type ToolOptions, ToolProgress } from './tools';

const NAME = 's3pool';
const [BINARY] = settings.s3poolBinary.env;
const [URL] = settings.s3poolUrl.env;
const [SHA256] = settings.s3poolSha256.env;
const BACKEND = `${settings.backend.env[0]} is proxy`;

interface Wanted {
  readonly s3poolUrl?: string | undefined;
  readonly s3poolSha256?: string | undefined;
}

/** The one on PATH; undefined where there is none. Looks at nothing else, for a dry run. */
export async function s3poolOnPath(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  return (await onPath(NAME, env))[0];
}

/**
 * The path of s3pool. What is fetched is kept in `.tools/bin`, and taken again for the same checksum.
 * @throws ConfigError when there is none, with the ways out, or what was fetched is not what it should be
 */
export async function findS3pool(wanted: Wanted, options: ToolOptions): Promise<string> {
  const there = await s3poolOnPath(options.env);
  if (there !== undefined) return there;
  const { s3poolUrl: url, s3poolSha256: sha256 } = wanted;
  if (url === undefined) {
    throw new ConfigError([
      `${BACKEND}, and no ${NAME} is on PATH: give its path as ${BINARY}, where to fetch it as ${URL} and ${SHA256}, or ` +
        `${BINARY}=none where ${settings.endpoints.env[0]} are proxies that already run`,
    ]);
  }
  if (sha256 === undefined) {
    throw new ConfigError([`${URL} is "${url}", and ${SHA256} is not set: give the SHA-256 that it is to have`]);
  }
  const kept = await keptOf(sha256, options);
  if (kept !== undefined) return kept;
  try {
    return await interruptible(options.signal, (signal) => fetchS3pool(url, sha256, { ...options, signal }));
  } catch (e) {
    if (!(e instanceof StepFailure)) throw e;
    throw new ConfigError([`${URL}: ${e.message}`]);
  }
}

const placeOf = (root: string) => ({
  path: join(root, '.tools', 'bin', NAME),
  stamp: join(root, '.tools', 'bin', `${NAME}.version`),
});

/** What was fetched before by this checksum, where nobody has changed it since. */
async function keptOf(sha256: string, { root }: ToolOptions): Promise<string | undefined> {
  const { path, stamp } = placeOf(root);
  const [of, own] = (await readFile(stamp, 'utf8').catch(() => '')).trim().split(' ');
  if (of !== sha256) return undefined;
  const binary = await readFile(path).catch(() => undefined);
  return binary !== undefined && sumOf(binary) === own ? path : undefined;
}

const sumOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function fetchS3pool(
  url: string,
  sha256: string,
  { env, root, log, signal, ...rest }: ToolOptions & { signal: AbortSignal },
): Promise<string> {
  const [tar] = await onPath('tar', env);
  let bytes = 0;
  const received = () => (bytes > 0 ? `, ${formatBytes(bytes)}` : '');
  const done = new ToolProgress({ log, ...rest }).begin(() => `fetching ${NAME} from ${url}${received()}`);
  try {
    const path = await inWorkFolder(root, async (work) => {
      const onBytes = (n: number) => {
        bytes = n;
      };
      const binary = await downloadOne({ url, sha256, binary: NAME }, { work, tar, env, signal, onBytes });
      await chmod(binary, 0o755);
      const place = placeOf(root);
      await mkdir(dirname(place.path), { recursive: true });
      const stamp = join(work, 'stamp');
      await writeFile(stamp, `${sha256} ${sumOf(await readFile(binary))}\n`);
      // The stamp last: if the process ends in between, it is fetched again.
      await rm(place.stamp, { force: true });
      await rename(binary, place.path);
      await rename(stamp, place.stamp);
      return place.path;
    });
    log(`fetched ${NAME}, ${formatBytes(bytes)}, in ${done()}`);
    return path;
  } finally {
    done();
  }
}
