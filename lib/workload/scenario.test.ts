import type { RampingArrivalRateScenario, RampingVUsScenario, Scenario, Stage } from 'k6/options';
import { describe, expect, test } from 'vitest';
import { type Config, readConfig } from '../settings/config';
import { acrossWorkers, scenarioOf } from './scenario';
import { always, bursts, type Schedule, spikes, windowAt } from './schedule';
import { targetAt as targetOf } from './shape';
import { shapeOf } from './with-settings';

interface Asked {
  readonly duration?: string;
  readonly concurrency?: string;
  readonly rate?: string;
  readonly ramp?: string;
  readonly stages?: string;
}

function config(asked: Asked): Config {
  const { duration = asked.stages ? undefined : '90s', concurrency = '8', rate, ramp, stages } = asked;
  return readConfig({
    S3_ENDPOINTS: 'http://127.0.0.1:9000',
    AWS_ACCESS_KEY_ID: 'key',
    AWS_SECRET_ACCESS_KEY: 'secret',
    S3_BUCKET: 'bucket',
    S3LOADTEST_DURATION: duration,
    S3LOADTEST_CONCURRENCY: concurrency,
    S3LOADTEST_RATE: rate,
    S3LOADTEST_RAMP: ramp,
    S3LOADTEST_STAGES: stages,
  });
}

interface Load {
  readonly name: string;
  readonly share: number;
  readonly vus: number;
  readonly schedule: Schedule;
}

function scenario(asked: Asked, more: Partial<Load> = {}): Scenario {
  const all = config(asked);
  const { name = 'firehose', share = 1, vus = all.concurrency, schedule = always(all.duration) } = more;
  return scenarioOf({ name, test: 'firehose', schedule, shape: shapeOf(all, vus, share) }, all.timeout);
}

/** The whole load that these settings ask for at a time. */
const targetAt = (all: Config, t: number) => targetOf(shapeOf(all, all.concurrency, 1), t);
const isOpenLoop = (all: Config) => shapeOf(all, all.concurrency, 1).unit === 'rate';

const milliseconds = ({ duration }: Stage) => Number(/^(\d+(?:\.\d+)?)ms$/.exec(duration)?.[1]);
/** Milliseconds of all stages, added up in whole nanoseconds as k6 does. */
const inAll = (stages: readonly Stage[]) =>
  stages.reduce((sum, stage) => sum + Math.round(milliseconds(stage) * 1e6), 0) / 1e6;
/** `5000ms to 100`, and `at once to 0` for a jump. */
const shown = (stages: readonly Stage[]) =>
  stages.map((stage) => `${milliseconds(stage) === 0 ? 'at once' : stage.duration} to ${stage.target}`);

function rampingVus(asked: Asked, more?: Partial<Load>): RampingVUsScenario {
  const made = scenario(asked, more);
  if (made.executor !== 'ramping-vus') throw new Error(`not ramping VUs: ${made.executor}`);
  return made;
}

function rampingRate(asked: Asked, more?: Partial<Load>): RampingArrivalRateScenario {
  const made = scenario(asked, more);
  if (made.executor !== 'ramping-arrival-rate') throw new Error(`not a ramping rate: ${made.executor}`);
  return made;
}

describe('without ramp and stages', () => {
  test('and without a rate, each VU goes at its own pace from start to end', () => {
    expect(scenario({})).toEqual({
      executor: 'constant-vus',
      vus: 8,
      duration: '90000ms',
      gracefulStop: '65000ms',
      tags: { test: 'firehose' },
    });
  });

  test('with one, operations begin on time, by VUs that are all there from the start', () => {
    expect(scenario({ rate: '500' })).toEqual({
      executor: 'constant-arrival-rate',
      rate: 500,
      timeUnit: '1s',
      duration: '90000ms',
      preAllocatedVUs: 8,
      maxVUs: 8,
      gracefulStop: '65000ms',
      tags: { test: 'firehose' },
    });
  });

  test('a scenario takes its share: of a rate here, of the VUs where the caller divides them', () => {
    expect(scenario({ rate: '500' }, { share: 0.25, vus: 2 })).toMatchObject({
      rate: 125,
      preAllocatedVUs: 2,
      maxVUs: 2,
    });
    expect(scenario({}, { share: 0.25, vus: 2 })).toMatchObject({ executor: 'constant-vus', vus: 2 });
  });

  test('windows without a gap between them are no pauses', () => {
    const phases: Schedule = [
      { start: 0, end: 60_000, phase: 'a' },
      { start: 60_000, end: 90_000, phase: 'b' },
    ];
    expect(scenario({ rate: '500' }, { schedule: phases })).toEqual(scenario({ rate: '500' }));
  });

  test('without a rate k6 knows of no pauses: the script idles in them', () => {
    expect(scenario({}, { schedule: bursts(90_000, 1_000, 2_000) })).toEqual(scenario({}));
  });
});

