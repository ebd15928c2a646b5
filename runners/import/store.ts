/** What of COSBench's storage and auth elements may be told, and which settings say the same. Credentials are never told. Pure. */
import { type Leftover, type Store, shown } from './cosbench';

export interface Told {
  /** Settings that a workload file does not have: `S3_ENDPOINTS=http://10.0.0.1:9000`. */
  readonly settings: readonly string[];
  readonly leftovers: readonly Leftover[];
  /** Milliseconds that a request may wait, where all say the same. */
  readonly timeout: number | undefined;
}

/** What is told by other words than its own. */
const KNOWN = ['endpoint', 'path_style_access', 'timeout', 'proxyhost', 'proxyport'];
/** Entries whose names say nothing that anyone hides; others may be parts of a key. */
const NAMES = [
  ...['read_timeout', 'namespace', 'http_client', 'region', 'aws_region', 'storage_class', 'policy', 'nsroot', 'host'],
  ...['port', 'hosts', 'base_path', 'pool_size', 'ns', 'account', 'proxyd-url', 'size', 'projectid', 'storage_url'],
  ...['signerversion', 'no_verify_ssl', 'ssl', 'maxconnections', 'pool'],
];
/** Those that let in who has them, or lead to what does. */
const CREDENTIALS = [
  ...['accesskey', 'secretkey', 'username', 'password', 'token', 'jsonkeyfile', 'auth_token', 'session_token'],
];

/** Types of auth elements that have nothing to say. */
const NO_AUTH = ['', 'none', 'mock'];

export function tellStores(stores: readonly Store[]): Told {
  const storages = stores.filter(({ element }) => element === 'storage');
  const endpoints = [...new Set(storages.flatMap(({ entries }) => endpointOf(entries.get('endpoint')) ?? []))];
  const timeouts = [...new Set(storages.flatMap(({ entries }) => milliseconds(entries.get('timeout')) ?? []))];
  const timeout = timeouts.length === 1 ? timeouts[0] : undefined;
  return {
    timeout,
    settings: [
      endpoints.length > 0 ? `S3_ENDPOINTS=${endpoints.join(',')}` : 'S3_ENDPOINTS',
      ...['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'],
    ],
    leftovers: stores.flatMap((store) => [
      ...store.leftovers,
      ...(store.element === 'auth' ? authLeftovers(store) : storageLeftovers(store, timeout)),
    ]),
  };
}

function authLeftovers({ at, type }: Store): Leftover[] {
  if (NO_AUTH.includes(type)) return [];
  return [
    { at, says: `auth of type ${shown(type)} is left out: S3 takes AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY` },
  ];
}

function storageLeftovers({ at, type, entries }: Store, timeout: number | undefined): Leftover[] {
  const says: string[] = [];
  const has = (key: string) => (entries.get(key) ?? '') !== '';
  if (!['', 's3', 'none'].includes(type)) says.push(`storage of type ${shown(type)}: this load goes to an S3 store`);
  if (CREDENTIALS.some(has)) {
    says.push('credentials of <storage> are left out: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY');
  }
  if (/^false$/i.test(entries.get('path_style_access') ?? '')) {
    says.push('path_style_access=false: S3_ADDRESSING=virtual has the bucket in the name of the host');
  }
  if (has('timeout') && timeout === undefined) says.push('timeout is left out: --timeout has one for all requests');
  if (has('proxyhost')) says.push(`proxyhost: set HTTP_PROXY or HTTPS_PROXY${proxyOf(entries)}`);
  const others = [...entries.keys()].filter((key) => !KNOWN.includes(key) && !CREDENTIALS.includes(key));
  const named = others.filter((key) => NAMES.includes(key.toLowerCase()));
  const unnamed = others.length - named.length;
  says.push(...named.map((key) => `${key} of <storage> is left out`));
  if (unnamed > 0) says.push(`${unnamed} more of the entries of <storage> ${unnamed > 1 ? 'are' : 'is'} left out`);
  return says.map((line) => ({ at, says: line }));
}

/** Without who may log in. Undefined for a placeholder. */
function endpointOf(text: string | undefined): string | undefined {
  if (text === undefined || !/^(?:https?:\/\/)?[\w.:@%/[\]-]+$/.test(text) || !/\w/.test(text)) return undefined;
  const isWhole = /^https?:\/\//.test(text);
  try {
    const { host, pathname, protocol } = new URL(isWhole ? text : `http://${text}`);
    // As AWS's SDK for Java takes one without a scheme.
    return `${isWhole ? protocol : 'https:'}//${host}${pathname.replace(/\/+$/, '')}`;
  } catch {
    return undefined;
  }
}

const milliseconds = (text: string | undefined): number | undefined =>
  text !== undefined && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;

function proxyOf(entries: ReadonlyMap<string, string>): string {
  const [host = '', port = ''] = [entries.get('proxyhost'), entries.get('proxyport')];
  return /^[\w.-]+$/.test(host) && /^\d{0,5}$/.test(port) ? ` to http://${host}${port && `:${port}`}` : '';
}
