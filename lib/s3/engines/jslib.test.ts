import { beforeEach, describe, expect, test, vi } from 'vitest';
import { type PageOptions, s3Of } from '../../../test/s3';
import type { EngineOptions, Recorder } from '../engine';
import type { Outcome } from '../outcome';
import type { TimedAnswer } from './send';

/** What was sent by our own sender. */
const { sent } = vi.hoisted(() => ({ sent: [] as string[] }));
vi.mock('k6/http', () => {
  const answer = (method: string, url: string) => {
    sent.push(`${method} ${url.replace('http://10.0.0.1:9000/bucket', '')}`);
    const body = '<ListBucketResult><UploadId>id</UploadId></ListBucketResult><DeleteResult/>';
    return { status: 200, headers: {}, body, timings: { duration: 1, blocked: 0 } };
  };
  return { default: { request: answer, asyncRequest: async (method: string, url: string) => answer(method, url) } };
});
vi.mock('k6/execution', () => ({ default: {} }));
vi.mock('k6/metrics', () => ({ Counter: class {}, Trend: class {} }));
vi.mock('k6/crypto', () => ({ default: { sha256: () => 'sha256', md5: () => 'md5' } }));
vi.mock('k6/encoding', () => ({ default: {} }));

/** What Grafana's S3Client was asked for, and how it answers. */
const asked: string[] = [];
let answers: () => TimedAnswer | Error;
const OK: TimedAnswer = { status: 200, headers: {}, body: '', timings: { duration: 7, blocked: 1 } };

/** The library as it looks from outside: every answer goes through handleError, which throws of those that are no success. */
class S3Client {
  baseRequestParams = { responseType: 'text' };
  handleError(answer: TimedAnswer): boolean {
    if (answer.status >= 300) throw new Error('S3ServiceError');
    return false;
  }
  private async ask(what: string): Promise<void> {
    asked.push(`${what} ${JSON.stringify(this.baseRequestParams)}`);
    const answer = answers();
    if (answer instanceof Error) throw answer;
    this.handleError(answer);
  }
  putObject = (bucket: string, key: string, data: ArrayBuffer) => this.ask(`PUT ${bucket} ${key} ${data.byteLength}`);
  getObject = (bucket: string, key: string, headers: object) =>
    this.ask(`GET ${bucket} ${key} ${JSON.stringify(headers)}`);
  deleteObject = (bucket: string, key: string) => this.ask(`DELETE ${bucket} ${key}`);
  listObjects = (bucket: string, prefix: string) => this.ask(`LIST ${bucket} ${prefix}`);
}
const signed: string[] = [];
class SignatureV4 {
  sign(request: { method: string; headers: Record<string, string>; query: object; body: ArrayBuffer | string | null }) {
    const { host, ...more } = request.headers;
    signed.push(`${request.method} ${host} ${JSON.stringify(more)} ${JSON.stringify(request.query)} ${request.body}`);
    return { headers: { ...request.headers, authorization: 'signed' } };
  }
}
class Anything {}
const LIBRARY = { S3Client, SignatureV4, AWSConfig: Anything, Endpoint: Anything };

const required: string[] = [];
let load: () => object;
vi.stubGlobal('__ENV', { PWD: '/home/me' });
const { createJslibEngine, loadJslib: loadWith } = await import('./jslib');
const loadJslib = (from: string) =>
  loadWith(from, (place) => {
    required.push(place);
    return load();
  });

beforeEach(() => {
  for (const list of [sent, asked, signed, required]) list.length = 0;
  load = () => LIBRARY;
  answers = () => OK;
});

const nothing = () => {};
const recorder: Recorder = {
  ...{ begin: nothing, succeeded: nothing, failed: nothing, refused: nothing, retried: nothing, redirected: nothing },
};

function client(more: Partial<EngineOptions> = {}) {
  loadJslib('/jslib/index.js');
  const options: EngineOptions = {
    endpoints: ['http://10.0.0.1:9000'],
    bucket: 'bucket',
    addressing: 'path',
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'secret' },
    timeout: 60_000,
    attempts: 1,
    sleep: nothing,
    pause: async () => {},
    firstEndpoint: 0,
    ...more,
  };
  return s3Of(createJslibEngine(options, recorder), options.region);
}

const KB = new ArrayBuffer(1024);
const TEXT = '{"responseType":"text"}';
const BINARY = '{"Accept":"application/octet-stream"}';

