/**
 * What a k6 script exports, out of patterns: options, setup, the function every iteration calls, and handleSummary.
 */
import { sleep } from 'k6';
import crypto from 'k6/crypto';
import { SharedArray } from 'k6/data';
import exec from 'k6/execution';
import http from 'k6/http';
import { Counter } from 'k6/metrics';
import type { Options } from 'k6/options';
import { ConfigError } from './config';
import { finalText } from './final';
import { createKeyMaker, createTrackedKeys, type FoundKeys, type ListedKeys } from './keys';
import { loadConfig } from './load-config';
import { optionsOf, WAITING } from './options';
import type { Pattern } from './pattern';
import { createPayload } from './payload';
import { type Plan, type PlannedLoad, planOf, splitText, tooLittleMemory } from './plan';
import { connect, findReadable, prepare } from './prepare';
import { type Begin, FROM_CLI, MARKS, newRunId, type PlanText } from './protocol';
import { seeded } from './random';
import { createRecorder, createSilentRecorder, forgetTags } from './recorder';
import type { ScheduledPhase } from './result';
import { isOpenLoop } from './scenario';
import { type Schedule, type Window, windowAt, windowBegun } from './schedule';
import { readContent, readKeyFiles } from './stored';
import { type SummaryData, summarize } from './summary';

export interface Script {
  readonly options: Options;
  setup(): Prepared;
  run(prepared: Prepared): void | Promise<void>;
  handleSummary(data: SummaryData & { setup_data?: Prepared }): Record<string, string>;
}

/** What setup hands to every VU, and to handleSummary. */
interface Prepared {
  readonly runId: string;
  /** Milliseconds since 1970 when setup ended. */
  readonly startedAt: number;
  /** Milliseconds that setup took: k6 counts them as the test's. */
  readonly setupMs: number;
  readonly found: FoundKeys;
}

/** Ends the run before it starts, with nothing but the message: a user's mistake is no stack. */
function refuse(message: string): never {
  for (const line of message.split('\n').slice(0, -1)) console.error(line);
  exec.test.abort(message.split('\n').at(-1));
  throw new Error(message);
}

/** Operations that were due while no VU was free: k6's own name, so that they are one figure whoever counts them. */
const dropped = new Counter('dropped_iterations');

/** Builds what a k6 script exports. Called in k6's init context, once for the run and once in every VU. */
export function script(patterns: readonly Pattern[]): Script {
  let plan: Plan;
  try {
    const { config, concurrencyAsked } = loadConfig();
    plan = planOf(patterns, config, concurrencyAsked);
  } catch (e) {
    if (e instanceof ConfigError) return refusing(e.message);
    throw e;
  }
  // Here and not in setup: k6 makes all VUs before it calls that, and thousands take minutes and the memory in question.
  const tooMuch = tooLittleMemory(plan, Number(__ENV[FROM_CLI.freeMemory] || Number.NaN));
  if (tooMuch !== undefined) return refusing(tooMuch);
  if (__ENV[FROM_CLI.dryRun] !== undefined) return telling(plan);
  const listed = plan.reads ? readKeyFiles(plan) : {};
  const content = plan.writes ? readContent(plan) : undefined;
  return {
    // Hundreds of submetrics, which VUs have no use for.
    options: __VU === 0 ? optionsOf(plan) : {},
    setup: () => setUp(plan, listed),
    run: iteration(plan, listed, content),
    handleSummary: (data) => report(data, plan),
  };
}

/** A script that says why it does not run: an error thrown in init would be shown with its stack, once a VU. */
function refusing(message: string): Script {
  return { options: {}, setup: () => refuse(message), run: () => {}, handleSummary: () => ({}) };
}

/** A script that says what would run, and sends nothing. */
function telling(plan: Plan): Script {
  const tell = () => {
    console.info(MARKS.plan + JSON.stringify(textOf(plan)));
    return refuse('a dry run');
  };
  return { options: {}, setup: tell, run: () => {}, handleSummary: () => ({}) };
}

function textOf(plan: Plan): PlanText {
  return { split: splitText(plan), schedule: scheduleOf(plan) };
}

/** When loads are on that are not on all the time. */
function scheduleOf({ loads, config }: Plan): ScheduledPhase[] {
  return loads.flatMap(({ test, schedule }) => {
    const windows = schedule();
    const [first, ...more] = windows;
    if (more.length === 0 && first?.start === 0 && first.end === config.duration) return [];
    return windows.map(({ phase, start, end }) => ({ test, phase, startMs: start, endMs: end }));
  });
}

