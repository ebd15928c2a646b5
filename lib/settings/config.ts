/**
 * Every setting once: its variable, its option, its default, its check and its help. The scripts, the CLI's help and the
 * README's table all read this. Pure; runs in k6 and in Node.
 */
import { STEADY_MS } from '../result/steady';
import { formatDuration, parseDuration, parseRate, parseSize, sizeLabel } from './units';

export interface Setting<T> {
  /** The environment variable, and names it also goes by, looked at in this order. */
  readonly env: readonly [string, ...string[]];
  /** The CLI's option as commander writes it, without the dashes' name repeated: `duration <time>`. */
  readonly option?: string;
  /** The option may be given several times; the variable separates its values by semicolons. */
  readonly repeats?: true;
  readonly help: string;
  /** Undefined when the setting may be left out or, with `required`, must not be. */
  readonly fallback: T | undefined;
  /** What the help and the README show for the default, where the value itself would not do. */
  readonly fallbackText?: string;
  readonly required?: true;
  /** Kept out of Results, reports and logs. */
  readonly secret?: true;
  /** The value of a text, or undefined when the text is none. */
  readonly parse: (text: string) => T | undefined;
  /** What would be right, for the message about a bad value: "give …". */
  readonly expected: string;
}

/** One object size: its label in keys and tags, and its bytes. */
export interface ObjectSize {
  readonly label: string;
  readonly bytes: number;
}

/** One k6 threshold: a metric, tags included, and an expression over it. */
export interface Threshold {
  readonly metric: string;
  readonly expr: string;
}

export const STANDARD_SIZES = ['1KB', '10KB', '100KB', '1MB', '10MB', '100MB'] as const;
const LARGEST_OBJECT = 100 * 1024 ** 3;
/** Go counts a duration in nanoseconds, up to 292 years; nobody tests for more than one. */
const LONGEST = 366 * 86_400_000;
const MOST_VUS = 100_000;
const SMALLEST_PART = 5 * 1024 ** 2;
const REMOTE_FOLDER = /^(?:~\/|\/)[^\s~]+$/;
const REMOTE_FOLDER_EXPECTED = "a path without spaces from / or, for the worker's own home, from ~/";
/** Faster than that is not slow. */
const FASTEST_SLOW = 1024 ** 2;

const text = (pattern: RegExp) => (value: string) => (pattern.test(value) ? value : undefined);
const oneOf =
  <const T extends string>(...choices: readonly T[]) =>
  (value: string) =>
    choices.find((choice) => choice === value.toLowerCase());
const wholeNumber = (least: number, most: number) => (value: string) => {
  const n = Number(value);
  return /^\d+$/.test(value) && n >= least && n <= most ? n : undefined;
};

function parseBoolean(value: string): boolean | undefined {
  if (/^(true|1|yes|on)$/i.test(value)) return true;
  if (/^(false|0|no|off)$/i.test(value)) return false;
  return undefined;
}

