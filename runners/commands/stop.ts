/** `s3loadtest stop`: ends runs on workers' machines in order, whoever started them. */
import type { Command } from 'commander';
import { atEach } from '../fleet/each';
import { ALL, chooseRuns, findRuns, isActive } from '../fleet/runs';
import { type Stopped, stopRun } from '../fleet/worker';
import { findWorkers } from '../fleet/workers';
import { EXIT } from '../run/exit';
import { loadSome, type Options } from '../run/settings';

export function addStop(program: Command): void {
  program
    .command('stop')
    .argument('[run]', `run ID, or ${ALL} (default: the run in progress)`)
    .description('end a run on all its workers; collect then gives its Result')
    .action(async (run: string | undefined, options: Options) => {
      process.exitCode = await stop(run, options, process.env);
    });
}

async function stop(run: string | undefined, options: Options, environment: NodeJS.ProcessEnv): Promise<number> {
  const config = loadSome(['workersFile', 'ssh', 'sshConfig', 'remoteLogDir'], options, environment);
  const workers = findWorkers(config, {}, environment);
  const { found, problems } = await findRuns(workers, config.remoteLogDir);
  const chosen = chooseRuns(found, run, isActive, 'under way').flat();
  const machines = workers.machines.filter((machine) => chosen.some((each) => each.machine === machine));
  const { done, problems: failed } = await atEach({ ...workers, machines }, async (remote) => {
    const here = chosen.filter(({ machine }) => machine === remote.machine);
    return Promise.all(here.map(async ({ status }) => ({ status, stopped: await stopRun(remote, status.folder) })));
  });
  const stops = done.flatMap(({ machine, value }) => value.map((each) => ({ machine, ...each })));
  for (const { machine, status, stopped } of stops) {
    console.log(`${status.worker} ${machine.host}: was ${stopped.was}, is ${outcome(stopped)}`);
  }
  for (const problem of [...problems, ...failed]) console.error(`error: ${problem}`);
  const left = stops.some(({ stopped }) => stopped.left.length > 0);
  return left || problems.length + failed.length > 0 ? EXIT.failed : EXIT.ok;
}

function outcome({ signals, state, exit, left }: Stopped): string {
  const by = signals.length > 0 ? `, by ${signals.join(', ')}` : '';
  if (left.length > 0) return `processes ${left.join(', ')} are still there${by}`;
  return `${state}${exit === undefined ? '' : ` with ${exit}`}${by}`;
}
