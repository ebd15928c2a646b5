/** An engine that is looked at: loaded by VUs that end with an error. */
import type { Command } from '../../s3/commands';
import type { Awaitable, Call, Engine, Reply } from '../../s3/engine';

/** The same, with each failure told that the store answered with. */
export function watched(engine: Engine, tell: (reply: Reply, op: string) => void): Engine {
  const look = (op: string) => (reply: Reply) => {
    if (reply.failure !== undefined && reply.status >= 400) tell(reply, op);
    return reply;
  };
  const watch =
    <C extends Call>(compile: (command: Command) => C) =>
    (command: Command): C => {
      const [call, seen] = [compile(command), look(command.op)];
      return ((...args: Parameters<Call>): Awaitable<Reply> => {
        const reply = call(...args);
        return reply instanceof Promise ? reply.then(seen) : seen(reply);
      }) as C;
    };
  const { compile, compileSync, compileAsync } = engine;
  return {
    ...engine,
    compile: watch(compile),
    compileSync: watch(compileSync),
    compileAsync: watch(compileAsync),
  };
}
