/** Runs whose limit is known, and what their verdict is. */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseResult, type Result } from '../../lib/result/result';
import { startNullServer } from '../../runners/tools/null-server';
import { missing } from '../servers';
import { CLI, environment, newBucket, notRun, openStage, Program, type Stage } from '../stage';
import { startThrottle } from '../throttle';

const noGo = await missing(['go']);
const noTaskset = await missing(['taskset']);
let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
});

afterAll(async () => {
  await stage?.stop();
});

interface Run {
  readonly result: Result;
  readonly stdout: string;
}

/** Small objects against an endpoint; `k6` where another is to run than the stage's. */
async function run(endpoint: string, args: readonly string[], k6?: string): Promise<Run> {
  const home = await stage.home();
  const env = environment(stage, home, stage.site.server, await newBucket(stage.site));
  const own = { ...env, S3_ENDPOINTS: endpoint, ...(k6 === undefined ? {} : { S3LOADTEST_K6: k6 }) };
  const all = [CLI, 'run', 'firehose', '--size', '1KB', '--duration', '3s', '--json', ...args];
  const { stdout, stderr } = await new Program(process.execPath, all, own, home.path).ended;
  return { result: parseResult(stdout), stdout: stderr };
}

describe('a store behind a proxy that throttles it is the limit', () => {
  test('where it refuses', async () => {
    const throttle = await startThrottle(stage.server.endpoints[0], 50, 'refuse');
    const { result, stdout } = await run(throttle.endpoint, ['--concurrency', '8']);
    throttle.stop();
    expect(result.verdict, stdout).toMatchObject({ limit: 'store' });
    expect(stdout).toMatch(/^Verdict: The store was the limit: it throttled \d+% of the requests \(503 or 429\)\.$/m);
    expect(result.warnings.map(({ code }) => code)).toContain('many-errors');
  });

  test('where it makes wait', async () => {
    const throttle = await startThrottle(stage.server.endpoints[0], 50, 'queue');
    const { result, stdout } = await run(throttle.endpoint, ['--concurrency', '8']);
    throttle.stop();
    expect(result.verdict, stdout).toMatchObject({ limit: 'store' });
    expect(stdout).toMatch(/^Verdict: The store was the limit: VUs waited for it \d+% of their time, while k6 used/m);
  });

  test('where it makes wait and operations come by a rate', async () => {
    const throttle = await startThrottle(stage.server.endpoints[0], 50, 'queue');
    const { result, stdout } = await run(throttle.endpoint, ['--concurrency', '8', '--rate', '200']);
    throttle.stop();
    expect(result.verdict, stdout).toMatchObject({ limit: 'store' });
    expect(stdout).toMatch(/of the operations due could not begin/);
    expect(result.warnings.map(({ code }) => code)).toContain('unmet-demand');
  });
});

test('a rate that is served is the limit of neither', async () => {
  const { result, stdout } = await run(stage.server.endpoints[0], ['--concurrency', '8', '--rate', '10']);
  expect(result.verdict, stdout).toMatchObject({ limit: 'neither' });
});

if (noGo.length === 0) {
  describe('against a server that does no work, the generator is the limit', () => {
    let server: Awaited<ReturnType<typeof startNullServer>>;
    beforeAll(async () => {
      server = await startNullServer(stage.folder);
    });
    afterAll(() => {
      server?.server.kill();
    });

    test('with a VU too few', async () => {
      const { result, stdout } = await run(`http://${server.endpoint}`, ['--concurrency', '1']);
      expect(result.verdict, stdout).toMatchObject({ limit: 'generator' });
      expect(result.warnings.map(({ code }) => code).join()).toMatch(/generator-(?:vus|cpu)/);
    });

    if (noTaskset.length === 0) {
      test('with a core too few', async () => {
        const k6 = join(stage.folder, 'k6-on-one-core');
        await writeFile(k6, `#!/bin/sh\nexec taskset -c 0 ${stage.k6} "$@"\n`);
        await chmod(k6, 0o755);
        const { result, stdout } = await run(`http://${server.endpoint}`, ['--concurrency', '16'], k6);
        expect(result.generator.cores).toBe(1);
        expect(result.verdict, stdout).toMatchObject({ limit: 'generator' });
        expect(result.warnings.map(({ code }) => code)).toContain('generator-cpu');
      });
    } else notRun('the verdict on k6 with one core', 'taskset');
  });
} else notRun('the verdict against the null server', 'Go');
