/** `s3loadtest cleanup`: deletes what tests have left under a prefix, and nothing else. */
import type { Command } from 'commander';
import { ConfigError } from '../../lib/settings/config';
import { BUCKET_SETTINGS, openBucket } from '../bucket/bucket';
import { stoppable } from '../process/stoppable';
import { findCredentials } from '../run/credentials';
import { addSettingOptions, loadSome, type Options } from '../run/settings';
import { checkAsks, cleanUp } from './cleaning';
import { cleanupPrepared } from './cleanup-prepared';

const DESCRIPTION = `delete what tests have written: under the prefix, only keys of the layout \
{prefix}{worker}/{size}/{test}/{timestamp_us}/{suffix}, and unfinished multipart uploads of such keys. Counts first, and asks. \
A prefix that holds any other key is refused. What a test writes meanwhile goes, too. Stopped by Ctrl-C, the same command goes on.`;

export function addCleanup(program: Command): void {
  addSettingOptions(program.command('cleanup'), ['prefix', 'timeout', 'allowPartial', 'credentials', 'httpProxy'])
    .summary('delete objects that tests wrote, and no others')
    .description(DESCRIPTION)
    .option('--yes', "don't ask before deleting")
    .option('--versions', 'also delete all versions and delete markers of those keys')
    .option('--unlock', 'also delete what is locked: end legal holds, and pass by retention in governance mode')
    .option(
      '--include-foreign',
      "go on even if the prefix contains keys that aren't s3loadtest's; those are never deleted",
    )
    .option(
      '--prepared <file>',
      'take away what `s3loadtest prepare` made, by its manifest: the objects, and the buckets that it created',
    )
    .option('--json', 'print what was deleted as JSON on standard output, everything else on standard error')
    .action(async (options: Options) => {
      process.exitCode = await stoppable((signal) => cleanup(options, process.env, signal));
    });
}

/** Cleans up and returns the exit code. @throws ConfigError when it must not, or can't, before anything is deleted */
export async function cleanup(options: Options, given: NodeJS.ProcessEnv, signal: AbortSignal): Promise<number> {
  if (options.prepared !== undefined) return cleanupPrepared(String(options.prepared), options, given, signal);
  const { environment } = await findCredentials(options, given);
  refuseEmptyPrefix(options, environment);
  const config = loadSome([...BUCKET_SETTINGS, 'prefix'], options, environment);
  checkAsks(options);
  const bucket = openBucket(config, undefined, options.unlock === true);
  try {
    return await cleanUp(
      {
        bucket,
        name: config.bucket,
        prefix: config.prefix,
        versions: options.versions === true,
        unlock: options.unlock === true,
        yes: options.yes === true,
        includeForeign: options.includeForeign === true,
        json: options.json === true,
      },
      signal,
    );
  } finally {
    bucket.close();
  }
}

/** An empty value counts as none elsewhere, and the default would be cleaned up: a script whose variable is empty means no such thing. */
function refuseEmptyPrefix(options: Options, environment: NodeJS.ProcessEnv): void {
  const given = [
    ['--prefix', options.prefix],
    ['S3LOADTEST_PREFIX', options.prefix === undefined ? environment.S3LOADTEST_PREFIX : undefined],
  ] as const;
  for (const [name, value] of given) {
    if (typeof value !== 'string' || value.trim() !== '') continue;
    throw new ConfigError([
      `${name} is empty: give the prefix to clean up, such as loadtest/, or leave it out for that`,
    ]);
  }
}
