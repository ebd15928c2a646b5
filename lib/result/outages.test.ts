import { describe, expect, test } from 'vitest';
import type { IntervalSeries } from './interval';
import { Absences, MergedAbsences } from './outages';

const BEGIN = Date.UTC(2026, 10, 21, 12);
const of = (endpoint: string, more: Partial<IntervalSeries>): IntervalSeries => ({
  ...{ test: 'firehose', op: 'GET', size: '1KB', endpoint },
  ...more,
});
const GOOD = [of('a', { ops: 90 }), of('b', { ops: 90 })];
const silent = (more: Partial<IntervalSeries>) => [of('a', { ops: 180 }), of('b', more)];

/** Of a run whose seconds were like this. */
function outagesIn(...seconds: readonly (readonly IntervalSeries[])[]) {
  const outages = new Absences();
  seconds.forEach((series, i) => {
    outages.add(BEGIN + i * 1000, 1000, series);
  });
  return outages.list(BEGIN);
}

describe('an endpoint is away', () => {
  test.each<[string, Partial<IntervalSeries>]>([
    ['that refuses connections', { errors: { connect: 9 } }],
    ['that cuts them', { errors: { reset: 4 } }],
    ['that is left out', { redirected: 80 }],
    ['that hangs and is left out', { redirected: 80, errors: { timeout: 3 } }],
  ])('%s, until it answers', (_, more) => {
    expect(outagesIn(GOOD, silent(more), silent(more), GOOD)).toEqual([{ endpoint: 'b', t: 1000, ms: 2000 }]);
  });

  test('from the first such interval to the last, however little is asked of it in between', () => {
    const refused = silent({ errors: { connect: 2 } });
    expect(outagesIn(refused, [], silent({ errors: { timeout: 1 } }), refused)).toEqual([
      { endpoint: 'b', t: 0, ms: 4000 },
    ]);
  });

  test('each time', () => {
    const refused = silent({ errors: { connect: 9 } });
    expect(outagesIn(refused, GOOD, refused, GOOD)).toEqual([
      { endpoint: 'b', t: 0, ms: 1000 },
      { endpoint: 'b', t: 2000, ms: 1000 },
    ]);
  });

  test('though it is the only one', () => {
    expect(outagesIn([of('a', { ops: 1 })], [of('a', { errors: { connect: 9 } })])).toEqual([
      { endpoint: 'a', t: 1000, ms: 1000 },
    ]);
  });
});

describe('an endpoint is there', () => {
  test.each<[string, Partial<IntervalSeries>]>([
    ['that answers some', { ops: 1, errors: { connect: 9 } }],
    ['that says that something is not there', { misses: 1, errors: { reset: 9 } }],
    ['that throttles', { errors: { throttled: 1, reset: 9 } }],
    ['that is slow: time limits show nothing', { errors: { timeout: 9 } }],
    ['that cut two connections', { errors: { reset: 2 } }],
  ])('%s', (_, more) => {
    expect(outagesIn(silent(more), GOOD)).toEqual([]);
  });
});

test('what is asked for in between changes nothing', () => {
  const outages = new Absences();
  const refused = silent({ errors: { connect: 9 } });
  outages.add(BEGIN, 1000, refused);
  expect(outages.list(BEGIN)).toEqual([{ endpoint: 'b', t: 0, ms: 1000 }]);
  outages.add(BEGIN + 1000, 1000, refused);
  expect(outages.list(BEGIN)).toEqual([{ endpoint: 'b', t: 0, ms: 2000 }]);
});

test('of several workers: away for one is away, on one clock', () => {
  const merged = new MergedAbsences();
  merged.add(BEGIN, [
    { endpoint: 'b', t: 1000, ms: 2000 },
    { endpoint: 'b', t: 9000, ms: 1000 },
  ]);
  merged.add(BEGIN + 500, [
    { endpoint: 'b', t: 1500, ms: 2000 },
    { endpoint: 'c', t: 0, ms: 1000 },
  ]);
  expect(merged.list(BEGIN)).toEqual([
    { endpoint: 'c', t: 500, ms: 1000 },
    { endpoint: 'b', t: 1000, ms: 3000 },
    { endpoint: 'b', t: 9000, ms: 1000 },
  ]);
});
