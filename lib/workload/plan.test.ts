import { describe, expect, test } from 'vitest';
import { connections, operations, task } from '../../test/fake-step';
import { type Config, ConfigError, type Environment, readConfig } from '../settings/config';
import { gcPercent, tooLittleMemory } from './memory';
import { memoryNeed } from './payload';
import { does, factsOf, k6Vus, loadText, type Plan, planOf, splitText, withoutExtension } from './plan';
import type { Step } from './step';
import type { Load, Workload } from './workload';

const MB = 1024 ** 2;

function config(more: Environment = {}): Config {
  return readConfig({
    S3_ENDPOINTS: 'http://10.0.0.1:9000,https://s3.example',
    AWS_ACCESS_KEY_ID: 'key',
    AWS_SECRET_ACCESS_KEY: 'secret',
    S3_BUCKET: 'bucket',
    S3LOADTEST_DURATION: '90s',
    ...more,
  });
}

const READING = operations('GET');
const WRITING = operations('PUT');
const BOTH = operations('GET', 'PUT');
const LISTING = operations('LIST');
const HOLDING = connections('PUT', 'GET');
const DELETING = task('LIST', 'DELETE_OBJECTS');

function pattern(name: string, does: Step, more: Partial<Workload> = {}): Workload {
  return { name, data: { sizes: ['1KB', '100MB'] }, loads: [{ step: does }], ...more };
}

const plan = (patterns: readonly Workload[], more: Environment = {}, asked = true): Plan =>
  planOf(patterns, config(more), asked);

const vusOf = ({ loads }: Plan) => loads.map(({ shape }) => shape.vus);

/** A pattern of loads with these shares. */
function shared(name: string, shares: readonly number[]): Workload {
  const loads = shares.map((share, i): Load => ({ step: WRITING, share, name: `part${i}` }));
  return pattern(name, WRITING, { loads });
}

describe('what would have no effect is refused', () => {
  test.each([
    { does: WRITING, more: { S3LOADTEST_RANGE: '1KB' }, says: 'S3LOADTEST_RANGE is about reads: p makes none' },
    { does: DELETING, more: { S3LOADTEST_POPULARITY: 'zipf:1' }, says: 'S3LOADTEST_POPULARITY is about reads' },
    {
      does: HOLDING,
      more: { S3LOADTEST_SIZE: '1KB:2,4KB:1' },
      says: 'S3LOADTEST_SIZE has weights or sizes that are drawn',
    },
    {
      does: HOLDING,
      more: { S3LOADTEST_SIZE: '1KB-4KB' },
      says: 'S3LOADTEST_SIZE has weights or sizes that are drawn',
    },
  ])('$says', ({ does, more, says }) => {
    expect(() => plan([pattern('p', does)], more)).toThrow(ConfigError);
    expect(() => plan([pattern('p', does)], more)).toThrow(says);
  });

  test('and what has one is not', () => {
    const more = { S3LOADTEST_RANGE: '1KB', S3LOADTEST_POPULARITY: 'sequential', S3LOADTEST_SIZE: '1KB-4KB' };
    expect(() => plan([pattern('p', BOTH)], more)).not.toThrow();
  });
});

describe('garbage', () => {
  test.each<{ does: readonly Step[]; size?: string; vus: number; percent: number | undefined; why: string }>([
    { does: [WRITING], size: '100MB', vus: 512, percent: 19, why: 'large objects leave little, and VUs hold much' },
    { does: [BOTH], vus: 128, percent: 75, why: 'by their average: these are 1KB and 100MB' },
    { does: [READING, WRITING], size: '10MB', vus: 16, percent: 400, why: 'of few VUs it does not matter' },
    { does: [WRITING], size: '1GB', vus: 20_000, percent: 15, why: 'more often would cost CPU at any size' },
    { does: [BOTH], size: '1MB', vus: 512, percent: undefined, why: 'thousands of operations a second may come' },
    { does: [LISTING], vus: 512, percent: undefined, why: 'listings are large themselves' },
    { does: [WRITING, operations('PUT', 'HEAD')], size: '100MB', vus: 512, percent: undefined, why: 'heads are small' },
    { does: [HOLDING], size: '100MB', vus: 512, percent: undefined, why: 'slow connections are not VUs' },
  ])('of $vus VUs, $size: $percent percent ($why)', ({ does, size, vus, percent }) => {
    const patterns = does.map((each, i) => pattern(`p${i}`, each));
    const more = { S3LOADTEST_CONCURRENCY: `${vus}`, ...(size && { S3LOADTEST_SIZE: size }) };
    expect(gcPercent(plan(patterns, more))).toBe(percent);
  });
});

