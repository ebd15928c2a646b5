/** Load shapes as k6 scenarios. Pure. */
import type { Scenario } from 'k6/options';
import type { Config } from './config';

/** How much longer than one request's time limit operations under way at the end may take before k6 breaks them off. */
const GRACE_MS = 5_000;

/**
 * The scenario of a pattern that runs from start to end: as many VUs as asked for, each at its own pace (closed loop), or
 * with a rate, operations begun on time whatever the store takes (open loop).
 */
export function continuous(test: string, config: Config): Scenario {
  const common = { gracefulStop: `${config.timeout + GRACE_MS}ms`, tags: { test } };
  const duration = `${config.duration}ms`;
  const vus = config.concurrency;
  if (config.rate === undefined) return { executor: 'constant-vus', vus, duration, ...common };
  const { rate, timeUnit } = wholeRate(config.rate);
  // All VUs from the start: making them in mid-run would take CPU from the load.
  return { executor: 'constant-arrival-rate', rate, timeUnit, duration, preAllocatedVUs: vus, maxVUs: vus, ...common };
}

/** Seconds in which a rate that someone typed comes to a whole number, and then some in which any nearly does. */
const TIME_UNITS = [1, 60, 3_600, 10_000_000];

/** k6 takes whole rates only, but any time unit: 2.5 a second is 150 in 60 seconds. */
function wholeRate(perSecond: number): { rate: number; timeUnit: string } {
  const whole = (seconds: number) => Math.abs(perSecond * seconds - Math.round(perSecond * seconds)) < 1e-9;
  const seconds = TIME_UNITS.find(whole) ?? (TIME_UNITS.at(-1) as number);
  return { rate: Math.max(1, Math.round(perSecond * seconds)), timeUnit: `${seconds}s` };
}
