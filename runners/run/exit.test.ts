import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Result, Worker } from '../../lib/result/result';
import { ROOT } from '../tools/project';
import { type Cause, causeOf, EXIT, EXIT_OF, exitByThresholds, isRefusal } from './exit';

const worker = (exit: number) => ({ id: 'w0', exit }) as Worker;

function resultOf(more: Partial<Result> = {}): Result {
  const totals = [{ test: 'firehose', op: 'PUT', ops: 1, bytes: 1, errors: {} }];
  const whole = { totals, thresholds: [], connections: [], workers: [worker(0)], interrupted: false, partial: false };
  return { ...whole, ...more } as unknown as Result;
}

test.each<[Cause, number]>([
  ['passed', 0],
  ['threshold-crossed', 99],
  ['refused', 2],
  ['not-started', 1],
  ['left', 1],
  ['no-result', 1],
  ['partial', 1],
  ['interrupted', 1],
  ['nothing-achieved', 1],
  ['k6-failed', 1],
  ['not-written', 1],
  ['keys-not-pruned', 1],
])('%s: %d', (cause, code) => {
  expect(EXIT_OF[cause]).toBe(code);
});

describe('why a run ended', () => {
  test.each<{ what: string; result: Result | undefined; inOrder?: boolean; cause: Cause }>([
    { what: 'all is well', result: resultOf(), cause: 'passed' },
    {
      what: 'one k6 of two found a threshold failed',
      result: resultOf({ workers: [worker(0), worker(99)] }),
      cause: 'threshold-crossed',
    },
    {
      what: 'another ended otherwise, too',
      result: resultOf({ workers: [worker(99), worker(107)] }),
      cause: 'k6-failed',
    },
    { what: 'there is no Result', result: undefined, cause: 'no-result' },
    { what: 'figures are missing', result: resultOf({ partial: true, interrupted: true }), cause: 'partial' },
    { what: 'a signal came', result: resultOf({ interrupted: true }), cause: 'interrupted' },
    { what: 'a signal came, by order', result: resultOf({ interrupted: true }), inOrder: true, cause: 'passed' },
    {
      what: 'by order, and figures are missing',
      result: resultOf({ partial: true, interrupted: true }),
      inOrder: true,
      cause: 'partial',
    },
    { what: 'nothing succeeded', result: resultOf({ totals: [] }), cause: 'nothing-achieved' },
  ])('$what: $cause', ({ result, inOrder, cause }) => {
    expect(causeOf(result, inOrder)).toBe(cause);
  });
});

test('what k6 refuses, and what it judges', () => {
  expect([104, 108, 255, 0, 99, 105, 107, null, undefined].map(isRefusal)).toEqual([
    true,
    true,
    true,
    ...Array(6).fill(false),
  ]);
  const thresholds = [{ metric: 'a', expr: 'b', ok: true }];
  expect(exitByThresholds({ thresholds })).toBe(0);
  expect(exitByThresholds({ thresholds: [...thresholds, { metric: 'a', expr: 'c', ok: false }] })).toBe(99);
});

test('docs/results.md has a row of every exit code, and no other', () => {
  const page = readFileSync(join(ROOT, 'docs/results.md'), 'utf8');
  const [table = ''] = /^\| code \| meaning \|\n(?:\|.*\n)+/m.exec(page) ?? [];
  const codes = [...table.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
  expect(new Set(codes)).toEqual(new Set(Object.values(EXIT)));
});
