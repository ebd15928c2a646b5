/** What a run would do, without doing it: the k6 command, how the load is divided, and when it is on. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { FROM_CLI, MARKS, type PlanText, readMarked } from '../../lib/result/protocol';
import { ConfigError } from '../../lib/settings/config';
import { formatDuration, MINUTE } from '../../lib/settings/units';
import { EXIT } from './exit';
import { readLogLine } from './k6-log';
import { type K6Plan, showPlan } from './plan';

/** Phases shown one by one; of more, how many there are says enough. */
const MOST_SHOWN = 60;

/** A k6 that would be started, and where, if that is not simply here. */
export interface Shown {
  readonly where?: string;
  readonly plan: K6Plan;
}

/** Prints a dry run, and returns the exit code. @throws ConfigError when k6 would refuse it */
export async function showRun(...args: Parameters<typeof dryRun>): Promise<number> {
  const shown = await dryRun(...args);
  if ('problem' in shown) throw new ConfigError([shown.problem]);
  process.stdout.write(`${shown.text}\n`);
  return EXIT.ok;
}

/**
 * Lines, or JSON, of a dry run of `shown`, of which k6 tells more when it is given `tried`; or why the run would be refused. A
 * k6 that is not there can't tell more than its command. `before` are commands that would be started before it.
 */
async function dryRun(
  shown: readonly Shown[],
  tried: K6Plan,
  environment: NodeJS.ProcessEnv,
  json: boolean,
  before: readonly string[] = [],
): Promise<{ text: string } | { problem: string }> {
  const answer = await ask(tried, environment);
  if (typeof answer === 'string') return { problem: answer };
  const commands = shown.map(({ plan }) => showPlan(plan));
  if (json) return { text: JSON.stringify({ commands: [...before, ...commands], ...answer }) };
  const lines = commands.map((command, i) => {
    const { where } = shown[i] as Shown;
    return where === undefined ? command : `# ${where}\n${command}`;
  });
  const split = answer?.split === undefined ? [] : [answer.split];
  return { text: [...before, ...lines, ...split, ...scheduleLines(answer?.schedule ?? [])].join('\n') };
}

function scheduleLines(schedule: PlanText['schedule']): string[] {
  const shown = schedule
    .slice(0, MOST_SHOWN)
    .map(({ test, phase, startMs, endMs }) => `${test}: ${phase} from ${formatTime(startMs)} to ${formatTime(endMs)}`);
  const rest = schedule.length - shown.length;
  return rest > 0 ? [...shown, `and ${rest} more`] : shown;
}

/** `12.345s`, `1h2m3.400s`: to the millisecond, as schedules are. */
function formatTime(ms: number): string {
  const whole = Math.floor(ms / MINUTE) * MINUTE;
  return `${whole > 0 ? formatDuration(whole) : ''}${((ms - whole) / 1000).toFixed(3)}s`;
}

/** Lets k6 read the script, which then stops before it sends anything. Resolves with what was wrong as a text. */
async function ask(
  { k6, args, environment: own }: K6Plan,
  environment: NodeJS.ProcessEnv,
): Promise<PlanText | string | undefined> {
  const env = { ...environment, ...own, [FROM_CLI.dryRun]: '1' };
  const child = spawn(k6, [...args], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.on('data', (data: Buffer) => {
    log += data;
  });
  try {
    await once(child, 'close');
  } catch {
    return undefined;
  }
  const lines = log.split('\n').filter((line) => line !== '');
  const all = lines.map(readLogLine);
  const plan = all.map(({ message }) => readMarked<PlanText>(MARKS.plan, message)).find((text) => text !== undefined);
  if (plan !== undefined) return plan;
  const errors = all.filter(({ level }) => level === 'error').map(({ message }) => message);
  return errors.join('\n') || `${k6} ended and did not say what it would do: is it k6, from version 2 on?`;
}
