/**
 * Runs of the same load against two stores, or versions of one: what differs, operation by operation. README.md beside this
 * has the method. Pure.
 */
import { percentile } from '../../lib/result/distribution';
import { errorCount, type Figures, measuredMs, type Result, type Series } from '../../lib/result/result';
import { type ConfidenceInterval, difference, type Estimate, mean, shareDifference, shareInterval } from './statistics';
import { studentQuantile } from './student';
import { type Counted, OpInTime } from './timeline';

export const COMPARISON_SCHEMA = 's3loadtest/comparison@1';

/** One run, or repeats of one. */
export interface Side {
  readonly name: string;
  readonly runs: readonly Result[];
}

export type ChangeVerdict = 'better' | 'worse' | 'no difference seen' | 'unknown';

/** What is compared, by the names it is shown under. */
export const METRICS = ['ops/s', 'bytes/s', 'keys/s', 'errors', 'p50', 'p99', 'p99.9'] as const;
export type Metric = (typeof METRICS)[number];

/** One figure on both sides. */
export interface Change extends Partial<ConfidenceInterval> {
  readonly metric: Metric;
  /**
   * Per second, milliseconds, or of errors their share of all attempts. Of repeats the geometric mean; errors of all of them
   * together. Left out where there is none.
   */
  readonly baseline?: number;
  readonly other?: number;
  /** By what part it rose: -0.2 is 20% less. Of errors it is the difference of the shares. `low` to `high` holds it. */
  readonly change?: number;
  readonly verdict: ChangeVerdict;
  /** Why the verdict is unknown. */
  readonly why?: string;
  /** Differs by a constant factor from another figure of the row: no test of its own. */
  readonly follows?: Metric;
}

type Values = Pick<Change, 'baseline' | 'other'>;

export interface Row {
  readonly test: string;
  readonly phase?: string;
  readonly op: string;
  /** Left out of all sizes together, and of operations on no object. */
  readonly size?: string;
  /** One size or phase of an operation that has a row for all of them. */
  readonly part?: true;
  readonly changes: readonly Change[];
}

/** A figure that is worse by more than was allowed, and certainly so. */
export interface Regression {
  /** Of which side. */
  readonly name: string;
  readonly row: Omit<Row, 'changes'>;
  readonly change: Change;
}

/** One side against the baseline. */
export interface Contrast {
  readonly name: string;
  readonly rows: readonly Row[];
  /** `mixed`: some figures are better, others worse. */
  readonly verdict: ChangeVerdict | 'mixed';
  /** A difference in ops/s that would have been seen, at a middle operation: 0.1 is 10%. Undefined when none would. */
  readonly resolution: number | undefined;
}

export interface Comparison {
  readonly schema: typeof COMPARISON_SCHEMA;
  readonly baseline: string;
  readonly contrasts: readonly Contrast[];
  /** The probability that all intervals hold, at least. */
  readonly confidence: number;
  /** What runs of the same thing are taken to differ by, one standard deviation, where repeats don't tell. */
  readonly runNoise: number;
  /** How many figures were tested. */
  readonly tested: number;
}

export interface CompareOptions {
  readonly confidence: number;
  readonly runNoise: number;
}

const RATES: Readonly<Partial<Record<Metric, Counted>>> = { 'ops/s': 'ops', 'bytes/s': 'bytes', 'keys/s': 'objects' };
const PERCENTS: Readonly<Partial<Record<Metric, number>>> = { p50: 50, p99: 99, 'p99.9': 99.9 };
/** The logarithm of fewer has no normal distribution, nor much to say. */
const FEWEST = 10;
/** Latencies are counted in microseconds. */
const FASTEST_MS = 0.001;
/** A count that is so nearly a multiple of the operations is one: there is one size, or their mix is exact. */
const PROPORTIONAL = 0.01;

const TOO_FEW = 'too few operations';
const TOO_SHORT = 'too short a run';
const NOT_EVERYWHERE = 'not in every run';

const NOTHING: Figures = { ops: 0, bytes: 0, errors: {} };

/** A row's figures, one for each run, those of the baseline first. */
interface RowPlan extends Omit<Row, 'changes'> {
  readonly figures: readonly Figures[];
  /** Of the operation, all sizes. */
  readonly whole: readonly Figures[];
  readonly tests: readonly Metric[];
  readonly follow: ReadonlyMap<Metric, Metric>;
}

