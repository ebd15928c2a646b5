import { expect, test } from 'vitest';
import { INTERVAL_SCHEMA } from '../../lib/result/interval';
import { parseInterval, WholeLines } from './intervals';

const line = (seq: number) => `${JSON.stringify({ schema: INTERVAL_SCHEMA, seq })}\n`;

test('lines are put together out of pieces, and what is no whole line waits', () => {
  const reader = new WholeLines();
  const text = line(0) + line(1) + line(2);
  const seen = [text.slice(0, 10), text.slice(10, 50), text.slice(50, -1)].map((piece) =>
    reader.push(piece).map((each) => parseInterval(each).seq),
  );
  expect(seen.flat()).toEqual([0, 1]);
  expect(reader.push('\n').map((each) => parseInterval(each).seq)).toEqual([2]);
  expect(reader.push('')).toEqual([]);
});

test.each([
  ['half a line', '{"schema":', /no JSON/],
  ['another version', '{"schema":"s3loadtest/interval@2"}', /"s3loadtest\/interval@2", this version reads/],
  ['something else', '{}', /schema undefined/],
])('%s is refused', (_, text, message) => {
  expect(() => parseInterval(text)).toThrow(message);
});
