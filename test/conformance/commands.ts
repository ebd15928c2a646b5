/**
 * One case for each row of lib/s3/commands.ts: the request that it becomes, an answer that S3 documents, and what the reply
 * has of it. A new row gets its case here; conformance.test.ts misses one that has none. Pure.
 */
import {
  ABORT_MULTIPART,
  COMPLETE_COPY,
  COMPLETE_MULTIPART,
  COMPLETE_UPLOAD,
  COPY,
  type Command,
  CREATE_BUCKET,
  CREATE_MULTIPART,
  DELETE,
  DELETE_BUCKET,
  DELETE_OBJECTS,
  GET,
  GET_BUCKET_ACL,
  GET_BUCKET_LIFECYCLE,
  GET_BUCKET_POLICY,
  GET_BUCKET_VERSIONING,
  GET_IF_NONE_MATCH,
  GET_OBJECT_ACL,
  GET_OBJECT_ATTRIBUTES,
  GET_OBJECT_LEGAL_HOLD,
  GET_OBJECT_RETENTION,
  GET_OBJECT_TAGGING,
  GET_PART,
  HEAD,
  HEAD_BUCKET,
  HEAD_WRITTEN,
  LIST,
  LIST_BUCKETS,
  LIST_KEYS,
  LIST_UPLOADS,
  LIST_V1,
  LIST_VERSIONS,
  POST,
  PUT,
  PUT_BUCKET_ACL,
  PUT_BUCKET_LIFECYCLE,
  PUT_BUCKET_POLICY,
  PUT_BUCKET_VERSIONING,
  PUT_OBJECT_ACL,
  PUT_OBJECT_LEGAL_HOLD,
  PUT_OBJECT_RETENTION,
  PUT_OBJECT_TAGGING,
  READ,
  UPLOAD_PART,
  UPLOAD_PART_COPY,
} from '../../lib/s3/commands';
import type { Arguments, CallLoad, Found } from '../../lib/s3/engine';

export interface CommandCase {
  readonly command: Command;
  /** What it sends, or how many bytes are expected. */
  readonly load?: CallLoad;
  readonly more?: Arguments;
  /** Method, path within the bucket, query. */
  readonly request: string;
  /** 200, or as the row says, with this body and these headers. */
  readonly status?: number;
  readonly answer?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Payload bytes. */
  readonly bytes?: number;
  readonly found?: Partial<Found>;
  /** Headers that the reply has. */
  readonly has?: Readonly<Record<string, string>>;
}

const KEY = 'key';
const UPLOAD = { query: { uploadId: 'id' } };
const CANNED = { headers: { 'x-amz-acl': 'public-read' } };
const ACL = '<AccessControlPolicy><Owner></Owner></AccessControlPolicy>';