/** Compares every other side with the baseline. All runs are of the same load: comparable.ts tells. */
export function compare(baseline: Side, others: readonly Side[], { confidence, runNoise }: CompareOptions): Comparison {
  const plans = others.map((other) => planRows([...baseline.runs, ...other.runs]));
  const tested = (rows: readonly RowPlan[]) => rows.flatMap(({ tests }) => tests).length;
  const [wholes, parts] = [
    tested(plans.flat().filter(({ part }) => !part)),
    tested(plans.flat().filter(({ part }) => part)),
  ];
  // Bonferroni: the chance of a false alarm is divided, one half among operations, the other among their sizes and phases.
  const tail = (1 - confidence) / 2;
  const tails =
    parts === 0 ? { whole: tail / wholes, part: tail } : { whole: tail / 2 / wholes, part: tail / 2 / parts };
  return {
    schema: COMPARISON_SCHEMA,
    baseline: baseline.name,
    contrasts: others.map((other, i) => {
      const runs = [...baseline.runs, ...other.runs];
      const inTime = new Map<string, OpInTime>();
      const rows = (plans[i] as RowPlan[]).map((plan) => {
        const name = `${plan.test} ${plan.op}`;
        const time = inTime.get(name) ?? new OpInTime(runs, plan.test, plan.op);
        inTime.set(name, time);
        const judge = new Judge(runs, baseline.runs.length, time, runNoise, plan.part ? tails.part : tails.whole);
        return judge.row(plan);
      });
      return { name: other.name, rows, verdict: verdictOf(rows), resolution: resolutionOf(rows) };
    }),
    confidence,
    runNoise,
    tested: wholes + parts,
  };
}

/** The rows there are: each operation, and, where that is more than one, each of its sizes and phases. */
function planRows(runs: readonly Result[]): RowPlan[] {
  const ops = distinct(runs.flatMap(({ totals }) => totals).map(({ test, op }) => ({ test, op })));
  return ops.flatMap((row) => {
    const own = (x: { readonly test: string; readonly op: string }) => x.test === row.test && x.op === row.op;
    const whole = runs.map(({ totals }) => totals.find(own) ?? NOTHING);
    const series = distinct(runs.flatMap(({ series }) => series.filter(own)).map(tagsOf));
    const [only] = series;
    if (series.length === 1 && only !== undefined) return planRow(only, whole, whole);
    const parts = series.map((tags) => {
      const same = (s: Series) => own(s) && s.phase === tags.phase && s.size === tags.size;
      return planRow(
        { ...tags, part: true },
        runs.map(({ series }) => series.find(same) ?? NOTHING),
        whole,
      );
    });
    return [planRow(row, whole, whole), ...parts].flat();
  });
}

const tagsOf = ({ test, phase, op, size }: Series) => ({ test, ...(phase === undefined ? {} : { phase }), op, size });

function distinct<T>(all: readonly T[]): T[] {
  return [...new Map(all.map((x) => [JSON.stringify(x), x])).values()];
}

function planRow(
  { size, ...tags }: Omit<Row, 'changes'>,
  figures: readonly Figures[],
  whole: readonly Figures[],
): RowPlan[] {
  const follow = new Map<Metric, Metric>();
  for (const metric of ['bytes/s', 'keys/s'] as const) {
    const counted = RATES[metric] as Counted;
    const each = figures.map((f) => (f[counted] ?? 0) / f.ops);
    const alike = each.every((n) => Math.abs(n / (each[0] as number) - 1) < PROPORTIONAL);
    if (alike) follow.set(metric, 'ops/s');
  }
  const shown = METRICS.filter((metric) => {
    const counted = RATES[metric];
    if (counted !== undefined) return figures.some((f) => (f[counted] ?? 0) > 0);
    return figures.some((f) => (metric === 'errors' ? errorCount(f) > 0 : f.latency !== undefined));
  });
  const label = { ...tags, ...(size === undefined || size === 'none' ? {} : { size }) };
  const tests = shown.filter((metric) => !follow.has(metric));
  return shown.length === 0 ? [] : [{ ...label, figures, whole, tests, follow }];
}

/** Judges the rows of one operation. */
class Judge {
  constructor(
    private readonly runs: readonly Result[],
    /** So many of the runs are the baseline's. */
    private readonly split: number,
    private readonly time: OpInTime,
    private readonly runNoise: number,
    private readonly tail: number,
  ) {}

