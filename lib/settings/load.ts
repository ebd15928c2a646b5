/** Settings of the load: how much, for how long, of what objects. Pure; runs in k6 and in Node. */
import { anyText, atLeastASecond, boolean, positive, sizeBetween, text, wholeNumber } from './parse';
import type { Setting, Values } from './setting';
import { formatDuration, parseDuration, parseRate, sizeLabel } from './units';

/** One object size, or sizes that are drawn for each object: its label in keys and tags, and its bytes. */
export interface ObjectSize {
  readonly label: string;
  /** Where sizes are drawn, the largest. */
  readonly bytes: number;
  /** How often it comes beside others; 1 where it does not say. */
  readonly weight?: number;
  readonly drawn?: Drawn;
}

/** How sizes are drawn, in bytes: evenly from one to another, or with a logarithm that is normal. */
export type Drawn =
  | { readonly from: number; readonly to: number }
  | { readonly median: number; readonly sigma: number };

export const STANDARD_SIZES = ['1KB', '10KB', '100KB', '1MB', '10MB', '100MB'] as const;
const LARGEST_OBJECT = 100 * 1024 ** 3;
const MOST_VUS = 100_000;
/** A connection that is faster than that is not slow. */
const FASTEST_SLOW = 1024 ** 2;

/** A normal logarithm has no largest size: of 30,000 objects one would be larger than this many of its deviations say. */
const MOST_SIGMAS = 4;
const MOST_WEIGHT = 1_000;

const parseObjectSize = sizeBetween(1, LARGEST_OBJECT);

/** Bytes of `1KB`, sizes of `1KB-64KB`, or of `lognormal:1MB:0.8`: its median and the deviation of its natural logarithm. */
function parseOneSize(text: string): ObjectSize | undefined {
  const [, median = '', deviation = ''] = /^lognormal:([^:]+):(\d+(?:\.\d+)?)$/.exec(text) ?? [];
  if (median !== '') return lognormal(parseObjectSize(median), Number(deviation));
  const [first = '', last, ...more] = text.split('-');
  const from = parseObjectSize(first);
  if (from === undefined || more.length > 0) return undefined;
  if (last === undefined) return { label: sizeLabel(from), bytes: from };
  const to = parseObjectSize(last);
  if (to === undefined || to <= from) return undefined;
  return { label: `${sizeLabel(from)}-${sizeLabel(to)}`, bytes: to, drawn: { from, to } };
}

function lognormal(median: number | undefined, sigma: number): ObjectSize | undefined {
  if (median === undefined || !(sigma > 0)) return undefined;
  const bytes = Math.round(median * Math.exp(MOST_SIGMAS * sigma));
  if (bytes > LARGEST_OBJECT) return undefined;
  return { label: `lognormal-${sizeLabel(median)}-${sigma}`, bytes, drawn: { median, sigma } };
}

function parseSizes(value: string): ObjectSize[] | undefined {
  const sizes: ObjectSize[] = [];
  for (const part of value.split(',')) {
    const [, text = '', weight] = /^\s*((?:lognormal:[^:]+:)?[^:]+?)\s*(?::(\d+))?\s*$/.exec(part) ?? [];
    const size = parseOneSize(text);
    const times = wholeNumber(1, MOST_WEIGHT)(weight ?? '1');
    if (size === undefined || times === undefined) return undefined;
    if (!sizes.some(({ label }) => label === size.label))
      sizes.push(weight === undefined ? size : { ...size, weight: times });
  }
  return sizes;
}

/** A size as users type it. */
function showSize({ label, weight, drawn }: ObjectSize): string {
  const text = drawn !== undefined && 'median' in drawn ? `lognormal:${sizeLabel(drawn.median)}:${drawn.sigma}` : label;
  return weight === undefined ? text : `${text}:${weight}`;
}

/** How popular objects are among reads. Shares from 0 to 1. */
export type Popularity =
  | { readonly kind: 'zipf'; readonly exponent: number }
  | { readonly kind: 'hot'; readonly objects: number; readonly reads: number }
  | { readonly kind: 'sequential' };

const MOST_EXPONENT = 10;

