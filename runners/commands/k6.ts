/** `s3loadtest k6`: the project's k6, for this machine or for another one. */
import type { Command } from 'commander';
import { ConfigError } from '../../lib/settings/config';
import { ROOT } from '../tools/project';
import { crossBuildK6, getTools } from '../tools/tools';

const SYSTEMS = ['linux', 'darwin'];
const PROCESSORS = ['amd64', 'arm64'];

export function addK6(program: Command): void {
  program
    .command('k6')
    .description("build the project's k6, for this system or another, and print its path")
    .option('--os <name>', SYSTEMS.join(' or '))
    .option('--arch <name>', PROCESSORS.join(' or '))
    .action(async (asked: { os?: string; arch?: string }) => {
      const log = (line: string) => process.stderr.write(`${line}\n`);
      const options = { env: process.env, root: ROOT, log };
      if (asked.os === undefined && asked.arch === undefined) {
        console.log((await getTools(['k6'], options)).k6.path);
        return;
      }
      const os = oneOf('os', asked.os ?? process.platform, SYSTEMS);
      const arch = oneOf('arch', asked.arch ?? process.arch.replace('x64', 'amd64'), PROCESSORS);
      console.log(await crossBuildK6({ os, arch }, options));
    });
}

function oneOf(option: string, value: string, choices: readonly string[]): string {
  if (choices.includes(value)) return value;
  throw new ConfigError([`--${option} is "${value}": give ${choices.join(' or ')}`]);
}