  row({ figures, whole, tests, follow, ...tags }: RowPlan): Row {
    const changes = new Map(
      tests.map((metric): [Metric, Change] => {
        if (metric === 'errors') return [metric, this.errors(figures, whole)];
        const percent = PERCENTS[metric];
        if (percent !== undefined) return [metric, this.latency(metric, percent, figures, whole)];
        return [metric, this.rate(metric, figures, whole)];
      }),
    );
    for (const [metric, leader] of follow) {
      const led = changes.get(leader);
      if (led === undefined || !figures.some((f) => (f[RATES[metric] as Counted] ?? 0) > 0)) continue;
      changes.set(metric, { ...led, metric, ...this.values(this.rates(metric, figures)), follows: leader });
    }
    return { ...tags, changes: METRICS.flatMap((metric) => changes.get(metric) ?? []) };
  }

  private rates(metric: Metric, figures: readonly Figures[]): number[] {
    const counted = RATES[metric] as Counted;
    return figures.map((f, r) => (f[counted] ?? 0) / (measuredMs((this.runs[r] as Result).run) / 1000));
  }

  private rate(metric: Metric, figures: readonly Figures[], whole: readonly Figures[]): Change {
    const rates = this.rates(metric, figures);
    const known = this.values(rates);
    const within = this.time.rate(RATES[metric] as Counted);
    if (figures.some(({ ops }) => ops < FEWEST)) return unknown(metric, known, TOO_FEW);
    if (rates.includes(0)) return unknown(metric, known, NOT_EVERYWHERE);
    if (within === undefined && !this.repeated) return unknown(metric, known, TOO_SHORT);
    const estimates = rates.map((rate, r): Estimate => {
      const [n, all] = [(figures[r] as Figures).ops, (whole[r] as Figures).ops];
      // What an operation does is shared by its sizes; which of them came how often is chance besides.
      return { log: Math.log(rate), variance: within === undefined ? 1 / n : within.variance + 1 / n - 1 / all };
    });
    return this.judged(metric, known, estimates, within?.df ?? Number.POSITIVE_INFINITY);
  }

  private latency(metric: Metric, percent: number, figures: readonly Figures[], whole: readonly Figures[]): Change {
    const values = figures.map((f) => percentileOf(f, percent));
    const known = this.values(values);
    if (values.includes(Number.NaN)) return unknown(metric, known, NOT_EVERYWHERE);
    const effect = this.time.latencyEffect(percent);
    // Without histograms by the second, that of a closed loop's throughput stands for how latencies go up and down.
    const drift = effect === undefined ? this.time.rate('ops') : undefined;
    const within = effect ?? drift;
    if (within === undefined && !this.repeated) return unknown(metric, known, TOO_SHORT);
    const df = within?.df ?? Number.POSITIVE_INFINITY;
    const quantile = studentQuantile(this.tail, df);
    const estimates: Estimate[] = [];
    for (const [r, f] of figures.entries()) {
      const share = f.ops / (whole[r] as Figures).ops;
      const clusters = 1 + ((effect?.variance ?? 1) - 1) * share;
      const variance = logVariance(f, percent, clusters, quantile);
      if (variance === undefined) return unknown(metric, known, TOO_FEW);
      estimates.push({ log: Math.log(values[r] as number), variance: variance + (drift?.variance ?? 0) });
    }
    return this.judged(metric, known, estimates, df);
  }

  private errors(figures: readonly Figures[], whole: readonly Figures[]): Change {
    const side = (from: number, to: number) => {
      const total = (all: readonly Figures[], of: (f: Figures) => number) =>
        all.slice(from, to).reduce((sum, f) => sum + of(f), 0);
      const attempts = (f: Figures) => f.ops + errorCount(f);
      const [n, of, all] = [total(figures, errorCount), total(figures, attempts), total(whole, attempts)];
      return { n, of, clusters: 1 + ((this.time.errorEffect(from, to) - 1) * of) / all };
    };
    const [baseline, other] = [side(0, this.split), side(this.split, figures.length)];
    const known = sides(baseline.n / baseline.of, other.n / other.of);
    if (baseline.of === 0 || other.of === 0) return unknown('errors', known, NOT_EVERYWHERE);
    const quantile = studentQuantile(this.tail, Number.POSITIVE_INFINITY);
    // A side that had no error tells nothing of how they would come: as the other's do.
    const effect = Math.max(baseline.clusters, other.clusters);
    const interval = ({ n, of }: typeof baseline) => ({ share: n / of, ...shareInterval(n, of, effect, quantile) });
    const found = shareDifference(interval(baseline), interval(other));
    return { metric: 'errors', ...known, ...found, verdict: verdict(found, 'errors') };
  }

