/** One k6 process: starts it, reads what it says, measures what it uses, and stops it in order. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Interval } from '../../lib/result/interval';
import { type Begin, type DeletedRange, MARKS } from '../../lib/result/protocol';
import type { ErrorSample } from '../../lib/result/result';
import { IntervalReader } from './intervals';
import { K6Log, type LogLine } from './k6-log';
import type { K6Plan } from './plan';
import { type Usage, UsageMeter } from './usage';
import { watchOver } from './watchdog';

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
  /**
   * Asks k6 to end now, with its summary, and kills it when that takes too long. Further calls do nothing: a second signal
   * would make k6 drop the summary.
   */
  interrupt(): void;
  /** Ends k6 without a summary. */
  kill(): void;
}

/** How long k6 may take to end after SIGINT: what is under way is broken off, only the summary is made. */
const STOP_MS = 30_000;

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
  let result: string | undefined;

  createInterface({ input: output }).on('line', (line) => {
    if (line.startsWith(MARKS.result)) result = line.slice(MARKS.result.length);
    else if (line !== '') events.log({ level: 'info', message: line });
  });
  const said = new K6Log({
    ...events,
    begin: (begin) => {
      meter.start();
      events.begin(begin);
    },
  });
  createInterface({ input: log }).on('line', (text) => said.hear(text));

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

  let late: NodeJS.Timeout | undefined;
  const ended = (async (): Promise<K6End> => {
    try {
      const [exit, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
      return { exit, signal, result, samples: said.samples, usage: meter.stop() };
    } finally {
      clearTimeout(late);
      meter.stop();
      callOff();
    }
  })();
  const kill = () => child.kill('SIGKILL');
  return {
    ended,
    interrupt: () => {
      if (late !== undefined) return;
      child.kill('SIGINT');
      late = setTimeout(kill, STOP_MS);
    },
    kill,
  };
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
