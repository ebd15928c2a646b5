/** Puts what the client does into k6's metrics, under tags that are set once an attempt and not with every sample. */
import exec from 'k6/execution';
import { Counter, Trend } from 'k6/metrics';
import { BYTES, ERROR_DURATION, NO_SIZE, OP_DURATION, RETRIES } from './metrics';
import type { Op, Outcome, Recorder } from './s3/api';
import { describeFailure } from './s3/classify';

const opDuration = new Trend(OP_DURATION, true);
const errorDuration = new Trend(ERROR_DURATION, true);
const bytes = new Counter(BYTES);
const retries = new Counter(RETRIES);

/** What a log line that carries the first failure of a class in a VU begins with; the CLI keeps one of each. */
export const SAMPLE_MARK = 's3loadtest-sample ';

/**
 * Records every attempt. A VU's tags are k6's cheapest: given with each sample they would be read and checked for the
 * request and for each own metric again, which costs an operation 5 µs more.
 */
export class MetricsRecorder implements Recorder {
  private readonly tags = exec.vu.metrics.tags;
  private op = '';
  private size = '';
  private endpoint = '';
  private readonly heard = new Set<string>();

  begin(op: Op, size: string, endpoint: string): void {
    if (op !== this.op) {
      this.op = op;
      this.tags.op = op;
      // Without a name k6 takes the URL, and keeps a time series for every key.
      this.tags.name = op;
    }
    if (size !== this.size) {
      this.size = size;
      this.tags.size = size === '' ? NO_SIZE : size;
    }
    if (endpoint !== this.endpoint) {
      this.endpoint = endpoint;
      this.tags.endpoint = endpoint;
    }
  }

  end(op: Op, outcome: Outcome): void {
    const { failure } = outcome;
    if (failure === undefined) {
      opDuration.add(outcome.ms);
      if (outcome.bytes > 0) bytes.add(outcome.bytes);
      return;
    }
    const { errorClass } = failure;
    errorDuration.add(outcome.ms, { class: errorClass });
    if (this.heard.has(errorClass)) return;
    this.heard.add(errorClass);
    const said = describeFailure(outcome.status, failure.code, failure.message);
    const message = `${said} (endpoint ${outcome.endpoint})`;
    console.warn(SAMPLE_MARK + JSON.stringify({ class: errorClass, op, message }));
  }

  retry(): void {
    retries.add(1);
  }
}

/** Counts nothing: for what is done before and after the load. Its requests are named, so that no key becomes a tag. */
export class SilentRecorder implements Recorder {
  begin(): void {
    exec.vu.metrics.tags.name = 'preparation';
  }
  end(): void {}
  retry(): void {}
}
