/** Scripts that are not the project's own: those that CONTRIBUTING.md shows, and one that throws. */
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseResult, type Result } from '../../lib/result/result';
import { bundleForK6 } from '../../runners/bundle.mjs';
import { ROOT } from '../k6';
import { type Ended, environment, newBucket, openStage, Program, type Stage } from '../stage';

let stage: Stage;
/** A copy of what scripts are made of. */
let copy: string;

beforeAll(async () => {
  stage = await openStage();
  copy = join((await stage.home()).path, 'copy');
  await cp(join(ROOT, 'lib'), join(copy, 'lib'), { recursive: true });
  const page = await readFile(join(ROOT, 'CONTRIBUTING.md'), 'utf8');
  for (const [, path = '', text = ''] of page.matchAll(/^```ts\n\/\/ (\S+\.ts)\n([\s\S]*?)^```$/gm))
    await add(path, text);
});

afterAll(async () => {
  await stage?.stop();
});

async function add(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(copy, path)), { recursive: true });
  await writeFile(join(copy, path), text);
}

/** Runs a script of the copy by k6, with the native engine or with http. */
async function runScript(name: string, native: boolean): Promise<Ended & { result: Result | undefined }> {
  await bundleForK6({
    ...{ absWorkingDir: copy, entryPoints: [`scripts/${name}.ts`], outdir: join(copy, 'build') },
    define: { VERSION: '"0"', PATTERNS: '""' },
  });
  const home = await stage.home();
  await mkdir(join(home.path, 'data', 'results'), { recursive: true });
  const env = {
    ...environment(stage, home, stage.server, await newBucket(stage.site)),
    ...{ S3LOADTEST_DURATION: '2s', S3LOADTEST_CONCURRENCY: '4', K6_NO_USAGE_REPORT: 'true' },
    ...{ K6_AUTO_EXTENSION_RESOLUTION: 'false' },
    ...(native ? { S3LOADTEST_EXTENSION: '1', S3LOADTEST_BACKEND: 'native' } : { S3LOADTEST_BACKEND: 'http' }),
    S3LOADTEST_CLI: '1',
  };
  const args = ['run', '--address=127.0.0.1:0', join(copy, 'build', `${name}.js`)];
  const program = new Program(stage.k6, args, env, home.path);
  const late = setTimeout(() => program.kill('SIGKILL'), 60_000);
  const ended = await program.ended;
  clearTimeout(late);
  const line = /^s3loadtest-result (.*)$/m.exec(ended.stdout)?.[1];
  return { ...ended, result: line === undefined ? undefined : parseResult(line) };
}

const opsOf = ({ totals }: Result) => Object.fromEntries(totals.map(({ op, ops }) => [op, ops]));

test.each([true, false])("CONTRIBUTING's workload runs, native: %s", async (native) => {
  const { code, stderr, result } = await runScript('photos', native);
  expect(code, stderr).toBe(0);
  expect(result?.run.loads.map(({ scenario, vus }) => [scenario, vus])).toEqual([
    ['photos', 3],
    ['photos-uploads', 1],
  ]);
  const { GET = 0, PUT = 0 } = opsOf(result as Result);
  expect([GET > 10, PUT > 10, result?.totals.every(({ errors }) => Object.keys(errors).length === 0)]).toEqual([
    true,
    true,
    true,
  ]);
});

test.each([true, false])("CONTRIBUTING's step runs, native: %s", async (native) => {
  const { code, stderr, result } = await runScript('echo', native);
  expect(code, stderr).toBe(0);
  const { HEAD = 0, PUT = 0 } = opsOf(result as Result);
  expect(PUT).toBeGreaterThan(10);
  // Each object is asked for once; the last of each VU may be cut off in between.
  expect(PUT - HEAD).toBeLessThanOrEqual(4);
});

const THROWING = `
import { script } from '../lib/k6/script';
import { PUT } from '../lib/s3/commands';
import type { OperationStep } from '../lib/workload/step';

const step: OperationStep = {
  kind: 'operation',
  commands: [PUT],
  start: () => () => {
    (undefined as unknown as { odd(): void }).odd();
  },
};
const k6 = script([{ name: 'broken', data: { sizes: ['1KB'] }, loads: [{ step }] }]);
export const { options, setup, handleSummary } = k6;
export default k6.run;
`;

test.each([true, false])('a script that throws is shown once and counted, native: %s', async (native) => {
  await add('scripts/broken.ts', THROWING);
  const { code, stderr, result } = await runScript('broken', native);
  // Nothing succeeded: a threshold of every run.
  expect(code).toBe(99);
  const shown = stderr.split('\n').filter((line) => line.includes('script exception'));
  // By stock k6 VUs do not know of each other: once in each.
  expect(shown.length, stderr).toBe(native ? 1 : 4);
  expect(shown[0]).toMatch(/TypeError: .*odd/);
  // k6's own lines are a setup's, a summary's: no flood.
  expect(stderr.split('\n').length).toBeLessThan(30);
  expect(result?.generator.exceptions).toBeGreaterThanOrEqual(4);
  expect(result?.generator.exceptions).toBeLessThan(20);
  expect(result?.warnings.map((warning) => warning.code)).toContain('script-exceptions');
});