function setUp(plan: Plan, listed: ListedKeys): Prepared {
  const prepared = prepare(plan, listed);
  if ('problem' in prepared) refuse(prepared.problem);
  const startedAt = Date.now();
  const runId = __ENV[FROM_CLI.runId] ?? newRunId(startedAt, plan.measured.map(({ test }) => test).join('-'));
  const vus = plan.loads.reduce((sum, load) => sum + load.vus, 0);
  const begin: Begin = { ...textOf(plan), measured: plan.measured, vus };
  if (startedByCli()) console.info(MARKS.begin + JSON.stringify(begin));
  else if (begin.split !== undefined) console.info(begin.split);
  return { runId, startedAt, setupMs: exec.instance.currentTestRunDuration, found: prepared.found };
}

const startedByCli = () => __ENV[FROM_CLI.present] !== undefined;

/**
 * Milliseconds of operations in one iteration, where VUs go at their own pace. k6 makes its own work and six samples of
 * each iteration, which is a tenth of what a small operation costs; a long operation is an iteration by itself.
 */
const ITERATION_MS = 50;

type Iterate = () => void | Promise<void>;

/** What the VUs of a scenario have in common. */
interface Shared {
  readonly load: PlannedLoad;
  /** Held once for all VUs; each look into it costs 130 µs. */
  readonly schedule: Schedule;
}

/** The function of one VU. What it needs in a scenario is made at its first iteration there. */
function iteration(plan: Plan, listed: ListedKeys, content: ArrayBuffer | undefined) {
  const shared = new Map<string, Shared>(
    plan.loads.map((load) => {
      const schedule = new SharedArray(`schedule of ${load.name}`, () => [...load.schedule()]);
      return [load.name, { load, schedule }];
    }),
  );
  const iterates = new Map<string, Iterate>();
  return (prepared: Prepared): void | Promise<void> => {
    const { name, startTime } = exec.scenario;
    if (name === WAITING) return sleep(Math.max(0, startTime + plan.config.duration - Date.now()) / 1000);
    let iterate = iterates.get(name);
    if (iterate === undefined) {
      iterate = virtualUser(plan, shared.get(name) as Shared, prepared, listed, content);
      iterates.set(name, iterate);
    }
    return iterate();
  };
}

/** One VU in one scenario: works while its load is on, and sleeps until it is on again. */
function virtualUser(
  plan: Plan,
  { load, schedule }: Shared,
  prepared: Prepared,
  listed: ListedKeys,
  content: ArrayBuffer | undefined,
): Iterate {
  const { config } = plan;
  const { sizes, traffic } = load;
  const vu = exec.vu.idInTest;
  const missesExpected = plan.measured.some((m) => m.test === load.test && m.missesExpected);
  const found = { min: 200, max: 399 };
  const expected = missesExpected ? http.expectedStatuses(found, 404) : http.expectedStatuses(found);
  const recorder = createRecorder(missesExpected);
  const labels = sizes.map((size) => size.label);
  const operate = traffic.start({
    s3: connect(config, recorder, vu, { plainKeys: true }),
    config,
    sizes,
    keys: createTrackedKeys(labels, load.vus, prepared.found, listed),
    payload: createPayload(
      sizes.map((size) => size.bytes),
      config.partSize,
      (n) => content?.slice(0, n) ?? crypto.randomBytes(n),
    ),
    random: seeded(config.seed * 1_000_003 + vu),
    vus: load.vus,
    share: load.share,
    makeKey: createKeyMaker(config.prefix, config.workerId, load.test, vu),
    findKeys: () => findReadable(connect(config, createSilentRecorder(), vu), plan, sizes),
    flush: recorder.flush,
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
      sleep(Math.max(0, begin + opens - now) / 1000);
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

function report(data: SummaryData & { setup_data?: Prepared }, plan: Plan): Record<string, string> {
  const { setup_data: prepared } = data;
  // Without it setup refused to go on, and has said why.
  if (prepared === undefined) return {};
  const { config } = plan;
  const result = summarize(data, config, {
    runId: prepared.runId,
    startedAt: prepared.startedAt,
    setupMs: prepared.setupMs,
    measured: plan.measured,
    plannedMs: config.duration,
    loads: plan.loads.map(({ test, name, vus, share }) => ({ test, scenario: name, vus, share })),
    schedule: scheduleOf(plan),
    versions: { s3loadtest: VERSION },
  });
  const json = JSON.stringify(result);
  if (startedByCli()) return { stdout: `${MARKS.result}${json}\n` };
  // k6 makes no folders, so a bare run's Result is one file, and says itself on the terminal when that can't be written.
  const file = `${config.dataDir}/results/${prepared.runId}.json`;
  return { stdout: `${finalText(result)}\n  Result: ${file}\n`, [file]: json };
}

/** Set by the build from package.json. */
declare const VERSION: string;
