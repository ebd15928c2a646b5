/** The hashes that requests need, by node:crypto. */
import { createHash, createHmac } from 'node:crypto';
import type { BodyHashes } from '../../lib/s3/request';

export const nodeHashes = {
  sha256: (data: string) => createHash('sha256').update(data).digest('hex'),
  md5: (data: string) => createHash('md5').update(data).digest('base64'),
  hmac: (_: string, key: string | ArrayBuffer, data: string, encoding: 'hex' | 'binary') => {
    const mac = createHmac('sha256', typeof key === 'string' ? key : new Uint8Array(key)).update(data);
    return encoding === 'hex' ? mac.digest('hex') : Uint8Array.from(mac.digest()).buffer;
  },
} as unknown as BodyHashes;
