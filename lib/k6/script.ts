/**
 * What a k6 script exports, out of workloads: options, setup, the function every iteration calls, and handleSummary.
 *
 * Only the iterations are for every VU. All else k6 calls in VU 0, and it is most of the code: loaded by `require`, which the
 * build makes a closure of, it costs the others nothing. A function costs a VU 0.7 KB, called or not.
 */
import type { Options } from 'k6/options';
import type { Workload } from '../workload/workload';
import type { Control } from './control';
import { guarded } from './guard';
import { iteration } from './iterate';

declare const require: (module: './control') => typeof import('./control');

export interface Script extends Control {
  run: ReturnType<typeof iteration>;
}

/** Builds what a k6 script exports. Called in k6's init context, once for the run and once in every VU. */
export function script(workloads: readonly Workload[]): Script {
  const control = __VU === 0 ? loadControl(workloads) : inVu0;
  return { ...control, run: guarded(iteration(workloads)) };
}

function loadControl(workloads: readonly Workload[]): Control {
  const { control } = require('./control');
  return control(workloads);
}

const notHere = () => {
  throw new Error('this is for VU 0');
};
const inVu0: Control = { options: {} as Options, setup: notHere, handleSummary: notHere };
