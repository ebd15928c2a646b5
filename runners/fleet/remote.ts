/** One worker's machine, reached over SSH or this very one: scripts and files. */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isFileError, writeWhole } from '../files/atomic-file';
import { lastLine } from '../process/last-line';
import { quote } from '../process/quote';
import { Deadline } from './deadline';
import { type Exit, type Output, RemoteError, type Running, type Shell, type Trouble } from './shell';
import type { Machine } from './workers-file';

export interface ScriptEnd extends Exit {
  readonly stdout: string;
  readonly stderr: string;
}

export interface ScriptOptions {
  /** `$1`, `$2` … of the script. */
  readonly args?: readonly string[];
  readonly stdin?: string | Readable;
  /** The longest time in which nothing is heard or sent. */
  readonly timeoutMs?: number;
}

/** A command whose output is taken as it comes. */
export interface Streaming {
  /** Resolves when it has ended; rejects with a RemoteError when the connection went before. */
  readonly ended: Promise<ScriptEnd>;
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
part="$path.part-$5"
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

/** Sends a line of the file's length and, where that can be had, hash before the file. */
const DOWNLOAD = `
[ -r "$1" ] || exec cat "$1"
hash=$(if command -v sha256sum > /dev/null; then sha256sum < "$1" | cut -c 1-64; fi)
echo $(wc -c < "$1") $hash
exec cat "$1"
`;

const sha256Of = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

export class Remote {
  constructor(
    readonly machine: Machine,
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
  async run(script: string, options: ScriptOptions = {}): Promise<ScriptEnd> {
    const { stdout, ...finished } = await this.capture(script, options);
    return { ...finished, stdout: stdout.toString() };
  }

  /** The same, with standard output as bytes. */
  private async capture(script: string, options: ScriptOptions): Promise<Exit & { stdout: Buffer; stderr: string }> {
    const { stdin, timeoutMs = TIMEOUT_MS } = options;
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let deadline: Deadline | undefined;
    const add = (chunks: Buffer[]) => (chunk: Buffer) => {
      chunks.push(chunk);
      deadline?.renew();
    };
    const command = await this.start(script, options, { stdout: add(out), stderr: add(err) });
    deadline = new Deadline(timeoutMs, command.stop);
    const source = Readable.from(typeof stdin === 'string' ? [stdin] : (stdin ?? []));
    let unreadable: Error | undefined;
    source.on('data', () => deadline?.renew());
    source.once('error', (e) => {
      // Of a file here. That the command takes no more is an error of this stream, too, and not what it comes from.
      if (isFileError(e) && e.syscall !== 'write') unreadable = e;
    });
    // A command that ends early takes no more, which is for its exit code to tell.
    if (stdin !== undefined) pipeline(source, command.stdin).catch(() => {});
    try {
      const exit = await deadline.over(command.ended, () =>
        this.failure('timeout', `no answer in ${timeoutMs / 1000} s`),
      );
      return { ...exit, stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString() };
    } catch (e) {
      throw unreadable ?? e;
    } finally {
      deadline.stop();
      source.destroy();
    }
  }

  /** Starts a POSIX shell script and hands over its standard output line by line; a last line without an end, too. */
  async stream(
    script: string,
    onLine: OnLine,
    options: Pick<ScriptOptions, 'args' | 'stdin'> = {},
  ): Promise<Streaming> {
    let rest: Buffer = Buffer.alloc(0);
    const err: Buffer[] = [];
    const command = await this.start(script, options, {
      stdout: (chunk) => {
        rest = takeLines(rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk, onLine);
      },
      stderr: (chunk) => err.push(chunk),
    });
    if (typeof options.stdin === 'string') command.stdin.write(options.stdin);
    const ended = command.ended.then((exit) => {
      if (exit.code === 0 && rest.length > 0) onLine(rest.toString(), rest.length);
      return { ...exit, stdout: '', stderr: Buffer.concat(err).toString() };
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
    await this.put(Readable.from([bytes]), path, mode, bytes.length, sha256Of(bytes));
  }

  private async put(from: Readable, path: string, mode: string, size: number, sum: string): Promise<void> {
    // Machines that share a home may send the same file at the same time, from the same pid.
    const args = [path, mode, String(size), sum, randomUUID()];
    const { code, stderr } = await this.run(UPLOAD, { args, stdin: from }).finally(() => from.destroy());
    if (code !== 0) throw this.failure('command', `${path} can't be written (${lastLine(stderr)})`);
  }

  /** The content of a file, of the length and hash that it has there. @throws RemoteError */
  async readFile(path: string): Promise<Buffer> {
    const { code, stdout, stderr } = await this.capture(DOWNLOAD, { args: [path] });
    if (code !== 0) throw this.failure('command', `${path} can't be read (${lastLine(stderr)})`);
    const end = stdout.indexOf(10);
    const [size, sum] = stdout.toString('latin1', 0, end).trim().split(/ +/);
    const content = stdout.subarray(end + 1);
    const wrong = (why: string) => this.failure('command', `${path} can't be read (${why})`);
    if (content.length !== Number(size)) throw wrong(`only ${content.length} of ${size} bytes came`);
    if (sum !== undefined && sum !== sha256Of(content)) throw wrong('other bytes came than were sent');
    return content;
  }

  /** Fetches a file: whole, or nothing changes. @throws RemoteError, or the system's error for `local` */
  async getFile(path: string, local: string): Promise<void> {
    const content = await this.readFile(path);
    await writeWhole(local, async (write) => {
      await write(content);
      return true;
    });
  }

  async close(): Promise<void> {
    await this.shell.close();
  }

  failure(trouble: Trouble, why: string): RemoteError {
    return new RemoteError(this.machine, trouble, why);
  }

  /** Starts a script by `sh`, whatever shell the user has, and waits until it is there. */
  private async start(script: string, options: ScriptOptions, output: Output): Promise<Running> {
    const { timeoutMs = TIMEOUT_MS } = options;
    const start = new Greeting(output);
    let command: Running | undefined;
    const starting = (async () => {
      command = await this.begin(script, options, start);
      await Promise.race([start.over, command.ended]);
      if (start.isOver) return command;
      throw this.failure('command', `no shell there, but: ${lastLine(start.text)}`);
    })();
    // Where time is over before, what it comes to is no news.
    starting.catch(() => {});
    const deadline = new Deadline(timeoutMs, () => command?.stop());
    try {
      return await deadline.over(starting, () => this.failure('timeout', `no shell answers in ${timeoutMs / 1000} s`));
    } finally {
      deadline.stop();
    }
  }

  /** The script goes by standard input, where no process list shows it, unless that is taken. */
  private async begin(script: string, { args = [], stdin }: ScriptOptions, output: Output): Promise<Running> {
    const words = args.map(quote).join(' ');
    if (stdin !== undefined) {
      const line = quote(oneLine(`echo '${MARK}'\n${script.trim()}`));
      return this.shell.start(`exec sh -c ${line} s3loadtest ${words}`, output);
    }
    const command = await this.shell.start('exec sh -s s3loadtest', output);
    // Braces: all of it is read before any of it runs, and what it runs can't read the rest of it.
    command.stdin.end(`{\necho '${MARK}'\nset -- ${words}\n${script}\n} < /dev/null\n`);
    return command;
  }
}

/** Keeps back what a user's own shell says before the mark. All after it, and all errors, go on. */
class Greeting implements Output {
  isOver = false;
  /** Resolves when the mark has come. */
  readonly over: Promise<void>;
  private greeting: Buffer = Buffer.alloc(0);
  private errors: Buffer = Buffer.alloc(0);
  private end = () => {};

  constructor(private readonly output: Output) {
    this.over = new Promise((resolve) => {
      this.end = resolve;
    });
  }

  /** What was said, when the mark never came. */
  get text(): string {
    return `${this.greeting}\n${this.errors}`;
  }

  readonly stdout = (chunk: Buffer): void => {
    if (this.isOver) {
      this.output.stdout(chunk);
      return;
    }
    this.greeting = Buffer.concat([this.greeting, chunk]);
    const at = this.greeting.indexOf(`${MARK}\n`);
    if (at === -1) return;
    this.isOver = true;
    const rest = this.greeting.subarray(at + MARK.length + 1);
    if (rest.length > 0) this.output.stdout(rest);
    this.end();
  };

  readonly stderr = (chunk: Buffer): void => {
    if (!this.isOver) this.errors = Buffer.concat([this.errors, chunk]);
    this.output.stderr(chunk);
  };
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
