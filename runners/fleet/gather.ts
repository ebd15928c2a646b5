/** What the members of a run measured: each one's Result, and their sum. */
import { Merge } from '../../lib/result/merge';
import { type Result, sum, type Worker } from '../../lib/result/result';
import { judged } from '../judge/judge';
import { EXIT, exitByThresholds, K6_EXIT } from '../run/exit';
import { generatorOf, workerFigures } from '../run/generator';
import { steadyResult } from '../run/steady';
import { isWhole, type Member, startOf } from './place';

/** What is known of the run beside what its members report. */
export interface GatherOptions {
  /** How many members there should be. */
  readonly expected: number;
  /** Whether the CLI was told to end them before their time. */
  readonly interrupted?: boolean;
  /** Whether it ended them because their throughput was steady. */
  readonly steady?: boolean;
  /** The k6 they ran, where that is known here. */
  readonly k6Version?: string | undefined;
  /** Endpoints behind a proxy that the CLI started. */
  readonly proxied?: readonly string[] | undefined;
  /** The run's id, where it is not what k6 reports. */
  readonly id?: string | undefined;
  /** The one member is a process of this CLI: its end is not told as that of a worker. */
  readonly alone?: boolean;
  /** What was gathered of this run before. */
  readonly before?: Earlier | undefined;
}

/** A run's Result, and those of its workers, as they were written before. */
export interface Earlier {
  readonly result: Result;
  readonly parts: ReadonlyMap<string, Result>;
}

export interface Gathered {
  /** The sum, judged; undefined when nothing is known of any member. */
  readonly result: Result | undefined;
  /** By worker; members without figures have none. */
  readonly parts: ReadonlyArray<{ readonly worker: string; readonly result: Result }>;
}

/** Adds up what is known of each member, also of those that were lost. */
export function gather(members: readonly Member[], options: GatherOptions): Gathered {
  const first = Math.min(...members.flatMap((member) => startOf(member) ?? []));
  const { before } = options;
  const parts = new Map(before?.parts);
  const absent: Worker[] = [];
  for (const member of members) {
    const result = resultOf(member, first, options);
    if (result === undefined) absent.push(workerOf(member, options));
    else if (isMore(result, parts.get(member.id))) parts.set(member.id, result);
  }
  const all = [...parts].sort(([a], [b]) => compareIds(a, b)).map(([worker, result]) => ({ worker, result }));
  if (all.length === 0) return { result: undefined, parts: [] };
  const known = new Set(absent.map(({ id }) => id));
  const others = (before?.result.workers ?? []).filter(({ id }) => !known.has(id));
  const never = [...absent, ...others].filter(({ id }) => !parts.has(id));
  const whole = sumOf(all.map(({ result }) => result));
  const partial = whole.partial || never.length > 0 || all.length < options.expected;
  const workers = [...whole.workers, ...never];
  const run = { ...whole.run, id: options.id ?? whole.run.id };
  const result = judged({ ...whole, run, partial, workers });
  // A run by one process of this CLI is its own part.
  return { result, parts: options.alone ? all.map(({ worker }) => ({ worker, result })) : all };
}

/** `w2` before `w10`. */
const compareIds = (a: string, b: string) => a.localeCompare(b, 'en', { numeric: true });

/** Whether a part has more than the one that was known: nothing known is ever given up for less. */
function isMore(result: Result, known: Result | undefined): boolean {
  if (known === undefined) return true;
  if (known.partial !== result.partial) return known.partial;
  return sum(result.totals).ops >= sum(known.totals).ops;
}

function sumOf(results: readonly Result[]): Result {
  const [only, ...others] = results;
  if (only !== undefined && others.length === 0) return only;
  const merge = new Merge();
  for (const result of results) merge.add(result);
  return merge.result();
}

function resultOf(member: Member, first: number, options: GatherOptions): Result | undefined {
  const { k6Version, proxied } = options;
  const { usage } = member;
  const reported = member.measured();
  const startedAt = startOf(member);
  if (reported === undefined || startedAt === undefined) return undefined;
  const interrupted = options.interrupted === true || member.cutShort === true;
  const steady = options.steady === true && !interrupted && isStoppedInOrder(member);
  const result = steady ? steadyResult(reported) : reported;
  const generator = usage ? generatorOf(result.generator, usage) : { ...result.generator, cores: member.cores };
  const { ops, bytes, errors } = sum(result.totals);
  return {
    ...result,
    run: {
      ...result.run,
      versions: { ...result.run.versions, ...(k6Version === undefined ? {} : { k6: k6Version }) },
      config: { ...result.run.config, ...(proxied && { proxied }) },
    },
    generator,
    workers: [
      {
        ...workerOf(member, options, startedAt - first, result.run.durationMs),
        // That a signal of ours ended it is said elsewhere: `interrupted`, `endedBy`.
        ...(isWhole(member) && (member.exit ?? K6_EXIT.signalled) === K6_EXIT.signalled
          ? { exit: exitByThresholds(result) }
          : {}),
        ...{ ops, bytes, errors },
        ...workerFigures(generator),
      },
    ],
    interrupted: result.interrupted || interrupted,
    partial: !isWhole(member),
  };
}

/** Whether a signal ended it, after which it reported all. */
function isStoppedInOrder(member: Member): boolean {
  return isWhole(member) && member.exit === K6_EXIT.signalled;
}

function workerOf(member: Member, { alone }: GatherOptions, startSkewMs = 0, durationMs = 0): Worker {
  const { id, host, segment, clockOffsetMs, exit, why } = member;
  const isLost = !isWhole(member) && alone !== true;
  const lost = isLost ? { lost: { atMs: startSkewMs + durationMs, why: why ?? 'it was left' } } : {};
  return { id, host, segment, clockOffsetMs, startSkewMs, exit: exit ?? EXIT.failed, ...lost };
}
