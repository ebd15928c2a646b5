/** Settings of the store: where it is, who asks, and how requests reach it. Pure; runs in k6 and in Node. */
import { basePathOf, endpointLabel } from './endpoint';
import { anyText, boolean, oneOf, positive, sizeBetween, text, wholeNumber } from './parse';
import type { Setting, Values } from './setting';
import { formatDuration, parseDuration, sizeLabel } from './units';

/** What `S3LOADTEST_BACKEND` may be. */
export const BACKENDS = ['native', 'http', 'jslib', 'proxy'] as const;
export type Backend = (typeof BACKENDS)[number];

/** Checksums of a body, as S3 has them: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html */
const CHECKSUMS = ['md5', 'crc32', 'crc32c', 'crc64nvme', 'sha1', 'sha256'] as const;
export type Checksum = (typeof CHECKSUMS)[number];

const MB = 1024 ** 2;
const MOST_PARTS_AT_ONCE = 64;
const MOST_RETRIES = 1_000;

function parseEndpoints(value: string): string[] | undefined {
  const endpoints = value
    .split(',')
    .map((part) => part.trim().replace(/\/+$/, ''))
    .filter((part) => part !== '');
  const valid = endpoints.every((e) => {
    const match =
      /^https?:\/\/(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?(?:\/[A-Za-z0-9._~-]+)*(?:#(?:\d+(?:\.\d+){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*))?$/.exec(
        e,
      );
    const port = Number(match?.[1] ?? 1);
    return match !== null && port >= 1 && port <= 65_535;
  });
  const paths = new Set(endpoints.map(basePathOf));
  // Figures are kept by host, port and path: the same by both schemes would be one endpoint with two shares.
  const hosts = new Set(endpoints.map(endpointLabel));
  return valid && paths.size === 1 && hosts.size === endpoints.length ? endpoints : undefined;
}

/** Headers that a request has anyway, and keys of SSE-C. */
const OWN_HEADER =
  /^(authorization|connection|content-length|content-md5|expect|host|range|transfer-encoding|user-agent|x-amz-(checksum-.*|content-sha256|date|decoded-content-length|sdk-checksum-algorithm|security-token|server-side-encryption-customer-.*|storage-class|trailer))$/;

/** `name: value` and more of them, with semicolons between; by lower-case name. */
function parseHeaders(value: string): Readonly<Record<string, string>> | undefined {
  const headers: Record<string, string> = {};
  for (const part of value.split(';')) {
    const [, name = '', text = ''] = /^\s*([A-Za-z0-9-]+)\s*:\s*([ -~]*[!-~])\s*$/.exec(part) ?? [];
    if (name === '' || OWN_HEADER.test(name.toLowerCase())) return undefined;
    headers[name.toLowerCase()] = text;
  }
  return headers;
}

/** Credentials that some VUs sign with. */
export interface User {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

function parseUsers(value: string): readonly User[] | undefined {
  try {
    const users: Partial<User>[] = JSON.parse(value);
    const isUser = ({ accessKeyId, secretAccessKey, sessionToken = '' }: Partial<User>) =>
      accessKeyId &&
      secretAccessKey &&
      [accessKeyId, secretAccessKey, sessionToken].every((text) => typeof text === 'string');
    return Array.isArray(users) && users.length > 0 && users.every((user) => user && isUser(user))
      ? (users as User[])
      : undefined;
  } catch {
    return undefined;
  }
}

export const store = {
  endpoints: {
    env: ['S3_ENDPOINTS', 'S3_POOL'],
    others: ['AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL'],
    help: 'S3 endpoints, separated by commas. Requests go to them in turn',
    required: true,
    parse: parseEndpoints,
    expected:
      'http://host:port or https://host:port, several separated by commas, none twice; with a path, such as /s3, the same for all; an address to connect to follows as #10.0.0.1',
  } satisfies Setting<string[]>,
  accessKeyId: {
    env: ['AWS_ACCESS_KEY_ID'],
    help: 'Access key',
    required: true,
    secret: true,
    // Stores have their own: tenant$user, test:tester.
    // A comma would end it in the Authorization header, and a quote at both ends is one that a shell left.
    parse: text(/^(?!(["']).*\1$)[!-+.-~-]+$/),
    expected: 'an access key: ASCII letters, digits and signs, without spaces and commas',
  } satisfies Setting<string>,
  secretAccessKey: {
    env: ['AWS_SECRET_ACCESS_KEY'],
    help: 'Secret key',
    required: true,
    secret: true,
    parse: text(/^[ -~\u00a0-\uffff]+$/),
    expected: 'a secret key without control characters',
  } satisfies Setting<string>,
  sessionToken: {
    env: ['AWS_SESSION_TOKEN'],
    help: 'Session token, for temporary credentials',
    secret: true,
    parse: text(/^\S+$/),
    expected: 'a session token without spaces',
  } satisfies Setting<string>,
  users: {
    env: ['S3LOADTEST_USERS'],
    help: 'Credentials of the profiles that a workload file names, which the CLI looks up',
    secret: true,
    parse: parseUsers,
    expected: 'a JSON list of accessKeyId, secretAccessKey and sessionToken, one for each profile',
  } satisfies Setting<readonly User[]>,
  sseCKey: {
    env: ['S3LOADTEST_SSE_C_KEY'],
    help: 'Key of --sse-c, 32 bytes in base64',
    secret: true,
    parse: text(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/),
    expected: '32 bytes in base64, as `openssl rand -base64 32` prints them',
  } satisfies Setting<string>,
  credentials: {
    env: ['S3LOADTEST_CREDENTIALS'],
    option: 'credentials <source>',
    help:
      "Where credentials come from: env; aws for AWS's provider chain here: profiles, SSO, processes, web identity, roles; worker " +
      'for that of each worker (dist and start) (CLI)',
    fallback: 'env',
    fallbackText: 'env; aws where AWS_PROFILE is set and no key',
    parse: oneOf('env', 'aws', 'worker'),
    expected: 'env, aws or worker',
  } satisfies Setting<'env' | 'aws' | 'worker'>,
  region: {
    env: ['AWS_REGION'],
    others: ['AWS_DEFAULT_REGION'],
    help: 'Region to sign requests for',
    fallback: 'us-east-1',
    parse: text(/^[A-Za-z0-9_-]+$/),
    expected: 'a region such as us-east-1',
  } satisfies Setting<string>,
  bucket: {
    env: ['S3_BUCKET'],
    help: 'Bucket to test',
    required: true,
    // Ceph has tenants, and older stores names that AWS does not take any more.
    parse: text(/^(?:[A-Za-z0-9_-]+:)?[A-Za-z0-9_][A-Za-z0-9._-]{2,254}$/),
    expected:
      'a bucket name: 3 or more letters, digits, dots, dashes and underscores; of another tenant as tenant:bucket',
  } satisfies Setting<string>,
  createBucket: {
    env: ['S3LOADTEST_CREATE_BUCKET'],
    option: 'create-bucket',
    help: 'Create the bucket where it is not there. It stays: cleanup deletes objects only',
    fallback: false,
    parse: boolean,
    expected: 'true or false',
  } satisfies Setting<boolean>,
  prefix: {
    env: ['S3LOADTEST_PREFIX'],
    option: 'prefix <prefix>',
    help: 'Prefix of every key',
    fallback: 'loadtest/',
    parse: text(/^(?:[A-Za-z0-9_-][A-Za-z0-9._-]*\/)+$/),
    expected: 'letters, digits, dots, dashes and slashes, with a slash at the end, such as loadtest/',
  } satisfies Setting<string>,
  verifySsl: {
    env: ['S3_VERIFY_SSL'],
    help: 'Verify TLS certificates',
    fallback: false,
    parse: boolean,
    expected: 'true or false',
  } satisfies Setting<boolean>,
  addressing: {
    env: ['S3_ADDRESSING'],
    help: 'Where URLs have the bucket: path (host/bucket/key) or virtual (bucket.host/key)',
    fallback: 'path',
    parse: oneOf('path', 'virtual'),
    expected: 'path or virtual',
  } satisfies Setting<'path' | 'virtual'>,
  timeout: {
    env: ['S3LOADTEST_TIMEOUT'],
    option: 'timeout <time>',
    help: 'How long a request may move no byte. k6 by itself can not tell (http and jslib backends): there it is the limit of a whole request',
    fallback: 60_000,
    fallbackText: '60s',
    parse: positive(parseDuration),
    expected: 'a duration such as 60s',
    show: formatDuration,
  } satisfies Setting<number>,
  requestTimeout: {
    env: ['S3LOADTEST_REQUEST_TIMEOUT'],
    option: 'request-timeout <time>',
    help: 'Time limit of a whole request, body included',
    fallbackText: 'none; with the http and jslib backends --timeout',
    parse: positive(parseDuration),
    expected: 'a duration such as 10m',
    show: formatDuration,
  } satisfies Setting<number>,
  headers: {
    env: ['S3LOADTEST_HEADERS'],
    option: 'header <header>',
    repeats: true,
    help: "A header to send with requests, such as 'x-amz-server-side-encryption: AES256', or several; those about objects go with what writes one",
    parse: parseHeaders,
    expected:
      "headers as 'x-amz-server-side-encryption: AES256'; not those that every request has; SSE-C by --sse-c, and its key, a secret, in S3LOADTEST_SSE_C_KEY",
    show: (value) =>
      Object.entries(value)
        .map(([name, text]) => `${name}: ${text}`)
        .join('; '),
  } satisfies Setting<Readonly<Record<string, string>>>,
  storageClass: {
    env: ['S3LOADTEST_STORAGE_CLASS'],
    option: 'storage-class <class>',
    help: 'Storage class of the objects written',
    parse: text(/^[A-Z][A-Z0-9_-]*$/),
    expected: 'a storage class such as STANDARD_IA',
  } satisfies Setting<string>,
  checksum: {
    env: ['S3LOADTEST_CHECKSUM'],
    option: 'checksum <algorithm>',
    help: 'Checksum to send with each object and part: md5, crc32, crc32c, crc64nvme, sha1 or sha256 (native backend; md5, sha1 and sha256 by all)',
    parse: oneOf(...CHECKSUMS),
    expected: 'md5, crc32, crc32c, crc64nvme, sha1 or sha256',
  } satisfies Setting<Checksum>,
  checksumTrailer: {
    env: ['S3LOADTEST_CHECKSUM_TRAILER'],
    option: 'checksum-trailer',
    help: "Send the checksum behind the body, which then goes in chunks, as AWS's SDKs do (all but md5): the native backend makes each body once",
    fallback: false,
    parse: boolean,
    expected: 'true or false',
  } satisfies Setting<boolean>,
  signPayload: {
    env: ['S3LOADTEST_SIGN_PAYLOAD'],
    option: 'sign-payload',
    help: 'Hash the bodies of objects and sign the hash, in place of UNSIGNED-PAYLOAD',
    fallback: false,
    parse: boolean,
    expected: 'true or false',
  } satisfies Setting<boolean>,
  sseC: {
    env: ['S3LOADTEST_SSE_C'],
    option: 'sse-c',
    help: 'Have the store encrypt objects with the key in S3LOADTEST_SSE_C_KEY, and send it with what reads them (SSE-C)',
    fallback: false,
    parse: boolean,
    expected: 'true or false',
  } satisfies Setting<boolean>,
  check: {
    env: ['S3LOADTEST_CHECK'],
    option: 'no-check',
    help: 'Try the bucket before the load: a listing at each endpoint, one object written, read and deleted. With --no-check not',
    fallback: true,
    parse: boolean,
    expected: 'true or false',
  } satisfies Setting<boolean>,
  httpProxy: {
    env: ['S3LOADTEST_HTTP_PROXY'],
    option: 'http-proxy <which>',
    help: 'Whether requests go through the HTTP proxy that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name (environment), or through none (CLI)',
    fallback: 'environment',
    parse: oneOf('environment', 'none'),
    expected: 'environment or none; the proxy itself stands in HTTP_PROXY or HTTPS_PROXY',
  } satisfies Setting<'environment' | 'none'>,
  resolve: {
    env: ['S3LOADTEST_RESOLVE'],
    option: 'resolve <addresses>',
    help: 'Of a host name with several addresses: any of them, as connections are made, or all, each an endpoint with figures of its own (CLI)',
    fallback: 'any',
    parse: text(/^(?:any|all)$/),
    expected: 'any or all',
  } satisfies Setting<string>,
  allowPartial: {
    env: ['S3LOADTEST_ALLOW_PARTIAL'],
    option: 'allow-partial',
    help: 'Begin even if some of the endpoints do not answer, or some of the workers of `dist` can not run',
    fallback: false,
    parse: boolean,
    expected: 'true or false',
  } satisfies Setting<boolean>,
  partSize: {
    env: ['S3LOADTEST_PART_SIZE'],
    help: 'Part size of multipart uploads. Larger objects are uploaded in parts',
    fallback: 8 * MB,
    parse: sizeBetween(5 * MB, 1024 * MB),
    expected: 'a size from 5MB to 1GB',
    show: sizeLabel,
  } satisfies Setting<number>,
  partConcurrency: {
    env: ['S3LOADTEST_PART_CONCURRENCY'],
    option: 'part-concurrency <n>',
    help: 'Parts of one upload that are sent at once',
    fallbackText: '1',
    parse: wholeNumber(1, MOST_PARTS_AT_ONCE),
    expected: `a whole number from 1 to ${MOST_PARTS_AT_ONCE}`,
  } satisfies Setting<number>,
  retries: {
    env: ['S3LOADTEST_RETRIES'],
    option: 'retries <n>',
    help: 'How often a request is repeated whose failure may pass',
    fallbackText: '4',
    parse: wholeNumber(0, MOST_RETRIES),
    expected: `a whole number from 0 to ${MOST_RETRIES}`,
  } satisfies Setting<number>,
  retryDelay: {
    env: ['S3LOADTEST_RETRY_DELAY'],
    option: 'retry-delay <time>',
    help: 'Repeat what is answered with 503 and nothing else, each time after so long',
    fallbackText: '0.1s, doubling up to 30s, for each failure that may pass',
    parse: positive(parseDuration),
    expected: 'a duration above 0 such as 500ms',
    show: formatDuration,
  } satisfies Setting<number>,
  backend: {
    env: ['S3LOADTEST_BACKEND'],
    help:
      "S3 client: native (Go, in the project's k6), http (k6/http with our own SigV4), jslib (Grafana's k6-jslib-aws) or " +
      'proxy (unsigned requests to a proxy that signs them, such as s3pool)',
    fallback: 'http',
    fallbackText: 'native where k6 has it, else http',
    parse: oneOf(...BACKENDS),
    expected:
      'native, http, jslib or proxy; boto3 and minio name Python clients, which k6 can not run: leave it out instead, or ' +
      'give http',
  } satisfies Setting<Backend>,
  jslibUrl: {
    env: ['S3LOADTEST_JSLIB_URL'],
    help: 'Where to load the jslib backend from: an https:// address or the path of a file',
    fallback: 'https://jslib.k6.io/aws/0.14.0/index.js',
    // k6 loads modules from these, and from nowhere else.
    parse: text(/^(?:https:\/\/\S+|file:\/\/\S+|(?!\w*:\/\/).*\S.*)$/),
    expected: 'an https:// address or the path of a file',
  } satisfies Setting<string>,
  s3poolBinary: {
    env: ['S3POOL_BINARY'],
    help:
      'Signing proxy that `run` starts for the proxy backend, as `proxy --insecure --listen 127.0.0.1:PORT`; `none` where ' +
      'S3_ENDPOINTS are proxies that already run, which makes credentials optional',
    fallbackText: 's3pool on PATH, else what S3POOL_URL has',
    parse: (value) => (/^none$/i.test(value.trim()) ? NO_PROXY_STARTED : anyText(value)),
    expected: 'the path of s3pool, or of a program that takes the same arguments; or none',
  } satisfies Setting<string>,
  s3poolUrl: {
    env: ['S3POOL_URL'],
    help: 'Where to fetch s3pool from if it is not on PATH: a binary, or a .tar.gz or .zip with it in it. Takes S3POOL_SHA256',
    parse: text(/^https?:\/\/[^/\s]+\/\S+$/),
    expected: 'an https:// address',
  } satisfies Setting<string>,
  s3poolSha256: {
    env: ['S3POOL_SHA256'],
    help: 'SHA-256 of what S3POOL_URL has: anything else is not run',
    parse: (value) => (/^[0-9a-f]{64}$/i.test(value.trim()) ? value.trim().toLowerCase() : undefined),
    expected: '64 hexadecimal digits, as sha256sum prints them',
  } satisfies Setting<string>,
};

export type StoreSettings = Values<typeof store>;

/** Secrets may come later than other settings, when the run begins; an archive of a run must not hold them. */
export const CREDENTIALS = ['accessKeyId', 'secretAccessKey', 'sessionToken', 'sseCKey'] as const;
export type CredentialName = (typeof CREDENTIALS)[number];

/** What S3POOL_BINARY is where none is to be started. */
export const NO_PROXY_STARTED = 'none';

/**
 * Whether requests go to proxies that already run: those sign, and have the credentials. A proxy that is started gets the
 * credentials from here.
 */
export function leavesSigning({
  backend,
  s3poolBinary,
}: {
  readonly backend: Backend;
  readonly s3poolBinary?: string | undefined;
}): boolean {
  return backend === 'proxy' && s3poolBinary?.trim().toLowerCase() === NO_PROXY_STARTED;
}
