/** Listings of stores that only have ListObjects of version 1: rows, arguments and replies of version 2 become those of version 1. Pure. */
import { type Command, LIST, LIST_V1 } from './commands';
import type { Arguments, Awaitable, Call, Engine, Reply } from './engine';
import type { Outcome } from './outcome';

/** An engine that lists by version 1. */
export function listingByV1(engine: Engine): Engine {
  const { compile, compileSync, compileAsync } = engine;
  const isListing = ({ op, answer }: Command) => op === LIST.op && answer.kind === 'xml';
  const translated = (call: Call) => (key: string, size: string, load?: Parameters<Call>[2], more?: Arguments) =>
    then(call(key, size, load, argumentsOfV1(more)), replyOfV1);
  return {
    ...engine,
    compile: (command) => (isListing(command) ? translated(compile(LIST_V1)) : compile(command)),
    compileSync: (command) =>
      isListing(command)
        ? (translated(compileSync(LIST_V1)) as ReturnType<Engine['compileSync']>)
        : compileSync(command),
    compileAsync: (command) =>
      isListing(command)
        ? (translated(compileAsync(LIST_V1)) as ReturnType<Engine['compileAsync']>)
        : compileAsync(command),
  };
}

const then = (reply: Awaitable<Reply>, f: (reply: Reply) => Reply): Awaitable<Reply> =>
  reply instanceof Promise ? reply.then(f) : f(reply);

/** Version 1 begins behind its marker, as version 2 behind start-after. */
export function argumentsOfV1(more: Arguments = {}): Arguments {
  const { 'start-after': marker, ...query } = more.query ?? {};
  return { ...more, query: { marker, ...query } };
}

/** A reply that says where to go on. Without a delimiter, that is behind its last key. */
export function replyOfV1(reply: Reply): Reply {
  const { found } = reply;
  if (found?.texts.IsTruncated !== 'true' || found.texts.NextMarker) return reply;
  const { Contents = [], CommonPrefixes = [] } = found.lists;
  const last = [...Contents.slice(-1), ...CommonPrefixes.slice(-1)].map(([name = '']) => name).sort();
  const NextMarker = last.at(-1);
  if (NextMarker !== undefined) return { ...reply, found: { ...found, texts: { ...found.texts, NextMarker } } };
  const failure = { errorClass: 'corrupt', code: '', message: 'the listing goes on and does not tell where' } as const;
  return { ...reply, failure, found: undefined };
}

/** Whether the answer to a page of version 2 may be that of a store which does not know it. */
export function mayLackV2({ failure, found, status }: Pick<Reply, 'found'> & Outcome): boolean {
  if (failure === undefined) return found?.texts.Marker !== undefined;
  const { errorClass, code } = failure;
  return errorClass === 'unsupported' || errorClass === 'corrupt' || status === 405 || code === 'InvalidArgument';
}
