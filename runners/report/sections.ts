/** The sections of a report, in their order. Text, Markdown and the page go by this list; a new section is a row. Pure. */
import type { Report } from './model';
import { costTable } from './tables/cost';
import {
  endpointsTable,
  everyOperationTable,
  latencyTable,
  operationsTable,
  outagesTable,
  sizesTable,
  throughputTable,
  ttfbTable,
} from './tables/figures';
import {
  configurationTable,
  connectionsTable,
  errorsTable,
  generatorTable,
  loadsTable,
  scheduleTable,
  stagesTable,
  thresholdsTable,
  workersTable,
} from './tables/run';
import type { Table } from './tables/table';

export type SectionFormat = 'text' | 'markdown' | 'page';

interface Section {
  /** Of the section on the page. Neighbours with the same one share it, side by side, under the title of `GROUPS`. */
  readonly id: string;
  /** Undefined when the run has nothing of it. */
  readonly table: (report: Report) => Table | undefined;
  /** The formats that have it; all, when left out. */
  readonly in?: readonly SectionFormat[];
  /** Markdown shows it at once; it folds the others away below. */
  readonly open?: true;
}

const sections: readonly Section[] = [
  { id: 'operations', table: operationsTable, in: ['text', 'markdown'], open: true },
  { id: 'operations', table: everyOperationTable, in: ['page'] },
  { id: 'latency', table: latencyTable, in: ['text', 'markdown'] },
  { id: 'errors', table: errorsTable, open: true },
  { id: 'stages', table: stagesTable, open: true },
  { id: 'more', table: ttfbTable },
  { id: 'more', table: throughputTable },
  { id: 'sizes', table: sizesTable },
  { id: 'endpoints', table: endpointsTable },
  { id: 'outages', table: outagesTable },
  { id: 'connections', table: connectionsTable },
  { id: 'workers', table: workersTable },
  { id: 'generator', table: thresholdsTable, open: true },
  { id: 'generator', table: generatorTable },
  { id: 'plan', table: loadsTable, in: ['markdown', 'page'] },
  { id: 'plan', table: scheduleTable },
  { id: 'setting', table: costTable },
  { id: 'setting', table: configurationTable, in: ['markdown', 'page'] },
];

/** Titles of sections that have several tables. */
export const GROUPS: Readonly<Record<string, string>> = {
  more: 'First bytes, and how steady it was',
  generator: 'Thresholds and load generator',
  plan: 'Loads and schedule',
  setting: 'Cost and configuration',
};

/** The tables of a report in one format, each with its section. */
export function tablesOf(report: Report, format: SectionFormat): { id: string; open: boolean; table: Table }[] {
  return sections.flatMap(({ id, table: make, in: formats, open = false }) => {
    const table = formats?.includes(format) === false ? undefined : make(report);
    return table === undefined ? [] : [{ id, open, table }];
  });
}
