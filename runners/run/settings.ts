/** The settings on the CLI's side: options, then the environment, then `./.env`, then `~/.s3loadtest/.env`, then a workload file. */
import { readFileSync } from 'node:fs';
import { availableParallelism, homedir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { FROM_CLI } from '../../lib/result/protocol';
import {
  beneath,
  type Config,
  ConfigError,
  CREDENTIALS,
  defaultText,
  type Environment,
  ORIGIN,
  readConfig,
  readSome,
  readWithoutCredentials,
  type Setting,
  type SettingName,
  settings,
  settingTexts,
} from '../../lib/settings/config';
import { parseEnvFile } from '../../lib/settings/env-file';
import { PROXY_VARIABLES } from '../../lib/settings/http-proxy';

/** What a workload file says of settings. */
export const OF_FILE = Symbol('of a workload file');

/** Options as commander hands them over, by camel-case name. */
export type Options = Readonly<Record<string, unknown>> & { readonly [OF_FILE]?: Environment };

export interface Settings {
  readonly config: Config;
  /** The same as text by variable, complete: what k6 is given. Holds the credentials. */
  readonly environment: Readonly<Record<string, string>>;
}

/** VUs for each core, as the original took threads. */
const VUS_PER_CORE = 8;
const all = Object.keys(settings) as SettingName[];

/** Adds every setting, or those named, that has an option, with its help and default out of lib/settings/config.ts. */
export function addSettingOptions(command: Command, names: readonly SettingName[] = all): Command {
  for (const name of names) {
    const s = settings[name] as Setting<unknown>;
    if (s.option === undefined) continue;
    const help = `${s.help} (${s.env[0]}; default: ${defaultText(s)})`;
    if (s.repeats) command.option(`--${s.option}`, help, collect);
    else command.option(`--${s.option}`, help);
  }
  return command;
}

/** Gathers the values of an option that may be given several times. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** @throws ConfigError naming every missing and every bad setting. */
export function loadSettings(options: Options, environment: Environment): Settings {
  const sources = sourcesOf(options, environment);
  const config = readConfig(...sources);
  const texts = textsOf(sources);
  // Workers have their own, and those here are not for them.
  if (config.credentials === 'worker') for (const variable of CREDENTIAL_VARIABLES) delete texts[variable];
  return { config, environment: { ...texts, ...(config.httpProxy === 'none' && NO_PROXIES) } };
}

const CREDENTIAL_VARIABLES = CREDENTIALS.flatMap((name) => settings[name].env);

/** What leaves k6, too, without a proxy. */
const NO_PROXIES = Object.fromEntries(PROXY_VARIABLES.map((name) => [name, '']));

/** The same where credentials are somewhere else: those that are here are left out. @throws ConfigError as above. */
export function loadOpenSettings(options: Options, environment: Environment): Settings {
  const none = Object.fromEntries(CREDENTIAL_VARIABLES.map((variable) => [variable, '']));
  const sources = sourcesOf(options, environment).map((source) => ({ ...source, ...none }));
  const { config } = readWithoutCredentials(sources, { elsewhere: true });
  return { config, environment: textsOf(sources) };
}

/** The settings named and no others, from the same places. @throws ConfigError naming every missing and every bad one. */
export function loadSome<K extends SettingName>(
  names: readonly K[],
  options: Options,
  environment: Environment,
): Pick<Config, K> {
  return readSome(names, ...sourcesOf(options, environment));
}

function sourcesOf(options: Options, environment: Environment): Environment[] {
  const files = [join(process.cwd(), '.env'), join(homedir(), '.s3loadtest', '.env')].map(readEnvFile);
  const above = [fromOptions(options), environment, ...files];
  return [...above, beneath(options[OF_FILE] ?? {}, above)];
}

function textsOf(sources: readonly Environment[]): Record<string, string> {
  const options = Object.keys(sources[0] ?? {});
  return { ...settingTexts(...sources), ...(options.length > 0 && { [FROM_CLI.options]: options.join(',') }) };
}

/** Whether a setting has a value in any of the places, and is not left to its default. */
export function isSet(name: SettingName, options: Options, environment: Environment): boolean {
  return settings[name].env[0] in settingTexts(...sourcesOf(options, environment));
}

/** VUs of each of the k6 processes on a machine, this one or another, where nobody asked for any. */
export function defaultConcurrency(cores = availableParallelism(), processes = 1): number {
  return Math.max(1, Math.floor((cores * VUS_PER_CORE) / processes));
}

function fromOptions(options: Options): Environment {
  const values: Record<string, string> = {};
  for (const s of Object.values(settings) as Setting<unknown>[]) {
    const [option = ''] = s.option?.split(' ') ?? [];
    const name = option.replace(/^no-/, '').replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
    // Of an option that says no, commander has true where it was not given.
    const value = option.startsWith('no-') && options[name] === true ? undefined : options[name];
    if (value !== undefined) values[s.env[0]] = Array.isArray(value) ? value.join(';') : String(value);
  }
  return { ...values, [ORIGIN]: { options: Object.keys(values) } };
}

function readEnvFile(path: string): Environment {
  try {
    return { ...parseEnvFile(readFileSync(path, 'utf8')), [ORIGIN]: { file: path } };
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new ConfigError([`${path} can't be read (${(e as Error).message}): make it readable, or move it away`]);
  }
}
