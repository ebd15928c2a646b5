/** A PUT of an object in parts: create, parts and complete to the server, one operation to its caller. */
import type { Checksum } from '../settings/config';
import { ABORT_MULTIPART, COMPLETE_MULTIPART, CREATE_MULTIPART, HEAD_WRITTEN, PUT, UPLOAD_PART } from './commands';
import { checksumHeader } from './demands';
import type { Body, Engine } from './engine';
import type { Outcome } from './outcome';
import { escapeXml, XMLNS } from './xml';

/** A body in parts: `part(i)` is called once, in order, and only while needed, so that one buffer can serve all. */
export interface PartedBody {
  readonly bytes: number;
  readonly partBytes: number;
  part(index: number): Body;
}

export type PutInParts = (key: string, body: PartedBody, size: string) => Outcome;

/** Failures are recorded where they happen, as a part's or a call's; an upload that fails, or that k6 breaks off, is aborted on the server. */
export function putInParts(engine: Engine): PutInParts {
  const create = engine.compileSync(CREATE_MULTIPART);
  const uploadPart = engine.compileSync(UPLOAD_PART);
  const complete = engine.compileSync(COMPLETE_MULTIPART);
  const abort = engine.compileSync(ABORT_MULTIPART);
  const { checksum } = engine;
  const abortLater = engine.atInterrupt?.(ABORT_MULTIPART);
  return (key, body, size) => {
    const began = Date.now();
    const ended = (last: Outcome, bytes: number): Outcome => ({ ...last, bytes, ms: Date.now() - began });
    const created = create(key, size);
    if (created.failure) return ended(created, 0);
    const query = { uploadId: created.found?.texts.UploadId ?? '' };
    const settle = abortLater?.(key, size, undefined, { query });
    const failed = (last: Outcome): Outcome => {
      settle?.();
      abort(key, size, undefined, { query });
      return ended(last, 0);
    };
    const parts: CompletedPart[] = [];
    for (let sent = 0; sent < body.bytes; sent += body.partBytes) {
      const partNumber = parts.length + 1;
      const part = uploadPart(key, size, body.part(parts.length), { query: { partNumber, ...query } });
      if (part.failure) return failed(part);
      const { etag = '', ...headers } = part.headers ?? {};
      parts.push({ etag, checksum: checksum && headers[checksumHeader(checksum)] });
    }
    let completed: Outcome = complete(key, size, completionOf(parts, checksum), { query });
    if (completed.failure?.code === COMPLETE_MULTIPART.doneBefore) {
      // The upload is no more: its object is there, where an attempt completed it and the answer was lost.
      const found = engine.compileSync(HEAD_WRITTEN)(key, size);
      settle?.();
      if (found.failure || Number(found.headers?.['content-length']) !== body.bytes) return ended(completed, 0);
      completed = found;
    }
    if (completed.failure) return failed(completed);
    settle?.();
    const whole = ended(completed, body.bytes);
    engine.composed(PUT.op, size, whole);
    return whole;
  };
}

/** What the answer to a part has of it. */
interface CompletedPart {
  readonly etag: string;
  readonly checksum?: string | undefined;
}

/** The document that COMPLETE_MULTIPART sends: the parts in order, from part 1 on. */
export function completionOf(all: readonly CompletedPart[], algorithm?: Checksum): string {
  const parts = all.map(({ etag, checksum }, i) => {
    const name = `Checksum${algorithm?.toUpperCase()}`;
    const sum = checksum === undefined ? '' : `<${name}>${escapeXml(checksum)}</${name}>`;
    return `<Part><PartNumber>${i + 1}</PartNumber><ETag>${escapeXml(etag)}</ETag>${sum}</Part>`;
  });
  return `<CompleteMultipartUpload xmlns="${XMLNS}">${parts.join('')}</CompleteMultipartUpload>`;
}
