/**
 * Keys that servers, URLs and XML disagree about. Not every server holds every one: what boto3 gets on the same server is
 * what this client is to get.
 */
import type { Outcome } from '../../lib/s3/outcome';
import { type Case, same, succeeded } from './case';

export const ODD_KEYS: readonly string[] = [
  ...['a space', ' leading', 'trailing ', 'plus+plus', '100%', '%2F', '%25', 'a%20b', '%', '%zz'],
  ...['what?', 'q?x=1&y=2', '#hash', 'a&b', 'a=b', 'semi;colon', 'comma,', 'colon:', 'at@', 'dollar$', 'star*'],
  ...["it's", '"double"', '(round)', '[square]', '{curly}', 'back\\slash', 'caret^', 'tick`', 'pipe|', '<angle>', '!'],
  ...['~', '~user/', '-', '_', 'ü', 'u\u0308', '日本語', '😀', '\u00a0', '\u200d', '\ufeff'],
  ...['.hidden', 'ends.', '.', '..', '...', './dot', '../up', 'a/./b', 'a/../b', 'a/..', 'a/.'],
  ...['a//b', '//a', '/a', 'a//', 'folder/', 'file', 'file/below', 'over/below', 'over'],
  ...['tab\there', 'new\nline', 'return\rhere', '\u0001', 'back\bspace', '\u007f', '\u0085', '\u2028', '\ufffd'],
  ...['n'.repeat(255), 'n'.repeat(256), 'ü'.repeat(128), 'n'.repeat(1024 - 5), 'n'.repeat(1025 - 5)],
];

/** The bucket they go to, beside that of the settings. */
export const oddBucket = (bucket: string): string => `odd-${bucket}`;

/** One key's fate: `ok`, or `404 NoSuchKey`. */
export interface Fate {
  readonly key: string;
  readonly put: string;
  /** `same` content, `other`, or the status. */
  readonly read: string;
  /** Whether a listing with the key for its prefix has it; null when that listing can't be read. */
  readonly listed: boolean | null;
  /** What deleting another object of that name came to, in a batch of one. */
  readonly deleted: string;
}

/** Both clients do this, each in a bucket of its own: write `kept/…` and `gone/…`, read, list, delete `gone/…`. */
export const oddKeysCase: Case = {
  name: 'odd keys are written, read, listed and deleted as far as the server holds them',
  run: async (t) => {
    const s3 = t.client({ bucket: oddBucket(t.options.bucket) });
    succeeded('create', s3.createBucket());
    const fates: Fate[] = [];
    for (const name of ODD_KEYS) {
      const key = `kept/${name}`;
      const content = t.bytesOf(contentOf(key));
      const put = await s3.putObject(key, content, '');
      const got = await s3.getObject(key, '');
      const read = await s3.readObject(key, '');
      same(`status of two GETs of ${key}`, got.status, read.status);
      const is = read.content && t.sha256(read.content) === t.sha256(content) ? 'same' : 'other';
      const gone = `gone/${name}`;
      await s3.putObject(gone, t.bytesOf(contentOf(gone)), '');
      const batch = s3.deleteObjects([gone]);
      fates.push({
        key,
        put: said(put),
        read: read.failure ? String(read.status) : is,
        listed: s3.listObjects({ prefix: key }).objects.some((object) => object.key === key),
        deleted: batch.failed[0]?.code ?? said(batch),
      });
    }
    t.report('oddKeys', fates);
  },
};

/** `ok`, or `404 NoSuchKey`. versitygw sometimes gives the status for a code, which boto3 also does where there is none. */
export function said({ failure, status }: Outcome): string {
  if (failure === undefined) return 'ok';
  return `${status} ${failure.code === String(status) ? '' : failure.code}`;
}

/** A folder on a posix server holds no content. */
function contentOf(key: string): string {
  return key.endsWith('/') ? '' : `content of ${key}`;
}
