/** Batches of DELETE_OBJECTS: what names the objects, and what became of each. Pure. */
import type { Reply } from './engine';
import type { Outcome } from './outcome';
import { escapeXml, XMLNS } from './xml';

/** S3's limit on the objects of one batch: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html */
export const MOST_IN_BATCH = 1_000;

/** An object, or one version of it. */
export interface Deletable {
  readonly key: string;
  readonly versionId?: string | undefined;
}

/** An object that an answer says is still there. */
export interface Undeleted extends Deletable {
  readonly code: string;
  readonly message: string;
}

/** The document that DELETE_OBJECTS sends. */
export function batchOf(objects: readonly Deletable[]): string {
  const elements = objects.map(({ key, versionId }) => {
    const version = versionId === undefined ? '' : `<VersionId>${escapeXml(versionId)}</VersionId>`;
    return `<Object><Key>${escapeXml(key)}</Key>${version}</Object>`;
  });
  return `<Delete xmlns="${XMLNS}"><Quiet>true</Quiet>${elements.join('')}</Delete>`;
}

/** What stores answer to a command that they do not have. */
const LACKING_STATUS: ReadonlySet<number> = new Set([405, 501]);
const LACKING_CODES: ReadonlySet<string> = new Set(['NotImplemented', 'MethodNotAllowed']);

/** Whether an answer to a batch says that the store has no such command: objects are then to be deleted one by one. */
export function lacksBatches({ status, failure }: Pick<Outcome, 'status' | 'failure'>): boolean {
  return failure !== undefined && (LACKING_STATUS.has(status) || LACKING_CODES.has(failure.code));
}

/** Objects that the answer to a batch says are still there. */
export function undeletedOf({ found }: Reply): Undeleted[] {
  return (found?.lists.Error ?? []).map(([key = '', version, code = '', message = '']) => ({
    ...{ key, code, message },
    ...(version && { versionId: version }),
  }));
}
