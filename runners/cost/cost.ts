/** What a run would have cost at a provider's prices. Pure. */
import { type Figures, measuredMs, type Result, sum } from '../../lib/result/result';
import type { ErrorClass } from '../../lib/s3/classify';
import {
  ABORT_MULTIPART,
  COMMANDS,
  type Command,
  effectOf,
  MULTIPART,
  PUT,
  UPLOAD_PART,
  UPLOAD_PART_COPY,
} from '../../lib/s3/commands';
import { parseSize } from '../../lib/settings/units';
import { configOf } from '../figures/config';
import type { PriceStep, Prices } from './prices';

/** An amount of money for each of a run's quantities. */
export interface CostLine {
  readonly of: 'requests' | 'bytesOut' | 'storage';
  /** The class of requests. */
  readonly class?: string;
  /** Requests, or bytes. */
  readonly quantity: number;
  /** For the run; of storage, to keep what it wrote for one month. */
  readonly run: number;
  /** For a month of this load. */
  readonly month: number;
}

export interface Cost {
  readonly prices: Pick<Prices, 'name' | 'source' | 'date' | 'currency'>;
  readonly lines: readonly CostLine[];
  readonly run: number;
  /** Of operations that succeeded. */
  readonly perMillionOperations: number;
  readonly month: number;
}

/** What it is, and is not: to be said beside the figures. */
export const COST_NOTES: readonly string[] = [
  'Parts of a multipart upload, and its beginning and end, are requests of their own.',
  'Failed requests and retries count where S3 charges for them: 4xx answers do, 5xx (throttling, too) and requests without an answer do not.',
  'Bytes out are those of successful reads, priced as transfer to the internet; within a region most providers ask nothing.',
  'Storage is what the run wrote, copies left out, kept for one month, as if nothing were deleted; for a month of this load, what has grown by then, half of it on average.',
  "The checks and listings before the load are not in it, nor taxes, free tiers and what an account's other use does to steps.",
];

const GB = 1024 ** 3;
const MONTH_MS = 730 * 3_600_000;

/** Answers that S3 charges for although they are no success: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ErrorCodeBilling.html */
const CHARGED: ReadonlySet<string> = new Set<ErrorClass>(['notFound', 'auth', 'client', 'corrupt']);

/** What a Result comes to; undefined of one in which nothing was asked of the store. */
export function costOf(result: Result, prices: Prices): Cost | undefined {
  const { totals, run } = result;
  const requests = requestsOf(result);
  if (requests.size === 0) return undefined;
  const months = MONTH_MS / Math.max(1, measuredMs(run));
  const classes = Object.entries(prices.requests.classes).flatMap(([name, { price }]): CostLine[] => {
    const ops = [...requests].filter(([op]) => classOf(op, prices) === name);
    const quantity = ops.reduce((n, [, count]) => n + count, 0);
    const amount = (quantity * price) / prices.requests.per;
    return quantity === 0 ? [] : [{ of: 'requests', class: name, quantity, run: amount, month: amount * months }];
  });
  const out = sum(totals.filter(({ op }) => effectOf(op) === 'read')).bytes;
  const written = sum(totals.filter(({ op }) => effectOf(op) === 'write')).bytes;
  const stored = prices.storage.perGBMonth;
  const lines: CostLine[] = [
    ...classes,
    {
      of: 'bytesOut',
      quantity: out,
      run: inSteps(out, prices.bytesOut.perGB),
      month: inSteps(out * months, prices.bytesOut.perGB),
    },
    {
      of: 'storage',
      quantity: written,
      run: inSteps(written, stored),
      month: inSteps((written * months) / 2, stored),
    },
  ];
  const { ops } = sum(totals);
  const whole = lines.reduce((all, line) => all + line.run, 0);
  const { name, source, date, currency } = prices;
  return {
    prices: { name, source, date, currency },
    lines,
    run: whole,
    perMillionOperations: ops === 0 ? 0 : (whole / ops) * 1e6,
    month: lines.reduce((all, line) => all + line.month, 0),
  };
}

/** The class of requests that an operation is one of. */
export function classOf(op: string, { requests }: Prices): string {
  const named = Object.entries(requests.classes).find(([, { operations }]) => operations.includes(op));
  return named?.[0] ?? requests.otherwise;
}

/** Requests that are charged for, by operation. */
function requestsOf({ series, run }: Result): Map<string, number> {
  const { partSize } = configOf(run);
  const requests = new Map<string, number>();
  const add = (op: string, n: number) => {
    if (n > 0) requests.set(op, (requests.get(op) ?? 0) + n);
  };
  for (const figures of series) {
    const bytes = parseSize(figures.size) ?? 0;
    const parts = partSize === undefined ? 1 : Math.max(1, Math.ceil(bytes / partSize));
    const calls = figures.op === PUT.op && parts > 1 ? MULTIPART : COMMANDS.get(figures.op)?.calls;
    if (calls === undefined) add(figures.op, figures.ops);
    else for (const { op } of calls.filter(isSent)) add(op, figures.ops * (PARTS.has(op) ? parts : 1));
    add(figures.op, charged(figures));
  }
  return requests;
}

const PARTS: ReadonlySet<string> = new Set([UPLOAD_PART.op, UPLOAD_PART_COPY.op]);
const isSent = ({ op }: Command): boolean => op !== ABORT_MULTIPART.op;

function charged({ errors, misses = 0 }: Figures): number {
  return Object.entries(errors).reduce((n, [name, count]) => (CHARGED.has(name) ? n + count : n), misses);
}

/** The price of so many bytes, each step's part at its own. */
function inSteps(bytes: number, steps: readonly PriceStep[]): number {
  const gigabytes = bytes / GB;
  let [amount, from] = [0, 0];
  for (const { upToGB = Number.POSITIVE_INFINITY, price } of steps) {
    if (gigabytes <= from) break;
    amount += (Math.min(gigabytes, upToGB) - from) * price;
    from = upToGB;
  }
  return amount;
}
