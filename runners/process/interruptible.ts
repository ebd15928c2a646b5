/** Lets work end in order when the process is told to stop. */

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs `work` with a signal that aborts when `outer` does (with its reason) or when the process gets SIGINT, SIGTERM or
 * SIGHUP (with an AbortError that names it), and waits for it to end either way. Then the process ends by the signal it got, as if it had been let through, unless someone
 * else listens to it.
 */
export async function interruptible<T>(
  outer: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  outer?.throwIfAborted();
  const controller = new AbortController();
  let got: NodeJS.Signals | undefined;
  const onAbort = () => controller.abort(outer?.reason);
  const onSignal = (name: NodeJS.Signals) => {
    got ??= name;
    controller.abort(new DOMException(`interrupted by ${name}`, 'AbortError'));
  };
  outer?.addEventListener('abort', onAbort, { once: true });
  for (const name of SIGNALS) process.on(name, onSignal);
  try {
    return await work(controller.signal);
  } finally {
    outer?.removeEventListener('abort', onAbort);
    for (const name of SIGNALS) process.removeListener(name, onSignal);
    // With no listener left the signal has its usual effect again, and the shell sees what ended the process.
    if (got && process.listenerCount(got) === 0) process.kill(process.pid, got);
  }
}
