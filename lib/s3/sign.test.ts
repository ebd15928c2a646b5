import { createHash, createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import policy from '../../extension/sigv4/testdata/policy.json';
import vectors from '../../extension/sigv4/testdata/vectors.json';
import {
  amzDate,
  authorization,
  type Credentials,
  canonicalHeaders,
  canonicalRequest,
  createSigner,
  credentialScope,
  type Hashes,
  type Signer,
  signingKey,
  stringToSign,
  UNSIGNED_PAYLOAD,
  unsigned,
} from './sign';
import { canonicalQuery, encodeKey } from './uri';

/** node:crypto in the shape of k6/crypto, counting calls: what a request costs in k6 is hashes and HMACs. */
function countingHashes(): { hashes: Hashes; calls: { sha256: number; hmac: number } } {
  const calls = { sha256: 0, hmac: 0 };
  const bytes = (data: string | ArrayBuffer) => (typeof data === 'string' ? data : Buffer.from(data));
  function hmac(algorithm: 'sha256', key: string | ArrayBuffer, data: string, encoding: 'hex'): string;
  function hmac(algorithm: 'sha256', key: string | ArrayBuffer, data: string, encoding: 'binary'): ArrayBuffer;
  function hmac(algorithm: 'sha256', key: string | ArrayBuffer, data: string, encoding: 'hex' | 'binary') {
    calls.hmac++;
    const mac = createHmac(algorithm, bytes(key)).update(data);
    return encoding === 'hex' ? mac.digest('hex') : new Uint8Array(mac.digest()).buffer;
  }
  const sha256 = (data: string | ArrayBuffer, encoding: 'hex') => {
    calls.sha256++;
    return createHash('sha256').update(bytes(data)).digest(encoding);
  };
  return { hashes: { sha256, hmac }, calls };
}

const { hashes } = countingHashes();

/** A request, and what AWS publishes of every stage of signing it. */
interface Published {
  readonly name: string;
  /** What an implementation that fails here alone gets wrong. */
  readonly why: string;
  readonly method: string;
  /** As a user means it: the path unencoded, the query in no order. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly payloadHash: string;
  readonly canonical: string;
  /** Of the canonical request: the last line of the string to sign. */
  readonly requestHash: string;
  readonly signature: string;
}

/** A request of an empty query or an encoded one, whose body is not hashed. */
interface PlainRequest {
  readonly why: string;
  readonly host: string;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly date: string;
  readonly sessionToken?: string;
  readonly signature: string;
}

interface Suite {
  readonly source: string;
  readonly credentials: Credentials;
  readonly date: string;
  readonly service: string;
  /** The signing key, in hex: not published with the cases, but worked out apart, by Python's hmac. */
  readonly key: string;
  readonly cases: readonly Published[];
}

/**
 * AWS's test suite for SigV4, the cases that our functions can meet; the examples of S3's documentation; and `plain`: signatures
 * by botocore 1.43's S3SigV4Auth, with the clock held and the payload unsigned. Left out of the suite: normalised paths (S3
 * normalises none), presigned URLs, and headers over several lines (HTTP has done away with them). Go is held against them, too.
 */
const { suites, plain } = vectors as unknown as {
  readonly suites: readonly [Suite, Suite];
  readonly plain: readonly PlainRequest[];
};
const S3_EXAMPLES = suites[1];
const S3_HOST = 'examplebucket.s3.amazonaws.com';

// Every stage begins with what AWS publishes of the stage before, not with our own: so a broken step fails alone.
describe.each(suites)('$source', ({ credentials, date, service, key, cases }) => {
  const scope = credentialScope(date, 'us-east-1', service);

  test.each(cases)(
    '$name, canonical request: $why',
    ({ method, path, query = {}, headers, payloadHash, canonical }) => {
      const block = canonicalHeaders(headers);
      expect(canonicalRequest(method, encodeKey(path), canonicalQuery(query), block, payloadHash)).toBe(canonical);
    },
  );

  test.each(cases)('$name, string to sign', ({ canonical, requestHash }) => {
    expect(hashes.sha256(canonical, 'hex')).toBe(requestHash);
    expect(stringToSign(date, scope, hashes.sha256(canonical, 'hex'))).toBe(
      `AWS4-HMAC-SHA256\n${date}\n${date.slice(0, 8)}/us-east-1/${service}/aws4_request\n${requestHash}`,
    );
  });

  test('signing key', () => {
    expect(Buffer.from(signingKey(hashes, credentials.secretAccessKey, scope)).toString('hex')).toBe(key);
  });

  test.each(cases)('$name, signature', ({ requestHash, signature }) => {
    const toSign = `AWS4-HMAC-SHA256\n${date}\n${date.slice(0, 8)}/us-east-1/${service}/aws4_request\n${requestHash}`;
    const own = signingKey(hashes, credentials.secretAccessKey, scope);
    expect(hashes.hmac('sha256', own, toSign, 'hex')).toBe(signature);
  });

  test.each(cases)('$name, authorization', ({ headers, signature }) => {
    const names = Object.keys(headers).sort().join(';');
    expect(authorization(credentials.accessKeyId, scope, names) + signature).toBe(
      `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${date.slice(0, 8)}/us-east-1/${service}/aws4_request, SignedHeaders=${names}, Signature=${signature}`,
    );
  });
});

test.each([
  // https://docs.aws.amazon.com/general/latest/gr/signature-v4-examples.html, as it stood until 2022
  {
    secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
    scope: '20120215/us-east-1/iam/aws4_request',
    key: 'f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d',
  },
  // https://docs.aws.amazon.com/general/latest/gr/sigv4-calculate-signature.html, likewise
  {
    secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
    scope: '20150830/us-east-1/iam/aws4_request',
    key: 'c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9',
  },
])('the signing key that AWS gives for $scope', ({ secret, scope, key }) => {
  expect(Buffer.from(signingKey(hashes, secret, scope)).toString('hex')).toBe(key);
});

test.each([
  { ms: Date.UTC(2013, 4, 24), date: '20130524T000000Z', why: 'midnight' },
  { ms: Date.UTC(2015, 7, 30, 12, 36), date: '20150830T123600Z', why: 'two digits everywhere' },
  {
    ms: Date.UTC(2024, 1, 29, 23, 59, 59, 999),
    date: '20240229T235959Z',
    why: 'milliseconds are cut, never rounded up',
  },
])('date of a request: $date ($why)', ({ ms, date }) => {
  expect(amzDate(ms)).toBe(date);
});

/** A signer on a clock that the test sets, and what it has cost. */
function clockedSigner(host: string, credentials: Partial<Credentials> = {}) {
  const clock = { ms: Date.UTC(2013, 4, 24) };
  const counted = countingHashes();
  const all = { ...S3_EXAMPLES.credentials, ...credentials };
  const signer = createSigner(counted.hashes, all, 'us-east-1', host, () => clock.ms);
  return { clock, signer, calls: counted.calls };
}

const at = (date: string) => {
  const [, y, mo, d, h, mi, s] = /^(....)(..)(..)T(..)(..)(..)Z$/.exec(date) ?? [];
  return Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s));
};

