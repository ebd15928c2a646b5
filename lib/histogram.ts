/**
 * HDR histograms of whole microseconds: as wide a range as wanted in buckets as narrow as a digit count says, added to one
 * another without loss. Encoded as HdrHistogram's V2 format, not compressed, in base64, which its implementations read in any
 * language (http://hdrhistogram.org). Pure; `extension/histogram` is the same in Go.
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
const PAGE = 256;
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
    const bytes = fromBase64(encoded);
    const digits = digitsOf(bytes);
    this.refuseCoarser(digits);
    coarse?.refuseCoarser(digits);
    const scale = digits === this.digits ? this : new Histogram(digits);
    for (const [index, n] of countsIn(bytes)) {
      this.addAt(this.indexFrom(scale, index), n);
      coarse?.addAt(coarse.indexFrom(scale, index), n);
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

  encode(): string {
    const payload: number[] = [];
    let next = 0;
    for (const [index, n] of this.counted()) {
      if (index > next) pushZigZag(payload, next - index);
      pushZigZag(payload, n);
      next = index + 1;
    }
    const bytes = new Uint8Array(HEADER_BYTES + payload.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, COOKIE);
    view.setUint32(4, payload.length);
    view.setUint32(12, this.digits);
    setUint64(view, 16, 1);
    setUint64(view, 24, LONGEST_US);
    view.setFloat64(32, 1);
    bytes.set(payload, HEADER_BYTES);
    return toBase64(bytes);
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
    const p = Math.floor(index / PAGE);
    let page = this.pages[p];
    if (page === undefined) {
      page = new Uint32Array(PAGE);
      this.pages[p] = page;
    }
    const sum = (page[index % PAGE] as number) + n;
    if (sum > MOST_IN_32_BITS && page instanceof Uint32Array) {
      page = Float64Array.from(page);
      this.pages[p] = page;
    }
    page[index % PAGE] = sum;
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

/** Counts by bucket, out of what follows the header: ZigZag LEB128, where a negative one says how many are empty. */
function* countsIn(bytes: Uint8Array): Generator<readonly [index: number, n: number]> {
  let index = 0;
  for (let at = HEADER_BYTES; at < bytes.length; ) {
    // By arithmetic: a count may have more than 31 bits.
    let [value, scale, byte] = [0, 1, 0];
    do {
      byte = bytes[at++] as number;
      value += (byte & 0x7f) * scale;
      scale *= 128;
    } while (byte >= 0x80 && at < bytes.length);
    if (value % 2 === 1) index += (value + 1) / 2;
    else yield [index++, value / 2];
  }
}

/** The histogram that is encoded. @throws Error when that is none of this kind, saying what it is instead */
export function decodeHistogram(encoded: string): Histogram {
  const histogram = new Histogram(digitsOf(fromBase64(encoded)));
  histogram.addEncoded(encoded);
  return histogram;
}

/** Significant digits, out of the header, which is checked on the way. */
function digitsOf(bytes: Uint8Array): number {
  if (bytes.length < HEADER_BYTES) throw new Error(`a histogram of ${bytes.length} bytes: it is cut off`);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (view.getUint32(0) !== COOKIE) throw new Error('no histogram of the HDR V2 encoding');
  const [length, offset, digits] = [view.getUint32(4), view.getUint32(8), view.getUint32(12)];
  if (length !== bytes.length - HEADER_BYTES) throw new Error('a histogram that is cut off');
  if (digits < 1 || digits > 5) throw new Error(`a histogram of ${digits} significant digits`);
  const [lowest, ratio] = [getUint64(view, 16), view.getFloat64(32)];
  if (offset !== 0 || lowest !== 1 || ratio !== 1) throw new Error('a histogram of another scale');
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

function setUint64(view: DataView, at: number, n: number): void {
  view.setUint32(at, Math.floor(n / 2 ** 32));
  view.setUint32(at + 4, n % 2 ** 32);
}

const getUint64 = (view: DataView, at: number) => view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);

// k6 has neither Buffer nor atob.
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const [a = 0, b, c] = [bytes[i], bytes[i + 1], bytes[i + 2]];
    const bits = (a << 16) | ((b ?? 0) << 8) | (c ?? 0);
    text += ALPHABET[bits >> 18];
    text += ALPHABET[(bits >> 12) & 63];
    text += b === undefined ? '=' : ALPHABET[(bits >> 6) & 63];
    text += c === undefined ? '=' : ALPHABET[bits & 63];
  }
  return text;
}

let codes: Uint8Array | undefined;

function fromBase64(text: string): Uint8Array {
  // Made when it is needed: every VU of k6 has this module, and none decodes.
  codes ??= Uint8Array.from({ length: 128 }, (_, i) => Math.max(0, ALPHABET.indexOf(String.fromCharCode(i))));
  let length = text.length;
  while (length > 0 && text[length - 1] === '=') length--;
  const bytes = new Uint8Array(Math.floor((length * 3) / 4));
  let [bits, n, at] = [0, 0, 0];
  for (let i = 0; i < length; i++) {
    bits = ((bits << 6) | (codes[text.charCodeAt(i) & 127] as number)) & 0xffffff;
    n += 6;
    if (n >= 8) {
      n -= 8;
      bytes[at++] = (bits >> n) & 0xff;
    }
  }
  return bytes;
}
