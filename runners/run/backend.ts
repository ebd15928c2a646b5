/** Which S3 client a run has: the native one where its k6 has the project's extension, unless another is asked for. */

import { FROM_CLI } from '../../lib/result/protocol';
import { ConfigError, nameOf, settings } from '../../lib/settings/config';
import { formatDuration } from '../../lib/settings/units';
import { run } from '../process/child';
import type { Settings } from './settings';

const EXTENSION = 'k6/x/s3loadtest';
const PROBE_MS = 20_000;
const [BACKEND] = settings.backend.env;

/** Whether a k6 has the extension; undefined when it can't be started. */
export async function hasExtension(k6: string, env: NodeJS.ProcessEnv): Promise<boolean | undefined> {
  try {
    const { stdout } = await run(k6, ['version'], { env, timeoutMs: PROBE_MS });
    return stdout.includes(EXTENSION);
  } catch {
    return undefined;
  }
}

/** @throws ConfigError when something is asked for that takes figures by the second, as only the project's k6 has them */
export function needsIntervals(config: Settings['config']): void {
  const { warmup, untilSteady } = config;
  const problems = [
    ...(warmup > 0 ? [`${nameOf(config, 'warmup')} is ${formatDuration(warmup)}`] : []),
    ...(untilSteady ? [`${nameOf(config, 'untilSteady')} is true`] : []),
  ];
  if (problems.length === 0) return;
  throw new ConfigError(
    problems.map(
      (problem) =>
        `${problem}: this k6 has not the project's extension, which tells its figures by the second: leave it out, or ` +
        'S3LOADTEST_K6, and have Go here, with which the project builds a k6 that has it',
    ),
  );
}

/**
 * The settings with the backend that a run by this k6 has, and with what tells k6's scripts that they may ask for the
 * extension. `say` takes one line about what is missing.
 * @throws ConfigError when the native backend is asked of a k6 that lacks it
 */
export function withBackend(wanted: Settings, extension: boolean | undefined, say: (line: string) => void): Settings {
  const { config, environment } = wanted;
  const isSet = environment[BACKEND] !== undefined;
  if (!extension && config.backend === 'native') {
    throw new ConfigError([
      `${BACKEND} is "native": this k6 has not the project's extension: leave it out, or S3LOADTEST_K6, and have Go here, ` +
        'with which the project builds a k6 that has it',
    ]);
  }
  if (!extension) needsIntervals(config);
  if (extension === false && !isSet) {
    say(
      "this k6 has not the project's extension: requests go through k6/http, which takes a multiple of the CPU; " +
        'with Go here, without S3LOADTEST_K6 and a k6 put into .tools/bin by hand, the project builds one that has it',
    );
  }
  const backend = extension && !isSet ? 'native' : config.backend;
  // Set in either case: the shell may have it for another k6.
  const variables = { [BACKEND]: backend, [FROM_CLI.extension]: extension ? '1' : '' };
  return { config: { ...config, backend }, environment: { ...environment, ...variables } };
}
