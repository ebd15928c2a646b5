/** How much load there is, and when: the shape of one load. Pure; runs in k6 and in Node. */

export interface Shape {
  /** vus: each VU begins its next operation when the last has ended. rate: operations begin on time (open loop). */
  readonly unit: 'vus' | 'rate';
  /** VUs that do it, or connections that are held, at the most. */
  readonly vus: number;
  /** Levels in turn, in `unit`s of this load alone: VUs, or operations a second. A constant load has one. */
  readonly stages: ReadonlyArray<{ readonly target: number; readonly ms: number }>;
  /** Milliseconds in which the load climbs or falls to a level. */
  readonly ramp: number;
}

/** A load that goes in a line from one level to another, or stays. Times in milliseconds from the start. */
export interface LoadLine {
  readonly start: number;
  readonly end: number;
  readonly from: number;
  readonly to: number;
}

/** Whether it stands at one level from start to end. */
export const isConstant = ({ ramp, stages }: Shape): boolean => ramp === 0 && stages.length === 1;

/** Milliseconds from start to end. */
export const durationOf = ({ stages }: Shape): number => stages.reduce((sum, { ms }) => sum + ms, 0);

/** The part of a shape that one of several has who share it: of its levels, not of its VUs. */
export function partOfRate(shape: Shape, parts: number): Shape {
  if (parts === 1 || shape.unit === 'vus') return shape;
  return { ...shape, stages: shape.stages.map(({ target, ms }) => ({ target: target / parts, ms })) };
}

/** The load from start to end, without gaps. No fall takes less than `shortestFall` milliseconds. */
export function linesOf({ stages, ramp }: Shape, shortestFall = 0): LoadLine[] {
  const lines: LoadLine[] = [];
  let start = 0;
  let from = 0;
  for (const { target, ms } of stages) {
    const climb = target < from ? Math.max(ramp, shortestFall) : ramp;
    const there = start + (from === target ? 0 : climb);
    const end = start + ms;
    if (there > start) lines.push({ start, end: there, from, to: target });
    if (end > there) lines.push({ start: there, end, from: target, to: target });
    start = end;
    from = target;
  }
  return lines;
}

/** A line's level at `t`: exactly `to` at its end, where floating point may miss it by a little. */
export function levelAt({ start, end, from, to }: LoadLine, t: number): number {
  return t === end ? to : from + ((to - from) * (t - start)) / (end - start);
}

/** The level at `t` milliseconds from the start; 0 before and after. */
export function targetAt(shape: Shape, t: number): number {
  const line = linesOf(shape).find(({ start, end }) => start <= t && t < end);
  return line === undefined ? 0 : levelAt(line, t);
}
