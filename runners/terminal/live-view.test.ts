import { expect, test } from 'vitest';
import type { Stats } from '../../lib/result/final';
import { renderView, sparkline, type WorkerView } from './live-view';

const stats: Stats = {
  ops: 168_400,
  bytes: 1.6 * 1024 ** 3,
  errors: 7,
  opsPerSecond: 4310.4,
  bytesPerSecond: 35_100_000,
  elapsedMs: 40_020,
  latency: [],
  objects: [],
  tests: [],
  operations: [
    {
      test: 'firehose',
      op: 'GET',
      ops: 84_000,
      errors: 0,
      opsPerSecond: 2155,
      bytesPerSecond: 1.7e7,
      p50: 1.2,
      p99: 8.31,
    },
    {
      test: 'firehose',
      op: 'PUT',
      ops: 84_400,
      errors: 7,
      opsPerSecond: 2155,
      bytesPerSecond: 1.8e7,
      p50: 3.4,
      p99: 120,
    },
  ],
};

const worker = (n: number, state = 'running'): WorkerView => ({
  ...{ id: `w${n}`, host: `node${n}`, state, opsPerSecond: 100 * n, cores: 1.25, memoryBytes: 200 * 1024 ** 2 },
});

test('a run: how far it is, what it does, and each operation', () => {
  const view = { stats, planned: { ms: 300_000 }, recent: [0, 50, 100], workers: [] };
  expect(renderView(view).join('\n')).toMatchInlineSnapshot(`
    "[###.................] 40s of 5m, 4m20s left  ▁▅█
    168,400 ops, 1.6GB, 7 errors; now 4,310 ops/s, 33.5MB/s

             now  average              p50    p99  errors
    GET  2,155/s  2,099/s  16.2MB/s  1.2ms  8.3ms       0
    PUT  2,155/s  2,109/s  17.2MB/s  3.4ms  120ms       7"
  `);
});

test('connections that are held open are told, where there may be some', () => {
  const [, totals] = renderView({ stats: { ...stats, open: 9998 }, planned: { ms: 300_000 }, recent: [], workers: [] });
  expect(totals).toBe('168,400 ops, 1.6GB, 7 errors, 9,998 connections open; now 4,310 ops/s, 33.5MB/s');
});

test('with workers, each has a line', () => {
  const lines = renderView({
    stats,
    planned: { ms: 300_000 },
    recent: [],
    workers: [worker(0), worker(1, 'lost 12s ago')],
  });
  expect(lines.slice(6).join('\n')).toMatchInlineSnapshot(`
    "
    worker    state           ops        CPU   memory
    w0 node0  running         0/s  1.3 cores  200.0MB
    w1 node1  lost 12s ago  100/s  1.3 cores  200.0MB"
  `);
});

test('of a hundred workers only those are shown that need looking after', () => {
  const workers = Array.from({ length: 100 }, (_, n) => worker(n, n % 40 === 3 ? 'silent' : 'running'));
  const lines = renderView({ stats, planned: { ms: 300_000 }, recent: [], workers });
  expect(lines.filter((line) => line.includes('silent'))).toHaveLength(3);
  expect(lines.at(-1)).toBe('97 more workers: 97 running');
  expect(lines.length).toBeLessThan(24);
});

test('of many operations each test has a line, and no latency that would be of none of them', () => {
  const operations = Array.from({ length: 24 }, (_, i) => ({
    ...{ test: `test${i % 3}`, op: `OP${i}`, ops: 10, errors: 1, opsPerSecond: 5, bytesPerSecond: 0, p50: 1, p99: 2 },
  }));
  const lines = renderView({ stats: { ...stats, operations }, planned: { ms: 1 }, recent: [], workers: [] });
  expect(lines.slice(4)).toHaveLength(3);
  expect(lines[4]).toMatch(/^test0 +40\/s +2\/s .* +8$/);
});

test('no line is wider than 100 columns', () => {
  const workers = Array.from({ length: 100 }, (_, n) => worker(n));
  for (const line of renderView({ stats, planned: { ms: 300_000 }, recent: new Array(40).fill(1), workers })) {
    expect(line.length, line).toBeLessThanOrEqual(100);
  }
});

test('a sparkline goes from nothing to the most', () => {
  expect(sparkline([0, 5, 10])).toBe('▁▅█');
  expect(sparkline([])).toBe('');
  expect(sparkline([0, 0])).toBe('');
});
