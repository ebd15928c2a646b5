/** A PUT of an object in parts: create, parts and complete to the server, one operation to its caller. */
import type { Checksum } from '../settings/config';
import { ABORT_MULTIPART, COMPLETE_MULTIPART, CREATE_MULTIPART, HEAD_WRITTEN, PUT, UPLOAD_PART } from './commands';
import { checksumHeader } from './demands';
import type { Awaitable, Body, Engine } from './engine';
import type { Outcome } from './outcome';
import { escapeXml, XMLNS } from './xml';

/** A body in parts: `part(i)` is called once, in order, and only when it is to be sent. k6/http has read a part before the next is asked for. */
export interface PartedBody {
  readonly bytes: number;
  readonly partBytes: number;
  part(index: number): Body;
}

export type PutInParts = (key: string, body: PartedBody, size: string) => Awaitable<Outcome>;

/** What sends all parts of one upload: what their answers have, or the failure of the first one that failed. */
type SendParts = (
  key: string,
  size: string,
  body: PartedBody,
  uploadId: string,
) => Awaitable<CompletedPart[] | Outcome>;

/**
 * Failures are recorded where they happen, as a part's or a call's; an upload that fails, or that k6 breaks off, is aborted on the
 * server. So many parts `atOnce` are under way; with one, the VU waits for each.
 */
export function putInParts(engine: Engine, atOnce = 1): PutInParts {
  const create = engine.compileSync(CREATE_MULTIPART);
  const send = atOnce === 1 ? oneByOne(engine) : several(engine, atOnce);
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
    const finish = (parts: CompletedPart[] | Outcome): Outcome => {
      if (!Array.isArray(parts)) return failed(parts);
      let completed: Outcome = complete(key, size, completionOf(parts, checksum), { query });
      if (completed.doneBefore === true) {
        // The upload is no more: its object is there, where an attempt completed it and the answer was lost.
        const found = engine.compileSync(HEAD_WRITTEN)(key, size);
        settle?.();
        if (found.failure || Number(found.headers?.['content-length']) !== body.bytes) return ended(completed, 0);
        completed = found;
      }
      if (completed.failure?.code === COMPLETE_MULTIPART.doneBefore) {
        // There is nothing to abort.
        settle?.();
        return ended(completed, 0);
      }
      if (completed.failure) return failed(completed);
      settle?.();
      const whole = ended(completed, body.bytes);
      engine.composed(PUT.op, size, whole);
      return whole;
    };
    const sent = send(key, size, body, query.uploadId);
    return sent instanceof Promise ? sent.then(finish) : finish(sent);
  };
}

const countOf = ({ bytes, partBytes }: PartedBody): number => Math.ceil(bytes / partBytes);

function oneByOne(engine: Engine): SendParts {
  const upload = engine.compileSync(UPLOAD_PART);
  const completed = completedBy(engine);
  return (key, size, body, uploadId) => {
    const parts: CompletedPart[] = [];
    for (let i = 0; i < countOf(body); i++) {
      const part = upload(key, size, body.part(i), { query: { partNumber: i + 1, uploadId } });
      if (part.failure) return part;
      parts.push(completed(part));
    }
    return parts;
  };
}

/** After a failure no further part begins, and those under way end before the upload is aborted: else they might outlive it. */
function several(engine: Engine, atOnce: number): SendParts {
  const upload = engine.compileAsync(UPLOAD_PART);
  const completed = completedBy(engine);
  return async (key, size, body, uploadId) => {
    const count = countOf(body);
    const parts = Array<CompletedPart>(count);
    let next = 0;
    let failure: Outcome | undefined;
    const goOn = async (): Promise<void> => {
      while (next < count && failure === undefined) {
        const i = next++;
        const part = await upload(key, size, body.part(i), { query: { partNumber: i + 1, uploadId } });
        if (part.failure) failure ??= part;
        else parts[i] = completed(part);
      }
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, count) }, goOn));
    return failure ?? parts;
  };
}

function completedBy({ checksum }: Engine): (part: Outcome) => CompletedPart {
  return ({ headers = {} }) => {
    return { etag: headers.etag ?? '', checksum: checksum && headers[checksumHeader(checksum)] };
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
