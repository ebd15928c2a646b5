/** The settings inside k6: from the environment, then `./.env`, then `~/.s3loadtest/.env`. */

import { FROM_CLI } from '../result/protocol';
import {
  beneath,
  type Config,
  ConfigError,
  CREDENTIALS,
  type Environment,
  leavesSigning,
  nameOf,
  ORIGIN,
  readConfig,
  readWithoutCredentials,
  settings,
} from '../settings/config';
import { isUnresolved } from '../settings/endpoint';
import { parseEnvFile } from '../settings/env-file';
import { proxiesOf } from '../settings/http-proxy';

export interface Loaded {
  readonly config: Config;
  /** Whether someone said how many VUs there are to be. */
  readonly concurrencyAsked: boolean;
  /** What it is when credentials don't come later, either: they are in none of these places. */
  readonly lacking: ConfigError | undefined;
}

let loaded: Loaded | undefined;

/**
 * The settings, read once a VU however many scripts ask. `ofScript` are its own, which others override.
 * @throws ConfigError naming every missing and every bad setting, or the folder that a bare run can't write to
 */
export function loadConfig(ofScript: Environment = {}): Loaded {
  loaded ??= load(ofScript);
  return loaded;
}

function load(ofScript: Environment): Loaded {
  const above = [ownEnvironment(), ...envFiles()];
  const environments = [...above, beneath(ofScript, above)];
  const concurrencyAsked = settings.concurrency.env.some((name) => environments.some((e) => e[name]?.trim()));
  const fallback = __ENV[FROM_CLI.concurrency];
  const { config, lacking } = read([...environments, fallback ? { [settings.concurrency.env[0]]: fallback } : {}]);
  checkBackend(config);
  if (__ENV[FROM_CLI.present] === undefined) checkFollowed(config);
  if (isBareRun()) checkResultsFolder(config.dataDir);
  if (isPacked()) warnOfPackedCredentials();
  return { config, concurrencyAsked, lacking };
}

/** What the CLI got as options, messages name as options. */
function ownEnvironment(): Environment {
  const options = __ENV[FROM_CLI.options];
  return options === undefined ? __ENV : { ...__ENV, [ORIGIN]: { options: options.split(',') } };
}

function read(environments: readonly Environment[]): Omit<Loaded, 'concurrencyAsked'> {
  if (isPacked()) return readWithoutCredentials(environments, { elsewhere: true, remedy: 'give it by --env' });
  if (__ENV[FROM_CLI.present] === undefined) return readWithoutCredentials(environments);
  return { config: readConfig(...environments), lacking: undefined };
}

/** Whether this is `k6 run` by hand, with the machine's files and variables. The CLI has read the files already. */
export function isBareRun(): boolean {
  return __ENV[FROM_CLI.present] === undefined && !isPacked();
}

/**
 * Whether an archive is made, or one runs in k6 Cloud. k6 puts every file that a script opens into an archive, and `k6 archive`
 * and `k6 cloud run` pass no system variables on: so where there is no PATH there is to be no secret either.
 */
export function isPacked(): boolean {
  return __ENV.PATH === undefined;
}

/** Variables given by --env are written into an archive as they are. In k6 Cloud they may well come from there. */
function warnOfPackedCredentials(): void {
  if (__ENV.K6_CLOUDRUN_INSTANCE_ID !== undefined) return;
  const given = CREDENTIALS.map((name) => settings[name].env[0]).filter((variable) => __ENV[variable]);
  if (given.length === 0) return;
  console.warn(
    `${given.join(', ')} given by --env: an archive has that in it for all to read: leave it out, and give it where the ` +
      'archive runs',
  );
}

