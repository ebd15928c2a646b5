/** A report for a pull request or an issue: GitHub's Markdown. Pure: returns text. */
import { facts, headline, plain, stateText, title } from './facts';
import type { Report } from './model';
import { tablesOf } from './sections';
import type { Table } from './tables/table';

export function reportMarkdown(report: Report): string {
  const state = stateText(report);
  const { verdict, warnings } = report;
  const tables = tablesOf(report, 'markdown');
  const parts = [
    `## ${escaped(title(report))}${state === '' ? '' : ` (${state})`}`,
    headline(report),
    [`**${escaped(verdict.message)}**`, '', ...verdict.evidence.map((line) => `- ${escaped(line)}`)].join('\n'),
    warnings
      .map(({ code, message, remedy }) => `> **${code}**: ${escaped(message)}. *${escaped(remedy)}*`)
      .join('\n>\n'),
    ...tables.filter(({ open }) => open).map(({ table }) => opened(table)),
    ...tables.filter(({ open }) => !open).map(({ table }) => folded(table)),
    facts(report)
      .map(([name, value]) => `${name}: ${escaped(value)}`)
      .join(' · '),
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

function opened(table: Table): string {
  return `### ${escaped(table.title)}\n\n${markdownTable(table)}`;
}

function folded(table: Table): string {
  return `<details>\n<summary>${escaped(table.title)}</summary>\n\n${markdownTable(table)}\n\n</details>`;
}

export function markdownTable({ columns, rows, notes }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const body = rows.map((row) =>
    line(row.map(({ text, tone }) => (tone === 'bad' && text !== '' ? `**${escaped(text)}**` : escaped(text)))),
  );
  const head = [
    line(columns.map(({ title: name }) => escaped(name))),
    line(columns.map(({ right }) => (right ? '---:' : '---'))),
  ];
  const below = notes.map((note) => `<sub>${escaped(note)}</sub>`).join('<br>\n');
  return [...head, ...body].join('\n') + (below === '' ? '' : `\n\n${below}`);
}

/** Text as it stands: what Markdown or HTML would take for marks is none, and no one is mentioned. */
function escaped(text: string): string {
  return plain(text)
    .replace(/[\\`*_[\]|~#]/g, '\\$&')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/@/g, '@&#8203;');
}
