/** The workload file that S3LOADTEST_WORKLOAD names, as k6 by itself reads it, or what the CLI has read. Loaded by VU 0. */
import { ConfigError, type Environment, ORIGIN, settings } from '../settings/config';
import { sentBy } from '../workload/actions';
import type { WorkloadFile } from '../workload/file/document';
import { readWorkloadFile } from '../workload/file/read';
import { settingsOf, workloadOf } from '../workload/file/workload';
import type { Source } from './control';
import { anyCommands } from './steps/any-commands';

const [VARIABLE] = settings.workload.env;

export function readSource(): Pick<Source, 'settings' | 'workloads'> {
  let read: WorkloadFile | undefined;
  const file = (): WorkloadFile => {
    read ??= fileIn(__ENV[VARIABLE]?.trim() ?? '');
    return read;
  };
  return {
    settings: (): Environment => ({ ...settingsOf(file()), [ORIGIN]: { file: __ENV[VARIABLE] ?? '' } }),
    workloads: () => [workloadOf(file(), (of) => anyCommands(of, Object.keys(of.shares).flatMap(sentBy)))],
  };
}

/** @throws ConfigError */
function fileIn(said: string): WorkloadFile {
  if (said === '') throw new ConfigError([`${VARIABLE} is missing (${settings.workload.help}): give the path of one`]);
  // The CLI has checked it, and hands on what it says.
  if (said.startsWith('{')) return JSON.parse(said);
  return readWorkloadFile(said, textOf(said));
}

/** k6 looks for relative paths beside the script. */
function textOf(path: string): string {
  try {
    return open(path.startsWith('/') ? path : `${__ENV.PWD ?? '.'}/${path}`);
  } catch (e) {
    throw new ConfigError([`${VARIABLE} is "${path}": it can't be read (${String(e)})`]);
  }
}
