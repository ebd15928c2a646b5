/** What a workload file may have done beside reads and writes: sent as it says, by each backend, to a real server. */
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Figures, parseResult, type Result } from '../../lib/result/result';
import { CREATE_BUCKET, GET_OBJECT_LEGAL_HOLD, PUT_OBJECT_LEGAL_HOLD } from '../../lib/s3/commands';
import { legalHoldOf } from '../../lib/s3/configurations';
import { createNodeEngine, type NodeEngine } from '../../runners/bucket/engine';
import { createTransport } from '../../runners/bucket/transport';
import { startRecordingProxy } from '../flaky-proxy';
import { ROOT } from '../k6';
import { CLI, environment, keysIn, newBucket, openStage, Program, partsIn, type Stage } from '../stage';

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage?.stop());

const MIB = 1024 ** 2;

/** What a file comes to. Nothing in it may fail. */
async function resultOf(file: string, backend: string, bucket: string, endpoint?: string): Promise<Result> {
  const home = await stage.home();
  await writeFile(join(home.path, 'w.yaml'), file);
  await mkdir(join(home.data, 'results'), { recursive: true });
  const { server } = stage;
  const where = endpoint === undefined ? server : { ...server, endpoints: [endpoint, endpoint] as const };
  const env = { ...environment(stage, home, where, bucket), S3LOADTEST_BACKEND: backend };
  const { code, stdout, stderr } = await new Program(process.execPath, [CLI, 'run', 'w.yaml', '--json'], env, home.path)
    .ended;
  expect(code, stderr).toBe(0);
  const result = parseResult(stdout);
  expect(
    result.totals.filter(({ errors }) => Object.keys(errors).length > 0),
    JSON.stringify(result.errorSamples),
  ).toEqual([]);
  return result;
}

/** Figures of an op, which must have been done. */
function figuresOf({ totals }: Result, op: string): Figures {
  const figures = totals.find((of) => of.op === op);
  expect(figures?.ops, op).toBeGreaterThan(0);
  return figures as Figures;
}

