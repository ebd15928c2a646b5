import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { quote } from './quote';

test.each(['', 'plain', '--a=b/c:d,e', "it's", 'a b', '$HOME `id` "x" \\n', 'a\nb', '*', '-n', "''", 'ü'])(
  'a shell reads %j as one word, and as it is',
  (text) => {
    expect(execFileSync('sh', ['-c', `printf '%s|' ${quote(text)} end`], { encoding: 'utf8' })).toBe(`${text}|end|`);
  },
);

test('what needs no quotes has none', () => {
  expect(quote('/opt/k6-1.0@x')).toBe('/opt/k6-1.0@x');
});
