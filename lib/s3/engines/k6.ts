/** An engine on k6/http, whoever signs: addresses, sends, classifies, records and tries again. */
import { createBrake } from '../brake';
import type { Command } from '../commands';
import type { Arguments, CallLoad, Engine, EngineOptions, Recorder, Reply, SyncCall } from '../engine';
import { takeTurns } from '../outage';
import type { Outcome } from '../outcome';
import { contentLength, refusalsOf, replyOf, type Sent } from '../reply';
import { type Extras, extrasOf, hostsOf, isPlain, pathsOf, type SignedHost } from '../request';
import { nextPause } from '../retry';
import type { Signer } from '../sign';
import { encodeKey } from '../uri';
import { createSend, createSendAsync, elapsed, encode, k6Hashes, keepOf, type Send, type TimedAnswer } from './send';

/** Loaded by VUs that send forms. */
declare function require(module: '../form'): typeof import('../form');

type RequestBody = ArrayBuffer | string | null;

/** What an engine that sends some of the calls its own way has besides the calls. */
export interface K6Engine extends Engine {
  /** One operation, whose attempts `sendTo` makes without holding up the VU. */
  perform(
    command: Command,
    size: string,
    load: CallLoad | undefined,
    sendTo: (host: SignedHost) => Promise<TimedAnswer>,
    objects?: number,
  ): Promise<Reply>;
}

/** An engine for one VU. `signerFor` gives the signer of requests to a host, named as in the SignedHost header. */
export function createEngine(
  options: EngineOptions,
  recorder: Recorder,
  signerFor: (host: string) => Signer,
): K6Engine {
  // Closures throughout: k6's JavaScript finds a captured variable ten times faster than a property of `this`.
  const { attempts, retryDelay, sleep, pause } = options;
  const hosts = hostsOf(options, signerFor);
  const paths = pathsOf(options);
  const bucketPath = paths.bucket;
  const root = paths.objects;
  const plainKeys = options.plainKeys === true;
  const timeout = options.requestTimeout ?? options.timeout;
  const send = createSend(timeout);
  const sendAsync = createSendAsync(timeout);

  /** The endpoint whose turn it was, where the last one taken is another. */
  let left: string | undefined;
  const { next, learn } = takeTurns(hosts, options.firstEndpoint, (endpoint) => {
    left = endpoint;
  });
  const brake = options.brakes === true ? createBrake(hosts.length) : undefined;
  /** The last operation got no answer. */
  let unanswered = false;

  /** Seconds to wait before the next operation, after one that began then. */
  const brakeAfter = (reply: Outcome, began: number): number => {
    if (brake === undefined) return 0;
    unanswered = reply.status === 0;
    return brake.pauseAfter(reply, began) / 1000;
  };

  const nextFor = (op: string, size: string): SignedHost => {
    const host = next();
    if (left !== undefined) {
      recorder.redirected(op, size, left);
      left = undefined;
    }
    return host;
  };

  /** Sends a call that has more to it than path and body. */
  const sendWith = <A>(
    send: Send<A>,
    command: Command,
    host: SignedHost,
    path: string,
    body: RequestBody,
    { query, headers, payloadHash, key, body: inItsPlace }: Extras,
  ): A => {
    const { method } = command;
    if (key !== undefined) {
      const form = formFor(command, options.bucket, key, host, body);
      return send(method, host.alias + path, form.body, { ...headers, ...form.headers }, keepOf(command));
    }
    const url = host.alias + path + (query === '' ? '' : `?${query}`);
    const signed = host.signer.signWith(method, path, query, headers, payloadHash, body);
    return send(method, url, inItsPlace ?? body, signed, keepOf(command));
  };

  /** Records a reply. Returns seconds until the next attempt, or undefined when the reply is what came of the operation. */
  const settle = (command: Command, reply: Reply, attempt: number): number | undefined => {
    const { failure } = reply;
    learn(reply);
    if (failure !== undefined) {
      if (reply.doneBefore !== true) recorder.failed(command, reply, failure);
      return nextPause(reply, attempt, attempts, hosts.length, retryDelay);
    }
    if (command.counts === 'operation') recorder.succeeded(reply.ms, reply.bytes, reply.found?.objects ?? 0);
    for (const refusal of refusalsOf(command, reply))
      recorder.refused(command, reply, refusal.failure, refusal.objects);
    return undefined;
  };

  /** The reply to an attempt that began then, after one whose answer was `lost` or not. */
  const read = (
    lost: boolean,
    command: Command,
    endpoint: string,
    answer: TimedAnswer,
    sent: Sent,
    began: number,
  ): Reply => {
    const reply = replyOf(command, endpoint, answer, sent, elapsed(answer, began));
    if (reply.status === 0) return outOfTime(reply, sent, options);
    return lost ? afterLoss(command, reply) : reply;
  };

  const compileSync = (command: Command): SyncCall => {
    const { op, method, body: kind, answer: wanted } = command;
    const keep = keepOf(command);
    const ofBucket = isToBucket(command);
    const plain = isPlain(command);
    const carries = kind !== 'none';
    // Nothing is looked at in a success but its length.
    const fast = plain && (wanted.kind === 'payload' || (kind === 'payload' && wanted.kind === 'none'));

    // Every byte of load passes here, and k6 pays for each object made and each property looked up.
    return (key, size, load, more) => {
      const path = ofBucket ? bucketPath : root + (plainKeys ? key : encodeKey(key));
      // k6 sends an empty buffer in chunks, without the Content-Length that S3 wants; of no body it says that its length is 0.
      const body = !carries || (load as ArrayBuffer).byteLength === 0 ? null : (load as RequestBody);
      const expected = carries ? undefined : (load as number | undefined);
      const extras = plain && more === undefined ? undefined : extrasFor(command, key, load, more);
      let lost = false;
      let first = 0;
      for (let attempt = 1; ; attempt++) {
        const host = nextFor(op, size);
        const endpoint = host.endpoint;
        recorder.begin(op, size, endpoint);
        const began = Date.now();
        if (attempt === 1) first = began;
        const answer =
          extras === undefined
            ? send(method, host.alias + path, body, host.signer.sign(method, path, '', body), keep)
            : sendWith(send, command, host, path, body, extras);
        // How almost every operation ends, without a further call: an object was sent, or came with the length it should have.
        if (fast && answer.status === 200) {
          const bytes = body === null ? contentLength(answer, expected) : (body as ArrayBuffer).byteLength;
          if (expected === undefined || bytes === expected) {
            const t = answer.timings;
            const ms = t.duration + t.blocked;
            recorder.succeeded(ms, bytes, 0);
            const outcome = { status: 200, bytes, ms, endpoint };
            learn(outcome);
            if (unanswered) brakeAfter(outcome, began);
            return outcome;
          }
        }
        const sent = sentOf(command, load, more?.objects, more?.headers?.range !== undefined);
        const reply = read(lost, command, endpoint, answer, sent, began);
        lost ||= reply.status === 0;
        const seconds = settle(command, reply, attempt);
        if (seconds === undefined) {
          const further = brakeAfter(reply, first);
          if (further > 0) sleep(further);
          return reply;
        }
        sleep(seconds);
        recorder.retried();
      }
    };
  };

  /** The same, letting the VU do other things while the request is under way. */
  const perform: K6Engine['perform'] = async (command, size, load, sendTo, objects) => {
    const { op } = command;
    const sent = sentOf(command, load, objects);
    let lost = false;
    let first = 0;
    for (let attempt = 1; ; attempt++) {
      const host = nextFor(op, size);
      recorder.begin(op, size, host.endpoint);
      const began = Date.now();
      if (attempt === 1) first = began;
      const answer = await sendTo(host);
      const reply = read(lost, command, host.endpoint, answer, sent, began);
      lost ||= reply.status === 0;
      // Others may have begun meanwhile.
      recorder.begin(op, size, host.endpoint);
      const seconds = settle(command, reply, attempt);
      if (seconds === undefined) {
        const further = brakeAfter(reply, first);
        if (further > 0) await pause(further);
        return reply;
      }
      await pause(seconds);
      recorder.begin(op, size, host.endpoint);
      recorder.retried();
    }
  };

  return {
    compile: compileSync,
    compileSync,
    compileAsync: (command) => (key, size, load, more) => {
      const path = isToBucket(command) ? bucketPath : root + encodeKey(key);
      const body = command.body === 'none' || (load as ArrayBuffer).byteLength === 0 ? null : (load as RequestBody);
      const extras = extrasFor(command, key, load, more);
      const sendTo = (host: SignedHost) => sendWith(sendAsync, command, host, path, body, extras);
      return perform(command, size, load, sendTo, more?.objects);
    },
    composed: (op, size, whole) => {
      recorder.begin(op, size, whole.endpoint);
      recorder.succeeded(whole.ms, whole.bytes, 0);
    },
    perform,
  };
}

