import { describe, expect, test } from 'vitest';
import { percentile, QUANTILES, type Quantiles } from '../../lib/result/distribution';
import type { Figures, Result } from '../../lib/result/result';
import { type Shape, syntheticRun } from '../../test/synthetic-run';
import { type Change, type Comparison, compare, type Metric, regressions } from './comparison';

const OPTIONS = { confidence: 0.95, runNoise: 0.03 };

const between = (baseline: readonly Result[], other: readonly Result[], options = OPTIONS): Comparison =>
  compare({ name: 'baseline', runs: baseline }, [{ name: 'other', runs: other }], options);

type Shapes = Omit<Shape, 'seed'>;

/** Comparisons of runs of one shape with those of another, from seeds that no other try has. */
function tries(n: number, baseline: Shapes, other: Shapes, repeats = 1): Comparison[] {
  let seed = 1;
  const runs = (shape: Shapes) =>
    Array.from({ length: repeats }, () => syntheticRun({ ...shape, seed: seed++ * 7919 }));
  return Array.from({ length: n }, () => between(runs(baseline), runs(other)));
}

const verdicts = (all: readonly Comparison[], verdict: string) =>
  all.filter(({ contrasts }) => contrasts[0]?.verdict === verdict).length;

function change({ contrasts }: Comparison, op: string, metric: Metric, size?: string): Change {
  const row = contrasts[0]?.rows.find((r) => r.op === op && r.size === size);
  const found = row?.changes.find((c) => c.metric === metric);
  if (found === undefined) throw new Error(`no ${metric} of ${op} ${size}`);
  return found;
}

/** Fast to make, with all the noise. */
const SHORT: Shapes = { seconds: 40, opsPerSecond: 40 };
const LONG: Shapes = { seconds: 60, opsPerSecond: 60 };

describe('how often the same thing is told from itself', () => {
  test('in 200 comparisons of single runs', () => {
    expect(verdicts(tries(200, SHORT, SHORT), 'no difference seen')).toBeGreaterThanOrEqual(190);
  });

  test.each<[string, Shapes, number]>([
    ['whose seconds depend much on the one before', { ...SHORT, correlation: 0.8 }, 1],
    ['that differ more than is assumed', { ...SHORT, runNoise: 0.045 }, 1],
    ['that differ much more than is assumed, repeated', { ...SHORT, runNoise: 0.1 }, 3],
    ['without histograms', { ...SHORT, histograms: false }, 1],
    ['in bursts', { ...SHORT, load: (second) => (second % 10 < 5 ? 1 : 0) }, 1],
    ['that fail now and then', { ...SHORT, errors: 0.01 }, 1],
    ['of very few seconds', { ...SHORT, seconds: 10 }, 1],
  ])('in 30 comparisons of runs %s', (_, shape, repeats) => {
    expect(verdicts(tries(30, shape, shape, repeats), 'no difference seen')).toBeGreaterThanOrEqual(27);
  });
});

describe('how often it is found', () => {
  test('that 20% less speed is worse, and how much it is', () => {
    const all = tries(40, LONG, { ...LONG, speed: 0.8 });
    expect(verdicts(all, 'worse')).toBeGreaterThanOrEqual(34);
    const truths: [Metric, number][] = [
      ['ops/s', 0.8],
      ['p50', 1 / 0.8],
    ];
    for (const [metric, truth] of truths) {
      const intervals = all.map((one) => change(one, 'GET', metric));
      const held = intervals.filter(({ low = 0, high = 0 }) => 1 + low <= truth && truth <= 1 + high);
      expect(held.length, metric).toBeGreaterThanOrEqual(38);
    }
  });

  test('with three repeats a side, nearly always', () => {
    expect(verdicts(tries(20, LONG, { ...LONG, speed: 0.8 }, 3), 'worse')).toBeGreaterThanOrEqual(19);
  });

  test('that a quarter more speed is better', () => {
    expect(verdicts(tries(20, LONG, { ...LONG, speed: 1.25 }), 'better')).toBeGreaterThanOrEqual(16);
  });

  test('that one attempt in fifty fails where none did', () => {
    const all = tries(20, SHORT, { ...SHORT, errors: 0.02 });
    expect(all.filter((one) => change(one, 'GET', 'errors').verdict === 'worse').length).toBeGreaterThanOrEqual(19);
  });

  test('errors of a single moment are one incident, and no proof', () => {
    const all = tries(20, SHORT, { ...SHORT, errorsAtOnce: 40 });
    expect(all.filter((one) => change(one, 'GET', 'errors').verdict === 'worse').length).toBe(0);
  });
});

