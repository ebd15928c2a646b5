/** Whether runs are of the same load: only then does a difference tell of the store. Pure. */

import type { Result } from '../../lib/result/result';
import { optionOf, type Setting, settings, showValue } from '../../lib/settings/config';
import { formatDuration } from '../../lib/settings/units';

/** A Result, and what to call it. */
export interface NamedResult {
  readonly name: string;
  readonly result: Result;
}

/** Runs that are longer than another by more than this part of it fill caches and disks otherwise. */
const LONGER = 0.25;

/**
 * Settings that are no part of the load: which store it goes to, where files are, what is told of it. All others are, those
 * of later versions included.
 */
const BESIDE_THE_LOAD: ReadonlySet<string> = new Set([
  ...['endpoints', 'region', 'bucket', 'addressing', 'verifySsl'],
  ...['dataDir', 'keyDir', 'prefix', 'workerId', 'thresholds', 'statsInterval', 'logLevel', 'seed'],
]);

/** In what a run differs from the first so that the two can't be compared: one text a difference, with both values. */
export function differences(first: NamedResult, other: NamedResult): string[] {
  const [a, b] = [first.result, other.result];
  const found: string[] = [];
  const differ = (what: string, of: (result: Result) => string) => {
    if (of(a) !== of(b)) found.push(`${what}: ${of(a)} in ${first.name}, ${of(b)} in ${other.name}`);
  };
  differ('tests', ({ run }) => run.tests.join(' '));
  differ('backend', ({ run }) => run.backend);
  differ('workers', ({ workers }) => String(Math.max(1, workers.length)));
  const names = new Set([...Object.keys(a.run.config), ...Object.keys(b.run.config)]);
  for (const name of names) {
    if (name === 'tests' || name === 'backend' || BESIDE_THE_LOAD.has(name)) continue;
    // A Result that was written before there was such a setting had its default.
    differ(labelOf(name), ({ run }) => show(name, run.config[name] ?? known(name)?.fallback));
  }
  // What follows from the settings, and would follow otherwise in another version of this program.
  if (found.length === 0) {
    differ('VUs', ({ run }) => run.loads.map(({ scenario, vus }) => `${scenario}=${vus}`).join(' '));
    const times = ({ run }: Result) => run.schedule.map((p) => `${p.phase} ${p.startMs}-${p.endMs}`).join(' ');
    if (times(a) !== times(b)) found.push(`schedule: bursts are at other times in ${other.name} than in ${first.name}`);
  }
  for (const { name, result } of [first, other]) {
    if (result.partial) found.push(`${name} is partial`);
    else if (result.interrupted) found.push(`${name} was interrupted after ${formatDuration(result.run.durationMs)}`);
  }
  const [shorter, longer] = [a, b].map(({ run }) => run.durationMs).sort((x, y) => x - y) as [number, number];
  // Where each ends by itself its time is no one's choice.
  const byThemselves = [a, b].every(({ run }) => run.config.untilSteady === true);
  if (!byThemselves && longer > shorter * (1 + LONGER)) differ('time', ({ run }) => formatDuration(run.durationMs));
  return [...new Set(found)];
}

/** What does not forbid a comparison, and may yet be what makes the difference. */
export function remarks(all: readonly NamedResult[]): string[] {
  const differ = (what: string, of: (result: Result) => string) => {
    const values = new Set(all.map(({ result }) => of(result)));
    return values.size > 1 ? [`${what} differ: ${[...values].join('; ')}`] : [];
  };
  const versions = ({ run }: Result) => Object.entries(run.versions).map(([name, version]) => `${name} ${version}`);
  const hosts = ({ workers }: Result) => workers.map(({ host }) => host).join(' ');
  return [
    ...differ('versions', (result) => versions(result).join(', ')),
    ...differ('load generators', hosts),
    ...all.flatMap(({ name, result }) => result.warnings.map(({ message }) => `${name}: ${message}`)),
  ];
}

function known(name: string): Setting<unknown> | undefined {
  return (settings as unknown as Readonly<Record<string, Setting<unknown>>>)[name];
}

/** A setting by the option, or else the variable, that sets it. */
function labelOf(name: string): string {
  const setting = known(name);
  return (setting && optionOf(setting)) ?? setting?.env[0] ?? name;
}

/** A value of a Result's config, as a user would type it. */
function show(name: string, value: unknown): string {
  if (value === undefined || value === null) return 'none';
  const setting = known(name);
  return setting === undefined ? JSON.stringify(value) : showValue(setting, value);
}
