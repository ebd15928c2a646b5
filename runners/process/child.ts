/** Runs one command to its end, and ends it, with everything it started, when it is no longer wanted. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long an interrupted command may tidy up before it is killed, in milliseconds. */
const GRACE_MS = 3_000;

/** A step that did not work, for a reason to be told to the user in one clause. Anything else thrown is a bug. */
export class StepFailure extends Error {}

interface Finished {
  /** Exit status; null when a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
}

interface RunOptions {
  env: NodeJS.ProcessEnv;
  cwd?: string;
  /** Ends the command; `run` then rejects with the signal's reason, once nothing of it is left running. */
  signal?: AbortSignal;
  /** Ends the command after so many milliseconds; `run` then rejects with a StepFailure. */
  timeoutMs?: number;
}

/**
 * Runs the executable at `path` and resolves with its exit status and output, whatever the status is.
 * Rejects with the system's error (`code` ENOENT, EACCES …) when it can't be started.
 */
export async function run(path: string, args: readonly string[], options: RunOptions): Promise<Finished> {
  const { signal, timeoutMs } = options;
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    // A group of its own: `go build` starts compilers, and a signal to the group reaches them all.
    const child = spawn(path, [...args], {
      cwd: options.cwd,
      env: options.env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let timedOut = false;
    let killTimer: NodeJS.Timeout | undefined;
    const end = () => {
      // SIGINT first: it is the one signal on which go removes its work folder.
      signalGroup(child, 'SIGINT');
      killTimer ??= setTimeout(() => signalGroup(child, 'SIGKILL'), GRACE_MS);
    };
    const timeout = timeoutMs
      ? setTimeout(() => {
          timedOut = true;
          end();
        }, timeoutMs)
      : undefined;
    // process.exit() elsewhere leaves no time for grace. First in line: others then remove the folder it writes to.
    const onExit = () => signalGroup(child, 'SIGKILL');
    process.prependListener('exit', onExit);
    signal?.addEventListener('abort', end, { once: true });
    const settle = () => {
      clearTimeout(timeout);
      clearTimeout(killTimer);
      process.removeListener('exit', onExit);
      signal?.removeEventListener('abort', end);
    };

    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.once('error', (error) => {
      settle();
      reject(error);
    });
    // 'close', not 'exit': the output is complete then.
    child.once('close', async (code) => {
      // go doesn't wait for its compilers when it is interrupted.
      if (signal?.aborted || timedOut) await groupGone(child);
      settle();
      if (signal?.aborted) reject(signal.reason);
      else if (timedOut) reject(new StepFailure(`no answer in ${(timeoutMs ?? 0) / 1000} s`));
      else resolve({ code, stdout, stderr });
    });
  });
}

/** Kills what is left of the child's group and waits until it is gone; not long, as zombies may never be. */
async function groupGone(child: ChildProcessByStdio<null, Readable, Readable>): Promise<void> {
  for (let waited = 0; waited < 200 && signalGroup(child, 'SIGKILL'); waited += 10) await sleep(10);
}

/** Whether there was a process in the child's group to be signalled. */
function signalGroup(child: ChildProcessByStdio<null, Readable, Readable>, name: NodeJS.Signals): boolean {
  if (child.pid === undefined) return false;
  try {
    return process.kill(-child.pid, name);
  } catch {
    return false;
  }
}
