/** A proxy that says it encrypts with the keys of requests (SSE-C), and keeps what they say of keys. */
import { createServer, request as httpRequest } from 'node:http';
import { listen } from './stage';

interface Asked {
  /** The method, with what the query is about. */
  readonly op: string;
  readonly key: readonly [algorithm: string, key: string, md5: string] | undefined;
  /** Of the object that is copied. */
  readonly source: readonly [algorithm: string, key: string, md5: string] | undefined;
  readonly signed: string;
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

function keyIn(headers: Headers, before: string): Asked['key'] {
  const [algorithm, key, md5] = ['algorithm', 'key', 'key-md5'].map((name) => headers[before + name]);
  return key === undefined ? undefined : [String(algorithm), String(key), String(md5)];
}

export async function startKeyProxy(target: string) {
  const asked: Asked[] = [];
  const { hostname, port } = new URL(target);
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request;
    const about =
      /[?&](uploads|partNumber|attributes|delete|list-type)\b/.exec(url)?.[1] ??
      (/[?&]uploadId=/.test(url) ? 'uploadId' : '');
    const own = 'server-side-encryption-customer-';
    const key = keyIn(headers, `x-amz-${own}`);
    const source = keyIn(headers, `x-amz-copy-source-${own}`);
    const signed = /SignedHeaders=([^,]*)/.exec(headers.authorization ?? '')?.[1] ?? '';
    asked.push({ op: [method, about].filter(Boolean).join(' '), key, source, signed });
    const onward = httpRequest({ hostname, port, path: url, method, headers }, (answer) => {
      const more = key === undefined ? [] : ['x-amz-server-side-encryption-customer-algorithm', 'AES256'];
      response.writeHead(answer.statusCode ?? 502, [...answer.rawHeaders, ...more]);
      answer.pipe(response);
    });
    onward.once('error', () => response.destroy());
    request.pipe(onward);
  });
  const own = await listen(server);
  return {
    endpoint: `http://127.0.0.1:${own}`,
    asked,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