describe('VUs are divided', () => {
  test.each<{ vus: number; parts: readonly number[][]; is: readonly number[]; why: string }>([
    { vus: 64, parts: [[1]], is: [64], why: 'one load has them all' },
    { vus: 16, parts: [[1], [1]], is: [8, 8], why: 'tests get the same' },
    { vus: 11, parts: [[1], [1], [1]], is: [4, 4, 3], why: 'a remainder goes to the first, one each' },
    { vus: 16, parts: [[0.25, 0.75]], is: [4, 12], why: 'loads get what the pattern says' },
    { vus: 5, parts: [[0.25, 0.75]], is: [1, 4], why: '1.25 and 3.75: what is left goes where most is missing' },
    { vus: 100, parts: [[0.71, 0.29]], is: [71, 29], why: '100 × 0.29 is 28.999999999999996 in floating point' },
    { vus: 16, parts: [[0.25, 0.75], [1]], is: [2, 6, 8], why: 'first among tests, then within each' },
    { vus: 3, parts: [[0.25, 0.75]], is: [1, 2], why: 'less than one is one' },
    { vus: 10, parts: [[0.05, 0.05, 0.9]], is: [1, 1, 8], why: 'taken from those that have more' },
    {
      vus: 10,
      parts: [[0.05, 0.05, 0.05, 0.3, 0.55]],
      is: [1, 1, 1, 2, 5],
      why: 'from the one that has most beyond its part: 3 of 3, not 5 of 5.5',
    },
    { vus: 2, parts: [[1], [1], [1]], is: [1, 1, 1], why: 'more than were asked for: a load without VUs is none' },
    { vus: 1, parts: [[0.25, 0.75], [1]], is: [1, 1, 1], why: 'likewise' },
    { vus: 4, parts: [[0.25, 0.75], [0.25, 0.75], [1]], is: [1, 1, 1, 1, 1], why: 'within a test, too' },
  ])('$vus in $parts are $is: $why', ({ vus, parts, is }) => {
    const patterns = parts.map((shares, i) => shared(`test${i}`, shares));
    expect(vusOf(plan(patterns, { S3LOADTEST_CONCURRENCY: `${vus}` }))).toEqual(is);
  });

  test('in all as many as were asked for, wherever there are enough for one each', () => {
    const eight = Array.from({ length: 8 }, (_, i) => shared(`test${i}`, i === 5 ? [0.25, 0.75] : [1]));
    for (let vus = 16; vus <= 200; vus++) {
      const divided = vusOf(plan(eight, { S3LOADTEST_CONCURRENCY: `${vus}` }));
      expect(divided.reduce((sum, n) => sum + n, 0)).toBe(vus);
      expect(Math.min(...divided)).toBeGreaterThanOrEqual(1);
    }
  });
});

test('the rate is divided by the same shares, and is whole in all', () => {
  const { loads } = plan([shared('one', [1]), shared('two', [0.25, 0.75])]);
  expect(loads.map(({ share }) => share)).toEqual([0.5, 0.125, 0.375]);
});