describe('VUs that climb and fall', () => {
  test('all that k6 gets', () => {
    expect(scenario({ ramp: '30s' })).toEqual({
      executor: 'ramping-vus',
      startVUs: 0,
      stages: [
        { duration: '30000ms', target: 8 },
        { duration: '60000ms', target: 8 },
      ],
      gracefulRampDown: '65000ms',
      gracefulStop: '65000ms',
      tags: { test: 'firehose' },
    });
  });

  test.each<Asked & { is: string[]; vus?: number; why: string }>([
    { ramp: '30s', is: ['30000ms to 8', '60000ms to 8'], why: 'climbs, then stays' },
    { ramp: '90s', is: ['90000ms to 8'], why: 'climbs all the time' },
    {
      stages: '4:1m,8:2m',
      is: ['at once to 4', '60000ms to 4', 'at once to 8', '120000ms to 8'],
      why: 'climbs at once where no ramp is asked for',
    },
    {
      stages: '4:1m,8:2m',
      ramp: '20s',
      is: ['20000ms to 4', '40000ms to 4', '20000ms to 8', '100000ms to 8'],
      why: "the climb is part of the stage's own time",
    },
    { stages: '8:10s,4:10s', ramp: '10s', is: ['10000ms to 8', '10000ms to 4'], why: 'never stays' },
    {
      stages: '8:1m,2:1m,4:1m',
      is: ['at once to 8', '60000ms to 8', '1ms to 2', '59999ms to 2', 'at once to 4', '60000ms to 4'],
      why: 'falls almost at once: after a jump down k6 loses count',
    },
    {
      stages: '8:1m,0:1m,2:1m',
      ramp: '1s',
      is: ['1000ms to 8', '59000ms to 8', '1000ms to 0', '59000ms to 0', '1000ms to 2', '59000ms to 2'],
      why: 'a stage may have none',
    },
    { stages: '0:1m,8:1m', is: ['60000ms to 0', 'at once to 8', '60000ms to 8'], why: 'and so may the first' },
    { stages: '8:1m,8:1m', is: ['at once to 8', '120000ms to 8'], why: 'two that are the same are one' },
    { stages: '8:1m,8:1m', ramp: '1s', is: ['1000ms to 8', '119000ms to 8'], why: 'no climb between them' },
    {
      stages: '10:1m,100:1m',
      vus: 25,
      is: ['at once to 3', '60000ms to 3', 'at once to 25', '60000ms to 25'],
      why: 'a quarter of the largest target is a quarter of each',
    },
    {
      stages: '1:1m,3:1m,100:1m,0:1m',
      vus: 25,
      is: ['at once to 1', '120000ms to 1', 'at once to 25', '60000ms to 25', '1ms to 0', '59999ms to 0'],
      why: 'a quarter of one VU is one, of none is none',
    },
    { stages: '8:1000.1ms', ramp: '0.3ms', is: ['0.3ms to 8', '999.8ms to 8'], why: 'not 999.8000000000001' },
  ])('$stages $ramp, $vus VUs: $why', ({ is, vus, why: _, ...asked }) => {
    const made = rampingVus(asked, vus === undefined ? {} : { vus });
    expect(shown(made.stages)).toEqual(is);
    expect(inAll(made.stages)).toBe(config(asked).duration);
  });

  test('VUs that k6 takes off have as long for their last operation as those at the end: shorter, it would break them off', () => {
    const { gracefulRampDown, gracefulStop } = rampingVus({ stages: '8:1m,2:1m' });
    expect(gracefulRampDown).toBe(gracefulStop);
  });
});

