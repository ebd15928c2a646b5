import { expect, test } from 'vitest';
import type { ConfigError } from '../../lib/settings/config';
import { missingOf } from './init-data';

const files = [
  { path: 'p/1KB.bin', bytes: 1024 },
  { path: 'p/10KB.bin', bytes: 10_240 },
  { path: 'p/100KB.bin', bytes: 102_400 },
];

test('files that are there with the right size are not missing', () => {
  expect(missingOf(files, (path) => (path === 'p/10KB.bin' ? 10_240 : undefined))).toEqual([files[0], files[2]]);
});

test('all of a wrong size are told at once', () => {
  const there = new Map<string, number | 'no file'>([
    ['p/1KB.bin', 0],
    ['p/10KB.bin', 'no file'],
    ['p/100KB.bin', 102_400],
  ]);
  let problems: readonly string[] = [];
  try {
    missingOf(files, (path) => there.get(path));
  } catch (e) {
    problems = (e as ConfigError).problems;
  }
  expect(problems).toEqual([
    'p/1KB.bin has 0 bytes, not 1,024: remove it or move it away, and it is written anew',
    'p/10KB.bin is no file: remove it or move it away, and it is written anew',
  ]);
});
