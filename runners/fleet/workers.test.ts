import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError } from '../../lib/settings/config';
import { atEach } from './each';
import { connectHere, machinesHere } from './local';
import type { Remote } from './remote';
import { RemoteError } from './shell';
import { findWorkers, type Workers } from './workers';
import type { Machine } from './workers-file';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 's3lt-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('workers are', () => {
  test('those of the file', () => {
    const workersFile = join(folder, 'workers');
    writeFileSync(workersFile, 'node1\nnode2\n');
    const workers = findWorkers({ workersFile }, { count: 3, perHost: 2 }, {});
    expect(workers.here).toBe(false);
    expect(workers.machines.map(({ id, host }) => `${id} ${host}`)).toEqual(['w0 node1', 'w1 node2', 'w2 node1']);
    expect(() => findWorkers({ workersFile }, { count: 3 }, {})).toThrow(
      `--workers is 3, ${workersFile} has 2 hosts: add more, or take --per-host 2`,
    );
  });

  test('here, where there is no file and nobody named one', async () => {
    // Whoever develops this may have a file of that name.
    const before = process.cwd();
    process.chdir(folder);
    rmSync('workers', { force: true });
    const workers = findWorkers({ workersFile: './workers' }, { count: 2 }, process.env);
    process.chdir(before);
    expect(workers.here).toBe(true);
    const { done, problems } = await atEach(workers, (remote) => remote.run('echo here'));
    expect(problems).toEqual([]);
    expect(done.map(({ machine, value }) => [machine.id, value.stdout])).toEqual([
      ['w0', 'here\n'],
      ['w1', 'here\n'],
    ]);
  });

  test('none, where someone named a file that is not there', () => {
    const workersFile = join(folder, 'none');
    expect(() => findWorkers({ workersFile }, { count: 1 }, {})).toThrow(
      new ConfigError([
        `S3LOADTEST_WORKERS_FILE is "${workersFile}", which can't be read (ENOENT: no such file or directory, open '${workersFile}'): give a file with a host a line`,
      ]),
    );
  });
});

describe('something at each of them', () => {
  const machines = machinesHere(40);
  const workers = (connect: (machine: Machine) => Promise<Remote>): Workers => ({ machines, here: false, connect });
  const n = ({ id }: Machine) => Number(id.slice(1));

  test('tells every one that fails, keeps to 32 at once, and leaves none connected', async () => {
    let connecting = 0;
    let most = 0;
    const made: Remote[] = [];
    const connect = async (machine: Machine) => {
      most = Math.max(most, ++connecting);
      await sleep(5);
      connecting--;
      if (n(machine) % 4 === 0) throw new RemoteError(machine, 'refused', 'closed');
      const remote = connectHere(machine, {});
      made.push(remote);
      return remote;
    };
    const { done, problems } = await atEach(workers(connect), async () => {});
    expect(most).toBe(32);
    expect(done).toHaveLength(30);
    expect(problems.slice(0, 2)).toEqual(['w0 (localhost): closed', 'w4 (localhost): closed']);
    expect(await Promise.all(made.map((remote) => remote.gone))).toHaveLength(30);
  });

  test('a bug is no trouble with a machine', async () => {
    const connect = async () => {
      throw new TypeError('a bug');
    };
    await expect(atEach(workers(connect), async () => {})).rejects.toThrow('a bug');
  });
});
