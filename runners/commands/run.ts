/** `s3loadtest run <patterns>`: one or several at once on this machine. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { hasExtension, withBackend } from '../run/backend';
import { type Execution, execute } from '../run/execute';
import { freePort } from '../run/k6';
import { showCommand } from '../run/plan';
import { planProxy, startProxy, startsProxy, throughProxy } from '../run/proxy';
import { addSettingOptions, collect, loadSettings, type Options } from '../run/settings';
import { patterns, ROOT, scriptOf } from '../tools/project';
import { getTools, type Tool } from '../tools/tools';

/** Adds the options that `run` and what runs like it take. */
export function addRunOptions(command: Command): Command {
  return addSettingOptions(command)
    .option('--out <uri>', "k6's --out, any number of them: json=FILE, experimental-prometheus-rw, cloud …", collect)
    .option('--no-memory-check', 'run even when memory may not suffice')
    .option('--dry-run', 'print the k6 command and start nothing')
    .option('--json', 'print the Result on standard output, and all else on standard error');
}

export function addRun(program: Command): void {
  addRunOptions(program.command('run'))
    .argument('<patterns...>', patterns().join(', '))
    .description('run a pattern on this machine, or several at once in one k6 process')
    .action(async (names: string[], options: Options) => {
      process.exitCode = await run(names, options, process.env);
    });
}

/** Runs patterns at once and returns the exit code. @throws ConfigError, ToolError */
export async function run(names: readonly string[], options: Options, environment: NodeJS.ProcessEnv): Promise<number> {
  const { script, tests } = scriptOf(names);
  const given = loadSettings(options, environment);
  const dryRun = options.dryRun === true;
  const k6 = dryRun ? likelyK6(environment) : await findK6(environment);
  const extension = await hasExtension(k6.path, environment);
  const settings = withBackend(given, extension, say);
  const execution: Execution = {
    name: [...new Set(names)].join('-'),
    script,
    tests,
    k6: k6.path,
    k6Version: k6.version,
    extension: extension === true,
    settings,
    outs: (options.out as string[] | undefined) ?? [],
    json: options.json === true,
    dryRun,
    memoryCheck: options.memoryCheck !== false,
    environment,
  };
  return startsProxy(settings.config) ? executeThroughProxy(execution) : execute(execution);
}

/** The same through a proxy that is started for it, and stopped afterwards. */
async function executeThroughProxy(execution: Execution): Promise<number> {
  const { settings, environment } = execution;
  const { endpoints } = settings.config;
  if (execution.dryRun) {
    const { path, args, address, environment: own } = planProxy(settings, await freePort());
    const before = [showCommand(path, args, own)];
    return execute({ ...execution, settings: throughProxy(settings, `http://${address}`), before });
  }
  const { endpoint, lost, stop } = await startProxy(settings, environment);
  try {
    say(`${settings.config.s3poolBinary} signs at ${endpoint} for ${endpoints.join(', ')}`);
    return await execute({
      ...execution,
      settings: throughProxy(settings, endpoint),
      proxy: { endpoints, lost },
    });
  } finally {
    await stop();
  }
}

const say = (line: string) => process.stderr.write(`${line}\n`);

async function findK6(environment: NodeJS.ProcessEnv): Promise<Tool> {
  return (await getTools(['k6'], { env: environment, root: ROOT, log: say })).k6;
}

/** The k6 that a run would take if it is there; a dry run builds none. */
function likelyK6(environment: NodeJS.ProcessEnv): { path: string; version: string } {
  const own = join(ROOT, '.tools', 'bin', 'k6');
  return { path: environment.S3LOADTEST_K6 || (existsSync(own) ? own : 'k6'), version: '' };
}
