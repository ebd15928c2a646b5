import { describe, expect, test } from 'vitest';
import { canonicalQuery, encodeKey, encodeQueryPart } from './uri';

const UNRESERVED = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~';

/** The rule as AWS words it, byte by byte: every byte of the UTF-8 but the unreserved ones is %XY, upper-case. */
function byTheRule(text: string, unencoded: string): string {
  return [...new TextEncoder().encode(text)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return byte < 0x80 && unencoded.includes(character)
        ? character
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
}

// Encoded forms as botocore 1.43's percent_encode gives them, with '/~' left as they are in a path and '~' in a query.
const rows = [
  { text: '', path: '', query: '', why: 'nothing is nothing' },
  {
    text: 'loadtest/w0/1KB/t/1/a-0',
    path: 'loadtest/w0/1KB/t/1/a-0',
    query: 'loadtest%2Fw0%2F1KB%2Ft%2F1%2Fa-0',
    why: 'a slash parts a path, but not a query',
  },
  { text: 'a b', path: 'a%20b', query: 'a%20b', why: 'never +, which S3 reads as a plus' },
  { text: 'a+b', path: 'a%2Bb', query: 'a%2Bb', why: 'which some servers read as a space' },
  { text: '100%', path: '100%25', query: '100%25', why: 'a percent sign of its own' },
  { text: '%20', path: '%2520', query: '%2520', why: 'what looks encoded is a key all the same' },
  { text: 'a?b', path: 'a%3Fb', query: 'a%3Fb', why: 'would begin the query' },
  { text: 'a#b', path: 'a%23b', query: 'a%23b', why: 'would begin the fragment, and never be sent' },
  { text: 'a=b&c=d', path: 'a%3Db%26c%3Dd', query: 'a%3Db%26c%3Dd', why: 'would be two parameters' },
  { text: 'ü', path: '%C3%BC', query: '%C3%BC', why: 'two bytes' },
  {
    text: 'u\u0308',
    path: 'u%CC%88',
    query: 'u%CC%88',
    why: 'the same letter in two: another key, S3 normalises nothing',
  },
  { text: '日本', path: '%E6%97%A5%E6%9C%AC', query: '%E6%97%A5%E6%9C%AC', why: 'three bytes each' },
  { text: '😀', path: '%F0%9F%98%80', query: '%F0%9F%98%80', why: 'a surrogate pair is one character of four bytes' },
  { text: '\u{10ffff}', path: '%F4%8F%BF%BF', query: '%F4%8F%BF%BF', why: 'the last character there is' },
  {
    text: '\ufeff\uffff',
    path: '%EF%BB%BF%EF%BF%BF',
    query: '%EF%BB%BF%EF%BF%BF',
    why: 'no mark or non-character is dropped',
  },
  { text: 'a//b', path: 'a//b', query: 'a%2F%2Fb', why: 'an empty segment is one' },
  { text: '/a', path: '/a', query: '%2Fa', why: 'so the path has two slashes, and keeps them' },
  {
    text: 'a/./b/../c',
    path: 'a/./b/../c',
    query: 'a%2F.%2Fb%2F..%2Fc',
    why: 'dots are names; a client that resolves them asks for another object',
  },
  { text: '..', path: '..', query: '..', why: 'even alone' },
  { text: '~', path: '~', query: '~', why: 'unreserved since RFC 3986; %7E is another signature' },
  {
    text: "!'()*",
    path: '%21%27%28%29%2A',
    query: '%21%27%28%29%2A',
    why: 'encodeURIComponent leaves them, SigV4 does not',
  },
  {
    text: ';,:@&=$',
    path: '%3B%2C%3A%40%26%3D%24',
    query: '%3B%2C%3A%40%26%3D%24',
    why: 'encodeURI leaves them, SigV4 does not',
  },
  {
    text: '"<>\\^`{|}[]',
    path: '%22%3C%3E%5C%5E%60%7B%7C%7D%5B%5D',
    query: '%22%3C%3E%5C%5E%60%7B%7C%7D%5B%5D',
    why: 'no URL may hold them',
  },
  {
    text: '\x00\t\n\r\x1f\x7f',
    path: '%00%09%0A%0D%1F%7F',
    query: '%00%09%0A%0D%1F%7F',
    why: 'control characters, two digits each',
  },
];

test.each(rows)('$text: $why', ({ text, path, query }) => {
  expect(encodeKey(text)).toBe(path);
  expect(encodeQueryPart(text)).toBe(query);
});

test('every character to U+07FF and some of each plane, alone and within text, is encoded by the rule', () => {
  const codes = Array.from({ length: 0x800 }, (_, i) => i);
  for (let code = 0x800; code <= 0x10ffff; code += 251) if (code < 0xd800 || code > 0xdfff) codes.push(code);
  for (const code of codes) {
    for (const text of [String.fromCodePoint(code), `a/${String.fromCodePoint(code)}/b`]) {
      expect(encodeKey(text)).toBe(byTheRule(text, `${UNRESERVED}/`));
      expect(encodeQueryPart(text)).toBe(byTheRule(text, UNRESERVED));
    }
  }
});

// No UTF-8 holds half a surrogate pair, and no object's key does. Where such text comes from (a broken listing, a key file),
// it reaches a server as U+FFFD by every other way out of the process (TextEncoder, Go, k6's body). As the path, too, it names
// an object that is not there: one counted 404, where an exception would end the VU's iteration with a stack.
const halves = [
  { text: '\ud83d', path: '%EF%BF%BD', why: 'a first half' },
  { text: '\ude00', path: '%EF%BF%BD', why: 'a second half' },
  { text: '\ude00\ud83d', path: '%EF%BF%BD%EF%BF%BD', why: 'a pair the wrong way round is two halves' },
  { text: 'a/\ud83d/ü', path: 'a/%EF%BF%BD/%C3%BC', why: 'what stands around it stays' },
  { text: '\ud83d😀', path: '%EF%BF%BD%F0%9F%98%80', why: 'and so does the pair that follows' },
  { text: '😀\ude00', path: '%F0%9F%98%80%EF%BF%BD', why: 'or comes before' },
];

test.each(halves)('half a surrogate pair is U+FFFD: $why', ({ text, path }) => {
  expect(encodeKey(text)).toBe(path);
  expect(encodeKey(text)).toBe(byTheRule(text, `${UNRESERVED}/`));
  expect(encodeQueryPart(text)).toBe(byTheRule(text, UNRESERVED));
});

describe('canonicalQuery', () => {
  test.each([
    { query: {}, text: '', why: 'no query' },
    { query: { uploads: '' }, text: 'uploads=', why: 'a sub-resource keeps its =' },
    {
      query: { prefix: undefined, 'max-keys': 0 },
      text: 'max-keys=0',
      why: 'undefined is left out, 0 and an empty text are not',
    },
    { query: { b: 1, B: 2, a: 3, A: 4 }, text: 'A=4&B=2&a=3&b=1', why: 'by code point: upper-case first' },
    {
      query: { 'a-b': 1, a: 2, a1: 3 },
      text: 'a=2&a-b=1&a1=3',
      why: 'by name: "a" first, though "-" and "1" sort before "="',
    },
    { query: { é: 1, z: 2, '~': 3 }, text: '%C3%A9=1&z=2&~=3', why: 'by the encoded name: % first, ~ last' },
    { query: { 10: 'x', 9: 'y' }, text: '10=x&9=y', why: 'as text, not as numbers, whose order an object gives' },
    { query: { prefix: 'a/b c&d' }, text: 'prefix=a%2Fb%20c%26d', why: 'values are encoded, / too' },
  ])('$text: $why', ({ query, text }) => {
    expect(canonicalQuery(query)).toBe(text);
  });
});
