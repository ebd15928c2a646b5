/** Reasons to trust a run's figures less that need more than k6's counts: percentiles, the timeline, CPU, workers. Pure. */
import {
  measuredMs,
  measuredPoints,
  type Result,
  sum,
  type Total,
  type Warning,
  type WarningCode,
} from '../../lib/result/result';
import type { ErrorClass } from '../../lib/s3/classify';
import { effectOf } from '../../lib/s3/commands';
import { formatBytes, formatCount, formatDuration } from '../../lib/settings/units';
import { configOf } from '../figures/config';
import { enoughFor, isEnough } from '../figures/latency';
import { trendOf } from '../figures/trend';
import { cutOffRemedy } from './cut-off';
import { unevenEndpoints } from './endpoints';
import { type Evidence, FULL } from './evidence';
import { FLAT } from './verdict';
import { allCores, cores, count, list, rate, share } from './words';

/** What is looked at here; all else a Result's own warnings say. */
export const CODES: ReadonlySet<WarningCode> = new Set<WarningCode>([
  'unmet-demand',
  'generator-cpu',
  'generator-vus',
  'generator-network',
  'few-samples',
  'worker-lost',
  'worker-late',
  'clock-offset',
  'fresh-reads',
  'many-errors',
  'unsteady',
  'uneven-endpoints',
  'endpoint-away',
]);

type Check = (result: Result, evidence: Evidence) => readonly Warning[];

/** In the order of how much they take from the figures. */
const checks: readonly Check[] = [
  lostWorkers,
  manyErrors,
  generatorCpu,
  generatorVus,
  generatorNetwork,
  unmetDemand,
  lateWorkers,
  clockOffsets,
  unsteady,
  unevenEndpoints,
  freshReads,
  fewSamples,
];

export function furtherWarnings(result: Result, evidence: Evidence): Warning[] {
  return checks.flatMap((check) => check(result, evidence));
}

function lostWorkers({ workers, run }: Result): Warning[] {
  return workers.flatMap(({ id, host, lost, exit }): Warning[] => {
    if (lost !== undefined) {
      const at = formatDuration(lost.atMs);
      const message = `worker ${id} on ${host} was lost ${at} after the start (${lost.why}): its figures end there`;
      return [
        {
          code: 'worker-lost',
          message,
          remedy: `look at ${host}, and run it again; rates are over the whole ${formatDuration(run.durationMs)}`,
        },
      ];
    }
    if (exit === 0 || exit === 99 || workers.length < 2) return [];
    const message = `k6 of worker ${id} on ${host} ended with ${exit}: its figures may not be whole`;
    return [{ code: 'worker-lost', message, remedy: `see its part of k6.log` }];
  });
}

/** Of all attempts. */
const MANY_ERRORS = 0.001;

const REMEDIES: Readonly<Record<ErrorClass, string>> = {
  notFound: 'something else deletes in this bucket, or the store lost objects: look for the keys of the samples',
  throttled: 'the store refuses more: this is its limit, or lower --rate or --concurrency to measure below it',
  auth: "credentials or their policy do not cover this operation, or this machine's clock is off",
  client: 'the store does not take such a request: the sample says which',
  unsupported: 'the store has no such command: leave it out of the load',
  server: "the store's own logs say why; compare with a run at lower --concurrency",
  timeout: 'the store did not answer in time: lower the load, or raise --timeout to see how long it takes',
  connect: 'endpoints refuse connections or do not exist: look at their connection limits and at DNS',
  reset: 'connections were cut: look at load balancers, idle timeouts and limits between here and the store',
  corrupt: 'data came back as it was not written: look into this before any figure',
};

/** Where this machine, and not an endpoint, refused connections. */
const EXHAUSTED_REMEDIES: Readonly<Record<NonNullable<Evidence['exhausted']>, string>> = {
  'open files': 'raise `ulimit -n` for k6, lower --concurrency, or spread the load: dist --workers',
  'local ports':
    'widen net.ipv4.ip_local_port_range, see whether the store closes connections after each answer, or spread the load: dist --workers',
};

function remedyFor(worst: ErrorClass, { exhausted, cutOff }: Evidence): string {
  if (worst === 'connect' && exhausted !== undefined) return EXHAUSTED_REMEDIES[exhausted];
  if (worst === 'timeout' && cutOff !== undefined) return cutOffRemedy(cutOff);
  return REMEDIES[worst];
}

