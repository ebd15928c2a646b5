/** What follows from workloads and settings: what is measured, and what to say of it. Pure. */
import { QUANTILES } from '../result/distribution';
import { isOfMany, type Measured, NO_SIZE } from '../result/metrics';
import { FROM_CLI } from '../result/protocol';
import type { ScheduledPhase } from '../result/result';
import type { RunFacts } from '../result/run-facts';
import { MULTIPART, PUT } from '../s3/commands';
import { type Config, ConfigError, nameOf, type ObjectSize, publicConfig } from '../settings/config';
import { endpointLabel } from '../settings/endpoint';
import type { Home } from './home';
import { durationOf } from './shape';
import { has, holdsConnections, isPaced, opsOf } from './step';
import { chosen, needsConnections, type Shaped, type ShapedLoad, withSettings } from './with-settings';
import type { Workload } from './workload';

export interface Plan extends Shaped {
  /** Where VUs work, where that is not the one bucket of the settings; the first of them is that. */
  readonly homes?: readonly Home[];
  readonly measured: readonly Measured[];
  /** Every size that any of the loads uses. */
  readonly sizes: readonly ObjectSize[];
}

/** Connections that one process can hold to an endpoint: systems have 28,000 ports for them. */
const MOST_CONNECTIONS = 20_000;

/** @throws ConfigError when a name is none of the workloads', or settings don't go with them */
export function planOf(all: readonly Workload[], given: Config, setsConcurrency: boolean): Plan {
  const shaped = withSettings(all, given, setsConcurrency);
  const { config, workloads, loads } = shaped;
  if (config.seedObjects > 0 && onlyReading({ loads }).length === 0) {
    throw new ConfigError([
      `${nameOf(config, 'seedObjects')} is ${config.seedObjects}: of ${workloads.map(({ name }) => name).join(', ')} none only reads, leave it out`,
    ]);
  }
  checkConnections(loads, config);
  checkObjects(loads, config);
  checkForms(loads, config);
  if (config.untilSteady) checkConstant(loads, config);
  return {
    ...shaped,
    measured: workloads.map(({ name }) => measuredBy(name, loads, config)),
    sizes: different(loads.flatMap(({ sizes, readSizes }) => [...sizes, ...readSizes])),
  };
}

/** Whether any load does this to objects. */
export const does = (effect: 'read' | 'write' | 'delete', { loads }: Pick<Plan, 'loads'>): boolean =>
  loads.some(({ step }) => has(effect, step));

/**
 * Workloads that a k6 without the extension can run, and those that it can't. The latter are left out where nobody
 * named them.
 * @throws ConfigError when nothing else was asked for
 */
export function withoutExtension(all: readonly Workload[], names: readonly string[] | undefined) {
  const missed = chosen(all, names).filter(needsConnections);
  const [first] = missed;
  if (first !== undefined && (names !== undefined || missed.length === all.length)) {
    throw new ConfigError([`${first.name} ${NEEDS_EXTENSION}`]);
  }
  return {
    workloads: all.filter((workload) => !missed.includes(workload)),
    leftOut: first && `${missed.map(({ name }) => name).join(', ')} is left out: it ${NEEDS_EXTENSION}`,
  };
}

const NEEDS_EXTENSION =
  `needs the project's k6, which this is not known to be: have Go here and run by \`npx s3loadtest run\` without S3LOADTEST_K6, ` +
  `which builds it, or by hand say so of .tools/bin/k6 with ${FROM_CLI.extension}=1`;

function checkConnections(loads: readonly ShapedLoad[], config: Config): void {
  const tooMany = loads.find(({ step, shape }) => holdsConnections(step) && shape.vus > MOST_CONNECTIONS);
  if (tooMany === undefined) return;
  const name = nameOf(config, config.stages?.unit === 'vus' ? 'stages' : 'concurrency');
  throw new ConfigError([
    `${name}: ${tooMany.shape.vus} are more connections than ${tooMany.test} can hold: give ${MOST_CONNECTIONS} at most, and more workers`,
  ]);
}

/** What would have no effect, or another than was meant. */
function checkObjects(loads: readonly ShapedLoad[], config: Config): void {
  const held = loads.find(({ step }) => holdsConnections(step));
  if (held?.sizes.some(({ weight, drawn }) => weight !== undefined || drawn !== undefined)) {
    throw new ConfigError([
      `${nameOf(config, 'sizes')} has weights or sizes that are drawn: ${held.test} takes each size as often, give some such as 1KB,10KB`,
    ]);
  }
  const chooses = loads.some(({ step }) => step.kind === 'operation' && has('read', step));
  const without = (['popularity', 'range'] as const).find((name) => config[name] !== undefined);
  if (without === undefined || chooses) return;
  const tests = [...new Set(loads.map(({ test }) => test))].join(', ');
  throw new ConfigError([`${nameOf(config, without)} is about reads: ${tests} makes none, leave it out`]);
}

function checkForms(loads: readonly ShapedLoad[], config: Config): void {
  const form = loads.flatMap(({ step }) => step.commands).find((command) => command.form === true);
  if (form === undefined || config.backend !== 'proxy') return;
  throw new ConfigError([
    `${nameOf(config, 'backend')} is proxy: a proxy signs headers, and ${form.op} has its signature in a form: take native or http`,
  ]);
}

