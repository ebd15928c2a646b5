/**
 * The jslib engine: Grafana's k6-jslib-aws, for what that costs and does. Its S3Client makes the calls that it can make:
 * PUT, GET, DELETE, and a listing's first page where only its keys are counted. Whatever else there is, its SignatureV4
 * signs, and goes as the http engine's calls do:
 * - HEAD, batches, buckets: S3Client has none of them.
 * - Listings: its own knows neither pages nor delimiters.
 * - Multipart uploads: its own put the bucket into the host name, while all its other calls put it into the path.
 * - A PUT of nothing: k6 sends the empty buffer that it hands on in chunks, without the length that S3 wants.
 * - Keys with ;,?:@&=+$#!'()*: it takes encodeURI, which leaves those as they are; the signature is then another than S3's.
 *
 * It signs the host without its port. k6 then sends SignedHost without the port, too, so the signature is right all the same.
 */
import { settings } from '../../settings/config';
import { type Command, DELETE, GET, LIST, PUT } from '../commands';
import type { Arguments, Call, CallLoad, Engine, EngineOptions, Recorder } from '../engine';
import type { SignedHost } from '../request';
import { type Credentials, createSigner, type Signer } from '../sign';
import { encodeKey } from '../uri';
import { createEngine } from './k6';
import { K6_TIMEOUT_MS, k6Hashes, noAnswer, type TimedAnswer } from './send';
import { connectOnK6 } from './source';

/** What is used of it: https://grafana.com/docs/k6/latest/javascript-api/jslib/aws/ */
interface Library {
  readonly AWSConfig: new (options: Credentials & { region: string; endpoint: string }) => unknown;
  readonly Endpoint: new (url: string) => unknown;
  readonly S3Client: new (config: unknown) => S3Client;
  readonly SignatureV4: new (options: {
    service: string;
    region: string;
    credentials: Credentials;
    uriEscapePath: boolean;
    applyChecksum: boolean;
  }) => SignatureV4;
}

interface S3Client {
  putObject(bucket: string, key: string, data: ArrayBuffer): Promise<unknown>;
  getObject(bucket: string, key: string, headers: Readonly<Record<string, string>>): Promise<unknown>;
  deleteObject(bucket: string, key: string): Promise<unknown>;
  listObjects(bucket: string, prefix: string): Promise<unknown>;
  /** k6's parameters of every request. */
  baseRequestParams: Readonly<Record<string, unknown>>;
  /** Looks at every answer, and throws when it is no success. */
  handleError(answer: TimedAnswer, operation?: string): boolean;
}

interface SignatureV4 {
  sign(request: {
    method: string;
    endpoint: unknown;
    path: string;
    query?: Readonly<Record<string, string>>;
    headers: Record<string, string>;
    body: ArrayBuffer | string | null;
  }): { headers: Record<string, string> };
}

declare const require: (name: string) => Partial<Library>;

const [SETTING] = settings.jslibUrl.env;
/** It gives a body as text unless it is asked like this. */
const BINARY = { Accept: 'application/octet-stream' };
const NAMES = ['AWSConfig', 'Endpoint', 'S3Client', 'SignatureV4'] as const;

let library: Library | undefined;

/** Loads it from an https:// address or a file, in k6's init context. Why that does not work, in one line. */
export function loadJslib(from: string, load = require): string | undefined {
  const place = /^(?:https|file):/.test(from) || from.startsWith('/') ? from : `${__ENV.PWD ?? '.'}/${from}`;
  let loaded: Partial<Library>;
  try {
    loaded = load(place);
  } catch (e) {
    return (
      `${SETTING} is "${from}": k6-jslib-aws can't be loaded from there (${reason(e)}): give the https:// address or the ` +
      `path of a copy of its index.js, or another ${settings.backend.env[0]}`
    );
  }
  const lacks = NAMES.filter((name) => typeof loaded[name] !== 'function');
  if (lacks.length > 0) {
    return `${SETTING} is "${from}": it exports no ${lacks.join(', ')}: give index.js of k6-jslib-aws, which has all of it`;
  }
  library = loaded as Library;
  return undefined;
}