const NOTHING = {};

const isToBucket = ({ on, form }: Command): boolean => on === 'bucket' || form === true;

function extrasFor(command: Command, key: string, load: CallLoad | undefined, more: Arguments = NOTHING): Extras {
  const extras = extrasOf(command, load, more, k6Hashes);
  return command.form === true ? { ...extras, key } : extras;
}

/** A form with an object for its file, and the headers that it takes. */
function formFor(
  { fields = {} }: Command,
  bucket: string,
  key: string,
  { signer, named }: SignedHost,
  body: RequestBody,
) {
  const { FORM_TYPE, formOf, policyOf } = require('../form');
  const file = (body ?? new ArrayBuffer(0)) as ArrayBuffer;
  const signed = signer.form((by) => encode(policyOf(bucket, key, file.byteLength, { ...by, ...fields })));
  const headers = { 'content-type': FORM_TYPE, ...(named !== undefined && { host: named }) };
  return { headers, body: formOf({ key, ...signed, ...fields }, file) };
}

/** The reply to a repeat of an attempt whose answer was lost: that may have done what this is refused for. */
function afterLoss({ doneBefore }: Command, reply: Reply): Reply {
  const isRefused = doneBefore !== undefined && reply.failure?.code === doneBefore;
  return isRefused ? { ...reply, doneBefore: true } : reply;
}

/** k6's clock and the script's differ by so much, milliseconds. */
const SLACK_MS = 20;

/** Says of a request that k6 ended which limit that was, and what is known: k6 counts no bytes of what it ends. */
function outOfTime(reply: Reply, sent: Sent, { timeout, requestTimeout }: EngineOptions): Reply {
  const { failure, ms } = reply;
  const limit = requestTimeout ?? timeout;
  if (failure?.errorClass !== 'timeout' || ms < limit - SLACK_MS) return reply;
  const option = requestTimeout === undefined ? '--timeout, which is for whole requests here' : '--request-timeout';
  const bytes = sent.bytes || sent.expected;
  const time = `in ${limit / 1000} s (${option})`;
  const what = bytes
    ? `not all of ${bytes} bytes moved ${time}; k6's client does not say how many did`
    : `it did not end ${time}`;
  const message = `${failure.message}: ${what}`;
  return { ...reply, failure: { ...failure, message } };
}

function sentOf({ body }: Command, load: CallLoad | undefined, objects = 0, ranged = false): Sent {
  if (body === 'none') return { bytes: 0, expected: load as number | undefined, objects, ranged };
  return { bytes: body === 'payload' ? (load as ArrayBuffer).byteLength : 0, expected: undefined, objects };
}
