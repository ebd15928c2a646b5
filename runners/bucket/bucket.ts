/**
 * A bucket as the CLI sees it, outside any load: what is in it, and out with it. Signs and classifies as lib/s3 does inside
 * k6, on node:http.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Failure, Outcome } from '../../lib/s3/api';
import { classifyCode, classifyStatus, classifyTransport, describeFailure, isRetryable } from '../../lib/s3/classify';
import { explain, PREFLIGHT_TIMEOUT_MS } from '../../lib/s3/preflight';
import { createSigner, unsigned } from '../../lib/s3/sign';
import { canonicalQuery, encodeKey } from '../../lib/s3/uri';
import { elementsOf, escapeXml, textOf } from '../../lib/s3/xml';
import { type Config, ConfigError, leavesSigning } from '../../lib/settings/config';
import { nodeHashes } from './hashes';
import { createTransport } from './transport';

/** The settings that it takes to reach a bucket. */
export const BUCKET_SETTINGS = [
  'endpoints',
  'accessKeyId',
  'secretAccessKey',
  'sessionToken',
  'region',
  'bucket',
  'verifySsl',
  'addressing',
  'backend',
  's3poolBinary',
  'timeout',
] as const;

export type BucketConfig = Pick<Config, (typeof BUCKET_SETTINGS)[number]>;

/** An object, or one version of it, or a delete marker. */
export interface Entry {
  readonly key: string;
  /** 0 for a delete marker. */
  readonly bytes: number;
  readonly versionId?: string;
}

export interface Upload {
  readonly key: string;
  readonly uploadId: string;
}

/** Where a page begins: parameters of the query, whatever the call has for it. */
export type Position = Readonly<Record<string, string>>;

export interface Page<T> {
  readonly entries: readonly T[];
  /** One level below, when a delimiter was given. */
  readonly prefixes: readonly string[];
  /** Of the next page; undefined on the last one. */
  readonly next?: Position | undefined;
}

export interface Listing {
  readonly prefix: string;
  readonly delimiter?: '/';
  readonly from?: Position | undefined;
}

/** Gives one page of at most 1,000. @throws BucketError, or the signal's reason */
export type List<T> = (listing: Listing, signal?: AbortSignal) => Promise<Page<T>>;

/** A key that an answer to a batch says is still there. */
export interface Undeleted extends Entry {
  readonly code: string;
  readonly message: string;
}

export interface Bucket {
  /** Asks each endpoint to list, in 4 s at most. @throws ConfigError naming the setting that is wrong */
  check(prefix: string, signal?: AbortSignal): Promise<void>;
  readonly listObjects: List<Entry>;
  /** Every version of every object, and delete markers. */
  readonly listVersions: List<Entry>;
  /** Multipart uploads that were neither completed nor aborted. */
  readonly listUploads: List<Upload>;
  /** At most 1,000. Gives those that are still there. An aborted signal ends repeats, not what is under way. @throws BucketError */
  deleteAll(entries: readonly Entry[], signal?: AbortSignal): Promise<Undeleted[]>;
  abortUpload(upload: Upload, signal?: AbortSignal): Promise<void>;
  /** Whether the bucket keeps, or has kept, versions. @throws BucketError */
  versioned(signal?: AbortSignal): Promise<boolean>;
  /** One line for a failure: what is wrong, with which value, and which setting mends it. */
  explain(error: BucketError): string;
  /** Ends its connections. */
  close(): void;
}

/** A call that failed, at its last attempt. */
export class BucketError extends Error {
  readonly failure: Failure;

  /** `verb` is what could not be done to the bucket: list, delete from. */
  constructor(
    readonly outcome: Outcome & { readonly failure: Failure },
    readonly verb: string,
  ) {
    super(describeFailure(outcome.status, outcome.failure.code, outcome.failure.message));
    this.name = 'BucketError';
    this.failure = outcome.failure;
  }
}

