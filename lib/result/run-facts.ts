/** What a run is and what it measured, put together as a Result, wherever the figures come from. Pure. */
import type { Measured } from './metrics';
import {
  errorCount,
  type Figures,
  type Generator,
  type Outage,
  type Result,
  type RunHead,
  SCHEMA,
  type Warmup,
} from './result';
import { warningsOf } from './warnings';

/** What is known when the load begins. */
export interface RunFacts {
  readonly run: RunHead;
  readonly measured: readonly Measured[];
  /** How long the load is to last at least, milliseconds; 0 where it ends with its last operation. */
  readonly plannedMs: number;
  /** How many operations that is. */
  readonly plannedOps?: number;
  /** How much of its start is kept out of the figures, milliseconds. */
  readonly warmupMs: number;
  /** Certificates of an endpoint are not looked at. */
  readonly tlsNotVerified: boolean;
}

/** What is known when it is over. */
export interface RunFigures
  extends Pick<Result, 'series' | 'totals' | 'endpoints' | 'connections' | 'timeline' | 'thresholds'> {
  /** From the load's start. */
  readonly durationMs: number;
  readonly outages?: readonly Outage[];
  readonly warmup?: Warmup;
  readonly iterations: number;
  readonly droppedIterations: number;
  readonly exceptions: number;
  readonly retries: number;
  readonly traffic: NonNullable<Generator['traffic']>;
}

/** A test that ends so much before its time was stopped: k6 does not say so. */
const EARLY_MS = 50;

/** The Result of one k6 process. What only the CLI sees (CPU, memory, workers) is left empty. */
export function resultOf(facts: RunFacts, figures: RunFigures): Result {
  const { durationMs, warmup, iterations, droppedIterations, exceptions, retries, traffic, ...measured } = figures;
  return {
    schema: SCHEMA,
    run: { ...facts.run, durationMs: Math.round(durationMs), ...(warmup === undefined ? {} : { warmup }) },
    ...measured,
    generator: {
      cpu: null,
      memory: null,
      cores: null,
      vus: facts.run.loads.reduce((n, { vus }) => n + vus, 0),
      iterations,
      droppedIterations,
      ...(exceptions > 0 ? { exceptions } : {}),
      retries,
      ...(traffic.receivedBytes + traffic.sentBytes > 0 ? { traffic } : {}),
    },
    workers: [],
    errorSamples: [],
    warnings: warningsOf({ ...facts, verify: facts.run.config.verify === true }, figures, figures.totals),
    interrupted: durationMs < facts.plannedMs - EARLY_MS,
    partial: false,
  };
}

/** Whether anything was counted. */
export function isSomething(figures: Figures): boolean {
  return figures.ops > 0 || errorCount(figures) > 0 || (figures.misses ?? 0) > 0 || (figures.redirected ?? 0) > 0;
}
