/** URIs as SigV4 and S3 want them: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html. Pure. */

/** What SigV4 encodes; keys that hold none of it, as the project's own, are not worth more than this look. */
const ENCODED = /[^A-Za-z0-9\-._~/]/;
/** Characters that encodeURI leaves, and S3's canonical URI does not. */
const LEFT_BY_ENCODE_URI = /[;,?:@&=+$#!'()*]/g;
const LEFT_BY_ENCODE_URI_COMPONENT = /[!'()*]/g;

const percent = (character: string) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;

/** The path of a key: UTF-8 bytes percent-encoded except unreserved ones and `/`. Nothing is normalised, as S3 asks. */
export function encodeKey(key: string): string {
  return ENCODED.test(key) ? whole(key, encodeURI).replace(LEFT_BY_ENCODE_URI, percent) : key;
}

/** One name or value of a query, `/` included among what is encoded. */
export function encodeQueryPart(text: string): string {
  return whole(text, encodeURIComponent).replace(LEFT_BY_ENCODE_URI_COMPONENT, percent);
}

/**
 * Encodes text that may hold half a surrogate pair, which no UTF-8 can: it becomes U+FFFD, as in every other way out of the
 * process. No key is such text, so the request asks for what is not there, and that is counted; an exception would be a stack.
 */
function whole(text: string, encode: (text: string) => string): string {
  try {
    return encode(text);
  } catch {
    return encode(Array.from(text, (c) => (c.length === 1 && c >= '\ud800' && c <= '\udfff' ? '\ufffd' : c)).join(''));
  }
}

/** A query in canonical order, sorted by encoded name; a sub-resource such as `uploads` has an empty value and its `=`. */
export function canonicalQuery(query: Readonly<Record<string, string | number | undefined>>): string {
  const parts: [string, string][] = [];
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parts.push([encodeQueryPart(name), encodeQueryPart(String(value))]);
  }
  parts.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return parts.map(([name, value]) => `${name}=${value}`).join('&');
}

/** An object of a bucket as x-amz-copy-source names it. */
export const copySource = (bucket: string, key: string): string => `/${encodeKey(`${bucket}/${key}`)}`;
