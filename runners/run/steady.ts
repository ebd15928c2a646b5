/** Runs that end when their throughput is steady: finds out when, and what became of them, whatever k6 says of the signal. */
import type { Interval } from '../../lib/result/interval';
import type { Result } from '../../lib/result/result';
import type { RunFacts } from '../../lib/result/run-facts';
import { Throughput } from '../../lib/result/steady';

/** It was to end then. */
export function steadyResult(result: Result): Result {
  return { ...result, run: { ...result.run, endedBy: 'steady' }, interrupted: false };
}

/** Knows once that a run is steady; never of one that is not to end by that. */
export class SteadyWatch {
  private readonly throughput: Throughput | undefined;
  private isKnown = false;

  /** @param startedAt when the load began, milliseconds since 1970 by the common clock */
  constructor({ run, warmupMs }: RunFacts, startedAt: number) {
    const { untilSteady, ramp } = run.config as { untilSteady?: boolean; ramp?: number };
    if (untilSteady) this.throughput = new Throughput(startedAt + Math.max(warmupMs, ramp ?? 0));
  }

  /** Adds what the k6 of this name reports, and returns whether the run has become steady by that. */
  add(source: string, interval: Interval, clockOffset = 0): boolean {
    if (this.throughput === undefined || this.isKnown) return false;
    if (interval.end === undefined) this.throughput.add(source, interval, clockOffset);
    else this.throughput.end(source);
    this.isKnown = this.throughput.isSteady;
    return this.isKnown;
  }

  /** One reports no more: the others do not wait for it. */
  end(source: string): void {
    this.throughput?.end(source);
  }
}