describe('connections', () => {
  const held = pattern('elephant', HOLDING, {
    data: { sizes: ['1KB'] },
    loads: [{ step: HOLDING, shape: { vus: 1000 } }],
  });

  test('and have no throughput to become steady', () => {
    expect(() => plan([held], { S3LOADTEST_UNTIL_STEADY: 'true' })).toThrow(
      'S3LOADTEST_UNTIL_STEADY is true: elephant holds connections and has no throughput, leave one of them out',
    );
  });

  const others = [
    pattern('firehose', BOTH),
    pattern('delete', DELETING, { loads: [{ step: DELETING, shape: { vus: 32 } }] }),
  ];

  test.each<{ patterns: Workload[]; more: Environment; asked: boolean; vus: number[]; why: string }>([
    { patterns: [held], more: {}, asked: false, vus: [1000], why: 'as many as it wants' },
    {
      patterns: [held],
      more: { S3LOADTEST_CONCURRENCY: '20000' },
      asked: true,
      vus: [20_000],
      why: 'or as are asked for',
    },
    {
      patterns: [held, ...others],
      more: {},
      asked: false,
      vus: [1000, 32, 32],
      why: 'beside the VUs that others divide',
    },
    {
      patterns: [held, ...others],
      more: { S3LOADTEST_CONCURRENCY: '90' },
      asked: true,
      vus: [30, 30, 30],
      why: 'the same for each, where there is to be so much in all',
    },
    {
      patterns: [held, ...others],
      more: { S3LOADTEST_DURATION: '', S3LOADTEST_STAGES: '3:5s,90:5s' },
      asked: false,
      vus: [30, 30, 30],
      why: 'stages say how much in all',
    },
    {
      patterns: [held, ...others],
      more: { S3LOADTEST_RATE: '9' },
      asked: false,
      vus: [1000, 32, 32],
      why: 'a rate does not',
    },
  ])('$vus: $why', ({ patterns, more, asked, vus }) => {
    expect(vusOf(plan(patterns, more, asked))).toEqual(vus);
  });

  test.each<{ more: Environment; problem: string }>([
    {
      more: { S3LOADTEST_CONCURRENCY: '20001' },
      problem:
        'S3LOADTEST_CONCURRENCY: 20001 are more connections than elephant can hold: give 20000 at most, and more workers',
    },
    {
      more: { S3LOADTEST_DURATION: '', S3LOADTEST_STAGES: '5:5s,30000:5s' },
      problem:
        'S3LOADTEST_STAGES: 30000 are more connections than elephant can hold: give 20000 at most, and more workers',
    },
  ])('too many: $problem', ({ more, problem }) => {
    expect(() => plan([held], more)).toThrow(new ConfigError([problem]));
  });

  test('are one VU of k6, and told as what they are', () => {
    const made = plan([held, ...others], {}, false);
    expect(made.loads.map(k6Vus)).toEqual([1, 32, 1]);
    expect(loadText(made)).toBe('64 VUs and 1000 connections');
    expect(splitText(made)).toBe('64 VUs: firehose 32, delete 32; 1000 connections: elephant 1000');
    expect(splitText(plan([held, ...others], { S3LOADTEST_RATE: '9' }, false))).toBe(
      '64 VUs: firehose 32 (3/s), delete 32 (3/s); 1000 connections: elephant 1000 (3/s)',
    );
    expect(loadText(plan([held]))).toBe('64 connections');
    expect(factsOf(made, 'id', 0, '1', {}).run.loads).toMatchObject([
      { test: 'elephant', vus: 1, connections: 1000 },
      { test: 'firehose', vus: 32 },
      { test: 'delete', vus: 32 },
    ]);
  });

  test('are measured by what each does: uploads of their sizes, downloads of those they read, nothing in parts', () => {
    const { measured, sizes } = plan([held], { S3LOADTEST_SIZE: '1KB,100MB' });
    expect(measured[0]?.series).toEqual([
      { op: 'PUT', size: '1KB' },
      { op: 'PUT', size: '100MB' },
      { op: 'GET', size: '10MB' },
    ]);
    expect(sizes.map(({ label }) => label)).toEqual(['1KB', '100MB', '10MB']);
    expect(plan([held, ...others]).measured.map(({ holdsConnections }) => holdsConnections)).toEqual([
      true,
      false,
      false,
    ]);
  });

  test('need memory, more of it by TLS', () => {
    const plain = {
      S3_ENDPOINTS: 'http://10.0.0.1:9000',
      S3LOADTEST_CONCURRENCY: '20000',
      S3LOADTEST_BACKEND: 'native',
    };
    expect(tooLittleMemory(plan([held], plain), 600 * MB)).toBeUndefined();
    expect(tooLittleMemory(plan([held], plain), 400 * MB)).toBe(
      '20000 connections may need 489.4MB of memory, and 400.0MB are free: take --concurrency 16337, or --no-memory-check to run all the same',
    );
    expect(tooLittleMemory(plan([held], { ...plain, S3_ENDPOINTS: 'https://10.0.0.1:9000' }), 600 * MB)).toContain(
      '2.1GB',
    );
    // 32 KB more each.
    const signed = {
      S3LOADTEST_CHECKSUM: 'crc32c',
      S3LOADTEST_CHECKSUM_TRAILER: 'true',
      S3LOADTEST_SIGN_PAYLOAD: 'true',
    };
    expect(tooLittleMemory(plan([held], { ...plain, ...signed }), 600 * MB)).toContain('may need 1.1GB of memory');
  });

  describe('by a k6 without the extension', () => {
    const how =
      "needs the project's k6, which this is not known to be: have Go here and run by `npx s3loadtest run` without S3LOADTEST_K6, " +
      'which builds it, or by hand say so of .tools/bin/k6 with S3LOADTEST_EXTENSION=1';

    test('they are left out where nobody asked for them, in a line', () => {
      expect(withoutExtension([held, ...others], undefined)).toEqual({
        workloads: others,
        leftOut: `elephant is left out: it ${how}`,
      });
    });

    test.each([
      { all: [held], names: undefined, why: 'there is nothing else' },
      { all: [held, ...others], names: ['firehose', 'elephant'], why: 'someone asked for them by name' },
    ])('they are refused: $why', ({ all, names }) => {
      expect(() => withoutExtension(all, names)).toThrow(new ConfigError([`elephant ${how}`]));
    });

    test('others are as they are', () => {
      expect(withoutExtension(others, undefined)).toEqual({ workloads: others, leftOut: undefined });
      expect(withoutExtension([held, ...others], ['firehose']).leftOut).toBeUndefined();
    });
  });
});

