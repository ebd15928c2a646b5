/** Settings by what users call them. Pure. */
import type { Setting } from './setting';
import { settings } from './settings';

const all = Object.entries(settings) as [string, Setting<unknown>][];

/** The setting that is called `part-size` in a file: by its option, or where it has none by its name. */
export function settingOf(name: string): Setting<unknown> | undefined {
  const kebab = (key: string) => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return all.find(([key, { option }]) => (option?.split(' ')[0] ?? kebab(key)) === name)?.[1];
}
