/** `s3loadtest status`: every run on workers' machines, whoever started it. */
import type { Command } from 'commander';
import { ConfigError } from '../../lib/settings/config';
import { formatBytes, formatCount, formatDuration } from '../../lib/settings/units';
import { ALL, byRun, type FoundRun, findRuns, isCollected } from '../fleet/runs';
import { findWorkers } from '../fleet/workers';
import { EXIT } from '../run/exit';
import { loadSome, type Options } from '../run/settings';

export function addStatus(program: Command): void {
  program
    .command('status')
    .argument('[run]', `run ID (default: ${ALL})`)
    .description('list the runs on the machines of the workers file, or on this machine if there is no such file')
    .option('--json', 'print the list as JSON on standard output')
    .action(async (run: string | undefined, options: Options) => {
      process.exitCode = await status(run, options, process.env);
    });
}

async function status(run: string | undefined, options: Options, environment: NodeJS.ProcessEnv): Promise<number> {
  const config = loadSome(['workersFile', 'ssh', 'sshConfig', 'remoteLogDir'], options, environment);
  const { found, problems } = await findRuns(findWorkers(config, {}, environment), config.remoteLogDir);
  const shown = run === undefined || run === ALL ? found : found.filter((each) => each.status.run === run);
  if (shown.length === 0 && shown !== found) {
    throw new ConfigError([`run "${run}" is on none of these machines: see s3loadtest status`]);
  }
  if (options.json === true) process.stdout.write(`${JSON.stringify({ runs: shown.map(asJson), problems })}\n`);
  else for (const line of statusLines(shown)) console.log(line);
  for (const problem of problems) console.error(`error: ${problem}`);
  return problems.length > 0 ? EXIT.failed : EXIT.ok;
}

function asJson({ machine, status: { run, worker, state, age, exit, why, folder }, totals }: FoundRun) {
  return { run, worker, host: machine.host, state, ageSeconds: age, exit, why, folder, ...totals };
}

function statusLines(found: readonly FoundRun[]): string[] {
  if (found.length === 0) return ['no runs'];
  return [...byRun(found)].flatMap(([run, parts]) => {
    const sum = (of: 'ops' | 'bytes' | 'errors') => parts.reduce((n, { totals }) => n + (totals?.[of] ?? 0), 0);
    const age = Math.max(...parts.map(({ status }) => status.age));
    const figures = `ops=${formatCount(sum('ops'))}, bytes=${formatBytes(sum('bytes'))}, errors=${formatCount(sum('errors'))}`;
    return [`${run}  started ${formatDuration(age * 1000)} ago  ${figures}`, ...parts.map((each) => `  ${line(each)}`)];
  });
}

function line(finding: FoundRun): string {
  const { machine, status, totals } = finding;
  const { worker, state, exit, why } = status;
  const how = state === 'ended' ? `ended with ${exit}` : why === undefined ? state : `${state}: ${why}`;
  const collected = isCollected(finding) ? ', collected' : '';
  return `${worker} ${machine.host}  ${how}${collected}${totals ? `  ops=${formatCount(totals.ops)}` : ''}`;
}
