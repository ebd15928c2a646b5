import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { INTERVAL_SCHEMA, type Interval } from '../../lib/result/interval';
import type { Terminal } from '../terminal/terminal';
import { Monitor } from './monitor';
import type { Member, MemberState } from './place';

const BEGAN = Date.parse('2026-11-21T11:05:26.000Z');
const facts = {
  run: { startedAt: new Date(BEGAN).toISOString(), tests: ['firehose'], config: {} },
  plannedMs: 60_000,
  warmupMs: 0,
};

function memberOf(id: string, state: MemberState = 'running') {
  const transcript = { begin: { facts }, reportedAt: BEGAN };
  return {
    id,
    host: `host-${id}`,
    clockOffsetMs: 0,
    state,
    transcript,
    over: Promise.resolve(),
  } as unknown as Member & {
    state: MemberState;
    why?: string;
  };
}

function intervalOf(second: number, ops: number): Interval {
  const series = [{ test: 'firehose', op: 'PUT', size: '1KB', endpoint: 'a', ops }];
  const generator = { cpuSeconds: second, memoryBytes: 1 };
  return {
    schema: INTERVAL_SCHEMA,
    seq: second,
    t: BEGAN + second * 1000,
    ms: 1000,
    series,
    connections: [],
    generator,
  } as unknown as Interval;
}

const said: string[] = [];
const terminal = {
  say: (line: string) => said.push(line),
  log: ({ level, message }: { level: string; message: string }) => said.push(`${level}: ${message}`),
  progress: () => {},
  clear: () => {},
} as unknown as Terminal;

beforeEach(() => {
  said.length = 0;
  vi.useFakeTimers({ toFake: ['Date'], now: BEGAN + 1_000 });
});
afterEach(() => vi.useRealTimers());

test('STATS lines count what all of them have reported', async () => {
  const monitor = new Monitor(terminal, 1_000);
  const members = [memberOf('w0'), memberOf('w1')] as const;
  monitor.begin(members[0]);
  const over = new AbortController();
  const following = monitor.follow(members, over.signal);
  monitor.interval(intervalOf(0, 10), members[0]);
  expect(said).toEqual([]);
  monitor.interval(intervalOf(0, 5), members[1]);
  expect(said).toEqual([expect.stringMatching(/^STATS: ops=15 \(15\/s\), .* \| 2 of 2 workers$/)]);
  over.abort();
  await following;
});

test('what was reported long ago makes one line, not one of each interval', () => {
  const monitor = new Monitor(terminal, 1_000);
  const member = memberOf('w0');
  monitor.begin(member);
  for (let second = 0; second < 600; second++) monitor.interval(intervalOf(second, 1), member);
  expect(said).toHaveLength(1);
});

test('what becomes of a member is said once', async () => {
  const monitor = new Monitor(terminal, 1_000);
  const member = memberOf('w1', 'lost');
  member.why = 'it was killed';
  await monitor.follow([member], new AbortController().signal);
  await monitor.follow([member], new AbortController().signal);
  expect(said).toEqual(['error: w1 (host-w1): lost: it was killed']);
});
