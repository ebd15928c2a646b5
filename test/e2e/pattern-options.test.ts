/** What k6 is asked for by each bundle: its scenarios, and the thresholds that can fail, as `k6 inspect` reads them. */
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FROM_CLI } from '../../lib/result/protocol';
import { run } from '../../runners/process/child';
import { WORKLOAD } from '../../runners/tools/project';
import { ROOT } from '../k6';
import { openStage, type Stage } from '../stage';

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
});

afterAll(async () => {
  await stage?.stop();
});

/** Complete, as the CLI hands them over, so that nothing of this machine is looked at. */
const GIVEN = {
  [FROM_CLI.present]: '1',
  [FROM_CLI.keys]: '',
  [FROM_CLI.extension]: '1',
  S3_ENDPOINTS: 'http://127.0.0.1:9,http://127.0.0.2:9',
  S3_BUCKET: 'bucket',
  AWS_ACCESS_KEY_ID: 'id',
  AWS_SECRET_ACCESS_KEY: 'secret',
  S3LOADTEST_DURATION: '10m',
};

const PATTERNS = readdirSync(join(ROOT, 'scripts'))
  .map((file) => basename(file, '.ts'))
  .filter((name) => name !== WORKLOAD && !name.startsWith('bench-'));

interface Inspected {
  readonly scenarios: Record<
    string,
    Record<string, unknown> & { stages?: Array<{ duration: string; target: number }> }
  >;
  readonly thresholds: Record<string, string[]>;
}

/** The options of a bundle with these settings, as short as they can be told. */
async function inspect(pattern: string, settings: NodeJS.ProcessEnv) {
  const bundle = join(ROOT, 'build', `${pattern}.js`);
  const env = { ...GIVEN, ...settings, K6_AUTO_EXTENSION_RESOLUTION: 'false' };
  const { code, stdout, stderr } = await run(stage.k6, ['inspect', '--include-system-env-vars', bundle], { env });
  expect(code, `${basename(bundle)}: ${stderr}`).toBe(0);
  const { scenarios, thresholds }: Inspected = JSON.parse(stdout);
  const named = Object.entries(scenarios).map(([name, { stages, ...scenario }]) => {
    const given = Object.entries(scenario).filter(([, value]) => value !== null);
    const told = stages?.map(({ duration, target }) => `${duration} to ${target}`);
    return [name, { ...Object.fromEntries(given), ...(told && { stages: told.join(', ') }) }];
  });
  const failing = Object.entries(thresholds).filter(([, expressions]) => expressions.length > 0);
  return {
    scenarios: Object.fromEntries(named),
    submetrics: Object.keys(thresholds).length,
    thresholds: failing.map(([metric, expressions]) => `${metric}: ${expressions.join(', ')}`),
  };
}

const SHORT_BURSTS = { S3LOADTEST_BURST: '1m', S3LOADTEST_PAUSE: '3m' };
/** Stages have their own times. */
const NO_DURATION = { S3LOADTEST_DURATION: '' };

const SETS: ReadonlyArray<readonly [how: string, settings: NodeJS.ProcessEnv]> = [
  ['with nothing but defaults', {}],
  [
    'at a rate that climbs, in short bursts',
    { ...SHORT_BURSTS, S3LOADTEST_RATE: '100', S3LOADTEST_RAMP: '2m', S3LOADTEST_CONCURRENCY: '40' },
  ],
  [
    'in stages of VUs that climb, with thresholds of the user',
    {
      ...SHORT_BURSTS,
      ...NO_DURATION,
      S3LOADTEST_STAGES: '20:2m,80:3m,0:1m',
      S3LOADTEST_RAMP: '30s',
      S3LOADTEST_THRESHOLDS: 'http_req_failed:rate<0.5;http_req_duration{op:GET}:p(99)<50',
    },
  ],
  ['in stages of rates', { ...SHORT_BURSTS, ...NO_DURATION, S3LOADTEST_STAGES: '50/s:2m,200/s:3m' }],
];

describe.each(SETS)('%s', (_, settings) => {
  test.each(PATTERNS)('%s', async (pattern) => {
    expect(await inspect(pattern, settings)).toMatchSnapshot();
  });
});
