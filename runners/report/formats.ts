/** Results as each of the formats there are. */
import type { Result } from '../../lib/result/result';
import type { Prices } from '../cost/prices';
import { reportCsv } from './csv';
import { reportJunit } from './junit';
import { reportMarkdown } from './markdown';
import { reportOf } from './model';
import { MOST_POINTS, reportHtml } from './page/html';
import { reportText, type TextOptions } from './text';

export const FORMATS = ['html', 'text', 'md', 'json', 'csv', 'junit'] as const;
export type Format = (typeof FORMATS)[number];

/** Set by the build: what runners/report/browser and runners/report/page/style.css come to. */
declare const REPORT_SCRIPT: string;
declare const REPORT_STYLE: string;

/** The page of one Result. */
export function htmlOf(result: Result, prices: Prices | undefined): string {
  return reportHtml(reportOf(result, prices, MOST_POINTS), { script: REPORT_SCRIPT, style: REPORT_STYLE });
}

/** Several Results as one text, without a line's end; HTML has but one in a file. */
export function textOf(
  format: Exclude<Format, 'html'>,
  results: readonly Result[],
  prices: Prices | undefined,
  options: TextOptions,
): string {
  const reports = results.map((result) => reportOf(result, prices));
  switch (format) {
    case 'text':
      return reports.map((report) => reportText(report, options)).join('\n\n\n');
    case 'md':
      return reports.map(reportMarkdown).join('\n\n');
    case 'json':
      return JSON.stringify(reports.length === 1 ? reports[0] : reports, null, 2);
    case 'csv':
      return reportCsv(reports);
    case 'junit':
      return reportJunit(reports);
  }
}
