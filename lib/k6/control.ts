/** What a script does in VU 0: reads the settings, plans, asks k6 for its options, prepares the load and sums it up. */
import exec from 'k6/execution';
import type { Options } from 'k6/options';
import { finalText } from '../result/final';
import { type Begin, FROM_CLI, MARKS, newRunId, type PlanText } from '../result/protocol';
import type { Connect } from '../s3/engine';
import { awaitStart, setGCPercent } from '../s3/engines/native';
import { exposureText } from '../s3/explain';
import type { Config, ConfigError, Environment, VuConfig } from '../settings/config';
import { proxiesOf } from '../settings/http-proxy';
import type { Home } from '../workload/home';
import type { ListedKeys } from '../workload/keys';
import { gcPercent, tooLittleMemory } from '../workload/memory';
import { countIn } from '../workload/numbered';
import { partOfSegment } from '../workload/part';
import {
  does,
  type EnvironmentFacts,
  factsOf,
  loadText,
  type Plan,
  planOf,
  scheduleOf,
  splitText,
  withoutExtension,
} from '../workload/plan';
import type { Workload } from '../workload/workload';
import type { Backends } from './backend';
import { optionsOf } from './options';
import { overridden } from './override';
import { findSecrets, readSecrets, type SecretNames } from './secrets';
import { isPacked, loadConfig } from './settings';
import { prepare, type Readable } from './setup';
import { sharedPlan, sharedSchedule, type VuPlan } from './shared';
import { findContent, readKeyFiles } from './stored';
import { type SummaryData, summarize } from './summary';
import { tearDown } from './teardown';

export interface Control {
  readonly options: Options;
  setup(): Promise<Prepared>;
  handleSummary(data: SummaryData & { setup_data?: Prepared }): Record<string, string>;
  /** Only a workload file leaves what is to be taken away after the load. */
  teardown(prepared: Prepared): Promise<void>;
}

/** What setup hands to every VU, and to handleSummary. */
export interface Prepared extends Readable {
  readonly runId: string;
  /** Milliseconds since 1970 when setup ended. */
  readonly startedAt: number;
  /** Milliseconds that setup took: k6 counts them as the test's. */
  readonly setupMs: number;
  /** Where credentials are k6's secrets. */
  readonly secrets?: SecretNames;
}

/** Ends the run before it starts, with nothing but the message: a user's mistake is no stack. */
function refuse(message: string): never {
  for (const line of message.split('\n').slice(0, -1)) console.error(line);
  exec.test.abort(message.split('\n').at(-1));
  throw new Error(message);
}

/** What a script runs, or what reads it. */
export interface Source {
  /** Tells the script from others in the same bundle. */
  readonly name: string;
  /** What it says of settings: any other place comes before it. @throws ConfigError */
  settings?(): Environment;
  /** @throws ConfigError */
  workloads(): readonly Workload[];
  /** Where its VUs work, where that is not the one bucket of the settings. @throws ConfigError */
  homes?(config: Config): readonly Home[] | undefined;
}

/** To be called in k6's init context, before the script's iterations are made: those go by what this shares. */
export function control(source: Source, backends: Backends): Control {
  const { plan, ...made } = controlOf(source, backends);
  sharedPlan(source.name, () => plan);
  return made;
}

/** The control of a script, with what its VUs go by; without that they have nothing to do. */
function controlOf(source: Source, backends: Backends): Control & { readonly plan?: VuPlan } {
  const workers = Number(__ENV[FROM_CLI.workers] || 1);
  let plan: Plan;
  let options: Options;
  let leftOut: string | undefined;
  let lacking: ConfigError | undefined;
  try {
    const { config, concurrencyAsked, lacking: credentials } = loadConfig(source.settings?.());
    lacking = credentials;
    const extended = Boolean(__ENV[FROM_CLI.extension]);
    const workloads = source.workloads();
    const known = extended ? { workloads, leftOut: undefined } : withoutExtension(workloads, config.tests);
    leftOut = known.leftOut;
    plan = inHomes(planOf(known.workloads, config, concurrencyAsked), source.homes?.(config));
    options = optionsOf(plan, workers, isPacked());
  } catch (e) {
    // By its name: a module that is loaded late has a class of its own.
    if (e instanceof Error && e.name === 'ConfigError') return refusing(e.message);
    throw e;
  }
  // Here and not in setup: k6 makes all VUs before it calls that, and thousands take minutes and the memory in question.
  const free = Number(__ENV[FROM_CLI.freeMemory] || Number.NaN);
  const tooMuch = tooLittleMemory(plan, free);
  if (tooMuch !== undefined) return refusing(tooMuch);
  if (__ENV[FROM_CLI.dryRun] !== undefined) return telling(plan);
  const by = backends.connectBy(plan.config);
  if (typeof by === 'string') return refusing(by);
  // The CLI has k6 collect garbage seldom. Said anew before VUs are made, which leave much of it.
  const percent = gcPercent(plan);
  if (free > 0 && plan.config.backend === 'native' && percent !== undefined) setGCPercent(percent);
  for (const { name, schedule } of plan.loads) sharedSchedule(name, schedule);
  const listed = does('read', plan) ? readKeyFiles(plan) : {};
  return {
    options,
    setup: () => {
      if (leftOut !== undefined) console.warn(leftOut);
      return setUp(plan, by, backends, listed, lacking);
    },
    handleSummary: (data) => report(data, plan, listed),
    teardown: (prepared) => tearDown(plan, by, prepared),
    plan: vuPlanOf(plan, Object.keys(listed), lacking !== undefined),
  };
}

