/**
 * How to connect to a host, as the user's ssh would: `ssh -G` resolves its configuration, Include and Match among it. Where
 * there is no ssh the same files are read here, without those two.
 */
import { readFileSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { parse as parseConfig } from 'ssh-config';
import { $ } from 'zx';
import { quote } from '../../process/quote';
import { type Endpoint, parseEndpoint } from '../workers-file';
import { SshProblem } from './problem';

interface Times {
  /** Undefined where the configuration says nothing. */
  readonly connectTimeoutMs: number | undefined;
  readonly keepaliveMs: number | undefined;
}

/** One machine to log in at. */
export interface SshTarget extends Times {
  /** What the user calls it. */
  readonly alias: string;
  /** Name or address to connect to. */
  readonly hostname: string;
  /** It is reached through another, or through a program. */
  readonly jumped: boolean;
  /** What the connection goes through, for a shell. */
  readonly proxyCommand?: string;
  /** How a user connects to it: `ssh -F file -p 2222 user@host`. */
  readonly command: string;
  readonly port: number;
  readonly user: string;
  /** Paths; those that are not there are not tried. */
  readonly identityFiles: readonly string[];
  /** The agent is asked for these keys only. */
  readonly identitiesOnly: boolean;
  /** The agent's socket. */
  readonly agent: string | undefined;
  /** Names in known_hosts that stand for it, the first of which a new key would go under. */
  readonly knownAs: readonly string[];
  /** The first one takes new keys. */
  readonly knownHostsFiles: readonly string[];
  /** What to do with a key that is not known: `no` lets it in, `accept-new` also keeps it. */
  readonly unknownKeys: 'refuse' | 'accept-new' | 'no';
}

export interface ConfigOptions {
  /** In place of the user's and the system's configuration. */
  readonly file?: string | undefined;
  /** SSH_AUTH_SOCK and PATH are read from it. */
  readonly environment: NodeJS.ProcessEnv;
}

/** `user@host:port`: how messages name where one logs in. */
export function loginOf({ user, hostname, port }: SshTarget): string {
  const host = hostname.includes(':') ? `[${hostname}]` : hostname;
  return `${user}@${host}${port === 22 ? '' : `:${port}`}`;
}

/** The values of a configuration for one host, by keyword in lower case. */
type Values = ReadonlyMap<string, readonly string[]>;

const PATIENCE = '3s';
const MOST_HOPS = 8;
/** Of ssh(1), where the configuration names none. */
const IDENTITY_FILES = ['id_rsa', 'id_ecdsa', 'id_ed25519'].map((name) => `~/.ssh/${name}`);

/**
 * The machines to log in at one through the other, the last of which is the one asked for.
 * @throws SshProblem when the configuration is not right, or asks for what is not supported
 */
export async function routeTo(endpoint: Endpoint, options: ConfigOptions): Promise<SshTarget[]> {
  return route(endpoint, options, []);
}

async function route(endpoint: Endpoint, options: ConfigOptions, behind: readonly string[]): Promise<SshTarget[]> {
  const values = await valuesFor(endpoint, options);
  const target = targetOf(endpoint, values, options);
  const here = loginOf(target);
  if (behind.includes(here) || behind.length > MOST_HOPS) {
    const way = [...behind, here].reverse().join(' → ');
    throw new SshProblem('config', `ssh's configuration leads in a circle (${way}): take ProxyJump from the jump host`);
  }
  const command = first(values, 'proxycommand');
  if (command !== undefined && command !== 'none') {
    return [{ ...target, jumped: true, proxyCommand: expandCommand(command, target) }];
  }
  const jumps = first(values, 'proxyjump') ?? 'none';
  if (jumps === 'none') return [target];
  // As ssh has it: of several only the first is reached by its own configuration, the others through those before them.
  const hops = jumps.split(',').map((text) => jumpHost(text, target.alias));
  const [nearest, ...others] = hops as [Endpoint, ...Endpoint[]];
  const way = await route(nearest, options, [...behind, here]);
  for (const hop of others) way.push({ ...targetOf(hop, await valuesFor(hop, options), options), jumped: true });
  return [...way, { ...target, jumped: true }];
}

function jumpHost(text: string, alias: string): Endpoint {
  // `ssh -G` writes every host that has a port in brackets.
  const plain = text.trim().replace(/^ssh:\/\//, '');
  const endpoint = parseEndpoint(plain) ?? parseEndpoint(plain.replace(/\[([^\]:]+)\]/, '$1'));
  if (endpoint) return endpoint;
  throw new SshProblem('config', `ssh's configuration has ProxyJump "${text}" for ${alias}: give user@host:port`);
}

async function valuesFor(endpoint: Endpoint, options: ConfigOptions): Promise<Values> {
  const { name } = endpoint;
  const run = $({ env: options.environment, nothrow: true, quiet: true, timeout: PATIENCE, stdio: ['ignore'] });
  const { exitCode, signal, stdout, stderr } = await run`ssh -G ${optionsFor(endpoint, options.file)} -- ${name}`;
  if (exitCode === 0) return parseDump(stdout);
  if (exitCode === 127) return computed(endpoint, options);
  const [said = ''] = stderr.trim().split('\n');
  const why = signal || said === '' ? `ssh -G gave no answer in ${PATIENCE}` : said.trim();
  throw new SshProblem('config', `ssh's configuration can't be read (${why}): see \`ssh -G ${name}\``);
}

/** The limits of time that ssh's configuration has for a machine, milliseconds; undefined where it has none. @throws SshProblem */
export async function timesFor(endpoint: Endpoint, options: ConfigOptions): Promise<Times> {
  return timesOf(await valuesFor(endpoint, options));
}

function timesOf(values: Values): Times {
  const milliseconds = (keyword: string) => {
    const n = Number(first(values, keyword));
    return n > 0 ? n * 1000 : undefined;
  };
  return { connectTimeoutMs: milliseconds('connecttimeout'), keepaliveMs: milliseconds('serveraliveinterval') };
}

/** What ssh is to be told of an endpoint beside its name. */
export function optionsFor({ address, user, port }: Endpoint, file: string | undefined): string[] {
  return [
    ...(file === undefined ? [] : ['-F', file]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...(user === undefined ? [] : ['-l', user]),
    // A per cent sign is the zone of an IPv6 address, and would be expanded.
    ...(address === undefined ? [] : ['-o', `HostName=${address.replaceAll('%', '%%')}`]),
  ];
}

/** What `ssh -G` prints. */
function parseDump(text: string): Values {
  const values = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [, keyword = '', value = ''] = /^(\S+) (.*)$/.exec(line.trim()) ?? [];
    if (keyword !== '') values.set(keyword.toLowerCase(), [...(values.get(keyword.toLowerCase()) ?? []), value]);
  }
  return values;
}

function computed({ name, address, user, port }: Endpoint, { file }: ConfigOptions): Values {
  const files = file === undefined ? [join(homedir(), '.ssh', 'config'), '/etc/ssh/ssh_config'] : [file];
  const config = parseConfig(files.map((path) => readIfThere(path, file !== undefined)).join('\n'));
  const found = Object.entries(config.compute(name, { ignoreCase: true })) as [string, string | string[]][];
  const values = new Map(
    found.map(([keyword, value]) => [
      keyword,
      keyword === 'identityfile' ? [value].flat() : [[value].flat().join(' ')],
    ]),
  );
  if (address !== undefined) values.set('hostname', [address]);
  if (user !== undefined) values.set('user', [user]);
  if (port !== undefined) values.set('port', [String(port)]);
  return values;
}

function readIfThere(path: string, asked: boolean): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (e) {
    const { code, message } = e as NodeJS.ErrnoException;
    if (code === 'ENOENT' && !asked) return '';
    throw new SshProblem('config', `ssh's configuration can't be read (${message})`);
  }
}

