/** Several Results as one: exact of counts and histograms, and as near as lib/result/distribution.ts says of stock k6's quantiles. Pure. */
import { type Distribution, mergeDistributions } from './distribution';
import { FigureSum } from './figure-sum';
import { UsageSum } from './generator-timeline';
import { MergedAbsences } from './outages';
import type {
  Connections,
  ErrorSample,
  Figures,
  Generator,
  LoadShare,
  Result,
  RunHead,
  ThresholdResult,
  TimelinePoint,
  Warmup,
  Warning,
  Worker,
} from './result';
import { SCHEMA } from './result';
import { isSomething } from './run-facts';
import { Timeline } from './timeline';
import { warningsOf } from './warnings';

/** Warnings that follow from figures, and are found anew from those of all. */
const OF_FIGURES: ReadonlySet<string> = new Set(['tls-not-verified', 'unmet-demand', 'many-misses', 'not-verified']);

/** Figures by what they are of, in the order in which each was first seen. */
class Sums<T extends object> {
  private readonly all = new Map<string, { readonly of: T; readonly sum: FigureSum }>();

  add(of: T, figures: Figures): void {
    const name = JSON.stringify(of);
    let known = this.all.get(name);
    if (known === undefined) {
      known = { of, sum: new FigureSum() };
      this.all.set(name, known);
    }
    known.sum.addFigures(figures);
  }

  list(): Array<T & Figures> {
    return [...this.all.values()].map(({ of, sum }) => ({ ...of, ...sum.figures() })).filter(isSomething);
  }
}

/** Results that are being added up, one after the other: none of them is kept. */
export class Merge {
  private head: RunHead | undefined;
  private readonly ids = new Set<string>();
  private readonly tests = new Set<string>();
  private readonly backends = new Set<string>();
  private readonly series = new Sums<{ test: string; phase?: string; op: string; size: string }>();
  private readonly totals = new Sums<{ test: string; op: string }>();
  private readonly endpoints = new Sums<{ test: string; op: string; endpoint: string }>();
  private readonly outages = new MergedAbsences();
  private readonly connections = new Map<string, Connections>();
  private readonly loads = new Map<string, LoadShare>();
  private readonly thresholds = new Map<string, ThresholdResult>();
  private readonly samples = new Map<string, ErrorSample>();
  private readonly warnings = new Map<string, Warning>();
  private readonly workers: Worker[] = [];
  private readonly configs = new Map<string, Set<string>>();
  private kind: Distribution['kind'] | undefined;
  private timeline: Timeline | undefined;
  private generator: Generator | undefined;
  private readonly usage = new UsageSum();
  private beginsAt = Number.POSITIVE_INFINITY;
  private endsAt = 0;
  /** When each one's figures begin: the start of its load, or the end of its warm-up. */
  private readonly measuredFrom: number[] = [];
  private cut: Warmup | undefined;
  private steady = false;
  private tlsNotVerified = false;
  private interrupted = false;
  private partial = false;

  /** @throws Error when it can't be added to the others: latencies of another kind or precision */
  add(result: Result): void {
    const { run } = result;
    this.checkKind(result);
    this.head ??= run;
    this.ids.add(run.id);
    this.backends.add(run.backend);
    for (const test of run.tests) this.tests.add(test);
    for (const { test, phase, op, size, ...figures } of result.series) {
      this.series.add({ test, ...(phase === undefined ? {} : { phase }), op, size }, figures);
    }
    for (const { test, op, ...figures } of result.totals) this.totals.add({ test, op }, figures);
    for (const { test, op, endpoint, ...figures } of result.endpoints)
      this.endpoints.add({ test, op, endpoint }, figures);
    for (const connections of result.connections) this.addConnections(connections);
    for (const load of run.loads) {
      const known = this.loads.get(load.scenario);
      const { vus, connections } = load;
      const held = connections === undefined ? {} : { connections: connections + (known?.connections ?? 0) };
      this.loads.set(load.scenario, { ...load, vus: vus + (known?.vus ?? 0), ...held });
    }
    for (const threshold of result.thresholds) {
      const name = `${threshold.metric}:${threshold.expr}`;
      this.thresholds.set(name, { ...threshold, ok: threshold.ok && (this.thresholds.get(name)?.ok ?? true) });
    }
    for (const sample of result.errorSamples) {
      if (!this.samples.has(sample.class)) this.samples.set(sample.class, sample);
    }
    for (const warning of result.warnings) {
      if (warning.code === 'tls-not-verified') this.tlsNotVerified = true;
      if (!OF_FIGURES.has(warning.code)) this.warnings.set(`${warning.code} ${warning.message}`, warning);
    }
    for (const [name, value] of Object.entries(run.config)) {
      this.configs.set(name, (this.configs.get(name) ?? new Set()).add(JSON.stringify(value)));
    }
    this.workers.push(...result.workers);
    this.generator = addGenerators(this.generator, ofOne(result));
    this.interrupted ||= result.interrupted;
    this.partial ||= result.partial;
    this.addTimeline(result);
  }

