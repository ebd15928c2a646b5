/** Parsers that several settings share: each returns undefined for a text that is not valid. Pure. */
import { parseDuration, parseSize } from './units';

/** Go counts a duration in nanoseconds, up to 292 years; no test takes longer than one. */
const LONGEST = 366 * 86_400_000;

/** The same text, when it matches. */
export const text = (pattern: RegExp) => (value: string) => (pattern.test(value) ? value : undefined);

/** Any text but spaces. */
export const anyText = text(/\S/);

/** One of a few words, in any case. */
export const oneOf =
  <const T extends string>(...choices: readonly T[]) =>
  (value: string): T | undefined =>
    choices.find((choice) => choice === value.toLowerCase());

export const wholeNumber = (least: number, most: number) => (value: string) => {
  const n = Number(value);
  return /^\d+$/.test(value) && n >= least && n <= most ? n : undefined;
};

/** Bytes of a size between two others, both included. */
export const sizeBetween = (least: number, most: number) => (value: string) => {
  const bytes = parseSize(value);
  return bytes !== undefined && bytes >= least && bytes <= most ? bytes : undefined;
};

export const positive = (parse: (value: string) => number | undefined) => (value: string) => {
  const n = parse(value);
  return n !== undefined && n > 0 ? n : undefined;
};

export function boolean(value: string): boolean | undefined {
  if (/^(true|1|yes|on)$/i.test(value)) return true;
  if (/^(false|0|no|off)$/i.test(value)) return false;
  return undefined;
}

/** Milliseconds: k6 runs no scenario of less than a second. */
export function atLeastASecond(value: string): number | undefined {
  const ms = parseDuration(value);
  return ms !== undefined && ms >= 1000 && ms <= LONGEST ? ms : undefined;
}
