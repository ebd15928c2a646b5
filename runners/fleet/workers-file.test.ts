import { describe, expect, test } from 'vitest';
import { machinesOn, parseWorkersFile } from './workers-file';

const parse = (text: string) => parseWorkersFile(text, './workers');

describe('a line', () => {
  test.each<{ line: string; is: object; why: string }>([
    { line: 'node1', is: { name: 'node1' }, why: 'a name, or an alias of ssh' },
    { line: 'node1.lan  # rack 4', is: { name: 'node1.lan' }, why: 'the rest is a comment' },
    { line: '\tnode1  ', is: { name: 'node1' }, why: 'space around it is nothing' },
    { line: '10.0.0.5', is: { name: '10.0.0.5' }, why: 'an address' },
    { line: 'bench@node1', is: { name: 'node1', user: 'bench' }, why: 'a user of its own' },
    { line: 'node1:2222', is: { name: 'node1', port: 2222 }, why: 'a port of its own' },
    { line: 'bench@node1:2222', is: { name: 'node1', user: 'bench', port: 2222 }, why: 'both' },
    { line: 'a@corp.example@node1', is: { name: 'node1', user: 'a@corp.example' }, why: 'the last @ is the one' },
    { line: '::1', is: { name: '::1' }, why: 'IPv6 has colons of its own' },
    { line: 'fe80::2%eth0', is: { name: 'fe80::2%eth0' }, why: 'and may have a zone' },
    { line: '[::1]:2222', is: { name: '::1', port: 2222 }, why: 'a port needs brackets' },
    { line: 'root@[fd00::7]', is: { name: 'fd00::7', user: 'root' }, why: 'brackets need no port' },
    { line: '10.0.0.5 node5', is: { name: 'node5', address: '10.0.0.5' }, why: 'as in /etc/hosts' },
    { line: '10.0.0.5 node5.lan node5', is: { name: 'node5.lan', address: '10.0.0.5' }, why: 'its aliases, too' },
    {
      line: 'bench@10.0.0.5:2222 node5',
      is: { name: 'node5', address: '10.0.0.5', user: 'bench', port: 2222 },
      why: 'all of it',
    },
  ])('$line: $why', ({ line, is }) => {
    expect(parse(line)).toEqual([{ ...is, line: 1 }]);
  });

  test.each<{ line: string; why: string }>([
    { line: '-oProxyCommand=reboot', why: 'an option to ssh' },
    { line: 'node1 node2', why: 'two hosts' },
    { line: 'node1,node2', why: 'a list' },
    { line: 'node1:', why: 'a port left out' },
    { line: 'node1:0', why: 'no port' },
    { line: 'node1:65536', why: 'no port' },
    { line: '10.0.0.256', why: 'no address' },
    { line: '[node1]:22', why: 'brackets are for IPv6' },
    { line: '::1:2222:x', why: 'no address' },
    { line: '@node1', why: 'no user' },
    { line: '-l@node1', why: 'an option to ssh' },
    { line: 'ssh://node1', why: 'a URL' },
    { line: '10.0.0.5 -node', why: 'an option to ssh' },
    { line: 'node1;reboot', why: 'a command' },
  ])('$line is refused: $why', ({ line }) => {
    expect(() => parse(`# first\n${line}\n`)).toThrow(
      `./workers, line 2, is "${line}": give host, user@host, host:port, user@host:port, [IPv6]:port, or an address and a host name as in /etc/hosts`,
    );
  });
});

test('the lines of a file, without comments and empty ones', () => {
  const text = '\uFEFF# rack 4\r\n\r\nnode1\r\n  # node2 is broken\r\nnode3 # spare\r\n';
  expect(parse(text).map(({ name, line }) => `${line} ${name}`)).toEqual(['3 node1', '5 node3']);
});

test('every line that is wrong is told at once', () => {
  expect(() => parse('a b\nnode1\nNODE1:22\n:7\n')).toThrow(
    expect.objectContaining({
      problems: [
        expect.stringContaining('line 1, is "a b"'),
        './workers, line 3: NODE1 stands in line 2 already: list a machine once, and take --per-host for more workers on it',
        expect.stringContaining('line 4, is ":7"'),
      ],
    }),
  );
});

test('one address under two names is one machine; another port or user is another', () => {
  expect(() => parse('10.0.0.5 node5\n10.0.0.5\n')).toThrow('line 2: 10.0.0.5 stands in line 1 already');
  expect(parse('node1\nnode1:2222\nbench@node1\n')).toHaveLength(3);
});

describe('machines', () => {
  const hosts = parse('node1\nbench@node2:2222\n10.0.0.3 node3\n');
  const shown = (count: number, perHost?: number) =>
    machinesOn(hosts, count, './workers', perHost).map(({ id, host, slot }) => `${id} ${host} ${slot}`);

  test('are the first hosts of the file, with all that it says of them', () => {
    expect(machinesOn(hosts, 3, './workers')).toEqual([
      { id: 'w0', host: 'node1', slot: 0 },
      { id: 'w1', host: 'node2', user: 'bench', port: 2222, slot: 0 },
      { id: 'w2', host: 'node3', address: '10.0.0.3', slot: 0 },
    ]);
    expect(shown(2)).toEqual(['w0 node1 0', 'w1 node2 0']);
  });

  test('with --per-host go round', () => {
    expect(shown(5, 2)).toEqual(['w0 node1 0', 'w1 node2 0', 'w2 node3 0', 'w3 node1 1', 'w4 node2 1']);
    expect(shown(2, 2)).toEqual(['w0 node1 0', 'w1 node2 0']);
  });

  test.each([
    {
      count: 4,
      perHost: undefined,
      says: '--workers is 4, ./workers has 3 hosts: add more, or take --per-host 2',
    },
    {
      count: 7,
      perHost: 2,
      says: '--workers is 7, ./workers has 3 hosts and --per-host is 2: add more, or take --per-host 3',
    },
  ])('are too few for $count', ({ count, perHost, says }) => {
    expect(() => shown(count, perHost)).toThrow(says);
  });

  test('are none in an empty file', () => {
    expect(() => machinesOn(parse('# none yet\n'), 1, './workers')).toThrow(
      '--workers is 1, ./workers has 0 hosts: add some',
    );
  });
});