describe('concurrency of its own', () => {
  const own = pattern('delete', DELETING, { data: { sizes: [] }, loads: [{ step: DELETING, shape: { vus: 32 } }] });
  const other = pattern('firehose', BOTH);

  test.each<{ patterns: Workload[]; more: Environment; asked: boolean; vus: number[]; why: string }>([
    { patterns: [own], more: {}, asked: false, vus: [32], why: 'nobody said how many' },
    { patterns: [own], more: { S3LOADTEST_CONCURRENCY: '5' }, asked: true, vus: [5], why: 'somebody did' },
    { patterns: [other], more: {}, asked: false, vus: [64], why: 'the default of all settings' },
    {
      patterns: [own, other],
      more: {},
      asked: false,
      vus: [32, 32],
      why: 'of several, each has its part of the default',
    },
    { patterns: [own, other], more: { S3LOADTEST_TESTS: 'delete' }, asked: false, vus: [32], why: 'alone after all' },
    { patterns: [own], more: { S3LOADTEST_RATE: '5' }, asked: false, vus: [32], why: 'a rate needs VUs as well' },
    {
      patterns: [own],
      more: { S3LOADTEST_DURATION: '', S3LOADTEST_STAGES: '3:5s,7:5s' },
      asked: false,
      vus: [7],
      why: 'stages of VUs say it',
    },
    {
      patterns: [own],
      more: { S3LOADTEST_DURATION: '', S3LOADTEST_STAGES: '3/s:5s' },
      asked: false,
      vus: [32],
      why: 'stages of rates do not',
    },
  ])('$vus VUs: $why', ({ patterns, more, asked, vus }) => {
    const made = plan(patterns, more, asked);
    expect(vusOf(made)).toEqual(vus);
    expect(made.config.concurrency).toBe(vus.reduce((sum, n) => sum + n, 0));
  });
});

