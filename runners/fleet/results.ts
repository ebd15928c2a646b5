/** What the workers of a run came to: each one's Result, and their sum. */
import { Merge } from '../../lib/result/merge';
import { achieved, type Result, sum, type Worker } from '../../lib/result/result';
import { judged } from '../judge/judge';
import { EXIT } from '../run/exit';
import { workerFigures } from '../run/generator';
import { exitWhenSteady, SIGNALLED, steadyResult } from '../run/steady';
import type { Watch } from './watch';

/** Whether someone stopped them, and whether they were because their throughput was steady. */
export interface Stopped {
  readonly interrupted: boolean;
  readonly steady: boolean;
}

export interface Gathered {
  /** The sum, judged; undefined when not one of them began. */
  readonly result: Result | undefined;
  /** By worker; those that never began have none. */
  readonly parts: ReadonlyArray<{ readonly worker: string; readonly result: Result }>;
}

/**
 * Adds up what is known of each worker, also of those that were lost. `expected` is how many there should be, `k6Version` what
 * they ran, `stopped` how they were stopped before their time.
 */
export function gather(
  watches: readonly Watch[],
  expected: number,
  k6Version: string | undefined,
  stopped: Stopped,
): Gathered {
  const starts = watches.flatMap((watch) => startOf(watch) ?? []);
  const first = Math.min(...starts);
  const merge = new Merge();
  const parts: Array<{ worker: string; result: Result }> = [];
  const never: Worker[] = [];
  for (const watch of watches) {
    const result = resultOf(watch, first, k6Version, stopped);
    if (result === undefined) never.push(workerOf(watch, 0));
    else {
      parts.push({ worker: watch.handle.manifest.worker, result });
      merge.add(result);
    }
  }
  if (parts.length === 0) return { result: undefined, parts };
  const result = merge.result();
  const partial = result.partial || never.length > 0 || watches.length < expected;
  return { result: judged({ ...result, partial, workers: [...result.workers, ...never] }), parts };
}

/** When its load began, by the clock here; undefined when it did not. */
function startOf({ begin, handle }: Watch): number | undefined {
  return begin && Date.parse(begin.facts.run.startedAt) - handle.manifest.clockOffsetMs;
}

function resultOf(watch: Watch, first: number, k6Version: string | undefined, stopped: Stopped): Result | undefined {
  const { begin, fold, handle, samples } = watch;
  const startedAt = startOf(watch);
  if (begin === undefined || startedAt === undefined) return undefined;
  const told = fold.result(begin.facts);
  const steady = stopped.steady && !stopped.interrupted && watch.isComplete && watch.exit === SIGNALLED;
  const result = steady ? steadyResult(told) : told;
  const generator = { ...result.generator, cores: handle.manifest.cores };
  const { ops, bytes, errors } = sum(result.totals);
  const worker: Worker = {
    ...workerOf(watch, startedAt - first),
    ...(steady ? { exit: exitWhenSteady(result) } : {}),
    ...(watch.isComplete
      ? {}
      : { lost: { atMs: startedAt - first + result.run.durationMs, why: watch.why ?? 'it was left' } }),
    ...{ ops, bytes, errors },
    ...workerFigures(generator),
  };
  return {
    ...result,
    run: { ...result.run, versions: { ...result.run.versions, ...(k6Version === undefined ? {} : { k6: k6Version }) } },
    generator,
    workers: [worker],
    errorSamples: samples,
    interrupted: result.interrupted || stopped.interrupted,
    partial: !watch.isComplete,
  };
}

function workerOf({ handle, exit, isComplete, why }: Watch, startSkewMs: number): Worker {
  const { worker, host, segment, clockOffsetMs } = handle.manifest;
  const lost = isComplete ? {} : { lost: { atMs: 0, why: why ?? 'it never began' } };
  return { id: worker, host, segment, clockOffsetMs, startSkewMs, exit: exit ?? EXIT.failed, ...lost };
}

/** The exit code of a run on several workers. */
export function exitOf({ result }: Gathered): number {
  if (result === undefined) return EXIT.failed;
  if (result.partial || result.interrupted || !achieved(result)) return EXIT.failed;
  const exits = result.workers.map(({ exit }) => exit);
  if (exits.some((exit) => exit !== EXIT.ok && exit !== EXIT.threshold)) return EXIT.failed;
  return exits.includes(EXIT.threshold) ? EXIT.threshold : EXIT.ok;
}
