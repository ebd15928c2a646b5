/** What kept a run from being faster, as far as the evidence goes. Pure. */
import { measuredMs, type Result, sum, type Verdict } from '../../lib/result/result';
import type { ErrorClass } from '../../lib/s3/classify';
import { formatBytes, formatCount, formatDuration } from '../../lib/settings/units';
import { configOf } from '../figures/config';
import { type CutOff, cutOffRemedy } from './cut-off';
import { type Evidence, evidenceOf, FULL, failedShare } from './evidence';
import { allCores, cores, count, list, rate, share } from './words';

/** Of all attempts, from which on the store says by itself that it can't do more. */
const MUCH = 0.01;
/** Of the operations due: less is chance at the start. */
const FEW_DROPPED = 0.001;
/** Of the VUs' time: what k6 itself takes of it, at most, for the store to be what they wait for; and from which on it is not. */
const LITTLE = 0.25;
const HALF = 0.5;
/** Cores of k6, 0 to 1, up to which it has plenty left. */
const PLENTY = 0.7;
/** A load that grows by so much and brings so little more has found the limit. */
const STEP = { load: 1.4, gain: 1.1 };
/** The median over the fastest: below it, latency has not risen under the load. */
export const FLAT = 1.5;

const STORE = 'The store was the limit';

/** Of a network in between, only the link of this machine is seen: a narrower one looks like a slow store. */
const storeOrNetwork = ({ onLoopback }: Evidence) =>
  onLoopback ? STORE : 'The store, or the network to it, was the limit';

/** What the store does not take, however little load there is. */
const REFUSED: readonly ErrorClass[] = ['auth', 'client', 'notFound'];
const NO_CAPACITY: readonly ErrorClass[] = ['server', 'timeout', 'connect', 'reset'];

export function verdictOf(result: Result, evidence: Evidence = evidenceOf(result)): Verdict {
  const [limit, message] = judge(result, evidence);
  return { limit, message, evidence: statements(result, evidence) };
}

type Judgement = readonly [Verdict['limit'], string];

function judge(result: Result, evidence: Evidence): Judgement {
  const throttled = failedShare(evidence, ['throttled']);
  if (throttled >= MUCH) return ['store', `${STORE}: it throttled ${share(throttled)} of the requests (503 or 429).`];
  const held = heldOnly(result);
  const own = generatorLimit(evidence);
  if (own === undefined && isCutOff(evidence)) return ['unknown', cutOffText(evidence.cutOff)];
  if (held === undefined && sum(result.totals).ops === 0 && evidence.exhausted === undefined)
    return ['unknown', 'What the limit was is not known: no operation succeeded.'];
  if (own !== undefined) return ['generator', own];
  if (held !== undefined) return held;
  const refused = failedShare(evidence, REFUSED);
  if (refused >= HALF)
    return [
      'unknown',
      `What the limit was is not known: the store refused ${share(refused)} of the requests (${classesOf(evidence, REFUSED)}).`,
    ];
  const failed = failedShare(evidence, NO_CAPACITY);
  if (failed >= MUCH) {
    // An answer of status 500 is the store's own word.
    const whose = failedShare(evidence, ['server']) >= failed / 2 ? STORE : storeOrNetwork(evidence);
    return ['store', `${whose}: ${share(failed)} of the requests failed (${classesOf(evidence, NO_CAPACITY)}).`];
  }
  return evidence.openLoop ? openLoop(result, evidence) : closedLoop(evidence);
}

/** Whether most of what failed did so by the clock, on its way: of a store that answers nothing, nothing is on its way. */
function isCutOff(evidence: Evidence): evidence is Evidence & { readonly cutOff: CutOff } {
  const { cutOff, attempts } = evidence;
  if (cutOff === undefined || cutOff.requests < MUCH * attempts) return false;
  return cutOff.requests >= (failedShare(evidence, NO_CAPACITY) * attempts) / 2;
}

function cutOffText(cutOff: CutOff): string {
  const { option, limitMs, requests, bytes, moved, wholeMs } = cutOff;
  const ended = `${option} ${formatDuration(limitMs)} ended ${count(requests, 'request')}, with ${share(moved)} of their ${formatBytes(bytes)} moved`;
  return `What the limit was is not known: ${ended}. Whole ones take ${formatDuration(wholeMs)} at this pace: ${cutOffRemedy(cutOff)}.`;
}

/** Those of the classes that there were. */
const classesOf = ({ failed }: Evidence, classes: readonly ErrorClass[]) =>
  list(classes.filter((name) => (failed[name] ?? 0) > 0));

/** Of the connections asked for: fewer are those that were about to be replaced. */
const NEARLY_ALL = 0.98;

