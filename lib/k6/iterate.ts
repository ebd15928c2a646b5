/** The function that every iteration calls: which VU is in which scenario, when its load is on, and for how long it works. */
import crypto from 'k6/crypto';
import exec from 'k6/execution';
import { Counter } from 'k6/metrics';
import { FROM_CLI } from '../result/protocol';
import type { Connect, Engine } from '../s3/engine';
import { extension } from '../s3/engines/extension';
import type { Popularity, VuConfig } from '../settings/config';
import type { Home } from '../workload/home';
import { createKeyMaker, createTrackedKeys, type FoundKeys, type ListedKeys } from '../workload/keys';
import type { NumberedSet } from '../workload/numbered';
import { partOfSegment } from '../workload/part';
import type { Payload } from '../workload/payload';
import { seeded } from '../workload/random';
import { OVERRIDE, WAITING } from '../workload/scenario';
import { always, type Schedule, type Window, windowAt, windowBegun } from '../workload/schedule';
import { durationOf, partOfRate } from '../workload/shape';
import { isPaced, type Operate, type Step, type VirtualUser } from '../workload/step';
import { scenarioName, type Workload } from '../workload/workload';
import { writer } from '../workload/write';
import { connectBy, keyEndFor, payloadFor } from './backend';
import { type Connection, connect, hold, SILENT } from './connection';
import type { SecretNames } from './secrets';
import { sharedKeys, sharedPlan, sharedSchedule, type VuLoad } from './shared';
import { sleepUntil } from './sleep';

/** Loaded when they are needed: most VUs never do. */
declare function require(module: './secrets'): typeof import('./secrets');
declare function require(module: '../workload/popularity'): typeof import('../workload/popularity');
declare function require(module: './seldom'): typeof import('./seldom');

/** Operations that were due while no VU was free: k6's own name, so that they are one figure whoever counts them. */
const dropped = new Counter('dropped_iterations');

/**
 * Milliseconds of operations in one iteration, where VUs go at their own pace. k6 makes its own work and six samples of
 * each iteration, which is a tenth of what a small operation costs; a long operation is an iteration by itself.
 */
const ITERATION_MS = 50;

type Iterate = () => void | Promise<void>;

/** What setup has for every VU. */
interface Prepared {
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly found: FoundKeys;
  /** Objects that setup wrote. */
  readonly seeded: readonly NumberedSet[];
  readonly oneByOne?: boolean;
  readonly listsV1?: boolean;
  /** What k6 calls the credentials, where they are its secrets. */
  readonly secrets?: SecretNames;
  /** What there is in each of several homes, in place of `found` and `seeded`. */
  readonly homes?: readonly Pick<Prepared, 'found' | 'seeded'>[] | undefined;
}

/** What a VU has before it knows which scenario it is in. */
interface Equipment {
  readonly config: VuConfig;
  readonly by: Connect;
  /** Keys out of key files. */
  readonly listed: ListedKeys;
  /** What bodies are cut from; random bytes where it is left out. */
  readonly content: ArrayBuffer | undefined;
  /** Where VUs work, in place of the bucket of the settings. */
  readonly homes: readonly Home[];
}

/** A scenario that a VU may be put into. */
interface Place {
  readonly load: VuLoad;
  readonly step: Step;
  readonly schedule: Schedule;
}

/** Contents of files, which build/all.js would else hold once for each of its scripts. */
const contents = new Map<string, ArrayBuffer>();

function contentOf(path: string): ArrayBuffer {
  const content = contents.get(path) ?? open(path, 'b');
  contents.set(path, content);
  return content;
}

/** What gives a VU the step of a load. */
type StepOf = (load: VuLoad, homes: readonly Home[]) => Step;

/** Those that a script names. */
export function stepsOf(workloads: readonly Workload[]): StepOf {
  const steps = new Map(workloads.flatMap((w) => w.loads.map((load) => [scenarioName(w, load), load.step] as const)));
  return ({ name }) => steps.get(name) as Step;
}

/**
 * The function of one VU of a script, to be made in k6's init context. What it needs in a scenario is made at its first
 * iteration there.
 */
