/** What is wrong with what a workload file says of buckets, credentials and objects that are there before the load or for a time. Pure. */

import { amountOf } from '../temporary';
import type { FileBuckets, WorkloadFile } from './document';
import { type Mistake, mistake, sumMistakes } from './mistake';

/** Of new ones in all; and letters of a name: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
const MOST_BUCKETS = 100;
const LONGEST_NAME = 63;
/** What stands between prefix and postfix at the most: numbers and an ID, or an ID, a worker and a VU. */
const NUMBERS = 't-00000000-w1000-10000'.length;

export function storageMistakes(file: WorkloadFile): Mistake[] {
  return [...bucketMistakes(file), ...objectMistakes(file), ...temporaryMistakes(file)];
}

function bucketMistakes({ buckets, credentials = [], prepare, objects }: WorkloadFile): Mistake[] {
  const isNew = buckets?.new !== undefined;
  const without =
    prepare !== undefined && !isNew && objects?.count === undefined
      ? [
          mistake(
            ['prepare'],
            () => 'there is nothing to prepare: give objects.count or buckets.new, or leave it out',
            true,
          ),
        ]
      : [];
  if (buckets === undefined) return without;
  const { existing, prefix = '', postfix = '' } = buckets;
  if (existing !== undefined && isNew) {
    return [mistake(['buckets', 'new'], () => 'existing and new are both there: leave one of them out', true)];
  }
  if (existing === undefined && !isNew) {
    return [
      mistake(['buckets'], () => 'which buckets is missing: give existing, a list of names, or new, a number', true),
    ];
  }
  const ofNew = (['prefix', 'postfix', 'unique', 'versioning'] as const satisfies (keyof FileBuckets)[]).filter(
    (key) => existing !== undefined && buckets[key] !== undefined,
  );
  if (ofNew.length > 0) {
    return ofNew.map((key) =>
      mistake(['buckets', key], () => `${key} is of new buckets: leave it out of existing ones`, true),
    );
  }
  const all = (buckets.new ?? 0) * Math.max(1, credentials.length);
  if (all > MOST_BUCKETS) {
    const says = () =>
      `${buckets.new} buckets for each of ${credentials.length} credentials are ${all}: make them ${MOST_BUCKETS} at the most`;
    return [mistake(['buckets', 'new'], says)];
  }
  if (isNew && prefix.length + postfix.length + NUMBERS > LONGEST_NAME) {
    const most = LONGEST_NAME - NUMBERS;
    return [
      mistake(
        ['buckets', 'prefix'],
        () => `prefix and postfix have ${prefix.length + postfix.length} signs: S3 takes ${most}`,
      ),
    ];
  }
  if (isNew && /^-/.test(prefix))
    return [mistake(['buckets', 'prefix'], (at, shown) => `${at} is ${shown}: begin it with a letter or a digit`)];
  if (isNew && /-$/.test(postfix))
    return [mistake(['buckets', 'postfix'], (at, shown) => `${at} is ${shown}: end it with a letter or a digit`)];
  return without;
}

function objectMistakes({ objects = {}, loads = [] }: WorkloadFile): Mistake[] {
  if (objects.count !== undefined) {
    if (objects.sizes !== undefined || loads.every((load) => load.objects?.sizes === undefined)) return [];
    const says = () => 'count writes objects of objects.sizes, and only loads have sizes: give objects.sizes, too';
    return [mistake(['objects', 'count'], says, true)];
  }
  return (['names', 'overwrite'] as const).flatMap((key) =>
    objects[key] === undefined || objects[key] === false
      ? []
      : [
          mistake(
            ['objects', key],
            () => `${key} is about objects that are there before the load: give objects.count, too`,
            true,
          ),
        ],
  );
}

function temporaryMistakes({ temporary, objects }: WorkloadFile): Mistake[] {
  if (temporary === undefined) return [];
  const { create, delete: remove, operations, share = 50 } = temporary;
  const [made, gone] = [amountOf(String(create)), amountOf(String(remove ?? '100%'))];
  if (made !== undefined && 'percent' in made && objects?.count === undefined) {
    return [
      mistake(['temporary', 'create'], (at, shown) => `${at} is ${shown}, of objects.count: give that, or a number`),
    ];
  }
  if (made !== undefined && gone !== undefined && 'count' in made && 'count' in gone && gone.count > made.count) {
    return [mistake(['temporary', 'delete'], (at, shown) => `${at} is ${shown}: no more than create can go`)];
  }
  if (share === 0) return [mistake(['temporary', 'share'], (at) => `${at} is 0: give more, or leave temporary out`)];
  return operations === undefined ? [] : sumMistakes(operations, ['temporary', 'operations']);
}
