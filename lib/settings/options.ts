/** Settings by the options that users type. Pure. */
import type { Setting } from './setting';
import { settings } from './settings';

/** The setting of `--part-size`, by `part-size`; undefined where there is none. */
export function settingOf(option: string): Setting<unknown> | undefined {
  return (Object.values(settings) as Setting<unknown>[]).find((row) => row.option?.split(' ')[0] === option);
}
