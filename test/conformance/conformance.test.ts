/**
 * Puts the S3 client, inside k6, through the conformance suite: against versitygw and Ceph RGW, plain and with TLS,
 * against servers that misbehave, and with its metrics compared with what came over the wire. boto3 reads back what was
 * written. S3LOADTEST_BACKEND names the clients to test, several separated by commas; S3LOADTEST_JSLIB_URL says where
 * k6-jslib-aws is, which is no part of the project: where it can't be had, that it was not tested is said.
 */
import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as commands from '../../lib/s3/commands';
import { BACKENDS, type Backend } from '../../lib/settings/config';
import { jslibProblem } from '../../runners/run/jslib';
import { getTools } from '../../runners/tools/tools';
import { formFault, opOf, type Seen, signatureFault, startFaultServer, startProxy } from '../fault-server';
import { bundleSuite, ROOT, runSuite, type SuiteRun } from '../k6';
import { RGW_COMMANDS, type Rgw, startRgw } from '../rgw';
import { CREDENTIALS, makeCertificates, missing, type Server, startVersitygw, temporaryFolder } from '../servers';
import { startSigningProxy } from '../signing-proxy';
import { CASE_TAG, type Case } from './case';
import { commandCases } from './commands';
import { notFor } from './differences';
import { type Fault, faults, resetAtOnceCase, type Told, toldOf } from './faults';
import {
  batchesCase,
  everyOperation,
  GONE,
  gapsCase,
  HELD,
  HELD_BATCHES,
  KEY_MARK,
  payloadCase,
  SIZED,
} from './measured';
import { type Fate, ODD_KEYS, oddBucket } from './odd-keys';
import { columnOf, withProofs } from './proof-table';
import { provedBy, provedOps } from './proofs';
import { allCases, casesOf, type SuiteName } from './suites';

const backends = (process.env.S3LOADTEST_BACKEND?.split(',') as Backend[] | undefined) ?? BACKENDS;
const jslibUrl = process.env.S3LOADTEST_JSLIB_URL || undefined;
const noJslib = backends.includes('jslib') ? await jslibProblem(jslibUrl) : undefined;
const noOpenssl = await missing(['openssl']);
const noRgw = [...noOpenssl, ...(await missing(RGW_COMMANDS))];
const noBoto3 = await python('import boto3').then(
  () => [],
  () => ['python3 with boto3'],
);

let folder: string;
let k6: string;
let versitygw: string;
let bundle: string;
const stops: Array<() => unknown> = [];

beforeAll(async () => {
  const tools = await getTools(['k6', 'versitygw'], { env: process.env, root: ROOT, log: console.error });
  [k6, versitygw] = [tools.k6.path, tools.versitygw.path];
  folder = await temporaryFolder();
  bundle = await bundleSuite(folder);
});

afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

/** Does it once, when first asked. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

const certificates = once(async () => makeCertificates(await subfolder()));
const rgw = once(async (): Promise<Rgw> => {
  const started = await startRgw(await subfolder(), await certificates());
  stops.push(started.stop);
  return started;
});
const subfolder = async () => {
  const made = await temporaryFolder();
  stops.push(() => rm(made, { recursive: true, force: true }));
  return made;
};
const gateway = async (options: Omit<Parameters<typeof startVersitygw>[0], 'path' | 'folder'>): Promise<Server> => {
  const started = await startVersitygw({ path: versitygw, folder: await subfolder(), ...options });
  stops.push(started.stop);
  return started;
};

/** Where a backend finds a server: where that is, or a proxy that signs before each of its endpoints. */
async function endpointsFor(backend: Backend, server: Server): Promise<readonly [string, string]> {
  if (backend !== 'proxy') return server.endpoints;
  const [first, second] = await Promise.all(
    server.endpoints.map(async (endpoint) => {
      const proxy = await startSigningProxy({ ...server, endpoints: [endpoint] });
      stops.push(proxy.stop);
      return proxy.endpoint;
    }),
  );
  return [first as string, second as string];
}

interface Target {
  readonly name: string;
  /** Where only some are tested on it: a proxy has its own TLS, and the rest of jslib is k6/http's. */
  readonly backends?: readonly Backend[];
  /** What it takes and this machine lacks. */
  readonly lacks: readonly string[];
  readonly tls: boolean;
  readonly start: () => Promise<Server>;
}

