import { describe, expect, test } from 'vitest';
import { INTERVAL_SCHEMA, type Interval } from '../../../lib/result/interval';
import { type Begin, MARKS } from '../../../lib/result/protocol';
import { sum } from '../../../lib/result/result';
import { causeOf, EXIT_OF } from '../../run/exit';
import { gather } from '../gather';
import type { MemberEvents } from '../place';
import { checkTogether, missingRunners, type PodFacts, Runner, Runners, runIdOf } from './runner';

const BEGAN = Date.parse('2026-11-21T11:05:26.000Z');

const RUN = '20261120T090000Z-nightly-3f9a';

function beginOf(index: number, more: { of?: number; run?: string; at?: number; plannedMs?: number } = {}): Begin {
  const { of = 2, run = RUN, at = BEGAN, plannedMs = 1_000 } = more;
  const startedAt = new Date(at).toISOString();
  const head = { id: run, tests: ['firehose'], startedAt, seed: 1, backend: 'native', versions: {}, loads: [] };
  const measured = [
    {
      ...{
        test: 'firehose',
        phases: [],
        series: [{ op: 'PUT', size: '1KB' }],
        endpoints: ['a'],
        missesExpected: false,
      },
      holdsConnections: false,
    },
  ];
  const config = { workerId: `nightly-${index + 1}` };
  return {
    load: '4 VUs',
    schedule: [],
    part: { index, of },
    facts: {
      run: { ...head, config, schedule: [], quantiles: [] },
      measured,
      plannedMs,
      tlsNotVerified: false,
    } as unknown as Begin['facts'],
  };
}

function intervalOf(seq: number, ops: number, end = false): string {
  const interval: Interval = {
    schema: INTERVAL_SCHEMA,
    seq,
    t: BEGAN + seq * 1000,
    ms: 1000,
    totals: { ops, bytes: 0, errors: 0 },
    series: [{ test: 'firehose', op: 'PUT', size: '1KB', endpoint: 'a', ops }],
    connections: [],
    generator: { cpuSeconds: 1 + seq, memoryBytes: 1, peakMemoryBytes: 7, vus: 4, iterations: 1, droppedIterations: 0 },
    ...(end ? { end: { thresholds: [{ metric: 'a', expr: 'count>0', ok: true }] } } : {}),
  } as unknown as Interval;
  return JSON.stringify(interval);
}

const logged = (msg: string, level = 'info') => JSON.stringify({ level, msg, source: 'console' });
const begun = (begin: Begin) => logged(MARKS.begin + JSON.stringify(begin));

const nothing = () => {};
const ON: MemberEvents = {
  begin: nothing,
  interval: nothing,
  deleted: nothing,
  log: nothing,
  tick: nothing,
  stats: nothing,
};

function logOf(source: string, ...lines: string[]): Runner {
  const log = new Runner(source, ON);
  for (const line of lines) log.add(line);
  return log;
}

const whole = (index: number, more: Parameters<typeof beginOf>[1] = {}) =>
  logOf(`pod-${index + 1}`, intervalOf(0, 0), begun(beginOf(index, more)), intervalOf(1, 5), intervalOf(2, 6, true));

function gatherAll(runners: ReadonlyArray<{ log: Runner } & PodFacts>) {
  for (const { log, ...pod } of runners) log.end(pod);
  const logs = runners.map(({ log }) => log);
  checkTogether(logs);
  const members = [...logs, ...missingRunners(logs, ON)];
  const gathered = gather(members, { expected: members.length, id: runIdOf(logs) });
  return { ...gathered, exit: EXIT_OF[causeOf(gathered.result, true)] };
}

test('lines of several pods are told apart by their prefix', () => {
  const runners = new Runners('file', ON);
  runners.add('[pod/nightly-1-x7k2p/k6] {"a":1}');
  runners.add('{"a":"[pod/x/k6] "}');
  expect(runners.list.map(({ source }) => source)).toEqual(['nightly-1-x7k2p', 'file']);
});

