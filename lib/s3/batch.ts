/** Batches of DELETE_OBJECTS: what names the objects, and what became of each. Pure. */
import type { Reply } from './engine';
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

/** Objects that the answer to a batch says are still there. */
export function undeletedOf({ found }: Reply): Undeleted[] {
  return (found?.lists.Error ?? []).map(([key = '', version, code = '', message = '']) => ({
    ...{ key, code, message },
    ...(version && { versionId: version }),
  }));
}
