/**
 * What is to run, as one value: scripts write it, settings complete it (with-settings.ts), and all else follows from it. Pure.
 */
import type { ObjectSize } from '../settings/config';
import type { Threshold } from '../settings/run';
import type { Windows } from './schedule';
import type { Shape } from './shape';
import type { Step } from './step';

export interface Workload {
  /** As users type it, and as it stands in keys and in the `test` tag. */
  readonly name: string;
  /** The objects that its loads work on. */
  readonly data: DataSet;
  /** One k6 scenario each. */
  readonly loads: readonly Load[];
  /** Thresholds of its own, beside those that every run has. */
  readonly criteria?: readonly Threshold[];
}

/** Which objects there are. Their names and content follow from the sizes: keys.ts. */
export interface DataSet {
  /** Labels, each as often; empty where a workload has no objects of its own. `--size` names others. */
  readonly sizes: readonly string[];
}

/** A step that is repeated, in a shape of its own. */
export interface Load {
  readonly step: Step;
  /** Tells it from the workload's other loads. */
  readonly name?: string;
  /** What its figures are counted as, apart from those of the other loads, where that is not what its windows say. */
  readonly phase?: string;
  /** Its weight where the workload's VUs and rate are divided among its loads. Default 1. */
  readonly share?: number;
  /** How many operations it is in all, and then the run is over: each VU does as many. Undefined where time ends it. */
  readonly operations?: number;
  /** Sizes of its objects, where they are not the workload's. */
  readonly sizes?: readonly ObjectSize[];
  /** What it wants where no setting says otherwise. */
  readonly shape?: {
    /** VUs, or connections, where it wants others than the machine would give it. */
    readonly vus?: number;
    /** When it is on; else from start to end. */
    readonly windows?: Windows;
    /** How much it is, whatever the workload's other loads are. */
    readonly own?: OwnShape;
  };
}

/** How much a load is by itself: no part of anything. Times in milliseconds. */
export interface OwnShape extends Pick<Shape, 'unit' | 'ramp'> {
  /** As of Shape; a stage without a time lasts until the run ends. */
  readonly stages: ReadonlyArray<{ readonly target: number; readonly ms?: number }>;
  /** VUs at the most; of a rate, where it says so. */
  readonly vus?: number;
  /** When it begins. */
  readonly start: number;
}

/** What tells workloads that run together from others. */
export function nameOf(workloads: readonly Workload[]): string {
  return workloads.map(({ name }) => name).join(', ');
}

/** The name of a load's k6 scenario. */
export function scenarioName(workload: Workload, load: Load): string {
  return load.name === undefined ? workload.name : `${workload.name}-${load.name}`;
}