describe('rates that climb, fall and pause', () => {
  test('all that k6 gets', () => {
    expect(scenario({ rate: '500', ramp: '30s' })).toEqual({
      executor: 'ramping-arrival-rate',
      startRate: 0,
      timeUnit: '1s',
      stages: [
        { duration: '30000ms', target: 500 },
        { duration: '60000ms', target: 500 },
      ],
      preAllocatedVUs: 8,
      maxVUs: 8,
      gracefulStop: '65000ms',
      tags: { test: 'firehose' },
    });
  });

  test('rates of stages need no --rate, and have the VUs of --concurrency', () => {
    expect(scenario({ stages: '100/s:1m,500/s:1m', concurrency: '32' })).toMatchObject({
      executor: 'ramping-arrival-rate',
      preAllocatedVUs: 32,
      maxVUs: 32,
    });
  });

  const window = (start: number, end: number) => ({ start, end, phase: 'burst' });

  test.each<Asked & { schedule?: Schedule; share?: number; unit?: string; is: string[]; why: string }>([
    {
      stages: '100/s:1m,500/s:1m,20/s:1m',
      is: ['at once to 100', '60000ms to 100', 'at once to 500', '60000ms to 500', 'at once to 20', '60000ms to 20'],
      why: 'jumps up and down where no ramp is asked for: a rate takes no VUs off',
    },
    {
      stages: '100/s:1m,500/s:1m,0/s:1m',
      ramp: '20s',
      is: ['20000ms to 100', '40000ms to 100', '20000ms to 500', '40000ms to 500', '20000ms to 0', '40000ms to 0'],
      why: "the climb is part of the stage's own time",
    },
    {
      stages: '1/m:1m,50/h:1m',
      unit: '3600s',
      is: ['at once to 60', '60000ms to 60', 'at once to 50', '60000ms to 50'],
      why: 'one time unit for all',
    },
    {
      stages: '50/s:1m,100/s:1m',
      share: 1 / 3,
      unit: '60s',
      is: ['at once to 1000', '60000ms to 1000', 'at once to 2000', '60000ms to 2000'],
      why: 'a third of 50 a second is 1,000 a minute',
    },
    {
      rate: '100',
      duration: '9s',
      schedule: bursts(9_000, 1_000, 3_000),
      is: [
        ...['at once to 100', '1000ms to 100', 'at once to 0', '3000ms to 0'],
        ...['at once to 100', '1000ms to 100', 'at once to 0', '3000ms to 0'],
        ...['at once to 100', '1000ms to 100'],
      ],
      why: 'bursts',
    },
    {
      rate: '100',
      duration: '9s',
      schedule: [window(2_000, 4_000), window(4_000, 5_000)],
      is: ['2000ms to 0', 'at once to 100', '3000ms to 100', 'at once to 0', '4000ms to 0'],
      why: 'begins and ends with a pause; windows without a gap are one',
    },
    { rate: '100', duration: '9s', schedule: [], is: ['9000ms to 0'], why: 'a run that ends before its first burst' },
    {
      rate: '100',
      duration: '8s',
      ramp: '4s',
      schedule: bursts(8_000, 1_000, 1_000),
      is: [
        ...['1000ms to 25', 'at once to 0', '1000ms to 0'],
        ...['at once to 50', '1000ms to 75', 'at once to 0', '1000ms to 0'],
        ...['at once to 100', '1000ms to 100', 'at once to 0', '1000ms to 0'],
        ...['at once to 100', '1000ms to 100', 'at once to 0', '1000ms to 0'],
      ],
      why: 'the climb goes on in the pauses, and is entered where it has come to',
    },
    {
      stages: '100/s:4s,0/s:4s',
      ramp: '2s',
      schedule: [window(1_000, 5_000)],
      is: [
        ...['1000ms to 0', 'at once to 50', '1000ms to 100', '2000ms to 100'],
        ...['1000ms to 50', 'at once to 0', '3000ms to 0'],
      ],
      why: 'and left there, and a pause joins a stage of nothing',
    },
    {
      stages: '10/s:3s,20/s:3s',
      schedule: bursts(6_000, 2_000, 2_000),
      is: ['at once to 10', '2000ms to 10', 'at once to 0', '2000ms to 0', 'at once to 20', '2000ms to 20'],
      why: 'a step in a pause shows at the next burst',
    },
    {
      stages: '10/s:3s,20/s:3s',
      schedule: [window(0, 6_000)],
      is: ['at once to 10', '3000ms to 10', 'at once to 20', '3000ms to 20'],
      why: 'a burst may have several stages',
    },
  ])('$rate $stages $ramp: $why', ({ schedule, share = 1, unit = '1s', is, why: _, ...asked }) => {
    const made = rampingRate(asked, { share, ...(schedule === undefined ? {} : { schedule }) });
    expect(shown(made.stages)).toEqual(is);
    expect(made.timeUnit).toBe(unit);
    expect(inAll(made.stages)).toBe(config(asked).duration);
  });

  const schedules: ReadonlyArray<readonly [name: string, of: (duration: number) => Schedule]> = [
    ['always', always],
    ['bursts', (duration) => bursts(duration, 1_300, 2_100)],
    ['spikes', (duration) => spikes(duration, 1_000, 4_000, 11)],
  ];
  const shapes: readonly Asked[] = [
    { rate: '100', duration: '60s', ramp: '45s' },
    { rate: '7/h', duration: '60s', ramp: '45s' },
    { rate: '0.333', duration: '60s', ramp: '1s' },
    { rate: '100000', duration: '60s', ramp: '60s' },
    { stages: '100/s:20s,500/s:30s,0/s:10s,3.7/s:15s' },
    { stages: '100/s:20s,500/s:30s,0/s:10s,3.7/s:15s', ramp: '10s' },
    { stages: '1/h:20s,10000/s:20s,1/h:20s', ramp: '12345ms' },
  ];
  const rows = shapes.flatMap((asked) =>
    schedules.flatMap(([name, of]) => [1, 1 / 2, 1 / 3, 1 / 7].map((share) => ({ asked, name, of, share }))),
  );

  test.each(rows)('$asked, $name, share $share: k6 gets what is wanted at any time', ({ asked, of, share }) => {
    const all = config(asked);
    const schedule = of(all.duration);
    const made = scenario(asked, { share, schedule });
    if (made.executor !== 'ramping-arrival-rate') throw new Error(`not a ramping rate: ${made.executor}`);
    expect(inAll(made.stages)).toBe(all.duration);
    const seconds = Number.parseInt(made.timeUnit ?? '', 10);
    let start = 0;
    let from = made.startRate ?? Number.NaN;
    for (const [i, stage] of made.stages.entries()) {
      const ms = milliseconds(stage);
      const { target } = stage;
      expect(Number.isInteger(target) && target >= 0).toBe(true);
      // A stage that changes nothing is for its time alone, and one such is enough.
      if (from === target) expect(ms).toBeGreaterThan(0);
      if (from === target && made.stages[i + 1]?.target === target) expect.fail('two stages that are one');
      for (const part of ms === 0 ? [] : [0.001, 0.2, 0.5, 0.8, 0.999]) {
        const t = start + ms * part;
        const wanted = (windowAt(schedule, t)?.start ?? Number.POSITIVE_INFINITY) <= t ? targetAt(all, t) * share : 0;
        const given = (from + (target - from) * part) / seconds;
        expect(Math.abs(given - wanted), `${given}/s for ${wanted}/s at ${t}`).toBeLessThanOrEqual(
          Math.max(wanted * 0.001, 0.0015),
        );
      }
      start += ms;
      from = target;
    }
  });

  test('a week may be of short bursts', () => {
    const week = 7 * 86_400_000;
    const { stages } = rampingRate({ rate: '500', duration: '1w' }, { schedule: bursts(week, 5_000, 10_000) });
    expect(stages).toHaveLength(4 * 40_320);
    expect(inAll(stages)).toBe(week);
  });
});

