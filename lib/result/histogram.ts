/**
 * HDR histograms of whole microseconds: as wide a range as wanted in buckets as narrow as a digit count says, added to one
 * another without loss. Encoded as HdrHistogram's V2 format, not compressed, in base64, which its implementations read in any
 * language (http://hdrhistogram.org). Pure, and the same as `extension/histogram` in Go; runs in
 * Node, since k6 neither encodes nor decodes any.
 */

/** Significant digits of a run's latencies: a bucket is less than 0.1% wide. */
export const DIGITS = 3;
/** Of a timeline's, which are many: a bucket is less than 7% wide. */
export const TIMELINE_DIGITS = 1;
/** The longest time that is told from longer ones, microseconds. */
export const LONGEST_US = 86_400_000_000;

const COOKIE = 0x1c849303 | 0x10;
const HEADER_BYTES = 40;

/** Buckets that are made at once: latencies fill a small part of the range, and a run has hundreds of histograms. */
const PAGE_BITS = 8;
const PAGE = 1 << PAGE_BITS;
const MOST_IN_32_BITS = 2 ** 32 - 1;

type Page = Uint32Array | Float64Array;

export class Histogram {
  readonly digits: number;
  /** Buckets of each power of two, which are the upper half of twice as many. */
  private readonly half: number;
  private readonly magnitude: number;
  private readonly pages: (Page | undefined)[] = [];
  private total = 0;

  /** @param digits 1 to 5: values that differ in so many leading digits are told apart */
  constructor(digits: number) {
    this.digits = digits;
    this.magnitude = Math.ceil(Math.log2(2 * 10 ** digits)) - 1;
    this.half = 2 ** this.magnitude;
  }

  get count(): number {
    return this.total;
  }

  /** Counts a time, in microseconds, `n` times. */
  record(us: number, n = 1): void {
    this.addAt(this.indexOf(Math.min(Math.max(0, Math.round(us)), LONGEST_US)), n);
  }

  /** Adds another's counts, coarsely where it has more digits. @throws Error when it has fewer */
  add(other: Histogram): void {
    this.refuseCoarser(other.digits);
    for (const [index, n] of other.counted()) this.addAt(this.indexFrom(other, index), n);
  }

  /**
   * Adds what is encoded, and adds it to `coarse`, too, where that is given.
   * @throws Error when it is no histogram, or has fewer digits than these, saying what it is instead
   */
  addEncoded(encoded: string, coarse?: Histogram): void {
    const bytes = Buffer.from(encoded, 'base64');
    const digits = digitsOf(bytes);
    this.refuseCoarser(digits);
    coarse?.refuseCoarser(digits);
    const scale = digits === this.digits ? this : new Histogram(digits);
    // Counts by bucket in ZigZag LEB128, where a negative one says how many are empty.
    let index = 0;
    for (let at = HEADER_BYTES; at < bytes.length; ) {
      let byte = bytes[at++] as number;
      let value = byte & 0x7f;
      // By arithmetic: a count may have more than 31 bits.
      for (let scale = 128; byte >= 0x80 && at < bytes.length; scale *= 128) {
        byte = bytes[at++] as number;
        value += (byte & 0x7f) * scale;
      }
      if (value % 2 === 1) index += (value + 1) / 2;
      else {
        this.addAt(this.indexFrom(scale, index), value / 2);
        coarse?.addAt(coarse.indexFrom(scale, index), value / 2);
        index++;
      }
    }
  }

  /**
   * The time, in microseconds, that `percent` of them did not exceed: the upper end of the bucket that holds the value of
   * nearest rank. Of none it is 0.
   */
  percentile(percent: number): number {
    // 99.9 % of 1,000 is 999 of them, and 999.0000000000001 by arithmetic.
    const rank = Math.max(1, Math.ceil((percent / 100) * this.total - 1e-6));
    let sum = 0;
    for (const [index, n] of this.counted()) {
      sum += n;
      if (sum >= rank) return this.highest(index);
    }
    return 0;
  }

  /** How many took so many microseconds at most, the bucket that holds this time counted whole. */
  countUpTo(us: number): number {
    const last = this.indexOf(Math.min(Math.max(0, Math.round(us)), LONGEST_US));
    let sum = 0;
    for (const [p, page] of this.pages.entries()) {
      const end = Math.min(PAGE, last + 1 - p * PAGE);
      for (let i = 0; page !== undefined && i < end; i++) sum += page[i] as number;
    }
    return sum;
  }

  /** The lower end of the lowest bucket that holds something, microseconds. */
  get min(): number {
    for (const [index] of this.counted()) return this.lowest(index);
    return 0;
  }

  /** The upper end of the highest bucket that holds something, microseconds. */
  get max(): number {
    return this.percentile(100);
  }

