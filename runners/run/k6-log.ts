/** Reads k6's log line by line: sorts out marked lines, and makes k6's own words readable. */
import { type Begin, type DeletedRange, MARKS, readMarked } from '../../lib/result/protocol';
import type { ErrorSample } from '../../lib/result/result';
import type { LogLine } from '../terminal/log-line';

export interface K6LogEvents {
  /** It has prepared all, and waits for others before its load begins. */
  ready?(): void;
  /** Load begins now. */
  begin(begin: Begin): void;
  /** Keys were deleted. */
  deleted?(range: DeletedRange): void;
  /** It said something that is no marked line, or reports the first failure of a class. */
  log(line: LogLine): void;
}

export class K6Log {
  private readonly firsts = new Map<string, ErrorSample>();

  constructor(private readonly on: K6LogEvents) {}

  /** The first failure of each class. */
  get samples(): readonly ErrorSample[] {
    return [...this.firsts.values()];
  }

  add(text: string): void {
    const line = readLogLine(text);
    const begin = readMarked<Begin>(MARKS.begin, line.message);
    const deleted = begin ? undefined : readMarked<DeletedRange>(MARKS.deleted, line.message);
    const sample = begin || deleted ? undefined : readMarked<ErrorSample>(MARKS.sample, line.message);
    if (begin) this.on.begin(begin);
    else if (deleted) this.on.deleted?.(deleted);
    else if (sample) this.addSample(sample, line.level);
    else if (line.message === MARKS.ready) this.on.ready?.();
    else this.on.log(line);
  }

  private addSample(sample: ErrorSample, level: string): void {
    if (this.firsts.has(sample.class)) return;
    this.firsts.set(sample.class, sample);
    this.on.log({ level, message: `first ${sample.class}: ${sample.op} ${sample.message}` });
  }
}

/** A line of k6's log in JSON; of what is none, as a panic or the system's loader, an error. */
export function readLogLine(text: string): LogLine {
  try {
    const { level = 'info', msg = '', error } = JSON.parse(text) as { level?: string; msg?: string; error?: string };
    const message = error ? `${msg}: ${error}` : msg;
    // Before what a script ended the run with.
    return { level, message: message.replace(/^test aborted: /, '') };
  } catch {
    return { level: 'error', message: text };
  }
}

/** Whether k6 says that it ends for a signal that was ours, which has been said. */
export function isOfOurSignal({ message }: LogLine): boolean {
  return /aborted because k6 received a '\w+' signal|was stopped because the VU iteration was interrupted/.test(
    message,
  );
}
