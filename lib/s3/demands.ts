/** What stores and policies demand of requests beyond what S3 does: headers, checksums, hashed bodies. Rows are given it. Pure. */
import type { Checksum } from '../settings/config';
import { type Command, CREATE_MULTIPART } from './commands';
import { type CustomerKey, keyHeaders } from './sse-c';

export interface Demands {
  /** By lower-case name. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly storageClass?: string | undefined;
  /** Sent with each body of an object or a part. */
  readonly checksum?: Checksum | undefined;
  /** The checksum is sent behind the body, and not before it. */
  readonly checksumTrailer?: boolean | undefined;
  /** Such a body's SHA-256 is signed. */
  readonly signPayload?: boolean | undefined;
  /** What objects are encrypted with. */
  readonly customerKey?: CustomerKey | undefined;
}

/** Headers that are about the request, and not about the object that it makes. */
const OF_REQUEST = /^x-amz-(request-payer|expected-bucket-owner)$/;
const OF_OBJECT = /^(x-amz-.*|cache-control|content-(disposition|encoding|language|type)|expires)$/;

/** The row with what is demanded of it; headers of objects are sent where one is made. */
export function demanded(command: Command, demands: Demands): Command {
  const { headers, storageClass, checksum, checksumTrailer, signPayload, customerKey } = demands;
  const { method, effect, counts, body, op } = command;
  if (command.form === true) return demandedOfForm(command, demands);
  const startsUpload = op === CREATE_MULTIPART.op;
  const makesObject = (method === 'PUT' && effect === 'write' && counts === 'operation') || startsUpload;
  const wanted = Object.entries(headers ?? {}).filter(
    ([name]) => makesObject || OF_REQUEST.test(name) || !OF_OBJECT.test(name),
  );
  if (makesObject && storageClass !== undefined) wanted.push(['x-amz-storage-class', storageClass]);
  if (startsUpload && checksum !== undefined && checksum !== 'md5') {
    wanted.push(['x-amz-checksum-algorithm', checksum.toUpperCase()]);
  }
  if (customerKey !== undefined && needsKey(command, demands)) {
    wanted.push(...Object.entries(keyHeaders(customerKey, 'object')));
    if (method === 'PUT' && effect === 'write' && body === 'none') {
      wanted.push(...Object.entries(keyHeaders(customerKey, 'source')));
    }
  }
  const carries = body === 'payload';
  return {
    ...command,
    ...(wanted.length > 0 && { headers: Object.fromEntries(wanted) }),
    ...(carries && checksum !== undefined && { checksum }),
    ...(carries && checksum !== undefined && checksumTrailer === true && { trailing: true }),
    ...(carries && signPayload === true && { hashed: true }),
  };
}

/** Of a form what is about its object is a field. What its body comes to is in none. */
function demandedOfForm(command: Command, { headers: all = {}, storageClass, customerKey }: Demands): Command {
  const ofObject = (name: string) => OF_OBJECT.test(name) && !OF_REQUEST.test(name);
  const headers = Object.entries(all).filter(([name]) => !ofObject(name));
  const fields = Object.entries(all).filter(([name]) => ofObject(name));
  if (storageClass !== undefined) fields.push(['x-amz-storage-class', storageClass]);
  if (customerKey !== undefined) fields.push(...Object.entries(keyHeaders(customerKey, 'object')));
  return {
    ...command,
    ...(headers.length > 0 && { headers: Object.fromEntries(headers) }),
    ...(fields.length > 0 && { fields: Object.fromEntries(fields) }),
  };
}

/** Whether S3 wants the key of an encrypted object with a command; with the end of an upload only if that has checksums. */
function needsKey({ on, method, effect, body, query }: Command, { checksum }: Demands): boolean {
  if (on !== 'object') return false;
  if (effect === 'read' || method === 'HEAD' || query?.attributes !== undefined) return true;
  if (effect !== 'write' || method === 'DELETE') return false;
  return body !== 'text' || (checksum !== undefined && checksum !== 'md5');
}

/** The header that has a checksum, in base64. */
export const checksumHeader = (checksum: Checksum) =>
  checksum === 'md5' ? 'content-md5' : `x-amz-checksum-${checksum}`;
