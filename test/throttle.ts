/** A proxy on loopback that lets so many requests a second through to a server, and no more. */
import { createServer, request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { listen } from './stage';

export interface Throttle {
  readonly endpoint: string;
  stop(): void;
}

/**
 * Requests beyond the rate are refused, as S3 does it: 503 SlowDown; or they wait for their turn, as at a disk that is busy.
 */
export async function startThrottle(target: string, perSecond: number, beyond: 'refuse' | 'queue'): Promise<Throttle> {
  const { hostname, port } = new URL(target);
  const interval = 1000 / perSecond;
  // A second's worth at once: what looks at the bucket before the load is let through.
  let free = performance.now() - 1000;
  const server = createServer(async (request, response) => {
    const now = performance.now();
    free = Math.max(free, now - 1000);
    const wait = free + interval - now;
    if (beyond === 'refuse' && wait > 0) {
      request.resume();
      await new Promise((resolve) => request.once('end', resolve));
      const body = '<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>';
      response.writeHead(503, { 'Content-Type': 'application/xml' }).end(body);
      return;
    }
    free += interval;
    if (wait > 0) await sleep(wait);
    const { method, url, headers } = request;
    const onward = httpRequest({ hostname, port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.rawHeaders);
      answer.pipe(response);
    });
    onward.on('error', () => request.socket.destroy());
    request.pipe(onward);
  });
  const own = await listen(server);
  return {
    endpoint: `http://127.0.0.1:${own}`,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
