/** What a load out of a workload file does: any commands in any shares. */
import { type Command, DELETE, GET, HEAD, LIST, PUT } from '../../s3/commands';
import type { CommandShares } from '../../workload/command-shares';
import type { OperationStep, VirtualUser } from '../../workload/step';
import { mixOf } from './mix';

/** Most loads name no others than patterns do. */
declare function require(module: './actions'): typeof import('./actions');

const OF_MIXES = [GET, PUT, HEAD, DELETE, LIST];

/** `rows` are of the other commands that it names: only who plans needs them. */
export function anyCommands(of: CommandShares, rows: readonly Command[] = []): OperationStep {
  const { shares } = of;
  const own = OF_MIXES.filter(({ op }) => op in shares);
  const hasOthers = Object.keys(shares).some((op) => !own.some((row) => row.op === op));
  const others = (vu: VirtualUser) => {
    const { actionsOf } = require('./actions');
    return actionsOf(vu, of);
  };
  return { ...mixOf({ '': shares }, [...own, ...rows], hasOthers ? others : undefined), data: of };
}
