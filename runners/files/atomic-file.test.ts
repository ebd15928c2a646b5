import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { isFileError, writeWhole } from './atomic-file';

const root = mkdtempSync(join(tmpdir(), 's3lt-atomic-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(root, 'dir-'));
});

test('a file is there when it is whole, and not before', async () => {
  const path = join(dir, 'a', 'b', 'file');
  const kept = await writeWhole(path, async (write) => {
    await write('one\n');
    await write(Buffer.from('two\n'));
    expect(readdirSync(join(dir, 'a', 'b'))).toEqual([`file.part-${process.pid}`]);
    return true;
  });
  expect(kept).toBe(true);
  expect(readdirSync(join(dir, 'a', 'b'))).toEqual(['file']);
  expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n');
});

test.each([
  { how: 'a failure', fill: async () => Promise.reject(new Error('no')) },
  { how: 'a change of mind', fill: async () => false },
])('$how leaves what was there, and nothing else', async ({ fill }) => {
  const path = join(dir, 'file');
  writeFileSync(path, 'old');
  await writeWhole(path, async (write) => {
    await write('new');
    return fill();
  }).catch((e: Error) => expect(e.message).toBe('no'));
  expect(readdirSync(dir)).toEqual(['file']);
  expect(readFileSync(path, 'utf8')).toBe('old');
});

test('nor does a name that can not be taken leave anything', async () => {
  mkdirSync(join(dir, 'file', 'in'), { recursive: true });
  const failed = await writeWhole(join(dir, 'file'), async () => true).catch((e: unknown) => e);
  expect(isFileError(failed)).toBe(true);
  expect(readdirSync(dir)).toEqual(['file']);
});

test('listeners do not add up', async () => {
  const before = process.listenerCount('exit');
  for (let i = 0; i < 20; i++) await writeWhole(join(dir, 'file'), async () => true);
  expect(process.listenerCount('exit')).toBe(before);
});
