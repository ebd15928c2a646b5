/** What came of a request, as one of a closed set of classes. Pure. */

export const ERROR_CLASSES = [
  'notFound',
  'throttled',
  'auth',
  'client',
  'unsupported',
  'server',
  'timeout',
  'connect',
  'reset',
  'corrupt',
] as const;

export type ErrorClass = (typeof ERROR_CLASSES)[number];

/** Classes that a second try may mend. */
export const RETRYABLE: ReadonlySet<string> = new Set<ErrorClass>([
  'throttled',
  'server',
  'timeout',
  'connect',
  'reset',
]);

/** Whether another attempt makes sense. */
export function isRetryable(errorClass: ErrorClass): boolean {
  return RETRYABLE.has(errorClass);
}

/** S3's codes for credentials that are not known, or not any more; stores answer them with 400 and 404, too. */
export const AUTH_CODES: ReadonlySet<string> = new Set([
  'ExpiredToken',
  'InvalidAccessKeyId',
  'InvalidToken',
  'RequestExpired',
  'TokenRefreshRequired',
  // versitygw's word for InvalidAccessKeyId
  'XAdminUserNotFound',
]);

/**
 * The class of an answer that is not a success: by HTTP status, and by S3's code where one status stands for two things.
 * A 503 is throttling whatever its code, as the original had it: servers say SlowDown, ServiceUnavailable or nothing.
 */
export function classifyStatus(status: number, code = ''): ErrorClass {
  if (status === 503 || status === 429 || code === 'SlowDown') return 'throttled';
  if (status === 401 || status === 403 || AUTH_CODES.has(code)) return 'auth';
  if (status === 404) return 'notFound';
  if (status === 408 || code === 'RequestTimeout') return 'timeout';
  if (status === 501 || code === 'NotImplemented') return 'unsupported';
  if (status >= 500) return 'server';
  return 'client';
}

/** S3's codes that may stand in an answer of status 200, and the status each has elsewhere. */
export const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  AccessDenied: 403,
  NoSuchKey: 404,
  NoSuchVersion: 404,
  NoSuchUpload: 404,
  InvalidPart: 400,
  InvalidPartOrder: 400,
  EntityTooSmall: 400,
  MethodNotAllowed: 405,
  SlowDown: 503,
  ServiceUnavailable: 503,
};

/** The class of a failure that an answer of status 200 tells of, by its code alone. */
export function classifyCode(code: string): ErrorClass {
  return classifyStatus(STATUS_OF_CODE[code] ?? 500, code);
}

/** In the order they are looked for: what Go's net/http and crypto/tls say when no answer came. */
const TRANSPORT_ERRORS: ReadonlyArray<readonly [RegExp, ErrorClass]> = [
  [/lookup |no such host|\bdial\b|x509|tls: |handshake|certificate|proxyconnect|server gave HTTP response/i, 'connect'],
  [/timeout|deadline exceeded|timed out/i, 'timeout'],
  [/decompress|gzip: |zlib: |malformed|chunk|too large|bad Content-Length/i, 'corrupt'],
  [/reset|EOF|broken pipe|closed|GOAWAY|stream error|aborted|unreachable/i, 'reset'],
];

/** The class of a request that got no whole answer, from what the transport said. */
export function classifyTransport(message: string): ErrorClass {
  return TRANSPORT_ERRORS.find(([pattern]) => pattern.test(message))?.[1] ?? 'reset';
}

/** What a failed operation says of itself: `503 SlowDown: Please reduce your request rate`. One line. */
export function describeFailure(status: number, code: string, message: string): string {
  const said = message.replace(/\s+/g, ' ').trim();
  if (status === 0) return said;
  return [`${status}${code ? ` ${code}` : ''}`, said].filter((part) => part !== '').join(': ');
}
