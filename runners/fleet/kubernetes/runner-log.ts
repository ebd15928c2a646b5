/** What the log of one of k6-operator's runners tells: marked lines, lines of statistics, and what else k6 said. */
import { Fold } from '../../../lib/result/fold';
import { INTERVAL_SCHEMA } from '../../../lib/result/interval';
import { type Begin, MARKS } from '../../../lib/result/protocol';
import { parseResult, type Result } from '../../../lib/result/result';
import { parseInterval } from '../../run/intervals';
import { K6Log, type LogLine } from '../../run/k6-log';

/** As Go writes an interval; older and newer ones are told by what reads them. */
const INTERVAL = `{"schema":"${INTERVAL_SCHEMA.replace(/\d+$/, '')}`;
/** As `kubectl logs --prefix` begins a line. */
const PREFIX = /^\[pod\/([^/\]]+)\/[^\]]+\] /;

/** The pod that a line is of, where it says so, and the line without that. */
export function splitPrefix(line: string): { pod: string | undefined; line: string } {
  const match = PREFIX.exec(line);
  return match === null ? { pod: undefined, line } : { pod: match[1], line: line.slice(match[0].length) };
}

export class RunnerLog {
  begin: Begin | undefined;
  /** What k6 said that is no marked line. */
  readonly said: LogLine[] = [];
  /** Why its figures are not all that it measured. */
  problem: string | undefined;
  private readonly fold = new Fold();
  private summary: Result | undefined;
  private readonly log = new K6Log({
    begin: (begin) => {
      this.begin ??= begin;
      this.fold.begin(this.begin.facts);
    },
    log: (line) => this.said.push(line),
  });
  private heardK6 = false;

  /** `source` is the pod, or the file. */
  constructor(readonly source: string) {}

  /** Whether k6 ended in order, and all that it measured is here. */
  get complete(): boolean {
    return this.problem === undefined && (this.summary !== undefined || this.fold.complete);
  }

  /** Adds a line. What was added before may come again, as from a log that is read once more. */
  add(text: string): void {
    this.heardK6 ||= text.startsWith('{"') || text.startsWith(MARKS.result);
    try {
      if (text.startsWith(INTERVAL)) this.addInterval(text);
      else if (text.startsWith(MARKS.result)) this.summary = parseResult(text.slice(MARKS.result.length));
      else if (text !== '') this.log.hear(text);
    } catch (e) {
      this.problem ??= (e as Error).message;
    }
  }

  /** Whether any of it is k6's, told to log as JSON. */
  get isOfK6(): boolean {
    return this.heardK6;
  }

  /** What k6 measured; undefined when it is not known of what. What is known of the machine is left to who knows it. */
  result(): Result | undefined {
    if (this.begin === undefined) return undefined;
    const result = this.summary ?? (this.fold.latest && this.fold.result(this.begin.facts));
    if (result === undefined) return undefined;
    return { ...result, errorSamples: this.log.samples, partial: !this.complete };
  }

  private addInterval(text: string): void {
    if (this.problem !== undefined) return;
    this.fold.add(parseInterval(text));
  }
}
