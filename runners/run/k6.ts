/** One k6 process: starts it, reads what it says, measures what it uses, and stops it in order. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { MARKS } from '../../lib/result/protocol';
import { type Usage, UsageMeter } from '../process/usage';
import { watchOver } from '../process/watchdog';
import { WholeLines } from './intervals';
import type { K6Plan } from './plan';
import type { Transcript } from './transcript';

export interface K6End {
  /** k6's exit code; null when a signal ended it. */
  readonly exit: number | null;
  readonly signal: NodeJS.Signals | null;
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

/** Starts k6, whose reports go to `transcript`. Rejects `ended` with the system's error when it can't be started. */
export function startK6(plan: K6Plan, environment: NodeJS.ProcessEnv, transcript: Transcript): K6Process {
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

  createInterface({ input: output }).on('line', (line) => {
    if (line.startsWith(MARKS.result)) transcript.addSummary(line.slice(MARKS.result.length));
    else if (line !== '') transcript.addOutput(line);
  });
  createInterface({ input: log }).on('line', (line) => {
    transcript.addLog(line);
    if (transcript.begin !== undefined) meter.start();
  });
  const lines = new WholeLines();
  statistics.setEncoding('utf8').on('data', (text: string) => {
    for (const line of lines.push(text)) transcript.addStatistics(line);
  });

  let late: NodeJS.Timeout | undefined;
  const ended = (async (): Promise<K6End> => {
    try {
      const [exit, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
      return { exit, signal, usage: meter.stop() };
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
      const isOver = child.exitCode !== null || child.signalCode !== null;
      if (isOver || late !== undefined) return;
      child.kill('SIGINT');
      late = setTimeout(kill, STOP_MS);
    },
    kill,
  };
}
