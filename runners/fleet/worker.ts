/** What is done on a worker's machine, by worker.sh: looking around, starting a k6 and what becomes of it. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastLine } from '../process/last-line';
import { quote } from '../process/quote';
import { ROOT } from '../tools/project';
import type { OnLine, Remote, Streaming } from './remote';

let script: string | undefined;

/** worker.sh, to be followed by nothing: its command is among the arguments. */
function workerScript(): string {
  script ??= readFileSync(join(ROOT, 'runners', 'fleet', 'worker.sh'), 'utf8');
  return script;
}

/** A file that belongs into the code folder, under a name that has its hash in it. */
export interface CodeFile {
  readonly name: string;
  /** In hexadecimal digits. */
  readonly sha256: string;
}

/** A folder on a worker. */
export interface RemoteFolder {
  /** Absolute. */
  readonly path: string;
  /** Bytes that are free there; undefined when it can't be made. */
  readonly free: number | undefined;
  /** Why it can't be used. */
  readonly problem: string | undefined;
}

/** What a worker's machine has. */
export interface Probe {
  readonly home: string;
  /** `Linux`, as uname has it, and the processor, `x86_64`. */
  readonly system: string;
  readonly machine: string;
  readonly cores: number;
  /** Bytes; undefined where the system does not tell. */
  readonly memory: number | undefined;
  readonly memoryAvailable: number | undefined;
  /** Most open files of a process: as it is, and up to which a process may raise it. Infinity for no limit. */
  readonly files: { readonly soft: number; readonly hard: number };
  readonly user: string;
  /** What its logind does with a run when our session ends: `scope`, nothing, as the run is begun beside the session. */
  readonly leaves: 'kept' | 'scope' | 'killed';
  readonly code: RemoteFolder;
  readonly logs: RemoteFolder;
  /** Names of those files asked for that are there, and whole. */
  readonly have: ReadonlySet<string>;
  /** Every run in the logs folder. */
  readonly runs: readonly RunStatus[];
}

/** How a run on one worker is. `vanished`: it neither runs nor did anyone see how it ended. */
export type RunState = 'starting' | 'running' | 'ended' | 'vanished';

export interface RunStatus {
  readonly run: string;
  readonly worker: string;
  /** Its folder. */
  readonly folder: string;
  readonly state: RunState;
  /** Seconds since it was started. */
  readonly age: number;
  /** Of k6, while it runs. */
  readonly pid: number | undefined;
  /** k6's exit code, or 128 and the number of the signal that ended it. */
  readonly exit: number | undefined;
  /** Seconds since it ended. */
  readonly endedAgo: number | undefined;
  /** Why it vanished, or what is wrong with it. */
  readonly why: string | undefined;
  /** Bytes by file name. */
  readonly files: ReadonlyMap<string, number>;
}

/** What `stopRun` found and did. */
export interface Stopped {
  readonly was: RunState;
  /** What was sent, in this order. */
  readonly signals: readonly string[];
  readonly state: RunState;
  readonly exit: number | undefined;
  readonly why: string | undefined;
  /** Pids of its group that are still there: none, unless the system can't end them. */
  readonly left: readonly number[];
}

/** How long to wait after each signal, in milliseconds. k6 makes its summary after the first, and drops it at the second. */
export interface Patience {
  readonly int: number;
  readonly term: number;
  readonly kill: number;
}

const PATIENCE: Patience = { int: 30_000, term: 5_000, kill: 5_000 };

/** Looks around on a worker, and makes its two folders, which may begin with `~/`. @throws RemoteError */
export async function probe(remote: Remote, code: string, logs: string, files: readonly CodeFile[]): Promise<Probe> {
  const names = files.flatMap(({ name, sha256 }) => [name, sha256]);
  const answer = Answer.of(await ask(remote, ['probe', code, logs, ...names]));
  const limit = (name: string) =>
    answer.text(name) === 'unlimited' ? Number.POSITIVE_INFINITY : Number(answer.text(name));
  const folder = (name: string): RemoteFolder => ({
    path: answer.text(name),
    free: answer.number(`${name}_free`),
    problem: answer.all(`${name}_problem`)[0],
  });
  return {
    home: answer.text('home'),
    system: answer.text('system'),
    machine: answer.text('machine'),
    cores: Number(answer.text('cores')),
    memory: answer.number('memory'),
    memoryAvailable: answer.number('memory_available'),
    files: { soft: limit('files_soft'), hard: limit('files_hard') },
    user: answer.text('user'),
    leaves: answer.text('leaves') as Probe['leaves'],
    code: folder('code'),
    logs: folder('logs'),
    have: new Set(answer.all('have')),
    runs: runsIn(answer),
  };
}

