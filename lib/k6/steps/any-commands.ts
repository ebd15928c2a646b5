/** What a load out of a workload file does: any commands in any shares. */
import { sleep } from 'k6';
import { type Command, DELETE, GET, LIST, PUT } from '../../s3/commands';
import type { CommandShares } from '../../workload/command-shares';
import type { Operate, OperationStep, VirtualUser } from '../../workload/step';
import { mixOf } from './mix';

/** Most loads name no others than patterns do. */
declare function require(module: './actions'): typeof import('./actions');

/** HEAD of a mix is of what the VU itself has written. */
const AS_IN_MIXES = [GET, PUT, DELETE, LIST];

/** `rows` are of the other commands that it names: only who plans needs them. */
export function anyCommands(of: CommandShares, rows: readonly Command[] = []): OperationStep {
  const { shares } = of;
  const own = AS_IN_MIXES.filter(({ op }) => op in shares);
  const hasOthers = Object.keys(shares).some((op) => !own.some((row) => row.op === op));
  const others = (vu: VirtualUser) => {
    const { actionsOf } = require('./actions');
    return actionsOf(vu, of);
  };
  const step = mixOf({ '': shares }, [...own, ...rows], hasOthers ? others : undefined);
  const { think = 0 } = of;
  const start: OperationStep['start'] = (vu) => (think > 0 ? thinking(step.start(vu), think) : step.start(vu));
  return { ...step, start, data: of };
}

/** The same with a wait of so many milliseconds after each operation. */
function thinking(operate: Operate, ms: number): Operate {
  return (window, begin) => {
    const pending = operate(window, begin);
    if (pending !== undefined) return pending.then(() => sleep(ms / 1000));
    sleep(ms / 1000);
    return undefined;
  };
}
