/** A comparison as Markdown, for an issue or a page. Pure: returns text. */
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

export function compareMarkdown(report: ComparisonReport): string {
  const list = (items: readonly string[]) => (items.length > 0 ? [...items.map((item) => `- ${plain(item)}`), ''] : []);
  return [
    '# Comparison',
    '',
    ...list(report.contrasts.map((contrast) => summary(contrast).join('; '))),
    ...list(report.sides.map(({ name, runs }) => `${name}: ${runs.join(', ')}`)),
    ...list(regressionLines(report)),
    ...list(report.differences.map((difference) => `not comparable, by force: ${difference}`)),
    ...list(report.remarks),
    ...report.contrasts.flatMap((contrast) => [
      `## ${contrast.name} against ${report.baseline}`,
      '',
      ...[...byTest(contrast.rows)].flatMap(([test, rows]) => [
        `| ${plain(test)} | | baseline | other | change | interval | |`,
        '|---|---|--:|--:|--:|--:|---|',
        ...rows.flatMap((row) =>
          row.changes
            .filter(({ follows }) => follows === undefined)
            .map((change, i) => {
              const { metric, verdict } = change;
              const cells = [
                i > 0 ? '' : plain(showRow(row, hasParts(rows, row))),
                metric,
                showValue(metric, change.baseline),
                showValue(metric, change.other),
                showPart(metric, change.change),
                showInterval(change),
                verdict === 'worse' || verdict === 'better' ? `**${verdict}**` : showVerdict(change),
              ];
              return `| ${cells.join(' | ')} |`;
            }),
        ),
        '',
      ]),
    ]),
    method(report),
    '',
  ].join('\n');
}

const plain = (text: string) => text.replace(/[\\|*_<>[\]`]/g, '\\$&');