interface Call {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Path within the bucket, encoded. */
  readonly key?: string;
  readonly query: Readonly<Record<string, string | number | undefined>>;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Element that the answer to a success must have: a proxy's own page, say, must not pass for an empty listing. */
  readonly expect?: string;
}

const XMLNS = 'http://s3.amazonaws.com/doc/2006-03-01/';
const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 30_000;
/** Connections to each endpoint. */
const MOST_CONNECTIONS = 64;

/** Milliseconds before attempt `n` (2 is the first repeat): as in lib/s3, 0.1 s doubling to 30 s, half of it at random. */
function pauseBefore(n: number): number {
  const whole = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (n - 2));
  return whole / 2 + (whole / 2) * Math.random();
}

/** `pause` waits so many milliseconds between attempts. @throws ConfigError when SSL_CERT_FILE can't be read */
export function openBucket(config: BucketConfig, pause: (ms: number) => Promise<unknown> = sleep): Bucket {
  const { bucket } = config;
  const virtual = config.addressing === 'virtual';
  const transport = createTransport(config.verifySsl, MOST_CONNECTIONS);
  const hosts = config.endpoints.map((url) => {
    const [scheme = '', endpoint = ''] = url.split('://');
    const host = virtual ? `${bucket}.${endpoint}` : endpoint;
    // A default port is not sent in Host, so it must not be signed either.
    const signed = host.replace(scheme === 'https' ? /:443$/ : /:80$/, '');
    const signer = leavesSigning(config) ? unsigned : createSigner(nodeHashes, config, config.region, signed);
    return { endpoint, origin: `${scheme}://${host}`, signer };
  });
  type Host = (typeof hosts)[number];
  let turn = 0;

  /** One attempt. @throws BucketError, or the signal's reason */
  const attempt = async (host: Host, call: Call, timeout: number, signal?: AbortSignal): Promise<string> => {
    const { method, key = '', body = '', headers = {} } = call;
    const path = `${virtual ? '/' : `/${bucket}`}${key === '' ? '' : `${virtual ? '' : '/'}${key}`}`;
    const query = canonicalQuery(call.query);
    const signed = host.signer.signWith(method, path, query, headers, nodeHashes.sha256(body, 'hex'));
    const target = query === '' ? path : `${path}?${query}`;
    const began = Date.now();
    const answer = await transport.send({
      method,
      origin: host.origin,
      target,
      headers: signed,
      body,
      timeout,
      signal,
    });
    const failure = failureOf(answer, call.expect);
    if (failure === undefined) return answer.body;
    const { status, headers: got } = answer;
    const outcome = { failure, status, bytes: 0, ms: Date.now() - began, endpoint: host.endpoint, headers: got };
    throw new BucketError(outcome, method === 'GET' ? 'list' : 'delete from');
  };

  /** Attempts until one succeeds, can't be mended by another, or was the last. */
  const perform = async (call: Call, signal?: AbortSignal): Promise<string> => {
    // What changes the bucket is never broken off: it would not be known whether it was done.
    const breakable = call.method === 'GET' ? signal : undefined;
    for (let n = 1; ; n++) {
      const host = hosts[turn++ % hosts.length] as Host;
      try {
        return await attempt(host, call, config.timeout, breakable);
      } catch (e) {
        const last = !(e instanceof BucketError) || !isRetryable(e.failure.errorClass) || n >= ATTEMPTS;
        if (last || signal?.aborted) throw e;
        await pause(pauseBefore(n + 1));
        breakable?.throwIfAborted();
      }
    }
  };

  const listingOf = ({ prefix, delimiter, from }: Listing) => ({ prefix, delimiter, 'encoding-type': 'url', ...from });

  const deleteOnce = async (entries: readonly Entry[], signal?: AbortSignal): Promise<Undeleted[]> => {
    const objects = entries.map(({ key, versionId }) => {
      const version = versionId === undefined ? '' : `<VersionId>${escapeXml(versionId)}</VersionId>`;
      return `<Object><Key>${escapeXml(key)}</Key>${version}</Object>`;
    });
    const body = `<Delete xmlns="${XMLNS}"><Quiet>true</Quiet>${objects.join('')}</Delete>`;
    const headers = {
      // S3 refuses a batch without a checksum: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
      'content-md5': createHash('md5').update(body).digest('base64'),
      'content-type': 'application/xml',
    };
    const call: Call = { method: 'POST', query: { delete: '' }, body, headers, expect: 'DeleteResult' };
    const xml = await perform(call, signal);
    const asked = new Map(entries.map((entry) => [idOf(entry), entry]));
    return elementsOf(xml, 'Error').flatMap((error) => {
      const [code, message] = [textOf(error, 'Code') ?? '', textOf(error, 'Message') ?? ''];
      const [key, versionId] = [textOf(error, 'Key') ?? '', textOf(error, 'VersionId')];
      // Not every server names the version; one that is already gone is as it should be.
      const entry = asked.get(idOf({ key, versionId })) ?? entries.find((one) => one.key === key) ?? { key, bytes: 0 };
      return code === 'NoSuchKey' || code === 'NoSuchVersion' ? [] : [{ ...entry, code, message }];
    });
  };

  return {
    check: async (prefix, signal) => {
      const call = listObjectsCall({ ...listingOf({ prefix }), 'max-keys': 1 });
      // An endpoint that fails for a moment has the time the check may take, not more.
      const asked = hosts.map((host) => attempt(host, call, PREFLIGHT_TIMEOUT_MS, signal));
      for (const result of await Promise.allSettled(asked)) {
        if (result.status === 'fulfilled') continue;
        const { reason } = result;
        throw reason instanceof BucketError
          ? new ConfigError([explain('list', reason.outcome, config, Date.now())])
          : reason;
      }
    },
    listObjects: async (listing, signal) => {
      const xml = await perform(listObjectsCall(listingOf(listing)), signal);
      const decode = decoderFor(xml);
      const entries = elementsOf(xml, 'Contents').map((element) => entryOf(element, decode));
      const next = nextOf(xml, { 'continuation-token': 'NextContinuationToken' });
      return { entries, prefixes: prefixesOf(xml, decode), next };
    },
    listVersions: async (listing, signal) => {
      const query = { versions: '', ...listingOf(listing) };
      const xml = await perform({ method: 'GET', query, expect: 'ListVersionsResult' }, signal);
      const decode = decoderFor(xml);
      const entries = [...elementsOf(xml, 'Version'), ...elementsOf(xml, 'DeleteMarker')].map((element) => ({
        ...entryOf(element, decode),
        versionId: textOf(element, 'VersionId') ?? 'null',
      }));
      const next = nextOf(xml, { 'key-marker': 'NextKeyMarker', 'version-id-marker': 'NextVersionIdMarker' }, decode);
      return { entries, prefixes: prefixesOf(xml, decode), next };
    },
    listUploads: async (listing, signal) => {
      const query = { uploads: '', ...listingOf(listing) };
      const xml = await perform({ method: 'GET', query, expect: 'ListMultipartUploadsResult' }, signal);
      const decode = decoderFor(xml);
      const entries = elementsOf(xml, 'Upload').map((element) => ({
        key: decode(textOf(element, 'Key') ?? ''),
        uploadId: textOf(element, 'UploadId') ?? '',
      }));
      const next = nextOf(xml, { 'key-marker': 'NextKeyMarker', 'upload-id-marker': 'NextUploadIdMarker' }, decode);
      return { entries, prefixes: prefixesOf(xml, decode), next };
    },
    deleteAll: async (entries, signal) => {
      let undeleted = await deleteOnce(entries, signal);
      const given: Undeleted[] = [];
      for (let n = 2; n <= ATTEMPTS + 1; n++) {
        // The server may have been too busy for some of them only.
        const again =
          n > ATTEMPTS || signal?.aborted ? [] : undeleted.filter(({ code }) => isRetryable(classifyCode(code)));
        given.push(...undeleted.filter((entry) => !again.includes(entry)));
        if (again.length === 0) break;
        await pause(pauseBefore(n));
        undeleted = await deleteOnce(again, signal);
      }
      return given;
    },
    abortUpload: async ({ key, uploadId }, signal) => {
      try {
        await perform({ method: 'DELETE', key: encodeKey(key), query: { uploadId } }, signal);
      } catch (e) {
        if (!(e instanceof BucketError) || e.failure.code !== 'NoSuchUpload') throw e;
      }
    },
    versioned: async (signal) => {
      const xml = await perform(
        { method: 'GET', query: { versioning: '' }, expect: 'VersioningConfiguration' },
        signal,
      );
      return textOf(xml, 'Status') !== undefined;
    },
    explain: ({ outcome, failure, verb }) => {
      // The check's own words would tell the time limit of the check.
      if (failure.errorClass !== 'timeout') return explain(verb, outcome, config, Date.now());
      const limit = `${config.timeout / 1000} s`;
      return `S3_ENDPOINTS: ${outcome.endpoint} did not let us ${verb} "${bucket}" within ${limit}, in ${ATTEMPTS} attempts`;
    },
    close: () => transport.close(),
  };
}