const targets: readonly Target[] = [
  { name: 'versitygw', lacks: [], tls: false, start: once(() => gateway({})) },
  {
    name: 'versitygw with TLS, in another region',
    backends: ['native', 'http'],
    lacks: noOpenssl,
    tls: true,
    start: once(async () => gateway({ tls: await certificates(), region: 'eu-test-1' })),
  },
  {
    name: 'Ceph RGW',
    backends: ['native', 'http', 'jslib'],
    lacks: noRgw,
    tls: false,
    start: async () => (await rgw()).plain,
  },
  {
    name: 'Ceph RGW with TLS',
    backends: ['native', 'http'],
    lacks: noRgw,
    tls: true,
    start: async () => (await rgw()).tls,
  },
];

/** What the docs have a column for each backend of, and what each was seen to have. */
const inDocs = targets.filter(({ tls }) => !tls);
const seen = new Map<string, Readonly<Record<string, string>>>();

/** Says what is not tested here, and why; in CI that is a failure. */
function notRun(what: string, lacks: readonly string[]): void {
  const why = `${what}: not run, for this machine lacks ${lacks.join(', ')}`;
  console.warn(why);
  test.skipIf(process.env.CI !== 'true')(why, () => expect.fail(why));
}

/** One test for each case of a suite that ran. */
function testCases(suite: SuiteName, backend: Backend, run: () => SuiteRun): void {
  const names = casesOf(suite, backend).map(({ name }) => name);
  for (const name of names) {
    test(name, () => {
      const { cases, said } = run();
      const line = cases.get(name);
      if (line === undefined) expect.fail(`k6 did not get to it: ${said}`);
      expect(line.detail).toBe('');
    });
  }
  test(`k6 ended well (${suite})`, () => {
    expect(run().exit, run().said).toBe(0);
    expect([...run().cases.keys()]).toEqual(names);
  });
}

/** Runs a suite against a server, in the bucket of that name. */
async function runOn(server: Server, suite: SuiteName, backend: Backend, bucket: string, more = {}): Promise<SuiteRun> {
  const where = { server, endpoints: await endpointsFor(backend, server), suite, backend, bucket, jslibUrl };
  return runSuite({ k6, bundle, folder, ...where, ...more });
}

test('every row of lib/s3/commands.ts has its case', () => {
  const cased = new Set<unknown>(commandCases.map(({ command }) => command));
  for (const [name, row] of Object.entries(commands)) {
    // What is several calls has proofs.
    if (typeof row === 'object' && 'op' in row && !('calls' in row))
      expect(cased.has(row), `${name} has a case in commands.ts`).toBe(true);
  }
});

test.each(BACKENDS)('what is not for %s are cases that there are', (backend) => {
  for (const { cases } of notFor[backend]) {
    expect(
      allCases.some((name) => cases.test(name)),
      String(cases),
    ).toBe(true);
  }
});

describe.each(backends)('backend %s', (backend) => {
  if (backend === 'jslib' && noJslib !== undefined) {
    // No failure in CI either: it is not ours to have.
    const why = `jslib: not run here, k6-jslib-aws is not to be had (${noJslib}); S3LOADTEST_JSLIB_URL names a copy`;
    console.warn(why);
    test.skip(why, () => {});
    return;
  }
  for (const target of targets) {
    if (target.backends?.includes(backend) === false) continue;
    describe(target.name, () => {
      if (target.lacks.length > 0) notRun(target.name, target.lacks);
      else onServer(target, backend);
    });
  }
  describe('a server that misbehaves', () => misbehaving(backend));
  describe('metrics', () => measured(backend));
});

// Behind all that sees.
test('docs/commands.md says what each server has', async () => {
  const page = join(ROOT, 'docs', 'commands.md');
  const columns = inDocs.flatMap(({ name, backends = BACKENDS }) => backends.map((backend) => columnOf(name, backend)));
  const text = withProofs(await readFile(page, 'utf8'), provedOps, columns, seen);
  await expect(text).toMatchFileSnapshot(page);
});

