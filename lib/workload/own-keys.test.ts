import { describe, expect, test } from 'vitest';
import { createKeyMaker } from './keys';
import { isOwnFolder, ownKey } from './own-keys';

const KEY = 'loadtest/w0/1KB/firehose/1700000000000000/x-1';

describe('own keys', () => {
  test.each([
    { key: KEY, why: 'the layout' },
    { key: 'loadtest/rack-7.a/100GB/heavy-read/1700000000000000/x', why: 'dashes and dots in names' },
    { key: 'loadtest/w0/1B/metastorm/1700000000000000/x', why: 'one byte' },
    { key: 'loadtest/w0/1500B/firehose/1700000000000000/x', why: 'a size that no unit divides' },
  ])('$key: $why', ({ key }) => {
    const [, worker, size, test] = key.split('/');
    expect(ownKey('loadtest/', key)).toEqual({ worker, size, test });
  });

  test('what the maker of keys makes is its own', () => {
    const key = createKeyMaker('a/b/', 'w.1-x', 'metastorm', 3)('1KB');
    expect(ownKey('a/b/', key)).toEqual({ worker: 'w.1-x', size: '1KB', test: 'metastorm' });
  });

  // Each of these would be deleted if it passed.
  test.each([
    { key: 'loadtest/notes.txt', why: 'no layout at all' },
    { key: 'production/w0/1KB/firehose/1700000000000000/x', why: 'under another prefix' },
    { key: 'loadtest2/w0/1KB/firehose/1700000000000000/x', why: 'a prefix that only begins alike' },
    { key: 'loadtest/loadtest/w0/1KB/firehose/1700000000000000/x', why: 'a level deeper' },
    { key: `${KEY}/y`, why: 'something follows' },
    { key: 'loadtest/w0/1KB/firehose/1700000000000000/', why: 'a folder' },
    { key: 'loadtest/w0/1KB/firehose/170000000000000/x', why: '15 digits' },
    { key: 'loadtest/w0/1KB/firehose/17000000000000000/x', why: '17 digits' },
    { key: 'loadtest/w0/1kb/firehose/1700000000000000/x', why: 'a size no label has' },
    { key: 'loadtest/w0/reports/firehose/1700000000000000/x', why: 'no size' },
    { key: 'loadtest/w 0/1KB/firehose/1700000000000000/x', why: 'a worker no setting takes' },
    { key: 'loadtest/../1KB/firehose/1700000000000000/x', why: 'dots' },
    { key: 'loadtest/w0/1KB/fire!/1700000000000000/x', why: 'no name of a test' },
    { key: 'loadtest/w0/1KB/firehose/1700000000000000/ä', why: 'not plain' },
    { key: 'loadtest/w0/1KB/firehose/1700000000000000/x\n', why: 'a line break at the end' },
    { key: '', why: 'nothing' },
  ])('not $key: $why', ({ key }) => {
    expect(ownKey('loadtest/', key)).toBeUndefined();
  });

  test.each([
    { names: ['w0'], is: true },
    { names: ['w0', '1KB'], is: true },
    { names: ['w0', '1KB', 'firehose'], is: true },
    { names: ['..'], is: false },
    { names: [''], is: false },
    { names: ['w0', 'x'], is: false },
  ])('folder $names: $is', ({ names, is }) => {
    expect(isOwnFolder(names)).toBe(is);
  });
});