describe('the rows', () => {
  const [a, b] = [1, 2].map((seed) => syntheticRun({ seed })) as [Result, Result];
  const comparison = between([a], [b]);
  const rows = comparison.contrasts[0]?.rows ?? [];

  test('are operations, then their sizes, in the order of the Result', () => {
    expect(rows.map(({ op, size, part }) => [op, size, part])).toEqual([
      ['GET', undefined, undefined],
      ['GET', '1KB', true],
      ['GET', '100KB', true],
      ['PUT', undefined, undefined],
      ['PUT', '1KB', true],
      ['PUT', '100KB', true],
    ]);
  });

  test('of an operation of one size there is one', () => {
    const one = [1, 2].map((seed) => syntheticRun({ seed, sizes: ['1KB'] })) as [Result, Result];
    const found = between([one[0]], [one[1]]).contrasts[0]?.rows;
    expect(found?.map(({ op, size, part }) => [op, size, part])).toEqual([
      ['GET', '1KB', undefined],
      ['PUT', '1KB', undefined],
    ]);
  });

  test('have the figures of the Results', () => {
    const total = (result: Result) => result.totals.find(({ op }) => op === 'PUT') as Figures;
    const rate = change(comparison, 'PUT', 'ops/s');
    expect(rate.baseline).toBeCloseTo(total(a).ops / 60, 9);
    expect(rate.other).toBeCloseTo(total(b).ops / 60, 9);
    expect(1 + (rate.change ?? 0)).toBeCloseTo(total(b).ops / total(a).ops, 9);
    const p99 = change(comparison, 'PUT', 'p99');
    expect(p99.baseline).toBeCloseTo(percentile(total(a).latency as never, 99) as number, 9);
  });

  test('leave errors out where there are none, and say once what follows from another figure', () => {
    const size = rows.find((row) => row.size === '1KB');
    expect(size?.changes.map(({ metric, follows }) => [metric, follows])).toEqual([
      ['ops/s', undefined],
      ['bytes/s', 'ops/s'],
      ['p50', undefined],
      ['p99', undefined],
      ['p99.9', undefined],
    ]);
    const [ops, bytes] = size?.changes ?? [];
    expect(bytes).toEqual({
      ...ops,
      metric: 'bytes/s',
      follows: 'ops/s',
      baseline: expect.any(Number),
      other: expect.any(Number),
    });
    expect(bytes?.baseline).toBeCloseTo((ops?.baseline ?? 0) * 1024, 6);
    // ops/s, p50, p99 and p99.9 of two operations of two sizes each.
    expect(comparison.tested).toBe((2 + 4) * 4);
  });

  test('say why a figure is not judged', () => {
    expect(change(comparison, 'GET', 'p99.9')).toMatchObject({ verdict: 'unknown', why: 'too few operations' });
    expect(change(comparison, 'GET', 'p99.9').low).toBeUndefined();
  });
});

