/** What an S3 client of this project does, whichever backend sends: the contract that the conformance suite holds. */
import type { ErrorClass } from './classify';

/** S3 calls as tags and series name them. A multipart upload is one PUT to its caller, and these calls to the server. */
export type Op =
  | 'PUT'
  | 'GET'
  | 'HEAD'
  | 'DELETE'
  | 'DELETE_OBJECTS'
  | 'LIST'
  | 'CREATE_MULTIPART'
  | 'UPLOAD_PART'
  | 'COMPLETE_MULTIPART'
  | 'ABORT_MULTIPART'
  | 'HEAD_BUCKET'
  | 'CREATE_BUCKET';

/** Why an operation failed. */
export interface Failure {
  readonly errorClass: ErrorClass;
  /** S3's error code, '' when it gave none (answers to HEAD have no body, those to GET are streamed away). */
  readonly code: string;
  /** What the server or the transport said. */
  readonly message: string;
}

/** What came of one operation, its last attempt if it was tried again. A success has no `failure`. */
export interface Outcome {
  readonly failure?: Failure | undefined;
  /** HTTP status, 0 when there was no answer. */
  readonly status: number;
  /** Payload bytes sent or received by a success. */
  readonly bytes: number;
  /** Milliseconds from the call to the last byte, connecting included. */
  readonly ms: number;
  /** host:port that answered, or was asked. */
  readonly endpoint: string;
  /** Response headers by lower-case name, of failures and of operations that need them. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Inclusive, as HTTP counts: [0, 9] is the first ten bytes. */
export type ByteRange = readonly [first: number, last: number];

export interface ListOptions {
  readonly prefix?: string;
  readonly delimiter?: string;
  readonly startAfter?: string;
  readonly continuationToken?: string;
  /** 1 to 1,000; the server's default is 1,000. */
  readonly maxKeys?: number;
}

export interface ListedObject {
  readonly key: string;
  readonly bytes: number;
}

export interface ListOutcome extends Outcome {
  readonly objects: readonly ListedObject[];
  /** Common prefixes, when a delimiter was given. */
  readonly prefixes: readonly string[];
  /** For the next page; undefined on the last one. */
  readonly next?: string | undefined;
}

/** A page of a listing of which only its length was read. */
export interface CountOutcome extends Outcome {
  /** Keys on the page. */
  readonly keys: number;
  /** For the next page; undefined on the last one. */
  readonly next?: string | undefined;
}

export interface ReadOutcome extends Outcome {
  /** Undefined when the read failed. */
  readonly content?: ArrayBuffer | undefined;
}

export interface DeleteObjectsOutcome extends Outcome {
  readonly failed: readonly { readonly key: string; readonly code: string; readonly message: string }[];
}

export interface UploadedPart {
  readonly number: number;
  readonly etag: string;
}

/** A body that the native backend, and no other, makes while it sends it: uncompressible, and another for every key. */
export interface Generated {
  readonly bytes: number;
}

/** The same for a body that goes in parts. */
export interface GeneratedParts extends Generated {
  readonly partBytes: number;
}

/** What a PUT carries. */
export type Body = ArrayBuffer | Generated;

/** A body in parts: `part(i)` is asked for once, in order, and only while needed, so that one buffer can serve all. */
export interface PartedBody {
  readonly bytes: number;
  readonly partBytes: number;
  part(index: number): ArrayBuffer;
}

/** What is there, or is promised. To await the one as the other would cost each operation a turn of the event loop. */
export type Awaitable<T> = T | Promise<T>;

/**
 * `size` is the size label that the operation's metrics carry, '' where size means nothing. Calls that may be promised are
 * those that Grafana's client only promises; a VU waits for one before it makes another.
 */
export interface S3 {
  putObject(key: string, body: Body, size: string): Awaitable<Outcome>;
  /** One PUT to its caller; create, parts and complete to the server. Aborted on the server when it fails. */
  putObjectInParts(key: string, body: PartedBody | GeneratedParts, size: string): Outcome;
  /** The body is streamed away. Another length than `expectBytes` is `corrupt`; so is other content, with `verify`. */
  getObject(key: string, size: string, expectBytes?: number): Awaitable<Outcome>;
  /** The same with the body kept, whole or a range of it. */
  readObject(key: string, size: string, range?: ByteRange): Awaitable<ReadOutcome>;
  headObject(key: string, size: string): Outcome;
  deleteObject(key: string, size: string): Awaitable<Outcome>;
  /** At most 1,000 keys. Fails for some keys and succeeds for others in one answer. */
  deleteObjects(keys: readonly string[]): DeleteObjectsOutcome;
  /** The same without waiting, so that one VU can have many under way. */
  deleteObjectsAsync(keys: readonly string[]): Promise<DeleteObjectsOutcome>;
  listObjects(options?: ListOptions): ListOutcome;
  /** A page of a listing whose keys nobody wants: reading them would cost the client more than asking for them. */
  countObjects(options?: ListOptions): Awaitable<CountOutcome>;
  createMultipartUpload(key: string, size: string): Outcome & { readonly uploadId: string };
  uploadPart(key: string, uploadId: string, number: number, body: Body, size: string): Outcome & UploadedPart;
  completeMultipartUpload(key: string, uploadId: string, parts: readonly UploadedPart[], size: string): Outcome;
  abortMultipartUpload(key: string, uploadId: string, size: string): Outcome;
  headBucket(): Outcome;
  createBucket(): Outcome;
}

/** What connections are held for, by the extension. */
export interface Holding {
  /** On each connection. */
  readonly bytesPerSecond: number;
  /** What half of them upload: objects of these sizes in turn. */
  readonly uploads: ReadonlyArray<{ readonly label: string; readonly bytes: number }>;
  /** What the others download: objects of this size. */
  readonly downloads: { readonly label: string; readonly bytes: number };
}

/** Slow connections, each with one request on it: PUT and GET in turn, at every endpoint the same number. */
export interface HeldConnections {
  /** So many are to be open from now on: each is replaced when it ends. Those that are too many are closed. */
  keep(connections: number): void;
  /** Opens so many now that are not replaced, up to so many at once. Returns for how many there was no place. */
  open(connections: number, most: number): number;
  /** What is downloaded, until it is said anew. */
  read(keys: readonly string[]): void;
  /** Whether something that was to be downloaded is gone. */
  lost(): boolean;
  /** Closes all of them, and resolves when that is done and counted. */
  close(): Promise<void>;
}

/** What counts: all that a backend which measures by itself has to know. */
export interface Counting {
  /** Nothing does: it is done beside the load. */
  readonly silent: boolean;
  /** That an object is not there is a miss, and no error. */
  readonly missesExpected: boolean;
}

/** Hears of every attempt, unless the backend measures by itself. */
export interface Recorder {
  /** One is about to be made, or its outcome to be told: sets the tags that its figures will carry. */
  begin(op: Op, size: string, endpoint: string): void;
  /**
   * It succeeded, and counts as an operation; parts of a multipart upload do not, their PUT does. `objects` are keys listed
   * or deleted.
   */
  succeeded(ms: number, bytes: number, objects: number): void;
  failed(op: Op, outcome: Outcome, failure: Failure): void;
  /** A success that nevertheless failed for so many of its objects. */
  refused(op: Op, outcome: Outcome, failure: Failure, objects: number): void;
  /** A further one is about to be made. */
  retried(): void;
}

export interface S3Options {
  /** `http://host:port`, rotated per request. */
  readonly endpoints: readonly string[];
  readonly bucket: string;
  readonly addressing: 'path' | 'virtual';
  readonly region: string;
  readonly credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string | undefined };
  /** Milliseconds for one request, body included. */
  readonly timeout: number;
  /** Attempts in all; 1 for none but the first. */
  readonly attempts: number;
  /** Objects of whose content the backend knows what was written are compared with it as they are read. */
  readonly verify?: boolean;
  /** Every key is known to hold unreserved characters and slashes only, so that none needs to be looked at. */
  readonly plainKeys?: boolean;
  /** Waits between attempts, in seconds: `sleep` stops the VU, `pause` lets what it has under way go on. */
  readonly sleep: (seconds: number) => void;
  readonly pause: (seconds: number) => Promise<void>;
  /** Rotation starts here, so that VUs do not move in step. */
  readonly firstEndpoint: number;
}
