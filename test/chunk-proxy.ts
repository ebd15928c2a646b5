/** A proxy that reads bodies in chunks as the specification has them, with nothing of the project's, and passes them on. */
import { createHash, createHmac } from 'node:crypto';
import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { listen } from './stage';

/** What came in chunks. */
export interface Chunked {
  readonly op: string;
  readonly headers: IncomingHttpHeaders;
  readonly data: Buffer;
  /** The length of each chunk, the last and empty one left out. */
  readonly sizes: readonly number[];
  /** Of each chunk, and of the trailer, where they are signed. */
  readonly signatures: readonly string[];
  readonly trailer: { readonly name: string; readonly value: string };
}

interface Options {
  /** Every checksum is changed on the way. */
  readonly spoil?: boolean;
}

/** Starts one. `bodies` are those that came in chunks; others are passed on as they are. */
export async function startChunkProxy(target: string, { spoil = false }: Options = {}) {
  const bodies: Chunked[] = [];
  const problems: string[] = [];
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    try {
      for await (const piece of request) pieces.push(piece);
    } catch {
      return; // It was broken off.
    }
    let body: Buffer = Buffer.concat(pieces);
    const { method = '', url = '', headers } = request;
    if (/(^|,)aws-chunked/.test(headers['content-encoding'] ?? '')) {
      try {
        const read = readChunks(body);
        bodies.push({ op: method + (/[?&](partNumber)\b/.exec(url)?.[1] ?? ''), headers, ...read });
        if (spoil) body = spoiled(body, read.trailer.value);
      } catch (e) {
        problems.push(String(e));
      }
    }
    const { hostname, port } = new URL(target);
    const onward = httpRequest({ hostname, port, path: url, method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(response);
    });
    onward.once('error', () => response.destroy());
    onward.end(body);
  });
  const port = await listen(server);
  return {
    endpoint: `http://127.0.0.1:${port}`,
    bodies,
    /** What was in no chunks that could be read. */
    problems,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** The body with another checksum of the same form. */
function spoiled(body: Buffer, value: string): Buffer {
  const other = Buffer.from(Buffer.from(value, 'base64').map((byte) => byte ^ 0xff)).toString('base64');
  const at = body.lastIndexOf(value);
  return Buffer.concat([body.subarray(0, at), Buffer.from(other), body.subarray(at + value.length)]);
}

function readChunks(body: Buffer): Omit<Chunked, 'op' | 'headers'> {
  let at = 0;
  const line = (): string => {
    const end = body.indexOf('\r\n', at);
    if (end < 0) throw new Error(`no line at byte ${at} of ${body.length}`);
    const text = body.toString('latin1', at, end);
    at = end + 2;
    return text;
  };
  const signatures: string[] = [];
  const sizes: number[] = [];
  const data: Buffer[] = [];
  for (;;) {
    const text = line();
    const [, hex = '', signature] = /^([0-9a-f]+)(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(text) ?? [];
    if (hex === '') throw new Error(`"${text}" begins no chunk`);
    if (signature !== undefined) signatures.push(signature);
    const size = Number.parseInt(hex, 16);
    if (size === 0) break;
    sizes.push(size);
    data.push(body.subarray(at, at + size));
    at += size;
    if (line() !== '') throw new Error('a chunk does not end where it should');
  }
  const [name = '', value = ''] = line().split(':');
  if (signatures.length > 0) {
    const [key, signature = ''] = line().split(':');
    if (key !== 'x-amz-trailer-signature') throw new Error(`${key} in place of the trailer's signature`);
    signatures.push(signature);
  }
  if (line() !== '' || at !== body.length) throw new Error(`${body.length - at} bytes after the trailer`);
  return { data: Buffer.concat(data), sizes, signatures, trailer: { name, value } };
}

/** A body's checksum in base64, bit by bit as the standards have it. */
export function checksumOf(name: string, data: Buffer): string {
  if (name === 'sha1' || name === 'sha256') return createHash(name).update(data).digest('base64');
  const [polynomial, bits] = POLYNOMIALS[name] ?? [];
  if (polynomial === undefined || bits === undefined) throw new Error(`${name} is no checksum`);
  const table = Array.from({ length: 256 }, (_, i) => {
    let value = BigInt(i);
    for (let bit = 0; bit < 8; bit++) value = value & 1n ? (value >> 1n) ^ polynomial : value >> 1n;
    return value;
  });
  const all = (1n << BigInt(bits)) - 1n;
  let sum = all;
  for (const byte of data) sum = (sum >> 8n) ^ (table[Number((sum ^ BigInt(byte)) & 0xffn)] ?? 0n);
  return Buffer.from((sum ^ all).toString(16).padStart(bits / 4, '0'), 'hex').toString('base64');
}

/** In reversed bits: https://reveng.sourceforge.io/crc-catalogue/all.htm */
const POLYNOMIALS: Readonly<Record<string, readonly [bigint, number]>> = {
  crc32: [0xedb88320n, 32],
  crc32c: [0x82f63b78n, 32],
  crc64nvme: [0x9a6c9329ac4bc9b5n, 64],
};

/** The signatures that a body's chunks and trailer should have after the request's own. */
export function chainOf({ headers, data, sizes, trailer }: Chunked, secret: string): string[] {
  const { authorization = '' } = headers;
  const [, scope = '', seed = ''] = /Credential=[^/]+\/([^,]+),.*Signature=([0-9a-f]{64})$/.exec(authorization) ?? [];
  const mac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
  const sha = (what: string | Buffer) => createHash('sha256').update(what).digest('hex');
  let key: string | Buffer = `AWS4${secret}`;
  for (const part of scope.split('/')) key = mac(key, part);
  let previous = seed;
  const next = (kind: string, hashes: string) => {
    const text = `AWS4-HMAC-SHA256-${kind}\n${headers['x-amz-date']}\n${scope}\n${previous}\n${hashes}`;
    previous = mac(key, text).toString('hex');
    return previous;
  };
  const chunks: Buffer[] = [];
  let at = 0;
  for (const size of [...sizes, 0]) {
    chunks.push(data.subarray(at, at + size));
    at += size;
  }
  return [
    ...chunks.map((chunk) => next('PAYLOAD', `${sha('')}\n${sha(chunk)}`)),
    next('TRAILER', sha(`${trailer.name}:${trailer.value}\n`)),
  ];
}
