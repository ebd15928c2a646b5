import { deflateSync } from 'node:zlib';
import * as hdr from 'hdr-histogram-js';
import { describe, expect, test } from 'vitest';
import { seeded } from '../workload/random';
import { DIGITS, decodeHistogram, Histogram, LONGEST_US, TIMELINE_DIGITS } from './histogram';

const PERCENTS = [0, 1, 25, 50, 90, 95, 99, 99.9, 99.99, 100];

/** Microseconds of several shapes, from fixed seeds. */
const SAMPLES: ReadonlyArray<readonly [name: string, us: readonly number[]]> = [
  ['one', [1234]],
  ['constant', new Array<number>(1000).fill(5000)],
  ['uniform', draw(20_000, (x) => x * 1e6)],
  ['lognormal', draw(20_000, (x, y) => Math.exp(8 + Math.sqrt(-2 * Math.log(1 - x)) * Math.cos(2 * Math.PI * y)))],
  ['two humps', draw(5_000, (x, y) => (x < 0.9 ? 2000 + y * 100 : 30e6 + y * 1e6))],
  ['powers of two and their neighbours', powers()],
  ['the ends of the range', [0, 1, LONGEST_US - 1, LONGEST_US]],
];

function draw(n: number, shape: (x: number, y: number) => number): number[] {
  const random = seeded(7);
  return Array.from({ length: n }, () => Math.round(shape(random(), random())));
}

function powers(): number[] {
  return Array.from({ length: 36 }, (_, i) => 2 ** i).flatMap((n) => [n - 1, n, n + 1]);
}

function histogramOf(us: readonly number[], digits = DIGITS): Histogram {
  const histogram = new Histogram(digits);
  for (const n of us) histogram.record(n);
  return histogram;
}

function referenceOf(us: readonly number[], digits: 1 | 3 = 3) {
  const reference = hdr.build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: LONGEST_US,
    numberOfSignificantValueDigits: digits,
    bitBucketSize: 64,
  });
  for (const n of us) reference.recordValue(n);
  return reference;
}

/** The library reads compressed histograms only: the same bytes, deflated, behind a header of their own. */
function decodedByLibrary(encoded: string) {
  const deflated = deflateSync(Buffer.from(encoded, 'base64'));
  const head = Buffer.alloc(8);
  head.writeUInt32BE(0x1c849304 | 0x10, 0);
  head.writeUInt32BE(deflated.length, 4);
  return hdr.decodeFromCompressedBase64(Buffer.concat([head, deflated]).toString('base64'), 64);
}

