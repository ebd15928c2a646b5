/** What the script of a workload file exports: as script.ts, but VU 0 alone reads what it is to do. */
import type { Home } from '../workload/home';
import type { Step, StepData } from '../workload/step';
import { connectBy, keyEndFor, payloadFor } from './backend';
import { guarded } from './guard';
import { iteration } from './iterate';
import type { Script } from './script';
import { anyCommands } from './steps/any-commands';

declare function require(module: './control'): typeof import('./control');
declare function require(module: './workload-file'): typeof import('./workload-file');
declare function require(module: './steps/fill'): typeof import('./steps/fill');

const NAME = 'a workload file';

function stepOf(data: StepData, homes: readonly Home[]): Step {
  if (!('ranges' in data)) return anyCommands(data);
  const { fill } = require('./steps/fill');
  return fill(data, homes);
}

export function scriptOfFile(): Script {
  const run = () => guarded(iteration(NAME, ({ data }, homes) => stepOf(data as StepData, homes)));
  if (__VU !== 0) return { run: run() } as Script;
  const { control } = require('./control');
  const { readSource } = require('./workload-file');
  const source = { name: NAME, ...readSource() };
  return { ...control(source, { connectBy, payloadFor, keyEndFor }), run: run() };
}
