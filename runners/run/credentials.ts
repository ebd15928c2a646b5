/** Credentials as AWS's own tools find them, by AWS's provider chain: loaded only where they are asked for. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, settings, type User } from '../../lib/settings/config';
import { isSet, loadSome, type Options } from './settings';

/** AwsCredentialIdentity of the AWS SDK: https://docs.aws.amazon.com/AWSJavaScriptSDK/v3/latest/Package/-aws-sdk-types */
export interface Identity {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

type Provider = () => Promise<Identity>;

export interface FoundCredentials {
  /** With the credentials in it, as one set. */
  readonly environment: NodeJS.ProcessEnv;
  /** When they end; undefined where they don't. */
  readonly ends?: Date;
  /** How to get others then. */
  readonly lease?: Lease;
}

export interface Lease {
  readonly ends: Date;
  readonly provider: Provider;
}

/** Instance metadata that does not answer is none: a machine outside a cloud has no such address. */
const METADATA = { timeout: 1_000, maxRetries: 1 };
/** A key in the environment beside a profile is no news: the profile was asked for. */
const nothing = () => {};
const QUIET = { debug: nothing, info: nothing, warn: nothing, error: nothing };
/** Milliseconds before credentials end at which others are asked for, and between two attempts. */
const AHEAD_MS = 5 * 60_000;
const AGAIN_MS = 30_000;

/**
 * The environment with the credentials of AWS's chain: where --credentials says aws, or where a profile is named and no key. With
 * `profiles`, those of each as users, and the first as the credentials of all else. `ofWorkers`: workers may find their own.
 * @throws ConfigError when the chain finds none
 */
export async function findCredentials(
  options: Options,
  environment: NodeJS.ProcessEnv,
  {
    profiles = [],
    ofWorkers = false,
  }: { readonly profiles?: readonly string[] | undefined; readonly ofWorkers?: boolean } = {},
): Promise<FoundCredentials> {
  const { credentials } = loadSome(['credentials'], options, environment);
  if (profiles.length > 0) {
    if (credentials === 'worker') {
      throw new ConfigError([
        `${settings.credentials.env[0]} is worker, and the file's credentials names profiles: leave one of them out`,
      ]);
    }
    return ofProfiles(profiles, environment);
  }
  if (credentials === 'worker') {
    if (ofWorkers) return { environment };
    throw new ConfigError([
      `${settings.credentials.env[0]} is worker: only dist and start have workers: give env or aws`,
    ]);
  }
  const isAsked = credentials === 'aws' || (environment.AWS_PROFILE && !isSet('accessKeyId', options, environment));
  if (!isAsked) return { environment };
  const { fromNodeProviderChain } = await import('@aws-sdk/credential-providers');
  const provider: Provider = fromNodeProviderChain(METADATA);
  const found = await ask(provider, environment);
  const lease = found.expiration && { ends: found.expiration, provider };
  const region = isSet('region', options, environment) ? {} : await regionOfProfile();
  return { environment: { ...environment, ...region, ...textsOf(found) }, ...(lease && { lease, ends: lease.ends }) };
}

async function ofProfiles(profiles: readonly string[], environment: NodeJS.ProcessEnv): Promise<FoundCredentials> {
  const { fromNodeProviderChain } = await import('@aws-sdk/credential-providers');
  const found = await Promise.all(
    profiles.map((profile) =>
      ask(
        fromNodeProviderChain({ ...METADATA, profile, logger: QUIET }),
        environment,
        `credentials names the profile "${profile}"`,
      ),
    ),
  );
  const users: User[] = found.map(({ accessKeyId, secretAccessKey, sessionToken }) => ({
    ...{ accessKeyId, secretAccessKey },
    ...(sessionToken !== undefined && { sessionToken }),
  }));
  const [ends] = found.flatMap(({ expiration }) => expiration ?? []).sort((a, b) => a.getTime() - b.getTime());
  const own = { ...textsOf(found[0] as Identity), [settings.users.env[0]]: JSON.stringify(users) };
  return { environment: { ...environment, ...own }, ...(ends && { ends }) };
}

/** The region that ~/.aws/config has for the profile, where it has one. */
async function regionOfProfile(): Promise<NodeJS.ProcessEnv> {
  const { loadConfig, NODE_REGION_CONFIG_OPTIONS } = await import('@smithy/core/config');
  // An AWS_REGION that is empty is none, which AWS's own reader does not know.
  const ofFiles = { ...NODE_REGION_CONFIG_OPTIONS, environmentVariableSelector: () => undefined, default: '' };
  const region = await loadConfig<string>(ofFiles)();
  return region === '' ? {} : { AWS_REGION: region };
}

async function ask(
  provider: Provider,
  { AWS_PROFILE: profile }: NodeJS.ProcessEnv,
  asks = profile ? `AWS_PROFILE is "${profile}"` : `${settings.credentials.env[0]} is aws`,
): Promise<Identity> {
  try {
    return await provider();
  } catch (e) {
    const why = (e as Error).message.replace(/\s+/g, ' ');
    throw new ConfigError([
      `${asks}, and AWS's provider chain gives no credentials (${why}): \`aws sts get-caller-identity\` shows what AWS's own tools find`,
    ]);
  }
}

/** One set as variables: no token of another that the environment may have. */
export const textsOf = ({ accessKeyId, secretAccessKey, sessionToken }: Identity) => ({
  AWS_ACCESS_KEY_ID: accessKeyId,
  AWS_SECRET_ACCESS_KEY: secretAccessKey,
  AWS_SESSION_TOKEN: sessionToken ?? '',
});

/** A set, as k6 reads it from a file. */
export const fileOf = ({ accessKeyId, secretAccessKey, sessionToken }: Identity): string =>
  JSON.stringify({ accessKeyId, secretAccessKey, sessionToken });

/** Asks for others before credentials end, until it is stopped. What `take` throws is told like a set that could not be had. */
export function renew(
  { ends, provider }: Lease,
  take: (set: Identity) => void | Promise<void>,
  warn: (line: string) => void,
): { stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;

  const askIn = (ms: number) => {
    timer = setTimeout(next, Math.min(ms, 2 ** 31 - 1));
  };
  // Half of the time where it is little: chains give the same set until it is nearly over.
  const due = (end: Date) => Math.max(1_000, (end.getTime() - Date.now()) / 2, end.getTime() - Date.now() - AHEAD_MS);
  const next = async () => {
    try {
      const set = await provider();
      if (isOver) return;
      await take(set);
      if (set.expiration !== undefined && !isOver) askIn(due(set.expiration));
    } catch (e) {
      warn(`credentials could not be renewed: ${(e as Error).message.replace(/\s+/g, ' ')}`);
      if (!isOver) askIn(AGAIN_MS);
    }
  };
  askIn(due(ends));
  return {
    stop: () => {
      isOver = true;
      clearTimeout(timer);
    },
  };
}

export interface Renewal {
  /** Path of a file that has each new set, for this user alone, until k6 has taken it. */
  readonly path: string;
  stop(): void;
}

/** The same for a k6 on this machine. */
export function renewHere(lease: Lease, warn: (line: string) => void): Renewal {
  const folder = mkdtempSync(join(tmpdir(), 's3loadtest-'));
  const path = join(folder, 'credentials');
  const put = (set: Identity) => {
    // A reader finds the old file or the new one, whole.
    writeFileSync(`${path}.new`, fileOf(set), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  };
  const renewing = renew(lease, put, warn);
  return {
    path,
    stop: () => {
      renewing.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A line for a run that outlasts its credentials, where nobody renews them; undefined for any other. */
export function endTooSoon(ends: Date | undefined, durationMs: number): string | undefined {
  if (ends === undefined || ends.getTime() > Date.now() + durationMs) return undefined;
  return `the credentials end at ${ends.toISOString()}, before the run does, and can't be renewed there`;
}
