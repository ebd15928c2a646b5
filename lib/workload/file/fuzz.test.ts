/** Documents near the schema, thousands of them: each is a workload or a list of mistakes, and never anything else. */
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { operations } from '../../../test/fake-step';
import { ConfigError, readConfig } from '../../settings/config';
import { ACTIONS } from '../actions';
import type { CommandShares } from '../command-shares';
import { below, type Random, seeded } from '../random';
import type { OperationStep } from '../step';
import { withSettings } from '../with-settings';
import { readWorkloadFile } from './read';
import { settingsOf, workloadOf } from './workload';

const DOCUMENTS = 2_000;
/** A document is a few kilobytes: what takes longer goes through something again and again. */
const LONGEST_MS = 2_000;

/** Another one each time, and the same again by the variable. */
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000);

type Tree = Record<string, unknown>;

const oneOf = <T>(random: Random, items: readonly T[]): T => items[below(items.length, random)] as T;
const chance = (random: Random, percent: number): boolean => random() * 100 < percent;

/** A right value of each kind. */
const RIGHT: Readonly<Record<string, readonly unknown[]>> = {
  name: ['web', 'a', 'big-one', 'w2'],
  time: ['30s', '0s', '500ms', '1h30m', '1w'],
  duration: ['1s', '30s', '5m', '1h30m', '366d'],
  rate: [5, '500/s', '2.5', '30000/m'],
  stages: ['1:1s', '100:5m,500:5m', '0:10s,8:20s', '100/s:5m,50/s:1s'],
  size: ['1KB', '4KB-64KB', 'lognormal:1MB:0.8', '100GB', '1B', 4096],
  popularity: ['zipf:1.1', 'hot:10%:90%', 'sequential'],
  threshold: ['http_req_failed:rate<0.01', 'http_req_duration{op:GET}:p(99)<50'],
};
const OPTIONS = [
  'part-size',
  'timeout',
  'ramp',
  'seed-objects',
  'size',
  'rate',
  'duration',
  'verify',
  'secret-access-key',
];

/** Values that some field takes, and none should fall over. */
const ODD: readonly unknown[] = [
  ...[null, true, false, '', ' ', [], {}, [[]], [null], { a: { b: {} } }, 0, -0, -1, 1, 0.1, 1e-7, 100, 100.001],
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e308, 2 ** 53, -(2 ** 53), 1e21, 5e-324],
  ...[
    'NaN',
    'Infinity',
    '-0',
    '1e999',
    '0x10',
    '0b1',
    '1_000',
    '٣',
    '１',
    '1KB,',
    ',',
    ':',
    '::',
    '%',
    '100%',
    '-1s',
    '1e9s',
  ],
  ...[
    '99999999999999999999999s',
    '9'.repeat(400),
    `1:${'1s,1:'.repeat(500)}1s`,
    'a'.repeat(5_000),
    '\u0000',
    '\n',
    '\t',
    '\r\n',
  ],
  ...[
    '\u2028',
    '\ud800',
    '😀',
    'ﷺ',
    'e\u0301',
    '\u202e',
    '__proto__',
    'constructor',
    'toString',
    '../../etc/passwd',
    '$&',
    '{}',
    '*a',
  ],
  ...[
    new Date(0),
    '2001-12-14',
    'y',
    'no',
    'null',
    '~',
    '<<',
    'lognormal:1MB:0',
    'lognormal:1MB:1e9',
    'lognormal:100GB:9',
  ],
  ...['zipf:', 'hot:0%:100%', '5m-1s', '1KB-1KB', '1.0000000000001KB', '0.0001s', '1ms', '1000000w'],
];
const NAMES = [
  ...[
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    'valueOf',
    '',
    ' ',
    '0',
    '-1',
    '1.5',
    'length',
  ],
  ...[
    'a'.repeat(3_000),
    '😀',
    'GET ',
    'get',
    '/',
    '~',
    '~1',
    'a/b',
    'null',
    'true',
    'GET_OLDER',
    '\n',
    '<<',
    '*a',
    '&a',
    '!!map',
  ],
];

function rightShape(random: Random): Tree {
  const pick = (kind: string) => oneOf(random, RIGHT[kind] as readonly unknown[]);
  const shape: Tree = oneOf<Tree>(random, [
    { vus: 1 + below(64, random), duration: pick('duration') },
    { rate: pick('rate') },
    { rate: pick('rate'), vus: 4, duration: pick('duration') },
    { stages: pick('stages') },
    {},
  ]);
  if (chance(random, 20)) shape.ramp = pick('time');
  if (chance(random, 15)) shape.bursts = { on: pick('duration'), off: pick('duration') };
  if (chance(random, 15)) shape.think = pick('time');
  return shape;
}