  /** @throws Error when nothing was added */
  result(): Result {
    if (this.head === undefined || this.generator === undefined) throw new Error('there is no Result to merge');
    const totals = this.totals.list();
    const outages = this.outages.list(this.beginsAt);
    const [id, ...others] = this.ids;
    const config = this.config();
    const reasons = { tlsNotVerified: this.tlsNotVerified, verify: config.verify === true };
    return {
      schema: SCHEMA,
      run: {
        ...this.head,
        id: others.length > 0 ? `${id}+${others.length}` : (id as string),
        tests: [...this.tests],
        startedAt: new Date(this.beginsAt).toISOString(),
        durationMs: Math.round(this.endsAt - this.beginsAt),
        ...(this.cut === undefined ? {} : { warmup: { ...this.cut, ms: this.cutMs() } }),
        ...(this.steady ? { endedBy: 'steady' as const } : {}),
        backend: [...this.backends].join(','),
        config,
        loads: [...this.loads.values()],
      },
      series: this.series.list(),
      totals,
      endpoints: this.endpoints.list(),
      ...(outages.length > 0 ? { outages } : {}),
      connections: [...this.connections.values()],
      timeline: this.timeline?.points(this.beginsAt, this.endsAt) ?? [],
      thresholds: [...this.thresholds.values()],
      generator: { ...this.generator, cores: this.cores(), ...this.used() },
      workers: this.workers,
      errorSamples: [...this.samples.values()],
      warnings: [...warningsOf(reasons, this.generator, totals), ...this.warnings.values()],
      interrupted: this.interrupted,
      partial: this.partial,
    };
  }

  /** Those of each machine once, however many workers share them. */
  private cores(): number | null {
    if (this.workers.length === 0) return this.generator?.cores ?? null;
    const byHost = new Map<string, number>();
    for (const { host, cores } of this.workers) {
      if (cores === undefined || cores === null) return this.generator?.cores ?? null;
      byHost.set(host, Math.max(cores, byHost.get(host) ?? 0));
    }
    return [...byHost.values()].reduce((sum, cores) => sum + cores, 0);
  }

  /** Each is cut at a second of its own clock. By the mean of those a rate is neither too high nor too low. */
  private cutMs(): number {
    const sum = this.measuredFrom.reduce((all, from) => all + (from - this.beginsAt), 0);
    return Math.round(sum / this.measuredFrom.length);
  }

  private used(): Pick<Generator, 'timeline'> {
    const timeline = this.usage.points(this.beginsAt);
    return timeline.length === 0 ? {} : { timeline };
  }

  private checkKind({ totals }: Result): void {
    const kind = totals.find(({ latency }) => latency !== undefined)?.latency?.kind;
    if (kind === undefined) return;
    this.kind ??= kind;
    if (kind === this.kind) return;
    const names = { hdr: "histograms (the project's k6)", quantiles: 'quantiles (stock k6)' };
    throw new Error(`its latencies are ${names[kind]}, those before it ${names[this.kind]}: they can't be added up`);
  }

  /** Settings that all had, and the several values of one that they had not in common. */
  private config(): Record<string, unknown> {
    return Object.fromEntries(
      [...this.configs].map(([name, values]) => {
        const parsed = [...values].map((text) => JSON.parse(text) as unknown);
        return [name, parsed.length === 1 ? parsed[0] : { differs: parsed }];
      }),
    );
  }

