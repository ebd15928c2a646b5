/**
 * A traffic pattern as k6 wants it: options, setup, the function every iteration calls, and handleSummary.
 */
import { sleep } from 'k6';
import crypto from 'k6/crypto';
import exec from 'k6/execution';
import type { Options, Scenario } from 'k6/options';
import { type Config, ConfigError, type ObjectSize, type STANDARD_SIZES, settings } from './config';
import { finalText } from './final';
import { createKeyMaker, createTrackedKeys, findKeys, foundKeysFor } from './keys';
import { loadConfig } from './load-config';
import { type Measured, submetrics } from './metrics';
import { createDeck, type Mix } from './mix';
import { createPayload, largestPiece, memoryNeed } from './payload';
import { PREFLIGHT_TIMEOUT_MS, preflight } from './preflight';
import { type Begin, FROM_CLI, MARKS, newRunId } from './protocol';
import { seeded } from './random';
import { createRecorder, createSilentRecorder } from './recorder';
import type { Op, Outcome, Recorder, S3 } from './s3/api';
import { describeFailure } from './s3/classify';
import { createHttpS3 } from './s3/client';
import { type SummaryData, summarize, TREND_STATS } from './summary';
import { formatBytes } from './units';

/** The operations a mix may name. */
export type MixedOp = 'GET' | 'PUT';

export interface PatternDefinition {
  /** As users type it, and as it stands in keys and in the `test` tag. */
  readonly name: string;
  readonly mix: Readonly<Partial<Record<MixedOp, number>>>;
  /** The sizes where `--size` names none. */
  readonly sizes: readonly (typeof STANDARD_SIZES)[number][];
  readonly shape: (test: string, config: Config) => Scenario;
}

export interface Pattern {
  readonly options: Options;
  setup(): Prepared;
  run(prepared: Prepared): void;
  handleSummary(data: SummaryData & { setup_data?: Prepared }): Record<string, string>;
}

/** What setup hands to every VU, and to handleSummary. */
interface Prepared {
  readonly runId: string;
  /** Milliseconds since 1970 when setup ended. */
  readonly startedAt: number;
  /** Milliseconds that setup took: k6 counts them as the test's. */
  readonly setupMs: number;
  readonly found: Readonly<Record<string, readonly string[]>>;
}

/** k6 keeps attempts at a failed operation within what the original did. */
const ATTEMPTS = 5;

/** Ends the run before it starts, with nothing but the message: a user's mistake is no stack. */
function refuse(message: string): never {
  for (const line of message.split('\n').slice(0, -1)) console.error(line);
  exec.test.abort(message.split('\n').at(-1));
  throw new Error(message);
}

/** Builds what a k6 script exports. Called in k6's init context, once for the run and once in every VU. */
export function pattern(definition: PatternDefinition): Pattern {
  let config: Config;
  try {
    config = loadConfig();
  } catch (e) {
    if (e instanceof ConfigError) return refusing(e.message);
    throw e;
  }
  const sizes = config.sizes ?? (settings.sizes.parse(definition.sizes.join(',')) as ObjectSize[]);
  // Here and not in setup: k6 makes all VUs before it calls that, and thousands take minutes and the memory in question.
  const tooMuch = tooLittleMemory(config, sizes);
  if (tooMuch !== undefined) return refusing(tooMuch);
  const measured = measuredBy(definition, config, sizes);
  return {
    // Hundreds of submetrics, which VUs have no use for.
    options: __VU === 0 ? options(definition, config, measured) : {},
    setup: () => prepare(definition, config, sizes, measured),
    run: iteration(definition, config, sizes),
    handleSummary: (data) => report(data, config, measured),
  };
}

/** A script that says why it does not run: an error thrown in init would be shown with its stack, once a VU. */
function refusing(message: string): Pattern {
  return { options: {}, setup: () => refuse(message), run: () => {}, handleSummary: () => ({}) };
}