describe('which tests', () => {
  const all = ['one', 'two', 'three'].map((name) => pattern(name, BOTH));
  const tests = ({ measured }: Plan) => measured.map(({ test }) => test);

  test.each<{ asked: string; are: readonly string[]; why: string }>([
    { asked: '', are: ['one', 'two', 'three'], why: 'all, where none is named' },
    {
      asked: 'three,one',
      are: ['one', 'three'],
      why: "in the script's order, so that it does not matter how they are named",
    },
    { asked: 'two', are: ['two'], why: 'one alone' },
  ])('"$asked": $why', ({ asked, are }) => {
    expect(tests(plan(all, { S3LOADTEST_TESTS: asked }))).toEqual(are);
  });

  test('a name that is none is refused in one line, with all that there are', () => {
    expect(() => plan(all, { S3LOADTEST_TESTS: 'one,four' })).toThrow(
      'S3LOADTEST_TESTS: "four" is not known: give one, two, three',
    );
  });

  test('objects to read are written first only for a test that writes none itself', () => {
    const seed = { S3LOADTEST_SEED_OBJECTS: '5' };
    expect(() => plan([pattern('one', BOTH)], seed)).toThrow('S3LOADTEST_SEED_OBJECTS is 5: of one none only reads');
    expect(() => plan([pattern('one', BOTH), pattern('two', READING)], seed)).not.toThrow();
  });

  test('a script of one pattern is that pattern, whatever the environment says of others', () => {
    expect(tests(plan([pattern('one', BOTH)], { S3LOADTEST_TESTS: 'two' }))).toEqual(['one']);
  });
});

test('loads have a scenario each, named after the test', () => {
  const loads: Load[] = [
    { step: BOTH, share: 0.25 },
    { step: READING, name: 'burst', share: 0.75, shape: { windows: { kind: 'bursts', burst: 60_000, pause: 1000 } } },
  ];
  const made = plan([pattern('spiky', BOTH, { loads }), pattern('flat', LISTING)]);
  expect(made.loads.map(({ name, test, phased, step }) => ({ name, test, phased, step }))).toEqual([
    { name: 'spiky', test: 'spiky', phased: true, step: BOTH },
    { name: 'spiky-burst', test: 'spiky', phased: true, step: READING },
    { name: 'flat', test: 'flat', phased: false, step: LISTING },
  ]);
  expect(made.loads.map(({ schedule }) => schedule())).toEqual([
    [{ start: 0, end: 90_000, phase: 'steady' }],
    [
      { start: 0, end: 60_000, phase: 'burst' },
      { start: 61_000, end: 90_000, phase: 'burst' },
    ],
    [{ start: 0, end: 90_000, phase: 'steady' }],
  ]);
});

test('a schedule comes from the settings', () => {
  const windows = { kind: 'bursts', burst: 1, pause: 2 } as const;
  const made = plan([pattern('a', BOTH, { loads: [{ step: BOTH, shape: { windows } }] })], {
    S3LOADTEST_BURST: '50s',
    S3LOADTEST_PAUSE: '10s',
  });
  expect(made.loads[0]?.schedule()).toEqual([
    { start: 0, end: 50_000, phase: 'burst' },
    { start: 60_000, end: 90_000, phase: 'burst' },
  ]);
});

describe('sizes', () => {
  const one = pattern('one', BOTH, { data: { sizes: ['1KB', '1MB'] } });
  const two = pattern('two', READING, { data: { sizes: ['1MB', '10MB'] } });

  test('are each pattern’s own, in the plan each once', () => {
    const made = plan([one, two]);
    expect(made.loads.map(({ sizes }) => sizes)).toEqual([
      [
        { label: '1KB', bytes: 1024 },
        { label: '1MB', bytes: MB },
      ],
      [
        { label: '1MB', bytes: MB },
        { label: '10MB', bytes: 10 * MB },
      ],
    ]);
    expect(made.sizes.map(({ label }) => label)).toEqual(['1KB', '1MB', '10MB']);
  });

  test('are those of --size for all of them', () => {
    const made = plan([one, two], { S3LOADTEST_SIZE: '5KB' });
    expect(made.loads.map(({ sizes }) => sizes)).toEqual([
      [{ label: '5KB', bytes: 5120 }],
      [{ label: '5KB', bytes: 5120 }],
    ]);
  });
});

test.each<{ of: Step[]; reads: boolean; writes: boolean; deletes: boolean; why: string }>([
  { of: [LISTING], reads: false, writes: false, deletes: false, why: 'no object is touched' },
  { of: [READING, WRITING], reads: true, writes: true, deletes: false, why: 'one of several is enough' },
  { of: [LISTING, DELETING], reads: false, writes: false, deletes: true, why: 'likewise' },
])('a plan reads $reads, writes $writes, deletes $deletes: $why', ({ of, reads, writes, deletes }) => {
  const made = plan(of.map((step, i) => pattern(`test${i}`, step)));
  expect([does('read', made), does('write', made), does('delete', made)]).toEqual([reads, writes, deletes]);
});

