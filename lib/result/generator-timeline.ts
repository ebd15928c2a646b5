/** What load generators used over time: out of readings of one process, and of several processes together. Pure. */
import type { GeneratorPoint } from './result';

/** A point is so long at least, and twice that whenever there would be more of them. */
const POINT_MS = 1_000;
const MOST_POINTS = 256;

/** What was read of a process at one time. Seconds are counted from its, and its machine's, start. */
export interface UsageReading {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
  /** CPU seconds of all programs of the machine. */
  readonly machineSeconds?: number | undefined;
}

/** Readings that come one after the other, as points: a bounded number, however many there are. */
export class UsageTimeline {
  private first: UsageReading | undefined;
  /** The last reading of each point. */
  private marks: UsageReading[] = [];
  private pointMs = POINT_MS;

  add(reading: UsageReading): void {
    if (this.first === undefined) {
      this.first = reading;
      return;
    }
    const before = this.marks.at(-1);
    if (before !== undefined && this.pointOf(before) === this.pointOf(reading)) this.marks.pop();
    this.marks.push(reading);
    if (this.marks.length <= MOST_POINTS) return;
    this.pointMs *= 2;
    this.marks = this.marks.filter((mark, i, all) => this.pointOf(mark) !== this.pointOf(all[i + 1]));
  }

  /** Points from `begin` on, milliseconds since 1970. */
  points(begin: number): GeneratorPoint[] {
    return this.marks.flatMap((mark, i) => {
      const before = this.marks[i - 1] ?? (this.first as UsageReading);
      const ms = mark.at - before.at;
      // What is left of the last one is too short for a rate.
      if (ms < this.pointMs / 2 || before.at < begin - this.pointMs / 2) return [];
      const used = (from: number | undefined, to: number | undefined) =>
        from === undefined || to === undefined ? undefined : rounded((to - from) / (ms / 1000));
      const busyCores = used(before.machineSeconds, mark.machineSeconds);
      return [
        {
          t: Math.max(0, before.at - begin),
          ms,
          cores: used(before.cpuSeconds, mark.cpuSeconds) ?? 0,
          ...(busyCores === undefined ? {} : { busyCores }),
          memoryBytes: mark.memoryBytes,
        },
      ];
    });
  }

  private pointOf(reading: UsageReading | undefined): number {
    return reading === undefined ? -1 : Math.floor((reading.at - (this.first?.at ?? 0) - 1) / this.pointMs);
  }
}

/** Timelines of several processes, added up on one clock. */
export class UsageSum {
  private readonly slots = new Map<number, { cores: number; busyCores: number; memoryBytes: number }>();
  private busyKnown = true;

  /** @param begin of the points' run, milliseconds since 1970 */
  add(begin: number, points: readonly GeneratorPoint[]): void {
    for (const { t, ms, cores, busyCores, memoryBytes } of points) {
      if (busyCores === undefined) this.busyKnown = false;
      const [from, to] = [begin + t, begin + t + ms];
      // Of each slot that it reaches into, the part that it covers.
      for (let n = Math.floor(from / POINT_MS); n * POINT_MS < to; n++) {
        const part = (Math.min(to, (n + 1) * POINT_MS) - Math.max(from, n * POINT_MS)) / POINT_MS;
        const slot = this.slots.get(n) ?? { cores: 0, busyCores: 0, memoryBytes: 0 };
        slot.cores += cores * part;
        slot.busyCores += (busyCores ?? 0) * part;
        slot.memoryBytes += memoryBytes * part;
        this.slots.set(n, slot);
      }
    }
  }

  points(begin: number): GeneratorPoint[] {
    const numbers = [...this.slots.keys()].sort((a, b) => a - b);
    const [first = 0, last = -1] = [numbers[0], numbers.at(-1)];
    const size = Math.max(1, Math.ceil((last - first + 1) / MOST_POINTS));
    const points: GeneratorPoint[] = [];
    for (let n = first; n <= last; n += size) {
      const sum = { cores: 0, busyCores: 0, memoryBytes: 0 };
      for (let i = n; i < n + size; i++) {
        const slot = this.slots.get(i);
        for (const name of ['cores', 'busyCores', 'memoryBytes'] as const) sum[name] += (slot?.[name] ?? 0) / size;
      }
      points.push({
        t: Math.max(0, n * POINT_MS - begin),
        ms: size * POINT_MS,
        cores: rounded(sum.cores),
        ...(this.busyKnown ? { busyCores: rounded(sum.busyCores) } : {}),
        memoryBytes: Math.round(sum.memoryBytes),
      });
    }
    return points;
  }
}

const rounded = (n: number) => Math.round(n * 1000) / 1000;
