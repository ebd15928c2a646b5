/** `s3loadtest compare A B [C…]`: what differs between runs of the same load. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { parseResult } from '../../lib/result/result';
import { ConfigError } from '../../lib/settings/config';
import { differences, type NamedResult, remarks } from '../compare/comparable';
import { compare, regressions, type Side } from '../compare/comparison';
import { compareHtml } from '../compare/html';
import { compareMarkdown } from '../compare/markdown';
import type { ComparisonReport } from '../compare/report';
import { compareText } from '../compare/text';
import { EXIT } from '../run/exit';

/** All intervals hold together as surely as this. */
const CONFIDENCE = 0.95;

const FORMATS: Readonly<Record<string, (report: ComparisonReport) => string>> = {
  text: compareText,
  md: compareMarkdown,
  json: (report) => JSON.stringify(report),
  html: compareHtml,
};

interface CompareOptions {
  readonly format: string;
  readonly runNoise: string;
  readonly failOnRegression?: string;
  readonly force?: boolean;
}

export function addCompare(program: Command): void {
  program
    .command('compare')
    .argument('<baseline>', 'a run: its folder or result.json; separate repeated runs by commas')
    .argument('<others...>', 'runs to compare with it, in the same form')
    .summary('compare runs of the same load')
    .description(
      'show what differs between runs of the same load, by operation, and how certain that is. Repeated runs, ' +
        'separated by commas, make it more certain: compare old1,old2,old3 new1,new2,new3',
    )
    .option('--format <name>', Object.keys(FORMATS).join(', '), 'text')
    .option('--fail-on-regression <percent>', 'exit with 3 if something is certainly worse by more than this')
    .option(
      '--run-noise <percent>',
      'how much equal runs differ (standard deviation), if no repeated runs show it',
      '3%',
    )
    .option('--force', 'compare runs of different loads, too')
    .action((baseline: string, others: string[], options: CompareOptions) => {
      process.exitCode = compareRuns(baseline, others, options);
    });
}

/** Prints the comparison and returns the exit code. @throws ConfigError when runs can't be read, or compared */
function compareRuns(baseline: string, others: readonly string[], options: CompareOptions): number {
  const format = FORMATS[options.format];
  if (format === undefined) {
    throw new ConfigError([`--format is "${options.format}": give ${Object.keys(FORMATS).join(', ')}`]);
  }
  const runNoise = percent('--run-noise', options.runNoise);
  const beyond = options.failOnRegression && percent('--fail-on-regression', options.failOnRegression);
  const sides = readSides(baseline, others);
  const all = sides.flatMap(({ runs }) => runs);
  const [first, ...rest] = all as [NamedResult, ...NamedResult[]];
  const found = [...new Set(rest.flatMap((other) => differences(first, other)))];
  if (found.length > 0 && !options.force) {
    throw new ConfigError([...found, 'these runs are not of the same load: --force compares them all the same']);
  }
  const [one, ...more] = sides.map(({ name, runs }): Side => ({ name, runs: runs.map(({ result }) => result) }));
  const comparison = compare(one as Side, more, { confidence: CONFIDENCE, runNoise });
  const report: ComparisonReport = {
    ...comparison,
    sides: sides.map(({ name, runs }) => ({ name, runs: runs.map((run) => run.name) })),
    differences: found,
    remarks: remarks(all),
    ...(typeof beyond === 'number' ? { regressions: { beyond, found: regressions(comparison, beyond) } } : {}),
  };
  process.stdout.write(`${format(report)}\n`);
  return (report.regressions?.found.length ?? 0) > 0 ? EXIT.regression : EXIT.ok;
}

/** A part out of `5%` or `5`. */
function percent(option: string, text: string): number {
  const n = Number(/^(\d+(?:\.\d+)?)\s*%?$/.exec(text.trim())?.[1] ?? Number.NaN);
  if (!(n >= 0 && n < 100)) throw new ConfigError([`${option} is "${text}": give a percentage such as 5%`]);
  return n / 100;
}

/** The runs of each side. @throws ConfigError naming all that can't be read, and what is given twice */
function readSides(baseline: string, others: readonly string[]): Array<{ name: string; runs: NamedResult[] }> {
  const problems: string[] = [];
  const ids = new Map<string, string>();
  const read = (path: string): NamedResult[] => {
    const name = path.replace(/\/+$/, '');
    try {
      const result = parseResult(readFileSync(resultFile(path), 'utf8'));
      const before = ids.get(result.run.id);
      if (before !== undefined) problems.push(`${name} is the same run as ${before}: give each run once`);
      ids.set(result.run.id, name);
      return [{ name, result }];
    } catch (e) {
      const { code, message } = e as NodeJS.ErrnoException;
      const why = code === 'ENOENT' ? 'there is no Result' : message.replace(/\s+/g, ' ');
      problems.push(`${name} can't be compared: ${why}; give the folder of a run, or its result.json`);
      return [];
    }
  };
  const sides = [baseline, ...others].map((given, i) => {
    const paths = pathsOf(given);
    if (paths.length === 0) problems.push(`"${given}" names no run: give the folder of a run, or its result.json`);
    const name = i === 0 ? 'baseline' : others.length === 1 ? 'other' : `other ${i}`;
    return { name, runs: paths.flatMap(read) };
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return sides;
}

/** Commas separate, unless the path with them is there. */
const pathsOf = (side: string) => (existsSync(side) ? [side] : side.split(',').filter((path) => path !== ''));

function resultFile(path: string): string {
  return statSync(path).isDirectory() ? join(path, 'result.json') : path;
}
