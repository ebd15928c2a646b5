/** Results that a user names: a run's folder, or a file. */
import { readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseResult, type Result } from '../../lib/result/result';
import { ConfigError } from '../../lib/settings/config';

export interface Named {
  readonly result: Result;
  /** Of the file that it was read from. */
  readonly path: string;
}

/** @throws ConfigError saying what is there instead */
export function readNamed(given: string): Named {
  const refuse = (why: string) => new ConfigError([`"${given}": ${why}`]);
  let path = given;
  let text: string;
  try {
    if (statSync(given).isDirectory()) path = join(given, 'result.json');
    text = readFileSync(path, 'utf8');
  } catch (e) {
    const { code, message } = e as NodeJS.ErrnoException;
    if (code !== 'ENOENT') throw refuse(`it can't be read (${message})`);
    throw refuse(path === given ? `no such file: ${GIVE}` : `no result.json is in it: ${GIVE}`);
  }
  try {
    const result = parseResult(text);
    const missing = missingIn(result);
    if (missing !== undefined) throw new Error(`"${missing}" is missing`);
    return { result, path };
  } catch (e) {
    throw refuse(`no Result (${(e as Error).message}): ${GIVE}`);
  }
}

const GIVE = "give a run's folder, such as data/results/<run-id>, or its result.json";

const LISTS = [
  ...(['series', 'totals', 'endpoints', 'connections', 'timeline'] as const),
  ...(['thresholds', 'workers', 'errorSamples', 'warnings'] as const),
] as const satisfies readonly (keyof Result)[];

/** What a whole Result has and this one does not. */
function missingIn(result: Partial<Result>): string | undefined {
  const { run, generator } = result;
  const list = LISTS.find((name) => !Array.isArray(result[name]));
  if (list !== undefined) return list;
  if (typeof generator !== 'object' || generator === null) return 'generator';
  if (typeof run?.durationMs !== 'number' || typeof run.id !== 'string') return 'run';
  if (![run.tests, run.loads, run.schedule].every(Array.isArray) || typeof run.config !== 'object') return 'run';
  return undefined;
}

/** Where its HTML goes: report.html in the run's folder; beside a Result that has no folder, under its name. */
export function htmlPath({ path }: Named): string {
  const name = basename(path);
  return name === 'result.json'
    ? join(dirname(path), 'report.html')
    : join(dirname(path), `${name.replace(/\.json$/, '')}.html`);
}
