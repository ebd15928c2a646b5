/** The settings of a run, as far as they are one for all of it. Pure. */

import type { RunHead } from '../../lib/result/result';
import type { Config } from '../../lib/settings/config';

/** A merged run has settings that its parts had not in common. */
export function differing(value: unknown): readonly unknown[] | undefined {
  const differs = (value as { differs?: unknown } | null | undefined)?.differs;
  return Array.isArray(differs) ? differs : undefined;
}

/** Those that all parts of it had in common. */
export function configOf({ config }: Pick<RunHead, 'config'>): Partial<Config> {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => differing(value) === undefined));
}
