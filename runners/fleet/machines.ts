/** A place for many k6: machines reached over SSH, or this one where there is no workers file. k6 outlives the CLI there. */
import { FROM_CLI } from '../../lib/result/protocol';
import { formatCount, formatDuration } from '../../lib/settings/units';
import type { Lease } from '../run/credentials';
import type { Settings } from '../run/settings';
import type { Terminal } from '../terminal/terminal';
import { sayWhy } from './each';
import { FreshCredentials } from './fresh-credentials';
import { MachineMember } from './machine-member';
import type { Member, MemberEvents, Order, PlaceToFollow, PlaceToStart, Started } from './place';
import { type MachineRow, type Preparation, prepare, type ReadyMachine, renderRows } from './prepare';
import type { FoundRun } from './runs';
import { RemoteError } from './shell';
import { start } from './start';
import type { Workers } from './workers';
import { workerName } from './workers-file';

export interface FleetLoad {
  /** The patterns. */
  readonly name: string;
  readonly tests: readonly string[] | undefined;
  readonly settings: Settings;
  readonly outs: readonly string[];
  readonly memoryCheck: boolean;
  readonly allowPartial: boolean;
  /** Of credentials that end and are renewed from here. */
  readonly lease: Lease | undefined;
  /** Environment of the CLI. */
  readonly environment: NodeJS.ProcessEnv;
}

/** Machines that a run is started on. */
export class Machines implements PlaceToStart {
  readonly alone = false;
  private terminal: Terminal | undefined;
  private ready: readonly ReadyMachine[] = [];
  private members: readonly MachineMember[] = [];
  private credentials: FreshCredentials | undefined;

  constructor(
    private readonly workers: Workers,
    private readonly preparation: Omit<Preparation, 'signal'>,
    private readonly load: FleetLoad,
  ) {}

  async prepare(terminal: Terminal, signal: AbortSignal): Promise<{ ready: number; missing: number }> {
    this.terminal = terminal;
    const { workers, load } = this;
    if (load.lease !== undefined) {
      const warn = (message: string) => terminal.log({ level: 'warning', message });
      this.credentials = new FreshCredentials(load.lease, warn);
    }
    if (workers.here) {
      const { workersFile } = load.settings.config;
      terminal.say(`no workers file (${workersFile}): ${workers.machines.length} k6 processes on this machine`);
    }
    const { ready, missing } = await prepareMachines(workers, { ...this.preparation, signal }, terminal);
    this.ready = ready;
    return { ready: ready.length, missing };
  }

  async start(order: Order, on: MemberEvents, signal: AbortSignal): Promise<Started> {
    const { ready, workers, load } = this;
    const { rate, duration } = load.settings.config;
    const until = load.settings.environment[FROM_CLI.filling] === undefined ? ` for ${formatDuration(duration)}` : '';
    this.terminal?.say(`${order.run}: ${load.name} on ${ready.length} workers${until}`);
    const started = await start(
      ready,
      workers,
      { ...load, ...order, credentials: this.credentials },
      load.allowPartial,
      on,
      signal,
    );
    this.members = started.members;
    if (started.begins && rate !== undefined) this.terminal?.say(rateLine(rate, started.members.length));
    return started;
  }

  stop(members: readonly Member[]): Promise<string[]> {
    return stopMembers(this.members.filter((member) => members.includes(member)));
  }

  async collect(members: readonly Member[]): Promise<void> {
    const ours = this.members.filter((member) => members.includes(member));
    await Promise.all(ours.map((member) => member.collect(false)));
  }

  abandon(): boolean {
    return true;
  }

  async close(): Promise<void> {
    this.credentials?.stop();
    await Promise.all([...this.ready.map(({ remote }) => remote.close()), ...this.members.map((each) => each.close())]);
  }
}

/** Machines that a run of others is on. */
export class RunOnMachines implements PlaceToFollow {
  readonly isQuiet = false;
  private members: readonly MachineMember[] = [];

  constructor(
    private readonly workers: Workers,
    private readonly found: readonly FoundRun[],
    /** The workers keep their folders. */
    private readonly keep: boolean,
  ) {}

  async follow(on: MemberEvents, terminal: Terminal): Promise<readonly Member[]> {
    const members = await Promise.all(
      this.found.map(async (finding) => {
        try {
          return [await this.member(finding, on)];
        } catch (e) {
          terminal.log({ level: 'error', message: sayWhy(e) });
          return [];
        }
      }),
    );
    this.members = members.flat();
    return this.members;
  }

  get run(): string | undefined {
    return this.found[0]?.status.run;
  }

  /** How many members the run has in all. */
  get expected(): number {
    return Math.max(...this.found.map(({ manifest }) => manifest?.workers ?? 1));
  }

  async collect(): Promise<void> {
    await Promise.all(this.members.map((member) => member.collect(this.keep)));
  }

  async close(): Promise<void> {
    await Promise.all(this.members.map((member) => member.close()));
  }

  /** @throws RemoteError */
  private async member({ machine, status, manifest }: FoundRun, on: MemberEvents): Promise<MachineMember> {
    const at = { ...machine, id: status.worker };
    if (manifest === undefined) {
      throw new RemoteError(at, 'command', `${status.folder} can't be read, or is of another version of s3loadtest`);
    }
    const remote = await this.workers.connect(machine);
    return new MachineMember(
      { machine: at, folder: status.folder, manifest },
      remote,
      () => this.workers.connect(machine),
      on,
    );
  }
}

/** Looks machines over, brings them what they lack, and says how each of them is. */
export async function prepareMachines(
  workers: Workers,
  preparation: Preparation,
  terminal: Terminal,
): Promise<{ ready: ReadyMachine[]; missing: number }> {
  const { ready, rows } = await prepare(workers, preparation, (now) => terminal.show(renderRows(now)));
  terminal.clear();
  return { ready, missing: sayRows(rows, terminal) };
}

/** Says how each machine is, and returns how many can't be used. */
function sayRows(rows: readonly MachineRow[], terminal: Terminal): number {
  for (const line of renderRows(rows)) terminal.say(line);
  for (const { machine, doubts } of rows) {
    for (const doubt of doubts) terminal.log({ level: 'warning', message: `${workerName(machine)}: ${doubt}` });
  }
  const problems = rows.flatMap(({ problem }) => problem ?? []);
  for (const message of problems) terminal.log({ level: 'error', message });
  return problems.length;
}

async function stopMembers(members: readonly MachineMember[]): Promise<string[]> {
  const problems = await Promise.all(
    members.map(async (member) => {
      const problem = await member.stop();
      // Nobody can stop it from here: its load ends with its time.
      if (problem !== undefined && member.state === 'unreachable') member.giveUp('it could not be reached to stop it');
      return problem ?? [];
    }),
  );
  return problems.flat();
}

/** `3,000 operations/s in all, divided among 3 workers`. */
export function rateLine(rate: number, workers: number): string {
  const all = `${Number.isInteger(rate) ? formatCount(rate) : rate} operations/s in all`;
  return workers === 1 ? all : `${all}, divided equally among ${workers} workers`;
}
