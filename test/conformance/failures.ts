/** What a real server, or none, makes fail; and endpoints taken in turn. */
import { type Bench, type Case, failed, hostOf, put, same, succeeded } from './case';

export const failureCases: readonly Case[] = [
  { name: 'a wrong secret is auth', run: wrongSecret },
  { name: 'a wrong access key is auth', run: wrongAccessKey },
  { name: 'a missing bucket is notFound', run: missingBucket },
  { name: 'a closed port is connect', run: closedPort },
  { name: 'a host name that does not resolve is connect', run: unresolvable },
  { name: 'the wrong scheme is connect or reset, and never a success', run: wrongScheme },
  { name: 'two endpoints are taken in turn', run: rotation },
  { name: 'another attempt goes to the next endpoint', run: nextEndpoint },
];

/** For a run that verifies certificates and does not know the server's CA. */
export const untrustedCase: Case = { name: 'an untrusted certificate is connect', run: untrusted };

/** Nothing listens there: https://www.iana.org/assignments/service-names-port-numbers (tcpmux). */
const CLOSED = 'http://127.0.0.1:1';
const ONCE = { attempts: 1 };

async function wrongSecret(t: Bench): Promise<void> {
  const s3 = t.client({ ...ONCE, credentials: { ...t.options.credentials, secretAccessKey: 'not-the-secret' } });
  const want = { errorClass: 'auth', status: 403 } as const;
  failed('PUT', await s3.putObject(t.key('a'), t.random(10), ''), { ...want, code: 'SignatureDoesNotMatch' });
  failed('DELETE', await s3.deleteObject(t.key('a'), ''), { ...want, code: 'SignatureDoesNotMatch' });
  failed('LIST', s3.listObjects(), { ...want, code: 'SignatureDoesNotMatch' });
  failed('count', await s3.countObjects(), { ...want, code: 'SignatureDoesNotMatch' });
  failed('DeleteObjects', await s3.deleteObjectsAsync([t.key('a')]), { ...want, code: 'SignatureDoesNotMatch' });
  failed('GET', await s3.getObject(t.key('a'), ''), want);
  failed('HEAD', s3.headObject(t.key('a'), ''), want);
}

async function wrongAccessKey(t: Bench): Promise<void> {
  const s3 = t.client({ ...ONCE, credentials: { accessKeyId: 'NOSUCHACCESSKEY0', secretAccessKey: 'x' } });
  const put = await s3.putObject(t.key('a'), t.random(10), '');
  failed('PUT', put, { errorClass: 'auth' });
  failed('LIST', s3.listObjects(), { errorClass: 'auth' });
  // versitygw says 404, and an answer to HEAD holds no code to tell more.
  const own = put.failure?.code === 'XAdminUserNotFound';
  if (!own) same('code', put.failure?.code, 'InvalidAccessKeyId');
  failed('HEAD', s3.headBucket(), own ? { errorClass: 'notFound', status: 404 } : { errorClass: 'auth', status: 403 });
}

async function missingBucket(t: Bench): Promise<void> {
  const s3 = t.client({ ...ONCE, bucket: 'no-such-bucket-here' });
  const want = { errorClass: 'notFound', status: 404 } as const;
  failed('PUT', await s3.putObject('a', t.random(10), ''), { ...want, code: 'NoSuchBucket' });
  failed('LIST', s3.listObjects(), { ...want, code: 'NoSuchBucket' });
  failed('count', await s3.countObjects(), { ...want, code: 'NoSuchBucket' });
  failed('DeleteObjects', s3.deleteObjects(['a']), { ...want, code: 'NoSuchBucket' });
  failed('DeleteObjects at once', await s3.deleteObjectsAsync(['a']), { ...want, code: 'NoSuchBucket' });
  failed('create upload', s3.createMultipartUpload('a', ''), { ...want, code: 'NoSuchBucket' });
  failed('GET', await s3.getObject('a', ''), want);
}

