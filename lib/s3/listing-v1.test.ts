import { expect, test } from 'vitest';
import type { Found, Reply } from './engine';
import { argumentsOfV1, mayLackV2, replyOfV1 } from './listing-v1';

const OK: Reply = { status: 200, bytes: 0, ms: 1, endpoint: 'e:1' };
const page = (texts: Found['texts'], keys: string[] = [], prefixes: string[] = []): Reply => ({
  ...OK,
  found: {
    objects: keys.length,
    texts,
    lists: { Contents: keys.map((key) => [key, '1']), CommonPrefixes: prefixes.map((prefix) => [prefix]) },
  },
});

test('what begins behind a key has its marker, and all else stays', () => {
  expect(argumentsOfV1({ query: { prefix: 'p/', 'start-after': 'p/a', 'max-keys': 5 } })).toEqual({
    query: { prefix: 'p/', marker: 'p/a', 'max-keys': 5 },
  });
  expect(argumentsOfV1({ query: { prefix: 'p/', 'start-after': undefined, marker: 'p/b' } }).query).toEqual({
    prefix: 'p/',
    marker: 'p/b',
  });
});

test.each([
  { texts: { IsTruncated: 'false' }, keys: ['a'], next: undefined, why: 'the last page' },
  { texts: { IsTruncated: 'true', NextMarker: 'm' }, keys: ['a', 'n'], next: 'm', why: 'it says so' },
  { texts: { IsTruncated: 'true' }, keys: ['a', 'b'], next: 'b', why: 'behind its last key' },
  { texts: { IsTruncated: 'true' }, keys: ['a'], prefixes: ['c/'], next: 'c/', why: 'or its last folder' },
])('$next is where a listing goes on: $why', ({ texts, keys, prefixes, next }) => {
  const { found, failure } = replyOfV1(page(texts as unknown as Found['texts'], keys, prefixes));
  expect([found?.texts.NextMarker, failure]).toEqual([next, undefined]);
});

test('an empty page that goes on is corrupt', () => {
  expect(replyOfV1(page({ IsTruncated: 'true' })).failure?.errorClass).toBe('corrupt');
});

const failed = (errorClass: 'corrupt' | 'client' | 'unsupported' | 'auth', code: string, status = 400): Reply => {
  return { ...OK, status, failure: { errorClass, code, message: '' } };
};

test.each([
  { reply: page({ IsTruncated: 'false' }), lacks: false, why: 'as version 2 has it' },
  { reply: page({ IsTruncated: 'false', Marker: '' }), lacks: true, why: 'a page of version 1' },
  { reply: failed('corrupt', '', 200), lacks: true, why: 'it goes on and has no token' },
  { reply: failed('client', 'InvalidArgument'), lacks: true, why: 'it does not know the parameter' },
  { reply: failed('client', 'MethodNotAllowed', 405), lacks: true, why: 'or the request' },
  { reply: failed('unsupported', 'NotImplemented', 501), lacks: true, why: 'or says so' },
  { reply: failed('auth', 'AccessDenied', 403), lacks: false, why: 'another matter' },
])('a store may lack version 2: $lacks ($why)', ({ reply, lacks }) => {
  expect(mayLackV2(reply)).toBe(lacks);
});