const first = (values: Values, keyword: string): string | undefined => values.get(keyword)?.[0];

function targetOf(endpoint: Endpoint, values: Values, { file, environment }: ConfigOptions): SshTarget {
  const { name, address } = endpoint;
  const hostname = (first(values, 'hostname') ?? name).replaceAll('%h', name).replaceAll('%%', '%');
  const port = Number(first(values, 'port') ?? 22);
  const user = first(values, 'user') ?? userInfo().username;
  const expand = (path: string) => expandPath(path, { hostname, user }, environment);
  const paths = (keyword: string, fallback: string) => words(first(values, keyword) ?? fallback).map(expand);
  const files = [
    ...paths('userknownhostsfile', '~/.ssh/known_hosts ~/.ssh/known_hosts2'),
    ...paths('globalknownhostsfile', '/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2'),
  ];
  const strict = first(values, 'stricthostkeychecking') ?? 'ask';
  return {
    alias: name,
    hostname,
    jumped: false,
    command: ['ssh', ...optionsFor(endpoint, file), name].map(quote).join(' '),
    port,
    user,
    identityFiles: (values.get('identityfile') ?? IDENTITY_FILES).filter((path) => path !== 'none').map(expand),
    identitiesOnly: first(values, 'identitiesonly') === 'yes',
    agent: agentSocket(first(values, 'identityagent'), expand, environment),
    knownAs: namesOf(address === undefined ? [hostname] : [hostname, name], port, first(values, 'hostkeyalias')),
    knownHostsFiles: files.filter((path) => path !== 'none'),
    unknownKeys: /^(?:no|off|false)$/.test(strict) ? 'no' : strict === 'accept-new' ? 'accept-new' : 'refuse',
    ...timesOf(values),
  };
}

