/**
 * Which HTTP proxy requests to an endpoint go through, by the environment: the rule of Go's net/http, which k6 has, so that all parts
 * have the same one. https://pkg.go.dev/golang.org/x/net/http/httpproxy. Pure.
 */
import { endpointParts } from './endpoint';
import { ConfigError } from './setting';
import type { Config } from './settings';

type Variables = Readonly<Record<string, string | undefined>>;

/** Those that the rule looks at. */
export const PROXY_VARIABLES = [
  'HTTP_PROXY',
  'http_proxy',
  'HTTPS_PROXY',
  'https_proxy',
  'NO_PROXY',
  'no_proxy',
] as const;

/** A proxy as its variable has it, in parts. */
export interface HttpProxy {
  /** The variable. */
  readonly name: string;
  readonly scheme: string;
  /** host:port */
  readonly host: string;
  /** With user and password: not to be shown. */
  readonly url: string;
}

/** The proxy for an endpoint; `bucket` stands before its name in virtual addressing, and is '' otherwise. */
export function proxyOf(endpoint: string, variables: Variables, bucket = ''): HttpProxy | undefined {
  const { scheme, name, port } = endpointParts(endpoint);
  const own = scheme === 'https' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const variable = [own, own.toLowerCase()].find((one) => variables[one]);
  const text = variable === undefined ? undefined : variables[variable];
  if (variable === undefined || !text) return undefined;
  const host = (bucket && `${bucket}.`) + name.toLowerCase();
  if (isLoopback(host)) return undefined;
  const without = (variables.NO_PROXY || variables.no_proxy || '').split(',');
  const at = port || (scheme === 'https' ? '443' : '80');
  if (without.some((rule) => leavesOut(rule.trim().toLowerCase(), host, at))) return undefined;
  const [, kind = 'http', before = '', where = ''] = /^(?:(\w+):\/\/)?([^@/]*@)?([^/?#]*)/.exec(text) ?? [];
  const full = /:\d+$/.test(where) ? where : `${where}:80`;
  return { name: variable, scheme: kind.toLowerCase(), host: full, url: `${kind}://${before}${full}` };
}

/**
 * The proxies that requests to the endpoints go through, each once.
 * @throws ConfigError when one is of a kind that not all parts know, or has to find an endpoint whose address is set
 */
export function proxiesOf(
  { endpoints, addressing, bucket }: Pick<Config, 'endpoints' | 'addressing' | 'bucket'>,
  variables: Variables,
): HttpProxy[] {
  const found = new Map<string, HttpProxy>();
  for (const endpoint of endpoints) {
    const proxy = proxyOf(endpoint, variables, addressing === 'virtual' ? bucket : '');
    if (proxy === undefined) continue;
    const { name, scheme, host } = proxy;
    if (scheme !== 'http') {
      throw new ConfigError([`${name} is a proxy of ${scheme}://: give http://host:port, or --http-proxy none`]);
    }
    if (endpoint.includes('#')) {
      throw new ConfigError([
        `${endpoint} has an address, and ${name} leads to the proxy ${host}, which looks names up by itself: ` +
          'leave --resolve and addresses out, or give --http-proxy none',
      ]);
    }
    found.set(host, proxy);
  }
  return [...found.values()];
}

const isLoopback = (host: string) => host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);

/** Whether an entry of NO_PROXY has this host: `*`, an address, a range of them, a domain, each but the range with a port or without. */
function leavesOut(rule: string, host: string, port: string): boolean {
  if (rule === '') return false;
  if (rule === '*') return true;
  const [, network = '', length] = /^([\da-f:.]+)\/(\d+)$/.exec(rule) ?? [];
  if (length !== undefined) {
    const [a, b] = [bitsOf(network), bitsOf(host)];
    return a !== '' && a.length === b.length && a.slice(0, Number(length)) === b.slice(0, Number(length));
  }
  const [, ipv6, plain = '', own] = /^(?:\[(.*)\]|(.*?))(?::(\d+))?$/.exec(rule) ?? [];
  // Without brackets, an IPv6 address has no port.
  const isWhole = bitsOf(rule) !== '';
  const named = isWhole ? rule : (ipv6 ?? plain).replace(/^\*\./, '.');
  if (!isWhole && own !== undefined && own !== port) return false;
  if (bitsOf(named) !== '') return bitsOf(named) === bitsOf(host);
  if (named.startsWith('.')) return host.endsWith(named);
  return host === named || host.endsWith(`.${named}`);
}

/** The bits of an address as text, 32 or 128 of them; '' of what is none. */
function bitsOf(address: string): string {
  const octets = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(address)?.slice(1);
  if (octets !== undefined) return octets.map((one) => Number(one).toString(2).padStart(8, '0')).join('');
  if (!/^[\da-f:]*:[\da-f:]*$/i.test(address)) return '';
  const [before, after] = address.split('::').map((half) => half.split(':').filter((group) => group !== ''));
  const missing = 8 - (before?.length ?? 0) - (after?.length ?? 0);
  if (after === undefined ? missing !== 0 : missing < 0) return '';
  const groups = [...(before ?? []), ...Array.from({ length: missing }, () => '0'), ...(after ?? [])];
  return groups.map((group) => Number.parseInt(group, 16).toString(2).padStart(16, '0')).join('');
}
