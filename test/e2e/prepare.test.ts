/** Workload files with buckets, credentials and objects of their own: prepared, run on, and taken away again. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseResult, sum } from '../../lib/result/result';
import { readPrepared } from '../../lib/workload/prepared';
import { startRecordingProxy } from '../flaky-proxy';
import { command } from '../servers';
import {
  alive,
  CLI,
  environment,
  gone,
  type Home,
  keysIn,
  newBucket,
  openStage,
  Program,
  type Site,
  type Stage,
} from '../stage';

const USERS = { alice: 'alice-secret', bob: 'bob-secret', carol: 'carol-secret', dave: 'dave-secret' };

let stage: Stage;
let site: Site;

beforeAll(async () => {
  stage = await openStage();
  site = await stage.another({ versioning: true, users: USERS });
});
afterAll(() => stage?.stop());

/** Starts the CLI in a home of its own, or one that is there, with these workload files. */
async function home(files: Readonly<Record<string, string>>): Promise<Home> {
  const made = await stage.home();
  for (const [name, text] of Object.entries(files)) await writeFile(join(made.path, name), text);
  return made;
}

async function start(at: Home, args: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<Program> {
  const env = { ...environment(stage, at, site.server, await newBucket(site)), ...more };
  return new Program(process.execPath, [CLI, ...args], env, at.path);
}

const cli = async (...start_: Parameters<typeof start>) => (await start(...start_)).ended;

const bucketsNow = (prefix: string) =>
  readdirSync(site.buckets)
    .filter((name) => name.startsWith(prefix))
    .sort();
const manifestIn = ({ data }: Home, name: string) => join(data, 'prepared', `${name}.json`);
const cleanUp = (at: Home, name: string) => cli(at, ['cleanup', '--yes', '--prepared', manifestIn(at, name)]);

describe.each(['native', 'http'])('by %s', (backend) => {
  const by = { S3LOADTEST_BACKEND: backend };

  test('new buckets and objects are prepared, read in all buckets, replaced, and gone after cleanup', async () => {
    const prefix = `n${backend}-`;
    const file = `name: shop
operations: {GET: 60, PUT: 40}
olderVersions: 50
objects: {sizes: {1KB: 3, 4KB: 1}, count: 30, overwrite: true, names: {prefix: item-, postfix: .bin}}
buckets: {new: 3, prefix: ${prefix}, postfix: -x, unique: true, versioning: true}
prepare: {workers: 4}
vus: 2
duration: 4s
`;
    const at = await home({ 'w.yaml': file });
    const early = await cli(at, ['run', 'w.yaml'], by);
    expect(early.code).toBe(2);
    expect(early.stderr.trim()).toMatch(
      /^w\.yaml: what it needs is not there .*: run `s3loadtest prepare w\.yaml` first$/,
    );
    const prepared = await cli(at, ['prepare', 'w.yaml'], by);
    expect(prepared.code, prepared.stderr).toBe(0);
    expect(prepared.stdout).toMatch(/prepared: 30 objects in 3 buckets/);
    const buckets = bucketsNow(prefix);
    expect(buckets).toHaveLength(3);
    for (const name of buckets) expect(name).toMatch(new RegExp(`^${prefix}[123]-[0-9a-f]{8}-x$`));
    const items = buckets.map((name) => keysIn(site, name).filter((key) => key.includes('/item-obj-')));
    expect(items.map((keys) => keys.length)).toEqual([10, 10, 10]);
    const { code, stdout, stderr } = await cli(at, ['run', 'w.yaml', '--json'], by);
    expect(code, stderr).toBe(0);
    const result = parseResult(stdout);
    const { totals } = result;
    expect(sum(totals).errors).toBe(0);
    expect(result.run.readable?.objects).toBe(30);
    const ops = Object.fromEntries(totals.map((total) => [total.op, total.ops]));
    expect(ops.PUT).toBeGreaterThan(20);
    // PUT replaces what is there: no key is new, and older versions are read.
    expect(buckets.map((name) => keysIn(site, name).filter((key) => key.includes('/item-obj-')).length)).toEqual([
      10, 10, 10,
    ]);
    for (const name of buckets) {
      const versions = readdirSync(join(site.buckets, '..', 'versions', name), { recursive: true });
      expect(versions.length).toBeGreaterThan(3);
    }
    expect(Math.abs((ops.LIST_VERSIONS ?? 0) - (ops.GET ?? 0) / 2)).toBeLessThan(0.02 * (ops.GET ?? 0) + 2);
    const cleaned = await cleanUp(at, 'shop');
    expect(cleaned.code, cleaned.stderr).toBe(0);
    expect(bucketsNow(prefix)).toEqual([]);
    expect(existsSync(manifestIn(at, 'shop'))).toBe(false);
  });

  test('each VU asks as one profile, in the buckets that it owns', async () => {
    const prefix = `u${backend}-`;
    const file = `name: users
credentials: [${Object.keys(USERS).join()}]
operations: {GET: 50, PUT: 30, DELETE: 20}
objects: {sizes: 1KB, count: 40}
buckets: {new: 1, prefix: ${prefix}}
prepare: {workers: 2}
vus: 4
duration: 3s
`;
    const at = await home({
      'w.yaml': file,
      aws: Object.entries(USERS)
        .map(([name, secret]) => `[${name}]\naws_access_key_id=${name}\naws_secret_access_key=${secret}\n`)
        .join(''),
    });
    const profiles = { ...by, AWS_SHARED_CREDENTIALS_FILE: join(at.path, 'aws'), AWS_CONFIG_FILE: '/dev/null' };
    const none = { ...profiles, AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined };
    const prepared = await cli(at, ['prepare', 'w.yaml'], none);
    expect(prepared.code, prepared.stderr).toBe(0);
    const { code, stdout, stderr } = await cli(at, ['run', 'w.yaml', '--json'], none);
    expect(code, stderr).toBe(0);
    expect(sum(parseResult(stdout).totals).errors).toBe(0);
    // As versitygw keeps owners apart, nothing of this could be done by another's credentials.
    for (const name of bucketsNow(prefix)) {
      expect(keysIn(site, name).filter((key) => key.includes('/w0/')).length).toBeGreaterThan(3);
    }
    for (const secret of Object.values(USERS)) {
      await expect(command('grep', '-r', secret, at.data)).rejects.toThrow();
      for (const said of [stdout, stderr, prepared.stdout, prepared.stderr]) expect(said).not.toContain(secret);
    }
    const cleaned = await cli(at, ['cleanup', '--yes', '--prepared', manifestIn(at, 'users')], none);
    expect(cleaned.code, cleaned.stderr).toBe(0);
    expect(bucketsNow(prefix)).toEqual([]);
  });

  test('temporary and dedicated objects are gone when the run is over, and so are buckets of VUs', async () => {
    const prefix = `t${backend}-`;
    const file = `name: temps
operations: {GET: 60, PUT: 30, HEAD: 10}
objects: {sizes: [1KB, 1KB-8KB], count: 20, dedicated: true}
buckets: {new: 1, prefix: ${prefix}}
temporary: {create: 6, lifetime: 500ms, share: 40, operations: {GET: 50, HEAD: 50}}
vus: 3
duration: 6s
`;
    const at = await home({ 'w.yaml': file });
    expect((await cli(at, ['prepare', 'w.yaml'], by)).code).toBe(0);
    const proxy = await startRecordingProxy(site.server.endpoints[0]);
    const { code, stdout, stderr } = await cli(at, ['run', 'w.yaml', '--json'], {
      ...by,
      S3_ENDPOINTS: proxy.endpoint,
    });
    proxy.stop();
    expect(code, stderr).toBe(0);
    const ops = Object.fromEntries(parseResult(stdout).totals.map((total) => [total.op, total.ops]));
    const of = (pattern: RegExp) => proxy.requests.filter((request) => pattern.test(request));
    const written = of(new RegExp(`^PUT /${prefix}t-\\w+-w0-\\d/\\S+/temps-temporary/`));
    const deleted = of(new RegExp(`^DELETE /${prefix}t-\\w+-w0-\\d/\\S+/temps-temporary/`));
    expect(written.length).toBeGreaterThanOrEqual(18);
    expect(new Set(written).size).toBe(written.length);
    expect(deleted).toHaveLength(written.length);
    expect(ops.DELETE).toBe(deleted.length);
    // Of all operations on the temporary ones, those that are due: HEAD and GET alike.
    const on = (method: string) => of(new RegExp(`^${method} \\S+/temps-temporary/`)).length;
    expect(Math.abs(on('GET') - on('HEAD'))).toBeLessThanOrEqual(6);
    // HEADs of the load itself are of each VU's own object, and of no other.
    const heads = of(/^HEAD \S+\/temps(-dedicated)?\//);
    expect(heads.length).toBeGreaterThan(10);
    expect(heads.every((request) => request.includes('/temps-dedicated/'))).toBe(true);
    expect(new Set(heads).size).toBe(3);
    expect(bucketsNow(prefix)).toEqual([`${prefix}1`]);
    expect(keysIn(site, `${prefix}1`).filter((key) => /temporary|dedicated/.test(key))).toEqual([]);
    expect((await cleanUp(at, 'temps')).code).toBe(0);
    expect(bucketsNow(prefix)).toEqual([]);
  });
});

const SLOW = `name: long
operations: {GET: 100}
objects: {sizes: 1KB, count: 1200}
buckets: {new: 2, prefix: r-}
prepare: {workers: 2}
vus: 2
duration: 2s
`;

test('what was interrupted or killed goes on with what is missing, on several workers too', async () => {
  const at = await home({ 'w.yaml': SLOW });
  const first = await start(at, ['prepare', 'w.yaml']);
  await first.says(/prepare-long: 2 VUs for 1,200 operations/);
  for (let n = 0; n < 200 && written('r-') < 20; n++) await new Promise((resolve) => setTimeout(resolve, 20));
  first.kill('SIGINT');
  const stopped = await first.ended;
  expect(stopped.code).toBe(1);
  expect(stopped.stderr).toMatch(/of 1,200 objects are missing: the same command goes on with them/);
  const early = await cli(at, ['run', 'w.yaml']);
  expect(early.stderr).toMatch(/not all of it is there yet: run `s3loadtest prepare w\.yaml`, which goes on with it/);
  const second = await start(at, ['prepare', 'w.yaml']);
  await second.says(/objects are there already/);
  await second.says(/prepare-long: 2 VUs for/);
  const k6 = await second.child(/k6 run/);
  second.kill('SIGKILL');
  await second.ended;
  if (alive(k6)) process.kill(k6, 'SIGKILL');
  await gone(k6);
  const third = await cli(at, ['prepare', 'w.yaml', '--workers', '2']);
  expect(third.code, third.stderr).toBe(0);
  expect(third.stdout).toMatch(/prepared: 1,200 objects in 2 buckets/);
  const numbers = bucketsNow('r-').map((name) => {
    const own = keysIn(site, name).flatMap((key) => /\/prepared\/1KB\/long\/\d+\/obj-(\d+)-g1$/.exec(key)?.[1] ?? []);
    return own.map(Number).sort((a, b) => a - b);
  });
  const all = Array.from({ length: 600 }, (_, n) => n);
  expect(numbers).toEqual([all, all]);
  // Again there is nothing to do.
  const again = await cli(at, ['prepare', 'w.yaml']);
  expect([again.code, /^prepared: 1,200/m.test(again.stdout)]).toEqual([0, true]);
  // Several workers read what was prepared, and leave none of it out.
  const dist = await cli(at, ['dist', 'w.yaml', '--workers', '2', '--json']);
  expect(dist.code, dist.stderr).toBe(0);
  expect(sum(parseResult(dist.stdout).totals)).toMatchObject({ errors: 0 });
  // At another store the same names are other buckets.
  const elsewhere = { S3_ENDPOINTS: stage.server.endpoints[0] };
  for (const args of [
    ['prepare', 'w.yaml'],
    ['cleanup', '--yes', '--prepared', manifestIn(at, 'long')],
  ]) {
    const other = await cli(at, args, elsewhere);
    expect([other.code, other.stderr]).toEqual([
      2,
      expect.stringMatching(/long\.json is about http\S+, and S3_ENDPOINTS is http/),
    ]);
  }
  const run = await cli(at, ['run', 'w.yaml'], elsewhere);
  expect([run.code, run.stderr]).toEqual([
    2,
    expect.stringMatching(/"r-1" is not at 127\.0\.0\.1:\d+ \(404 NoSuchBucket/),
  ]);
  // Of another file the manifest is not.
  await writeFile(join(at.path, 'w.yaml'), SLOW.replace('count: 1200', 'count: 1300'));
  for (const verb of ['run', 'prepare']) {
    const other = await cli(at, [verb, 'w.yaml']);
    expect([other.code, other.stderr]).toEqual([
      2,
      expect.stringMatching(/it has 1200 objects, and the file 1300: `s3loadtest cleanup --prepared/),
    ]);
  }
  expect((await cleanUp(at, 'long')).code).toBe(0);
  expect(bucketsNow('r-')).toEqual([]);
});

const written = (prefix: string) => bucketsNow(prefix).reduce((n, name) => n + keysIn(site, name).length, 0);

test('a dry run creates nothing', async () => {
  const at = await home({ 'w.yaml': SLOW.replace('prefix: r-', 'prefix: dry-') });
  const { code, stdout, stderr } = await cli(at, ['prepare', 'w.yaml', '--dry-run']);
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/S3LOADTEST_FILLING=/);
  await writeFile(join(at.path, 'w.yaml'), SLOW.replace('prefix: r-', 'prefix: dry-').replace(', count: 1200', ''));
  expect((await cli(at, ['prepare', 'w.yaml', '--dry-run'])).code).toBe(0);
  expect([bucketsNow('dry-'), existsSync(manifestIn(at, 'long'))]).toEqual([[], false]);
});

test('a bucket that was there before is neither taken nor taken away', async () => {
  const at = await home({ 'w.yaml': SLOW.replace('prefix: r-', 'prefix: bucket-').replace('new: 2', 'new: 3') });
  await newBucket(site);
  const { code, stderr } = await cli(at, ['prepare', 'w.yaml']);
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /bucket "bucket-1".* is there already, and was not created by this: give buckets\.prefix another value/,
  );
  expect(existsSync(manifestIn(at, 'long'))).toBe(false);
});

test('in existing buckets cleanup takes what the workload wrote, and leaves what others did', async () => {
  const [one, two] = [await newBucket(site), await newBucket(site)];
  const file = `name: shared
operations: {GET: 50, PUT: 50}
objects: {count: 10}
buckets: {existing: [${one}, ${two}]}
vus: 1
duration: 2s
`;
  const at = await home({ 'w.yaml': file });
  const other = await cli(at, ['run', 'firehose', '--size', '1KB', '--duration', '1s'], { S3_BUCKET: one });
  expect(other.code, other.stderr).toBe(0);
  const before = keysIn(site, one);
  expect((await cli(at, ['prepare', 'w.yaml'])).code).toBe(0);
  const run = await cli(at, ['run', 'w.yaml', '--json']);
  expect(run.code, run.stderr).toBe(0);
  // One VU takes the buckets in turn.
  // Where the file names no size, objects have 1MB.
  const own = [one, two].map((name) => keysIn(site, name).filter((key) => key.includes('/w0/1MB/shared/')).length);
  expect(Math.abs((own[0] as number) - (own[1] as number))).toBeLessThanOrEqual(3);
  expect(readPrepared('m', readFileSync(manifestIn(at, 'shared'), 'utf8')).buckets).toEqual([
    { name: one },
    { name: two },
  ]);
  const cleaned = await cleanUp(at, 'shared');
  expect(cleaned.code, cleaned.stderr).toBe(0);
  expect([keysIn(site, one), keysIn(site, two)]).toEqual([before, []]);
});

test('a run that is ended too soon says what it left, and cleanup takes that', async () => {
  const file = `name: cut
operations: {GET: 50, PUT: 50}
objects: {sizes: 1KB, count: 5, dedicated: true}
buckets: {new: 1, prefix: k-}
temporary: {create: 5, lifetime: 1m, share: 50}
vus: 2
duration: 1m
`;
  const at = await home({ 'w.yaml': file });
  expect((await cli(at, ['prepare', 'w.yaml'])).code).toBe(0);
  const run = await start(at, ['run', 'w.yaml']);
  await run.says(/temporary objects live 60 s, and the run takes 60 s: give it 180 s or more/);
  const ownNow = () => bucketsNow('k-t-').reduce((n, name) => n + keysIn(site, name).length, 0);
  for (let n = 0; n < 500 && ownNow() < 10; n++) await new Promise((resolve) => setTimeout(resolve, 20));
  run.kill('SIGINT');
  const ended = await run.ended;
  expect(ended.code).toBe(1);
  expect(ended.stderr).toMatch(/10 temporary objects are still there: .*cleanup takes them/);
  expect(bucketsNow('k-t-')).toHaveLength(2);
  const cleaned = await cleanUp(at, 'cut');
  expect(cleaned.code, cleaned.stderr).toBe(0);
  expect(bucketsNow('k-')).toEqual([]);
});

test.each([
  [
    ['prepare', 'w.yaml'],
    'name: w\noperations: {GET: 100}\n',
    /^w\.yaml: there is nothing to prepare: it has no objects\.count/,
  ],
  [['cleanup', '--yes', '--prepared', 'none.json'], '', /^--prepared is "none\.json": there is no such file$/],
  [
    ['cleanup', '--yes', '--prepared', 'w.yaml'],
    'a: b',
    /^w\.yaml is no manifest of `s3loadtest prepare`, or a broken one/,
  ],
  [['cleanup', '--yes', '--prepared', 'w.yaml', '--prefix', 'a/'], '', /^--prefix and --prepared are both given/],
  [
    ['cleanup', '--prepared', 'w.yaml'],
    '',
    /^cleanup asks before it deletes, and here is no terminal to ask on: give --yes$/,
  ],
  [
    ['run', 'w.yaml'],
    'name: w\noperations: {GET: 100}\ncredentials: [nobody]\n',
    /^credentials names the profile "nobody", and AWS's provider chain gives no credentials/,
  ],
  [
    ['export', 'k8s', 'w.yaml', '--workers', '2'],
    'name: w\noperations: {GET: 100}\ncredentials: [alice]\n',
    /^credentials of the file names profiles \(alice\), whose keys would be in the cluster/,
  ],
  [
    ['prepare', 'w.yaml', '--prepared', '/proc/none/m.json'],
    SLOW,
    /^\/proc\/none\/m\.json can't be written .*name another/m,
  ],
])('%j says what is wrong', async (args, file, line) => {
  const at = await home({ 'w.yaml': file });
  const { code, stderr } = await cli(at, args, {
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_CONFIG_FILE: '/dev/null',
  });
  expect(stderr.trim()).toMatch(line);
  expect(code).toBe(2);
});
