/**
 * The S3 commands there are, a row each: all that is known of a command stands in its row. Engines turn a row into a function
 * once per VU (engine.ts); after that nothing is looked up by name. Pure; runs in k6 and in Node, and the native engine is
 * handed the same rows.
 *
 * A new command is a row here and a case in test/conformance/: CONTRIBUTING.md shows one.
 */

import type { Checksum } from '../settings/config';

/** What a command does to what is stored. Steps say by this what they read, write and delete. */
export type Effect = 'read' | 'write' | 'delete' | 'list' | 'inspect' | 'configure';

export interface Command {
  /** Its name in tags, series and Results. Rows of one op differ in what they hand on of an answer. */
  readonly op: string;
  readonly method: 'GET' | 'PUT' | 'POST' | 'HEAD' | 'DELETE';
  readonly on: 'object' | 'bucket';
  readonly effect: Effect;
  /** The fixed part of its query: `{ uploads: '' }`. What a call adds is in its arguments. */
  readonly query?: Readonly<Record<string, string>>;
  /** payload: an object's bytes, not hashed. text: a short document, hashed. */
  readonly body: 'none' | 'payload' | 'text';
  /** S3 refuses it without a Content-MD5. */
  readonly md5?: true;
  /** Sent and signed with each request, by lower-case name. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Of its payload, sent in a header. */
  readonly checksum?: Checksum;
  /** The checksum is sent behind the payload, which goes in chunks for it. */
  readonly trailing?: true;
  /** The payload is hashed after all, and the hash signed; of one in chunks, each chunk. */
  readonly hashed?: true;
  /** It is sent as the file of a form, to the bucket: the form's policy is signed, and no header. */
  readonly form?: true;
  /** Of its form, beside those that every one has. */
  readonly fields?: Readonly<Record<string, string>>;
  readonly answer: ExpectedAnswer;
  /** Status of a success, as S3 documents it; any 2xx is taken for one. */
  readonly status: 200 | 204;
  /** operation: each success is one. part: it belongs to an operation of several calls, and only its failures are counted. */
  readonly counts: 'operation' | 'part';
  /** It is about many objects: these are counted, too, and it has no size. */
  readonly many?: true;
  /** The op that its success is one of, to those who count requests: the last call of several that make one operation. */
  readonly completes?: string;
  /** What is sent for it, of an operation that is several calls: engines compile these, and not itself. */
  readonly calls?: readonly Command[];
  /**
   * The code that a repeat is refused with where an attempt before it was done and its answer lost. That is no failure of its
   * own: the attempt before was one, and the caller looks what there is.
   */
  readonly doneBefore?: string;
  /** Codes of an answer that there is none of what was asked for: a success. Stores have names of their own. */
  readonly none?: readonly string[];
  /** Another status that is a success, with which nothing of the object comes. */
  readonly alsoStatus?: 304;
  /** Another may have deleted its object meanwhile: a 404 may be a miss. */
  readonly mayMiss?: true;
}

/** What of a success's answer is looked at, and handed on. */
export type ExpectedAnswer =
  /** Nothing. */
  | { readonly kind: 'none' }
  /** The object's bytes: streamed away, counted, and held against the length that the caller expects. */
  | { readonly kind: 'payload' }
  /** The same, kept. */
  | { readonly kind: 'content' }
  /** The headers. */
  | { readonly kind: 'headers' }
  | XmlAnswer;

export interface XmlAnswer {
  readonly kind: 'xml';
  /** The element that a success has: a proxy's own page, or an error after a 200, must not pass for one. */
  readonly root?: string;
  /** Elements of which a success has the text; without it, it is corrupt. */
  readonly required?: readonly string[];
  /** Elements of which the text is handed on. */
  readonly texts?: readonly string[];
  /** Elements that may come many times, with those children whose text is handed on, in this order. */
  readonly lists?: Readonly<Record<string, readonly string[]>>;
  /** The element that each object has one of: they are counted. */
  readonly objects?: string;
  /** The element that each object has which the command failed for, with a Code and a Message in it. */
  readonly refusals?: string;
  /** The element that a truncated answer says in where the listing goes on; without it, it is corrupt. */
  readonly continuation?: string;
  /** Elements, in texts and lists, that are URL-encoded where the answer's EncodingType says so. */
  readonly encoded?: readonly string[];
}

/** A row with fields of its own. Called as pure, so that bundles leave out rows that nobody compiles: each costs a VU 2 KB. */
const like = <T extends object>(row: T, own: Partial<NoInfer<T>>): T => ({ ...row, ...own });

