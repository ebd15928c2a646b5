/**
 * What stands in for k6-jslib-aws where that can't be had: a module in its shape, as far as lib/s3/engines/jslib.ts uses it, whose
 * calls are promised as its are. It sends real requests; what Grafana's own sends, the conformance suite shows where it has it.
 */
import http from 'k6/http';
import { k6Hashes } from '../lib/s3/engines/send';
import { type Credentials, createSigner } from '../lib/s3/sign';
import { canonicalQuery, encodeKey } from '../lib/s3/uri';

interface Config extends Credentials {
  readonly region: string;
  readonly endpoint: string;
}

interface Request {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers: Record<string, string>;
  readonly body: ArrayBuffer | string | null;
}

export class Endpoint {}

export class AWSConfig {
  constructor(readonly options: Config) {}
}

export class SignatureV4 {
  constructor(private readonly options: { region: string; credentials: Credentials }) {}

  sign({ method, path, query = {}, headers: { host = '', ...headers }, body }: Request) {
    const { credentials, region } = this.options;
    const hash = k6Hashes.sha256(body ?? '', 'hex');
    const signer = createSigner(k6Hashes, credentials, region, host);
    return { headers: signer.signWith(method, path, canonicalQuery(query), headers, hash) };
  }
}

export class S3Client {
  baseRequestParams = { responseType: 'text' };

  constructor(private readonly config: AWSConfig) {}

  handleError(answer: { status: number }): boolean {
    if (answer.status >= 300) throw new Error(`answered with ${answer.status}`);
    return false;
  }

  private async ask(
    method: string,
    path: string,
    more: Record<string, string>,
    query = {},
    body: ArrayBuffer | null = null,
  ) {
    const { endpoint, ...options } = this.config.options;
    const host = endpoint.replace(/^https?:\/\//, '');
    const signature = new SignatureV4({ region: options.region, credentials: options });
    const lower = Object.fromEntries(Object.entries(more).map(([name, value]) => [name.toLowerCase(), value]));
    const { headers } = signature.sign({ method, path, query, headers: { ...lower, host }, body });
    const asked = canonicalQuery(query);
    const url = endpoint + path + (asked === '' ? '' : `?${asked}`);
    const type = more.Accept === undefined ? {} : { responseType: 'binary' };
    const params = { ...this.baseRequestParams, ...type, headers };
    this.handleError(await http.asyncRequest(method, url, body, params as Parameters<typeof http.asyncRequest>[3]));
  }

  putObject(bucket: string, key: string, data: ArrayBuffer) {
    return this.ask('PUT', `/${bucket}/${encodeKey(key)}`, {}, {}, data);
  }
  getObject(bucket: string, key: string, headers: Record<string, string>) {
    return this.ask('GET', `/${bucket}/${encodeKey(key)}`, headers);
  }
  deleteObject(bucket: string, key: string) {
    return this.ask('DELETE', `/${bucket}/${encodeKey(key)}`, {});
  }
  listObjects(bucket: string, prefix: string) {
    return this.ask('GET', `/${bucket}/`, {}, { 'list-type': '2', prefix });
  }
}
