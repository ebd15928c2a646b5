/** Names of what is measured, and the k6 submetrics that a Result is read from. Pure; runs in k6 and in Node. */
import { ERROR_CLASSES } from '../s3/classify';
import { COMMANDS, type Command } from '../s3/commands';

/** Own metrics, for what k6's built-in http_req_* can't say. */
export const OP_DURATION = 's3_op_duration';
export const ERROR_DURATION = 's3_error_duration';
export const ERRORS = 's3_errors';
export const MISSES = 's3_misses';
export const BYTES = 's3_bytes';
export const OBJECTS = 's3_objects';
export const RETRIES = 's3_retries';
/** Requests whose turn it was to go to an endpoint that was left out, and that went to another. */
export const REDIRECTED = 's3_redirected';
/** Iterations that ended with an exception of the script. */
export const EXCEPTIONS = 's3_exceptions';
export const VERIFIED = 's3_verified';
/** Of connections that are held open: how many were opened, and ended in which way; open now; bytes each way; milliseconds. */
export const CONNECTIONS = 's3_connections';
export const CONNECTIONS_OPEN = 's3_connections_open';
export const CONNECTION_BYTES = 's3_connection_bytes';
export const CONNECTION_LIFETIME = 's3_connection_lifetime';
/** Outcomes of a connection: that it was opened, and how it ended. One that was refused was never opened. */
export const OPENED = 'opened';
export const ENDS = ['completed', 'reset', 'timeout', 'rejected', 'refused', 'closed'] as const;
/** Built in: time to first byte, from the request's end. */
export const TTFB = 'http_req_waiting';
/** Built in: requests, of which the CLI reads running counts. */
export const REQUESTS = 'http_reqs';

/** k6's tags of its own that are kept: each is looked up for every sample. Thresholds, Results and dashboards go by these. */
export const SYSTEM_TAGS = ['status', 'error_code', 'expected_response', 'scenario'] as const;
/** What k6's cloud output does not go without. */
export const CLOUD_SYSTEM_TAGS = ['name', 'method', 'error', 'check', 'group'] as const;

/** The size tag of operations on no object: k6 takes no empty tag in a submetric. */
export const NO_SIZE = 'none';

/** The op tag of requests beside the load, such as those of the check before it. */
export const PREPARATION = 'preparation';

/** What the rows of an op say; nothing of one that has no row. */
const rowOf = (op: string): Partial<Command> => COMMANDS.get(op) ?? {};
/** Whether an operation is about many objects at once, as listings and batches of deletions are. */
export const isOfMany = (op: string): boolean => rowOf(op).many === true;
/** Whether an operation may find that another has deleted its object meanwhile. */
export const mayMiss = (op: string): boolean => rowOf(op).mayMiss === true;

/** What one test measures: which operations of which sizes, in which phases, at which endpoints. */
export interface Measured {
  readonly test: string;
  /** Phases of its load that are counted apart; empty where there is only one. */
  readonly phases: readonly string[];
  readonly series: ReadonlyArray<{ readonly op: string; readonly size: string }>;
  readonly endpoints: readonly string[];
  /** All that it does is done over connections that it holds open. */
  readonly holdsConnections: boolean;
  /** Objects are deleted while others ask for them: that one is gone is counted apart, and is no error. */
  readonly missesExpected: boolean;
  /** What is read is compared with what was written. */
  readonly verified: boolean;
}

export type Tags = Readonly<Record<string, string>>;

/** The tags of one operation's figures, with what they are of beside the operation. */
export interface OpTags {
  readonly test: string;
  readonly op: string;
  readonly [more: string]: string;
}

/** The name of a submetric as k6 writes it: `s3_bytes{test:firehose,op:GET}`. */
export function submetric(metric: string, tags: Tags): string {
  const list = Object.entries(tags).map(([name, value]) => `${name}:${value}`);
  return `${metric}{${list.join(',')}}`;
}

/** The operations of a test, each once. */
export function opsOf({ series }: Measured): string[] {
  return [...new Set(series.map(({ op }) => op))];
}

/** The tags of every series of a test, by phase where there are several, op and size. */
export function seriesTags({ test, phases, series }: Measured): Array<OpTags & { size: string }> {
  if (phases.length === 0) return series.map(({ op, size }) => ({ test, op, size }));
  return phases.flatMap((phase) => series.map(({ op, size }) => ({ test, phase, op, size })));
}

/** The tags of every total, one an op. */
export function totalTags(measured: Measured): OpTags[] {
  return opsOf(measured).map((op) => ({ test: measured.test, op }));
}

