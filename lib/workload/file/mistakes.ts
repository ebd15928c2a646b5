/** What is wrong with a workload file that its schema has no words for: sums, names that lead nowhere, what does not go together. Pure. */

import { PUT } from '../../s3/commands';
import { settings } from '../../settings/config';
import { formatDuration } from '../../settings/units';
import { ACTIONS, changesBucket, locksObjects } from '../actions';
import type { Access, FileLoad, FileShape, WorkloadFile } from './document';
import { type Mistake, mistake, sumMistakes } from './mistake';
import { storageMistakes } from './storage-mistakes';
import { endOf, milliseconds, shortestOf } from './times';

const DAY = 86_400_000;

export function mistakesIn(file: WorkloadFile): Mistake[] {
  const { loads = [] } = file;
  return [
    ...accessMistakes(file, [], loads.length > 0, permissionsOf(file), file.objects?.overwrite === true),
    ...shapeMistakes(file, []),
    ...storageMistakes(file),
    ...sizeMistakes(file.objects, []),
    ...loads.flatMap((load, i) => loadMistakes(load, i, file)),
    ...togetherMistakes(file),
    ...timeMistakes(file),
  ];
}

/** New buckets are the run's own. */
export const mayChangeBucket = ({ bucket, buckets }: WorkloadFile): boolean =>
  bucket?.mayChange === true || buckets?.new !== undefined;

const permissionsOf = (file: WorkloadFile): WorkloadFile['bucket'] => ({
  ...file.bucket,
  mayChange: mayChangeBucket(file),
});

const hasAccess = ({ access, operations }: Access): boolean => (access ?? operations) !== undefined;

function accessMistakes(
  has: Access,
  path: readonly string[],
  isElsewhere: boolean,
  bucket: WorkloadFile['bucket'],
  overwrites: boolean,
): Mistake[] {
  const { access, operations } = has;
  if (access !== undefined && operations !== undefined) {
    return [mistake([...path, 'operations'], () => 'access and operations are both there: leave one of them out')];
  }
  if (access === undefined && operations === undefined) {
    if (isElsewhere) return [];
    return [mistake(path, () => 'what to do is missing: give operations, such as GET: 70 and PUT: 30, or access')];
  }
  if (operations === undefined) return [];
  const refused = Object.keys(operations).flatMap((op) => {
    const why = refusalOf(op, bucket);
    return why === undefined ? [] : [mistake([...path, 'operations', op], () => why, true)];
  });
  if (refused.length > 0) return refused;
  const [deletes] = Object.keys(operations).filter((op) => ACTIONS[op]?.effect === 'delete');
  if (deletes !== undefined && !Object.keys(operations).some((op) => makesObjects(op, overwrites))) {
    const why = overwrites
      ? 'PUT replaces what is there (objects.overwrite): add another that writes'
      : 'nothing writes here: add PUT';
    return [
      mistake(
        [...path, 'operations', deletes],
        () => `${deletes} takes what the same VU has written, and ${why}`,
        true,
      ),
    ];
  }
  return sumMistakes(operations, [...path, 'operations']);
}

/** Whether it makes objects that a VU may delete again. */
const makesObjects = (op: string, overwrites: boolean): boolean =>
  ACTIONS[op]?.effect === 'write' && !(overwrites && op === PUT.op);

/** Names of the keys among these that are there. */
const there = (has: FileShape, keys: readonly (keyof FileShape)[]) => keys.filter((key) => has[key] !== undefined);

function shapeMistakes(shape: FileShape, path: readonly string[]): Mistake[] {
  const levels = there(shape, ['rate', 'stages']);
  const times = there(shape, ['stages', 'duration']);
  const isOpen = shape.rate !== undefined || String(shape.stages ?? '').includes('/');
  if (shape.think !== undefined && isOpen) {
    const says = () => 'think is for VUs: a rate begins operations on time, leave one of them out';
    return [mistake([...path, 'think'], says, true)];
  }
  return [levels, times].flatMap(([one, other]) =>
    other === undefined
      ? []
      : [mistake([...path, other], () => `${one} and ${other} are both there: leave one of them out`, true)],
  );
}

function sizeMistakes({ sizes }: NonNullable<FileLoad['objects']> = {}, path: readonly string[]): Mistake[] {
  if (sizes === undefined || typeof sizes === 'string' || Array.isArray(sizes)) return [];
  return Object.entries(sizes).flatMap(([size, weight]) =>
    settings.sizes.parse(`${size}:${weight}`) !== undefined
      ? []
      : [
          mistake(
            [...path, 'objects', 'sizes', size],
            (at, shown) => `${at} is ${shown}: give a weight, a whole number from 1 to 1000`,
          ),
        ],
  );
}

