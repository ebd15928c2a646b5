/** Reads a line of the histogram output's statistics. */
import { INTERVAL_SCHEMA, type Interval } from '../../lib/result/interval';

/** Cuts text that comes in pieces into lines. The last one, while it is not whole, is kept for the next piece. */
export class WholeLines {
  private rest = '';

  push(text: string): string[] {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() ?? '';
    return lines;
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
