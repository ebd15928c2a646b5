/** Patterns and settings as loads: how many VUs each gets, when it is on, and what it measures. Pure. */

import type { Traffic } from '../k6/steps/traffic';
import { QUANTILES } from '../result/distribution';
import { isOfMany, type Measured, NO_SIZE } from '../result/metrics';
import { FROM_CLI } from '../result/protocol';
import type { ScheduledPhase } from '../result/result';
import type { RunFacts } from '../result/run-facts';
import { MULTIPART } from '../s3/commands';
import { type Config, ConfigError, type ObjectSize, publicConfig, settings } from '../settings/config';
import { formatBytes } from '../settings/units';
import { loadName, type Pattern } from './pattern';
import { largestPiece, memoryNeed } from './payload';
import { isOpenLoop, type Load } from './scenario';
import { always, type Schedule } from './schedule';

/** One k6 scenario, with the traffic in it. */
export interface PlannedLoad extends Omit<Load, 'schedule'> {
  /** Made when it is asked for: a week of short bursts is too much for every VU to hold. */
  schedule(): Schedule;
  readonly traffic: Traffic;
  readonly sizes: readonly ObjectSize[];
  /** Sizes that it reads. */
  readonly readSizes: readonly ObjectSize[];
  /** Where several phases are counted apart. */
  readonly phased: boolean;
}

/** Everything that follows from patterns and settings. */
export interface Plan {
  /** With the concurrency that holds where none was asked for. */
  readonly config: Config;
  readonly loads: readonly PlannedLoad[];
  readonly measured: readonly Measured[];
  /** Every size that any of the tests uses. */
  readonly sizes: readonly ObjectSize[];
  readonly reads: boolean;
  readonly writes: boolean;
  readonly deletes: boolean;
}

/** Connections that one process can hold to an endpoint: systems have 28,000 ports for them. */
const MOST_CONNECTIONS = 20_000;

/**
 * The plan of the patterns that the settings ask for, all of them where they name none. VUs and rate are divided among the
 * tests equally, and within a test as it says; each load has a VU at least. Where nobody says how many VUs, tests that hold
 * connections have as many as they want beside the others.
 * @throws ConfigError when a name is none of the patterns', or there are too many connections
 */
export function planOf(all: readonly Pattern[], given: Config, concurrencyAsked: boolean): Plan {
  const patterns = chosen(all, given.tests);
  const own = patterns.length === 1 ? patterns[0]?.concurrency : undefined;
  const config =
    own === undefined || concurrencyAsked || given.stages?.unit === 'vus' ? given : { ...given, concurrency: own };
  const dividesAll = concurrencyAsked || config.stages?.unit === 'vus';
  const beside = patterns.map((pattern) =>
    !dividesAll && holdsConnections(pattern) ? pattern.concurrency : undefined,
  );
  const sharing = beside.filter((own) => own === undefined).map(() => 1);
  const divided = sharing.length > 0 ? divide(config.concurrency, sharing) : [];
  const vus = beside.map((own) => own ?? (divided.shift() as number));
  const loads = patterns.flatMap((pattern, i) => loadsOf(pattern, config, vus[i] as number, 1 / patterns.length));
  if (config.seedObjects > 0 && onlyReading({ loads }).length === 0) {
    throw new ConfigError([
      `${settings.seedObjects.env[0]} is ${config.seedObjects}: of ${patterns.map(({ name }) => name).join(', ')} none only reads, leave it out`,
    ]);
  }
  checkConnections(loads, config);
  if (config.untilSteady) checkConstant(loads, config);
  const has = (what: 'reads' | 'writes' | 'deletes') => loads.some(({ traffic }) => traffic[what]);
  return {
    config,
    loads,
    measured: patterns.map((pattern) => measuredBy(pattern, loads, config)),
    sizes: different(loads.flatMap(({ sizes, readSizes }) => [...sizes, ...readSizes])),
    reads: has('reads'),
    writes: has('writes'),
    deletes: has('deletes'),
  };
}

const holdsConnections = ({ loads }: Pattern) => loads.some(({ does }) => does.holdsConnections);

/**
 * Patterns that a k6 without the extension can run, and those that it can't. Of patterns that nobody asked for by name the
 * latter are left out.
 * @throws ConfigError when nothing else was asked for
 */
