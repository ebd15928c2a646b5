import { expect, test } from 'vitest';
import { decodeHistogram, Histogram, TIMELINE_DIGITS } from './histogram';
import { type Happened, Timeline } from './timeline';

const BEGIN = Date.UTC(2026, 10, 21, 12);
const gets = (ops: number, more: Partial<Happened> = {}): Happened => ({
  ...{ test: 'firehose', op: 'GET', ops, bytes: ops * 10, errors: 0 },
  ...more,
});
const shown = (timeline: Timeline, begin: number, end: number) =>
  timeline.points(begin, end).map(({ t, ms, op, ops }) => [t, ms, op, ops]);

test('intervals that follow the clock are points of it; the first and the last are as long as the run was in them', () => {
  const timeline = new Timeline(1000);
  timeline.add(BEGIN + 300, 700, [gets(7)]);
  timeline.add(BEGIN + 1000, 1000, [gets(10)]);
  timeline.add(BEGIN + 2000, 800, [gets(8)]);
  expect(shown(timeline, BEGIN + 300, BEGIN + 2800)).toEqual([
    [0, 700, 'GET', 7],
    [700, 1000, 'GET', 10],
    [1700, 800, 'GET', 8],
  ]);
});

test('a moment at either end is no point of its own: its rate would be noise', () => {
  const timeline = new Timeline(1000);
  timeline.add(BEGIN + 990, 10, [gets(1)]);
  timeline.add(BEGIN + 1000, 1000, [gets(10)]);
  timeline.add(BEGIN + 2000, 20, [gets(2)]);
  expect(shown(timeline, BEGIN + 990, BEGIN + 2020)).toEqual([[0, 1030, 'GET', 13]]);
});

test('a run shorter than a point is one', () => {
  const timeline = new Timeline(1000);
  timeline.add(BEGIN + 400, 100, [gets(3)]);
  expect(shown(timeline, BEGIN + 400, BEGIN + 500)).toEqual([[0, 100, 'GET', 3]]);
});

test('pauses, and operations that began late or ended early, have points of nothing', () => {
  const timeline = new Timeline(1000);
  timeline.add(BEGIN, 1000, [gets(5)]);
  timeline.add(BEGIN + 2000, 1000, [gets(4, { op: 'PUT', misses: 2 })]);
  expect(shown(timeline, BEGIN, BEGIN + 3000)).toEqual([
    [0, 1000, 'GET', 5],
    [0, 1000, 'PUT', 0],
    [1000, 1000, 'GET', 0],
    [1000, 1000, 'PUT', 0],
    [2000, 1000, 'GET', 0],
    [2000, 1000, 'PUT', 4],
  ]);
});

test('of a long run points grow longer: a bounded number, no operation of it lost', () => {
  const timeline = new Timeline(1000);
  const seconds = 24 * 3600;
  for (let s = 0; s < seconds; s++) timeline.add(BEGIN + s * 1000, 1000, [gets(3)]);
  const points = timeline.points(BEGIN, BEGIN + seconds * 1000);
  expect(points.length).toBeGreaterThan(120);
  expect(points.length).toBeLessThanOrEqual(257);
  expect(points.reduce((n, { ops }) => n + ops, 0)).toBe(3 * seconds);
  expect(points.reduce((n, { ms }) => n + ms, 0)).toBe(seconds * 1000);
  expect(new Set(points.slice(1, -1).map(({ ops, ms }) => ops / ms))).toEqual(new Set([0.003]));
});

test('intervals longer than a point make points as long: there is nothing to tell between', () => {
  const timeline = new Timeline(1000);
  for (let s = 0; s < 60; s += 10) timeline.add(BEGIN + s * 1000, 10_000, [gets(100)]);
  const points = timeline.points(BEGIN, BEGIN + 60_000);
  expect(points.every(({ ops }) => ops > 0)).toBe(true);
  expect(points.reduce((n, { ops }) => n + ops, 0)).toBe(600);
});

test('several machines fall on one another, and their latencies are added', () => {
  const timeline = new Timeline(1000);
  const histogram = (us: number) => {
    const one = new Histogram(TIMELINE_DIGITS);
    one.record(us);
    return one.encode();
  };
  timeline.add(BEGIN, 1000, [gets(1, { histogram: histogram(1000), objects: 5 })]);
  timeline.add(BEGIN + 30, 1000, [gets(1, { histogram: histogram(9000), errors: 2, misses: 1 })]);
  timeline.add(BEGIN + 40, 1000, [gets(1)]);
  const [point] = timeline.points(BEGIN, BEGIN + 1000);
  expect(point).toMatchObject({ ops: 3, bytes: 30, errors: 2, objects: 5, misses: 1 });
  const sum = decodeHistogram(point?.histogram ?? '');
  expect(sum.count).toBe(2);
  expect(sum.percentile(100)).toBeGreaterThanOrEqual(9000);
  // Looking changes nothing.
  expect(timeline.points(BEGIN, BEGIN + 1000)[0]).toEqual(point);
});
