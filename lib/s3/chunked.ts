/**
 * A body in chunks with a checksum behind it (aws-chunked, unsigned), for engines that have the whole body in memory:
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html. Pure. The native engine has its own: extension/chunked.
 */

/** As long as the chunks of extension/chunked. */
const CHUNK_BYTES = 64 * 1024;

/** Stands for the hash of such a body. */
export const UNSIGNED_TRAILER = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';

/** The headers that tell of it, by lower-case name. `encoding` is the object's own, if it has one. */
export function chunkedHeaders(bytes: number, trailer: string, encoding: string | undefined): Record<string, string> {
  return {
    'content-encoding': encoding === undefined ? 'aws-chunked' : `aws-chunked,${encoding}`,
    'x-amz-decoded-content-length': String(bytes),
    'x-amz-trailer': trailer,
  };
}

/** The body in chunks; `sum` is in base64. */
export function chunked(body: ArrayBuffer, trailer: string, sum: string): ArrayBuffer {
  const pieces: Array<string | Uint8Array> = [];
  for (let at = 0; at < body.byteLength; at += CHUNK_BYTES) {
    const length = Math.min(CHUNK_BYTES, body.byteLength - at);
    pieces.push(`${length.toString(16)}\r\n`, new Uint8Array(body, at, length), '\r\n');
  }
  pieces.push(`0\r\n${trailer}:${sum}\r\n\r\n`);
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    if (typeof piece !== 'string') whole.set(piece, at);
    else for (let i = 0; i < piece.length; i++) whole[at + i] = piece.charCodeAt(i);
    at += piece.length;
  }
  return whole.buffer as ArrayBuffer;
}