function listObjectsCall(query: Call['query']): Call {
  return { method: 'GET', query: { 'list-type': 2, ...query }, expect: 'ListBucketResult' };
}

function failureOf(
  answer: { status: number; body: string; problem?: string },
  expect: string | undefined,
): Failure | undefined {
  const { status, body, problem } = answer;
  if (problem !== undefined) return { errorClass: classifyTransport(problem), code: '', message: problem };
  if (status >= 200 && status < 300) {
    if (expect === undefined) return undefined;
    if (!body.includes(`<${expect}`))
      return { errorClass: 'corrupt', code: '', message: `the answer has no ${expect}` };
    // To stop here would pass for the end of the listing.
    const lost = textOf(body, 'IsTruncated') === 'true' && !/<Next(?:ContinuationToken|KeyMarker)>[^<]/.test(body);
    return lost
      ? { errorClass: 'corrupt', code: '', message: 'the listing goes on and does not tell where' }
      : undefined;
  }
  const code = textOf(body, 'Code') ?? '';
  return { errorClass: classifyStatus(status, code), code, message: textOf(body, 'Message') ?? '' };
}

function idOf({ key, versionId = '' }: { key: string; versionId?: string | undefined }): string {
  return `${versionId} ${key}`;
}

function entryOf(element: string, decode: (text: string) => string): Entry {
  return { key: decode(textOf(element, 'Key') ?? ''), bytes: Number(textOf(element, 'Size') ?? 0) };
}

function prefixesOf(xml: string, decode: (text: string) => string): string[] {
  return elementsOf(xml, 'CommonPrefixes').map((element) => decode(textOf(element, 'Prefix') ?? ''));
}

/** The next page's parameters, each out of the element named. */
function nextOf(xml: string, names: Position, decode = (text: string) => text): Position | undefined {
  if (textOf(xml, 'IsTruncated') !== 'true') return undefined;
  const from: Record<string, string> = {};
  for (const [parameter, element] of Object.entries(names)) {
    const text = textOf(xml, element);
    // Tokens and ids are never encoded, keys are.
    if (text) from[parameter] = element === 'NextKeyMarker' ? decode(text) : text;
  }
  return from;
}

/** A server may ignore encoding-type; then it does not repeat it either. */
function decoderFor(xml: string): (text: string) => string {
  return textOf(xml, 'EncodingType') === 'url' ? decodeUrl : (text) => text;
}

function decodeUrl(text: string): string {
  try {
    return decodeURIComponent(text.replace(/\+/g, ' '));
  } catch {
    return text; // not UTF-8: a key that nobody can ask for
  }
}
