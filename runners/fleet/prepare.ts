/** What is done on each worker's machine before a run: it is reached, looked over, and given k6 and the script. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Config } from '../../lib/settings/config';
import { formatBytes, formatCount, formatDuration } from '../../lib/settings/units';
import { scriptText } from '../tools/project';
import { atOnce } from './at-once';
import { type ClockOffset, measureClock } from './clock';
import type { Remote } from './remote';
import { RemoteError } from './shell';
import { type CodeFile, type Probe, probe } from './worker';
import { MOST_AT_ONCE, type Workers } from './workers';
import { type Machine, workerName } from './workers-file';

/** A machine that is ready to run a worker. */
export interface ReadyMachine {
  readonly machine: Machine;
  readonly remote: Remote;
  readonly probe: Probe;
  readonly clock: ClockOffset;
  /** Paths there. */
  readonly k6: string;
  readonly script: string;
  /** Of the program that finds its own credentials, where it is to. */
  readonly credentials: string | undefined;
}

/** How far one machine is. */
export interface MachineRow {
  readonly machine: Machine;
  readonly doing: string;
  readonly probe?: Probe | undefined;
  readonly clock?: ClockOffset | undefined;
  /** In one line, why it can't be used. */
  readonly problem?: string | undefined;
  /** What may be wrong with it, in lines. */
  readonly doubts: readonly string[];
}

export interface Preparation {
  readonly config: Config;
  /** Path here of the k6 for such a machine. @throws Error that says why there is none */
  readonly k6For: (system: string, machine: string) => Promise<string>;
  /** The same of the program that finds a machine's own credentials, where workers have them. */
  readonly credentialsFor?: ((system: string, machine: string) => Promise<string>) | undefined;
  /** Path here. */
  readonly script: string;
  /** VUs of each worker, where they were asked for. */
  readonly vus: number | undefined;
  /** The run is left to itself, when our sessions end. */
  readonly detached?: boolean;
  /** Breaks it off. */
  readonly signal: AbortSignal;
}

/** Digits of a hash in the name of a file. */
const HASH_SHOWN = 16;
/** Statistics and log of a long run. */
const LOGS_NEED = 64 * 1024 ** 2;
/** Signatures are refused when clocks differ by 15 minutes; a third of that is no accident. */
const CLOCK_FAR_MS = 5 * 60_000;
/** Connections, logs, and what else a process has open, beside one for each VU. */
const OTHER_FILES = 100;

interface LocalFile extends CodeFile {
  readonly path: string;
  readonly bytes: number;
  /** Where another text than the file's is sent. */
  readonly text?: string;
}

/**
 * Prepares all machines side by side; `show` is called whenever one of them has got further. `ready` are those that can run;
 * of each other one its row has the problem. The caller closes what they hold.
 */
export async function prepare(
  workers: Workers,
  preparation: Preparation,
  show: (rows: readonly MachineRow[]) => void,
): Promise<{ ready: ReadyMachine[]; rows: MachineRow[] }> {
  const rows = workers.machines.map((machine): MachineRow => ({ machine, doing: 'waits', doubts: [] }));
  const files = new LocalFiles();
  const outcomes = await atOnce([...workers.machines.entries()], MOST_AT_ONCE, async ([i, machine]) => {
    const set = (more: Partial<MachineRow>) => {
      rows[i] = { ...(rows[i] as MachineRow), ...more };
      show(rows);
    };
    try {
      return await prepareOne(machine, workers, preparation, files, set);
    } catch (e) {
      if (!(e instanceof RemoteError)) throw e;
      set({ doing: 'failed', problem: e.message });
      return undefined;
    }
  });
  const ready = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' && outcome.value ? [outcome.value] : []));
  const broken = outcomes.find((outcome) => outcome.status === 'rejected');
  if (broken !== undefined || preparation.signal.aborted) {
    await Promise.all(ready.map(({ remote }) => remote.close()));
    throw preparation.signal.aborted ? preparation.signal.reason : broken?.reason;
  }
  return { ready, rows };
}

async function prepareOne(
  machine: Machine,
  workers: Workers,
  preparation: Preparation,
  files: LocalFiles,
  set: (more: Partial<MachineRow>) => void,
): Promise<ReadyMachine> {
  const { config } = preparation;
  set({ doing: 'connecting' });
  const remote = await workers.connect(machine, preparation.signal);
  // Whatever is under way ends with the connection.
  const onAbort = () => void remote.close();
  preparation.signal.addEventListener('abort', onAbort, { once: true });
  try {
    set({ doing: 'looking around' });
    const script = await files.of(preparation.script, describeScript);
    const first = await probe(remote, config.remoteCodeDir, config.remoteLogDir, [script]);
    set({ probe: first });
    const clock = await measureClock(remote);
    set({ clock });
    const k6 = await files.of(await binaryFor('k6', preparation.k6For, remote, first), describeBinary('k6'));
    const { credentialsFor } = preparation;
    const finder =
      credentialsFor &&
      (await files.of(
        await binaryFor('finder of credentials', credentialsFor, remote, first),
        describeBinary('credentials'),
      ));
    // What binaries it needs was not known before.
    const needed = [k6, script, ...(finder ? [finder] : [])];
    const found = await probe(remote, config.remoteCodeDir, config.remoteLogDir, needed);
    const missing = needed.filter(({ name }) => !found.have.has(name));
    check(remote, found, missing, preparation);
    set({ probe: found, doubts: doubts(found, clock) });
    for (const file of missing) {
      set({ doing: `uploading ${formatBytes(file.bytes)}` });
      const there = `${found.code.path}/${file.name}`;
      if (file.text === undefined) await remote.putFile(file.path, there, '0755');
      else await remote.putText(file.text, there, '0644');
    }
    const pathOf = ({ name }: LocalFile) => `${found.code.path}/${name}`;
    const paths = { k6: pathOf(k6), script: pathOf(script), credentials: finder && pathOf(finder) };
    set({ doing: 'trying k6' });
    const version = await remote.run('"$1" version', { args: [paths.k6] });
    if (version.code !== 0) {
      const said = version.stderr.trim().split('\n').at(-1) ?? '';
      throw remote.failure('command', `k6 can't be run there (${said || `it ended with ${version.code}`})`);
    }
    set({ doing: 'ready' });
    return { machine, remote, probe: found, clock, ...paths };
  } catch (e) {
    await remote.close();
    throw e;
  } finally {
    preparation.signal.removeEventListener('abort', onAbort);
  }
}

