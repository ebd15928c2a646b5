/**
 * What servers and networks do wrong, and what the client makes of it: each row has both sides. `answer` runs in vitest's
 * process, in fault-server.ts; the rest runs in k6. Pure but for the socket that `answer` is handed.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DeleteObjectsOutcome, ListOutcome, Outcome, S3, S3Options } from '../../lib/s3/api';
import type { ErrorClass } from '../../lib/s3/classify';
import { type Bench, type Case, failed, same, succeeded } from './case';
import { partedBody } from './multipart';

export interface Fault {
  readonly name: string;
  /** Answers the nth request, the first being 1. */
  answer(response: ServerResponse, nth: number, request: IncomingMessage, body: string): void;
  /** Client options beside five attempts within ten seconds each. */
  readonly client?: Partial<S3Options>;
  /** A GET of 1,000 bytes where nothing is said. */
  operate?(s3: S3, t: Bench): Outcome;
  readonly want: 'success' | { errorClass: ErrorClass; status: number; code?: string };
  /** Looks further at what came. */
  check?(outcome: Outcome, t: Bench): void;
  /** How many requests the server is to see, in this order where they differ. */
  readonly requests: number | readonly string[];
}

const BODY = 1000;

const xml = (response: ServerResponse, status: number, text: string, headers = {}): void => {
  response.writeHead(status, { 'Content-Type': 'application/xml', ...headers }).end(`<?xml version="1.0"?>\n${text}`);
};
const error = (status: number, code: string) => (response: ServerResponse) =>
  xml(response, status, `<Error><Code>${code}</Code><Message>said so</Message></Error>`);
const ok = (response: ServerResponse): void => {
  response.writeHead(200, { 'Content-Length': BODY, ETag: '"e"' }).end(Buffer.alloc(BODY));
};
const reset = (response: ServerResponse): void => {
  (response.socket as { resetAndDestroy(): void } | null)?.resetAndDestroy();
};
/** Sends half a body, and then does something to the connection. */
const half = (headers: Record<string, string | number>, then: (response: ServerResponse) => void) => {
  return (response: ServerResponse): void => {
    response.writeHead(200, headers);
    // Given time to arrive: a reset may take what is on its way with it.
    response.write(Buffer.alloc(BODY / 2), () => setTimeout(then, 50, response));
  };
};
const cut = (response: ServerResponse): void => {
  response.socket?.end();
};

/** Throws unless the outcome is a listing of these. */
function listing(outcome: Outcome, keys: readonly string[], prefixes: readonly string[]): void {
  const found = outcome as ListOutcome;
  same(
    'keys',
    found.objects.map(({ key }) => key),
    keys,
  );
  same('common prefixes', found.prefixes, prefixes);
}

const put = (s3: S3, t: Bench): Outcome => s3.putObject('key', t.random(100), '');

