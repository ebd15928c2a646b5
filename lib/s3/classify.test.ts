import { describe, expect, test } from 'vitest';
import {
  classifyCode,
  classifyStatus,
  classifyTransport,
  describeFailure,
  ERROR_CLASSES,
  type ErrorClass,
  isRetryable,
} from './classify';

interface StatusRow {
  readonly status: number;
  readonly code?: string;
  readonly is: ErrorClass;
  readonly why: string;
}

const statuses: readonly StatusRow[] = [
  { status: 404, code: 'NoSuchKey', is: 'notFound', why: 'the object is not there' },
  { status: 404, code: 'NoSuchBucket', is: 'notFound', why: 'nor is the bucket' },
  { status: 404, is: 'notFound', why: 'HEAD has no body, so no code' },
  { status: 503, code: 'SlowDown', is: 'throttled', why: 'as S3 throttles' },
  { status: 503, code: 'ServiceUnavailable', is: 'throttled', why: 'as others do' },
  { status: 503, is: 'throttled', why: 'a gateway that says nothing' },
  { status: 429, code: 'TooManyRequests', is: 'throttled', why: 'as HTTP has it' },
  { status: 400, code: 'SlowDown', is: 'throttled', why: 'the code says more than the status' },
  { status: 500, code: 'SlowDown', is: 'throttled', why: 'a completion that began with 200 and is taken for 500' },
  { status: 403, code: 'AccessDenied', is: 'auth', why: 'no permission' },
  { status: 403, code: 'SignatureDoesNotMatch', is: 'auth', why: 'another secret' },
  { status: 403, code: 'RequestTimeTooSkewed', is: 'auth', why: 'a wrong clock is no timeout' },
  { status: 400, code: 'ExpiredToken', is: 'auth', why: 'temporary credentials end, as AWS says it' },
  { status: 400, code: 'InvalidToken', is: 'auth', why: "another service's token" },
  { status: 404, code: 'XAdminUserNotFound', is: 'auth', why: 'an access key that versitygw does not know' },
  { status: 401, is: 'auth', why: 'as proxies ask for credentials' },
  { status: 408, is: 'timeout', why: 'as HTTP has it' },
  { status: 400, code: 'RequestTimeout', is: 'timeout', why: 'as S3 has it: the body did not come in time' },
  { status: 504, is: 'server', why: 'a gateway waited for another server; we did not' },
  { status: 501, code: '', is: 'unsupported', why: 'the store does not know the command' },
  { status: 400, code: 'NotImplemented', is: 'unsupported', why: 'by its code, too' },
  { status: 500, code: 'InternalError', is: 'server', why: "the server's fault" },
  { status: 502, is: 'server', why: "the gateway's" },
  { status: 507, is: 'server', why: 'its disks are full' },
  { status: 400, code: 'InvalidRequest', is: 'client', why: 'our fault' },
  { status: 409, code: 'OperationAborted', is: 'client', why: 'a conflict' },
  { status: 412, code: 'PreconditionFailed', is: 'client', why: 'a condition that does not hold' },
  { status: 416, code: 'InvalidRange', is: 'client', why: 'a range beyond the end' },
  { status: 301, code: 'PermanentRedirect', is: 'client', why: 'another region, and no redirect is followed' },
  { status: 304, is: 'client', why: 'no success either' },
  { status: 101, is: 'client', why: 'nor this' },
];

test.each(statuses)('$status $code is $is: $why', ({ status, code, is }) => {
  expect(classifyStatus(status, code)).toBe(is);
});

test.each<{ code: string; is: ErrorClass; why: string }>([
  { code: 'AccessDenied', is: 'auth', why: 'a key that may not be deleted' },
  { code: 'NoSuchKey', is: 'notFound', why: 'one that is gone' },
  { code: 'NoSuchVersion', is: 'notFound', why: 'likewise' },
  { code: 'NoSuchUpload', is: 'notFound', why: 'an upload that was aborted' },
  { code: 'InvalidPart', is: 'client', why: 'parts that were not sent' },
  { code: 'InvalidPartOrder', is: 'client', why: 'our fault' },
  { code: 'EntityTooSmall', is: 'client', why: 'likewise' },
  { code: 'MethodNotAllowed', is: 'client', why: 'a store that does not know it' },
  { code: 'SlowDown', is: 'throttled', why: 'as S3 throttles' },
  { code: 'ServiceUnavailable', is: 'throttled', why: 'as others do' },
  { code: 'RequestTimeout', is: 'timeout', why: 'the body did not come in time' },
  { code: 'InternalError', is: 'server', why: "the server's fault" },
  { code: 'Whatever', is: 'server', why: 'the server knows, we do not' },
  { code: '', is: 'server', why: 'it does not even say' },
])('$code in an answer of 200 is $is: $why', ({ code, is }) => {
  expect(classifyCode(code)).toBe(is);
});

