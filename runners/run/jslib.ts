/** Whether k6-jslib-aws is to be had, before k6 asks for it. */
import { access } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { settings } from '../../lib/settings/config';

const LOOK_MS = 5_000;

/** Why it can't be read from an https:// address or a file, the published one where none is given; undefined when it can. */
export async function jslibProblem(from = settings.jslibUrl.fallback as string): Promise<string | undefined> {
  try {
    if (!from.startsWith('https:')) {
      await access(from.startsWith('file:') ? fileURLToPath(from) : from);
      return undefined;
    }
    const answer = await fetch(from, { method: 'HEAD', signal: AbortSignal.timeout(LOOK_MS) });
    return answer.ok ? undefined : `${from} answers ${answer.status}`;
  } catch (e) {
    const { cause, message } = e as Error & { cause?: Error };
    return `${from}: ${cause?.message || message}`;
  }
}
