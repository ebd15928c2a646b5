/** Steps that do nothing, of these operations. */
import { COMMANDS, type Command } from '../lib/s3/commands';
import type { ConnectionsStep, OperationStep, TaskStep } from '../lib/workload/step';

const rows = (ops: readonly string[]) => ops.map((op) => COMMANDS.get(op) as Command);
const start = () => () => {};

export const operations = (...ops: string[]): OperationStep => ({ kind: 'operation', commands: rows(ops), start });
export const task = (...ops: string[]): TaskStep => ({ kind: 'task', commands: rows(ops), start });
export const connections = (...ops: string[]): ConnectionsStep => ({
  ...{ kind: 'connections', commands: rows(ops), reads: '10MB', start },
});