function rightAccess(random: Random): Tree {
  const ops = Object.keys(ACTIONS);
  const [a, b] = [oneOf(random, ops), oneOf(random, ops)];
  const access: Tree = oneOf<Tree>(random, [
    { operations: a === b ? { [a]: 100 } : { [a]: 33.3, [b]: 66.7 } },
    { access: { read: below(101, random), data: below(101, random) } },
  ]);
  if (chance(random, 20)) access.olderVersions = below(101, random);
  if (chance(random, 20)) access.unique = { acls: 1 + below(5, random), policies: 1 + below(256, random) };
  return access;
}

function rightSizes(random: Random): unknown {
  const size = () => oneOf(random, RIGHT.size as readonly unknown[]);
  const weights = () => Object.fromEntries([1, 2, 3].map(() => [String(size()), 1 + below(1_000, random)]));
  return oneOf(random, [size, () => [size(), size()], weights])();
}

function rightFile(random: Random): Tree {
  const file: Tree = {
    name: oneOf(random, RIGHT.name as readonly unknown[]),
    ...rightAccess(random),
    ...rightShape(random),
  };
  if (chance(random, 40))
    file.objects = { sizes: rightSizes(random), ...(chance(random, 30) && { popularity: 'zipf:1.1' }) };
  if (chance(random, 50)) file.bucket = { mayChange: true };
  if (chance(random, 30)) file.criteria = [oneOf(random, RIGHT.threshold as readonly unknown[])];
  if (chance(random, 20)) file.responses = { ignoreErrors: false, retries: below(9, random), retryDelay: '1s' };
  if (chance(random, 20)) file.settings = { [oneOf(random, OPTIONS)]: oneOf(random, ['16MB', 5, true, '1s']) };
  if (chance(random, 60)) {
    const loads = Array.from({ length: 1 + below(4, random) }, (_, i): Tree => {
      const load: Tree = { name: `load-${i}`, ...rightShape(random), ...(chance(random, 50) && rightAccess(random)) };
      if (i > 0 && chance(random, 50)) load.after = `load-${below(i, random)}`;
      if (chance(random, 20)) load.share = random() * 9;
      if (chance(random, 30)) load.objects = { sizes: rightSizes(random) };
      return load;
    });
    for (const key of ['vus', 'rate', 'stages', 'duration']) if (chance(random, 70)) delete file[key];
    file.loads = loads;
  }
  return file;
}

/** All sections and lists of a document, itself included. */
function partsOf(value: unknown): (Tree | unknown[])[] {
  if (typeof value !== 'object' || value === null || value instanceof Date) return [];
  return [value as Tree, ...Object.values(value).flatMap(partsOf)];
}

/** One step away from what is right, at any place. */
function spoil(file: Tree, random: Random): void {
  const part = oneOf(random, partsOf(file)) as Tree;
  const key = oneOf(random, Object.keys(part).length > 0 ? Object.keys(part) : ['']);
  const set = (name: string, value: unknown) =>
    Object.defineProperty(part, name, { value, enumerable: true, configurable: true, writable: true });
  const steps = [
    () => delete part[key],
    () => set(key, oneOf(random, ODD)),
    () => set(key, oneOf(random, ODD)),
    () => set(key, [part[key]]),
    () => set(key, { [key]: part[key] }),
    () => set(key, String(part[key])),
    () => set(oneOf(random, NAMES), oneOf(random, ODD)),
    () => set(oneOf(random, NAMES), part[key]),
    () => set(oneOf(random, Object.keys(file)), part[key]),
    () => set(key, Array(below(60, random)).fill(part[key])),
    () => set(key, nested(below(120, random))),
  ];
  if (Array.isArray(part)) {
    const list = part as unknown[];
    const item = oneOf<unknown>(random, [oneOf(random, ODD), list[0], {}]);
    list.splice(below(list.length + 1, random), below(2, random), item);
  } else oneOf(random, steps)();
}

const nested = (depth: number): unknown =>
  depth === 0 ? 'deep' : depth % 2 ? [nested(depth - 1)] : { a: nested(depth - 1) };

const SIGNS = [
  ...[
    '\t',
    '\u0000',
    '\ufeff',
    '😀',
    '&a ',
    '*a',
    '!!str ',
    '!!binary ',
    '!x ',
    '<<: *a\n',
    '---\n',
    '...\n',
    '? ',
    '| ',
    '>',
    '%YAML 9.9\n',
  ],
  ...[
    '"',
    "'",
    '{',
    '}',
    '[',
    ']',
    ':',
    ': ',
    '- ',
    '#',
    '\n',
    '\r',
    '\n\n',
    ' ',
    '\\',
    '\ud800',
    '\u2028',
    ',',
    '`',
    '@',
    '.nan',
    '.inf',
    '-.inf',
  ],
];

