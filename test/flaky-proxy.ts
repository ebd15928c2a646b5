/** A proxy in front of an S3 server, on loopback, that answers now and then as a server in trouble would. */
import { createServer, request as httpRequest } from 'node:http';
import { listen } from './stage';

/** Passes requests on as they are. Of those on objects every 20th is answered with 503 SlowDown, every 30th GET with 404. */
export async function startFlakyProxy(target: string): Promise<{ endpoint: string; stop(): void }> {
  const { hostname, port } = new URL(target);
  let [requests, reads] = [0, 0];
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request;
    const onObject = /^\/[^/?]+\/[^?]/.test(url);
    const code = onObject && ++requests % 20 === 0 ? 503 : onObject && method === 'GET' && ++reads % 30 === 0 ? 404 : 0;
    if (code !== 0) {
      request.resume().once('end', () => {
        response.writeHead(code, { 'Content-Type': 'application/xml' });
        response.end(`<Error><Code>${code === 503 ? 'SlowDown' : 'NoSuchKey'}</Code></Error>`);
      });
      return;
    }
    const passed = httpRequest({ hostname, port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(response);
    });
    passed.once('error', () => response.destroy());
    request.pipe(passed);
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
