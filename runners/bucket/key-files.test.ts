import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { keyFileName } from '../../lib/workload/keys';
import { seeded } from '../../lib/workload/random';
import {
  compareKeys,
  findKeyFiles,
  isWithin,
  type KeyFile,
  type KeyRange,
  sampleKeys,
  withoutDeleted,
} from './key-files';

const root = mkdtempSync(join(tmpdir(), 's3lt-key-files-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(root, 'dir-'));
});

const keyOf = (n: number, { worker = 'w0', size = '1KB', test = 'firehose' } = {}) =>
  `loadtest/${worker}/${size}/${test}/${1_700_000_000_000_000 + n}/x-${n}`;

function write(name: string, lines: readonly string[], end = '\n'): string {
  const path = join(dir, name);
  writeFileSync(path, lines.map((line) => `${line}${end}`).join(''));
  return path;
}

function fileOf(n: number, parts: { worker?: string; size?: string; test?: string } = {}, from = 0): KeyFile {
  const whole = { worker: 'w0', size: '1KB', test: 'firehose', ...parts };
  const keys = Array.from({ length: n }, (_, i) => keyOf(from + i, whole));
  return { ...whole, path: write(keyFileName(whole), keys) };
}

describe('finding key files', () => {
  test('by their names, and nothing else in the folder', async () => {
    for (const name of [
      'loadtest-keys-firehose-w0-1KB.txt',
      'loadtest-keys-metastorm-rack.7-1B.txt',
      'loadtest-keys-firehose-w0-1KB.txt.part-77',
      'loadtest-keys-firehose-1KB.txt',
      'loadtest-keys-firehose-w0-big.txt',
      'xloadtest-keys-firehose-w0-1KB.txt',
      'notes.txt',
    ]) {
      write(name, []);
    }
    expect(await findKeyFiles(dir)).toEqual([
      { path: join(dir, 'loadtest-keys-firehose-w0-1KB.txt'), test: 'firehose', worker: 'w0', size: '1KB' },
      { path: join(dir, 'loadtest-keys-metastorm-rack.7-1B.txt'), test: 'metastorm', worker: 'rack.7', size: '1B' },
    ]);
  });

  test.each([
    { worker: 'rack-7', of: 'heavy' },
    { worker: '7', of: 'heavy-rack' },
  ])('dashes: the first key tells test $of from worker $worker', async ({ worker, of }) => {
    write('loadtest-keys-heavy-rack-7-1KB.txt', [keyOf(1, { worker, test: of })]);
    expect(await findKeyFiles(dir)).toMatchObject([{ test: of, worker, size: '1KB' }]);
  });

  test('dashes, and no key to tell: the test has none', async () => {
    write('loadtest-keys-heavy-rack-7-1KB.txt', []);
    expect(await findKeyFiles(dir)).toMatchObject([{ test: 'heavy', worker: 'rack-7' }]);
  });

  test('none where there is no folder', async () => {
    expect(await findKeyFiles(join(dir, 'none'))).toEqual([]);
  });
});

describe('sampling keys', () => {
  test('all of a small file, none twice', async () => {
    const file = fileOf(50);
    const { '1KB': keys = [] } = await sampleKeys([file], 1000, seeded(1));
    expect(keys.sort()).toEqual(readFileSync(file.path, 'utf8').trim().split('\n').sort());
  });

  test('by size, at most so many of each', async () => {
    const samples = await sampleKeys(
      [fileOf(50), fileOf(30, { size: '10KB' }), fileOf(5, { size: '1MB' })],
      20,
      seeded(1),
    );
    expect(Object.entries(samples).map(([size, keys]) => [size, keys.length])).toEqual([
      ['1KB', 20],
      ['10KB', 20],
      ['1MB', 5],
    ]);
    for (const [size, keys] of Object.entries(samples)) {
      for (const key of keys) expect(key).toContain(`/${size}/`);
    }
  });

  test('an equal share of each file, and what one lacks of the others', async () => {
    const files = [fileOf(500, { worker: 'a' }), fileOf(500, { worker: 'b' }), fileOf(10, { worker: 'c' })];
    for (let seed = 1; seed < 10; seed++) {
      const { '1KB': keys = [] } = await sampleKeys(files, 100, seeded(seed));
      const of = (worker: string) => keys.filter((key) => key.startsWith(`loadtest/${worker}/`)).length;
      expect([of('a'), of('b'), of('c')]).toEqual([45, 45, 10]);
    }
  });

  test('of more files than keys are wanted, one each of some', async () => {
    const files = Array.from({ length: 30 }, (_, i) => fileOf(3, { worker: `w${i}` }));
    const { '1KB': keys = [] } = await sampleKeys(files, 7, seeded(1));
    expect(new Set(keys.map((key) => key.split('/')[1])).size).toBe(7);
  });

  test('from all over a large file, of which little is read', async () => {
    const n = 40_000;
    const file = fileOf(n);
    expect(statSync(file.path).size).toBeGreaterThan(1.5 * 1024 ** 2);
    const { '1KB': keys = [] } = await sampleKeys([file], 400, seeded(1));
    expect(keys).toHaveLength(400);
    expect(new Set(keys).size).toBe(400);
    const all = new Set(readFileSync(file.path, 'utf8').trim().split('\n'));
    expect(keys.filter((key) => !all.has(key))).toEqual([]);
    // Each tenth of the file has about a tenth of the keys.
    const tenths = Array.from({ length: 10 }, () => 0);
    for (const key of keys) {
      const tenth = Math.floor((Number(key.split('-').at(-1)) / n) * 10);
      tenths[tenth] = (tenths[tenth] ?? 0) + 1;
    }
    for (const count of tenths) expect(Math.abs(count - 40)).toBeLessThan(8);
  });

  test('first and last line of a large file can be picked', async () => {
    const file = fileOf(40_000);
    const [first, last] = [keyOf(0), keyOf(39_999)];
    const { '1KB': atEnd = [] } = await sampleKeys([file], 1, () => 0.999999999);
    expect(atEnd).toEqual([first]); // after the last line comes the first
    const beforeLast = 1 - 60 / statSync(file.path).size;
    const { '1KB': nearEnd = [] } = await sampleKeys([file], 1, () => beforeLast);
    expect(nearEnd).toEqual([last]);
  });

  test.each([{ large: false }, { large: true }])(
    'lines that are no own keys of the size are passed over (large: $large)',
    async ({ large }) => {
      const bad = [
        '',
        'no key',
        'loadtest/notes.txt',
        keyOf(1, { size: '2KB' }),
        `${keyOf(1)}/x`,
        keyOf(1).replace('x-', 'ä'),
        '\u0000',
      ];
      const good = Array.from({ length: large ? 30_000 : 100 }, (_, i) => keyOf(i));
      const lines = good.flatMap((key, i) => [bad[i % bad.length] as string, key]);
      const path = write('loadtest-keys-firehose-w0-1KB.txt', lines);
      const file = { path, worker: 'w0', size: '1KB', test: 'firehose' };
      const { '1KB': keys = [] } = await sampleKeys([file], 60, seeded(3));
      expect(keys.length).toBeGreaterThan(50);
      expect(keys.filter((key) => !/^loadtest\/w0\/1KB\/firehose\/\d{16}\/x-\d+$/.test(key))).toEqual([]);
    },
  );

  test('lines may end as Windows ends them, and the last one need not end', async () => {
    const path = join(dir, 'loadtest-keys-firehose-w0-1KB.txt');
    writeFileSync(path, `${keyOf(1)}\r\n${keyOf(2)}`);
    const { '1KB': keys = [] } = await sampleKeys(await findKeyFiles(dir), 10, seeded(1));
    expect(keys.sort()).toEqual([keyOf(1), keyOf(2)]);
  });

  test('no key, no size', async () => {
    expect(await sampleKeys([fileOf(0)], 10, seeded(1))).toEqual({});
  });
});

