/**
 * How one load is divided among k6 processes: by k6's execution segments. Pure. Each process gets the same options, of the
 * whole run, and takes the part that its segment says: of n equal segments the i-th takes of everything that is counted,
 * VUs, iterations and ticks of an arrival rate, each n-th, beginning with its own i-th one. So parts always sum up to the
 * whole: https://grafana.com/docs/k6/latest/using-k6/k6-options/reference/#execution-segment
 *
 * Two things follow for what a user asks for:
 *
 * - `--rate` and rates of `--stages` are totals: k6 gets them as they are.
 * - `--concurrency` and VUs of `--stages` are each worker's. k6 would divide these, too, so lib/workload/scenario.ts makes them n
 *   times as many first (`acrossWorkers`), and each worker comes out with exactly those asked for.
 */

/** k6's `--execution-segment` and `--execution-segment-sequence`. */
export interface Segment {
  /** `1/3:2/3`. */
  readonly segment: string;
  /** `0,1/3,2/3,1`: all of them. Without it k6 would guess the others, and VUs of two processes might have the same id. */
  readonly sequence: string;
}

/** The segments of `n` workers, in their order. */
export function segmentsOf(n: number): Segment[] {
  const bounds = Array.from({ length: n + 1 }, (_, i) => (i === 0 ? '0' : i === n ? '1' : `${i}/${n}`));
  const sequence = bounds.join(',');
  return Array.from({ length: n }, (_, i) => ({ segment: `${bounds[i]}:${bounds[i + 1]}`, sequence }));
}
