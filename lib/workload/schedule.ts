/** When a load is on: bursts and pauses over the time of a run. Pure; runs in k6 and in Node. */
import { below, seeded } from './random';

/** A time of load within a scenario, milliseconds from its start: [start, end). */
export interface Window {
  readonly start: number;
  readonly end: number;
  readonly phase: string;
}

/** When a load is on: windows in order, none overlapping, clipped to the run's duration. */
export type Schedule = readonly Window[];

/** When a load is on, as data. Times in milliseconds. */
export type Windows =
  /** `burst` on and `pause` off in turn. */
  | { readonly kind: 'bursts'; readonly burst: number; readonly pause: number }
  /** In each window of both together one to three bursts, of reads or of writes, at times that the seed chooses. */
  | { readonly kind: 'spikes'; readonly burst: number; readonly pause: number };

/** The schedule of windows over a duration, or of none: then it is on all the time. */
export function scheduleOf(windows: Windows | undefined, duration: number, seed: number): Schedule {
  if (windows === undefined) return always(duration);
  const { burst, pause } = windows;
  return windows.kind === 'bursts' ? bursts(duration, burst, pause) : spikes(duration, burst, pause, seed);
}

/** More bursts than that in one window are no spikes but a load. */
const MOST_SPIKES = 3;

/** The phase of a load without bursts. */
export const STEADY = 'steady';

/** A load that is on from start to end. `duration` in milliseconds, as everywhere here. */
export function always(duration: number, phase = STEADY): Schedule {
  return [{ start: 0, end: duration, phase }];
}

/** `burst` on and `pause` off in turn until the duration ends, beginning with a burst; the last one may be cut short. */
export function bursts(duration: number, burst: number, pause: number): Schedule {
  const windows: Window[] = [];
  const period = burst + pause;
  // Multiplied, not added up: over a week of windows fractions of a millisecond would sum up.
  for (let n = 0; n * period < duration; n++) {
    const start = n * period;
    windows.push({ start, end: Math.min(start + burst, duration), phase: 'burst' });
  }
  return windows;
}

/** Whether it is on from start to end. */
export function isAlways(schedule: ReadonlyArray<Pick<Window, 'start' | 'end'>>, duration: number): boolean {
  const [first, another] = schedule;
  return another === undefined && first?.start === 0 && first.end >= duration;
}

/**
 * In each window of `burst` and `pause` together, one to three bursts at random times, each of reads or of writes. Comes
 * from the seed alone, so every VU of every worker has the same, and a longer run begins with what a shorter one has.
 */
export function spikes(duration: number, burst: number, pause: number, seed: number): Schedule {
  const windows: Window[] = [];
  const random = seeded(seed);
  const period = burst + pause;
  const most = Math.min(MOST_SPIKES, Math.floor(period / burst));
  for (let n = 0; n * period < duration; n++) {
    const count = 1 + below(most, random);
    // Points in the time that the bursts leave free, each moved on by the bursts before it: every placement is as likely.
    const free = Math.floor(period - count * burst);
    const offsets = Array.from({ length: count }, () => below(free + 1, random)).sort((a, b) => a - b);
    for (const [before, offset] of offsets.entries()) {
      const phase = random() < 0.5 ? 'read-burst' : 'write-burst';
      const start = n * period + offset + before * burst;
      if (start < duration) windows.push({ start, end: Math.min(start + burst, duration), phase });
    }
  }
  return windows;
}

/** The last window that began at or before `t` milliseconds from the start; undefined before the first. */
export function windowBegun(schedule: Schedule, t: number): Window | undefined {
  const i = indexAt(schedule, t);
  const window = schedule[i];
  return window !== undefined && window.start <= t ? window : schedule[i - 1];
}

/** The window that holds `t` milliseconds from the start, or else the next one to come; undefined after the last. */
export function windowAt(schedule: Schedule, t: number): Window | undefined {
  return schedule[indexAt(schedule, t)];
}

/** The number of the first window that ends after `t`; that of all windows where none does. */
function indexAt(schedule: Schedule, t: number): number {
  let low = 0;
  let high = schedule.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((schedule[middle] as Window).end <= t) low = middle + 1;
    else high = middle;
  }
  return low;
}
