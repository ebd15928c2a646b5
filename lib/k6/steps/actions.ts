/** What a workload file may have done beside what patterns do: loaded by VUs whose load names it. */

import { batchOf } from '../../s3/batch';
import {
  COPY,
  COPY_IN_PARTS,
  type Command,
  DELETE_OBJECTS,
  GET,
  GET_IF_NONE_MATCH,
  GET_OBJECT_ATTRIBUTES,
  GET_PART,
  HEAD,
  LIST_VERSIONS,
  POST,
  PUT_BUCKET_ACL,
  PUT_BUCKET_LIFECYCLE,
  PUT_BUCKET_POLICY,
  PUT_IN_PARTS,
  PUT_OBJECT_ACL,
  PUT_OBJECT_LEGAL_HOLD,
  PUT_OBJECT_RETENTION,
  PUT_OBJECT_TAGGING,
} from '../../s3/commands';
import { ACLS, lifecycleOf, policyOf, taggingOf } from '../../s3/configurations';
import type { Arguments, CallLoad, Reply } from '../../s3/engine';
import type { Outcome } from '../../s3/outcome';
import { copySource } from '../../s3/uri';
import { ACTIONS, OLDER } from '../../workload/actions';
import type { CommandShares } from '../../workload/command-shares';
import type { VirtualUser } from '../../workload/step';
import { dedicatedFolder } from '../../workload/temporary';
import { ended, whenEnded } from './ended';
import { copyKey, lengthOf } from './lengths';
import { holdAndRelease, retain } from './locks';
import type { Done, Play } from './mix';
import { conditionalRead, partRead } from './reads';
import { copyParted, postForm, putParted } from './writes';

/** Attributes that every object has. */
const ATTRIBUTES = { 'x-amz-object-attributes': 'ETag,ObjectSize,StorageClass' };
/** Versions of one key that are looked through. */
const MOST_VERSIONS = 10;

/** What plays cards of these commands. */
export function actionsOf(vu: VirtualUser, ops: readonly string[], of: CommandShares): Play {
  const isDedicated = (op: string) => of.dedicated === true && DEDICATED_TO.includes(op);
  const plays = new Map(ops.map((op) => [op, isDedicated(op) ? onOwnObject(op, vu, of) : playOf(op, vu, of)]));
  return (card) => (plays.get(card.op) as Play)(card);
}

/** Commands that may have an object of their own. */
const DEDICATED_TO: readonly string[] = [HEAD.op, PUT_OBJECT_ACL.op];

/** A command on an object that this VU has for it alone, written outside the figures when it is first wanted. */
function onOwnObject(op: string, vu: VirtualUser, of: CommandShares): Play {
  const command = ACTIONS[op] as Command;
  const call = vu.engine.compile(command);
  const [load, more] = sentWith(command, vu, of);
  const { config, number, startedAt, keyEnd } = vu;
  const [size] = vu.sizes as [(typeof vu.sizes)[number]];
  const { before, after } = dedicatedFolder(config, vu.test, startedAt);
  const key = `${before}${size.label}${after}${number + 1}-${op.toLowerCase().replaceAll('_', '-')}${keyEnd}`;
  let isThere = false;
  const act = (): Done => ended(call(key, size.label, load(), more()));
  return () => {
    if (isThere) return act();
    isThere = true;
    return whenEnded(vu.beside()(key, { label: size.label, bytes: size.bytes }), ({ failure, status, endpoint }) => {
      if (failure === undefined) return act();
      isThere = false;
      console.warn(`the object for ${op} alone was not written: ${status} ${failure.code} (endpoint ${endpoint})`);
      return undefined;
    });
  };
}

/** Those that are more than one call with what `sentWith` says. */
const OWN: Readonly<Record<string, (vu: VirtualUser, of: CommandShares) => Play>> = {
  [OLDER]: olderVersion,
  [COPY.op]: copy,
  [GET_IF_NONE_MATCH.op]: conditionalRead,
  [GET_PART.op]: partRead,
  [DELETE_OBJECTS.op]: deleteBatch,
  [POST.op]: postForm,
  [PUT_IN_PARTS.op]: putParted,
  [COPY_IN_PARTS.op]: copyParted,
  [PUT_OBJECT_RETENTION.op]: retain,
  [PUT_OBJECT_LEGAL_HOLD.op]: holdAndRelease,
};

function playOf(op: string, vu: VirtualUser, of: CommandShares): Play {
  const own = OWN[op];
  if (own !== undefined) return own(vu, of);
  const command = ACTIONS[op] as Command;
  const call = vu.engine.compile(command);
  const [load, more] = sentWith(command, vu, of);
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
  { unique: { acls = 1, policies = 1, lifecycles = 1 } = {} }: CommandShares,
): Sent {
  const nothing = () => undefined;
  const inTurn = <T>(count: number, make: (n: number) => T): (() => T) => {
    const all = Array.from({ length: count }, (_, n) => make(n));
    let next = 0;
    return () => all[next++ % count] as T;
  };
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
function copy(vu: VirtualUser): Play {
  const { engine, keys, config } = vu;
  const call = engine.compile(COPY);
  return ({ size }) => {
    const from = keys.any(size);
    if (from === undefined) return false;
    const key = copyKey(vu, size, from);
    const headers = { 'x-amz-copy-source': copySource(config.bucket, from) };
    return whenEnded(call(key, size, undefined, { headers }), ({ failure }) => {
      if (failure === undefined) keys.wrote(size, key);
      else if (failure.errorClass === 'notFound') keys.forget();
      return undefined;
    });
  };
}

/** Lists the versions of an object, and reads the newest that is not the current one; where there is none, the current one. */
function olderVersion(vu: VirtualUser): Play {
  const { engine, keys } = vu;
  const [list, read] = [engine.compile(LIST_VERSIONS), engine.compile(GET)];
  const bytesOf = lengthOf(vu);
  return ({ size }) => {
    const key = keys.any(size);
    if (key === undefined) return false;
    const page = list('', '', undefined, { query: { prefix: key, 'max-keys': MOST_VERSIONS } });
    const goOn = (reply: Reply): Done => {
      if (reply.failure !== undefined) return undefined;
      const own = reply.found?.lists.Version?.filter(([of]) => of === key) ?? [];
      const versionId = own.find(([, , , isLatest]) => isLatest === 'false')?.[2];
      return ended(read(key, size, bytesOf(key, size), versionId === undefined ? undefined : { query: { versionId } }));
    };
    return page instanceof Promise ? page.then(goOn) : goOn(page);
  };
}

/** Keys of one batch where the file does not say: what a VU has written since, in most mixes. */
const BATCH = 100;

/** Deletes objects of a size that the VU itself has written: all that it has, `batch` at the most. */
function deleteBatch({ engine, keys }: VirtualUser, { batch = BATCH }: CommandShares): Play {
  const call = engine.compile(DELETE_OBJECTS);
  return ({ size }) => {
    const own: { key: string }[] = [];
    for (let key = keys.own(size); key !== undefined; key = own.length < batch ? keys.own(size) : undefined) {
      keys.forget();
      own.push({ key });
    }
    return own.length === 0 ? false : ended(call('', '', batchOf(own), { objects: own.length }));
  };
}
