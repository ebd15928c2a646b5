/** A report for a terminal. Pure: returns text. */
import { styleText } from 'node:util';
import { facts, headline, plain, stateText, title } from './facts';
import type { Report } from './model';
import { tablesOf } from './sections';
import { costText } from './tables/cost';
import { endpointsTable, operationsTable, outagesTable } from './tables/figures';
import { connectionsTable } from './tables/run';
import { type Cell, FEW, type Table } from './tables/table';

export interface TextOptions {
  readonly color: boolean;
  /** Columns of the terminal. */
  readonly width: number;
}

/** What a report is read at where nothing says how wide it is. */
export const WIDTH = 100;

const STYLES = { bad: 'red', good: 'green', dim: 'dim', bold: 'bold', warning: 'yellow' } as const;
type Style = keyof typeof STYLES;

/** All of it. */
export function reportText(report: Report, options: TextOptions): string {
  const paint = painter(options.color);
  const state = stateText(report);
  const head = [
    paint('bold', plain(title(report))) + (state === '' ? '' : ` ${paint('bad', `(${state})`)}`),
    ...facts(report).flatMap(([name, value]) => hanging(`${name.padEnd(10)}`, plain(value), options.width)),
    '',
    ...hanging('', headline(report), options.width),
  ];
  const tables = tablesOf(report, 'text').map(({ table }) => table);
  return [head.join('\n'), verdict(report, options), warnings(report, options), ...shown(tables, options)]
    .filter((part) => part !== '')
    .join('\n\n');
}

/** Rows of endpoints that stand after a run; of more, the page tells. */
const MOST_ENDPOINTS = 16;

/** What is to be said after FINAL, which has told of errors, thresholds and warnings. */
export function briefText(report: Report, options: TextOptions): string {
  const tables = [
    operationsTable(report),
    report.endpoints.length <= MOST_ENDPOINTS ? endpointsTable(report) : undefined,
    outagesTable(report),
    connectionsTable(report),
  ];
  const cost = report.cost;
  return [
    verdict(report, options),
    ...shown(tables, options),
    ...(cost === undefined
      ? []
      : [hanging('Cost: ', `${costText(cost)} (${cost.prices.name})`, options.width).join('\n')]),
  ].join('\n\n');
}

function shown(tables: readonly (Table | undefined)[], options: TextOptions): string[] {
  return tables.flatMap((table) => (table === undefined ? [] : tableText(table, options)));
}

type Paint = (style: Style | undefined, text: string) => string;

function painter(color: boolean): Paint {
  // Whether to is decided: not by what the stream says now.
  return (style, text) =>
    color && style !== undefined && text !== '' ? styleText(STYLES[style], text, { validateStream: false }) : text;
}

function verdict({ verdict: { message, evidence } }: Report, { color, width }: TextOptions): string {
  const paint = painter(color);
  const [first = '', ...rest] = hanging('Verdict: ', message, width);
  return [
    paint('bold', first),
    ...rest.map((line) => paint('bold', line)),
    ...evidence.flatMap((line) => hanging('  - ', line, width)),
  ].join('\n');
}

function warnings({ warnings: all }: Report, { color, width }: TextOptions): string {
  const paint = painter(color);
  return all
    .flatMap(({ code, message, remedy }) => {
      const [first = '', ...rest] = hanging(`Warning: ${code}: `, plain(message), width, 4);
      const marked = first.replace(/^Warning: [^:]+/, (name) => paint('warning', name));
      return [marked, ...rest, ...hanging('    → ', plain(remedy), width)];
    })
    .join('\n');
}