/** As k6 2.2 throws them, less the `Get "http://…": ` that lib/s3/engines/send.ts takes off. Errors of Go's net, net/http, crypto/tls. */
const transport: ReadonlyArray<{ readonly said: string; readonly is: ErrorClass; readonly why: string }> = [
  { said: 'dial tcp 127.0.0.1:9: connect: connection refused', is: 'connect', why: 'nothing listens' },
  { said: 'dial tcp: lookup nope.invalid on 127.0.0.53:53: no such host', is: 'connect', why: 'no such name' },
  { said: 'dial tcp: lookup s3.example: i/o timeout', is: 'connect', why: 'no answer from DNS' },
  { said: 'lookup: no such host', is: 'connect', why: "k6's own resolver" },
  { said: 'dial tcp 10.0.0.1:9000: i/o timeout', is: 'connect', why: 'no connection came about: nothing was asked' },
  { said: 'dial tcp 10.0.0.1:9000: connect: no route to host', is: 'connect', why: 'no way there' },
  { said: 'dial tcp 10.0.0.1:9000: connect: network is unreachable', is: 'connect', why: 'none at all' },
  {
    said: 'dial tcp 10.0.0.1:9000: connect: connection reset by peer',
    is: 'connect',
    why: 'reset before there was a connection',
  },
  {
    said: 'dial tcp 10.0.0.1:9000: connect: cannot assign requested address',
    is: 'connect',
    why: 'no local ports left',
  },
  { said: 'dial tcp 10.0.0.1:9000: socket: too many open files', is: 'connect', why: 'no descriptors left' },
  { said: 'dial tcp [::1]:9000: connect: connection refused', is: 'connect', why: 'IPv6' },
  { said: 'dial: connection refused', is: 'connect', why: "k6's own words" },
  { said: 'proxyconnect tcp: dial tcp 10.0.0.9:3128: i/o timeout', is: 'connect', why: 'the proxy was not reached' },
  { said: 'net/http: TLS handshake timeout', is: 'connect', why: 'no connection came about' },
  {
    said: 'tls: failed to verify certificate: x509: certificate signed by unknown authority',
    is: 'connect',
    why: 'not trusted',
  },
  {
    said: 'tls: failed to verify certificate: x509: certificate is valid for a, not b',
    is: 'connect',
    why: 'another name',
  },
  { said: 'remote error: tls: handshake failure', is: 'connect', why: 'no common cipher' },
  {
    said: 'tls: first record does not look like a TLS handshake',
    is: 'connect',
    why: 'https to a port that speaks something else',
  },
  { said: 'http: server gave HTTP response to HTTPS client', is: 'connect', why: 'https to a port that speaks http' },
  { said: 'request timeout', is: 'timeout', why: "k6's limit, while the answer came" },
  { said: 'context deadline exceeded', is: 'timeout', why: 'the same before the answer began' },
  {
    said: 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)',
    is: 'timeout',
    why: 'the same by a client',
  },
  {
    said: 'net/http: request canceled (Client.Timeout exceeded while awaiting headers)',
    is: 'timeout',
    why: 'the same, older',
  },
  { said: 'net/http: timeout awaiting response headers', is: 'timeout', why: 'connected, but no answer' },
  { said: 'http2: timeout awaiting response headers', is: 'timeout', why: 'the same by HTTP/2' },
  { said: 'read tcp 10.0.0.2:51000->10.0.0.1:9000: i/o timeout', is: 'timeout', why: 'an answer that stopped' },
  {
    said: 'read tcp 10.0.0.2:51000->10.0.0.1:9000: read: connection timed out',
    is: 'timeout',
    why: 'the same by the kernel',
  },
  {
    said: 'read tcp 10.0.0.2:51000->10.0.0.1:9000: read: connection reset by peer',
    is: 'reset',
    why: 'the server broke it off',
  },
  {
    said: 'write tcp 10.0.0.2:51000->10.0.0.1:9000: write: connection reset by peer',
    is: 'reset',
    why: 'while we sent',
  },
  { said: 'write tcp 10.0.0.2:51000->10.0.0.1:9000: write: broken pipe', is: 'reset', why: 'it had closed already' },
  { said: 'write: broken pipe', is: 'reset', why: "k6's own words" },
  { said: 'EOF', is: 'reset', why: 'closed before a byte came' },
  { said: 'unexpected EOF', is: 'reset', why: 'closed within the answer' },
  { said: 'http: server closed idle connection', is: 'reset', why: 'closed as we sent' },
  {
    said: 'net/http: HTTP/1.x transport connection broken: unexpected EOF',
    is: 'reset',
    why: 'closed within the head',
  },
  { said: 'use of closed network connection', is: 'reset', why: 'closed on our side' },
  {
    said: 'http2: server sent GOAWAY and closed the connection; LastStreamID=1, ErrCode=NO_ERROR, debug=""',
    is: 'reset',
    why: 'HTTP/2 ends politely',
  },
  { said: 'http2: received GoAway with http2 ErrCode NO_ERROR', is: 'reset', why: "the same in k6's words" },
  { said: 'stream error: stream ID 3; INTERNAL_ERROR; received from peer', is: 'reset', why: 'HTTP/2 ends a request' },
  { said: 'http2: client connection lost', is: 'reset', why: 'no answer to a ping' },
  {
    said: 'net/http: HTTP/1.x transport connection broken: malformed HTTP response "\\x15\\x03\\x01"',
    is: 'corrupt',
    why: 'no HTTP: a second try meets the same',
  },
  { said: 'malformed MIME header: missing colon: "nonsense"', is: 'corrupt', why: 'no header' },
  { said: 'malformed chunked encoding', is: 'corrupt', why: 'no chunks' },
  { said: 'invalid byte in chunk length', is: 'corrupt', why: 'nor these' },
  { said: 'bad Content-Length "many"', is: 'corrupt', why: 'no length' },
  { said: 'gzip: invalid header', is: 'corrupt', why: 'said to be compressed, and is not' },
  { said: 'error decompressing response body (zlib: invalid header)', is: 'corrupt', why: "the same in k6's words" },
  {
    said: 'http2: response header list larger than advertised limit',
    is: 'reset',
    why: 'what we do not know is taken for a fault that may pass',
  },
  { said: '', is: 'reset', why: 'likewise, where nothing was said' },
];