describe('what is not there', () => {
  const [a, b] = [1, 2].map((seed) => syntheticRun({ seed })) as [Result, Result];

  test('an operation that did nothing in one run is not judged', () => {
    const without: Result = {
      ...b,
      totals: b.totals.filter(({ op }) => op !== 'PUT'),
      series: b.series.filter(({ op }) => op !== 'PUT'),
      timeline: b.timeline.filter(({ op }) => op !== 'PUT'),
    };
    const comparison = between([a], [without]);
    expect(change(comparison, 'PUT', 'ops/s')).toMatchObject({
      other: 0,
      verdict: 'unknown',
      why: 'too few operations',
    });
    expect(change(comparison, 'PUT', 'p50')).toMatchObject({ verdict: 'unknown', why: 'not in every run' });
    expect(change(comparison, 'PUT', 'p50').other).toBeUndefined();
    expect(change(comparison, 'GET', 'ops/s').verdict).toBe('no difference seen');
  });

  test('an operation that counted no bytes in one run is not judged by them', () => {
    const empty = <T extends { readonly op: string }>(all: readonly T[]) =>
      all.map((one) => (one.op === 'PUT' ? { ...one, bytes: 0 } : one));
    const without = { ...b, totals: empty(b.totals), series: empty(b.series), timeline: empty(b.timeline) };
    const comparison = between([a], [without]);
    expect(change(comparison, 'PUT', 'bytes/s')).toMatchObject({
      other: 0,
      verdict: 'unknown',
      why: 'not in every run',
    });
    expect(change(comparison, 'PUT', 'ops/s').verdict).toBe('no difference seen');
  });

  test('runs in which nothing was counted have no rows', () => {
    const nothing = { ...a, totals: [], series: [], timeline: [] };
    const [contrast] = between([nothing], [nothing]).contrasts;
    expect(contrast).toEqual({ name: 'other', rows: [], verdict: 'unknown', resolution: undefined });
  });

  test('runs too short to tell are not judged, and are when they are repeated', () => {
    const short = (seed: number) => syntheticRun({ seed, seconds: 5, drift: 0.02, stalls: 0 });
    expect(change(between([short(1)], [short(2)]), 'GET', 'ops/s')).toMatchObject({ why: 'too short a run' });
    const repeated = between([1, 2, 3].map(short), [4, 5, 6].map(short));
    expect(change(repeated, 'GET', 'ops/s').verdict).toBe('no difference seen');
    const slower = [4, 5, 6].map((seed) => syntheticRun({ seed, seconds: 5, drift: 0.02, stalls: 0, speed: 0.5 }));
    expect(change(between([1, 2, 3].map(short), slower), 'GET', 'ops/s').verdict).toBe('worse');
  });

  test('a Result without a timeline is too short', () => {
    const bare = between([{ ...a, timeline: [] }], [{ ...b, timeline: [] }]);
    expect(change(bare, 'GET', 'p50')).toMatchObject({ verdict: 'unknown', why: 'too short a run' });
    expect(bare.contrasts[0]?.verdict).toBe('unknown');
  });

  test('quantiles of stock k6 are compared, too', () => {
    const stock = (result: Result): Result => ({
      ...result,
      totals: result.totals.map((total) => ({ ...total, latency: quantiles(total) })),
      series: result.series.map((series) => ({ ...series, latency: quantiles(series) })),
      timeline: result.timeline.map(({ histogram: _, ...point }) => point),
    });
    const found = change(between([stock(a)], [stock(syntheticRun({ seed: 3, speed: 0.5 }))]), 'GET', 'p50');
    expect(found.verdict).toBe('worse');
    expect(found.change).toBeCloseTo(
      change(between([a], [syntheticRun({ seed: 3, speed: 0.5 })]), 'GET', 'p50').change ?? 0,
      2,
    );
  });
});

function quantiles({ latency, ops }: Figures): Quantiles {
  const at = (percent: number) => percentile(latency as never, percent) as number;
  return { kind: 'quantiles', count: ops, min: at(0), max: at(100), mean: at(50), values: QUANTILES.map(at) };
}

describe('several sides', () => {
  test('are each compared with the first, and all intervals are the wider for it', () => {
    const [a, b, c] = [1, 2, 3].map((seed) => syntheticRun({ seed })) as [Result, Result, Result];
    const side = (name: string, run: Result) => ({ name, runs: [run] });
    const three = compare(side('a', a), [side('b', b), side('c', c)], OPTIONS);
    expect(three.contrasts.map(({ name }) => name)).toEqual(['b', 'c']);
    expect(three.tested).toBe(2 * between([a], [b]).tested);
    const wide = ({ low = 0, high = 0 }: Change) => high - low;
    expect(wide(change(three, 'GET', 'ops/s'))).toBeGreaterThan(wide(change(between([a], [b]), 'GET', 'ops/s')));
  });
});

describe('regressions', () => {
  const quiet: Shapes = { drift: 0.01, stalls: 0, runNoise: 0.001 };
  const of = (shape: Shapes, beyond: number) =>
    regressions(
      between([syntheticRun({ ...quiet, seed: 1 })], [syntheticRun({ ...quiet, ...shape, seed: 2 })]),
      beyond,
    );

  test('are what lies beyond with its whole interval', () => {
    const found = of({ speed: 0.8 }, 0.05).filter(({ row }) => !row.part);
    expect(found.map(({ row, change: { metric } }) => [row.op, metric])).toEqual([
      ['GET', 'ops/s'],
      ['GET', 'p50'],
      ['PUT', 'ops/s'],
      ['PUT', 'p50'],
    ]);
  });

  test('are not what is worse, but not certainly by so much', () => {
    expect(of({ speed: 0.8 }, 0.19)).toEqual([]);
    expect(of({ speed: 0.8 }, 0)).not.toEqual([]);
  });

  test('are not what is better', () => {
    expect(of({ speed: 1.5 }, 0.05)).toEqual([]);
  });

  test('are errors where there were none, however few', () => {
    expect(of({ errors: 0.02 }, 0.05).map(({ change: { metric } }) => metric)).toContain('errors');
  });
});
