/** What the runners of one TestRun came to: each one's Result, and their sum. Pure. */

import { Merge } from '../../../lib/result/merge';
import { newRunId } from '../../../lib/result/protocol';
import { type Result, sum, type Worker } from '../../../lib/result/result';
import { ConfigError } from '../../../lib/settings/config';
import { EXIT } from '../../run/exit';
import { workerFigures } from '../../run/generator';
import type { Gathered } from '../results';
import { segmentsOf } from '../segments';
import type { RunnerLog } from './runner-log';

/** One runner, and what is known of it beside its log. */
export interface Runner {
  readonly log: RunnerLog;
  /** The node that its pod runs on. */
  readonly node?: string | undefined;
  /** k6's exit code, and why it was ended, where it was. */
  readonly exit?: number | undefined;
  readonly reason?: string | undefined;
}

/** @throws ConfigError when they are not of one run, or two are of the same part of it */
export function gather(runners: readonly Runner[]): Gathered {
  const begun = runners.filter(({ log }) => log.begin !== undefined);
  checkTogether(begun);
  const startedAt = Math.min(...begun.map(({ log }) => startOf(log)));
  const merge = new Merge();
  const parts: Array<{ worker: string; result: Result }> = [];
  const without = runners.filter(({ log }) => log.begin === undefined);
  for (const runner of begun) {
    const result = runner.log.result();
    if (result === undefined) {
      without.push(runner);
      continue;
    }
    const worker = workerOf(runner, result, startedAt);
    parts.push({ worker: worker.id, result: { ...result, workers: [worker] } });
    merge.add({ ...result, workers: [worker] });
  }
  const name = begun[0]?.log.begin?.facts.run.id;
  if (name === undefined || parts.length === 0) return { result: undefined, parts };
  const lost = [...without.map(lostRunner), ...missing(begun, without)];
  const { run, workers, ...merged } = merge.result();
  const result = {
    ...merged,
    run: { ...run, id: newRunId(startedAt, name) },
    workers: [...workers, ...lost],
    partial: merged.partial || lost.length > 0,
  };
  return { result, parts };
}

/** Nodes' clocks are taken for right: nothing here can tell how far they are off. */
const startOf = ({ begin }: RunnerLog) => Date.parse(begin?.facts.run.startedAt ?? '');

function checkTogether(begun: readonly Runner[]): void {
  const runs = [...new Set(begun.map(({ log }) => log.begin?.facts.run.id))];
  if (runs.length > 1) throw new ConfigError([`these logs are of several runs, give those of one: ${runs.join(', ')}`]);
  const sources = new Map<number | undefined, string>();
  for (const { log } of begun) {
    const index = log.begin?.part.index;
    const other = sources.get(index);
    if (other !== undefined) {
      throw new ConfigError([`${other} and ${log.source} are of the same part of the load: give each log once`]);
    }
    sources.set(index, log.source);
  }
}

function workerOf({ log, node, exit, reason }: Runner, result: Result, first: number): Worker {
  const part = log.begin?.part ?? { index: 0, of: 1 };
  const id = String(result.run.config.workerId);
  const startSkewMs = startOf(log) - first;
  const ended = result.thresholds.every(({ ok }) => ok) ? EXIT.ok : EXIT.threshold;
  const why = log.problem ?? reason ?? (exit === undefined ? 'its log has no end' : `k6 exited with ${exit}`);
  const { ops, bytes, errors } = sum(result.totals);
  return {
    id,
    host: node ?? id,
    segment: segmentsOf(part.of)[part.index]?.segment ?? '0:1',
    clockOffsetMs: 0,
    startSkewMs,
    exit: exit ?? (log.complete ? ended : EXIT.failed),
    ...(log.complete ? {} : { lost: { atMs: startSkewMs + result.run.durationMs, why } }),
    ...{ ops, bytes, errors },
    ...workerFigures({ ...result.generator, cores: null }),
  };
}

/** Nothing that one measured is known. */
function lostRunner({ log, node, exit, reason }: Runner): Worker {
  const last = log.said.findLast(({ level }) => level === 'error' || level === 'fatal')?.message;
  const why = log.problem ?? reason ?? last ?? (exit === undefined ? 'it never began' : `k6 exited with ${exit}`);
  return absent(log.source, node ?? log.source, why, exit);
}

/** Runners that there is no log of, of those whose number is known. The operator counts them from 1. */
function missing(begun: readonly Runner[], without: readonly Runner[]): Worker[] {
  const there = new Set(begun.map(({ log }) => log.begin?.part.index));
  const of = begun[0]?.log.begin?.part.of ?? 1;
  const name = begun[0]?.log.begin?.facts.run.id;
  const numbers = Array.from({ length: of }, (_, i) => i).filter((i) => !there.has(i));
  // Which of them those are that said nothing of their part, is not known.
  const unheard = numbers.slice(without.length);
  return unheard.map((i) => absent(`${name}-${i + 1}`, `${name}-${i + 1}`, 'there is no log of it', undefined));
}

function absent(id: string, host: string, why: string, exit: number | undefined): Worker {
  const never = { clockOffsetMs: 0, startSkewMs: 0, lost: { atMs: 0, why } };
  return { id, host, segment: '', exit: exit ?? EXIT.failed, ...never };
}
