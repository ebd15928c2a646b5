/** A comparison with all that belongs beside it, and how its figures are written. Pure. */
import { formatBytes, formatCount, formatLatency } from '../../lib/settings/units';
import type { Change, Comparison, Contrast, Metric, Regression, Row } from './comparison';

export interface ComparisonReport extends Comparison {
  /** What was compared: each side's runs, by the paths that were given. The baseline comes first. */
  readonly sides: ReadonlyArray<{ readonly name: string; readonly runs: readonly string[] }>;
  /** In what the runs differ that were compared all the same. */
  readonly differences: readonly string[];
  /** What else one should know of the runs. */
  readonly remarks: readonly string[];
  /** Where they were asked for: by more than the part `beyond`. */
  readonly regressions?: { readonly beyond: number; readonly found: readonly Regression[] };
}

/** A rate, a latency or a share: `1,234`, `12.3`, `1.2MB`, `3.1ms`, `0.42%`; `-` where there is none. */
export function showValue(metric: Metric, value: number | undefined): string {
  if (value === undefined) return '-';
  if (metric === 'bytes/s') return formatBytes(value);
  if (metric === 'ops/s' || metric === 'keys/s') return value < 99.95 ? value.toPrecision(3) : formatCount(value);
  if (metric === 'errors') return `${significant(value * 100)}%`;
  return formatLatency(value);
}

/** `-18.9%`, `+350%`; of shares `+0.42pp`, percentage points. */
export function showPart(metric: Metric, part: number | undefined): string {
  if (part === undefined) return '';
  const percent = part * 100;
  const size = Math.abs(percent);
  const sign = percent < 0 ? '-' : '+';
  if (metric === 'errors') return `${sign}${significant(size)}pp`;
  return `${sign}${size < 99.95 ? size.toFixed(1) : formatCount(Math.min(size, 1e6))}%`;
}

/** `-22.1% to -15.6%`. */
export function showInterval({ metric, low, high }: Change): string {
  return low === undefined ? '' : `${showPart(metric, low)} to ${showPart(metric, high)}`;
}

/** Better, worse or none, or why that can't be said. */
export function showVerdict({ verdict, why }: Change): string {
  return why ?? verdict;
}

/** `GET`, `GET 1KB`, `write-burst PUT 1KB`; `GET, all` where its sizes follow. */
export function showRow({ phase, op, size, part }: Omit<Row, 'changes'>, several: boolean): string {
  const name = [phase, op, size].filter((x) => x !== undefined).join(' ');
  return several && !part ? `${name}, all` : name;
}

/** Rows by test, in order. */
export function byTest(rows: readonly Row[]): ReadonlyMap<string, readonly Row[]> {
  const tests = new Map<string, Row[]>();
  for (const row of rows) tests.set(row.test, [...(tests.get(row.test) ?? []), row]);
  return tests;
}

/** Whether an operation has rows of its sizes and phases, too. */
export function hasParts(rows: readonly Row[], { test, op }: Row): boolean {
  return rows.some((row) => row.part && row.test === test && row.op === op);
}

/** How one side came out: in a word, in numbers, and how much could have been seen. */
export function summary({ name, verdict, rows, resolution }: Contrast): string[] {
  const count = (of: Change['verdict'], parts: boolean) =>
    rows
      .filter(({ part = false }) => part === parts)
      .flatMap(({ changes }) => changes.filter((c) => c.follows === undefined && c.verdict === of)).length;
  const counts = (parts: boolean) =>
    (['worse', 'better', 'no difference seen', 'unknown'] as const)
      .filter((of) => count(of, parts) > 0)
      .map((of) => `${count(of, parts)} ${of}`)
      .join(', ');
  return [
    `${name}: ${verdict}`,
    counts(false) === '' ? 'nothing was counted that could be compared' : `figures of operations: ${counts(false)}`,
    ...(counts(true) === '' ? [] : [`figures of their sizes and phases: ${counts(true)}`]),
    ...(resolution === undefined ? [] : [`a difference of ${showPercent(resolution)} in ops/s would have been seen`]),
  ];
}

/** What is certainly worse, a line each. Of a size only where all sizes together are not so bad. */
export function regressionLines({ regressions }: ComparisonReport): string[] {
  if (regressions === undefined) return [];
  const { beyond, found } = regressions;
  const same = (a: Regression, b: Regression) =>
    a.name === b.name && a.row.test === b.row.test && a.row.op === b.row.op && a.change.metric === b.change.metric;
  const told = found.filter((one) => !one.row.part || !found.some((whole) => !whole.row.part && same(one, whole)));
  if (told.length === 0) return [`no regression beyond ${showPercent(beyond)} is certain`];
  return told.map(
    (one) => `regression: ${one.name}: ${one.row.test} ${showRow(one.row, false)}: ${showLeast(one, beyond)}`,
  );
}

/** `ops/s fell by 15.6% at least, more than 5%`. */
function showLeast({ change: { metric, baseline, low, high } }: Regression, beyond: number): string {
  const least = (part: number | undefined) => showPart(metric, part).slice(1);
  if (metric === 'errors') return `errors rose from ${showValue(metric, baseline)} by ${least(low)} at least`;
  const [how, end] = metric.endsWith('/s') ? ['fell', high] : ['rose', low];
  return `${metric} ${how} by ${least(end)} at least, more than ${showPercent(beyond)}`;
}

/** What the intervals mean. */
export function method({ confidence, runNoise, tested }: Comparison): string {
  return (
    `Intervals hold all together with ${showPercent(confidence)} confidence (${tested} figures, Bonferroni); ` +
    `runs of the same thing are taken to differ by ${showPercent(runNoise)} (--run-noise) where repeats do not tell`
  );
}

/** `5%`, `2.5%`. */
export function showPercent(part: number): string {
  return `${significant(part * 100)}%`;
}

function significant(n: number): string {
  return String(Number(n.toPrecision(2)));
}
