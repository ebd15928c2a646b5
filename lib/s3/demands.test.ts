import { describe, expect, test } from 'vitest';
import {
  COMMANDS,
  COMPLETE_MULTIPART,
  COPY,
  COPY_IN_PARTS,
  type Command,
  CREATE_MULTIPART,
  GET,
  GET_IF_NONE_MATCH,
  GET_OBJECT_ATTRIBUTES,
  GET_PART,
  HEAD,
  HEAD_WRITTEN,
  LIST,
  POST,
  PUT,
  PUT_IN_PARTS,
  PUT_OBJECT_ACL,
  PUT_OBJECT_TAGGING,
  READ,
  UPLOAD_PART,
  UPLOAD_PART_COPY,
} from './commands';
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

/** Rows of operations that are several requests, each with a row of its own. */
const NEVER_SENT = [PUT_IN_PARTS, COPY_IN_PARTS];

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

  test('of a form: fields of what is about its object', () => {
    const { headers, fields, checksum, hashed } = demanded(POST, demands);
    expect({ headers, checksum, hashed }).toEqual({ headers: OF_ALL });
    const { 'x-amz-request-payer': _, 'x-route': __, ...ofObject } = OF_OBJECTS;
    expect(fields).toEqual(ofObject);
  });

  test('a checksum behind the body, of what has one', () => {
    const trailing = (command: Command) => demanded(command, { ...demands, checksumTrailer: true }).trailing;
    expect([PUT, UPLOAD_PART, CREATE_MULTIPART, GET].map(trailing)).toEqual([true, true, undefined, undefined]);
    expect(demanded(PUT, { checksumTrailer: true }).trailing).toBeUndefined();
  });

  test('the key of SSE-C, of what S3 wants it with', () => {
    const customerKey = { key: 'a', md5: 'b' };
    const has = (command: Command, own: object = {}) =>
      Object.keys(demanded(command, { customerKey, ...own }).headers ?? {}).filter((name) => name.endsWith('-key'));
    const [own, source] = [
      'x-amz-server-side-encryption-customer-key',
      'x-amz-copy-source-server-side-encryption-customer-key',
    ];
    const keyed = [
      ...[GET, READ, GET_PART, GET_IF_NONE_MATCH, PUT, HEAD, HEAD_WRITTEN],
      ...[CREATE_MULTIPART, UPLOAD_PART, GET_OBJECT_ATTRIBUTES],
    ];
    for (const command of keyed) expect({ op: command.op, has: has(command) }).toEqual({ op: command.op, has: [own] });
    expect([has(COPY), has(UPLOAD_PART_COPY)]).toEqual([
      [own, source],
      [own, source],
    ]);
    expect(Object.keys(demanded(POST, { customerKey }).fields ?? {})).toContain(own);
    expect([has(COMPLETE_MULTIPART), has(COMPLETE_MULTIPART, { checksum: 'md5' })]).toEqual([[], []]);
    expect(has(COMPLETE_MULTIPART, { checksum: 'crc32' })).toEqual([own]);
    const others = [...COMMANDS.values()].filter(
      ({ op }) => ![...keyed, COPY, UPLOAD_PART_COPY, ...NEVER_SENT].some((command) => command.op === op),
    );
    for (const command of others) expect({ op: command.op, has: has(command) }).toEqual({ op: command.op, has: [] });
  });

  test('what is of objects does not go with what sets their ACL or tags', () => {
    for (const command of [PUT_OBJECT_ACL, PUT_OBJECT_TAGGING]) expect(more(command).headers).toEqual(OF_ALL);
    expect(more(COPY).headers).toEqual(OF_OBJECTS);
  });

  test('a Content-MD5 needs no word of it before', () => {
    expect(demanded(CREATE_MULTIPART, { checksum: 'md5' }).headers).toBeUndefined();
  });

  test('nothing leaves rows as they are', () => {
    for (const command of COMMANDS.values()) expect(demanded(command, {})).toEqual(command);
  });
});
