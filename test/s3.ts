/** S3's calls by their names, made of an engine's rows: what tests work an engine by. */
import { batchOf, type Undeleted, undeletedOf } from '../lib/s3/batch';
import {
  ABORT_MULTIPART,
  COMPLETE_MULTIPART,
  type Command,
  CREATE_BUCKET,
  CREATE_MULTIPART,
  DELETE,
  DELETE_OBJECTS,
  GET,
  HEAD,
  LIST,
  LIST_KEYS,
  PUT,
  READ,
  UPLOAD_PART,
} from '../lib/s3/commands';
import type { Awaitable, Body, Engine, Reply } from '../lib/s3/engine';
import { type KeysPage, keysPageOf, type ListOptions, listArguments, pageOf } from '../lib/s3/listing';
import { locationOf } from '../lib/s3/location';
import { completionOf, type PartedBody, putInParts } from '../lib/s3/multipart';
import type { Outcome } from '../lib/s3/outcome';

/** Inclusive, as HTTP counts: [0, 9] is the first ten bytes. */
type ByteRange = readonly [first: number, last: number];

export interface PageOptions extends Omit<ListOptions, 'from'> {
  readonly continuationToken?: string;
}

export interface ListOutcome extends Outcome {
  readonly objects: KeysPage['objects'];
  readonly prefixes: readonly string[];
  readonly next?: string | undefined;
}

export interface CountOutcome extends Outcome {
  readonly keys: number;
  readonly next?: string | undefined;
}

export interface ReadOutcome extends Outcome {
  readonly content?: ArrayBuffer | undefined;
}

export interface DeleteObjectsOutcome extends Outcome {
  readonly failed: readonly Undeleted[];
}

interface UploadedPart {
  readonly number: number;
  readonly etag: string;
}

export interface S3 {
  putObject(key: string, body: Body, size: string): Awaitable<Outcome>;
  putObjectInParts(key: string, body: PartedBody, size: string): Outcome;
  getObject(key: string, size: string, expectBytes?: number): Awaitable<Outcome>;
  readObject(key: string, size: string, range?: ByteRange): Awaitable<ReadOutcome>;
  headObject(key: string, size: string): Outcome;
  deleteObject(key: string, size: string): Awaitable<Outcome>;
  deleteObjects(keys: readonly string[]): DeleteObjectsOutcome;
  deleteObjectsAsync(keys: readonly string[]): Promise<DeleteObjectsOutcome>;
  listObjects(options?: PageOptions): ListOutcome;
  countObjects(options?: PageOptions): Awaitable<CountOutcome>;
  createMultipartUpload(key: string, size: string): Outcome & { readonly uploadId: string };
  uploadPart(key: string, uploadId: string, number: number, body: Body, size: string): Outcome & UploadedPart;
  completeMultipartUpload(key: string, uploadId: string, parts: readonly UploadedPart[], size: string): Outcome;
  abortMultipartUpload(key: string, uploadId: string, size: string): Outcome;
  headBucket(): Outcome;
  createBucket(): Outcome;
}

const HEAD_BUCKET: Command = {
  ...{ op: 'HEAD_BUCKET', method: 'HEAD', on: 'bucket', effect: 'inspect', body: 'none', status: 200 },
  ...{ counts: 'operation', answer: { kind: 'headers' } },
};

/** `region` is where buckets are created. */
export function s3Of(engine: Engine, region: string): S3 {
  const batch = (keys: readonly string[]) => batchOf(keys.map((key) => ({ key })));
  const deleted = (reply: Reply): DeleteObjectsOutcome => ({ ...reply, failed: undeletedOf(reply) });
  const token = (from: Readonly<Record<string, string>> | undefined) => from?.['continuation-token'];
  const counted = (reply: Reply): CountOutcome => {
    const { count, next, ...outcome } = pageOf(reply);
    return { ...outcome, keys: count, next: token(next) };
  };
  const range = ([first, last]: ByteRange) => ({ headers: { range: `bytes=${first}-${last}` } });
  const list = ({ continuationToken, ...options }: PageOptions = {}) =>
    listArguments({
      ...options,
      ...(continuationToken !== undefined && { from: { 'continuation-token': continuationToken } }),
    });
  return {
    putObject: (key, body, size) => engine.compile(PUT)(key, size, body),
    putObjectInParts: (key, body, size) => putInParts(engine)(key, body, size) as Outcome,
    getObject: (key, size, expectBytes) => engine.compile(GET)(key, size, expectBytes),
    readObject: (key, size, bytes) =>
      engine.compile(READ)(key, size, bytes && bytes[1] - bytes[0] + 1, bytes && range(bytes)),
    headObject: (key, size) => engine.compileSync(HEAD)(key, size),
    deleteObject: (key, size) => engine.compile(DELETE)(key, size),
    deleteObjects: (keys) => deleted(engine.compileSync(DELETE_OBJECTS)('', '', batch(keys), { objects: keys.length })),
    deleteObjectsAsync: async (keys) =>
      deleted(await engine.compileAsync(DELETE_OBJECTS)('', '', batch(keys), { objects: keys.length })),
    listObjects: (options) => {
      const { next, ...page } = keysPageOf(engine.compileSync(LIST_KEYS)('', '', undefined, list(options)));
      return { ...page, next: token(next) };
    },
    countObjects: (options) => {
      const reply = engine.compile(LIST)('', '', undefined, list(options));
      return reply instanceof Promise ? reply.then(counted) : counted(reply);
    },
    createMultipartUpload: (key, size) => {
      const reply = engine.compileSync(CREATE_MULTIPART)(key, size);
      return { ...reply, uploadId: reply.found?.texts.UploadId ?? '' };
    },
    uploadPart: (key, uploadId, number, body, size) => {
      const reply = engine.compileSync(UPLOAD_PART)(key, size, body, { query: { partNumber: number, uploadId } });
      return { ...reply, number, etag: reply.headers?.etag ?? '' };
    },
    completeMultipartUpload: (key, uploadId, parts, size) => {
      const body = completionOf(parts);
      return engine.compileSync(COMPLETE_MULTIPART)(key, size, body, { query: { uploadId } });
    },
    abortMultipartUpload: (key, uploadId, size) =>
      engine.compileSync(ABORT_MULTIPART)(key, size, undefined, { query: { uploadId } }),
    headBucket: () => engine.compileSync(HEAD_BUCKET)('', ''),
    createBucket: () => {
      return engine.compileSync(CREATE_BUCKET)('', '', locationOf(region));
    },
  };
}