function onServer({ name, start, tls }: Target, backend: Backend): void {
  const bucket = `conformance-${backend}${tls ? '-tls' : ''}`;
  let server: Server;
  let run: SuiteRun;
  beforeAll(async () => {
    server = await start();
    run = await runOn(server, 'server', backend, bucket, tls ? { verify: true, trust: server.ca } : {});
    if (!tls) seen.set(columnOf(name, backend), provedBy(run.reports));
  });
  testCases('server', backend, () => run);

  if (tls) {
    describe('whose CA is not known', () => {
      let unknown: SuiteRun;
      let unverified: SuiteRun;
      beforeAll(async () => {
        unknown = await runOn(server, 'untrusted', backend, bucket, { verify: true });
        unverified = await runOn(server, 'unverified', backend, `${bucket}-unverified`);
      });
      testCases('untrusted', backend, () => unknown);
      testCases('unverified', backend, () => unverified);
    });
  }

  describe('as boto3 sees it', () => {
    if (noBoto3.length > 0) notRun('reading back with boto3', noBoto3);
    else asBoto3SeesIt(bucket, () => ({ server, run }));
  });
}

/** What test/conformance/readback.py prints. */
interface Boto3 {
  /** sha256 by key. */
  readonly objects: Readonly<Record<string, string>>;
  readonly uploads: readonly string[];
  readonly createExisting: string;
  readonly oddKeys: readonly Fate[];
  readonly oddObjects: Readonly<Record<string, string>>;
  readonly oddObjectsOfBoto3: Readonly<Record<string, string>>;
}

function asBoto3SeesIt(bucket: string, done: () => { server: Server; run: SuiteRun }): void {
  let run: SuiteRun;
  let boto3: Boto3;
  beforeAll(async () => {
    const { server } = done();
    run = done().run;
    const place = { LocationConstraint: server.region };
    const asked = {
      endpoint: server.endpoints[0],
      region: server.region,
      ca: server.ca ?? null,
      bucket,
      oddBucket: oddBucket(bucket),
      ownBucket: `boto3-${bucket}`,
      createBucket: server.region === 'us-east-1' ? {} : { CreateBucketConfiguration: place },
      keys: ODD_KEYS,
    };
    boto3 = JSON.parse(await python(join(ROOT, 'test/conformance/readback.py'), JSON.stringify(asked)));
  });

  test('the bucket holds what was written, and nothing else', () => {
    expect(Object.keys(run.wrote).length).toBeGreaterThan(100);
    expect(boto3.objects).toEqual(run.wrote);
  });
  test('no multipart upload is left', () => {
    expect(boto3.uploads).toEqual([]);
  });
  test('creating a bucket that exists ends the same', () => {
    expect(run.reports.createExisting).toBe(boto3.createExisting);
  });
  test('odd keys fare the same', () => {
    const ours = run.reports.oddKeys as Fate[];
    // A listing that is not well-formed XML, for the key it names, boto3 can't read; this client may.
    const theirs = boto3.oddKeys.map((fate, i) => (fate.listed === null ? { ...fate, listed: ours[i]?.listed } : fate));
    expect(ours).toEqual(theirs);
    // Else the test is about nothing.
    expect(ours.filter(({ put, read, listed }) => put === 'ok' && read === 'same' && listed).length).toBeGreaterThan(
      45,
    );
  });
  test('objects under odd keys are the same', () => {
    expect(boto3.oddObjects).toEqual(boto3.oddObjectsOfBoto3);
  });
}

/** Runs Python code or a file, and gives what it prints. */
function python(what: string, input = ''): Promise<string> {
  const { PATH, HOME } = process.env;
  // What newer versions of boto3 add to a request by themselves, older servers refuse.
  const env = {
    PATH,
    HOME,
    AWS_REQUEST_CHECKSUM_CALCULATION: 'when_required',
    AWS_RESPONSE_CHECKSUM_VALIDATION: 'when_required',
  };
  return new Promise((resolve, reject) => {
    const asked = what.endsWith('.py') ? [what] : ['-c', what];
    const credentials = {
      AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    };
    const options = {
      env: { ...env, ...credentials, AWS_EC2_METADATA_DISABLED: 'true' },
      maxBuffer: 1e8,
      timeout: 100_000,
    };
    const child = execFile('python3', asked, options, (error, stdout) => (error ? reject(error) : resolve(stdout)));
    // It may end without reading what it is given; its exit status tells.
    child.stdin?.on('error', () => {}).end(input);
  });
}

/** One sample of k6's JSON output: https://grafana.com/docs/k6/latest/results-output/real-time/json */
interface Point {
  readonly type: string;
  readonly metric: string;
  readonly data: { readonly value: number; readonly tags: Readonly<Record<string, string>> };
}

