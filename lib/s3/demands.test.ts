import { describe, expect, test } from 'vitest';
import { COMMANDS, type Command, CREATE_MULTIPART, GET, LIST, PUT, UPLOAD_PART } from './commands';
import { demanded } from './demands';

const demands = {
  headers: {
    'x-amz-server-side-encryption': 'AES256',
    'cache-control': 'no-store',
    'x-amz-request-payer': 'requester',
    'x-route': 'a',
  },
  storageClass: 'STANDARD_IA',
  checksum: 'crc32c',
  signPayload: true,
} as const;
const OF_ALL = { 'x-amz-request-payer': 'requester', 'x-route': 'a' };
const OF_OBJECTS = { ...demands.headers, 'x-amz-storage-class': 'STANDARD_IA' };

const more = (command: Command) => {
  const { headers, checksum, hashed } = demanded(command, demands);
  return { headers, checksum, hashed };
};

describe('what is demanded', () => {
  test.each([
    { command: PUT, headers: OF_OBJECTS, body: true },
    { command: CREATE_MULTIPART, headers: { ...OF_OBJECTS, 'x-amz-checksum-algorithm': 'CRC32C' }, body: false },
    { command: UPLOAD_PART, headers: OF_ALL, body: true },
    { command: GET, headers: OF_ALL, body: false },
    { command: LIST, headers: OF_ALL, body: false },
  ])('of $command.op', ({ command, headers, body }) => {
    expect(more(command)).toEqual({
      headers,
      checksum: body ? 'crc32c' : undefined,
      hashed: body ? true : undefined,
    });
  });

  test('a checksum behind the body, of what has one', () => {
    const trailing = (command: Command) => demanded(command, { ...demands, checksumTrailer: true }).trailing;
    expect([PUT, UPLOAD_PART, CREATE_MULTIPART, GET].map(trailing)).toEqual([true, true, undefined, undefined]);
    expect(demanded(PUT, { checksumTrailer: true }).trailing).toBeUndefined();
  });

  test('a Content-MD5 needs no word of it before', () => {
    expect(demanded(CREATE_MULTIPART, { checksum: 'md5' }).headers).toBeUndefined();
  });

  test('nothing leaves rows as they are', () => {
    for (const command of COMMANDS.values()) expect(demanded(command, {})).toEqual(command);
  });
});
