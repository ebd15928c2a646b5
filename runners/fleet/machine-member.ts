/** One k6 of a run on a worker's machine: follows its files there, finds it again when the connection goes, sees how it ends. */
import { dirname } from 'node:path/posix';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Result } from '../../lib/result/result';
import { formatDuration } from '../../lib/settings/units';
import { lastLine } from '../process/last-line';
import { aborted } from '../process/stoppable';
import { Transcript } from '../run/transcript';
import { FILES, type Manifest } from './launch';
import { isOver, isWhole, type Member, type MemberEvents, type MemberState } from './place';
import type { Remote, Streaming } from './remote';
import { RemoteError } from './shell';
import { followFile, type RunStatus, runStatus, stopRun } from './worker';
import type { Machine } from './workers-file';

/** A k6 that was started. */
export interface Handle {
  readonly machine: Machine;
  /** Its folder there, absolute. */
  readonly folder: string;
  readonly manifest: Manifest;
}

/** Statistics come each interval whatever the load does: without some of them k6 hangs, or its disk is full. */
const SILENT_INTERVALS = 5;
const SILENT_MS = 5_000;
const LOOK_MS = 500;
const RECONNECT_MS = 2_000;
/** How long after the end that was planned a worker may be out of reach, or silent, before it is given up. */
const PATIENCE_MS = 30_000;
const FULL = 'its disk is full';

export class MachineMember implements Member {
  readonly id: string;
  readonly host: string;
  readonly segment: string;
  readonly clockOffsetMs: number;
  readonly cores: number;
  readonly transcript: Transcript;
  state: MemberState = 'starting';
  exit: number | undefined;
  why: string | undefined;
  /** Resolves when k6 waits for the others, or its load has begun, or it has ended. */
  readonly ready: Promise<void>;
  readonly over: Promise<void>;

  private remote: Remote | undefined;
  private streams: readonly Streaming[] = [];
  private readonly offsets = { [FILES.statistics]: 0, [FILES.log]: 0 };
  private readonly givenUp = new AbortController();
  /** k6 has ended, and all that is in its folder was read. */
  private isRead = false;
  /** Credentials that its k6 has not got yet. */
  private unsent: string | undefined;
  private setReady = () => {};

  constructor(
    readonly handle: Handle,
    remote: Remote,
    private readonly connect: () => Promise<Remote>,
    on: MemberEvents,
  ) {
    const { worker, segment, clockOffsetMs, cores } = handle.manifest;
    this.id = worker;
    this.host = handle.machine.host;
    this.segment = segment;
    this.clockOffsetMs = clockOffsetMs;
    this.cores = cores;
    this.remote = remote;
    this.transcript = new Transcript({
      ready: () => {
        if (this.state === 'starting') this.state = 'ready';
        this.setReady();
      },
      begin: () => {
        this.state = 'running';
        this.setReady();
        on.begin(this);
      },
      interval: (interval) => on.interval(interval, this),
      deleted: (range) => on.deleted(range),
      log: (line) => on.log(line, this),
    });
    this.ready = new Promise((resolve) => {
      this.setReady = resolve;
    });
    this.over = this.watch();
  }

  measured(): Result | undefined {
    return this.transcript.result();
  }

  /** Tells its k6 when to begin, milliseconds since 1970 by the clock here. @throws RemoteError */
  async start(at: number): Promise<void> {
    if (this.remote === undefined) throw this.failure('it is out of reach');
    const there = Math.round(at + this.clockOffsetMs);
    await this.remote.putText(`${there}\n`, `${this.handle.folder}/${FILES.start}`, '0600');
  }

  /** Hands its k6 credentials that follow those it has; where it is out of reach, when it is back. @throws RemoteError */
  async renew(credentials: string): Promise<void> {
    this.unsent = credentials;
    if (this.remote !== undefined && !isOver(this)) await this.sendCredentials(this.remote);
  }

  private async sendCredentials(remote: Remote): Promise<void> {
    const { unsent } = this;
    if (unsent === undefined) return;
    await remote.putText(unsent, `${this.handle.folder}/${FILES.credentials}`, '0600');
    if (this.unsent === unsent) this.unsent = undefined;
  }

  /** Ends its k6 in order, with what it measured so far. Returns why that could not be done, in one line. */
  async stop(): Promise<string | undefined> {
    try {
      const remote = this.remote ?? (await this.reconnect());
      const { left } = await stopRun(remote, this.handle.folder);
      return left.length > 0 ? this.failure(`processes ${left.join(', ')} could not be ended`).message : undefined;
    } catch (e) {
      if (e instanceof RemoteError) return e.message;
      throw e;
    }
  }

  /** Leaves it alone: what it does is no matter any more. */
  giveUp(why: string): void {
    if (isOver(this)) return;
    this.why = why;
    this.state = 'lost';
    this.givenUp.abort();
    this.setReady();
  }

  /** Removes its folder, if all that is in it is known here, or nothing worth it is; with `keep`, marks it as collected. */
  async collect(keep: boolean): Promise<void> {
    const hasBegun = this.transcript.begin !== undefined;
    if (!hasBegun) this.giveUp('it was called off');
    if (!this.isRead && !isWhole(this) && hasBegun) return;
    await (keep ? this.mark() : this.removeFolder());
  }

  private async removeFolder(): Promise<void> {
    const { folder, manifest } = this.handle;
    // Nothing but a folder that is named as ours are.
    if (!folder.endsWith(`/${manifest.run}/${manifest.worker}`) || manifest.run === '' || manifest.worker === '')
      return;
    const args = [folder, dirname(folder)];
    await this.remote?.run('rm -rf -- "$1" && rmdir -- "$2" 2> /dev/null', { args }).catch(() => {}); // status shows it
  }