/** Where one worker of a run keeps what it writes. `logs` is the absolute path that `probe` told. */
export function runFolder(logs: string, run: string, worker: string): string {
  return `${logs}/${run}/${worker}`;
}

/**
 * Starts a command in a session of its own, which ends by itself or by `stopRun` and not with this connection. Its variables
 * go there in a file that only the user can read, and that is removed before the command begins.
 * @returns the command's pid
 * @throws RemoteError, also when there was a start in this folder before
 */
export async function startRun(
  remote: Remote,
  folder: string,
  command: readonly [string, ...string[]],
  environment: Readonly<Record<string, string>>,
): Promise<number> {
  const settings = `${folder}/settings-${randomUUID()}`;
  const lines = Object.entries(environment).map(([name, value]) => `export ${name}=${quote(value)}\n`);
  await remote.putText(lines.join(''), settings, '0600');
  try {
    return Number(Answer.of(await ask(remote, ['start', folder, settings, ...command])).text('pid'));
  } catch (e) {
    await remote.run('rm -f "$1"', { args: [settings] }).catch(() => {}); // what went wrong is thrown
    throw e;
  }
}

/** How all runs on a worker are. `logs` may begin with `~/`. @throws RemoteError */
export async function runStatus(remote: Remote, logs: string): Promise<RunStatus[]> {
  return runsIn(Answer.of(await ask(remote, ['status', logs])));
}

/** Ends a run's processes, and none but those. @throws RemoteError, also when there is no such run */
export async function stopRun(remote: Remote, folder: string, patience: Partial<Patience> = {}): Promise<Stopped> {
  const { int, term, kill } = { ...PATIENCE, ...patience };
  const tenths = [int, term, kill].map((ms) => String(Math.ceil(ms / 100)));
  const timeoutMs = int + term + kill + 30_000;
  const answer = Answer.of(await ask(remote, ['stop', folder, ...tenths], timeoutMs));
  return {
    was: answer.text('was') as RunState,
    signals: answer.all('signal'),
    state: answer.text('state') as RunState,
    exit: answer.number('exit'),
    why: answer.all('why')[0],
    left: answer.all('left').map(Number),
  };
}

/**
 * Follows a file in a run's folder, line by line from a byte on, until the run has ended and all is read; then it ends with
 * exit code 0. Where the connection goes before that, begin again at the sum of the bytes of all lines so far.
 */
export function followFile(
  remote: Remote,
  folder: string,
  file: string,
  offset: number,
  onLine: OnLine,
): Promise<Streaming> {
  return remote.stream(workerScript(), onLine, { args: ['tail', folder, file, String(offset)] });
}

async function ask(remote: Remote, args: readonly string[], timeoutMs?: number): Promise<string> {
  const options = timeoutMs === undefined ? { args } : { args, timeoutMs };
  const { code, stdout, stderr } = await remote.run(workerScript(), options);
  if (code !== 0) throw remote.failure('command', lastLine(stderr));
  return stdout;
}

/** What worker.sh says: lines of a name and a value. */
class Answer {
  private constructor(private readonly lines: ReadonlyArray<readonly [name: string, value: string]>) {}

  static of(text: string): Answer {
    return new Answer(
      text.split('\n').map((line) => {
        const space = line.indexOf(' ');
        return [line.slice(0, space), line.slice(space + 1)];
      }),
    );
  }

  all(name: string): string[] {
    return this.lines.filter(([key]) => key === name).map(([, value]) => value);
  }

  text(name: string): string {
    return this.all(name)[0] ?? '';
  }

  number(name: string): number | undefined {
    const text = this.text(name);
    return text === '' ? undefined : Number(text);
  }

  /** The parts that begin with a line `name`. */
  blocks(name: string): Answer[] {
    const starts = this.lines.flatMap(([key], i) => (key === name ? [i] : []));
    return starts.map((start, n) => new Answer(this.lines.slice(start, starts[n + 1])));
  }
}

function runsIn(answer: Answer): RunStatus[] {
  return answer.blocks('run').map((block) => {
    const [run = '', worker = ''] = block.text('run').split(' ');
    return {
      run,
      worker,
      folder: block.text('dir'),
      state: block.text('state') as RunState,
      age: Number(block.text('age')),
      pid: block.number('pid'),
      exit: block.number('exit'),
      endedAgo: block.number('ended_ago'),
      why: block.all('why')[0],
      files: new Map(block.all('file').map((text) => [text.replace(/^\d+ /, ''), Number.parseInt(text, 10)])),
    };
  });
}
