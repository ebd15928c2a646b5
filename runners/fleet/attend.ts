/** Attends a run on several workers until its end: one live picture of all of them, and what happens to each. */
import { setTimeout as sleep } from 'node:timers/promises';
import { statsLine } from '../../lib/result/final';
import type { Interval } from '../../lib/result/interval';
import { Meter } from '../../lib/result/live';
import { formatDuration } from '../../lib/settings/units';
import { SteadyWatch } from '../run/steady';
import type { WorkerView } from '../terminal/live-view';
import type { Terminal } from '../terminal/terminal';
import type { Watch } from './watch';
import { workerName } from './workers-file';

const TICK_MS = 1_000;
const MS_PER_SECOND = 1000;

/** What a worker did since the last look. */
interface Recent {
  readonly opsPerSecond: number;
  readonly cpuSeconds: number;
  readonly cores: number | undefined;
}

export class Attendance {
  private meter: Meter | undefined;
  private steady: SteadyWatch | undefined;
  private readonly recent = new Map<string, Recent>();
  private readonly told = new Map<string, string>();
  private tests: readonly string[] = [];

  constructor(
    private readonly terminal: Terminal,
    private readonly statsMs: number,
    private durationMs: number,
    /** Throughput of all together has become steady: of a run that ends then. */
    private readonly onSteady: () => void = () => {},
  ) {}

  /** A worker's load has begun. */
  begin(watch: Watch): void {
    const facts = watch.begin?.facts;
    if (facts === undefined || this.meter !== undefined) return;
    const startedAt = Date.parse(facts.run.startedAt) - watch.handle.manifest.clockOffsetMs;
    this.tests = facts.run.tests;
    this.durationMs = facts.plannedMs;
    this.meter = new Meter(startedAt);
    this.steady = new SteadyWatch(facts, startedAt);
  }

  /** It has told of some time. */
  interval(interval: Interval, watch: Watch): void {
    const offset = -watch.handle.manifest.clockOffsetMs;
    this.meter?.add(interval, offset);
    const { worker } = watch.handle.manifest;
    if (this.steady?.add(worker, interval, offset)) this.onSteady();
    const ops = interval.series.reduce((sum, series) => sum + (series.ops ?? 0), 0);
    const before = this.recent.get(worker)?.cpuSeconds;
    const { cpuSeconds } = interval.generator;
    const seconds = interval.ms / MS_PER_SECOND;
    const cores = before === undefined || seconds === 0 ? undefined : (cpuSeconds - before) / seconds;
    this.recent.set(worker, { opsPerSecond: seconds === 0 ? 0 : ops / seconds, cpuSeconds, cores });
  }

  /** Shows how it goes, until all of them are over or `signal` ends that. */
  async attend(watches: readonly Watch[], signal: AbortSignal): Promise<void> {
    const over = Promise.all(watches.map((watch) => watch.over));
    const ended = new AbortController();
    const stop = () => ended.abort();
    signal.addEventListener('abort', stop, { once: true });
    over.then(stop, stop);
    while (!ended.signal.aborted) {
      await sleep(TICK_MS, undefined, { signal: ended.signal }).catch(() => {});
      this.tick(watches);
    }
    this.terminal.clear();
    if (!signal.aborted) await over;
  }

  private tick(watches: readonly Watch[]): void {
    for (const watch of watches) {
      this.tellChange(watch);
      if (watch.isOver) this.steady?.end(watch.handle.manifest.worker);
    }
    if (this.meter === undefined) return;
    if (this.meter.tickMs > 0) {
      const views = watches.length > 1 ? watches.map((watch) => this.viewOf(watch)) : [];
      this.terminal.progress(this.meter.tick(this.tests), this.durationMs, views);
    }
    if (this.meter.isDue(this.statsMs)) {
      const running = watches.filter(({ isOver }) => !isOver).length;
      const workers = watches.length > 1 ? ` | ${running} of ${watches.length} workers` : '';
      this.terminal.say(`${statsLine(this.meter.stats(this.tests))}${workers}`);
    }
  }

  /** Once: that a worker is out of reach, or silent, or lost, or back. */
  private tellChange(watch: Watch): void {
    const { state, why, handle } = watch;
    const name = workerName(handle.machine);
    const before = this.told.get(name) ?? 'running';
    if (state === before || state === 'starting' || state === 'ready') return;
    this.told.set(name, state);
    const because = why === undefined ? '' : `: ${why}`;
    const warn = (message: string) => this.terminal.log({ level: 'warning', message: `${name}: ${message}` });
    if (state === 'unreachable') warn(`out of reach${because}; its load goes on, trying again`);
    else if (state === 'silent') warn(`nothing is heard of it${because}`);
    else if (state === 'lost') this.terminal.log({ level: 'error', message: `${name}: lost${because}` });
    else if (state === 'running') warn('it is back');
  }

  private viewOf(watch: Watch): WorkerView {
    const { handle, state, heardAt, fold } = watch;
    const { worker, host } = handle.manifest;
    const recent = this.recent.get(worker);
    const since = formatDuration(Math.round((Date.now() - heardAt) / 1000) * 1000);
    const odd = state === 'silent' || state === 'unreachable';
    return {
      id: worker,
      host,
      state: odd ? `${state} since ${since}` : state,
      opsPerSecond: state === 'running' ? (recent?.opsPerSecond ?? 0) : 0,
      cores: recent?.cores,
      memoryBytes: fold.latest?.generator.memoryBytes,
    };
  }
}
