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

/** The same function, which never throws. */
export function guarded<P>(iterate: Iterate<P>): Iterate<P> {
  const shown = new Set<string>();
  const isFirst = (kind: string): boolean => {
    if (shown.has(kind)) return false;
    shown.add(kind);
    return extension?.claim(`exception ${kind}`, ONCE_MS) ?? true;
  };
  const threw = (e: unknown): void => {
    exceptions.add(1);
    const stack = e instanceof Error ? (e.stack ?? String(e)) : String(e);
    if (isFirst(String(e))) console.error(`script exception: ${stack.trim()} (further ones of this kind are counted)`);
    sleep(PAUSE_SECONDS);
  };
  return (prepared) => {
    try {
      const pending = iterate(prepared);
      return pending instanceof Promise ? pending.catch(threw) : undefined;
    } catch (e) {
      threw(e);
    }
  };
}
