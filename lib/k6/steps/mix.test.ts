import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { fakeS3, OK } from '../../../test/fake-s3';
import { fakeVu } from '../../../test/fake-vu';
import type { S3 } from '../../../test/s3';
import type { Failure, Outcome } from '../../s3/outcome';
import type { Environment, ObjectSize } from '../../settings/config';
import { settings } from '../../settings/config';
import type { FoundKeys } from '../../workload/keys';
import { seeded } from '../../workload/random';
import type { Window } from '../../workload/schedule';
import { opsOf, type Step, type VirtualUser } from '../../workload/step';
import { mix, mixByPhase, mixOf, type OpMix } from './mix';

const { slept } = vi.hoisted(() => ({ slept: [] as number[] }));
vi.mock('k6', () => ({
  sleep: (seconds: number) => {
    slept.push(seconds);
    vi.advanceTimersByTime(seconds * 1000);
  },
}));

/** Chance that is the same in every run: keys, and when a VU looks for them, are drawn by Math.random. */
beforeEach(() => {
  slept.length = 0;
  vi.useFakeTimers({ now: 1_763_726_400_000 });
  vi.spyOn(Math, 'random').mockImplementation(seeded(7));
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const WINDOW: Window = { start: 0, end: 300_000, phase: 'steady' };
const GONE: Failure = { errorClass: 'notFound', code: 'NoSuchKey', message: '' };
const BROKEN: Failure = { errorClass: 'server', code: 'InternalError', message: '' };

const sizes = (list: string): readonly ObjectSize[] => settings.sizes.parse(list) ?? [];

interface Call {
  readonly op: string;
  readonly size: string;
  readonly key: string;
}

/** A bucket in memory, and every call to it in order. What is asked for and not there is a 404, as of a real one. */
function bucketOf(keys: readonly string[] = [], fails: (call: Call) => Failure | undefined = () => undefined) {
  const there = new Set(keys);
  const calls: Call[] = [];
  const called = (op: string, key: string, size: string, missing: boolean): Outcome => {
    const call = { op, key, size };
    calls.push(call);
    const failure = fails(call) ?? (missing && !there.has(key) ? GONE : undefined);
    return failure === undefined ? OK : { ...OK, status: failure === GONE ? 404 : 500, failure };
  };
  const put = (op: string, key: string, size: string) => {
    const outcome = called(op, key, size, false);
    if (outcome.failure === undefined) there.add(key);
    return outcome;
  };
  const s3: Partial<S3> = {
    putObject: (key, _, size) => put('PUT', key, size),
    putObjectInParts: (key, _, size) => put('PUT in parts', key, size),
    getObject: (key, size) => called('GET', key, size, true),
    headObject: (key, size) => called('HEAD', key, size, true),
    deleteObject: (key, size) => {
      const outcome = called('DELETE', key, size, true);
      if (outcome.failure === undefined) there.delete(key);
      return outcome;
    },
    countObjects: ({ prefix = '' } = {}) => ({ ...called('LIST', prefix, '', false), keys: 0 }),
  };
  return { engine: fakeS3(s3), s3, calls, there };
}

/** Lets a VU do so many operations. */
function operate(step: Step, vu: VirtualUser, times: number, window: Window = WINDOW): void {
  const operation = step.start(vu);
  for (let i = 0; i < times; i++) void operation(window, Date.now());
}

function counts(calls: readonly Call[], by: (call: Call) => string = ({ op }) => op): Record<string, number> {
  const all: Record<string, number> = {};
  for (const call of calls) all[by(call)] = (all[by(call)] ?? 0) + 1;
  return all;
}

const keysOf = (size: string, n: number) => Array.from({ length: n }, (_, i) => `loadtest/w9/${size}/t/${i}`);

test.each<{ shares: OpMix; ops: string[]; why: string }>([
  { shares: { GET: 1, PUT: 1 }, ops: ['GET', 'PUT'], why: 'as it says' },
  { shares: { PUT: 100, GET: 0 }, ops: ['PUT'], why: 'no share is none' },
  {
    shares: { LIST: 1, HEAD: 1, DELETE: 1, PUT: 1 },
    ops: ['PUT', 'HEAD', 'DELETE', 'LIST'],
    why: 'in the order of rows',
  },
])('$shares is a step of $ops: $why', ({ shares, ops }) => {
  const step = mix(shares);
  expect([step.kind, opsOf(step)]).toEqual(['operation', ops]);
});

test('a mix by phases is of all that any of them does', () => {
  const step = mixByPhase({ a: { GET: 100 }, b: { PUT: 50, DELETE: 50 } });
  expect(opsOf(step)).toEqual(['GET', 'PUT', 'DELETE']);
});

describe('the mix', () => {
  test.each<{ shares: OpMix; of: string; deck: number; each: Record<string, number>; why: string }>([
    { shares: { GET: 50, PUT: 50 }, of: '1KB,10KB', deck: 4, each: { GET: 2, PUT: 2 }, why: 'halves' },
    { shares: { GET: 70, PUT: 30 }, of: '1KB', deck: 10, each: { GET: 7, PUT: 3 }, why: 'tenths' },
    {
      shares: { PUT: 30, HEAD: 25, LIST: 25, DELETE: 20 },
      of: '1B',
      deck: 20,
      each: { PUT: 6, HEAD: 5, LIST: 5, DELETE: 4 },
      why: 'more is written than deleted',
    },
    {
      shares: { PUT: 40, GET: 10, HEAD: 10, LIST: 10, DELETE: 30 },
      of: '1KB,10KB,100KB',
      deck: 30,
      each: { PUT: 12, GET: 3, HEAD: 3, LIST: 3, DELETE: 9 },
      why: 'all five, over several sizes',
    },
  ])(
    '$shares over $of is exact in every deck of $deck, from an empty bucket on: $why',
    ({ shares, of, deck, each }) => {
      for (const seed of [1, 2, 3, 1_000_004]) {
        const { engine, calls } = bucketOf();
        operate(mix(shares), fakeVu({ engine, sizes: sizes(of), random: seeded(seed) }), deck * 60);
        expect(calls).toHaveLength(deck * 60);
        for (let i = 0; i < 60; i++) expect(counts(calls.slice(i * deck, (i + 1) * deck))).toEqual(each);
      }
    },
  );

  test('nothing is asked for that is not there, and every size is written and read as often', () => {
    const { s3, calls } = bucketOf();
    const failures: unknown[] = [];
    const getObject = vi.fn(s3.getObject);
    operate(
      mix({ GET: 50, PUT: 50 }),
      fakeVu({ engine: fakeS3({ ...s3, getObject }), sizes: sizes('1KB,10KB,100KB') }),
      600,
    );
    for (const { value } of getObject.mock.results) if (value.failure) failures.push(value);
    expect(failures).toEqual([]);
    expect(counts(calls, ({ op, size }) => `${op} ${size}`)).toEqual({
      'GET 1KB': 100,
      'GET 10KB': 100,
      'GET 100KB': 100,
      'PUT 1KB': 100,
      'PUT 10KB': 100,
      'PUT 100KB': 100,
    });
    // The size of the call is that of the key.
    for (const { key, size } of calls) expect(key.split('/')[2]).toBe(size);
  });

  test('it is read from the first operation on where keys were found before', () => {
    const { engine, calls } = bucketOf(keysOf('1KB', 3));
    operate(mix({ GET: 100 }), fakeVu({ engine, sizes: sizes('1KB'), found: { '1KB': keysOf('1KB', 3) } }), 30);
    expect(counts(calls)).toEqual({ GET: 30 });
    expect(new Set(calls.map(({ key }) => key)).size).toBe(3);
  });

  test('the same seed gives the same operations, another gives others', () => {
    const order = (seed: number) => {
      const { engine, calls } = bucketOf();
      operate(mix({ PUT: 30, HEAD: 25, LIST: 25, DELETE: 20 }), fakeVu({ engine, random: seeded(seed) }), 80);
      return calls.map(({ op, size }) => `${op} ${size}`);
    };
    expect(order(1)).toEqual(order(1));
    expect(order(1)).not.toEqual(order(2));
  });
});

test.each<{ of: string; environment: Environment; op: string; why: string }>([
  { of: '8MB', environment: {}, op: 'PUT', why: 'just one part' },
  { of: '9MB', environment: {}, op: 'PUT in parts', why: 'more than one' },
  { of: '9MB', environment: { S3LOADTEST_PART_SIZE: '16MB' }, op: 'PUT', why: 'the part size is a setting' },
])('$of is a $op: $why', ({ of, environment, op }) => {
  const { engine, calls } = bucketOf();
  operate(mix({ PUT: 1 }), fakeVu({ engine, sizes: sizes(of) }, environment), 2);
  expect(calls.map((call) => call.op)).toEqual([op, op]);
});

test('a read expects as many bytes as the size has: fewer would be corrupt', () => {
  const getObject = vi.fn(() => OK);
  const found = { '1KB': ['a'], '9MB': ['b'] };
  operate(mix({ GET: 1 }), fakeVu({ engine: fakeS3({ getObject }), sizes: sizes('1KB,9MB'), found }), 2);
  expect(getObject.mock.calls).toEqual(
    expect.arrayContaining([
      ['a', '1KB', 1024],
      ['b', '9MB', 9 * 1024 ** 2],
    ]),
  );
});

describe('a key', () => {
  test('is asked for only when its object was written', () => {
    const { engine, calls } = bucketOf([], ({ op }) => (op === 'PUT' ? BROKEN : undefined));
    operate(mix({ GET: 50, PUT: 50 }), fakeVu({ engine, sizes: sizes('1KB') }), 20);
    expect(counts(calls)).toEqual({ PUT: 20 });
  });

  test('of another test or worker is read, but neither asked for by HEAD nor deleted', () => {
    const others = keysOf('1KB', 5);
    const { engine, calls, there } = bucketOf(others);
    const shares: OpMix = { PUT: 30, GET: 30, HEAD: 20, DELETE: 20 };
    operate(
      mix(shares),
      fakeVu({ engine, sizes: sizes('1KB'), found: { '1KB': others }, listed: { '1KB': others } }),
      500,
    );
    const of = (op: string) => calls.filter((call) => call.op === op && others.includes(call.key)).length;
    expect([of('HEAD'), of('DELETE')]).toEqual([0, 0]);
    expect(of('GET')).toBeGreaterThan(0);
    expect(others.every((key) => there.has(key))).toBe(true);
  });

  test.each([
    { fails: () => undefined, why: 'it is gone' },
    { fails: ({ op }: Call) => (op === 'DELETE' ? BROKEN : undefined), why: 'it may be gone, whatever the answer' },
  ])('is deleted once, and never asked for again: $why', ({ fails }) => {
    const { engine, calls } = bucketOf([], fails);
    operate(mix({ PUT: 30, HEAD: 25, LIST: 25, DELETE: 20 }), fakeVu({ engine, sizes: sizes('1KB') }), 2000);
    const deleted = new Set<string>();
    for (const { op, key } of calls) {
      expect(deleted.has(key)).toBe(false);
      if (op === 'DELETE') deleted.add(key);
    }
    expect(deleted.size).toBe(400);
  });

  test.each<{ op: 'GET' | 'HEAD'; why: string }>([
    { op: 'GET', why: 'another test deleted it' },
    { op: 'HEAD', why: 'likewise' },
  ])('that is not there is forgotten: a $op of it happens once ($why)', ({ op }) => {
    const { engine, calls } = bucketOf([], (call) => (call.op === op ? GONE : undefined));
    const shares = { PUT: 50, [op]: 50 };
    operate(mix(shares), fakeVu({ engine, sizes: sizes('1KB') }), 400);
    const asked = calls.filter((call) => call.op === op).map(({ key }) => key);
    expect(asked.length).toBeGreaterThan(100);
    expect(new Set(asked).size).toBe(asked.length);
  });

  test.each(['GET', 'HEAD'] as const)('is kept through any other failure of a %s', (op) => {
    const { engine, calls } = bucketOf([], (call) => (call.op === op ? BROKEN : undefined));
    const vu = fakeVu({ engine, sizes: sizes('1KB') });
    vu.keys.wrote('1KB', 'the one');
    operate(mix({ [op]: 1 }), vu, 20);
    expect(counts(calls, ({ key }) => key)).toEqual({ 'the one': 20 });
  });
});

describe('reading alone', () => {
  const reading = mix({ GET: 100 });

  test('of sizes that are missing takes the others, each as often', () => {
    const found: FoundKeys = { '1KB': keysOf('1KB', 9), '100KB': keysOf('100KB', 9), '10MB': keysOf('10MB', 9) };
    const { engine, calls } = bucketOf(Object.values(found).flat());
    operate(reading, fakeVu({ engine, sizes: sizes('1KB,10KB,100KB,1MB,10MB,100MB'), found }), 1800);
    const each = counts(calls, ({ op, size }) => `${op} ${size}`);
    expect(Object.keys(each).sort()).toEqual(['GET 100KB', 'GET 10MB', 'GET 1KB']);
    for (const n of Object.values(each)) expect(Math.abs(n - 600)).toBeLessThanOrEqual(1);
    expect(slept).toEqual([]);
  });

  test('of a size that was all deleted meanwhile goes on with the others', () => {
    const found: FoundKeys = { '1KB': keysOf('1KB', 3), '10KB': keysOf('10KB', 3) };
    const { engine, calls } = bucketOf(found['10KB']);
    operate(reading, fakeVu({ engine, found, sizes: sizes('1KB,10KB') }), 100);
    expect(counts(calls, ({ size }) => size)).toEqual({ '1KB': 3, '10KB': 97 });
  });

  test('with nothing to read waits, and asks each time whether there is something', async () => {
    const findKeys = vi.fn(async () => undefined);
    const operation = reading.start(fakeVu({ findKeys }));
    for (let i = 0; i < 10; i++) await operation(WINDOW, Date.now());
    expect(slept).toEqual(Array.from({ length: 10 }, () => 0.25));
    expect(findKeys).toHaveBeenCalledTimes(10);
  });

  test('begins to read as soon as something was found', async () => {
    const keys = keysOf('10KB', 4);
    const { engine, calls } = bucketOf(keys);
    const findKeys = vi.fn(async () => ({ '10KB': keys }));
    const operation = reading.start(fakeVu({ engine, findKeys, sizes: sizes('1KB,10KB') }));
    for (let i = 0; i < 100; i++) await operation(WINDOW, Date.now());
    expect(findKeys).toHaveBeenCalledTimes(1);
    expect(slept).toEqual([]);
    expect(counts(calls, ({ size }) => size)).toEqual({ '10KB': 99 });
  });
});

test.each([
  { GET: 50, PUT: 50 },
  { PUT: 50, HEAD: 50 },
])('%o looks for no keys: it has its own', (shares) => {
  const { engine } = bucketOf();
  // A VU that looks for keys fails the test.
  operate(mix(shares), fakeVu({ engine }), 5000);
});

test('without a write and a read, what is due is done to an object of another size', () => {
  const asked: string[] = [];
  const others = ({ keys }: VirtualUser) => {
    return ({ op, size }: { op: string; size: string }) => {
      const key = keys.any(size);
      if (key === undefined) return false;
      asked.push(`${op} ${key}`);
      return undefined;
    };
  };
  const { engine, calls } = bucketOf();
  const vu = fakeVu({ engine, found: { '10KB': ['key'] } });
  operate(mixOf({ '': { HEAD_OF_ANY: 1 } }, [], others), vu, 20);
  expect(asked).toEqual(Array(20).fill('HEAD_OF_ANY key'));
  expect(calls).toEqual([]);
});
test.each(['HEAD', 'DELETE'] as const)(
  'a %s of what the VU has written waits where it writes nothing, and reads nothing',
  async (op) => {
    const found: FoundKeys = { '1KB': keysOf('1KB', 3) };
    const { engine, calls } = bucketOf(found['1KB']);
    const operation = mix({ [op]: 100 }).start(fakeVu({ engine, found, findKeys: async () => undefined }));
    for (let i = 0; i < 3; i++) await operation(WINDOW, Date.now());
    expect(calls).toEqual([]);
    expect(slept).toEqual([0.25, 0.25, 0.25]);
  },
);

describe('operations that are promised', () => {
  /** A bucket whose calls end when they are let. */
  function slow(fails?: (call: Call) => Failure | undefined) {
    const { s3, calls } = bucketOf([], fails);
    let go = () => {};
    const later = <A extends unknown[], R>(call: (...args: A) => R) => {
      return async (...args: A): Promise<Awaited<R>> => {
        await new Promise<void>((resolve) => {
          go = resolve;
        });
        return await call(...args);
      };
    };
    const { putObject, getObject, deleteObject, countObjects } = s3 as S3;
    const promised = fakeS3({
      ...s3,
      putObject: later(putObject),
      getObject: later(getObject),
      deleteObject: later(deleteObject),
      countObjects: later(countObjects),
    });
    return { engine: promised, calls, go: () => go() };
  }

  test.each(['PUT', 'GET', 'DELETE', 'LIST'] as const)('a %s promises its end', async (op) => {
    const { engine, calls, go } = slow();
    const vu = fakeVu({ engine, sizes: sizes('1KB') });
    vu.keys.wrote('1KB', 'known');
    const ends = mix({ [op]: 1 }).start(vu)(WINDOW, Date.now());
    expect(ends).toBeInstanceOf(Promise);
    expect(calls).toEqual([]);
    go();
    await ends;
    expect(counts(calls)).toEqual({ [op]: 1 });
  });

  test('a key is known when its PUT has ended well, and forgotten when its GET has found nothing', async () => {
    const { engine, go } = slow(({ op }) => (op === 'GET' ? GONE : undefined));
    const vu = fakeVu({ engine, sizes: sizes('1KB') });
    const put = mix({ PUT: 1 }).start(vu)(WINDOW, Date.now());
    expect(vu.keys.own('1KB')).toBeUndefined();
    go();
    await put;
    expect(vu.keys.own('1KB')).toBeDefined();
    const got = mix({ GET: 1 }).start(vu)(WINDOW, Date.now());
    expect(vu.keys.own('1KB')).toBeDefined();
    vu.keys.any('1KB');
    go();
    await got;
    expect(vu.keys.own('1KB')).toBeUndefined();
  });

  test('a HEAD is done at once', () => {
    const { engine, calls } = slow();
    const vu = fakeVu({ engine, sizes: sizes('1KB') });
    vu.keys.wrote('1KB', 'known');
    expect(mix({ HEAD: 1 }).start(vu)(WINDOW, Date.now())).toBeUndefined();
    expect(counts(calls)).toEqual({ HEAD: 1 });
  });
});

test('the phase chooses the mix', () => {
  const { engine, calls } = bucketOf();
  const byPhase = mixByPhase({ 'read-burst': { GET: 95, PUT: 5 }, 'write-burst': { GET: 5, PUT: 95 } });
  const vu = fakeVu({ engine, sizes: sizes('1KB') });
  vu.keys.wrote('1KB', 'first');
  const step = byPhase.start(vu);
  const run = (phase: string) => {
    calls.length = 0;
    for (let i = 0; i < 200; i++) void step({ ...WINDOW, phase }, Date.now());
    return counts(calls);
  };
  expect(run('read-burst')).toEqual({ GET: 190, PUT: 10 });
  expect(run('write-burst')).toEqual({ GET: 10, PUT: 190 });
  expect(run('read-burst')).toEqual({ GET: 190, PUT: 10 });
});

test('a mix of one phase is kept to whatever the phase is called', () => {
  const { engine, calls } = bucketOf();
  operate(mix({ PUT: 1 }), fakeVu({ engine }), 5, { ...WINDOW, phase: 'burst' });
  expect(counts(calls)).toEqual({ PUT: 5 });
});

test('listings are of each letter from a to p under the prefix, and of no other', () => {
  const { engine, calls } = bucketOf();
  operate(mix({ LIST: 1 }), fakeVu({ engine }, { S3LOADTEST_PREFIX: 'x/y/' }), 400);
  const letters = [...new Set(calls.map(({ key }) => key))].sort();
  expect(letters).toEqual([...'abcdefghijklmnop'].map((letter) => `x/y/${letter}`));
});
