import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { customerKey, keyHeaders } from './sse-c';

const md5 = (data: ArrayBuffer) => createHash('md5').update(Buffer.from(data)).digest('base64');

describe('the key of SSE-C', () => {
  test.each([...Array.from({ length: 20 }, () => randomBytes(32)), Buffer.alloc(32), Buffer.alloc(32, 0xff)])(
    'is hashed by its bytes: %#',
    (bytes) => {
      const key = bytes.toString('base64');
      expect(customerKey(key, md5)).toEqual({ key, md5: createHash('md5').update(bytes).digest('base64') });
    },
  );

  test("has headers of the object's, and of the one that is copied", () => {
    const own = { key: 'a', md5: 'b' };
    expect(keyHeaders(own, 'object')).toEqual({
      'x-amz-server-side-encryption-customer-algorithm': 'AES256',
      'x-amz-server-side-encryption-customer-key': 'a',
      'x-amz-server-side-encryption-customer-key-md5': 'b',
    });
    expect(Object.keys(keyHeaders(own, 'source'))).toEqual([
      'x-amz-copy-source-server-side-encryption-customer-algorithm',
      'x-amz-copy-source-server-side-encryption-customer-key',
      'x-amz-copy-source-server-side-encryption-customer-key-md5',
    ]);
  });
});
