/** The http backend: own SigV4 on k6/http. Signs, sends, classifies, records and tries again. */
import type {
  ByteRange,
  CountOutcome,
  DeleteObjectsOutcome,
  Failure,
  ListOptions,
  ListOutcome,
  Op,
  Outcome,
  PartedBody,
  Recorder,
  S3,
  S3Options,
  UploadedPart,
} from './api';
import { classifyCode, classifyStatus, classifyTransport, isRetryable } from './classify';
import {
  type Answer,
  contentLength,
  createSend,
  createSendAsync,
  elapsed,
  headersOf,
  type Keep,
  k6Hashes,
  type Send,
} from './send';
import { createSigner, type Signer, UNSIGNED_PAYLOAD } from './sign';
import { canonicalQuery, encodeKey } from './uri';
import { elementsOf, escapeXml, textOf } from './xml';

interface Host {
  /** host:port without the bucket, as the endpoint tag has it. */
  readonly endpoint: string;
  /** Scheme and host, the bucket before it in virtual addressing. */
  readonly origin: string;
  readonly signer: Signer;
}

/** A kind of call: what does not change from one to the next, so that none has to be made for each. */
interface Kind {
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

const GET: Kind = { op: 'GET', method: 'GET', keep: 'none', counted: true, plain: true, payload: 'received' };
const READ: Kind = { op: 'GET', method: 'GET', keep: 'binary', counted: true, payload: 'received', needs: 'body' };
const PUT: Kind = { op: 'PUT', method: 'PUT', keep: 'text', counted: true, plain: true, payload: 'sent' };
const HEAD: Kind = { op: 'HEAD', method: 'HEAD', keep: 'none', counted: true, needs: 'headers' };
const DELETE: Kind = { op: 'DELETE', method: 'DELETE', keep: 'text', counted: true };
const DELETE_OBJECTS: Kind = {
  op: 'DELETE_OBJECTS',
  method: 'POST',
  keep: 'text',
  counted: false,
  needs: 'body',
  refuse: noResult,
};
const LIST: Kind = { op: 'LIST', method: 'GET', keep: 'text', counted: false, needs: 'body', refuse: noListing };
const CREATE_MULTIPART: Kind = {
  op: 'CREATE_MULTIPART',
  method: 'POST',
  keep: 'text',
  counted: false,
  needs: 'body',
  refuse: noUploadId,
};
const UPLOAD_PART: Kind = {
  op: 'UPLOAD_PART',
  method: 'PUT',
  keep: 'text',
  counted: false,
  payload: 'sent',
  needs: 'headers',
};
const COMPLETE_MULTIPART: Kind = {
  op: 'COMPLETE_MULTIPART',
  method: 'POST',
  keep: 'text',
  counted: false,
  refuse: errorAfterAll,
};
const ABORT_MULTIPART: Kind = { op: 'ABORT_MULTIPART', method: 'DELETE', keep: 'text', counted: false };
const HEAD_BUCKET: Kind = { op: 'HEAD_BUCKET', method: 'HEAD', keep: 'none', counted: true };
const CREATE_BUCKET: Kind = { op: 'CREATE_BUCKET', method: 'PUT', keep: 'text', counted: true };

/** What a call has beyond path and body. */
interface Extras {
  /** Encoded and in order. */
  readonly query?: string;
  /** Headers to sign besides the usual, by lower-case name. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly payloadHash?: string;
}

/** An outcome with the answer's body, for calls that need it. */
interface Reply extends Outcome {
  readonly body?: unknown;
}

const XMLNS = 'http://s3.amazonaws.com/doc/2006-03-01/';
const FIRST_PAUSE = 0.1;
const LONGEST_PAUSE = 30;

/** Seconds to wait before attempt `n` (2 is the first repeat): 0.1 s doubling to 30 s, then half of it at random. */
export function pauseBefore(n: number, random: () => number): number {
  const whole = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (n - 2));
  return whole / 2 + (whole / 2) * random();
}

/** A client on k6/http for one VU. */
export function createHttpS3(options: S3Options, recorder: Recorder): S3 {
  // Closures throughout: k6's JavaScript finds a captured variable ten times faster than a property of `this`.
  const { bucket, region, attempts, sleep, pause } = options;
  const virtual = options.addressing === 'virtual';
  const base = virtual ? '' : `/${bucket}`;
  const send = createSend(options.timeout);
  const sendAsync = createSendAsync(options.timeout);
  const hosts: Host[] = options.endpoints.map((url) => {
    const [scheme = '', endpoint = ''] = url.split('://');
    const host = virtual ? `${bucket}.${endpoint}` : endpoint;
    // A default port is not sent in Host, so it must not be signed either.
    const signed = host.replace(scheme === 'https' ? /:443$/ : /:80$/, '');
    const signer = createSigner(k6Hashes, options.credentials, region, signed);
    return { endpoint, origin: `${scheme}://${host}`, signer };
  });
  let next = options.firstEndpoint % hosts.length;

  const root = `${base}/`;
  const plainKeys = options.plainKeys === true;
  const pathOf = (key: string): string => root + encodeKey(key);
  const bucketPath = virtual ? '/' : base;

  const nextHost = (): Host => {
    const host = hosts[next] as Host;
    next = next + 1 === hosts.length ? 0 : next + 1;
    return host;
  };

  /** Sends a call that has more to it than path and body. */
  const sendWith = <A>(
    send: Send<A>,
    kind: Kind,
    host: Host,
    path: string,
    body: ArrayBuffer | string | null,
    extras: Extras,
  ): A => {
    const { query = '', headers = {}, payloadHash = UNSIGNED_PAYLOAD } = extras;
    const url = host.origin + path + (query === '' ? '' : `?${query}`);
    const signed = host.signer.signWith(kind.method, path, query, headers, payloadHash);
    return send(kind.method, url, body, signed, kind.keep);
  };

  /** Records a reply. Returns seconds until the next attempt, or undefined when the reply is what came of the operation. */
  const settle = (kind: Kind, reply: Reply, attempt: number): number | undefined => {
    const { failure } = reply;
    if (failure === undefined) {
      if (kind.counted) recorder.succeeded(reply.ms, reply.bytes, 0);
      return undefined;
    }
    recorder.failed(kind.op, reply, failure);
    return attempt >= attempts || !isRetryable(failure.errorClass) ? undefined : pauseBefore(attempt + 1, Math.random);
  };

  /**
   * An operation: attempts until one succeeds, can't be mended by another, or was the last; each is recorded. Every byte of
   * load passes here, and k6 pays for each object made and each property looked up, so this does little of either.
   */
  const call = (
    kind: Kind,
    path: string,
    size: string,
    body: ArrayBuffer | string | null,
    expectBytes?: number,
    extras?: Extras,
  ): Reply => {
    const op = kind.op;
    for (let attempt = 1; ; attempt++) {
      const host = nextHost();
      const endpoint = host.endpoint;
      recorder.begin(op, size, endpoint);
      const began = Date.now();
      const method = kind.method;
      const answer =
        extras === undefined
          ? send(method, host.origin + path, body, host.signer.sign(method, path, ''), kind.keep)
          : sendWith(send, kind, host, path, body, extras);
      // How almost every operation ends, without a further call: an object was sent, or came with the length it should have.
      if (answer.status === 200 && kind.plain === true) {
        const bytes = body === null ? contentLength(answer, expectBytes) : (body as ArrayBuffer).byteLength;
        if (expectBytes === undefined || bytes === expectBytes) {
          const t = answer.timings;
          const ms = t.duration + t.blocked;
          recorder.succeeded(ms, bytes, 0);
          return { status: 200, bytes, ms, endpoint };
        }
      }
      const reply = replyOf(kind, endpoint, answer, body, expectBytes, began);
      const seconds = settle(kind, reply, attempt);
      if (seconds === undefined) return reply;
      sleep(seconds);
      recorder.retried();
    }
  };

  /** The same, letting the VU do other things while the request is under way. */
  const callAsync = async (kind: Kind, path: string, body: string, extras: Extras): Promise<Reply> => {
    for (let attempt = 1; ; attempt++) {
      const host = nextHost();
      recorder.begin(kind.op, '', host.endpoint);
      const began = Date.now();
      const answer = await sendWith(sendAsync, kind, host, path, body, extras);
      const reply = replyOf(kind, host.endpoint, answer, body, undefined, began);
      // Others may have begun meanwhile.
      recorder.begin(kind.op, '', host.endpoint);
      const seconds = settle(kind, reply, attempt);
      if (seconds === undefined) return reply;
      await pause(seconds);
      recorder.begin(kind.op, '', host.endpoint);
      recorder.retried();
    }
  };

  const createMultipartUpload = (key: string, size: string): Outcome & { uploadId: string } => {
    const extras = { query: canonicalQuery({ uploads: '' }) };
    const { body, ...outcome } = call(CREATE_MULTIPART, pathOf(key), size, null, undefined, extras);
    return { ...outcome, uploadId: textOf(asText(body), 'UploadId') ?? '' };
  };

  const uploadPart = (
    key: string,
    uploadId: string,
    number: number,
    body: ArrayBuffer,
    size: string,
  ): Outcome & UploadedPart => {
    const extras = { query: canonicalQuery({ partNumber: number, uploadId }) };
    const outcome = call(UPLOAD_PART, pathOf(key), size, body, undefined, extras);
    return { ...outcome, number, etag: outcome.headers?.etag ?? '' };
  };

  const completeMultipartUpload = (
    key: string,
    uploadId: string,
    parts: readonly UploadedPart[],
    size: string,
  ): Outcome => {
    const list = parts.map(
      (part) => `<Part><PartNumber>${part.number}</PartNumber><ETag>${escapeXml(part.etag)}</ETag></Part>`,
    );
    const xml = `<CompleteMultipartUpload xmlns="${XMLNS}">${list.join('')}</CompleteMultipartUpload>`;
    const extras = { query: canonicalQuery({ uploadId }), payloadHash: k6Hashes.sha256(xml, 'hex') };
    return call(COMPLETE_MULTIPART, pathOf(key), size, xml, undefined, extras);
  };

  const abortMultipartUpload = (key: string, uploadId: string, size: string): Outcome => {
    const extras = { query: canonicalQuery({ uploadId }) };
    return call(ABORT_MULTIPART, pathOf(key), size, null, undefined, extras);
  };

  const putObject = (key: string, body: ArrayBuffer, size: string): Outcome => {
    // k6 sends an empty buffer in chunks, without the Content-Length that S3 wants; of no body it says that its length is 0.
    return call(PUT, plainKeys ? root + key : pathOf(key), size, body.byteLength === 0 ? null : body);
  };

  const putObjectInParts = (key: string, body: PartedBody, size: string): Outcome => {
    const began = Date.now();
    // A failure was recorded where it happened, as the part's or the call's: as the PUT's, too, it would count twice.
    const failed = (last: Outcome): Outcome => ({ ...last, bytes: 0, ms: Date.now() - began });
    const upload = createMultipartUpload(key, size);
    if (upload.failure) return failed(upload);
    const parts: UploadedPart[] = [];
    for (let sent = 0; sent < body.bytes; sent += body.partBytes) {
      const part = uploadPart(key, upload.uploadId, parts.length + 1, body.part(parts.length), size);
      if (part.failure) {
        abortMultipartUpload(key, upload.uploadId, size);
        return failed(part);
      }
      parts.push({ number: part.number, etag: part.etag });
    }
    const completed = completeMultipartUpload(key, upload.uploadId, parts, size);
    if (completed.failure) {
      abortMultipartUpload(key, upload.uploadId, size);
      return failed(completed);
    }
    const whole: Outcome = { ...completed, bytes: body.bytes, ms: Date.now() - began };
    recorder.begin('PUT', size, completed.endpoint);
    recorder.succeeded(whole.ms, whole.bytes, 0);
    return whole;
  };

  const getObject = (key: string, size: string, expectBytes?: number): Outcome => {
    return call(GET, plainKeys ? root + key : pathOf(key), size, null, expectBytes);
  };

  const readObject = (
    key: string,
    size: string,
    range?: ByteRange,
  ): Outcome & { content?: ArrayBuffer | undefined } => {
    const length = range && range[1] - range[0] + 1;
    const extras = range && { headers: { range: `bytes=${range[0]}-${range[1]}` } };
    const { body, ...outcome } = call(READ, pathOf(key), size, null, length, extras);
    return outcome.failure ? outcome : { ...outcome, content: body as ArrayBuffer };
  };

  const headObject = (key: string, size: string): Outcome => {
    return call(HEAD, pathOf(key), size, null);
  };

  const deleteObject = (key: string, size: string): Outcome => {
    return call(DELETE, pathOf(key), size, null);
  };

  const batchOf = (keys: readonly string[]): { xml: string; extras: Extras } => {
    const objects = keys.map((key) => `<Object><Key>${escapeXml(key)}</Key></Object>`).join('');
    const xml = `<Delete xmlns="${XMLNS}"><Quiet>true</Quiet>${objects}</Delete>`;
    const extras: Extras = {
      query: canonicalQuery({ delete: '' }),
      // S3 refuses a batch without a checksum: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
      headers: { 'content-md5': k6Hashes.md5(xml, 'base64'), 'content-type': 'application/xml' },
      payloadHash: k6Hashes.sha256(xml, 'hex'),
    };
    return { xml, extras };
  };

  /** Reads what became of each key, and records it: an answer of 200 may refuse every one of them. */
  const batchOutcome = (keys: readonly string[], { body, ...outcome }: Reply): DeleteObjectsOutcome => {
    if (outcome.failure) return { ...outcome, failed: [] };
    const failed = elementsOf(asText(body), 'Error').map((error) => ({
      key: textOf(error, 'Key') ?? '',
      code: textOf(error, 'Code') ?? '',
      message: textOf(error, 'Message') ?? '',
    }));
    recorder.succeeded(outcome.ms, 0, Math.max(0, keys.length - failed.length));
    for (const code of new Set(failed.map((key) => key.code))) {
      const those = failed.filter((key) => key.code === code);
      const failure = { errorClass: classifyCode(code), code, message: those[0]?.message ?? '' };
      recorder.refused('DELETE_OBJECTS', outcome, failure, those.length);
    }
    return { ...outcome, failed };
  };

  const deleteObjects = (keys: readonly string[]): DeleteObjectsOutcome => {
    const { xml, extras } = batchOf(keys);
    return batchOutcome(keys, call(DELETE_OBJECTS, bucketPath, '', xml, undefined, extras));
  };

  const deleteObjectsAsync = async (keys: readonly string[]): Promise<DeleteObjectsOutcome> => {
    const { xml, extras } = batchOf(keys);
    return batchOutcome(keys, await callAsync(DELETE_OBJECTS, bucketPath, xml, extras));
  };

  const list = (options: ListOptions): Reply => {
    const query = canonicalQuery({
      'list-type': 2,
      'encoding-type': 'url',
      prefix: options.prefix,
      delimiter: options.delimiter,
      'start-after': options.startAfter,
      'continuation-token': options.continuationToken,
      'max-keys': options.maxKeys,
    });
    return call(LIST, bucketPath, '', null, undefined, { query });
  };

  const nextPage = (xml: string): string | undefined =>
    textOf(xml, 'IsTruncated') === 'true' ? textOf(xml, 'NextContinuationToken') : undefined;

  const listObjects = (options: ListOptions = {}): ListOutcome => {
    const { body, ...outcome } = list(options);
    if (outcome.failure) return { ...outcome, objects: [], prefixes: [] };
    const xml = asText(body);
    // A server may ignore encoding-type; then it does not repeat it either.
    const decode = textOf(xml, 'EncodingType') === 'url' ? decodeUrl : (text: string) => text;
    const objects = elementsOf(xml, 'Contents').map((entry) => ({
      key: decode(textOf(entry, 'Key') ?? ''),
      bytes: Number(textOf(entry, 'Size') ?? 0),
    }));
    recorder.succeeded(outcome.ms, 0, objects.length);
    return {
      ...outcome,
      objects,
      prefixes: elementsOf(xml, 'CommonPrefixes').map((entry) => decode(textOf(entry, 'Prefix') ?? '')),
      next: nextPage(xml),
    };
  };

  const countObjects = (options: ListOptions = {}): CountOutcome => {
    const { body, ...outcome } = list(options);
    if (outcome.failure) return { ...outcome, keys: 0 };
    const xml = asText(body);
    // Not every server counts them.
    const keys = Number(textOf(xml, 'KeyCount') ?? elementsOf(xml, 'Contents').length);
    recorder.succeeded(outcome.ms, 0, keys);
    return { ...outcome, keys, next: nextPage(xml) };
  };

  const headBucket = (): Outcome => {
    return call(HEAD_BUCKET, bucketPath, '', null);
  };

  const createBucket = (): Outcome => {
    // us-east-1 is the one region that must not be named:
    // https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
    if (region === 'us-east-1') return call(CREATE_BUCKET, bucketPath, '', null);
    const place = `<LocationConstraint>${region}</LocationConstraint>`;
    const xml = `<CreateBucketConfiguration xmlns="${XMLNS}">${place}</CreateBucketConfiguration>`;
    const extras = { payloadHash: k6Hashes.sha256(xml, 'hex') };
    return call(CREATE_BUCKET, bucketPath, '', xml, undefined, extras);
  };

  return {
    putObject,
    putObjectInParts,
    getObject,
    readObject,
    headObject,
    deleteObject,
    deleteObjects,
    deleteObjectsAsync,
    listObjects,
    countObjects,
    createMultipartUpload,
    uploadPart,
    completeMultipartUpload,
    abortMultipartUpload,
    headBucket,
    createBucket,
  };
}

function replyOf(
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

function decodeUrl(text: string): string {
  try {
    return decodeURIComponent(text.replace(/\+/g, ' '));
  } catch {
    // Not UTF-8, so no text can hold it: a key that nobody can ask for is better than no listing.
    return text;
  }
}

/** A body as text; '' for none, and for bytes, which no caller that parses asks for. */
function asText(body: unknown): string {
  return typeof body === 'string' ? body : '';
}
