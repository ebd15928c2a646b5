/** A workload file as the workload value that scripts write, and as settings. Pure. */
import { settings } from '../../settings/config';
import { settingOf } from '../../settings/options';
import { parseRate } from '../../settings/units';
import { ACTIONS, changesBucket, METADATA, OLDER } from '../actions';
import type { CommandShares, Temporary } from '../command-shares';
import type { Step } from '../step';
import { type Amount, amountOf, numberOf } from '../temporary';
import type { Load, OwnShape, Workload } from '../workload';
import type { Access, FileLoad, FileShape, FileSizes, FileTemporary, Percentages, WorkloadFile } from './document';
import { isShaped, mayChangeBucket } from './mistakes';
import { durationText, milliseconds, startOf } from './times';

/** Where a file names no size. */
export const SIZES = ['1MB'];
/** Shares are kept to a tenth of a percent. */
const PARTS = 1000;

/** The settings that a file has: what options and variables override. */
export function settingsOf(file: WorkloadFile): Record<string, string> {
  const { duration, vus, rate, stages, ramp, bursts, objects, responses, criteria = [], settings: more = {} } = file;
  const texts = {
    ...{ duration: durationText(file.loads) ?? duration, concurrency: vus, rate, stages, ramp },
    ...{ burst: bursts?.on, pause: bursts?.off, sizes: hasOwnSizes(file) ? undefined : sizesText(objects?.sizes) },
    ...{ popularity: objects?.popularity, range: objects?.range },
    ...{ retries: responses?.retries, retryDelay: responses?.retryDelay },
    thresholds: criteria.length > 0 ? criteria.join(';') : undefined,
  };
  const named = Object.entries(texts).flatMap(([name, text]) =>
    text === undefined ? [] : [[settings[name as keyof typeof texts].env[0], String(text)] as const],
  );
  const others = Object.entries(more).flatMap(([name, value]) => {
    const row = settingOf(name);
    return row === undefined ? [] : [[row.env[0], String(value)] as const];
  });
  return Object.fromEntries([...others, ...named]);
}

/** Whether its loads differ in the sizes of objects: no setting can say that. */
const hasOwnSizes = ({ loads = [] }: WorkloadFile): boolean =>
  loads.some(({ objects }) => objects?.sizes !== undefined);

function sizesText(sizes: FileSizes | undefined): string | undefined {
  if (sizes === undefined || typeof sizes === 'string') return sizes;
  if (Array.isArray(sizes)) return sizes.join(',');
  return Object.entries(sizes)
    .map(([size, weight]) => `${size}:${weight}`)
    .join(',');
}

/** `stepOf` makes the step of what a load does. */
export function workloadOf(file: WorkloadFile, stepOf: (shares: CommandShares) => Step): Workload {
  const { name, loads, objects } = file;
  const windows = file.bursts && windowsOf(file.bursts);
  const single: Load = { step: stepOf(sharesOf(file)), ...(windows && { shape: { windows } }) };
  return {
    name,
    data: { sizes: objects?.sizes === undefined ? SIZES : [] },
    loads: loads?.map((load) => loadOf(load, file, stepOf)) ?? [single],
  };
}

function loadOf(load: FileLoad, file: WorkloadFile, stepOf: (shares: CommandShares) => Step): Load {
  const { name, share, bursts = file.bursts } = load;
  const own = isShaped(load) ? ownShapeOf(load, file) : undefined;
  const shape = { ...(bursts && { windows: windowsOf(bursts) }), ...(own && { own }) };
  const sizes = hasOwnSizes(file)
    ? settings.sizes.parse(sizesText(load.objects?.sizes ?? file.objects?.sizes) ?? SIZES.join(','))
    : undefined;
  return {
    ...{ name, phase: name },
    step: stepOf(
      sharesOf({ ...file, ...accessOf(load, file), ...(load.think !== undefined && { think: load.think }) }),
    ),
    ...(share !== undefined && { share }),
    ...(sizes && { sizes }),
    ...(Object.keys(shape).length > 0 && { shape }),
  };
}

