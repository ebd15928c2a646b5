/** What a command line names to be run: patterns, or one workload file. */
import { existsSync, readFileSync } from 'node:fs';
import { ConfigError, ORIGIN, settings } from '../../lib/settings/config';
import type { WorkloadFile } from '../../lib/workload/file/document';
import { readWorkloadFile } from '../../lib/workload/file/read';
import { bucketOf, differenceTo, wantsPreparation } from '../../lib/workload/file/storage';
import { settingsOf } from '../../lib/workload/file/workload';
import { manifestPath, type PreparedStorage, readPrepared } from '../../lib/workload/prepared';
import { loadSome, OF_FILE, type Options } from '../run/settings';
import { scriptOf, WORKLOAD } from '../tools/project';

export interface Wanted {
  /** As runs and files are named after it. */
  readonly name: string;
  /** Path of the bundle. */
  readonly script: string;
  /** Which of its patterns; all of them when left out. */
  readonly tests?: readonly string[] | undefined;
  /** Those of the command line, with what a file says. */
  readonly options: Options;
  /** Profiles whose credentials it asks with, where a file names some. */
  readonly profiles?: readonly string[] | undefined;
  /** What k6 is told beside settings, by variable. */
  readonly variables?: Readonly<Record<string, string>>;
}

const [VARIABLE] = settings.workload.env;

/** @throws ConfigError when a name is no pattern, a file is not right, or what it needs is not prepared */
export function wantedOf(names: readonly string[], options: Options): Wanted {
  const path = names.find(isWorkloadFile);
  if (path === undefined) return { name: [...new Set(names)].join('-'), ...scriptOf(names), options };
  if (names.length > 1) {
    throw new ConfigError([`"${names.join(' ')}": a workload file runs alone, and has as many loads as it likes`]);
  }
  const file = loadWorkloadFile(path);
  if (!wantsPreparation(file)) return wantedOfFile(path, file, options, undefined);
  const manifest = manifestOf(file, options);
  const prepared = loadPrepared(manifest);
  const again = `run \`s3loadtest prepare ${path}\``;
  if (prepared === undefined) {
    throw new ConfigError([`${path}: what it needs is not there (no ${manifest}): ${again} first`]);
  }
  const difference = differenceTo(file, prepared);
  if (difference !== undefined) {
    throw new ConfigError([
      `${manifest} is not of this file: ${difference}: \`s3loadtest cleanup --prepared ${manifest}\` takes that away, then ${again}`,
    ]);
  }
  if (!prepared.complete)
    throw new ConfigError([`${manifest}: not all of it is there yet: ${again}, which goes on with it`]);
  return wantedOfFile(path, file, options, prepared);
}

/** A file as it is run, or prepared, with a manifest. */
export function wantedOfFile(
  path: string,
  file: WorkloadFile,
  options: Options,
  prepared: PreparedStorage | undefined,
): Wanted {
  const own = {
    ...settingsOf(file),
    ...bucketOf(file, prepared),
    [VARIABLE]: JSON.stringify(file),
    [ORIGIN]: { file: path },
  };
  const manifest = prepared === undefined ? {} : { prepared: JSON.stringify(prepared) };
  return {
    ...{ name: file.name, ...scriptOf([WORKLOAD]) },
    options: { ...options, ...manifest, [OF_FILE]: own },
    profiles: file.credentials,
  };
}

/** Path of the manifest for a file. */
export function manifestOf(file: WorkloadFile, options: Options): string {
  const { prepared, dataDir } = loadSome(['prepared', 'dataDir'], options, process.env);
  return prepared ?? manifestPath(dataDir, file.name);
}

/** @throws ConfigError where it can't be read, or is no manifest */
export function loadPrepared(path: string): PreparedStorage | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return readPrepared(path, readFileSync(path, 'utf8'));
  } catch (e) {
    if (e instanceof ConfigError) throw e;
    throw new ConfigError([`${path} can't be read (${(e as Error).message}): make it readable, or name another`]);
  }
}

/** Whether it is the name of one: patterns have none such. */
export const isWorkloadFile = (name: string): boolean => /\.ya?ml$/i.test(name);

/** @throws ConfigError with a line for each problem */
export function loadWorkloadFile(path: string): WorkloadFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (e) {
    throw new ConfigError([`${path} can't be read (${(e as Error).message}): give the path of a workload file`]);
  }
  return readWorkloadFile(path, text);
}
