import { describe, expect, test } from 'vitest';
import { createCount, inventoryTable } from './inventory';

const key = (worker: string, size: string, test: string, n: number) =>
  `loadtest/${worker}/${size}/${test}/${1_700_000_000_000_000 + n}/x`;

describe('a count', () => {
  test('sums own objects by worker, size and test, and tells others', () => {
    const counting = createCount('loadtest/');
    counting.add([
      { key: key('w0', '1KB', 'firehose', 1), bytes: 1024 },
      { key: key('w0', '1KB', 'firehose', 2), bytes: 1000 },
      { key: 'loadtest/notes.txt', bytes: 5 },
    ]);
    counting.add([
      { key: key('w1', '1KB', 'firehose', 1), bytes: 1024 },
      { key: 'loadtest/notes.txt', bytes: 6 },
      { key: 'loadtest/a', bytes: 1 },
      { key: 'loadtest/b', bytes: 1 },
      { key: 'loadtest/c', bytes: 1 },
    ]);
    expect(counting.inventory()).toEqual({
      holdings: [
        { worker: 'w0', size: '1KB', test: 'firehose', objects: 2, bytes: 2024 },
        { worker: 'w1', size: '1KB', test: 'firehose', objects: 1, bytes: 1024 },
      ],
      objects: 3,
      bytes: 3048,
      foreign: { objects: 5, examples: ['loadtest/notes.txt', 'loadtest/a', 'loadtest/b'] },
    });
  });
});

describe('the table', () => {
  test('in order of workers, sizes and tests', () => {
    const counting = createCount('loadtest/');
    for (const [worker, size] of [
      ['w1', '1KB'],
      ['w0', '10KB'],
      ['w0', '1MB'],
      ['w0', '2KB'],
    ] as const) {
      counting.add(Array.from({ length: 1234 }, (_, n) => ({ key: key(worker, size, 'firehose', n), bytes: 2048 })));
    }
    expect(`\n${inventoryTable(counting.inventory(), 'objects')}\n`).toMatchInlineSnapshot(`
      "
      worker  size  test      objects  bytes
      w0      2KB   firehose    1,234  2.4MB
      w0      10KB  firehose    1,234  2.4MB
      w0      1MB   firehose    1,234  2.4MB
      w1      1KB   firehose    1,234  2.4MB
      total                     4,936  9.6MB
      "
    `);
  });

  test('of many rows the largest are shown, and the others summed up', () => {
    const counting = createCount('loadtest/');
    for (let w = 0; w < 100; w++) {
      counting.add(Array.from({ length: w + 1 }, (_, n) => ({ key: key(`w${w}`, '1B', 'metastorm', n), bytes: 1 })));
    }
    const lines = inventoryTable(counting.inventory(), 'versions').split('\n');
    expect(lines).toHaveLength(1 + 40 + 2);
    expect(lines[0]).toBe('worker   size  test       versions  bytes');
    expect(lines[1]).toBe('w60      1B    metastorm        61    61B');
    expect(lines.at(-2)).toBe('60 more                      1,830  1.8KB');
    expect(lines.at(-1)).toBe('total                        5,050  4.9KB');
  });
});
