/** Which buckets and objects COSBench's operations are about, and what of that a run has not. Pure. */
import { settings } from '../../lib/settings/config';
import { type CosbenchWorkload, type Entries, type Leftover, shown, type Work, type WorkOperation } from './cosbench';
import { parseSelector, type Selector } from './selectors';
import { sizesProblem } from './sizes';

/** As COSBench calls them where nothing else is said. */
const BUCKET_PREFIX = 'mycontainers';
/** What is read here, or in sizes.ts and store.ts; the rest is some other adaptor's. */
const KNOWN = [
  ...[
    'containers',
    'objects',
    'sizes',
    'cprefix',
    'csuffix',
    'oprefix',
    'osuffix',
    'hashCheck',
    'hashcheck',
    'content',
  ],
  ...['chunked', 'files', 'fileselection', 'createContainer', 'deleteContainer'],
];
const SELECTOR = 'give c(1), u(1,32), r(1,32), s(1,32) or h(1|10|80,11|32|20)';

/** Texts about buckets and objects that COSBench itself would refuse. */
export function selectorProblems({ stages }: CosbenchWorkload): Leftover[] {
  return stages.flatMap(({ works }) =>
    works.flatMap((work) => {
      const wrong = (entries: Entries, ...keys: string[]) => keys.flatMap((key) => selectorProblem(entries, key));
      if (work.type === 'normal')
        return work.operations.flatMap(({ entries }) => wrong(entries, 'containers', 'objects'));
      if (work.type === 'init') return wrong(work.entries, 'containers');
      if (work.type !== 'prepare') return [];
      const sizes = work.entries.get('sizes');
      const problem = sizes && sizesProblem(sizes.value);
      return [
        ...wrong(work.entries, 'containers', 'objects'),
        ...(sizes && problem ? [{ at: sizes.at, says: `sizes is ${shown(sizes.value)}: ${problem}` }] : []),
      ];
    }),
  );
}

function selectorProblem(entries: Entries, key: string): Leftover[] {
  const found = entries.get(key);
  if (found === undefined || parseSelector(found.value) !== undefined) return [];
  return [{ at: found.at, says: `${key} is ${shown(found.value)}: ${SELECTOR}` }];
}

/** As many buckets as a file has. */
const MOST_BUCKETS = 100;

export interface Buckets {
  /** Settings to give beside the file. */
  readonly settings: readonly string[];
  /** Those of the file, where they are several. */
  readonly existing?: readonly string[];
  readonly leftovers: readonly Leftover[];
}

/** The buckets of all loads. */
export function bucketsOf({ stages }: CosbenchWorkload): Buckets {
  const works = stages.flatMap((stage) => stage.works);
  const used = works.flatMap(({ type, operations, entries, at }: Work): Pick<WorkOperation, 'entries' | 'at'>[] =>
    type === 'normal' ? [...operations] : ['init', 'prepare'].includes(type) ? [{ entries, at }] : [],
  );
  const sets = new Map<string, Named & { at: Leftover['at'] }>();
  for (const { entries, at } of used) {
    const containers = entries.get('containers');
    const selector = containers && parseSelector(containers.value);
    if (containers === undefined || selector === undefined) continue;
    const named = bucketNames(selector, entries);
    if (!sets.has(named.names)) sets.set(named.names, { ...named, at: containers.at ?? at });
  }
  const [only, another] = sets.values();
  if (only === undefined) return { settings: ['S3_BUCKET'], leftovers: [] };
  const [first] = only.all;
  if (another === undefined && only.all.length === 1) return { settings: [`S3_BUCKET=${first}`], leftovers: [] };
  const areNames = only.all.every((name) => settings.bucket.parse(name) !== undefined);
  if (another === undefined && only.all.length > 0 && areNames) {
    const says = `buckets.existing are to be there: \`buckets: {new: ${only.all.length}}\` has \`s3loadtest prepare\` create some`;
    return { settings: [], existing: only.all, leftovers: [{ at: only.at, says }] };
  }
  const says = `buckets of the load are ${[...sets.keys()].join('; ')}: all loads of a file have the same, ${MOST_BUCKETS} at the most: S3_BUCKET, or buckets.existing`;
  return { settings: ['S3_BUCKET'], leftovers: [{ at: only.at, says }] };
}

