/**
 * What can be said of the difference between two sides, each of one run or several. Rates and latencies are compared by
 * their logarithms, so that a difference is a factor. README.md beside this has the method and what it assumes. Pure.
 */
import { studentQuantile } from './student';

/** How sure a variance is: degrees of freedom, Infinity where it is known. */
export interface Variance {
  readonly variance: number;
  readonly df: number;
}

/** From one end to the other. */
export interface ConfidenceInterval {
  readonly low: number;
  readonly high: number;
}

/** With more blocks than that they depend more on one another; with fewer how much they do can't be told. */
const MOST_BLOCKS = 30;
const LEAST_BLOCKS = 8;
/** As far as that their dependence is believed: from there on variances would grow without bound. */
const MOST_CORRELATION = 0.8;
/** What is assumed of the spread of repeats counts as so many degrees of freedom beside what they show. */
const ASSUMED_DF = 4;

/** Into how many blocks runs of so many timeline points are cut; 0 when they are too short. */
export function blocksFor(points: number): number {
  return points < LEAST_BLOCKS ? 0 : Math.min(points, MOST_BLOCKS);
}

/** Counts within so many milliseconds, spread evenly over the time of each, as counts of equal blocks up to `end`. */
export function inBlocks(
  counts: ReadonlyArray<{ readonly t: number; readonly ms: number; readonly n: number }>,
  end: number,
  blocks: number,
): number[] {
  const width = end / blocks;
  const sums = new Array<number>(blocks).fill(0);
  for (const { t, ms, n } of counts) {
    const [from, to] = [Math.max(0, t), Math.min(t + ms, end)];
    for (let b = Math.floor(from / width); b < blocks && b * width < to; b++) {
      const overlap = Math.min(to, (b + 1) * width) - Math.max(from, b * width);
      sums[b] = (sums[b] as number) + (n * overlap) / ms;
    }
  }
  return sums;
}

/**
 * The variance of one run's mean, out of the means of its blocks: those of several runs, one a row, cut alike. What all runs
 * have in common at the same time, as a ramp, a stage or a burst, is taken out first: it tells nothing of chance. That blocks
 * resemble the one before is counted in, as a process of first order.
 */
export function varianceOfMean(runs: ReadonlyArray<readonly number[]>): Variance {
  const blocks = runs[0]?.length ?? 0;
  const means = runs.map(mean);
  let [squares, neighbours] = [0, 0];
  let before: number[] = [];
  for (let b = 0; b < blocks; b++) {
    const own = runs.map((run, r) => (run[b] as number) - (means[r] as number));
    const common = mean(own);
    const rest = own.map((x) => x - common);
    squares += rest.reduce((sum, x) => sum + x * x, 0);
    neighbours += before.reduce((sum, x, r) => sum + x * (rest[r] as number), 0);
    before = rest;
  }
  const df = (runs.length - 1) * (blocks - 1);
  if (squares === 0) return { variance: 0, df };
  // The correlation that so few blocks show is too low on average (Marriott and Pope, 1954).
  const shown = (blocks * (neighbours / squares) + 1) / (blocks - 3);
  const correlation = Math.min(Math.max(0, shown), MOST_CORRELATION);
  return { variance: ((squares / df / blocks) * (1 + correlation)) / (1 - correlation), df };
}

/** One run's value, as a logarithm, and how much chance within that run is in it. */
export interface Estimate {
  readonly log: number;
  readonly variance: number;
}

/**
 * The difference of the logarithms, other side less baseline, and the interval that holds it.
 *
 * A run differs from another of the same thing by chance within each (`variance`, known from `withinDf` degrees of freedom),
 * and by more: the machine, its neighbours, the layout of the data. Of that, one run a side tells nothing, so it is taken to
 * be `runNoise`, a standard deviation. Repeats show it: their spread is weighed with what was assumed by degrees of freedom.
 * @param tail the probability that is left out at either end
 */
export function difference(
  baseline: readonly Estimate[],
  other: readonly Estimate[],
  withinDf: number,
  runNoise: number,
  tail: number,
): ConfidenceInterval & { readonly change: number } {
  const change = mean(other.map(({ log }) => log)) - mean(baseline.map(({ log }) => log));
  const { variance, df } = runVariance([baseline, other], withinDf, runNoise);
  const error = Math.sqrt(variance * (1 / baseline.length + 1 / other.length));
  const half = studentQuantile(tail, df) * error;
  return { change, low: change - half, high: change + half };
}

/** How much single runs of one side differ from one another. */
function runVariance(sides: ReadonlyArray<readonly Estimate[]>, withinDf: number, runNoise: number): Variance {
  const within = mean(sides.flat().map(({ variance }) => variance));
  const assumed = within + runNoise ** 2;
  const shown = repeats(sides);
  if (shown.df > 0) {
    const df = ASSUMED_DF + shown.df;
    return { variance: (ASSUMED_DF * assumed + shown.df * shown.variance) / df, df };
  }
  // Satterthwaite: of two variances, one of which is taken as known.
  return { variance: assumed, df: within === 0 ? Number.POSITIVE_INFINITY : withinDf * (assumed / within) ** 2 };
}

function repeats(sides: ReadonlyArray<readonly Estimate[]>): Variance {
  let [squares, df] = [0, 0];
  for (const side of sides) {
    const middle = mean(side.map(({ log }) => log));
    for (const { log } of side) squares += (log - middle) ** 2;
    df += side.length - 1;
  }
  return { variance: df > 0 ? squares / df : 0, df };
}

/** So many of so many, counted in a block. */
export interface Share {
  readonly n: number;
  readonly of: number;
}

/**
 * How many times larger the variance of a share is than if each of what was counted had come by itself: what comes in
 * clusters, as errors do, is worth less. 1 at least.
 * @param clusters blocks of time, or runs
 */
export function designEffect(clusters: readonly Share[]): number {
  const of = clusters.reduce((sum, c) => sum + c.of, 0);
  const share = clusters.reduce((sum, c) => sum + c.n, 0) / of;
  if (clusters.length < 2 || !(share > 0 && share < 1)) return 1;
  const squares = clusters.reduce((sum, c) => sum + (c.n - share * c.of) ** 2, 0);
  const variance = ((clusters.length / (clusters.length - 1)) * squares) / of ** 2;
  return Math.max(1, variance / ((share * (1 - share)) / of));
}

/** The interval of a share of `n` in `of` that are worth `of / effect`: Wilson's, good for few and for none, too. */
export function shareInterval(n: number, of: number, effect: number, quantile: number): ConfidenceInterval {
  const [p, worth, q2] = [n / of, of / effect, quantile ** 2];
  const middle = (p + q2 / (2 * worth)) / (1 + q2 / worth);
  const half = (quantile * Math.sqrt((p * (1 - p)) / worth + q2 / (4 * worth ** 2))) / (1 + q2 / worth);
  return { low: n === 0 ? 0 : middle - half, high: n === of ? 1 : middle + half };
}

/** The interval of the difference of two shares, other less baseline, out of theirs (Newcombe's hybrid score interval). */
export function shareDifference(
  baseline: ConfidenceInterval & { readonly share: number },
  other: ConfidenceInterval & { readonly share: number },
): ConfidenceInterval & { readonly change: number } {
  const change = other.share - baseline.share;
  return {
    change,
    low: change - Math.hypot(other.share - other.low, baseline.high - baseline.share),
    high: change + Math.hypot(other.high - other.share, baseline.share - baseline.low),
  };
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, x) => sum + x, 0) / values.length;
}
