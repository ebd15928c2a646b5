/** Requests of the CLI through an HTTP proxy: http:// as a whole URL, https:// by CONNECT. */
import type { RequestOptions } from 'node:https';
import { HttpsProxyAgent } from 'https-proxy-agent';

/** Options of node:http or node:https for requests to a URL through a proxy, `http://user:password@host:port`. */
export type Proxied = (url: string, proxy: string) => RequestOptions;

/** Connections to proxies are kept, `most` of them for each host. */
export function createProxied(most: number): { readonly optionsFor: Proxied; close(): void } {
  const agents = new Map<string, HttpsProxyAgent<string>>();
  return {
    optionsFor: (url, proxy) => {
      if (url.startsWith('https:')) {
        const agent = agents.get(proxy) ?? new HttpsProxyAgent(proxy, { keepAlive: true, maxSockets: most });
        agents.set(proxy, agent);
        return { agent };
      }
      const { hostname, port, username, password } = new URL(proxy);
      const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
      const authorization = { 'proxy-authorization': `Basic ${Buffer.from(user).toString('base64')}` };
      const headers = { host: new URL(url).host, ...(username !== '' && authorization) };
      return { hostname: hostname.replace(/^\[|\]$/g, ''), port: port || 80, path: url, headers };
    },
    close: () => {
      for (const agent of agents.values()) agent.destroy();
    },
  };
}
