import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FILES, MANIFEST_SCHEMA } from './launch';
import { connectHere } from './local';
import { chooseRuns, type FoundRun, findRuns, isActive } from './runs';
import { runFolder, startRun, stopRun } from './worker';
import type { Workers } from './workers';
import type { Machine } from './workers-file';

const machines: Machine[] = ['one', 'other'].map((host, i) => ({ id: `w${i}`, host, slot: 0 }));
const workers: Workers = { machines, here: false, connect: async (machine) => connectHere(machine, process.env) };

let logs: string;
beforeAll(() => {
  logs = mkdtempSync(join(tmpdir(), 's3lt-'));
});
afterAll(() => rmSync(logs, { recursive: true, force: true }));

/** One machine by two names, or two with one home: both show both folders. */
test('machines with one folder of runs: each worker is found once, on the machine that it was started on', async () => {
  const [first] = machines as [Machine];
  const remote = connectHere(first, process.env);
  for (const { id, host } of machines) {
    const folder = runFolder(logs, 'shared', id);
    const manifest = { schema: MANIFEST_SCHEMA, run: 'shared', worker: id, host, workers: 2 };
    await remote.putText(JSON.stringify(manifest), `${folder}/${FILES.manifest}`, '0600');
    await startRun(remote, folder, ['sleep', '30'], {});
  }
  const { found, problems } = await findRuns(workers, logs);
  expect(problems).toEqual([]);
  expect(found.map(({ machine, status }) => [status.worker, machine.host, status.state])).toEqual([
    ['w0', 'one', 'running'],
    ['w1', 'other', 'running'],
  ]);
  for (const { status } of found) await stopRun(remote, status.folder, { int: 100, term: 5_000 });
});

describe('which runs are meant', () => {
  const finding = (run: string, state: string) =>
    ({ status: { run, worker: 'w0', state, files: new Map() } }) as unknown as FoundRun;
  const found = [finding('b', 'ended'), finding('a', 'running'), finding('c', 'running')];
  const choose = (run: string | undefined, of: readonly FoundRun[] = found) =>
    chooseRuns(of, run, isActive, 'under way').map((members) => members.map(({ status }) => status.run));

  test('by name, also one that is over', () => {
    expect(choose('b')).toEqual([['b']]);
    expect(() => choose('d')).toThrow('run "d" is on none of these machines');
  });

  test('all that are under way', () => {
    expect(choose('all')).toEqual([['a'], ['c']]);
    expect(() => choose('all', [])).toThrow('no run is under way');
  });

  test('the only one', () => {
    expect(choose(undefined, found.slice(0, 2))).toEqual([['a']]);
    expect(() => choose(undefined)).toThrow('several runs are under way, name one, or take all: a, c');
    expect(() => choose(undefined, found.slice(0, 1))).toThrow('no run is under way');
  });
});
