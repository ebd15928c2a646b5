/** What the script of a workload file exports: as script.ts, but VU 0 alone reads what it is to do. */
import type { Distribution } from '../workload/distribution';
import { connectBy, keyEndFor, payloadFor } from './backend';
import { guarded } from './guard';
import { iteration } from './iterate';
import type { Script } from './script';
import { distribution } from './steps/distribution';

declare function require(module: './control'): typeof import('./control');
declare function require(module: './workload-file'): typeof import('./workload-file');

const NAME = 'a workload file';

export function scriptOfFile(): Script {
  const run = () => guarded(iteration(NAME, ({ data }) => distribution(data as Distribution)));
  if (__VU !== 0) return { run: run() } as Script;
  const source = { name: NAME, ...require('./workload-file').readSource() };
  return { ...require('./control').control(source, { connectBy, payloadFor, keyEndFor }), run: run() };
}