/** One sign more or less in the text. */
function smear(text: string, random: Random): string {
  const at = below(text.length + 1, random);
  const to = Math.min(text.length, at + below(12, random));
  return oneOf(random, [
    () => text.slice(0, at) + oneOf(random, SIGNS) + text.slice(at),
    () => text.slice(0, at) + text.slice(to),
    () => text.slice(0, at),
    () => text.slice(0, to) + text.slice(at),
    () => `${text}${text}`,
    () => text.replaceAll('\n', '\r\n'),
    () => text.replace(/: /, ': &a ').replace(/(.*): ./s, '$1: *a'),
  ])();
}

function documentOf(seed: number): string {
  const random = seeded(seed);
  const file = rightFile(random);
  const steps = oneOf(random, [0, 0, 1, 1, 1, 2, 3, 6]);
  for (let n = 0; n < steps; n++) spoil(file, random);
  const isJson = chance(random, 10);
  let text = isJson
    ? JSON.stringify(file)
    : stringify(file, { lineWidth: oneOf(random, [0, 80]), aliasDuplicateObjects: true });
  if (chance(random, 30)) for (let n = below(3, random); n >= 0; n--) text = smear(text, random);
  return text;
}

const STORE = {
  S3_ENDPOINTS: 'http://10.0.0.1:9000',
  AWS_ACCESS_KEY_ID: 'key',
  AWS_SECRET_ACCESS_KEY: 'secret',
  S3_BUCKET: 'bucket',
};
const stepOf = (data: CommandShares): OperationStep => ({ ...(operations('GET') as OperationStep), data });

/** Numbers of a value, however deep, that no load can have. */
function wrongNumbers(value: unknown): number[] {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? [] : [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(wrongNumbers) : [];
}

/** Thousands of `expect` take longer than all they look at. */
function demand(isTrue: boolean, what: () => unknown): void {
  if (!isTrue) throw new Error(JSON.stringify(what()));
}

/** Milliseconds of this process so far: others on the machine don't count. */
function spent(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** What it comes to: the lines of mistakes, or none. @throws whatever is neither */
function outcomeOf(text: string): readonly string[] {
  const refused = <T>(of: () => T): T | readonly string[] => {
    try {
      return of();
    } catch (e) {
      if (!(e instanceof ConfigError)) throw e;
      return e.problems;
    }
  };
  const file = refused(() => readWorkloadFile('w.yaml', text));
  if (Array.isArray(file)) {
    demand(file.length > 0, () => 'no line');
    for (const line of file) demand(/^w\.yaml:\d+:\d+: [^\n\r]{3,1000}$/.test(line), () => line);
    return file;
  }
  const read = file as ReturnType<typeof readWorkloadFile>;
  const own = settingsOf(read);
  const workload = workloadOf(read, stepOf);
  demand(wrongNumbers(workload).length === 0, () => workload);
  const lines = refused(() => {
    const config = readConfig({ ...STORE }, own);
    const shaped = withSettings([workload], config, 'S3LOADTEST_CONCURRENCY' in own);
    const shapes = shaped.loads.map(({ shape, share }) => [shape, share]);
    demand(wrongNumbers(shapes).length === 0, () => shapes);
    return [];
  }) as readonly string[];
  for (const line of lines) demand(!/[\n\r]|undefined|\[object|NaN/.test(line), () => line);
  return lines;
}

describe('documents near the schema', () => {
  test(`are workloads or mistakes (FUZZ_SEED=${SEED})`, () => {
    let right = 0;
    for (let n = 0; n < DOCUMENTS; n++) {
      const text = documentOf(SEED + n);
      const began = spent();
      try {
        if (outcomeOf(text).length === 0) right++;
      } catch (e) {
        throw new Error(`FUZZ_SEED=${SEED + n}:\n${text.slice(0, 3_000)}\n${(e as Error).stack}`);
      }
      const ms = spent() - began;
      if (ms > LONGEST_MS) throw new Error(`FUZZ_SEED=${SEED + n} takes ${ms} ms of CPU:\n${text.slice(0, 3_000)}`);
    }
    // Else it tells little.
    expect(right).toBeGreaterThan(DOCUMENTS / 20);
    expect(right).toBeLessThan(DOCUMENTS / 2);
  });
});
