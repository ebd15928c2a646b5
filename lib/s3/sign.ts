/**
 * AWS Signature Version 4, a function a step of the specification:
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html. Pure: the caller gives the
 * hash functions, `k6/crypto` in k6 and `node:crypto` in tests.
 */

/** The hashes that SigV4 needs, in the shape that `k6/crypto` has them: a wrapper would cost k6 more than some hashes. */
export interface Hashes {
  /** `algorithm` is 'sha256'; hex is lower-case. */
  sha256(data: string | ArrayBuffer, encoding: 'hex'): string;
  hmac(algorithm: 'sha256', key: string | ArrayBuffer, data: string, encoding: 'hex'): string;
  hmac(algorithm: 'sha256', key: string | ArrayBuffer, data: string, encoding: 'binary'): ArrayBuffer;
}

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/** The hash of a body that is not hashed; S3 takes it in its place. */
export const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD';
const ALGORITHM = 'AWS4-HMAC-SHA256';

/** `20130524T000000Z` of milliseconds since 1970. */
export function amzDate(ms: number): string {
  return new Date(ms).toISOString().replace(/[:-]|\.\d{3}/g, '');
}

/** Headers, by lower-case name, as the canonical request has them: sorted, a line each, values with single spaces. */
export function canonicalHeaders(headers: Readonly<Record<string, string>>): { block: string; signed: string } {
  const names = Object.keys(headers).sort();
  const block = names.map((name) => `${name}:${(headers[name] ?? '').trim().replace(/ +/g, ' ')}\n`).join('');
  return { block, signed: names.join(';') };
}

/** The canonical request. `path` and `query` are already encoded and, for the query, in order. */
export function canonicalRequest(
  method: string,
  path: string,
  query: string,
  headers: { block: string; signed: string },
  payloadHash: string,
): string {
  return `${method}\n${path}\n${query}\n${headers.block}\n${headers.signed}\n${payloadHash}`;
}

/** `20130524/us-east-1/s3/aws4_request`. */
export function credentialScope(date: string, region: string, service: string): string {
  return `${date.slice(0, 8)}/${region}/${service}/aws4_request`;
}

/** The string to sign, of a date, a scope and the hash of a canonical request. */
export function stringToSign(date: string, scope: string, requestHash: string): string {
  return `${ALGORITHM}\n${date}\n${scope}\n${requestHash}`;
}

/** The signing key of a day, a region and a service: four HMACs, worth keeping. */
export function signingKey(hashes: Hashes, secret: string, scope: string): ArrayBuffer {
  const [day = '', region = '', service = '', terminator = ''] = scope.split('/');
  let key = hashes.hmac('sha256', `AWS4${secret}`, day, 'binary');
  for (const step of [region, service, terminator]) key = hashes.hmac('sha256', key, step, 'binary');
  return key;
}

/** The Authorization header's value up to the signature, which is added at its end. */
export function authorization(accessKeyId: string, scope: string, signed: string): string {
  return `${ALGORITHM} Credential=${accessKeyId}/${scope}, SignedHeaders=${signed}, Signature=`;
}

/** Signs requests to one host. */
export interface Signer {
  /**
   * The headers to send with a request whose body is not hashed. The object is used again by the next call: send it
   * before signing another. k6 adds Host itself. A signer that hashes every body takes `body` for that.
   */
  sign(method: string, path: string, query: string, body?: SignedBody): Record<string, string>;
  /** The same for a request with more headers to sign (lower-case names) or a hashed body. */
  signWith(
    method: string,
    path: string,
    query: string,
    more: Readonly<Record<string, string>>,
    payloadHash: string,
    body?: SignedBody,
  ): Record<string, string>;
  /** The fields of a form that say who signs it, and its policy with the signature. `policyOf` gives that in base64, by the former. */
  form(policyOf: (by: Readonly<Record<string, string>>) => string): Record<string, string>;
}

type SignedBody = ArrayBuffer | string | null;

