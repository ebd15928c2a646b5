/** An object written or copied in parts: create, parts and complete to the server, one operation to its caller. */
import type { Checksum } from '../settings/config';
import {
  ABORT_MULTIPART,
  COMPLETE_COPY,
  COMPLETE_MULTIPART,
  type Command,
  CREATE_MULTIPART,
  HEAD_WRITTEN,
  UPLOAD_PART,
  UPLOAD_PART_COPY,
} from './commands';
import { checksumHeader } from './demands';
import type { Arguments, Awaitable, Body, Engine, Reply } from './engine';
import type { Outcome } from './outcome';
import { escapeXml, XMLNS } from './xml';

/** An object in parts, all of them equally long but for the last. */
interface Parted {
  readonly bytes: number;
  readonly partBytes: number;
}

/** A body in parts: `part(i)` is called once, in order, and only when it is to be sent. k6/http has read a part before the next is asked for. */
export interface PartedBody extends Parted {
  part(index: number): Body;
}

/** An object in parts that are copied. Of one whose length is not known, `bytes` is 0, and it is one part. */
export interface PartedCopy extends Parted {
  /** As x-amz-copy-source names it. */
  readonly source: string;
}

type InParts<P> = (key: string, parted: P, size: string) => Awaitable<Outcome>;
export type PutInParts = InParts<PartedBody>;
export type CopyInParts = InParts<PartedCopy>;

/** What sends all parts of one upload: what their answers have, or the failure of the first one that failed. */
type SendParts<P> = (key: string, size: string, parted: P, uploadId: string) => Awaitable<CompletedPart[] | Outcome>;

/** The load of a part, and what its request has beside that. */
type PartOf<P> = (parted: P, index: number) => readonly [load: Body | undefined, headers?: Arguments['headers']];

/**
 * Failures are recorded where they happen, as a part's or a call's; an upload that fails, or that k6 breaks off, is aborted on the
 * server. So many parts `atOnce` are under way; with one, the VU waits for each. The row that completes it says what it is counted as.
 */
export function putInParts(engine: Engine, atOnce = 1, completion = COMPLETE_MULTIPART): PutInParts {
  const partOf: PartOf<PartedBody> = (body, i) => [body.part(i)];
  return inParts(engine, completion, sender(engine, UPLOAD_PART, partOf, atOnce), ({ bytes }) => bytes);
}

/** The same with parts that the store copies: no bytes are sent. */
export function copyInParts(engine: Engine, atOnce = 1): CopyInParts {
  const partOf: PartOf<PartedCopy> = ({ source, bytes, partBytes }, i) => {
    const from = { 'x-amz-copy-source': source };
    // S3 takes no range of an object that is no larger than a part may be.
    if (bytes <= partBytes) return [undefined, from];
    const last = Math.min(bytes, (i + 1) * partBytes) - 1;
    return [undefined, { ...from, 'x-amz-copy-source-range': `bytes=${i * partBytes}-${last}` }];
  };
  return inParts(engine, COMPLETE_COPY, sender(engine, UPLOAD_PART_COPY, partOf, atOnce), () => 0);
}

function inParts<P extends Parted>(
  engine: Engine,
  completion: Command,
  send: SendParts<P>,
  sentBytes: (parted: P) => number,
): InParts<P> {
  const create = engine.compileSync(CREATE_MULTIPART);
  const complete = engine.compileSync(completion);
  const abort = engine.compileSync(ABORT_MULTIPART);
  const { checksum } = engine;
  const abortLater = engine.atInterrupt?.(ABORT_MULTIPART);
  return (key, parted, size) => {
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
        if (found.failure || !isWhole(parted, found)) return ended(completed, 0);
        completed = found;
      }
      if (completed.failure?.code === completion.doneBefore) {
        // There is nothing to abort.
        settle?.();
        return ended(completed, 0);
      }
      if (completed.failure) return failed(completed);
      settle?.();
      const whole = ended(completed, sentBytes(parted));
      engine.composed(completion.completes as string, size, whole);
      return whole;
    };
    const sent = send(key, size, parted, query.uploadId);
    return sent instanceof Promise ? sent.then(finish) : finish(sent);
  };
}

const isWhole = ({ bytes }: Parted, { headers }: Outcome): boolean =>
  bytes === 0 || Number(headers?.['content-length']) === bytes;

const countOf = ({ bytes, partBytes }: Parted): number => Math.max(1, Math.ceil(bytes / partBytes));

function sender<P extends Parted>(engine: Engine, row: Command, partOf: PartOf<P>, atOnce: number): SendParts<P> {
  return atOnce === 1 ? oneByOne(engine, row, partOf) : several(engine, row, partOf, atOnce);
}

function oneByOne<P extends Parted>(engine: Engine, row: Command, partOf: PartOf<P>): SendParts<P> {
  const upload = engine.compileSync(row);
  const completed = completedBy(engine);
  return (key, size, parted, uploadId) => {
    const parts: CompletedPart[] = [];
    for (let i = 0; i < countOf(parted); i++) {
      const part = upload(key, size, ...argumentsOf(partOf(parted, i), i, uploadId));
      if (part.failure) return part;
      parts.push(completed(part));
    }
    return parts;
  };
}

/** After a failure no further part begins, and those under way end before the upload is aborted: else they might outlive it. */
function several<P extends Parted>(engine: Engine, row: Command, partOf: PartOf<P>, atOnce: number): SendParts<P> {
  const upload = engine.compileAsync(row);
  const completed = completedBy(engine);
  return async (key, size, parted, uploadId) => {
    const count = countOf(parted);
    const parts = Array<CompletedPart>(count);
    let next = 0;
    let failure: Outcome | undefined;
    const goOn = async (): Promise<void> => {
      while (next < count && failure === undefined) {
        const i = next++;
        const part = await upload(key, size, ...argumentsOf(partOf(parted, i), i, uploadId));
        if (part.failure) failure ??= part;
        else parts[i] = completed(part);
      }
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, count) }, goOn));
    return failure ?? parts;
  };
}

function argumentsOf([load, headers]: ReturnType<PartOf<never>>, i: number, uploadId: string) {
  const query = { partNumber: i + 1, uploadId };
  return [load, headers === undefined ? { query } : { query, headers }] as const;
}

/** Of a part that was sent, headers say it; of one that was copied, the document. */
function completedBy({ checksum }: Engine): (part: Reply) => CompletedPart {
  return ({ headers = {}, found }) => {
    if (found === undefined)
      return { etag: headers.etag ?? '', checksum: checksum && headers[checksumHeader(checksum)] };
    return { etag: found.texts.ETag ?? '', checksum: checksum && found.texts[`Checksum${checksum.toUpperCase()}`] };
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
