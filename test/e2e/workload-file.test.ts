/** Workload files: what they say is what is sent, by the CLI and by k6 alone, and what is wrong with them is told. */
import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorCount, parseResult, type Result, sum } from '../../lib/result/result';
import { startBusyProxy, startRecordingProxy } from '../flaky-proxy';
import { ROOT } from '../k6';
import { RGW_COMMANDS, startRgw } from '../rgw';
import { makeCertificates, missing, type Server, temporaryFolder } from '../servers';
import { CLI, environment, newBucket, notRun, openStage, Program, type Stage, works } from '../stage';

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage?.stop());

/** A program on a bucket, beside a workload file w.yaml. */
async function start(file: string, backend: string, program: readonly string[], bucket?: string, server?: Server) {
  const home = await stage.home();
  await writeFile(join(home.path, 'w.yaml'), file);
  await mkdir(join(home.data, 'results'), { recursive: true });
  const env = environment(stage, home, server ?? stage.server, bucket ?? (await newBucket(stage.site)));
  const [path = '', ...args] = program;
  return new Program(path, args, { ...env, S3LOADTEST_BACKEND: backend }, home.path);
}

/** k6 with nothing of the CLI. */
const byHand = () => {
  const script = join(ROOT, 'build', 'workload.js');
  return [stage.k6, 'run', '--quiet', '-e', 'S3LOADTEST_WORKLOAD=w.yaml', script];
};
const cli = (...args: string[]) => [process.execPath, CLI, ...args];

/** Operations and failures by op, as shares of all in percent. */
function sharesOf({ totals }: Result): Record<string, number> {
  const { ops, errors } = sum(totals);
  const all = ops + errors;
  return Object.fromEntries(totals.map((figures) => [figures.op, ((figures.ops + errorCount(figures)) * 100) / all]));
}

const APPLICATION = `name: web
access: {read: 50, data: 83}
objects: {sizes: [1KB, 4KB]}
unique: {acls: 5, policies: 4, lifecycles: 3}
vus: 8
`;

test.each(['native', 'http'])('each share is met within a point, by %s', async (backend) => {
  // Shares are exact over the 2,000 cards of a VU's deck: two VUs go through some on any machine.
  const load = ['--concurrency', '2', '--duration', '12s'];
  const program = await start(APPLICATION, backend, cli('run', 'w.yaml', ...load, '--json'));
  const { stdout } = await program.ended;
  const result = parseResult(stdout);
  const { ops, errors } = sum(result.totals);
  expect(ops + errors).toBeGreaterThan(5_000);
  const { GET = 0, PUT = 0, ...metadata } = sharesOf(result);
  expect(Math.abs(GET - 41.5)).toBeLessThan(1);
  expect(Math.abs(PUT - 41.5)).toBeLessThan(1);
  expect(Object.keys(metadata)).toHaveLength(8);
  for (const share of Object.values(metadata)) expect(Math.abs(share - 17 / 8)).toBeLessThan(1);
  // What versitygw has no answer to is told by its name, and not as an overload.
  const classes = new Set(result.totals.flatMap((figures) => Object.keys(figures.errors)));
  expect([...classes].filter((name) => name !== 'unsupported')).toEqual([]);
});

const lacking = await missing(RGW_COMMANDS);
if (lacking.length > 0) notRun('every command at a store that has it', lacking.join(', '));

describe.runIf(lacking.length === 0)('at Ceph RGW', () => {
  let rgw: Awaited<ReturnType<typeof startRgw>>;
  beforeAll(async () => {
    const folder = await temporaryFolder();
    rgw = await startRgw(folder, await makeCertificates(folder));
  }, 120_000);
  afterAll(() => rgw?.stop());

  test.each(['native', 'http'])('all commands of the seed’s example succeed, by %s', async (backend) => {
    // By one VU: of two that change lifecycle rules at once, it answers one with 500.
    const file = `${APPLICATION}bucket: {mayChange: true}\n`;
    const args = cli('run', 'w.yaml', '--concurrency', '1', '--duration', '6s', '--create-bucket', '--json');
    const { code, stdout, stderr } = await (await start(file, backend, args, `all-${backend}`, rgw.plain)).ended;
    expect(code, stderr).toBe(0);
    const { totals } = parseResult(stdout);
    expect(sum(totals).errors).toBe(0);
    expect(totals.filter(({ ops }) => ops > 0)).toHaveLength(13);
  });
});

