import { expect, test } from 'vitest';
import { classifyTransport } from '../../lib/s3/classify';
import { describeTransport } from './transport';

test.each([
  { code: 'ECONNREFUSED', message: '', is: 'connect', says: 'dial: connection refused' },
  { code: 'ENOTFOUND', message: 'getaddrinfo', is: 'connect', says: 'lookup s3.example: no such host' },
  { code: 'EAI_AGAIN', message: 'getaddrinfo', is: 'connect', says: 'lookup s3.example: no name server answers' },
  { code: 'EHOSTUNREACH', message: 'connect EHOSTUNREACH', is: 'connect', says: 'dial: connect EHOSTUNREACH' },
  { code: 'ETIMEDOUT', message: 'connect', is: 'timeout', says: 'timeout' },
  { code: '', message: 'timeout', is: 'timeout', says: 'timeout' },
  { code: 'ECONNRESET', message: 'socket hang up', is: 'reset', says: 'connection reset (socket hang up)' },
  { code: 'EPIPE', message: 'write EPIPE', is: 'reset', says: 'connection reset (write EPIPE)' },
  {
    code: 'EPROTO',
    message: 'ssl3:wrong version number:',
    is: 'connect',
    says: 'tls: first record does not look like a TLS handshake',
  },
  { code: 'EPROTO', message: 'alert handshake failure', is: 'connect', says: 'tls: alert handshake failure' },
  {
    code: 'SELF_SIGNED_CERT_IN_CHAIN',
    message: 'self-signed certificate',
    is: 'connect',
    says: 'x509: self-signed certificate',
  },
  {
    code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    message: 'unable to verify',
    is: 'connect',
    says: 'x509: unable to verify',
  },
  { code: 'ERR_TLS_CERT_ALTNAME_INVALID', message: 'not in altnames', is: 'connect', says: 'x509: not in altnames' },
  {
    code: 'HPE_INVALID_CONSTANT',
    message: 'Expected HTTP/',
    is: 'corrupt',
    says: 'malformed HTTP response (Expected HTTP/)',
  },
])('$code $message: $is', ({ code, message, is, says }) => {
  const said = describeTransport(Object.assign(new Error(message), code && { code }), 'https://s3.example:9000');
  expect(said).toBe(says);
  expect(classifyTransport(said)).toBe(is);
});
