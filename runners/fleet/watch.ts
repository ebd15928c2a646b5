/** Watches over one worker: hears what its k6 says and measures, finds it again when the connection goes, sees how it ends. */
import { dirname } from 'node:path/posix';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fold } from '../../lib/result/fold';
import type { Interval } from '../../lib/result/interval';
import type { Begin, DeletedRange } from '../../lib/result/protocol';
import type { ErrorSample } from '../../lib/result/result';
import { formatDuration } from '../../lib/settings/units';
import { parseInterval } from '../run/intervals';
import { K6Log, type LogLine } from '../run/k6-log';
import { FILES, type Manifest } from './launch';
import type { Remote, Streaming } from './remote';
import { RemoteError } from './shell';
import { followFile, type RunStatus, runStatus, stopRun } from './worker';
import type { Machine } from './workers-file';

/** A worker that was started. */
export interface Handle {
  readonly machine: Machine;
  /** Its folder there, absolute. */
  readonly folder: string;
  readonly manifest: Manifest;
}

/**
 * starting: k6 makes its VUs and tries the bucket. ready: it waits for the others. silent: nothing is heard, though it can be
 * reached. unreachable: the connection is gone. lost: it was given up.
 */
export type WorkerState = 'starting' | 'ready' | 'running' | 'silent' | 'unreachable' | 'ended' | 'lost';

export interface WatchEvents {
  interval(interval: Interval, watch: Watch): void;
  begin(begin: Begin, watch: Watch): void;
  deleted(range: DeletedRange): void;
  log(line: LogLine, watch: Watch): void;
}

/** Statistics come each interval whatever the load does: without some of them k6 hangs, or its disk is full. */
const SILENT_INTERVALS = 5;
const SILENT_MS = 5_000;
const LOOK_MS = 500;
const RECONNECT_MS = 2_000;
/** How long after the end that was planned a worker may be out of reach, or silent, before it is given up. */
const PATIENCE_MS = 30_000;
const FULL = 'its disk is full';

export class Watch {
  state: WorkerState = 'starting';
  /** When something was heard last. */
  heardAt = Date.now();
  begin: Begin | undefined;
  /** k6's exit code, when it is known. */
  exit: number | undefined;
  /** Why it was given up. */
  why: string | undefined;
  /** Errors that k6 told before its load began. */
  readonly refusals: string[] = [];
  readonly fold = new Fold();
  /** Resolves when k6 waits for the others, or its load has begun, or it has ended. */
  readonly ready: Promise<void>;
  /** Resolves when it has ended, or is given up. */
  readonly over: Promise<void>;

  private remote: Remote | undefined;
  private streams: readonly Streaming[] = [];
  private readonly offsets = { [FILES.statistics]: 0, [FILES.log]: 0 };
  private readonly given = new AbortController();
  private unreadable: Error | undefined;
  private readonly isReady: () => void;
  /** It has said that it waits for the others. */
  private waits = false;
  private readonly said = new K6Log({
    ready: () => {
      this.waits = true;
      if (this.state === 'starting') this.state = 'ready';
      this.isReady();
    },
    begin: (begin) => {
      this.begin = begin;
      this.fold.begin(begin.facts);
      this.state = 'running';
      this.isReady();
      this.on.begin(begin, this);
    },
    deleted: (range) => this.on.deleted(range),
    log: (line) => {
      if (line.level === 'error' && this.begin === undefined) this.refusals.push(line.message);
      this.on.log(line, this);
    },
  });

  constructor(
    readonly handle: Handle,
    remote: Remote,
    private readonly connect: () => Promise<Remote>,
    private readonly on: WatchEvents,
  ) {
    this.remote = remote;
    let isReady = () => {};
    this.ready = new Promise((resolve) => {
      isReady = resolve;
    });
    this.isReady = isReady;
    this.over = this.watch();
  }

  get isOver(): boolean {
    return this.state === 'ended' || this.state === 'lost';
  }

  /** Whether all it measured is known. */
  get isComplete(): boolean {
    return this.state === 'ended' && this.fold.complete;
  }

  /** The first failure of each class that was heard of. */
  get samples(): readonly ErrorSample[] {
    return this.said.samples;
  }

  /** Tells its k6 when to begin, milliseconds since 1970 by the clock here. @throws RemoteError */
  async start(at: number): Promise<void> {
    if (this.remote === undefined) throw this.failure('it is out of reach');
    const there = Math.round(at + this.handle.manifest.clockOffsetMs);
    await this.remote.putText(`${there}\n`, `${this.handle.folder}/${FILES.start}`, '0600');
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
    if (this.isOver) return;
    this.why = why;
    this.state = 'lost';
    this.given.abort();
    this.isReady();
  }

  /** Removes what it left there, which is to be known here by now. */
  async removeFolder(): Promise<void> {
    const { folder, manifest } = this.handle;
    // Nothing but a folder that is named as ours are.
    if (!folder.endsWith(`/${manifest.run}/${manifest.worker}`) || manifest.run === '' || manifest.worker === '')
      return;
    const args = [folder, dirname(folder)];
    await this.remote?.run('rm -rf -- "$1" && rmdir -- "$2" 2> /dev/null', { args }).catch(() => {}); // status shows it
  }

