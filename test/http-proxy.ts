/** An HTTP proxy on loopback that leads to one S3 server, whatever host it is asked for: requests as whole URLs, and CONNECT. */
import { createServer, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { listen } from './stage';

export interface HttpProxyServer {
  /** http://host:port, with user:password@ where it wants that. */
  readonly url: string;
  readonly host: string;
  /** What it was asked for: `GET http://host/path` or `CONNECT host:port`. */
  readonly asked: readonly string[];
  stop(): void;
}

/** `user` is user:password; who does not give it is answered with 407. */
export async function startHttpProxy(target: string, user = ''): Promise<HttpProxyServer> {
  const { hostname, port } = new URL(target);
  const asked: string[] = [];
  const expected = `Basic ${Buffer.from(user).toString('base64')}`;
  const isKnown = (headers: NodeJS.Dict<string | string[]>) =>
    user === '' || headers['proxy-authorization'] === expected;
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request;
    asked.push(`${method} ${url}`);
    if (!isKnown(headers)) {
      request.resume();
      response.writeHead(407).end();
      return;
    }
    const { 'proxy-authorization': _, ...rest } = headers;
    const passed = httpRequest(
      { hostname, port, method, path: url.replace(/^http:\/\/[^/]+/, ''), headers: rest },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
        answer.pipe(response);
      },
    );
    passed.once('error', () => response.destroy());
    request.pipe(passed);
  });
  server.on('connect', ({ url = '', headers }, socket) => {
    asked.push(`CONNECT ${url}`);
    if (!isKnown(headers)) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    const behind = connect(Number(port), hostname, () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
    socket.on('error', () => behind.destroy()).on('close', () => behind.destroy());
    behind.on('error', () => socket.destroy()).on('close', () => socket.destroy());
    socket.pipe(behind).pipe(socket);
  });
  const host = `127.0.0.1:${await listen(server)}`;
  return {
    host,
    url: `http://${user && `${user}@`}${host}`,
    asked,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
