/** Puts what the client does into k6's metrics, under tags that are set once an attempt and not with every sample. */
import exec from 'k6/execution';
import { Counter, Trend } from 'k6/metrics';
import {
  BYTES,
  ERROR_DURATION,
  ERRORS,
  MISSES,
  NO_SIZE,
  OBJECTS,
  OP_DURATION,
  REDIRECTED,
  RETRIES,
} from '../../result/metrics';
import { MARKS } from '../../result/protocol';
import type { ErrorSample } from '../../result/result';
import { describeFailure } from '../classify';
import type { Command } from '../commands';
import type { Recorder } from '../engine';
import type { Failure, Outcome } from '../outcome';

const opDuration = new Trend(OP_DURATION, true);
const errorDuration = new Trend(ERROR_DURATION, true);
const errors = new Counter(ERRORS);
const misses = new Counter(MISSES);
const bytes = new Counter(BYTES);
const objects = new Counter(OBJECTS);
const retries = new Counter(RETRIES);
const redirects = new Counter(REDIRECTED);

/**
 * The VU's tags, which are k6's cheapest: given with each sample they would be read and checked for the request and for each
 * own metric again, which costs an operation 5 µs more. What was set last is remembered, since setting costs, too.
 */
const tagged = { op: '', size: '', endpoint: '' };
let tags: typeof exec.vu.metrics.tags;

function tag(op: string, size: string, endpoint: string): void {
  tags ??= exec.vu.metrics.tags;
  if (op !== tagged.op) {
    tagged.op = op;
    tags.op = op;
    // Without a name k6 takes the URL, and keeps a time series for every key.
    tags.name = op;
  }
  if (size !== tagged.size) {
    tagged.size = size;
    tags.size = size === '' ? NO_SIZE : size;
  }
  if (endpoint !== tagged.endpoint) {
    tagged.endpoint = endpoint;
    tags.endpoint = endpoint;
  }
}

/** k6 takes a VU's tags away when it goes to another scenario, or comes back to one: then nothing is set any more. */
export function forgetTags(): void {
  tagged.op = '';
  // Unlike any size, '' included, which stands for none.
  tagged.size = '?';
  tagged.endpoint = '';
}

/** What is not told yet of one operation, size and endpoint. */
interface Untold {
  readonly op: string;
  readonly size: string;
  readonly endpoint: string;
  bytes: number;
  objects: number;
}

export interface VuRecorder extends Recorder {
  /** Tells k6 what was counted: bytes and objects, which would else cost every operation 4 µs each. */
  flush(): void;
}

/** Records every attempt. With `missesExpected`, that an object is not there is a miss and no error. */
export function createRecorder(missesExpected = false): VuRecorder {
  forgetTags();
  const heard = new Set<string>();
  const addDuration = opDuration.add;
  const all = new Map<string, Untold>();
  const fresh: Untold = { op: '', size: '', endpoint: '', bytes: 0, objects: 0 };
  let now = fresh;

  const begin = (op: string, size: string, endpoint: string): void => {
    if (op === now.op && size === now.size && endpoint === now.endpoint) {
      if (tagged.op === op) return;
    } else {
      const name = `${op} ${size} ${endpoint}`;
      let untold = all.get(name);
      if (untold === undefined) {
        untold = { op, size, endpoint, bytes: 0, objects: 0 };
        all.set(name, untold);
      }
      now = untold;
    }
    tag(op, size, endpoint);
  };

  /** Returns whether it was an error, and no miss. */
  const count = (
    { op, mayMiss, many }: Command,
    outcome: Outcome,
    { errorClass, code, message }: Failure,
    n: number,
  ): boolean => {
    // Of a batch only its keys may be missing, and not its bucket.
    if (missesExpected && errorClass === 'notFound' && mayMiss === true && (many !== true || code === 'NoSuchKey')) {
      misses.add(n);
      return false;
    }
    errors.add(n, { class: errorClass });
    if (heard.has(errorClass)) return true;
    heard.add(errorClass);
    const said = `${describeFailure(outcome.status, code, message)} (endpoint ${outcome.endpoint})`;
    const sample: ErrorSample = { class: errorClass, op, message: said };
    console.warn(MARKS.sample + JSON.stringify(sample));
    return true;
  };

  return {
    begin,
    succeeded: (ms, n, many) => {
      addDuration(ms);
      if (n !== 0) now.bytes += n;
      if (many !== 0) now.objects += many;
    },
    failed: (command, outcome, failure) => {
      if (count(command, outcome, failure, 1)) errorDuration.add(outcome.ms);
    },
    refused: count,
    retried: () => {
      retries.add(1);
    },
    redirected: (op, size, from) => {
      begin(op, size, from);
      redirects.add(1);
    },
    flush: () => {
      for (const untold of all.values()) {
        if (untold.bytes === 0 && untold.objects === 0) continue;
        begin(untold.op, untold.size, untold.endpoint);
        if (untold.bytes > 0) bytes.add(untold.bytes);
        if (untold.objects > 0) objects.add(untold.objects);
        untold.bytes = 0;
        untold.objects = 0;
      }
    },
  };
}

/** Counts nothing: for what is done beside the load. Its requests are named, so that no key becomes a tag. */
export function createSilentRecorder(): VuRecorder {
  const nothing = () => {};
  return {
    begin: () => tag('preparation', '', ''),
    succeeded: nothing,
    failed: nothing,
    refused: nothing,
    retried: nothing,
    redirected: nothing,
    flush: nothing,
  };
}