  /** Looks away; what runs there goes on. */
  async close(): Promise<void> {
    this.given.abort();
    for (const stream of this.streams) stream.stop();
    await this.remote?.close();
  }

  private failure(why: string): RemoteError {
    return new RemoteError(this.handle.machine, 'command', why);
  }

  private async watch(): Promise<void> {
    const looking = this.lookAfter();
    try {
      while (!this.isOver && !this.given.signal.aborted) {
        try {
          const remote = this.remote ?? (await this.reconnect());
          await Promise.race([this.follow(remote), aborted(this.given.signal)]);
        } catch (e) {
          if (!(e instanceof RemoteError)) throw e;
          if (this.isOver || this.given.signal.aborted) break;
          this.state = 'unreachable';
          void this.remote?.close();
          this.remote = undefined;
          this.why = e.why;
          await sleep(RECONNECT_MS, undefined, { signal: this.given.signal }).catch(() => {});
        }
      }
    } finally {
      this.given.abort();
      this.isReady();
      await looking;
    }
  }

  private async reconnect(): Promise<Remote> {
    const remote = await this.connect();
    this.remote = remote;
    this.heardAt = Date.now();
    return remote;
  }

  /** Hears all that it says until its end, and how that was. @throws RemoteError when the connection goes */
  private async follow(remote: Remote): Promise<void> {
    const { folder, manifest } = this.handle;
    const streams = await Promise.all(
      ([FILES.log, FILES.statistics] as const).map((file) =>
        followFile(remote, folder, file, this.offsets[file], (line, bytes) => {
          this.offsets[file] += bytes;
          this.heard();
          if (file === FILES.log) this.said.hear(line);
          // A line without its end is what a full disk, or a k6 that was killed, has left of one.
          else if (bytes > Buffer.byteLength(line)) this.hearStatistics(line);
        }),
      ),
    );
    this.streams = streams;
    const ends = await Promise.all(streams.map(({ ended }) => ended));
    const failed = ends.find(({ code }) => code !== 0);
    if (failed) throw this.failure(`its files can't be followed (${failed.stderr.trim().split('\n').at(-1)})`);
    const all = await runStatus(remote, folder.split('/').slice(0, -2).join('/'));
    await this.end(all.find(({ run, worker }) => run === manifest.run && worker === manifest.worker));
  }

  private async end(status: RunStatus | undefined): Promise<void> {
    this.exit = status?.exit;
    if (status?.state === 'ended' && (this.fold.complete || this.begin === undefined)) {
      this.state = 'ended';
      this.why = undefined;
      return;
    }
    const early = `k6 ended with ${status?.exit} before it had told all`;
    const how = status?.state === 'ended' ? ((await this.isDiskFull()) ? `${FULL}, and ${early}` : early) : status?.why;
    this.giveUp(this.unreadable?.message ?? how ?? 'its folder is gone');
  }

  private hearStatistics(line: string): void {
    if (this.unreadable !== undefined) return;
    try {
      const interval = parseInterval(line);
      this.fold.add(interval);
      if (this.begin !== undefined) this.on.interval(interval, this);
    } catch (e) {
      this.unreadable = e as Error;
    }
  }

  private heard(): void {
    this.heardAt = Date.now();
    if (this.state !== 'silent' && this.state !== 'unreachable') return;
    this.state = this.begin ? 'running' : this.waits ? 'ready' : 'starting';
  }

  /** Notices that nothing is heard any more, and gives up on it when its time is over. */
  private async lookAfter(): Promise<void> {
    while (!this.isOver && !this.given.signal.aborted) {
      await sleep(LOOK_MS, undefined, { signal: this.given.signal }).catch(() => {});
      const quiet = Date.now() - this.heardAt;
      if (this.isOver) continue;
      if (this.begin === undefined) {
        // Preparing takes what it takes, but the others wait for this one.
        if (this.state === 'unreachable' && quiet > PATIENCE_MS) this.giveUp(`out of reach: ${this.why}`);
        continue;
      }
      if (this.state === 'running' && quiet > Math.max(SILENT_MS, SILENT_INTERVALS * this.handle.manifest.intervalMs)) {
        this.state = 'silent';
        const full = await this.isDiskFull();
        this.why = full ? FULL : full === false ? 'k6 hangs, or is kept from running' : undefined;
      }
      const { plannedMs, run } = this.begin.facts;
      const due = Date.parse(run.startedAt) - this.handle.manifest.clockOffsetMs + plannedMs + PATIENCE_MS;
      if (Date.now() < due || quiet < PATIENCE_MS) continue;
      const since = formatDuration(Math.round(quiet / 1000) * 1000);
      const reached = this.state === 'silent';
      this.giveUp(`nothing was heard of it for ${since}${this.why ? `: ${this.why}` : ''}`);
      if (reached) await this.stop();
    }
  }

  /** Undefined where it can't be asked: that the connection went is told by itself. */
  private async isDiskFull(): Promise<boolean | undefined> {
    const script = 'df -Pk "$1" | { read -r _; read -r _ _ _ free _; echo "$free"; }';
    const said = await this.remote?.run(script, { args: [this.handle.folder] }).catch(() => undefined);
    return said && Number(said.stdout) === 0;
  }
}

/** Resolves when it is aborted. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
