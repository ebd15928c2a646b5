/** What one k6 reports, wherever it runs: its log, its statistics, its summary; and the Result that follows from them. */
import { Fold } from '../../lib/result/fold';
import type { Interval } from '../../lib/result/interval';
import type { Begin, DeletedRange } from '../../lib/result/protocol';
import { parseResult, type Result } from '../../lib/result/result';
import type { LogLine } from '../terminal/log-line';
import { parseInterval } from './intervals';
import { isOfOurSignal, K6Log } from './k6-log';

export interface TranscriptEvents {
  /** k6 waits for others before its load begins. */
  ready(): void;
  begin(begin: Begin): void;
  /** What happened since the one before, once the load has begun. */
  interval(interval: Interval): void;
  deleted(range: DeletedRange): void;
  log(line: LogLine): void;
}

export class Transcript {
  /** Undefined until the load begins. */
  begin: Begin | undefined;
  isReady = false;
  /** When k6 reported something last, milliseconds since 1970. */
  reportedAt = Date.now();
  /** Errors of before the load. */
  readonly refusals: string[] = [];
  /** '' while there is none. */
  lastError = '';
  /** Why later figures can't be used. */
  problem: string | undefined;
  private readonly fold = new Fold();
  private summary: Result | undefined;
  private readonly log: K6Log;

  constructor(private readonly on: Partial<TranscriptEvents>) {
    this.log = new K6Log({
      ready: () => {
        this.isReady = true;
        on.ready?.();
      },
      begin: (begin) => {
        // A log that is read once more begins again.
        if (this.begin !== undefined) return;
        this.begin = begin;
        this.fold.begin(begin.facts);
        on.begin?.(begin);
      },
      deleted: (range) => on.deleted?.(range),
      log: (line) => {
        if ((line.level === 'error' || line.level === 'fatal') && !isOfOurSignal(line)) {
          this.lastError = line.message;
          if (this.begin === undefined) this.refusals.push(line.message);
        }
        on.log?.(line);
      },
    });
  }

  /** Whether k6 ended in order, and all that it measured is here. */
  get isComplete(): boolean {
    return this.problem === undefined && (this.summary !== undefined || this.fold.complete);
  }

  /** The interval that came last. */
  get latest(): Interval | undefined {
    return this.fold.latest;
  }

  /** Adds a line of k6's log. */
  addLog(text: string): void {
    this.reportedAt = Date.now();
    this.log.add(text);
  }

  /** Adds a line that k6 wrote to standard output for people. */
  addOutput(message: string): void {
    this.on.log?.({ level: 'info', message });
  }

  /** Adds a line of statistics. One that was added before is not added again; after a gap none is. */
  addStatistics(line: string): void {
    this.attempt(() => {
      const interval = parseInterval(line);
      if (interval.seq <= (this.fold.latest?.seq ?? -1)) return;
      this.fold.add(interval);
      if (this.begin !== undefined) this.on.interval?.(interval);
    });
  }

  /** Adds the Result that stock k6 makes by itself. */
  addSummary(json: string): void {
    this.attempt(() => {
      this.summary = parseResult(json);
    });
  }

  /** What k6 measured; undefined when the load never began, or nothing is known of it. */
  result(): Result | undefined {
    if (this.begin === undefined) return undefined;
    const result = this.summary ?? (this.fold.latest && this.fold.result(this.begin.facts));
    return result && { ...result, errorSamples: [...this.log.samples], partial: !this.isComplete };
  }

  private attempt(add: () => void): void {
    this.reportedAt = Date.now();
    if (this.problem !== undefined) return;
    try {
      add();
    } catch (e) {
      this.problem = (e as Error).message;
    }
  }
}
