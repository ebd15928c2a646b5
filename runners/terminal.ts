/** What the CLI writes for a person: lines that stay, and on a terminal one line that is written over. */
import type { Stats } from '../lib/final';
import { formatBytes, formatCount, formatDuration } from '../lib/units';
import type { LogLine } from './k6';

const LEVELS = ['debug', 'info', 'warning', 'error'] as const;

export interface Terminal {
  /** A line of the run: STATS, FINAL, where things are. */
  say(line: string): void;
  /** The line that is written over; nothing where standard error is no terminal. */
  progress(stats: Stats, ofMs: number): void;
  /** What k6 said, when it is of the level asked for. */
  log(line: LogLine): void;
}

/** Lines, of which one may be written over. */
export interface Lines {
  /** Whether standard error is a terminal. */
  readonly live: boolean;
  /** A line of the result, on standard output unless that is left to JSON. */
  say(line: string): void;
  /** A line beside it, on standard error. */
  tell(line: string): void;
  /** On a terminal only: a line that the next one takes the place of. */
  over(line: string): void;
  clear(): void;
}

/** With `json`, standard output is left to the result and everything goes to standard error. */
export function createLines(json: boolean): Lines {
  const live = process.stderr.isTTY === true;
  let shown = false;
  const clear = () => {
    if (shown) process.stderr.write('\r\u001b[K');
    shown = false;
  };
  const write = (stream: NodeJS.WriteStream, line: string) => {
    clear();
    stream.write(`${line}\n`);
  };
  return {
    live,
    say: (line) => write(json ? process.stderr : process.stdout, line),
    tell: (line) => write(process.stderr, line),
    over: (line) => {
      clear();
      // A line that wraps could not be taken away.
      process.stderr.write(line.slice(0, (process.stderr.columns || 80) - 1));
      shown = true;
    },
    clear,
  };
}

/** What a run says, by the level asked for. */
export function createTerminal(json: boolean, level: (typeof LEVELS)[number]): Terminal {
  const lines = createLines(json);
  return {
    say: lines.say,
    progress: (stats, ofMs) => {
      if (!lines.live) return;
      const time = `${formatDuration(stats.elapsedMs)} of ${formatDuration(ofMs)}`;
      const rates = `${formatCount(stats.opsPerSecond)} ops/s, ${formatBytes(stats.bytesPerSecond)}/s`;
      lines.over(`${time}: ${formatCount(stats.ops)} ops, ${rates}, ${formatCount(stats.errors)} errors`);
    },
    log: (line) => {
      const rank = LEVELS.indexOf(line.level as (typeof LEVELS)[number]);
      // What k6 calls fatal or panic is not in the list, and is always shown.
      if (rank === -1 || rank >= LEVELS.indexOf(level)) lines.tell(`${line.level}: ${line.message}`);
    },
  };
}
