/** The function that every iteration calls: which VU is in which scenario, when its load is on, and for how long it works. */
import { sleep } from 'k6';
import crypto from 'k6/crypto';
import { SharedArray } from 'k6/data';
import exec from 'k6/execution';
import http from 'k6/http';
import { Counter } from 'k6/metrics';
import { createKeyMaker, createTrackedKeys, type FoundKeys, type ListedKeys } from './keys';
import { WAITING } from './options';
import type { Plan, PlannedLoad } from './plan';
import { connect, findReadable, hold, payloadFor, supply } from './prepare';
import { FROM_CLI } from './protocol';
import { seeded } from './random';
import { createRecorder, createSilentRecorder, forgetTags } from './recorder';
import { isOpenLoop } from './scenario';
import { type Schedule, type Window, windowAt, windowBegun } from './schedule';

/** Operations that were due while no VU was free: k6's own name, so that they are one figure whoever counts them. */
const dropped = new Counter('dropped_iterations');

/** What the machine's disk and the bucket have for the VUs. */
export interface Stock {
  /** Keys out of key files. */
  readonly listed: ListedKeys;
  /** What bodies are cut from; random bytes where it is left out. */
  readonly content: ArrayBuffer | undefined;
}

/**
 * Milliseconds of operations in one iteration, where VUs go at their own pace. k6 makes its own work and six samples of
 * each iteration, which is a tenth of what a small operation costs; a long operation is an iteration by itself.
 */
const ITERATION_MS = 50;

/** k6's scenarios end by a clock of their own. */
const OVERSLEEP_MS = 5;

type Iterate = () => void | Promise<void>;

/** What the VUs of a scenario have in common. */
interface Shared {
  readonly load: PlannedLoad;
  /** Held once for all VUs; each look into it costs 130 µs. */
  readonly schedule: Schedule;
}

/** The function of one VU. What it needs in a scenario is made at its first iteration there. `workers` k6s share the load. */
export function iteration(plan: Plan, stock: Stock, workers: number) {
  const shared = new Map<string, Shared>(
    plan.loads.map((load) => {
      const schedule = new SharedArray(`schedule of ${load.name}`, () => [...load.schedule()]);
      return [load.name, { load, schedule }];
    }),
  );
  const iterates = new Map<string, Iterate>();
  return ({ found }: { readonly found: FoundKeys }): void | Promise<void> => {
    const { name } = exec.scenario;
    if (name === WAITING) return sleepUntil(exec.scenario.startTime + plan.config.duration);
    let iterate = iterates.get(name);
    if (iterate === undefined) {
      iterate = virtualUser(plan, shared.get(name) as Shared, found, stock, workers);
      iterates.set(name, iterate);
    }
    return iterate();
  };
}

/** Sleeps a little longer than that: one who wakes up too soon would be sent to sleep again and again. */
function sleepUntil(time: number): void {
  sleep((Math.max(0, time - Date.now()) + OVERSLEEP_MS) / 1000);
}

/** One VU in one scenario: works while its load is on, and sleeps until it is on again. */
function virtualUser(
  plan: Plan,
  { load, schedule }: Shared,
  found: FoundKeys,
  { listed, content }: Stock,
  workers: number,
): Iterate {
  const { config } = plan;
  const { sizes, readSizes, traffic } = load;
  const vu = exec.vu.idInTest;
  const missesExpected = plan.measured.some((m) => m.test === load.test && m.missesExpected);
  const fine = { min: 200, max: 399 };
  const expected = missesExpected ? http.expectedStatuses(fine, 404) : http.expectedStatuses(fine);
  const recorder = createRecorder(missesExpected);
  const labels = [...new Set([...sizes, ...readSizes].map((size) => size.label))];
  const operate = traffic.start({
    s3: connect(config, recorder, vu, { plainKeys: true }),
    config,
    sizes,
    readSizes,
    keys: createTrackedKeys(labels, load.vus, found, listed),
    payload: payloadFor(config, sizes, (n) => content?.slice(0, n) ?? crypto.randomBytes(n)),
    random: seeded(config.seed * 1_000_003 + vu),
    vus: load.vus,
    // Of VUs each worker has its own; of a rate it has a part, and k6 divides only those that it paces.
    share: isOpenLoop(config) ? load.share / workers : load.share,
    makeKey: createKeyMaker(config.prefix, config.workerId, load.test, vu),
    findKeys: () => findReadable(connect(config, createSilentRecorder(), vu), plan, sizes),
    supply: (size) => supply(connect(config, createSilentRecorder(), vu), plan, load.test, size),
    hold: (holding) => hold(config, recorder, vu, load.test, holding),
    flush: recorder.flush,
    part: { index: Number(__ENV[FROM_CLI.workerIndex] || 0), of: Number(__ENV[FROM_CLI.workers] || 1) },
    dropped: () => dropped.add(1),
    tellsDeleted: __ENV[FROM_CLI.tellDeleted] !== undefined,
  });
  const tags = exec.vu.metrics.tags;
  const begin = exec.scenario.startTime;
  // With an arrival rate k6 begins an iteration for each operation that is due, and only then.
  const paced = isOpenLoop(config) && !traffic.pacesItself;
  let window: Window | undefined;
  let holdsUntil = 0;

  const look = (t: number): void => {
    if (t < holdsUntil) return;
    if (paced) {
      // The last of a burst may be due at its very end; none is ever due before one.
      window = windowBegun(schedule, t) ?? windowAt(schedule, t);
      holdsUntil = (window && windowAt(schedule, window.end)?.start) ?? Number.POSITIVE_INFINITY;
    } else {
      window = windowAt(schedule, t);
      holdsUntil = window?.end ?? Number.POSITIVE_INFINITY;
    }
  };

  return () => {
    // Of a VU that comes from another scenario, or back out of a ramp's fall, k6 has taken the tags away.
    if (tags.name === undefined) {
      forgetTags();
      http.setResponseCallback(expected);
    }
    let now = Date.now();
    look(now - begin);
    const opens = window?.start ?? config.duration;
    if (window === undefined || (!paced && now - begin < opens)) {
      sleepUntil(begin + opens);
      return;
    }
    if (load.phased) tags.phase = window.phase;
    if (traffic.pacesItself) return Promise.resolve(operate(window, begin)).then(recorder.flush);
    const end = paced ? now : Math.min(now + ITERATION_MS, begin + window.end);
    do {
      operate(window, begin);
      now = Date.now();
    } while (now < end);
    recorder.flush();
  };
}