const LOADS = `name: two
objects: {sizes: [1KB, 4KB]}
duration: 4s
loads:
  - {name: writers, operations: {PUT: 90, COPY: 10}, vus: 2, duration: 2s}
  - {name: readers, rate: 100/s, vus: 8, after: writers, operations: {GET: 50, HEAD: 20, GET_OBJECT_TAGGING: 15, PUT_OBJECT_TAGGING: 15}}
`;

test.each(['native', 'http'])('loads one after the other, each with its own, by %s', async (backend) => {
  const bucket = await newBucket(stage.site);
  const run = async () => (await start(LOADS, backend, cli('run', 'w.yaml', '--json'), bucket)).ended;
  // The second has something to read from the start.
  await run();
  const { code, stdout, stderr } = await run();
  expect(code, stderr).toBe(0);
  const { series, totals } = parseResult(stdout);
  const opsOf = (phase: string) => {
    const ops: Record<string, number> = {};
    for (const of of series) if (of.phase === phase) ops[of.op] = (ops[of.op] ?? 0) + of.ops;
    return ops;
  };
  const { GET = 0, HEAD = 0, ...tagging } = opsOf('readers');
  // k6 may leave out the operation that is due at the very end of stages.
  expect(Math.abs(GET + HEAD + sum(totals.filter(({ op }) => op in tagging)).ops - 200)).toBeLessThanOrEqual(2);
  expect(Math.abs(GET - 100)).toBeLessThanOrEqual(6);
  expect(Math.abs(HEAD - 40)).toBeLessThanOrEqual(6);
  const { PUT = 0, COPY = 0 } = opsOf('writers');
  expect(Math.abs(COPY / (PUT + COPY) - 0.1)).toBeLessThan(0.02);
});

test('by k6 alone, with the file named', async () => {
  const { code, stdout, stderr } = await (await start(LOADS, 'http', byHand())).ended;
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^FINAL: ops=.*errors=0/m);
});

describe.each(['native', 'http'])('answers that are errors, by %s', (backend) => {
  const FILE = 'name: busy\noperations: {PUT: 100}\nobjects: {sizes: 1KB}\nvus: 2\nduration: 3s\n';
  const RETRIES = 'responses: {retries: 2, retryDelay: 200ms}\n';

  test.each([
    { refusals: 2, succeeds: true },
    { refusals: 3, succeeds: false },
  ])('503 is repeated as often and as late as the file says: $refusals of them', async ({ refusals, succeeds }) => {
    const proxy = await startBusyProxy(stage.server.endpoints[0], refusals);
    const { server } = stage;
    const through = { ...server, endpoints: [proxy.endpoint, proxy.endpoint] } as const;
    const args = cli('run', 'w.yaml', '--no-check', '--threshold', 'http_req_failed:rate<=1', '--json');
    const { stdout } = await (await start(`${FILE}${RETRIES}`, backend, args, undefined, through)).ended;
    proxy.stop();
    const [put] = parseResult(stdout).totals;
    const all = [...proxy.times.values()];
    // The end of the run may cut the last of each VU short.
    const whole = all.filter((times) => times.length === 3).length;
    expect(whole).toBeGreaterThanOrEqual(all.length - 2);
    expect(put?.ops).toBe(succeeds ? whole : 0);
    expect(put?.errors).toEqual({ throttled: all.reduce((sum, times) => sum + Math.min(times.length, refusals), 0) });
    const waits = all.flatMap((times) => times.slice(1).map((time, i) => time - (times[i] as number)));
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(199);
    expect(Math.max(...waits)).toBeLessThan(500);
  });

  test('a VU ends with the first of them, where they are not to be ignored', async () => {
    const file = `${FILE.replace('{PUT: 100}', '{PUT: 90, GET_BUCKET_LIFECYCLE: 10}')}responses: {ignoreErrors: false}\n`;
    const { stdout, stderr } = await (await start(file, backend, cli('run', 'w.yaml', '--json'))).ended;
    const { totals, run } = parseResult(stdout);
    expect(stderr.match(/a VU ends: GET_BUCKET_LIFECYCLE 501 NotImplemented/g)).toHaveLength(2);
    expect(sum(totals).errors).toBe(2);
    expect(sum(totals).ops).toBeLessThan(2_000);
    expect(run.durationMs).toBeGreaterThan(2_900);
  });
});

test('where there is no older version, the current one is read', async () => {
  const file = 'name: old\noperations: {PUT: 50, GET: 50}\nolderVersions: 100\nobjects: {sizes: 1KB}\nduration: 2s\n';
  const { code, stdout, stderr } = await (await start(file, 'native', cli('run', 'w.yaml', '--json'))).ended;
  expect(code, stderr).toBe(0);
  const { totals } = parseResult(stdout);
  expect(sum(totals).errors).toBe(0);
  const opsOf = (name: string) => totals.find(({ op }) => op === name)?.ops;
  expect(opsOf('GET')).toBe(opsOf('LIST_VERSIONS'));
});