test('all runners together: sums, who they were, and what they used from the load on', () => {
  const { result, parts, exit } = gatherAll([
    { log: whole(0), node: 'node7', exit: 0 },
    { log: whole(1, { at: BEGAN + 40 }) },
  ]);
  expect(sum(result?.totals ?? []).ops).toBe(22);
  expect(parts.map(({ worker }) => worker)).toEqual(['nightly-1', 'nightly-2']);
  expect(result?.workers).toMatchObject([
    { id: 'nightly-1', host: 'node7', segment: '0:1/2', startSkewMs: 0, exit: 0, ops: 11, cpu: { seconds: 2 } },
    { id: 'nightly-2', host: 'nightly-2', segment: '1/2:1', startSkewMs: 40, exit: 0, ops: 11 },
  ]);
  expect(result?.run.id).toMatch(/^20261121T110526Z-nightly-[0-9a-f]{4}$/);
  expect([result?.partial, exit]).toEqual([false, 0]);
});

test('a log that is added again counts once', () => {
  const log = whole(0, { of: 1 });
  for (const line of [intervalOf(0, 0), intervalOf(1, 5), intervalOf(2, 6, true)]) log.add(line);
  expect(sum(gatherAll([{ log }]).result?.totals ?? []).ops).toBe(11);
  expect(log.state).toBe('ended');
});

describe('what is not all there is partial, and said', () => {
  const lostOf = (...runners: Parameters<typeof gatherAll>[0]) => {
    const { result, exit } = gatherAll(runners);
    expect([result?.partial, exit]).toEqual([true, 1]);
    return result?.workers.flatMap(({ id, lost }) => (lost === undefined ? [] : [{ id, ...lost }]));
  };

  test('one that was ended: as Kubernetes has it, up to its last line', () => {
    const log = logOf('pod-2', intervalOf(0, 0), begun(beginOf(1)), intervalOf(1, 5));
    expect(lostOf({ log: whole(0) }, { log, exit: 137, reason: 'OOMKilled' })).toEqual([
      { id: 'nightly-2', atMs: 2000, why: 'OOMKilled' },
    ]);
  });

  test('one whose pod was deleted, though its k6 ended in order', () => {
    const log = logOf('pod-2', intervalOf(0, 0), begun(beginOf(1, { plannedMs: 60_000 })), intervalOf(1, 5, true));
    expect(lostOf({ log: whole(0) }, { log, deleted: true })).toEqual([
      { id: 'nightly-2', atMs: 2000, why: 'its pod was deleted' },
    ]);
  });

  test('lines that are missing: it counts up to there', () => {
    const log = logOf('pod-2', intervalOf(0, 0), begun(beginOf(1)), intervalOf(1, 5), intervalOf(3, 7, true));
    expect(lostOf({ log: whole(0) }, { log, exit: 0 })).toEqual([
      { id: 'nightly-2', atMs: 2000, why: 'lines 2 to 2 of the statistics are missing' },
    ]);
  });

  test('one that never began: with what it said last', () => {
    const log = logOf('pod-2', logged('AWS_REGION is wrong', 'error'));
    expect(lostOf({ log: whole(0) }, { log, exit: 108 })).toEqual([
      { id: 'pod-2', atMs: 0, why: 'AWS_REGION is wrong' },
    ]);
  });

  test('one that there is no log of', () => {
    expect(lostOf({ log: whole(2, { of: 3 }) }, { log: whole(0, { of: 3 }) })).toEqual([
      { id: 'nightly-2', atMs: 0, why: 'there is no log of it' },
    ]);
  });
});

test('a pod that is deleted when all is over has lost nothing', () => {
  expect(gatherAll([{ log: whole(0, { of: 1 }), deleted: true }])).toMatchObject({
    result: { partial: false },
    exit: 0,
  });
});

test('nothing of anyone is no Result', () => {
  expect(gatherAll([{ log: logOf('pod-1', logged('no', 'error')) }]).result).toBeUndefined();
});

test('logs that don’t belong together are refused', () => {
  const other = '20261121T110526Z-other-3f9a';
  expect(() => gatherAll([{ log: whole(0) }, { log: whole(1, { run: other }) }])).toThrow(
    `these logs are of several runs, give those of one: ${RUN}, ${other}`,
  );
  expect(() => gatherAll([{ log: whole(1) }, { log: whole(1) }])).toThrow(
    'pod-2 and pod-2 are of the same part of the load',
  );
});
