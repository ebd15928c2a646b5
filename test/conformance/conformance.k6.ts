/**
 * The conformance suite inside k6: one VU puts the engine that S3LOADTEST_BACKEND names through the cases of
 * CONFORMANCE_SUITE whose names hold CONFORMANCE_CASES, and prints a line for each. test/conformance/conformance.test.ts starts it and reads them.
 */
import { sleep } from 'k6';
import crypto from 'k6/crypto';
import exec from 'k6/execution';
import type { Options } from 'k6/options';
import { setTimeout } from 'k6/timers';
import { connectBy } from '../../lib/k6/backend';
import { optionsOf } from '../../lib/k6/options';
import { loadConfig } from '../../lib/k6/settings';
import { mix } from '../../lib/k6/steps/mix';
import type { Connect, EngineOptions, EngineSource } from '../../lib/s3/engine';
import { planOf } from '../../lib/workload/plan';
import { s3Of } from '../s3';
import { type Bench, CASE_MARK, CASE_TAG, type CaseLine, REPORT_MARK, WROTE_MARK } from './case';
import { casesOf, type SuiteName, VIRTUAL_DOMAIN } from './suites';

const { config } = loadConfig();
const by = connectBy(config);
if (typeof by === 'string') throw new Error(by);
const connect: Connect = by;
const suite = __ENV.CONFORMANCE_SUITE as SuiteName;

/** What a workload sets in k6: the client relies on some of it, such as that no redirect is followed. */
const asWorkload = optionsOf(
  planOf([{ name: 'conformance', data: { sizes: ['1KB'] }, loads: [{ step: mix({ GET: 1 }) }] }], config, true),
);

export const options: Options = {
  ...asWorkload,
  scenarios: {
    conformance: { executor: 'per-vu-iterations', vus: 1, iterations: 1, maxDuration: '5m', gracefulStop: '0s' },
  },
  thresholds: {},
  hosts: { [`*.${VIRTUAL_DOMAIN}`]: '127.0.0.1' },
};

export default async function runSuite(): Promise<void> {
  const wrote: Record<string, string> = {};
  const only = __ENV.CONFORMANCE_CASES ?? '';
  const cases = casesOf(suite, config.backend).filter(({ name }) => name.includes(only));
  for (const [i, { name, run, missesExpected }] of cases.entries()) {
    const began = Date.now();
    const source = connect({ silent: false, missesExpected: missesExpected ?? false });
    source.begin();
    exec.vu.metrics.tags[CASE_TAG] = name;
    let detail = '';
    try {
      await run(bench(`case-${i}/`, wrote, source));
    } catch (e) {
      detail = e instanceof Error ? (e.stack ?? e.message) : String(e);
    }
    source.flush();
    const line: CaseLine = { name, ok: detail === '', detail, ms: Date.now() - began };
    console.log(CASE_MARK + JSON.stringify(line));
  }
  console.log(WROTE_MARK + JSON.stringify(wrote));
}

function bench(prefix: string, wrote: Record<string, string>, source: EngineSource): Bench {
  const base: EngineOptions = {
    endpoints: config.endpoints,
    bucket: config.bucket,
    addressing: config.addressing,
    region: config.region,
    credentials: config,
    timeout: config.timeout,
    attempts: 5,
    sleep,
    pause: (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000)),
    firstEndpoint: 0,
  };
  const engineWith = (changes: Partial<EngineOptions>) => source.create({ ...base, ...changes });
  const client = (changes: Partial<EngineOptions>) => s3Of(engineWith(changes), changes.region ?? base.region);
  const engine = engineWith({});
  const sha256 = (data: ArrayBuffer) => crypto.sha256(data, 'hex');
  return {
    engine,
    s3: s3Of(engine, base.region),
    options: base,
    engineWith,
    client,
    flush: source.flush,
    key: (name) => prefix + name,
    // k6 refuses to make none.
    random: (bytes) => (bytes === 0 ? new ArrayBuffer(0) : crypto.randomBytes(bytes)),
    bytesOf: (text) => new TextEncoder().encode(text).buffer as ArrayBuffer,
    sha256,
    wrote: (key, content) => {
      wrote[key] = sha256(content);
    },
    removed: (key) => {
      delete wrote[key];
    },
    report: (name, value) => console.log(REPORT_MARK + JSON.stringify({ name, value })),
  };
}
