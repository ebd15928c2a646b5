/** Servers that misbehave on purpose, and one that watches: each on loopback, in this process. */
import { createHash, createHmac } from 'node:crypto';
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, createServer as createNetServer, type Server as NetServer } from 'node:net';
import { bucketOf, type Fault, faults } from './conformance/faults';
import { ALWAYS_RESET, HELD, HELD_BATCHES, HELD_SLOW, SLOW_TWICE } from './conformance/measured';

/** A request that came. */
export interface Seen {
  /** Milliseconds on a clock of its own. */
  readonly at: number;
  readonly method: string;
  /** Path and query as they came. */
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** What was answered, once it was. */
  answer?: { readonly status: number; readonly body: Buffer };
}

async function listening(server: Server | NetServer): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Serves the faults, each under its bucket. */
export async function startFaultServer() {
  const seen = new Map<Fault | undefined, Seen[]>([undefined, ...faults].map((fault) => [fault, []]));
  const byBucket = new Map(faults.map((fault) => [bucketOf(fault), fault]));
  const server = createServer(async (request, response) => {
    const { method = '', url = '', headers } = request;
    const at = performance.now();
    const fault = byBucket.get(/^\/([^/?]*)/.exec(url)?.[1] ?? '');
    const list = seen.get(fault) as Seen[];
    const body = await bodyOf(request);
    list.push({ at, method, url, headers, body });
    // Go sends a request again by itself when a kept connection turns out closed; that must not count here.
    response.setHeader('Connection', 'close');
    if (fault) fault.answer(response, list.length, request, body.toString());
    else response.writeHead(404).end();
  });
  let resets = 0;
  const resetter = createNetServer((socket) => {
    resets++;
    socket.on('error', () => {});
    socket.resetAndDestroy();
  });
  const ports = [await listening(server), await listening(resetter)];
  return {
    endpoints: ports.map((port) => `http://127.0.0.1:${port}`),
    /** Requests of a fault; of none, those that asked for what is not there. */
    seen: (fault?: Fault) => seen.get(fault) as readonly Seen[],
    /** Connections that were reset at once. */
    resets: () => resets,
    stop: () => {
      server.closeAllConnections();
      server.close();
      resetter.close();
    },
  };
}

/**
 * A proxy that passes requests on as they are, and notes each and its answer. It answers 503 to the first two requests whose
 * path has SLOW_TWICE, resets those whose path has ALWAYS_RESET, and holds batches as HELD says.
 */
