/** When endpoints were away, from intervals: what every backend tells alike. Pure. */
import { OUT_AFTER } from '../s3/outage';
import type { IntervalSeries } from './interval';
import type { Outage } from './result';

/** From and to, milliseconds since 1970. */
interface Span {
  readonly endpoint: string;
  readonly from: number;
  to: number;
}

/** With the requests that show it. */
interface Away extends Span {
  requests: number;
}

/** A single connection that is cut is no outage. */
const isLong = ({ requests }: Away) => requests >= OUT_AFTER;

/** Times in which endpoints were away, while intervals are being added. */
export class Absences {
  /** Those that are over. */
  private readonly spans: Span[] = [];
  private readonly away = new Map<string, Away>();

  /** Adds an interval: those of one process, in their order. */
  add(t: number, ms: number, series: readonly IntervalSeries[]): void {
    for (const [endpoint, { answers, silence }] of heardOf(series)) {
      const known = this.away.get(endpoint);
      if (answers > 0) this.end(endpoint);
      else if (known !== undefined) {
        known.to = t + ms;
        known.requests += silence;
      } else if (silence > 0) this.away.set(endpoint, { endpoint, from: t, to: t + ms, requests: silence });
    }
  }

  /** What was so until now; those that are still away, to when that was heard of last. */
  list(startedAt: number): Outage[] {
    return outagesSince(startedAt, [...this.spans, ...[...this.away.values()].filter(isLong)]);
  }

  private end(endpoint: string): void {
    const known = this.away.get(endpoint);
    if (known === undefined) return;
    this.away.delete(endpoint);
    if (isLong(known)) this.spans.push(known);
  }
}

/** The same of several processes, on one clock: away for one is away. */
export class MergedAbsences {
  private readonly spans: Span[] = [];

  /** `startedAt` is when that run began, by the common clock. */
  add(startedAt: number, outages: readonly Outage[]): void {
    for (const { endpoint, t, ms } of outages)
      this.spans.push({ endpoint, from: startedAt + t, to: startedAt + t + ms });
  }

  list(startedAt: number): Outage[] {
    const joined = new Map<string, Span[]>();
    for (const span of [...this.spans].sort((a, b) => a.from - b.from)) {
      const own = joined.get(span.endpoint) ?? [];
      const last = own.at(-1);
      if (last !== undefined && span.from <= last.to) last.to = Math.max(last.to, span.to);
      else own.push({ ...span });
      joined.set(span.endpoint, own);
    }
    return outagesSince(startedAt, [...joined.values()].flat());
  }
}

function outagesSince(startedAt: number, spans: readonly Span[]): Outage[] {
  return spans
    .map(({ endpoint, from, to }) => ({
      endpoint,
      t: Math.max(0, from - startedAt),
      ms: to - Math.max(from, startedAt),
    }))
    .filter(({ ms }) => ms > 0)
    .sort((a, b) => a.t - b.t);
}

/**
 * By endpoint: answers that came, and requests that show it to be away. A time limit shows neither: a slow link has them, too, and
 * an endpoint that hangs is left out after three.
 */
function heardOf(series: readonly IntervalSeries[]): Map<string, { answers: number; silence: number }> {
  const heard = new Map<string, { answers: number; silence: number }>();
  for (const { endpoint, ops = 0, misses = 0, redirected = 0, errors = {} } of series) {
    const known = heard.get(endpoint) ?? { answers: 0, silence: 0 };
    const { timeout = 0, corrupt = 0, connect = 0, reset = 0, ...answered } = errors;
    known.answers += ops + misses + Object.values(answered).reduce((sum, n) => sum + n, 0);
    known.silence += redirected + connect + reset;
    heard.set(endpoint, known);
  }
  return heard;
}
