/** The command line: which commands there are, and how mistakes end. */
import { Command, CommanderError } from 'commander';
import { ConfigError } from '../lib/settings/config';
import { addBench } from './commands/bench';
import { addCheck } from './commands/check';
import { addCleanup } from './commands/cleanup';
import { addCollect } from './commands/collect';
import { addCompare } from './commands/compare';
import { addDemo } from './commands/demo';
import { addDist } from './commands/dist';
import { addDoctor } from './commands/doctor';
import { addExample } from './commands/example';
import { addExport } from './commands/export-k8s';
import { addImport } from './commands/import';
import { addInitData } from './commands/init-data';
import { addK6 } from './commands/k6';
import { addKeys } from './commands/keys';
import { addMerge } from './commands/merge';
import { addPrepare } from './commands/prepare';
import { addReport } from './commands/report';
import { addRun } from './commands/run';
import { addStart } from './commands/start';
import { addStatus } from './commands/status';
import { addStop } from './commands/stop';
import { EXIT } from './run/exit';
import { ToolError } from './tools/tools';

/** Set by the build from package.json. */
declare const VERSION: string;

function createProgram(): Command {
  const program = new Command('s3loadtest')
    .description('Load tests that take any S3-compatible object store to its breaking point')
    .version(VERSION)
    .showHelpAfterError('(see --help)')
    .exitOverride();
  addRun(program);
  addCheck(program);
  addExample(program);
  addPrepare(program);
  addImport(program);
  addDist(program);
  addStart(program);
  addDoctor(program);
  addStatus(program);
  addStop(program);
  addCollect(program);
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
  // What AWS's tools call it. k6 and workers know the other name.
  const { SSL_CERT_FILE, AWS_CA_BUNDLE } = process.env;
  if (AWS_CA_BUNDLE && !SSL_CERT_FILE) process.env.SSL_CERT_FILE = AWS_CA_BUNDLE;
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
