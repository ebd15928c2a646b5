import { parseEnv } from 'node:util';
import { expect, test } from 'vitest';
import { parseEnvFile } from './env-file';

/** What any reader of .env files makes of them, Node's own among them. */
const common = [
  { text: '', values: {}, why: 'no line' },
  { text: '\n\n  \n', values: {}, why: 'blank lines' },
  { text: 'A=1', values: { A: '1' }, why: 'no newline at the end' },
  { text: 'A=1\nB=2\n', values: { A: '1', B: '2' }, why: 'a line each' },
  { text: 'A=1\r\nB=2\r\n', values: { A: '1', B: '2' }, why: "Windows' lines" },
  { text: '  A = 1  \n', values: { A: '1' }, why: 'spaces around name and value' },
  { text: 'export A=1\n', values: { A: '1' }, why: 'a file that a shell reads as well' },
  { text: 'exportA=1\n', values: { exportA: '1' }, why: 'export is a word' },
  { text: 'A=\nB=2\n', values: { A: '', B: '2' }, why: 'an empty value does not take the next line' },
  { text: 'A=""\nB=\'\'\n', values: { A: '', B: '' }, why: 'empty quotes' },
  { text: 'A=1\nA=2\n', values: { A: '2' }, why: 'the last one wins' },
  { text: '# note\n#A=1\nC=3\n', values: { C: '3' }, why: 'comments' },
  { text: "# it's a note\nA='1'\n", values: { A: '1' }, why: 'a quote in a comment begins nothing' },
  { text: 'A=1 # note\n', values: { A: '1' }, why: 'a comment after a value' },
  { text: 'A=# note\n', values: { A: '' }, why: 'a comment in place of one' },
  { text: 'A="1" # note\n', values: { A: '1' }, why: 'a comment after quotes' },
  { text: 'A="1 # 2"\n', values: { A: '1 # 2' }, why: '# within quotes' },
  { text: 'A=" 1 "\n', values: { A: ' 1 ' }, why: 'spaces within quotes' },
  { text: 'A=a=b==\n', values: { A: 'a=b==' }, why: 'a session token ends in =' },
  { text: 'A=wJalrXUtnFEMI/K7MDENG+bPx\n', values: { A: 'wJalrXUtnFEMI/K7MDENG+bPx' }, why: 'a secret key' },
  { text: 'A=it\'s\nB=a"b"c\n', values: { A: "it's", B: 'a"b"c' }, why: 'quotes that do not begin the value' },
  {
    text: 'A=\'a"b\'\nB="a\'b"\nC=`a\'"b`\n',
    values: { A: 'a"b', B: "a'b", C: 'a\'"b' },
    why: 'one kind of quotes within another',
  },
  { text: 'A="x\\ny"\n', values: { A: 'x\ny' }, why: '\\n within double quotes is a newline' },
  { text: "A='x\\ny'\n", values: { A: 'x\\ny' }, why: 'within single ones it is not' },
  { text: 'A="x\ny"\nB=2\n', values: { A: 'x\ny', B: '2' }, why: 'quotes may hold several lines' },
  { text: 'A="x\nB=1"\nC=3\n', values: { A: 'x\nB=1', C: '3' }, why: 'which set nothing themselves' },
  { text: 'A="x\r\ny"\n', values: { A: 'x\ny' }, why: 'and end the same on Windows' },
  { text: 'A="1\nB=2\n', values: { A: '"1', B: '2' }, why: 'quotes that nothing closes are part of the value' },
  { text: 'A=$B\nC=$(B)\n', values: { A: '$B', C: '$(B)' }, why: 'nothing is expanded: a secret may hold $' },
];

test.each(common)('$text: $why', ({ text, values }) => {
  expect(parseEnvFile(text)).toEqual(values);
  expect({ ...parseEnv(text) }).toEqual(values);
});

/** Where Node 20 reads otherwise, and why we do not follow. */
const different = [
  {
    text: 'A\nA:1\n=1\nB=2\n',
    values: { B: '2' },
    why: 'a line that sets nothing is nothing; Node joins it to the next',
  },
  { text: '  # A=1\nB=2\n', values: { B: '2' }, why: 'nor does a comment that is set in' },
  {
    text: 'A=pa#ss\n',
    values: { A: 'pa#ss' },
    why: "# within a word is part of it, as for a shell and python-dotenv, the original's; Node cuts a secret short",
  },
  {
    text: '\uFEFFA=1\n',
    values: { A: '1' },
    why: "a byte order mark is no part of a name; Node's first variable is lost",
  },
  { text: 'A=\t1\t\n', values: { A: '1' }, why: 'tabs are spaces' },
  { text: 'export\tA=1\n', values: { A: '1' }, why: 'after export, too' },
  { text: 'A=1\rB=2', values: { A: '1', B: '2' }, why: 'a return ends a line' },
  { text: 'a.b=1\na-b=1\n1a=1\nC=3\n', values: { C: '3' }, why: 'no environment has such names' },
];

test.each(different)('unlike Node, $text: $why', ({ text, values }) => {
  expect(parseEnvFile(text)).toEqual(values);
});
