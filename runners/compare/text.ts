/** A comparison for a terminal of 100 columns. Pure: returns text. */
import type { Row } from './comparison';
import {
  byTest,
  type ComparisonReport,
  hasParts,
  method,
  regressionLines,
  showInterval,
  showPart,
  showRow,
  showValue,
  showVerdict,
  summary,
} from './report';

/** Of a terminal. */
const COLUMNS = 100;

export function compareText(report: ComparisonReport): string {
  return [
    ...report.sides.flatMap(({ name, runs }) => runs.map((run, i) => `${(i > 0 ? '' : name).padEnd(10)}${run}`)),
    ...report.differences.flatMap((difference) => wrapped(`not comparable, by force: ${difference}`)),
    ...report.remarks.flatMap((remark) => wrapped(`note: ${remark}`)),
    ...report.contrasts.flatMap(({ name, rows }) =>
      [...byTest(rows)].flatMap(([test, own]) => ['', ...table(lines(test, name, own))]),
    ),
    '',
    ...report.contrasts.flatMap((contrast) => summary(contrast).map((line, i) => (i > 0 ? `  ${line}` : line))),
    ...regressionLines(report).flatMap(wrapped),
    ...wrapped(method(report)),
  ].join('\n');
}

function lines(test: string, name: string, rows: readonly Row[]): string[][] {
  return [
    [test, '', 'baseline', name, 'change', 'interval', ''],
    ...rows.flatMap((row) =>
      row.changes
        // What follows another figure says the same once more.
        .filter(({ follows }) => follows === undefined)
        .map((change, i) => [
          i > 0 ? '' : `${row.part ? '  ' : ''}${showRow(row, hasParts(rows, row))}`,
          change.metric,
          showValue(change.metric, change.baseline),
          showValue(change.metric, change.other),
          showPart(change.metric, change.change),
          showInterval(change),
          showVerdict(change),
        ]),
    ),
  ];
}

/** A text in lines that fit, but for words that are longer: all but the first are indented. */
function wrapped(text: string): string[] {
  const result: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > COLUMNS) {
      result.push(line);
      line = `  ${word}`;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...result, line];
}

/** Columns as wide as their widest cell: labels to the left, figures to the right. */
function table(rows: readonly string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => (row[i] ?? '').length)));
  const isLabel = (i: number) => i < 2 || i === widths.length - 1;
  return rows.map((row) =>
    row
      .map((cell, i) => (isLabel(i) ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}
