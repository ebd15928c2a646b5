/** `s3loadtest report`: what Results say, in the form that is asked for. */
import { type Command, Option } from 'commander';
import { ConfigError } from '../../lib/settings/config';
import { loadPrices, type Prices } from '../cost/prices';
import { FORMATS, type Format, htmlOf, textOf } from '../report/formats';
import { htmlPath, type Named, readNamed } from '../report/read';
import { WIDTH } from '../report/text';
import { EXIT } from '../run/exit';
import { writeAtomically } from '../run/folder';
import { addSettingOptions, loadSome, type Options } from '../run/settings';
import { hasColor } from '../terminal/terminal';

/** What stands for standard output. */
const STDOUT = '-';

export function addReport(program: Command): void {
  addSettingOptions(program.command('report'), ['prices'])
    .argument('<runs...>', 'folders of runs, or their result.json')
    .description('make a report of runs, as a page or as text')
    .addOption(new Option('--format <format>', 'format of the report').choices(FORMATS).default('html'))
    .option(
      '--output <file>',
      `file for the report, ${STDOUT} for standard output (default: report.html beside the Result, text to standard output)`,
    )
    .action((paths: string[], options: Options) => {
      process.exitCode = report(paths, options);
    });
}

/** @throws ConfigError when a Result or the prices can't be read */
function report(paths: readonly string[], options: Options): number {
  const prices = loadPrices(loadSome(['prices'], options, process.env).prices);
  const named = paths.map(readNamed);
  const output = options.output as string | undefined;
  const format = options.format as Format;
  if (format !== 'html') return put(textIn(format, named, prices, output), output ?? STDOUT);
  if (output !== undefined && named.length > 1)
    throw new ConfigError([`--output "${output}": a page is of one run: leave it out, or give one run`]);
  const exits = named.map((each) => {
    const path = output ?? htmlPath(each);
    const exit = put(
      read(each, () => htmlOf(each.result, prices)),
      path,
    );
    if (exit === EXIT.ok && path !== STDOUT) console.log(`Report: ${path}`);
    return exit;
  });
  return Math.max(...exits);
}

function textIn(
  format: Exclude<Format, 'html'>,
  named: readonly Named[],
  prices: Prices | undefined,
  output: string | undefined,
): string {
  const toTerminal = output === undefined || output === STDOUT;
  const options = {
    color: toTerminal && hasColor(process.stdout),
    width: toTerminal && process.stdout.isTTY ? Math.min(process.stdout.columns, 200) : WIDTH,
  };
  const text = read(named[0], () =>
    textOf(
      format,
      named.map(({ result }) => result),
      prices,
      options,
    ),
  );
  return `${text}${format === 'csv' ? '\r\n' : '\n'}`;
}

/** What a Result holds that is none of it shows only when it is looked at. */
function read<T>(named: Named | undefined, make: () => T): T {
  try {
    return make();
  } catch (e) {
    throw new ConfigError([`"${named?.path}": no Result that can be reported (${(e as Error).message})`]);
  }
}

function put(text: string, path: string): number {
  if (path === STDOUT) {
    process.stdout.write(text);
    return EXIT.ok;
  }
  try {
    writeAtomically(path, text);
    return EXIT.ok;
  } catch (e) {
    console.error(`error: ${path} can't be written (${(e as Error).message})`);
    return EXIT.failed;
  }
}
