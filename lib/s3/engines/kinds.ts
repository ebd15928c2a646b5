/** The kinds of S3 calls on k6/http, and what an answer to one of each comes to. */
import type { Failure, Op, Outcome } from '../api';
import { classifyCode, classifyStatus, classifyTransport } from '../classify';
import { textOf } from '../xml';
import { type Answer, contentLength, elapsed, headersOf, type Keep } from './send';

/** A kind of call: what does not change from one to the next, so that none has to be made for each. */
export interface Kind {
  readonly op: Op;
  readonly method: 'GET' | 'PUT' | 'POST' | 'HEAD' | 'DELETE';
  readonly keep: Keep;
  /** A success counts as an operation of its own; a failure always does. */
  readonly counted: boolean;
  /** Nothing is looked at in a success but its length. */
  readonly plain?: true;
  /** Which way payload goes, if any does. */
  readonly payload?: 'sent' | 'received';
  /** What is handed on of a success's answer. */
  readonly needs?: 'headers' | 'body';
  /** What a success is still to be refused for, by its body. */
  readonly refuse?: (body: string) => Failure | undefined;
}

export const GET: Kind = { op: 'GET', method: 'GET', keep: 'none', counted: true, plain: true, payload: 'received' };
export const READ: Kind = {
  op: 'GET',
  method: 'GET',
  keep: 'binary',
  counted: true,
  payload: 'received',
  needs: 'body',
};
export const PUT: Kind = { op: 'PUT', method: 'PUT', keep: 'text', counted: true, plain: true, payload: 'sent' };
export const HEAD: Kind = { op: 'HEAD', method: 'HEAD', keep: 'none', counted: true, needs: 'headers' };
export const DELETE: Kind = { op: 'DELETE', method: 'DELETE', keep: 'text', counted: true };
export const DELETE_OBJECTS: Kind = {
  op: 'DELETE_OBJECTS',
  method: 'POST',
  keep: 'text',
  counted: false,
  needs: 'body',
  refuse: noResult,
};
export const LIST: Kind = { op: 'LIST', method: 'GET', keep: 'text', counted: false, needs: 'body', refuse: noListing };
export const CREATE_MULTIPART: Kind = {
  op: 'CREATE_MULTIPART',
  method: 'POST',
  keep: 'text',
  counted: false,
  needs: 'body',
  refuse: noUploadId,
};
export const UPLOAD_PART: Kind = {
  op: 'UPLOAD_PART',
  method: 'PUT',
  keep: 'text',
  counted: false,
  payload: 'sent',
  needs: 'headers',
};
export const COMPLETE_MULTIPART: Kind = {
  op: 'COMPLETE_MULTIPART',
  method: 'POST',
  keep: 'text',
  counted: false,
  refuse: errorAfterAll,
};
export const ABORT_MULTIPART: Kind = { op: 'ABORT_MULTIPART', method: 'DELETE', keep: 'text', counted: false };
export const HEAD_BUCKET: Kind = { op: 'HEAD_BUCKET', method: 'HEAD', keep: 'none', counted: true };
export const CREATE_BUCKET: Kind = { op: 'CREATE_BUCKET', method: 'PUT', keep: 'text', counted: true };

/** An outcome with the answer's body, for calls that need it. */
export interface Reply extends Outcome {
  readonly body?: unknown;
}

/** What an answer comes to. `began` is when it was asked for, in milliseconds since 1970. */
export function replyOf(
  kind: Kind,
  endpoint: string,
  answer: Answer,
  body: ArrayBuffer | string | null,
  expectBytes: number | undefined,
  began: number,
): Reply {
  const status = answer.status;
  // k6 times no request that got no answer.
  if (status === 0) return { failure: failureOf(answer), status, bytes: 0, ms: Date.now() - began, endpoint };
  const ms = elapsed(answer);
  if (status < 200 || status >= 300) {
    return { failure: failureOf(answer), status, bytes: 0, ms, endpoint, headers: headersOf(answer) };
  }
  const payload = kind.payload;
  let bytes = 0;
  if (payload === 'sent') bytes = body === null ? 0 : (body as ArrayBuffer).byteLength;
  else if (payload === 'received') {
    bytes = contentLength(answer, expectBytes);
    if (expectBytes !== undefined && bytes !== expectBytes) {
      return { failure: otherLength(bytes, expectBytes), status, bytes: 0, ms, endpoint };
    }
  }
  const needs = kind.needs;
  const refuse = kind.refuse;
  if (needs === undefined && refuse === undefined) return { status, bytes, ms, endpoint };
  const failure = refuse?.(asText(answer.body));
  if (failure !== undefined) return { failure, status, bytes: 0, ms, endpoint };
  if (needs === 'headers') return { status, bytes, ms, endpoint, headers: headersOf(answer) };
  return { status, bytes, ms, endpoint, body: answer.body };
}

function failureOf(answer: Answer): Failure {
  const { status, error } = answer;
  if (status === 0) return { errorClass: classifyTransport(error ?? ''), code: '', message: error ?? '' };
  const xml = asText(answer.body);
  const code = textOf(xml, 'Code') ?? '';
  // A proxy, or a TLS port asked in plain HTTP, answers with a line of text.
  const message = textOf(xml, 'Message') ?? (xml.startsWith('<') ? '' : (xml.split('\n')[0] ?? '').slice(0, 200));
  return { errorClass: classifyStatus(status, code), code, message };
}

function noUploadId(xml: string): Failure | undefined {
  if (textOf(xml, 'UploadId')) return undefined;
  return { errorClass: 'corrupt', code: '', message: 'the answer holds no UploadId' };
}

/** A proxy's own page, say, must not pass for an empty bucket. */
function noListing(xml: string): Failure | undefined {
  if (xml.includes('<ListBucketResult')) return undefined;
  return { errorClass: 'corrupt', code: '', message: 'the answer is no listing' };
}

/** Nor a page, or an error that came after the 200, for a batch of which every key was deleted. */
function noResult(xml: string): Failure | undefined {
  if (xml.includes('<DeleteResult')) return undefined;
  return errorAfterAll(xml) ?? { errorClass: 'corrupt', code: '', message: 'the answer is no result of a batch' };
}

function otherLength(bytes: number, expected: number): Failure {
  return { errorClass: 'corrupt', code: '', message: `${bytes} bytes came, not the ${expected} that were asked for` };
}

/**
 * S3 may begin its answer to a completion with 200 and only then fail:
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
 */
function errorAfterAll(xml: string): Failure | undefined {
  if (!/<Error[ >]/.test(xml)) return undefined;
  const code = textOf(xml, 'Code') ?? '';
  return { errorClass: classifyCode(code), code, message: textOf(xml, 'Message') ?? '' };
}

/** A body as text; '' for none, and for bytes, which no caller that parses asks for. */
export function asText(body: unknown): string {
  return typeof body === 'string' ? body : '';
}
