import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shellHere } from './local';
import { Remote } from './remote';
import { RemoteError } from './shell';
import type { Machine } from './workers-file';

const MACHINE: Machine = { id: 'w3', host: 'node3', slot: 0 };
let folder: string;
const here = shellHere(MACHINE, process.env);
const remote = new Remote(MACHINE, here);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 's3lt-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('run', () => {
  test('a script, its arguments, its output and its exit code', async () => {
    const script = 'printf "%s|" "$@"\necho oops >&2\nexit 3';
    expect(await remote.run(script, { args: ["it's", '', 'a b', '$HOME'] })).toEqual({
      code: 3,
      signal: undefined,
      stdout: "it's||a b|$HOME|",
      stderr: 'oops\n',
    });
  });

  test('what it runs can not read the rest of it', async () => {
    expect((await remote.run('cat\necho after')).stdout).toBe('after\n');
  });

  test('nothing of it is on a command line', async () => {
    const { stdout } = await remote.run('# hidden-word\ntr "\\0" " " < /proc/$$/cmdline', { args: ['not-shown'] });
    expect(stdout).toBe('sh -s s3loadtest ');
  });

  test('with input, lines are commands', async () => {
    const { stdout, code } = await remote.run('read -r first\necho "$1 $first"\ncat', {
      args: ['x'],
      stdin: 'one\ntwo\n',
    });
    expect({ stdout, code }).toEqual({ stdout: 'x one\ntwo\n', code: 0 });
  });

  test('a command that does not read its input ends all the same', async () => {
    expect(await remote.run('exit 4', { stdin: 'x'.repeat(1_000_000) })).toMatchObject({ code: 4 });
  });

  test('one that says nothing for too long is ended', async () => {
    const file = join(folder, 'late');
    const slow = remote.run('sleep 1; echo > "$1"', { args: [file], timeoutMs: 200 });
    await expect(slow).rejects.toMatchObject({ trouble: 'timeout', message: 'w3 (node3): no answer in 0.2 s' });
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(existsSync(file)).toBe(false);
  });

  test('one that goes on to say something is not', async () => {
    const { stdout } = await remote.run('for i in 1 2 3 4; do sleep 0.15; echo $i; done', { timeoutMs: 450 });
    expect(stdout).toBe('1\n2\n3\n4\n');
  });

  test('one that a signal ends', async () => {
    expect(await remote.run('kill -KILL $$')).toMatchObject({ code: null, signal: 'SIGKILL' });
  });
});

