/** COSBench's sizes as those of a workload file. Pure. */
import type { FileSizes } from '../../lib/workload/file/document';
import { parseSizes, type Selector, type WeightedRange } from './selectors';

/** Sizes of one operation, and how much of all that is written it writes. */
export interface SizesPart {
  /** As COSBench has them: `h(1|64|80,65|512|20)KB`. */
  readonly text: string;
  readonly share: number;
}

export interface ConvertedSizes {
  readonly sizes: FileSizes;
  /** What is not as it was. */
  readonly losses: readonly string[];
}

const LARGEST_OBJECT = 100 * 1024 ** 3;
const MOST_WEIGHT = 1_000;
/** Of a histogram. */
const MOST_PARTS = 1_000;

/** What is wrong with a text of sizes, as the end of a line; undefined when it is right. */
export function sizesProblem(text: string): string | undefined {
  const sizes = parseSizes(text);
  if (sizes === undefined)
    return 'give c(64)KB, u(1,64)KB, r(1,64)KB, s(1,64)KB or h(1|64|80,65|512|20)KB, in B, KB, MB or GB';
  if (sizes.buckets.length > MOST_PARTS) return `give ${MOST_PARTS} parts at the most`;
  const most = Math.max(...sizes.buckets.map(({ to }) => to));
  return most > LARGEST_OBJECT ? 'objects have 100GB at the most: give an end up to that' : undefined;
}

/** All of these are right. */
export function convertSizes(parts: readonly SizesPart[]): ConvertedSizes {
  const losses: string[] = [];
  const shares = new Map<string, number>();
  for (const { text, share } of parts) {
    const sizes = parseSizes(text) as Selector;
    const whole = sizes.buckets.reduce((sum, { weight }) => sum + weight, 0);
    for (const bucket of sizes.buckets) {
      const label = labelOf(bucket);
      shares.set(label, (shares.get(label) ?? 0) + (bucket.weight / whole) * share);
    }
    if (sizes.buckets.some(({ to }) => to === 0))
      losses.push(`sizes=${text}: an object has a byte at least, and these have one`);
    if ((sizes.kind === 'range' || sizes.kind === 'sequence') && sizes.buckets.some(({ from, to }) => from < to)) {
      losses.push(`sizes=${text} come in turn there, and are drawn here, each as likely`);
    }
  }
  const [only, another] = shares.keys();
  if (only !== undefined && another === undefined) return { sizes: only, losses };
  const { weights, isExact } = wholeWeights([...shares.values()]);
  if (!isExact) losses.push(`weights of sizes are rounded to whole numbers up to ${MOST_WEIGHT}`);
  return { sizes: Object.fromEntries([...shares.keys()].map((label, i) => [label, weights[i] as number])), losses };
}

/** `64000B`, `1000B-64000B`: in bytes, because 1KB is 1,000 of them to COSBench and 1,024 here. */
function labelOf({ from, to }: WeightedRange): string {
  const [least, most] = [Math.max(1, from), Math.max(1, to)];
  return least === most ? `${least}B` : `${least}B-${most}B`;
}

/** The smallest whole numbers that have the same proportions, up to 1000; else the closest. */
function wholeWeights(shares: readonly number[]): { weights: number[]; isExact: boolean } {
  const most = Math.max(...shares);
  const scaled = (scale: number) => shares.map((share) => (share / most) * scale);
  const isWhole = (n: number) => Math.abs(n - Math.round(n)) < 1e-9 * MOST_WEIGHT;
  for (let scale = 1; scale <= MOST_WEIGHT; scale++) {
    const weights = scaled(scale);
    if (weights.every((n) => isWhole(n) && n > 0.5)) return { weights: weights.map(Math.round), isExact: true };
  }
  return { weights: scaled(MOST_WEIGHT).map((n) => Math.max(1, Math.round(n))), isExact: false };
}