export function withoutExtension(all: readonly Pattern[], names: readonly string[] | undefined) {
  const missed = chosen(all, names).filter(holdsConnections);
  const [first] = missed;
  if (first !== undefined && (names !== undefined || missed.length === all.length)) {
    throw new ConfigError([`${first.name} ${NEEDS_EXTENSION}`]);
  }
  return {
    patterns: all.filter((pattern) => !missed.includes(pattern)),
    leftOut: first && `${missed.map(({ name }) => name).join(', ')} is left out: it ${NEEDS_EXTENSION}`,
  };
}

const NEEDS_EXTENSION =
  `needs the project's k6, which this is not known to be: have Go here and run by \`npx s3loadtest run\` without S3LOADTEST_K6, ` +
  `which builds it, or by hand say so of .tools/bin/k6 with ${FROM_CLI.extension}=1`;

function checkConnections(loads: readonly PlannedLoad[], config: Config): void {
  const tooMany = loads.find(({ traffic, vus }) => traffic.holdsConnections && vus > MOST_CONNECTIONS);
  if (tooMany === undefined) return;
  const { env } = config.stages?.unit === 'vus' ? settings.stages : settings.concurrency;
  throw new ConfigError([
    `${env[0]}: ${tooMany.vus} are more connections than ${tooMany.test} can hold: give ${MOST_CONNECTIONS} at most, and more workers`,
  ]);
}

/** Throughput that goes up and down by a schedule, or is none, never becomes steady. */
function checkConstant(loads: readonly PlannedLoad[], config: Config): void {
  const bursts = new Set(scheduleOf({ loads, config }).map(({ test }) => test));
  const held = loads.filter(({ traffic }) => traffic.holdsConnections).map(({ test }) => test);
  const [first] = [...bursts, ...held];
  if (first === undefined) return;
  const why = bursts.has(first) ? 'has bursts' : 'holds connections and has no throughput';
  throw new ConfigError([`${settings.untilSteady.env[0]} is true: ${first} ${why}, leave one of them out`]);
}

const different = (sizes: readonly ObjectSize[]) => [...new Map(sizes.map((size) => [size.label, size])).values()];
const sizesOf = (labels: readonly string[]) => labels.flatMap((label) => settings.sizes.parse(label) ?? []);

function chosen(all: readonly Pattern[], names: readonly string[] | undefined): readonly Pattern[] {
  if (names === undefined || all.length === 1) return all;
  const unknown = names.filter((name) => !all.some((pattern) => pattern.name === name));
  if (unknown.length > 0) {
    throw new ConfigError([
      `${settings.tests.env[0]}: "${unknown[0]}" is not known: give ${all.map((p) => p.name).join(', ')}`,
    ]);
  }
  return all.filter(({ name }) => names.includes(name));
}

function loadsOf(pattern: Pattern, config: Config, vus: number, share: number): PlannedLoad[] {
  const sizes = config.sizes ?? sizesOf(pattern.sizes);
  const shares = pattern.loads.map((load) => load.share ?? 1);
  const whole = shares.reduce((sum, n) => sum + n, 0);
  const divided = divide(vus, shares);
  return pattern.loads.map((load, i) => ({
    name: loadName(pattern, load),
    test: pattern.name,
    share: (share * (shares[i] as number)) / whole,
    vus: divided[i] as number,
    schedule: () => load.when?.(config) ?? always(config.duration),
    traffic: load.does,
    sizes,
    readSizes: load.does.readsSizes === undefined ? sizes : sizesOf(load.does.readsSizes),
    phased: pattern.loads.length > 1,
  }));
}

/** So many VUs in these parts: none less than one, and in all no more than there are, where that goes. */
function divide(vus: number, parts: readonly number[]): number[] {
  const whole = parts.reduce((sum, part) => sum + part, 0);
  const exact = parts.map((part) => (vus * part) / whole);
  const divided = exact.map((n) => Math.max(1, Math.floor(n)));
  const off = (i: number) => (exact[i] as number) - (divided[i] as number);
  const all = divided.map((_, i) => i);
  let rest = vus - divided.reduce((sum, n) => sum + n, 0);
  for (; rest > 0; rest--) {
    const least = all.reduce((a, b) => (off(b) > off(a) ? b : a));
    divided[least] = (divided[least] as number) + 1;
  }
  for (; rest < 0 && divided.some((n) => n > 1); rest++) {
    const most = all.filter((i) => (divided[i] as number) > 1).reduce((a, b) => (off(b) < off(a) ? b : a));
    divided[most] = (divided[most] as number) - 1;
  }
  return divided;
}

