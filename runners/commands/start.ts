/** `s3loadtest start`: patterns on many machines at once, left to themselves. */
import type { Command } from 'commander';
import type { Options } from '../run/settings';
import { addDistOptions, dist } from './dist';

export function addStart(program: Command): void {
  addDistOptions(program.command('start'))
    .description('start a run like dist, in the background: see status, collect and stop')
    .action(async (names: string[], options: Options) => {
      process.exitCode = await dist(names, options, process.env, true);
    });
}