describe('k6 takes whole rates only, so the time unit gives way', () => {
  test.each([
    { text: '500', rate: 500, timeUnit: '1s', why: 'whole as it is' },
    { text: '30000/m', rate: 500, timeUnit: '1s', why: 'whole by the second' },
    { text: '2.5', rate: 150, timeUnit: '60s', why: 'whole by the minute' },
    { text: '10/m', rate: 10, timeUnit: '60s', why: 'a sixth of one a second has no end in decimals' },
    { text: '1/m', rate: 1, timeUnit: '60s', why: 'once a minute' },
    { text: '7/h', rate: 7, timeUnit: '3600s', why: 'whole by the hour' },
    { text: '1/h', rate: 1, timeUnit: '3600s', why: 'and not, rounded up, once in 1,000 s' },
    { text: '0.333', rate: 3_330_000, timeUnit: '10000000s', why: 'whole by no unit that people use' },
  ])('$text is $rate in $timeUnit: $why', ({ text, rate, timeUnit }) => {
    expect(scenario({ rate: text })).toMatchObject({ rate, timeUnit });
  });

  test.each([
    { stages: '500/s:1m,100/s:1m', targets: [500, 100], timeUnit: '1s', why: 'all whole as they are' },
    { stages: '500/s:1m,2.5/s:1m', targets: [30_000, 150], timeUnit: '60s', why: 'one that is not decides for all' },
    { stages: '500/s:1m,7/h:1m', targets: [1_800_000, 7], timeUnit: '3600s', why: 'whole by the hour' },
    { stages: '1/s:1m,0.333/s:1m', targets: [10_000_000, 3_330_000], timeUnit: '10000000s', why: 'by no such unit' },
  ])('$stages are $targets in $timeUnit: $why', ({ stages, targets, timeUnit }) => {
    const made = rampingRate({ stages });
    expect(made.timeUnit).toBe(timeUnit);
    expect([...new Set(made.stages.map(({ target }) => target))]).toEqual(targets);
  });

  test('no rate from one an hour to 100,000 a second is off by more than a thousandth', () => {
    for (let perSecond = 1 / 3_600; perSecond <= 100_000; perSecond *= 1.37) {
      const all = { ...config({}), rate: perSecond };
      const load = { name: 't', test: 't', shape: shapeOf(all, 8, 1), schedule: always(all.duration) };
      const made = scenarioOf(load, all.timeout);
      if (made.executor !== 'constant-arrival-rate') throw new Error(`not an arrival rate: ${made.executor}`);
      const seconds = Number.parseInt(made.timeUnit ?? '', 10);
      expect(Number.isInteger(made.rate)).toBe(true);
      expect(Math.abs(made.rate / seconds / perSecond - 1), `${perSecond}/s`).toBeLessThan(0.001);
    }
  });
});

