/** What a workload file may have done, by the name that it and figures call it. Pure. */
import {
  COPY,
  type Command,
  DELETE,
  GET,
  GET_BUCKET_ACL,
  GET_BUCKET_LIFECYCLE,
  GET_BUCKET_POLICY,
  GET_BUCKET_VERSIONING,
  GET_OBJECT_ACL,
  GET_OBJECT_ATTRIBUTES,
  GET_OBJECT_TAGGING,
  HEAD,
  HEAD_BUCKET,
  LIST,
  LIST_VERSIONS,
  PUT,
  PUT_BUCKET_ACL,
  PUT_BUCKET_LIFECYCLE,
  PUT_BUCKET_POLICY,
  PUT_OBJECT_ACL,
  PUT_OBJECT_TAGGING,
} from '../s3/commands';

/** Rows by op. */
export const ACTIONS: Readonly<Record<string, Command>> = Object.fromEntries(
  [
    ...[GET, PUT, HEAD, DELETE, LIST, LIST_VERSIONS, COPY],
    ...[GET_OBJECT_ACL, PUT_OBJECT_ACL, GET_OBJECT_TAGGING, PUT_OBJECT_TAGGING, GET_OBJECT_ATTRIBUTES],
    ...[HEAD_BUCKET, GET_BUCKET_ACL, PUT_BUCKET_ACL, GET_BUCKET_POLICY, PUT_BUCKET_POLICY],
    ...[GET_BUCKET_LIFECYCLE, PUT_BUCKET_LIFECYCLE, GET_BUCKET_VERSIONING],
  ].map((command) => [command.op, command]),
);

/** A card for a GET of an older version: in figures it is what it sends, LIST_VERSIONS and GET. */
export const OLDER = 'GET_OLDER';

/** Whether it changes what others see of the bucket. */
export const changesBucket = ({ on, effect }: Command): boolean => on === 'bucket' && effect === 'configure';

/** The commands for metadata that the share of simple access is spread over: WorkloadWisdom's. */
export const METADATA: readonly string[] = [
  ...[HEAD, GET_OBJECT_ACL, PUT_OBJECT_ACL, HEAD_BUCKET, GET_BUCKET_ACL, PUT_BUCKET_ACL],
  ...[GET_BUCKET_POLICY, PUT_BUCKET_POLICY, GET_BUCKET_LIFECYCLE, PUT_BUCKET_LIFECYCLE, GET_BUCKET_VERSIONING],
].map(({ op }) => op);
