/** A PUT of an object in parts: create, parts and complete to the server, one operation to its caller. */
import { ABORT_MULTIPART, COMPLETE_MULTIPART, CREATE_MULTIPART, HEAD_WRITTEN, PUT, UPLOAD_PART } from './commands';
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
    const etags: string[] = [];
    for (let sent = 0; sent < body.bytes; sent += body.partBytes) {
      const partNumber = etags.length + 1;
      const part = uploadPart(key, size, body.part(etags.length), { query: { partNumber, ...query } });
      if (part.failure) return failed(part);
      etags.push(part.headers?.etag ?? '');
    }
    let completed: Outcome = complete(key, size, completionOf(etags), { query });
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

/** The document that COMPLETE_MULTIPART sends: the parts' ETags in order, from part 1 on. */
export function completionOf(etags: readonly string[]): string {
  const parts = etags.map((etag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${escapeXml(etag)}</ETag></Part>`);
  return `<CompleteMultipartUpload xmlns="${XMLNS}">${parts.join('')}</CompleteMultipartUpload>`;
}
