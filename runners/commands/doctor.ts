/** `s3loadtest doctor`: whether workers could run, without a run. */
import type { Command } from 'commander';
import { prepareMachines } from '../fleet/machines';
import { stoppable } from '../process/stoppable';
import { EXIT } from '../run/exit';
import type { Options } from '../run/settings';
import { createTerminal } from '../terminal/terminal';
import { scriptOf } from '../tools/project';
import { addFleetOptions, fleetOf } from './fleet-options';

/** Any pattern's script will do. */
const TRIED = 'firehose';

export function addDoctor(program: Command): void {
  addFleetOptions(program.command('doctor'))
    .description('check whether workers are ready for a run')
    .action(async (options: Options) => {
      process.exitCode = await stoppable((signal) => doctor(options, process.env, signal));
    });
}

async function doctor(options: Options, environment: NodeJS.ProcessEnv, signal: AbortSignal): Promise<number> {
  const { workers, preparation, settings } = await fleetOf(
    { name: TRIED, script: scriptOf([TRIED]).script, options },
    environment,
  );
  const terminal = createTerminal(options.json === true, settings.config.logLevel);
  const { ready, missing } = await prepareMachines(workers, { ...preparation, signal }, terminal);
  await Promise.all(ready.map(({ remote }) => remote.close()));
  return missing > 0 ? EXIT.failed : EXIT.ok;
}
