/** Writing the objects that a workload is to find, by number: `s3loadtest prepare`. Loaded by VUs that do it. */
import { PUT } from '../../s3/commands';
import type { ObjectSize } from '../../settings/config';
import type { Filling } from '../../workload/command-shares';
import type { Home } from '../../workload/home';
import { numbered } from '../../workload/numbered';
import { placeOf } from '../../workload/prepared';
import { seeded } from '../../workload/random';
import { drawBytes } from '../../workload/sizes';
import type { OperationStep } from '../../workload/step';
import type { WriteObject } from '../../workload/write';
import { ended } from './ended';

/** How many objects there are in ranges. */
export const objectsIn = ({ ranges }: Filling): number => ranges.reduce((sum, [from, to]) => sum + to - from, 0);

/**
 * Each VU writes every so manieth of them, so that a VU is in few of the homes: with half as many VUs as homes in two. Those that
 * turn out to be left over do nothing.
 */
export function fill(filling: Filling, homes: readonly Home[] = []): OperationStep {
  return {
    kind: 'operation',
    commands: [PUT],
    steers: true,
    data: filling,
    start: ({ sizes, config: { seed }, number, among, at }) => {
      const sizeOf = new Map(sizes.map((size) => [size.label, size]));
      const all = objectsIn(filling);
      const writers = new Map<number, WriteObject>();
      let next = number % among;
      return () => {
        const nth = next;
        next += among;
        if (nth >= all) return undefined;
        const i = objectAt(filling, nth);
        const { bucket, n } = placeOf(i, homes.length);
        const { set } = homes[bucket] as Required<Home>;
        const { key, size: label } = numbered(set, n);
        const { bytes: most, drawn } = sizeOf.get(label) as ObjectSize;
        // The same bytes whenever it is written: what is written twice stays as it was.
        const bytes = drawn === undefined ? most : drawBytes(drawn, most, seeded(seed * 1_000_003 + i));
        let write = writers.get(bucket);
        if (write === undefined) {
          write = at(bucket).writer();
          writers.set(bucket, write);
        }
        return ended(write(key, { label, bytes }));
      };
    },
  };
}

/** The number of the nth object of ranges. */
function objectAt({ ranges }: Filling, nth: number): number {
  let left = nth;
  for (const [from, to] of ranges) {
    if (left < to - from) return from + left;
    left -= to - from;
  }
  throw new Error(`there is no object ${nth}`);
}