async function binaryFor(
  what: string,
  pathFor: Preparation['k6For'],
  remote: Remote,
  { system, machine }: Probe,
): Promise<string> {
  try {
    return await pathFor(system, machine);
  } catch (e) {
    throw remote.failure('command', `there is no ${what} for it, ${system} on ${machine}: ${(e as Error).message}`);
  }
}

/** @throws RemoteError when the machine can't do what is asked of it */
function check(remote: Remote, found: Probe, missing: readonly LocalFile[], preparation: Preparation): void {
  const { config, vus = 0, detached = false } = preparation;
  const refuse = (why: string): never => {
    throw remote.failure('command', why);
  };
  const { code, logs, files } = found;
  if (code.problem) refuse(`S3LOADTEST_REMOTE_CODE_DIR ${code.path} can't be used there: ${code.problem}`);
  if (logs.problem) refuse(`S3LOADTEST_REMOTE_LOG_DIR ${logs.path} can't be used there: ${logs.problem}`);
  if (detached && found.leaves === 'killed') refuse(`a run can't be left there: ${KILLED}, ${remedyOf(found)}`);
  const need = missing.reduce((sum, { bytes }) => sum + bytes, 0);
  if ((code.free ?? 0) < need)
    refuse(`its disk has ${formatBytes(code.free ?? 0)} free at ${code.path}, k6 needs ${formatBytes(need)}`);
  if ((logs.free ?? 0) < LOGS_NEED) {
    refuse(`its disk has ${formatBytes(logs.free ?? 0)} free at ${logs.path}: a run wants ${formatBytes(LOGS_NEED)}`);
  }
  const connections = (vus || config.concurrency) + OTHER_FILES;
  // Go raises the soft limit to the hard one by itself.
  if (files.hard < connections) {
    refuse(
      `a process may have ${formatCount(files.hard)} files open there (ulimit -Hn), ${formatCount(connections)} are needed`,
    );
  }
}

const KILLED = 'its logind ends what a session leaves (KillUserProcesses)';
const remedyOf = ({ user }: Probe) => `run \`loginctl enable-linger ${user}\` there`;

function doubts(found: Probe, clock: ClockOffset): string[] {
  const { runs, leaves } = found;
  const active = runs.filter(({ state }) => state === 'running' || state === 'starting');
  const others = active.map(({ run, age }) => `run ${run} is under way there, since ${formatDuration(age * 1000)}`);
  const lost = leaves === 'killed' ? [`${KILLED}, a run when its connection breaks: ${remedyOf(found)}`] : [];
  const far = Math.abs(clock.offsetMs) > CLOCK_FAR_MS;
  const offset = formatDuration(Math.abs(Math.round(clock.offsetMs / 1000) * 1000));
  const off = far ? [`its clock is ${offset} off: servers refuse signatures that are 15 minutes old`] : [];
  return [...others, ...lost, ...off];
}

/** Files here that workers need, with their hashes: each is read once. */
class LocalFiles {
  private readonly known = new Map<string, Promise<LocalFile>>();

  of(path: string, describe: (path: string) => Promise<LocalFile>): Promise<LocalFile> {
    let file = this.known.get(path);
    if (file === undefined) {
      file = describe(path);
      this.known.set(path, file);
    }
    return file;
  }
}

const describeBinary =
  (what: string) =>
  async (path: string): Promise<LocalFile> => {
    const hash = createHash('sha256');
    await pipeline(createReadStream(path), hash);
    const sha256 = hash.digest('hex');
    return { path, name: `${what}-${sha256.slice(0, HASH_SHOWN)}`, sha256, bytes: (await stat(path)).size };
  };

async function describeScript(path: string): Promise<LocalFile> {
  const text = scriptText(path);
  const sha256 = createHash('sha256').update(text).digest('hex');
  const name = `${basename(path, '.js')}-${sha256.slice(0, HASH_SHOWN)}.js`;
  return { path, name, sha256, bytes: Buffer.byteLength(text), text };
}

/** The table of all machines, in lines no wider than the terminal needs. */
export function renderRows(rows: readonly MachineRow[]): string[] {
  const cells = rows.map(({ machine, doing, probe: found, clock }) => [
    workerName(machine),
    doing,
    found ? `${found.machine} ${found.cores} cores` : '',
    found?.memoryAvailable === undefined ? '' : `${formatBytes(found.memoryAvailable)} free`,
    found?.logs.free === undefined ? '' : `disk ${formatBytes(found.logs.free)}`,
    found ? `files ${found.files.hard === Number.POSITIVE_INFINITY ? 'any' : formatCount(found.files.hard)}` : '',
    clock ? `clock ${clock.offsetMs >= 0 ? '+' : ''}${Math.round(clock.offsetMs)} ms ±${Math.ceil(clock.errorMs)}` : '',
  ]);
  const widths = [0, 1, 2, 3, 4, 5, 6].map((i) => Math.max(0, ...cells.map((row) => (row[i] ?? '').length)));
  return cells.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
