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

interface Slot {
  readonly byOp: Map<string, Happened>;
}

export class Timeline {
  /** Milliseconds of a slot. */
  private width: number;
  /** By the number of the slot: it begins at so many widths since 1970. */
  private slots = new Map<number, Slot>();

  /** @param widthMs how long a point is to be at least */
  constructor(widthMs: number) {
    this.width = widthMs;
  }

  /** Adds what happened in an interval, which is one point's by where its middle lies. Milliseconds, `t` since 1970. */
  add(t: number, ms: number, happened: readonly Happened[]): void {
    // A point that is longer than ours would leave holes between.
    while (ms > this.width * 1.1) this.widen();
    addTo(this.slots, Math.floor((t + ms / 2) / this.width), happened);
    let numbers = [...this.slots.keys()];
    while (Math.max(...numbers) - Math.min(...numbers) >= MOST) {
      this.widen();
      numbers = [...this.slots.keys()];
    }
  }

  /**
   * The points of a run that began and ended then, milliseconds since 1970: one for each slot and each operation that was ever
   * seen, in order. Less than half a slot at either end is part of the one beside it.
   */
  points(begin: number, end: number): TimelinePoint[] {
    const first = Math.round(begin / this.width);
    const last = Math.max(first, Math.round(end / this.width) - 1);
    const inside = new Map<number, Slot>();
    for (const [n, { byOp }] of this.slots) addTo(inside, Math.min(Math.max(n, first), last), [...byOp.values()]);
    const names = new Map([...inside.values()].flatMap(({ byOp }) => [...byOp]));
    const points: TimelinePoint[] = [];
    for (let n = first; n <= last; n++) {
      const from = n === first ? begin : n * this.width;
      const to = n === last ? end : (n + 1) * this.width;
      for (const [name, { test, op }] of names) {
        const happened = inside.get(n)?.byOp.get(name) ?? { test, op, ops: 0, bytes: 0, errors: 0 };
        points.push({ t: from - begin, ms: Math.max(1, to - from), ...happened });
      }
    }
    return points;
  }

  private widen(): void {
    this.width *= 2;
    const wider = new Map<number, Slot>();
    for (const [n, { byOp }] of this.slots) addTo(wider, Math.floor(n / 2), [...byOp.values()]);
    this.slots = wider;
  }
}

function addTo(slots: Map<number, Slot>, n: number, happened: readonly Happened[]): void {
  let slot = slots.get(n);
  if (slot === undefined) {
    slot = { byOp: new Map() };
    slots.set(n, slot);
  }
  for (const more of happened) {
    const name = `${more.test} ${more.op}`;
    const sum = slot.byOp.get(name);
    slot.byOp.set(name, sum === undefined ? more : both(sum, more));
  }
}

function both(a: Happened, b: Happened): Happened {
  const histogram = mergeEncoded(a.histogram, b.histogram);
  return {
    test: a.test,
    op: a.op,
    ops: a.ops + b.ops,
    bytes: a.bytes + b.bytes,
    errors: a.errors + b.errors,
    ...(a.objects || b.objects ? { objects: (a.objects ?? 0) + (b.objects ?? 0) } : {}),
    ...(a.misses || b.misses ? { misses: (a.misses ?? 0) + (b.misses ?? 0) } : {}),
    ...(histogram === undefined ? {} : { histogram }),
  };
}

function mergeEncoded(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const sum = new Histogram(TIMELINE_DIGITS);
  sum.addEncoded(a);
  sum.addEncoded(b);
  return sum.encode();
}
