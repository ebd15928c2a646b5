/** One Result that has something of everything a report can tell, the same each time. */
import type { Result, Worker } from '../lib/result/result';
import { type MadeSeries, madeResult } from './made-results';

const SIZES = ['1KB', '100KB', '10MB'];

function worker(i: number, more: Partial<Worker> = {}): Worker {
  return {
    id: `w${i}`,
    host: `load-${i + 1}`,
    segment: `${i}/3:${i + 1}/3`,
    clockOffsetMs: [0.3, -1.2, 640][i] ?? 0,
    startSkewMs: [0, 3, 12][i] ?? 0,
    exit: 0,
    vus: 16,
    ops: 6000 - i * 500,
    bytes: 9e9,
    errors: i * 20,
    cpu: { seconds: 60 + i, cores: 1 + i / 10 },
    memory: { peakBytes: 100e6 },
    cores: 8,
    ...more,
  };
}

/** What a server said that takes itself for something else. */
export const HOSTILE =
  '503 SlowDown: <script>alert(1)</script> | "no" & \u001b[31mred\u001b[0m\u0007 =1+1 `x` ]]> (endpoint 10.0.0.2:9000)';

export function richResult(more: Partial<Result> = {}): Result {
  const series: MadeSeries[] = [
    ...SIZES.map((size, i) => ({
      ...{ op: 'GET', size, phase: 'steady', perSecond: 60, median: 4 * 3 ** i, sigma: 0.6 },
      errors: { throttled: 0.004, timeout: 0.002 },
    })),
    ...SIZES.map((size, i) => ({
      ...{ op: 'PUT', size, phase: 'steady', perSecond: 30, median: 9 * 3 ** i, sigma: 0.7 },
    })),
    {
      op: 'PUT',
      size: '1KB',
      phase: 'write-burst',
      perSecond: 40,
      median: 22,
      sigma: 0.8,
      errors: { throttled: 0.02 },
    },
  ];
  const burst = { test: 'spiky', scenario: 'spiky-burst' };
  return madeResult({
    seed: 7,
    seconds: 60,
    vus: 48,
    endpoints: ['10.0.0.1:9000', '10.0.0.2:9000'],
    tests: [
      {
        name: 'spiky',
        series,
        loads: [
          { scenario: 'spiky', vus: 12, share: 0.25 },
          { scenario: 'spiky-burst', vus: 36, share: 0.75 },
        ],
      },
      {
        name: 'delete',
        series: [
          { op: 'LIST', size: 'none', perSecond: 4, median: 60, sigma: 0.3, objects: 1000 },
          { op: 'DELETE_OBJECTS', size: 'none', perSecond: 3, median: 150, sigma: 0.3, objects: 1000, misses: 0.05 },
        ],
      },
    ],
    schedule: [
      { ...burst, phase: 'write-burst', startMs: 10_000, endMs: 20_000 },
      { ...burst, phase: 'read-burst', startMs: 40_000, endMs: 50_000 },
    ],
    shape: (second) => (second < 3 ? 0.4 : 1),
    readable: { objects: 50_000, bytes: 2e11 },
    config: {
      ...{ burst: 10_000, pause: 20_000, prefix: 'loadtest/', region: 'us-east-1', timeout: 60_000, verifySsl: false },
      // Nothing that is secret is ever in a Result; were it there, a report would not show it.
      ...{ secretAccessKey: 'never-to-be-shown', somethingUnknown: 'never-to-be-shown' },
    },
    thresholds: [
      { metric: 'http_req_failed{test:spiky}', expr: 'rate<0.01', ok: true },
      { metric: 'http_req_duration{op:GET}', expr: 'p(99)<50', ok: false },
    ],
    connections: ['GET', 'PUT'].map((op) => ({
      ...{ test: 'spiky', op, endpoint: '10.0.0.1:9000', open: 4000, opened: 4200 },
      ...{ ended: { completed: 3900, reset: 290 }, bytesSent: 12e6, bytesReceived: 4e8 },
    })),
    generator: {
      cpu: { seconds: 190, cores: 3.2, waitSeconds: 1.5 },
      cores: 24,
      memory: { peakBytes: 310e6 },
      machine: { busyCores: 3.9, cores: 24 },
      retries: 31,
      links: [{ name: 'eth0', bitsPerSecond: 25e9, receivedBytes: 90e9, sentBytes: 40e9 }],
      timeline: Array.from({ length: 60 }, (_, i) => ({
        ...{ t: i * 1000, ms: 1000, cores: 3 + (i % 5) / 10, busyCores: 3.5 + (i % 5) / 10, memoryBytes: 300e6 },
      })),
    },
    more: {
      errorSamples: [
        { class: 'throttled', op: 'PUT', message: HOSTILE },
        { class: 'timeout', op: 'GET', message: 'request timed out after 60s (endpoint 10.0.0.1:9000)' },
      ],
      workers: [worker(0), worker(1), worker(2, { exit: 1, lost: { atMs: 41_000, why: 'its connection broke' } })],
      ...more,
    },
  });
}
