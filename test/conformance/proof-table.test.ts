import { expect, test } from 'vitest';
import { ACTIONS } from '../../lib/workload/actions';
import { withProofs } from './proof-table';
import { provedOps } from './proofs';

const PAGE = 'before\n<!-- written by test/conformance/conformance.test.ts -->\n<!-- until here -->\nafter\n';

test('what was seen takes the place of what stood there, and the rest stays', () => {
  const first = withProofs(PAGE, ['A', 'B'], ['x', 'y'], new Map([['x', { A: 'yes', B: 'no: 501' }]]));
  const second = withProofs(first, ['A', 'C', 'B'], ['x', 'y'], new Map([['y', { A: 'yes' }]]));
  expect(second.split('\n')).toEqual([
    'before',
    '<!-- written by test/conformance/conformance.test.ts -->',
    '',
    '| Operation | x | y |',
    '| --- | --- | --- |',
    '| `A` | yes | yes |',
    '| `C` | – | – |',
    '| `B` | no: 501 | – |',
    '',
    '<!-- until here -->',
    'after',
    '',
  ]);
  expect(withProofs(second, ['A', 'C', 'B'], ['x', 'y'], new Map())).toBe(second);
});

test.each(Object.keys(ACTIONS))('%s is proved', (op) => {
  expect(provedOps).toContain(op);
});