interface Named {
  /** As they may be shown. */
  readonly names: string;
  /** None where they are too many. */
  readonly all: readonly string[];
}

function bucketNames(selector: Selector, entries: Entries): Named {
  const [prefix, suffix] = [entries.get('cprefix')?.value ?? BUCKET_PREFIX, entries.get('csuffix')?.value ?? ''];
  const nameOf = (n: number) => shown(`${prefix}${n}${suffix}`).slice(1, -1);
  const [from, to] = [Math.min(...ends(selector, 'from')), Math.max(...ends(selector, 'to'))];
  const count = to - from + 1;
  const all = count > MOST_BUCKETS ? [] : Array.from({ length: count }, (_, i) => nameOf(from + i));
  return { names: count === 1 ? nameOf(from) : `${nameOf(from)} to ${nameOf(to)}`, all };
}

const ends = ({ buckets }: Selector, end: 'from' | 'to') => buckets.map((bucket) => bucket[end]);

/** Whether it chooses one number after the other. */
export const inTurn = (selector: Selector | undefined): boolean =>
  selector?.kind === 'range' || selector?.kind === 'sequence';

/** What of an operation's config has no counterpart. `isSequential`: all reads of the file are in turn. */
export function objectLeftovers({ at, type, entries }: WorkOperation, isSequential: boolean): Leftover[] {
  const says = [
    objectsText(type, entries, isSequential),
    isOn(entries, 'hashcheck') ? 'hashCheck=true is left out: --verify compares all that is read (native backend)' : '',
    entries.get('content')?.value === 'zero' ? 'content=zero is left out: content is random' : '',
    isOn(entries, 'chunked') ? 'chunked=true is left out: requests say how long their body is' : '',
    type === 'filewrite' ? 'filewrite: what is written is random, of objects.sizes, and not the files of a folder' : '',
    entries.has('oprefix') || entries.has('osuffix')
      ? 'oprefix and osuffix are left out: names of objects are made here, under --prefix'
      : '',
    othersText(entries),
  ];
  return says.flatMap((line) => (line === '' ? [] : [{ at, says: line }]));
}

/** Whether an entry is true. Samples write hashCheck in two ways. */
const isOn = (entries: Entries, key: string): boolean =>
  [...entries].some(([name, { value }]) => name.toLowerCase() === key && /^true$/i.test(value));

function objectsText(type: string, entries: Entries, isSequential: boolean): string {
  const text = entries.get('objects')?.value;
  const selector = parseSelector(text ?? '');
  if (text === undefined || selector === undefined) return '';
  if (type === 'write') return `objects=${text} of a write: each write makes a new object, and none is overwritten`;
  if (type === 'delete') return `objects=${text} of a delete: a VU deletes what it has written`;
  if (type === 'list') return `objects=${text} of a list is left out: LIST is of what is under --prefix`;
  const isKept = selector.kind === 'uniform' || (isSequential && inTurn(selector));
  const what = type === 'head' ? 'HEAD' : 'GET';
  if (isKept) return '';
  return `objects=${text}: ${what} takes any object, each as likely; objects.popularity has other ways`;
}

/** Only names: what COSBench does not know may be a key. */
function othersText(entries: Entries): string {
  const others = [...entries.keys()].filter((key) => !KNOWN.includes(key));
  if (others.length === 0) return '';
  const named = others.every((key) => /^[A-Za-z][\w.-]{0,30}$/.test(key)) ? ` (${others.join(', ')})` : '';
  return `config has ${others.length === 1 ? 'an entry' : 'entries'} that COSBench itself does not know${named}: left out`;
}
