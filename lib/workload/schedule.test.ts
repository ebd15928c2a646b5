import { describe, expect, test } from 'vitest';
import { always, bursts, type Schedule, spikes, type Window, windowAt } from './schedule';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const WEEK = 7 * 24 * 60 * MINUTE;

/** `0-1000 burst`: a schedule as it is easy to read. */
const shown = (schedule: Schedule) => schedule.map(({ start, end, phase }) => `${start}-${end} ${phase}`);

test('always is one window, from start to end', () => {
  expect(always(5 * MINUTE)).toEqual([{ start: 0, end: 300_000, phase: 'steady' }]);
  expect(always(5 * MINUTE, 'burst')).toEqual([{ start: 0, end: 300_000, phase: 'burst' }]);
});

describe('bursts', () => {
  test.each([
    { duration: 9_000, burst: 1_000, pause: 2_000, is: ['0-1000', '3000-4000', '6000-7000'], why: 'ends with a pause' },
    { duration: 7_000, burst: 1_000, pause: 2_000, is: ['0-1000', '3000-4000', '6000-7000'], why: 'ends with a burst' },
    { duration: 6_500, burst: 1_000, pause: 2_000, is: ['0-1000', '3000-4000', '6000-6500'], why: 'cuts one short' },
    { duration: 6_000, burst: 1_000, pause: 2_000, is: ['0-1000', '3000-4000'], why: 'begins none at the very end' },
    { duration: 2_000, burst: 5_000, pause: 1_000, is: ['0-2000'], why: 'shorter than one' },
  ])('$burst ms on, $pause ms off for $duration ms: $why', ({ duration, burst, pause, is }) => {
    expect(shown(bursts(duration, burst, pause))).toEqual(is.map((times) => `${times} burst`));
  });

  test('a week of them keeps time to the end, in fractions of a millisecond too', () => {
    const week = bursts(WEEK, 5_000.1, 10_000.2);
    expect(week).toHaveLength(40_320);
    expect(week.at(-1)?.start).toBeCloseTo(604_797_095.7, 3);
  });
});