const NO_HEADERS: Record<string, string> = {};

/** Signs nothing: for requests to a proxy that does. */
export const unsigned: Signer = {
  sign: () => NO_HEADERS,
  signWith: (_method, _path, _query, more) => ({ ...more }),
  form: () => ({}),
};

/**
 * A signer that keeps the signing key for a day, and everything but method, path and query for a second: so a plain
 * request, which is almost every one, costs a hash, an HMAC and three joined strings. `host` is as the Host header has it,
 * with the port unless it is the scheme's own; `now` gives milliseconds since 1970.
 */
export function createSigner(
  hashes: Hashes,
  credentials: Credentials,
  region: string,
  host: string,
  now: () => number = Date.now,
  /** Those that have taken the place of `credentials`, if any have. */
  latest: () => Credentials | undefined = () => undefined,
): Signer {
  let { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const { sha256, hmac } = hashes;
  // The second that all of this is of, in milliseconds since 1970. A clock may be set back, so both its ends are looked at.
  let begins = Number.POSITIVE_INFINITY;
  let expires = 0;
  let date = '';
  let scope = '';
  let key = new ArrayBuffer(0);
  let headers: Record<string, string> = {};
  // The canonical request of a plain request from its fourth line on, and what stands before the hash and the signature.
  let requestTail = '';
  let toSignHead = '';
  let authorizationHead = '';

  const token = () => (sessionToken ? { 'x-amz-security-token': sessionToken } : undefined);

  const headersFor = (payloadHash: string, more: Readonly<Record<string, string>>): Record<string, string> => {
    return { ...more, ...token(), 'x-amz-content-sha256': payloadHash, 'x-amz-date': date };
  };

  /** The clock's work, once a second. */
  const renew = (ms: number): void => {
    begins = ms - (ms % 1000);
    expires = begins + 1000;
    date = amzDate(ms);
    const today = credentialScope(date, region, 's3');
    const renewed = latest();
    if (renewed !== undefined && renewed.accessKeyId !== accessKeyId) {
      ({ accessKeyId, secretAccessKey, sessionToken } = renewed);
      scope = '';
    }
    if (today !== scope) {
      scope = today;
      key = signingKey(hashes, secretAccessKey, scope);
    }
    headers = headersFor(UNSIGNED_PAYLOAD, {});
    const canonical = canonicalHeaders({ ...headers, host });
    requestTail = canonicalRequest('', '', '', canonical, UNSIGNED_PAYLOAD).slice(3);
    toSignHead = stringToSign(date, scope, '');
    authorizationHead = authorization(accessKeyId, scope, canonical.signed);
  };

  return {
    sign: (method, path, query) => {
      const ms = now();
      if (ms >= expires || ms < begins) renew(ms);
      const requestHash = sha256(`${method}\n${path}\n${query}\n${requestTail}`, 'hex');
      headers.authorization = authorizationHead + hmac('sha256', key, toSignHead + requestHash, 'hex');
      return headers;
    },
    signWith: (method, path, query, more, payloadHash) => {
      const ms = now();
      if (ms >= expires || ms < begins) renew(ms);
      const own = headersFor(payloadHash, more);
      const canonical = canonicalHeaders({ ...own, host });
      const requestHash = sha256(canonicalRequest(method, path, query, canonical, payloadHash), 'hex');
      const signature = hmac('sha256', key, stringToSign(date, scope, requestHash), 'hex');
      return { ...own, authorization: authorization(accessKeyId, scope, canonical.signed) + signature };
    },
    form: (policyOf) => {
      const ms = now();
      if (ms >= expires || ms < begins) renew(ms);
      const credential = { 'x-amz-algorithm': ALGORITHM, 'x-amz-credential': `${accessKeyId}/${scope}` };
      const by = { ...credential, 'x-amz-date': date, ...token() };
      const policy = policyOf(by);
      return { ...by, policy, 'x-amz-signature': hmac('sha256', key, policy, 'hex') };
    },
  };
}
