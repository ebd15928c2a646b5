import dns from 'node:dns';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ConfigError } from '../../lib/settings/config';
import { signatureFault } from '../../test/fault-server';
import { type BucketConfig, openBucket } from './bucket';
import { BucketError } from './entry';

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

const closes: Array<() => void> = [];
afterEach(() => {
  for (const close of closes.splice(0)) close();
});

type Answer = (asked: Asked, n: number, response: ServerResponse) => string | number | [number, string] | undefined;

/** A server that answers with what it is given: XML, a status, both, or nothing (the answer is then the function's own). */
async function serve(answer: Answer) {
  const asked: Asked[] = [];
  const server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', url = '', headers } = request;
    const one = { method, url, headers, body: Buffer.concat(chunks) };
    asked.push(one);
    const given = answer(one, asked.length, response);
    if (given === undefined) return;
    const [status, xml] = Array.isArray(given) ? given : typeof given === 'number' ? [given, ''] : [200, given];
    response.writeHead(status).end(xml);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closes.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { asked, endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function open(endpoint: string | string[], more: Partial<BucketConfig> = {}) {
  const pauses: number[] = [];
  const config: BucketConfig = {
    endpoints: [endpoint].flat(),
    accessKeyId: 'AKID',
    secretAccessKey: 'se/cret',
    region: 'eu-1',
    bucket: 'b',
    verifySsl: false,
    addressing: 'path',
    backend: 'http',
    timeout: 1000,
    allowPartial: false,
    httpProxy: 'environment',
    ...more,
  };
  const bucket = openBucket(config, async (ms) => {
    pauses.push(ms);
  });
  closes.push(bucket.close);
  return { bucket, pauses };
}

const error = (code: string, message = 'said') => `<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
const EMPTY = '<ListBucketResult></ListBucketResult>';

describe('a store without DeleteObjects', () => {
  test.each([
    [501, 'NotImplemented'],
    [400, 'NotImplemented'],
    [405, 'MethodNotAllowed'],
  ])('which answers %d %s gets one deletion each, after one batch that is not repeated', async (status, code) => {
    const { asked, endpoint } = await serve(({ method, url }) => {
      if (method === 'POST') return [status, error(code)];
      return url.includes('denied')
        ? [403, error('AccessDenied')]
        : url.includes('gone')
          ? [404, error('NoSuchKey')]
          : 204;
    });
    const { bucket } = open(endpoint);
    const left = await bucket.deleteAll(['a', 'b', 'gone', 'denied'].map((key) => ({ key, bytes: 1 })));
    expect(left).toEqual([{ key: 'denied', bytes: 1, code: 'AccessDenied', message: 'said' }]);
    await bucket.deleteAll([{ key: 'c', bytes: 1, versionId: 'v1' }]);
    expect(bucket.deletesOneByOne()).toBe(true);
    const [batch, ...others] = asked.map(({ method, url }) => `${method} ${url}`);
    expect(batch).toBe('POST /b?delete=');
    expect(others.sort()).toEqual(
      ['DELETE /b/a', 'DELETE /b/b', 'DELETE /b/c?versionId=v1', 'DELETE /b/denied', 'DELETE /b/gone'].sort(),
    );
  });
});

describe('requests', () => {
  test('are signed, with a hashed body and its checksum', async () => {
    const { asked, endpoint } = await serve(({ method }) => (method === 'POST' ? '<DeleteResult/>' : EMPTY));
    const { bucket } = open(endpoint, { sessionToken: 'to/ken' });
    await bucket.listObjects({ prefix: 'a b/', delimiter: '/', from: { 'continuation-token': 't+/=' } });
    await bucket.deleteAll([{ key: 'a&b', bytes: 1 }]);
    expect(asked.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET /b?continuation-token=t%2B%2F%3D&delimiter=%2F&encoding-type=url&list-type=2&prefix=a%20b%2F',
      'POST /b?delete=',
    ]);
    const must = ['host', 'x-amz-date', 'x-amz-content-sha256', 'x-amz-security-token'];
    expect(signatureFault({ at: 0, ...(asked[0] as Asked) }, 'se/cret', must)).toBeUndefined();
    expect(signatureFault({ at: 0, ...(asked[1] as Asked) }, 'se/cret', [...must, 'content-md5'])).toBeUndefined();
    expect(asked[1]?.body.toString()).toContain('<Quiet>true</Quiet><Object><Key>a&#38;b</Key></Object>');
  });

  test.each<{ more: Partial<BucketConfig>; signs: boolean; why: string }>([
    { more: { backend: 'proxy', s3poolBinary: 'none' }, signs: false, why: 'the endpoints are of a proxy that signs' },
    {
      more: { backend: 'proxy', s3poolBinary: 's3pool' },
      signs: true,
      why: 'one is started for runs, in front of them',
    },
    { more: { backend: 'proxy' }, signs: true, why: 'so is the one on PATH' },
    { more: { backend: 'jslib' }, signs: true, why: 'others sign by themselves' },
  ])('with $more are signed: $signs ($why)', async ({ more, signs }) => {
    const { asked, endpoint } = await serve(({ method }) => (method === 'POST' ? '<DeleteResult/>' : EMPTY));
    const { bucket } = open(endpoint, more);
    await bucket.listObjects({ prefix: '' });
    await bucket.deleteAll([{ key: 'a', bytes: 1 }]);
    for (const { headers } of asked) {
      expect([headers.authorization, headers['x-amz-content-sha256']].map((header) => header !== undefined)).toEqual([
        signs,
        signs,
      ]);
    }
    // S3 refuses a batch without it, whoever signs.
    expect(asked[1]?.headers['content-md5']).toBeDefined();
  });

  test('go to the endpoints in turn', async () => {
    const [one, two] = [await serve(() => EMPTY), await serve(() => EMPTY)];
    const { bucket } = open([one.endpoint, two.endpoint]);
    for (let i = 0; i < 4; i++) await bucket.listObjects({ prefix: '' });
    expect([one.asked.length, two.asked.length]).toEqual([2, 2]);
  });

  test('have the bucket before the host in virtual addressing', async () => {
    const { asked, endpoint } = await serve(() => [204, '']);
    // Not every system takes names under localhost for its own.
    const lookup = vi.spyOn(dns, 'lookup') as unknown as { mockImplementation(f: (...args: never[]) => void): void };
    type Found = (e: null, addresses: Array<{ address: string; family: 4 }>) => void;
    lookup.mockImplementation((_: string, __: unknown, found: Found) =>
      found(null, [{ address: '127.0.0.1', family: 4 }]),
    );
    closes.push(() => vi.restoreAllMocks());
    const { bucket } = open(endpoint.replace('127.0.0.1', 'localhost'), { addressing: 'virtual', bucket: 'bkt' });
    await bucket.abortUpload({ key: 'k/ä', uploadId: 'u' });
    expect(asked[0]?.url).toBe('/k/%C3%A4?uploadId=u');
    expect(asked[0]?.headers.host).toMatch(/^bkt\.localhost:/);
    expect(signatureFault({ at: 0, ...(asked[0] as Asked) }, 'se/cret', ['host'])).toBeUndefined();
  });
});

describe('listings', () => {
  test('objects', async () => {
    const { endpoint } = await serve(
      () => `<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
        <EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>a%2Bb&amp;</NextContinuationToken>
        <Contents><Key>l/a+%2B%C3%A4</Key><Size>12</Size></Contents><Contents><Key>l/b</Key><Size>0</Size></Contents>
        <CommonPrefixes><Prefix>l/c%20d/</Prefix></CommonPrefixes></ListBucketResult>`,
    );
    expect(await open(endpoint).bucket.listObjects({ prefix: 'l/' })).toEqual({
      entries: [
        { key: 'l/a +ä', bytes: 12 },
        { key: 'l/b', bytes: 0 },
      ],
      prefixes: ['l/c d/'],
      next: { 'continuation-token': 'a%2Bb&' },
    });
  });

  test('versions and delete markers', async () => {
    const { endpoint } = await serve(
      () => `<ListVersionsResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>
        <NextKeyMarker>l/a%2Fb</NextKeyMarker><NextVersionIdMarker>v%1</NextVersionIdMarker>
        <Version><Key>l/a</Key><VersionId>v1</VersionId><Size>12</Size></Version>
        <DeleteMarker><Key>l/a</Key><VersionId>v2</VersionId></DeleteMarker></ListVersionsResult>`,
    );
    expect(await open(endpoint).bucket.listVersions({ prefix: 'l/' })).toEqual({
      entries: [
        { key: 'l/a', bytes: 12, versionId: 'v1' },
        { key: 'l/a', bytes: 0, versionId: 'v2' },
      ],
      prefixes: [],
      next: { 'key-marker': 'l/a/b', 'version-id-marker': 'v%1' },
    });
  });

  test('unfinished uploads', async () => {
    const { endpoint } = await serve(
      () => `<ListMultipartUploadsResult><IsTruncated>false</IsTruncated><NextKeyMarker></NextKeyMarker>
        <Upload><Key>l/a</Key><UploadId>u&amp;1</UploadId></Upload></ListMultipartUploadsResult>`,
    );
    expect(await open(endpoint).bucket.listUploads({ prefix: 'l/' })).toEqual({
      entries: [{ key: 'l/a', uploadId: 'u&1' }],
      prefixes: [],
      next: undefined,
    });
  });

  test.each([
    { xml: '<html>Welcome</html>', says: /no ListBucketResult/, why: "a proxy's own page is no empty bucket" },
    {
      xml: '<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>',
      says: /goes on and does not tell where/,
      why: 'half a listing is no whole one',
    },
  ])('$why', async ({ xml, says }) => {
    const { asked, endpoint } = await serve(() => xml);
    await expect(open(endpoint).bucket.listObjects({ prefix: '' })).rejects.toThrow(says);
    expect(asked).toHaveLength(1);
  });

  test.each([
    { status: '', is: false },
    { status: '<Status>Enabled</Status>', is: true },
    { status: '<Status>Suspended</Status>', is: true },
  ])('versions are kept: $is ($status)', async ({ status, is }) => {
    const { endpoint } = await serve(() => `<VersioningConfiguration>${status}</VersioningConfiguration>`);
    expect(await open(endpoint).bucket.versioned()).toBe(is);
  });
});

describe('failures', () => {
  test.each([
    { answer: 503, attempts: 5, why: 'throttled' },
    { answer: 500, attempts: 5, why: 'a server error' },
    { answer: [403, error('AccessDenied')] as [number, string], attempts: 1, why: 'denied' },
    { answer: [404, error('NoSuchBucket')] as [number, string], attempts: 1, why: 'not there' },
    { answer: [400, error('InvalidArgument')] as [number, string], attempts: 1, why: 'not understood' },
  ])('$why: $attempts attempts', async ({ answer, attempts }) => {
    const { asked, endpoint } = await serve(() => answer);
    const { bucket, pauses } = open(endpoint);
    const failed = await bucket.listObjects({ prefix: '' }).catch((e: unknown) => e);
    expect(failed).toBeInstanceOf(BucketError);
    expect(asked).toHaveLength(attempts);
    expect(pauses).toHaveLength(attempts - 1);
    for (const [i, ms] of pauses.entries()) {
      expect(ms).toBeGreaterThanOrEqual(50 * 2 ** i);
      expect(ms).toBeLessThanOrEqual(100 * 2 ** i);
    }
  });

  test('one that passes is not seen', async () => {
    const { endpoint } = await serve((_, n, response) => {
      if (n === 1) return 503;
      if (n === 2) response.destroy();
      return n === 2 ? undefined : EMPTY;
    });
    expect((await open(endpoint).bucket.listObjects({ prefix: '' })).entries).toEqual([]);
  });

  test('a server that does not answer in time', async () => {
    const { endpoint, asked } = await serve(() => undefined);
    const { bucket } = open(endpoint, { timeout: 50 });
    const failed = await bucket.listObjects({ prefix: '' }).catch((e: unknown) => e);
    expect(bucket.explain(failed as BucketError)).toMatch(
      /^S3_ENDPOINTS: 127\.0\.0\.1:\d+ did not let us list "b" within 0\.05 s, in 5 attempts$/,
    );
    expect(asked).toHaveLength(5);
  });

  test('one that ends in the middle of its answer', async () => {
    const { endpoint } = await serve((_, n, response) => {
      if (n > 1) return EMPTY;
      response.writeHead(200, { 'content-length': 1000 }).write('<ListBucketResult>');
      setTimeout(() => response.destroy(), 20);
      return undefined;
    });
    expect((await open(endpoint).bucket.listObjects({ prefix: '' })).entries).toEqual([]);
  });

  test('a listing that is broken off ends at once, with the reason', async () => {
    const { endpoint } = await serve(() => undefined);
    const controller = new AbortController();
    setTimeout(() => controller.abort(new DOMException('SIGINT', 'AbortError')), 30);
    await expect(open(endpoint).bucket.listObjects({ prefix: '' }, controller.signal)).rejects.toThrow('SIGINT');
  });
});

describe('deleting', () => {
  const two = [
    { key: 'a', bytes: 1, versionId: 'v1' },
    { key: 'a', bytes: 2, versionId: 'v2' },
  ];
  const result = (...errors: string[]) => `<DeleteResult>${errors.join('')}</DeleteResult>`;
  const keyError = (key: string, version: string, code: string) =>
    `<Error><Key>${key}</Key><VersionId>${version}</VersionId><Code>${code}</Code><Message>m</Message></Error>`;

  test('names versions, and gives back those that are still there', async () => {
    const { asked, endpoint } = await serve(() => result(keyError('a', 'v2', 'AccessDenied')));
    expect(await open(endpoint).bucket.deleteAll(two)).toEqual([{ ...two[1], code: 'AccessDenied', message: 'm' }]);
    expect(asked).toHaveLength(1);
    expect(asked[0]?.body.toString()).toContain('<Object><Key>a</Key><VersionId>v1</VersionId></Object>');
  });

  test('asks again for what the server was too busy for, and for that alone', async () => {
    const { asked, endpoint } = await serve((_, n) =>
      n === 1 ? result(keyError('a', 'v1', 'InternalError'), keyError('a', 'v2', 'AccessDenied')) : result(),
    );
    expect(await open(endpoint).bucket.deleteAll(two)).toMatchObject([{ versionId: 'v2', code: 'AccessDenied' }]);
    expect(asked).toHaveLength(2);
    expect(asked[1]?.body.toString()).not.toContain('v2');
  });

  test('gives up after five attempts', async () => {
    const { asked, endpoint } = await serve(() => result(keyError('a', 'v1', 'SlowDown')));
    expect(await open(endpoint).bucket.deleteAll(two)).toMatchObject([{ versionId: 'v1', code: 'SlowDown' }]);
    expect(asked).toHaveLength(5);
  });

  test('what is gone already is as it should be', async () => {
    const { endpoint } = await serve(() =>
      result(keyError('a', 'v1', 'NoSuchVersion'), keyError('a', 'v2', 'NoSuchKey')),
    );
    expect(await open(endpoint).bucket.deleteAll(two)).toEqual([]);
  });

  test('an answer that is no result is no success', async () => {
    const { endpoint } = await serve(() => '<html/>');
    await expect(open(endpoint).bucket.deleteAll(two)).rejects.toThrow('no DeleteResult');
  });

  test('a batch under way is not broken off, and not repeated, once the signal came', async () => {
    const controller = new AbortController();
    const { asked, endpoint } = await serve((_, __, response) => {
      controller.abort();
      setTimeout(() => response.writeHead(200).end(result(keyError('a', 'v1', 'SlowDown'))), 30);
      return undefined;
    });
    const left = await open(endpoint).bucket.deleteAll(two, controller.signal);
    expect(left).toMatchObject([{ versionId: 'v1' }]);
    expect(asked).toHaveLength(1);
  });

  test('nor is one that failed as a whole', async () => {
    const controller = new AbortController();
    const { asked, endpoint } = await serve(() => {
      controller.abort();
      return 503;
    });
    await expect(open(endpoint).bucket.deleteAll(two, controller.signal)).rejects.toBeInstanceOf(BucketError);
    expect(asked).toHaveLength(1);
  });

  test('an upload that is gone already is as it should be', async () => {
    const { endpoint } = await serve(() => [404, error('NoSuchUpload')]);
    await open(endpoint).bucket.abortUpload({ key: 'k', uploadId: 'u' });
  });
});

describe('the check', () => {
  async function problem(endpoints: string[], more: Partial<BucketConfig> = {}): Promise<string> {
    const failed = await open(endpoints, more)
      .bucket.check('l/')
      .catch((e: unknown) => e);
    expect(failed).toBeInstanceOf(ConfigError);
    return (failed as ConfigError).message;
  }

  test('asks every endpoint', async () => {
    const [one, two] = [await serve(() => EMPTY), await serve(() => EMPTY)];
    await open([one.endpoint, two.endpoint]).bucket.check('l/');
    for (const { asked } of [one, two])
      expect(asked.map(({ url }) => url)).toEqual([expect.stringMatching(/max-keys=1&prefix=l%2F$/)]);
  });

  test('says what it waits for, where that takes long', async () => {
    const server = createServer((_, response) => {
      setTimeout(() => response.end(EMPTY), 4_500);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const said: string[] = [];
    await open(endpoint, { timeout: 20_000 }).bucket.check('l/', undefined, (line) => said.push(line));
    server.close();
    expect(said).toEqual([`${endpoint}: no answer to a listing yet, up to 20s (--timeout) is waited for it`]);
  });

  test('one that is not there', async () => {
    const { endpoint } = await serve(() => EMPTY);
    expect(await problem([endpoint, 'http://127.0.0.1:1'])).toBe(
      'S3_ENDPOINTS: nothing listens at 127.0.0.1:1 (connection refused)',
    );
  });

  test('TLS where there is none', async () => {
    const { endpoint } = await serve(() => EMPTY);
    expect(await problem([endpoint.replace('http', 'https')])).toMatch(/does not speak TLS .*: give http:\/\/127/);
  });

  test('denied, in one attempt', async () => {
    const { asked, endpoint } = await serve(() => [403, error('AccessDenied', 'Access Denied')]);
    expect(await problem([endpoint])).toMatch(/^S3_BUCKET "b": the credentials may not list it at .*Access Denied\)$/);
    expect(asked).toHaveLength(1);
  });
});
