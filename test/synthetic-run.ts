/** Results of runs that never were, with the noise that real ones have: known what is true of them, and fast to make. */
import { distributionOf } from '../lib/result/distribution';
import { DIGITS, Histogram, TIMELINE_DIGITS } from '../lib/result/histogram';
import { type Result, SCHEMA, type Series, type TimelinePoint } from '../lib/result/result';
import { seeded } from '../lib/workload/random';

export interface Shape {
  readonly seed: number;
  readonly seconds?: number;
  /** Of each operation, on average. */
  readonly opsPerSecond?: number;
  /** Times as fast as usual. */
  readonly speed?: number;
  /** How much whole runs differ, one standard deviation. */
  readonly runNoise?: number;
  /** How much seconds differ, one standard deviation, and how they follow the one before. */
  readonly drift?: number;
  readonly correlation?: number;
  /** The chance, each second, of two in which little gets done. */
  readonly stalls?: number;
  /** What part of the attempts fails. */
  readonly errors?: number;
  /** All of these in one second, instead. */
  readonly errorsAtOnce?: number;
  readonly sizes?: readonly string[];
  /** Load by the second, 0 to 1: bursts and pauses. */
  readonly load?: (second: number) => number;
  readonly histograms?: boolean;
  readonly config?: Readonly<Record<string, unknown>>;
}

const OPS = ['GET', 'PUT'];
const BYTES: Readonly<Record<string, number>> = { '1KB': 1024, '10KB': 10_240, '100KB': 102_400 };

/** A closed loop's run: rates drift as an autoregressive process, latencies are lognormal about what the rate makes them. */
export function syntheticRun(shape: Shape): Result {
  const { seed, seconds = 60, opsPerSecond = 100, speed = 1, runNoise = 0.02, drift = 0.1 } = shape;
  const { correlation = 0.5, stalls = 0.01, errors = 0, errorsAtOnce = 0, sizes = ['1KB', '100KB'] } = shape;
  const random = seeded(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const pace = speed * Math.exp(runNoise * normal());
  const series = OPS.flatMap((op) =>
    sizes.map((size) => ({ op, size, ops: 0, errors: 0, latency: new Histogram(DIGITS) })),
  );
  const timeline: TimelinePoint[] = [];
  let state = drift * normal();
  let stalled = 0;
  let dealt = 0;
  for (let second = 0; second < seconds; second++) {
    state = correlation * state + Math.sqrt(1 - correlation ** 2) * drift * normal();
    if (random() < stalls) stalled = 2;
    const now = pace * Math.exp(state) * (stalled-- > 0 ? 0.3 : 1);
    for (const op of OPS) {
      const coarse = new Histogram(TIMELINE_DIGITS);
      const before = sum(series, op);
      const rate = opsPerSecond * now * (shape.load?.(second) ?? 1);
      const n = Math.max(0, Math.round(rate + Math.sqrt(rate) * 0.3 * normal()));
      for (let i = 0; i < n; i++) {
        // In turn, as they are dealt: each comes as often.
        const one = series[OPS.indexOf(op) * sizes.length + (dealt++ % sizes.length)] as (typeof series)[0];
        if (random() < errors) {
          one.errors++;
          continue;
        }
        const us = (5000 / now) * Math.exp(0.5 * normal()) * (random() < 0.02 ? 8 : 1);
        one.ops++;
        one.latency.record(us);
        coarse.record(us);
      }
      if (second === 3 && errorsAtOnce > 0)
        (series[OPS.indexOf(op) * sizes.length] as (typeof series)[0]).errors += errorsAtOnce;
      const after = sum(series, op);
      timeline.push({
        ...{ t: second * 1000, ms: 1000, test: 'firehose', op },
        ...{ ops: after.ops - before.ops, bytes: after.bytes - before.bytes, errors: after.errors - before.errors },
        ...(shape.histograms === false || coarse.count === 0 ? {} : { histogram: coarse.encode() }),
      });
    }
  }
  const all = series.map(({ op, size, ops, errors, latency }): Series => {
    const figures = { ops, bytes: ops * (BYTES[size] as number), errors: errors > 0 ? { server: errors } : {} };
    return { test: 'firehose', op, size, ...figures, latency: distributionOf(latency) };
  });
  const totals = OPS.map((op) => {
    const latency = new Histogram(DIGITS);
    for (const one of series) if (one.op === op) latency.add(one.latency);
    const { ops, bytes, errors } = sum(series, op);
    const failed = errors > 0 ? { server: errors } : {};
    return { test: 'firehose', op, ops, bytes, errors: failed, latency: distributionOf(latency) };
  });
  return {
    schema: SCHEMA,
    run: {
      ...{ id: `synthetic-${seed}`, tests: ['firehose'], startedAt: '2026-11-21T12:00:00.000Z', seed: 1 },
      ...{ backend: 'native', versions: {}, schedule: [], quantiles: [], durationMs: seconds * 1000 },
      config: { duration: seconds * 1000, concurrency: 16, endpoints: ['http://127.0.0.1:9000'], ...shape.config },
      loads: [{ test: 'firehose', scenario: 'firehose', vus: 16, share: 1 }],
    },
    ...{ series: all, totals, endpoints: [], connections: [], timeline, thresholds: [] },
    generator: { cpu: null, memory: null, cores: 4, vus: 16, iterations: 0, droppedIterations: 0, retries: 0 },
    ...{ workers: [], errorSamples: [], warnings: [], interrupted: false, partial: false },
  };
}

function sum(series: ReadonlyArray<{ op: string; size: string; ops: number; errors: number }>, op: string) {
  const own = series.filter((one) => one.op === op);
  return {
    ops: own.reduce((n, { ops }) => n + ops, 0),
    bytes: own.reduce((n, { ops, size }) => n + ops * (BYTES[size] as number), 0),
    errors: own.reduce((n, { errors }) => n + errors, 0),
  };
}