describe('leaving out what was deleted', () => {
  const linesOf = (path: string) => readFileSync(path, 'utf8').split('\n').slice(0, -1);

  test('keys within a range go, both its ends among them, and those that failed stay', async () => {
    const { path } = fileOf(20);
    const ranges: KeyRange[] = [
      [keyOf(3), keyOf(5)],
      [keyOf(10), keyOf(12)],
    ];
    const dropped = await withoutDeleted(path, (key) => isWithin(key, ranges) && key !== keyOf(11));
    expect(dropped).toBe(5);
    const stay = [0, 1, 2, 6, 7, 8, 9, 11, 13, 14, 15, 16, 17, 18, 19].map((n) => keyOf(n));
    expect(linesOf(path)).toEqual(stay);
    expect(readdirSync(dir)).toHaveLength(1);
  });

  test('ends of a range need not be in the file, and no file is left without its last newline', async () => {
    const { path } = fileOf(5);
    writeFileSync(path, readFileSync(path, 'utf8').trimEnd());
    expect(await withoutDeleted(path, (key) => isWithin(key, [['loadtest/', keyOf(1)]]))).toBe(2);
    expect(readFileSync(path, 'utf8')).toBe(`${[2, 3, 4].map((n) => keyOf(n)).join('\n')}\n`);
  });

  test('over the borders of what is read at a time', async () => {
    const n = 60_000; // 3 MB
    const { path } = fileOf(n);
    expect(await withoutDeleted(path, (key) => isWithin(key, [[keyOf(10), keyOf(n - 11)]]))).toBe(n - 20);
    const ends = [...Array(10).keys(), ...Array.from({ length: 10 }, (_, i) => n - 10 + i)];
    expect(linesOf(path)).toEqual(ends.map((i) => keyOf(i)));
  });

  test('the order is that of UTF-8 bytes', async () => {
    const path = write('loadtest-keys-firehose-w0-1KB.txt', ['a', '\uffee', '😀', 'ÿ']);
    // U+1F600 comes after U+FFEE in UTF-8, and before it in UTF-16.
    expect(await withoutDeleted(path, (key) => isWithin(key, [['\uff00', '\uffff']]))).toBe(1);
    expect(linesOf(path)).toEqual(['a', '😀', 'ÿ']);
  });

  test('a file that holds none of them is left as it is', async () => {
    const { path } = fileOf(5);
    const before = statSync(path);
    for (const ranges of [[['x', 'z']], []] as const) {
      expect(await withoutDeleted(path, (key) => isWithin(key, ranges))).toBe(0);
      expect(statSync(path).ino).toBe(before.ino);
    }
    expect(readdirSync(dir)).toHaveLength(1);
  });

  test('no file is an error, and makes none', async () => {
    await expect(withoutDeleted(join(dir, 'none'), (key) => isWithin(key, [['a', 'b']]))).rejects.toMatchObject({
      code: 'ENOENT',
    });
    expect(readdirSync(dir)).toEqual([]);
  });
});

test('keys in order of their UTF-8 bytes', () => {
  const keys = ['', 'A', 'a', 'a/', 'aa', 'z', 'ä', '\uffee', '😀'];
  const byBytes = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  expect([...keys].reverse().sort(compareKeys)).toEqual(byBytes);
  expect(compareKeys('a', 'a')).toBe(0);
});
