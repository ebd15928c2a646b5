/** What k6 takes of memory: for a script's VUs, before they do anything. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseResult } from '../../lib/result/result';
import { missing } from '../servers';
import { CLI, environment, newBucket, notRun, openStage, Program, type Stage } from '../stage';

const MB = 1024 ** 2;
const VUS = 400;

const noGo = await missing(['go']);
if (noGo.length > 0) notRun('the memory of the k6 that Go builds', 'go');

describe.runIf(noGo.length === 0)('memory', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await openStage();
  });

  afterAll(async () => {
    await stage?.stop();
  });

  /** Most that k6 took, in bytes, for so many VUs of which one or two work: a rate leaves the others idle. */
  async function peakOf(vus: number): Promise<number> {
    const home = await stage.home();
    const env = environment(stage, home, stage.server, await newBucket(stage.site));
    const load = ['--concurrency', `${vus}`, '--rate', '2', '--size', '10MB', '--duration', '2s'];
    const cli = new Program(process.execPath, [CLI, 'run', 'firehose', ...load, '--json'], env, home.path);
    const { code, stdout, stderr } = await cli.ended;
    expect(code, stderr).toBe(0);
    return parseResult(stdout).generator.memory?.peakBytes ?? Number.NaN;
  }

  test('an idle VU takes 0.27 MB at most, garbage included', async () => {
    const few = await peakOf(2);
    const many = await peakOf(VUS);
    // 0.19 MB were measured; with all of the script in every VU it was more than 1 MB.
    expect((many - few) / (VUS - 2) / MB).toBeLessThan(0.27);
    expect(few / MB).toBeLessThan(90);
  });
});
