/** `s3loadtest start`: patterns on many machines at once, left to themselves. */
import type { Command } from 'commander';
import type { Options } from '../run/settings';
import { addDistOptions, dist } from './dist';

export function addStart(program: Command): void {
  addDistOptions(program.command('start'))
    .description('the same as dist, and leave it alone once the load has begun: see status, collect, stop')
    .action(async (names: string[], options: Options) => {
      process.exitCode = await dist(names, options, process.env, true);
    });
}
