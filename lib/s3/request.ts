/** How the row of a command becomes a request: where it goes to, what is signed. For all engines but the native one. Pure. */

import { aliasOf, basePathOf, endpointLabel, endpointParts } from '../settings/endpoint';
import { chunked, chunkedHeaders, UNSIGNED_TRAILER } from './chunked';
import type { Command } from './commands';
import { checksumHeader } from './demands';
import type { Arguments, CallLoad, EngineOptions } from './engine';
import { type Hashes, type Signer, UNSIGNED_PAYLOAD } from './sign';
import { canonicalQuery, encodeKey } from './uri';

/** An endpoint, as requests to it are addressed and signed. */
export interface SignedHost {
  /** As the endpoint tag has it. */
  readonly endpoint: string;
  /** Scheme and host, the bucket before it in virtual addressing. */
  readonly origin: string;
  /** Where to connect to, in place of what the host resolves to; '' of most. */
  readonly address: string;
  /** The origin for k6's client. */
  readonly alias: string;
  /** The host that a request is for, where its URL does not say it: signers set it. */
  readonly named?: string;
  readonly signer: Signer;
}

type Addressing = Pick<EngineOptions, 'endpoints' | 'bucket' | 'addressing'>;

/** `signerFor` gives the signer of requests to a host, named as in the SignedHost header. */
export function hostsOf(
  { endpoints, bucket, addressing }: Addressing,
  signerFor: (host: string) => Signer,
): SignedHost[] {
  return endpoints.map((url) => {
    const { scheme, address } = endpointParts(url);
    const [, own = ''] = /\/\/([^/#]+)/.exec(url) ?? [];
    const before = addressing === 'virtual' ? bucket : '';
    const host = before === '' ? own : `${before}.${own}`;
    // A default port is not sent in SignedHost, so it must not be signed either.
    const signed = host.replace(scheme === 'https' ? /:443$/ : /:80$/, '');
    const [endpoint, origin, signer] = [endpointLabel(url), `${scheme}://${host}`, signerFor(signed)];
    if (address === '') return { endpoint, origin, address, alias: origin, signer };
    const alias = `${scheme}://${aliasOf(url, before)}`;
    return { endpoint, origin, address, alias, named: signed, signer: naming(signer, signed) };
  });
}

/** A signer for requests whose URL does not say the host that they are for. */
const naming = (signer: Signer, host: string): Signer => ({
  sign: (...request) => ({ ...signer.sign(...request), host }),
  signWith: (...request) => ({ ...signer.signWith(...request), host }),
  form: signer.form,
});

/** Path of the bucket, and what stands before the encoded key of an object. */
export function pathsOf({ endpoints, bucket, addressing }: Addressing): {
  readonly bucket: string;
  readonly objects: string;
} {
  const base = basePathOf(endpoints[0] ?? '');
  if (addressing === 'virtual') return { bucket: `${base}/`, objects: `${base}/` };
  const path = `${base}/${encodeKey(bucket)}`;
  return { bucket: path, objects: `${path}/` };
}

type Data = string | ArrayBuffer;

/** SigV4's hashes, and those that stores check bodies by. */
export interface BodyHashes extends Hashes {
  md5(data: Data, encoding: 'base64'): string;
  sha1(data: Data, encoding: 'base64'): string;
  sha256(data: Data, encoding: 'hex' | 'base64'): string;
}

/** What a request has beside method, path and body. */
export interface Extras {
  /** Encoded and in order. */
  readonly query: string;
  /** Headers to sign besides the usual, by lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly payloadHash: string;
  /** The object of a form. */
  readonly key?: string;
  /** What is sent in the payload's place. */
  readonly body?: ArrayBuffer;
}

/** Whether calls of a row need nothing but method, path and body, as long as their arguments name no more. */
export function isPlain({ query, body, headers, checksum, hashed, form }: Command): boolean {
  return query === undefined && body !== 'text' && (headers ?? checksum ?? hashed ?? form) === undefined;
}

export function extrasOf(command: Command, load: CallLoad | undefined, more: Arguments, hashes: BodyHashes): Extras {
  const query = canonicalQuery({ ...command.query, ...more.query });
  const headers = { ...command.headers, ...more.headers };
  if (command.body !== 'text') {
    const { checksum, hashed, trailing } = command;
    const payload = load as ArrayBuffer;
    if (checksum === 'md5' || checksum === 'sha1' || checksum === 'sha256') {
      const [name, sum] = [checksumHeader(checksum), hashes[checksum](payload, 'base64')];
      if (trailing === true) {
        Object.assign(headers, chunkedHeaders(payload.byteLength, name, headers['content-encoding']));
        return { query, headers, payloadHash: UNSIGNED_TRAILER, body: chunked(payload, name, sum) };
      }
      headers[name] = sum;
    }
    return { query, headers, payloadHash: hashed === true ? hashes.sha256(payload, 'hex') : UNSIGNED_PAYLOAD };
  }
  const text = load as string;
  return {
    query,
    headers: {
      ...headers,
      'content-type': 'application/xml',
      ...(command.md5 === true && { 'content-md5': hashes.md5(text, 'base64') }),
    },
    payloadHash: hashes.sha256(text, 'hex'),
  };
}
