/** What an operation comes to when its answer is there. */
import type { Awaitable } from '../../s3/engine';
import type { Outcome } from '../../s3/outcome';
import type { Done } from './mix';

export function whenEnded<O extends Outcome>(outcome: Awaitable<O>, look: (outcome: O) => Done): Done {
  return outcome instanceof Promise ? outcome.then(look) : look(outcome);
}

export const ended = (outcome: Awaitable<Outcome>): Done => whenEnded(outcome, () => undefined);
