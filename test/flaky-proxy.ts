/** Proxies in front of an S3 server, on loopback: stores in trouble, and stores that lack or demand something. */
import { createHash, createHmac } from 'node:crypto';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Server } from './servers';
import { startSigningProxy } from './signing-proxy';
import { listen } from './stage';

interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message?: string;
}

/** Of requests on objects every 20th is answered with 503 SlowDown, every 30th GET with 404. */
export function startFlakyProxy(target: string) {
  let [requests, reads] = [0, 0];
  return startRefusingProxy(target, ({ method, url = '' }) => {
    if (!/^\/[^/?]+\/[^?]/.test(url)) return undefined;
    if (++requests % 20 === 0) return { status: 503, code: 'SlowDown' };
    return method === 'GET' && ++reads % 30 === 0 ? { status: 404, code: 'NoSuchKey' } : undefined;
  });
}

/** So many milliseconds after the first write credentials expire, which AWS answers with 400. */
export function startExpiringProxy(target: string, afterMs: number) {
  let end = Number.POSITIVE_INFINITY;
  return startRefusingProxy(target, ({ method }) => {
    if (method === 'PUT') end = Math.min(end, Date.now() + afterMs);
    return Date.now() < end ? undefined : { status: 400, code: 'ExpiredToken' };
  });
}

/** A bucket under object lock: it takes no body without a checksum. `headers` are those of what writes, as they came. */
export async function startDemandingProxy(target: string) {
  const headers: Array<{ readonly op: string } & NodeJS.Dict<string | string[]>> = [];
  const proxy = await startRefusingProxy(target, (request) => {
    const { method = '', url = '' } = request;
    headers.push({ op: method + (/[?&](uploads|uploadId)\b/.exec(url)?.[1] ?? ''), ...request.headers });
    const names = Object.keys(request.headers);
    if (method !== 'PUT' || names.some((name) => /^(content-md5|x-amz-checksum-)/.test(name))) return undefined;
    return { status: 400, code: 'InvalidRequest', message: 'Content-MD5 OR x-amz-checksum- HTTP header is required' };
  });
  return { ...proxy, headers };
}

/** Passes all on, and keeps what was asked for: method and URL. */
export async function startRecordingProxy(target: string) {
  const requests: string[] = [];
  const proxy = await startRefusingProxy(target, ({ method, url }) => {
    requests.push(`${method} ${url}`);
    return undefined;
  });
  return { ...proxy, requests };
}

/** Each object's first so many requests are answered with 503. `times` are those of all of them by URL, in milliseconds. */
export async function startBusyProxy(target: string, refusals: number) {
  const times = new Map<string, number[]>();
  const proxy = await startRefusingProxy(target, ({ method, url = '' }) => {
    if (!/^\/[^/?]+\/[^?]/.test(url)) return undefined;
    const own = [...(times.get(`${method} ${url}`) ?? []), performance.now()];
    times.set(`${method} ${url}`, own);
    return own.length <= refusals ? { status: 503, code: 'SlowDown' } : undefined;
  });
  return { ...proxy, times };
}

/** A store without DeleteObjects. */
export function startProxyWithoutBatches(target: string, refusal: Refusal) {
  return startRefusingProxy(target, ({ method, url = '' }) =>
    method === 'POST' && /[?&]delete\b/.test(url) ? refusal : undefined,
  );
}

