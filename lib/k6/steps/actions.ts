/** What a workload file may have done beside what patterns do: loaded by VUs whose load names it. */
import {
  COPY,
  type Command,
  GET,
  GET_OBJECT_ATTRIBUTES,
  HEAD,
  LIST_VERSIONS,
  PUT_BUCKET_ACL,
  PUT_BUCKET_LIFECYCLE,
  PUT_BUCKET_POLICY,
  PUT_OBJECT_ACL,
  PUT_OBJECT_TAGGING,
} from '../../s3/commands';
import { ACLS, lifecycleOf, policyOf, taggingOf } from '../../s3/configurations';
import type { Arguments, Awaitable, CallLoad, Reply } from '../../s3/engine';
import type { Outcome } from '../../s3/outcome';
import { encodeKey } from '../../s3/uri';
import { ACTIONS, OLDER } from '../../workload/actions';
import type { CommandShares } from '../../workload/command-shares';
import type { VirtualUser } from '../../workload/step';
import { dedicatedFolder } from '../../workload/temporary';
import type { Done, Play } from './mix';

/** Attributes that every object has. */
const ATTRIBUTES = { 'x-amz-object-attributes': 'ETag,ObjectSize,StorageClass' };
/** Versions of one key that are looked through. */
const MOST_VERSIONS = 10;

/** What plays cards of these commands. */
export function actionsOf(vu: VirtualUser, ops: readonly string[], { unique = {}, dedicated }: CommandShares): Play {
  const own = (op: string) => dedicated === true && DEDICATED_TO.includes(op);
  const plays = new Map(ops.map((op) => [op, own(op) ? onOwnObject(op, vu, unique) : playOf(op, vu, unique)]));
  return (card) => (plays.get(card.op) as Play)(card);
}

/** Commands that may have an object of their own. */
const DEDICATED_TO: readonly string[] = [HEAD.op, PUT_OBJECT_ACL.op];

/** A command on an object that this VU has for it alone, written outside the figures when it is first wanted. */
function onOwnObject(op: string, vu: VirtualUser, unique: NonNullable<CommandShares['unique']>): Play {
  const command = ACTIONS[op] as Command;
  const call = vu.engine.compile(command);
  const [load, more] = sentWith(command, vu, unique);
  const { config, number, startedAt, keyEnd } = vu;
  const [size] = vu.sizes as [(typeof vu.sizes)[number]];
  const { before, after } = dedicatedFolder(config, vu.test, startedAt);
  const key = `${before}${size.label}${after}${number + 1}-${op.toLowerCase().replaceAll('_', '-')}${keyEnd}`;
  let isThere = false;
  const act = (): Done => ended(call(key, size.label, load(), more()));
  return () => {
    if (isThere) return act();
    isThere = true;
    const written = vu.beside()(key, { label: size.label, bytes: size.bytes });
    const goOn = ({ failure, status, endpoint }: Outcome): Done => {
      if (failure === undefined) return act();
      isThere = false;
      console.warn(`the object for ${op} alone was not written: ${status} ${failure.code} (endpoint ${endpoint})`);
      return undefined;
    };
    return written instanceof Promise ? written.then(goOn) : goOn(written);
  };
}

function playOf(op: string, vu: VirtualUser, unique: NonNullable<CommandShares['unique']>): Play {
  if (op === OLDER) return olderVersion(vu);
  if (op === COPY.op) return copy(vu);
  const command = ACTIONS[op] as Command;
  const call = vu.engine.compile(command);
  const [load, more] = sentWith(command, vu, unique);
  if (command.on === 'bucket') return () => ended(call('', '', load(), more()));
  const { keys } = vu;
  const seen = ({ failure }: Outcome): undefined => {
    if (failure?.errorClass === 'notFound') keys.forget();
    return undefined;
  };
  return ({ size }) => {
    const key = keys.any(size);
    return key === undefined ? false : whenEnded(call(key, size, load(), more()), seen);
  };
}

type Sent = readonly [load: () => CallLoad | undefined, more: () => Arguments | undefined];

/** What a command sends, another each time where several are to be set. */
export function sentWith(
  { op }: Command,
  { config: { bucket, prefix } }: VirtualUser,
  unique: NonNullable<CommandShares['unique']>,
): Sent {
  const nothing = () => undefined;
  const inTurn = <T>(count: number, make: (n: number) => T): (() => T) => {
    const all = Array.from({ length: count }, (_, n) => make(n));
    let next = 0;
    return () => all[next++ % count] as T;
  };
  const { acls = 1, policies = 1, lifecycles = 1 } = unique;
  switch (op) {
    case PUT_OBJECT_ACL.op:
    case PUT_BUCKET_ACL.op:
      return [nothing, inTurn(acls, (n) => ({ headers: { 'x-amz-acl': ACLS[n] ?? ACLS[0] } }))];
    case PUT_BUCKET_POLICY.op:
      return [inTurn(policies, (n) => policyOf(bucket, n)), nothing];
    case PUT_BUCKET_LIFECYCLE.op:
      return [inTurn(lifecycles, (n) => lifecycleOf(prefix, n)), nothing];
    case PUT_OBJECT_TAGGING.op:
      return [inTurn(TAGS, taggingOf), nothing];
    case GET_OBJECT_ATTRIBUTES.op:
      return [nothing, () => ({ headers: ATTRIBUTES })];
    case LIST_VERSIONS.op:
      return [nothing, () => ({ query: { prefix } })];
    default:
      return [nothing, nothing];
  }
}

const TAGS = 10;

/** A new object out of one that is there. */
function copy({ engine, keys, makeKey, config: { bucket } }: VirtualUser): Play {
  const call = engine.compile(COPY);
  return ({ size }) => {
    const from = keys.any(size);
    if (from === undefined) return false;
    const key = makeKey(size);
    const headers = { 'x-amz-copy-source': `/${encodeKey(`${bucket}/${from}`)}` };
    return whenEnded(call(key, size, undefined, { headers }), ({ failure }) => {
      if (failure === undefined) keys.wrote(size, key);
      else if (failure.errorClass === 'notFound') keys.forget();
      return undefined;
    });
  };
}

/** Lists the versions of an object, and reads the newest that is not the current one; where there is none, the current one. */
function olderVersion({ engine, keys, sizes }: VirtualUser): Play {
  const [list, read] = [engine.compile(LIST_VERSIONS), engine.compile(GET)];
  const bytesOf = new Map(sizes.map(({ label, bytes, drawn }) => [label, drawn ? undefined : bytes]));
  return ({ size }) => {
    const key = keys.any(size);
    if (key === undefined) return false;
    const page = list('', '', undefined, { query: { prefix: key, 'max-keys': MOST_VERSIONS } });
    const goOn = (reply: Reply): Done => {
      if (reply.failure !== undefined) return undefined;
      const own = reply.found?.lists.Version?.filter(([of]) => of === key) ?? [];
      const versionId = own.find(([, , , isLatest]) => isLatest === 'false')?.[2];
      return ended(read(key, size, bytesOf.get(size), versionId === undefined ? undefined : { query: { versionId } }));
    };
    return page instanceof Promise ? page.then(goOn) : goOn(page);
  };
}

function whenEnded(reply: Awaitable<Reply>, look: (outcome: Outcome) => undefined): Done {
  return reply instanceof Promise ? reply.then(look) : look(reply);
}

const ended = (reply: Awaitable<Reply>): Done => whenEnded(reply, () => undefined);