/** Its title, its columns, its rows. */
export function tableText(table: Table, { color, width }: TextOptions): string {
  const paint = painter(color);
  const { columns, ragged, rows } = fitted(table, width - INDENT.length);
  const titles = columns.map(({ title: name }): Cell => ({ text: name }));
  const widths = columns.map((_, i) => Math.max(...[titles, ...rows].map((row) => row[i]?.text.length ?? 0)));
  const line = (cells: readonly Cell[]) => {
    const padded = cells.slice(0, columns.length).map(({ text, tone }, i) => {
      const [room = 0, right] = [widths[i], columns[i]?.right];
      return paint(tone, right ? text.padStart(room) : text.padEnd(room));
    });
    return INDENT + padded.join(GAP);
  };
  const taken = INDENT.length + widths.reduce((sum, n) => sum + n + GAP.length, 0);
  const withRest = (cells: readonly Cell[]): string[] => {
    const rest = ragged === undefined ? undefined : cells.at(-1);
    if (rest === undefined || rest.text === '') return [line(cells)];
    if (taken + rest.text.length <= width) return [`${line(cells)}${GAP}${paint(rest.tone, rest.text)}`];
    return [line(cells), ...hanging(INDENT.repeat(3), rest.text, width).map((text) => paint(rest.tone, text))];
  };
  const named = columns.some(({ title: name }) => name !== 'what');
  const names = ragged === undefined ? titles : [...titles, { text: ragged.title }];
  const head = named ? withRest(names).map((text) => paint('dim', text.trimEnd())) : [];
  const notes = table.notes.flatMap((note) => hanging(INDENT, plain(note), width).map((text) => paint('dim', text)));
  const body = rows.flatMap(withRest).map((text) => text.trimEnd());
  return [paint('bold', table.title), ...head, ...body, ...notes].join('\n');
}

const INDENT = '  ';
const GAP = '  ';

/** Room that a last text is to have, if it takes so much. */
const RAGGED_LEAST = 24;

/** A table as narrow as that: without columns that may go. A last text is ragged: it stands below its row where it is too long. */
function fitted(table: Table, width: number) {
  const last = table.columns.at(-1);
  const ragged = last?.right ? undefined : last;
  let columns = table.columns.map((column, i) => ({ column, i })).slice(0, ragged === undefined ? undefined : -1);
  const textOf = (row: readonly Cell[], i: number): Cell => {
    const cell = row[i] ?? { text: '' };
    return { ...cell, text: plain(cell.text) };
  };
  const wide = () =>
    columns.reduce(
      (sum, { column, i }) =>
        sum + GAP.length + Math.max(column.title.length, ...table.rows.map((row) => textOf(row, i).text.length)),
      -GAP.length,
    );
  const rest = ragged === undefined ? 0 : Math.max(...table.rows.map((row) => row.at(-1)?.text.length ?? 0));
  const room = width - (ragged === undefined ? 0 : Math.min(rest, RAGGED_LEAST) + GAP.length);
  while (wide() > room) {
    const goes = columns
      .filter(({ column }) => column.drop !== undefined)
      .sort((a, b) => (b.column.drop ?? 0) - (a.column.drop ?? 0))[0];
    if (goes === undefined) break;
    columns = columns.filter((each) => each !== goes);
  }
  // Digits stand below digits, a mark behind some of them or not.
  const marked = columns.map(({ i }) => table.rows.some((row) => row[i]?.text.endsWith(FEW)));
  const aligned = (cell: Cell, i: number): Cell =>
    marked[i] && !cell.text.endsWith(FEW) ? { ...cell, text: `${cell.text} ` } : cell;
  const end = table.columns.length - 1;
  return {
    columns: columns.map(({ column }, i) => (marked[i] ? { ...column, title: `${column.title} ` } : column)),
    ragged,
    rows: table.rows.map((row) => [
      ...columns.map(({ i }, n) => aligned(textOf(row, i), n)),
      ...(ragged === undefined ? [] : [textOf(row, end)]),
    ]),
  };
}

/** Text in lines no longer than that, the first after a mark and the others below it. */
function hanging(mark: string, text: string, width: number, indent = mark.length): string[] {
  const lines: string[] = [];
  let line = mark;
  let empty = true;
  for (const word of text.split(' ')) {
    if (!empty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = ' '.repeat(indent);
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  return [...lines, line];
}
