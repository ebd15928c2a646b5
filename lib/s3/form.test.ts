import { expect, test } from 'vitest';
import { FORM_TYPE, formOf, policyOf } from './form';

test('a policy allows one key, one length and an hour, and each field', () => {
  expect(JSON.parse(policyOf('b', 'a/ü', 5, { 'x-amz-date': 'now' }, Date.UTC(2026, 0, 1)))).toEqual({
    expiration: '2026-01-01T01:00:00.000Z',
    conditions: [{ bucket: 'b' }, { key: 'a/ü' }, ['content-length-range', 5, 5], { 'x-amz-date': 'now' }],
  });
});

test('a form has its fields, and the file last', async () => {
  const file = new Uint8Array([0, 13, 10, 45, 45, 255]);
  const body = formOf({ key: 'a/ü', policy: 'p' }, file.buffer);
  const form = await new Response(body, { headers: { 'content-type': FORM_TYPE } }).formData();
  expect([...form.keys()]).toEqual(['key', 'policy', 'file']);
  expect([form.get('key'), form.get('policy')]).toEqual(['a/ü', 'p']);
  expect(new Uint8Array(await (form.get('file') as File).arrayBuffer())).toEqual(file);
});