/** Keys of the layout, each with two versions that are not current. */
const KEYS = Array.from({ length: 6 }, (_, i) => `loadtest/w0/1KB/firehose/17000000000000${10 + i}/obj-${i}`);
const hasBoto3 = works('python3', '-c', 'import boto3');
if (!hasBoto3) notRun('reads of older versions', 'python3 with boto3');

test.runIf(hasBoto3).each(['native', 'http'])(
  'older versions are read, and not the current one, by %s',
  async (backend) => {
    const site = await stage.another({ versioning: true });
    const { server } = site;
    const proxy = await startRecordingProxy(server.endpoints[0]);
    const bucket = await newBucket(site);
    const file =
      'name: old\noperations: {GET: 100}\nolderVersions: 50\nobjects: {sizes: 1KB}\nrate: 40/s\nduration: 3s\n';
    const env = {
      ...process.env,
      S3_ENDPOINTS: server.endpoints[0],
      S3_BUCKET: bucket,
      AWS_REGION: server.region,
      AWS_ACCESS_KEY_ID: server.accessKeyId,
      AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
    };
    const input = KEYS.map((key) => `+${key}`).join('\n');
    const { versions } = JSON.parse(
      execFileSync('python3', [join(ROOT, 'test', 'versions.py'), 'fill'], { env, input, encoding: 'utf8' }),
    ) as { versions: [string, string][] };
    const current = new Set(KEYS.map((key) => versions.find(([of]) => of === key)?.[1]));
    const through = { ...server, endpoints: [proxy.endpoint, proxy.endpoint] } as const;
    const { code, stdout, stderr } = await (await start(file, backend, cli('run', 'w.yaml', '--json'), bucket, through))
      .ended;
    proxy.stop();
    expect(code, stderr).toBe(0);
    const read = proxy.requests.flatMap((request) => /^GET .*[?&]versionId=([^&]+)/.exec(request)?.[1] ?? []);
    const { totals } = parseResult(stdout);
    expect(totals.find(({ op }) => op === 'LIST_VERSIONS')?.ops).toBe(read.length);
    expect(Math.abs(read.length - 60)).toBeLessThanOrEqual(6);
    const ofFilled = read.filter((id) => versions.some(([, version]) => version === id));
    expect(ofFilled.length).toBeGreaterThan(20);
    expect(ofFilled.filter((id) => current.has(id))).toEqual([]);
  },
);

describe('what is wrong is told before anything is sent', () => {
  const BROKEN = 'name: web\noperations: {GET: 60, PUTT: 40}\nvus: many\n';

  test.each([
    ['run', cli('run', 'w.yaml')],
    ['check', cli('check', 'w.yaml')],
    ['dist', cli('dist', 'w.yaml', '--workers', '2')],
  ])('%s', async (_, program) => {
    const { code, stderr, stdout } = await (await start(BROKEN, 'http', program)).ended;
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringMatching(/^w\.yaml:2:23: operations\.PUTT is not known: give GET, PUT, /),
      expect.stringMatching(/^w\.yaml:3:6: vus is "many": give a whole number of virtual users/),
    ]);
  });

  test('k6 alone', async () => {
    const { code, stderr } = await (await start(BROKEN, 'http', byHand())).ended;
    expect(code).toBe(108);
    expect(stderr).toMatch(/w\.yaml:3:6: vus is/);
  });

  test.each([
    { args: ['run', 'missing.yaml'], says: /^missing\.yaml can't be read/ },
    { args: ['run', 'w.yaml', 'firehose'], says: /^"w\.yaml firehose": a workload file runs alone/ },
    { args: ['example', 'nothing'], says: /^example "nothing" is not known: give / },
  ])('$args', async ({ args, says }) => {
    const { code, stderr } = await (await start('name: web\noperations: {GET: 100}\n', 'http', cli(...args))).ended;
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(says) });
  });
});

test('check says what a file comes to, and needs no store', async () => {
  const home = await stage.home();
  await writeFile(join(home.path, 'w.yaml'), LOADS);
  const env = { PATH: process.env.PATH, HOME: home.path };
  const { code, stdout, stderr } = await new Program(process.execPath, [CLI, 'check', 'w.yaml'], env, home.path).ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.split('\n').slice(0, 3)).toEqual([
    'w.yaml: two, 2 loads for 4s',
    '  two-writers: 2 VUs for 2s',
    '    PUT 90%, COPY 10%',
  ]);
});
