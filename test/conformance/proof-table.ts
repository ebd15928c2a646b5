/** The table in docs/commands.md of what servers have: cells that this run has seen take the place of those that stand there. Pure. */
import type { Backend } from '../../lib/settings/config';

/** Cells by op, of a server and a backend. */
export type Seen = ReadonlyMap<string, Readonly<Record<string, string>>>;

export const columnOf = (server: string, backend: Backend): string => `${server}, ${backend}`;

const BEGIN = '<!-- written by test/conformance/conformance.test.ts -->\n';
const END = '<!-- until here -->\n';
/** Of what nobody has tried. */
const UNKNOWN = '–';

/** The page with the table of these ops and columns. */
export function withProofs(page: string, ops: readonly string[], columns: readonly string[], seen: Seen): string {
  const [before = '', rest = ''] = page.split(BEGIN);
  const [old = '', after = ''] = rest.split(END);
  const said = cellsOf(old);
  const rows = ops.map((op) => {
    const cells = columns.map((column) => seen.get(column)?.[op] ?? said.get(column)?.[op] ?? UNKNOWN);
    return [`\`${op}\``, ...cells];
  });
  const lines = [['Operation', ...columns], ['', ...columns].map(() => '---'), ...rows];
  return `${before}${BEGIN}\n${lines.map((cells) => `| ${cells.join(' | ')} |\n`).join('')}\n${END}${after}`;
}

function cellsOf(table: string): Map<string, Record<string, string>> {
  const [head = [], , ...rows] = table
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
  const named = rows.map(([op = '', ...cells]) => [op.replaceAll('`', ''), cells] as const);
  return new Map(
    head.slice(1).map((column, i) => [column, Object.fromEntries(named.map(([op, cells]) => [op, cells[i] ?? '']))]),
  );
}