export const faults: readonly Fault[] = [
  {
    name: '503 SlowDown is throttled, and tried five times',
    answer: error(503, 'SlowDown'),
    operate: put,
    want: { errorClass: 'throttled', status: 503, code: 'SlowDown' },
    requests: 5,
  },
  {
    name: '503 without a body is throttled',
    answer: (response) => response.writeHead(503).end(),
    client: { attempts: 1 },
    want: { errorClass: 'throttled', status: 503, code: '' },
    requests: 1,
  },
  {
    name: '429 is throttled, and tried again',
    answer: error(429, 'TooManyRequests'),
    client: { attempts: 2 },
    want: { errorClass: 'throttled', status: 429 },
    requests: 2,
  },
  {
    name: '500 is server, and tried five times',
    answer: error(500, 'InternalError'),
    operate: put,
    want: { errorClass: 'server', status: 500, code: 'InternalError' },
    requests: 5,
  },
  {
    name: '502 with a page for a body is server',
    answer: (response) => response.writeHead(502, { 'Content-Type': 'text/html' }).end('<html><body>Bad Gateway'),
    client: { attempts: 2 },
    operate: put,
    want: { errorClass: 'server', status: 502, code: '' },
    requests: 2,
  },
  {
    name: 'a third attempt may succeed',
    answer: (response, nth) => (nth < 3 ? error(503, 'SlowDown')(response) : ok(response)),
    want: 'success',
    check: (outcome) => same('bytes', outcome.bytes, BODY),
    requests: 3,
  },
  {
    name: '400 is client, and not tried again',
    answer: error(400, 'InvalidArgument'),
    operate: put,
    want: { errorClass: 'client', status: 400, code: 'InvalidArgument' },
    requests: 1,
  },
  {
    name: '403 is auth, and not tried again',
    answer: error(403, 'AccessDenied'),
    operate: put,
    want: { errorClass: 'auth', status: 403, code: 'AccessDenied' },
    requests: 1,
  },
  {
    name: '404 is notFound, and not tried again',
    answer: error(404, 'NoSuchKey'),
    want: { errorClass: 'notFound', status: 404 },
    requests: 1,
  },
  {
    name: '307 is client, and not followed',
    answer: (response) =>
      xml(response, 307, '<Error><Code>TemporaryRedirect</Code></Error>', { Location: '/elsewhere/key' }),
    operate: put,
    want: { errorClass: 'client', status: 307, code: 'TemporaryRedirect' },
    requests: 1,
  },
  {
    name: 'no answer is timeout, and tried again',
    answer: () => {},
    client: { timeout: 300, attempts: 3 },
    want: { errorClass: 'timeout', status: 0 },
    check: (outcome) => {
      if (outcome.ms < 290 || outcome.ms > 2000) throw new Error(`the last attempt took ${outcome.ms} ms`);
    },
    requests: 3,
  },
  {
    name: 'a body that stops halfway is timeout',
    answer: half({ 'Content-Length': BODY }, () => {}),
    client: { timeout: 400, attempts: 1 },
    want: { errorClass: 'timeout', status: 0 },
    requests: 1,
  },
  {
    name: 'a reset before the answer is reset, and tried five times',
    answer: reset,
    operate: put,
    want: { errorClass: 'reset', status: 0 },
    requests: 5,
  },
  {
    name: 'a reset halfway through the body is reset',
    answer: half({ 'Content-Length': BODY }, reset),
    client: { attempts: 2 },
    want: { errorClass: 'reset', status: 0 },
    requests: 2,
  },
  {
    name: 'a body cut short is reset',
    answer: half({ 'Content-Length': BODY }, cut),
    client: { attempts: 2 },
    want: { errorClass: 'reset', status: 0 },
    requests: 2,
  },
  {
    name: 'a body cut short is reset for a reader, too',
    answer: half({ 'Content-Length': BODY }, cut),
    client: { attempts: 1 },
    operate: (s3) => s3.readObject('key', ''),
    want: { errorClass: 'reset', status: 0 },
    requests: 1,
  },
  {
    name: 'a chunked body cut short is reset',
    answer: half({ 'Transfer-Encoding': 'chunked' }, cut),
    client: { attempts: 1 },
    want: { errorClass: 'reset', status: 0 },
    requests: 1,
  },
  {
    name: 'a listing cut short is reset, not a shorter listing',
    answer: half({ 'Content-Length': BODY, 'Content-Type': 'application/xml' }, cut),
    client: { attempts: 1 },
    operate: (s3) => s3.listObjects(),
    want: { errorClass: 'reset', status: 0 },
    requests: 1,
  },
  {
    name: 'another Content-Length than expected is corrupt, and not tried again',
    answer: (response) => response.writeHead(200, { 'Content-Length': 10 }).end('0123456789'),
    want: { errorClass: 'corrupt', status: 200 },
    requests: 1,
  },
  {
    name: 'a chunked body without a Content-Length is no error',
    answer: (response) => {
      response.writeHead(200, { 'Transfer-Encoding': 'chunked' });
      response.write(Buffer.alloc(BODY / 2));
      response.end(Buffer.alloc(BODY / 2));
    },
    want: 'success',
    check: (outcome) => same('bytes', outcome.bytes, BODY),
    requests: 1,
  },
  {
    name: 'a completion that fails after its 200 is a failure, and tried again',
    answer: error(200, 'InternalError'),
    client: { attempts: 2 },
    operate: (s3) => s3.completeMultipartUpload('key', 'upload', [{ number: 1, etag: '"e"' }], ''),
    want: { errorClass: 'server', status: 200, code: 'InternalError' },
    requests: 2,
  },
  {
    name: 'putObjectInParts gives up and aborts when its completion fails',
    answer: (response, _, request) => {
      if (request.method === 'PUT') return ok(response);
      if (request.url?.includes('uploads')) return xml(response, 200, '<R><UploadId>id</UploadId></R>');
      return request.method === 'DELETE' ? response.writeHead(204).end() : error(200, 'InternalError')(response);
    },
    client: { attempts: 1 },
    operate: (s3, t) => s3.putObjectInParts('key', partedBody(t, 150, 100).body, ''),
    want: { errorClass: 'server', status: 200, code: 'InternalError' },
    requests: [
      'POST /key?uploads=',
      'PUT /key?partNumber=1&uploadId=id',
      'PUT /key?partNumber=2&uploadId=id',
      'POST /key?uploadId=id',
      'DELETE /key?uploadId=id',
    ],
  },
  {
    name: 'putObjectInParts sends no more parts, and aborts, when one fails',
    answer: (response, _, request) => {
      if (request.url?.includes('uploads')) return xml(response, 200, '<R><UploadId>a&amp;b/+</UploadId></R>');
      if (request.url?.includes('partNumber=2')) return error(400, 'EntityTooSmall')(response);
      return request.method === 'DELETE' ? response.writeHead(204).end() : ok(response);
    },
    operate: (s3, t) => s3.putObjectInParts('key', partedBody(t, 300, 100).body, ''),
    want: { errorClass: 'client', status: 400, code: 'EntityTooSmall' },
    requests: [
      'POST /key?uploads=',
      'PUT /key?partNumber=1&uploadId=a%26b%2F%2B',
      'PUT /key?partNumber=2&uploadId=a%26b%2F%2B',
      'DELETE /key?uploadId=a%26b%2F%2B',
    ],
  },
  {
    name: 'an upload without an id is corrupt',
    answer: (response) => xml(response, 200, '<InitiateMultipartUploadResult></InitiateMultipartUploadResult>'),
    operate: (s3) => s3.createMultipartUpload('key', ''),
    want: { errorClass: 'corrupt', status: 200 },
    requests: 1,
  },
  {
    name: 'a 200 that is no listing is corrupt, not an empty listing',
    answer: (response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html>Please log in</html>'),
    operate: (s3) => s3.listObjects(),
    want: { errorClass: 'corrupt', status: 200 },
    requests: 1,
  },
  {
    name: 'an encoded listing is decoded, plus signs for spaces included',
    answer: (response) =>
      xml(
        response,
        200,
        '<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>a+b%2Bc%20%C3%BC%26%252F</Key><Size>1</Size>' +
          '</Contents><CommonPrefixes><Prefix>x+y/</Prefix></CommonPrefixes></ListBucketResult>',
      ),
    operate: (s3) => s3.listObjects(),
    want: 'success',
    check: (outcome) => listing(outcome, ['a b+c ü&%2F'], ['x y/']),
    requests: 1,
  },
  {
    name: 'a listing of a server that knows no encoding is taken as it is',
    answer: (response) =>
      xml(
        response,
        200,
        '<ListBucketResult xmlns="x"><Contents><Size>1</Size><Key>a+b%20&amp;&#252;</Key></Contents>' +
          '<CommonPrefixes><Prefix>x+y/</Prefix></CommonPrefixes></ListBucketResult>',
      ),
    operate: (s3) => s3.listObjects(),
    want: 'success',
    check: (outcome) => listing(outcome, ['a+b%20&ü'], ['x+y/']),
    requests: 1,
  },
  {
    name: 'a listed key that is no UTF-8 does not throw',
    answer: (response) =>
      xml(
        response,
        200,
        '<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>a%FFb</Key><Size>1</Size></Contents></ListBucketResult>',
      ),
    operate: (s3) => s3.listObjects(),
    want: 'success',
    check: (outcome) => listing(outcome, ['a%FFb'], []),
    requests: 1,
  },
  {
    name: 'a batch that fails for some keys succeeds, and tells which',
    answer: (response) =>
      xml(
        response,
        200,
        '<DeleteResult><Error><Key>a&amp;b</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>',
      ),
    operate: (s3) => s3.deleteObjects(['a&b', 'c']),
    want: 'success',
    check: (outcome) => {
      same('failed', (outcome as DeleteObjectsOutcome).failed, [{ key: 'a&b', code: 'AccessDenied', message: 'no' }]);
    },
    requests: 1,
  },
  {
    name: 'a bucket is created in the region of the settings',
    answer: (response, _, __, body) =>
      response.writeHead(body.includes('<LocationConstraint>eu-test-1</LocationConstraint>') ? 200 : 400).end(),
    client: { region: 'eu-test-1' },
    operate: (s3) => s3.createBucket(),
    want: 'success',
    requests: 1,
  },
  {
    name: 'a bucket is created in us-east-1 without naming it',
    answer: (response, _, __, body) => response.writeHead(body === '' ? 200 : 400).end(),
    client: { region: 'us-east-1' },
    operate: (s3) => s3.createBucket(),
    want: 'success',
    requests: 1,
  },
  {
    name: 'a session token is sent and signed',
    answer: ok,
    client: { credentials: { accessKeyId: 'temporary', secretAccessKey: 'secret', sessionToken: 'to/ken+of==STS' } },
    operate: (s3) => {
      succeeded('DeleteObjects', s3.deleteObjects(['ü']));
      succeeded('PUT', s3.putObject('ü b', new ArrayBuffer(1), ''));
      return s3.getObject('key', '', BODY);
    },
    want: 'success',
    requests: ['POST ?delete=', 'PUT /%C3%BC%20b', 'GET /key'],
  },
];

/** The bucket that stands for a fault in its requests. */
export const bucketOf = (fault: Fault): string => `fault-${faults.indexOf(fault)}`;

/** A connection that is reset before anything is said. */
export const resetAtOnceCase: Case = {
  name: 'a connection reset at once is reset or connect, and tried again',
  run: (t) => {
    const s3 = t.client({ endpoints: [t.options.endpoints[1] ?? ''], attempts: 2 });
    const outcome = s3.putObject('key', t.random(100), '');
    // It may come before the connection is seen to stand, and then connecting is what failed.
    const errorClass = outcome.failure?.errorClass === 'connect' ? 'connect' : 'reset';
    failed('PUT', outcome, { errorClass, status: 0 });
  },
};

/** The faults as cases: the first endpoint is fault-server.ts's, the second one resets every connection. */
export const faultCases: readonly Case[] = [
  ...faults.map((fault) => ({
    name: fault.name,
    run: (t: Bench) => {
      const endpoints = t.options.endpoints.slice(0, 1);
      const s3 = t.client({ endpoints, bucket: bucketOf(fault), timeout: 10_000, ...fault.client });
      const operate = fault.operate ?? ((s3: S3) => s3.getObject('key', '', BODY));
      const outcome = operate(s3, t);
      if (fault.want === 'success') succeeded('it', outcome);
      else failed('it', outcome, fault.want);
      fault.check?.(outcome, t);
    },
  })),
  resetAtOnceCase,
];