describe('targetAt', () => {
  test.each<Asked & { t: number; is: number; why: string }>([
    { t: 0, is: 8, why: 'all VUs at once' },
    { t: 89_999, is: 8, why: 'to the end' },
    { t: 90_000, is: 0, why: 'over' },
    { t: -1, is: 0, why: 'not begun' },
    { rate: '2.5', t: 1, is: 2.5, why: 'a rate, in operations a second' },
    { rate: '100', ramp: '10s', t: 0, is: 0, why: 'a ramp begins with nothing' },
    { rate: '100', ramp: '10s', t: 2_500, is: 25, why: 'in mid-climb' },
    { rate: '100', ramp: '10s', t: 10_000, is: 100, why: 'at the top' },
    { ramp: '10s', t: 5_000, is: 4, why: 'VUs climb too' },
    { ramp: '10s', t: 3_000, is: 2.4, why: 'and are no whole numbers on the way' },
    { stages: '4:10s,8:10s', t: 9_999, is: 4, why: 'holds' },
    { stages: '4:10s,8:10s', t: 10_000, is: 8, why: 'a step counts from its time on' },
    { stages: '4:10s,8:10s', ramp: '2s', t: 11_000, is: 6, why: 'from one stage to the next' },
    { stages: '100/s:10s,0/s:10s', ramp: '2s', t: 10_500, is: 75, why: 'and down' },
    { stages: '100/s:10s,0/s:10s', ramp: '2s', t: 19_999, is: 0, why: 'to nothing' },
  ])('$rate $stages $ramp at $t ms: $is, $why', ({ t, is, why: _, ...asked }) => {
    expect(targetAt(config(asked), t)).toBeCloseTo(is, 9);
  });
});

describe('across 3 workers', () => {
  test.each<Asked & { is: object; why: string }>([
    { is: { executor: 'constant-vus', vus: 24 }, why: 'VUs are those of each worker' },
    {
      ramp: '10s',
      is: { executor: 'ramping-vus', startVUs: 0, stages: [{ target: 24 }, { target: 24 }] },
      why: 'where they climb, too',
    },
    {
      rate: '500',
      is: { executor: 'constant-arrival-rate', rate: 500, preAllocatedVUs: 24, maxVUs: 24 },
      why: 'a rate is that of all',
    },
    {
      stages: '100/s:45s,200/s:45s',
      is: {
        executor: 'ramping-arrival-rate',
        stages: [{ target: 100 }, { target: 100 }, { target: 200 }, { target: 200 }],
      },
      why: 'in stages, too',
    },
  ])('$rate $stages $ramp: $why', ({ is, why: _, ...asked }) => {
    const made = scenario(asked);
    expect(acrossWorkers(made, 3)).toMatchObject(is);
    expect(acrossWorkers(made, 1)).toEqual(made);
  });

  test('nothing but VUs is another', () => {
    const { preAllocatedVUs: _, maxVUs: __, ...rest } = rampingRate({ rate: '500', ramp: '3s' });
    expect(acrossWorkers(rampingRate({ rate: '500', ramp: '3s' }), 7)).toMatchObject(rest);
  });

  test('a scenario of another kind is none of ours', () => {
    expect(() => acrossWorkers({ executor: 'shared-iterations', iterations: 9 }, 3)).toThrow('shared-iterations');
  });
});

test.each<Asked & { open: boolean; why: string }>([
  { open: false, why: 'as it is' },
  { ramp: '1s', open: false, why: 'a ramp of VUs' },
  { stages: '8:1m', open: false, why: 'stages of VUs' },
  { rate: '10', open: true, why: 'a rate' },
  { stages: '10/s:1m', open: true, why: 'stages of rates' },
])('an open loop: $open for $why', ({ open, why: _, ...asked }) => {
  expect(isOpenLoop(config(asked))).toBe(open);
});
