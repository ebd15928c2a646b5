/** What a load out of a workload file does: any commands in any shares. */
import { type Command, DELETE, GET, HEAD, LIST, PUT } from '../../s3/commands';
import type { Distribution } from '../../workload/distribution';
import type { OperationStep } from '../../workload/step';
import { mixOf } from './mix';

/** Most loads name no others than patterns do. */
declare function require(module: './actions'): typeof import('./actions');

const OF_MIXES = [GET, PUT, HEAD, DELETE, LIST];

/** `rows` are of the other commands that it names: only who plans needs them. */
export function distribution(of: Distribution, rows: readonly Command[] = []): OperationStep {
  const { shares } = of;
  const own = OF_MIXES.filter(({ op }) => op in shares);
  const hasOthers = Object.keys(shares).some((op) => !own.some((row) => row.op === op));
  const step = mixOf(
    { '': shares },
    [...own, ...rows],
    hasOthers ? (vu) => require('./actions').actionsOf(vu, of) : undefined,
  );
  return { ...step, data: of };
}