function manyErrors({ totals }: Result, evidence: Evidence): Warning[] {
  const { attempts, failed } = evidence;
  const errors = sum(totals).errors;
  const classes = (Object.entries(failed) as [ErrorClass, number][]).sort(([, a], [, b]) => b - a);
  const worst = classes[0]?.[0];
  if (worst === undefined || errors <= attempts * MANY_ERRORS) return [];
  const most = classes.map(([name, n]) => `${name} ${formatCount(n)}`);
  const message = `${share(errors / attempts)} of the requests failed (${list(most)})`;
  const remedy = remedyFor(worst, evidence);
  return [{ code: 'many-errors', message, remedy }];
}

/** Part of the time with no core left from which on latencies have k6's own waiting in them. */
const OFTEN_FULL = 0.1;

function generatorCpu(result: Result, { cpu, othersCores = 0 }: Evidence): Warning[] {
  if (cpu === undefined) return [];
  const all = allCores(cpu.cores);
  const full = cpu.used >= FULL * cpu.cores || cpu.fullShare > OFTEN_FULL;
  const starved = cpu.wanted >= FULL * cpu.cores;
  if (!full && !starved) return [];
  const time = cpu.fullShare > OFTEN_FULL && cpu.fullShare < 1 ? ` (${share(cpu.fullShare)} of the time all)` : '';
  const message = full
    ? `k6 used ${cores(cpu.used)} of ${all}${time}: latencies have its own waiting in them`
    : `k6 got ${cores(cpu.used)} of ${all} and waited for more: latencies have that in them`;
  const { machineCores = cpu.cores } = cpu;
  if (cpu.cores < machineCores) {
    const remedy = `raise its CPU limit (the machine has ${cores(machineCores)} cores), or spread the load: dist --workers`;
    return [{ code: 'generator-cpu', message, remedy }];
  }
  if (!full && othersCores > 0.1)
    return [
      {
        code: 'generator-cpu',
        message,
        remedy: `leave this machine to k6 (other programs used ${cores(othersCores)} cores), or use another`,
      },
    ];
  const remedy =
    result.run.backend !== 'native'
      ? 'S3LOADTEST_BACKEND=native takes a third of the CPU; beyond that, spread the load: dist --workers'
      : 'spread the load over more machines: dist --workers';
  return [{ code: 'generator-cpu', message, remedy }];
}

function generatorVus(
  result: Result,
  { openLoop, opSeconds, ownShare, busyShare, lift, vus, cpu }: Evidence,
): Warning[] {
  if (openLoop || opSeconds === 0 || cpu === undefined || ownShare === undefined || cpu.wanted >= FULL * cpu.cores)
    return [];
  const { stages } = configOf(result.run);
  const remedy = stages === undefined ? `--concurrency ${vus * 4}` : 'further --stages with more VUs';
  if (ownShare >= 0.5) {
    const message = `${count(vus, 'VU')} spent ${share(ownShare)} of the time in k6 itself: too few to load the store`;
    return [{ code: 'generator-vus', message, remedy }];
  }
  if (lift === undefined || lift >= FLAT || busyShare < 0.5) return [];
  const message = `the store answered ${count(vus, 'VU')} nearly as fast as it ever did (the median took ${Number(lift.toPrecision(2))} times the fastest)`;
  return [{ code: 'generator-vus', message, remedy: `more load may well show more: ${remedy}` }];
}

function generatorNetwork(_: Result, { link }: Evidence): Warning[] {
  if (link === undefined || link.share < FULL) return [];
  const gigabits = Number((link.bitsPerSecond / 1e9).toPrecision(3));
  const message = `network link ${link.name} carried ${share(link.share)} of its ${gigabits} Gbit/s`;
  return [{ code: 'generator-network', message, remedy: 'spread the load over more machines: dist --workers' }];
}

function unmetDemand(result: Result, { dropped, due, cpu, vus }: Evidence): Warning[] {
  if (dropped === 0) return [];
  const message = `${formatCount(dropped)} of ${formatCount(due)} operations due (${share(dropped / due)}) found no free VU, so the rate asked for was not reached`;
  const full = cpu !== undefined && cpu.wanted >= FULL * cpu.cores;
  // Little's law: so many are under way at that rate and these latencies; and half as many again, for they vary.
  const perSecond = due / Math.max(0.001, measuredMs(result.run) / 1000);
  const seconds = meanSeconds(result.totals);
  const wanted = Math.ceil(perSecond * seconds * 1.5);
  const remedy = full
    ? 'k6 had no CPU left: spread the load over more machines: dist --workers'
    : `--concurrency ${Math.max(wanted, vus * 2)}; if latency only rises with that, the store is the limit`;
  return [{ code: 'unmet-demand', message, remedy }];
}

function meanSeconds(totals: readonly Total[]): number {
  let [ms, n] = [0, 0];
  for (const { latency } of totals) {
    ms += (latency?.mean ?? 0) * (latency?.count ?? 0);
    n += latency?.count ?? 0;
  }
  return n === 0 ? 0 : ms / n / 1000;
}