/** The samples in k6's JSON output. */
function pointsIn(output: string): Point[] {
  return output
    .split('\n')
    .filter((line) => line.includes('"Point"'))
    .map((line) => JSON.parse(line));
}

/** The sum of numbers by name. */
function sumsBy(named: ReadonlyArray<readonly [name: string, value: number]>): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [name, value] of named) found[name] = (found[name] ?? 0) + value;
  return found;
}

/** The sum of a metric's samples by the values of some tags. */
function sums(points: readonly Point[], metric: string, ...tags: readonly string[]): Record<string, number> {
  const those = points.filter((point) => point.metric === metric);
  return sumsBy(those.map(({ data }) => [tags.map((tag) => data.tags[tag] ?? '').join(' '), data.value]));
}

/** How many samples a metric has, by the values of some tags. */
function samples(points: readonly Point[], metric: string, ...tags: readonly string[]): Record<string, number> {
  const those = points.filter((point) => point.metric === metric);
  return sumsBy(those.map(({ data }) => [tags.map((tag) => data.tags[tag] ?? '').join(' '), 1]));
}

function told(points: readonly Point[]): Told {
  return {
    ops: samples(points, 's3_op_duration')[''] ?? 0,
    bytes: sums(points, 's3_bytes')[''] ?? 0,
    objects: sums(points, 's3_objects')[''] ?? 0,
    errors: sums(points, 's3_errors', 'class'),
    failures: samples(points, 's3_error_duration')[''] ?? 0,
    misses: sums(points, 's3_misses')[''] ?? 0,
    retries: sums(points, 's3_retries')[''] ?? 0,
  };
}

function misbehaving(backend: Backend): void {
  let server: Awaited<ReturnType<typeof startFaultServer>>;
  let run: SuiteRun;
  let points: Point[];
  beforeAll(async () => {
    server = await startFaultServer();
    stops.push(server.stop);
    const where = { server: { ...CREDENTIALS, region: 'us-east-1' }, endpoints: server.endpoints, bucket: 'unused' };
    const file = join(folder, `faults-${backend}.json`);
    run = await runSuite({
      k6,
      bundle,
      folder,
      backend,
      jslibUrl,
      suite: 'faults',
      ...where,
      args: ['--out', `json=${file}`],
    });
    points = pointsIn(await readFile(file, 'utf8'));
  });
  testCases('faults', backend, () => run);

  describe('hears of each fault in the metrics', () => {
    test.each(faults)('$name', (fault) => {
      expect(told(points.filter(({ data }) => data.tags[CASE_TAG] === fault.name))).toEqual(toldOf(fault));
    });
  });

  test('a success is no failed request to k6, whatever its status', () => {
    const successes = faults.filter(({ want }) => want === 'none' || want === 'unchanged').map(({ name }) => name);
    const failed = points.filter(({ metric }) => metric === 'http_req_failed');
    for (const name of successes) {
      const those = failed.filter(({ data }) => data.tags[CASE_TAG] === name).map(({ data }) => data);
      expect(
        those.map(({ value, tags }) => [value, tags.expected_response ?? 'true']),
        name,
      ).toEqual(those.map(() => [0, 'true']));
      expect(those.length, name).toBeGreaterThan(0);
    }
  });

  describe('sees the requests that each fault calls for', () => {
    test.each(faults)('$name', (fault) => {
      const seen = server.seen(fault);
      const requests = fault.requestsOf?.[backend] ?? fault.requests;
      if (typeof requests !== 'number') {
        const bucket = /^\/[^/?]*/;
        expect(seen.map(({ method, url }) => `${method} ${url.replace(bucket, '')}`)).toEqual(requests);
      } else {
        expect(seen.length).toBe(requests);
        pausesBetween(
          fault,
          seen.map(({ at }) => at),
        );
      }
    });
    test(resetAtOnceCase.name, () => {
      expect(server.resets()).toBe(2);
    });
    test('no redirect was followed', () => {
      expect(server.seen()).toEqual([]);
    });
    if (backend === 'proxy') {
      test('nothing is signed', () => {
        const signs = ['authorization', 'x-amz-date', 'x-amz-content-sha256', 'x-amz-security-token'];
        const all = faults.flatMap((fault) => server.seen(fault));
        expect(all.length).toBeGreaterThan(100);
        for (const { headers } of all) expect(Object.keys(headers).filter((name) => signs.includes(name))).toEqual([]);
      });
      return;
    }
    test('the policy of a form allows it, and is signed', () => {
      const forms = faults.filter(({ name }) => name.startsWith('a form '));
      for (const form of forms) {
        const { secretAccessKey } = form.client?.credentials ?? CREDENTIALS;
        for (const request of server.seen(form)) {
          expect(formFault(request, secretAccessKey)).toBeUndefined();
          expect(formFault(request, 'another')).toMatch(/^signature/);
        }
      }
      const [first] = forms.flatMap((form) => server.seen(form));
      expect(first?.body.toString('latin1')).toContain('name="x-amz-security-token"\r\n\r\nto/ken+of==STS\r\n');
    });
    test('a session token is in every request, and signed', () => {
      const withToken = faults.find(({ name }) => name === 'a session token is sent and signed') as Fault;
      const { sessionToken, secretAccessKey } = withToken.client?.credentials ?? (CREDENTIALS as never);
      const mustSign = ['host', 'x-amz-content-sha256', 'x-amz-date', 'x-amz-security-token'];
      for (const request of server.seen(withToken)) {
        expect(request.headers['x-amz-security-token']).toBe(sessionToken);
        expect(signatureFault(request, secretAccessKey, mustSign)).toBeUndefined();
        expect(signatureFault(request, 'another', mustSign)).toMatch(/^signature/);
      }
    });
  });
}

