/** `s3loadtest merge`: several Results as one. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { finalText } from '../../lib/result/final';
import { Merge } from '../../lib/result/merge';
import { newRunId } from '../../lib/result/protocol';
import { parseResult, type Result } from '../../lib/result/result';
import { ConfigError } from '../../lib/settings/config';
import { judged } from '../judge/judge';
import { EXIT } from '../run/exit';
import { writeAtomically } from '../run/folder';
import { loadSome, type Options } from '../run/settings';
import { createLines } from '../terminal/terminal';

export function addMerge(program: Command): void {
  program
    .command('merge')
    .argument('<results...>', 'Results or folders of runs')
    .description('merge the Results of several k6 processes into one, without loss')
    .option('--output <file>', 'file for the merged Result (default: in a new folder beside the runs)')
    .option('--json', 'print the merged Result on standard output, everything else on standard error')
    .action((paths: string[], options: Options) => {
      process.exitCode = mergeFiles(paths, options, process.env);
    });
}

function mergeFiles(paths: readonly string[], options: Options, environment: NodeJS.ProcessEnv): number {
  const { dataDir } = loadSome(['dataDir'], options, environment);
  const lines = createLines(options.json === true);
  const merge = new Merge();
  for (const path of paths) {
    try {
      merge.add(readResult(path));
    } catch (e) {
      throw new ConfigError([`${path}: ${(e as Error).message}`]);
    }
  }
  const result = judged(merge.result());
  const file =
    (options.output as string | undefined) ?? join(dataDir, 'results', newRunId(Date.now(), 'merged'), 'result.json');
  lines.say(finalText(result));
  if (options.json === true) process.stdout.write(`${JSON.stringify(result)}\n`);
  try {
    writeAtomically(file, JSON.stringify(result));
  } catch (e) {
    lines.tell(`error: ${file} can't be written: ${(e as Error).message}`);
    return EXIT.failed;
  }
  lines.say(`  Result: ${file}`);
  return result.partial ? EXIT.failed : EXIT.ok;
}

/** The Result in a file, or in a run's folder. @throws Error saying what is there instead */
export function readResult(path: string): Result {
  const file = statSync(path, { throwIfNoEntry: false })?.isDirectory() ? join(path, 'result.json') : path;
  return parseResult(readFileSync(file, 'utf8'));
}
