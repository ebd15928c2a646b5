/** Load shapes as k6 scenarios. Pure. */
import type { Scenario } from 'k6/options';
import type { Config } from './config';

/** How long operations under way at the end may take before k6 breaks them off. */
export const GRACEFUL_STOP_MS = 60_000;

/**
 * The scenario of a pattern that runs from start to end: as many VUs as asked for, each at its own pace (closed loop), or
 * with a rate, operations begun on time whatever the store takes (open loop).
 */
export function continuous(test: string, config: Config): Scenario {
  const common = { gracefulStop: `${GRACEFUL_STOP_MS}ms`, tags: { test } };
  const duration = `${config.duration}ms`;
  const vus = config.concurrency;
  if (config.rate === undefined) return { executor: 'constant-vus', vus, duration, ...common };
  const { rate, timeUnit } = wholeRate(config.rate);
  // All VUs from the start: making them in mid-run would take CPU from the load.
  return { executor: 'constant-arrival-rate', rate, timeUnit, duration, preAllocatedVUs: vus, maxVUs: vus, ...common };
}

/** k6 takes whole rates only, but any time unit: 2.5 a second is 2,500 in 1,000 seconds. */
function wholeRate(perSecond: number): { rate: number; timeUnit: string } {
  if (Number.isInteger(perSecond)) return { rate: perSecond, timeUnit: '1s' };
  return { rate: Math.max(1, Math.round(perSecond * 1000)), timeUnit: '1000s' };
}
