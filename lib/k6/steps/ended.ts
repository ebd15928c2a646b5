/** What an operation comes to when its answer is there. */
import type { Awaitable, Reply } from '../../s3/engine';
import type { Done } from './mix';

export function whenEnded(reply: Awaitable<Reply>, look: (reply: Reply) => Done): Done {
  return reply instanceof Promise ? reply.then(look) : look(reply);
}

export const ended = (reply: Awaitable<Reply>): Done => whenEnded(reply, () => undefined);
