/** What a command line names to be run: patterns, or one workload file. */
import { readFileSync } from 'node:fs';
import { ConfigError, ORIGIN, settings } from '../../lib/settings/config';
import type { WorkloadFile } from '../../lib/workload/file/document';
import { readWorkloadFile } from '../../lib/workload/file/read';
import { settingsOf } from '../../lib/workload/file/workload';
import { OF_FILE, type Options } from '../run/settings';
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
}

const [VARIABLE] = settings.workload.env;

/** @throws ConfigError when a name is no pattern, or a file is not right */
export function wantedOf(names: readonly string[], options: Options): Wanted {
  const path = names.find(isWorkloadFile);
  if (path === undefined) return { name: [...new Set(names)].join('-'), ...scriptOf(names), options };
  if (names.length > 1) {
    throw new ConfigError([`"${names.join(' ')}": a workload file runs alone, and has as many loads as it likes`]);
  }
  const file = loadWorkloadFile(path);
  const own = { ...settingsOf(file), [VARIABLE]: JSON.stringify(file), [ORIGIN]: { file: path } };
  return { name: file.name, ...scriptOf([WORKLOAD]), options: { ...options, [OF_FILE]: own } };
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
