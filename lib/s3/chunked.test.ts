import { describe, expect, test } from 'vitest';
import { chunked, chunkedHeaders } from './chunked';

const KB = 1024;
const TRAILER = 'x-amz-checksum-sha1';
const END = `0\r\n${TRAILER}:c3Vt\r\n\r\n`;

const textOf = (bytes: number) => Buffer.from(chunked(new ArrayBuffer(bytes), TRAILER, 'c3Vt')).toString('latin1');
const zeros = (bytes: number) => '\0'.repeat(bytes);

describe('a body in chunks', () => {
  test.each([
    { bytes: 0, text: END, why: 'of nothing the end only' },
    { bytes: 17, text: `11\r\n${zeros(17)}\r\n${END}`, why: 'one that is not full' },
    { bytes: 64 * KB, text: `10000\r\n${zeros(64 * KB)}\r\n${END}`, why: 'a full one' },
    { bytes: 64 * KB + 1, text: `10000\r\n${zeros(64 * KB)}\r\n1\r\n\0\r\n${END}`, why: 'two' },
  ])('$bytes: $why', ({ bytes, text }) => {
    expect(textOf(bytes) === text).toBe(true);
  });

  test('is told of in headers, with the encoding of the object', () => {
    expect(chunkedHeaders(17, TRAILER, 'gzip')).toEqual({
      'content-encoding': 'aws-chunked,gzip',
      'x-amz-decoded-content-length': '17',
      'x-amz-trailer': TRAILER,
    });
    expect(chunkedHeaders(0, TRAILER, undefined)['content-encoding']).toBe('aws-chunked');
  });
});