  private get repeated(): boolean {
    return this.runs.length > 2;
  }

  private judged(metric: Metric, known: Values, estimates: readonly Estimate[], df: number): Change {
    const [baseline, other] = [estimates.slice(0, this.split), estimates.slice(this.split)];
    const { change, low, high } = difference(baseline, other, df, this.runNoise, this.tail);
    const found = { change: Math.expm1(change), low: Math.expm1(low), high: Math.expm1(high) };
    return { metric, ...known, ...found, verdict: verdict(found, metric) };
  }

  /** The geometric mean of each side: what their logarithms are compared by. */
  private values(all: readonly number[]): Values {
    const middle = (some: readonly number[]) => Math.exp(mean(some.map(Math.log)));
    return sides(middle(all.slice(0, this.split)), middle(all.slice(this.split)));
  }
}

function sides(baseline: number, other: number): Values {
  return { ...(Number.isFinite(baseline) ? { baseline } : {}), ...(Number.isFinite(other) ? { other } : {}) };
}

function unknown(metric: Metric, known: Values, why: string): Change {
  const { baseline = Number.NaN, other = Number.NaN } = known;
  const change = metric === 'errors' ? other - baseline : other / baseline - 1;
  return { metric, ...known, ...(Number.isFinite(change) ? { change } : {}), verdict: 'unknown', why };
}

function verdict({ low, high }: ConfidenceInterval, metric: Metric): ChangeVerdict {
  if (low <= 0 && high >= 0) return 'no difference seen';
  const rose = low > 0;
  return rose === (RATES[metric] !== undefined) ? 'better' : 'worse';
}

/** Milliseconds; NaN when nothing succeeded. Faster than the clock tells is as fast as it tells. */
function percentileOf({ latency }: Figures, percent: number): number {
  const ms = latency && percentile(latency, percent);
  return ms === undefined ? Number.NaN : Math.max(ms, FASTEST_MS);
}

/**
 * The variance of the logarithm of a percentile: the interval of ranks that holds it (Woodruff, 1952), read off the
 * distribution, of which the longer side counts for both. Undefined when it leaves the distribution.
 * @param effect how much more than by chance the ranks vary
 * @param quantile how many standard errors wide the interval is on either side
 */
function logVariance(figures: Figures, percent: number, effect: number, quantile: number): number | undefined {
  const share = percent / 100;
  const half = quantile * Math.sqrt((share * (1 - share) * effect) / figures.ops);
  if (share + half >= 1 || share - half <= 0) return undefined;
  const log = (x: number) => Math.log(percentileOf(figures, 100 * x));
  const [low, middle, high] = [log(share - half), log(share), log(share + half)];
  return (Math.max(middle - low, high - middle) / quantile) ** 2;
}

function verdictOf(rows: readonly Row[]): Contrast['verdict'] {
  const all = new Set(rows.flatMap(({ changes }) => changes).map((change) => change.verdict));
  if (all.has('better') && all.has('worse')) return 'mixed';
  return (['better', 'worse', 'no difference seen'] as const).find((v) => all.has(v)) ?? 'unknown';
}

/** Half the width of the interval of ops/s, as it is of the middle one of all operations. */
function resolutionOf(rows: readonly Row[]): number | undefined {
  const halves = rows
    .flatMap(({ part, changes }) => (part ? [] : changes.filter(({ metric }) => metric === 'ops/s')))
    .flatMap(({ low, high }) =>
      low === undefined || high === undefined ? [] : (Math.log1p(high) - Math.log1p(low)) / 2,
    )
    .sort((a, b) => a - b);
  const middle = halves[Math.floor(halves.length / 2)];
  return middle === undefined ? undefined : Math.expm1(middle);
}

/**
 * What is certainly worse by more than this part: its whole interval lies beyond. Of errors it is a part of the baseline's
 * share, so where the baseline has none any certain error is beyond.
 */
export function regressions({ contrasts }: Comparison, beyond: number): Regression[] {
  return contrasts.flatMap(({ name, rows }) =>
    rows.flatMap(({ changes, ...row }) =>
      changes.filter((change) => isBeyond(change, beyond)).map((change) => ({ name, row, change })),
    ),
  );
}

function isBeyond({ metric, verdict, follows, baseline = 0, low = 0, high = 0 }: Change, beyond: number): boolean {
  if (verdict !== 'worse' || follows !== undefined) return false;
  if (metric === 'errors') return low > beyond * baseline;
  return RATES[metric] === undefined ? low > beyond : high < -beyond;
}
