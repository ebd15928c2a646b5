import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { fakeS3, OK } from '../../../test/fake-s3';
import { fakeVu, type VuParts } from '../../../test/fake-vu';
import type { DeleteObjectsOutcome, ListOutcome, PageOptions } from '../../../test/s3';
import { MARKS } from '../../result/protocol';
import type { Failure } from '../../s3/outcome';
import type { Environment } from '../../settings/config';
import { has, opsOf, type VirtualUser } from '../../workload/step';
import { drain } from './drain';

// Looked up at each call: fake timers take its place.
vi.mock('k6/timers', () => ({ setTimeout: (call: () => void, ms: number) => globalThis.setTimeout(call, ms) }));

const START = 1_763_726_400_000;

beforeEach(() => {
  vi.useFakeTimers({ now: START });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const WHOLE = { index: 0, of: 1 };
const BROKEN: Failure = { errorClass: 'server', code: 'InternalError', message: '' };

const key = (size: string, n: number, worker = 'w0') =>
  `loadtest/${worker}/${size}/tide/1763726400000000/${String(n).padStart(6, '0')}`;
const keysOf = (size: string, n: number, worker?: string) => Array.from({ length: n }, (_, i) => key(size, i, worker));

interface Behaviour {
  /** Keys on a page. */
  readonly page?: number;
  /** Milliseconds that a batch takes. */
  readonly ms?: number;
  /** Requests for a page that fail, by number from 1. */
  readonly failing?: readonly number[];
  /** What becomes of a batch; a success where nothing is said. */
  readonly outcome?: (keys: readonly string[]) => Partial<DeleteObjectsOutcome>;
}

/** A bucket in memory that lists in order. Of each request it is known when it began, in milliseconds from the start. */
function bucketOf(keys: readonly string[], { page = 1000, ms = 0, failing = [], outcome }: Behaviour = {}) {
  const there = new Set(keys);
  const listed: Array<PageOptions & { readonly at: number }> = [];
  const batches: Array<{ readonly keys: readonly string[]; readonly at: number; readonly running: number }> = [];
  let running = 0;
  let sorted: string[] = [];
  const listObjects = (options: PageOptions = {}): ListOutcome => {
    listed.push({ ...options, at: Date.now() - START });
    if (failing.includes(listed.length)) return { ...OK, status: 500, failure: BROKEN, objects: [], prefixes: [] };
    const { prefix = '', continuationToken: after = '' } = options;
    if (after === '') sorted = [...there].filter((k) => k.startsWith(prefix)).sort();
    const from = after === '' ? 0 : sorted.indexOf(after) + 1;
    const objects = sorted.slice(from, from + page).map((k) => ({ key: k, bytes: 0 }));
    return { ...OK, objects, prefixes: [], ...(sorted.length > from + page ? { next: objects.at(-1)?.key } : {}) };
  };
  const deleteObjectsAsync = async (batch: readonly string[]): Promise<DeleteObjectsOutcome> => {
    running++;
    batches.push({ keys: batch, at: Date.now() - START, running });
    await new Promise((resolve) => setTimeout(resolve, ms));
    running--;
    const became = { ...OK, failed: [], ...outcome?.(batch) };
    const failed = new Set(became.failed.map((f) => f.key));
    if (became.failure === undefined) for (const k of batch) if (!failed.has(k)) there.delete(k);
    return became;
  };
  const mostAtOnce = () => Math.max(0, ...batches.map((batch) => batch.running));
  return { engine: fakeS3({ listObjects, deleteObjectsAsync }), listObjects, there, listed, batches, mostAtOnce };
}

/** Times without what timers add: none of them takes less than a millisecond. */
const round = (times: readonly number[]) => times.map((ms) => Math.round(ms / 10) * 10);

/** Deletes for so many milliseconds. Returns after how many it came back. */
async function deleteFor(ms: number, vu: VirtualUser): Promise<number> {
  let ended: number | undefined;
  const window = { start: 0, end: ms, phase: 'steady' };
  const operation = Promise.resolve(drain().start(vu)(window, START)).then(() => {
    ended = Date.now() - START;
  });
  for (let n = 0; ended === undefined && n < 10_000; n++) await vi.advanceTimersByTimeAsync(100);
  await operation;
  return ended as number;
}

/** A VU for so many milliseconds with these settings. */
function vuFor(ms: number, environment: Environment = {}, more: VuParts = {}): VirtualUser {
  const duration = environment.S3LOADTEST_STAGES ? '' : `${ms}ms`;
  return fakeVu(more, { S3LOADTEST_DURATION: duration, ...environment });
}

test('drain is a task that lists and deletes', () => {
  const step = drain();
  expect([step.kind, opsOf(step)]).toEqual(['task', ['LIST', 'DELETE_OBJECTS', 'DELETE']]);
  expect([has('read', step), has('write', step), has('delete', step)]).toEqual([false, false, true]);
});

describe('which keys', () => {
  const own = [...keysOf('1KB', 3), ...keysOf('10MB', 2), ...keysOf('1KB', 2, 'other')];
  const notOurs = [
    'loadtest/readme',
    'loadtest/w0/1KB/tide/2025/x',
    'loadtest/w0/1KB/tide/1763726400000000',
    'loadtest2/w0/1KB/tide/1763726400000000/x',
    // Nearly the layout: no size, something that follows, a name that no setting takes.
    'loadtest/w0/reports/tide/1763726400000000/x',
    'loadtest/w0/1KB/tide/1763726400000000/x/y',
    'loadtest/w 0/1KB/tide/1763726400000000/x',
    'backup/w0/1KB/tide/1763726400000000/x',
  ];

  test.each<{ size: string; left: readonly string[]; why: string }>([
    { size: '', left: [], why: 'all of the layout, of any worker, test and size' },
    { size: '1KB', left: keysOf('10MB', 2), why: 'only the sizes that were asked for' },
    { size: '10MB,100MB', left: own.filter((k) => k.includes('/1KB/')), why: 'of those, what there is' },
    { size: '5KB', left: own, why: 'which may be nothing' },
  ])('--size "$size": $why', async ({ size, left }) => {
    const { engine, there, listed } = bucketOf([...own, ...notOurs]);
    await deleteFor(1000, vuFor(1000, { S3LOADTEST_SIZE: size }, { engine }));
    expect([...there].sort()).toEqual([...left, ...notOurs].sort());
    expect(listed).toEqual([{ prefix: 'loadtest/', at: 0 }]);
  });

  test('are under another prefix where one is set', async () => {
    const others = own.map((k) => k.replace('loadtest/', 'x/y/'));
    const { engine, there } = bucketOf([...own, ...others]);
    await deleteFor(1000, vuFor(1000, { S3LOADTEST_PREFIX: 'x/y/' }, { engine }));
    expect([...there].sort()).toEqual([...own].sort());
  });
});

describe('batches', () => {
  test.each<{ keys: number; page: number; are: readonly number[]; why: string }>([
    { keys: 0, page: 1000, are: [], why: 'an empty one is none' },
    { keys: 999, page: 1000, are: [999], why: 'what there is' },
    { keys: 1000, page: 1000, are: [1000], why: 'what S3 takes' },
    { keys: 1001, page: 1000, are: [1000, 1], why: 'no more than that' },
    { keys: 2500, page: 700, are: [1000, 1000, 500], why: 'filled from several pages' },
    { keys: 2500, page: 5000, are: [1000, 1000, 500], why: 'several from a page, where a server has larger ones' },
  ])('$keys keys by $page: $are, $why', async ({ keys, page, are }) => {
    const { engine, batches, there, listed } = bucketOf(keysOf('1KB', keys), { page });
    await deleteFor(10_000, vuFor(10_000, {}, { engine }));
    expect(batches.map((batch) => batch.keys.length)).toEqual(are);
    expect(there.size).toBe(0);
    expect(listed).toHaveLength(Math.max(1, Math.ceil(keys / page)));
  });

  test('send no key twice in a cycle, though none is gone before the listing is', async () => {
    const all = keysOf('1KB', 9500);
    const { engine, batches } = bucketOf(all, { ms: 20_000 });
    await deleteFor(29_000, vuFor(29_000, {}, { engine, vus: 32 }));
    expect(batches.flatMap((batch) => batch.keys)).toEqual(all);
  });

  test.each([1, 3, 32])('are never more under way than %d VUs, and as many where there are enough', async (vus) => {
    const { engine, mostAtOnce, there } = bucketOf(keysOf('1KB', 40_000), { ms: 500 });
    const environment = { S3LOADTEST_CONCURRENCY: `${vus}` };
    await deleteFor(25_000, vuFor(25_000, environment, { engine }));
    expect(mostAtOnce()).toBe(vus);
    expect(there.size).toBe(0);
  });

  test('begin as soon as one ends: nobody waits for the slowest', async () => {
    const { engine, batches } = bucketOf(keysOf('1KB', 10_000), { ms: 70 });
    await deleteFor(5_000, vuFor(5_000, { S3LOADTEST_CONCURRENCY: '2' }, { engine }));
    expect(batches.map(({ at }) => at)).toEqual([0, 0, 70, 70, 140, 140, 210, 210, 280, 280]);
  });

  test("are as many as the load's own VUs, where others have the rest", async () => {
    const { engine, mostAtOnce } = bucketOf(keysOf('1KB', 20_000), { ms: 500 });
    await deleteFor(5_000, vuFor(5_000, { S3LOADTEST_CONCURRENCY: '64' }, { engine, vus: 8, share: 0.125 }));
    expect(mostAtOnce()).toBe(8);
  });

  test('tell k6 what was counted each time one ends, not at the end of the run', async () => {
    const flush = vi.fn();
    const { engine } = bucketOf(keysOf('1KB', 5_000), { ms: 500 });
    await deleteFor(5_000, vuFor(5_000, {}, { engine, flush }));
    expect(flush).toHaveBeenCalledTimes(5);
  });
});

describe('VUs that change', () => {
  /** How many batches are under way in each second, when there is always another and each takes a second. */
  async function perSecond(seconds: number, environment: Environment, more: VuParts = {}) {
    const { engine, batches } = bucketOf(keysOf('1KB', seconds * 8_000), { ms: 1000 });
    await deleteFor(seconds * 1000, vuFor(seconds * 1000, environment, { engine, ...more }));
    const begun = (second: number) => batches.filter(({ at }) => Math.floor(at / 1000) === second).length;
    return Array.from({ length: seconds }, (_, second) => begun(second));
  }

  test('climb with --ramp', async () => {
    const begun = await perSecond(8, { S3LOADTEST_CONCURRENCY: '8', S3LOADTEST_RAMP: '4s' });
    // At the beginning there is one; by the end of the ramp all.
    expect(begun[0]).toBeLessThanOrEqual(2);
    expect(begun.slice(0, 4)).toEqual([...begun.slice(0, 4)].sort((a, b) => a - b));
    expect(begun.slice(4)).toEqual([8, 8, 8, 8]);
  });

  test('follow --stages, a stage of none included', async () => {
    const stages = { S3LOADTEST_STAGES: '2:3s,0:3s,6:3s', S3LOADTEST_CONCURRENCY: '' };
    expect(await perSecond(9, stages, { vus: 6 })).toEqual([2, 2, 2, 0, 0, 0, 6, 6, 6]);
  });

  test('are a part of all, and rounded up: a load has a VU while any has', async () => {
    const stages = { S3LOADTEST_STAGES: '2:3s,12:3s', S3LOADTEST_CONCURRENCY: '' };
    expect(await perSecond(6, stages, { vus: 3, share: 0.25 })).toEqual([1, 1, 1, 3, 3, 3]);
  });
});

describe('a rate', () => {
  /** When batches began within the first `seconds`, and how many were dropped. */
  async function begun(seconds: number, environment: Environment, behaviour: Behaviour, more: VuParts = {}) {
    const dropped = vi.fn();
    const { engine, batches } = bucketOf(keysOf('1KB', seconds * 10_000), behaviour);
    await deleteFor(seconds * 1000, vuFor(seconds * 1000, environment, { engine, dropped, ...more }));
    return { at: round(batches.map(({ at }) => at)), dropped: dropped.mock.calls.length };
  }

  test('begins a batch whenever one is due', async () => {
    const { at, dropped } = await begun(3, { S3LOADTEST_RATE: '4' }, { ms: 10 });
    expect(at).toEqual([0, 250, 500, 750, 1000, 1250, 1500, 1750, 2000, 2250, 2500, 2750]);
    expect(dropped).toBe(0);
  });

  test('is divided by shares', async () => {
    const { at } = await begun(3, { S3LOADTEST_RATE: '4' }, { ms: 10 }, { share: 0.25 });
    expect(at).toEqual([0, 1000, 2000]);
  });

  test('drops what is due while all VUs are taken, as k6 drops an iteration', async () => {
    const { at, dropped } = await begun(10, { S3LOADTEST_RATE: '10' }, { ms: 1000 }, { vus: 2 });
    // 100 were due; of each second's ten, two found a VU.
    expect(at.length + dropped).toBe(100);
    expect(at.length).toBeGreaterThanOrEqual(18);
    expect(at.length).toBeLessThanOrEqual(20);
  });

  test('climbs with --ramp: half of it on the way, all of it after', async () => {
    const { at, dropped } = await begun(20, { S3LOADTEST_RATE: '10', S3LOADTEST_RAMP: '10s' }, { ms: 10 });
    const between = (from: number, to: number) => at.filter((ms) => ms >= from && ms < to).length;
    expect(between(0, 10_000)).toBeGreaterThanOrEqual(49);
    expect(between(0, 10_000)).toBeLessThanOrEqual(52);
    expect(between(0, 5_000)).toBeLessThan(between(5_000, 10_000) / 2);
    expect(between(10_000, 20_000)).toBeGreaterThanOrEqual(99);
    expect(between(10_000, 20_000)).toBeLessThanOrEqual(101);
    expect(dropped).toBe(0);
  });

  test('of stages: none in a stage of none, and nothing made up for after it', async () => {
    const stages = { S3LOADTEST_STAGES: '4/s:2s,0/s:3s,2/s:2s' };
    const { at, dropped } = await begun(7, stages, { ms: 10 });
    expect(at.filter((ms) => ms < 2_000)).toHaveLength(8);
    expect(at.filter((ms) => ms >= 2_000 && ms < 5_000).length).toBeLessThanOrEqual(1);
    const last = at.filter((ms) => ms >= 5_000);
    expect(last.length).toBeGreaterThanOrEqual(3);
    expect(last.length).toBeLessThanOrEqual(5);
    expect(dropped).toBe(0);
  });

  test('of stages that begin with none is waited for', async () => {
    const { at } = await begun(4, { S3LOADTEST_STAGES: '0/s:2s,2/s:2s' }, { ms: 10 });
    expect(at[0]).toBeGreaterThanOrEqual(2_000);
    expect(at.length).toBeGreaterThanOrEqual(3);
  });

  test('is of time in which there is something to delete: nothing is due between two cycles', async () => {
    const dropped = vi.fn();
    const { engine, batches } = bucketOf(keysOf('1KB', 5_000), {
      ms: 10,
      // Nothing goes, so that each cycle finds as much.
      outcome: () => ({ failure: BROKEN, status: 500 }),
    });
    await deleteFor(59_000, vuFor(59_000, { S3LOADTEST_RATE: '2' }, { engine, dropped, vus: 2 }));
    expect(round(batches.map(({ at }) => at))).toEqual([
      0, 500, 1000, 1500, 2000, 30_000, 30_500, 31_000, 31_500, 32_000,
    ]);
    expect(dropped).not.toHaveBeenCalled();
  });

  test('of less than a batch a cycle is kept all the same', async () => {
    const { engine, batches } = bucketOf(keysOf('1KB', 10), { outcome: () => ({ failure: BROKEN, status: 500 }) });
    await deleteFor(299_000, vuFor(299_000, { S3LOADTEST_RATE: '1/m' }, { engine }));
    expect(batches.length).toBeGreaterThanOrEqual(4);
    expect(batches.length).toBeLessThanOrEqual(5);
  });
});

describe("at the window's end", () => {
  test('no batch begins any more, and those under way are waited for', async () => {
    const { engine, batches, there } = bucketOf(keysOf('1KB', 10_000), { ms: 700 });
    const ended = await deleteFor(2_000, vuFor(2_000, { S3LOADTEST_CONCURRENCY: '3' }, { engine }));
    expect(batches.map(({ at }) => at)).toEqual([0, 0, 0, 700, 700, 700, 1400, 1400, 1400]);
    expect(there.size).toBe(1_000);
    expect(ended).toBeGreaterThanOrEqual(2_100);
    expect(ended).toBeLessThanOrEqual(2_200);
  });

  test('it is left on time, though no VU comes free before', async () => {
    const { engine, batches } = bucketOf(keysOf('1KB', 10_000), { ms: 60_000 });
    const ended = await deleteFor(2_000, vuFor(2_000, { S3LOADTEST_CONCURRENCY: '2' }, { engine }));
    expect(batches).toHaveLength(2);
    expect(ended).toBeLessThan(60_010);
  });

  test('a wait for the next cycle or batch is cut short', async () => {
    const { engine } = bucketOf([]);
    expect(await deleteFor(12_300, vuFor(12_300, {}, { engine }))).toBe(12_300);
    vi.setSystemTime(START);
    const full = bucketOf(keysOf('1KB', 3_000));
    expect(await deleteFor(1_030, vuFor(1_030, { S3LOADTEST_RATE: '1/m' }, { engine: full.engine }))).toBeLessThan(
      1_040,
    );
  });

  test('a listing without end is left, too', async () => {
    const { listObjects, listed } = bucketOf(
      Array.from({ length: 50_000 }, (_, i) => `loadtest/others/${String(i).padStart(6, '0')}`),
    );
    const slow = fakeS3({
      listObjects: (options) => {
        vi.setSystemTime(Date.now() + 1000);
        return listObjects(options);
      },
    });
    await deleteFor(3_000, vuFor(3_000, {}, { engine: slow }));
    expect(listed).toHaveLength(3);
  });
});

describe('cycles', () => {
  test('begin 30 s after the last one did, with what has come since', async () => {
    const { engine, listed, batches, there } = bucketOf(keysOf('1KB', 10), { ms: 4_000 });
    const run = deleteFor(95_000, vuFor(95_000, {}, { engine }));
    await vi.advanceTimersByTimeAsync(10_000);
    for (const k of keysOf('1KB', 20)) there.add(k);
    await run;
    expect(listed.map(({ at }) => at)).toEqual([0, 30_000, 60_000, 90_000]);
    expect(batches.map(({ at, keys }) => [at, keys.length])).toEqual([
      [0, 10],
      [30_000, 20],
    ]);
  });

  test('follow at once where one took longer, and not before its last batch has ended', async () => {
    const { engine, listed } = bucketOf(keysOf('1KB', 10), { ms: 45_000, outcome: () => ({ failure: BROKEN }) });
    await deleteFor(100_000, vuFor(100_000, {}, { engine }));
    expect(round(listed.map(({ at }) => at))).toEqual([0, 45_000, 90_000]);
  });

  test('end with a page that failed: what was found before is deleted, the rest by the next one', async () => {
    const { engine, listed, batches, there } = bucketOf(keysOf('1KB', 2_500), { failing: [3] });
    await deleteFor(40_000, vuFor(40_000, {}, { engine }));
    expect(listed.map(({ at }) => at)).toEqual([0, 0, 0, 30_000]);
    expect(batches.map(({ at, keys }) => [at, keys.length])).toEqual([
      [0, 1000],
      [0, 1000],
      [30_000, 500],
    ]);
    expect(there.size).toBe(0);
  });

  test('are not hurried by a bucket that does not answer: one request each', async () => {
    const { engine, listed } = bucketOf(keysOf('1KB', 10), { failing: [1, 2, 3] });
    await deleteFor(70_000, vuFor(70_000, {}, { engine }));
    expect(listed.map(({ at }) => at)).toEqual([0, 30_000, 60_000]);
  });
});

describe('what was deleted', () => {
  const refused = { key: key('1KB', 1), code: 'AccessDenied', message: '' };

  test.each<{ tells: boolean; outcome: Partial<DeleteObjectsOutcome>; told: readonly object[]; why: string }>([
    {
      tells: true,
      outcome: {},
      told: [{ first: key('1KB', 0), last: key('1KB', 2), failed: [], part: WHOLE }],
      why: 'as a range, for listings are in order',
    },
    {
      tells: true,
      outcome: { failed: [refused] },
      told: [{ first: key('1KB', 0), last: key('1KB', 2), failed: [refused.key], part: WHOLE }],
      why: 'with what was not',
    },
    { tells: true, outcome: { failure: BROKEN }, told: [], why: 'nothing, of a batch that failed' },
    { tells: false, outcome: {}, told: [], why: 'nobody wants to hear it' },
  ])('is told: $why', async ({ tells, outcome, told }) => {
    const info = vi.spyOn(console, 'info').mockImplementation(() => {});
    const { engine } = bucketOf(keysOf('1KB', 3), { outcome: () => outcome });
    await deleteFor(1_000, vuFor(1_000, {}, { engine, reportsDeleted: tells }));
    expect(info.mock.calls.map(([line]) => JSON.parse(String(line).replace(MARKS.deleted, '')))).toEqual(told);
    for (const [line] of info.mock.calls) expect(String(line).startsWith(MARKS.deleted)).toBe(true);
  });
});

test('of several workers each deletes its part, and together they delete all', async () => {
  const keys = keysOf('1KB', 3_000);
  const { engine, there, batches } = bucketOf(keys);
  await Promise.all(
    [0, 1, 2].map((index) => deleteFor(1_000, vuFor(1_000, {}, { engine, part: () => ({ index, of: 3 }) }))),
  );
  expect(there.size).toBe(0);
  expect(batches.flatMap((batch) => batch.keys).sort()).toEqual(keys);
});
