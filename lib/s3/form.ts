/**
 * Uploads by HTML forms: fields with a signed policy in place of signed headers, and the file last.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html Pure.
 */

/** How long a policy holds: requests wait for their turn, and clocks differ. */
const HOLDS_MS = 3600_000;

/** What a policy allows: one object of one length. Every other field must be in it, too, with its value. */
export function policyOf(
  bucket: string,
  key: string,
  bytes: number,
  fields: Readonly<Record<string, string>>,
  now = Date.now(),
): string {
  const conditions = [
    { bucket },
    { key },
    ['content-length-range', bytes, bytes],
    ...Object.entries(fields).map(([name, value]) => ({ [name]: value })),
  ];
  return JSON.stringify({ expiration: new Date(now + HOLDS_MS).toISOString(), conditions });
}

/** Random, so that it stands in no file. */
const BOUNDARY = `s3loadtest-${Array.from({ length: 4 }, () => Math.random().toString(36).slice(2)).join('')}`;

export const FORM_TYPE = `multipart/form-data; boundary=${BOUNDARY}`;

const partOf = (name: string, more: string): string =>
  `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n`;

/** A form with these fields and a file. */
export function formOf(fields: Readonly<Record<string, string>>, file: ArrayBuffer): ArrayBuffer {
  const encoder = new TextEncoder();
  const texts = Object.entries(fields).map(([name, value]) => `${partOf(name, '')}${value}\r\n`);
  const before = encoder.encode(
    `${texts.join('')}${partOf('file', '; filename="file"\r\nContent-Type: application/octet-stream')}`,
  );
  const after = encoder.encode(`\r\n--${BOUNDARY}--\r\n`);
  const whole = new Uint8Array(before.length + file.byteLength + after.length);
  whole.set(before);
  whole.set(new Uint8Array(file), before.length);
  whole.set(after, before.length + file.byteLength);
  return whole.buffer;
}
