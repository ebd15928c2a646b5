/**
 * One HTTP request of the CLI's engine, and what went wrong with it in the words that k6's transport has for it: so
 * lib/s3/classify.ts and lib/s3/explain.ts understand both.
 */
import { existsSync, readFileSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from 'node:https';
import { type ConnectionOptions, createSecureContext, rootCertificates } from 'node:tls';
import type { Answer } from '../../lib/s3/reply';
import { ConfigError } from '../../lib/settings/config';
import { createProxied } from './proxied';

export interface Sending {
  readonly method: string;
  /** Scheme, host and port. */
  readonly origin: string;
  /** Where to connect to, in place of what the host resolves to; '' for that. */
  readonly address: string;
  /** Path and query, encoded. */
  readonly target: string;
  readonly headers: OutgoingHttpHeaders;
  readonly body: string;
  /** Milliseconds for all of it, the answer's body included. */
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Transport {
  /** Resolves whatever comes of it. @throws the signal's reason, and nothing else */
  send(sending: Sending): Promise<Answer>;
  close(): void;
}

/** Where systems keep the CAs they trust, as Go looks for them: k6 and the CLI are to trust the same. */
const CA_FILES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/**
 * Connections are kept, `most` of them to each host. `proxyFor` gives the proxy for an origin, if there is one.
 * @throws ConfigError when SSL_CERT_FILE can't be read
 */
export function createTransport(
  verifySsl: boolean,
  most: number,
  proxyFor: (origin: string) => string | undefined = () => undefined,
): Transport {
  const proxied = createProxied(most);
  const http = new HttpAgent({ keepAlive: true, maxSockets: most });
  const https = new HttpsAgent({ keepAlive: true, maxSockets: most });
  let trust: ConnectionOptions | undefined;
  const trusting = () => {
    trust ??= {
      rejectUnauthorized: verifySsl,
      ...(verifySsl && { secureContext: createSecureContext({ ca: trustedCas() }) }),
    };
    return trust;
  };
  const begin = ({ method, origin, address, target, headers, body }: Sending, proxy: string | undefined) => {
    const own = { ...headers, 'content-length': Buffer.byteLength(body) };
    const there = address === '' ? {} : { hostname: address, servername: new URL(origin).hostname };
    const way: RequestOptions = proxy === undefined ? there : proxied.optionsFor(origin + target, proxy);
    const options = { method, ...way, headers: { ...own, ...(way.headers as OutgoingHttpHeaders) } };
    if (origin.startsWith('https:')) return httpsRequest(origin + target, { agent: https, ...trusting(), ...options });
    return httpRequest(origin + target, { agent: http, ...options });
  };
  return {
    send: (sending) => {
      const { origin, body, timeout, signal } = sending;
      const proxy = proxyFor(origin);
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const request = begin(sending, proxy);
        const timer = setTimeout(() => request.destroy(new Error('timeout')), timeout);
        const onAbort = () => request.destroy(new Error('aborted'));
        signal?.addEventListener('abort', onAbort, { once: true });
        const settle = (answer: Answer) => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', onAbort);
          if (signal?.aborted) reject(signal.reason);
          else resolve(answer);
        };
        const described = (e: Error) => {
          const text = describeTransport(e, origin);
          return proxy !== undefined && /^(dial|lookup)/.test(text) ? `proxyconnect ${text}` : text;
        };
        const failed = (e: Error) => settle({ status: 0, headers: {}, body: '', error: described(e) });
        request.on('error', failed);
        request.on('response', (response) => {
          response.setEncoding('utf8');
          let text = '';
          response.on('data', (part: string) => {
            text += part;
          });
          response.on('error', failed);
          response.on('end', () => {
            const { statusCode: status = 0 } = response;
            settle({ status, headers: headersOf(response), body: text });
          });
        });
        request.end(body);
      });
    },
    close: () => {
      http.destroy();
      https.destroy();
      proxied.close();
    },
  };
}

function headersOf(response: IncomingMessage): Record<string, string> {
  return Object.fromEntries(Object.entries(response.headers).map(([name, value]) => [name, String(value)]));
}

function trustedCas(): string[] {
  const named = process.env.SSL_CERT_FILE;
  const file = named || CA_FILES.find((path) => existsSync(path));
  if (file === undefined) return [...rootCertificates];
  try {
    return [...rootCertificates, readFileSync(file, 'utf8')];
  } catch (e) {
    throw new ConfigError([`SSL_CERT_FILE is "${file}" and can't be read (${(e as Error).message}): give a PEM file`]);
  }
}

/** Node's error in the words of Go's net/http, which k6 is made of. */
export function describeTransport(error: Error, origin: string): string {
  const { code = '' } = error as NodeJS.ErrnoException;
  const { message } = error;
  // Of a host with several addresses Node tells the codes only.
  if (code === 'ECONNREFUSED') return 'dial: connection refused';
  if (code === 'ENOTFOUND') return `lookup ${new URL(origin).hostname}: no such host`;
  if (code === 'EAI_AGAIN') return `lookup ${new URL(origin).hostname}: no name server answers`;
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH') return `dial: ${message}`;
  if (code === 'ETIMEDOUT' || message === 'timeout') return 'timeout';
  if (code === 'ECONNRESET' || code === 'EPIPE') return `connection reset (${message})`;
  if (/wrong version number|packet length too long|unknown protocol/i.test(message)) {
    return 'tls: first record does not look like a TLS handshake';
  }
  if (/CERT|ISSUER|SIGNATURE|ALTNAME/.test(code)) return `x509: ${message}`;
  if (code.startsWith('ERR_SSL') || code === 'EPROTO') return `tls: ${message}`;
  if (code.startsWith('HPE_')) return `malformed HTTP response (${message})`;
  return message || code;
}