const NOTHING: ExpectedAnswer = { kind: 'none' };
const HEADERS: ExpectedAnswer = { kind: 'headers' };

export const GET: Command = {
  op: 'GET',
  method: 'GET',
  on: 'object',
  effect: 'read',
  body: 'none',
  status: 200,
  counts: 'operation',
  answer: { kind: 'payload' },
  mayMiss: true,
};

/** By if-none-match: 304 where the object is as its ETag says, else the object. https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-reads.html */
export const GET_IF_NONE_MATCH: Command = /* @__PURE__ */ like(GET, { op: 'GET_IF_NONE_MATCH', alsoStatus: 304 });

/** Which part, partNumber says: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html#API_GetObject_RequestSyntax */
export const GET_PART: Command = /* @__PURE__ */ like(GET, { op: 'GET_PART' });

/** A GET whose bytes are kept. */
export const READ: Command = /* @__PURE__ */ like(GET, { answer: { kind: 'content' } });

export const PUT: Command = {
  op: 'PUT',
  method: 'PUT',
  on: 'object',
  effect: 'write',
  body: 'payload',
  status: 200,
  counts: 'operation',
  answer: NOTHING,
};

export const HEAD: Command = {
  op: 'HEAD',
  method: 'HEAD',
  on: 'object',
  effect: 'inspect',
  body: 'none',
  status: 200,
  counts: 'operation',
  answer: HEADERS,
  mayMiss: true,
};

/** The same for an object that this client has written: no operation of the load. */
export const HEAD_WRITTEN: Command = {
  ...{ op: 'HEAD', method: 'HEAD', on: 'object', effect: 'inspect' },
  ...{ body: 'none', status: 200, counts: 'part', answer: HEADERS },
};

export const DELETE: Command = {
  op: 'DELETE',
  method: 'DELETE',
  on: 'object',
  effect: 'delete',
  body: 'none',
  status: 204,
  counts: 'operation',
  answer: NOTHING,
  mayMiss: true,
};

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html: at most 1,000 keys, and a checksum is a must. */
export const DELETE_OBJECTS: Command = {
  op: 'DELETE_OBJECTS',
  method: 'POST',
  on: 'bucket',
  effect: 'delete',
  query: { delete: '' },
  body: 'text',
  md5: true,
  status: 200,
  counts: 'operation',
  many: true,
  mayMiss: true,
  answer: {
    kind: 'xml',
    root: 'DeleteResult',
    lists: { Error: ['Key', 'VersionId', 'Code', 'Message'] },
    refusals: 'Error',
  },
};

const PAGE: XmlAnswer = {
  kind: 'xml',
  root: 'ListBucketResult',
  texts: ['IsTruncated', 'NextContinuationToken'],
  continuation: 'NextContinuationToken',
  objects: 'Contents',
};

/** A page of a listing whose keys nobody wants: reading them would cost the client more than asking for them. */
export const LIST: Command = {
  op: 'LIST',
  method: 'GET',
  on: 'bucket',
  effect: 'list',
  query: { 'list-type': '2', 'encoding-type': 'url' },
  body: 'none',
  status: 200,
  counts: 'operation',
  many: true,
  answer: PAGE,
};

/** The same with its keys. */
export const LIST_KEYS: Command = /* @__PURE__ */ like(LIST, {
  answer: /* @__PURE__ */ like(PAGE, {
    // A page of version 1 has a Marker, whether it was asked for or not.
    texts: ['IsTruncated', 'NextContinuationToken', 'Marker'],
    lists: { Contents: ['Key', 'Size'], CommonPrefixes: ['Prefix'] },
    encoded: ['Key', 'Prefix'],
  }),
});

