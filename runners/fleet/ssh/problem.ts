/** What keeps a connection from being made. */
import { settings } from '../../../lib/settings/config';
import type { Trouble } from '../shell';

/** What to do where the user's ssh can do what is not done here. */
export const BY_SYSTEM = `set ${settings.ssh.env[0]}=system`;

/** One line without the worker's name, which whoever connects puts before it: what is wrong, and what to do. */
export class SshProblem extends Error {
  override name = 'SshProblem';
  constructor(
    readonly trouble: Trouble,
    message: string,
  ) {
    super(message);
  }
}
