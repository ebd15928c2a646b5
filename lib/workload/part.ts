/** Which of several workers a key is for, where each takes its part of what is there. Pure. */
import type { Part } from '../result/protocol';

/** All there is. */
const WHOLE: Part = { index: 0, of: 1 };

/**
 * The part of a k6 process, by its execution segment and the sequence of all, as `exec.test.options` has them: `1/3:2/3` of
 * `0,1/3,2/3,1` is the second of three. All there is, where k6 has neither.
 */
export function partOfSegment(segment: string | null | undefined, sequence: string | null | undefined): Part {
  if (!segment || !sequence) return WHOLE;
  const bounds = sequence.split(',');
  const index = bounds.indexOf(segment.split(':')[0] ?? '');
  return index === -1 ? WHOLE : { index, of: bounds.length - 1 };
}

/** Of a key the last letters differ from one to the next. */
const LETTERS = 12;

/** The number of the part that a key belongs to: the same wherever it is asked, and each about as often as another. */
export function partOf(key: string, of: number): number {
  if (of === 1) return 0;
  // FNV-1a, and its bits mixed once more: of keys that differ in few letters it knows little in the lowest ones.
  let hash = 0x811c9dc5;
  for (let i = Math.max(0, key.length - LETTERS); i < key.length; i++) {
    hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return ((hash ^ (hash >>> 12)) >>> 0) % of;
}
