/** Workers on this very machine: the same commands, without SSH. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Remote } from './remote';
import { RemoteError, type Running, type Shell } from './shell';
import type { Place } from './workers-file';

/** Places for `n` workers here. */
export function placesHere(n: number): Place[] {
  return Array.from({ length: n }, (_, slot) => ({ id: `w${slot}`, host: 'localhost', slot }));
}

/** This machine as a worker's. Commands get this environment. */
export function connectHere(place: Place, environment: NodeJS.ProcessEnv): Remote {
  return new Remote(place, shellHere(place, environment));
}

export function shellHere(place: Place, environment: NodeJS.ProcessEnv): Shell {
  let close = () => {};
  const gone = new Promise<undefined>((resolve) => {
    close = () => resolve(undefined);
  });
  return {
    start: (command) => start(place, command, environment),
    gone,
    close: async () => close(),
  };
}

async function start(place: Place, command: string, env: NodeJS.ProcessEnv): Promise<Running> {
  // A group of its own, as sshd gives one: Ctrl-C at the terminal is not for it.
  const child = spawn('sh', ['-c', command], { env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => {}); // it ended before it had read all; its exit code tells
  try {
    await once(child, 'spawn');
  } catch (e) {
    throw new RemoteError(place, 'command', `sh can't be started: ${(e as Error).message}`);
  }
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal: signal ?? undefined }));
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
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