describe.each(['native', 'http'])('by %s', (backend) => {
  test('an object that is as it was comes without its bytes, and its ETag is asked for once', async () => {
    const file =
      'name: cache\noperations: {PUT: 10, GET_IF_NONE_MATCH: 90}\nobjects: {sizes: [1KB, 4KB]}\nvus: 2\nduration: 3s\n';
    const result = await resultOf(file, backend, await newBucket(stage.site));
    const conditional = figuresOf(result, 'GET_IF_NONE_MATCH');
    expect(conditional.ops).toBeGreaterThan(500);
    expect(conditional.bytes).toBe(0);
    expect(figuresOf(result, 'HEAD').ops).toBeLessThanOrEqual(2 * 100);
  });

  test('parts of objects are read, each of its length', async () => {
    const file =
      'name: parts\noperations: {PUT: 20, GET_PART: 80}\nobjects: {sizes: [1KB, 11MB]}\nvus: 1\nduration: 4s\nsettings: {part-size: 5MB}\n';
    const bucket = await newBucket(stage.site);
    const proxy = await startRecordingProxy(stage.server.endpoints[0]);
    const result = await resultOf(file, backend, bucket, proxy.endpoint);
    proxy.stop();
    figuresOf(result, 'GET_PART');
    const asked = new Set(
      proxy.requests.flatMap((request) => {
        const [, size, part] = /^GET .*\/(\w+)\/parts\/.*\?partNumber=(\d+)$/.exec(request) ?? [];
        return size === undefined ? [] : [`${size} ${part}`];
      }),
    );
    expect([...asked].sort()).toEqual(['11MB 1', '11MB 2', '11MB 3', '1KB 1']);
    const ofLarge = result.series.filter(({ op, size }) => op === 'GET_PART' && size === '11MB');
    const [bytes, ops] = [sumOf(ofLarge, 'bytes'), sumOf(ofLarge, 'ops')];
    expect(bytes % MIB).toBe(0);
    expect(bytes).toBeLessThan(ops * 5 * MIB);
  });

  test('batches are of what the VU itself has written, and leave nothing of it', async () => {
    const bucket = await newBucket(stage.site);
    await resultOf('name: before\noperations: {PUT: 100}\nrate: 20/s\nduration: 1s\n', backend, bucket);
    const before = keysIn(stage.site, bucket).length;
    expect(before).toBeGreaterThan(10);
    // By one VU: where two write and delete in a folder at once, versitygw takes it for an object.
    const file =
      'name: batches\noperations: {PUT: 80, GET: 10, DELETE_OBJECTS: 10}\nbatch: 20\nobjects: {sizes: 1KB}\nvus: 1\nduration: 3s\n';
    const result = await resultOf(file, backend, bucket);
    const { ops: batches, objects: deleted = 0 } = figuresOf(result, 'DELETE_OBJECTS');
    const written = figuresOf(result, 'PUT').ops;
    // All that was written is deleted, but for what came after the last batch.
    expect(deleted).toBeGreaterThan(written - 40);
    expect(deleted).toBeLessThanOrEqual(written);
    expect(deleted / batches).toBeLessThanOrEqual(20);
    expect(keysIn(stage.site, bucket)).toHaveLength(before + written - deleted);
  });
  test('objects are uploaded by forms, and read back', async () => {
    const bucket = await newBucket(stage.site);
    const file =
      'name: forms\noperations: {POST: 50, GET: 50}\nobjects: {sizes: [1KB, 100KB-200KB]}\nvus: 2\nduration: 3s\n' +
      `settings: {verify: ${backend === 'native'}, header: 'x-amz-meta-by: forms'}\n`;
    const result = await resultOf(file, backend, bucket);
    const { ops } = figuresOf(result, 'POST');
    expect(figuresOf(result, 'GET').bytes).toBeGreaterThan(0);
    expect(
      result.series.filter(({ op, size }) => op === 'POST' && size === '1KB').every((of) => of.bytes === of.ops * 1024),
    ).toBe(true);
    expect(keysIn(stage.site, bucket).length).toBeGreaterThanOrEqual(ops);
    expect(keysIn(stage.site, bucket).length).toBeLessThanOrEqual(ops + 2);
  });

  test('objects are made in parts, whatever their size, and copied in parts', async () => {
    const bucket = await newBucket(stage.site);
    const proxy = await startRecordingProxy(stage.server.endpoints[0]);
    const file =
      'name: parted\noperations: {MULTIPART: 40, MULTIPART_COPY: 20, COPY: 20, GET: 20}\nobjects: {sizes: [1KB, 11MB]}\nvus: 1\nduration: 5s\n' +
      `settings: {part-size: 5MB, part-concurrency: 2, verify: ${backend === 'native'}}\n`;
    const result = await resultOf(file, backend, bucket, proxy.endpoint);
    proxy.stop();
    const written = result.series.filter(({ op }) => op === 'MULTIPART');
    const large = sumOf(
      written.filter(({ size }) => size === '11MB'),
      'ops',
    );
    const small = sumOf(written, 'ops') - large;
    expect(sumOf(written, 'bytes')).toBe(large * 11 * MIB + small * 1024);
    expect(figuresOf(result, 'MULTIPART_COPY').bytes).toBe(0);
    figuresOf(result, 'GET');
    const count = (pattern: RegExp) => proxy.requests.filter((request) => pattern.test(request)).length;
    const copies = figuresOf(result, 'MULTIPART_COPY').ops;
    // What the end of the run broke off is no operation.
    expect(count(/^POST .*\?uploads/) - large - small - copies).toBeLessThanOrEqual(1);
    expect(count(/^PUT .*\/11MB\/.*partNumber=3/)).toBeGreaterThan(0);
    expect(count(/^PUT .*\/1KB\/.*partNumber=2/)).toBe(0);
    expect(partsIn(stage.site, bucket)).toEqual([]);
  });
  describe('locks', () => {
    const FILE =
      'name: locks\nbucket: {mayLock: true}\nobjects: {sizes: 1KB}\nvus: 2\n' +
      'operations: {PUT: 40, PUT_OBJECT_LEGAL_HOLD: 30, GET_OBJECT_LEGAL_HOLD: 20, GET_OBJECT_RETENTION: 10}\n';

    test('what is held is let go, and no object stays held', async () => {
      const { bucket, call } = await lockBucket();
      const result = await resultOf(`${FILE}duration: 3s\n`, backend, bucket);
      const { ops } = figuresOf(result, 'PUT_OBJECT_LEGAL_HOLD');
      expect(ops % 2).toBe(0);
      expect(ops).toBeGreaterThan(figuresOf(result, 'PUT').ops);
      figuresOf(result, 'GET_OBJECT_LEGAL_HOLD');
      figuresOf(result, 'GET_OBJECT_RETENTION');
      expect(await heldIn(bucket, call)).toEqual([]);
    });

    test('cleanup deletes what is locked when it is told to', async () => {
      const { bucket, call } = await lockBucket();
      const file =
        'name: locks\nbucket: {mayLock: true}\nobjects: {sizes: 1KB}\nrate: 20/s\noperations: {PUT: 50, PUT_OBJECT_RETENTION: 50}\nduration: 2s\n';
      await resultOf(file, backend, bucket);
      const keys = keysIn(stage.site, bucket);
      const [held = ''] = keys;
      expect((await call(PUT_OBJECT_LEGAL_HOLD)(held, legalHoldOf(true))).failure).toBeUndefined();
      const refused = await cleanup(bucket);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(/not deleted, \w+: .*; --unlock deletes what is locked/);
      expect(keysIn(stage.site, bucket)).toContain(held);
      const { code, stderr } = await cleanup(bucket, '--unlock');
      expect(code, stderr).toBe(0);
      expect(keysIn(stage.site, bucket)).toEqual([]);
    });
  });
});