/** Of a load that holds connections, and does nothing else. */
function heldOnly({ run, connections }: Result): Judgement | undefined {
  const asked = run.loads.reduce((sum, load) => sum + (load.connections ?? 0), 0);
  if (asked === 0 || run.loads.some((load) => load.connections === undefined)) return undefined;
  const open = connections.reduce((sum, { peakOpen }) => sum + peakOpen, 0);
  const all = count(asked, 'connection');
  const opened = connections.reduce((sum, each) => sum + each.opened, 0);
  const rejected = connections.reduce((sum, { ended }) => sum + (ended.rejected ?? 0), 0);
  if (opened > 0 && rejected >= HALF * opened)
    return [
      'unknown',
      `What the limit was is not known: the store rejected ${share(rejected / opened)} of the requests on its connections.`,
    ];
  if (open >= NEARLY_ALL * asked) return ['neither', `Neither was at its limit: all ${all} asked for were held.`];
  return ['store', `The store was the limit: of ${all} asked for it held ${formatCount(open)} at most.`];
}

function generatorLimit(evidence: Evidence): string | undefined {
  const { cpu, link, ownShare, vus, othersCores, openLoop, opSeconds, exhausted } = evidence;
  const refused = failedShare(evidence, ['connect']);
  if (exhausted !== undefined && refused >= MUCH)
    return `The load generator was the limit: its machine had no more ${exhausted}, and ${share(refused)} of the requests failed so.`;
  if (cpu !== undefined && (cpu.used >= FULL * cpu.cores || cpu.fullShare >= HALF))
    return `The load generator was the limit: k6 used ${usedOf(cpu)}, all that it could have${limitText(cpu)}.`;
  if (cpu !== undefined && cpu.wanted >= FULL * cpu.cores) {
    const others = othersCores === undefined ? '' : ` (other programs used ${cores(othersCores)})`;
    const why = limitText(cpu) || others;
    return `The load generator was the limit: k6 used ${usedOf(cpu)} and was kept waiting for the rest${why}.`;
  }
  if (link !== undefined && link.share >= FULL)
    return `The load generator's network was the limit: ${link.name} carried ${share(link.share)} of what it can.`;
  if (!openLoop && opSeconds > 0 && ownShare !== undefined && ownShare >= HALF) {
    const their = vus === 1 ? 'its' : 'their';
    return `The load generator was the limit: ${count(vus, 'VU')} spent ${share(ownShare)} of ${their} time in k6 itself, not waiting for the store.`;
  }
  return undefined;
}

function openLoop({ run, totals }: Result, evidence: Evidence): Judgement {
  const { dropped, due, vus, lift } = evidence;
  const reached = rate(sum(totals).ops / Math.max(0.001, measuredMs(run) / 1000));
  if (dropped <= due * FEW_DROPPED) {
    const { rate: asked } = configOf(run);
    const all = asked === undefined ? 'the rates' : `the ${rate(asked)}`;
    return ['neither', `Neither was at its limit: ${all} asked for were served.`];
  }
  if (isClear(evidence) && lift !== undefined && lift < FLAT) {
    const few = vus === 1 ? '1 VU was' : `${count(vus, 'VU')} were`;
    return [
      'generator',
      `The load generator's configuration was the limit at ${reached}: ${few} too few for this rate. All were busy, and the store's latency did not rise.`,
    ];
  }
  if (isClear(evidence)) {
    return [
      'store',
      `${storeOrNetwork(evidence)} at ${reached}: ${share(dropped / due)} of the operations due could not begin, for all ${count(vus, 'VU')} were waiting for it.`,
    ];
  }
  return ['unknown', `What the limit was is not known: ${share(dropped / due)} of the operations due could not begin.`];
}

function closedLoop(evidence: Evidence): Judgement {
  const { cpu, busyShare, ownShare = 1, lift, vus } = evidence;
  const [before, after] = plateau(evidence) ?? [];
  if (before !== undefined && after !== undefined && isClear(evidence)) {
    const gained = `${rate(before.opsPerSecond)} became ${rate(after.opsPerSecond)}`;
    return ['store', `${storeOrNetwork(evidence)}: from ${before.target} to ${after.target} VUs, ${gained}.`];
  }
  if (cpu === undefined)
    return ['unknown', 'What the limit was is not known: what k6 used of its machine was not measured.'];
  const used = `k6 used ${usedOf(cpu)}`;
  if (busyShare < HALF && cpu.wanted < PLENTY * cpu.cores)
    return ['neither', `Neither was at its limit: VUs had nothing to do for ${share(1 - busyShare)} of the time.`];
  if (isClear(evidence)) {
    const waited = share(Math.max(0, busyShare - ownShare));
    // In a closed loop each VU waits for the store, however idle that is: only latency that rises shows a limit.
    if (lift !== undefined && lift < FLAT) {
      const few = vus === 1 ? '1 VU is' : `${count(vus, 'VU')} are`;
      return [
        'unknown',
        `What the limit was is not known: VUs waited for the store ${waited} of their time, but its latency did not rise: ${few} too few to show a limit, or it was as busy before.`,
      ];
    }
    return ['store', `${storeOrNetwork(evidence)}: VUs waited for it ${waited} of their time, while ${used}.`];
  }
  return [
    'unknown',
    `What the limit was is not known: ${used} and took ${share(ownShare)} of the VUs' time, too much to blame the store and too little to blame k6.`,
  ];
}

