/** The table of what a run would have cost. Pure. */
import { formatBytes, formatCount } from '../../../lib/settings/units';
import { COST_NOTES, type Cost, type CostLine } from '../../cost/cost';
import type { Report } from '../model';
import { type Table, tableOf } from './table';

/** An amount of money: `0.000042`, `0.31`, `12.50`, `1,250`. */
export function money(amount: number): string {
  if (amount === 0) return '0';
  if (amount < 0.995) return Number(amount.toPrecision(2)).toFixed(Math.max(2, 1 - Math.floor(Math.log10(amount))));
  return amount < 1000 ? amount.toFixed(2) : formatCount(amount);
}

/** One line: `0.31 USD this run, 0.12 per million operations, 8,911 per month of this load`. */
export function costText({ run, perMillionOperations, month, prices }: Cost): string {
  return `${money(run)} ${prices.currency} this run, ${money(perMillionOperations)} per million operations, ${money(month)} per month of this load`;
}

export function costTable({ cost }: Report): Table | undefined {
  if (cost === undefined) return undefined;
  const { prices } = cost;
  const rows: (CostLine | 'total')[] = [...cost.lines, 'total'];
  return tableOf(
    'cost',
    'Cost',
    rows,
    [
      { title: 'what', of: (line) => (line === 'total' ? 'total' : nameOf(line)) },
      { title: 'of this run', right: true, of: (line) => (line === 'total' ? '' : quantityOf(line)) },
      {
        title: `this run, ${prices.currency}`,
        right: true,
        of: (line) => money(line === 'total' ? cost.run : line.run),
      },
      {
        title: `per month of this load, ${prices.currency}`,
        right: true,
        of: (line) => money(line === 'total' ? cost.month : line.month),
      },
    ],
    [
      `${money(cost.perMillionOperations)} ${prices.currency} per million operations`,
      `Prices: ${prices.name}, as of ${prices.date}: ${prices.source}`,
      ...COST_NOTES,
    ],
  );
}

function nameOf(line: CostLine): string {
  if (line.of === 'requests') return `requests, ${line.class}`;
  return line.of === 'bytesOut' ? 'bytes out' : 'bytes stored';
}

function quantityOf(line: CostLine): string {
  return line.of === 'requests' ? formatCount(line.quantity) : formatBytes(line.quantity);
}