test('a run that is interrupted lets go of what it holds, by native', async () => {
  const { bucket, call } = await lockBucket();
  const home = await stage.home();
  const file =
    'name: locks\nbucket: {mayLock: true}\nobjects: {sizes: 1KB}\nvus: 8\noperations: {PUT: 10, PUT_OBJECT_LEGAL_HOLD: 90}\nduration: 1m\n';
  await writeFile(join(home.path, 'w.yaml'), file);
  await mkdir(join(home.data, 'results'), { recursive: true });
  const env = { ...environment(stage, home, stage.server, bucket), S3LOADTEST_BACKEND: 'native' };
  const program = new Program(process.execPath, [CLI, 'run', 'w.yaml'], env, home.path);
  await expect.poll(() => keysIn(stage.site, bucket).length, { timeout: 20_000 }).toBeGreaterThan(20);
  program.kill('SIGINT');
  await program.ended;
  expect(await heldIn(bucket, call)).toEqual([]);
});

test.each(['media-cache', 'browser-uploads'])('the example %s does all that it says', async (name) => {
  const file = readFileSync(join(ROOT, 'data', 'workloads', `${name}.yaml`), 'utf8');
  const result = await resultOf(`${file}vus: 1\nduration: 6s\n`, 'native', await newBucket(stage.site));
  const [, operations = ''] = /^operations: \{(.*)\}/m.exec(file) ?? [];
  const ops = [...operations.matchAll(/\w+(?=:)/g)].map(([op]) => op);
  expect(ops.length).toBeGreaterThan(3);
  for (const op of ops) figuresOf(result, op);
});

/** A bucket with locks, and calls of this machine's own on it. */
async function lockBucket() {
  const { server } = stage;
  const bucket = `locks-${++locked}`;
  const options = { ...server, bucket, addressing: 'path', credentials: server, timeout: 5_000, attempts: 3 } as const;
  const engine = createNodeEngine({ ...options, leavesSigning: false }, createTransport(false, 8));
  const made = await engine.compile(CREATE_BUCKET)('', '', { headers: { 'x-amz-bucket-object-lock-enabled': 'true' } });
  expect(made.failure).toBeUndefined();
  return { bucket, call: engine.compile };
}
let locked = 0;

/** Keys of objects with a legal hold. */
async function heldIn(bucket: string, call: NodeEngine['compile']): Promise<string[]> {
  const row = { ...GET_OBJECT_LEGAL_HOLD, answer: { kind: 'xml', texts: ['Status'] } } as const;
  const statuses = await Promise.all(
    keysIn(stage.site, bucket).map(async (key) => [key, await call(row)(key)] as const),
  );
  return statuses.flatMap(([key, { failure, found }]) => {
    expect(failure).toBeUndefined();
    return found?.texts.Status === 'ON' ? [key] : [];
  });
}

async function cleanup(bucket: string, ...more: string[]) {
  const home = await stage.home();
  const args = [CLI, 'cleanup', '--yes', ...more];
  return new Program(process.execPath, args, environment(stage, home, stage.server, bucket), home.path).ended;
}

function sumOf(series: Result['series'], figure: 'ops' | 'bytes'): number {
  return series.reduce((sum, of) => sum + of[figure], 0);
}
