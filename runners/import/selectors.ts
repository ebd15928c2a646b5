/**
 * COSBench's texts about numbers, as its drivers read them: `u(1,32)`, `h(1|10|80,11|100|20)KB`, and lists of `key=value`. Pure.
 * Source: com.intel.cosbench.driver.generator and com.intel.cosbench.config.common of https://github.com/intel-cloud/cosbench.
 */

/** Which numbers there are, ends included, and how one is chosen. */
export interface Selector {
  readonly kind: 'constant' | 'uniform' | 'range' | 'sequence' | 'histogram';
  /** One, but for a histogram. */
  readonly buckets: readonly WeightedRange[];
}

export interface WeightedRange {
  readonly from: number;
  readonly to: number;
  readonly weight: number;
}

/** Where a selector leaves its end open. */
export const OPEN_END = 2 ** 31 - 1;
/** Decimal, other than ours. */
const UNITS: Readonly<Record<string, number>> = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9 };
const KINDS: Readonly<Record<string, Selector['kind']>> = { u: 'uniform', r: 'range', s: 'sequence' };

const number = (text: string | undefined): number | undefined =>
  text !== undefined && /^\s*\d{1,10}\s*$/.test(text) && Number(text) <= OPEN_END ? Number(text) : undefined;

/** Undefined when COSBench would not take it. */
export function parseSelector(text: string): Selector | undefined {
  const [, old, end] = /^\s*(\d+)-(\d+)\s*$/.exec(text) ?? [];
  if (old !== undefined) return between('range', [old, end]);
  const [, kind = '', inside = ''] = /^\s*([curs])\(([\d\s,]*)\)\s*$/.exec(text) ?? [];
  if (kind === 'c') {
    const value = number(inside);
    return value === undefined ? undefined : { kind: 'constant', buckets: [{ from: value, to: value, weight: 1 }] };
  }
  if (kind !== '') return between(KINDS[kind] as Selector['kind'], inside.split(','));
  const [, list] = /^\s*h\(([\d\s|,]+)\)\s*$/.exec(text) ?? [];
  return list === undefined ? undefined : histogram(list.split(','));
}

function between(kind: Selector['kind'], ends: readonly (string | undefined)[]): Selector | undefined {
  const [from = 0, to] = ends.map(number);
  const last = ends.length === 1 && kind === 'uniform' ? OPEN_END : to;
  if (ends.length > 2 || last === undefined || from < 1 || from > last) return undefined;
  return { kind, buckets: [{ from, to: last, weight: 1 }] };
}

function histogram(parts: readonly string[]): Selector | undefined {
  const buckets = parts.flatMap((part): WeightedRange[] => {
    const [first, last, share, more] = part.split('|');
    const [from, weight] = [number(first), number(share)];
    const to = last === '' ? OPEN_END : number(last);
    const isRight = more === undefined && from !== undefined && to !== undefined && from >= 1 && from <= to;
    return isRight && weight !== undefined ? [{ from, to, weight }] : [];
  });
  const isWhole = buckets.length === parts.length && buckets.some(({ weight }) => weight > 0);
  return isWhole ? { kind: 'histogram', buckets: buckets.filter(({ weight }) => weight > 0) } : undefined;
}

/** `u(1,64)KB` in bytes: also `step`, which is one of its units. */
export function parseSizes(text: string): (Selector & { readonly step: number }) | undefined {
  const [, inside = '', unit = ''] = /^(.*\))\s*(B|KB|MB|GB)\s*$/.exec(text) ?? [];
  const selector = parseSelector(inside);
  const step = UNITS[unit];
  if (selector === undefined || step === undefined) return undefined;
  const inBytes = ({ from, to, weight }: WeightedRange) => ({ from: from * step, to: to * step, weight });
  return { ...selector, step, buckets: selector.buckets.map(inBytes) };
}

/** How many different numbers it may choose. */
export function countOf({ buckets }: Selector): number {
  return buckets.reduce((sum, { from, to }) => sum + to - from + 1, 0);
}

/** Entries of `containers=u(1,32);objects=u(1,50)`; of two with one key the later counts. What is no entry is left out. */
export function parseEntries(text: string): Map<string, string> {
  return new Map(
    text.split(';').flatMap((entry) => {
      const at = entry.indexOf('=');
      const key = entry.slice(0, Math.max(0, at)).trim();
      return key === '' ? [] : [[key, entry.slice(at + 1).trim()] as const];
    }),
  );
}
