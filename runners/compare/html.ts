/** A comparison as one HTML file that loads nothing, in the colours that the reader's system prefers. Pure: returns text. */
import type { Change, Row } from './comparison';
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

const STYLE = `
:root { color-scheme: light dark; --text: #1b1f24; --back: #fff; --line: #d0d7de; --quiet: #57606a; --worse: #b3261e; --better: #0b57d0 }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6edf3; --back: #0d1117; --line: #30363d; --quiet: #9da7b3; --worse: #ff8a80; --better: #8ab4f8 }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); margin: 0 auto; max-width: 70rem; padding: 1rem }
h1 { font-size: 1.5rem; margin: 0 0 .5rem } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; overflow-wrap: anywhere }
li, dd { overflow-wrap: anywhere } dt { font-weight: 600 } dd { margin: 0 0 0 1.6rem } .quiet { color: var(--quiet) }
.scroll { overflow-x: auto } .scroll:focus-visible { outline: 2px solid var(--better) }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100% }
caption { text-align: left; font-weight: 600; padding: .5rem 0 }
th, td { padding: .2rem .6rem; text-align: right; white-space: nowrap; font-weight: normal }
thead th { color: var(--quiet) } thead > tr > * { border-bottom: 1px solid var(--line) }
th:first-child, th:nth-child(2), td:last-child, thead th:last-child { text-align: left }
tbody { border-bottom: 1px solid var(--line) } tbody th[rowspan] { font-weight: 600; vertical-align: top } tbody.part th[rowspan] { padding-left: 1.6rem; font-weight: normal }
.worse { color: var(--worse); font-weight: 600 } .better { color: var(--better); font-weight: 600 }
svg { display: block } svg .zero { stroke: var(--quiet); stroke-dasharray: 2 2 } svg .bar { stroke: currentColor; stroke-width: 3 } svg circle { fill: currentColor }
@media print { body { max-width: none } .scroll { overflow: visible } tbody { break-inside: avoid } }
`;

export function compareHtml(report: ComparisonReport): string {
  const list = (items: readonly string[]) =>
    items.length === 0 ? '' : `<ul>${items.map((item) => `<li>${html(item)}</li>`).join('')}</ul>`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Comparison of load tests</title>
<style>${STYLE}</style>
<main>
<h1>Comparison</h1>
<ul>${report.contrasts.map((contrast) => outcome(summary(contrast))).join('')}</ul>
<dl>${report.sides.map(({ name, runs }) => `<dt>${name}</dt>${runs.map((run) => `<dd>${html(run)}</dd>`).join('')}`).join('')}</dl>
${list(regressionLines(report))}
${list(report.differences.map((difference) => `not comparable, by force: ${difference}`))}
${list(report.remarks)}
${report.contrasts
  .map(
    ({ name, rows }) =>
      `<section><h2>${name} against ${report.baseline}</h2>\n${[...byTest(rows)]
        .map(([test, own]) => table(test, own, `${name}: ${test}`))
        .join('\n')}</section>`,
  )
  .join('\n')}
<p class="quiet">${html(method(report))}. The bar of each figure is its interval, its dot the change, the dashed line no change.</p>
</main>
</html>`;
}

function outcome([verdict = '', ...details]: readonly string[]): string {
  return `<li><strong>${html(verdict)}</strong>; ${html(details.join('; '))}</li>`;
}

function table(test: string, rows: readonly Row[], label: string): string {
  const scale = scaleOf(rows);
  const head = ['', 'figure', 'baseline', 'other', 'change', 'interval', '', 'verdict'];
  const cells = head.map((text) => (text === '' ? '<td></td>' : `<th scope="col">${text}</th>`)).join('');
  return `<div class="scroll" tabindex="0" role="region" aria-label="${html(label)}"><table>
<caption>${html(test)}</caption>
<thead><tr>${cells}</tr></thead>
${rows.map((row) => body(row, hasParts(rows, row), scale)).join('\n')}
</table></div>`;
}

function body(row: Row, several: boolean, scale: Scale): string {
  const lines = row.changes.map((change, i) => {
    const { metric, verdict } = change;
    const name = `<th scope="rowgroup" rowspan="${row.changes.length}">${html(showRow(row, several))}</th>`;
    const cells = [
      showValue(metric, change.baseline),
      showValue(metric, change.other),
      showPart(metric, change.change),
      showInterval(change),
      bar(change, scale),
    ];
    const marked = verdict === 'worse' || verdict === 'better' ? ` class="${verdict}"` : '';
    return `<tr>${i === 0 ? name : ''}<th scope="row">${metric}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}<td${marked}>${showVerdict(change)}</td></tr>`;
  });
  return `<tbody${row.part ? ' class="part"' : ''}>${lines.join('\n')}</tbody>`;
}

/** From a factor to a place. */
interface Scale {
  readonly at: (factor: number) => number;
}

const WIDTH = 160;
const EDGE = 4;
/** Intervals that are wider than from a third to three times leave the picture; they say nothing. */
const WIDEST = 3;
const NARROWEST = 1.1;

/** Logarithmic, alike on both sides of no change. */
function scaleOf(rows: readonly Row[]): Scale {
  const ends = rows
    .flatMap(({ changes }) => changes)
    .flatMap(({ metric, low, high }) =>
      metric === 'errors' || low === undefined || high === undefined ? [] : [1 / (1 + low), 1 + high],
    );
  const reach = Math.log(Math.min(WIDEST, Math.max(NARROWEST, ...ends)));
  const place = (factor: number) => WIDTH / 2 + (Math.log(factor) / reach) * (WIDTH / 2 - EDGE);
  return { at: (factor) => Math.round(Math.min(WIDTH, Math.max(0, place(factor))) * 10) / 10 };
}

/** The interval as a bar. It stands beside its figures in words, and is hidden from those who hear the page. */
function bar({ metric, verdict, change, low, high }: Change, { at }: Scale): string {
  if (metric === 'errors' || change === undefined || low === undefined || high === undefined) return '';
  const marked = verdict === 'worse' || verdict === 'better' ? ` class="${verdict}"` : '';
  return (
    `<svg width="${WIDTH}" height="16" aria-hidden="true"${marked}><path class="zero" d="M${WIDTH / 2} 0V16"/>` +
    `<path class="bar" d="M${at(1 + low)} 8H${at(1 + high)}"/><circle cx="${at(1 + change)}" cy="8" r="4"/></svg>`
  );
}

function html(text: string): string {
  const names: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replace(/[&<>"]/g, (c) => names[c] as string);
}
