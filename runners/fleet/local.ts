/** Workers on this very machine: the same commands, without SSH. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Remote } from './remote';
import { type Output, RemoteError, type Running, type Shell } from './shell';
import type { Machine } from './workers-file';

/** Places for `n` workers here. */
export function machinesHere(n: number): Machine[] {
  return Array.from({ length: n }, (_, slot) => ({ id: `w${slot}`, host: 'localhost', slot }));
}

/** This machine as a worker's. Commands get this environment. */
export function connectHere(machine: Machine, environment: NodeJS.ProcessEnv): Remote {
  return new Remote(machine, shellHere(machine, environment));
}

export function shellHere(machine: Machine, environment: NodeJS.ProcessEnv): Shell {
  let close = () => {};
  const gone = new Promise<undefined>((resolve) => {
    close = () => resolve(undefined);
  });
  return {
    start: (command, output) => start(machine, command, output, environment),
    gone,
    close: async () => close(),
  };
}

async function start(machine: Machine, command: string, output: Output, env: NodeJS.ProcessEnv): Promise<Running> {
  // A group of its own, as sshd gives one: Ctrl-C at the terminal is not for it.
  const child = spawn('sh', ['-c', command], { env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
  // At once: Node throws away what nobody has begun to read when the child ends.
  child.stdout.on('data', output.stdout);
  child.stderr.on('data', output.stderr);
  child.stdin.on('error', () => {}); // it ended before it had read all; its exit code tells
  try {
    await once(child, 'spawn');
  } catch (e) {
    throw new RemoteError(machine, 'command', `sh can't be started: ${(e as Error).message}`);
  }
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal: signal ?? undefined }));
  return {
    stdin: child.stdin,
    ended,
    stop: () => {
      try {
        process.kill(-(child.pid as number), 'SIGTERM');
      } catch {
        // it has ended
      }
    },
  };
}
