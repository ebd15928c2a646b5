/** What a failure means for who set things up: one line that names the setting to change. Pure. */
import { type Config, leavesSigning } from '../settings/config';
import { endpointParts } from '../settings/endpoint';
import { formatDuration } from '../settings/units';
import { describeFailure } from './classify';
import type { Outcome } from './outcome';

/** Milliseconds after which the check says what it waits for. */
export const PATIENCE_MS = 4_000;

/** What is said then. */
export function waitingText(doing: string, { endpoints, timeout }: Pick<Config, 'endpoints' | 'timeout'>): string {
  return `${endpoints.join(', ')}: no answer to ${doing} yet, up to ${formatDuration(timeout)} (--timeout) is waited for it`;
}

/** That a key of SSE-C leaves this machine in clear text, if it does. */
export function exposureText({ sseC, endpoints }: Pick<Config, 'sseC' | 'endpoints'>): string | undefined {
  const exposed = endpoints.find((endpoint) => {
    const { scheme, name, address } = endpointParts(endpoint);
    return scheme === 'http' && !/^(?:localhost|127\.[\d.]+|::1)$/.test(address || name);
  });
  if (!sseC || exposed === undefined) return undefined;
  return `--sse-c sends the key to ${exposed} in clear text, which AWS refuses: give https://`;
}

/** Servers allow 15 minutes; a clock this far off is worth telling in any case. */
const SKEW_TOLD_MS = 5 * 60_000;

export type ExplainedConfig = Pick<
  Config,
  'endpoints' | 'bucket' | 'region' | 'verifySsl' | 'addressing' | 'backend' | 's3poolBinary' | 'timeout'
> &
  Partial<Pick<Config, 'checksumTrailer'>>;

/** One line for a failure: what is wrong, with which value, and which setting mends it. `now` in ms since 1970. */
export function explain(verb: string, outcome: Outcome, config: ExplainedConfig, now: number): string {
  const { endpoint, status } = outcome;
  if (status === 407) return explainProxy(describeFailure(status, '', ''));
  const { errorClass, code, message } = outcome.failure ?? { errorClass: 'client', code: '', message: '' };
  const said = describeFailure(status, code, message);
  if (status === 0) return explainTransport(endpoint, said, config);
  const skew = clockSkew(outcome, now);
  if (code === 'RequestTimeTooSkewed' || (status === 403 && skew !== undefined && Math.abs(skew) > SKEW_TOLD_MS)) {
    return `this machine's clock is ${describeSkew(skew)} the clock of ${endpoint} (${said}): set it right, by NTP`;
  }
  if (errorClass === 'auth' && leavesSigning(config)) {
    return (
      `S3_ENDPOINTS: ${endpoint} refuses requests that are not signed (${said}): is it a proxy that signs, as ` +
      `S3LOADTEST_BACKEND=proxy has it, and may its credentials ${verb} "${config.bucket}"?`
    );
  }
  switch (code) {
    case 'InvalidAccessKeyId':
    case 'XAdminUserNotFound': // versitygw's word for it
      return `AWS_ACCESS_KEY_ID is not known to ${endpoint} (${said})`;
    case 'SignatureDoesNotMatch':
      return `AWS_SECRET_ACCESS_KEY is not the secret of AWS_ACCESS_KEY_ID at ${endpoint} (${said})`;
    case 'InvalidToken':
    case 'ExpiredToken':
    case 'TokenRefreshRequired':
      return `AWS_SESSION_TOKEN is not valid at ${endpoint} (${said})`;
    case 'RequestExpired':
      return `this machine's clock is ${describeSkew(skew)} the clock of ${endpoint} (${said}): set it right, by NTP`;
    case 'NoSuchBucket':
      return `S3_BUCKET "${config.bucket}" is not at ${endpoint} (${said}): --create-bucket creates it, or name another`;
  }
  if (config.checksumTrailer === true && /^(?:write|read)/.test(verb) && lacksTrailers(errorClass, code, message)) {
    return (
      `S3LOADTEST_CHECKSUM_TRAILER is true, and ${endpoint} takes no checksum behind a body (${said}): leave --checksum-trailer ` +
      'out, and the checksum goes in a header'
    );
  }
  if (status === 400 && /content-md5|x-amz-checksum/i.test(message)) {
    return (
      `S3_BUCKET "${config.bucket}" wants a checksum with every object, as object lock does (${said}): ` +
      '--checksum crc32c sends one, or md5 (S3LOADTEST_CHECKSUM)'
    );
  }
  const elsewhere = redirection(outcome, config);
  const named =
    /\bexpect(?:ing|ed)?:? '?"?([a-z][a-z0-9-]*)/.exec(message)?.[1] ?? outcome.headers?.['x-amz-bucket-region'];
  const region = named === config.region ? undefined : named;
  const redirected = code === 'PermanentRedirect' || (status >= 301 && status <= 308);
  if (/region|scope/i.test(message) || (redirected && region !== undefined)) {
    const right = [region && `"${region}"`, region && elsewhere && `S3_ENDPOINTS=${elsewhere}`].filter(Boolean);
    const give = right.length > 0 ? `: give ${right.join(' and ')}` : '';
    return `AWS_REGION "${config.region}" is not the region of ${endpoint} (${said})${give}`;
  }
  if (elsewhere !== undefined) return `S3_ENDPOINTS: ${endpoint} redirects elsewhere (${said}): give ${elsewhere}`;
  if (redirected) {
    return `S3_ENDPOINTS: ${endpoint} redirects (${said}) and does not say where to: give the endpoint that "${config.bucket}" is at`;
  }
  if (status === 400 && /HTTP request (?:was sent )?to an? HTTPS|plain HTTP request/i.test(message || said)) {
    return `S3_ENDPOINTS: ${endpoint} speaks TLS (${said}): give https://${endpoint}`;
  }
  if (status === 400 && code === '' && config.endpoints.includes(`http://${endpoint}`)) {
    return `S3_ENDPOINTS: ${endpoint} answers ${said} and no S3 error, as TLS ports answer http: if it speaks TLS, give https://${endpoint}`;
  }
  if (errorClass === 'auth') {
    return `S3_BUCKET "${config.bucket}": the credentials may not ${verb} it at ${endpoint} (${said})`;
  }
  if (errorClass === 'notFound') {
    return `S3_BUCKET "${config.bucket}": ${endpoint} answers ${said}: is it an S3 endpoint, and S3_ADDRESSING=${config.addressing} right for it?`;
  }
  if (errorClass === 'corrupt') return `S3_ENDPOINTS: ${endpoint} answers ${said}: is it an S3 endpoint?`;
  return `S3_ENDPOINTS: ${endpoint} does not let us ${verb} "${config.bucket}": it answers ${said}`;
}

