/** Figures that are being added up: of intervals, of Results, of one another. Pure. */

import type { ErrorClass } from '../s3/classify';
import { type Distribution, distributionOf, mergeDistributions } from './distribution';
import { DIGITS, Histogram } from './histogram';
import type { IntervalSeries } from './interval';
import type { Figures } from './result';

const COUNTS = ['ops', 'bytes', 'objects', 'misses', 'retries', 'redirected', 'verified'] as const;
const TIMES = ['latency', 'ttfb', 'errorLatency'] as const;

type Counts = { readonly [name in (typeof COUNTS)[number]]?: number } & { readonly errors?: Figures['errors'] };

/** Times of one kind: histograms are added at once, quantiles kept until all are there, since each merge blurs them. */
class Times {
  private readonly histogram = new Histogram(DIGITS);
  private readonly quantiles: Distribution[] = [];

  addEncoded(encoded: string, coarse?: Histogram): void {
    this.histogram.addEncoded(encoded, coarse);
  }

  addDistribution(d: Distribution): void {
    if (d.kind === 'hdr') this.histogram.addEncoded(d.histogram);
    else this.quantiles.push(d);
  }

  addTimes(other: Times): void {
    this.histogram.add(other.histogram);
    this.quantiles.push(...other.quantiles);
  }

  /** @throws Error when some were histograms and others quantiles */
  distribution(): Distribution | undefined {
    return mergeDistributions([distributionOf(this.histogram), ...this.quantiles]);
  }
}

export class FigureSum {
  ops = 0;
  bytes = 0;
  objects = 0;
  misses = 0;
  retries = 0;
  redirected = 0;
  verified = 0;
  readonly errors: Partial<Record<ErrorClass, number>> = {};
  private readonly times: Partial<Record<(typeof TIMES)[number], Times>> = {};

  /** `coarse` gets the latencies, too. @throws Error when a histogram can't be read */
  addInterval(series: IntervalSeries, coarse: Histogram): void {
    this.addCounts(series);
    for (const name of TIMES) {
      const encoded = series[name];
      if (encoded !== undefined) this.timesOf(name).addEncoded(encoded, name === 'latency' ? coarse : undefined);
    }
  }

  /** @throws Error when a histogram can't be read, or has another precision */
  addFigures(figures: Figures): void {
    this.addCounts(figures);
    for (const name of TIMES) {
      const distribution = figures[name];
      if (distribution !== undefined) this.timesOf(name).addDistribution(distribution);
    }
  }

  addSum(other: FigureSum): void {
    this.addCounts(other);
    for (const name of TIMES) {
      const times = other.times[name];
      if (times !== undefined) this.timesOf(name).addTimes(times);
    }
  }

  /** @throws Error when some latencies were histograms and others quantiles */
  figures(): Figures {
    return {
      ops: this.ops,
      bytes: this.bytes,
      errors: this.errors,
      ...(this.objects > 0 ? { objects: this.objects } : {}),
      ...(this.misses > 0 ? { misses: this.misses } : {}),
      ...(this.retries > 0 ? { retries: this.retries } : {}),
      ...(this.redirected > 0 ? { redirected: this.redirected } : {}),
      ...(this.verified > 0 ? { verified: this.verified } : {}),
      latency: this.times.latency?.distribution(),
      ttfb: this.times.ttfb?.distribution(),
      errorLatency: this.times.errorLatency?.distribution(),
    };
  }

  private addCounts(counts: Counts): void {
    for (const name of COUNTS) this[name] += counts[name] ?? 0;
    for (const [errorClass, n] of Object.entries(counts.errors ?? {}) as [ErrorClass, number][]) {
      this.errors[errorClass] = (this.errors[errorClass] ?? 0) + n;
    }
  }

  private timesOf(name: (typeof TIMES)[number]): Times {
    this.times[name] ??= new Times();
    return this.times[name];
  }
}
