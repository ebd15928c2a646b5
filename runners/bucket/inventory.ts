/** What stands under a prefix: s3loadtest's own by worker, size and test, and that there is more. Pure: returns text. */

import { formatBytes, formatCount, parseSize } from '../../lib/settings/units';
import { ownKey } from '../../lib/workload/own-keys';
import type { Entry } from './entry';

/** Objects, or versions, of one worker, size and test. */
export interface Group {
  readonly worker: string;
  readonly size: string;
  readonly test: string;
  objects: number;
  bytes: number;
}

export interface Inventory {
  readonly holdings: readonly Group[];
  readonly objects: number;
  readonly bytes: number;
  /** Objects whose keys are not s3loadtest's, and the first few of those keys. */
  readonly foreign: { readonly objects: number; readonly examples: readonly string[] };
}

/** Rows of a table, beyond which the rest is summed up. */
const MOST_ROWS = 40;
const MOST_EXAMPLES = 3;

export interface Count {
  add(entries: readonly Entry[]): void;
  /** So far. */
  inventory(): Inventory;
}

/** Counts entries of a listing of the prefix. What it keeps grows with workers, sizes and tests only. */
export function createCount(prefix: string): Count {
  const holdings = new Map<string, Group>();
  const examples: string[] = [];
  let foreign = 0;
  let objects = 0;
  let bytes = 0;
  return {
    add: (entries) => {
      for (const entry of entries) {
        const parts = ownKey(prefix, entry.key);
        if (parts === undefined) {
          foreign++;
          // Of several versions the key is told once.
          if (examples.length < MOST_EXAMPLES && !examples.includes(entry.key)) examples.push(entry.key);
          continue;
        }
        const name = `${parts.worker}/${parts.size}/${parts.test}`;
        let holding = holdings.get(name);
        if (holding === undefined) {
          holding = { ...parts, objects: 0, bytes: 0 };
          holdings.set(name, holding);
        }
        holding.objects++;
        holding.bytes += entry.bytes;
        objects++;
        bytes += entry.bytes;
      }
    },
    inventory: () => ({ holdings: [...holdings.values()], objects, bytes, foreign: { objects: foreign, examples } }),
  };
}

/**
 * A table by worker, size and test, in that order, with a total; of many rows those with the most objects are shown.
 * `what` heads the column of objects.
 */
export function inventoryTable(inventory: Inventory, what: string): string {
  const { holdings, objects, bytes } = inventory;
  const most = [...holdings].sort((a, b) => b.objects - a.objects);
  const shown = most.slice(0, MOST_ROWS).sort(byName);
  const rest = most.slice(MOST_ROWS);
  const rows = shown.map((h) => [h.worker, h.size, h.test, formatCount(h.objects), formatBytes(h.bytes)]);
  if (rest.length > 0) {
    const sumOf = (of: 'objects' | 'bytes') => rest.reduce((sum, holding) => sum + holding[of], 0);
    rows.push([`${formatCount(rest.length)} more`, '', '', formatCount(sumOf('objects')), formatBytes(sumOf('bytes'))]);
  }
  rows.push(['total', '', '', formatCount(objects), formatBytes(bytes)]);
  return columns([['worker', 'size', 'test', what, 'bytes'], ...rows]);
}

function byName(a: Group, b: Group): number {
  const text = (x: string, y: string) => (x < y ? -1 : x > y ? 1 : 0);
  const bytes = (h: Group) => parseSize(h.size) ?? 0;
  return text(a.worker, b.worker) || bytes(a) - bytes(b) || text(a.test, b.test);
}

/** Rows of five as lines: three columns of text, two of numbers. */
function columns(rows: readonly string[][]): string {
  const widths = [0, 1, 2, 3, 4].map((i) => Math.max(...rows.map((row) => (row[i] ?? '').length)));
  const line = (row: string[]) =>
    row.map((cell, i) => (i < 3 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ');
  return rows.map(line).join('\n');
}
