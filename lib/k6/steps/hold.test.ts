import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { fakeVu } from '../../../test/fake-vu';
import type { HeldConnections, Holding } from '../../s3/held';
import { type Environment, settings } from '../../settings/config';
import { opsOf } from '../../workload/step';
import { hold } from './hold';

// Looked up at each call: fake timers take its place.
vi.mock('k6/timers', () => ({ setTimeout: (call: () => void, ms: number) => globalThis.setTimeout(call, ms) }));

const START = 1_763_726_400_000;

beforeEach(() => {
  vi.useFakeTimers({ now: START });
});

afterEach(() => {
  vi.useRealTimers();
});

const [MB10] = settings.sizes.parse('10MB') ?? [];
const key = (n: number) => `loadtest/w0/10MB/tide/1763726400000000/${n}`;

interface Asked {
  readonly at: number;
  readonly n: number;
}

/** Connections that no one opens. It is known what was asked for when, in milliseconds from the start. */
function fakeHeld({ lostAt = [], room = Number.POSITIVE_INFINITY }: { lostAt?: number[]; room?: number } = {}) {
  const kept: Asked[] = [];
  const opened: Asked[] = [];
  const read: { readonly at: number; readonly keys: readonly string[] }[] = [];
  const holdings: Holding[] = [];
  const now = () => Date.now() - START;
  let closedAt: number | undefined;
  let lost = [...lostAt];
  const held: HeldConnections = {
    keep: (n) => kept.push({ at: now(), n }),
    open: (n, most) => {
      if (n > 0) opened.push({ at: now(), n });
      return Math.max(0, n - Math.min(room, most));
    },
    read: (keys) => {
      read.push({ at: now(), keys });
      lost = lost.filter((at) => at > now());
    },
    lost: () => lost.some((at) => at <= now()),
    close: async () => {
      await new Promise((resolve) => setTimeout(resolve, 70));
      closedAt = now();
    },
  };
  const hold = (asked: Holding) => {
    holdings.push(asked);
    return held;
  };
  return { hold, kept, opened, read, holdings, closedAt: () => closedAt };
}

/** Holds for so many milliseconds. Returns after how many it came back. */
async function holdFor(
  ms: number,
  fake: ReturnType<typeof fakeHeld>,
  more: Parameters<typeof fakeVu>[0],
  env: Environment = {},
) {
  const duration = env.S3LOADTEST_STAGES ? '' : `${ms}ms`;
  const vu = fakeVu(
    { readSizes: MB10 ? [MB10] : [], found: { '10MB': [key(1)] }, hold: fake.hold, ...more },
    { S3LOADTEST_DURATION: duration, ...env },
  );
  let ended: number | undefined;
  const window = { start: 0, end: ms, phase: 'steady' };
  const operation = Promise.resolve(hold({ read: '10MB' }).start(vu)(window, START)).then(() => {
    ended = Date.now() - START;
  });
  for (let n = 0; ended === undefined && n < 1_000; n++) await vi.advanceTimersByTimeAsync(100);
  await operation;
  return ended;
}

test('hold is a step of connections, which reads and writes', () => {
  const step = hold({ read: '10MB' });
  expect([step.kind, step.reads, opsOf(step)]).toEqual(['connections', '10MB', ['PUT', 'GET']]);
});

test('what is held: uploads of the sizes asked for, downloads of another, at the rate of the settings', async () => {
  const fake = fakeHeld();
  const sizes = settings.sizes.parse('1KB,3KB') ?? [];
  await holdFor(1000, fake, { sizes }, { S3LOADTEST_BPS: '300' });
  expect(fake.holdings).toEqual([{ bytesPerSecond: 300, uploads: sizes, downloads: MB10 }]);
});

