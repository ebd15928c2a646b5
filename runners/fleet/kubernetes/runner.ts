/** One of k6-operator's runners as a member of a run: what its log tells, and what Kubernetes knows of its pod. */
import { INTERVAL_SCHEMA } from '../../../lib/result/interval';
import { MARKS, newRunId } from '../../../lib/result/protocol';
import type { Result } from '../../../lib/result/result';
import { ConfigError } from '../../../lib/settings/config';
import { segmentsOf } from '../../run/segments';
import { Transcript } from '../../run/transcript';
import type { Member, MemberEvents, MemberState } from '../place';

/** How Go begins an interval, of any version: parsing it refuses others. */
const INTERVAL = `{"schema":"${INTERVAL_SCHEMA.replace(/\d+$/, '')}`;
/** As `kubectl logs --prefix` begins a line. */
const PREFIX = /^\[pod\/([^/\]]+)\/[^\]]+\] /;

/** What Kubernetes knows of a runner's pod. */
export interface PodFacts {
  /** The node that it runs on. */
  readonly node?: string | undefined;
  /** k6's exit code, and why it was ended, where it was. */
  readonly exit?: number | undefined;
  readonly reason?: string | undefined;
  /** Whether it was taken away: its log may have an end, but not that of the run. */
  readonly deleted?: boolean | undefined;
}

export class Runner implements Member {
  readonly clockOffsetMs = 0;
  /** What a pod may use of its node's, nothing here can tell. */
  readonly cores = null;
  readonly transcript: Transcript;
  /** Resolves when no more of its log will come. */
  over: Promise<void> = Promise.resolve();
  private pod: PodFacts = {};
  private isOver = false;
  private heardK6 = false;
  /** Lines of before: a log may be read once more. */
  private readonly lines = new Set<string>();

  /** `source` is the pod, or the file. */
  constructor(
    readonly source: string,
    on: MemberEvents,
  ) {
    this.transcript = new Transcript({
      begin: () => on.begin(this),
      interval: (interval) => on.interval(interval, this),
      deleted: (range) => on.deleted(range),
      log: (line) => on.log(line, this),
    });
  }

  /** As its keys have it; of one that did not begin, its source. */
  get id(): string {
    const { begin } = this.transcript;
    return begin === undefined ? this.source : String(begin.facts.run.config.workerId);
  }

  /** Nodes' clocks are taken for right: nothing here can tell how far they are off. */
  get host(): string {
    return this.pod.node ?? this.id;
  }

  get segment(): string {
    const part = this.transcript.begin?.part;
    return part === undefined ? '' : (segmentsOf(part.of)[part.index]?.segment ?? '0:1');
  }

  get state(): MemberState {
    const { begin, isComplete } = this.transcript;
    if (this.isOver) return isComplete && !this.wasTaken ? 'ended' : 'lost';
    return begin === undefined ? 'starting' : 'running';
  }

  get exit(): number | undefined {
    return this.pod.exit;
  }

  get why(): string | undefined {
    if (this.state !== 'lost') return undefined;
    const { begin, problem, lastError } = this.transcript;
    const { reason, exit } = this.pod;
    if (this.wasTaken) return 'its pod was deleted';
    if (problem !== undefined || reason !== undefined) return problem ?? reason;
    if (begin === undefined && lastError !== '') return lastError;
    if (exit !== undefined) return `k6 exited with ${exit}`;
    return begin === undefined ? 'it never began' : 'its log has no end';
  }

  /** Whether any of its log is k6's, told to log as JSON. */
  get isOfK6(): boolean {
    return this.heardK6;
  }

  /** Adds a line. What was added before may come again, as from a log that is read once more. */
  add(text: string): void {
    const isSummary = text.startsWith(MARKS.result);
    this.heardK6 ||= text.startsWith('{"') || isSummary;
    if (text.startsWith(INTERVAL)) this.transcript.addStatistics(text);
    else if (isSummary) this.transcript.addSummary(text.slice(MARKS.result.length));
    else if (text !== '' && !this.lines.has(text)) {
      this.lines.add(text);
      this.transcript.addLog(text);
    }
  }

  /** All that there will be of its log was added. */
  end(pod: PodFacts = {}): void {
    this.pod = pod;
    this.isOver = true;
  }

  measured(): Result | undefined {
    return this.transcript.result();
  }

  /** A pod that is deleted ends its k6 in order, but before its time. */
  private get wasTaken(): boolean {
    return this.pod.deleted === true && this.measured()?.interrupted !== false;
  }
}

/** Runners by their pods. Lines that name none are of the source itself. */
export class Runners {
  private readonly bySource = new Map<string, Runner>();

  constructor(
    private readonly source: string,
    private readonly on: MemberEvents,
  ) {}

  add(text: string): void {
    const match = PREFIX.exec(text);
    if (match === null) this.of(this.source).add(text);
    else this.of(match[1] as string).add(text.slice(match[0].length));
  }

  of(source: string): Runner {
    const runner = this.bySource.get(source) ?? new Runner(source, this.on);
    this.bySource.set(source, runner);
    return runner;
  }

  /** In the order in which they were first seen. */
  get list(): Runner[] {
    return [...this.bySource.values()];
  }
}

/** @throws ConfigError when these are not of one run, or two are of the same part of it */
export function checkTogether(runners: readonly Runner[]): void {
  const begun = runners.flatMap(({ source, transcript: { begin } }) =>
    begin === undefined ? [] : [{ source, begin }],
  );
  const runs = [...new Set(begun.map(({ begin }) => begin.facts.run.id))];
  if (runs.length > 1) throw new ConfigError([`these logs are of several runs, give those of one: ${runs.join(', ')}`]);
  const sources = new Map<number, string>();
  for (const { source, begin } of begun) {
    const other = sources.get(begin.part.index);
    if (other !== undefined) {
      throw new ConfigError([`${other} and ${source} are of the same part of the load: give each log once`]);
    }
    sources.set(begin.part.index, source);
  }
}

/** Runners that there is no log of, of those whose number is known. The operator counts them from 1. */
export function missingRunners(runners: readonly Runner[], on: MemberEvents): Member[] {
  const begun = runners.flatMap(({ transcript: { begin } }) => begin ?? []);
  const [first] = begun;
  if (first === undefined) return [];
  const there = new Set(begun.map(({ part }) => part.index));
  const numbers = Array.from({ length: first.part.of }, (_, i) => i).filter((i) => !there.has(i));
  // Which of them those are that reported nothing of their part, is not known.
  const unheard = numbers.slice(runners.length - begun.length);
  const name = String(first.facts.run.config.workerId).replace(/-\d+$/, '');
  return unheard.map((i) => new NoRunner(`${name}-${i + 1}`, on));
}

class NoRunner extends Runner {
  override get why(): string {
    return 'there is no log of it';
  }

  constructor(source: string, on: MemberEvents) {
    super(source, on);
    this.end();
  }
}

/** An id for what these report together, by when their load began; undefined while none has. Each collection has one of its own. */
export function runIdOf(runners: readonly Runner[]): string | undefined {
  const begun = runners.flatMap(({ transcript: { begin } }) => begin ?? []);
  const [first] = begun;
  if (first === undefined) return undefined;
  const startedAt = Math.min(...begun.map(({ facts }) => Date.parse(facts.run.startedAt)));
  return newRunId(startedAt, first.facts.run.id.replace(/^\d{8}T\d{6}Z-(.+)-[0-9a-f]{4}$/, '$1'));
}
