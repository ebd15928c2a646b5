/** Lets a command end in order, and say how far it came, when it is told to stop. */

/** A terminal's Ctrl-C reaches npm and the CLI, and npm passes it on: what comes so soon is not a second one. */
const SAME_SIGNAL_MS = 1_000;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Hears signals that ask to stop: the first, and one that is meant to be another. */
export function onStopSignals(first: (name: NodeJS.Signals) => void, again: () => void) {
  let heard = 0;
  const onSignal = (name: NodeJS.Signals) => {
    const now = Date.now();
    if (heard === 0) {
      heard = now;
      first(name);
    } else if (now - heard > SAME_SIGNAL_MS) again();
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  return {
    received: () => heard > 0,
    release: () => {
      // The signal that npm passes on may come as late as this, and must not be what ends us: we go on to listen, and end
      // by exit(), before which Node does not give signals their usual effect back, as it does when it ends by itself.
      if (heard > 0) process.once('beforeExit', () => process.exit());
      else for (const name of SIGNALS) process.removeListener(name, onSignal);
    },
  };
}

/**
 * Runs `work`, which returns the exit code, with a signal that aborts at the first SIGINT, SIGTERM or SIGHUP: its reason is
 * an AbortError whose message is the name. A second one ends the process at once, as a failure.
 */
export async function stoppable(work: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const controller = new AbortController();
  const signals = onStopSignals(
    (name) => controller.abort(new DOMException(name, 'AbortError')),
    () => process.exit(1),
  );
  try {
    return await work(controller.signal);
  } finally {
    signals.release();
  }
}

/** Resolves when it is aborted, or is so already. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** The name of the signal that broke work off, when that is what an error is. */
export function stoppedBy(error: unknown, signal: AbortSignal): string | undefined {
  return signal.aborted && error === signal.reason ? (error as DOMException).message : undefined;
}