function measuredBy(pattern: Pattern, all: readonly PlannedLoad[], config: Config): Measured {
  const loads = all.filter(({ test }) => test === pattern.name);
  const own = (what: 'reads' | 'writes') => loads.some(({ traffic }) => traffic[what]);
  const series = new Map<string, { op: string; size: string }>();
  const add = (op: string, size: string) => series.set(`${op} ${size}`, { op, size });
  for (const { traffic, sizes, readSizes } of loads) {
    for (const op of traffic.ops) {
      if (isOfMany(op)) add(op, NO_SIZE);
      else for (const { label } of op === 'GET' ? readSizes : sizes) add(op, label);
    }
    const inParts =
      traffic.writes && !traffic.holdsConnections ? sizes.filter(({ bytes }) => bytes > config.partSize) : [];
    for (const { label } of inParts) for (const { op } of MULTIPART) add(op, label);
  }
  const phases = new Set(loads.flatMap(({ schedule, phased }) => (phased ? schedule().map(({ phase }) => phase) : [])));
  return {
    test: pattern.name,
    phases: [...phases],
    series: [...series.values()],
    endpoints: config.endpoints.map((endpoint) => endpoint.replace(/^https?:\/\//, '')),
    holdsConnections: loads.every(({ traffic }) => traffic.holdsConnections),
    verified: config.verify,
    // Someone deletes; or all that is read is others', who may.
    missesExpected: all.some(({ traffic }) => traffic.deletes) || (own('reads') && !own('writes')),
  };
}

/** Loads of tests that read, and write nothing they could read. */
export function onlyReading({ loads }: Pick<Plan, 'loads'>): PlannedLoad[] {
  return loads.filter(({ traffic }) => traffic.reads && !traffic.writes);
}

/** VUs that k6 is to make for a load: one is enough for traffic that paces itself. */
export function k6Vus({ traffic, vus }: PlannedLoad): number {
  return traffic.pacesItself ? 1 : vus;
}

/** An object as large as that takes 5 ms of CPU to move: what else an operation costs does not count. */
const LARGE = 10 * 1024 ** 2;
/** What a VU holds while it works, and how much garbage may lie beside all of them where there is little of it. */
const VU_HOLDS = 256 * 1024;
const GARBAGE = 24 * 1024 ** 2;
const [LEAST_PERCENT, MOST_PERCENT] = [15, 400];

/**
 * How large garbage may grow, in percent of what is in use, where nothing but large objects is moved, by their average size:
 * operations are few then, and memory can be had for hardly any CPU. Undefined where there may be many.
 */
export function gcPercent({ loads }: Pick<Plan, 'loads'>): number | undefined {
  const large = loads.every(({ traffic, sizes }) => {
    const bytes = sizes.reduce((sum, size) => sum + size.bytes, 0);
    const wholeOnly = traffic.ops.every((op) => op === 'GET' || op === 'PUT') && !traffic.holdsConnections;
    return wholeOnly && bytes >= LARGE * sizes.length;
  });
  if (!large) return undefined;
  const vus = loads.reduce((sum, load) => sum + k6Vus(load), 0);
  return Math.max(LEAST_PERCENT, Math.min(MOST_PERCENT, Math.round((100 * GARBAGE) / (vus * VU_HOLDS))));
}

/** Bytes that a held connection takes, garbage included: measured at 10,000, and at 2,000 by TLS. */
const CONNECTION = 25 * 1024;
const TLS_CONNECTION = 110 * 1024;

/** Why the run would take the machine's memory down, in one line; undefined when it would not. `free` in bytes, or NaN. */
export function tooLittleMemory({ loads, config }: Plan, free: number): string | undefined {
  // The extension makes bodies while it sends them, and keeps none.
  const kept = ({ traffic }: PlannedLoad) => config.backend !== 'native' && traffic.writes && !traffic.holdsConnections;
  // Grafana's client keeps what it gets, whole.
  const whole = ({ traffic }: PlannedLoad) => config.backend === 'jslib' && traffic.reads && !traffic.holdsConnections;
  const bytesOf = (load: PlannedLoad) => (kept(load) || whole(load) ? load.sizes.map((size) => size.bytes) : []);
  const partOf = (load: PlannedLoad) => (whole(load) ? Number.POSITIVE_INFINITY : config.partSize);
  const connection = config.endpoints.some((endpoint) => endpoint.startsWith('https:')) ? TLS_CONNECTION : CONNECTION;
  const needs = loads.map((load) => {
    const ofVus = memoryNeed(k6Vus(load), bytesOf(load), partOf(load));
    const more = load.traffic.holdsConnections ? load.vus * connection : 0;
    // One VU that does it all is there however much that is.
    return load.traffic.pacesItself ? { fixed: ofVus, more } : { fixed: 0, more: ofVus };
  });
  const fixed = needs.reduce((sum, n) => sum + n.fixed, 0);
  const more = needs.reduce((sum, n) => sum + n.more, 0);
  const need = fixed + more;
  if (!(need > free)) return undefined;
  const most = Math.floor((config.concurrency * (free - fixed)) / more);
  const piece = Math.max(...loads.map((load) => largestPiece(bytesOf(load), partOf(load))));
  const each = piece > 0 ? ` with up to ${formatBytes(piece)} each under way` : '';
  const fewer = most > 0 ? `--concurrency ${most}` : 'smaller objects (--size)';
  return (
    `${loadText({ loads })}${each} may need ${formatBytes(need)} of memory, and ` +
    `${formatBytes(free)} are free: take ${fewer}, or --no-memory-check to run all the same`
  );
}

/** How much load it is at its most: `16 VUs`, `16 VUs and 1000 connections`. */
export function loadText(plan: Pick<Plan, 'loads'>): string {
  return byKind(plan)
    .map(({ text }) => text)
    .join(' and ');
}

/** How the load was divided: `16 VUs: firehose 2, delete 2`, or the rate. One line; undefined where nothing was. */
export function splitText(plan: Plan): string | undefined {
  const { config, loads } = plan;
  if (loads.length < 2) return undefined;
  const rate = isOpenLoop(config) ? config.rate : undefined;
  const part = ({ name, vus, share }: PlannedLoad) =>
    rate === undefined ? `${name} ${vus}` : `${name} ${vus} (${Number((rate * share).toPrecision(3))}/s)`;
  return byKind(plan)
    .map((kind) => `${kind.text}: ${kind.loads.map(part).join(', ')}`)
    .join('; ');
}

function byKind({ loads }: Pick<Plan, 'loads'>) {
  return (['VUs', 'connections'] as const).flatMap((unit) => {
    const own = loads.filter(({ traffic }) => traffic.holdsConnections === (unit === 'connections'));
    const inAll = own.reduce((sum, { vus }) => sum + vus, 0);
    return own.length > 0 ? [{ text: `${inAll} ${unit}`, loads: own }] : [];
  });
}

/** When loads are on that are not on all the time. */
export function scheduleOf({ loads, config }: Pick<Plan, 'loads' | 'config'>): ScheduledPhase[] {
  return loads.flatMap(({ test, name, schedule }) => {
    const windows = schedule();
    const [first, ...more] = windows;
    if (more.length === 0 && first?.start === 0 && first.end === config.duration) return [];
    return windows.map(({ phase, start, end }) => ({ test, scenario: name, phase, startMs: start, endMs: end }));
  });
}

/**
 * What a run by this plan is.
 * @param startedAt when the load begins, milliseconds since 1970
 * @param readable keys that are there to be read, by size label: lists that have none in common
 */
export function factsOf(
  plan: Plan,
  id: string,
  startedAt: number,
  version: string,
  readable: readonly KeysBySize[],
): RunFacts {
  const { config, measured, loads } = plan;
  return {
    run: {
      id,
      tests: measured.map(({ test }) => test),
      startedAt: new Date(startedAt).toISOString(),
      seed: config.seed,
      backend: config.backend,
      versions: { s3loadtest: version },
      config: publicConfig(config),
      loads: loads.map(({ test, name, vus, share, traffic }) => ({
        ...{ test, scenario: name, share },
        ...(traffic.holdsConnections ? { vus: 1, connections: vus } : { vus }),
      })),
      schedule: scheduleOf(plan),
      quantiles: QUANTILES,
      ...(plan.reads ? { readable: sumOf(plan, readable) } : {}),
    },
    measured,
    plannedMs: config.duration,
    warmupMs: config.warmup,
    tlsNotVerified: !config.verifySsl && config.endpoints.some((endpoint) => endpoint.startsWith('https://')),
  };
}

type KeysBySize = Readonly<Record<string, { readonly length: number }>>;

function sumOf({ sizes }: Plan, all: readonly KeysBySize[]): { objects: number; bytes: number } {
  const sum = { objects: 0, bytes: 0 };
  for (const { label, bytes } of sizes) {
    const n = all.reduce((count, keys) => count + (keys[label]?.length ?? 0), 0);
    sum.objects += n;
    sum.bytes += n * bytes;
  }
  return sum;
}