/** The same for stores without version 2, which go on behind a key: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjects.html */
export const LIST_V1: Command = /* @__PURE__ */ like(LIST, {
  query: { 'encoding-type': 'url' },
  answer: {
    kind: 'xml',
    root: 'ListBucketResult',
    texts: ['IsTruncated', 'NextMarker'],
    lists: { Contents: ['Key', 'Size'], CommonPrefixes: ['Prefix'] },
    objects: 'Contents',
    encoded: ['Key', 'Prefix', 'NextMarker'],
  },
});

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html */
export const LIST_VERSIONS: Command = /* @__PURE__ */ like(LIST, {
  op: 'LIST_VERSIONS',
  query: { versions: '', 'encoding-type': 'url' },
  answer: {
    kind: 'xml',
    root: 'ListVersionsResult',
    texts: ['IsTruncated', 'NextKeyMarker', 'NextVersionIdMarker'],
    continuation: 'NextKeyMarker',
    lists: {
      Version: ['Key', 'Size', 'VersionId', 'IsLatest'],
      DeleteMarker: ['Key', 'Size', 'VersionId'],
      CommonPrefixes: ['Prefix'],
    },
    objects: 'Version',
    encoded: ['Key', 'Prefix', 'NextKeyMarker'],
  },
});

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html */
export const LIST_UPLOADS: Command = /* @__PURE__ */ like(LIST, {
  op: 'LIST_UPLOADS',
  query: { uploads: '', 'encoding-type': 'url' },
  answer: {
    kind: 'xml',
    root: 'ListMultipartUploadsResult',
    texts: ['IsTruncated', 'NextKeyMarker', 'NextUploadIdMarker'],
    continuation: 'NextKeyMarker',
    lists: { Upload: ['Key', 'UploadId'], CommonPrefixes: ['Prefix'] },
    objects: 'Upload',
    encoded: ['Key', 'Prefix', 'NextKeyMarker'],
  },
});

export const CREATE_MULTIPART: Command = {
  op: 'CREATE_MULTIPART',
  method: 'POST',
  on: 'object',
  effect: 'write',
  query: { uploads: '' },
  body: 'none',
  status: 200,
  counts: 'part',
  answer: { kind: 'xml', required: ['UploadId'], texts: ['UploadId'] },
};

export const UPLOAD_PART: Command = {
  op: 'UPLOAD_PART',
  method: 'PUT',
  on: 'object',
  effect: 'write',
  body: 'payload',
  status: 200,
  counts: 'part',
  answer: HEADERS,
};

/** S3 may begin its answer with 200 and only then fail: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html */
export const COMPLETE_MULTIPART: Command = {
  op: 'COMPLETE_MULTIPART',
  method: 'POST',
  on: 'object',
  effect: 'write',
  body: 'text',
  status: 200,
  counts: 'part',
  completes: 'PUT',
  doneBefore: 'NoSuchUpload',
  answer: { kind: 'xml' },
};

export const ABORT_MULTIPART: Command = {
  op: 'ABORT_MULTIPART',
  method: 'DELETE',
  on: 'object',
  effect: 'write',
  body: 'none',
  status: 204,
  counts: 'part',
  answer: NOTHING,
};

/** What a PUT of an object in parts comes to on the wire. */
export const MULTIPART: readonly Command[] = [CREATE_MULTIPART, UPLOAD_PART, COMPLETE_MULTIPART, ABORT_MULTIPART];

/** By x-amz-copy-source and, of more than one part, x-amz-copy-source-range: https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html */
export const UPLOAD_PART_COPY: Command = {
  ...{
    op: 'UPLOAD_PART_COPY',
    method: 'PUT',
    on: 'object',
    effect: 'write',
    body: 'none',
    status: 200,
    counts: 'part',
  },
  // What it copies others may delete.
  mayMiss: true,
  answer: {
    kind: 'xml',
    root: 'CopyPartResult',
    required: ['ETag'],
    texts: ['ETag', 'ChecksumSHA1', 'ChecksumSHA256'],
  },
};

/** The end of a MULTIPART, and of a MULTIPART_COPY: with names of their own, so that it is known of each what it completes. */
export const COMPLETE_UPLOAD: Command = /* @__PURE__ */ like(COMPLETE_MULTIPART, {
  op: 'COMPLETE_UPLOAD',
  completes: 'MULTIPART',
});
export const COMPLETE_COPY: Command = /* @__PURE__ */ like(COMPLETE_MULTIPART, {
  op: 'COMPLETE_COPY',
  completes: 'MULTIPART_COPY',
});

/** An upload by an HTML form: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html */
export const POST: Command = /* @__PURE__ */ like(PUT, { op: 'POST', method: 'POST', status: 204, form: true });

/** An object written in parts, whatever its size. */
export const PUT_IN_PARTS: Command = /* @__PURE__ */ like(PUT, {
  op: 'MULTIPART',
  calls: [CREATE_MULTIPART, UPLOAD_PART, COMPLETE_UPLOAD, ABORT_MULTIPART],
});

