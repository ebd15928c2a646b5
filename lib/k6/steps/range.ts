/** Reads of a part of an object: loaded by VUs whose load asks for it. */
import type { Awaitable, Call, Reply } from '../../s3/engine';
import { below, type Random } from '../../workload/random';

/** Reads an object of so many bytes; undefined where they are not known. */
type RangedRead = (read: Call, key: string, size: string, bytes: number | undefined) => Awaitable<Reply>;

/** Reads `length` bytes, from a random multiple of them on; the last part of an object may be shorter, and a small object is read whole. */
export function rangedRead(length: number, random: Random): RangedRead {
  return (read, key, size, bytes) => {
    if (bytes !== undefined && bytes <= length) return read(key, size, bytes);
    const from = bytes === undefined ? 0 : below(Math.ceil(bytes / length), random) * length;
    const to = Math.min(from + length, bytes ?? Number.POSITIVE_INFINITY) - 1;
    const expected = bytes === undefined ? undefined : to - from + 1;
    return read(key, size, expected, { headers: { range: `bytes=${from}-${to}` } });
  };
}
