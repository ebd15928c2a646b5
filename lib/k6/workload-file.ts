/** The workload file that S3LOADTEST_WORKLOAD names, as k6 by itself reads it, or what the CLI has read. Loaded by VU 0. */

import { FROM_CLI } from '../result/protocol';
import { type Backend, ConfigError, type Environment, ORIGIN, settings } from '../settings/config';
import { sentBy } from '../workload/actions';
import type { CommandShares, Filling } from '../workload/command-shares';
import type { WorkloadFile } from '../workload/file/document';
import { readWorkloadFile } from '../workload/file/read';
import { bucketOf, homesOfFile } from '../workload/file/storage';
import { SIZES, settingsOf, sharesOf, workloadOf } from '../workload/file/workload';
import { GENERATED_END } from '../workload/keys';
import { type PreparedStorage, readPrepared } from '../workload/prepared';
import type { Step } from '../workload/step';
import { doubtOf } from '../workload/temporary';
import type { Workload } from '../workload/workload';
import type { Source } from './control';
import { anyCommands } from './steps/any-commands';
import { fill, objectsIn } from './steps/fill';
import { rowsOf as rowsOfTemporary } from './steps/temporary';

const [VARIABLE] = settings.workload.env;
const [PREPARED] = settings.prepared.env;

export function readSource(): Pick<Source, 'settings' | 'workloads' | 'homes'> {
  let read: WorkloadFile | undefined;
  let manifest: PreparedStorage | undefined;
  const prepared = (): PreparedStorage | undefined => {
    manifest ??= manifestIn(__ENV[PREPARED]?.trim() ?? '');
    return manifest;
  };
  const file = (): WorkloadFile => {
    read ??= fileIn(__ENV[VARIABLE]?.trim() ?? '');
    return read;
  };
  return {
    settings: (): Environment => ({
      ...settingsOf(file()),
      ...bucketOf(file(), prepared()),
      [ORIGIN]: { file: __ENV[VARIABLE] ?? '' },
    }),
    workloads: () => {
      const filling = __ENV[FROM_CLI.filling];
      if (filling !== undefined) return [fillingOf(file(), JSON.parse(filling))];
      return [workloadOf(file(), (of) => stepOf(withOwnBuckets(of, prepared())))];
    },
    homes: ({ bucket, backend, duration, users = [] }) => {
      checkComplete(file(), prepared());
      checkOverwrites(file(), prepared(), backend);
      warnOfTemporary(file(), duration);
      return homesOfFile(file(), prepared(), users, bucket);
    },
  };
}

/** Says where temporary objects can't live as they should: their numbers are the same in all loads. */
function warnOfTemporary(file: WorkloadFile, duration: number): void {
  const { temporary } = sharesOf(file);
  const doubt =
    temporary && __ENV[FROM_CLI.filling] === undefined ? doubtOf(temporary, temporary.share, duration) : undefined;
  if (doubt !== undefined) console.warn(doubt);
}

/** @throws ConfigError where a load would find only a part of what it wants */
function checkComplete({ name }: WorkloadFile, prepared: PreparedStorage | undefined): void {
  if (prepared === undefined || prepared.complete || __ENV[FROM_CLI.filling] !== undefined) return;
  throw new ConfigError([
    `${name}: not all of what ${PREPARED} names is there yet: \`s3loadtest prepare FILE.yaml\` goes on with it`,
  ]);
}

/** @throws ConfigError where content that can be told from its key would be replaced by other content */
function checkOverwrites(
  { name, objects }: WorkloadFile,
  prepared: PreparedStorage | undefined,
  backend: Backend,
): void {
  if (!objects?.overwrite || prepared === undefined) return;
  const isGenerated = prepared.keys.end.endsWith(GENERATED_END);
  if (isGenerated === (backend === 'native')) return;
  throw new ConfigError([
    `${name}: objects.overwrite: these objects were prepared by ${isGenerated ? 'the native' : 'another'} backend, and this run has ` +
      `${settings.backend.env[0]} "${backend}": run it by the same, or prepare anew`,
  ]);
}

/** Writing of what `s3loadtest prepare` prepares. */
function fillingOf({ name, objects }: WorkloadFile, filling: Filling): Workload {
  const sizes = objects?.sizes === undefined ? SIZES : [];
  return { name, data: { sizes }, loads: [{ step: fill(filling), operations: objectsIn(filling) }] };
}

/** @throws ConfigError */
function manifestIn(said: string): PreparedStorage | undefined {
  if (said === '') return undefined;
  return readPrepared(said.startsWith('{') ? PREPARED : said, said.startsWith('{') ? said : textOf(said, PREPARED));
}

/** @throws ConfigError */
function fileIn(said: string): WorkloadFile {
  if (said === '') throw new ConfigError([`${VARIABLE} is missing (${settings.workload.help}): give the path of one`]);
  // The CLI has checked it, and hands on what it says.
  if (said.startsWith('{')) return JSON.parse(said);
  return readWorkloadFile(said, textOf(said));
}

/** k6 looks for relative paths beside the script. */
function textOf(path: string, variable = VARIABLE): string {
  try {
    return open(path.startsWith('/') ? path : `${__ENV.PWD ?? '.'}/${path}`);
  } catch (e) {
    throw new ConfigError([`${variable} is "${path}": it can't be read (${String(e)})`]);
  }
}

function stepOf(of: CommandShares): Step {
  const rows = Object.keys(of.shares).flatMap(sentBy);
  return anyCommands(of, of.temporary === undefined ? rows : [...new Set([...rows, ...rowsOfTemporary(of.temporary)])]);
}

/** Where buckets are new, those for temporary objects are, too: a VU creates one of its own. */
function withOwnBuckets(of: CommandShares, prepared: PreparedStorage | undefined): CommandShares {
  if (of.temporary === undefined || prepared?.own === undefined) return of;
  return { ...of, temporary: { ...of.temporary, buckets: prepared.own } };
}
