/** A place for one k6: a process of this CLI, which ends with it. */
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Begin } from '../../lib/result/protocol';
import type { Result } from '../../lib/result/result';
import { formatCount, formatDuration } from '../../lib/settings/units';
import { freePort } from '../process/free-port';
import { availableMemory } from '../process/proc';
import type { Usage } from '../process/usage';
import { type Follower, follow } from '../run/follow';
import { type K6End, type K6Process, STATISTICS_PIPE, startK6 } from '../run/k6';
import { planK6 } from '../run/plan';
import { type SigningProxy, startProxy, startsProxy, throughProxy } from '../run/proxy';
import { defaultConcurrency, type Settings } from '../run/settings';
import { Transcript } from '../run/transcript';
import type { Terminal } from '../terminal/terminal';
import type { Member, MemberEvents, MemberState, Order, PlaceToStart, Started } from './place';

export interface LocalLoad {
  /** What the run is called after: its patterns. */
  readonly name: string;
  /** Path of the bundle, and which of its patterns run, where not all do. */
  readonly script: string;
  readonly tests?: readonly string[] | undefined;
  /** Path of the k6 binary, and whether it has the project's extension. */
  readonly k6: string;
  readonly extension: boolean;
  readonly settings: Settings;
  readonly outs: readonly string[];
  readonly memoryCheck: boolean;
  /** Environment of the CLI. */
  readonly environment: NodeJS.ProcessEnv;
}

/** How long to wait, after k6 has ended without a Result, for what may have been the cause. */
const LAST_WORDS_MS = 300;

export class LocalProcess implements PlaceToStart {
  readonly alone = true;
  private proxy: SigningProxy | undefined;
  private terminal: Terminal | undefined;
  private member: ProcessMember | undefined;

  constructor(private readonly load: LocalLoad) {}

  /** Starts the signing proxy of the proxy backend, where the settings name one. */
  async prepare(terminal: Terminal): Promise<{ ready: number; missing: number }> {
    this.terminal = terminal;
    const { settings, environment } = this.load;
    if (startsProxy(settings.config)) {
      const { s3poolBinary, endpoints } = settings.config;
      this.proxy = await startProxy(settings, environment);
      process.stderr.write(`${s3poolBinary} signs at ${this.proxy.endpoint} for ${endpoints.join(', ')}\n`);
    }
    return { ready: 1, missing: 0 };
  }

  async start(order: Order, on: MemberEvents): Promise<Started> {
    const { load, proxy } = this;
    const settings = proxy ? throughProxy(load.settings, proxy.endpoint) : load.settings;
    // The project's k6 reports by itself what it does; stock k6 is polled.
    const api = load.extension ? undefined : `127.0.0.1:${await freePort()}`;
    const plan = planK6({
      k6: load.k6,
      statistics: load.extension ? STATISTICS_PIPE : undefined,
      script: load.script,
      tests: load.tests,
      runId: order.run,
      api,
      outs: load.outs,
      settings: settings.environment,
      concurrency: defaultConcurrency(),
      keys: order.keys,
      tellDeleted: order.tellDeleted,
      freeMemory: load.memoryCheck ? availableMemory() : undefined,
    });
    const { workerId, statsInterval } = settings.config;
    const member = new ProcessMember(workerId, on, {
      begin: (begin) => this.announce(begin, settings),
      startK6: (transcript) => startK6(plan, load.environment, transcript),
      follow: ({ facts }) => (api === undefined ? undefined : follow(api, facts.measured, statsInterval, on)),
      proxyLost: proxy?.lost,
    });
    this.member = member;
    return { members: [member], begins: true, missing: 0, problems: [] };
  }

  async stop(): Promise<string[]> {
    this.member?.k6.interrupt();
    return [];
  }

  /** What it left is the pipe that it wrote to: nothing. */
  async collect(): Promise<void> {}

  abandon(): boolean {
    this.member?.k6.kill();
    return false;
  }

  async close(): Promise<void> {
    await this.proxy?.stop();
  }

  private announce({ load, split, schedule, facts }: Begin, { config }: Settings): void {
    const say = (line: string) => this.terminal?.say(line);
    const {
      run: { httpProxies = [] },
      plannedOps,
    } = facts;
    const until = plannedOps === undefined ? formatDuration(config.duration) : `${formatCount(plannedOps)} operations`;
    const through = httpProxies.length === 0 ? '' : ` through the proxy ${httpProxies.join(' and ')}`;
    say(`${this.load.name}: ${load} for ${until} on ${config.endpoints.join(', ')}${through}`);
    if (split !== undefined) say(split);
    const bursts = schedule.length;
    if (bursts > 0) say(`${bursts} ${bursts === 1 ? 'burst is' : 'bursts are'} scheduled; --dry-run lists them`);
  }
}

interface Parts {
  begin(begin: Begin): void;
  startK6(transcript: Transcript): K6Process;
  /** Of a k6 that reports no intervals. */
  follow(begin: Begin): Follower | undefined;
  /** Resolves when requests can't go on, with why: one line. */
  readonly proxyLost: Promise<string> | undefined;
}

class ProcessMember implements Member {
  readonly host = hostname();
  readonly segment = '0:1';
  readonly clockOffsetMs = 0;
  readonly cores = null;
  readonly transcript: Transcript;
  readonly k6: K6Process;
  readonly over: Promise<void>;
  state: MemberState = 'starting';
  exit: number | undefined;
  why: string | undefined;
  usage: Usage | undefined;
  cutShort = false;
  private follower: Follower | undefined;
  private result: Result | undefined;

  constructor(
    readonly id: string,
    on: MemberEvents,
    parts: Parts,
  ) {
    this.transcript = new Transcript({
      begin: (begin) => {
        this.state = 'running';
        this.follower = parts.follow(begin);
        on.begin(this);
        parts.begin(begin);
      },
      interval: (interval) => on.interval(interval, this),
      deleted: (range) => on.deleted(range),
      log: (line) => on.log(line, this),
    });
    this.k6 = parts.startK6(this.transcript);
    const proxyEnd = parts.proxyLost?.then((message) => {
      this.cutShort = true;
      on.log({ level: 'error', message }, this);
      this.k6.interrupt();
    });
    this.over = this.k6.ended.then((end) => this.end(end, on, proxyEnd));
  }

  measured(): Result | undefined {
    return this.result;
  }

  private async end(
    { exit, signal, usage }: K6End,
    on: MemberEvents,
    proxyEnd: Promise<void> | undefined,
  ): Promise<void> {
    const { transcript } = this;
    this.usage = usage;
    this.exit = exit ?? undefined;
    this.why = signal ? `was ended by ${signal}` : `exited with ${exit}`;
    const { problem: message } = transcript;
    if (message !== undefined) on.log({ level: 'error', message }, this);
    const result = transcript.result();
    const timeline = await this.follower?.stop(result?.totals ?? [], result?.run.durationMs ?? 0);
    this.result = result && (timeline ? { ...result, timeline } : result);
    // A check that failed for it may end k6 before the proxy's end is known.
    if (result === undefined && proxyEnd !== undefined) await Promise.race([proxyEnd, sleep(LAST_WORDS_MS)]);
    this.state = 'ended';
  }
}
