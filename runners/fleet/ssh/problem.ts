/** What keeps a connection from being made. */
import type { Trouble } from '../shell';

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
