/** Endpoints, as S3_ENDPOINTS has them. Pure, and apart from the table of settings, which VUs are not to load. */

/** `scheme://host:port/path#address`; the last three may be ''. */
export interface EndpointParts {
  readonly scheme: string;
  /** Without the brackets that an IPv6 address has there. */
  readonly name: string;
  readonly port: string;
  readonly path: string;
  /** Where to connect to, in place of what the name resolves to. */
  readonly address: string;
}

export function endpointParts(endpoint: string): EndpointParts {
  const [, scheme = '', ipv6 = '', host = '', port = '', path = '', address = ''] =
    /^(\w+):\/\/(?:\[([^\]]*)\]|([^/:#]*))(?::(\d+))?([^#]*)(?:#(.*))?$/.exec(endpoint) ?? [];
  const name = ipv6 || host;
  return { scheme, name, port, path, address };
}

/** The path that a gateway has S3 at: `/s3` of https://host:port/s3, '' of most. */
export const basePathOf = (endpoint: string): string => endpointParts(endpoint).path;

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** An endpoint as its tag has it: host:port and path, the address in place of the name where there is one. */
export function endpointLabel(endpoint: string): string {
  const { name, port, path, address } = endpointParts(endpoint);
  return bracketed(address || name) + (port && `:${port}`) + path;
}

/** Whether an endpoint has a name that is yet to be looked up. */
export function isUnresolved(endpoint: string): boolean {
  const { name, address } = endpointParts(endpoint);
  return address === '' && !name.includes(':') && !/^[\d.]+$/.test(name);
}

/**
 * The port that stands for an address in URLs of k6's client, which its option `hosts` leads there: that client takes the name for
 * TLS out of the URL, so addresses of one name can differ in the port only.
 */
function portFor(address: string): number {
  let hash = 0;
  for (let i = 0; i < address.length; i++) hash = (hash * 31 + address.charCodeAt(i)) % 65_521;
  return hash + 1;
}

/** Host and port that k6's client is given for an endpoint with an address; `bucket` is '' but for virtual addressing. */
export function aliasOf(endpoint: string, bucket: string): string {
  const { name, address } = endpointParts(endpoint);
  return `${bucket && `${bucket}.`}${name}:${portFor(address)}`;
}

/** k6's option `hosts`: where such a host and port is. */
export function aliases(endpoints: readonly string[], bucket: string): Record<string, string> {
  const own = endpoints.map((endpoint): [string, string] => {
    const { scheme, port, address } = endpointParts(endpoint);
    return [aliasOf(endpoint, bucket), `${bracketed(address)}:${port || (scheme === 'https' ? 443 : 80)}`];
  });
  return Object.fromEntries(own);
}