export async function startProxy(target: string) {
  const { hostname, port } = new URL(target);
  const seen: Seen[] = [];
  let slow = 0;
  let slowBatches = 0;
  const held: Array<() => void> = [];
  /** Resolves at once when all have come already, as for a second attempt. */
  const turn = () =>
    new Promise<void>((resolve) => {
      held.push(resolve);
      if (held.length === HELD_BATCHES) for (const [i, go] of held.toReversed().entries()) setTimeout(go, 15 * i);
      else if (held.length > HELD_BATCHES) resolve();
    });
  const server = createServer(async (request, response) => {
    const { method = '', url = '', headers } = request;
    const body = await bodyOf(request);
    const one: Seen = { at: performance.now(), method, url, headers, body };
    seen.push(one);
    if (url.includes(ALWAYS_RESET)) return request.socket.resetAndDestroy();
    const batch = method === 'POST' && body.includes(HELD);
    if (batch) await turn();
    if ((url.includes(SLOW_TWICE) && ++slow <= 2) || (batch && body.includes(HELD_SLOW) && ++slowBatches === 1)) {
      one.answer = { status: 503, body: Buffer.alloc(0) };
      return response.writeHead(503).end();
    }
    const onward = httpRequest({ hostname, port, method, path: url, headers }, (answer) => {
      const status = answer.statusCode ?? 500;
      response.writeHead(status, answer.rawHeaders);
      answer.pipe(response);
      const chunks: Buffer[] = [];
      answer.on('data', (chunk) => chunks.push(chunk));
      answer.once('end', () => {
        one.answer = { status, body: Buffer.concat(chunks) };
      });
    });
    onward.on('error', () => request.socket.destroy());
    onward.end(body);
  });
  const own = await listening(server);
  return {
    endpoints: [`http://127.0.0.1:${own}`, `http://localhost:${own}`],
    seen: seen as readonly Seen[],
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Which S3 call a request is, as the `op` tag names it. `bucket` is in the path. */
export function opOf({ method, url }: Seen): string {
  const { pathname, searchParams: query } = new URL(url, 'http://host');
  const ofBucket = /^\/[^/]+\/?$/.test(pathname);
  if (method === 'POST') {
    if (query.has('delete')) return 'DELETE_OBJECTS';
    return query.has('uploads') ? 'CREATE_MULTIPART' : 'COMPLETE_MULTIPART';
  }
  if (method === 'PUT') return ofBucket ? 'CREATE_BUCKET' : query.has('partNumber') ? 'UPLOAD_PART' : 'PUT';
  if (method === 'DELETE') return query.has('uploadId') ? 'ABORT_MULTIPART' : 'DELETE';
  if (method === 'HEAD') return ofBucket ? 'HEAD_BUCKET' : 'HEAD';
  return ofBucket ? 'LIST' : 'GET';
}

/**
 * What is wrong with a request's AWS Signature Version 4, step by step from what came over the wire; undefined when
 * nothing is. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function signatureFault(request: Seen, secret: string, mustSign: readonly string[]): string | undefined {
  const { method, url, headers, body } = request;
  const parts = /^AWS4-HMAC-SHA256 Credential=[^/]+\/([^,]+), ?SignedHeaders=([^,]+), ?Signature=(\w+)$/;
  const [, scope = '', names = '', signature] = parts.exec(headers.authorization ?? '') ?? [];
  const signed = names.split(';');
  const unsigned = mustSign.filter((name) => !signed.includes(name));
  if (unsigned.length > 0) return `${unsigned.join(', ')} not signed`;
  const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
  const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest();
  const hash = String(headers['x-amz-content-sha256']);
  if (hash !== 'UNSIGNED-PAYLOAD' && hash !== sha256(body)) return 'the hash of another body';
  const [path = '', query = ''] = url.split('?');
  const lines = signed.map((name) => `${name}:${String(headers[name]).trim()}\n`).join('');
  const canonical = [method, path, query.split('&').sort().join('&'), lines, names, hash].join('\n');
  const date = String(headers['x-amz-date']);
  const key = scope.split('/').reduce<string | Buffer>((k, step) => hmac(k, step), `AWS4${secret}`);
  const own = hmac(key, ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n')).toString('hex');
  return own === signature ? undefined : `signature ${signature}, not ${own} of\n${canonical}`;
}

/**
 * What is wrong with a form and its policy, from what came over the wire; undefined when nothing is.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html
 */
export function formFault({ headers, body }: Seen, secret: string): string | undefined {
  if (headers.authorization !== undefined) return 'a header signs it';
  const [, boundary = ''] = /^multipart\/form-data; boundary=(\S+)$/.exec(headers['content-type'] ?? '') ?? [];
  const parts = body.toString('latin1').split(`--${boundary}`);
  if (parts.shift() !== '' || parts.pop() !== '--\r\n') return 'no form';
  const named = parts.map(
    (part) => /^\r\n[^\r]*; name="([^"]*)"[^\r]*\r\n(?:[\w-]+: [^\r]*\r\n)*\r\n(.*)\r\n$/s.exec(part)?.slice(1) ?? [],
  );
  const { policy = '', 'x-amz-signature': signature, file = '', ...fields } = Object.fromEntries(named);
  if (named.at(-1)?.[0] !== 'file') return 'the file is not the last';
  const { expiration, conditions } = JSON.parse(Buffer.from(policy, 'base64').toString());
  const untold = Object.entries(fields).filter(([name, value]) =>
    conditions.every(
      (condition: Record<string, string>) => condition[name] !== Buffer.from(String(value), 'latin1').toString(),
    ),
  );
  if (untold.length > 0) return `the policy does not allow ${untold}`;
  const [, least, most] = conditions.find(Array.isArray) ?? [];
  if (file.length < least || file.length > most)
    return `the policy allows ${least} to ${most} bytes, not ${file.length}`;
  if (!(Date.parse(expiration) > Date.now())) return `expired: ${expiration}`;
  const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest();
  const scope: string[] = (fields['x-amz-credential'] ?? '').split('/').slice(1);
  const key = scope.reduce<string | Buffer>((k, step) => hmac(k, step), `AWS4${secret}`);
  return hmac(key, policy).toString('hex') === signature ? undefined : `signature ${signature}`;
}
