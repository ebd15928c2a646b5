/** Numbers as verdict and warnings write them. Pure. */
import { formatCount } from '../../lib/settings/units';

/** `0.3%`, `12%`, `<0.1%`: of 0 to 1. */
export function share(part: number): string {
  const percent = part * 100;
  if (percent > 0 && percent < 0.1) return '<0.1%';
  if (percent < 9.95) return `${Number(percent.toFixed(1))}%`;
  // Not all of it, however nearly.
  return `${percent < 100 ? Math.min(99, Math.round(percent)) : 100}%`;
}

/** `0.97`, `12.3`: cores. */
export function cores(n: number): string {
  return n < 9.995 ? String(Number(n.toFixed(2))) : n.toFixed(1);
}

/** `1 core`, `0.5 cores`: what a program may use. */
export function allCores(n: number): string {
  return Number.isInteger(n) ? count(n, 'core') : `${cores(n)} cores`;
}

/** `1 VU`, `1,024 VUs`. */
export function count(n: number, what: string): string {
  return `${formatCount(n)} ${what}${Math.round(n) === 1 ? '' : 's'}`;
}

/** `GET`, `GET and PUT`, `GET, PUT and LIST`; of many the first ones and how many more. */
export function list(names: readonly string[], most = 4): string {
  const shown = names.length > most ? [...names.slice(0, most - 1), `${names.length - most + 1} more`] : [...names];
  const last = shown.pop() ?? '';
  return shown.length === 0 ? last : `${shown.join(', ')} and ${last}`;
}

/** Operations a second: `0.4/s`, `7.5/s`, `1,423/s`. */
export function rate(perSecond: number): string {
  return `${perSecond < 9.95 ? Number(perSecond.toFixed(1)) : formatCount(perSecond)}/s`;
}
