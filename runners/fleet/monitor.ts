/** Follows the members of a run until its end: one live picture of all of them, STATS lines, and what happens to each. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Stats, statsLine } from '../../lib/result/final';
import type { Interval } from '../../lib/result/interval';
import { Meter } from '../../lib/result/live';
import { formatDuration } from '../../lib/settings/units';
import { RefusalWatch } from '../run/refusal';
import { SteadyWatch } from '../run/steady';
import { farText, type Planned, type WorkerView } from '../terminal/live-view';
import type { Terminal } from '../terminal/terminal';
import { isOver, type Member, startOf } from './place';
import { workerName } from './workers-file';

const TICK_MS = 1_000;
/** Figures follow each other no faster, as when what was reported long ago is read. */
const LEAST_MS = 500;
const MS_PER_SECOND = 1000;

/** What a member did since the last look. */
interface Recent {
  readonly opsPerSecond: number;
  readonly cpuSeconds: number;
  readonly cores: number | undefined;
}

export class Monitor {
  private meter: Meter | undefined;
  private steady: SteadyWatch | undefined;
  private refusal: RefusalWatch | undefined;
  private readonly recent = new Map<Member, Recent>();
  private readonly shownStates = new Map<Member, string>();
  /** Those that have reported since the last tick. */
  private readonly reported = new Set<Member>();
  private members: readonly Member[] = [];
  private tests: readonly string[] = [];
  private planned: Planned = { ms: 0 };
  private shownAt = 0;

  constructor(
    private readonly terminal: Terminal,
    private readonly statsMs: number,
    private readonly on: {
      /** Throughput of all together has become steady: of a run that ends then. */
      steady?(): void;
      /** The store refuses the credentials of all, since so many milliseconds after the start. */
      refused?(sinceMs: number): void;
    } = {},
  ) {}

  /** A member's load has begun. */
  begin(member: Member): void {
    const facts = member.transcript.begin?.facts;
    const startedAt = startOf(member);
    if (facts === undefined || startedAt === undefined || this.meter !== undefined) return;
    this.tests = facts.run.tests;
    this.planned = { ms: facts.plannedMs, ops: facts.plannedOps };
    this.meter = new Meter(startedAt);
    this.steady = new SteadyWatch(facts, startedAt);
    this.refusal = new RefusalWatch(startedAt);
  }

  /** It has reported some time. */
  interval(interval: Interval, member: Member): void {
    const offset = -member.clockOffsetMs;
    this.meter?.add(interval, offset);
    if (this.steady?.add(member.id, interval, offset)) this.on.steady?.();
    const refusedSince = this.refusal?.add(interval, offset);
    if (refusedSince !== undefined) this.on.refused?.(refusedSince);
    const ops = interval.series.reduce((sum, series) => sum + (series.ops ?? 0), 0);
    const before = this.recent.get(member)?.cpuSeconds;
    const { cpuSeconds } = interval.generator;
    const seconds = interval.ms / MS_PER_SECOND;
    const cores = before === undefined || seconds === 0 ? undefined : (cpuSeconds - before) / seconds;
    this.recent.set(member, { opsPerSecond: seconds === 0 ? 0 : ops / seconds, cpuSeconds, cores });
    this.reported.add(member);
    const isEarly = Date.now() - this.shownAt < LEAST_MS;
    // FINAL has the last one.
    if (isEarly || interval.end !== undefined) return;
    if (this.running().every((each) => this.reported.has(each))) this.show();
  }

  /** Running counts, of a k6 that reports no intervals. */
  tick(stats: Stats): void {
    this.terminal.progress(stats, this.planned);
  }

  stats(stats: Stats): void {
    this.terminal.say(statsLine(stats));
  }

  /** Shows how it goes, until all of them are over or `signal` ends that. */
  async follow(members: readonly Member[], signal: AbortSignal): Promise<void> {
    this.members = members;
    const over = Promise.all(members.map((member) => member.over));
    const ended = new AbortController();
    const stop = () => ended.abort();
    signal.addEventListener('abort', stop, { once: true });
    over.then(stop, stop);
    while (!ended.signal.aborted) {
      await sleep(TICK_MS, undefined, { signal: ended.signal }).catch(() => {});
      this.look();
    }
    this.terminal.clear();
    if (!signal.aborted) await over;
  }

  private running(): readonly Member[] {
    return this.members.filter((member) => member.state === 'running' && !isOver(member));
  }

  /** Sees what has become of each; shows figures itself where some have reported nothing for a while. */
  private look(): void {
    for (const member of this.members) {
      this.sayChange(member);
      if (isOver(member)) this.steady?.end(member.id);
    }
    if ((this.meter?.tickMs ?? 0) > TICK_MS) this.show();
  }

  private show(): void {
    const { members, meter } = this;
    if (meter === undefined) return;
    this.reported.clear();
    this.shownAt = Date.now();
    const several = members.length > 1;
    if (meter.tickMs > 0) {
      const views = several ? members.map((member) => this.viewOf(member)) : [];
      this.terminal.progress(meter.tick(this.tests), this.planned, views);
    }
    if (meter.isDue(this.statsMs)) {
      const running = members.filter((member) => !isOver(member)).length;
      const workers = several ? ` | ${running} of ${members.length} workers` : '';
      const stats = meter.stats(this.tests);
      const far = this.planned.ops === undefined ? '' : ` | ${farText(stats, this.planned.ops)}`;
      this.terminal.say(`${statsLine(stats)}${far}${workers}`);
    }
  }

  /** Once: that a member is out of reach, or silent, or lost, or back. */
  private sayChange(member: Member): void {
    const { state, why } = member;
    const before = this.shownStates.get(member) ?? 'running';
    if (state === before || state === 'starting' || state === 'ready' || state === 'ended') return;
    this.shownStates.set(member, state);
    const because = why === undefined ? '' : `: ${why}`;
    const warn = (message: string) =>
      this.terminal.log({ level: 'warning', message: `${workerName(member)}: ${message}` });
    if (state === 'unreachable') warn(`out of reach${because}; its load goes on, trying again`);
    else if (state === 'silent') warn(`it reports nothing${because}`);
    else if (state === 'lost') this.terminal.log({ level: 'error', message: `${workerName(member)}: lost${because}` });
    else warn('it is back');
  }

  private viewOf(member: Member): WorkerView {
    const { state, transcript } = member;
    const recent = this.recent.get(member);
    const since = formatDuration(Math.round((Date.now() - transcript.reportedAt) / 1000) * 1000);
    const odd = state === 'silent' || state === 'unreachable';
    return {
      id: member.id,
      host: member.host,
      state: odd ? `${state} since ${since}` : state,
      opsPerSecond: state === 'running' ? (recent?.opsPerSecond ?? 0) : 0,
      cores: recent?.cores,
      memoryBytes: transcript.latest?.generator.memoryBytes,
    };
  }
}