/** The plan with the places where its VUs work: the first of them is what stands for all. */
function inHomes(plan: Plan, homes: readonly Home[] | undefined): Plan {
  if (homes === undefined) return plan;
  const { bucket } = homes[0] as Home;
  // Homes have what the manifest says.
  const { prepared: _, ...config } = plan.config;
  return { ...plan, homes, config: { ...config, bucket } };
}

const FOR_VUS: Readonly<Record<keyof VuConfig, true>> = {
  ...{
    accessKeyId: true,
    secretAccessKey: true,
    sessionToken: true,
    sseCKey: true,
    sseC: true,
    endpoints: true,
    bucket: true,
    region: true,
  },
  ...{
    addressing: true,
    prefix: true,
    workerId: true,
    timeout: true,
    requestTimeout: true,
    verifySsl: true,
    backend: true,
    jslibUrl: true,
  },
  ...{
    concurrency: true,
    duration: true,
    bytesPerSecond: true,
    partConcurrency: true,
    retries: true,
    retryDelay: true,
    partSize: true,
    popularity: true,
    range: true,
    seed: true,
    sizes: true,
    headers: true,
    storageClass: true,
    checksum: true,
    checksumTrailer: true,
    signPayload: true,
    verify: true,
  },
};

function vuPlanOf(plan: Plan, listed: readonly string[], lacksCredentials: boolean): VuPlan {
  const { config, loads, measured } = plan;
  const forVus = Object.entries(config).filter(([name]) => name in FOR_VUS);
  return {
    config: Object.fromEntries(forVus) as unknown as VuConfig,
    loads: loads.map(({ name, test, step, shape, sizes, readSizes: reads, phased }) => {
      const missesExpected = measured.some((m) => m.test === test && m.missesExpected);
      const readSizes = reads === sizes ? {} : { readSizes: reads };
      const data = step.kind === 'operation' && step.data !== undefined ? { data: step.data } : {};
      return { name, test, shape, sizes, ...readSizes, phased, missesExpected, ...data };
    }),
    // The native backend makes bodies by itself.
    content: does('write', plan) && config.backend !== 'native' ? findContent(plan) : undefined,
    homes: plan.homes,
    listed,
    lacksCredentials,
  };
}

/** A script that says why it does not run: an error thrown in init would be shown with its stack, once a VU. */
function refusing(message: string): Control {
  const options = isPacked() ? unpackable(message) : {};
  return { options, setup: () => refuse(message), handleSummary: () => ({}), teardown: async () => {} };
}

/**
 * Options that k6 puts into no archive, with the reason where it says so: what can't run is better not uploaded. Of scripts that
 * are made of others k6 looks at the options of the outermost alone; ending init here would end it for those that can run.
 */
function unpackable(reason: string): Options {
  return { scenarios: { [reason.replaceAll('\n', '; ')]: {} } } as unknown as Options;
}

/** A script that says what would run, and sends nothing. */
function telling(plan: Plan): Control {
  const tell = () => {
    console.info(MARKS.plan + JSON.stringify(textOf(plan)));
    return refuse('a dry run');
  };
  return { options: {}, setup: tell, handleSummary: () => ({}), teardown: async () => {} };
}

function textOf(plan: Plan): PlanText {
  return { split: splitText(plan), schedule: scheduleOf(plan) };
}

