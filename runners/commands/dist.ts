/** `s3loadtest dist`: patterns on many machines at once. */
import { basename } from 'node:path';
import type { Command } from 'commander';
import { FROM_CLI } from '../../lib/result/protocol';
import { ConfigError, settings as settingOf } from '../../lib/settings/config';
import { conduct } from '../fleet/conduct';
import { FILES } from '../fleet/launch';
import { Machines } from '../fleet/machines';
import { workerName } from '../fleet/workers-file';
import { endTooSoon } from '../run/credentials';
import { type Shown, showRun } from '../run/dry-run';
import { planK6 } from '../run/plan';
import { segmentsOf } from '../run/segments';
import { defaultConcurrency, type Options } from '../run/settings';
import { addFleetOptions, type Fleet, fleetOf } from './fleet-options';
import { type Wanted, wantedOf } from './wanted';

export function addDist(program: Command): void {
  addDistOptions(program.command('dist'))
    .description('run patterns on many machines at once, follow the run and merge the Results')
    .action(async (names: string[], options: Options) => {
      process.exitCode = await dist(names, options, process.env, false);
    });
}

export function addDistOptions(command: Command): Command {
  return addFleetOptions(command).argument('<patterns...>');
}

/** Runs patterns and returns the exit code; `detached`, leaves them alone once they have begun. @throws ConfigError, ToolError */
export async function dist(
  names: string[],
  typed: Options,
  environment: NodeJS.ProcessEnv,
  detached: boolean,
): Promise<number> {
  return distWanted(wantedOf(names, typed), environment, detached);
}

/** @throws ConfigError, ToolError */
export async function distWanted(wanted: Wanted, environment: NodeJS.ProcessEnv, detached: boolean): Promise<number> {
  const { name, script, tests, options } = wanted;
  const fleet = await fleetOf(wanted, environment);
  const { settings, workers, preparation } = fleet;
  if (detached && settings.config.untilSteady) {
    throw new ConfigError([
      `${settingOf.untilSteady.env[0]} is true: a run that is left to itself has nobody to end it: leave it out, or run by dist`,
    ]);
  }
  const outs = (options.out as string[] | undefined) ?? [];
  if (options.dryRun === true) {
    const { shown, tried } = plansOf(fleet, { script, tests, outs });
    return showRun(shown, tried, environment, options.json === true);
  }
  const { allowPartial, backend, duration } = settings.config;
  // A run that is left to itself has nobody who renews them, and k6-jslib-aws takes no others.
  const lease = detached || backend === 'jslib' ? undefined : fleet.lease;
  const late = lease === undefined ? endTooSoon(fleet.ends, duration) : undefined;
  if (late !== undefined) process.stderr.write(`warning: ${late}\n`);
  const memoryCheck = options.memoryCheck !== false;
  const load = { name, tests, settings, outs, memoryCheck, allowPartial, environment, lease };
  const run = { name, settings, json: options.json === true, detached, allowPartial, k6Version: fleet.k6.version };
  return conduct(run, new Machines(workers, { ...preparation, detached }, load));
}

/** What would be started where, and what can be tried of that here. */
function plansOf(
  { settings, workers: { machines }, k6 }: Fleet,
  load: { readonly script: string; readonly tests: readonly string[] | undefined; readonly outs: readonly string[] },
): { shown: Shown[]; tried: Shown['plan'] } {
  const folder = settings.config.remoteCodeDir;
  const { script, tests, outs } = load;
  const none = { runId: '', keys: '', tellDeleted: false, freeMemory: undefined };
  const common = { ...none, outs, tests, settings: settings.environment, concurrency: defaultConcurrency() };
  const segments = segmentsOf(machines.length);
  const shown = machines.map((machine, i) => {
    const there = { k6: `${folder}/k6`, script: `${folder}/${basename(script)}`, statistics: FILES.statistics };
    const plan = planK6({ ...common, ...there, worker: machine.id, segment: segments[i] });
    const workers = { [FROM_CLI.workers]: String(machines.length) };
    return { where: workerName(machine), plan: { ...plan, environment: { ...plan.environment, ...workers } } };
  });
  return { shown, tried: planK6({ ...common, k6: k6.path, script }) };
}
