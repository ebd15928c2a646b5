/** That k6 divides a load by execution segments as runners/run/segments.ts says: asked of k6 itself, and counted. */
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FROM_CLI } from '../../lib/result/protocol';
import { run } from '../../runners/process/child';
import { segmentsOf } from '../../runners/run/segments';
import { getTools } from '../../runners/tools/tools';
import { ROOT } from '../k6';
import { partOf } from '../part-of';
import { temporaryFolder } from '../servers';

let k6: string;
let folder: string;
beforeAll(async () => {
  k6 = (await getTools(['k6'], { env: process.env, root: ROOT, log: console.error })).k6.path;
  folder = await temporaryFolder();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ENV = { PATH: process.env.PATH, HOME: '/nonexistent', K6_AUTO_EXTENSION_RESOLUTION: 'false' };

function script(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('VUs', () => {
  // k6 inspect takes a segment from the script only.
  const SEGMENT = 'executionSegment: __ENV.SEGMENT, executionSegmentSequence: __ENV.SEQUENCE';
  /** Most VUs that the i-th of n processes has. */
  async function mostVus(
    path: string,
    i: number,
    n: number,
    env: Readonly<Record<string, string>> = {},
  ): Promise<number> {
    const { segment, sequence } = segmentsOf(n)[i] as { segment: string; sequence: string };
    const values = Object.entries({ ...env, SEGMENT: segment, SEQUENCE: sequence }).flatMap((e) => ['-e', e.join('=')]);
    const args = ['inspect', '--execution-requirements', ...values, path];
    const { code, stdout, stderr } = await run(k6, args, { env: ENV, timeoutMs: 20_000 });
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout).maxVUs;
  }

  const EXECUTORS = {
    'constant-vus': (n: number) => `{ executor: 'constant-vus', vus: ${n}, duration: '9s' }`,
    'ramping-vus': (n: number) =>
      `{ executor: 'ramping-vus', startVUs: 0, stages: [{ target: ${n}, duration: '9s' }] }`,
    'constant-arrival-rate': (n: number) =>
      `{ executor: 'constant-arrival-rate', rate: 100, duration: '9s', preAllocatedVUs: ${n}, maxVUs: ${n} }`,
    'ramping-arrival-rate': (n: number) =>
      `{ executor: 'ramping-arrival-rate', stages: [{ target: 9, duration: '9s' }], preAllocatedVUs: ${n}, maxVUs: ${n} }`,
  };

  test.each(Object.entries(EXECUTORS))('of %s are divided as reckoned', async (name, executor) => {
    for (const n of [1, 2, 3, 7]) {
      for (const whole of [64, 65]) {
        const path = script(
          `${name}-${whole}.js`,
          `export const options = { ${SEGMENT}, scenarios: { s: ${executor(whole)} } };
          export default () => {};`,
        );
        const parts = await Promise.all(Array.from({ length: n }, (_, i) => mostVus(path, i, n)));
        expect(parts, `${whole} in ${n}`).toEqual(Array.from({ length: n }, (_, i) => partOf(whole, i, n)));
      }
    }
  });

  test('of 200 workers, too', async () => {
    const path = script(
      'many.js',
      `export const options = { ${SEGMENT}, scenarios: { s: ${EXECUTORS['constant-vus'](1_099)} } };
      export default () => {};`,
    );
    for (const i of [0, 98, 99, 199]) expect(await mostVus(path, i, 200)).toBe(partOf(1_099, i, 200));
  });

  test('of the real patterns are for each worker those asked for, whatever the shape', async () => {
    execFileSync(process.execPath, [join(ROOT, 'runners', 'bootstrap.mjs')], { stdio: 'inherit' });
    const path = script(
      'all.js',
      `import { options as own } from '${join(ROOT, 'build', 'all.js')}';
      export const options = { ...own, ${SEGMENT} };
      export { default, setup, handleSummary } from '${join(ROOT, 'build', 'all.js')}';`,
    );
    const settings = {
      [FROM_CLI.present]: '1',
      S3LOADTEST_BACKEND: 'http',
      S3_ENDPOINTS: 'http://127.0.0.1:1',
      S3_BUCKET: 'bucket',
      AWS_ACCESS_KEY_ID: 'key',
      AWS_SECRET_ACCESS_KEY: 'secret',
    };
    const shapes: Record<string, string>[] = [
      { S3LOADTEST_CONCURRENCY: '37', S3LOADTEST_RAMP: '10s' },
      { S3LOADTEST_CONCURRENCY: '37', S3LOADTEST_RATE: '100' },
      { S3LOADTEST_STAGES: '37:10s,11:10s' },
    ];
    for (const [i, shape] of shapes.entries()) {
      const alone = await mostVus(path, 0, 1, { ...settings, ...shape });
      expect(alone).toBeGreaterThanOrEqual(30);
      expect(await mostVus(path, i, 3, { ...settings, ...shape, [FROM_CLI.workers]: '3' })).toBe(alone);
    }
  });
});

test('operations of a rate, and VUs with their ids, are divided among three k6 processes that run', async () => {
  // Ticks are 100 ms apart, and the end is half way between two of them: no machine is so slow that one is lost there.
  const path = script(
    'run.js',
    `import exec from 'k6/execution';
    export const options = {
      scenarios: {
        constant: { executor: 'constant-arrival-rate', rate: 10, duration: '1950ms', preAllocatedVUs: 6, maxVUs: 6 },
        ramping: { executor: 'ramping-arrival-rate', stages: [{ target: 20, duration: '1950ms' }], preAllocatedVUs: 6 },
        vus: { executor: 'constant-vus', vus: 7, duration: '1950ms' },
      },
      thresholds: { 'iterations{scenario:constant}': [], 'iterations{scenario:ramping}': [] },
    };
    const told = new Set();
    export default () => {
      if (exec.scenario.name !== 'vus' || told.has(exec.vu.idInTest)) return new Promise((r) => setTimeout(r, 20));
      told.add(exec.vu.idInTest);
      console.log('vu ' + exec.vu.idInTest);
    };
    export const handleSummary = ({ metrics }) => ({ stdout: JSON.stringify(Object.fromEntries(
      ['constant', 'ramping'].map((name) => [name, metrics['iterations{scenario:' + name + '}'].values.count]))) });`,
  );
  const common = ['run', '--quiet', '--no-usage-report', '--log-format=raw', '--address=', path];
  const counted = async (...more: string[]) => {
    const { code, stdout, stderr } = await run(k6, [...common, ...more], { env: ENV, timeoutMs: 30_000 });
    expect(code, stderr).toBe(0);
    const { constant, ramping } = JSON.parse(stdout) as { constant: number; ramping: number };
    return { constant, ramping, ids: [...stderr.matchAll(/^vu (\d+)$/gm)].map(([, id]) => Number(id)) };
  };
  const whole = await counted();
  const parts = await Promise.all(
    segmentsOf(3).map(({ segment, sequence }) =>
      counted('--execution-segment', segment, '--execution-segment-sequence', sequence),
    ),
  );
  expect(whole.constant).toBeGreaterThanOrEqual(19);
  expect(parts.map(({ constant }) => constant)).toEqual([0, 1, 2].map((i) => partOf(whole.constant, i, 3)));
  expect(whole.ramping).toBe(19);
  expect(parts.map(({ ramping }) => ramping)).toEqual([0, 1, 2].map((i) => partOf(whole.ramping, i, 3)));
  expect(parts.map(({ ids }) => ids.length)).toEqual([3, 2, 2]);
  expect(new Set(parts.flatMap(({ ids }) => ids)).size).toBe(7);
});