function parsePopularity(value: string): Popularity | undefined {
  const [kind, ...numbers] = value.toLowerCase().split(':');
  const [first = '', second = ''] = numbers;
  const percent = (text: string) => (/^\d+(?:\.\d+)?%$/.test(text) ? Number(text.slice(0, -1)) / 100 : Number.NaN);
  const isPart = (n: number) => n > 0 && n < 1;
  if (kind === 'sequential' && numbers.length === 0) return { kind };
  if (kind === 'zipf' && numbers.length === 1 && /^\d+(?:\.\d+)?$/.test(first)) {
    const exponent = Number(first);
    return exponent > 0 && exponent <= MOST_EXPONENT ? { kind, exponent } : undefined;
  }
  const [objects, reads] = [percent(first), percent(second)];
  return kind === 'hot' && numbers.length === 2 && isPart(objects) && isPart(reads)
    ? { kind, objects, reads }
    : undefined;
}

function showPopularity(value: Popularity): string {
  if (value.kind === 'zipf') return `zipf:${value.exponent}`;
  const percent = (part: number) => `${Number((part * 100).toPrecision(12))}%`;
  return value.kind === 'hot' ? `hot:${percent(value.objects)}:${percent(value.reads)}` : value.kind;
}

/** The load over time: targets in VUs or, with `/s`, in operations begun per second, and how long each lasts. */
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
  const anyLoad = list.some(({ target }) => target > 0);
  return unit !== undefined && other === undefined && anyLoad ? { unit, list } : undefined;
}

function parseTests(value: string): string[] | undefined {
  const names = value.split(',').map((name) => name.trim());
  return names.every((name) => /^[a-z][a-z0-9-]*$/.test(name)) ? [...new Set(names)] : undefined;
}

