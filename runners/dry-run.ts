/** What a run would do, without doing it: the k6 command, how the load is divided, and when it is on. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { FROM_CLI, MARKS, type PlanText, readMarked } from '../lib/protocol';
import { formatDuration } from '../lib/units';
import { readLogLine } from './k6';
import { type K6Plan, showPlan } from './plan';

/** Phases shown one by one; of more, how many there are says enough. */
const MOST_SHOWN = 60;

/** The text of a dry run, or its JSON. A k6 that is not there can't tell the schedule; the command is shown all the same. */
export async function dryRun(plan: K6Plan, environment: NodeJS.ProcessEnv, json: boolean): Promise<string> {
  const told = await inspect(plan, environment);
  if (json) return JSON.stringify({ commands: [showPlan(plan)], ...told });
  const lines = [showPlan(plan)];
  if (told?.split) lines.push(told.split);
  if (told) lines.push(...scheduleLines(told));
  return lines.join('\n');
}

function scheduleLines({ schedule }: PlanText): string[] {
  const shown = schedule
    .slice(0, MOST_SHOWN)
    .map(
      ({ test, phase, startMs, endMs }) =>
        `${test}: ${phase} from ${formatDuration(startMs)} to ${formatDuration(endMs)} (${startMs} to ${endMs} ms)`,
    );
  const rest = schedule.length - shown.length;
  return rest > 0 ? [...shown, `and ${rest} more`] : shown;
}

/** Lets k6 read the script and stop there: it sends nothing. */
async function inspect(
  { k6, args, environment: own }: K6Plan,
  environment: NodeJS.ProcessEnv,
): Promise<PlanText | undefined> {
  const script = args.at(-1) as string;
  const env = { ...environment, ...own, [FROM_CLI.dryRun]: '1' };
  const child = spawn(k6, ['inspect', '--log-format=json', script], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (data: Buffer) => {
    said += data;
  });
  try {
    await once(child, 'close');
  } catch {
    return undefined;
  }
  // A script that imports others tells theirs first, its own last.
  return said
    .split('\n')
    .map((line) => readMarked<PlanText>(MARKS.plan, readLogLine(line).message))
    .filter((text) => text !== undefined)
    .at(-1);
}
