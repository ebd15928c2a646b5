/** CPU and memory of a process, as Linux tells them. */
import { readFileSync } from 'node:fs';

export interface Usage {
  /** CPU seconds since `start`, user and system; null where the system does not tell. */
  readonly cpuSeconds: number | null;
  /** Seconds that they were counted over. */
  readonly seconds: number;
  /** Most resident memory of the process so far, bytes; null where the system does not tell. */
  readonly peakBytes: number | null;
}

/** Linux counts CPU time in hundredths of a second, on every architecture it runs k6 on. */
const TICKS_PER_SECOND = 100;
const INTERVAL_MS = 250;

/** Reads a process's usage four times a second, as there is nothing left to read once it has ended. */
export class UsageMeter {
  private timer: NodeJS.Timeout | undefined;
  private first: { cpu: number; at: number } | undefined;
  private last: { cpu: number; at: number } | undefined;
  private peak: number | null = null;

  constructor(private readonly pid: number | undefined) {}

  start(): void {
    this.first = this.read();
    this.timer ??= setInterval(() => this.read(), INTERVAL_MS);
    this.timer.unref();
  }

  stop(): Usage {
    clearInterval(this.timer);
    const { first, last, peak } = this;
    if (!first || !last) return { cpuSeconds: null, seconds: 0, peakBytes: peak };
    return { cpuSeconds: last.cpu - first.cpu, seconds: (last.at - first.at) / 1000, peakBytes: peak };
  }

  private read(): { cpu: number; at: number } | undefined {
    try {
      // The command's name is in parentheses and may hold spaces: count from the last one.
      const stat = readFileSync(`/proc/${this.pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const peak = /VmHWM:\s*(\d+) kB/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1];
      if (peak !== undefined) this.peak = Number(peak) * 1024;
      // utime and stime are the 14th and 15th field, the state before them the third.
      const ticks = Number(fields[11]) + Number(fields[12]);
      this.last = { cpu: ticks / TICKS_PER_SECOND, at: Date.now() };
      return this.last;
    } catch {
      return undefined; // it has ended, or this is no Linux
    }
  }
}

/** Bytes of memory that new processes can have; undefined where the system does not tell. */
export function availableMemory(): number | undefined {
  const limit = process.constrainedMemory?.() ?? 0;
  try {
    const kilobytes = /MemAvailable:\s*(\d+) kB/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
    const free = kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
    // A container's limit is below what the machine has; without one, the number is absurdly large.
    return free !== undefined && limit > 0 && limit < free ? limit : free;
  } catch {
    return undefined;
  }
}
