/** How a run ends: what it came to, on the terminal and in its folder. */
import { finalText } from '../../lib/result/final';
import type { Result } from '../../lib/result/result';
import type { Prices } from '../cost/prices';
import type { RunFolder } from '../run/folder';
import { hasColor, type Terminal } from '../terminal/terminal';
import { htmlOf } from './formats';
import { reportOf } from './model';
import { briefText, WIDTH } from './text';

export interface Telling {
  readonly folder: RunFolder;
  readonly terminal: Terminal;
  readonly prices: Prices | undefined;
  /** Standard output is left to the Result. */
  readonly json: boolean;
}

/**
 * Tells of a Result that is judged, and writes it, those of its workers, and its page. `more` is said below FINAL. Returns
 * whether all was written, and has said so when not.
 */
export function tell(
  result: Result,
  parts: Parameters<RunFolder['writeResults']>[1],
  { folder, terminal, prices, json }: Telling,
  more: readonly string[] = [],
): boolean {
  const { say } = terminal;
  const stream = json ? process.stderr : process.stdout;
  for (const line of [finalText(result), ...more]) say(line);
  // Before anything that is more work: the Result is what must not be lost.
  const written = folder.writeResults(result, parts);
  if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
  const width = stream.isTTY ? stream.columns : WIDTH;
  say(`\n${briefText(reportOf(result, prices), { color: hasColor(stream), width })}\n`);
  if (written.path !== undefined) say(`  Result: ${written.path}`);
  const page = written.problem === undefined ? folder.writePage(htmlOf(result, prices)) : {};
  if (page.path !== undefined) say(`  Report: ${page.path}`);
  const problem = written.problem ?? page.problem;
  if (problem !== undefined) say(`error: ${problem}`);
  return problem === undefined;
}