/** The plan with credentials, and what k6 calls them where they are its secrets. */
async function complete(plan: Plan, lacking: ConfigError | undefined): Promise<{ plan: Plan; secrets?: SecretNames }> {
  if (lacking === undefined) return { plan };
  const found = await findSecrets(plan.config);
  if ('problem' in found) {
    const lines = lacking.problems.map((problem) => `${problem}, or have k6 give it as a secret (${found.problem})`);
    return refuse(lines.join('\n'));
  }
  try {
    const credentials = await readSecrets(found.names);
    return { plan: { ...plan, config: { ...plan.config, ...credentials } }, secrets: found.names };
  } catch (e) {
    return refuse((e as Error).message);
  }
}

/** The plan as k6 runs it: its own options may have replaced the scenarios. */
function underOwnOptions(plan: Plan): Plan {
  const own = overridden(plan, exec.test.options.scenarios);
  if (own === undefined) return plan;
  if ('problem' in own) return refuse(own.problem);
  console.warn(own.warning);
  return own.plan;
}

async function setUp(
  planned: Plan,
  by: Connect,
  backends: Backends,
  listed: ListedKeys,
  lacking: ConfigError | undefined,
): Promise<Prepared> {
  const { plan, secrets } = await complete(underOwnOptions(planned), lacking);
  const exposed = exposureText(plan.config);
  if (exposed !== undefined) console.warn(exposed);
  const prepared = await prepare(plan, by, backends, listed);
  if ('problem' in prepared) refuse(prepared.problem);
  waitForOthers();
  const startedAt = Date.now();
  const runId = __ENV[FROM_CLI.runId] ?? newRunId(startedAt, plan.measured.map(({ test }) => test).join('-'));
  const facts = factsOf(plan, runId, startedAt, VERSION, foundBy(plan, prepared, listed));
  const { executionSegment, executionSegmentSequence } = exec.test.options;
  const part = partOfSegment(executionSegment, executionSegmentSequence);
  const begin: Begin = { ...textOf(plan), facts, load: loadText(plan), part };
  if (startedByCli()) console.info(MARKS.begin + JSON.stringify(begin));
  else if (begin.split !== undefined) console.info(begin.split);
  const setupMs = exec.instance.currentTestRunDuration;
  return { runId, startedAt, setupMs, ...prepared, ...(secrets === undefined ? {} : { secrets }) };
}

/** Objects to read when the load begins, what looking for them came to, and proxies on the way. */
function foundBy({ sizes, config, homes = [] }: Plan, prepared: Readable, listed: ListedKeys): EnvironmentFacts {
  // Several users may be in one bucket.
  const byBucket = new Map(prepared.homes?.map((readable, i) => [homes[i]?.bucket, readable]));
  const places = prepared.homes === undefined ? [prepared] : [...byBucket.values()];
  const inPlaces = (label: string) =>
    places.reduce((sum, { found, seeded }) => sum + (found[label]?.length ?? 0) + countIn(seeded, label), 0);
  const sum = { objects: 0, bytes: 0 };
  for (const { label, bytes } of sizes) {
    const count = inPlaces(label) + (listed[label]?.length ?? 0);
    sum.objects += count;
    sum.bytes += count * bytes;
  }
  const { discovery } = prepared;
  const httpProxies = proxiesOf(config, __ENV).map(({ host }) => host);
  return { httpProxies, readable: sum, ...(discovery === undefined ? {} : { discovery }) };
}

/** Where several machines run the load: says that this one is ready, and waits for the instant at which all begin. */
function waitForOthers(): void {
  const file = __ENV[FROM_CLI.startFile];
  if (!file) return;
  console.info(MARKS.ready);
  try {
    awaitStart(file);
  } catch (e) {
    refuse(String(e));
  }
}

const startedByCli = () => __ENV[FROM_CLI.present] !== undefined;

function report(
  data: SummaryData & { setup_data?: Prepared },
  planned: Plan,
  listed: ListedKeys,
): Record<string, string> {
  const { setup_data: prepared } = data;
  // Without it setup refused to go on, and has said why.
  if (prepared === undefined) return {};
  const { runId, startedAt, setupMs } = prepared;
  const own = overridden(planned, exec.test.options.scenarios);
  const plan = own !== undefined && 'plan' in own ? own.plan : planned;
  const facts = factsOf(plan, runId, startedAt, VERSION, foundBy(plan, prepared, listed));
  const result = summarize(data, { ...facts, setupMs });
  const json = JSON.stringify(result);
  if (startedByCli()) return { stdout: `${MARKS.result}${json}\n` };
  // k6 makes no folders, so a bare run's Result is one file, and says itself on the terminal when that can't be written.
  const file = `${plan.config.dataDir}/results/${result.run.id}.json`;
  return { stdout: `${finalText(result)}\n  Result: ${file}\n`, [file]: json };
}

/** Set by the build from package.json. */
declare const VERSION: string;
