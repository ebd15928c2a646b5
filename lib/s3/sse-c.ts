/**
 * Encryption by the store with a key that each request brings (SSE-C). Pure; the caller gives the hash function.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
 */

/** What a request says of the key, in headers by lower-case name. */
export interface CustomerKey {
  readonly key: string;
  /** Its MD5 in base64. */
  readonly md5: string;
}

/** Of a key of 32 bytes in base64. */
export function customerKey(key: string, md5: (data: ArrayBuffer, encoding: 'base64') => string): CustomerKey {
  return { key, md5: md5(bytesOf(key), 'base64') };
}

/** `of`: the object of the request, or the one that it copies. */
export function keyHeaders({ key, md5 }: CustomerKey, of: 'object' | 'source'): Record<string, string> {
  const before = `x-amz-${of === 'source' ? 'copy-source-' : ''}server-side-encryption-customer-`;
  return { [`${before}algorithm`]: 'AES256', [`${before}key`]: key, [`${before}key-md5`]: md5 };
}

/** The header of an answer by which a store says that it used the key. */
export const USED_KEY = 'x-amz-server-side-encryption-customer-algorithm';

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** The bytes that base64 stands for: k6's JavaScript has nothing for it. */
function bytesOf(base64: string): ArrayBuffer {
  const digits = base64.replace(/=+$/, '');
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let [at, bits, have] = [0, 0, 0];
  for (const digit of digits) {
    bits = (bits << 6) | DIGITS.indexOf(digit);
    have += 6;
    if (have < 8) continue;
    have -= 8;
    bytes[at++] = bits >> have;
    bits &= (1 << have) - 1;
  }
  return bytes.buffer;
}