describe('what is measured', () => {
  const series = (does: Step, more: Partial<Workload> = {}, env: Environment = {}) =>
    plan([pattern('t', does, more)], env).measured[0]?.series.map(({ op, size }) => `${op} ${size}`);
  const MULTIPART = ['CREATE_MULTIPART', 'UPLOAD_PART', 'COMPLETE_MULTIPART', 'ABORT_MULTIPART'];

  test.each<{ does: Step; more?: Partial<Workload>; env?: Environment; are: readonly string[]; why: string }>([
    {
      does: READING,
      are: ['GET 1KB', 'GET 100MB'],
      why: 'reads are of one request, however large',
    },
    {
      does: WRITING,
      are: ['PUT 1KB', 'PUT 100MB', ...MULTIPART.map((op) => `${op} 100MB`)],
      why: 'parts only of sizes above the part size',
    },
    {
      does: WRITING,
      more: { data: { sizes: ['8MB'] } },
      are: ['PUT 8MB'],
      why: 'a body of just one part goes whole',
    },
    {
      does: WRITING,
      more: { data: { sizes: ['8MB'] } },
      env: { S3LOADTEST_PART_SIZE: '5MB' },
      are: ['PUT 8MB', ...MULTIPART.map((op) => `${op} 8MB`)],
      why: 'the part size is a setting',
    },
    { does: LISTING, are: ['LIST none'], why: 'a listing is of no size' },
    {
      does: DELETING,
      more: { data: { sizes: [] } },
      env: { S3LOADTEST_SIZE: '1KB,1MB' },
      are: ['LIST none', 'DELETE_OBJECTS none'],
      why: 'nor is a batch, whatever sizes are in it',
    },
    {
      does: operations('PUT', 'HEAD', 'LIST', 'DELETE'),
      more: { data: { sizes: ['1B'] } },
      are: ['PUT 1B', 'HEAD 1B', 'LIST none', 'DELETE 1B'],
      why: 'both kinds in one',
    },
  ])('$are: $why', ({ does, more, env, are }) => {
    expect(series(does, more, env)).toEqual(are);
  });

  test('what several loads of a test do is one series', () => {
    const loads = [
      { step: BOTH, share: 0.5 },
      { step: BOTH, name: 'burst', share: 0.5 },
    ];
    expect(series(BOTH, { data: { sizes: ['1KB'] }, loads })).toEqual(['GET 1KB', 'PUT 1KB']);
  });

  test('hosts of endpoints, as the endpoint tag has them', () => {
    expect(plan([pattern('t', BOTH)]).measured[0]?.endpoints).toEqual(['10.0.0.1:9000', 's3.example']);
  });

  const burst: Load['shape'] = { windows: { kind: 'spikes', burst: 5000, pause: 5000 } };

  test.each<{ loads: readonly Load[]; phases: readonly string[]; why: string }>([
    { loads: [{ step: BOTH }], phases: [], why: 'one load' },
    {
      loads: [{ step: BOTH, shape: burst }],
      phases: [],
      why: 'one load in bursts: there is nothing to tell them from',
    },
    {
      loads: [
        { step: BOTH, share: 0.5 },
        { step: BOTH, name: 'burst', share: 0.5, shape: burst },
      ],
      phases: ['steady', 'write-burst', 'read-burst'],
      why: 'two: each phase once',
    },
  ])('phases $phases: $why', ({ loads, phases }) => {
    expect(plan([pattern('t', BOTH, { loads })]).measured[0]?.phases).toEqual(phases);
  });

  test('phases of one test are none of another', () => {
    const phased = pattern('phased', BOTH, { loads: [{ step: BOTH }, { step: BOTH, name: 'b', shape: burst }] });
    const { measured } = plan([phased, pattern('flat', BOTH)]);
    expect(measured.map(({ phases }) => phases.length)).toEqual([3, 0]);
  });
});