  private async mark(): Promise<void> {
    await this.remote?.putText('', `${this.handle.folder}/${FILES.collected}`, '0600').catch(() => {}); // status shows it
  }

  /** Looks away; what runs there goes on. */
  async close(): Promise<void> {
    this.givenUp.abort();
    for (const stream of this.streams) stream.stop();
    await this.remote?.close();
  }

  private failure(why: string): RemoteError {
    return new RemoteError(this.handle.machine, 'command', why);
  }

  private async watch(): Promise<void> {
    const looking = this.lookAfter();
    try {
      while (!isOver(this) && !this.givenUp.signal.aborted) {
        try {
          const remote = this.remote ?? (await this.reconnect());
          await Promise.race([this.follow(remote), aborted(this.givenUp.signal)]);
        } catch (e) {
          if (!(e instanceof RemoteError)) throw e;
          if (isOver(this) || this.givenUp.signal.aborted) break;
          this.state = 'unreachable';
          void this.remote?.close();
          this.remote = undefined;
          this.why = e.why;
          await sleep(RECONNECT_MS, undefined, { signal: this.givenUp.signal }).catch(() => {});
        }
      }
    } finally {
      this.givenUp.abort();
      this.setReady();
      await looking;
    }
  }

  private async reconnect(): Promise<Remote> {
    const remote = await this.connect();
    this.remote = remote;
    await this.sendCredentials(remote);
    this.transcript.reportedAt = Date.now();
    return remote;
  }

  /** Reads all that it reports until its end, and how that was. @throws RemoteError when the connection goes */
  private async follow(remote: Remote): Promise<void> {
    const { folder, manifest } = this.handle;
    const streams = await Promise.all(
      ([FILES.log, FILES.statistics] as const).map((file) =>
        followFile(remote, folder, file, this.offsets[file], (line, bytes) => {
          this.offsets[file] += bytes;
          this.isBack();
          if (file === FILES.log) this.transcript.addLog(line);
          // A line without its end is what a full disk, or a k6 that was killed, has left of one.
          else if (bytes > Buffer.byteLength(line)) this.transcript.addStatistics(line);
        }),
      ),
    );
    this.streams = streams;
    const ends = await Promise.all(streams.map(({ ended }) => ended));
    const failed = ends.find(({ code }) => code !== 0);
    if (failed) throw this.failure(`its files can't be followed (${lastLine(failed.stderr)})`);
    const all = await runStatus(remote, folder.split('/').slice(0, -2).join('/'));
    await this.end(all.find(({ run, worker }) => run === manifest.run && worker === manifest.worker));
  }

  private async end(status: RunStatus | undefined): Promise<void> {
    this.exit = status?.exit;
    this.isRead = true;
    const { transcript } = this;
    if (status?.state === 'ended' && (transcript.isComplete || transcript.begin === undefined)) {
      this.state = 'ended';
      this.why = undefined;
      return;
    }
    const early = `k6 ended with ${status?.exit} before it had reported all`;
    const how = status?.state === 'ended' ? ((await this.isDiskFull()) ? `${FULL}, and ${early}` : early) : status?.why;
    this.giveUp(transcript.problem ?? how ?? 'its folder is gone');
  }

  private isBack(): void {
    if (this.state !== 'silent' && this.state !== 'unreachable') return;
    this.state = this.transcript.begin ? 'running' : this.transcript.isReady ? 'ready' : 'starting';
  }

  /** Notices that nothing is reported any more, and gives up on it when its time is over. */
  private async lookAfter(): Promise<void> {
    while (!isOver(this) && !this.givenUp.signal.aborted) {
      await sleep(LOOK_MS, undefined, { signal: this.givenUp.signal }).catch(() => {});
      const quiet = Date.now() - this.transcript.reportedAt;
      if (isOver(this)) continue;
      if (this.transcript.begin === undefined) {
        // Preparing takes what it takes, but the others wait for this one.
        if (this.state === 'unreachable' && quiet > PATIENCE_MS) this.giveUp(`out of reach: ${this.why}`);
        continue;
      }
      if (this.state === 'running' && quiet > Math.max(SILENT_MS, SILENT_INTERVALS * this.handle.manifest.intervalMs)) {
        this.state = 'silent';
        const full = await this.isDiskFull();
        this.why = full ? FULL : full === false ? 'k6 hangs, or is kept from running' : undefined;
      }
      const { plannedMs, run } = this.transcript.begin.facts;
      const due = Date.parse(run.startedAt) - this.clockOffsetMs + plannedMs + PATIENCE_MS;
      if (Date.now() < due || quiet < PATIENCE_MS) continue;
      const since = formatDuration(Math.round(quiet / 1000) * 1000);
      const reached = this.state === 'silent';
      this.giveUp(`nothing was heard of it for ${since}${this.why ? `: ${this.why}` : ''}`);
      if (reached) await this.stop();
    }
  }

  /** Undefined where that can't be found out: a lost connection is reported elsewhere. */
  private async isDiskFull(): Promise<boolean | undefined> {
    const script = 'df -Pk "$1" | { read -r _; read -r _ _ _ free _; echo "$free"; }';
    const answer = await this.remote?.run(script, { args: [this.handle.folder] }).catch(() => undefined);
    return answer && Number(answer.stdout) === 0;
  }
}