/** Half of 0.1 s, 0.2 s, 0.4 s … is waited for, and up to as much again at random. */
function pausesBetween(fault: Fault, times: readonly number[]): void {
  // A request may hang until its timeout first, and this machine may be busy.
  const slack = (fault.client?.timeout ?? 0) + 2000;
  for (const [i, at] of times.slice(1).entries()) {
    const pause = at - (times[i] as number);
    expect(pause, `pause ${i + 1}`).toBeGreaterThan(50 * 2 ** i - 5);
    expect(pause, `pause ${i + 1}`).toBeLessThan(100 * 2 ** i + slack);
  }
}

function measured(backend: Backend): void {
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  let run: SuiteRun;
  let output: string;
  let points: Point[];
  beforeAll(async () => {
    const server = await gateway({});
    proxy = await startProxy((await endpointsFor(backend, server))[0]);
    stops.push(proxy.stop);
    const file = join(folder, `points-${backend}.json`);
    const where = { endpoints: proxy.endpoints, args: ['--out', `json=${file}`] };
    run = await runOn(server, 'measured', backend, 'conformance-measured', where);
    output = await readFile(file, 'utf8');
    points = pointsIn(output);
  });
  testCases('measured', backend, () => run);

  // S3Client leaves the port out of Host.
  const hostOf = ({ headers }: Seen) => {
    const { hostname } = new URL(`http://${headers.host}`);
    return proxy.endpoints.map((endpoint) => new URL(endpoint)).find((url) => url.hostname === hostname)?.host ?? '';
  };
  const callOf = (seen: Seen) => `${opOf(seen)} ${hostOf(seen)}`;
  const isSuccess = ({ answer }: Seen) => answer !== undefined && answer.status < 300;
  const of = ({ name }: Case) => points.filter(({ data }) => data.tags[CASE_TAG] === name);
  const countsBy = (seen: readonly Seen[], name: (one: Seen) => string) => sumsBy(seen.map((one) => [name(one), 1]));
  const occurrences = (body: Buffer | undefined, what: string) => String(body).split(what).length - 1;

  test('http_reqs counts every attempt under its operation and endpoint', () => {
    expect(Object.keys(countsBy(proxy.seen, opOf)).length).toBe(12);
    const seen = countsBy(proxy.seen, callOf);
    expect(sums(points, 'http_reqs', 'op', 'endpoint')).toEqual(seen);
    for (const metric of ['http_req_duration', 'http_req_waiting', 'http_req_failed']) {
      expect(samples(points, metric, 'op', 'endpoint'), metric).toEqual(seen);
    }
  });
  test('http_reqs counts every attempt under its status', () => {
    const seen = countsBy(proxy.seen, (one) => `${callOf(one)} ${one.answer?.status ?? 0}`);
    expect(sums(points, 'http_reqs', 'op', 'endpoint', 'status')).toEqual(seen);
  });
  test('every http_req_* sample has op, size, endpoint and a name that is its op', () => {
    const requests = points.filter(({ metric }) => metric.startsWith('http_req'));
    expect(requests.length).toBeGreaterThan(200);
    const hosts = proxy.endpoints.map((endpoint) => endpoint.replace('http://', ''));
    for (const { metric, data } of requests) {
      const { op = '', name, size, endpoint } = data.tags;
      expect(name, metric).toBe(op);
      expect(Object.keys(sizeOf), metric).toContain(op);
      expect(sizeOf[op], `size of ${op}`).toContain(size);
      expect(hosts, metric).toContain(endpoint);
    }
  });
  test('no tag of any sample holds a key', () => {
    expect(proxy.seen.filter(({ url }) => url.includes(KEY_MARK)).length).toBeGreaterThan(20);
    expect(output.length).toBeGreaterThan(10_000);
    expect(output.split('\n').filter((line) => line.toLowerCase().includes(KEY_MARK.toLowerCase()))).toEqual([]);
  });
  test('successes are counted once, under the operation that was asked for', () => {
    const want = { CREATE_BUCKET: 1, HEAD_BUCKET: 1, PUT: 6, GET: 3, HEAD: 1, DELETE: 1, DELETE_OBJECTS: 2, LIST: 3 };
    expect(samples(of(everyOperation), 's3_op_duration', 'op')).toEqual(want);
    const bytes = { PUT: 5 * 1024 + 5 * 1024 ** 2 + 1, GET: 1024 + 1024 + 10 };
    expect(sums(of(everyOperation), 's3_bytes', 'op')).toEqual(bytes);
    // Without GET, of which one came with another length, and PUT, of which one had parts.
    const ops = ['HEAD', 'DELETE', 'DELETE_OBJECTS', 'LIST', 'HEAD_BUCKET', 'CREATE_BUCKET'];
    const those = points.filter(({ data }) => ops.includes(data.tags.op ?? ''));
    const seen = proxy.seen.filter((one) => ops.includes(opOf(one)) && isSuccess(one));
    expect(samples(those, 's3_op_duration', 'op', 'endpoint')).toEqual(countsBy(seen, callOf));
  });
  test('failures are counted by class, and further attempts', () => {
    const here = of(everyOperation);
    const want = { notFound: 2, corrupt: 1, client: 1, throttled: 2, reset: 2 };
    expect(sums(here, 's3_errors', 'class')).toEqual(want);
    expect(samples(here, 's3_error_duration', 'op', 'endpoint')).toEqual(sums(here, 's3_errors', 'op', 'endpoint'));
    expect(sums(here, 's3_retries', 'op')).toEqual({ PUT: 3 });
    expect(samples(here, 's3_error_duration', 'class')).toEqual({ '': 8 });
  });
  test('objects listed and deleted are counted, as the answers have them', () => {
    const seen = proxy.seen.filter((one) => ['LIST', 'DELETE_OBJECTS'].includes(opOf(one)) && isSuccess(one));
    const objects = seen.map((one) => {
      const deleted = occurrences(one.body, '<Object>') - occurrences(one.answer?.body, '<Error>');
      return [callOf(one), opOf(one) === 'LIST' ? occurrences(one.answer?.body, '<Contents>') : deleted] as const;
    });
    expect(sums(points, 's3_objects', 'op', 'endpoint')).toEqual(sumsBy(objects));
    expect(sums(of(everyOperation), 's3_objects', 'op')).toEqual({ LIST: 4 + 3, DELETE_OBJECTS: 3 });
  });

  describe('of batches not waited for', () => {
    const isBatch = (one: Seen) => one.body.includes(HELD);
    test('all were under way at once, and one tried again', () => {
      const held = proxy.seen.filter(isBatch);
      expect(held.map(({ answer }) => answer?.status).sort()).toEqual([...Array(HELD_BATCHES).fill(200), 503]);
    });
    test('each has its own latency, under its endpoint', () => {
      const outcomes = run.reports.batches as Array<{ endpoint: string; ms: number }>;
      expect(outcomes.length).toBe(HELD_BATCHES);
      const latencies = of(batchesCase)
        .filter(({ metric, data }) => metric === 's3_op_duration' && data.tags.op === 'DELETE_OBJECTS')
        .map(({ data }) => ({ endpoint: data.tags.endpoint, ms: data.value }));
      const byMs = (all: ReadonlyArray<{ ms: number }>) => all.toSorted((a, b) => a.ms - b.ms);
      expect(byMs(latencies)).toEqual(byMs(outcomes));
      // The batch that came first was answered last.
      expect(Math.max(...outcomes.map(({ ms }) => ms))).toBeGreaterThan(15 * (HELD_BATCHES - 2));
    });
    test('the error and the further attempt are where they were', () => {
      const throttled = countsBy(
        proxy.seen.filter((one) => isBatch(one) && one.answer?.status === 503),
        callOf,
      );
      expect(Object.keys(throttled).length).toBe(1);
      for (const metric of ['s3_errors', 's3_retries']) {
        expect(sums(of(batchesCase), metric, 'op', 'endpoint'), metric).toEqual(throttled);
      }
      expect(samples(of(batchesCase), 's3_error_duration', 'op', 'endpoint')).toEqual(throttled);
    });
    test('what was called meanwhile is counted where it was', () => {
      const ops = ['HEAD', 'GET'];
      const seen = proxy.seen.filter((one) => one.url.includes('stays') && ops.includes(opOf(one)));
      expect(seen.length).toBeGreaterThan(10);
      const those = of(batchesCase).filter(({ data }) => ops.includes(data.tags.op ?? ''));
      expect(samples(those, 's3_op_duration', 'op', 'endpoint')).toEqual(countsBy(seen, callOf));
      const gets = seen.filter((one) => opOf(one) === 'GET').map((one) => [callOf(one), 1024] as const);
      expect(sums(those, 's3_bytes', 'op', 'endpoint')).toEqual(sumsBy(gets));
    });
  });

  test('what is gone is a miss, and no error; a bucket that is gone is an error', () => {
    const isMiss = (one: Seen) => one.url.includes(GONE) && one.answer?.status === 404;
    const isLost = (one: Seen) => one.url.includes('no-such-bucket-here') && one.answer?.status === 404;
    const misses = countsBy(proxy.seen.filter(isMiss), callOf);
    expect(Object.values(misses).sort()).toEqual([1, 1, 2, 3]);
    expect(sums(of(gapsCase), 's3_misses', 'op', 'endpoint')).toEqual(misses);
    const lost = countsBy(proxy.seen.filter(isLost), callOf);
    expect(sums(of(gapsCase), 's3_errors', 'op', 'endpoint')).toEqual(lost);
    expect(samples(of(gapsCase), 's3_error_duration', 'op', 'endpoint')).toEqual(lost);
    expect(sums(of(gapsCase), 's3_errors', 'class')).toEqual({ notFound: 3 });
    expect(samples(of(gapsCase), 's3_op_duration')).toEqual({});
    // Where misses are not expected there are none.
    expect(samples(points, 's3_misses', CASE_TAG)).toEqual({ [gapsCase.name]: 7 });
  });
  test('bytes are told under their operation, size and endpoint, once each time', () => {
    const seen = proxy.seen.flatMap((one) => {
      const [, size] = new RegExp(`${SIZED}(\\w+)-`).exec(one.url) ?? [];
      const body = { PUT: one.body, GET: one.answer?.body }[opOf(one)];
      return size === undefined || body === undefined ? [] : [[`${callOf(one)} ${size}`, body.length] as const];
    });
    const want = sumsBy(seen);
    expect(Object.keys(want).length).toBe(8);
    expect(sums(of(payloadCase), 's3_bytes', 'op', 'endpoint', 'size')).toEqual(want);
    // The native backend tells them with each operation, for it costs it less.
    if (backend === 'native') return;
    const twice = Object.fromEntries(Object.keys(want).map((name) => [name, 2]));
    expect(samples(of(payloadCase), 's3_bytes', 'op', 'endpoint', 'size')).toEqual(twice);
  });
}

const OBJECT = ['1KB', '2KB'];
const LARGE = ['10MB'];
const NONE = ['none'];
/** The sizes that each operation was given. */
const sizeOf: Readonly<Record<string, readonly string[]>> = {
  ...{ PUT: OBJECT, GET: OBJECT, HEAD: OBJECT, DELETE: OBJECT },
  ...{ CREATE_MULTIPART: LARGE, UPLOAD_PART: LARGE, COMPLETE_MULTIPART: LARGE, ABORT_MULTIPART: LARGE },
  ...{ LIST: NONE, DELETE_OBJECTS: NONE, HEAD_BUCKET: NONE, CREATE_BUCKET: NONE },
};