test.each<{ of: readonly Step[]; are: readonly boolean[]; why: string }>([
  { of: [BOTH], are: [false], why: 'what a test wrote itself is there' },
  { of: [READING], are: [true], why: "it reads what is others', who may delete it" },
  { of: [LISTING], are: [false], why: 'it asks for no object' },
  { of: [WRITING], are: [false], why: 'likewise' },
  { of: [operations('PUT', 'HEAD', 'DELETE')], are: [true], why: 'it deletes' },
  { of: [BOTH, DELETING], are: [true, true], why: 'someone else deletes meanwhile' },
  { of: [BOTH, READING], are: [false, true], why: 'each by what it does itself, where nobody deletes' },
])('misses expected $are: $why', ({ of, are }) => {
  const { measured } = plan(of.map((does, i) => pattern(`test${i}`, does)));
  expect(measured.map(({ missesExpected }) => missesExpected)).toEqual(are);
});

test('k6 makes one VU for traffic that paces itself, and all for any other', () => {
  const made = plan([pattern('a', DELETING), pattern('b', BOTH)], { S3LOADTEST_CONCURRENCY: '64' });
  expect(made.loads.map(k6Vus)).toEqual([1, 32]);
  expect(vusOf(made)).toEqual([32, 32]);
});

describe('memory', () => {
  const writers = [pattern('w', WRITING)];
  const per = (bytes: number) => memoryNeed(1, [bytes], 8 * MB);

  test.each<{ patterns: Workload[]; more: Environment; free: number; says: string | undefined; why: string }>([
    { patterns: writers, more: {}, free: Number.NaN, says: undefined, why: 'nobody knows how much is free' },
    {
      patterns: writers,
      more: { S3LOADTEST_CONCURRENCY: '10' },
      free: 10 * per(8 * MB),
      says: undefined,
      why: 'just enough',
    },
    {
      patterns: writers,
      more: { S3LOADTEST_CONCURRENCY: '10' },
      free: 10 * per(8 * MB) - 1,
      says: '10 VUs with up to 8.0MB each under way may need 408.3MB of memory, and 408.3MB are free: take --concurrency 9, or --no-memory-check to run all the same',
      why: 'a byte too little: parts, not objects, are in memory',
    },
    {
      patterns: writers,
      more: { S3LOADTEST_CONCURRENCY: '10', S3LOADTEST_CHECKSUM: 'sha1', S3LOADTEST_CHECKSUM_TRAILER: 'true' },
      free: 10 * per(8 * MB),
      says: '10 VUs with up to 8.0MB each under way may need 568.3MB of memory, and 408.3MB are free: take --concurrency 7, or --no-memory-check to run all the same',
      why: 'bodies are copied into chunks',
    },
    {
      patterns: writers,
      more: { S3LOADTEST_CONCURRENCY: '3' },
      free: 20 * MB,
      says: '3 VUs with up to 8.0MB each under way may need 122.5MB of memory, and 20.0MB are free: take smaller objects (--size), or --no-memory-check to run all the same',
      why: 'not even one VU has the room',
    },
    {
      patterns: [pattern('r', READING)],
      more: { S3LOADTEST_CONCURRENCY: '10' },
      free: 16 * MB,
      says: undefined,
      why: 'what is read is streamed away',
    },
    {
      patterns: [pattern('r', READING), pattern('w', WRITING)],
      more: {
        S3LOADTEST_BACKEND: 'jslib',
        AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
        S3LOADTEST_CONCURRENCY: '20',
      },
      free: 10 * per(8 * MB) + 4 * memoryNeed(1, [100 * MB], 100 * MB),
      says: '20 VUs with up to 100.0MB each under way may need 5.3GB of memory, and 2.4GB are free: take --concurrency 8, or --no-memory-check to run all the same',
      why: "Grafana's client keeps what it reads, whole",
    },
    {
      patterns: [pattern('d', DELETING)],
      more: { S3LOADTEST_CONCURRENCY: '10000' },
      free: 2 * MB,
      says: undefined,
      why: 'one VU of k6',
    },
    {
      patterns: [
        pattern('s', WRITING, { data: { sizes: ['1KB'] } }),
        pattern('l', WRITING, { data: { sizes: ['100MB'] } }),
      ],
      more: { S3LOADTEST_CONCURRENCY: '10' },
      free: 5 * per(1024) + 5 * per(8 * MB),
      says: undefined,
      why: 'each load needs what its own sizes need',
    },
  ])('$says: $why', ({ patterns, more, free, says }) => {
    expect(tooLittleMemory(plan(patterns, more), free)).toBe(says);
  });

  test('who takes the advice is not refused again', () => {
    const holders = [pattern('elephant', HOLDING, { data: { sizes: ['1KB'] } })];
    for (const patterns of [writers, holders]) {
      for (const vus of [2, 7, 64, 1000, 20_000]) {
        for (const free of [50 * MB, 333 * MB, 2000 * MB]) {
          const said = tooLittleMemory(plan(patterns, { S3LOADTEST_CONCURRENCY: `${vus}` }), free);
          const advice = /--concurrency (\d+)/.exec(said ?? '')?.[1];
          if (advice === undefined) continue;
          expect(tooLittleMemory(plan(patterns, { S3LOADTEST_CONCURRENCY: advice }), free)).toBeUndefined();
        }
      }
    }
  });
});

