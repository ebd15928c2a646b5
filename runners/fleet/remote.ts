/** One worker's machine, reached over SSH or this very one: scripts and files. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isFileError, writeWhole } from '../bucket/atomic-file';
import { quote } from '../run/quote';
import { Watch } from './deadline';
import { type Exit, RemoteError, type Running, type Shell, type Trouble } from './shell';
import type { Place } from './workers-file';

export interface Finished extends Exit {
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** `$1`, `$2` … of the script. */
  readonly args?: readonly string[];
  readonly stdin?: string | Readable;
  /** The longest time in which nothing is heard or sent. */
  readonly timeoutMs?: number;
}

/** A command whose output is taken as it comes. */
export interface Streaming {
  /** Resolves when it has ended; rejects with a RemoteError when the connection went before. */
  readonly ended: Promise<Finished>;
  write(text: string): void;
  stop(): void;
}

/** Takes one line, without its end, and how many bytes it was with that. */
export type OnLine = (line: string, bytes: number) => void;

const TIMEOUT_MS = 30_000;
/** What a user's own shell says at its start, a greeting in .bashrc, comes before this and is not the command's. */
const MARK = 's3loadtest begins';

/** Its lines are whole commands: see `oneLine`. */
const UPLOAD = `
set -u
path=$1 mode=$2 size=$3 sum=$4
part="$path.part-$$"
fail() { rm -f "$part"; [ $# -eq 0 ] || printf '%s\\n' "$*" >&2; exit 1; }
trap 'fail interrupted' HUP INT TERM
umask 077
mkdir -p "\${path%/*}" || exit 1
cat > "$part" || fail
[ "$(wc -c < "$part")" -eq "$size" ] || fail "only $(wc -c < "$part") of $size bytes came"
hash=$(if command -v sha256sum > /dev/null; then sha256sum < "$part" | cut -c 1-64; else echo "$sum"; fi)
[ "$hash" = "$sum" ] || fail "other bytes came than were sent"
chmod "$mode" "$part" && mv -f "$part" "$path" || fail
`;

export class Remote {
  constructor(
    readonly place: Place,
    private readonly shell: Shell,
  ) {}

  /** Resolves when the connection is gone, with why, or with undefined when it was closed from here. */
  get gone(): Promise<RemoteError | undefined> {
    return this.shell.gone;
  }