export function iteration(script: string, stepOf: StepOf): (prepared: Prepared) => void | Promise<void> {
  const plan = sharedPlan(script);
  if (plan === undefined) return () => {};
  const { config, content } = plan;
  let equipment: Equipment = {
    config,
    // Where it can't, VU 0 has said so, and there is no plan.
    by: connectBy(config) as Connect,
    listed: Object.fromEntries(plan.listed.map((size) => [size, sharedKeys(size)])),
    content: content === undefined ? undefined : contentOf(content),
    homes: plan.homes ?? [],
  };
  const places = new Map<string, Place>(
    plan.loads.map((load) => [
      load.name,
      { load, step: stepOf(load, plan.homes ?? []), schedule: sharedSchedule(load.name) },
    ]),
  );
  const iterates = new Map<string, Iterate>();
  let scenario: typeof exec.scenario | undefined;
  const iterate = (prepared: Prepared): void | Promise<void> => {
    // k6 makes a new one whenever it is asked, though all of them tell of now.
    scenario ??= exec.scenario;
    const { name } = scenario;
    if (name === WAITING) return sleepUntil(scenario.startTime + config.duration);
    let operate = iterates.get(name);
    if (operate === undefined) {
      const place = name === OVERRIDE ? underOwnOptions(places) : (places.get(name) as Place);
      operate = virtualUser(place, equipment, prepared, scenario);
      iterates.set(name, operate);
    }
    return operate();
  };
  if (!plan.lacksCredentials) return iterate;
  // k6 gives secrets to a VU that runs, and not sooner.
  const { readSecrets } = require('./secrets');
  let complete = false;
  return (prepared) => {
    if (complete || prepared.secrets === undefined) return iterate(prepared);
    return readSecrets(prepared.secrets).then((credentials) => {
      equipment = { ...equipment, config: { ...config, ...credentials } };
      complete = true;
      return iterate(prepared);
    });
  };
}

/** The one load of a script whose scenarios k6's own options replace: setup lets no other begin. */
function underOwnOptions(places: ReadonlyMap<string, Place>): Place {
  const [place] = places.values();
  return { ...(place as Place), schedule: always(Number.POSITIVE_INFINITY) };
}

const asItIs = (connection: Connection): Connection => connection;

/** The same for a store that lists by version 1 only. */
function ofVersion1(connection: Connection): Connection {
  const { listingByV1 } = require('./seldom');
  return { ...connection, engine: listingByV1(connection.engine) };
}

/** Who reads in order begins elsewhere than others. */
function pickFor(popularity: Popularity, { shape }: VuLoad, vu: number) {
  const { pickBy } = require('../workload/popularity');
  return pickBy(popularity, Math.random, ((vu - 1) % shape.vus) / shape.vus);
}

/** A VU as its step sees it. */
interface UserInHome {
  readonly user: VirtualUser;
  /** To be called as each of its iterations begins. */
  begin(): void;
}

