/** What a Result says about its limit, in numbers. Pure. */
import { percentile } from '../../lib/result/distribution';
import { type LoadShare, measuredMs, measuredPoints, type Result, type RunHead, sum } from '../../lib/result/result';
import type { ErrorClass } from '../../lib/s3/classify';
import { configOf } from '../figures/config';
import { type Stage, stagesOf } from '../figures/stages';
import { slotsOf } from '../figures/timeline';
import { type CutOff, cutOffOf } from './cut-off';

export interface Evidence {
  /** CPU of k6 while its load was on, in cores; undefined where it was not measured. */
  readonly cpu?: {
    /** That it may use; those of its machine are more where it has a limit, as a container has. */
    readonly cores: number;
    readonly machineCores?: number;
    readonly used: number;
    /** With what its threads waited for a free core. */
    readonly wanted: number;
    /** Part of the time in which nine tenths of the cores were used. */
    readonly fullShare: number;
  };
  /** Cores that other programs of the machine used. */
  readonly othersCores?: number;
  /** The network link that was fullest, and how full, 0 to 1. */
  readonly link?: { readonly name: string; readonly share: number; readonly bitsPerSecond: number };
  /** Seconds that all operations took together. */
  readonly opSeconds: number;
  /** Part of the VUs' time, 0 to 1, that they were in operations, and that k6 itself took: computing, or waiting to. */
  readonly busyShare: number;
  readonly ownShare?: number;
  /** How many times the fastest of an operation its median takes: over series, by the time they took. */
  readonly lift?: number;
  readonly openLoop: boolean;
  /** Whether every endpoint is on the generator's own machine: elsewhere a network is between, of which only the first link is seen. */
  readonly onLoopback: boolean;
  readonly vus: number;
  /** Operations that were due and had no VU, and that were due in all. */
  readonly dropped: number;
  readonly due: number;
  /** Requests that were answered or failed; those that failed, by class. */
  readonly attempts: number;
  readonly failed: Partial<Record<ErrorClass, number>>;
  /** What this machine had no more of when connections failed. */
  readonly exhausted?: 'open files' | 'local ports';
  /** Requests that their time limit ended while they moved. */
  readonly cutOff?: CutOff;
  readonly stages: readonly Stage[];
}

/** Part of its cores from which on k6 is taken to have none left. */
export const FULL = 0.9;
const LOOPBACK = /^(localhost|127\.[\d.]+|\[::1\])(:|$)/;
/** Fewer operations do not show which is the fastest. */
const LEAST_FOR_LIFT = 50;

export function evidenceOf(result: Result): Evidence {
  const { generator, totals } = result;
  const { rate, stages } = configOf(result.run);
  const openLoop = rate !== undefined || stages?.unit === 'rate';
  const { ops, misses } = sum(totals);
  const opSeconds = totals.reduce((all, { latency, errorLatency }) => all + timeOf(latency) + timeOf(errorLatency), 0);
  const vuSeconds = vuSecondsOf(result.run);
  const { cpu } = generator;
  // In an open loop VUs stand idle, as many as happen to be there.
  const whole = openLoop ? opSeconds : Math.max(opSeconds, vuSeconds);
  const lift = liftOf(result);
  const failed = failures(result);
  const cutOff = cutOffOf(result);
  return {
    ...cpuOf(result),
    ...linkOf(result),
    opSeconds,
    busyShare: vuSeconds > 0 ? Math.min(1, opSeconds / vuSeconds) : 0,
    ...(cpu === null || whole === 0
      ? {}
      : { ownShare: Math.min(1, ((cpu.seconds + (cpu.waitSeconds ?? 0)) * measuredShare(result)) / whole) }),
    ...(lift === undefined ? {} : { lift }),
    openLoop,
    onLoopback: result.endpoints.every(({ endpoint }) => LOOPBACK.test(endpoint)),
    vus: generator.vus,
    dropped: generator.droppedIterations,
    due: generator.iterations + generator.droppedIterations,
    attempts: ops + misses + Object.values(failed).reduce((n, count) => n + count, 0),
    failed,
    ...exhaustedBy(result),
    ...(cutOff === undefined ? {} : { cutOff }),
    stages: stagesOf(result),
  };
}

/** Seconds that all operations of a distribution took together. */
function timeOf(d: { readonly count: number; readonly mean: number } | undefined): number {
  return d === undefined ? 0 : (d.count * d.mean) / 1000;
}

function failures({ totals }: Result): Partial<Record<ErrorClass, number>> {
  const failed: Partial<Record<ErrorClass, number>> = {};
  for (const { errors } of totals) {
    for (const [name, n] of Object.entries(errors) as [ErrorClass, number][]) failed[name] = (failed[name] ?? 0) + n;
  }
  return failed;
}

/** What the system says when connect(2) or socket(2) fails for want of something here: EMFILE, ENFILE, EADDRNOTAVAIL. */
const EXHAUSTED = [
  [/too many open files/i, 'open files'],
  [/cannot assign requested address/i, 'local ports'],
] as const;