  /** Microseconds, as if all stood in the middle of their buckets. */
  get mean(): number {
    let sum = 0;
    for (const [index, n] of this.counted()) sum += ((this.lowest(index) + this.highest(index)) / 2) * n;
    return this.total === 0 ? 0 : sum / this.total;
  }

  /** Standard deviation in microseconds, as the mean is. */
  get deviation(): number {
    const { mean } = this;
    let sum = 0;
    for (const [index, n] of this.counted()) sum += ((this.lowest(index) + this.highest(index)) / 2 - mean) ** 2 * n;
    return this.total === 0 ? 0 : Math.sqrt(sum / this.total);
  }

  encode(): string {
    const payload: number[] = [];
    let next = 0;
    for (const [index, n] of this.counted()) {
      if (index > next) pushZigZag(payload, next - index);
      pushZigZag(payload, n);
      next = index + 1;
    }
    const bytes = Buffer.alloc(HEADER_BYTES + payload.length);
    bytes.writeUInt32BE(COOKIE, 0);
    bytes.writeUInt32BE(payload.length, 4);
    bytes.writeUInt32BE(this.digits, 12);
    bytes.writeBigUInt64BE(1n, 16);
    bytes.writeBigUInt64BE(BigInt(LONGEST_US), 24);
    bytes.writeDoubleBE(1, 32);
    bytes.set(payload, HEADER_BYTES);
    return bytes.toString('base64');
  }

  /** Buckets that hold something, by number, in rising order. */
  private *counted(): Generator<readonly [index: number, n: number]> {
    for (const [p, page] of this.pages.entries()) {
      if (page === undefined) continue;
      for (let i = 0; i < PAGE; i++) {
        const n = page[i] as number;
        if (n !== 0) yield [p * PAGE + i, n];
      }
    }
  }

  private refuseCoarser(digits: number): void {
    if (digits >= this.digits) return;
    throw new Error(`a histogram of precision ${digits} can't be added to one of precision ${this.digits} (digits)`);
  }

  /** Where another's bucket stands here. */
  private indexFrom(other: Histogram, index: number): number {
    return other.digits === this.digits ? index : this.indexOf(other.lowest(index));
  }

  private addAt(index: number, n: number): void {
    const p = index >> PAGE_BITS;
    let page = this.pages[p];
    if (page === undefined) {
      page = new Uint32Array(PAGE);
      this.pages[p] = page;
    }
    const sum = (page[index & (PAGE - 1)] as number) + n;
    if (sum > MOST_IN_32_BITS && page instanceof Uint32Array) {
      page = Float64Array.from(page);
      this.pages[p] = page;
    }
    page[index & (PAGE - 1)] = sum;
    this.total += n;
  }

  /** Values below twice `half` have buckets of their own; from there on each power of two has `half`. */
  private indexOf(us: number): number {
    // Math.log2 rounds: just below a power of two it says the power.
    const log2 = us < 2 ** 32 ? 31 - Math.clz32(us) : 63 - Math.clz32(us / 2 ** 32);
    const power = Math.max(0, log2 - this.magnitude);
    return power * this.half + Math.floor(us / 2 ** power);
  }

  private powerOf(index: number): number {
    return Math.max(0, Math.floor(index / this.half) - 1);
  }

  private lowest(index: number): number {
    const power = this.powerOf(index);
    return (index - power * this.half) * 2 ** power;
  }

  private highest(index: number): number {
    return this.lowest(index) + 2 ** this.powerOf(index) - 1;
  }
}

/** The histogram that is encoded. @throws Error when that is none of this kind, saying what it is instead */
export function decodeHistogram(encoded: string): Histogram {
  const histogram = new Histogram(digitsOf(Buffer.from(encoded, 'base64')));
  histogram.addEncoded(encoded);
  return histogram;
}

/** Significant digits, out of the header, which is checked on the way. */
function digitsOf(bytes: Buffer): number {
  if (bytes.length < HEADER_BYTES) throw new Error(`a histogram of ${bytes.length} bytes: it is cut off`);
  if (bytes.readUInt32BE(0) !== COOKIE) throw new Error('no histogram of the HDR V2 encoding');
  if (bytes.readUInt32BE(4) !== bytes.length - HEADER_BYTES) throw new Error('a histogram that is cut off');
  const digits = bytes.readUInt32BE(12);
  if (digits < 1 || digits > 5) throw new Error(`a histogram of ${digits} significant digits`);
  const [offset, lowestHigh, lowestLow] = [bytes.readUInt32BE(8), bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  if (offset !== 0 || lowestHigh !== 0 || lowestLow !== 1 || bytes.readDoubleBE(32) !== 1) {
    throw new Error('a histogram of another scale');
  }
  return digits;
}

function pushZigZag(to: number[], n: number): void {
  let rest = n < 0 ? -n * 2 - 1 : n * 2;
  while (rest >= 128) {
    to.push((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  to.push(rest);
}
