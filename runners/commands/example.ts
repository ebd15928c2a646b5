/** `s3loadtest example`: workload files to begin with. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { ConfigError } from '../../lib/settings/config';
import { ROOT } from '../tools/project';

const FOLDER = join(ROOT, 'data', 'workloads');

export function addExample(program: Command): void {
  program
    .command('example')
    .argument('[name]', exampleNames().join(', '))
    .description('print a workload file to begin with; without a name, the list of them')
    .action((name: string | undefined) => {
      process.stdout.write(name === undefined ? `${exampleNames().join('\n')}\n` : textOf(name));
    });
}

export function exampleNames(): string[] {
  return readdirSync(FOLDER).map((file) => file.replace(/\.yaml$/, ''));
}

/** @throws ConfigError when there is no such example */
function textOf(name: string): string {
  if (!exampleNames().includes(name)) {
    throw new ConfigError([`example "${name}" is not known: give ${exampleNames().join(', ')}`]);
  }
  // Where the schema is, an editor finds it beside the file; a printed one stands elsewhere.
  return readFileSync(join(FOLDER, `${name}.yaml`), 'utf8').replace(/^# yaml-language-server.*\n/, '');
}
