/** How long objects are: those that are there, and those that are to be written. */
import type { ObjectSize } from '../../settings/config';
import { bytesByKey, bytesMark, drawBytes } from '../../workload/sizes';
import type { VirtualUser } from '../../workload/step';

/** Bytes of an object as far as they are known. */
export function lengthOf({ sizes }: VirtualUser): (key: string, size: string) => number | undefined {
  const known = new Map(sizes.map((size) => [size.label, size]));
  return (key, size) => {
    const of = known.get(size);
    return of?.drawn === undefined ? of?.bytes : bytesByKey(key);
  };
}

interface NewObject {
  readonly key: string;
  readonly bytes: number;
}

/** The next object of a size to write. */
export function newObjects({ sizes, makeKey, random }: VirtualUser): (size: string) => NewObject {
  const known = new Map(sizes.map((size) => [size.label, size]));
  return (size) => {
    const { bytes, drawn } = known.get(size) as ObjectSize;
    if (drawn === undefined) return { key: makeKey(size), bytes };
    const own = drawBytes(drawn, bytes, random);
    return { key: makeKey(size, bytesMark(own)), bytes: own };
  };
}

/**
 * The key of a copy. It ends otherwise than keys that say what is in their object, for that is another's; of drawn sizes it says how
 * long it is, as the other's does.
 */
export function copyKey({ makeKey }: VirtualUser, size: string, from: string): string {
  const bytes = bytesByKey(from);
  return `${makeKey(size)}-copy${bytes === undefined ? '' : bytesMark(bytes)}`;
}
