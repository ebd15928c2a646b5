/**
 * Ends a process, and removes a folder, even when the CLI is killed and can't: a shell waits at the end of a pipe, which
 * closes with the CLI however that ends.
 */
import { spawn } from 'node:child_process';

const SCRIPT = `
trap '' INT TERM HUP
read -r _ && exit 0
kill -"$2" "$1" 2>/dev/null
n=0
while kill -0 "$1" 2>/dev/null && [ "$n" -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
kill -KILL "$1" 2>/dev/null
[ -z "$3" ] || rm -rf "$3"
`;

/** Watches over a child of this process, or over a group, as kill(2) has it, by its negative id. The returned function calls it off: call it as soon as the child has ended. */
export function watchOver(pid: number, signal: 'INT' | 'TERM', folder = ''): () => void {
  const dog = spawn('/bin/sh', ['-c', SCRIPT, 'watchdog', String(pid), signal, folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  dog.on('error', () => {}); // without a shell there is none; the CLI still ends what it can
  dog.stdin.on('error', () => {});
  dog.unref();
  (dog.stdin as typeof dog.stdin & { unref?: () => void }).unref?.();
  return () => dog.stdin.end('called off\n');
}