/** The tags of every endpoint's figures, one an op. */
export function endpointTags(measured: Measured): Array<OpTags & { endpoint: string }> {
  const { test, endpoints } = measured;
  return endpoints.flatMap((endpoint) => opsOf(measured).map((op) => ({ test, op, endpoint })));
}

/**
 * The tags of requests that succeeded. Not k6's `expected_response`: that a missing object is expected makes it no success.
 */
export function succeeded(tags: OpTags): Tags {
  return { ...tags, status: String(rowOf(tags.op).status ?? 200) };
}

/** The tags of requests that k6 takes for failed. */
export function failed(tags: OpTags): Tags {
  return { ...tags, expected_response: 'false' };
}

/** Submetrics, by name, of one set of figures; where a metric means nothing for the operation, it has none. */
export interface FigureMetrics {
  readonly latency: string;
  readonly ttfb: string;
  readonly errorLatency: string;
  readonly errors: ReadonlyArray<readonly [errorClass: (typeof ERROR_CLASSES)[number], name: string]>;
  readonly bytes: string;
  readonly retries: string;
  readonly redirected: string;
  readonly objects?: string;
  readonly misses?: string;
  readonly verified?: string;
}

/** The submetrics that one set of figures is read from. */
export function figureMetrics(tags: OpTags, missesExpected: boolean, verified = false): FigureMetrics {
  return {
    latency: submetric(OP_DURATION, tags),
    ttfb: submetric(TTFB, succeeded(tags)),
    errorLatency: submetric(ERROR_DURATION, tags),
    errors: ERROR_CLASSES.map((errorClass) => [errorClass, submetric(ERRORS, { ...tags, class: errorClass })] as const),
    bytes: submetric(BYTES, tags),
    retries: submetric(RETRIES, tags),
    redirected: submetric(REDIRECTED, tags),
    ...(isOfMany(tags.op) ? { objects: submetric(OBJECTS, tags) } : {}),
    ...(missesExpected && mayMiss(tags.op) ? { misses: submetric(MISSES, tags) } : {}),
    ...(verified && rowOf(tags.op).answer?.kind === 'payload' ? { verified: submetric(VERIFIED, tags) } : {}),
  };
}

/** The submetrics of connections that are held for one operation at one endpoint. */
export function connectionMetrics(tags: OpTags & { readonly endpoint: string }) {
  return {
    opened: submetric(CONNECTIONS, { ...tags, outcome: OPENED }),
    ended: ENDS.map((outcome) => [outcome, submetric(CONNECTIONS, { ...tags, outcome })] as const),
    open: submetric(CONNECTIONS_OPEN, tags),
    sent: submetric(CONNECTION_BYTES, { ...tags, direction: 'sent' }),
    received: submetric(CONNECTION_BYTES, { ...tags, direction: 'received' }),
    lifetime: submetric(CONNECTION_LIFETIME, tags),
  };
}

/** The submetrics, built in, of bytes on the connections of a test's VUs, setup's not included. */
export function trafficMetrics({ test }: Pick<Measured, 'test'>) {
  return { received: submetric('data_received', { test }), sent: submetric('data_sent', { test }) };
}

/** The submetrics that the CLI follows while the run goes on. */
export function liveMetrics(tags: OpTags, missesExpected: boolean) {
  const { bytes, objects, misses, latency } = figureMetrics(tags, missesExpected);
  return {
    ops: submetric(REQUESTS, succeeded(tags)),
    errors: submetric(REQUESTS, failed(tags)),
    bytes,
    objects,
    misses,
    latency,
  };
}

/**
 * What `thresholds` must name for k6 to keep it apart: figures by series, total and endpoint, and the counts that the CLI
 * follows. An empty list of expressions is enough, and costs a tag comparison a sample.
 */
export function submetrics(measured: Measured): string[] {
  const { missesExpected, verified } = measured;
  // A single endpoint's figures are the totals; each submetric costs every sample a comparison.
  const endpoints = measured.endpoints.length > 1 ? endpointTags(measured) : [];
  const figures = [...seriesTags(measured), ...totalTags(measured), ...endpoints].flatMap((tags) => {
    const { errors, ...others } = figureMetrics(tags, missesExpected, verified);
    return [...Object.values(others), ...errors.map(([, name]) => name)];
  });
  const live = totalTags(measured).flatMap((tags) => {
    const { ops, errors } = liveMetrics(tags, missesExpected);
    return [ops, errors];
  });
  const held = (measured.holdsConnections ? endpointTags(measured) : []).flatMap((tags) => {
    const { ended, ...others } = connectionMetrics(tags);
    return [...Object.values(others), ...ended.map(([, name]) => name)];
  });
  return [...figures, ...live, ...held, ...Object.values(trafficMetrics(measured))];
}
