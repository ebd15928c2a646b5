import { describe, expect, test } from 'vitest';
import { UsageSum, UsageTimeline } from './generator-timeline';

const BEGIN = Date.UTC(2026, 10, 21, 12);

/** Readings every `ms` of a process that uses so many cores. */
function timelineOf(seconds: number, ms: number, cores: (second: number) => number, machine?: number): UsageTimeline {
  const timeline = new UsageTimeline();
  let used = 7;
  for (let t = 0; t <= seconds * 1000; t += ms) {
    const machineSeconds = machine === undefined ? undefined : 1e6 + (machine * t) / 1000;
    timeline.add({ at: BEGIN + t, cpuSeconds: used, memoryBytes: 1000 + t, machineSeconds });
    used += (cores(t / 1000) * ms) / 1000;
  }
  return timeline;
}

describe('readings as points', () => {
  test('are of a second each, with what was used in it', () => {
    const points = timelineOf(4, 250, (second) => (second < 2 ? 0.5 : 2), 3).points(BEGIN);
    expect(points).toEqual([
      { t: 0, ms: 1000, cores: 0.5, busyCores: 3, memoryBytes: 2000 },
      { t: 1000, ms: 1000, cores: 0.5, busyCores: 3, memoryBytes: 3000 },
      { t: 2000, ms: 1000, cores: 2, busyCores: 3, memoryBytes: 4000 },
      { t: 3000, ms: 1000, cores: 2, busyCores: 3, memoryBytes: 5000 },
    ]);
  });

  test('stay a bounded number, and lose nothing', () => {
    const points = timelineOf(3600, 500, (second) => (second < 1800 ? 1 : 3)).points(BEGIN);
    expect(points.length).toBeLessThanOrEqual(256);
    expect(points.reduce((sum, { ms }) => sum + ms, 0)).toBe(3_600_000);
    expect(points.reduce((sum, { ms, cores }) => sum + (ms / 1000) * cores, 0)).toBeCloseTo(1800 + 3 * 1800, 0);
    expect(points.at(0)).not.toHaveProperty('busyCores');
  });

  test('begin with the load: what was before is left out', () => {
    const points = timelineOf(5, 1000, () => 1).points(BEGIN + 3000);
    expect(points.map(({ t }) => t)).toEqual([0, 1000]);
  });

  test('are none of one reading', () => {
    expect(timelineOf(0, 1000, () => 1).points(BEGIN)).toEqual([]);
  });
});

describe('timelines of several', () => {
  test('are added up, each at its own time', () => {
    const sum = new UsageSum();
    sum.add(BEGIN, timelineOf(4, 1000, () => 1, 2).points(BEGIN));
    sum.add(BEGIN + 2000, timelineOf(4, 1000, () => 2, 4).points(BEGIN));
    expect(sum.points(BEGIN).map(({ t, cores, busyCores }) => [t, cores, busyCores])).toEqual([
      [0, 1, 2],
      [1000, 1, 2],
      [2000, 3, 6],
      [3000, 3, 6],
      [4000, 2, 4],
      [5000, 2, 4],
    ]);
  });

  test('of points of different lengths add up to the same CPU seconds', () => {
    const sum = new UsageSum();
    sum.add(BEGIN, [{ t: 500, ms: 4000, cores: 2, memoryBytes: 8 }]);
    sum.add(BEGIN, timelineOf(1000, 1000, () => 1).points(BEGIN));
    const points = sum.points(BEGIN);
    expect(points.length).toBeLessThanOrEqual(256);
    expect(points.reduce((all, { ms, cores }) => all + (ms / 1000) * cores, 0)).toBeCloseTo(8 + 1000, 0);
    expect(points.every(({ busyCores }) => busyCores === undefined)).toBe(true);
  });
});