describe('how the load is divided, in a line', () => {
  const two = [pattern('firehose', BOTH), pattern('delete', DELETING)];

  test.each<{ patterns: Workload[]; more: Environment; says: string | undefined; why: string }>([
    { patterns: two.slice(0, 1), more: {}, says: undefined, why: 'nothing was divided' },
    { patterns: two, more: { S3LOADTEST_CONCURRENCY: '17' }, says: '17 VUs: firehose 9, delete 8', why: 'VUs of each' },
    {
      patterns: two,
      more: { S3LOADTEST_CONCURRENCY: '1' },
      says: '2 VUs: firehose 1, delete 1',
      why: 'as many as there are, not as were asked for',
    },
    {
      patterns: two,
      more: { S3LOADTEST_CONCURRENCY: '16', S3LOADTEST_RATE: '5/m' },
      says: '16 VUs: firehose 8 (0.0417/s), delete 8 (0.0417/s)',
      why: 'the rate of each, to three digits',
    },
    {
      patterns: [
        pattern('spiky', BOTH, {
          loads: [
            { step: BOTH, share: 0.25 },
            { step: BOTH, name: 'burst', share: 0.75 },
          ],
        }),
      ],
      more: { S3LOADTEST_CONCURRENCY: '16', S3LOADTEST_RATE: '500' },
      says: '16 VUs: spiky 4 (125/s), spiky-burst 12 (375/s)',
      why: 'within one test likewise',
    },
    {
      patterns: two,
      more: { S3LOADTEST_CONCURRENCY: '16', S3LOADTEST_DURATION: '', S3LOADTEST_STAGES: '5/s:5s,9/s:5s' },
      says: '16 VUs: firehose 8, delete 8',
      why: 'stages have no one rate',
    },
  ])('$says: $why', ({ patterns, more, says }) => {
    expect(splitText(plan(patterns, more))).toBe(says);
  });
});

test('loads by a schedule never become steady', () => {
  const shape: Load['shape'] = { windows: { kind: 'bursts', burst: 10_000, pause: 40_000 } };
  const bursts: Workload = { name: 'bursts', data: { sizes: ['1KB'] }, loads: [{ step: BOTH, shape }] };
  expect(() => plan([bursts], { S3LOADTEST_UNTIL_STEADY: 'true' })).toThrow(
    'S3LOADTEST_UNTIL_STEADY is true: bursts has bursts, leave one of them out',
  );
  expect(() => plan([pattern('firehose', BOTH)], { S3LOADTEST_UNTIL_STEADY: 'true' })).not.toThrow();
});

test('a proxy that signs headers is not asked to sign forms', () => {
  const more = { S3LOADTEST_BACKEND: 'proxy', S3_ENDPOINTS: 'http://10.0.0.1:9000' };
  expect(plan([pattern('p', WRITING)], more).measured).toHaveLength(1);
  expect(() => plan([pattern('p', operations('POST'))], more)).toThrow(
    'S3LOADTEST_BACKEND is proxy: a proxy signs headers, and POST has its signature in a form: take native or http',
  );
});