export const commandCases: readonly CommandCase[] = [
  { command: GET, load: 3, request: 'GET /key', answer: 'abc', bytes: 3 },
  { command: READ, load: 3, request: 'GET /key', answer: 'abc', bytes: 3 },
  {
    command: GET_IF_NONE_MATCH,
    load: 3,
    more: { headers: { 'if-none-match': '"e"' } },
    request: 'GET /key',
    status: 304,
    // As long as what it does not send.
    headers: { ETag: '"e"', 'Content-Length': '3' },
  },
  {
    command: GET_PART,
    load: 3,
    more: { query: { partNumber: 2 } },
    request: 'GET /key?partNumber=2',
    status: 206,
    answer: 'abc',
    bytes: 3,
  },
  { command: PUT, load: new ArrayBuffer(5), request: 'PUT /key', bytes: 5 },
  { command: POST, load: new ArrayBuffer(5), request: 'POST ', bytes: 5 },
  { command: HEAD, request: 'HEAD /key', headers: { ETag: '"e"' }, has: { etag: '"e"' } },
  { command: HEAD_WRITTEN, request: 'HEAD /key', headers: { ETag: '"e"' }, has: { etag: '"e"' } },
  { command: DELETE, request: 'DELETE /key' },
  {
    command: DELETE_OBJECTS,
    load: '<Delete></Delete>',
    more: { objects: 3 },
    request: 'POST ?delete=',
    answer: '<DeleteResult></DeleteResult>',
    found: { objects: 3, lists: { Error: [] } },
  },
  {
    command: LIST,
    more: { query: { prefix: 'p/' } },
    request: 'GET ?encoding-type=url&list-type=2&prefix=p%2F',
    answer: '<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a</Key></Contents></ListBucketResult>',
    found: { objects: 1, texts: { IsTruncated: 'false' } },
  },
  {
    command: LIST_KEYS,
    more: { query: { delimiter: '/' } },
    request: 'GET ?delimiter=%2F&encoding-type=url&list-type=2',
    answer:
      '<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>a+b</Key><Size>7</Size></Contents>' +
      '<CommonPrefixes><Prefix>c%2B/</Prefix></CommonPrefixes></ListBucketResult>',
    found: { objects: 1, lists: { Contents: [['a b', '7']], CommonPrefixes: [['c+/']] } },
  },
  {
    command: LIST_V1,
    more: { query: { marker: 'a+b' } },
    request: 'GET ?encoding-type=url&marker=a%2Bb',
    answer:
      '<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextMarker>c%2Bd</NextMarker>' +
      '<Contents><Key>c%2Bd</Key><Size>7</Size></Contents></ListBucketResult>',
    found: {
      objects: 1,
      texts: { IsTruncated: 'true', NextMarker: 'c+d' },
      lists: { Contents: [['c+d', '7']], CommonPrefixes: [] },
    },
  },
  {
    command: LIST_VERSIONS,
    request: 'GET ?encoding-type=url&versions=',
    answer:
      '<ListVersionsResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextKeyMarker>a%2Bb</NextKeyMarker>' +
      '<NextVersionIdMarker>v%2B</NextVersionIdMarker><Version><Key>a</Key><VersionId>1</VersionId><IsLatest>true</IsLatest><Size>7</Size></Version>' +
      '<DeleteMarker><Key>b</Key><VersionId>2</VersionId></DeleteMarker></ListVersionsResult>',
    found: {
      objects: 1,
      texts: { IsTruncated: 'true', NextKeyMarker: 'a+b', NextVersionIdMarker: 'v%2B' },
      lists: { Version: [['a', '7', '1', 'true']], DeleteMarker: [['b', '', '2']], CommonPrefixes: [] },
    },
  },
  {
    command: LIST_UPLOADS,
    request: 'GET ?encoding-type=url&uploads=',
    answer:
      '<ListMultipartUploadsResult><IsTruncated>false</IsTruncated><Upload><Key>a&amp;b</Key><UploadId>u&amp;1</UploadId>' +
      '</Upload></ListMultipartUploadsResult>',
    found: { objects: 1, texts: { IsTruncated: 'false' }, lists: { Upload: [['a&b', 'u&1']], CommonPrefixes: [] } },
  },
  {
    command: CREATE_MULTIPART,
    request: 'POST /key?uploads=',
    answer: '<InitiateMultipartUploadResult><UploadId>id</UploadId></InitiateMultipartUploadResult>',
    found: { texts: { UploadId: 'id' } },
  },
  {
    command: UPLOAD_PART,
    load: new ArrayBuffer(5),
    more: { query: { partNumber: 2, uploadId: 'id' } },
    request: 'PUT /key?partNumber=2&uploadId=id',
    headers: { ETag: '"e"' },
    has: { etag: '"e"' },
    bytes: 5,
  },
  {
    command: UPLOAD_PART_COPY,
    more: {
      query: { partNumber: 2, uploadId: 'id' },
      headers: { 'x-amz-copy-source': '/bucket/other', 'x-amz-copy-source-range': 'bytes=5-9' },
    },
    request: 'PUT /key?partNumber=2&uploadId=id',
    answer: '<CopyPartResult><ETag>&quot;e&quot;</ETag></CopyPartResult>',
    found: { texts: { ETag: '"e"' } },
  },
  ...[COMPLETE_MULTIPART, COMPLETE_UPLOAD, COMPLETE_COPY].map((command) => ({
    command,
    load: '<CompleteMultipartUpload></CompleteMultipartUpload>',
    more: UPLOAD,
    request: 'POST /key?uploadId=id',
    answer: '<CompleteMultipartUploadResult></CompleteMultipartUploadResult>',
  })),
  { command: ABORT_MULTIPART, more: UPLOAD, request: 'DELETE /key?uploadId=id' },
  {
    command: GET_BUCKET_VERSIONING,
    request: 'GET ?versioning=',
    answer: '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>',
    found: { texts: { Status: 'Enabled' } },
  },
  {
    command: PUT_BUCKET_VERSIONING,
    load: '<VersioningConfiguration></VersioningConfiguration>',
    request: 'PUT ?versioning=',
  },
  { command: DELETE_BUCKET, request: 'DELETE ' },
  {
    command: LIST_BUCKETS,
    request: 'GET ',
    answer:
      '<ListAllMyBucketsResult><Buckets><Bucket><Name>a</Name></Bucket><Bucket><Name>b</Name></Bucket></Buckets></ListAllMyBucketsResult>',
    found: { lists: { Bucket: [['a'], ['b']] } },
  },
  { command: CREATE_BUCKET, load: '<CreateBucketConfiguration></CreateBucketConfiguration>', request: 'PUT ' },
  {
    command: COPY,
    more: { headers: { 'x-amz-copy-source': '/bucket/other' } },
    request: 'PUT /key',
    answer: '<CopyObjectResult><ETag>e</ETag></CopyObjectResult>',
  },
  { command: GET_OBJECT_ACL, request: 'GET /key?acl=', answer: ACL },
  { command: PUT_OBJECT_ACL, more: CANNED, request: 'PUT /key?acl=' },
  { command: GET_OBJECT_TAGGING, request: 'GET /key?tagging=', answer: '<Tagging><TagSet></TagSet></Tagging>' },
  { command: PUT_OBJECT_TAGGING, load: '<Tagging></Tagging>', request: 'PUT /key?tagging=' },
  {
    command: GET_OBJECT_ATTRIBUTES,
    more: { headers: { 'x-amz-object-attributes': 'ETag,ObjectSize' } },
    request: 'GET /key?attributes=',
    answer: '<GetObjectAttributesResponse><ObjectSize>7</ObjectSize></GetObjectAttributesResponse>',
  },
  { command: GET_OBJECT_RETENTION, request: 'GET /key?retention=', answer: '<Retention></Retention>' },
  { command: PUT_OBJECT_RETENTION, load: '<Retention></Retention>', request: 'PUT /key?retention=' },
  { command: GET_OBJECT_LEGAL_HOLD, request: 'GET /key?legal-hold=', answer: '<LegalHold></LegalHold>' },
  { command: PUT_OBJECT_LEGAL_HOLD, load: '<LegalHold></LegalHold>', request: 'PUT /key?legal-hold=' },
  {
    command: HEAD_BUCKET,
    request: 'HEAD ',
    headers: { 'x-amz-bucket-region': 'r' },
    has: { 'x-amz-bucket-region': 'r' },
  },
  { command: GET_BUCKET_ACL, request: 'GET ?acl=', answer: ACL },
  { command: PUT_BUCKET_ACL, more: CANNED, request: 'PUT ?acl=' },
  { command: GET_BUCKET_POLICY, request: 'GET ?policy=', answer: '{"Statement":[]}' },
  { command: PUT_BUCKET_POLICY, load: '{"Statement":[]}', request: 'PUT ?policy=' },
  {
    command: GET_BUCKET_LIFECYCLE,
    request: 'GET ?lifecycle=',
    answer: '<LifecycleConfiguration></LifecycleConfiguration>',
  },
  {
    command: PUT_BUCKET_LIFECYCLE,
    load: '<LifecycleConfiguration></LifecycleConfiguration>',
    request: 'PUT ?lifecycle=',
  },
];

/** The key that the row of a case is called with. */
export const keyFor = ({ command }: CommandCase): string => (command.on === 'bucket' ? '' : KEY);

/** `GET, content`: rows of one op differ in what they have of an answer. */
export function nameOf({ command }: CommandCase, all = commandCases): string {
  if (command === LIST_V1) return `${command.op} of version 1`;
  const { op, answer, counts } = command;
  const alike = all.filter(({ command: { op: other } }) => other === op);
  if (alike.length === 1) return op;
  if (counts === 'part') return `${op}, part of another operation`;
  return `${op}, ${answer.kind === 'xml' ? `${answer.kind} of ${Object.keys(answer.lists ?? {}).length} lists` : answer.kind}`;
}
