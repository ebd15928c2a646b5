/**
 * Iterations that throw: an exception is a bug of a script, or of ours, and k6 would log each of them with its stack, tens of
 * thousands a second. The first of a kind is shown, all are counted, and the VU waits before its next.
 */
import { sleep } from 'k6';
import { Counter } from 'k6/metrics';
import { EXCEPTIONS } from '../result/metrics';
import { extension } from '../s3/engines/extension';

type Iterate<P> = (prepared: P) => void | Promise<void>;

const exceptions = new Counter(EXCEPTIONS);
const PAUSE_SECONDS = 1;
/** Longer than any run. */
const ONCE_MS = 400 * 86_400_000;

/** Kinds that this VU has shown; made when one comes. */
let shown: Set<string> | undefined;

function threw(e: unknown): void {
  exceptions.add(1);
  const kind = String(e);
  shown ??= new Set();
  if (!shown.has(kind) && (extension?.board().claim(`exception ${kind}`, ONCE_MS) ?? true)) {
    const stack = e instanceof Error ? (e.stack ?? kind) : kind;
    console.error(`script exception: ${stack.trim()} (further ones of this kind are counted)`);
  }
  shown.add(kind);
  sleep(PAUSE_SECONDS);
}

/** The same function, which never throws. */
export function guarded<P>(iterate: Iterate<P>): Iterate<P> {
  return (prepared) => {
    try {
      const pending = iterate(prepared);
      return pending instanceof Promise ? pending.catch(threw) : undefined;
    } catch (e) {
      threw(e);
    }
  };
}
