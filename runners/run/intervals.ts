/** Reads the statistics of the histogram output. */
import { INTERVAL_SCHEMA, type Interval } from '../../lib/result/interval';

/** Cuts text that comes in pieces into intervals. The last line, while it is not whole, is kept for the next piece. */
export class IntervalReader {
  private rest = '';

  /** @throws Error when a line is no interval of this version */
  *push(text: string): Generator<Interval> {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) yield parseInterval(line);
  }
}

/** @throws Error when it is no interval of this version */
export function parseInterval(line: string): Interval {
  let value: Interval;
  try {
    value = JSON.parse(line) as Interval;
  } catch (e) {
    throw new Error(`a line of the statistics is no JSON: ${(e as Error).message}`);
  }
  if (value.schema !== INTERVAL_SCHEMA) {
    throw new Error(`statistics of schema ${JSON.stringify(value.schema)}, this version reads ${INTERVAL_SCHEMA}`);
  }
  return value;
}
