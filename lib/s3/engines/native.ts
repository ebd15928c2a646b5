/** The native engine: extension/ signs, sends, classifies, records and tries again in Go. Here is how to get at it. */
import type { Counting, EngineSource } from '../engine';
import { extension, nativeOptions } from './extension';

/** How long a machine that is ready waits for the others. */
const START_LIMIT_MS = 2 * 3600_000;

/** Waits until the load of several machines is to begin. Throws what hinders it. */
export function awaitStart(path: string): void {
  if (extension === undefined) throw new Error('a common start needs a k6 with the extension');
  extension.awaitStart(path, START_LIMIT_MS);
}

/** How large garbage may grow, in percent of what is in use, in all VUs. */
export function setGCPercent(percent: number): void {
  extension?.setGCPercent(percent);
}

const nothing = () => {};

/** Engines in Go, which measure by themselves. */
export function connectNative(counting: Counting): EngineSource {
  return {
    create: (options) => {
      if (extension === undefined) throw new Error('the native backend needs a k6 with the extension');
      const { compile, compileAsync, composed, atInterrupt } = extension.connect(nativeOptions(options, counting));
      return { compile, compileSync: compile, compileAsync, composed, atInterrupt };
    },
    begin: nothing,
    flush: nothing,
  };
}
