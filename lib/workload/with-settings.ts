/** Workloads with what the settings say of them: each load gets a shape, sizes and a scenario of its own. Pure. */
import { type Config, ConfigError, nameOf, type ObjectSize, settings } from '../settings/config';
import { formatDuration } from '../settings/units';
import { type Schedule, scheduleOf, type Windows } from './schedule';
import { durationOf, type Shape } from './shape';
import { holdsConnections, type Step } from './step';
import { type Load, type OwnShape, scenarioName, type Workload } from './workload';

/** A load of which nothing is left open: one k6 scenario. */
export interface ShapedLoad {
  /** The scenario's name. */
  readonly name: string;
  /** The workload's. */
  readonly test: string;
  readonly step: Step;
  readonly shape: Shape;
  /** Its part of the whole load, all workloads together: 0 < share <= 1. */
  readonly share: number;
  /** Made when it is needed: a week of short bursts is too much for every VU to hold. */
  schedule(): Schedule;
  readonly sizes: readonly ObjectSize[];
  /** Sizes that it reads. */
  readonly readSizes: readonly ObjectSize[];
  /** Where several phases are counted apart. */
  readonly phased: boolean;
  /** As of Load. */
  readonly operations?: number | undefined;
}

export interface Shaped {
  /** With the concurrency that holds where no setting says any. */
  readonly config: Config;
  readonly workloads: readonly Workload[];
  readonly loads: readonly ShapedLoad[];
}

/**
 * The workloads that the settings name, all of them where they name none. VUs and rate are divided among them equally, and
 * within one as it says; each load has a VU at least. Where no setting says how many VUs, workloads that hold connections have as
 * many as they want beside the others.
 * @throws ConfigError when a name is none of the workloads'
 */
export function withSettings(all: readonly Workload[], config: Config, setsConcurrency: boolean): Shaped {
  const workloads = chosen(all, config.tests);
  if (workloads.some(({ loads }) => loads.some(hasOwn))) return withOwnShapes(workloads, config, setsConcurrency);
  const setsVus = setsConcurrency || config.stages?.unit === 'vus';
  const [only, another] = workloads;
  const own = another === undefined && !setsVus ? only && ownVus(only) : undefined;
  const completed = own === undefined ? config : { ...config, concurrency: own };
  const beside = workloads.map((workload) => (!setsVus && needsConnections(workload) ? ownVus(workload) : undefined));
  const sharing = beside.filter((vus) => vus === undefined).map(() => 1);
  const divided = sharing.length > 0 ? divide(completed.concurrency, sharing) : [];
  const vus = beside.map((own) => own ?? (divided.shift() as number));
  const loads = workloads.flatMap((workload, i) =>
    loadsOf(workload, completed, vus[i] as number, 1 / workloads.length),
  );
  return { config: completed, workloads, loads };
}

const hasOwn = ({ shape }: Load): boolean => shape?.own !== undefined;

/** Loads that say by themselves how much they are: settings can't say it of all of them. */
function withOwnShapes(workloads: readonly Workload[], config: Config, setsConcurrency: boolean): Shaped {
  const set = [
    ...(config.rate === undefined ? [] : [nameOf(config, 'rate')]),
    ...(config.stages === undefined ? [] : [nameOf(config, 'stages')]),
    ...(setsConcurrency ? [nameOf(config, 'concurrency')] : []),
  ];
  const [first] = set;
  if (first !== undefined)
    throw new ConfigError([`${first} is set, and each load of the file says how much it is: leave it out`]);
  const all = workloads.flatMap(({ loads }) => loads);
  const [open] = divide(
    config.concurrency,
    all.map(() => 1),
  );
  const shapes = all.map((load) => shapeOfOwn(load.name ?? '', load.shape?.own as OwnShape, config, open as number));
  const concurrency = shapes.reduce((sum, { vus }) => sum + vus, 0);
  const loads = workloads.flatMap((workload) =>
    workload.loads.map((load) => {
      const shape = shapes[all.indexOf(load)] as Shape;
      return shapedLoad(workload, load, config, shape, shape.vus / concurrency);
    }),
  );
  return { config: { ...config, concurrency }, workloads, loads };
}

