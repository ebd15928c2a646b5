/** A report as one HTML file that needs nothing else: no network, and no script to be read. Pure: returns text. */
import { createHash } from 'node:crypto';
import { formatBytes, formatCount, formatLatency } from '../../../lib/settings/units';
import { share } from '../../judge/words';
import { facts, plain, startText, stateText, title } from '../facts';
import type { Operation, Report } from '../model';
import { GROUPS, tablesOf } from '../sections';
import { money } from '../tables/cost';
import { perSecond, type Table } from '../tables/table';
import { type ChartFrame, chartSvg } from './chart';
import { type Chart, type ChartGroup, chartGroups } from './charts';

/** What goes into the file as it is. */
export interface Assets {
  readonly script: string;
  readonly style: string;
}

/** Points that a page has room for, of all operations together: its data are in it three times, drawn, in tables, and as text. */
export const MOST_POINTS = 2_800;

/** As wide as a chart is before a script knows better. */
const DRAWN = { width: 660, height: 240 };

interface Section {
  readonly id: string;
  readonly title: string;
  readonly html: string;
}

export function reportHtml(report: Report, { script, style }: Assets): string {
  const sections = sectionsOf(report);
  // Nothing is loaded, and nothing but our own script runs, whatever a server has said.
  const policy = `default-src 'none'; img-src data:; style-src ${hash(style)}; script-src ${hash(script)}`;
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    '<link rel="icon" href="data:,">',
    `<title>${text(`${title(report)}, ${startText(report)}: s3loadtest report`)}</title>`,
    `<style>${style}</style>`,
    '</head>',
    '<body>',
    header(report, sections),
    '<main>',
    figures(report),
    judgement(report),
    ...sections.map(
      ({ id, title: name, html }) =>
        `<section aria-labelledby="${id}"><h2 id="${id}">${text(name)}</h2>${html}</section>`,
    ),
    '</main>',
    `<footer>s3loadtest ${text(report.run.versions.s3loadtest ?? '')}. Sizes and rates of bytes are in units of 1,024. ${accuracy(report)}</footer>`,
    `<script>${script}</script>`,
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

const hash = (content: string) => `'sha256-${createHash('sha256').update(content).digest('base64')}'`;

function accuracy({ exact }: Report): string {
  return exact
    ? 'Percentiles are those of HDR histograms, right to 0.1%.'
    : "Percentiles are of stock k6's summary; merged ones are interpolated between its quantiles.";
}

function text(value: string): string {
  return plain(value)
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
    .replace(/'/g, '&#39;');
}

/** A text as an id: unlike those of other texts, as far as names of tests and operations go. */
const idOf = (name: string) => name.replace(/[^\w-]/g, '_');

function header(report: Report, sections: readonly Section[]): string {
  const state = stateText(report);
  const list = facts(report).map(([name, value]) => `<div><dt>${text(name)}</dt><dd>${text(value)}</dd></div>`);
  const links = sections.map(({ id, title: name }) => `<li><a href="#${id}">${text(name)}</a></li>`);
  return [
    '<header>',
    `<h1>${text(title(report))}</h1>`,
    state === '' ? '' : `<p class="state">${text(state)}</p>`,
    `<dl class="facts">${list.join('')}</dl>`,
    `<nav aria-label="Sections"><ul>${links.join('')}</ul></nav>`,
    '</header>',
  ].join('\n');
}

/** The few that everyone looks for first. */
function figures(report: Report): string {
  const { total, operations, run, cost, connections } = report;
  const held = connections.reduce((sum, { peakOpen }) => sum + peakOpen, 0);
  const attempts = Math.max(1, total.ops + total.errors + total.misses);
  const failed =
    total.errors === 0 ? '0' : `${formatCount(total.errors)} <small>(${share(total.errors / attempts)})</small>`;
  const tiles: [string, string][] = [
    ['Operations', formatCount(total.ops)],
    ['Operations per second', perSecond(total.opsPerSecond)],
    ['Payload per second', `${formatBytes(total.bytesPerSecond)}`],
    ['Errors', total.errors === 0 ? failed : `<span class="bad">${failed}</span>`],
    ...(held === 0 ? [] : [['Connections held at most', formatCount(held)] as [string, string]]),
    ...(run.tests.length === 1 ? operations.slice(0, 5).flatMap(latencyTile) : []),
    ...(cost === undefined
      ? []
      : [
          [
            `Cost, at ${text(cost.prices.name.split(',')[0] ?? '')}`,
            `${money(cost.run)} <small>${text(cost.prices.currency)}</small>`,
          ] as [string, string],
        ]),
  ];
  return `<dl class="figures">${tiles.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`).join('')}</dl>`;
}

function latencyTile({ op, latency }: Operation): [string, string][] {
  if (latency === undefined) return [];
  return [[`${text(op)} p50, p99`, `${formatLatency(latency.p50)} <small>${formatLatency(latency.p99)}</small>`]];
}

function judgement({ verdict, warnings }: Report): string {
  const evidence = verdict.evidence.map((line) => `<li>${text(line)}</li>`);
  const said = warnings.map(
    ({ code, message, remedy }) =>
      `<li><code>${text(code)}</code> ${text(message)}<span class="remedy">→ ${text(remedy)}</span></li>`,
  );
  const list = said.length === 0 ? '<p>None.</p>' : `<ul class="warnings">${said.join('')}</ul>`;
  return [
    '<div class="judgement">',
    `<section aria-labelledby="verdict"><h2 id="verdict">Verdict</h2><p class="sentence">${text(verdict.message)}</p><ul>${evidence.join('')}</ul></section>`,
    `<section aria-labelledby="warnings"><h2 id="warnings">Warnings</h2>${list}</section>`,
    '</div>',
  ].join('\n');
}

function sectionsOf(report: Report): Section[] {
  const tables = tablesOf(report, 'page');
  const ids = [...new Set(tables.map(({ id }) => id))];
  const made = ids.map((id): Section => {
    const parts = tables.filter((table) => table.id === id);
    const [only, ...others] = parts.map(({ table }) => table);
    // A single table needs no title beside its section's.
    if (only !== undefined && others.length === 0) return { id, title: only.title, html: tableHtml(only, id) };
    const html = parts.map(({ table }) => part(table)).join('');
    return { id, title: GROUPS[id] ?? '', html: `<div class="columns">${html}</div>` };
  });
  return [...chartSection(report), ...made];
}

function chartSection(report: Report): Section[] {
  const groups = chartGroups(report).filter(({ charts, note }) => charts.length > 0 || note !== undefined);
  if (groups.length === 0) return [];
  return [{ id: 'charts', title: 'Over time', html: groups.map((group, i) => chartGroup(group, i === 0)).join('') }];
}

function part(table: Table): string {
  const id = `table-${table.id}`;
  return `<section aria-labelledby="${id}"><h3 id="${id}">${text(table.title)}</h3>${tableHtml(table, id)}</section>`;
}

/** Longer texts break; all others stay on one line. */
const LONG = 40;

function tableHtml({ columns, rows, notes }: Table, labelledBy: string): string {
  const side = (i: number) => (columns[i]?.right ? ' class="right"' : '');
  const head = columns.map(
    ({ title: name }, i) => `<th scope="col"${side(i)}>${text(name) || '<span class="dim">unit</span>'}</th>`,
  );
  const body = rows.map((row) => {
    const cells = row.map(({ text: value, tone }, i) => {
      const marked = tone === undefined || value === '' ? text(value) : `<span class="${tone}">${text(value)}</span>`;
      if (i === 0) return `<th scope="row"${side(i)}>${marked}</th>`;
      const classes = [columns[i]?.right ? 'right' : '', value.length > LONG ? 'long' : ''].filter(
        (name) => name !== '',
      );
      return `<td${classes.length > 0 ? ` class="${classes.join(' ')}"` : ''}>${marked}</td>`;
    });
    return `<tr${row.some((cell) => cell.text === 'total') ? ' class="last"' : ''}>${cells.join('')}</tr>`;
  });
  const below =
    notes.length === 0 ? '' : `<ul class="notes">${notes.map((note) => `<li>${text(note)}</li>`).join('')}</ul>`;
  return (
    `<div class="scroll" tabindex="0" role="region" aria-labelledby="${labelledBy}"><table>` +
    `<thead><tr>${head.join('')}</tr></thead><tbody>\n${body.join('\n')}\n</tbody></table></div>${below}`
  );
}

function chartGroup({ id, title: name, charts, note }: ChartGroup, isOpen: boolean): string {
  const said = note === undefined ? '' : `<p class="dim">${text(note)}</p>`;
  const drawn = `<div class="charts">${charts.map(chartHtml).join('\n')}</div>${said}`;
  if (isOpen) return drawn;
  return `<details class="group" id="group-${idOf(id)}"><summary>${text(name)}</summary>${drawn}</details>`;
}

function chartHtml({ id: name, title: heading, summary, frame, data }: Chart): string {
  const id = `chart-${idOf(name)}`;
  const bands = [...new Set((frame.bands ?? []).map(({ label }) => label))];
  const failed = (data.errors ?? []).some((n) => n > 0);
  const keys = [
    ...frame.series.map(
      ({ name: series, color, dashed }) =>
        `<li><span class="key"><i class="c${color}${dashed ? ' dashed' : ''}"></i>${text(series)} <b></b></span></li>`,
    ),
    ...(bands.length === 0 ? [] : [`<li><span class="key"><i class="band"></i>${text(bands.join(', '))}</span></li>`]),
    ...(failed ? ['<li><span class="key"><i class="error"></i>errors <b></b></span></li>'] : []),
  ];
  const unit = frame.unit === 'ms' ? '' : frame.unit;
  return [
    `<figure id="${id}" data-frame="${text(JSON.stringify(frame))}">`,
    `<figcaption><h3>${text(heading)}</h3><span class="unit">${unit}</span><span class="cursor"></span></figcaption>`,
    `<ul class="legend">${keys.join('')}</ul>`,
    `<div class="plot" role="group" aria-label="${text(`${summary}. All values are in the table below.`)}">${chartSvg(frame, data, DRAWN)}</div>`,
    `<details><summary>Table: ${text(heading)}</summary>${dataTable(frame, data, `${id}-table`, summary)}</details>`,
    '</figure>',
  ].join('\n');
}

/** The values of a chart, which its script reads out of here: end tags that HTML can do without are left out. */
function dataTable(frame: ChartFrame, { xs, values, errors }: Chart['data'], id: string, summary: string): string {
  const unit = (name: string) => `${name}, ${frame.unit}`;
  const names = [
    frame.x === 'time' ? 'seconds' : 'percentile',
    ...frame.series.map(({ name }) => unit(name)),
    ...(errors === undefined ? [] : ['errors']),
  ];
  const head = names.map((name, i) => `<th scope=col${i === 0 ? '' : ' class=right'}>${text(name)}`);
  const rows = xs.map((x, i) => {
    const cells = [...values.map((all) => all[i]), ...(errors === undefined ? [] : [errors[i]])];
    return `<tr><th scope=row>${x}${cells.map((value) => `<td class=right>${value ?? ''}`).join('')}`;
  });
  return (
    `<div class="scroll" id="${id}" tabindex="0" role="region" aria-label="${text(summary)}"><table>` +
    `<thead><tr>${head.join('')}</thead><tbody>\n${rows.join('\n')}</tbody></table></div>`
  );
}
