/** `s3loadtest import`: workload files out of other tools' files. Asks nothing of a store. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { ConfigError } from '../../lib/settings/config';
import { formatBytes } from '../../lib/settings/units';
import { readWorkloadFile } from '../../lib/workload/file/read';
import { writeWhole } from '../files/atomic-file';
import { convert } from '../import/convert';
import { readCosbench } from '../import/cosbench';
import { decode } from '../import/encoding';
import { merged, toYaml } from '../import/yaml';
import { EXIT } from '../run/exit';

/** COSBench's own files have a few thousand bytes. */
const MOST_BYTES = 1024 ** 2;

export function addImport(program: Command): void {
  program
    .command('import')
    .description("make a workload file of another tool's file")
    .command('cosbench')
    .argument('<file>', 'workload of COSBench, XML')
    .option('--out <file>', 'file to write instead of standard output')
    .description('make a workload file of a COSBench workload; what it can not say is told, and a comment in the file')
    .action(async (path: string, { out }: { out?: string }) => {
      process.exitCode = await importCosbench(path, out);
    });
}

async function importCosbench(path: string, out: string | undefined): Promise<number> {
  const converted = convert(path, readCosbench(path, decode(path, bytesOf(path))));
  const yaml = toYaml(basename(path), converted);
  // What this makes is a workload file, or a mistake of its own.
  readWorkloadFile(out ?? 'workload.yaml', yaml);
  if (out === undefined) process.stdout.write(yaml);
  else if (!(await written(out, yaml))) return EXIT.failed;
  for (const { says, lines } of merged(converted.notes)) {
    const [first, ...more] = lines;
    console.error(
      `${path}:${first}: ${says}${more.length > 0 ? ` (also line${more.length > 1 ? 's' : ''} ${more.join(', ')})` : ''}`,
    );
  }
  return EXIT.ok;
}

async function written(out: string, yaml: string): Promise<boolean> {
  try {
    return await writeWhole(out, async (write) => {
      await write(yaml);
      return true;
    });
  } catch (e) {
    console.error(`error: ${out} can't be written: ${(e as Error).message}`);
    return false;
  }
}

/** @throws ConfigError when there is no such file, or it is none that COSBench would have */
function bytesOf(path: string): Buffer {
  const refuse = (why: string): never => {
    throw new ConfigError([`${path} ${why}: give a COSBench workload, an XML file`]);
  };
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (e) {
    return refuse(`can't be read (${(e as Error).message})`);
  }
  try {
    if (fstatSync(file).isDirectory()) return refuse('is a folder');
    // A pipe has no size, and a device no end.
    const bytes = Buffer.alloc(MOST_BYTES + 1);
    let length = 0;
    for (let n = 1; n > 0 && length < bytes.length; length += n)
      n = readSync(file, bytes, length, bytes.length - length, null);
    return length > MOST_BYTES ? refuse(`has more than ${formatBytes(MOST_BYTES)}`) : bytes.subarray(0, length);
  } finally {
    closeSync(file);
  }
}
