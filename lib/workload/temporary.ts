/** Objects that VUs write in a run and delete again: how many, and when. Pure. */

/** A number of objects, or a percentage of others. */
export type Amount = { readonly count: number } | { readonly percent: number };

const MOST = 10_000_000;

/** `100` or `5%`; undefined for any other text. */
export function amountOf(text: string): Amount | undefined {
  const [, digits, isPercent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text.trim()) ?? [];
  const n = Number(digits);
  if (digits === undefined || n <= 0) return undefined;
  if (isPercent === '%') return n <= 100 ? { percent: n } : undefined;
  return Number.isInteger(n) && n <= MOST ? { count: n } : undefined;
}

/** As a number, of so many. */
export function numberOf(amount: Amount, of: number): number {
  return 'count' in amount ? amount.count : Math.max(1, Math.round((of * amount.percent) / 100));
}

/** What each VU does with objects of its own, beside all else. */
export interface TemporaryObjects {
  /** How many it writes at a time, and how many of those it deletes. */
  readonly create: number;
  readonly remove: number;
  /** Milliseconds from their writing until they are deleted. */
  readonly lifetime: number;
  /** Whole parts by op of what is done to them meanwhile; none where nothing is. */
  readonly shares: Readonly<Record<string, number>>;
}

/** A store that answers faster than this at every time is rare. Milliseconds. */
const USUAL_ANSWER_MS = 10;
/** "Several times greater". */
const SEVERAL = 3;

/**
 * Why the objects of a VU can't live as they should, in one line, by WorkloadWisdom's rule of thumb: the lifetime is several times what
 * writing them takes, and the run several times the lifetime. `share` is the part of a VU's operations that are about them.
 */
export function doubtOf({ create, lifetime }: TemporaryObjects, share: number, duration: number): string | undefined {
  const writing = (create * USUAL_ANSWER_MS) / share;
  const seconds = (ms: number) => `${Number((ms / 1000).toPrecision(3))} s`;
  if (lifetime < SEVERAL * writing) {
    return (
      `temporary objects live ${seconds(lifetime)}, and to write ${create} of them takes a VU ${seconds(writing)} where the store answers ` +
      `in ${USUAL_ANSWER_MS} ms: give them ${seconds(SEVERAL * writing)}, or create fewer`
    );
  }
  if (duration < SEVERAL * lifetime) {
    return `temporary objects live ${seconds(lifetime)}, and the run takes ${seconds(duration)}: give it ${seconds(SEVERAL * lifetime)} or more`;
  }
  return undefined;
}

/** What the names of tests have behind them in keys of objects that go when the run does. */
export const TEMPORARY = 'temporary';
export const DEDICATED = 'dedicated';

export const testOf = (test: string, kind: typeof TEMPORARY | typeof DEDICATED): string => `${test}-${kind}`;

/** Where dedicated objects of a run stand: before and behind the size, the second up to a VU's number. */
export function dedicatedFolder(
  { prefix, workerId }: { readonly prefix: string; readonly workerId: string },
  test: string,
  startedAt: number,
): { readonly before: string; readonly after: string } {
  return { before: `${prefix}${workerId}/`, after: `/${testOf(test, DEDICATED)}/${startedAt * 1000}/` };
}

/** How buckets are called that VUs create for themselves: what stands before and behind their numbers. */
export interface OwnBuckets {
  readonly before: string;
  readonly after: string;
}

/** Of what was prepared with an ID: no other has it. */
export const ownBuckets = (id: string, { prefix = 'loadtest-', postfix = '' }): OwnBuckets => ({
  before: `${prefix}t-${id}-`,
  after: postfix,
});

/** The bucket of a VU, by its number on its worker from 1. */
export function bucketOfVu({ before, after }: OwnBuckets, worker: string, vu: number): string {
  return `${before}${worker.toLowerCase().replace(/[^a-z0-9]+/g, '-')}-${vu}${after}`;
}
