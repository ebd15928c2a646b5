import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as table from './commands';

const rows = Object.entries(table).filter((entry): entry is [string, table.Command] => 'op' in entry[1]);
const docs = readFileSync(new URL('../../docs/commands.md', import.meta.url), 'utf8');

test.each(rows)('%s is known by its op, and has a line in docs/commands.md', (_, { op }) => {
  expect(table.COMMANDS.get(op)?.op).toBe(op);
  expect(docs).toContain(`\n| \`${op}\` |`);
});

test.each(rows)(
  '%s is a row that engines can compile',
  (_, { op, on, body, answer, effect, many, mayMiss, counts, md5 }) => {
    // Only documents have a checksum, and bodies without end go to objects.
    if (md5) expect(body).toBe('text');
    if (body === 'payload') expect(on).toBe('object');
    // Objects are counted where an answer says how many there are, or the caller does.
    if (many) expect(answer.kind).toBe('xml');
    // What belongs to another operation is no object that others delete.
    if (counts === 'part' && op !== 'UPLOAD_PART_COPY') expect(mayMiss).toBeUndefined();
    if (answer.kind !== 'xml') return;
    const { continuation, texts = [], refusals, lists = {} } = answer;
    if (continuation !== undefined) expect(texts).toEqual(expect.arrayContaining(['IsTruncated', continuation]));
    if (refusals !== undefined) expect(lists[refusals]).toEqual(expect.arrayContaining(['Code', 'Message']));
    if (effect === 'list') expect(answer.objects).toBeDefined();
  },
);
