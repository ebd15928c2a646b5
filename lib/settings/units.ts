/** Sizes, durations and rates: one table each, which both parsing and printing use. Pure; runs in k6 and in Node. */

const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
const DURATIONS: ReadonlyArray<readonly [suffix: string, ms: number]> = [
  ['w', 7 * 86_400 * SECOND],
  ['d', 86_400 * SECOND],
  ['h', 3_600 * SECOND],
  ['m', 60 * SECOND],
  ['s', SECOND],
];
// Parsed, but never printed: a duration under a second is shown as a latency is.
const MILLISECONDS: readonly [string, number] = ['ms', 1];

/** Object sizes are powers of 1024 under decimal names, as the original's: 1KB is 1,024 bytes. */
const SIZES: ReadonlyArray<readonly [suffix: string, bytes: number]> = [
  ['TB', 1024 ** 4],
  ['GB', 1024 ** 3],
  ['MB', 1024 ** 2],
  ['KB', 1024],
  ['B', 1],
];

/** Milliseconds of `30s`, `5m`, `1h30m`, `2d`, `1w`, `500ms` and of sums such as these; undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  const parts = text.trim().matchAll(/(\d+(?:\.\d+)?)(ms|[smhdw])/g);
  let total = 0;
  let read = 0;
  for (const [whole, amount, suffix] of parts) {
    const unit = [...DURATIONS, MILLISECONDS].find(([name]) => name === suffix);
    if (!unit) return undefined;
    total += Number(amount) * unit[1];
    read += whole.length;
  }
  // To microseconds: 1.001s is not 1000.9999999999999 ms.
  return read > 0 && read === text.trim().length ? Math.round(total * 1000) / 1000 : undefined;
}

/** `1h30m`, `45s`, `1.5s`, `0s`: the largest units first, at most two of them. `ms` is a number of milliseconds. */
export function formatDuration(ms: number): string {
  if (ms < 10 * SECOND) return `${Number((ms / SECOND).toFixed(1))}s`;
  let rest = Math.round(ms / SECOND) * SECOND;
  const parts: string[] = [];
  for (const [suffix, unit] of DURATIONS) {
    const n = Math.floor(rest / unit);
    if (n === 0) continue;
    parts.push(`${n}${suffix}`);
    rest -= n * unit;
    if (parts.length === 2) break;
  }
  return parts.join('');
}

/** Bytes of `1KB`, `8MB`, `1.5GB`, `512` or `512B` (KB is 1,024); undefined when it is none. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(?:([KMGT])I?)?(B?)$/.exec(text.trim().toUpperCase());
  if (!match) return undefined;
  const [, amount, prefix = '', b] = match;
  if (prefix && !b) return undefined;
  const unit = SIZES.find(([name]) => name === `${prefix}B`);
  return unit ? Math.round(Number(amount) * unit[1]) : undefined;
}

/** The label of an object size in keys and tags: 1048576 is `1MB`. Bytes that no unit divides are `1500B`. */
export function sizeLabel(bytes: number): string {
  for (const [suffix, unit] of SIZES) if (bytes >= unit && bytes % unit === 0) return `${bytes / unit}${suffix}`;
  return `${bytes}B`;
}

/** `14.2GB`, `71.2MB`, `512B`: one decimal from KB up. */
export function formatBytes(bytes: number): string {
  const whole = Math.round(bytes);
  if (whole < 1024) return `${whole}B`;
  // From 1,023.95 of a unit on, one decimal would show 1,024.0 of it.
  const [suffix, unit] = SIZES.find((size) => whole >= size[1] * 0.99995) as readonly [string, number];
  return `${(whole / unit).toFixed(1)}${suffix}`;
}

/** `284,512`: a whole number with thousands separated. */
export function formatCount(n: number): string {
  return String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Below how many milliseconds a latency is shown in which unit with how many decimals: where rounding adds a digit. */
const LATENCIES: ReadonlyArray<readonly [below: number, suffix: string, ms: number, decimals: number]> = [
  [0.995, 'ms', 1, 2],
  [9.95, 'ms', 1, 1],
  [999.5, 'ms', 1, 0],
  [9.995 * SECOND, 's', SECOND, 2],
  [99.95 * SECOND, 's', SECOND, 1],
  [999.5 * SECOND, 's', SECOND, 0],
];

/** A latency: `0.42ms`, `3.1ms`, `42ms`, `1.25s`: three digits at most, never rounded to nothing. From 1,000 s a duration. */
export function formatLatency(ms: number): string {
  if (ms > 0 && ms < 0.005) return '<0.01ms';
  const row = LATENCIES.find(([below]) => ms < below);
  if (row === undefined) return formatDuration(ms);
  const [, suffix, unit, decimals] = row;
  return `${(ms / unit).toFixed(decimals)}${suffix}`;
}

/** Operations a second of `500`, `500/s`, `30000/m` or `2.5/s`; undefined when it is none. */
export function parseRate(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(?:\/([smh]))?$/.exec(text.trim());
  if (!match) return undefined;
  const unit = DURATIONS.find(([name]) => name === (match[2] ?? 's'));
  return unit ? (Number(match[1]) * SECOND) / unit[1] : undefined;
}