/** A k6 that is asked for an extension it does not have ends with a stack. */
function checkBackend(config: Config): void {
  const { backend, verify, s3poolBinary, checksum, resolve, endpoints, httpProxy } = config;
  if (checksum?.startsWith('crc') && backend !== 'native') {
    throw new ConfigError([
      `${nameOf(config, 'checksum')} is ${checksum}: only the native backend makes that, and this run has ` +
        `${settings.backend.env[0]} "${backend}": give md5, sha1 or sha256, or run by a k6 with the project's extension`,
    ]);
  }
  checkTrailer(config);
  const unresolved = resolve !== 'any' ? endpoints.find(isUnresolved) : undefined;
  if (unresolved !== undefined) {
    throw new ConfigError([
      `${nameOf(config, 'resolve')} is all: only \`s3loadtest run\` and \`dist\` look names up: name the addresses in ` +
        `${settings.endpoints.env[0]}, as ${unresolved}#10.0.0.1,${unresolved}#10.0.0.2`,
    ]);
  }
  const [proxy] = proxiesOf(config, __ENV);
  if (proxy !== undefined && httpProxy === 'none') {
    throw new ConfigError([
      `${nameOf(config, 'httpProxy')} is none, and ${proxy.name} is set: a k6 without the CLI goes by that: unset it`,
    ]);
  }
  if (verify && backend !== 'native') {
    throw new ConfigError([
      `${nameOf(config, 'verify')} is true: only the native backend knows what was written, and this run has ` +
        `${settings.backend.env[0]} "${backend}": leave it out, or run by a k6 with the project's extension`,
    ]);
  }
  if (backend === 'proxy' && !leavesSigning(config) && __ENV[FROM_CLI.present] === undefined) {
    const name = nameOf(config, 's3poolBinary');
    const value = s3poolBinary === undefined ? 'not set' : `"${s3poolBinary}"`;
    throw new ConfigError([
      `${name} is ${value}: only \`npx s3loadtest run\` starts a proxy: give ${name}=none, and a proxy that runs as ` +
        `${settings.endpoints.env[0]}`,
    ]);
  }
  if (backend !== 'native' || __ENV[FROM_CLI.extension]) return;
  throw new ConfigError([
    `${nameOf(config, 'backend')} is "native": this k6 is not known to have the project's extension: leave it out, run by ` +
      `\`npx s3loadtest run\`, which builds such a k6, or say so of .tools/bin/k6 by ${FROM_CLI.extension}=1`,
  ]);
}

/** That a body goes in chunks is signed with the request, so who signs must know. */
function checkTrailer(config: Config): void {
  const { backend, checksumTrailer, signPayload } = config;
  if (!checksumTrailer || backend === 'native' || (backend === 'http' && !signPayload)) return;
  const given = `this run has ${settings.backend.env[0]} "${backend}"`;
  const name = nameOf(config, 'checksumTrailer');
  throw new ConfigError([
    backend === 'http'
      ? `${name} and ${nameOf(config, 'signPayload')} are both true, and ${given}: only the native backend signs chunks: ` +
        "leave one of them out, or run by a k6 with the project's extension"
      : `${name} is true, and ${given}, which signs bodies its own way: leave it out, and the checksum goes in a header`,
  ]);
}

/** What only who follows the run can do. */
function checkFollowed(config: Config): void {
  if (config.credentials === 'worker') {
    throw new ConfigError([
      `${nameOf(config, 'credentials')} is worker: only \`npx s3loadtest dist\` and \`start\` have workers: give env`,
    ]);
  }
  const given = [
    ...(config.warmup > 0 ? [nameOf(config, 'warmup')] : []),
    ...(config.untilSteady ? [nameOf(config, 'untilSteady')] : []),
  ];
  if (given.length === 0) return;
  throw new ConfigError(
    given.map(
      (variable) =>
        `${variable} is set: k6 by itself has no way to do that: leave it out, or run by \`npx s3loadtest run\``,
    ),
  );
}

/** k6 makes no folders, and exits 0 when it could not write: a run whose Result would be lost is better not begun. */
function checkResultsFolder(dataDir: string): void {
  const path = `${dataDir.startsWith('/') ? dataDir : `${__ENV.PWD ?? '.'}/${dataDir}`}/results`;
  try {
    open(path);
  } catch (e) {
    // In an archive that runs there is nothing to be seen of this machine's folders.
    if (/directories|file does not exist/.test(String(e))) return;
  }
  throw new ConfigError([
    `S3LOADTEST_DATA_DIR is "${dataDir}": there is no folder ${path} for the Result: make it, or name another`,
  ]);
}

function envFiles(): Environment[] {
  if (!isBareRun()) return [];
  const folders = [__ENV.PWD, __ENV.HOME && `${__ENV.HOME}/.s3loadtest`];
  return folders.flatMap((folder) => (folder ? readIfThere(`${folder}/.env`) : []));
}

function readIfThere(path: string): Environment[] {
  let text: string;
  try {
    text = open(path);
  } catch (e) {
    // k6 has no other way to ask whether a file is there.
    if (/no such file|file does not exist/.test(String(e))) return [];
    throw new ConfigError([`${path} can't be read (${String(e)}): make it readable, or move it away`]);
  }
  return [{ ...parseEnvFile(text), [ORIGIN]: { file: path } }];
}
