/** The hashes that SigV4 needs, by node:crypto. */
import { createHash, createHmac } from 'node:crypto';
import type { Hashes } from '../../lib/s3/sign';

export const nodeHashes = {
  sha256: (data: string) => createHash('sha256').update(data).digest('hex'),
  hmac: (_: string, key: string | ArrayBuffer, data: string, encoding: 'hex' | 'binary') => {
    const mac = createHmac('sha256', typeof key === 'string' ? key : new Uint8Array(key)).update(data);
    return encoding === 'hex' ? mac.digest('hex') : Uint8Array.from(mac.digest()).buffer;
  },
} as unknown as Hashes;
