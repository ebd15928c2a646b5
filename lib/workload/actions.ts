/** What a workload file may have done, by the name that it and figures call it. Pure. */
import {
  COMMANDS,
  type Command,
  CREATE_BUCKET,
  DELETE_BUCKET,
  GET,
  GET_BUCKET_ACL,
  GET_BUCKET_LIFECYCLE,
  GET_BUCKET_POLICY,
  GET_BUCKET_VERSIONING,
  GET_IF_NONE_MATCH,
  GET_OBJECT_ACL,
  HEAD,
  HEAD_BUCKET,
  LIST_BUCKETS,
  LIST_UPLOADS,
  LIST_VERSIONS,
  PUT_BUCKET_ACL,
  PUT_BUCKET_LIFECYCLE,
  PUT_BUCKET_POLICY,
  PUT_BUCKET_VERSIONING,
  PUT_OBJECT_ACL,
  PUT_OBJECT_LEGAL_HOLD,
  PUT_OBJECT_RETENTION,
} from '../s3/commands';

const OTHERS: readonly Command[] = [CREATE_BUCKET, DELETE_BUCKET, LIST_BUCKETS, PUT_BUCKET_VERSIONING, LIST_UPLOADS];

/** Rows by op. */
export const ACTIONS: Readonly<Record<string, Command>> = Object.fromEntries(
  [...COMMANDS].filter(([, { op, counts }]) => counts === 'operation' && OTHERS.every((other) => other.op !== op)),
);

/** What may be done to temporary objects while they are there: commands about one object, that leave it as it is. */
export const TEMPORARY_ACTIONS: Readonly<Record<string, Command>> = Object.fromEntries(
  Object.entries(ACTIONS).filter(
    ([, { on, effect, body }]) => on === 'object' && effect !== 'delete' && effect !== 'write' && body === 'none',
  ),
);

/** A card for a GET of an older version. */
export const OLDER = 'GET_OLDER';

/** Cards that are more than one request to figures, and what they send. */
const SENT: Readonly<Record<string, readonly Command[]>> = {
  [OLDER]: [GET, LIST_VERSIONS],
  [GET_IF_NONE_MATCH.op]: [HEAD, GET_IF_NONE_MATCH],
};

/** What a card sends, as figures call it. */
export function sentBy(op: string): readonly Command[] {
  const row = ACTIONS[op];
  return SENT[op] ?? (row === undefined ? [] : [row]);
}

/** Whether it changes what others see of the bucket. */
export const changesBucket = ({ on, effect }: Command): boolean => on === 'bucket' && effect === 'configure';

/** Whether it keeps objects from being deleted. */
export const locksObjects = ({ op }: Command): boolean =>
  op === PUT_OBJECT_RETENTION.op || op === PUT_OBJECT_LEGAL_HOLD.op;

/** The commands for metadata that the share of simple access is spread over: WorkloadWisdom's. */
export const METADATA: readonly string[] = [
  ...[HEAD, GET_OBJECT_ACL, PUT_OBJECT_ACL, HEAD_BUCKET, GET_BUCKET_ACL, PUT_BUCKET_ACL],
  ...[GET_BUCKET_POLICY, PUT_BUCKET_POLICY, GET_BUCKET_LIFECYCLE, PUT_BUCKET_LIFECYCLE, GET_BUCKET_VERSIONING],
].map(({ op }) => op);