/** k6 had CPU left, and took little of its VUs' time for itself. */
function isClear({ cpu, ownShare = 1 }: Evidence): boolean {
  return cpu !== undefined && cpu.wanted < PLENTY * cpu.cores && ownShare < LITTLE;
}

/** The last two stages between which the load grew and throughput did not. */
function plateau({ stages }: Evidence) {
  for (let i = stages.length - 1; i > 0; i--) {
    const [before, after] = [stages[i - 1], stages[i]];
    if (before === undefined || after === undefined || before.opsPerSecond === 0) continue;
    const grown = after.target >= before.target * STEP.load;
    if (grown && after.opsPerSecond < before.opsPerSecond * STEP.gain) return [before, after] as const;
  }
  return undefined;
}

/** A CPU limit below the machine's cores, such as a container's. */
function limitText({ cores: allowed, machineCores = allowed }: NonNullable<Evidence['cpu']>): string {
  return allowed < machineCores ? ` under its CPU limit (the machine has ${cores(machineCores)})` : '';
}

function usedOf({ used, cores: all }: NonNullable<Evidence['cpu']>): string {
  return `${cores(used)} of ${allCores(all)}`;
}

/** What is known, whatever it comes to. */
function statements({ generator, workers }: Result, evidence: Evidence): string[] {
  const { cpu, othersCores, link, busyShare, ownShare, lift, openLoop, dropped, due, opSeconds } = evidence;
  const said: string[] = [];
  if (cpu === undefined) said.push('What k6 used of its machine was not measured.');
  else {
    const waited = cpu.wanted - cpu.used;
    const waiting = waited >= 0.05 ? `, and wanted ${cores(waited)} more while none was free` : '';
    const where = workers.length > 1 ? ` on ${workers.length} workers` : '';
    said.push(`k6 used ${usedOf(cpu)}${where} (${share(cpu.used / cpu.cores)})${waiting}.`);
  }
  const machine = generator.machine;
  if (
    machine !== undefined &&
    othersCores !== undefined &&
    machine.busyCores >= FULL * machine.cores &&
    othersCores > 0.1
  )
    said.push(
      `All ${machine.cores} cores of its machine were busy, ${cores(othersCores)} with other programs: a store that runs there, too, competes with k6.`,
    );
  if (ownShare !== undefined && !openLoop && opSeconds > 0)
    said.push(
      `VUs were in operations ${share(busyShare)} of their time; k6's own work, waiting for a core included, took ${share(ownShare)} of it.`,
    );
  if (openLoop)
    said.push(
      dropped === 0
        ? 'No operation was due without a free VU.'
        : `${share(dropped / due)} of the operations due found no free VU.`,
    );
  said.push(
    link === undefined
      ? 'How full the network was is not known.'
      : `Network link ${link.name} carried ${share(link.share)} of what it can; a narrower one on the way would not show.`,
  );
  if (lift !== undefined) said.push(latencyRise(evidence, lift));
  const throttled = failedShare(evidence, ['throttled']);
  if (throttled > 0) said.push(`The store throttled ${share(throttled)} of the requests (503 or 429).`);
  const failed = failedShare(evidence, NO_CAPACITY);
  if (failed > 0) said.push(`${share(failed)} of the requests failed by server, timeout, connect or reset.`);
  const [before, after] = plateau(evidence) ?? [];
  if (before !== undefined && after !== undefined) {
    const unit = after.unit === 'vus' ? ' VUs' : '/s';
    const latency =
      before.p50 === undefined || after.p50 === undefined
        ? ''
        : `, and the median latency from ${Number(before.p50.toPrecision(2))} to ${Number(after.p50.toPrecision(2))} ms`;
    said.push(
      `From ${before.target}${unit} to ${after.target}${unit}, throughput went from ${rate(before.opsPerSecond)} to ${rate(after.opsPerSecond)}${latency}.`,
    );
  }
  return said;
}

function latencyRise({ openLoop }: Evidence, lift: number): string {
  const times = `the median operation took ${Number(lift.toPrecision(2))} times as long as the fastest of its kind`;
  if (openLoop || lift >= FLAT) return `${times[0]?.toUpperCase()}${times.slice(1)}.`;
  return `Latency did not rise under this load (${times}): more --concurrency may well show more.`;
}