/** Throughput that goes up and down by a schedule, or is none, never becomes steady. */
function checkConstant(loads: readonly ShapedLoad[], config: Config): void {
  const bursts = new Set(scheduleOf({ loads }).map(({ test }) => test));
  const held = loads.filter(({ step }) => holdsConnections(step)).map(({ test }) => test);
  const [first] = [...bursts, ...held];
  if (first === undefined) return;
  const why = bursts.has(first) ? 'has bursts' : 'holds connections and has no throughput';
  throw new ConfigError([`${nameOf(config, 'untilSteady')} is true: ${first} ${why}, leave one of them out`]);
}

const different = (sizes: readonly ObjectSize[]) => [...new Map(sizes.map((size) => [size.label, size])).values()];

function measuredBy(name: string, all: readonly ShapedLoad[], config: Config): Measured {
  const loads = all.filter(({ test }) => test === name);
  const series = new Map<string, { op: string; size: string }>();
  const add = (op: string, size: string) => series.set(`${op} ${size}`, { op, size });
  for (const { step, sizes, readSizes } of loads) {
    for (const op of opsOf(step)) {
      if (isOfMany(op)) add(op, NO_SIZE);
      else for (const { label } of op === 'GET' ? readSizes : sizes) add(op, label);
    }
    const puts = opsOf(step).includes(PUT.op) && !holdsConnections(step);
    const inParts = puts ? sizes.filter(({ bytes }) => bytes > config.partSize) : [];
    for (const { label } of inParts) for (const { op } of MULTIPART) add(op, label);
    for (const { calls = [] } of step.commands)
      for (const { op } of calls) for (const { label } of sizes) add(op, label);
  }
  const phases = new Set(loads.flatMap(({ schedule, phased }) => (phased ? schedule().map(({ phase }) => phase) : [])));
  return {
    test: name,
    phases: [...phases],
    series: [...series.values()],
    endpoints: config.endpoints.map(endpointLabel),
    holdsConnections: loads.every(({ step }) => holdsConnections(step)),
    verified: config.verify,
    // Someone deletes; or all that is read is others', who may.
    missesExpected: does('delete', { loads: all }) || (does('read', { loads }) && !does('write', { loads })),
  };
}

/** Loads of tests that read, and write nothing they could read. */
export function onlyReading({ loads }: Pick<Plan, 'loads'>): ShapedLoad[] {
  return loads.filter(({ step }) => has('read', step) && !has('write', step));
}

/** VUs that k6 is to make for a load: one is enough for a step that paces itself. */
export function k6Vus({ step, shape }: ShapedLoad): number {
  return isPaced(step) ? shape.vus : 1;
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
  const part = ({ name, shape, share }: ShapedLoad) =>
    config.rate === undefined
      ? `${name} ${shape.vus}`
      : `${name} ${shape.vus} (${Number((config.rate * share).toPrecision(3))}/s)`;
  return byKind(plan)
    .map((kind) => `${kind.text}: ${kind.loads.map(part).join(', ')}`)
    .join('; ');
}

function byKind({ loads }: Pick<Plan, 'loads'>) {
  return (['VUs', 'connections'] as const).flatMap((unit) => {
    const own = loads.filter(({ step }) => holdsConnections(step) === (unit === 'connections'));
    const inAll = own.reduce((sum, { shape }) => sum + shape.vus, 0);
    return own.length > 0 ? [{ text: `${inAll} ${unit}`, loads: own }] : [];
  });
}

/** When loads are on that are not on all the time. */
export function scheduleOf({ loads }: Pick<Plan, 'loads'>): ScheduledPhase[] {
  return loads.flatMap(({ test, name, shape, schedule }) => {
    const windows = schedule();
    const [first, ...more] = windows;
    if (more.length === 0 && first?.start === 0 && first.end === durationOf(shape)) return [];
    return windows.map(({ phase, start, end }) => ({ test, scenario: name, phase, startMs: start, endMs: end }));
  });
}

/**
 * What a run by this plan is.
 * @param startedAt when the load begins, milliseconds since 1970
 * @param readable what a plan that reads may read, and what looking for it came to
 */
export function factsOf(
  plan: Plan,
  id: string,
  startedAt: number,
  version: string,
  { httpProxies = [], ...readable }: EnvironmentFacts,
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
      loads: loads.map(({ test, name, shape: { vus }, share, step }) => ({
        ...{ test, scenario: name, share },
        ...(holdsConnections(step) ? { vus: 1, connections: vus } : { vus }),
      })),
      schedule: scheduleOf(plan),
      quantiles: QUANTILES,
      ...(does('read', plan) ? readable : {}),
      ...(httpProxies.length > 0 && { httpProxies }),
    },
    measured,
    ...plannedOf(loads, config),
    warmupMs: config.warmup,
    tlsNotVerified: !config.verifySsl && config.endpoints.some((endpoint) => endpoint.startsWith('https://')),
  };
}

/** When it ends: with time, or with its last operation. */
function plannedOf(loads: readonly ShapedLoad[], { duration }: Config): Pick<RunFacts, 'plannedMs' | 'plannedOps'> {
  const operations = loads.map(({ operations }) => operations);
  if (operations.length === 0 || operations.includes(undefined)) return { plannedMs: duration };
  return { plannedMs: 0, plannedOps: operations.reduce<number>((sum, n) => sum + (n as number), 0) };
}

export type EnvironmentFacts = Pick<RunFacts['run'], 'readable' | 'discovery' | 'httpProxies'>;
