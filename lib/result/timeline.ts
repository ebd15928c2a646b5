/**
 * What happened when: points of equal length on the grid of a clock, so that those of several machines fall on one another.
 * As a run goes on they grow longer, and stay a bounded number. Pure.
 */
import { Histogram, TIMELINE_DIGITS } from './histogram';
import type { TimelinePoint } from './result';

/** Most points of one operation; when they are more, each two become one. */
const MOST = 256;

/** What one operation did in some time. */
export interface Happened extends Omit<TimelinePoint, 't' | 'ms'> {}

/** The same while it is added up: what only one machine told of stays encoded, which takes a tenth of the memory. */
interface Growing extends Omit<{ -readonly [K in keyof Happened]: Happened[K] }, 'histogram'> {
  histogram?: string | Histogram;
}

/** By test and operation. */
type Slot = Map<string, Growing>;

export class Timeline {
  /** Milliseconds of a slot. */
  private width: number;
  /** By the number of the slot: it begins at so many widths since 1970. */
  private slots = new Map<number, Slot>();
  private first = Number.POSITIVE_INFINITY;
  private last = Number.NEGATIVE_INFINITY;

  /** @param widthMs how long a point is to be at least */
  constructor(widthMs: number) {
    this.width = widthMs;
  }

  /** Adds what happened in an interval, which is one point's by where its middle lies. Milliseconds, `t` since 1970. */
  add(t: number, ms: number, happened: readonly Happened[]): void {
    // Points shorter than intervals would have holes between them; a tenth is a late clock's.
    while (ms > this.width * 1.1) this.widen();
    const n = Math.floor((t + ms / 2) / this.width);
    addTo(this.slots, n, happened);
    this.first = Math.min(this.first, n);
    this.last = Math.max(this.last, n);
    while (this.last - this.first >= MOST) this.widen();
  }

  /**
   * The points of a run that began and ended then, milliseconds since 1970: one for each slot and each operation that was ever
   * seen, in order. Less than half a slot at either end is part of the one beside it.
   */
  points(begin: number, end: number): TimelinePoint[] {
    const first = Math.round(begin / this.width);
    const last = Math.max(first, Math.round(end / this.width) - 1);
    const inside = new Map<number, Slot>();
    for (const [n, slot] of this.slots) {
      addTo(inside, Math.min(Math.max(n, first), last), [...slot.values()].map(settled));
    }
    const names = new Map([...inside.values()].flatMap((slot) => [...slot]));
    const points: TimelinePoint[] = [];
    for (let n = first; n <= last; n++) {
      const from = n === first ? begin : n * this.width;
      const to = n === last ? end : (n + 1) * this.width;
      for (const [name, { test, op }] of names) {
        const happened = inside.get(n)?.get(name) ?? { test, op, ops: 0, bytes: 0, errors: 0 };
        points.push({ t: from - begin, ms: Math.max(1, to - from), ...settled(happened) });
      }
    }
    return points;
  }

  private widen(): void {
    this.width *= 2;
    const wider = new Map<number, Slot>();
    for (const [n, slot] of this.slots) addTo(wider, Math.floor(n / 2), [...slot.values()]);
    for (const slot of wider.values()) for (const [name, happened] of slot) slot.set(name, settled(happened));
    this.slots = wider;
    this.first = Math.floor(this.first / 2);
    this.last = Math.floor(this.last / 2);
  }
}

function addTo(slots: Map<number, Slot>, n: number, happened: readonly Growing[]): void {
  let slot = slots.get(n);
  if (slot === undefined) {
    slot = new Map();
    slots.set(n, slot);
  }
  for (const more of happened) {
    const name = `${more.test} ${more.op}`;
    const sum = slot.get(name);
    if (sum === undefined) slot.set(name, { ...more });
    else grow(sum, more);
  }
}

function grow(sum: Growing, more: Readonly<Growing>): void {
  sum.ops += more.ops;
  sum.bytes += more.bytes;
  sum.errors += more.errors;
  if (more.objects !== undefined) sum.objects = (sum.objects ?? 0) + more.objects;
  if (more.misses !== undefined) sum.misses = (sum.misses ?? 0) + more.misses;
  if (more.histogram === undefined) return;
  if (sum.histogram === undefined) {
    sum.histogram = more.histogram;
    return;
  }
  if (typeof sum.histogram === 'string') {
    const encoded = sum.histogram;
    sum.histogram = new Histogram(TIMELINE_DIGITS);
    sum.histogram.addEncoded(encoded);
  }
  if (typeof more.histogram === 'string') sum.histogram.addEncoded(more.histogram);
  else sum.histogram.add(more.histogram);
}

function settled({ histogram, ...happened }: Growing): Happened {
  if (histogram === undefined) return happened;
  return { ...happened, histogram: typeof histogram === 'string' ? histogram : histogram.encode() };
}