/** What k6 says of a module that it can't load, without the address, which the message has already. */
function reason(e: unknown): string {
  const said = String(e).split('\n')[0] ?? '';
  if (/couldn't be found on local disk/.test(said)) return 'there is no such file';
  return said.replace(/^.*Error : "(?:Get "[^"]*": )?(.*)"$/, '$1').replace(/^GoError: /, '');
}

/** Makes a call of S3Client's. */
type Method = (
  client: S3Client,
  bucket: string,
  key: string,
  load: CallLoad | undefined,
  more: Arguments,
) => Promise<unknown>;

/** What S3Client has for a row. By what the row says: k6's lazily loaded modules have rows of their own. */
function methodOf({ op, answer, headers, checksum, hashed }: Command): Method | undefined {
  // It sends none of what the settings may demand.
  if ((headers ?? checksum ?? hashed) !== undefined) return undefined;
  switch (op) {
    case PUT.op:
      return (client, bucket, key, load) => client.putObject(bucket, key, load as ArrayBuffer);
    case GET.op:
      return (client, bucket, key, _, { headers }) => client.getObject(bucket, key, { ...BINARY, ...headers });
    case DELETE.op:
      return (client, bucket, key) => client.deleteObject(bucket, key);
    case LIST.op:
      if (answer.kind === 'xml' && answer.lists !== undefined) return undefined;
      return (client, bucket, _, __, { query }) => client.listObjects(bucket, String(query?.prefix ?? ''));
    default:
      return undefined;
  }
}

/** An engine for one VU. */
export function createJslibEngine(options: EngineOptions, recorder: Recorder): Engine {
  if (library === undefined) throw new Error('k6-jslib-aws was not loaded');
  const { AWSConfig, SignatureV4, Endpoint } = library;
  const { bucket, region, credentials, endpoints, timeout, requestTimeout, plainKeys } = options;
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const own = { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
  const signature = new SignatureV4({
    service: 's3',
    region,
    credentials: own,
    uriEscapePath: false,
    applyChecksum: true,
  });
  const engine = createEngine(options, recorder, (host) => ({
    ...signerFor(signature, new Endpoint(`http://${host}`), host),
    // SignatureV4 signs no texts.
    form: createSigner(k6Hashes, credentials, region, host).form,
  }));

  const Client = answering(library.S3Client, requestTimeout ?? timeout);
  const clients = new Map(
    endpoints.map((url) => [
      url.replace(/^https?:\/\//, ''),
      new Client(new AWSConfig({ ...own, region, endpoint: url })),
    ]),
  );

  /** Lets S3Client make a call, and takes k6's answer from it: it hands on neither times nor status. */
  const through = async (
    { endpoint }: SignedHost,
    make: (client: S3Client) => Promise<unknown>,
  ): Promise<TimedAnswer> => {
    const client = clients.get(endpoint) as InstanceType<typeof Client>;
    client.answer = undefined;
    try {
      await make(client);
    } catch (e) {
      // What it throws of an answer says less than the answer.
      if (client.answer === undefined) return noAnswer(e);
    }
    return client.answer ?? noAnswer('S3Client looked at no answer');
  };

  /** Whether S3Client makes of a call what S3 wants. */
  const canMake = ({ op }: Command, key: string, load: CallLoad | undefined, { query = {} }: Arguments): boolean => {
    if (op === LIST.op) return Object.entries(query).every(([name, value]) => name === 'prefix' || value === undefined);
    if (op === PUT.op && (load as ArrayBuffer).byteLength === 0) return false;
    return plainKeys === true || isEncodedByUri(key);
  };

  return {
    ...engine,
    compile: (command): Call => {
      const call = engine.compile(command);
      const method = methodOf(command);
      if (method === undefined) return call;
      return (key, size, load, more = {}) => {
        if (!canMake(command, key, load, more)) return call(key, size, load, more);
        const sendTo = (host: SignedHost) => through(host, (client) => method(client, bucket, key, load, more));
        return engine.perform(command, size, load, sendTo);
      };
    },
  };
}

export const connectJslib = connectOnK6(createJslibEngine);

/** S3Client that keeps k6's answer to its last request, and keeps to our time limit. */
function answering(Base: Library['S3Client'], timeout: number) {
  return class extends Base {
    answer: TimedAnswer | undefined;
    override baseRequestParams = { responseType: 'text', ...(timeout === K6_TIMEOUT_MS ? {} : { timeout }) };
    override handleError(answer: TimedAnswer, operation?: string): boolean {
      this.answer = answer;
      return super.handleError(answer, operation);
    }
  };
}

/** SignatureV4 in the shape of our signer. It hashes every body. */
function signerFor(signature: SignatureV4, endpoint: unknown, host: string): Omit<Signer, 'form'> {
  const sign = (
    method: string,
    path: string,
    query: string,
    more: Readonly<Record<string, string>>,
    body: ArrayBuffer | string | null = null,
  ): Record<string, string> => {
    const headers = { ...more, host };
    return signature.sign({ method, endpoint, path, query: parseQuery(query), headers, body }).headers;
  };
  return {
    sign: (method, path, query, body) => sign(method, path, query, {}, body),
    signWith: (method, path, query, more, _payloadHash, body) => sign(method, path, query, more, body),
  };
}

/** The names and values of a canonical query, decoded. */
function parseQuery(query: string): Record<string, string> {
  const pairs = query.split('&').filter((pair) => pair !== '');
  return Object.fromEntries(pairs.map((pair) => pair.split('=').map(decodeURIComponent) as [string, string]));
}

/** Whether encodeURI makes of a key what S3 signs. */
function isEncodedByUri(key: string): boolean {
  try {
    return encodeURI(key) === encodeKey(key);
  } catch {
    return false; // half a surrogate pair
  }
}
