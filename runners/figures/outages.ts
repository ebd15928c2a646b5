/** What the load lost by endpoints that were away, out of a Result. Pure. */
import { errorCount, type Figures, type Result } from '../../lib/result/result';

export interface Loss {
  readonly endpoint: string;
  /** How often it was away, and for how long in all, milliseconds; when that began, from the run's start. */
  readonly times: number;
  readonly awayMs: number;
  readonly fromMs: number;
  /** Requests that it was to have, and that others had. */
  readonly redirected: number;
  /** Attempts that failed there and were repeated, wherever. */
  readonly repeated: number;
  /** Those that nobody repeated: load that was not met. */
  readonly failed: number;
  /** Of an endpoint's fair part of all operations, those that succeeded and those that failed for good; 0 to 1. */
  readonly unmet: number;
}

/** By endpoint, those that were away while figures were taken. None of a Result that does not tell. */
export function lossesOf({ run, outages = [], endpoints }: Result): Loss[] {
  const warm = run.warmup?.ms ?? 0;
  const counts = new Map<string, { redirected: number; repeated: number; failed: number }>();
  let wanted = 0;
  for (const each of endpoints) {
    const known = counts.get(each.endpoint) ?? { redirected: 0, repeated: 0, failed: 0 };
    const failed = failedForGood(each);
    known.redirected += each.redirected ?? 0;
    known.repeated += each.retries ?? 0;
    known.failed += failed;
    wanted += each.ops + (each.misses ?? 0) + failed;
    counts.set(each.endpoint, known);
  }
  const fair = Math.max(1, wanted / Math.max(1, counts.size));
  const losses = new Map<string, Loss>();
  for (const { endpoint, t, ms } of outages) {
    const awayMs = t + ms - Math.max(t, warm);
    if (awayMs <= 0) continue;
    const own = counts.get(endpoint) ?? { redirected: 0, repeated: 0, failed: 0 };
    const known = losses.get(endpoint) ?? { endpoint, times: 0, awayMs: 0, fromMs: Math.max(t, warm) };
    losses.set(endpoint, {
      ...known,
      times: known.times + 1,
      awayMs: known.awayMs + awayMs,
      ...own,
      unmet: Math.min(1, own.failed / fair),
    });
  }
  return [...losses.values()];
}

/** Attempts that were an operation's last. */
function failedForGood(figures: Figures): number {
  return Math.max(0, errorCount(figures) - (figures.retries ?? 0));
}
