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

/** With `json`, standard output is left to the Result and everything goes to standard error. */
export function createTerminal(json: boolean, level: (typeof LEVELS)[number]): Terminal {
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
    say: (line) => write(json ? process.stderr : process.stdout, line),
    progress: (stats, ofMs) => {
      if (!live) return;
      clear();
      const time = `${formatDuration(stats.elapsedMs)} of ${formatDuration(ofMs)}`;
      const rates = `${formatCount(stats.opsPerSecond)} ops/s, ${formatBytes(stats.bytesPerSecond)}/s`;
      process.stderr.write(`${time}: ${formatCount(stats.ops)} ops, ${rates}, ${formatCount(stats.errors)} errors`);
      shown = true;
    },
    log: (line) => {
      const rank = LEVELS.indexOf(line.level as (typeof LEVELS)[number]);
      // What k6 calls fatal or panic is not in the list, and is always shown.
      if (rank === -1 || rank >= LEVELS.indexOf(level)) write(process.stderr, `${line.level}: ${line.message}`);
    },
  };
}
