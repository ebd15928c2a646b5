/** What the CLI writes for a person: lines that stay, and on a terminal some that are written over. */
import { createLogUpdate } from 'log-update';
import type { Stats } from '../../lib/result/final';
import { type Planned, RECENT, renderView, type WorkerView } from './live-view';
import type { LogLine } from './log-line';

const LEVELS = ['debug', 'info', 'warning', 'error'] as const;

export interface Terminal {
  /** A line of the run: STATS, FINAL, where things are. */
  say(line: string): void;
  /** Lines that are written over, once a second; nothing where standard error is no terminal. */
  progress(stats: Stats, planned: Planned, workers?: readonly WorkerView[]): void;
  /** The same of other lines. */
  show(lines: readonly string[]): void;
  /** Takes those lines away. */
  clear(): void;
  /** What k6 said, when it is of the level asked for. */
  log(line: LogLine): void;
}

/** Lines, of which the last may be written over. */
export interface Lines {
  /** Whether standard error is a terminal. */
  readonly live: boolean;
  /** A line of the result, on standard output unless that is left to JSON. */
  say(line: string): void;
  /** A line beside it, on standard error. */
  tell(line: string): void;
  /** On a terminal only: text that the next one takes the place of. */
  over(text: string): void;
  clear(): void;
}

/** Whether what goes there may be coloured: https://no-color.org */
export function hasColor(stream: NodeJS.WriteStream, environment: NodeJS.ProcessEnv = process.env): boolean {
  return stream.isTTY === true && !environment.NO_COLOR && environment.TERM !== 'dumb';
}

/** With `json`, standard output is left to the result and everything goes to standard error. */
export function createLines(json: boolean): Lines {
  const live = process.stderr.isTTY === true;
  const update = createLogUpdate(process.stderr, { showCursor: true });
  let shown = '';
  const clear = () => {
    if (shown !== '') update.clear();
    shown = '';
  };
  const over = (text: string) => {
    shown = text;
    update(text);
  };
  const write = (stream: NodeJS.WriteStream, line: string) => {
    const before = shown;
    clear();
    stream.write(`${line}\n`);
    if (before !== '') over(before);
  };
  return {
    live,
    say: (line) => write(json ? process.stderr : process.stdout, line),
    tell: (line) => write(process.stderr, line),
    over,
    clear,
  };
}

/** What a run says, by the level asked for. */
export function createTerminal(json: boolean, level: (typeof LEVELS)[number]): Terminal {
  const lines = createLines(json);
  const recent: number[] = [];
  return {
    say: lines.say,
    clear: lines.clear,
    show: (shown) => {
      if (lines.live) lines.over(shown.join('\n'));
    },
    progress: (stats, planned, workers = []) => {
      if (!lines.live) return;
      recent.push(stats.opsPerSecond);
      if (recent.length > RECENT) recent.shift();
      lines.over(renderView({ stats, planned, recent, workers }).join('\n'));
    },
    log: (line) => {
      const rank = LEVELS.indexOf(line.level as (typeof LEVELS)[number]);
      // What k6 calls fatal or panic is not in the list, and is always shown.
      if (rank === -1 || rank >= LEVELS.indexOf(level)) lines.tell(`${line.level}: ${line.message}`);
    },
  };
}