/** Every operation, as a client that reaches no server has it: a failure of this class, no throw, and no key in what it says. */
async function allFail(t: Bench, endpoint: string, classes: readonly string[]): Promise<void> {
  const s3 = t.client({ ...ONCE, endpoints: [endpoint] });
  const key = t.key('SECRETKEY');
  const tried = {
    PUT: await s3.putObject(key, t.random(10), ''),
    GET: await s3.getObject(key, '', 10),
    HEAD: s3.headObject(key, ''),
    DELETE: await s3.deleteObject(key, ''),
    LIST: s3.listObjects({ prefix: key }),
    count: await s3.countObjects({ prefix: key }),
    DELETE_OBJECTS: s3.deleteObjects([key]),
    'DELETE_OBJECTS at once': await s3.deleteObjectsAsync([key]),
    CREATE_MULTIPART: s3.createMultipartUpload(key, ''),
    UPLOAD_PART: s3.uploadPart(key, 'upload', 1, t.random(10), ''),
  };
  for (const [op, outcome] of Object.entries(tried)) {
    const { failure, status, bytes } = outcome;
    if (failure === undefined || !classes.includes(failure.errorClass)) {
      throw new Error(`${op}: ${JSON.stringify(failure ?? 'success')}, not a failure that is ${classes.join(' or ')}`);
    }
    same(`status of ${op}`, status, 0);
    same(`bytes of ${op}`, bytes, 0);
    same(`endpoint of ${op}`, outcome.endpoint, hostOf(endpoint));
    if (failure.message === '') throw new Error(`${op} says nothing`);
    if (failure.message.includes('SECRETKEY')) throw new Error(`${op} says the key: ${failure.message}`);
  }
  same('objects of a failed LIST', s3.listObjects().objects, []);
  same('keys of a failed count', (await s3.countObjects()).keys, 0);
  same('keys of a failed batch', s3.deleteObjects([key]).failed, []);
}

function closedPort(t: Bench): Promise<void> {
  return allFail(t, CLOSED, ['connect']);
}

function unresolvable(t: Bench): Promise<void> {
  // No DNS server is asked for a .onion name: https://www.rfc-editor.org/rfc/rfc7686
  return allFail(t, 'http://nowhere.onion.:9000', ['connect']);
}

function wrongScheme(t: Bench): Promise<void> {
  const [endpoint = ''] = t.options.endpoints;
  const toTls = endpoint.startsWith('https');
  // A server that hangs up on a request it can't read looks like any other that does.
  if (toTls) return allFail(t, endpoint.replace('https', 'http'), ['connect', 'reset']);
  return allFail(t, endpoint.replace('http', 'https'), ['connect']);
}

async function rotation(t: Bench): Promise<void> {
  const { endpoints } = t.options;
  const key = t.key('object');
  await put(t, key, t.random(10));
  const hosts = endpoints.map(hostOf);
  same('endpoints given', hosts.length, 2);
  const asked = (firstEndpoint: number) => {
    const s3 = t.client({ endpoints, firstEndpoint });
    return [0, 1, 2, 3].map(() => succeeded('HEAD', s3.headObject(key, '')).endpoint);
  };
  same('endpoints', asked(0), [...hosts, ...hosts]);
  same('endpoints from the second', asked(1), [...hosts, ...hosts].reverse());
  same('endpoints of VU 6', asked(6), [...hosts, ...hosts]);
}

async function nextEndpoint(t: Bench): Promise<void> {
  const [endpoint = ''] = t.options.endpoints;
  const endpoints = [CLOSED, endpoint];
  same('endpoint', succeeded('HEAD', t.client({ endpoints }).headBucket()).endpoint, hostOf(endpoint));
  const batch = await t.client({ endpoints }).deleteObjectsAsync([t.key('never written')]);
  same('endpoint of a batch', succeeded('DeleteObjects', batch).endpoint, hostOf(endpoint));
  failed('HEAD tried once', t.client({ endpoints, attempts: 1 }).headBucket(), { errorClass: 'connect', status: 0 });
}

async function untrusted(t: Bench): Promise<void> {
  await allFail(t, t.options.endpoints[0] ?? '', ['connect']);
  const { failure } = t.client(ONCE).headBucket();
  if (!/x509|certificate/.test(failure?.message ?? '')) throw new Error(`it says "${failure?.message}"`);
}
