/** What a run did in each stage of its load. Pure. */
import type { Result } from '../../lib/result/result';
import { configOf } from './config';
import { percentilesOf, slotsOf } from './timeline';

export interface Stage {
  /** VUs, or operations a second. */
  readonly target: number;
  readonly unit: 'vus' | 'rate';
  /** When the load was there, milliseconds from the run's start: the climb to it is left out. */
  readonly startMs: number;
  readonly endMs: number;
  readonly opsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly errors: number;
  /** Milliseconds, of all operations together; none from stock k6. */
  readonly p50?: number;
  readonly p99?: number;
}

/** Stages that a run got to; none of a run that had no --stages. */
export function stagesOf({ run, timeline }: Result): Stage[] {
  const { stages, ramp = 0 } = configOf(run);
  if (stages === undefined) return [];
  let end = 0;
  return stages.list.flatMap(({ target, ms }): Stage[] => {
    const [startMs, endMs] = [end + Math.min(ramp, ms), Math.min(end + ms, run.durationMs)];
    end += ms;
    const inside = timeline.filter((point) => startMs <= point.t + point.ms / 2 && point.t + point.ms / 2 < endMs);
    const slots = slotsOf(inside);
    const seconds = slots.reduce((sum, slot) => sum + slot.ms, 0) / 1000;
    if (seconds === 0) return [];
    const sum = (of: 'ops' | 'bytes' | 'errors') => slots.reduce((n, slot) => n + slot[of], 0);
    const [p50, p99] = percentilesOf(inside, [50, 99]) ?? [];
    return [
      {
        target,
        unit: stages.unit,
        startMs,
        endMs,
        opsPerSecond: sum('ops') / seconds,
        bytesPerSecond: sum('bytes') / seconds,
        errors: sum('errors'),
        ...(p50 === undefined || p99 === undefined ? {} : { p50, p99 }),
      },
    ];
  });
}
