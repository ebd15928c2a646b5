import { availableParallelism } from 'node:os';
import { expect, test } from 'vitest';
import {
  availableMemory,
  coresFor,
  coresIn,
  cpuQuotas,
  cpuSeconds,
  machineCpu,
  memory,
  parseMachineCpu,
  waitedNs,
} from './proc';

test.each([
  ['0', 1],
  ['0-3', 4],
  ['0-3,8', 5],
  ['2,4,6-7', 4],
])('cores in %s: %d', (list, n) => {
  expect(coresIn(list)).toBe(n);
});

test.each<[string, string, Record<string, string>, number[]]>([
  [
    'version 2',
    '0::/a/b\n',
    { '/sys/fs/cgroup/a/cpu.max': '150000 100000\n', '/sys/fs/cgroup/a/b/cpu.max': 'max 100000\n' },
    [1.5],
  ],
  ['version 2 in a container', '0::/\n', { '/sys/fs/cgroup/cpu.max': '50000 100000\n' }, [0.5]],
  [
    'version 1',
    '5:memory:/m\n4:cpu,cpuacct:/docker/x\n0::/\n',
    {
      '/sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_quota_us': '200000\n',
      '/sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_period_us': '100000\n',
      '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '-1\n',
      '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
    },
    [2],
  ],
  [
    'version 1 in a container',
    '4:cpuacct,cpu:/docker/x\n',
    { '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '25000\n', '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '50000\n' },
    [0.5],
  ],
  ['no limit', '4:cpu:/\n0::/x\n', { '/sys/fs/cgroup/x/cpu.max': 'max 100000\n' }, []],
])('CPU quotas of control groups: %s', (_, groups, files, cores) => {
  expect(cpuQuotas(groups, (path) => files[path])).toEqual(cores);
});

test('CPU time of a machine: what programs used and what neighbours took, not what it idled or waited for disks', () => {
  const stat = 'cpu  100 20 30 5000 400 5 6 7 50 0\ncpu0 1 1 1 1 1 1 1 1 1 1\ncpu1 1 1 1 1 1 1 1 1 1 1\nintr 5\n';
  expect(parseMachineCpu(stat)).toEqual({ seconds: 1.68, cores: 2 });
  expect(parseMachineCpu('')).toBeUndefined();
});

test('of this process and its machine', () => {
  const before = cpuSeconds(process.pid) ?? 0;
  const machine = machineCpu();
  // By its own clock: a busy machine gives it less in the same time.
  for (const begun = process.cpuUsage(); process.cpuUsage(begun).user < 60_000; );
  expect(cpuSeconds(process.pid)).toBeGreaterThanOrEqual(before + 0.02);
  expect(machineCpu()?.seconds).toBeGreaterThan(machine?.seconds ?? Number.POSITIVE_INFINITY);
  const used = memory(process.pid);
  expect(used?.bytes).toBeGreaterThan(10e6);
  expect(used?.peakBytes).toBeGreaterThanOrEqual(used?.bytes ?? 0);
  expect(coresFor(process.pid)).toBeGreaterThan(0);
  expect(coresFor(process.pid)).toBeLessThanOrEqual(availableParallelism());
  expect(waitedNs(process.pid).size).toBeGreaterThan(1);
  expect(availableMemory()).toBeGreaterThan(1e6);
});

test('of a process that is gone: nothing', () => {
  const gone = 2 ** 22 + 1; // above the largest that Linux gives
  expect([cpuSeconds(gone), memory(gone), coresFor(gone), waitedNs(gone).size]).toEqual([
    undefined,
    undefined,
    undefined,
    0,
  ]);
});
