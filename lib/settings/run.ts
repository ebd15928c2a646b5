/** Settings of a run: when it counts, when it ends or fails, where its files are. Pure; runs in k6 and in Node. */
import { anyText, atLeastASecond, boolean, oneOf } from './parse';
import type { Setting, Values } from './setting';
import { formatDuration, parseDuration } from './units';

/** How long throughput must have been steady: no run ends earlier than this after its warm-up, milliseconds. */
export const STEADY_MS = 30_000;

/** One k6 threshold: a metric, tags included, and an expression over it. */
export interface Threshold {
  readonly metric: string;
  readonly expr: string;
}

// As k6 reads them: https://grafana.com/docs/k6/latest/using-k6/thresholds/#threshold-syntax. k6 answers others with a stack.
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

/** What samples are told apart by, k6's own included: docs/metrics.md. */
const OWN_TAGS = [
  ...['test', 'op', 'size', 'phase', 'endpoint', 'class', 'outcome', 'testid', 'worker'],
  ...['name', 'method', 'status', 'error_code', 'error', 'expected_response', 'scenario', 'check', 'group'],
];

function parseTags(value: string): Readonly<Record<string, string>> | undefined {
  const tags: Record<string, string> = {};
  for (const part of value.split(';')) {
    const [, name = '', text = ''] = /^\s*([A-Za-z_]\w*)=([\w.-]+)\s*$/.exec(part) ?? [];
    if (name === '' || OWN_TAGS.includes(name)) return undefined;
    tags[name] = text;
  }
  return tags;
}

export const run = {
  warmup: {
    env: ['S3LOADTEST_WARMUP'],
    option: 'warmup <time>',
    help: "Time at the start that figures leave out (needs the CLI and the project's k6)",
    fallback: 0,
    fallbackText: '0s: figures cover the whole run',
    parse: parseDuration,
    expected: 'a duration such as 30s',
    show: formatDuration,
  } satisfies Setting<number>,
  untilSteady: {
    env: ['S3LOADTEST_UNTIL_STEADY'],
    option: 'until-steady',
    help: "End the run once throughput has stayed within 5% for 30 s, at --duration at the latest (needs the CLI and the project's k6)",
    fallback: false,
    parse: boolean,
    expected: 'true or false',
  } satisfies Setting<boolean>,
  thresholds: {
    env: ['S3LOADTEST_THRESHOLDS'],
    option: 'threshold <metric:expr>',
    repeats: true,
    help: 'k6 threshold. Repeat the option, or separate them by semicolons in the variable. One on http_req_failed replaces the default',
    fallback: [],
    fallbackText: 'http_req_failed:rate<0.01',
    parse: parseThresholds,
    expected: "a metric, a colon and an expression such as 'http_req_duration{op:GET}:p(99)<50'",
    show: (value) => value.map(({ metric, expr }) => `${metric}:${expr}`).join('; ') || 'the default',
  } satisfies Setting<Threshold[]>,
  tags: {
    env: ['S3LOADTEST_TAGS'],
    option: 'tag <name=value>',
    repeats: true,
    help: "A tag for every sample that k6's outputs get, such as cluster=blue, or several",
    parse: parseTags,
    expected: `name=value of letters, digits, dots, dashes and underscores, and no tag that samples have anyway (${OWN_TAGS.join(', ')})`,
    show: (value) =>
      Object.entries(value)
        .map(([name, text]) => `${name}=${text}`)
        .join('; '),
  } satisfies Setting<Readonly<Record<string, string>>>,
  statsInterval: {
    env: ['S3LOADTEST_STATS_INTERVAL'],
    option: 'stats-interval <time>',
    help: 'Time between two STATS lines (CLI)',
    fallback: 30_000,
    parse: atLeastASecond,
    expected: 'a duration of 1s or more, such as 30s',
    show: formatDuration,
  } satisfies Setting<number>,
  logLevel: {
    env: ['S3LOADTEST_LOG_LEVEL'],
    option: 'log-level <level>',
    help: 'Lowest level of log lines to show: debug, info, warning, error (CLI)',
    fallback: 'info',
    parse: oneOf('debug', 'info', 'warning', 'error'),
    expected: 'debug, info, warning or error',
  } satisfies Setting<'debug' | 'info' | 'warning' | 'error'>,
  dataDir: {
    env: ['S3LOADTEST_DATA_DIR'],
    help: 'Folder of results/ and payload/',
    fallback: './data',
    parse: anyText,
    expected: 'a folder',
  } satisfies Setting<string>,
  keyDir: {
    env: ['S3LOADTEST_KEY_DIR'],
    help: 'Folder of key files, loadtest-keys-{test}-{worker}-{size}.txt',
    fallback: './data/keys',
    parse: anyText,
    expected: 'a folder',
  } satisfies Setting<string>,
};

export type RunSettings = Values<typeof run>;
