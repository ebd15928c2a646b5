/**
 * The criterion that every run has beside k6's own. k6 counts failures, and of a store that is gone there are few: who waits for an
 * answer asks for nothing. Pure.
 */
import type { Result } from '../../lib/result/result';
import { configOf } from '../figures/config';
import { slotsOf, whole } from '../figures/timeline';
import { UNANSWERED } from './endpoints';

/** As thresholds are named: the part of the time in which nothing came back. */
const STANDSTILL = { metric: 'standstill', expr: 'rate<0.01' } as const;
const MOST = 0.01;
/** Shorter than this, and in a run of fewer operations, nothing may come back by chance. */
const LEAST_MS = 2_000;
const LEAST_OPS = 10;

/** With the threshold failed, where it is. One that takes another limit of failures for its own has this no more. */
export function withStandstill(result: Result): Result {
  const thresholds = result.thresholds.filter(({ metric }) => metric !== STANDSTILL.metric);
  const { thresholds: asked = [] } = configOf(result.run);
  if (asked.some(({ metric }) => metric.startsWith('http_req_failed'))) return result;
  const ms = standstillMs(result);
  const isLong = ms >= LEAST_MS && ms > MOST * result.run.durationMs;
  return isLong ? { ...result, thresholds: [...thresholds, { ...STANDSTILL, ok: false }] } : result;
}

/** Milliseconds in which no operation succeeded, of a load that is on all the time, where requests had no answer. */
export function standstillMs(result: Result): number {
  const { run, timeline, totals } = result;
  const isUnanswered = totals.some(({ errors }) => UNANSWERED.some((name) => (errors[name] ?? 0) > 0));
  if (!isUnanswered || !isOnAllTheTime(result)) return 0;
  const { duration = run.durationMs } = configOf(run);
  const misses = new Map<number, number>();
  for (const point of timeline) misses.set(point.t, (misses.get(point.t) ?? 0) + (point.misses ?? 0));
  const inLoad = whole(slotsOf(timeline)).filter(({ t, ms }) => t + ms <= duration);
  const busy = inLoad.filter(({ t, ops }) => ops + (misses.get(t) ?? 0) > 0);
  const average = busy.reduce((sum, { ops }) => sum + ops, 0) / Math.max(1, busy.length);
  if (average < LEAST_OPS) return 0;
  return inLoad.filter((slot) => !busy.includes(slot)).reduce((sum, { ms }) => sum + ms, 0);
}

/** Bursts, stages of nothing, and loads of a file that begin and end have times in which nothing is asked for. */
function isOnAllTheTime({ run, connections = [] }: Result): boolean {
  const { stages, workload = '' } = configOf(run);
  const pauses = (run.schedule ?? []).length > 0 || stages?.list.some(({ target }) => target === 0) === true;
  return !pauses && connections.length === 0 && !/"(?:loads|think|stages)"/.test(workload);
}