function measuredBy(definition: PatternDefinition, config: Config, sizes: readonly ObjectSize[]): Measured {
  const inParts = definition.mix.PUT && sizes.some((size) => size.bytes > config.partSize);
  const partOps: Op[] = inParts ? ['CREATE_MULTIPART', 'UPLOAD_PART', 'COMPLETE_MULTIPART', 'ABORT_MULTIPART'] : [];
  return {
    test: definition.name,
    ops: [...Object.keys(definition.mix), ...partOps],
    sizes: sizes.map((size) => size.label),
    endpoints: config.endpoints.map((endpoint) => endpoint.replace(/^https?:\/\//, '')),
  };
}

function options(definition: PatternDefinition, config: Config, measured: Measured): Options {
  const test = definition.name;
  const asked = config.thresholds;
  const defaults = [
    // A run in which nothing succeeds must not pass, whatever its other thresholds.
    { metric: `http_reqs{test:${test},expected_response:true}`, expr: 'count>0' },
    ...(asked.some((t) => t.metric.startsWith('http_req_failed'))
      ? []
      : [{ metric: `http_req_failed{test:${test}}`, expr: 'rate<0.01' }]),
  ];
  const thresholds: Record<string, string[]> = {};
  for (const name of submetrics(measured)) thresholds[name] = [];
  for (const { metric, expr } of [...defaults, ...asked]) thresholds[metric] = [...(thresholds[metric] ?? []), expr];
  return {
    scenarios: { [test]: definition.shape(test, config) },
    thresholds,
    summaryTrendStats: [...TREND_STATS],
    // Every tag is looked up for every sample; these are what thresholds, Results and dashboards go by.
    systemTags: ['status', 'error_code', 'expected_response', 'scenario'],
    discardResponseBodies: true,
    insecureSkipTLSVerify: !config.verifySsl,
    // A redirect would be followed with a signature for another host.
    maxRedirects: 0,
    throw: true,
    // S3 has no cookies, and a new jar for each iteration is not for nothing.
    noCookiesReset: true,
    setupTimeout: '120s',
    userAgent: 's3loadtest',
  };
}

/** A client that starts its rotation at one of the endpoints, by number. */
function connect(
  config: Config,
  recorder: Recorder,
  first: number,
  how: { timeout: number; attempts: number; plainKeys?: boolean },
): S3 {
  const options = { ...config, ...how, credentials: config, firstEndpoint: first };
  return createHttpS3(options, recorder, sleep);
}

function prepare(
  definition: PatternDefinition,
  config: Config,
  sizes: readonly ObjectSize[],
  measured: Measured,
): Prepared {
  const makeMarker = createKeyMaker(config.prefix, config.workerId, definition.name, 0);
  const check = connect(config, createSilentRecorder(), 0, { timeout: PREFLIGHT_TIMEOUT_MS, attempts: 1 });
  const problem = preflight(check, config, makeMarker, definition.mix.PUT !== undefined);
  if (problem !== undefined) refuse(problem);
  const s3 = connect(config, createSilentRecorder(), 0, { timeout: config.timeout, attempts: ATTEMPTS });
  const say = ({ status, failure }: Outcome) => {
    const said = describeFailure(status, failure?.code ?? '', failure?.message ?? '');
    console.warn(`keys of other tests are not all found: ${said}`);
  };
  const found = definition.mix.GET ? findKeys(s3, config.prefix, sizes, foundKeysFor(config.concurrency), say) : {};
  const startedAt = Date.now();
  const runId = __ENV[FROM_CLI.runId] ?? newRunId(startedAt, definition.name);
  const begin: Begin = { measured: [measured] };
  if (startedByCli()) console.info(MARKS.begin + JSON.stringify(begin));
  return { runId, startedAt, setupMs: exec.instance.currentTestRunDuration, found };
}

const startedByCli = () => __ENV[FROM_CLI.present] !== undefined;

/** Why the run would take the machine's memory down, in one line; undefined when it would not, or nobody knows. */
function tooLittleMemory(config: Config, sizes: readonly ObjectSize[]): string | undefined {
  const bytes = sizes.map((size) => size.bytes);
  const need = memoryNeed(config.concurrency, bytes, config.partSize);
  const free = Number(__ENV[FROM_CLI.freeMemory] || Number.NaN);
  if (!(need > free)) return undefined;
  const most = Math.floor((config.concurrency * free) / need);
  const piece = formatBytes(largestPiece(bytes, config.partSize));
  const fewer = most > 0 ? `--concurrency ${most}` : 'smaller objects (--size)';
  return (
    `${config.concurrency} VUs with up to ${piece} each under way may need ${formatBytes(need)} of memory, and ` +
    `${formatBytes(free)} are free: take ${fewer}, or --no-memory-check to run all the same`
  );
}

/**
 * Milliseconds of operations in one iteration, where VUs go at their own pace. k6 makes its own work and six samples of
 * each iteration, which is a tenth of what a small operation costs; a long operation is an iteration by itself.
 */
const ITERATION_MS = 10;

/** The function of one VU. What it needs is made at the VU's first iteration. */
function iteration(definition: PatternDefinition, config: Config, sizes: readonly ObjectSize[]) {
  let operate: (() => void) | undefined;
  // With an arrival rate k6 begins an iteration for each operation that is due.
  const span = config.rate === undefined ? ITERATION_MS : 0;
  return (prepared: Prepared): void => {
    operate ??= virtualUser(definition, config, sizes, prepared);
    const end = Date.now() + span;
    do operate();
    while (Date.now() < end);
  };
}

/** One VU: draws an operation and does it. */
function virtualUser(
  definition: PatternDefinition,
  config: Config,
  sizes: readonly ObjectSize[],
  prepared: Prepared,
): () => void {
  const labels = sizes.map((size) => size.label);
  const bytesOf = new Map(sizes.map((size) => [size.label, size.bytes]));
  const allBytes = sizes.map((size) => size.bytes);
  const vu = exec.vu.idInTest;
  const s3 = connect(config, createRecorder(), vu, { timeout: config.timeout, attempts: ATTEMPTS, plainKeys: true });
  const deck = createDeck(definition.mix as Mix, labels, seeded(config.seed * 1_000_003 + vu));
  const keys = createTrackedKeys(labels, config.concurrency, prepared.found);
  const makeKey = createKeyMaker(config.prefix, config.workerId, definition.name, vu);
  const payload = createPayload(allBytes, config.partSize, crypto.randomBytes);

  const put = (size: string): void => {
    const key = makeKey(size);
    const bytes = bytesOf.get(size) as number;
    const outcome =
      bytes > config.partSize
        ? s3.putObjectInParts(key, payload.parts(bytes), size)
        : s3.putObject(key, payload.body(bytes), size);
    if (outcome.failure === undefined) keys.wrote(size, key);
  };

  return () => {
    const card = deck.next();
    const size = card.size;
    if (card.op === 'PUT') return put(size);
    const key = keys.any(size);
    if (key !== undefined) s3.getObject(key, size, bytesOf.get(size));
    // Until there is something to read, write it; the read comes later instead, so that shares stay as they are.
    else put(deck.instead(card, 'PUT').size);
  };
}

function report(data: SummaryData & { setup_data?: Prepared }, config: Config, measured: Measured) {
  const { setup_data: prepared } = data;
  // Without it setup refused to go on, and has said why.
  if (prepared === undefined) return {};
  const result = summarize(data, config, {
    runId: prepared.runId,
    startedAt: prepared.startedAt,
    setupMs: prepared.setupMs,
    measured: [measured],
    plannedMs: config.duration,
    vus: config.concurrency,
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
