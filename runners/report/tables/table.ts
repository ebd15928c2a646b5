/** Tables as every format shows them. Pure. */
import { formatCount } from '../../../lib/settings/units';

/** How a cell is to be seen: as something wrong, something to note, or something of little weight. */
export type Tone = 'bad' | 'good' | 'dim';

export interface Cell {
  readonly text: string;
  readonly tone?: Tone;
}

export interface Column {
  readonly title: string;
  /** Numbers stand on the right. */
  readonly right?: true;
  /** Where there is no room, columns go in order of this, the highest first; those without stay. */
  readonly drop?: number;
}

export interface Table {
  /** Unlike any other's. */
  readonly id: string;
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: ReadonlyArray<readonly Cell[]>;
  readonly notes: readonly string[];
}

/** One column and what stands in it for each row. */
export interface Field<T> extends Column {
  readonly of: (row: T) => string | Cell;
  /** Left out where no row has anything but nothing. */
  readonly optional?: true;
}

/** A table of rows; undefined when there is none. */
export function tableOf<T>(
  id: string,
  title: string,
  rows: readonly T[],
  fields: ReadonlyArray<Field<T>>,
  notes: readonly string[] = [],
): Table | undefined {
  if (rows.length === 0) return undefined;
  const cellsOf = (row: T, { of }: Field<T>): Cell => {
    const cell = of(row);
    return typeof cell === 'string' ? { text: cell } : cell;
  };
  const shown = fields.filter((field) => !field.optional || rows.some((row) => cellsOf(row, field).text !== ''));
  const cells = rows.map((row) => shown.map((field) => cellsOf(row, field)));
  const footnote = cells.some((row) => row.some(({ text }) => text.endsWith(FEW))) ? [FEW_NOTE] : [];
  const columns = shown.map(({ title, right, drop }) => ({
    title,
    ...(right === undefined ? {} : { right }),
    ...(drop === undefined ? {} : { drop }),
  }));
  return { id, title, columns, rows: cells, notes: [...notes, ...footnote] };
}

/** Behind a percentile that chance has much to do with. */
export const FEW = '*';
const FEW_NOTE = '* fewer than 10 operations lie beyond it';

export function few(text: string): Cell {
  return { text: text + FEW, tone: 'dim' };
}

/** A whole number; nothing for none, where that is what is usual. */
export const countOrNothing = (n: number) => (n === 0 ? '' : formatCount(n));

/** Per second, without saying so: `0.42`, `7.5`, `1,423`. */
export function perSecond(n: number): string {
  if (n > 0 && n < 0.995) return String(Number(n.toPrecision(2)));
  return n < 9.95 ? String(Number(n.toFixed(1))) : formatCount(n);
}
