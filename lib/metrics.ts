/** Names of what is measured, and the k6 submetrics that a Result is read from. Pure; runs in k6 and in Node. */
import { ERROR_CLASSES } from './s3/classify';

/** Own metrics, for what k6's built-in http_req_* can't say. */
export const OP_DURATION = 's3_op_duration';
export const ERROR_DURATION = 's3_error_duration';
export const BYTES = 's3_bytes';
export const RETRIES = 's3_retries';
/** Built in: time to first byte, from the request's end. */
export const TTFB = 'http_req_waiting';
/** Built in: requests, of which the CLI reads running counts. */
export const REQUESTS = 'http_reqs';

/** The size tag of operations on no object: k6 takes no empty tag in a submetric. */
export const NO_SIZE = 'none';

/** What one test measures: which operations, of which sizes, at which endpoints. */
export interface Measured {
  readonly test: string;
  readonly ops: readonly string[];
  readonly sizes: readonly string[];
  readonly endpoints: readonly string[];
}

export type Tags = Readonly<Record<string, string>>;

/** The name of a submetric as k6 writes it: `s3_bytes{test:firehose,op:GET}`. */
export function submetric(metric: string, tags: Tags): string {
  const list = Object.entries(tags).map(([name, value]) => `${name}:${value}`);
  return `${metric}{${list.join(',')}}`;
}

/** The tags of every series of a test, by op and size. */
export function seriesTags({ test, ops, sizes }: Measured): { test: string; op: string; size: string }[] {
  return ops.flatMap((op) => sizes.map((size) => ({ test, op, size })));
}

/** The tags of every total, one an op. */
export function totalTags({ test, ops }: Measured): { test: string; op: string }[] {
  return ops.map((op) => ({ test, op }));
}

/** The tags of every endpoint's figures, one an op. */
export function endpointTags({ test, ops, endpoints }: Measured): { test: string; op: string; endpoint: string }[] {
  return endpoints.flatMap((endpoint) => ops.map((op) => ({ test, op, endpoint })));
}

/** Every submetric that one set of figures is read from. */
function figureSubmetrics(tags: Tags): string[] {
  return [
    submetric(OP_DURATION, tags),
    submetric(TTFB, { ...tags, expected_response: 'true' }),
    submetric(BYTES, tags),
    submetric(ERROR_DURATION, tags),
    ...ERROR_CLASSES.map((errorClass) => submetric(ERROR_DURATION, { ...tags, class: errorClass })),
  ];
}

/**
 * What `thresholds` must name for k6 to keep it apart: figures by series, total and endpoint, and the counts that the CLI
 * follows. An empty list of expressions is enough, and costs a tag comparison a sample.
 */
export function submetrics(measured: Measured): string[] {
  // A single endpoint's figures are the totals; each submetric costs every sample a comparison.
  const endpoints = measured.endpoints.length > 1 ? endpointTags(measured) : [];
  const all: Tags[] = [...seriesTags(measured), ...totalTags(measured), ...endpoints];
  const live = totalTags(measured).flatMap((tags) => [
    submetric(REQUESTS, { ...tags, expected_response: 'true' }),
    submetric(REQUESTS, { ...tags, expected_response: 'false' }),
  ]);
  return [...all.flatMap(figureSubmetrics), ...live];
}
