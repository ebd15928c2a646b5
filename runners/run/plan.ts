/** What is to be started: k6's command line and environment, as values. Pure. */

import { CLOUD_SYSTEM_TAGS, SYSTEM_TAGS } from '../../lib/result/metrics';
import { FROM_CLI } from '../../lib/result/protocol';
import { settings } from '../../lib/settings/config';
import { quote } from '../process/quote';
import type { Segment } from './segments';

export interface K6Plan {
  /** Path of the k6 binary. */
  readonly k6: string;
  readonly args: readonly string[];
  /** What k6 gets besides the CLI's own environment. Holds the credentials. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface K6Wishes {
  readonly k6: string;
  /** Where the project's k6 writes its statistics: a path. Left out of stock k6, which makes a summary. */
  readonly statistics?: string | undefined;
  /** Path of the bundle. */
  readonly script: string;
  readonly runId: string;
  /** host:port for k6's REST API, which stock k6's running counts are read from; none where it is left out. */
  readonly api?: string | undefined;
  /** Values of k6's --out. */
  readonly outs: readonly string[];
  readonly settings: Readonly<Record<string, string>>;
  /** Its name in keys and figures, where that is not what the settings say. */
  readonly worker?: string | undefined;
  /** VUs where the settings name none. */
  readonly concurrency: number;
  /** Which of the script's patterns; all of them when left out. */
  readonly tests?: readonly string[] | undefined;
  /** Path of a file with keys to read, '' for none. */
  readonly keys: string;
  /** Whether k6 is to say which keys it deleted. */
  readonly tellDeleted: boolean;
  /** Of several k6 that share the load, this one's part. */
  readonly segment?: Segment | undefined;
  /** Bytes, or undefined when memory is not to be looked at. */
  readonly freeMemory: number | undefined;
}

/** What is measured goes into histograms; k6 itself keeps no samples, which would be 240 bytes of each operation. */
function histograms(path: string): string[] {
  return ['--summary-mode=disabled', '--no-thresholds', '--out', `s3loadtest=${path}`];
}

function segmentOf(segment: Segment | undefined): string[] {
  if (segment === undefined) return [];
  return [`--execution-segment=${segment.segment}`, `--execution-segment-sequence=${segment.sequence}`];
}

/** k6's options for its --out. The cloud's has a need for tags that scripts leave out, since all samples pay for them. */
export function outputs(outs: readonly string[]): string[] {
  const toCloud = outs.some((out) => /^cloud(?:=|$)/.test(out));
  const tags = toCloud ? [`--system-tags=${[...SYSTEM_TAGS, ...CLOUD_SYSTEM_TAGS].join(',')}`] : [];
  return [...outs.flatMap((out) => ['--out', out]), ...tags];
}

/** The plan of one k6 process. No credential is on its command line. */
export function planK6(wishes: K6Wishes): K6Plan {
  const { workerId } = settings;
  const worker = wishes.worker ?? wishes.settings[workerId.env[0]] ?? workerId.fallback ?? '';
  return {
    k6: wishes.k6,
    args: [
      'run',
      '--quiet',
      '--no-usage-report',
      '--log-format=json',
      ...(wishes.statistics === undefined ? [] : histograms(wishes.statistics)),
      `--address=${wishes.api ?? ''}`,
      ...segmentOf(wishes.segment),
      ...tags(wishes.runId, worker, wishes.settings[settings.tags.env[0]]),
      ...outputs(wishes.outs),
      wishes.script,
    ],
    environment: {
      ...wishes.settings,
      [workerId.env[0]]: worker,
      ...(wishes.tests === undefined ? {} : { [settings.tests.env[0]]: wishes.tests.join(',') }),
      [FROM_CLI.present]: '1',
      [FROM_CLI.runId]: wishes.runId,
      [FROM_CLI.concurrency]: String(wishes.concurrency),
      [FROM_CLI.keys]: wishes.keys,
      ...(wishes.tellDeleted ? { [FROM_CLI.tellDeleted]: '1' } : {}),
      [FROM_CLI.freeMemory]: wishes.freeMemory === undefined ? '' : String(wishes.freeMemory),
      ...garbageCollection(wishes.freeMemory),
      // A static import of an extension would make stock k6 ask Grafana's build service for a binary.
      K6_AUTO_EXTENSION_RESOLUTION: 'false',
    },
  };
}

/** Which run and worker samples are of, for outputs that gather those of many. testid is what k6's own dashboards go by. */
function tags(runId: string, worker: string, own = ''): string[] {
  const given = Object.entries(settings.tags.parse(own) ?? {}).flatMap(([name, text]) => ['--tag', `${name}=${text}`]);
  // k6 takes no empty one, and what is only shown is no run yet.
  return [...(runId === '' ? [] : ['--tag', `testid=${runId}`]), '--tag', `worker=${worker}`, ...given];
}

/**
 * Go collects garbage when its memory has doubled, which for k6 is many times a second; at five times it costs a tenth less
 * CPU an operation. The limit makes it collect sooner where memory is not there for that; of large objects k6 itself sees to
 * that it does, by lib/workload/memory.ts's gcPercent.
 */
function garbageCollection(freeMemory: number | undefined): Record<string, string> {
  return freeMemory === undefined ? {} : { GOGC: '400', GOMEMLIMIT: String(Math.floor(freeMemory * 0.7)) };
}

/** The plan as a shell command, with credentials named and not shown. */
export function showPlan({ k6, args, environment }: K6Plan): string {
  return showCommand(k6, args, environment);
}

/** Variables, program and arguments as a shell command, with credentials named and not shown. */
export function showCommand(
  path: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): string {
  const secret = new Set<string>(
    Object.values(settings)
      .filter((s) => 'secret' in s && s.secret)
      .flatMap((s) => s.env),
  );
  const shown = Object.entries(environment).map(([name, value]) =>
    secret.has(name) ? `${name}="$${name}"` : `${name}=${quote(value)}`,
  );
  return [...shown, [path, ...args].map(quote).join(' ')].join(' \\\n  ');
}
