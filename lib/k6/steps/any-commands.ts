/** What a load out of a workload file does: any commands in any shares. */
import { sleep } from 'k6';
import { type Command, DELETE, GET, LIST, PUT } from '../../s3/commands';
import type { CommandShares, Temporary } from '../../workload/command-shares';
import type { Operate, OperationStep, VirtualUser } from '../../workload/step';
import { sleepUntil } from '../sleep';
import { mixOf } from './mix';

/** Most loads need none of them. */
declare function require(module: './actions'): typeof import('./actions');
declare function require(module: './ending'): typeof import('./ending');
declare function require(module: './temporary'): typeof import('./temporary');

/** HEAD of a mix is of what the VU itself has written. */
const AS_IN_MIXES = [GET, PUT, DELETE, LIST];

/** `rows` are of the other commands that it names: only who plans needs them. */
export function anyCommands(of: CommandShares, rows: readonly Command[] = []): OperationStep {
  const { shares } = of;
  const own = AS_IN_MIXES.filter(({ op }) => op in shares);
  const ofOthers = Object.keys(shares).filter((op) => !own.some((row) => row.op === op));
  const others = (vu: VirtualUser) => {
    const { actionsOf } = require('./actions');
    return actionsOf(vu, ofOthers, of);
  };
  const step = mixOf({ '': shares }, [...own, ...rows], ofOthers.length > 0 ? others : undefined, of.overwrites);
  const { think = 0 } = of;
  const start: OperationStep['start'] = (vu) => {
    const begin = (user: VirtualUser) =>
      of.temporary === undefined ? step.start(user) : living(user, of.temporary, step);
    const operate = of.endsAtErrors ? ending(vu, begin) : begin(vu);
    return think > 0 ? thinking(operate, think) : operate;
  };
  return { ...step, start, data: of };
}

function living(vu: VirtualUser, temporary: Temporary, step: OperationStep): Operate {
  const { withTemporary } = require('./temporary');
  return withTemporary(vu, temporary, step.start(vu));
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

/** Ends with the first answer of a status of 400 or more: then the VU sleeps through what is left of its load. */
function ending(vu: VirtualUser, start: OperationStep['start']): Operate {
  const { watched } = require('./ending');
  let over = false;
  const engine = watched(vu.engine, ({ status, endpoint, failure }, op) => {
    if (over) return;
    over = true;
    console.warn(`a VU ends: ${op} ${status} ${failure?.code ?? ''} (endpoint ${endpoint})`);
  });
  const operate = start({ ...vu, engine });
  return (window, begin) => {
    if (!over) return operate(window, begin);
    sleepUntil(begin + window.end);
    return undefined;
  };
}
