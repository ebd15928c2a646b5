/** An S3 client on k6/http, whoever signs: addresses, sends, classifies, records and tries again. */
import type {
  ByteRange,
  CountOutcome,
  DeleteObjectsOutcome,
  ListOptions,
  ListOutcome,
  Outcome,
  PartedBody,
  ReadOutcome,
  Recorder,
  S3,
  S3Options,
  UploadedPart,
} from '../api';
import { classifyCode, isRetryable } from '../classify';
import { type Signer, UNSIGNED_PAYLOAD } from '../sign';
import { canonicalQuery, encodeKey } from '../uri';
import { elementsOf, escapeXml, textOf } from '../xml';
import {
  ABORT_MULTIPART,
  asText,
  COMPLETE_MULTIPART,
  CREATE_BUCKET,
  CREATE_MULTIPART,
  DELETE,
  DELETE_OBJECTS,
  GET,
  HEAD,
  HEAD_BUCKET,
  type Kind,
  LIST,
  PUT,
  READ,
  type Reply,
  replyOf,
  UPLOAD_PART,
} from './kinds';
import { type Answer, contentLength, createSend, createSendAsync, k6Hashes, type Send } from './send';

/** An endpoint, as requests to it are addressed and signed. */
export interface Host {
  /** host:port without the bucket, as the endpoint tag has it. */
  readonly endpoint: string;
  /** Scheme and host, the bucket before it in virtual addressing. */
  readonly origin: string;
  readonly signer: Signer;
}

/** What a call has beyond path and body. */
interface Extras {
  /** Encoded and in order. */
  readonly query?: string;
  /** Headers to sign besides the usual, by lower-case name. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly payloadHash?: string;
}

const XMLNS = 'http://s3.amazonaws.com/doc/2006-03-01/';
const FIRST_PAUSE = 0.1;
const LONGEST_PAUSE = 30;

/** Seconds to wait before attempt `n` (2 is the first repeat): 0.1 s doubling to 30 s, then half of it at random. */
export function pauseBefore(n: number, random: () => number): number {
  const whole = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (n - 2));
  return whole / 2 + (whole / 2) * random();
}

/** What a backend that sends some of the calls its own way has besides the calls. */
export interface Client {
  readonly s3: S3;
  /** One operation, whose attempts `send` makes without holding up the VU. `body` is what it sends, for its bytes. */
  perform(
    kind: Kind,
    size: string,
    body: ArrayBuffer | string | null,
    expectBytes: number | undefined,
    send: (host: Host) => Promise<Answer>,
  ): Promise<Reply>;
  /** Reads how many keys a listing's answer holds, and records them. */
  counted(listing: Reply): CountOutcome;
}

/** A client for one VU. `signerFor` gives the signer of requests to a host, named as in the Host header. */
export function createClient(options: S3Options, recorder: Recorder, signerFor: (host: string) => Signer): Client {
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
    return { endpoint, origin: `${scheme}://${host}`, signer: signerFor(signed) };
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
    const signed = host.signer.signWith(kind.method, path, query, headers, payloadHash, body);
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
          ? send(method, host.origin + path, body, host.signer.sign(method, path, '', body), kind.keep)
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
  const perform: Client['perform'] = async (kind, size, body, expectBytes, sendTo) => {
    const op = kind.op;
    for (let attempt = 1; ; attempt++) {
      const host = nextHost();
      recorder.begin(op, size, host.endpoint);
      const began = Date.now();
      const answer = await sendTo(host);
      const reply = replyOf(kind, host.endpoint, answer, body, expectBytes, began);
      // Others may have begun meanwhile.
      recorder.begin(op, size, host.endpoint);
      const seconds = settle(kind, reply, attempt);
      if (seconds === undefined) return reply;
      await pause(seconds);
      recorder.begin(op, size, host.endpoint);
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

  const readObject = (key: string, size: string, range?: ByteRange): ReadOutcome => {
    const extras = range && { headers: { range: rangeHeader(range) } };
    return contentOf(call(READ, pathOf(key), size, null, rangeLength(range), extras));
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
    const send = (host: Host) => sendWith(sendAsync, DELETE_OBJECTS, host, bucketPath, xml, extras);
    return batchOutcome(keys, await perform(DELETE_OBJECTS, '', xml, undefined, send));
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

  const counted = ({ body, ...outcome }: Reply): CountOutcome => {
    if (outcome.failure) return { ...outcome, keys: 0 };
    const xml = asText(body);
    // Not every server counts them.
    const keys = Number(textOf(xml, 'KeyCount') ?? elementsOf(xml, 'Contents').length);
    recorder.succeeded(outcome.ms, 0, keys);
    return { ...outcome, keys, next: nextPage(xml) };
  };

  const countObjects = (options: ListOptions = {}): CountOutcome => counted(list(options));

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

  const s3 = {
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
  return { s3, perform, counted };
}

/** The outcome of a read, with what was read. */
export function contentOf({ body, ...outcome }: Reply): ReadOutcome {
  return outcome.failure ? outcome : { ...outcome, content: body as ArrayBuffer };
}

/** `bytes=0-9`. */
export function rangeHeader([first, last]: ByteRange): string {
  return `bytes=${first}-${last}`;
}

/** Bytes that a range asks for; of none, as many as there are. */
export function rangeLength(range: ByteRange | undefined): number | undefined {
  return range && range[1] - range[0] + 1;
}

function decodeUrl(text: string): string {
  try {
    return decodeURIComponent(text.replace(/\+/g, ' '));
  } catch {
    // Not UTF-8, so no text can hold it: a key that nobody can ask for is better than no listing.
    return text;
  }
}
