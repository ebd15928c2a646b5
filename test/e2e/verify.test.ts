/** `--verify` against a store on whose disk objects are altered: what is found, what is said of it, and what is not looked at. */
import { closeSync, copyFileSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseResult } from '../../lib/result/result';
import { missing } from '../servers';
import { CLI, environment, keysIn, newBucket, notRun, openStage, Program, type Stage } from '../stage';

const noGo = await missing(['go']);
if (noGo.length > 0) notRun('verified reads, which take the k6 that Go builds', 'go');

describe.runIf(noGo.length === 0)('--verify', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await openStage();
  });

  afterAll(async () => {
    await stage?.stop();
  });

  /** Runs of `s3loadtest run` on one bucket. */
  async function setting() {
    const bucket = await newBucket(stage.site);
    const run = async (args: readonly string[], more: NodeJS.ProcessEnv = {}) => {
      const home = await stage.home();
      const env = { ...environment(stage, home, stage.server, bucket), ...more };
      const options = ['--json', '--duration', '1s', '--concurrency', '4'];
      const { code, stdout, stderr } = await new Program(
        process.execPath,
        [CLI, 'run', ...args, ...options],
        env,
        home.path,
      ).ended;
      return { code, stderr, result: () => parseResult(stdout) };
    };
    return { bucket, run };
  }

  const pathOf = (bucket: string, key: string) => join(stage.site.buckets, bucket, key);

  test('finds every object as it was written, in parts or at once, by whatever test', async () => {
    const { run } = await setting();
    const wrote = await run(['firehose', 'baseload', '--size', '1B,10KB,11MB', '--verify'], {
      S3LOADTEST_PART_SIZE: '5MB',
    });
    expect(wrote.code, wrote.stderr).toBe(0);
    const read = await run(['heavyread', '--size', '1B,10KB,11MB', '--verify']);
    expect(read.code, read.stderr).toBe(0);
    for (const { result } of [wrote, read]) {
      const { series, warnings } = result();
      const expected = series.map(({ op, size, ops }) => [op, size, op === 'GET' ? ops : undefined]);
      expect(series.map(({ op, size, verified }) => [op, size, verified])).toEqual(expected);
      expect(warnings.map((warning) => warning.code)).not.toContain('not-verified');
    }
    expect(read.stderr).toMatch(/^ {2}Verified: ([\d,]+) of \1 reads$/m);
  });

  test('tells each read of an object that is another now, and fails the run', async () => {
    const { bucket, run } = await setting();
    const seeded = await run(['heavyread', '--size', '100KB', '--seed-objects', '6', '--verify']);
    expect(seeded.code, seeded.stderr).toBe(0);
    const keys = keysIn(stage.site, bucket).sort();
    expect(keys).toHaveLength(6);
    const [flipped = '', replaced = '', other = ''] = keys;
    flip(pathOf(bucket, flipped), 77_777);
    copyFileSync(pathOf(bucket, other), pathOf(bucket, replaced));
    const { code, stderr, result } = await run(['heavyread', '--size', '100KB', '--verify']);
    expect(code, stderr).toBe(99);
    const [{ ops, verified, errors } = { ops: 0, verified: 0, errors: {} }] = result().totals;
    const corrupt = errors.corrupt ?? 0;
    // Two of six, each as likely as any other.
    expect(corrupt / (ops + corrupt)).toBeGreaterThan(0.2);
    expect(corrupt / (ops + corrupt)).toBeLessThan(0.47);
    expect([verified, Object.keys(errors)]).toEqual([ops, ['corrupt']]);
    const message = result().errorSamples[0]?.message ?? '';
    expect(message).toMatch(
      /^200: byte \d+ of 102400 is 0x[0-9a-f]{2}, and 0x[0-9a-f]{2} was written \(loadtest\/w0\//,
    );
    expect(message.includes(flipped) ? message.includes('byte 77777 of') : message.includes(replaced)).toBe(true);
    expect(stderr).toMatch(/^ {2}Threshold failed: s3_errors\{test:heavyread,class:corrupt\} count<1$/m);
    // Nobody finds it who does not look.
    expect((await run(['heavyread', '--size', '100KB'])).code).toBe(0);
  });

  test('takes the content of another backend neither for right nor for wrong', async () => {
    const { run } = await setting();
    const http = { S3LOADTEST_BACKEND: 'http' };
    expect((await run(['heavyread', '--size', '10KB', '--seed-objects', '4'], http)).code).toBe(0);
    const { code, stderr, result } = await run(['heavyread', '--size', '10KB', '--verify']);
    expect(code, stderr).toBe(0);
    expect(result().totals[0]?.errors).toEqual({});
    expect(stderr).toMatch(/^ {2}Verified: 0 of [\d,]+ reads$/m);
    expect(stderr).toMatch(/^ {2}Warning: (\d+) of \1 reads were not verified: /m);
  });

  test('is refused of a backend that can not, in one line', async () => {
    const { run } = await setting();
    const { code, stderr } = await run(['firehose', '--verify'], { S3LOADTEST_BACKEND: 'http' });
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^error: --verify is true: only the native backend knows [^\n]* S3LOADTEST_BACKEND "http": [^\n]*\n$/,
    );
  });
});

function flip(path: string, at: number): void {
  const file = openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, at);
  byte[0] = (byte[0] as number) ^ 1;
  writeSync(file, byte, 0, 1, at);
  closeSync(file);
}
