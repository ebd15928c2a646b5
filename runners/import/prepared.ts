/** What COSBench's prepare stages write before the load. Pure. */
import { formatBytes, formatCount } from '../../lib/settings/units';
import type { CosbenchWorkload, Leftover, Work } from './cosbench';
import { countOf, parseSelector, parseSizes, type Selector } from './selectors';
import type { SizesPart } from './sizes';

export interface Seed {
  /** Objects to write before a load that only reads, as --seed-objects has them; 0 where no load is such a one. */
  readonly objects: number;
  /** Sizes of what was prepared. */
  readonly sizes: readonly SizesPart[];
  readonly leftovers: readonly Leftover[];
}

/** More takes long by the one connection that does it. */
const MOST_OBJECTS = 10_000;
const MOST_BYTES = 10 * 1024 ** 3;

/** `works` are those that become loads. */
export function seedOf({ stages }: CosbenchWorkload, works: readonly Work[]): Seed {
  const prepared = stages.flatMap((stage) => stage.works).filter(({ type }) => type === 'prepare');
  const [first] = prepared;
  if (first === undefined) return { objects: 0, sizes: [], leftovers: [] };
  const count = prepared.reduce((sum, work) => sum + objectsOf(work), 0);
  const sizes = prepared.flatMap((work) => {
    const text = work.entries.get('sizes')?.value;
    return text === undefined ? [] : [{ text, share: objectsOf(work) }];
  });
  const does = ({ operations }: Work, types: readonly string[]) => operations.some(({ type }) => types.includes(type));
  const readers = works.filter((work) => does(work, ['read']) && !does(work, ['write', 'filewrite', 'delete'])).length;
  const own = `prepare of ${formatCount(count)} objects`;
  const note = (says: string) => [{ at: first.at, says }];
  if (readers === 0) {
    const reads = works.some((work) => does(work, ['read', 'head']));
    const why = reads ? 'reads take what this run writes, and what earlier ones left under --prefix' : 'no load reads';
    const says = `${own} is left out: ${why}`;
    return { objects: 0, sizes, leftovers: note(says) };
  }
  const most = Math.min(MOST_OBJECTS, Math.max(1, Math.floor(MOST_BYTES / meanOf(sizes))));
  const objects = Math.min(most, Math.ceil(count / readers));
  const of = readers > 1 ? ' for each load that only reads' : '';
  const few =
    objects * readers < count ? `, which is at most ${formatCount(MOST_OBJECTS)} and ${formatBytes(MOST_BYTES)}` : '';
  return {
    objects,
    sizes,
    leftovers: note(`${own}: settings has seed-objects ${objects}${of}${few}, written by one connection`),
  };
}

function objectsOf({ entries }: Work): number {
  const count = (key: string) => {
    const selector = parseSelector(entries.get(key)?.value ?? '');
    return selector === undefined ? 1 : countOf(selector);
  };
  return count('containers') * count('objects');
}

/** Bytes of an object. */
function meanOf(parts: readonly SizesPart[]): number {
  const whole = parts.reduce((sum, { share }) => sum + share, 0);
  const of = ({ buckets }: Selector) => {
    const all = buckets.reduce((sum, { weight }) => sum + weight, 0);
    return buckets.reduce((sum, { from, to, weight }) => sum + (((from + to) / 2) * weight) / all, 0);
  };
  const mean = parts.reduce((sum, { text, share }) => sum + (of(parseSizes(text) as Selector) * share) / whole, 0);
  return Math.max(1, mean);
}
