/** Runs that go on by themselves on workers' machines, whoever started them: which there are, and how they are. */
import type { Interval } from '../../lib/result/interval';
import { ConfigError } from '../../lib/settings/config';
import { parseInterval } from '../run/intervals';
import { atEach } from './each';
import { FILES, MANIFEST_SCHEMA, type Manifest } from './launch';
import type { Remote } from './remote';
import { type RunStatus, runStatus } from './worker';
import type { Workers } from './workers';
import type { Machine } from './workers-file';

/** One k6 of a run, as it is found on a machine. */
export interface FoundRun {
  readonly machine: Machine;
  readonly status: RunStatus;
  /** What its folder says of it; undefined when that can't be read, or is another version's. */
  readonly manifest: Manifest | undefined;
  /** What it has done so far. */
  readonly totals: Interval['totals'] | undefined;
}

/** Takes the place of a run's id in `status`, `stop` and `collect`. */
export const ALL = 'all';

/** Runs on all machines, each k6 once; `problems` are of machines that can't be asked. */
export async function findRuns(workers: Workers, logs: string): Promise<{ found: FoundRun[]; problems: string[] }> {
  const { done, problems } = await atEach(workers, async (remote) => {
    const all = await runStatus(remote, logs);
    return Promise.all(all.map(async (status) => ({ status, ...(await readFolder(remote, status)) })));
  });
  const found = done.flatMap(({ machine, value }) => value.map((each) => ({ machine, ...each })));
  return { found: onceEach(found), problems };
}

/** What the folder says, and the last whole line of the statistics. */
async function readFolder(remote: Remote, { folder }: RunStatus): Promise<Pick<FoundRun, 'manifest' | 'totals'>> {
  const script = 'cat "$1" 2> /dev/null; echo; tail -n 1 "$2" 2> /dev/null';
  const args = [`${folder}/${FILES.manifest}`, `${folder}/${FILES.statistics}`];
  const [first = '', second = ''] = (await remote.run(script, { args })).stdout.split('\n');
  return { manifest: readJson(() => manifestOf(first)), totals: readJson(() => parseInterval(second).totals) };
}

/** Undefined of what is being written, and of what is not there. */
function readJson<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function manifestOf(text: string): Manifest | undefined {
  const manifest = JSON.parse(text) as Manifest;
  return manifest.schema === MANIFEST_SCHEMA ? manifest : undefined;
}

/**
 * Machines that share a home all show the same folders, and what runs on another of them looks vanished. Ids of workers are
 * unique in a run: of several that have one, it is the machine that k6 was started on.
 */
function onceEach(found: readonly FoundRun[]): FoundRun[] {
  const best = new Map<string, FoundRun>();
  for (const each of found) {
    const name = `${each.status.run}/${each.status.worker}`;
    const other = best.get(name);
    if (other === undefined || rank(each) > rank(other)) best.set(name, each);
  }
  return [...best.values()];
}

const rank = ({ machine, manifest, status }: FoundRun) =>
  (manifest?.host === machine.host ? 2 : 0) + (status.state === 'vanished' ? 0 : 1);

export const isActive = ({ status: { state } }: FoundRun) => state === 'running' || state === 'starting';
export const isCollected = ({ status: { files } }: FoundRun) => files.has(FILES.collected);

/** Runs that are there, by id. */
export function byRun(found: readonly FoundRun[]): Map<string, FoundRun[]> {
  const runs = new Map<string, FoundRun[]>();
  for (const each of [...found].sort((a, b) => (a.status.run < b.status.run ? -1 : 1))) {
    runs.set(each.status.run, [...(runs.get(each.status.run) ?? []), each]);
  }
  return runs;
}

/**
 * Those of one run, or of all that `isMeant` is true of; without a name, of the only one.
 * @throws ConfigError when it is not there, or is not the only one
 */
export function chooseRuns(
  found: readonly FoundRun[],
  run: string | undefined,
  isMeant: (found: FoundRun) => boolean,
  what: string,
): FoundRun[][] {
  const runs = byRun(found);
  const meant = [...runs].filter(([, all]) => all.some(isMeant));
  if (run === ALL && meant.length > 0) return meant.map(([, all]) => all);
  if (run !== undefined && run !== ALL) {
    const chosen = runs.get(run);
    if (chosen !== undefined) return [chosen];
    throw new ConfigError([`run "${run}" is on none of these machines: see s3loadtest status`]);
  }
  const [only, ...others] = meant;
  if (only !== undefined && others.length === 0) return [only[1]];
  const names = meant.map(([name]) => name).join(', ');
  throw new ConfigError([
    only === undefined ? `no run is ${what}` : `several runs are ${what}, name one, or take ${ALL}: ${names}`,
  ]);
}
