import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { alive, gone, notRun, works } from '../../test/stage';
import { shellHere } from './local';
import { type OnLine, Remote, type ScriptOptions } from './remote';
import { followFile, probe, type RunStatus, runFolder, runStatus, startRun, stopRun } from './worker';
import type { Machine } from './workers-file';

const MACHINE: Machine = { id: 'w0', host: 'here', slot: 0 };

/** worker.sh as it is where there is no /proc: macOS has none. */
class WithoutProc extends Remote {
  override run(script: string, options?: ScriptOptions) {
    return super.run(script.replaceAll('/proc/', '/nowhere/'), options);
  }
  override stream(script: string, onLine: OnLine, options?: Pick<ScriptOptions, 'args' | 'stdin'>) {
    return super.stream(script.replaceAll('/proc/', '/nowhere/'), onLine, options);
  }
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 's3lt-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A machine whose sh is this one, in front of what else there is. */
function machine(shell: string): Remote {
  const bin = join(folder, 'bin', shell.replaceAll('/', '-'));
  if (!existsSync(bin)) {
    mkdirSync(bin, { recursive: true });
    const path = execFileSync('sh', ['-c', `command -v ${shell}`], { encoding: 'utf8' }).trim();
    if (shell === 'busybox') execFileSync(path, ['--install', '-s', bin]);
    else symlinkSync(path, join(bin, 'sh'));
  }
  const PATH = shell === 'busybox' ? bin : [bin, process.env.PATH].join(delimiter);
  return new Remote(MACHINE, shellHere(MACHINE, environment(PATH)));
}

const environment = (PATH: string | undefined) => ({ PATH, HOME: join(folder, 'home') });

const machines: Array<{ on: string; make: () => Remote }> = ['dash', 'bash', 'busybox'].flatMap((shell) => {
  if (works('sh', '-c', `command -v ${shell}`)) return [{ on: shell, make: () => machine(shell) }];
  notRun(`worker.sh by ${shell}`, shell);
  return [];
});
const NO_PROC = 'a system without /proc';
machines.push({ on: NO_PROC, make: () => new WithoutProc(MACHINE, shellHere(MACHINE, environment(process.env.PATH))) });

let count = 0;

/** A machine with a folder for runs that no other test has. */
function stage(make: () => Remote) {
  const remote = make();
  const logs = mkdtempSync(join(folder, 'logs-'));
  const status = async (run: string): Promise<RunStatus> => {
    const found = (await runStatus(remote, logs)).find((one) => one.run === run);
    if (found === undefined) throw new Error(`no run ${run}`);
    return found;
  };
  const file = (run: string, name: string) => join(runFolder(logs, run, 'w0'), name);
  return {
    remote,
    logs,
    status,
    file,
    start: async (script: string, environment: Record<string, string> = {}) => {
      count++;
      const run = `run-${count}`;
      const dir = runFolder(logs, run, 'w0');
      return { run, dir, pid: await startRun(remote, dir, ['sh', '-c', script], environment) };
    },
    until: async (run: string, state: RunStatus['state']): Promise<RunStatus> => {
      for (const end = Date.now() + 10_000; Date.now() < end; await sleep(50)) {
        const now = await status(run);
        if (now.state === state) return now;
      }
      throw new Error(`${run} is not ${state}, but ${(await status(run)).state}`);
    },
  };
}

/** Pid of the supervisor, which is the group's number, too. */
function leader(file: (run: string, name: string) => string, run: string): number {
  return Number.parseInt(readFileSync(file(run, 'process'), 'utf8').split('\n')[1] ?? '', 10);
}

const QUICK = { int: 200, term: 200, kill: 5_000 };

/** Concurrently: most of their time they wait. */
describe.each(machines)('on $on', ({ on, make }) => {
  test.concurrent('probe tells what the machine has, and which files', async () => {
    const { remote } = stage(make);
    const code = mkdtempSync(join(folder, 'code-'));
    writeFileSync(join(code, 'whole'), 'a');
    writeFileSync(join(code, 'other'), 'b');
    const sha256 = createHash('sha256').update('a').digest('hex');
    const files = ['whole', 'other', 'none'].map((name) => ({ name, sha256 }));
    const logs = join(folder, `some-${on.replaceAll(/\W/g, '')}`, 'logs');
    const found = await probe(remote, code, logs, files);
    expect(found).toMatchObject({ home: join(folder, 'home'), system: 'Linux', runs: [] });
    expect(found.machine).toBe(execFileSync('uname', ['-m'], { encoding: 'utf8' }).trim());
    expect(found.cores).toBe(Number(execFileSync('nproc', { encoding: 'utf8' })));
    expect(found.memory).toBe(on === NO_PROC ? undefined : totalmem());
    if (on !== NO_PROC) expect(found.memoryAvailable).toBeGreaterThan(0);
    expect(found.files.soft).toBeGreaterThan(0);
    expect(found.files.hard).toBeGreaterThanOrEqual(found.files.soft);
    expect([...found.have]).toEqual(['whole']);
    expect(found.code).toMatchObject({ path: code, problem: undefined });
    expect(found.logs).toMatchObject({ path: logs, problem: undefined });
    const free = Number(execFileSync('df', ['-Pk', code], { encoding: 'utf8' }).split('\n')[1]?.split(/\s+/)[3]) * 1024;
    expect(Math.abs((found.code.free ?? 0) / free - 1)).toBeLessThan(0.1);
    expect(readdirSync(logs)).toEqual([]);
    // A ~ is the home there.
    expect((await probe(remote, '~/code', '~/runs', [])).logs.path).toBe(join(folder, 'home', 'runs'));
  });

  test.concurrent('a run gets its variables, and they are nowhere else', async () => {
    const { remote, file, start, status } = stage(make);
    const secret = "it's a $ecret\nof two lines";
    const { dir, run, pid } = await start('printf "%s" "$SECRET" > seen; pwd; echo oops >&2; sleep 30', {
      SECRET: secret,
    });
    while (!existsSync(file(run, 'stderr')) || statSync(file(run, 'stderr')).size === 0) await sleep(10);
    expect(readFileSync(file(run, 'seen'), 'utf8')).toBe(secret);
    rmSync(file(run, 'seen'));
    const files = ['exit', 'process', 'started', 'stderr', 'stdout', 'supervisor.log', 'supervisor.sh'];
    expect(readdirSync(dir).sort()).toEqual(files);
    for (const name of files) expect(readFileSync(file(run, name), 'utf8')).not.toContain('ecret');
    expect(execFileSync('ps', ['-A', '-ww', '-o', 'args='], { encoding: 'utf8' })).not.toContain('of two lines');
    expect(readFileSync(file(run, 'stdout'), 'utf8').trim()).toBe(dir);
    const now = await status(run);
    expect(now).toMatchObject({
      run,
      worker: 'w0',
      folder: dir,
      state: 'running',
      pid,
      exit: undefined,
      why: undefined,
    });
    expect(now.age).toBeLessThan(20);
    expect(now.files.get('stderr')).toBe(5);
    const session = execFileSync('ps', ['-o', 'pgid=,sid=', '-p', String(pid)], { encoding: 'utf8' });
    expect(session.trim().split(/\s+/).map(Number)).toEqual([leader(file, run), leader(file, run)]);
    expect(await stopRun(remote, dir, QUICK)).toMatchObject({ was: 'running', state: 'ended', left: [] });
  });

  test.concurrent('killed, it ended; killed with its supervisor, it vanished', async () => {
    const { remote, file, start, until } = stage(make);
    const one = await start('sleep 30');
    process.kill(one.pid, 'SIGKILL');
    expect(await until(one.run, 'ended')).toMatchObject({ exit: 137 });
    const two = await start('sleep 30');
    process.kill(-leader(file, two.run), 'SIGKILL');
    expect(await until(two.run, 'vanished')).toMatchObject({ why: 'it was killed', exit: undefined });
    expect(await stopRun(remote, two.dir, QUICK)).toMatchObject({ was: 'vanished', signals: [], state: 'vanished' });
  });

  test.concurrent('stop goes on to the next signal, ends all of the group, and nothing else', async () => {
    const { remote, start, status } = stage(make);
    const other = await start('sleep 30');
    const { dir, pid } = await start('sleep 31 & trap "exit 7" TERM; trap "" INT; while :; do sleep 0.05; done');
    const began = Date.now();
    expect(await stopRun(remote, dir, { int: 300, term: 5_000, kill: 5_000 })).toEqual({
      was: 'running',
      signals: ['INT', 'TERM'],
      state: 'ended',
      exit: 7,
      why: undefined,
      left: [],
    });
    expect(Date.now() - began).toBeGreaterThanOrEqual(300);
    expect(alive(pid)).toBe(false);
    expect(await status(other.run)).toMatchObject({ state: 'running' });
    expect(await stopRun(remote, other.dir, QUICK)).toMatchObject({ left: [] });
    expect(await stopRun(remote, dir, QUICK)).toMatchObject({ was: 'ended', signals: [], exit: 7 });
  });

  test.concurrent('a file is followed to its end, also from the middle', async () => {
    const { remote, start, file } = stage(make);
    const numbers = 'awk "BEGIN { for (i = 0; i < 20000; i++) print i }"';
    const { dir, run } = await start(
      `for i in 1 2 3; do sleep 0.2; echo "line $i"; done; ${numbers} > later; echo end`,
    );
    const follow = async (name: string, offset: number) => {
      const lines: string[] = [];
      let bytes = offset;
      const stream = await followFile(remote, dir, name, offset, (line, more) => {
        lines.push(line);
        bytes += more;
      });
      const { code } = await stream.ended;
      return { code, lines, bytes };
    };
    const [out, later, never] = await Promise.all([follow('stdout', 0), follow('later', 0), follow('never', 0)]);
    expect(out).toEqual({ code: 0, lines: ['line 1', 'line 2', 'line 3', 'end'], bytes: 25 });
    expect(never).toEqual({ code: 0, lines: [], bytes: 0 });
    expect(later.lines).toEqual(Array.from({ length: 20_000 }, (_, i) => String(i)));
    expect(later.bytes).toBe(statSync(file(run, 'later')).size);
    // From before, at and after the end of a block of 65,536 bytes, which lines 13,107 and on stand behind.
    for (const from of [13_105, 13_107, 19_999]) {
      const offset = later.lines.slice(0, from).join('\n').length + 1;
      expect(await follow('later', offset)).toEqual({ code: 0, lines: later.lines.slice(from), bytes: later.bytes });
    }
    expect(await follow('stdout', 25)).toEqual({ code: 0, lines: [], bytes: 25 });
  });
});

describe('on any of them', () => {
  const make = () => machine('sh');

  test.concurrent('probe tells why a folder can not be used', async () => {
    const { remote } = stage(make);
    writeFileSync(join(folder, 'file'), '');
    const found = await probe(remote, join(folder, 'file/code'), '/proc/no/logs', []);
    expect(found.code).toMatchObject({ free: undefined });
    expect(found.code.problem).toMatch(/File exists|Not a directory/);
    expect(found.logs.problem).toMatch(/No such file/);
  });

  test.concurrent('what a start that was cut short has left is removed', async () => {
    const { remote, logs } = stage(make);
    const dir = runFolder(logs, 'cut', 'w0');
    mkdirSync(dir, { recursive: true });
    for (const [name, minutes] of [
      ['settings-old', 11],
      ['settings-new', 1],
    ] as const) {
      writeFileSync(join(dir, name), 'secret');
      const then = new Date(Date.now() - minutes * 60_000);
      utimesSync(join(dir, name), then, then);
    }
    await probe(remote, folder, logs, []);
    expect(readdirSync(dir)).toEqual(['settings-new']);
  });

  test.concurrent('stop ends what outlives k6 and its supervisor', async () => {
    const { remote, start, file } = stage(make);
    const { dir, run } = await start('sh -c \'trap "" INT TERM; echo $$; while :; do sleep 0.05; done\' & sleep 30');
    while (statSync(file(run, 'stdout')).size === 0) await sleep(10);
    const child = Number(readFileSync(file(run, 'stdout'), 'utf8'));
    expect(await stopRun(remote, dir, QUICK)).toMatchObject({ signals: ['INT', 'TERM', 'KILL'], left: [], exit: 143 });
    expect(alive(child)).toBe(false);
  });

  test.concurrent('its exit code is there when nobody is', async () => {
    const { remote, start, status, until } = stage(make);
    const { run } = await start('exit 42');
    await remote.close();
    expect(await until(run, 'ended')).toMatchObject({ exit: 42, pid: undefined, why: undefined });
    expect((await status(run)).endedAgo).toBeLessThan(20);
  });

  test.concurrent('it is started once', async () => {
    const { remote, start } = stage(make);
    const { dir } = await start('sleep 30');
    await expect(startRun(remote, dir, ['true'], { SECRET: 'again' })).rejects.toThrow(
      new RegExp(`^w0 \\(here\\): it was started already, \\d+ s ago: see ${dir}$`),
    );
    expect(readdirSync(dir).filter((name) => name.startsWith('settings'))).toEqual([]);
    await stopRun(remote, dir, QUICK);
  });

  test.concurrent('of three that start it at the same time one does', async () => {
    const { remote, logs, until, file } = stage(make);
    const dir = runFolder(logs, 'race', 'w0');
    const all = await Promise.allSettled([1, 2, 3].map(() => startRun(remote, dir, ['sh', '-c', 'echo once'], {})));
    expect(all.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
    await until('race', 'ended');
    expect(readFileSync(file('race', 'stdout'), 'utf8')).toBe('once\n');
  });

  test.concurrent('what can not be run is told at once', async () => {
    const { remote, logs, status } = stage(make);
    const dir = runFolder(logs, 'none', 'w0');
    await expect(startRun(remote, dir, ['/no/such/k6', 'run'], { SECRET: 'x' })).rejects.toThrow(
      "w0 (here): it did not start: /no/such/k6 can't be run",
    );
    expect(readdirSync(dir).filter((name) => name.startsWith('settings'))).toEqual([]);
    expect(await status('none')).toMatchObject({ state: 'ended', exit: 127 });
  });

  test.concurrent('it goes on without its supervisor, and can be stopped', async () => {
    const { remote, start, status, file } = stage(make);
    const { dir, run, pid } = await start('sleep 30');
    process.kill(leader(file, run), 'SIGKILL');
    await gone(leader(file, run));
    expect(await status(run)).toMatchObject({ state: 'running', pid, why: 'its supervisor is gone' });
    expect(await stopRun(remote, dir, QUICK)).toMatchObject({ was: 'running', left: [], state: 'ended', exit: 137 });
    expect(alive(pid)).toBe(false);
  });

  test.concurrent('stop ends what heeds no signal', async () => {
    const { remote, start } = stage(make);
    const { dir, pid } = await start('trap "" INT TERM; while :; do sleep 0.05; done');
    expect(await stopRun(remote, dir, QUICK)).toEqual({
      was: 'running',
      signals: ['INT', 'TERM', 'KILL'],
      state: 'ended',
      exit: 137,
      why: undefined,
      left: [],
    });
    await gone(pid);
  });

  test.concurrent('another process under its number is not touched', async () => {
    const { remote, start, status, until, file } = stage(make);
    const { dir, run } = await start('exit 0');
    await until(run, 'ended');
    const innocent = spawn('sleep', ['30'], { detached: true });
    const [boot = ''] = readFileSync(file(run, 'process'), 'utf8').split('\n');
    const one = `${innocent.pid} 12345 ${innocent.pid}`;
    writeFileSync(file(run, 'process'), `${boot}\n${one}\n${one}\n`);
    writeFileSync(file(run, 'exit'), '-\n');
    expect(await status(run)).toMatchObject({ state: 'vanished', why: 'it was killed' });
    expect(await stopRun(remote, dir, QUICK)).toMatchObject({ was: 'vanished', signals: [] });
    expect(innocent.exitCode).toBe(null);
    innocent.kill('SIGKILL');
  });

  test.concurrent('there is nothing to stop or follow where nothing was started', async () => {
    const { remote, logs } = stage(make);
    const dir = runFolder(logs, 'none', 'w0');
    await expect(stopRun(remote, dir)).rejects.toThrow(`w0 (here): there is no run in ${dir}`);
    const stream = await followFile(remote, dir, 'stdout', 0, () => {});
    expect(await stream.ended).toMatchObject({ code: 1, stderr: `there is no run in ${dir}\n` });
  });

  test.concurrent('following ends when the run is killed', async () => {
    const { remote, start, file } = stage(make);
    const { dir, run } = await start('echo begun; sleep 30');
    const lines: string[] = [];
    const stream = await followFile(remote, dir, 'stdout', 0, (line) => lines.push(line));
    process.kill(-leader(file, run), 'SIGKILL');
    expect((await stream.ended).code).toBe(0);
    expect(lines).toEqual(['begun']);
  });
});