/** An object made out of another, in parts that the store copies. */
export const COPY_IN_PARTS: Command = /* @__PURE__ */ like(PUT, {
  op: 'MULTIPART_COPY',
  body: 'none',
  calls: [CREATE_MULTIPART, UPLOAD_PART_COPY, COMPLETE_COPY, ABORT_MULTIPART],
});

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketVersioning.html */
export const GET_BUCKET_VERSIONING: Command = {
  op: 'GET_BUCKET_VERSIONING',
  method: 'GET',
  on: 'bucket',
  effect: 'inspect',
  query: { versioning: '' },
  body: 'none',
  status: 200,
  counts: 'operation',
  answer: { kind: 'xml', root: 'VersioningConfiguration', texts: ['Status'] },
};

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketVersioning.html */
export const PUT_BUCKET_VERSIONING: Command = {
  ...{ op: 'PUT_BUCKET_VERSIONING', method: 'PUT', on: 'bucket', effect: 'configure', query: { versioning: '' } },
  ...{ body: 'text', md5: true, status: 200, counts: 'operation', answer: NOTHING },
};

/** Of one that is empty: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html */
export const DELETE_BUCKET: Command = {
  ...{ op: 'DELETE_BUCKET', method: 'DELETE', on: 'bucket', effect: 'configure' },
  ...{ body: 'none', status: 204, counts: 'operation', answer: NOTHING },
};

/** Of all that the user owns, asked of no bucket: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html */
export const LIST_BUCKETS: Command = {
  ...{
    op: 'LIST_BUCKETS',
    method: 'GET',
    on: 'bucket',
    effect: 'inspect',
    body: 'none',
    status: 200,
    counts: 'operation',
  },
  answer: { kind: 'xml', root: 'ListAllMyBucketsResult', lists: { Bucket: ['Name'] } },
};

/** Its text names a region, and is empty for us-east-1: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html */
export const CREATE_BUCKET: Command = {
  op: 'CREATE_BUCKET',
  method: 'PUT',
  on: 'bucket',
  effect: 'configure',
  body: 'text',
  status: 200,
  counts: 'operation',
  answer: NOTHING,
};

/** What a bucket or an object has beside its bytes, read. `root` is the element that the answer has; a policy is JSON. */
const inspects = (
  op: string,
  on: Command['on'],
  query: Command['query'],
  own: { readonly root?: string; readonly none?: readonly string[] },
): Command => ({
  ...{ op, method: 'GET', on, effect: 'inspect', body: 'none', status: 200, counts: 'operation' },
  ...(query && { query }),
  ...(on === 'object' && { mayMiss: true }),
  ...(own.none !== undefined && { none: own.none }),
  answer: own.root === undefined ? NOTHING : { kind: 'xml', root: own.root },
});

/** The same, set. A bucket's are documents; what an object has of those, too. Canned ACLs and tags of a copy are headers. */
const configures = (op: string, on: Command['on'], query: Command['query'], own: Partial<Command> = {}): Command => ({
  ...{ op, method: 'PUT', on, effect: 'configure', body: 'text', status: 200, counts: 'operation', answer: NOTHING },
  ...(query && { query }),
  ...(on === 'object' && { mayMiss: true }),
  ...own,
});