describe('which calls are whose', () => {
  type Call = (s3: ReturnType<typeof client>) => unknown;
  test.each<{ call: Call; is: string; why: string }>([
    {
      call: (s3) => s3.putObject('a/b c', KB, ''),
      is: `PUT bucket a/b c 1024 ${TEXT}`,
      why: 'encodeURI does for spaces',
    },
    { call: (s3) => s3.getObject('k', ''), is: `GET bucket k ${BINARY} ${TEXT}`, why: 'objects are bytes' },
    {
      call: (s3) => s3.readObject('k', '', [0, 9]),
      is: `GET bucket k {"Accept":"application/octet-stream","range":"bytes=0-9"} ${TEXT}`,
      why: 'its headers take a range',
    },
    { call: (s3) => s3.deleteObject('k', ''), is: `DELETE bucket k ${TEXT}`, why: 'it has this' },
    { call: (s3) => s3.countObjects({ prefix: 'p/' }), is: `LIST bucket p/ ${TEXT}`, why: 'the first page' },
    { call: (s3) => s3.countObjects(), is: `LIST bucket  ${TEXT}`, why: 'of everything' },
  ])("$is is S3Client's: $why", async ({ call, is }) => {
    await call(client());
    expect([asked, sent]).toEqual([[is], []]);
  });

  const page: PageOptions = { prefix: 'p/', continuationToken: 'a/b=' };
  test.each<{ call: Call; is: string; why: string }>([
    { call: (s3) => s3.headObject('k', ''), is: 'HEAD /k', why: 'it has none' },
    { call: (s3) => s3.headBucket(), is: 'HEAD ', why: 'nor this' },
    { call: (s3) => s3.createBucket(), is: 'PUT ', why: 'nor this' },
    { call: (s3) => s3.deleteObjects(['k']), is: 'POST ?delete=', why: 'nor this' },
    { call: (s3) => s3.deleteObjectsAsync(['k']), is: 'POST ?delete=', why: 'nor this' },
    {
      call: (s3) => s3.countObjects(page),
      is: 'GET ?continuation-token=a%2Fb%3D&encoding-type=url&list-type=2&prefix=p%2F',
      why: 'its listings have no second page',
    },
    { call: (s3) => s3.listObjects(), is: 'GET ?encoding-type=url&list-type=2', why: 'nor a way to one' },
    { call: (s3) => s3.createMultipartUpload('k', ''), is: 'POST /k?uploads=', why: 'its own ask another host' },
    { call: (s3) => s3.uploadPart('k', 'i', 1, KB, ''), is: 'PUT /k?partNumber=1&uploadId=i', why: 'likewise' },
    {
      call: (s3) => s3.putObject('k', new ArrayBuffer(0), ''),
      is: 'PUT /k',
      why: 'k6 sends its empty buffer in chunks',
    },
    { call: (s3) => s3.putObject('a+b', KB, ''), is: 'PUT /a%2Bb', why: 'encodeURI leaves +' },
    { call: (s3) => s3.getObject('a?b', ''), is: 'GET /a%3Fb', why: 'and ?' },
    { call: (s3) => s3.readObject('a#b', ''), is: 'GET /a%23b', why: 'and #' },
    { call: (s3) => s3.deleteObject("it's", ''), is: 'DELETE /it%27s', why: "and '" },
    { call: (s3) => s3.deleteObject('half \ud800', ''), is: 'DELETE /half%20%EF%BF%BD', why: 'and throws at this' },
  ])('$is goes our way, signed by its SignatureV4: $why', async ({ call, is }) => {
    await call(client());
    expect([asked, sent, signed.length]).toEqual([[], [is], 1]);
  });
});

test('SignatureV4 gets the host with its port, headers and query as they were meant, and the body to hash', () => {
  const s3 = client({ endpoints: ['http://10.0.0.1:9000'] });
  s3.listObjects({ prefix: 'a b+ü', continuationToken: 'x=&y' });
  s3.deleteObjects(['k']);
  expect(signed).toEqual([
    'GET 10.0.0.1:9000 {} {"continuation-token":"x=&y","encoding-type":"url","list-type":"2","prefix":"a b+ü"} null',
    expect.stringMatching(
      /^POST 10\.0\.0\.1:9000 \{"content-type":"application\/xml","content-md5":"md5"\} \{"delete":""\} <Delete /,
    ),
  ]);
});

