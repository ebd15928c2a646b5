/** What a run measures, while it goes on and when it is over: from the project's k6 by its statistics, from stock k6 by its REST API. */
import type { Stats } from '../../lib/result/final';
import { Fold } from '../../lib/result/fold';
import type { Interval } from '../../lib/result/interval';
import { Meter } from '../../lib/result/live';
import { parseResult, type Result } from '../../lib/result/result';
import type { RunFacts } from '../../lib/result/run-facts';
import { type Follower, follow } from './follow';
import type { K6End } from './k6';
import { SteadyWatch } from './steady';

export interface Observer {
  /** The load begins. */
  begin(facts: RunFacts): void;
  /** The run's Result when k6 has ended; undefined when there is none, as of a run that never began. */
  result(end: K6End): Promise<Result | undefined>;
}

export interface Observed {
  /** Once a second. */
  tick(stats: Stats): void;
  /** Once an interval of statistics. */
  stats(stats: Stats): void;
  /** Its throughput has become steady: of a run that ends then. */
  steady(): void;
}

/** Of a k6 with the extension. `add` takes what it writes. */
export function observeIntervals(statsMs: number, on: Observed): Observer & { add(interval: Interval): void } {
  const fold = new Fold();
  let running: { facts: RunFacts; meter: Meter; steady: SteadyWatch } | undefined;
  return {
    begin: (facts) => {
      const startedAt = Date.parse(facts.run.startedAt);
      fold.begin(facts);
      running = { facts, meter: new Meter(startedAt), steady: new SteadyWatch(facts, startedAt) };
    },
    add: (interval) => {
      fold.add(interval);
      // What is written while setup goes on is not of the load.
      if (running === undefined) return;
      const { facts, meter, steady } = running;
      meter.add(interval);
      if (interval.end !== undefined) return;
      if (steady.add('', interval)) on.steady();
      on.tick(meter.tick(facts.run.tests));
      if (meter.isDue(statsMs)) on.stats(meter.stats(facts.run.tests));
    },
    result: async () => running && fold.result(running.facts),
  };
}

/** Of stock k6, which tells running counts when it is asked, and makes the Result by itself. */
export function observeApi(api: string, statsMs: number, on: Observed): Observer {
  let follower: Follower | undefined;
  return {
    begin: ({ measured }) => {
      follower = follow(api, measured, statsMs, on);
    },
    result: async (end) => {
      const result = end.result === undefined ? undefined : parseResult(end.result);
      const timeline = await follower?.stop(result?.totals ?? [], result?.run.durationMs ?? 0);
      return result && { ...result, timeline: timeline ?? [] };
    },
  };
}