/** By the samples of errors: one stands for all of its class. */
function exhaustedBy({ errorSamples }: Result): Pick<Evidence, 'exhausted'> {
  const said = errorSamples.filter((sample) => sample.class === 'connect').map(({ message }) => message);
  const found = EXHAUSTED.find(([pattern]) => said.some((message) => pattern.test(message)));
  return found === undefined ? {} : { exhausted: found[1] };
}

/** Seconds that VUs were there with something to do. */
function vuSecondsOf(run: Result['run']): number {
  // A load of connections has one VU, which waits for them.
  const loads = run.loads.filter(({ connections }) => connections === undefined);
  return loads.reduce((all, load) => all + load.vus * secondsOn(run, load) * presence(run), 0);
}

function secondsOn(run: Result['run'], { scenario }: LoadShare): number {
  const { schedule, durationMs, warmup } = run;
  const windows = schedule.filter((phase) => phase.scenario === scenario);
  if (windows.length === 0) return measuredMs(run) / 1000;
  const from = warmup?.ms ?? 0;
  const on = windows.map(({ startMs, endMs }) => Math.max(0, Math.min(endMs, durationMs) - Math.max(startMs, from)));
  return on.reduce((a, b) => a + b, 0) / 1000;
}

/** Part of the run that its figures are of: what k6 took of CPU is told of all of it. */
function measuredShare({ run }: Result): number {
  return run.durationMs > 0 ? measuredMs(run) / run.durationMs : 1;
}

/** Part of the VUs that were there on average, where stages say how many. */
function presence(run: RunHead): number {
  const { stages } = configOf(run);
  if (stages?.unit !== 'vus') return 1;
  const most = Math.max(...stages.list.map(({ target }) => target));
  const [reached, whole] = stages.list.reduce(([a, b], { target, ms }) => [a + target * ms, b + most * ms], [0, 0]);
  return reached / whole;
}

/** The means over the whole run would hide a full generator behind pauses: only the time with load counts. */
function cpuOf({ generator, timeline, run }: Result): Pick<Evidence, 'cpu' | 'othersCores'> {
  const { cpu, cores, machine } = generator;
  if (cpu === null || cores === null) return {};
  const seconds = cpu.cores > 0 ? cpu.seconds / cpu.cores : run.durationMs / 1000;
  const on = slotsOf(measuredPoints(run, timeline)).filter(({ ops, errors }) => ops + errors > 0);
  const loaded = (generator.timeline ?? []).filter(({ t, ms }) =>
    on.some((slot) => slot.t < t + ms && t < slot.t + slot.ms),
  );
  const ms = loaded.reduce((all, point) => all + point.ms, 0);
  const mean = (of: (point: (typeof loaded)[number]) => number, otherwise: number) =>
    ms === 0 ? otherwise : loaded.reduce((all, point) => all + of(point) * point.ms, 0) / ms;
  const used = mean((point) => point.cores, cpu.cores);
  const waiting = seconds > 0 ? (cpu.waitSeconds ?? 0) / seconds : 0;
  const fullShare = mean((point) => (point.cores >= FULL * cores ? 1 : 0), cpu.cores >= FULL * cores ? 1 : 0);
  return {
    cpu: {
      cores,
      ...(machine && { machineCores: machine.cores }),
      used,
      wanted: Math.min(cores, used + waiting),
      fullShare,
    },
    ...(machine === undefined ? {} : { othersCores: Math.max(0, machine.busyCores - cpu.cores) }),
  };
}

/** On the wire an operation takes so many bytes at least, both ways together. */
const LEAST_BYTES = 200;

/** Of links that can have carried the run: over others something else went, or nothing. */
function linkOf({ generator, run, totals }: Result): Pick<Evidence, 'link'> {
  const { ops, bytes } = sum(totals);
  const seconds = Math.max(0.001, run.durationMs / 1000);
  const all = generator.links ?? [];
  const least = (bytes + ops * LEAST_BYTES) / 2 / Math.max(1, all.length);
  const used = all
    .filter(({ receivedBytes, sentBytes }) => receivedBytes + sentBytes >= least)
    .map(({ name, bitsPerSecond, receivedBytes, sentBytes }) => {
      const share = (Math.max(receivedBytes, sentBytes) * 8) / seconds / bitsPerSecond;
      return { name, bitsPerSecond, share };
    });
  const [first, ...others] = used;
  return first === undefined ? {} : { link: others.reduce((a, b) => (b.share > a.share ? b : a), first) };
}

function liftOf({ series }: Result): number | undefined {
  let [lifted, weights] = [0, 0];
  for (const { latency } of series) {
    if (latency === undefined || latency.count < LEAST_FOR_LIFT || latency.min <= 0) continue;
    const weight = timeOf(latency);
    lifted += Math.log((percentile(latency, 50) ?? latency.min) / latency.min) * weight;
    weights += weight;
  }
  return weights > 0 ? Math.exp(lifted / weights) : undefined;
}

/** How many of the attempts failed so, 0 to 1. */
export function failedShare({ failed, attempts }: Evidence, classes: readonly ErrorClass[]): number {
  return attempts === 0 ? 0 : classes.reduce((n, name) => n + (failed[name] ?? 0), 0) / attempts;
}
