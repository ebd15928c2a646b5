/** Runs whose start is cut, and runs that end by themselves. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseResult } from '../../lib/result/result';
import { CLI, environment, keysIn, newBucket, openStage, Program, type Stage, stockK6 } from '../stage';
import { startThrottle, type Throttle } from '../throttle';

let stage: Stage;
let throttle: Throttle;
let other: Throttle;

beforeAll(async () => {
  stage = await openStage();
  throttle = await startThrottle(stage.server.endpoints[0], 60, 'queue');
  other = await startThrottle(stage.server.endpoints[0], 60, 'queue');
});

afterAll(async () => {
  throttle?.stop();
  other?.stop();
  await stage?.stop();
});

async function s3loadtest(args: readonly string[], more: NodeJS.ProcessEnv = {}) {
  const home = await stage.home();
  const bucket = await newBucket(stage.site);
  const env = { ...environment(stage, home, stage.site.server, bucket), ...more };
  const ended = await new Program(process.execPath, [CLI, ...args], env, home.path).ended;
  return { ...ended, bucket };
}

const SMALL = ['firehose', '--size', '1KB', '--concurrency', '2', '--json'];

test('what is cut and what is counted are together what was done', { timeout: 30_000 }, async () => {
  const args = ['run', ...SMALL, '--duration', '4s', '--warmup', '1500ms'];
  const { code, stdout, stderr, bucket } = await s3loadtest(args);
  expect(code, stderr).toBe(0);
  const { run, totals, timeline } = parseResult(stdout);
  const { warmup } = run;
  expect(warmup?.ms).toBeGreaterThanOrEqual(1500);
  expect(warmup?.ms).toBeLessThan(3000);
  const sum = (all: ReadonlyArray<{ op: string; ops: number }>, op?: string) =>
    all.reduce((n, each) => (op === undefined || each.op === op ? n + each.ops : n), 0);
  expect(sum(timeline)).toBe(sum(totals) + (warmup?.ops ?? 0));
  expect(warmup?.ops).toBeGreaterThan(0);
  expect(sum(totals)).toBeGreaterThan(0);
  expect(keysIn(stage.site, bucket)).toHaveLength(sum(timeline, 'PUT'));
  const perSecond = Math.round(sum(totals) / ((run.durationMs - (warmup?.ms ?? 0)) / 1000));
  expect(stderr).toContain(`(${perSecond.toLocaleString('en')}/s)`);
  expect(stderr).toMatch(/^ {2}Warm-up: the first [\d.]+s are cut: [\d,]+ ops/m);
});

test('runs end when they are steady, and well: one here, and one on two workers', { timeout: 120_000 }, async () => {
  const more = { S3_ENDPOINTS: throttle.endpoint };
  const failing = ['--threshold', 'http_req_duration:p(99)<0.001'];
  // Both at once, each through a gate of its own.
  const [one, two] = await Promise.all([
    s3loadtest(['run', ...SMALL, '--until-steady', ...failing], { S3_ENDPOINTS: other.endpoint }),
    s3loadtest(['dist', ...SMALL, '--until-steady', '--workers', '2'], more),
  ]);
  for (const { stdout, stderr, ms } of [one, two]) {
    expect(ms, stderr).toBeLessThan(110_000);
    expect(stderr).toMatch(/^FINAL: .* \(steady: stopped\)$/m);
    const result = parseResult(stdout);
    expect(result).toMatchObject({ interrupted: false, partial: false, run: { endedBy: 'steady' } });
    expect(result.run.durationMs).toBeGreaterThanOrEqual(30_000);
  }
  // k6 has judged thresholds, although a signal ended it.
  expect(one.code, one.stderr).toBe(99);
  expect(parseResult(one.stdout).workers.map(({ exit }) => exit)).toEqual([99]);
  expect(two.code, two.stderr).toBe(0);
  expect(parseResult(two.stdout).workers.map(({ exit }) => exit)).toEqual([0, 0]);
});

test.each([['--warmup', '2s'], ['--until-steady']])('stock k6 can not do %s, and says what can', async (...option) => {
  const k6 = await stockK6(stage, await stage.home());
  const { code, stderr } = await s3loadtest(['run', ...SMALL, ...option], { S3LOADTEST_K6: k6 });
  expect(code).toBe(2);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stderr).toMatch(/^--[a-z-]+ is .*: this k6 has not the project's extension/);
});
