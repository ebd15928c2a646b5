/** What a process uses of its machine while it runs: CPU, memory, the network. */
import { availableParallelism } from 'node:os';
import { UsageTimeline } from '../../lib/result/generator-timeline';
import type { GeneratorPoint, NetworkLink } from '../../lib/result/result';
import { coresFor, cpuSeconds, type LinkCounts, linkCounts, machineCpu, memory, waitedNs } from './proc';

export interface Usage {
  /** CPU seconds since `start`, user and system; null where the system does not tell. */
  readonly cpuSeconds: number | null;
  /** Seconds that its threads were ready to run and no core was free; null where the system does not tell. */
  readonly waitSeconds: number | null;
  /** Seconds that they were counted over. */
  readonly seconds: number;
  /** Most resident memory of the process so far, bytes; null where the system does not tell. */
  readonly peakBytes: number | null;
  /** Cores that it may use. */
  readonly cores: number;
  /** Cores that all programs used on average, and that there are. */
  readonly machine?: { readonly busyCores: number; readonly cores: number };
  readonly links: readonly NetworkLink[];
  readonly timeline: readonly GeneratorPoint[];
}

const INTERVAL_MS = 250;

/** What was read at one time. */
interface Reading {
  readonly at: number;
  readonly cpu: number;
  readonly machine: { readonly seconds: number; readonly cores: number } | undefined;
}

/** Reads a process's usage four times a second, as there is nothing left to read once it has ended. */
export class UsageMeter {
  private timer: NodeJS.Timeout | undefined;
  private first: Reading | undefined;
  private last: Reading | undefined;
  private peak: number | null = null;
  private cores = availableParallelism();
  private readonly timeline = new UsageTimeline();
  private readonly firstWaited = new Map<string, number>();
  private readonly lastWaited = new Map<string, number>();
  private links: { readonly first: Map<string, LinkCounts>; last: Map<string, LinkCounts> } | undefined;

  constructor(private readonly pid: number | undefined) {}

  /** Begins to count. */
  start(): void {
    const { pid } = this;
    if (pid === undefined || this.timer !== undefined) return;
    this.cores = coresFor(pid) ?? this.cores;
    this.links = { first: linkCounts(), last: new Map() };
    this.read(pid);
    this.timer = setInterval(() => this.read(pid), INTERVAL_MS);
    this.timer.unref();
  }

  /** Ends counting, where that has begun. */
  stop(): Usage {
    clearInterval(this.timer);
    const { first, last, peak: peakBytes, cores } = this;
    if (first === undefined || last === undefined || last.at === first.at)
      return { cpuSeconds: null, waitSeconds: null, seconds: 0, peakBytes, cores, links: [], timeline: [] };
    const seconds = (last.at - first.at) / 1000;
    const busy = first.machine && last.machine && (last.machine.seconds - first.machine.seconds) / seconds;
    return {
      cpuSeconds: last.cpu - first.cpu,
      waitSeconds: this.waited(),
      seconds,
      peakBytes,
      cores,
      ...(busy === undefined ? {} : { machine: { busyCores: busy, cores: last.machine?.cores ?? 0 } }),
      links: this.carried(),
      timeline: this.timeline.points(first.at),
    };
  }

  private read(pid: number): void {
    const [cpu, used, machine, at] = [cpuSeconds(pid), memory(pid), machineCpu(), Date.now()];
    if (cpu === undefined || used === undefined) return;
    this.peak = used.peakBytes;
    this.last = { at, cpu, machine };
    this.timeline.add({ at, cpuSeconds: cpu, memoryBytes: used.bytes, machineSeconds: machine?.seconds });
    for (const [thread, ns] of waitedNs(pid)) {
      // Those that come later have waited since they came.
      if (!this.firstWaited.has(thread)) this.firstWaited.set(thread, this.first === undefined ? ns : 0);
      this.lastWaited.set(thread, ns);
    }
    if (this.links !== undefined) this.links.last = linkCounts();
    this.first ??= this.last;
  }

  /** Of threads that ended on the way, too. */
  private waited(): number | null {
    if (this.lastWaited.size === 0) return null;
    let ns = 0;
    for (const [thread, last] of this.lastWaited) ns += last - (this.firstWaited.get(thread) ?? 0);
    return ns / 1e9;
  }

  private carried(): NetworkLink[] {
    const { first, last } = this.links ?? {};
    return [...(last ?? [])].flatMap(([name, now]) => {
      const before = first?.get(name);
      if (before === undefined) return [];
      return {
        name,
        bitsPerSecond: now.bitsPerSecond,
        receivedBytes: now.receivedBytes - before.receivedBytes,
        sentBytes: now.sentBytes - before.sentBytes,
      };
    });
  }
}