/** `open` is how many VUs a rate has that says nothing of them. @throws ConfigError when the run ends before it begins */
function shapeOfOwn(name: string, own: OwnShape, { duration }: Config, open: number): Shape {
  const { unit, ramp, start, stages, vus } = own;
  const left = duration - start;
  if (left < 1000) {
    throw new ConfigError([
      `load "${name}" begins after ${formatDuration(start)}, and the run takes ${formatDuration(duration)}: run longer`,
    ]);
  }
  const list = stages.map(({ target, ms = left }) => ({ target, ms }));
  const shortest = Math.min(...list.map(({ ms }) => ms));
  if (ramp > shortest) {
    throw new ConfigError([
      `load "${name}" climbs for ${formatDuration(ramp)}, and lasts ${formatDuration(shortest)}: run longer, or give a shorter ramp`,
    ]);
  }
  const most = unit === 'vus' ? Math.max(...list.map(({ target }) => target)) : (vus ?? open);
  return { unit, vus: most, ramp, stages: start > 0 ? [{ target: 0, ms: start }, ...list] : list };
}

/** @throws ConfigError when a name is none of theirs */
export function chosen(all: readonly Workload[], names: readonly string[] | undefined): readonly Workload[] {
  if (names === undefined || all.length === 1) return all;
  const unknown = names.filter((name) => !all.some((workload) => workload.name === name));
  if (unknown.length > 0) {
    throw new ConfigError([
      `${settings.tests.env[0]}: "${unknown[0]}" is not known: give ${all.map(({ name }) => name).join(', ')}`,
    ]);
  }
  return all.filter(({ name }) => names.includes(name));
}

export const needsConnections = ({ loads }: Workload): boolean => loads.some(({ step }) => holdsConnections(step));

/** VUs that a workload wants in all; undefined where it leaves that to others. */
function ownVus({ loads }: Workload): number | undefined {
  const wanted = loads.flatMap(({ shape }) => shape?.vus ?? []);
  return wanted.length === 0 ? undefined : wanted.reduce((sum, vus) => sum + vus, 0);
}

const sizesOf = (labels: readonly string[]) => labels.flatMap((label) => settings.sizes.parse(label) ?? []);

function loadsOf(workload: Workload, config: Config, vus: number, share: number): ShapedLoad[] {
  const weights = workload.loads.map((load) => load.share ?? 1);
  const whole = weights.reduce((sum, n) => sum + n, 0);
  const divided = divide(vus, weights);
  return workload.loads.map((load, i) => {
    const part = (share * (weights[i] as number)) / whole;
    return shapedLoad(workload, load, config, shapeOf(config, divided[i] as number, part), part);
  });
}

function shapedLoad(workload: Workload, load: Load, config: Config, shape: Shape, share: number): ShapedLoad {
  const sizes = config.sizes ?? load.sizes ?? sizesOf(workload.data.sizes);
  const windows = windowsOf(load, config);
  return {
    ...{ name: scenarioName(workload, load), test: workload.name, step: load.step, shape, share, sizes },
    schedule: () => phased(load, scheduleOf(windows, durationOf(shape), config.seed)),
    readSizes: load.step.kind === 'connections' ? sizesOf([load.step.reads]) : sizes,
    phased: workload.loads.length > 1,
    operations: load.operations,
  };
}

/** A load's own shape: the settings' VUs and rate are those of all loads together. */
export function shapeOf({ rate, stages, ramp, duration, concurrency }: Config, vus: number, share: number): Shape {
  const unit = stages?.unit ?? (rate === undefined ? 'vus' : 'rate');
  const own = (all: number) => (unit === 'rate' ? all * share : (all * vus) / concurrency);
  const whole = stages?.list ?? [{ target: rate ?? concurrency, ms: duration }];
  return { unit, vus, ramp, stages: whole.map(({ target, ms }) => ({ target: own(target), ms })) };
}

/** Whose figures are counted under its own name has no other phases. */
function phased({ phase }: Load, schedule: Schedule): Schedule {
  return phase === undefined ? schedule : schedule.map((window) => ({ ...window, phase }));
}

function windowsOf({ shape }: Load, { burst, pause }: Config): Windows | undefined {
  const windows = shape?.windows;
  return windows && { ...windows, burst: burst ?? windows.burst, pause: pause ?? windows.pause };
}

/** Splits `vus` by weight. Every part gets at least one, and all of them no more than there are, where that goes. */
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
