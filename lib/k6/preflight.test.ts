import { describe, expect, test } from 'vitest';
import { fakeS3, OK } from '../../test/fake-s3';
import type { S3 } from '../../test/s3';
import { classifyStatus, classifyTransport } from '../s3/classify';
import { explain, exposureText } from '../s3/explain';
import type { Failure, Outcome } from '../s3/outcome';
import { USED_KEY } from '../s3/sse-c';
import { preflight } from './preflight';

const ENDPOINT = '10.0.0.1:9000';
const NOW = Date.UTC(2026, 10, 21, 12);
type Checked = Parameters<typeof explain>[2];

const config: Checked = {
  endpoints: [`http://${ENDPOINT}`],
  bucket: 'load',
  region: 'us-east-1',
  verifySsl: true,
  addressing: 'path',
  backend: 'http',
  timeout: 60_000,
};
const LONGER = 'S3LOADTEST_TIMEOUT or --timeout gives it longer';

/** As the client makes it of an answer. */
function answered(
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Outcome {
  const failure: Failure = { errorClass: classifyStatus(status, code), code, message };
  return { failure, status, bytes: 0, ms: 1, endpoint: ENDPOINT, headers };
}

/** And where none came. */
function silent(message: string, endpoint = ENDPOINT): Outcome {
  return {
    failure: { errorClass: classifyTransport(message), code: '', message },
    status: 0,
    bytes: 0,
    ms: 1,
    endpoint,
  };
}

/** A success with other bytes than were written. */
const otherLength = (message: string): Outcome => ({
  ...answered(200, '', ''),
  failure: { errorClass: 'corrupt', code: '', message },
});

interface Row {
  readonly outcome: Outcome;
  readonly config?: Partial<Checked>;
  readonly says: string;
  readonly why: string;
}

const serverTime = (minutes: number) => ({ date: new Date(NOW + minutes * 60_000).toUTCString() });

const rows: readonly Row[] = [
  {
    outcome: answered(403, 'InvalidAccessKeyId', 'The key does not exist.'),
    says: `AWS_ACCESS_KEY_ID is not known to ${ENDPOINT} (403 InvalidAccessKeyId: The key does not exist.)`,
    why: 'AWS, MinIO, RGW',
  },
  {
    outcome: answered(403, 'XAdminUserNotFound', ''),
    says: `AWS_ACCESS_KEY_ID is not known to ${ENDPOINT} (403 XAdminUserNotFound)`,
    why: 'versitygw',
  },
  {
    outcome: answered(403, 'SignatureDoesNotMatch', 'Check your key.'),
    says: `AWS_SECRET_ACCESS_KEY is not the secret of AWS_ACCESS_KEY_ID at ${ENDPOINT} (403 SignatureDoesNotMatch: Check your key.)`,
    why: 'the other half of the credentials',
  },
  {
    outcome: answered(403, 'AccessDenied', ''),
    config: { backend: 'proxy', s3poolBinary: 'none' },
    says:
      `S3_ENDPOINTS: ${ENDPOINT} refuses requests that are not signed (403 AccessDenied): is it a proxy that signs, as ` +
      'S3LOADTEST_BACKEND=proxy has it, and may its credentials list "load"?',
    why: 'a store in place of a proxy',
  },
  {
    outcome: answered(403, 'InvalidAccessKeyId', ''),
    config: { backend: 'proxy', s3poolBinary: 'none' },
    says:
      `S3_ENDPOINTS: ${ENDPOINT} refuses requests that are not signed (403 InvalidAccessKeyId): is it a proxy that signs, as ` +
      'S3LOADTEST_BACKEND=proxy has it, and may its credentials list "load"?',
    why: "a proxy's credentials are not those of our settings",
  },
  {
    outcome: answered(403, 'InvalidAccessKeyId', ''),
    config: { backend: 'proxy', s3poolBinary: '/opt/s3pool' },
    says: `AWS_ACCESS_KEY_ID is not known to ${ENDPOINT} (403 InvalidAccessKeyId)`,
    why: 'but those of one that we started are',
  },
  {
    outcome: answered(400, 'ExpiredToken', 'The provided token has expired.'),
    says: `AWS_SESSION_TOKEN is not valid at ${ENDPOINT} (400 ExpiredToken: The provided token has expired.)`,
    why: 'temporary credentials end',
  },
  {
    outcome: answered(403, 'InvalidToken', ''),
    says: `AWS_SESSION_TOKEN is not valid at ${ENDPOINT} (403 InvalidToken)`,
    why: "or are another service's",
  },
  {
    outcome: answered(404, 'NoSuchBucket', ''),
    says: `S3_BUCKET "load" is not at ${ENDPOINT} (404 NoSuchBucket): --create-bucket creates it, or name another`,
    why: 'we make no buckets unasked',
  },
  {
    outcome: answered(403, 'AccessDenied', 'Access Denied.'),
    says: `S3_BUCKET "load": the credentials may not list it at ${ENDPOINT} (403 AccessDenied: Access Denied.)`,
    why: 'known, but not allowed',
  },
  {
    outcome: answered(404, '', ''),
    says: `S3_BUCKET "load": ${ENDPOINT} answers 404: is it an S3 endpoint, and S3_ADDRESSING=path right for it?`,
    why: 'a web server',
  },
  {
    outcome: {
      ...answered(200, '', ''),
      failure: { errorClass: 'corrupt', code: '', message: 'the answer is no listing' },
    },
    says: `S3_ENDPOINTS: ${ENDPOINT} answers 200: the answer is no listing: is it an S3 endpoint?`,
    why: 'a web server with a page for everything',
  },
  {
    outcome: answered(503, 'SlowDown', 'Reduce your rate.'),
    says: `S3_ENDPOINTS: ${ENDPOINT} does not let us list "load": it answers 503 SlowDown: Reduce your rate.`,
    why: 'it is not up to it',
  },
  // Regions
  {
    outcome: answered(
      400,
      'AuthorizationHeaderMalformed',
      "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'",
    ),
    says: `AWS_REGION "us-east-1" is not the region of ${ENDPOINT} (400 AuthorizationHeaderMalformed: The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'): give "eu-west-1"`,
    why: 'AWS says which is right',
  },
  {
    outcome: answered(400, 'AuthorizationHeaderMalformed', 'the region "us-east-1" is wrong; expecting "garage"'),
    says: `AWS_REGION "us-east-1" is not the region of ${ENDPOINT} (400 AuthorizationHeaderMalformed: the region "us-east-1" is wrong; expecting "garage"): give "garage"`,
    why: 'versitygw, in other quotes',
  },
  {
    outcome: answered(
      400,
      'AuthorizationHeaderMalformed',
      'unexpected scope: 20261121/us-east-1/s3/aws4_request, expected: 20261121/garage/s3/aws4_request',
    ),
    says: `AWS_REGION "us-east-1" is not the region of ${ENDPOINT} (400 AuthorizationHeaderMalformed: unexpected scope: 20261121/us-east-1/s3/aws4_request, expected: 20261121/garage/s3/aws4_request)`,
    why: 'a date is no region to give',
  },
  {
    outcome: answered(301, 'PermanentRedirect', 'Use the specified endpoint.', { 'x-amz-bucket-region': 'eu-west-1' }),
    says: `AWS_REGION "us-east-1" is not the region of ${ENDPOINT} (301 PermanentRedirect: Use the specified endpoint.): give "eu-west-1"`,
    why: 'AWS, at the endpoint of another region',
  },
  {
    outcome: answered(307, 'TemporaryRedirect', '', { 'x-amz-bucket-region': 'us-east-1' }),
    says: `S3_ENDPOINTS: ${ENDPOINT} redirects (307 TemporaryRedirect) and does not say where to: give the endpoint that "load" is at`,
    why: 'the region that is set already is no advice',
  },
  {
    outcome: answered(302, '', ''),
    says: `S3_ENDPOINTS: ${ENDPOINT} redirects (302) and does not say where to: give the endpoint that "load" is at`,
    why: 'a gateway that says nothing',
  },
  {
    outcome: answered(400, 'TokenRefreshRequired', ''),
    says: `AWS_SESSION_TOKEN is not valid at ${ENDPOINT} (400 TokenRefreshRequired)`,
    why: 'another way to say that it has ended',
  },
  {
    outcome: answered(400, 'RequestExpired', '', serverTime(7)),
    says: `this machine's clock is 7 minutes behind the clock of ${ENDPOINT} (400 RequestExpired): set it right, by NTP`,
    why: 'a request that is old is one of a clock that is late',
  },
  // Redirects
  {
    outcome: answered(301, 'PermanentRedirect', 'Use the specified endpoint. at load.s3.eu-west-1.amazonaws.com', {
      'x-amz-bucket-region': 'eu-west-1',
    }),
    says: `AWS_REGION "us-east-1" is not the region of ${ENDPOINT} (301 PermanentRedirect: Use the specified endpoint. at load.s3.eu-west-1.amazonaws.com): give "eu-west-1" and S3_ENDPOINTS=http://s3.eu-west-1.amazonaws.com`,
    why: 'AWS names both',
  },
  {
    outcome: answered(301, 'PermanentRedirect', 'Use the specified endpoint. at load.s3.eu-west-1.amazonaws.com', {
      'x-amz-bucket-region': 'eu-west-1',
    }),
    config: { region: 'eu-west-1', endpoints: [`https://${ENDPOINT}`] },
    says: `S3_ENDPOINTS: ${ENDPOINT} redirects elsewhere (301 PermanentRedirect: Use the specified endpoint. at load.s3.eu-west-1.amazonaws.com): give https://s3.eu-west-1.amazonaws.com`,
    why: 'the region is right already',
  },
  ...[301, 302, 307, 308].map((status) => ({
    outcome: answered(status, '', '', { location: `https://${ENDPOINT}/load?list-type=2` }),
    says: `S3_ENDPOINTS: ${ENDPOINT} redirects elsewhere (${status}): give https://${ENDPOINT}`,
    why: `a gateway that wants TLS, by ${status}`,
  })),
  {
    outcome: answered(307, 'TemporaryRedirect', '', { location: 'http://load.node7.example.com:9000/?list-type=2' }),
    says: `S3_ENDPOINTS: ${ENDPOINT} redirects elsewhere (307 TemporaryRedirect): give http://node7.example.com:9000`,
    why: 'to another host, with the bucket before it',
  },
  // Clocks
  {
    outcome: answered(403, 'RequestTimeTooSkewed', '', serverTime(-20)),
    says: `this machine's clock is 20 minutes ahead of the clock of ${ENDPOINT} (403 RequestTimeTooSkewed): set it right, by NTP`,
    why: 'AWS says so',
  },
  {
    outcome: answered(403, 'AccessDenied', '', serverTime(16)),
    says: `this machine's clock is 16 minutes behind the clock of ${ENDPOINT} (403 AccessDenied): set it right, by NTP`,
    why: 'others refuse, and their clock tells why',
  },
  {
    outcome: answered(403, 'RequestTimeTooSkewed', ''),
    says: `this machine's clock is too far from the clock of ${ENDPOINT} (403 RequestTimeTooSkewed): set it right, by NTP`,
    why: 'without a Date nobody knows how far',
  },
  {
    outcome: answered(403, 'AccessDenied', '', serverTime(4)),
    says: `S3_BUCKET "load": the credentials may not list it at ${ENDPOINT} (403 AccessDenied)`,
    why: 'minutes are no reason',
  },
  {
    outcome: answered(404, 'NoSuchBucket', '', serverTime(60)),
    says: `S3_BUCKET "load" is not at ${ENDPOINT} (404 NoSuchBucket): --create-bucket creates it, or name another`,
    why: 'nor an hour, when the server did not mind',
  },
  // http and https
  {
    outcome: answered(400, '', 'Client sent an HTTP request to an HTTPS server.'),
    says: `S3_ENDPOINTS: ${ENDPOINT} speaks TLS (400: Client sent an HTTP request to an HTTPS server.): give https://${ENDPOINT}`,
    why: "Go's servers",
  },
  {
    outcome: answered(400, '', 'The plain HTTP request was sent to HTTPS port'),
    says: `S3_ENDPOINTS: ${ENDPOINT} speaks TLS (400: The plain HTTP request was sent to HTTPS port): give https://${ENDPOINT}`,
    why: 'nginx',
  },
  {
    outcome: answered(400, '', ''),
    says: `S3_ENDPOINTS: ${ENDPOINT} answers 400 and no S3 error, as TLS ports answer http: if it speaks TLS, give https://${ENDPOINT}`,
    why: 'said in a page that is no XML',
  },
  {
    outcome: answered(400, '', ''),
    config: { endpoints: [`https://${ENDPOINT}`] },
    says: `S3_ENDPOINTS: ${ENDPOINT} does not let us list "load": it answers 400`,
    why: 'which https can not be the answer to',
  },
  {
    outcome: silent('http: server gave HTTP response to HTTPS client'),
    says: `S3_ENDPOINTS: ${ENDPOINT} does not speak TLS (http: server gave HTTP response to HTTPS client): give http://${ENDPOINT}`,
    why: 'the other way round',
  },
  {
    outcome: silent('tls: first record does not look like a TLS handshake'),
    says: `S3_ENDPOINTS: ${ENDPOINT} does not speak TLS (tls: first record does not look like a TLS handshake): give http://${ENDPOINT}`,
    why: 'the same, where it is no HTTP either',
  },
  {
    outcome: silent('tls: failed to verify certificate: x509: certificate signed by unknown authority'),
    says: `S3_VERIFY_SSL is true, and the certificate of ${ENDPOINT} is not trusted (tls: failed to verify certificate: x509: certificate signed by unknown authority): add its CA to this machine's (SSL_CERT_FILE names a file), or set S3_VERIFY_SSL=false`,
    why: 'two ways out',
  },
  // No answer
  {
    outcome: silent('dial tcp 10.0.0.1:9000: connect: connection refused'),
    says: `S3_ENDPOINTS: nothing listens at ${ENDPOINT} (connection refused)`,
    why: 'a port with nothing behind it',
  },
  {
    outcome: silent('dial tcp: lookup s3.nope on 127.0.0.53:53: no such host', 's3.nope:9000'),
    says: 'S3_ENDPOINTS: the host name "s3.nope" does not resolve (dial tcp: lookup s3.nope on 127.0.0.53:53: no such host)',
    why: 'the name without the port',
  },
  {
    outcome: silent('dial tcp: lookup load.s3.nope: i/o timeout', 's3.nope'),
    config: { addressing: 'virtual' },
    says: 'S3_ENDPOINTS: the host name "s3.nope" does not resolve, with the bucket before it as S3_ADDRESSING=virtual asks (dial tcp: lookup load.s3.nope: i/o timeout)',
    why: 'which the user did not type',
  },
  {
    outcome: silent('dial tcp 10.0.0.1:9000: i/o timeout'),
    says: `S3_ENDPOINTS: ${ENDPOINT} does not answer within 1m (dial tcp 10.0.0.1:9000: i/o timeout): ${LONGER}`,
    why: 'a firewall that drops',
  },
  {
    outcome: silent('request timeout: no answer in 60 s (--timeout)'),
    says: `S3_ENDPOINTS: ${ENDPOINT} does not answer within 1m (request timeout): ${LONGER}`,
    why: 'a server that hangs',
  },
  {
    outcome: silent('context deadline exceeded'),
    says: `S3_ENDPOINTS: ${ENDPOINT} does not answer within 1m (context deadline exceeded): ${LONGER}`,
    why: 'the same in other words',
  },
  {
    outcome: silent('malformed HTTP response\n"SSH-2.0"'),
    says: `S3_ENDPOINTS: ${ENDPOINT} can't be used: malformed HTTP response "SSH-2.0"`,
    why: 'anything else, in one line',
  },
];

describe('explain', () => {
  test.each(rows)('$says: $why', ({ outcome, config: other, says }) => {
    expect(explain('list', outcome, { ...config, ...other }, NOW)).toBe(says);
  });

  test.each([
    {
      verb: 'write to',
      outcome: answered(400, 'XAmzContentSHA256Mismatch', ''),
      said: '400 XAmzContentSHA256Mismatch',
    },
    { verb: 'write to', outcome: answered(501, 'NotImplemented', ''), said: '501 NotImplemented' },
    {
      verb: 'write to',
      outcome: answered(400, 'InvalidArgument', 'x-amz-content-sha256'),
      said: '400 InvalidArgument: x-amz-content-sha256',
    },
    { verb: 'read from', outcome: otherLength('1110 bytes came'), said: '200: 1110 bytes came' },
  ])('a store that knows no chunks: $said', ({ verb, outcome, said }) => {
    const line = explain(verb, outcome, { ...config, checksumTrailer: true }, NOW);
    expect(line).toBe(
      `S3LOADTEST_CHECKSUM_TRAILER is true, and ${ENDPOINT} takes no checksum behind a body (${said}): leave ` +
        '--checksum-trailer out, and the checksum goes in a header',
    );
    expect(explain('list', outcome, { ...config, checksumTrailer: true }, NOW)).not.toContain('TRAILER');
    expect(explain(verb, outcome, config, NOW)).not.toContain('TRAILER');
  });

  test.each([
    {
      endpoints: ['https://a.example', 'http://127.0.0.1:9000', 'http://localhost', 'http://[::1]:9000'],
      says: undefined,
    },
    {
      endpoints: ['https://a.example', 'http://10.0.0.1:9000'],
      says: /^--sse-c sends the key to http:\/\/10\.0\.0\.1:9000 in clear text/,
    },
    { endpoints: ['http://localhost.example'], says: /localhost\.example/ },
    { endpoints: ['http://s3.example#127.0.0.1'], says: undefined },
  ])('a key in clear text to $endpoints: $says', ({ endpoints, says }) => {
    const said = exposureText({ sseC: true, endpoints });
    if (says === undefined) expect(said).toBeUndefined();
    else expect(said).toMatch(says);
    expect(exposureText({ sseC: false, endpoints })).toBeUndefined();
  });

  test.each(rows)('one line that names a setting, or the clock: $why', ({ outcome, config: other }) => {
    const line = explain('list', outcome, { ...config, ...other }, NOW);
    expect(line).toMatch(/^(?:S3_|AWS_)[A-Z_]+|^this machine's clock/);
    expect(line).not.toContain('\n');
  });
});

describe('preflight', () => {
  const two = {
    ...config,
    endpoints: ['http://10.0.0.1:9000', 'http://10.0.0.2:9000'],
    prefix: 'loadtest/',
    allowPartial: false,
    createBucket: false,
    sseC: false,
  };
  const all = { lists: true, writes: true, deletes: true, batches: false };
  const marker = (size: string) => `loadtest/w0/${size}/firehose/1763726400000000/0-mark-0`;
  const denied = answered(403, 'AccessDenied', '');

  /** A bucket that works, but for some calls, and what was asked of it. */
  function bucket(broken: Partial<S3> = {}) {
    const asked: string[] = [];
    const said = (name: string, outcome: Outcome = OK) => {
      asked.push(name);
      return outcome;
    };
    const s3 = fakeS3({
      listObjects: (options) => ({ ...said(`list ${options?.prefix} ${options?.maxKeys}`), objects: [], prefixes: [] }),
      putObject: (key, body) => said(`put ${key} ${(body as ArrayBuffer).byteLength}`),
      getObject: (key, _, expected) => said(`get ${key} ${expected}`),
      deleteObject: (key) => said(`delete ${key}`),
      ...Object.fromEntries(
        Object.entries(broken).map(([name, call]) => [
          name,
          (...args: unknown[]) => {
            asked.push(`${name} fails`);
            return (call as (...args: unknown[]) => unknown)(...args);
          },
        ]),
      ),
    });
    return { s3, asked };
  }

  const KEY = marker('1KB');

  test('lists at every endpoint, then writes, reads and deletes one object', async () => {
    const { s3, asked } = bucket();
    expect(await preflight(() => s3, two, marker, all)).toMatchObject({ doubts: [], live: two.endpoints });
    expect(asked).toEqual([
      'list loadtest/ 1',
      'list loadtest/ 1',
      `put ${KEY} 1024`,
      `get ${KEY} 1024`,
      `delete ${KEY}`,
    ]);
  });

  test.each([
    { answer: OK, refused: true, why: 'a store that takes no notice of a key' },
    { answer: { ...OK, headers: { [USED_KEY]: 'AES256' } }, refused: false, why: 'one that says it used it' },
    { answer: answered(400, 'InvalidRequest', ''), refused: false, why: 'one that says nothing of the object' },
  ])('with --sse-c, $why: refused $refused', async ({ answer, refused }) => {
    const { s3, asked } = bucket({ headObject: () => answer });
    const { problem } = await preflight(() => s3, { ...two, sseC: true }, marker, all);
    const says = `S3LOADTEST_SSE_C is true, and ${OK.endpoint} does not say that it encrypts with the key: leave --sse-c out`;
    expect(problem).toBe(refused ? says : undefined);
    expect(asked.at(-1)).toBe(`delete ${KEY}`);
  });

  test('writes nothing for a test that only reads', async () => {
    const { s3, asked } = bucket();
    expect(await preflight(() => s3, two, marker, { ...all, writes: false })).toMatchObject({ doubts: [] });
    expect(asked).toEqual(['list loadtest/ 1', 'list loadtest/ 1']);
  });

  test.each([
    {
      name: 'listObjects',
      verb: 'list',
      after: ['listObjects fails'],
      why: 'nothing is tried after the first failure',
    },
    {
      name: 'putObject',
      verb: 'write to',
      after: ['list loadtest/ 1', 'list loadtest/ 1', 'putObject fails'],
      why: 'there is nothing to delete',
    },
    {
      name: 'getObject',
      verb: 'read from',
      after: ['list loadtest/ 1', 'list loadtest/ 1', `put ${KEY} 1024`, 'getObject fails', `delete ${KEY}`],
      why: 'but what was written goes',
    },
    {
      name: 'deleteObject',
      verb: 'delete from',
      after: ['list loadtest/ 1', 'list loadtest/ 1', `put ${KEY} 1024`, `get ${KEY} 1024`, 'deleteObject fails'],
      why: 'the last step counts, too',
    },
  ])('says that the credentials may not $verb the bucket: $why', async ({ name, verb, after }) => {
    const { s3, asked } = bucket({ [name]: () => ({ ...denied, objects: [], prefixes: [] }) });
    const stays = name === 'deleteObject' ? `; ${KEY} stays` : '';
    expect(await preflight(() => s3, two, marker, all)).toMatchObject({
      problem: `S3_BUCKET "load": the credentials may not ${verb} it at ${ENDPOINT} (403 AccessDenied)${stays}`,
      doubts: [],
    });
    expect(asked).toEqual(after);
  });

  test('a run that does not delete is warned that nothing can be cleaned up, and what stays', async () => {
    const { s3 } = bucket({ deleteObject: () => denied });
    expect(await preflight(() => s3, two, marker, { ...all, deletes: false })).toMatchObject({
      doubts: [
        `these credentials can't clean up "load" (403 AccessDenied): ${KEY} stays, and so will what this run writes`,
      ],
    });
  });

  test('a run that does not list needs no right to', async () => {
    const { s3, asked } = bucket({ listObjects: () => ({ ...denied, objects: [], prefixes: [] }) });
    expect(await preflight(() => s3, two, marker, { ...all, lists: false })).toMatchObject({
      doubts: Array(2).fill(
        `S3_BUCKET "load": the credentials may not list it at ${ENDPOINT} (403 AccessDenied): this run does not list`,
      ),
    });
    expect(asked.at(-1)).toBe(`delete ${KEY}`);
  });

  test.each([
    { status: 501, code: 'NotImplemented' },
    { status: 405, code: '' },
    { status: 400, code: 'InvalidArgument' },
  ])('nor a store that lists: $status $code', async ({ status, code }) => {
    const { s3 } = bucket({ listObjects: () => ({ ...answered(status, code, ''), objects: [], prefixes: [] }) });
    const { problem, doubts } = await preflight(() => s3, two, marker, { ...all, lists: false });
    expect(problem).toBeUndefined();
    expect(doubts).toEqual(Array(2).fill(expect.stringMatching(/: this run does not list$/)));
  });

  test('a wrong region is no matter of listings', async () => {
    const wrong = answered(400, 'AuthorizationHeaderMalformed', '');
    const { s3 } = bucket({ listObjects: () => ({ ...wrong, objects: [], prefixes: [] }) });
    expect((await preflight(() => s3, two, marker, { ...all, lists: false })).problem).toMatch(
      /AuthorizationHeaderMalformed/,
    );
  });

  test('nor a listing that answers in time', async () => {
    const slow = answered(500, 'InternalError', '');
    for (const failed of [slow, silent('request timeout')]) {
      const { s3 } = bucket({ listObjects: () => ({ ...failed, objects: [], prefixes: [] }) });
      const { problem, doubts } = await preflight(() => s3, two, marker, { ...all, lists: false });
      expect(problem).toBeUndefined();
      expect(doubts).toEqual(Array(2).fill(expect.stringMatching(/: this run does not list$/)));
    }
  });

  describe('an endpoint that does not answer', () => {
    const refused = silent('dial tcp 10.0.0.1:9000: connect: connection refused');
    /** Of all listings the first so many are not answered. */
    const dead = (n: number) => {
      let listings = 0;
      const listed = OK;
      return bucket({
        listObjects: () => ({ ...(listings++ < n ? refused : listed), objects: [], prefixes: [] }),
      });
    };

    test('stops the run, and there is a way to begin without it', async () => {
      expect((await preflight(() => dead(1).s3, two, marker, all)).problem).toMatch(
        /connection refused\); --allow-partial begins without it$/,
      );
    });

    test('is left out where that is allowed, and told', async () => {
      const partial = { ...two, allowPartial: true };
      const asked: Array<readonly string[]> = [];
      const { s3 } = dead(1);
      const checked = await preflight(
        (endpoints) => {
          asked.push(endpoints);
          return s3;
        },
        partial,
        marker,
        all,
      );
      expect(checked).toMatchObject({
        live: [two.endpoints[1]],
        doubts: [expect.stringMatching(/connection refused\): the run begins without it, and tries it now and then$/)],
      });
      expect(asked).toEqual([two.endpoints, [two.endpoints[1]]]);
    });

    test('is a problem all the same where none answers, or where others know the reason', async () => {
      const partial = { ...two, allowPartial: true };
      expect((await preflight(() => dead(2).s3, partial, marker, all)).problem).toMatch(/connection refused\)$/);
      const { s3 } = bucket({ listObjects: () => ({ ...denied, objects: [], prefixes: [] }) });
      expect((await preflight(() => s3, partial, marker, all)).problem).toMatch(/may not list/);
    });
  });

  test('a run that deletes by batches is told where the store has none, and goes on', async () => {
    const lacking = answered(501, 'NotImplemented', '');
    const { s3, asked } = bucket({ deleteObjectsAsync: async () => ({ ...lacking, failed: [] }) });
    expect(await preflight(() => s3, two, marker, { ...all, batches: true })).toMatchObject({
      oneByOne: true,
      doubts: [`${ENDPOINT} has no DeleteObjects (501 NotImplemented): objects are deleted one by one`],
    });
    expect(asked.slice(-2)).toEqual(['deleteObjectsAsync fails', `delete ${KEY}`]);
  });

  test('but an endpoint that does not know them stops it', async () => {
    const unknown = answered(403, 'InvalidAccessKeyId', '');
    const { s3 } = bucket({ listObjects: () => ({ ...unknown, objects: [], prefixes: [] }) });
    expect((await preflight(() => s3, two, marker, { ...all, lists: false })).problem).toMatch(/^AWS_ACCESS_KEY_ID/);
  });

  test('a write without an answer may be done later, and its key is named', async () => {
    const { s3 } = bucket({ putObject: () => silent('request timeout') });
    expect((await preflight(() => s3, two, marker, all)).problem).toMatch(
      new RegExp(`; ${KEY} may be there all the same$`),
    );
  });
});
