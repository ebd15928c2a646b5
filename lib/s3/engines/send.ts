/** One request through k6/http: where all bytes leave from, but for those of the native backend and of Grafana's client. */
import crypto from 'k6/crypto';
import encoding from 'k6/encoding';
import http, { type RefinedParams, type ResponseType } from 'k6/http';
import type { Command } from '../commands';
import type { Answer } from '../reply';
import type { BodyHashes } from '../request';

/** Hashes by k6/crypto, which is Go and synchronous; crypto.subtle is ten times slower. */
export const k6Hashes = crypto as unknown as BodyHashes;

/** In base64. */
export const encode = (text: string): string => encoding.b64encode(text);

/** `none` streams the body away; `text` and `binary` keep it. `textOrNone`: that there is none may be said by 404, or by 400, and k6 is not to count it as a failure. */
type Keep = 'none' | 'text' | 'binary' | 'textOrNone';

/** What is to be kept of answers to a command. Those to HEAD have no body. */
export function keepOf({ answer, method, none }: Command): Keep {
  if (none !== undefined) return 'textOrNone';
  if (answer.kind === 'content') return 'binary';
  return answer.kind === 'payload' || method === 'HEAD' ? 'none' : 'text';
}

/** k6's own Response, or what stands for one when none came. */
export interface TimedAnswer extends Answer {
  readonly timings: Timings;
}

interface Timings {
  readonly duration: number;
  /** Until there was a connection: connecting and the TLS handshake are in it, and k6 tells them once more beside it. */
  readonly blocked: number;
}

/** Sends a request, and never throws for what the network does. */
export type Send<A> = (
  method: string,
  url: string,
  body: ArrayBuffer | string | null,
  headers: Record<string, string>,
  keep: Keep,
) => A;

/** k6's own time limit in milliseconds; giving it again would cost each request 10 µs, for k6 reads it as text. */
export const K6_TIMEOUT_MS = 60_000;

/** What sends for one VU; `timeout` is in milliseconds for one request, body included. */
export function createSend(timeout: number): Send<TimedAnswer> {
  const paramsFor = createParams(timeout);
  const { request } = http;
  return (method, url, body, headers, keep) => {
    const params = paramsFor(keep);
    params.headers = headers;
    try {
      return request(method, url, body, params) as TimedAnswer;
    } catch (e) {
      return noAnswer(e);
    }
  };
}

/** The same without waiting for the answer. Headers and body may be used again at once: k6 reads them before it returns. */
export function createSendAsync(timeout: number): Send<Promise<TimedAnswer>> {
  const paramsFor = createParams(timeout);
  return async (method, url, body, headers, keep) => {
    const params = paramsFor(keep);
    params.headers = headers;
    try {
      return (await http.asyncRequest(method, url, body, params)) as TimedAnswer;
    } catch (e) {
      return noAnswer(e);
    }
  };
}

/** Parameters made once, and used again by every request of their kind. */
function createParams(timeout: number): (keep: Keep) => RefinedParams<ResponseType> {
  const limit = timeout === K6_TIMEOUT_MS ? undefined : { timeout };
  const none: RefinedParams<'none'> = { responseType: 'none', ...limit };
  const text: RefinedParams<'text'> = { responseType: 'text', ...limit };
  const binary: RefinedParams<'binary'> = { responseType: 'binary', ...limit };
  return (keep) => {
    if (keep === 'none') return none;
    if (keep === 'textOrNone') {
      return { ...text, responseCallback: http.expectedStatuses({ min: 200, max: 399 }, 400, 404) };
    }
    return keep === 'text' ? text : binary;
  };
}

/**
 * What stands for the answer when k6 threw instead. The scripts set k6's `throw`: else k6 logs every failed request, which at
 * saturation costs more than sending.
 */
export function noAnswer(e: unknown): TimedAnswer {
  return { status: 0, error: transportError(e), body: null, headers: {}, timings: NO_TIMINGS };
}

const NO_TIMINGS: Timings = { duration: 0, blocked: 0 };

/** Milliseconds from the call, at `began`, to the last byte. k6's `duration` leaves out getting a connection. */
export function elapsed({ status, timings }: TimedAnswer, began: number): number {
  // k6 times no request that got no answer.
  return status === 0 ? Date.now() - began : timings.duration + timings.blocked;
}

/** Go's error without the URL it begins with, which may hold a key: `dial tcp 127.0.0.1:9: connect: connection refused`. */
function transportError(e: unknown): string {
  const message = e instanceof Error ? e.message : String(e);
  return message.replace(/^GoError: /, '').replace(/^\w+ "[^"]*": /, '');
}