/** What a load does: what it says, else what the file says of all. */
function accessOf(load: FileLoad, file: WorkloadFile): Access {
  const { access, operations } = (load.access ?? load.operations) === undefined ? file : load;
  const { olderVersions = file.olderVersions, batch = file.batch, unique = file.unique } = load;
  return { access, operations, olderVersions, batch, unique } as Access;
}

const windowsOf = ({ on, off }: NonNullable<FileShape['bursts']>) =>
  ({ kind: 'bursts', burst: milliseconds(on), pause: milliseconds(off) }) as const;

function ownShapeOf(load: FileLoad, file: WorkloadFile): OwnShape {
  const stages = settings.stages.parse(load.stages ?? '');
  const rate = parseRate(String(load.rate ?? ''));
  const until = load.duration ?? undefined;
  const level = rate ?? load.vus ?? 0;
  return {
    unit: stages?.unit ?? (rate === undefined ? 'vus' : 'rate'),
    stages: stages?.list ?? [{ target: level, ...(until !== undefined && { ms: milliseconds(until) }) }],
    ramp: milliseconds(load.ramp ?? file.ramp),
    start: startOf(file.loads?.indexOf(load) ?? 0, file.loads ?? []) ?? 0,
    ...(load.vus !== undefined && { vus: load.vus }),
  };
}

export function sharesOf(file: WorkloadFile): CommandShares {
  const { access, operations, olderVersions = 0, batch, unique, responses, think } = file;
  const percentages = operations ?? spread(access ?? { read: 50, data: 100 }, mayChangeBucket(file));
  const { GET = 0, ...others } = percentages;
  const older = (GET * olderVersions) / 100;
  const shares = inParts({ GET: GET - older, [OLDER]: older, ...others });
  return {
    shares,
    ...(responses?.ignoreErrors === false && { endsAtErrors: true }),
    ...(think !== undefined && { think: milliseconds(think) }),
    ...(batch !== undefined && { batch }),
    ...(file.objects?.overwrite && { overwrites: true }),
    ...(file.objects?.dedicated && { dedicated: true }),
    ...(file.temporary && { temporary: temporaryOf(file.temporary, file.objects?.count ?? 0) }),
    ...(unique && { unique }),
  };
}

function temporaryOf(of: FileTemporary, objects: number): Temporary {
  const { create, delete: remove = '100%', lifetime, share = 50, operations = {} } = of;
  const amount = (text: number | string, whole: number) => numberOf(amountOf(String(text)) as Amount, whole);
  const made = amount(create, objects);
  return {
    ...{ create: made, remove: amount(remove, made), lifetime: milliseconds(lifetime), share: share / 100 },
    shares: Object.keys(operations).length === 0 ? {} : inParts(operations),
  };
}

/** Data operations as they are, and each command for metadata as often; those that change a bucket only where they may. */
function spread({ read, data }: NonNullable<Access['access']>, mayChange: boolean): Percentages {
  const metadata = METADATA.filter((op) => mayChange || !changesBucket(ACTIONS[op] as (typeof ACTIONS)[string]));
  const each = (100 - data) / metadata.length;
  const shares = { GET: (data * read) / 100, PUT: (data * (100 - read)) / 100 };
  return { ...shares, ...Object.fromEntries(metadata.map((op) => [op, each])) };
}

/** Whole parts of 1,000: those that lose most by it get what is left over. */
function inParts(percentages: Percentages): Record<string, number> {
  const exact = Object.entries(percentages).flatMap(([op, percent]) =>
    percent > 0 ? [{ op, parts: (percent * PARTS) / 100 }] : [],
  );
  const whole = exact.map(({ op, parts }) => ({ op, parts: Math.floor(parts), off: parts - Math.floor(parts) }));
  let rest = PARTS - whole.reduce((sum, { parts }) => sum + parts, 0);
  for (const share of [...whole].sort((a, b) => b.off - a.off)) if (rest-- > 0) share.parts++;
  return Object.fromEntries(whole.map(({ op, parts }) => [op, parts]));
}