const OWNED = { root: 'AccessControlPolicy' };
const CANNED: Partial<Command> = { body: 'none' };
const DIGESTED: Partial<Command> = { md5: true };

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAcl.html */
export const GET_OBJECT_ACL = /* @__PURE__ */ inspects('GET_OBJECT_ACL', 'object', { acl: '' }, OWNED);
/** A canned one, by x-amz-acl: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectAcl.html */
export const PUT_OBJECT_ACL = /* @__PURE__ */ configures('PUT_OBJECT_ACL', 'object', { acl: '' }, CANNED);
/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectTagging.html */
export const GET_OBJECT_TAGGING = /* @__PURE__ */ inspects(
  'GET_OBJECT_TAGGING',
  'object',
  { tagging: '' },
  { root: 'Tagging' },
);
/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectTagging.html */
export const PUT_OBJECT_TAGGING = /* @__PURE__ */ configures('PUT_OBJECT_TAGGING', 'object', { tagging: '' }, DIGESTED);
/** Which of them, x-amz-object-attributes says: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html */
export const GET_OBJECT_ATTRIBUTES = /* @__PURE__ */ inspects(
  'GET_OBJECT_ATTRIBUTES',
  'object',
  { attributes: '' },
  { root: 'GetObjectAttributesResponse' },
);
const UNLOCKED = ['NoSuchObjectLockConfiguration', 'ObjectLockConfigurationNotFoundError'];

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectRetention.html */
export const GET_OBJECT_RETENTION = /* @__PURE__ */ inspects(
  'GET_OBJECT_RETENTION',
  'object',
  { retention: '' },
  { root: 'Retention', none: UNLOCKED },
);
/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectRetention.html */
export const PUT_OBJECT_RETENTION = /* @__PURE__ */ configures(
  'PUT_OBJECT_RETENTION',
  'object',
  { retention: '' },
  DIGESTED,
);
/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectLegalHold.html */
export const GET_OBJECT_LEGAL_HOLD = /* @__PURE__ */ inspects(
  'GET_OBJECT_LEGAL_HOLD',
  'object',
  { 'legal-hold': '' },
  { root: 'LegalHold', none: UNLOCKED },
);
/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectLegalHold.html */
export const PUT_OBJECT_LEGAL_HOLD = /* @__PURE__ */ configures(
  'PUT_OBJECT_LEGAL_HOLD',
  'object',
  { 'legal-hold': '' },
  DIGESTED,
);
/** By x-amz-copy-source. S3 may begin its answer with 200 and only then fail: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html */
export const COPY: Command = {
  ...{ op: 'COPY', method: 'PUT', on: 'object', effect: 'write', body: 'none', status: 200, counts: 'operation' },
  ...{ mayMiss: true, answer: { kind: 'xml', root: 'CopyObjectResult' } },
};
/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html */
export const HEAD_BUCKET: Command = {
  ...{ op: 'HEAD_BUCKET', method: 'HEAD', on: 'bucket', effect: 'inspect', body: 'none', status: 200 },
  ...{ counts: 'operation', answer: HEADERS },
};
/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketAcl.html */
export const GET_BUCKET_ACL = /* @__PURE__ */ inspects('GET_BUCKET_ACL', 'bucket', { acl: '' }, OWNED);
/** A canned one, by x-amz-acl: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketAcl.html */
export const PUT_BUCKET_ACL = /* @__PURE__ */ configures('PUT_BUCKET_ACL', 'bucket', { acl: '' }, CANNED);
/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicy.html */
export const GET_BUCKET_POLICY = /* @__PURE__ */ inspects(
  'GET_BUCKET_POLICY',
  'bucket',
  { policy: '' },
  {
    none: ['NoSuchBucketPolicy'],
  },
);
/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html */
export const PUT_BUCKET_POLICY = /* @__PURE__ */ configures('PUT_BUCKET_POLICY', 'bucket', { policy: '' }, DIGESTED);
/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLifecycleConfiguration.html */
export const GET_BUCKET_LIFECYCLE = /* @__PURE__ */ inspects(
  'GET_BUCKET_LIFECYCLE',
  'bucket',
  { lifecycle: '' },
  { root: 'LifecycleConfiguration', none: ['NoSuchLifecycleConfiguration'] },
);
/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html */
export const PUT_BUCKET_LIFECYCLE = /* @__PURE__ */ configures(
  'PUT_BUCKET_LIFECYCLE',
  'bucket',
  { lifecycle: '' },
  DIGESTED,
);

/** Every op once, with a row that it has. */
export const COMMANDS: ReadonlyMap<string, Command> = /* @__PURE__ */ byOp();

/** Marked as pure, so that the build leaves the table out of what has no use for it: each VU would hold it. */
function byOp(): ReadonlyMap<string, Command> {
  const commands = [
    ...[GET, PUT, HEAD, DELETE, GET_IF_NONE_MATCH, GET_PART, DELETE_OBJECTS, LIST, LIST_VERSIONS, LIST_UPLOADS],
    ...[POST, PUT_IN_PARTS, COPY_IN_PARTS, UPLOAD_PART_COPY, COMPLETE_UPLOAD, COMPLETE_COPY],
    ...[...MULTIPART, GET_BUCKET_VERSIONING, PUT_BUCKET_VERSIONING, CREATE_BUCKET, DELETE_BUCKET],
    ...[LIST_BUCKETS, COPY, HEAD_BUCKET],
    ...[GET_OBJECT_ACL, PUT_OBJECT_ACL, GET_OBJECT_TAGGING, PUT_OBJECT_TAGGING, GET_OBJECT_ATTRIBUTES],
    ...[GET_BUCKET_ACL, PUT_BUCKET_ACL, GET_BUCKET_POLICY, PUT_BUCKET_POLICY],
    ...[GET_BUCKET_LIFECYCLE, PUT_BUCKET_LIFECYCLE],
    ...[GET_OBJECT_RETENTION, PUT_OBJECT_RETENTION, GET_OBJECT_LEGAL_HOLD, PUT_OBJECT_LEGAL_HOLD],
  ];
  return new Map(commands.map((command) => [command.op, command]));
}

/** What an operation does to what is stored; undefined for one that has no row, as in a Result of another version. */
export function effectOf(op: string): Effect | undefined {
  return COMMANDS.get(op)?.effect;
}