test.each(transport)('"$said" is $is: $why', ({ said, is }) => {
  expect(classifyTransport(said)).toBe(is);
});

test('no class is without a row that ends in it', () => {
  expect(new Set([...statuses, ...transport].map((row) => row.is))).toEqual(new Set(ERROR_CLASSES));
});

test('those are tried again that may pass by themselves, as the original did', () => {
  expect(ERROR_CLASSES.filter(isRetryable)).toEqual(['throttled', 'server', 'timeout', 'connect', 'reset']);
});

describe('describeFailure', () => {
  test.each([
    {
      status: 503,
      code: 'SlowDown',
      message: 'Please reduce your request rate.',
      line: '503 SlowDown: Please reduce your request rate.',
      why: 'all there is',
    },
    { status: 404, code: '', message: '', line: '404', why: 'HEAD tells a status only' },
    { status: 403, code: 'AccessDenied', message: '', line: '403 AccessDenied', why: 'no message' },
    { status: 400, code: '', message: 'Bad', line: '400: Bad', why: 'no code' },
    { status: 0, code: '', message: 'unexpected EOF', line: 'unexpected EOF', why: 'no answer, so no status' },
    {
      status: 500,
      code: 'InternalError',
      message: ' We\n  encountered\tan error. ',
      line: '500 InternalError: We encountered an error.',
      why: 'one line, whatever came',
    },
    { status: 200, code: '', message: '5 bytes came', line: '200: 5 bytes came', why: 'a success that was none' },
  ])('$line: $why', ({ status, code, message, line }) => {
    expect(describeFailure(status, code, message)).toBe(line);
  });
});