function loadMistakes(load: FileLoad, i: number, file: WorkloadFile): Mistake[] {
  const { loads = [] } = file;
  const path = ['loads', String(i)];
  const before = loads.slice(0, i);
  const own: Mistake[] = [
    ...accessMistakes(load, path, hasAccess(file), permissionsOf(file), file.objects?.overwrite === true),
    ...shapeMistakes({ think: file.think, ...load } as FileShape, path),
    ...sizeMistakes(load.objects, path),
  ];
  if (before.some(({ name }) => name === load.name)) {
    own.push(mistake([...path, 'name'], (at, shown) => `${at} is ${shown}, as another load's: give each its own`));
  }
  const { after } = load;
  if (after !== undefined && !before.some(({ name }) => name === after)) {
    own.push(mistake([...path, 'after'], (at, shown) => `${at} is ${shown}: give the name of a load above this one`));
  }
  const [idle] = isShaped(load) ? [] : there(load, ['duration', 'ramp']);
  if (idle !== undefined || (after !== undefined && !isShaped(load))) {
    const key = idle ?? 'after';
    own.push(
      mistake([...path, key], () => `${key} is of a load with vus, rate or stages of its own: give one of them`, true),
    );
  }
  if (load.share !== undefined && isShaped(load)) {
    own.push(
      mistake(
        [...path, 'share'],
        () => 'share divides VUs and rate of the file: leave it out of a load with its own',
        true,
      ),
    );
  }
  return own;
}

/** Whether a load says by itself how much it is. */
export const isShaped = (load: FileShape): boolean => there(load, ['vus', 'rate', 'stages']).length > 0;

/** Either each load says how much it is, or the file does. */
function togetherMistakes(file: WorkloadFile): Mistake[] {
  const { loads = [] } = file;
  const bare = loads.findIndex((load) => !isShaped(load));
  if (!loads.some(isShaped)) return [];
  if (bare < 0) {
    return there(file, ['vus', 'rate', 'stages']).map((key) =>
      mistake(
        [key],
        () => `${key} is of all loads together, and each of them has its own: leave one of them out`,
        true,
      ),
    );
  }
  return [
    mistake(
      ['loads', String(bare)],
      () => 'this load has no vus, rate or stages, and others have: give all of them, or share to all',
    ),
  ];
}

/** A ramp that does not end in time, and loads one after the other for longer than any run may take. */
function timeMistakes(file: WorkloadFile): Mistake[] {
  const { loads = [] } = file;
  const all = loads.some(isShaped) ? [] : [rampMistakes(file, file, ['ramp'], 'the run')];
  const own = loads.map((load, i) => {
    const hasOwn = load.ramp !== undefined;
    return rampMistakes(load, hasOwn ? load : file, hasOwn ? ['loads', String(i), 'ramp'] : ['ramp'], load.name);
  });
  const ends = loads.map((_, i) => endOf(i, loads));
  const late = ends.findIndex((end = 0) => end >= 1_000 && settings.duration.parse(`${end}ms`) === undefined);
  if (late < 0) return [...all, ...own].flat();
  const days = Math.ceil((ends[late] as number) / DAY);
  const says = (at: string) => `${at} ends after ${days} days: a run takes 366 at the most`;
  return [...[...all, ...own].flat(), mistake(['loads', String(late)], says)];
}

function rampMistakes(shape: FileShape, { ramp }: FileShape, path: readonly string[], name: string): Mistake[] {
  const [climb, shortest] = [milliseconds(ramp), shortestOf(shape)];
  if (shortest === undefined || climb <= shortest) return [];
  const what = shape.stages === undefined ? name : `the shortest of the stages of ${name}`;
  return [mistake(path, (at) => `${at} is ${ramp}: ${what} takes ${formatDuration(shortest)}, give no more than that`)];
}

/** Why a command is not done where the file does not say that it may be. */
function refusalOf(op: string, { mayChange, mayLock }: NonNullable<WorkloadFile['bucket']> = {}): string | undefined {
  const row = ACTIONS[op];
  if (row === undefined) return undefined;
  if (changesBucket(row) && mayChange !== true) {
    return `${op} changes the bucket for all who use it: say bucket: {mayChange: true} where it may`;
  }
  if (locksObjects(row) && mayLock !== true) {
    return `${op} keeps objects from being deleted for a while: say bucket: {mayLock: true} where it may`;
  }
  return undefined;
}
