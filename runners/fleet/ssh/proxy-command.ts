/** A way to a machine through a program, as ssh's ProxyCommand has it: for tunnels of clouds, and what else is no SSH. */
import { spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import { lastLine } from '../../process/last-line';
import { loginOf, type SshTarget } from './config';
import { SshProblem } from './problem';

/** Starts it. The stream ends with the program, and the program with the stream; what it says when it fails is the error. */
export function throughCommand(command: string, target: SshTarget, environment: NodeJS.ProcessEnv): Duplex {
  // As ssh does: the shell gives way to the program, so that a signal reaches it.
  const child = spawn('/bin/sh', ['-c', `exec ${command}`], { env: environment, stdio: 'pipe' });
  let said = '';
  const way = new Duplex({
    read: () => child.stdout.resume(),
    write: (chunk, _, done) => {
      if (child.stdin.write(chunk)) done();
      else child.stdin.once('drain', done);
    },
    final: (done) => child.stdin.end(done),
    destroy: (error, done) => {
      child.kill();
      done(error);
    },
  });
  const failed = (how: string) =>
    way.destroy(
      new SshProblem('unreachable', `ProxyCommand "${command}" does not connect us to ${loginOf(target)} (${how})`),
    );
  child.stdin.on('error', () => {});
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-1_000);
  });
  child.stdout.on('data', (bytes: Buffer) => {
    if (!way.push(bytes)) child.stdout.pause();
  });
  child.once('error', (e) => failed(e.message));
  child.once('close', (code, signal) => {
    if (code === 0) way.push(null);
    else failed(said.trim() === '' ? (signal ?? `exit code ${code}`) : lastLine(said));
  });
  return way;
}