describe('stream', () => {
  async function lines(script: string, stdin?: string) {
    const got: Array<[string, number]> = [];
    const stream = await remote.stream(
      script,
      (line, bytes) => got.push([line, bytes]),
      stdin === undefined ? {} : { stdin },
    );
    return { got, ...(await stream.ended) };
  }

  test('whole lines with their bytes, and a last one without an end', async () => {
    const { got, code } = await lines("printf 'one\\n'; sleep 0.05; printf 'tw'; sleep 0.05; printf 'ö\\n\\nlast'");
    expect(code).toBe(0);
    expect(got).toEqual([
      ['one', 4],
      ['twö', 5],
      ['', 1],
      ['last', 4],
    ]);
  });

  test('a line that breaks off with its command is none', async () => {
    const { got, code, stderr } = await lines("echo one; printf 'tw'; echo no >&2; exit 1");
    expect({ got, code, stderr }).toEqual({ got: [['one', 4]], code: 1, stderr: 'no\n' });
  });

  test('what is written goes to it, and stop ends it', async () => {
    const got: string[] = [];
    const stream = await remote.stream('while read -r line; do echo "<$line>"; done', (line) => got.push(line), {
      stdin: '',
    });
    stream.write('a\nb\n');
    while (got.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
    stream.stop();
    expect(await stream.ended).toMatchObject({ code: null, signal: 'SIGTERM' });
    expect(got).toEqual(['<a>', '<b>']);
  });
});

describe('files', () => {
  const at = (name: string) => join(folder, name);
  const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

  test('go there with their mode, into folders that are made, and come back', async () => {
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251));
    writeFileSync(at('local'), bytes);
    await remote.putFile(at('local'), at("new/it's here/tool"), '0755');
    expect(readFileSync(at("new/it's here/tool")).equals(bytes)).toBe(true);
    expect(mode(at("new/it's here/tool"))).toBe('755');
    await remote.getFile(at("new/it's here/tool"), at('back'));
    expect(readFileSync(at('back')).equals(bytes)).toBe(true);
  });

  test('a text takes the place of another, empty or not', async () => {
    await remote.putText('secret', at('text'), '0600');
    expect(mode(at('text'))).toBe('600');
    await remote.putText('', at('text'), '0644');
    expect(readFileSync(at('text'), 'utf8')).toBe('');
    expect(mode(at('text'))).toBe('644');
    await remote.getFile(at('text'), at('empty'));
    expect(readFileSync(at('empty'), 'utf8')).toBe('');
  });

  test("what can't be written is told in one line, and leaves nothing", async () => {
    writeFileSync(at('file'), '');
    await expect(remote.putText('x', at('file/below'), '0600')).rejects.toThrow(
      /^w3 \(node3\): \/.*\/file\/below can't be written \(mkdir: .*File exists.*\)$/,
    );
  });

  test("what can't be read is told, and nothing changes here", async () => {
    writeFileSync(at('kept'), 'kept');
    await expect(remote.getFile(at('none'), at('kept'))).rejects.toThrow(
      /^w3 \(node3\): \/.*\/none can't be read \(.*No such file or directory\)$/,
    );
    expect(readFileSync(at('kept'), 'utf8')).toBe('kept');
  });

  test('what comes short, or changed, is refused, and nothing changes here', async () => {
    writeFileSync(at('source'), 'x'.repeat(1_000));
    writeFileSync(at('kept'), 'kept');
    const through = (change: (chunk: Buffer) => Buffer) =>
      new Remote(MACHINE, {
        ...here,
        start: (command, output) => here.start(command, { ...output, stdout: (chunk) => output.stdout(change(chunk)) }),
      });
    const cut = through((chunk) => (chunk.includes('xxx') ? chunk.subarray(0, chunk.indexOf('xxx') + 10) : chunk));
    await expect(cut.getFile(at('source'), at('kept'))).rejects.toThrow('only 10 of 1000 bytes came');
    const changed = through((chunk) => Buffer.from(chunk.toString().replace('xxx', 'xyx')));
    await expect(changed.getFile(at('source'), at('kept'))).rejects.toThrow('other bytes came than were sent');
    expect(readFileSync(at('kept'), 'utf8')).toBe('kept');
  });

  test('a transfer that breaks off changes nothing there', async () => {
    const before = 'as it was';
    await remote.putText(before, at('broken'), '0600');
    // Lets the first bytes of the file through, and ends the input then, as sshd does when the connection is lost.
    const cut = new Remote(MACHINE, {
      ...here,
      start: async (command, output) => {
        const running = await here.start(command, output);
        const stdin = new PassThrough();
        stdin.once('data', (chunk: Buffer) => running.stdin.end(chunk.subarray(0, 10)));
        return { ...running, stdin };
      },
    });
    await expect(cut.putText('x'.repeat(1_000), at('broken'), '0600')).rejects.toThrow('only 10 of 1000 bytes came');
    expect(readFileSync(at('broken'), 'utf8')).toBe(before);
    expect(readdirSync(folder).filter((name) => name.includes('.part'))).toEqual([]);
  });
});

describe("a user's own shell", () => {
  /** A machine whose user's shell begins with a command of its own. */
  const beginning = (first: string) =>
    new Remote(MACHINE, { ...here, start: (command, output) => here.start(`${first}; ${command}`, output) });

  test('may say something first', async () => {
    const chatty = beginning("echo 'Welcome to node3'; printf 'no line end'");
    expect((await chatty.run('echo answer')).stdout).toBe('answer\n');
    writeFileSync(join(folder, 'clean'), 'as it is');
    await chatty.getFile(join(folder, 'clean'), join(folder, 'fetched'));
    expect(readFileSync(join(folder, 'fetched'), 'utf8')).toBe('as it is');
    const got: string[] = [];
    await (await chatty.stream('echo 1; echo 2', (line) => got.push(line))).ended;
    expect(got).toEqual(['1', '2']);
  });

  test('may hang', async () => {
    await expect(beginning('sleep 20').run('echo answer', { timeoutMs: 200 })).rejects.toMatchObject({
      trouble: 'timeout',
      why: 'no shell answers in 0.2 s',
    });
  });

  test('may be none', async () => {
    const closed = beginning("echo 'This account is currently not available.'; exit 1");
    await expect(closed.run('echo answer')).rejects.toEqual(
      new RemoteError(MACHINE, 'command', 'no shell there, but: This account is currently not available.'),
    );
  });
});
