/** The command line: which commands there are, and how mistakes end. */
import { Command, CommanderError } from 'commander';
import { ConfigError } from '../lib/config';
import { addBench } from './bench';
import { addCleanup } from './cleanup';
import { addCompare } from './compare';
import { addDemo } from './demo';
import { addDist } from './dist';
import { EXIT } from './exit';
import { addInitData } from './init-data';
import { addK6 } from './k6-command';
import { addExport } from './k8s/export';
import { addKeys } from './keys';
import { addMerge } from './merge';
import { addReport } from './report';
import { addRun } from './run';
import { addRuns } from './runs';
import { ToolError } from './tools';

/** Set by the build from package.json. */
declare const VERSION: string;

function createProgram(): Command {
  const program = new Command('s3loadtest')
    .description('Load tests that take any S3-compatible object store to its breaking point')
    .version(VERSION)
    .showHelpAfterError('(--help tells more)')
    .exitOverride();
  addRun(program);
  addDist(program);
  addRuns(program);
  addDemo(program);
  addBench(program);
  addExport(program);
  addInitData(program);
  addK6(program);
  addKeys(program);
  addMerge(program);
  addCleanup(program);
  addReport(program);
  addCompare(program);
  return program;
}

async function main(): Promise<void> {
  outliveOutput();
  try {
    await createProgram().parseAsync();
  } catch (e) {
    process.exitCode = exitCodeOf(e);
  }
}

/** A reader that has gone, as `| head` does, must not take the run and its Result along; what it missed is no success. */
function outliveOutput(): void {
  const failed = () => process.once('exit', () => (process.exitCode ||= EXIT.failed));
  process.stderr.once('error', failed).on('error', () => {});
  process.stdout
    .once('error', (e: NodeJS.ErrnoException) => {
      console.error(`error: standard output takes no more (${e.code})`);
      failed();
    })
    .on('error', () => {});
}

/** Says what went wrong, once and in its own words, unless that is done; a bug shows its stack. */
function exitCodeOf(e: unknown): number {
  if (e instanceof CommanderError) return e.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (e instanceof ConfigError || e instanceof ToolError) {
    console.error(e.message);
    return EXIT.usage;
  }
  if (e instanceof DOMException && e.name === 'AbortError') return EXIT.failed;
  console.error(e);
  return EXIT.failed;
}

await main();