/** One VU in one scenario; `home` is the number of where it works, and `flushes` are of all its homes. */
function userIn(
  place: Place,
  equipment: Equipment,
  prepared: Prepared,
  home: number,
  flushes: (() => void)[] = [],
  bucket = equipment.homes[home]?.bucket ?? equipment.config.bucket,
): UserInHome {
  const { load, step } = place;
  const { by, listed, content, homes } = equipment;
  const here = homes[home];
  const isElsewhere = bucket !== equipment.config.bucket || here?.user !== undefined;
  const config = isElsewhere ? { ...equipment.config, bucket, ...here?.user } : equipment.config;
  const { found, seeded: sets } = prepared.homes?.[home] ?? prepared;
  const { oneByOne = false, listsV1 = false } = prepared;
  const { sizes, readSizes = sizes } = load;
  const vu = exec.vu.idInTest;
  const counting = { silent: false, missesExpected: load.missesExpected };
  const own = listsV1 ? ofVersion1 : asItIs;
  // What is due by a rate is to fail when it is due: who waits then is not there for the next.
  const { name, executor } = exec.scenario;
  const brakes = name === OVERRIDE ? !executor.endsWith('arrival-rate') : load.shape.unit !== 'rate';
  const connection = own(connect(by, config, counting, vu, { plainKeys: true, brakes }));
  flushes.push(connection.flush);
  const silent = () => own(connect(by, config, SILENT, vu)).engine;
  const workers = Number(__ENV[FROM_CLI.workers] || 1);
  const labels = [...new Set([...sizes, ...readSizes].map((size) => size.label))];
  const finder = () => {
    const { BESIDE_LOAD, findReadable, keyFinder } = require('./seldom');
    return keyFinder(() => findReadable(silent(), config, sizes, BESIDE_LOAD), extension?.board());
  };
  let find: ReturnType<typeof finder> | undefined;
  const pick = config.popularity === undefined ? undefined : pickFor(config.popularity, load, vu);
  let payload: Payload | undefined;
  const ownPayload = () => {
    payload ??= payloadFor(config, sizes, (n) => content?.slice(0, n) ?? crypto.randomBytes(n));
    return payload;
  };
  const writes = (engine: Engine) =>
    writer(engine, config.partSize, ownPayload(), (engine) => {
      const { putInParts } = require('./seldom');
      return putInParts(engine, config.partConcurrency);
    });
  const user: VirtualUser = {
    engine: connection.engine,
    config,
    sizes,
    readSizes,
    keys: createTrackedKeys(labels, load.shape.vus, found, listed, sets, pick),
    random: seeded(config.seed * 1_000_003 + vu),
    // Each worker has VUs of its own, and a part of a rate; k6 divides only what it paces.
    shape: isPaced(step) ? load.shape : partOfRate(load.shape, workers),
    makeKey: createKeyMaker(config.prefix, config.workerId, load.test, vu, keyEndFor(config)),
    test: load.test,
    keyEnd: keyEndFor(config),
    startedAt: prepared.startedAt,
    home,
    at: (other, bucket) => userIn(place, equipment, prepared, other, flushes, bucket).user,
    silent,
    homes: homes.length,
    among: load.shape.vus * workers,
    number: vu - 1,
    numberHere: exec.vu.idInInstance,
    findKeys: () => {
      find ??= finder();
      return find();
    },
    payload: ownPayload,
    writer: () => writes(connection.engine),
    beside: () => writes(silent()),
    supply: (size) => {
      const payload = payloadFor(config, [size], crypto.randomBytes);
      const { supply } = require('./seldom');
      return supply({ engine: silent(), config, test: load.test, payload, keyEnd: keyEndFor(config) }, size);
    },
    oneByOne,
    hold: (holding) => hold(config, counting, vu, load.test, holding),
    flush: () => {
      for (const flush of flushes) flush();
    },
    part: () => partOfSegment(exec.test.options.executionSegment, exec.test.options.executionSegmentSequence),
    dropped: () => dropped.add(1),
    reportsDeleted: __ENV[FROM_CLI.tellDeleted] !== undefined,
  };
  return { user, begin: connection.begin };
}

function homesIn(count: number, { shape }: VuLoad): number[] {
  const { homesFor } = require('./seldom');
  return homesFor(count, exec.vu.idInTest, shape.vus);
}

function inTurns(step: Step, user: VirtualUser, homes: readonly number[]): Operate {
  const { takingTurns } = require('./seldom');
  return takingTurns(step, user, homes);
}

/** Works while its load is on, and sleeps until it is on again. */
function virtualUser(
  place: Place,
  equipment: Equipment,
  prepared: Prepared,
  { name, executor, startTime: begin }: typeof exec.scenario,
): Iterate {
  const { load, step, schedule } = place;
  const { homes } = equipment;
  const duration = durationOf(load.shape);
  const own = homes.length > 1 && !(step.kind === 'operation' && step.steers) ? homesIn(homes.length, load) : [0];
  const { user, begin: beginIteration } = userIn(place, equipment, prepared, own[0] as number);
  const operate = own.length > 1 ? inTurns(step, user, own) : step.start(user);
  const tags = exec.vu.metrics.tags;
  // With a scenario of ours k6 sets it.
  if (name === OVERRIDE) tags.test = load.test;
  // With an arrival rate k6 begins an iteration for each operation that is due, and only then.
  // Who asks for so many iterations wants so many operations.
  const paced = executor.endsWith('iterations') || (name !== OVERRIDE && load.shape.unit === 'rate' && isPaced(step));
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

  /** One operation at least, then more until that time. */
  const operateUntil = (end: number, window: Window): void | Promise<void> => {
    do {
      const pending = operate(window, begin);
      if (pending !== undefined) {
        return pending.then(() => (Date.now() < end ? operateUntil(end, window) : user.flush()));
      }
    } while (Date.now() < end);
    user.flush();
  };

  return () => {
    beginIteration();
    const now = Date.now();
    look(now - begin);
    const opens = window?.start ?? duration;
    if (window === undefined || (!paced && now - begin < opens)) {
      sleepUntil(begin + opens);
      return;
    }
    if (load.phased) tags.phase = window.phase;
    if (!isPaced(step)) return Promise.resolve(operate(window, begin)).then(user.flush);
    const end = paced ? now : Math.min(now + ITERATION_MS, begin + window.end);
    return operateUntil(end, window);
  };
}