  /**
   * Runs a POSIX shell script to its end, whatever its exit code is.
   * @throws RemoteError when the connection goes, or nothing comes in time
   */
  async run(script: string, options: RunOptions = {}): Promise<Finished> {
    const { stdin, timeoutMs = TIMEOUT_MS } = options;
    const command = await this.start(script, options);
    const watch = new Watch(timeoutMs, command.stop);
    let out = '';
    let err = '';
    command.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      watch.heard();
    });
    command.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
      watch.heard();
    });
    const source = Readable.from(typeof stdin === 'string' ? [stdin] : (stdin ?? []));
    let unreadable: Error | undefined;
    source.on('data', () => watch.heard());
    source.once('error', (e) => {
      // Of a file here. That the command takes no more is an error of this stream, too, and not what it comes from.
      if (isFileError(e)) unreadable = e;
    });
    // A command that ends early takes no more, which is for its exit code to tell.
    if (stdin !== undefined) pipeline(source, command.stdin).catch(() => {});
    try {
      const exit = await watch.over(command.ended, () => this.failure('timeout', `no answer in ${timeoutMs / 1000} s`));
      return { ...exit, stdout: out, stderr: err };
    } catch (e) {
      throw unreadable ?? e;
    } finally {
      watch.stop();
      source.destroy();
    }
  }

  /** Starts a POSIX shell script and hands over its standard output line by line; a last line without an end, too. */
  async stream(script: string, onLine: OnLine, options: Pick<RunOptions, 'args' | 'stdin'> = {}): Promise<Streaming> {
    const command = await this.start(script, options);
    let rest: Buffer = Buffer.alloc(0);
    let err = '';
    command.stdout.on('data', (chunk: Buffer) => {
      rest = takeLines(rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk, onLine);
    });
    command.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    if (typeof options.stdin === 'string') command.stdin.write(options.stdin);
    const ended = command.ended.then((exit) => {
      if (exit.code === 0 && rest.length > 0) onLine(rest.toString(), rest.length);
      return { ...exit, stdout: '', stderr: err };
    });
    // Whoever does not wait for its end is not to be ended by it.
    ended.catch(() => {});
    return { ended, write: (text) => command.stdin.write(text), stop: command.stop };
  }

  /** Sends a file: it is there whole and with this mode, or as it was. @throws RemoteError, or the system's for `local` */
  async putFile(local: string, path: string, mode: string): Promise<void> {
    const { size } = await stat(local);
    const hash = createHash('sha256');
    await pipeline(createReadStream(local), hash);
    await this.put(createReadStream(local), path, mode, size, hash.digest('hex'));
  }

  /** The same for a text. */
  async putText(text: string, path: string, mode: string): Promise<void> {
    const bytes = Buffer.from(text);
    const sum = createHash('sha256').update(bytes).digest('hex');
    await this.put(Readable.from([bytes]), path, mode, bytes.length, sum);
  }

  private async put(from: Readable, path: string, mode: string, size: number, sum: string): Promise<void> {
    const args = [path, mode, String(size), sum];
    const { code, stderr } = await this.run(UPLOAD, { args, stdin: from }).finally(() => from.destroy());
    if (code !== 0) throw this.failure('command', `${path} can't be written (${lastLine(stderr)})`);
  }

  /** Fetches a file: whole, or nothing changes. @throws RemoteError, or the system's error for `local` */
  async getFile(path: string, local: string): Promise<void> {
    const command = await this.start('cat "$1"', { args: [path] });
    const watch = new Watch(TIMEOUT_MS, command.stop);
    let err = '';
    command.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    // Awaited below, but it may reject before.
    command.ended.catch(() => {});
    try {
      await writeWhole(local, async (write) => {
        for await (const chunk of command.stdout) {
          watch.heard();
          await write(chunk as Buffer);
        }
        const { code } = await watch.over(command.ended, () => this.failure('timeout', `no answer to reading ${path}`));
        if (code !== 0) throw this.failure('command', `${path} can't be read (${lastLine(err)})`);
        return true;
      });
    } finally {
      watch.stop();
    }
  }

  async close(): Promise<void> {
    await this.shell.close();
  }

  failure(trouble: Trouble, why: string): RemoteError {
    return new RemoteError(this.place, trouble, why);
  }

  /** Starts a script by `sh`, whatever shell the user has, and waits until it is there. */
  private async start(script: string, options: RunOptions): Promise<Running> {
    const { timeoutMs = TIMEOUT_MS } = options;
    let command: Running | undefined;
    const starting = (async () => {
      command = await this.begin(script, options);
      const before = await skipTo(command.stdout, `${MARK}\n`);
      if (before === undefined) return command;
      const said = (await command.stderr.setEncoding('utf8').toArray()).join('');
      await command.ended;
      throw this.failure('command', `no shell there, but: ${lastLine(`${before}\n${said}`)}`);
    })();
    // Where time is over before, what it comes to is no news.
    starting.catch(() => {});
    const watch = new Watch(timeoutMs, () => command?.stop());
    try {
      return await watch.over(starting, () => this.failure('timeout', `no shell answers in ${timeoutMs / 1000} s`));
    } finally {
      watch.stop();
    }
  }

  /** The script goes by standard input, where no process list shows it, unless that is taken. */
  private async begin(script: string, { args = [], stdin }: RunOptions): Promise<Running> {
    const words = args.map(quote).join(' ');
    if (stdin !== undefined) {
      const line = quote(oneLine(`echo '${MARK}'\n${script.trim()}`));
      return this.shell.start(`exec sh -c ${line} s3loadtest ${words}`);
    }
    const command = await this.shell.start('exec sh -s s3loadtest');
    // Braces: all of it is read before any of it runs, and what it runs can't read the rest of it.
    command.stdin.end(`{\necho '${MARK}'\nset -- ${words}\n${script}\n} < /dev/null\n`);
    return command;
  }
}

/** The last line that says something. */
export function lastLine(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.at(-1)?.trim() ?? 'it did not say why';
}

/** A script whose lines are whole commands, in one: csh, which may be the user's own shell, takes no quoted line ends. */
function oneLine(script: string): string {
  return script.split('\n').join('; ');
}

/** Hands over every whole line, and returns what is left. */
function takeLines(bytes: Buffer, onLine: OnLine): Buffer {
  let from = 0;
  for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, from)) {
    onLine(bytes.toString('utf8', from, end), end + 1 - from);
    from = end + 1;
  }
  return bytes.subarray(from);
}

/** Reads a stream until after the mark. Resolves with all it said where that does not come, else with undefined. */
async function skipTo(stream: Readable, mark: string): Promise<string | undefined> {
  let seen: Buffer = Buffer.alloc(0);
  return new Promise((resolve) => {
    const settle = (said: string | undefined) => {
      stream.removeListener('readable', read).removeListener('end', over).removeListener('close', over);
      resolve(said);
    };
    const over = () => settle(seen.toString());
    const read = () => {
      for (let chunk = stream.read() as Buffer | null; chunk !== null; chunk = stream.read() as Buffer | null) {
        seen = Buffer.concat([seen, chunk]);
        const at = seen.indexOf(mark);
        if (at === -1) continue;
        const rest = seen.subarray(at + mark.length);
        if (rest.length > 0) stream.unshift(rest);
        settle(undefined);
        return;
      }
    };
    stream.on('readable', read).on('end', over).on('close', over);
  });
}