describe.each(SAMPLES)('%s', (_, us) => {
  const sorted = [...us].sort((a, b) => a - b);

  test.each([1, 3] as const)('percentiles are those of an HdrHistogram of %i digits', (digits) => {
    const [own, reference] = [histogramOf(us, digits), referenceOf(us, digits)];
    expect(own.count).toBe(us.length);
    for (const p of PERCENTS.slice(1)) expect(own.percentile(p), `p${p}`).toBe(reference.getValueAtPercentile(p));
  });

  test.each(PERCENTS)('p%d is within 0.1%% of the sample of nearest rank, or 1 µs', (p) => {
    const rank = Math.max(1, Math.ceil((p / 100) * sorted.length - 1e-6));
    const sample = sorted[rank - 1] as number;
    const value = histogramOf(us).percentile(p);
    expect(value).toBeGreaterThanOrEqual(sample);
    expect(value - sample).toBeLessThanOrEqual(Math.max(1, sample * 0.001));
  });

  test('least, greatest and mean are within 0.1%', () => {
    const { min, max, mean } = histogramOf(us);
    const near = (value: number, true_: number) => expect(Math.abs(value - true_)).toBeLessThanOrEqual(true_ / 1000);
    near(min, sorted[0] as number);
    near(max, sorted.at(-1) as number);
    near(mean, us.reduce((sum, n) => sum + n, 0) / us.length);
  });

  test('is the same encoded and decoded, here and by HdrHistogram', () => {
    const own = histogramOf(us);
    const encoded = own.encode();
    expect(decodeHistogram(encoded).encode()).toBe(encoded);
    const read = decodedByLibrary(encoded);
    expect(read.totalCount).toBe(us.length);
    for (const p of PERCENTS.slice(1)) expect(read.getValueAtPercentile(p), `p${p}`).toBe(own.percentile(p));
  });

  test('parts add up to the whole, in any order', () => {
    const parts = [0, 1, 2].map((part) => histogramOf(us.filter((_, i) => i % 3 === part)).encode());
    const [forth, back] = [new Histogram(DIGITS), new Histogram(DIGITS)];
    for (const part of parts) forth.addEncoded(part);
    for (const part of parts.reverse()) back.add(decodeHistogram(part));
    expect(forth.encode()).toBe(histogramOf(us).encode());
    expect(back.encode()).toBe(forth.encode());
  });

  test('is added to a coarse one at the same time', () => {
    const [fine, coarse] = [new Histogram(DIGITS), new Histogram(TIMELINE_DIGITS)];
    fine.addEncoded(histogramOf(us).encode(), coarse);
    expect(fine.encode()).toBe(histogramOf(us).encode());
    expect(coarse.count).toBe(us.length);
    for (const p of PERCENTS) {
      expect(Math.abs(coarse.percentile(p) - fine.percentile(p)), `p${p}`).toBeLessThanOrEqual(fine.percentile(p) / 16);
    }
  });
});

test('counts of more than 32 bits are kept', () => {
  const histogram = new Histogram(DIGITS);
  histogram.record(1000, 2 ** 32 - 1);
  histogram.record(1000, 2);
  histogram.record(5000, 3 * 2 ** 40);
  const read = decodeHistogram(histogram.encode());
  expect(read.count).toBe(2 ** 32 + 1 + 3 * 2 ** 40);
  expect(read.percentile(0.001)).toBe(1000);
  expect(read.encode()).toBe(histogram.encode());
});

test('longer times than a day count as a day, and none is less than nothing', () => {
  const histogram = histogramOf([LONGEST_US * 5, -3]);
  expect(histogram.percentile(100)).toBeGreaterThanOrEqual(LONGEST_US);
  expect(histogram.percentile(100)).toBeLessThan(LONGEST_US * 1.001);
  expect(histogram.min).toBe(0);
});

test('of nothing, every figure is 0', () => {
  const { count, min, max, mean } = new Histogram(DIGITS);
  expect([count, min, max, mean, new Histogram(DIGITS).percentile(50)]).toEqual([0, 0, 0, 0, 0]);
  expect(decodeHistogram(new Histogram(DIGITS).encode()).count).toBe(0);
});

describe('what is no histogram of ours is refused, saying what it is', () => {
  const encoded = histogramOf([1, 2, 3_000_000]).encode();
  const changed = (at: number, byte: number) => {
    const bytes = Buffer.from(encoded, 'base64');
    bytes[at] = byte;
    return bytes.toString('base64');
  };

  test.each([
    ['nothing', '', /cut off/],
    ['cut off', encoded.slice(0, -8), /cut off/],
    ['another format', changed(1, 0), /no histogram/],
    ['another precision', changed(15, 9), /9 significant digits/],
    ['another scale', changed(23, 2), /another scale/],
  ])('%s', (_, text, message) => {
    expect(() => decodeHistogram(text)).toThrow(message);
  });

  test('one of fewer digits, by both precisions', () => {
    const coarse = histogramOf([1000], 2);
    expect(() => new Histogram(DIGITS).add(coarse)).toThrow(/precision 2 .* precision 3/);
    expect(() => new Histogram(DIGITS).addEncoded(coarse.encode())).toThrow(/precision 2 .* precision 3/);
  });
});