test('keys that are known to be plain are not looked at', async () => {
  await client({ plainKeys: true }).putObject('a+b', KB, '');
  expect(asked).toEqual([`PUT bucket a+b 1024 ${TEXT}`]);
});

test('a time limit of ours is that of its requests; k6 has its own of 60 s', async () => {
  await client({ timeout: 5_000 }).deleteObject('k', '');
  expect(asked).toEqual(['DELETE bucket k {"responseType":"text","timeout":5000}']);
});

describe('an outcome', () => {
  test("is that of k6's answer, which S3Client does not hand on", async () => {
    const got: Outcome = await client().putObject('k', KB, '1KB');
    expect(got).toEqual({ status: 200, bytes: 1024, ms: 8, endpoint: '10.0.0.1:9000' });
  });

  test('has the status and code of an answer that it throws of', async () => {
    const body = '<Error><Code>SlowDown</Code><Message>less</Message></Error>';
    answers = () => ({ ...OK, status: 503, body });
    const got = await client().putObject('k', KB, '');
    expect(got).toMatchObject({ status: 503, failure: { errorClass: 'throttled', code: 'SlowDown', message: 'less' } });
  });

  test('of no answer is not that of the answer before', async () => {
    const s3 = client();
    await s3.putObject('k', KB, '');
    answers = () => new Error('dial tcp 10.0.0.1:9000: connect: connection refused');
    const got = await s3.putObject('k', KB, '');
    expect(got).toMatchObject({ status: 0, bytes: 0, failure: { errorClass: 'connect' } });
  });

  test('of another length than expected is corrupt', async () => {
    answers = () => ({ ...OK, headers: { 'Content-Length': '10' } });
    expect(await client().getObject('k', '', 11)).toMatchObject({ failure: { errorClass: 'corrupt' } });
  });

  test('counts the keys of a page, and tells the next one', async () => {
    const more = '<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>';
    answers = () => ({ ...OK, body: `<ListBucketResult>${more}<Contents/><Contents/><Contents/></ListBucketResult>` });
    expect(await client().countObjects({ prefix: 'p' })).toMatchObject({ keys: 3, next: 't' });
  });
});

describe('loading', () => {
  test.each([
    { from: 'https://mirror/index.js', asks: 'https://mirror/index.js', why: 'an address' },
    { from: 'file:///opt/index.js', asks: 'file:///opt/index.js', why: 'another' },
    { from: '/opt/index.js', asks: '/opt/index.js', why: 'a file' },
    { from: './index.js', asks: '/home/me/./index.js', why: 'k6 would look beside the script' },
  ])('$from asks for $asks: $why', ({ from, asks }) => {
    expect(loadJslib(from)).toBeUndefined();
    expect(required).toEqual([asks]);
  });

  const remedy = 'give the https:// address or the path of a copy of its index.js, or another S3LOADTEST_BACKEND';
  test.each([
    {
      fails: () => {
        throw new Error(
          'GoError: The moduleSpecifier "https://a/b.js" couldn\'t be retrieved from the resolved url "https://a/b.js". Error : "Get "https://a/b.js": dial tcp: lookup a: no such host"',
        );
      },
      says: `k6-jslib-aws can't be loaded from there (dial tcp: lookup a: no such host): ${remedy}`,
      why: 'no network',
    },
    {
      fails: () => {
        throw new Error('GoError: The moduleSpecifier "/x" couldn\'t be found on local disk. Make sure that you\'ve …');
      },
      says: `k6-jslib-aws can't be loaded from there (there is no such file): ${remedy}`,
      why: 'no file',
    },
    {
      fails: () => ({ ...LIBRARY, SignatureV4: undefined }),
      says: 'it exports no SignatureV4: give index.js of k6-jslib-aws, which has all of it',
      why: 's3.js, say',
    },
    {
      fails: () => ({}),
      says: 'it exports no AWSConfig, Endpoint, S3Client, SignatureV4: give index.js of k6-jslib-aws, which has all of it',
      why: 'something else',
    },
  ])('says in one line why it failed: $why', ({ fails, says }) => {
    load = fails;
    expect(loadJslib('https://a/b.js')).toBe(`S3LOADTEST_JSLIB_URL is "https://a/b.js": ${says}`);
  });
});
