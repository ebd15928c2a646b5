/** The addresses of endpoints' names, looked up before a run. */
import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import { ConfigError, nameOf, settings } from '../../lib/settings/config';
import { endpointParts, isUnresolved } from '../../lib/settings/endpoint';
import type { Settings } from './settings';

/** k6's option for names. */
const K6_DNS = 'K6_DNS';
/** An address that lets nobody in for so long, in milliseconds, is not tried. */
const PATIENCE_MS = 1_000;

/** The settings with each address of a name as an endpoint, where --resolve asks for that. @throws ConfigError naming what does not resolve */
export async function withAllAddresses(own: Settings): Promise<Settings> {
  const { config, environment } = own;
  if (config.resolve === 'any') return own;
  const endpoints = (await Promise.all(config.endpoints.map((one) => resolved(one, config)))).flat();
  const variables = { [settings.endpoints.env[0]]: endpoints.join(',') };
  return { config: { ...config, endpoints }, environment: { ...environment, ...variables } };
}

async function resolved(endpoint: string, config: Settings['config']): Promise<string[]> {
  if (!isUnresolved(endpoint)) return [endpoint];
  const { name } = endpointParts(endpoint);
  const host = config.addressing === 'virtual' ? `${config.bucket}.${name}` : name;
  try {
    const found = await lookup(host, { all: true });
    return [...new Set(found.map(({ address }) => `${endpoint}#${address}`))];
  } catch (e) {
    const { code = '' } = e as NodeJS.ErrnoException;
    throw new ConfigError([
      `${nameOf(config, 'endpoints')}: the host name "${host}" does not resolve (${code}), and ${nameOf(config, 'resolve')} is all`,
    ]);
  }
}

/**
 * The settings with what tells k6's own client which addresses of a name to take, where it has IPv4 and IPv6: by itself k6 takes
 * IPv4, and nothing may listen there. The native backend tries them all.
 */
export async function withLiveAddresses(own: Settings, given: NodeJS.ProcessEnv): Promise<Settings> {
  const { config, environment } = own;
  const names = config.backend === 'native' ? [] : config.endpoints.filter(isUnresolved);
  if (names.length === 0 || given[K6_DNS] !== undefined) return own;
  const live = (await Promise.all(names.map(liveKinds))).flat();
  if (!live.includes(6)) return own;
  const policy = live.includes(4) ? 'any' : 'preferIPv6';
  return { config, environment: { ...environment, [K6_DNS]: `ttl=30s,policy=${policy}` } };
}

/** Of a name that has both kinds of addresses, 4 and 6, those at which something listens. */
async function liveKinds(endpoint: string): Promise<number[]> {
  const { scheme, name, port } = endpointParts(endpoint);
  const found = await lookup(name, { all: true }).catch(() => []);
  if (new Set(found.map(({ family }) => family)).size < 2) return [];
  const own = Number(port) || (scheme === 'https' ? 443 : 80);
  const lets = await Promise.all(found.map(({ address }) => listens(address, own)));
  return found.filter((_, i) => lets[i]).map(({ family }) => family);
}

function listens(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: PATIENCE_MS });
    const end = (is: boolean) => {
      socket.destroy();
      resolve(is);
    };
    socket.on('connect', () => end(true));
    socket.on('timeout', () => end(false));
    socket.on('error', () => end(false));
  });
}
