/**
 * bench-unsigned: what k6/http alone does, the yardstick of `npm run bench`: half GET, half PUT of 1 KiB, no signature, no
 * metrics of our own. Runs against the null server only.
 */
import http from 'k6/http';
import type { Options } from 'k6/options';
import { MARKS } from '../lib/result/protocol';

export const options: Options = {
  scenarios: {
    unsigned: {
      executor: 'constant-vus',
      vus: Number(__ENV.S3LOADTEST_CONCURRENCY),
      duration: __ENV.S3LOADTEST_DURATION as string,
    },
  },
  discardResponseBodies: true,
};

const body = new ArrayBuffer(1024);
const params = { tags: { name: 'unsigned' } };
let n = 0;

export default function (): void {
  const url = `${__ENV.S3_ENDPOINTS}/bench/loadtest/w0/1KB/bench/1795255060000000/${__VU}-${n++}`;
  if (n % 2 === 0) http.put(url, body, params);
  else http.get(url, params);
}

export function handleSummary(data: {
  metrics: Record<string, { values: Record<string, number> }>;
  state: { testRunDurationMs: number };
}): Record<string, string> {
  const figures = {
    ops: data.metrics.http_reqs?.values.count ?? 0,
    failed: data.metrics.http_req_failed?.values.passes ?? 0,
    ms: data.state.testRunDurationMs,
  };
  return { stdout: `${MARKS.result}${JSON.stringify(figures)}\n` };
}
