/** What commands that take their time say: lines that stay, and how far they are. */
import { createLines } from './terminal';

/** Milliseconds between two updates: of the line that is written over, and of lines that stay. */
const LIVE_MS = 100;
const LINES_MS = 30_000;

export interface StatusLine {
  /** A line of the command's result. */
  say(line: string): void;
  /** A line beside it, on standard error. */
  tell(line: string): void;
  /** How far it is: on a terminal one line that is written over, else a line every 30 s. Made only when it is shown. */
  show(text: () => string): void;
  /** Takes away the line that is written over. */
  clear(): void;
}

/** With `json`, standard output is left to the result and everything goes to standard error. */
export function createStatusLine(json: boolean, now: () => number = Date.now): StatusLine {
  const lines = createLines(json);
  const interval = lines.live ? LIVE_MS : LINES_MS;
  // A command that ends soon has no lines of its progress.
  let last = lines.live ? Number.NEGATIVE_INFINITY : now();
  return {
    say: lines.say,
    tell: lines.tell,
    show: (text) => {
      if (now() - last < interval) return;
      last = now();
      if (lines.live) lines.over(text());
      else lines.tell(text());
    },
    clear: lines.clear,
  };
}
