/** What Linux tells of a process and of its machine, out of /proc and /sys. Each is undefined where it does not tell. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Linux counts CPU time in hundredths of a second, on every architecture it runs k6 on. */
const TICKS_PER_SECOND = 100;

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // it has ended, or this is no Linux
  }
}

/** CPU seconds of a process since its start, user and system. */
export function cpuSeconds(pid: number): number | undefined {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The command's name is in parentheses and may hold spaces: count from the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // utime and stime are the 14th and 15th field, the state before them the third.
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Bytes of memory of a process: resident now, and at most so far. */
export function memory(pid: number): { bytes: number; peakBytes: number } | undefined {
  const status = read(`/proc/${pid}/status`) ?? '';
  const [bytes, peak] = [/VmRSS:\s*(\d+) kB/, /VmHWM:\s*(\d+) kB/].map((line) => line.exec(status)?.[1]);
  return bytes === undefined || peak === undefined
    ? undefined
    : { bytes: Number(bytes) * 1024, peakBytes: Number(peak) * 1024 };
}

/** Nanoseconds that each thread of a process was ready to run and had no core, by thread. */
export function waitedNs(pid: number): Map<string, number> {
  const waited = new Map<string, number>();
  for (const thread of folder(`/proc/${pid}/task`)) {
    const ns = read(`/proc/${pid}/task/${thread}/schedstat`)?.split(' ')[1];
    if (ns !== undefined) waited.set(thread, Number(ns));
  }
  return waited;
}

function folder(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** Cores that a process may use: those it is bound to, or fewer where its group has a quota, as a container has. */
export function coresFor(pid: number): number | undefined {
  const list = /Cpus_allowed_list:\s*(\S+)/.exec(read(`/proc/${pid}/status`) ?? '')?.[1];
  if (list === undefined) return undefined;
  return Math.min(coresIn(list), ...cpuQuotas(read(`/proc/${pid}/cgroup`) ?? '', read));
}

/** How many are in a list such as `0-3,8`. */
export function coresIn(list: string): number {
  return list.split(',').reduce((sum, part) => {
    const [from = 0, to = from] = part.split('-').map(Number);
    return sum + to - from + 1;
  }, 0);
}

/**
 * Cores that the control groups of a process may use, of each group that has a limit. `groups` is its /proc/PID/cgroup.
 * https://docs.kernel.org/admin-guide/cgroup-v2.html and https://docs.kernel.org/scheduler/sched-bwc.html (version 1)
 */
export function cpuQuotas(groups: string, readFile: (path: string) => string | undefined): number[] {
  return groups.split('\n').flatMap((line) => {
    const [id, controllers, path = '/'] = line.split(':');
    if (id === '0' && controllers === '') {
      return withParents(path).flatMap((group) =>
        quotaOf((readFile(join('/sys/fs/cgroup', group, 'cpu.max')) ?? '').split(' ')),
      );
    }
    if (!controllers?.split(',').includes('cpu')) return [];
    return withParents(path).flatMap((group) => {
      const file = (name: string) =>
        readFile(join('/sys/fs/cgroup', controllers, group, name)) ?? readFile(join('/sys/fs/cgroup/cpu', group, name));
      return quotaOf([file('cpu.cfs_quota_us'), file('cpu.cfs_period_us')]);
    });
  });
}

/** A container sees its own group as the root, and its path as the host has it: so all of the path's parents count. */
function withParents(path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '');
  return [...parts.map((_, i) => parts.slice(0, i).join('/')), parts.join('/')];
}

/** A quota and its period, microseconds; no limit is `max` or -1. */
function quotaOf([quota, period]: readonly (string | undefined)[]): number[] {
  const cores = Number(quota) / Number(period);
  return cores > 0 && Number.isFinite(cores) ? [cores] : [];
}

/** CPU seconds that all programs have used since the machine's start, and how many cores it has. */
export function machineCpu(): { seconds: number; cores: number } | undefined {
  return parseMachineCpu(read('/proc/stat') ?? '');
}

export function parseMachineCpu(stat: string): { seconds: number; cores: number } | undefined {
  const fields = /^cpu +(.*)$/m.exec(stat)?.[1]?.split(' ').map(Number);
  if (fields === undefined) return undefined;
  // What a neighbour of a virtual machine took is as little there as what a program used; guests are in user's time already.
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, stolen = 0] = fields;
  const cores = stat.match(/^cpu\d+ /gm)?.length ?? 0;
  return cores === 0
    ? undefined
    : { seconds: (user + nice + system + irq + softirq + stolen) / TICKS_PER_SECOND, cores };
}

export interface LinkCounts {
  readonly bitsPerSecond: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** Bytes that went over the machine's network links so far, by name: of those that say how fast they are. */
export function linkCounts(): Map<string, LinkCounts> {
  const links = new Map<string, LinkCounts>();
  for (const line of (read('/proc/net/dev') ?? '').split('\n').slice(2)) {
    const [name = '', counts = ''] = line.split(':').map((part) => part.trim());
    const megabits = Number(read(`/sys/class/net/${name}/speed`) ?? 0);
    if (!(megabits > 0)) continue;
    const fields = counts.split(/\s+/).map(Number);
    const [receivedBytes = 0, sentBytes = 0] = [fields[0], fields[8]];
    links.set(name, { bitsPerSecond: megabits * 1e6, receivedBytes, sentBytes });
  }
  return links;
}

/** Bytes of memory that new processes can have. */
export function availableMemory(): number | undefined {
  const limit = process.constrainedMemory?.() ?? 0;
  const kilobytes = /MemAvailable:\s*(\d+) kB/.exec(read('/proc/meminfo') ?? '')?.[1];
  const free = kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  // A container's limit is below what the machine has; without one, the number is absurdly large.
  return free !== undefined && limit > 0 && limit < free ? limit : free;
}
