/** Multipart uploads, call by call and as one PUT. */
import type { PartedBody } from '../../lib/s3/multipart';
import { type Bench, type Case, failed, readAs, same, succeeded } from './case';

const MIB = 1024 ** 2;

export const multipartCases: readonly Case[] = [
  { name: 'an upload of three parts is the object they make', run: threeParts },
  { name: 'an aborted upload leaves nothing', run: abort },
  { name: 'a completion with a wrong ETag is refused', run: wrongEtag },
  { name: 'a part of an unknown upload is refused', run: unknownUpload },
  { name: 'putObjectInParts is one PUT to its caller', run: inParts },
  { name: 'an upload under an awkward key', run: awkwardKey },
];

async function threeParts(t: Bench): Promise<void> {
  const { s3 } = t;
  const key = t.key('object');
  const body = t.random(10 * MIB + 1);
  const upload = succeeded('create', s3.createMultipartUpload(key, '10MB'));
  const parts = [0, 1, 2].map((i) => {
    const piece = body.slice(i * 5 * MIB, (i + 1) * 5 * MIB);
    const part = succeeded(`part ${i + 1}`, s3.uploadPart(key, upload.uploadId, i + 1, piece, '10MB'));
    same(`bytes of part ${i + 1}`, part.bytes, piece.byteLength);
    same(`number of part ${i + 1}`, part.number, i + 1);
    if (part.etag === '') throw new Error(`part ${i + 1} has no ETag`);
    return part;
  });
  failed('HEAD before completion', s3.headObject(key, '10MB'), { errorClass: 'notFound' });
  succeeded('complete', s3.completeMultipartUpload(key, upload.uploadId, parts, '10MB'));
  t.wrote(key, body);
  readAs(t, 'read', await s3.readObject(key, '10MB'), body);
}

function abort(t: Bench): void {
  const { s3 } = t;
  const key = t.key('object');
  const { uploadId } = succeeded('create', s3.createMultipartUpload(key, ''));
  succeeded('part', s3.uploadPart(key, uploadId, 1, t.random(1000), ''));
  succeeded('abort', s3.abortMultipartUpload(key, uploadId, ''));
  failed('HEAD', s3.headObject(key, ''), { errorClass: 'notFound' });
  failed('further part', s3.uploadPart(key, uploadId, 2, t.random(10), ''), {
    errorClass: 'notFound',
    code: 'NoSuchUpload',
  });
  same('keys', succeeded('LIST', s3.listObjects({ prefix: t.key('') })).objects, []);
}

function wrongEtag(t: Bench): void {
  const { s3 } = t;
  const key = t.key('object');
  const { uploadId } = succeeded('create', s3.createMultipartUpload(key, ''));
  const part = succeeded('part', s3.uploadPart(key, uploadId, 1, t.random(1000), ''));
  const wrong = { ...part, etag: `"${'0'.repeat(32)}"` };
  const want = { errorClass: 'client', status: 400, code: 'InvalidPart' } as const;
  failed('completion', s3.completeMultipartUpload(key, uploadId, [wrong], ''), want);
  failed('HEAD', s3.headObject(key, ''), { errorClass: 'notFound' });
  succeeded('abort', s3.abortMultipartUpload(key, uploadId, ''));
}

function unknownUpload(t: Bench): void {
  const { s3 } = t;
  const key = t.key('object');
  const want = { errorClass: 'notFound', code: 'NoSuchUpload' } as const;
  const part = s3.uploadPart(key, 'no-such-upload', 1, t.random(10), '');
  failed('part', part, want);
  failed('abort', s3.abortMultipartUpload(key, 'no-such-upload', ''), want);
}

/** A body whose parts are all cut from one buffer, which the next part overwrites: they must be sent before that. */
export function partedBody(
  t: Bench,
  bytes: number,
  partBytes: number,
): { body: PartedBody; whole: Uint8Array; asked: number[] } {
  const whole = new Uint8Array(t.random(bytes));
  const one = new Uint8Array(partBytes);
  const asked: number[] = [];
  const part = (index: number): ArrayBuffer => {
    asked.push(index);
    const piece = whole.subarray(index * partBytes, Math.min(bytes, (index + 1) * partBytes));
    one.fill(0);
    one.set(piece);
    return piece.length === partBytes ? one.buffer : one.buffer.slice(0, piece.length);
  };
  return { body: { bytes, partBytes, part }, whole, asked };
}

async function inParts(t: Bench): Promise<void> {
  const key = t.key('object');
  const { body, whole, asked } = partedBody(t, 12 * MIB + 7, 5 * MIB);
  const put = succeeded('PUT', t.s3.putObjectInParts(key, body, '10MB'));
  same('bytes', put.bytes, whole.length);
  same('parts asked for', asked, [0, 1, 2]);
  t.wrote(key, whole.buffer as ArrayBuffer);
  readAs(t, 'read', await t.s3.readObject(key, '10MB'), whole.buffer as ArrayBuffer);
}

async function awkwardKey(t: Bench): Promise<void> {
  const { s3 } = t;
  const key = t.key('ü &+%2F?.bin');
  const { uploadId } = succeeded('create', s3.createMultipartUpload(key, ''));
  const body = t.random(100);
  const part = succeeded('part', s3.uploadPart(key, uploadId, 1, body, ''));
  succeeded('complete', s3.completeMultipartUpload(key, uploadId, [part], ''));
  t.wrote(key, body);
  readAs(t, 'read', await s3.readObject(key, ''), body);
}
