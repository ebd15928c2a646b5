/** Puts what the client does into k6's metrics, under tags that are set once an attempt and not with every sample. */
import exec from 'k6/execution';
import { Counter, Trend } from 'k6/metrics';
import { BYTES, ERROR_DURATION, NO_SIZE, OP_DURATION, RETRIES } from './metrics';
import { MARKS } from './protocol';
import type { ErrorSample } from './result';
import type { Recorder } from './s3/api';
import { describeFailure } from './s3/classify';

const opDuration = new Trend(OP_DURATION, true);
const errorDuration = new Trend(ERROR_DURATION, true);
const bytes = new Counter(BYTES);
const retries = new Counter(RETRIES);

/**
 * Records every attempt. A VU's tags are k6's cheapest: given with each sample they would be read and checked for the
 * request and for each own metric again, which costs an operation 5 µs more.
 */
export function createRecorder(): Recorder {
  const tags = exec.vu.metrics.tags;
  const heard = new Set<string>();
  const addDuration = opDuration.add;
  const addBytes = bytes.add;
  let lastOp = '';
  let lastSize: string | undefined;
  let lastEndpoint = '';
  return {
    begin: (op, size, endpoint) => {
      if (op !== lastOp) {
        lastOp = op;
        tags.op = op;
        // Without a name k6 takes the URL, and keeps a time series for every key.
        tags.name = op;
      }
      if (size !== lastSize) {
        lastSize = size;
        tags.size = size === '' ? NO_SIZE : size;
      }
      if (endpoint !== lastEndpoint) {
        lastEndpoint = endpoint;
        tags.endpoint = endpoint;
      }
    },
    succeeded: (ms, n) => {
      addDuration(ms);
      if (n > 0) addBytes(n);
    },
    failed: (op, outcome, { errorClass, code, message }) => {
      errorDuration.add(outcome.ms, { class: errorClass });
      if (heard.has(errorClass)) return;
      heard.add(errorClass);
      const said = `${describeFailure(outcome.status, code, message)} (endpoint ${outcome.endpoint})`;
      const sample: ErrorSample = { class: errorClass, op, message: said };
      console.warn(MARKS.sample + JSON.stringify(sample));
    },
    retried: () => {
      retries.add(1);
    },
  };
}

/** Counts nothing: for what is done before the load. Its requests are named, so that no key becomes a tag. */
export function createSilentRecorder(): Recorder {
  exec.vu.metrics.tags.name = 'preparation';
  const nothing = () => {};
  return { begin: nothing, succeeded: nothing, failed: nothing, retried: nothing };
}