const LATE_MS = 1_000;

function lateWorkers({ workers }: Result): Warning[] {
  const late = workers.filter(({ startSkewMs }) => startSkewMs >= LATE_MS);
  if (late.length === 0) return [];
  const names = late.map(({ id, startSkewMs }) => `${id} by ${formatDuration(startSkewMs)}`);
  const message = `${count(late.length, 'worker')} began late: ${list(names)}`;
  return [{ code: 'worker-late', message, remedy: 'rates at the start are too low; see what holds these hosts up' }];
}

const OFF_MS = 500;

function clockOffsets({ workers }: Result): Warning[] {
  const off = workers.filter(({ clockOffsetMs }) => Math.abs(clockOffsetMs) >= OFF_MS);
  if (off.length === 0) return [];
  const names = off.map(({ id, clockOffsetMs }) => `${id} by ${formatDuration(Math.abs(clockOffsetMs))}`);
  const message = `the clocks of ${count(off.length, 'worker')} are off: ${list(names)}`;
  return [
    {
      code: 'clock-offset',
      message,
      remedy: 'times here are corrected; set the clocks by NTP, for S3 refuses signatures from 15 minutes off on',
    },
  ];
}

/** Of the mean, over the time looked at. */
const MUCH_CHANGE = 0.1;

function unsteady({ run, timeline }: Result): Warning[] {
  const { stages, ramp = 0 } = configOf(run);
  if (stages !== undefined || run.schedule.length > 0) return [];
  const trend = trendOf(measuredPoints(run, timeline), ramp);
  if (trend === undefined || Math.abs(trend.change) < MUCH_CHANGE) return [];
  const how = trend.change > 0 ? 'climbing' : 'falling';
  const message = `throughput was still ${how}: by ${share(Math.abs(trend.change))} over the last ${formatDuration(trend.overMs)}`;
  const longer = formatDuration(Math.max(60_000, run.durationMs * 3));
  return [
    {
      code: 'unsteady',
      message,
      remedy: `a mean over this says little: run longer (--duration ${longer}) until it stays`,
    },
  ];
}

/** Reads of each object, from which on caches may have answered most; of more bytes than that none would hold them. */
const REREADS = 10;
const MOST_CACHED = 256 * 1024 ** 3;

function freshReads({ run, totals }: Result): Warning[] {
  const reads = sum(totals.filter(({ op }) => effectOf(op) === 'read')).ops;
  const { readable } = run;
  if (reads === 0 || readable === undefined) return [];
  const written = sum(totals.filter(({ op }) => effectOf(op) === 'write'));
  const [objects, bytes] = [readable.objects + written.ops, readable.bytes + written.bytes];
  const remedy = 'write more than the store has memory first, in another run: reads then take its objects, too';
  if (readable.objects === 0) {
    const message =
      "every read was of an object that this run had written itself: the store's page cache may have answered";
    return [{ code: 'fresh-reads', message, remedy }];
  }
  if (reads < REREADS * objects || bytes > MOST_CACHED) return [];
  const message = `${formatCount(objects)} objects, ${formatBytes(bytes)} in all, were read ${formatCount(reads / objects)} times each: the store's page cache may have answered`;
  return [{ code: 'fresh-reads', message, remedy }];
}

/** Those that a report's tables begin with. */
const SHOWN = [50, 90, 99, 99.9];
/** Nobody runs for longer to see one more digit. */
const LONGEST_ASKED = 24 * 3_600_000;

function fewSamples({ run, totals }: Result): Warning[] {
  const several = run.tests.length > 1;
  const few = new Map<number, string[]>();
  let wanted = 0;
  for (const { test, op, latency } of totals) {
    const n = latency?.count ?? 0;
    const first = SHOWN.find((percent) => !isEnough(n, percent));
    if (n === 0 || first === undefined) continue;
    few.set(first, [...(few.get(first) ?? []), several ? `${test} ${op}` : op]);
    wanted = Math.max(wanted, (measuredMs(run) * enoughFor(first)) / n + (run.warmup?.ms ?? 0));
  }
  if (few.size === 0) return [];
  const parts = [...few].sort(([a], [b]) => b - a).map(([percent, ops]) => `p${percent} of ${list(ops, 3)}`);
  const message = `fewer than 10 operations lie beyond ${parts.join('; ')}`;
  const minutes = Math.ceil(wanted / 60_000) * 60_000;
  const remedy =
    minutes > LONGEST_ASKED
      ? 'take these for what they are, single operations'
      : `--duration ${formatDuration(minutes)} would give enough, at ${rate(sum(totals).ops / Math.max(0.001, measuredMs(run) / 1000))}`;
  return [{ code: 'few-samples', message, remedy }];
}