describe('spikes', () => {
  const PERIOD = 5 * MINUTE;
  const many = spikes(20_000 * PERIOD, MINUTE, 4 * MINUTE, 7);
  const byWindow = new Map<number, Window[]>();
  for (const spike of many) {
    const n = Math.floor(spike.start / PERIOD);
    byWindow.set(n, [...(byWindow.get(n) ?? []), spike]);
  }
  const windows = [...byWindow.values()];

  test('one seed gives one schedule, another another', () => {
    // What a seed gives must stay: workers of different versions would burst at different times.
    expect(shown(spikes(20 * MINUTE, MINUTE, 4 * MINUTE, 1))).toMatchInlineSnapshot(`
      [
        "492-60492 write-burst",
        "154940-214940 write-burst",
        "447081-507081 write-burst",
        "681949-741949 read-burst",
        "839069-899069 read-burst",
        "927808-987808 read-burst",
        "1004554-1064554 read-burst",
      ]
    `);
    expect(spikes(WEEK, MINUTE, 4 * MINUTE, 1)).toEqual(spikes(WEEK, MINUTE, 4 * MINUTE, 1));
    expect(spikes(WEEK, MINUTE, 4 * MINUTE, 1)).not.toEqual(spikes(WEEK, MINUTE, 4 * MINUTE, 2));
  });

  test.each([
    { burst: MINUTE, pause: 4 * MINUTE, why: 'the default' },
    { burst: SECOND, pause: SECOND, why: 'as short as they get' },
    { burst: 3 * SECOND, pause: SECOND, why: 'only one fits' },
    { burst: SECOND, pause: 2 * SECOND, why: 'three fill their window' },
    { burst: SECOND, pause: 10 * 60 * MINUTE, why: 'far apart' },
    { burst: 1_000.5, pause: 1_000.75, why: 'fractions of a millisecond' },
  ])('$burst ms in $pause ms more, $why: in order, apart, whole, each in its window', ({ burst, pause }) => {
    const duration = 500 * (burst + pause);
    let free = 0;
    for (const { start, end, phase } of spikes(duration, burst, pause, 3)) {
      expect(start).toBeGreaterThanOrEqual(free);
      expect(end - start).toBeCloseTo(burst, 6);
      expect(Math.floor(start / (burst + pause) + 1e-9)).toBe(Math.ceil(end / (burst + pause) - 1e-9) - 1);
      expect(['read-burst', 'write-burst']).toContain(phase);
      free = end - 1e-6;
    }
    if (Number.isInteger(burst + pause)) {
      for (const { start } of spikes(duration, burst, pause, 3)) expect(Number.isInteger(start)).toBe(true);
    }
  });

  test('no window is without one, and none has more than three', () => {
    expect(windows).toHaveLength(20_000);
    expect(Math.max(...windows.map((spikes) => spikes.length))).toBe(3);
  });

  test('one, two and three are as likely', () => {
    for (const count of [1, 2, 3]) {
      const part = windows.filter((spikes) => spikes.length === count).length / windows.length;
      expect(part, `${count} bursts`).toBeCloseTo(1 / 3, 1.7);
    }
  });

  test('reads and writes are as likely, whichever came before', () => {
    const writes = many.filter(({ phase }) => phase === 'write-burst').length;
    const changes = many.filter(({ phase }, i) => phase !== many[i - 1]?.phase).length;
    expect(writes / many.length).toBeCloseTo(1 / 2, 1.7);
    expect(changes / many.length).toBeCloseTo(1 / 2, 1.7);
  });

  // The n-th of `count` random points in a time comes at n / (count + 1) of it on average.
  test.each([
    { count: 1, means: [1 / 2], why: 'in the middle, on average' },
    { count: 2, means: [1 / 3, 2 / 3], why: 'a third of the free time before, between and after' },
    { count: 3, means: [1 / 4, 2 / 4, 3 / 4], why: 'a quarter of it' },
  ])('$count of them are anywhere in their window: $why', ({ count, means }) => {
    const free = PERIOD - count * MINUTE;
    const placed = windows.filter((spikes) => spikes.length === count);
    for (const [nth, mean] of means.entries()) {
      const points = placed.map((spikes) => ((spikes[nth] as Window).start % PERIOD) - nth * MINUTE);
      expect(points.reduce((sum, point) => sum + point, 0) / points.length / free).toBeCloseTo(mean, 1.7);
      expect(Math.min(...points) / free).toBeLessThan(0.05 * (nth + 1));
      expect(Math.max(...points) / free).toBeGreaterThan(1 - 0.05 * (count - nth));
      expect(Math.max(...points)).toBeLessThanOrEqual(free);
    }
  });

  test('one alone is as likely in any tenth of the free time', () => {
    const alone = windows.filter((spikes) => spikes.length === 1).map(([spike]) => (spike as Window).start % PERIOD);
    for (let tenth = 0; tenth < 10; tenth++) {
      const within = alone.filter((start) => Math.floor((start / (PERIOD - MINUTE)) * 10) === tenth);
      expect(within.length / alone.length, `tenth ${tenth}`).toBeCloseTo(1 / 10, 1.7);
    }
  });

  test.each([
    { burst: 2 * SECOND, pause: SECOND, most: 1, why: 'one is all that fits' },
    { burst: 2 * SECOND, pause: 2 * SECOND, most: 2, why: 'two fill it' },
    { burst: SECOND, pause: 2 * SECOND, most: 3, why: 'three fill it' },
    { burst: SECOND, pause: 9 * SECOND, most: 3, why: 'ten would fit' },
  ])('$burst ms in $pause ms more: $most at most, $why', ({ burst, pause, most }) => {
    const counts = new Map<number, number>();
    for (const { start } of spikes(1_000 * (burst + pause), burst, pause, 5)) {
      const n = Math.floor(start / (burst + pause));
      counts.set(n, (counts.get(n) ?? 0) + 1);
    }
    expect([...new Set(counts.values())].sort()).toEqual([1, 2, 3].slice(0, most));
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('seed %i: a longer run begins with what a shorter one has', (seed) => {
    const long = spikes(2 * 60 * MINUTE, MINUTE, 4 * MINUTE, seed);
    for (let duration = SECOND; duration < 60 * MINUTE; duration += 7_919) {
      const begun = long.filter(({ start }) => start < duration);
      const clipped = begun.map((spike) => ({ ...spike, end: Math.min(spike.end, duration) }));
      expect(spikes(duration, MINUTE, 4 * MINUTE, seed)).toEqual(clipped);
    }
  });
});

describe('windowAt', () => {
  const schedule = [
    { start: 100, end: 200, phase: 'a' },
    { start: 200, end: 300, phase: 'b' },
    { start: 500, end: 600, phase: 'c' },
  ];

  test.each([
    { t: 0, phase: 'a', why: 'the first is to come' },
    { t: 100, phase: 'a', why: 'begins' },
    { t: 199.9, phase: 'a', why: 'still on' },
    { t: 200, phase: 'b', why: 'its end is not part of it' },
    { t: 299.9, phase: 'b', why: 'still on' },
    { t: 300, phase: 'c', why: 'in the pause, the next' },
    { t: 499.9, phase: 'c', why: 'still to come' },
    { t: 599.9, phase: 'c', why: 'the last moment' },
    { t: 600, phase: undefined, why: 'over' },
    { t: 1_000, phase: undefined, why: 'long over' },
    { t: -1, phase: 'a', why: 'a clock that was set back' },
  ])('at $t: $phase, $why', ({ t, phase }) => {
    expect(windowAt(schedule, t)?.phase).toBe(phase);
  });

  test('nothing is ever on without windows', () => {
    expect(windowAt([], 0)).toBeUndefined();
  });

  test('finds its window among the 40,000 of a week', () => {
    const week = bursts(WEEK, 5 * SECOND, 10 * SECOND);
    for (let t = 0; t < WEEK; t += 61_001) {
      const n = Math.floor(t / 15_000) + (t % 15_000 < 5_000 ? 0 : 1);
      expect(windowAt(week, t)?.start).toBe(n < week.length ? n * 15_000 : undefined);
    }
  });
});