function parseEndpoints(value: string): string[] | undefined {
  const endpoints = value
    .split(',')
    .map((part) => part.trim().replace(/\/$/, ''))
    .filter((part) => part !== '');
  const right = endpoints.every((e) => {
    const match = /^https?:\/\/(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?$/.exec(e);
    const port = Number(match?.[1] ?? 1);
    return match !== null && port >= 1 && port <= 65_535;
  });
  // Figures are kept by host and port: one of both schemes would count as one, twice.
  const hosts = new Set(endpoints.map((e) => e.replace(/^https?:/, '')));
  return right && endpoints.length > 0 && hosts.size === endpoints.length ? endpoints : undefined;
}

function parseSizes(value: string): ObjectSize[] | undefined {
  const sizes: ObjectSize[] = [];
  for (const part of value.split(',')) {
    const bytes = parseSize(part);
    if (bytes === undefined || bytes < 1 || bytes > LARGEST_OBJECT) return undefined;
    if (!sizes.some((size) => size.bytes === bytes)) sizes.push({ label: sizeLabel(bytes), bytes });
  }
  return sizes;
}

// As k6 reads them: https://grafana.com/docs/k6/latest/using-k6/thresholds/#threshold-syntax. It would refuse others with a stack.
const METRIC = /[A-Za-z_]\w*(?:\{[^{}:,]+:[^{},]+(?:,[^{}:,]+:[^{},]+)*\})?/;
const METHOD = /(?:avg|min|max|med|count|rate|value|p\((?:100|\d{1,2}(?:\.\d+)?)\))/;
const LIMIT = /(?:<=?|>=?|===?|!=)\s*(?:\d+(?:\.\d+)?|\.\d+)/;
const THRESHOLD = new RegExp(`^\\s*(${METRIC.source})\\s*:\\s*(${METHOD.source}\\s*${LIMIT.source})\\s*$`);

function parseThresholds(value: string): Threshold[] | undefined {
  const thresholds: Threshold[] = [];
  for (const part of value.split(';')) {
    if (part.trim() === '') continue;
    const match = THRESHOLD.exec(part);
    if (!match?.[1] || !match[2]) return undefined;
    thresholds.push({ metric: match[1], expr: match[2] });
  }
  return thresholds;
}

const positive = <T extends number>(parse: (value: string) => T | undefined) => {
  return (value: string) => {
    const n = parse(value);
    return n !== undefined && n > 0 ? n : undefined;
  };
};

/** What a load is to come to, and for how long: VUs, or with `/s` operations begun per second. */
export interface Stages {
  readonly unit: 'vus' | 'rate';
  /** `target` in VUs or operations a second, `ms` in milliseconds. */
  readonly list: ReadonlyArray<{ readonly target: number; readonly ms: number }>;
}

const STAGE = /^(\d+(?:\.\d+)?(\/[smh])?):([^:]+)$/;

function parseStages(value: string): Stages | undefined {
  const list: { target: number; ms: number }[] = [];
  const units = new Set<Stages['unit']>();
  for (const part of value.split(',')) {
    const [, amount = '', per, time = ''] = STAGE.exec(part.trim()) ?? [];
    const target = per === undefined ? wholeNumber(0, MOST_VUS)(amount) : parseRate(amount);
    const ms = atLeastASecond(time);
    if (target === undefined || ms === undefined) return undefined;
    units.add(per === undefined ? 'vus' : 'rate');
    list.push({ target, ms });
  }
  const [unit, other] = units;
  const least = list.some(({ target }) => target > 0);
  return unit !== undefined && other === undefined && least ? { unit, list } : undefined;
}

function atLeastASecond(value: string): number | undefined {
  const ms = parseDuration(value);
  return ms !== undefined && ms >= 1000 && ms <= LONGEST ? ms : undefined;
}

function setting<T>(s: Setting<T>): Setting<T> {
  return s;
}

/** What `S3LOADTEST_BACKEND` may be. */
export const BACKENDS = ['native', 'http', 'jslib', 'proxy'] as const;
export type Backend = (typeof BACKENDS)[number];

export const settings = {
  endpoints: setting<string[]>({
    env: ['S3_ENDPOINTS', 'S3_POOL'],
    help: 'S3 endpoints, separated by commas; each request takes the next one',
    fallback: undefined,
    required: true,
    parse: parseEndpoints,
    expected: 'http://host:port or https://host:port without a path, several separated by commas, none twice',
  }),
  accessKeyId: setting<string>({
    env: ['AWS_ACCESS_KEY_ID'],
    help: 'access key',
    fallback: undefined,
    required: true,
    secret: true,
    parse: text(/^[\w+=,.@/-]+$/),
    expected: 'an access key: letters, digits and _+=,.@/- without spaces',
  }),
  secretAccessKey: setting<string>({
    env: ['AWS_SECRET_ACCESS_KEY'],
    help: 'secret key',
    fallback: undefined,
    required: true,
    secret: true,
    parse: text(/^\S+$/),
    expected: 'a secret key without spaces',
  }),
  sessionToken: setting<string>({
    env: ['AWS_SESSION_TOKEN'],
    help: 'session token of temporary credentials',
    fallback: undefined,
    secret: true,
    parse: text(/^\S+$/),
    expected: 'a session token without spaces',
  }),
  region: setting<string>({
    env: ['AWS_REGION'],
    help: 'region that requests are signed for',
    fallback: 'us-east-1',
    parse: text(/^[A-Za-z0-9_-]+$/),
    expected: 'a region such as us-east-1',
  }),
  bucket: setting<string>({
    env: ['S3_BUCKET'],
    help: 'bucket to load; it must be there',
    fallback: undefined,
    required: true,
    parse: text(/^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$/),
    expected: 'a bucket name: 3 or more letters, digits, dots and dashes',
  }),
  verifySsl: setting<boolean>({
    env: ['S3_VERIFY_SSL'],
    help: 'verify TLS certificates',
    fallback: false,
    parse: parseBoolean,
    expected: 'true or false',
  }),
  addressing: setting<'path' | 'virtual'>({
    env: ['S3_ADDRESSING'],
    help: 'where the bucket stands in a URL: path (host/bucket/key) or virtual (bucket.host/key)',
    fallback: 'path',
    parse: oneOf('path', 'virtual'),
    expected: 'path or virtual',
  }),
  backend: setting<Backend>({
    env: ['S3LOADTEST_BACKEND'],
    help:
      "S3 client: native (Go, in the project's own k6), http (own SigV4 on k6/http), jslib (Grafana's k6-jslib-aws on " +
      'k6/http) or proxy (unsigned, to a proxy such as s3pool that signs)',
    fallback: 'http',
    fallbackText: 'native where k6 has it, else http',
    parse: oneOf(...BACKENDS),
    expected:
      'native, http, jslib or proxy; boto3 and minio name Python clients, which k6 can not run: leave it out instead, or ' +
      'give http',
  }),
  jslibUrl: setting<string>({
    env: ['S3LOADTEST_JSLIB_URL'],
    help: 'where the jslib backend is loaded from: an https:// address, or the path of a file',
    fallback: 'https://jslib.k6.io/aws/0.14.0/index.js',
    // k6 loads modules from these, and from nowhere else.
    parse: text(/^(?:https:\/\/\S+|file:\/\/\S+|(?!\w*:\/\/).*\S.*)$/),
    expected: 'an https:// address or the path of a file',
  }),
  s3poolBinary: setting<string>({
    env: ['S3POOL_BINARY'],
    help:
      'signing proxy that the CLI starts for the proxy backend, by `proxy --insecure --listen 127.0.0.1:PORT`; without it ' +
      'S3_ENDPOINTS are of proxies that run already, and credentials may be left out',
    fallback: undefined,
    parse: text(/\S/),
    expected: 'the path of s3pool, or of what takes the same arguments',
  }),
  dataDir: setting<string>({
    env: ['S3LOADTEST_DATA_DIR'],
    help: 'folder that results/ and payload/ are in',
    fallback: './data',
    parse: text(/\S/),
    expected: 'a folder',
  }),
  keyDir: setting<string>({
    env: ['S3LOADTEST_KEY_DIR'],
    help: 'folder of key files, loadtest-keys-{test}-{worker}-{size}.txt',
    fallback: './data/keys',
    parse: text(/\S/),
    expected: 'a folder',
  }),
  duration: setting<number>({
    env: ['S3LOADTEST_DURATION'],
    option: 'duration <time>',
    help: 'how long new operations are begun; those under way then end',
    fallback: 5 * 60_000,
    fallbackText: '5m',
    parse: atLeastASecond, // k6 takes no less
    expected: 'a duration of 1s or more, such as 30s, 5m, 2h, 1d, 1w or 1h30m',
  }),
  warmup: setting<number>({
    env: ['S3LOADTEST_WARMUP'],
    option: 'warmup <time>',
    help: "how much of the start is kept out of the figures (the project's k6, by the CLI)",
    fallback: 0,
    fallbackText: '0s: all counts',
    parse: parseDuration,
    expected: 'a duration such as 30s',
  }),
  untilSteady: setting<boolean>({
    env: ['S3LOADTEST_UNTIL_STEADY'],
    option: 'until-steady',
    help: "end the run when its throughput stays within 5% for 30 s, and at --duration at the latest (the project's k6, by the CLI)",
    fallback: false,
    parse: parseBoolean,
    expected: 'true or false',
  }),
  concurrency: setting<number>({
    env: ['S3LOADTEST_CONCURRENCY'],
    option: 'concurrency <n>',
    help: 'virtual users (VUs), each with one operation at a time; connections, where a pattern holds them open',
    fallback: 64,
    fallbackText: 'cores × 8; 64 under bare `k6 run`',
    parse: wholeNumber(1, MOST_VUS),
    expected: 'a whole number from 1 to 100000',
  }),
  sizes: setting<ObjectSize[]>({
    env: ['S3LOADTEST_SIZE'],
    option: 'size <list>',
    help: 'object sizes, separated by commas',
    fallback: undefined,
    fallbackText: "the pattern's own",
    parse: parseSizes,
    expected: 'sizes from 1B to 100GB such as 1KB,10MB',
  }),
  bytesPerSecond: setting<number>({
    env: ['S3LOADTEST_BPS'],
    option: 'bps <bytes>',
    help: 'bytes a second on each connection, for patterns that hold them open',
    fallback: 100,
    parse: (value) => {
      const bytes = parseSize(value);
      return bytes !== undefined && bytes >= 1 && bytes <= FASTEST_SLOW ? bytes : undefined;
    },
    expected: 'bytes a second from 1 to 1MB, such as 100 or 2KB',
  }),
  rate: setting<number>({
    env: ['S3LOADTEST_RATE'],
    option: 'rate <ops>',
    help: 'operations begun per second, whatever the store takes (open loop)',
    fallback: undefined,
    fallbackText: 'as fast as the VUs go (closed loop)',
    parse: positive(parseRate),
    expected: 'operations a second such as 500, 2.5/s or 30000/m',
  }),
  ramp: setting<number>({
    env: ['S3LOADTEST_RAMP'],
    option: 'ramp <time>',
    help: 'time in which the load climbs to its target, at the start and at each of --stages',
    fallback: 0,
    fallbackText: '0s: all at once',
    parse: parseDuration,
    expected: 'a duration such as 30s',
  }),
  stages: setting<Stages>({
    env: ['S3LOADTEST_STAGES'],
    option: 'stages <list>',
    help: 'load by stages: VUs:time, or ops/s:time for an open loop (100/s:5m,500/s:5m), in place of --duration',
    fallback: undefined,
    parse: parseStages,
    expected: 'VUs and times such as 100:5m,500:5m or rates and times such as 100/s:5m,500/s:5m, no mixture',
  }),
  burst: setting<number>({
    env: ['S3LOADTEST_BURST'],
    option: 'burst <time>',
    help: 'length of a burst, for patterns that have bursts',
    fallback: undefined,
    fallbackText: "the pattern's own",
    parse: atLeastASecond,
    expected: 'a duration of 1s or more, such as 10m',
  }),
  pause: setting<number>({
    env: ['S3LOADTEST_PAUSE'],
    option: 'pause <time>',
    help: 'time between two bursts, for patterns that have bursts',
    fallback: undefined,
    fallbackText: "the pattern's own",
    parse: atLeastASecond,
    expected: 'a duration of 1s or more, such as 1h',
  }),
  verify: setting<boolean>({
    env: ['S3LOADTEST_VERIFY'],
    option: 'verify',
    help: 'compare what is read with what was written, byte by byte (native backend)',
    fallback: false,
    parse: parseBoolean,
    expected: 'true or false',
  }),
  seedObjects: setting<number>({
    env: ['S3LOADTEST_SEED_OBJECTS'],
    option: 'seed-objects <n>',
    help: 'objects that a pattern which only reads writes before it starts, its sizes in turn',
    fallback: 0,
    parse: wholeNumber(0, 1_000_000),
    expected: 'a whole number from 0 to 1000000',
  }),
  tests: setting<string[]>({
    env: ['S3LOADTEST_TESTS'],
    help: 'which patterns build/all.js runs at once, separated by commas (the CLI takes them as arguments)',
    fallback: undefined,
    fallbackText: 'all it has',
    parse: (value) => {
      const names = value.split(',').map((name) => name.trim());
      return names.every((name) => /^[a-z][a-z0-9-]*$/.test(name)) ? [...new Set(names)] : undefined;
    },
    expected: 'names of patterns, separated by commas',
  }),
  thresholds: setting<Threshold[]>({
    env: ['S3LOADTEST_THRESHOLDS'],
    option: 'threshold <metric:expr>',
    repeats: true,
    help: 'a k6 threshold, any number of them, in the variable separated by semicolons; one on http_req_failed replaces the default',
    fallback: [],
    fallbackText: 'http_req_failed:rate<0.01',
    parse: parseThresholds,
    expected: "a metric, a colon and an expression such as 'http_req_duration{op:GET}:p(99)<50'",
  }),
  prefix: setting<string>({
    env: ['S3LOADTEST_PREFIX'],
    option: 'prefix <prefix>',
    help: 'what every key begins with',
    fallback: 'loadtest/',
    parse: text(/^(?:[A-Za-z0-9_-][A-Za-z0-9._-]*\/)+$/),
    expected: 'letters, digits, dots, dashes and slashes, with a slash at the end, such as loadtest/',
  }),
  workerId: setting<string>({
    env: ['S3LOADTEST_WORKER_ID'],
    option: 'worker-id <id>',
    help: 'name of this worker in keys',
    fallback: 'w0',
    parse: text(/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/),
    expected: 'letters, digits, dots and dashes',
  }),
  statsInterval: setting<number>({
    env: ['S3LOADTEST_STATS_INTERVAL'],
    option: 'stats-interval <time>',
    help: 'time between two STATS lines (CLI)',
    fallback: 30_000,
    fallbackText: '30s',
    parse: atLeastASecond,
    expected: 'a duration of 1s or more, such as 30s',
  }),
  logLevel: setting<'debug' | 'info' | 'warning' | 'error'>({
    env: ['S3LOADTEST_LOG_LEVEL'],
    option: 'log-level <level>',
    help: 'least level of log lines shown: debug, info, warning, error (CLI)',
    fallback: 'info',
    parse: oneOf('debug', 'info', 'warning', 'error'),
    expected: 'debug, info, warning or error',
  }),
  prices: setting<string>({
    env: ['S3LOADTEST_PRICES'],
    option: 'prices <file>',
    help: 'table of prices that reports reckon the cost by, or none for no cost (CLI)',
    fallback: undefined,
    fallbackText: 'data/prices.json, AWS list prices as an example',
    parse: text(/\S/),
    expected: 'a file such as data/prices.json, or none',
  }),
  seed: setting<number>({
    env: ['S3LOADTEST_SEED'],
    option: 'seed <n>',
    help: 'seed of the order of operations and sizes; bodies are random in any case',
    fallback: 1,
    parse: wholeNumber(0, 0xffff_ffff),
    expected: 'a whole number from 0 to 4294967295',
  }),
  timeout: setting<number>({
    env: ['S3LOADTEST_TIMEOUT'],
    option: 'timeout <time>',
    help: 'time limit of one request, body included',
    fallback: 60_000,
    fallbackText: '60s',
    parse: positive(parseDuration),
    expected: 'a duration such as 60s',
  }),
  partSize: setting<number>({
    env: ['S3LOADTEST_PART_SIZE'],
    help: 'larger bodies go as multipart uploads in parts of this size',
    fallback: 8 * 1024 ** 2,
    fallbackText: '8MB',
    parse: (value) => {
      const bytes = parseSize(value);
      return bytes !== undefined && bytes >= SMALLEST_PART && bytes <= 1024 ** 3 ? bytes : undefined;
    },
    expected: 'a size from 5MB to 1GB',
  }),
  workersFile: setting<string>({
    env: ['S3LOADTEST_WORKERS_FILE'],
    help: 'file that names the machines to run on, one a line (CLI)',
    fallback: './workers',
    parse: text(/\S/),
    expected: 'a file',
  }),
  remoteCodeDir: setting<string>({
    env: ['S3LOADTEST_REMOTE_CODE_DIR'],
    help: 'folder on each worker that k6 and bundles are kept in from run to run (CLI)',
    fallback: '~/.s3loadtest/code',
    parse: text(REMOTE_FOLDER),
    expected: REMOTE_FOLDER_EXPECTED,
  }),
  remoteLogDir: setting<string>({
    env: ['S3LOADTEST_REMOTE_LOG_DIR'],
    help: 'folder on each worker that every run has its own folder in (CLI)',
    fallback: '~/.s3loadtest/runs',
    parse: text(REMOTE_FOLDER),
    expected: REMOTE_FOLDER_EXPECTED,
  }),
  sshConfig: setting<string>({
    env: ['S3LOADTEST_SSH_CONFIG'],
    help: 'ssh configuration to connect to workers by, as `ssh -F` takes it (CLI)',
    fallback: undefined,
    fallbackText: '~/.ssh/config and /etc/ssh/ssh_config',
    parse: text(/\S/),
    expected: 'a file',
  }),
};

export type SettingName = keyof typeof settings;

/** Settings that may come when the run begins, and not before: where an archive of it is made, they have no business. */
export const CREDENTIALS = ['accessKeyId', 'secretAccessKey', 'sessionToken'] as const;
export type CredentialName = (typeof CREDENTIALS)[number];
type ValueOf<S> = S extends Setting<infer T> ? T : never;
type MayBeLeftOut =
  | 'sessionToken'
  | 's3poolBinary'
  | 'sizes'
  | 'rate'
  | 'stages'
  | 'burst'
  | 'pause'
  | 'prices'
  | 'tests'
  | 'sshConfig';

/** The settings of one run, checked. Durations in milliseconds, sizes in bytes, rate in operations a second. */
export type Config = {
  readonly [K in Exclude<SettingName, MayBeLeftOut>]: ValueOf<(typeof settings)[K]>;
} & { readonly [K in MayBeLeftOut]?: ValueOf<(typeof settings)[K]> };

export type Environment = Readonly<Record<string, string | undefined>>;

/** What is wrong with the settings, all of it at once: `message` has one line a problem. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
  }
}

const IN_THE_ENVIRONMENT = 'set it in the environment or in .env';

/**
 * The settings out of environments, the first of which that has a variable wins. An empty value counts as none.
 * @throws ConfigError naming every missing and every bad setting.
 */
export function readConfig(...environments: readonly Environment[]): Config {
  const { config, lacking } = readWithoutCredentials(environments);
  if (lacking !== undefined) throw lacking;
  return config;
}

/**
 * The same where credentials may come later. Those that are missing are '', and `lacking` is the error that it is if they
 * never come. `elsewhere` says that they are not to come from here at all, `remedy` how anything else is to be given.
 * @throws ConfigError when anything else is missing or bad: that, and missing credentials if they are to come from here.
 */
export function readWithoutCredentials(
  environments: readonly Environment[],
  { elsewhere = false, remedy = IN_THE_ENVIRONMENT }: { elsewhere?: boolean; remedy?: string } = {},
): { config: Config; lacking: ConfigError | undefined } {
  const names = Object.keys(settings) as SettingName[];
  const { values, given, problems } = readValues(names, environments, remedy);
  const lacking = problems.filter(({ name, missing }) => missing && CREDENTIALS.some((each) => each === name));
  for (const { name } of lacking) values[name] = '';
  const others = problems.filter((problem) => !lacking.includes(problem));
  if (others.length > 0) throw configError(elsewhere ? others : problems);
  const wrong = contradictions(values as unknown as Config, given);
  if (wrong.length > 0) throw new ConfigError(wrong);
  const { stages } = values as unknown as Config;
  if (stages !== undefined) {
    values.duration = stages.list.reduce((sum, { ms }) => sum + ms, 0);
    if (stages.unit === 'vus') values.concurrency = Math.max(...stages.list.map(({ target }) => target));
  }
  return { config: values as unknown as Config, lacking: lacking.length > 0 ? configError(lacking) : undefined };
}

/**
 * Only the settings named, for commands that need no more than those: nothing else is looked at, or missed.
 * @throws ConfigError naming every missing and every bad one of them.
 */
export function readSome<K extends SettingName>(
  names: readonly K[],
  ...environments: readonly Environment[]
): Pick<Config, K> {
  const { values, problems } = readValues(names, environments, IN_THE_ENVIRONMENT);
  if (problems.length > 0) throw configError(problems);
  return values as unknown as Pick<Config, K>;
}

/** What is wrong with one setting: it is missing, or it is bad. */
interface Problem {
  readonly name: SettingName;
  readonly missing: boolean;
  readonly line: string;
}

const configError = (problems: readonly Problem[]) => new ConfigError(problems.map(({ line }) => line));

/**
 * Whether requests go to proxies that run already: their signatures are those proxies' business, and so are credentials.
 * One that is started from S3POOL_BINARY gets them from here.
 */
export function leavesSigning({
  backend,
  s3poolBinary,
}: {
  readonly backend: Backend;
  readonly s3poolBinary?: string | undefined;
}): boolean {
  return backend === 'proxy' && s3poolBinary === undefined;
}

/** `remedy` says what is to be done about missing ones. */
function readValues(names: readonly SettingName[], environments: readonly Environment[], remedy: string) {
  const [backend, s3poolBinary] = [settings.backend, settings.s3poolBinary].map(
    (s) => lookUp(s.env, environments)?.text,
  );
  const keyless = leavesSigning({ backend: settings.backend.parse(backend ?? '') ?? 'http', s3poolBinary });
  const values: Record<string, unknown> = {};
  const given = new Map<string, string>();
  const problems: Problem[] = [];
  for (const name of names) {
    const s = settings[name] as Setting<unknown>;
    const found = lookUp(s.env, environments);
    if (!found) {
      if (keyless && (name === 'accessKeyId' || name === 'secretAccessKey')) values[name] = '';
      else if (s.required)
        problems.push({ name, missing: true, line: `${s.env[0]} is missing (${s.help}): ${remedy}` });
      else if (s.fallback !== undefined) values[name] = s.fallback;
      continue;
    }
    const value = s.parse(found.text);
    if (value === undefined) {
      // Nor are the user and password that an endpoint may have been given.
      const shown = s.secret ? '(not shown)' : JSON.stringify(found.text.replace(/\/\/[^/@,]*@/g, '//…@'));
      problems.push({ name, missing: false, line: `${found.variable} is ${shown}: give ${s.expected}` });
    } else {
      values[name] = value;
      given.set(name, found.variable);
    }
  }
  return { values, given, problems };
}

/** What is right by itself and wrong together. `given` has the variables of settings that are not left to their defaults. */
function contradictions(config: Config, given: ReadonlyMap<string, string>): string[] {
  const { stages, ramp, duration } = config;
  const problems: string[] = [];
  const both = (name: SettingName, why: string) => {
    if (stages !== undefined && given.has(name)) {
      problems.push(`${given.get('stages')} and ${given.get(name)} are both set: ${why}, leave one of them out`);
    }
  };
  both('duration', 'stages have their own times');
  both('rate', 'rates of stages are written 100/s:5m');
  const shortest = stages ? Math.min(...stages.list.map(({ ms }) => ms)) : duration;
  if (ramp > shortest) {
    const what = stages ? 'the shortest of the stages' : 'the run';
    problems.push(
      `${given.get('ramp')} is ${formatDuration(ramp)}: ${what} takes ${formatDuration(shortest)}, give no more than that`,
    );
  }
  return [...problems, ...outOfTime(config, given), ...unfit(config, given)];
}

/** What is asked of a time that is not there, or of a load that is no one's to change. */
function outOfTime(config: Config, given: ReadonlyMap<string, string>): string[] {
  const { stages, warmup, untilSteady, ramp } = config;
  const duration = stages?.list.reduce((sum, { ms }) => sum + ms, 0) ?? config.duration;
  const problems: string[] = [];
  const run = `the run takes ${formatDuration(duration)}`;
  // The cut is at a second's end.
  const most = duration - 1000;
  if (warmup > Math.max(0, most)) {
    const right = most > 0 ? `give ${formatDuration(most)} or less` : 'leave it out, or run longer';
    problems.push(`${given.get('warmup')} is ${formatDuration(warmup)}: ${run}, ${right}`);
  }
  if (!untilSteady) return problems;
  for (const name of ['stages', 'rate'] as const) {
    const why = name === 'stages' ? 'stages change the load' : 'a rate sets the throughput';
    if (given.has(name)) {
      problems.push(`${given.get('untilSteady')} and ${given.get(name)} are both set: ${why}, leave one of them out`);
    }
  }
  const least = Math.max(warmup, ramp) + STEADY_MS;
  if (stages === undefined && duration <= least) {
    problems.push(
      `${given.get('untilSteady')} is true: that takes ${formatDuration(least)} at least, and ${run}: give a longer one`,
    );
  }
  return problems;
}

/** What a backend has no way to do. */
function unfit({ backend, addressing, accessKeyId, endpoints }: Config, given: ReadonlyMap<string, string>): string[] {
  const own = `${settings.backend.env[0]} is "${backend}"`;
  const problems: string[] = [];
  if ((backend === 'jslib' || backend === 'proxy') && addressing === 'virtual') {
    problems.push(`${settings.addressing.env[0]} is "virtual", and ${own}, which has buckets in the path: give path`);
  }
  if (backend !== 'jslib') return problems;
  // Its AWSConfig throws at less; at more, where there is a session token. One that comes later is not here to be counted.
  if (accessKeyId !== '' && (accessKeyId.length < 16 || accessKeyId.length > 128)) {
    const name = settings.accessKeyId.env[0];
    problems.push(
      `${name} has ${accessKeyId.length} characters, and ${own}, which takes 16 to 128: give such a key, or another backend`,
    );
  }
  const ipv6 = endpoints.find((endpoint) => endpoint.includes('['));
  if (ipv6 !== undefined) {
    problems.push(`${given.get('endpoints')} has "${ipv6}", and ${own}, which reads no IPv6 address: give a host name`);
  }
  return problems;
}

function lookUp(names: readonly string[], environments: readonly Environment[]) {
  for (const environment of environments) {
    for (const variable of names) {
      const found = environment[variable]?.trim();
      if (found) return { variable, text: found };
    }
  }
  return undefined;
}

/** The texts of all settings that the environments hold, each under its first name: what a child process is to be given. */
export function settingTexts(...environments: readonly Environment[]): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const { env } of Object.values(settings)) {
    const found = lookUp(env, environments);
    if (found) texts[env[0]] = found.text;
  }
  return texts;
}

/** What a Result may hold of the settings: all but the secret ones. */
export function publicConfig(config: Config): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(config)) {
    if (!settings[name as SettingName].secret) shown[name] = value;
  }
  return shown;
}

/** The default of a setting as help and README show it. */
export function defaultText(s: Setting<unknown>): string {
  if (s.required) return 'required';
  if (s.fallbackText) return s.fallbackText;
  if (s.fallback === undefined) return 'none';
  return typeof s.fallback === 'number' && s.expected.includes('duration')
    ? formatDuration(s.fallback)
    : String(s.fallback);
}
