/** The workers file: which machines there are, one a line, and which of them a run takes. Pure. */
import { isIP } from 'node:net';
import { ConfigError } from '../../lib/settings/config';

/** One line of the file. */
export interface Host {
  /** What ssh's configuration, known_hosts and people know it by. */
  readonly name: string;
  /** Where to connect instead of looking the name up. */
  readonly address?: string;
  readonly user?: string;
  readonly port?: number;
  /** Counted from 1. */
  readonly line: number;
}

/** Where one worker is to run. */
export interface Machine {
  /** `w0`, `w1` …: in order, one a k6 process. */
  readonly id: string;
  readonly host: string;
  /** Where to connect, where the workers file has it beside the name. */
  readonly address?: string;
  readonly user?: string;
  readonly port?: number;
  /** Counts the workers on the same host, from 0. */
  readonly slot: number;
}

const FORMS = 'host, user@host, host:port, user@host:port, [IPv6]:port, or an address and a host name as in /etc/hosts';
// A dash at the beginning would be an option to ssh.
const NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?$/;
const USER = /^[A-Za-z0-9_][A-Za-z0-9_.@\\$-]*$/;

/**
 * The machines that a workers file names. `path` is what messages call it.
 * @throws ConfigError with one line for each line that is not right, by its number
 */
export function parseWorkersFile(text: string, path: string): Host[] {
  const hosts: Host[] = [];
  const problems: string[] = [];
  for (const [i, whole] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    const line = i + 1;
    const words = whole
      .replace(/#.*/, '')
      .split(/\s+/)
      .filter((word) => word !== '');
    if (words.length === 0) continue;
    const host = parseHost(words);
    const again = host && hosts.find((other) => isSame(other, host));
    if (host === undefined) problems.push(`${path}, line ${line}, is "${words.join(' ')}": give ${FORMS}`);
    else if (again) {
      problems.push(
        `${path}, line ${line}: ${host.name} stands in line ${again.line} already: list a machine once, and take --per-host for more workers on it`,
      );
    } else hosts.push({ ...host, line });
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return hosts;
}

/** A machine as users write it. */
export type Endpoint = Omit<Host, 'line'>;

function parseHost([first = '', second, ...aliases]: readonly string[]): Endpoint | undefined {
  const host = parseEndpoint(first);
  if (host === undefined || second === undefined) return host;
  const right = isIP(host.name) !== 0 && [second, ...aliases].every((name) => NAME.test(name));
  return right ? { ...host, name: second, address: host.name } : undefined;
}

/** `user@host:port` and its parts; undefined when it is none. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const at = text.lastIndexOf('@');
  const user = at === -1 ? undefined : text.slice(0, at);
  const rest = text.slice(at + 1);
  const bracketed = /^\[([^\]]*)\](?::(\d+))?$/.exec(rest);
  const plain = isIP(rest) === 6 ? [rest, rest] : /^([^:]*)(?::(\d+))?$/.exec(rest);
  const [, name = '', digits] = bracketed ?? plain ?? [];
  const port = digits === undefined ? undefined : Number(digits);
  if (bracketed ? isIP(name) !== 6 : isIP(name) === 0 && !isName(name)) return undefined;
  if (user !== undefined && !USER.test(user)) return undefined;
  if (port !== undefined && !(port >= 1 && port <= 65_535)) return undefined;
  return { name, ...(user === undefined ? {} : { user }), ...(port === undefined ? {} : { port }) };
}

/** Four numbers that are no address are no name either. */
const isName = (text: string) => NAME.test(text) && !/^[\d.]+$/.test(text);

const isSame = (a: Endpoint, b: Endpoint) =>
  (a.address ?? a.name).toLowerCase() === (b.address ?? b.name).toLowerCase() &&
  a.user === b.user &&
  (a.port ?? 22) === (b.port ?? 22);

/**
 * Places for `count` workers: one on each of the first hosts of the file; with `perHost`, up to so many on each, and no
 * host gets its second before all have their first.
 * @throws ConfigError when there are too few hosts, with both numbers
 */
export function machinesOn(hosts: readonly Host[], count: number, path: string, perHost?: number): Machine[] {
  const room = hosts.length * (perHost ?? 1);
  if (count > room) {
    const has = `${path} has ${hosts.length} ${hosts.length === 1 ? 'host' : 'hosts'}`;
    const limit = perHost === undefined ? '' : ` and --per-host is ${perHost}`;
    const more = hosts.length === 0 ? 'add some' : `add more, or take --per-host ${Math.ceil(count / hosts.length)}`;
    throw new ConfigError([`--workers is ${count}, ${has}${limit}: ${more}`]);
  }
  return Array.from({ length: count }, (_, i) => {
    const { line: _line, name, ...rest } = hosts[i % hosts.length] as Host;
    return { id: `w${i}`, host: name, ...rest, slot: Math.floor(i / hosts.length) };
  });
}

/** `w1 (node2)`: how messages name a worker. */
export function workerName({ id, host }: Pick<Machine, 'id' | 'host'>): string {
  return `${id} (${host})`;
}