  private addConnections(more: Connections): void {
    const name = JSON.stringify([more.test, more.op, more.endpoint]);
    const known = this.connections.get(name);
    if (known === undefined) {
      this.connections.set(name, more);
      return;
    }
    const ended: Record<string, number> = { ...known.ended };
    for (const [how, n] of Object.entries(more.ended)) ended[how] = (ended[how] ?? 0) + n;
    this.connections.set(name, {
      ...known,
      // Of each at its time: all at once had so many at most.
      peakOpen: known.peakOpen + more.peakOpen,
      opened: known.opened + more.opened,
      ended,
      bytesSent: known.bytesSent + more.bytesSent,
      bytesReceived: known.bytesReceived + more.bytesReceived,
      lifetime: mergeDistributions([known.lifetime, more.lifetime]),
    });
  }

  /** On one clock: that of the machine that the workers' offsets are from. */
  private addTimeline({ run, workers, timeline, generator, outages = [] }: Result): void {
    // A Result of several is on that clock already.
    const offset = workers.length === 1 ? (workers[0]?.clockOffsetMs ?? 0) : 0;
    const begin = Date.parse(run.startedAt) - offset;
    this.beginsAt = Math.min(this.beginsAt, begin);
    this.endsAt = Math.max(this.endsAt, begin + run.durationMs);
    this.measuredFrom.push(begin + (run.warmup?.ms ?? 0));
    if (run.warmup !== undefined) {
      const { ops = 0, bytes = 0, errors = 0 } = this.cut ?? {};
      const more = run.warmup;
      this.cut = { ms: 0, ops: ops + more.ops, bytes: bytes + more.bytes, errors: errors + more.errors };
    }
    this.steady ||= run.endedBy === 'steady';
    this.usage.add(begin, generator.timeline ?? []);
    this.outages.add(begin, outages);
    if (timeline.length === 0) return;
    const width = usualLength(timeline);
    this.timeline ??= new Timeline(width);
    // Ends are longer or shorter than the rest, and stand where their middle is.
    for (const { t, ms, ...happened } of timeline) this.timeline.add(begin + t + (ms - width) / 2, width, [happened]);
  }
}

/** Of points, milliseconds: most are as long as one another. */
function usualLength(points: readonly TimelinePoint[]): number {
  const lengths = points.map(({ ms }) => ms).sort((a, b) => a - b);
  return lengths[Math.floor(lengths.length / 2)] as number;
}

/** A machine's own links: others have some of the same name. */
function ofOne({ generator, workers }: Result): Generator {
  const [worker, ...others] = workers;
  if (generator.links === undefined || worker === undefined || others.length > 0) return generator;
  return { ...generator, links: generator.links.map((link) => ({ ...link, name: `${worker.host} ${link.name}` })) };
}

function addGenerators(a: Generator | undefined, b: Generator): Generator {
  if (a === undefined) return b;
  const waits = [a.cpu?.waitSeconds, b.cpu?.waitSeconds];
  const waitSeconds = waits.reduce((x, y) => (x === undefined || y === undefined ? undefined : x + y));
  const cpu = a.cpu && b.cpu && { seconds: a.cpu.seconds + b.cpu.seconds, cores: a.cpu.cores + b.cpu.cores };
  const links = [...(a.links ?? []), ...(b.links ?? [])];
  const exceptions = (a.exceptions ?? 0) + (b.exceptions ?? 0);
  const machine = a.machine &&
    b.machine && {
      busyCores: a.machine.busyCores + b.machine.busyCores,
      cores: a.machine.cores + b.machine.cores,
    };
  return {
    cpu: cpu && (waitSeconds === undefined ? cpu : { ...cpu, waitSeconds }),
    memory: a.memory && b.memory && { peakBytes: a.memory.peakBytes + b.memory.peakBytes },
    cores: a.cores === null || b.cores === null ? null : a.cores + b.cores,
    ...(machine === undefined ? {} : { machine }),
    ...(links.length === 0 ? {} : { links }),
    vus: a.vus + b.vus,
    iterations: a.iterations + b.iterations,
    droppedIterations: a.droppedIterations + b.droppedIterations,
    ...(exceptions > 0 ? { exceptions } : {}),
    retries: a.retries + b.retries,
    ...(a.traffic === undefined || b.traffic === undefined
      ? {}
      : {
          traffic: {
            receivedBytes: a.traffic.receivedBytes + b.traffic.receivedBytes,
            sentBytes: a.traffic.sentBytes + b.traffic.sentBytes,
          },
        }),
  };
}