/** Stores that know no chunks take the word for them as a hash, say so, or keep the chunks for the object. */
function lacksTrailers(errorClass: string, code: string, message: string): boolean {
  const names = /content-sha256|aws-chunked|x-amz-trailer|STREAMING-/i;
  return code === 'XAmzContentSHA256Mismatch' || /unsupported|corrupt/.test(errorClass) || names.test(message);
}

/**
 * The endpoint that an answer redirects to, without the bucket that its host may begin with; undefined where it is the same one.
 * AWS names a host in the text of its answer, others give a Location.
 */
function redirection(
  { status, endpoint, headers, failure }: Outcome,
  { endpoints, bucket }: ExplainedConfig,
): string | undefined {
  const asked = endpoints.find((one) => one.endsWith(`//${endpoint}`)) ?? `http://${endpoint}`;
  const host = /Redirect$/.test(failure?.code ?? '')
    ? / at ([A-Za-z0-9.-]+(?::\d+)?)$/.exec(failure?.message ?? '')?.[1]
    : undefined;
  const location = status >= 301 && status <= 308 ? headers?.location : undefined;
  const origin =
    host === undefined ? /^https?:\/\/[^/?#]+/i.exec(location ?? '')?.[0] : `${asked.split('//')[0]}//${host}`;
  const target = origin?.replace(`//${bucket}.`, '//').replace(/:(80|443)$/, '');
  return target === asked ? undefined : target;
}

function explainProxy(said: string): string {
  return (
    `HTTP_PROXY or HTTPS_PROXY: the proxy does not pass requests on (${said}): set it right, with user:password@ where it ` +
    'wants that, or give --http-proxy none'
  );
}

function explainTransport(endpoint: string, message: string, config: ExplainedConfig): string {
  if (/proxyconnect|the proxy \S+ |Proxy Authentication/.test(message)) return explainProxy(message);
  const host = endpoint.replace(/:\d+$/, '');
  if (/no such host|lookup /i.test(message)) {
    const hint = config.addressing === 'virtual' ? ', with the bucket before it as S3_ADDRESSING=virtual asks' : '';
    return `S3_ENDPOINTS: the host name "${host}" does not resolve${hint} (${message})`;
  }
  if (/connection refused/i.test(message)) return `S3_ENDPOINTS: nothing listens at ${endpoint} (connection refused)`;
  if (/server gave HTTP response|first record does not look like a TLS/i.test(message)) {
    return `S3_ENDPOINTS: ${endpoint} does not speak TLS (${message}): give http://${endpoint}`;
  }
  if (/x509|certificate/i.test(message)) {
    const remedy = "add its CA to this machine's (SSL_CERT_FILE names a file), or set S3_VERIFY_SSL=false";
    return `S3_VERIFY_SSL is ${config.verifySsl}, and the certificate of ${endpoint} is not trusted (${message}): ${remedy}`;
  }
  if (/timeout|deadline/i.test(message)) {
    // Of what engines add to it, the time is said here.
    const what = message.replace(/^(request timeout): .*/, '$1');
    return `S3_ENDPOINTS: ${endpoint} does not answer within ${formatDuration(config.timeout)} (${what}): S3LOADTEST_TIMEOUT or --timeout gives it longer`;
  }
  const plain = config.endpoints.some((e) => e === `http://${endpoint}`);
  const hint = plain && /EOF|reset/.test(message) ? `; if it speaks TLS, give https://${endpoint}` : '';
  return `S3_ENDPOINTS: ${endpoint} can't be used: ${message}${hint}`;
}

/** Milliseconds this machine's clock is ahead of the server's, by the answer's Date header. */
function clockSkew(outcome: Outcome, now: number): number | undefined {
  const server = Date.parse(outcome.headers?.date ?? '');
  return Number.isNaN(server) ? undefined : now - server;
}

function describeSkew(skew: number | undefined): string {
  if (skew === undefined || Math.abs(skew) < 60_000) return 'too far from';
  return `${Math.round(Math.abs(skew) / 60_000)} minutes ${skew > 0 ? 'ahead of' : 'behind'}`;
}