describe('createSigner', () => {
  test.each(S3_EXAMPLES.cases)(
    'signs S3 example $name',
    ({ method, path, query = {}, headers, payloadHash, signature }) => {
      const { signer } = clockedSigner(S3_HOST);
      const { host: _, 'x-amz-date': __, 'x-amz-content-sha256': ___, ...more } = headers as Record<string, string>;
      const sent = signer.signWith(method, encodeKey(path), canonicalQuery(query), more, payloadHash);
      expect(sent.authorization).toMatch(new RegExp(`Signature=${signature}$`));
      // What is signed is what is sent; Host is k6's to send.
      expect({ ...sent, authorization: undefined, host: S3_HOST }).toEqual({ ...headers, authorization: undefined });
    },
  );

  const TOKEN_SENT = 'FwoGZXIvYXdzEBYaD/example+token==';
  test.each(plain)('sign and signWith agree with botocore: $why', (row) => {
    const { clock, signer } = clockedSigner(row.host, { sessionToken: row.sessionToken });
    clock.ms = at(row.date);
    const quick = { ...signer.sign(row.method, row.path, row.query) };
    expect(quick.authorization).toMatch(new RegExp(`Signature=${row.signature}$`));
    expect(signer.signWith(row.method, row.path, row.query, {}, UNSIGNED_PAYLOAD)).toEqual(quick);
    // A caller's undefined token is no token: k6 would send the text 'undefined'.
    expect('x-amz-security-token' in quick).toBe(row.sessionToken !== undefined);
  });

  test('an empty token is none: S3 refuses the header without a value', () => {
    const { signer } = clockedSigner('127.0.0.1:9000', { sessionToken: '' });
    expect(Object.keys(signer.sign('GET', '/bucket/key', '')).sort()).toEqual([
      'authorization',
      'x-amz-content-sha256',
      'x-amz-date',
    ]);
  });

  test('headers to sign come on top of the usual ones, the token included', () => {
    const { signer } = clockedSigner('127.0.0.1:9000', { sessionToken: TOKEN_SENT });
    expect(signer.signWith('GET', '/bucket/key', '', { range: 'bytes=0-9' }, UNSIGNED_PAYLOAD)).toEqual({
      range: 'bytes=0-9',
      'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
      'x-amz-date': '20130524T000000Z',
      'x-amz-security-token': TOKEN_SENT,
      authorization:
        'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=host;range;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=ce581bcab265c79a300b3d69bec29d8a8be13f78dbd76c51175bf7175e0432b4',
    });
  });

  const methods: Record<string, (signer: Signer) => Record<string, string>> = {
    sign: (signer) => signer.sign('GET', '/bucket/key', ''),
    signWith: (signer) => signer.signWith('GET', '/bucket/key', '', {}, UNSIGNED_PAYLOAD),
  };

  test.each(Object.entries(methods))(
    '%s: a request costs one hash and one HMAC; a key four more, once a day',
    (_, sign) => {
      const { clock, signer, calls } = clockedSigner('h');
      const cost = (ms: number) => {
        const before = { ...calls };
        clock.ms = ms;
        sign(signer);
        return { sha256: calls.sha256 - before.sha256, hmac: calls.hmac - before.hmac };
      };
      const day = Date.UTC(2013, 4, 24);
      expect(cost(day)).toEqual({ sha256: 1, hmac: 5 }); // the first derives the key
      expect(cost(day)).toEqual({ sha256: 1, hmac: 1 });
      expect(cost(day + 999)).toEqual({ sha256: 1, hmac: 1 });
      expect(cost(day + 1000)).toEqual({ sha256: 1, hmac: 1 }); // a new second is a new date, not a new key
      expect(cost(day + 86_399_999)).toEqual({ sha256: 1, hmac: 1 });
      expect(cost(day + 86_400_000)).toEqual({ sha256: 1, hmac: 5 });
      expect(cost(day + 86_400_001)).toEqual({ sha256: 1, hmac: 1 });
    },
  );

  test.each(Object.entries(methods))('%s: the date is the second of the clock, whichever way that goes', (_, sign) => {
    const { clock, signer } = clockedSigner('h');
    const dateAt = (ms: number) => {
      clock.ms = ms;
      const sent = sign(signer);
      const scope = /Credential=[^/]+\/(\d{8})\//.exec(sent.authorization ?? '')?.[1];
      return `${scope} ${sent['x-amz-date']}`;
    };
    const noon = Date.UTC(2013, 4, 24, 12, 0, 0, 500);
    expect(dateAt(noon)).toBe('20130524 20130524T120000Z');
    expect(dateAt(noon + 499)).toBe('20130524 20130524T120000Z');
    expect(dateAt(noon + 500)).toBe('20130524 20130524T120001Z');
    expect(dateAt(noon + 86_400_000)).toBe('20130525 20130525T120000Z');
    // NTP may set a clock back by more than the 15 minutes that S3 allows: a date kept until then would be refused.
    expect(dateAt(noon - 3_600_000)).toBe('20130524 20130524T110000Z');
  });

  test('sign gives one object again within a second, as it says: what is sent must be sent before the next', () => {
    const { signer } = clockedSigner('h');
    const first = signer.sign('GET', '/a', '');
    const second = signer.sign('GET', '/b', '');
    expect(second).toBe(first);
    expect(signer.signWith('GET', '/a', '', {}, UNSIGNED_PAYLOAD)).not.toBe(first);
  });
});

test('what is not signed has no headers but those that were given', () => {
  expect(unsigned.form(() => '')).toEqual({});
  expect(unsigned.sign('GET', '/b/k', '')).toEqual({});
  expect(unsigned.signWith('POST', '/b', 'delete=', { 'content-md5': 'x' }, UNSIGNED_PAYLOAD)).toEqual({
    'content-md5': 'x',
  });
});

test("a form's policy is signed as S3's own example", () => {
  // https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-post-example.html
  const credentials = {
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  };
  const now = () => Date.UTC(2015, 11, 29);
  let given: unknown;
  const fields = createSigner(hashes, credentials, 'us-east-1', 'host', now).form((by) => {
    given = by;
    return policy.example;
  });
  const by = {
    'x-amz-algorithm': 'AWS4-HMAC-SHA256',
    'x-amz-credential': 'AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request',
    'x-amz-date': '20151229T000000Z',
  };
  expect(given).toEqual(by);
  expect(fields).toEqual({ ...by, policy: policy.example, 'x-amz-signature': policy.signature });
  const temporary = createSigner(hashes, { ...credentials, sessionToken: 't' }, 'us-east-1', 'host', now);
  expect(temporary.form(() => '')['x-amz-security-token']).toBe('t');
});
