/**
 * Puts the S3 client, inside k6, through the conformance suite: against versitygw and Ceph RGW, plain and with TLS,
 * against servers that misbehave, and with its metrics compared with what came over the wire. boto3 reads back what was
 * written. S3LOADTEST_BACKEND names the clients to test, several separated by commas.
 */
import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BACKENDS } from '../lib/config';
import { getTools } from '../runners/tools';
import { type Fault, faults, resetAtOnceCase } from './conformance/faults';
import { KEY_MARK } from './conformance/measured';
import { type Fate, ODD_KEYS, oddBucket } from './conformance/odd-keys';
import { type SuiteName, suites } from './conformance/suites';
import { opOf, signatureFault, startFaultServer, startProxy } from './fault-server';
import { bundleSuite, ROOT, runSuite, type SuiteRun } from './k6';
import { RGW_COMMANDS, type Rgw, startRgw } from './rgw';
import { CREDENTIALS, makeCertificates, missing, type Server, startVersitygw, temporaryFolder } from './servers';

const backends = process.env.S3LOADTEST_BACKEND?.split(',') ?? BACKENDS;
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

interface Target {
  readonly name: string;
  /** What it takes and this machine lacks. */
  readonly lacks: readonly string[];
  readonly tls: boolean;
  readonly start: () => Promise<Server>;
}

const targets: readonly Target[] = [
  { name: 'versitygw', lacks: [], tls: false, start: once(() => gateway({})) },
  {
    name: 'versitygw with TLS, in another region',
    lacks: noOpenssl,
    tls: true,
    start: once(async () => gateway({ tls: await certificates(), region: 'eu-test-1' })),
  },
  { name: 'Ceph RGW', lacks: noRgw, tls: false, start: async () => (await rgw()).plain },
  { name: 'Ceph RGW with TLS', lacks: noRgw, tls: true, start: async () => (await rgw()).tls },
];

/** Says what is not tested here, and why; in CI that is a failure. */
function notRun(what: string, lacks: readonly string[]): void {
  const why = `${what}: not run, for this machine lacks ${lacks.join(', ')}`;
  console.warn(why);
  test.skipIf(process.env.CI !== 'true')(why, () => expect.fail(why));
}

/** One test for each case of a suite that ran. */
function testCases(suite: SuiteName, run: () => SuiteRun): void {
  for (const { name } of suites[suite]) {
    test(name, () => {
      const { cases, said } = run();
      const line = cases.get(name);
      if (line === undefined) expect.fail(`k6 did not get to it: ${said}`);
      expect(line.detail).toBe('');
    });
  }
  test(`k6 ended well (${suite})`, () => {
    expect(run().exit, run().said).toBe(0);
    expect([...run().cases.keys()]).toEqual(suites[suite].map(({ name }) => name));
  });
}

/** Runs a suite against a server, in the bucket of that name. */
async function runOn(server: Server, suite: SuiteName, backend: string, bucket: string, more = {}): Promise<SuiteRun> {
  const where = { server, endpoints: server.endpoints, suite, backend, bucket };
  return runSuite({ k6, bundle, folder, ...where, ...more });
}

describe.each(backends)('backend %s', (backend) => {
  for (const target of targets) {
    describe(target.name, () => {
      if (target.lacks.length > 0) notRun(target.name, target.lacks);
      else onServer(target, backend);
    });
  }
  describe('a server that misbehaves', () => misbehaving(backend));
  describe('metrics', () => measured(backend));
});

