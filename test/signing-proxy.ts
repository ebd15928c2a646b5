/**
 * A proxy that signs: it takes S3 requests as they are, with the bucket in the path, and passes them on with AWS Signature
 * Version 4 by credentials of its own.
 */
import {
  createServer,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createSigner, UNSIGNED_PAYLOAD } from '../lib/s3/sign';
import { nodeHashes } from '../runners/bucket/hashes';

interface ProxyOptions {
  /** `http://host:port`, taken in turn. */
  readonly endpoints: readonly string[];
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** host:port; port 0 is any that is free. */
  readonly listen?: string;
  /** Certificates are not verified. */
  readonly insecure?: boolean;
}

export interface SigningProxy {
  /** `http://host:port`. */
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** What one connection has to say to the next. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'host',
  'authorization',
  'x-amz-security-token',
]);

/** Starts one, and resolves when it listens. */
export async function startSigningProxy(options: ProxyOptions): Promise<SigningProxy> {
  const { listen = '127.0.0.1:0', insecure = false } = options;
  const agents = {
    http: new HttpAgent({ keepAlive: true }),
    https: new HttpsAgent({ keepAlive: true, rejectUnauthorized: !insecure }),
  };
  const hosts = options.endpoints.map((endpoint) => {
    const { host, hostname, port, protocol } = new URL(endpoint);
    return {
      hostname,
      port,
      secure: protocol === 'https:',
      signer: createSigner(nodeHashes, options, options.region, host),
    };
  });
  let turn = 0;

  const pass = (request: IncomingMessage, response: ServerResponse): void => {
    const { method = '', url = '', headers } = request;
    const host = hosts[turn++ % hosts.length] as (typeof hosts)[number];
    const [path = '', query = ''] = url.split('?');
    const sorted = query.split('&').sort().join('&');
    const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name)));
    // S3 takes no x-amz header that is not signed.
    const signed = Object.entries(kept).filter(([name]) => name.startsWith('x-amz-')) as Array<[string, string]>;
    const own = host.signer.signWith(method, path, sorted, Object.fromEntries(signed), UNSIGNED_PAYLOAD);
    const send = host.secure ? httpsRequest : httpRequest;
    const agent = host.secure ? agents.https : agents.http;
    // Path and query by themselves: in a URL, Node would resolve the dots of a key.
    const { hostname, port } = host;
    const onward = send({ hostname, port, path: url, method, agent, headers: { ...kept, ...own } }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      // An answer that ends halfway is to end halfway here, too.
      answer.once('error', () => request.socket.destroy());
      answer.pipe(response);
    });
    onward.once('error', (error) => {
      if (response.headersSent) request.socket.destroy();
      else response.writeHead(502, { 'Content-Type': 'text/plain' }).end(error.message);
    });
    response.once('close', () => onward.destroy());
    request.pipe(onward);
  };

  const server = createServer(pass);
  const [hostname = '', port = ''] = listen.split(/:(?=\d+$)/);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(Number(port), hostname, resolve);
  });
  return {
    endpoint: `http://${hostname}:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.closeAllConnections();
      agents.http.destroy();
      agents.https.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
