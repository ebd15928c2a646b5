/**
 * Where k6 processes of a run are, behind one interface: a process of this CLI (process.ts), machines reached over SSH or this
 * very one (machines.ts), a Kubernetes cluster (kubernetes/cluster.ts). Whoever follows a run, ends it and judges it (conduct.ts,
 * monitor.ts, gather.ts, conclude.ts) knows no more of them than this.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stats } from '../../lib/result/final';
import type { Interval } from '../../lib/result/interval';
import type { DeletedRange } from '../../lib/result/protocol';
import type { Result } from '../../lib/result/result';
import type { Usage } from '../process/usage';
import type { Transcript } from '../run/transcript';
import type { LogLine } from '../terminal/log-line';
import type { Terminal } from '../terminal/terminal';

/**
 * starting: k6 makes its VUs and tries the bucket. ready: it waits for the others. silent: it reports nothing, though it can be
 * reached. unreachable: the connection is gone. ended: k6 has ended. lost: it was given up, or ended in a way that nobody saw.
 */
export type MemberState = 'starting' | 'ready' | 'running' | 'silent' | 'unreachable' | 'ended' | 'lost';

/** One k6 process of a run. */
export interface Member {
  /** `w0`: in keys, figures and messages. */
  readonly id: string;
  readonly host: string;
  /** Its part of the load, as k6 has it: `0:1/3`; '' when that is not known. */
  readonly segment: string;
  /** Its clock minus the one here, milliseconds. */
  readonly clockOffsetMs: number;
  readonly transcript: Transcript;
  readonly state: MemberState;
  /** k6's exit code, when it is known. */
  readonly exit: number | undefined;
  /** Why it was lost, or can't be reached. */
  readonly why: string | undefined;
  /** Cores of its machine; null when they are not known. Where `usage` is there, it knows better. */
  readonly cores: number | null;
  /** What its process used of its machine, where that was read. */
  readonly usage?: Usage | undefined;
  /** Whether something else than a signal to the CLI ended it before its time. */
  readonly cutShort?: boolean;
  /** Resolves when it has ended, or was given up. */
  readonly over: Promise<void>;
  /** What it measured, once it is over; undefined when nothing is known. */
  measured(): Result | undefined;
}

/** What members report while they go on. */
export interface MemberEvents {
  begin(member: Member): void;
  interval(interval: Interval, member: Member): void;
  deleted(range: DeletedRange): void;
  log(line: LogLine, member: Member): void;
  /** Running counts, from a k6 that reports no intervals: once a second, and once an interval of STATS lines. */
  tick(stats: Stats): void;
  stats(stats: Stats): void;
}

/** What is to be started, beside what the place itself knows. */
export interface Order {
  /** The run's id. */
  readonly run: string;
  /** A file here with keys to read; '' for none. */
  readonly keys: string;
  /** Whether k6 reports which keys it deleted. */
  readonly tellDeleted: boolean;
}

export interface Started {
  readonly members: readonly Member[];
  /** Whether the load begins: if not, those members that wait are to be stopped. */
  readonly begins: boolean;
  /** How many k6 processes are missing, and why, in lines. */
  readonly missing: number;
  readonly problems: readonly string[];
}

/** What there is to do with members at every place. */
export interface Place {
  /** Removes what members left where they ran, as far as all of it is known here. */
  collect(members: readonly Member[]): Promise<void>;
  /** Lets go of members and connections. What runs there goes on, unless it is a process of this CLI. */
  close(): Promise<void>;
}

/** A place that a run can be started at. */
export interface PlaceToStart extends Place {
  /** Whether members are one process of this CLI, which messages do not name. */
  readonly alone: boolean;
  /** Makes all ready that k6 needs there; says what is wrong. Resolves with how many k6 can be started, and how many can't. */
  prepare(terminal: Terminal, signal: AbortSignal): Promise<{ readonly ready: number; readonly missing: number }>;
  /** Starts k6. Resolves when the load begins, or never will. `signal` calls it off before that. */
  start(order: Order, on: MemberEvents, signal: AbortSignal): Promise<Started>;
  /** Ends members in order, so that they report all. Resolves with a line for each that could not be ended. */
  stop(members: readonly Member[]): Promise<string[]>;
  /** Ends members at once, where that is possible. Returns whether they go on instead. */
  abandon(): boolean;
}

/** A place where runs go on that others started. */
export interface PlaceToFollow extends Place {
  /** The run's id; undefined as long as that is not known. */
  readonly run: string | undefined;
  /** How many members it should have, where that is known beside its members. */
  readonly expected?: number;
  /** Whether what members say is for k6.log alone. */
  readonly isQuiet: boolean;
  /** Finds the members of the run, and follows them. Says what is wrong. @throws ConfigError when there is no such run */
  follow(on: MemberEvents, terminal: Terminal, signal: AbortSignal): Promise<readonly Member[]>;
}

export function isOver({ state }: Member): boolean {
  return state === 'ended' || state === 'lost';
}

/** Whether all it measured is known. */
export function isWhole({ state, transcript }: Member): boolean {
  return state === 'ended' && transcript.isComplete;
}

/** When its load began, milliseconds since 1970 by the clock here; undefined when it did not. */
export function startOf({ transcript: { begin }, clockOffsetMs }: Member): number | undefined {
  return begin && Date.parse(begin.facts.run.startedAt) - clockOffsetMs;
}

const LOOK_MS = 100;

/** Resolves when its load has begun, or it is over. */
export async function hasBegun(member: Member): Promise<void> {
  while (member.transcript.begin === undefined && !isOver(member)) await sleep(LOOK_MS);
}