/** What known_hosts may have a machine under: as ssh does, with the port where it is not 22, and else without. */
function namesOf(names: readonly string[], port: number, alias: string | undefined): string[] {
  if (alias !== undefined) return [alias];
  const hosts = names.map((name) => name.toLowerCase());
  return [...new Set([...hosts.map((host) => (port === 22 ? host : `[${host}]:${port}`)), ...hosts])];
}

function agentSocket(
  asked: string | undefined,
  expand: (path: string) => string,
  environment: NodeJS.ProcessEnv,
): string | undefined {
  if (asked === 'none') return undefined;
  const variable =
    asked === undefined || asked === 'SSH_AUTH_SOCK' ? 'SSH_AUTH_SOCK' : /^\$\{?(\w+)\}?$/.exec(asked)?.[1];
  const path = variable === undefined ? expand(asked ?? '') : environment[variable];
  return path || undefined;
}

/** The tokens of ssh_config(5) that make sense in a path. */
function expandPath(path: string, of: { hostname: string; user: string }, environment: NodeJS.ProcessEnv): string {
  // ssh takes the home of the account, whatever HOME is.
  const { homedir: home, username } = userInfo();
  const tokens: Readonly<Record<string, string>> = { d: home, h: of.hostname, r: of.user, u: username, '%': '%' };
  return path
    .replace(/^~(?=\/|$)/, home)
    .replace(/\$\{(\w+)\}/g, (_, name: string) => environment[name] ?? '')
    .replace(/%(.)/g, (whole, token: string) => tokens[token] ?? whole);
}

/** The tokens of ssh_config(5) that make sense in a ProxyCommand. */
function expandCommand(command: string, { alias, hostname, port, user }: SshTarget): string {
  const tokens: Readonly<Record<string, string>> = { h: hostname, n: alias, p: String(port), r: user, '%': '%' };
  return command.replace(/%(.)/g, (whole, token: string) => tokens[token] ?? whole);
}

/** Several paths in one value. */
function words(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}
