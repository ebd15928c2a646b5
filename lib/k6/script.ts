/**
 * What a k6 script exports, out of workloads: options, setup, the function every iteration calls, and handleSummary.
 *
 * Only the iterations are for every VU. All else k6 calls in VU 0, and it is most of the code: loaded by `require`, which the
 * build makes a closure of, it costs the others nothing. A function costs a VU 0.7 KB, called or not.
 */
import { nameOf, type Workload } from '../workload/workload';
import { connectBy, keyEndFor, payloadFor } from './backend';
import type { Control } from './control';
import { guarded } from './guard';
import { iteration, stepsOf } from './iterate';

declare function require(module: './control'): typeof import('./control');

export interface Script extends Control {
  run: ReturnType<typeof iteration>;
}

/** Builds what a k6 script exports. Called in k6's init context, once for the run and once in every VU. */
export function script(workloads: readonly Workload[]): Script {
  const name = nameOf(workloads);
  const run = () => guarded(iteration(name, stepsOf(workloads)));
  if (__VU !== 0) return { run: run() } as Script;
  const { control } = require('./control');
  // First the control: it makes the plan that all VUs go by. k6 looks at it in no other VU.
  return {
    ...control({ name, workloads: () => workloads }, { connectBy, payloadFor, keyEndFor }),
    run: run(),
  };
}