function onServer({ start, tls }: Target, backend: string): void {
  const bucket = `conformance-${backend}${tls ? '-tls' : ''}`;
  let server: Server;
  let run: SuiteRun;
  beforeAll(async () => {
    server = await start();
    run = await runOn(server, 'server', backend, bucket, tls ? { verify: true, trust: server.ca } : {});
  });
  testCases('server', () => run);

  if (tls) {
    describe('whose CA is not known', () => {
      let unknown: SuiteRun;
      let unverified: SuiteRun;
      beforeAll(async () => {
        unknown = await runOn(server, 'untrusted', backend, bucket, { verify: true });
        unverified = await runOn(server, 'unverified', backend, `${bucket}-unverified`);
      });
      testCases('untrusted', () => unknown);
      testCases('unverified', () => unverified);
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

function misbehaving(backend: string): void {
  let server: Awaited<ReturnType<typeof startFaultServer>>;
  let run: SuiteRun;
  beforeAll(async () => {
    server = await startFaultServer();
    stops.push(server.stop);
    const where = { server: { ...CREDENTIALS, region: 'us-east-1' }, endpoints: server.endpoints, bucket: 'unused' };
    run = await runSuite({ k6, bundle, folder, backend, suite: 'faults', ...where });
  });
  testCases('faults', () => run);

  describe('sees the requests that each fault calls for', () => {
    test.each(faults)('$name', (fault) => {
      const seen = server.seen(fault);
      const { requests } = fault;
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
    test('a session token is in every request, and signed', () => {
      const withToken = faults.find(({ client }) => client?.credentials?.sessionToken) as Fault;
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

/** One sample of k6's JSON output: https://grafana.com/docs/k6/latest/results-output/real-time/json */
interface Point {
  readonly type: string;
  readonly metric: string;
  readonly data: { readonly value: number; readonly tags: Readonly<Record<string, string>> };
}

function measured(backend: string): void {
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  let run: SuiteRun;
  let output: string;
  let points: Point[];
  beforeAll(async () => {
    const server = await gateway({});
    proxy = await startProxy(server.endpoints[0]);
    stops.push(proxy.stop);
    const file = join(folder, `points-${backend}.json`);
    const where = { endpoints: proxy.endpoints, args: ['--out', `json=${file}`] };
    run = await runOn(server, 'measured', backend, 'conformance-measured', where);
    output = await readFile(file, 'utf8');
    points = output
      .split('\n')
      .filter((line) => line.includes('"Point"'))
      .map((line) => JSON.parse(line));
  });
  testCases('measured', () => run);

  /** The sum of a metric's samples by the value of one of its tags. */
  const sums = (metric: string, tag: string): Record<string, number> => {
    const found: Record<string, number> = {};
    for (const { data } of points.filter((point) => point.metric === metric)) {
      const name = data.tags[tag] ?? '';
      found[name] = (found[name] ?? 0) + data.value;
    }
    return found;
  };
  const counts = (values: readonly string[]): Record<string, number> => {
    const found: Record<string, number> = {};
    for (const value of values) found[value] = (found[value] ?? 0) + 1;
    return found;
  };
  const samplesOf = (metric: string, tag: string) =>
    counts(points.filter((point) => point.metric === metric).map(({ data }) => data.tags[tag] ?? ''));

  test('http_reqs counts every attempt under its operation', () => {
    const seen = counts(proxy.seen.map(opOf));
    expect(Object.keys(seen).length).toBe(12);
    expect(sums('http_reqs', 'op')).toEqual(seen);
    for (const metric of ['http_req_duration', 'http_req_waiting', 'http_req_failed']) {
      expect(samplesOf(metric, 'op'), metric).toEqual(seen);
    }
  });
  test('http_reqs counts every attempt under its endpoint', () => {
    expect(sums('http_reqs', 'endpoint')).toEqual(counts(proxy.seen.map(({ headers }) => headers.host ?? '')));
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
    const want = { CREATE_BUCKET: 2, HEAD_BUCKET: 2, PUT: 5, GET: 3, HEAD: 1, DELETE: 1, DELETE_OBJECTS: 1, LIST: 2 };
    expect(samplesOf('s3_op_duration', 'op')).toEqual(want);
    expect(sums('s3_bytes', 'op')).toEqual({ PUT: 4 * 1024 + 5 * 1024 ** 2 + 1, GET: 1024 + 1024 + 10 });
  });
  test('failures are counted by class, and further attempts', () => {
    const want = { notFound: 2, corrupt: 1, client: 1, throttled: 2, reset: 2 };
    expect(sums('s3_errors', 'class')).toEqual(want);
    expect(samplesOf('s3_error_duration', 'op')).toEqual(sums('s3_errors', 'op'));
    expect(points.filter(({ metric }) => metric === 's3_retries').reduce((n, { data }) => n + data.value, 0)).toBe(3);
  });
}

const OBJECT = ['1KB'];
const LARGE = ['10MB'];
const NONE = ['none'];
/** The sizes that each operation was given. */
const sizeOf: Readonly<Record<string, readonly string[]>> = {
  ...{ PUT: OBJECT, GET: OBJECT, HEAD: OBJECT, DELETE: OBJECT },
  ...{ CREATE_MULTIPART: LARGE, UPLOAD_PART: LARGE, COMPLETE_MULTIPART: LARGE, ABORT_MULTIPART: LARGE },
  ...{ LIST: NONE, DELETE_OBJECTS: NONE, HEAD_BUCKET: NONE, CREATE_BUCKET: NONE },
};