describe('how many', () => {
  test('all at once, and for the whole time', async () => {
    const fake = fakeHeld();
    const ended = await holdFor(3000, fake, { vus: 1000 }, { S3LOADTEST_CONCURRENCY: '1000' });
    expect(fake.kept).toEqual([{ at: 0, n: 1000 }]);
    expect(fake.opened).toEqual([]);
    expect(fake.closedAt()).toBeGreaterThanOrEqual(3000);
    expect(ended).toBe(fake.closedAt());
    expect(ended).toBeLessThan(3200);
  });

  test("the load's own, where others have VUs of which it has no part", async () => {
    const fake = fakeHeld();
    await holdFor(1000, fake, { vus: 1000, share: 0.5 }, { S3LOADTEST_CONCURRENCY: '16' });
    expect(fake.kept).toEqual([{ at: 0, n: 1000 }]);
  });

  test('climbing with --ramp', async () => {
    const fake = fakeHeld();
    await holdFor(6000, fake, { vus: 100 }, { S3LOADTEST_CONCURRENCY: '100', S3LOADTEST_RAMP: '4s' });
    expect(fake.kept.map(({ n }) => n)).toEqual([...fake.kept.map(({ n }) => n)].sort((a, b) => a - b));
    for (const { at, n } of fake.kept) expect(Math.abs(n - Math.min(100, at / 40))).toBeLessThanOrEqual(1);
    expect(fake.kept.at(-1)).toEqual({ at: 4000, n: 100 });
  });

  test('as --stages have it, none included', async () => {
    const fake = fakeHeld();
    const stages = { S3LOADTEST_STAGES: '50:2s,0:2s,80:2s', S3LOADTEST_CONCURRENCY: '' };
    await holdFor(6000, fake, { vus: 80 }, stages);
    expect(fake.kept).toEqual([
      { at: 0, n: 50 },
      { at: 2000, n: 0 },
      { at: 4000, n: 80 },
    ]);
  });
});

describe('a rate', () => {
  test('opens so many a second, and keeps none', async () => {
    const fake = fakeHeld();
    await holdFor(5000, fake, { vus: 1000 }, { S3LOADTEST_RATE: '25' });
    expect(fake.kept).toEqual([]);
    const inAll = fake.opened.reduce((sum, { n }) => sum + n, 0);
    expect(inAll).toBeGreaterThanOrEqual(121);
    expect(inAll).toBeLessThanOrEqual(125);
    expect(Math.max(...fake.opened.map(({ n }) => n))).toBeLessThanOrEqual(3);
  });

  test('is divided by shares', async () => {
    const fake = fakeHeld();
    await holdFor(5000, fake, { vus: 1000, share: 0.2 }, { S3LOADTEST_RATE: '25' });
    const inAll = fake.opened.reduce((sum, { n }) => sum + n, 0);
    expect(inAll).toBeGreaterThanOrEqual(23);
    expect(inAll).toBeLessThanOrEqual(25);
  });

  test('drops what there is no place for', async () => {
    const dropped = vi.fn();
    const fake = fakeHeld({ room: 1 });
    await holdFor(2000, fake, { vus: 1000, dropped }, { S3LOADTEST_RATE: '50' });
    const more = fake.opened.reduce((sum, { n }) => sum + n - 1, 0);
    expect(more).toBeGreaterThan(50);
    expect(dropped).toHaveBeenCalledTimes(more);
  });
});

describe('what is downloaded', () => {
  test('is what setup found', async () => {
    const fake = fakeHeld();
    const found = { '10MB': [key(1), key(2), key(3)], '1KB': ['loadtest/w0/1KB/tide/1763726400000000/x'] };
    await holdFor(1000, fake, { found });
    expect(fake.read).toHaveLength(1);
    expect([...(fake.read[0]?.keys ?? [])].sort()).toEqual([key(1), key(2), key(3)]);
  });

  test('is looked for anew when it is gone, and not more often than every two seconds', async () => {
    const fake = fakeHeld({ lostAt: [1500, 2000, 7000] });
    const supply = vi.fn(() => [key(9)]);
    await holdFor(10_000, fake, { supply });
    expect(supply.mock.calls).toEqual([[MB10], [MB10], [MB10]]);
    const [, ...later] = fake.read;
    expect(later.map(({ keys }) => keys)).toEqual([[key(9)], [key(9)], [key(9)]]);
    expect(later[0]?.at).toBe(1500);
    expect(later[1]?.at).toBeGreaterThan(3500);
    expect(later[1]?.at).toBeLessThanOrEqual(3700);
    expect(later[2]?.at).toBe(7000);
  });
});