/** Passes requests on as they are, but for those that `refusalOf` refuses. */
async function startRefusingProxy(
  target: string,
  refusalOf: (request: IncomingMessage) => Refusal | undefined,
  address = '127.0.0.1',
): Promise<{ endpoint: string; stop(): void }> {
  const server = createServer((request, response) => {
    const refusal = refusalOf(request);
    if (refusal !== undefined) {
      request.resume().once('end', () => {
        response.writeHead(refusal.status, { 'Content-Type': 'application/xml' });
        response.end(`<Error><Code>${refusal.code}</Code><Message>${refusal.message ?? ''}</Message></Error>`);
      });
      return;
    }
    pass(request, response, target, request.url ?? '');
  });
  const own = await listen(server, address);
  return {
    endpoint: `http://${address}:${own}`,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Passes a request on, under this path and query. */
function pass(request: IncomingMessage, response: ServerResponse, target: string, path: string): void {
  const { hostname, port } = new URL(target);
  const { method, headers } = request;
  const passed = httpRequest({ hostname, port, method, path, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
    answer.pipe(response);
  });
  passed.once('error', () => response.destroy());
  request.pipe(passed);
}

/** A store that lists by version 1 only: it does not look at what version 2 has in its query, or refuses it with 400. */
export async function startOldLister(target: Server, refuses: boolean) {
  const signing = await startSigningProxy({ ...target, endpoints: [target.endpoints[0]] });
  const ofV2 = /(?:^|&)(?:list-type|continuation-token|start-after|fetch-owner)=[^&]*/g;
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const [path, query = ''] = (request.url ?? '').split('?');
    requests.push(`${request.method} ${request.url}`);
    if (refuses && query.includes('list-type=2')) {
      response.writeHead(400).end('<Error><Code>InvalidArgument</Code><Message>list-type</Message></Error>');
      return;
    }
    pass(request, response, signing.endpoint, `${path}?${query.replace(ofV2, '').replace(/^&/, '')}`);
  });
  const own = await listen(server);
  return {
    endpoint: `http://127.0.0.1:${own}`,
    requests,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await signing.stop();
    },
  };
}

/** A gateway that has S3 below a path, and takes no request that was not signed as it came. `refused` counts those. */
export async function startPathGateway(target: Server, base: string) {
  const signing = await startSigningProxy({ ...target, endpoints: [target.endpoints[0]] });
  const gateway = { refused: 0 };
  const server = createServer((request, response) => {
    const { url = '' } = request;
    if (!url.startsWith(`${base}/`) || !isSigned(request, target)) {
      gateway.refused++;
      request
        .resume()
        .once('end', () => response.writeHead(403).end('<Error><Code>SignatureDoesNotMatch</Code></Error>'));
      return;
    }
    pass(request, response, signing.endpoint, url.slice(base.length));
  });
  const own = await listen(server);
  return Object.assign(gateway, {
    endpoint: `http://127.0.0.1:${own}${base}`,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await signing.stop();
    },
  });
}

/** SigV4 once more, by what the request has: nothing of the code under test. */
function isSigned({ method, url = '', headers }: IncomingMessage, { region, secretAccessKey }: Server): boolean {
  const [, names = '', signature] = /SignedHeaders=([^,]+), Signature=(\w+)$/.exec(headers.authorization ?? '') ?? [];
  const [path, query = ''] = url.split('?');
  const lines = names.split(';').map((name) => `${name}:${headers[name]}\n`);
  const text = [method, path, query, lines.join(''), names, headers['x-amz-content-sha256']].join('\n');
  const date = String(headers['x-amz-date']);
  const scope = [date.slice(0, 8), region, 's3', 'aws4_request'];
  const mac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest();
  const key = scope.reduce<string | Buffer>(mac, `AWS4${secretAccessKey}`);
  const hash = createHash('sha256').update(text).digest('hex');
  return mac(key, ['AWS4-HMAC-SHA256', date, scope.join('/'), hash].join('\n')).toString('hex') === signature;
}

/** A store of access keys that end: it takes those that `isValid` takes, and passes requests on. `keys` are those it saw. */
export async function startKeyedProxy(target: Server, isValid: (accessKey: string) => boolean, address?: string) {
  const signing = await startSigningProxy({ ...target, endpoints: [target.endpoints[0]] });
  const keys = new Set<string>();
  const proxy = await startRefusingProxy(
    signing.endpoint,
    ({ headers }) => {
      const [, key = ''] = /Credential=([^/]+)\//.exec(headers.authorization ?? '') ?? [];
      keys.add(key);
      return isValid(key) ? undefined : { status: 400, code: 'ExpiredToken' };
    },
    address,
  );
  const stop = async () => {
    proxy.stop();
    await signing.stop();
  };
  return { endpoint: proxy.endpoint, keys, stop };
}