export const load = {
  duration: {
    env: ['S3LOADTEST_DURATION'],
    option: 'duration <time>',
    help: 'Run time. Operations in flight at the end may finish',
    fallback: 5 * 60_000,
    parse: atLeastASecond,
    expected: 'a duration of 1s or more, such as 30s, 5m, 2h, 1d, 1w or 1h30m',
    show: formatDuration,
  } satisfies Setting<number>,
  concurrency: {
    env: ['S3LOADTEST_CONCURRENCY'],
    option: 'concurrency <n>',
    help: 'Number of virtual users (VUs), each with one operation at a time. For elephant: number of connections',
    fallback: 64,
    fallbackText: 'cores × 8; 64 under bare `k6 run`',
    parse: wholeNumber(1, MOST_VUS),
    expected: 'a whole number from 1 to 100000',
  } satisfies Setting<number>,
  rate: {
    env: ['S3LOADTEST_RATE'],
    option: 'rate <ops>',
    help: 'Operations to begin per second, however slow the store is (open loop)',
    fallbackText: 'as fast as the VUs go (closed loop)',
    parse: positive(parseRate),
    expected: 'operations a second such as 500, 2.5/s or 30000/m',
    show: (value) => `${value}/s`,
  } satisfies Setting<number>,
  stages: {
    env: ['S3LOADTEST_STAGES'],
    option: 'stages <list>',
    help: 'Load by stages, instead of --duration: VUs:time (100:5m,500:5m), or ops/s:time for an open loop (100/s:5m,500/s:5m)',
    parse: parseStages,
    expected: 'VUs and times such as 100:5m,500:5m, or rates and times such as 100/s:5m,500/s:5m, but not both',
    show: ({ unit, list }) =>
      list.map(({ target, ms }) => `${target}${unit === 'rate' ? '/s' : ''}:${formatDuration(ms)}`).join(','),
  } satisfies Setting<Stages>,
  ramp: {
    env: ['S3LOADTEST_RAMP'],
    option: 'ramp <time>',
    help: 'Time in which the load climbs to its target, at the start and at each of --stages',
    fallback: 0,
    fallbackText: '0s: all at once',
    parse: parseDuration,
    expected: 'a duration such as 30s',
    show: formatDuration,
  } satisfies Setting<number>,
  burst: {
    env: ['S3LOADTEST_BURST'],
    option: 'burst <time>',
    help: 'Length of a burst, for patterns that have bursts',
    fallbackText: "the pattern's own",
    parse: atLeastASecond,
    expected: 'a duration of 1s or more, such as 10m',
    show: formatDuration,
  } satisfies Setting<number>,
  pause: {
    env: ['S3LOADTEST_PAUSE'],
    option: 'pause <time>',
    help: 'Time between two bursts, for patterns that have bursts',
    fallbackText: "the pattern's own",
    parse: atLeastASecond,
    expected: 'a duration of 1s or more, such as 1h',
    show: formatDuration,
  } satisfies Setting<number>,
  sizes: {
    env: ['S3LOADTEST_SIZE'],
    option: 'size <list>',
    help: 'Object sizes, separated by commas. 1KB:80,10MB:20 have weights; 1KB-64KB and lognormal:1MB:0.8 (median, deviation) are drawn',
    fallbackText: "the pattern's own",
    parse: parseSizes,
    expected: 'sizes from 1B to 100GB such as 1KB,10MB, or 1KB:80,10MB:20, 1KB-64KB, lognormal:1MB:0.8',
    show: (value) => value.map(showSize).join(','),
  } satisfies Setting<ObjectSize[]>,
  popularity: {
    env: ['S3LOADTEST_POPULARITY'],
    option: 'keys <popularity>',
    help: 'How often which object is read: zipf:1.1 (exponent), hot:10%:90% (of objects, of reads), or sequential',
    fallbackText: 'each as likely',
    parse: parsePopularity,
    expected: 'zipf:1.1, hot:10%:90% or sequential',
    show: showPopularity,
  } satisfies Setting<Popularity>,
  range: {
    env: ['S3LOADTEST_RANGE'],
    option: 'range <bytes>',
    help: 'Read so many bytes of an object, from a random multiple of them on; a smaller object whole',
    fallbackText: 'whole objects',
    parse: sizeBetween(1, LARGEST_OBJECT),
    expected: 'a size from 1B to 100GB such as 1MB',
    show: sizeLabel,
  } satisfies Setting<number>,
  bytesPerSecond: {
    env: ['S3LOADTEST_BPS'],
    option: 'bps <bytes>',
    help: 'Bytes per second on each connection, for patterns that hold connections open',
    fallback: 100,
    parse: sizeBetween(1, FASTEST_SLOW),
    expected: 'bytes a second from 1 to 1MB, such as 100 or 2KB',
  } satisfies Setting<number>,
  verify: {
    env: ['S3LOADTEST_VERIFY'],
    option: 'verify',
    help: 'Compare every byte read with what was written (native backend)',
    fallback: false,
    parse: boolean,
    expected: 'true or false',
  } satisfies Setting<boolean>,
  seedObjects: {
    env: ['S3LOADTEST_SEED_OBJECTS'],
    option: 'seed-objects <n>',
    help: 'Number of objects that a read-only pattern writes before it starts, its sizes in turn',
    fallback: 0,
    parse: wholeNumber(0, 1_000_000),
    expected: 'a whole number from 0 to 1000000',
  } satisfies Setting<number>,
  seed: {
    env: ['S3LOADTEST_SEED'],
    option: 'seed <n>',
    help: 'Seed for the order of operations and sizes. Content is random in any case',
    fallback: 1,
    parse: wholeNumber(0, 0xffff_ffff),
    expected: 'a whole number from 0 to 4294967295',
  } satisfies Setting<number>,
  tests: {
    env: ['S3LOADTEST_TESTS'],
    help: 'Patterns that build/all.js runs at once, separated by commas. On the command line they are arguments',
    fallbackText: 'all of them',
    parse: parseTests,
    expected: 'names of patterns, separated by commas',
  } satisfies Setting<string[]>,
  workload: {
    env: ['S3LOADTEST_WORKLOAD'],
    help: 'Workload file that build/workload.js runs. On the command line it is an argument',
    parse: anyText,
    expected: 'the path of a workload file',
  } satisfies Setting<string>,
  prepared: {
    env: ['S3LOADTEST_PREPARED'],
    option: 'prepared <file>',
    help: 'Manifest of what `s3loadtest prepare` has made for a workload file',
    fallbackText: 'prepared/NAME.json in S3LOADTEST_DATA_DIR (CLI)',
    parse: anyText,
    expected: 'the path of a manifest',
  } satisfies Setting<string>,
  workerId: {
    env: ['S3LOADTEST_WORKER_ID'],
    option: 'worker-id <id>',
    help: 'Name of this worker in keys',
    fallback: 'w0',
    parse: text(/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/),
    expected: 'letters, digits, dots and dashes',
  } satisfies Setting<string>,
};

export type LoadSettings = Values<typeof load>;
