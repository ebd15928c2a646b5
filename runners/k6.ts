/** One k6 process: starts it, reads what it says, measures what it uses, and stops it in order. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Interval } from '../lib/interval';
import { type Begin, type DeletedRange, MARKS, readMarked } from '../lib/protocol';
import type { ErrorSample } from '../lib/result';
import { IntervalReader } from './intervals';
import type { K6Plan } from './plan';
import { type Usage, UsageMeter } from './usage';
import { watchOver } from './watchdog';

export interface LogLine {
  readonly level: string;
  readonly message: string;
}

export interface K6Events {
  /** Load begins now. */
  begin(begin: Begin): void;
  /** What happened since the one before: of a plan with statistics. @throws Error when it can't be used */
  interval(interval: Interval): void;
  /** Keys were deleted. */
  deleted(range: DeletedRange): void;
  /** k6 said something that is no marked line. */
  log(line: LogLine): void;
}

export interface K6End {
  /** k6's exit code; null when a signal ended it. */
  readonly exit: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The Result's JSON; undefined when k6 gave none. */
  readonly result: string | undefined;
  /** The first failure of each class that was heard of. */
  readonly samples: readonly ErrorSample[];
  readonly usage: Usage;
}

export interface K6Process {
  readonly ended: Promise<K6End>;
  /** Asks k6 to end now, with its summary. Further calls do nothing: a second signal would make k6 drop the summary. */
  interrupt(): void;
  /** Ends k6 without a summary. */
  kill(): void;
}

/** A pipe that startK6 reads statistics from, as the project's k6 sees it. */
export const STATISTICS_PIPE = 'fd:3';

/** Starts k6. Rejects `ended` with the system's error when it can't be started. */
export function startK6(plan: K6Plan, environment: NodeJS.ProcessEnv, events: K6Events): K6Process {
  // A group of its own: Ctrl-C goes to a terminal's whole group, and k6 must get the one signal we send, not two.
  const child: ChildProcess = spawn(plan.k6, [...plan.args], {
    env: { ...environment, ...plan.environment },
    detached: true,
    // Statistics have a pipe of their own, which no full disk breaks.
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const [, output, log, statistics] = child.stdio as unknown as [null, Readable, Readable, Readable];
  const callOff = child.pid === undefined ? () => {} : watchOver(child.pid, 'INT');
  const meter = new UsageMeter(child.pid);
  const samples = new Map<string, ErrorSample>();
  let result: string | undefined;

  createInterface({ input: output }).on('line', (line) => {
    if (line.startsWith(MARKS.result)) result = line.slice(MARKS.result.length);
    else if (line !== '') events.log({ level: 'info', message: line });
  });
  createInterface({ input: log }).on('line', (text) => {
    const line = readLogLine(text);
    const begin = readMarked<Begin>(MARKS.begin, line.message);
    const sample = readMarked<ErrorSample>(MARKS.sample, line.message);
    const deleted = readMarked<DeletedRange>(MARKS.deleted, line.message);
    if (begin) {
      meter.start();
      events.begin(begin);
    } else if (deleted) events.deleted(deleted);
    else if (!sample) events.log(line);
    else if (!samples.has(sample.class)) {
      samples.set(sample.class, sample);
      events.log({ level: line.level, message: `first ${sample.class}: ${sample.op} ${sample.message}` });
    }
  });

  const reader = new IntervalReader();
  statistics.setEncoding('utf8').on('data', (text: string) => {
    try {
      for (const interval of reader.push(text)) events.interval(interval);
    } catch (e) {
      // Nothing that comes after could be added; it is still read, so that k6 does not wait for that.
      statistics.removeAllListeners('data').resume();
      events.log({ level: 'error', message: (e as Error).message });
    }
  });

  const ended = (async (): Promise<K6End> => {
    try {
      const [exit, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
      return { exit, signal, result, samples: [...samples.values()], usage: meter.stop() };
    } finally {
      meter.stop();
      callOff();
    }
  })();
  let interrupted = false;
  return {
    ended,
    interrupt: () => {
      if (!interrupted) child.kill('SIGINT');
      interrupted = true;
    },
    kill: () => child.kill('SIGKILL'),
  };
}

export function readLogLine(text: string): LogLine {
  try {
    const { level = 'info', msg = '', error } = JSON.parse(text) as { level?: string; msg?: string; error?: string };
    return { level, message: error ? `${msg}: ${error}` : msg };
  } catch {
    return { level: 'error', message: text }; // a panic, or the system's loader
  }
}

/** A loopback port that nothing listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('the system gave no port');
  return address.port;
}
