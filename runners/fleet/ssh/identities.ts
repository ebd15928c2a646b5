/** Who we are to a server: keys that an agent holds, and key files. In the order in which ssh would try them. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import ssh2, { type AnyAuthMethod, type IdentityCallback, type ParsedKey } from 'ssh2';
import type { SshTarget } from './config';
import { BY_SYSTEM } from './problem';

/** What there is to log in by. */
export interface Identities {
  readonly methods: readonly AnyAuthMethod[];
  /** Of each key that is tried: what people know it by. */
  readonly tried: readonly string[];
  /** Of each that can't be tried: why, and what to do. */
  readonly problems: readonly string[];
}

interface KeyFile {
  readonly path: string;
  /** Undefined where only the public key is to be had. */
  readonly key?: ParsedKey;
  /** SSH's encoding of it in base64. */
  readonly publicKey?: string;
  readonly problem?: string;
}

const AGENT_MS = 3_000;

/** Reads key files and asks the agent. Never throws: what is wrong is said where nothing else lets us in. */
export async function identitiesFor(target: SshTarget): Promise<Identities> {
  const { agent: socket, identitiesOnly, user: username } = target;
  const files = (await Promise.all(target.identityFiles.map(readKey))).filter((file) => file !== undefined);
  const named = files.flatMap(({ publicKey }) => publicKey ?? []);
  const problems: string[] = [];
  let held: ParsedKey[] = [];
  try {
    held = socket === undefined ? [] : await keysOf(socket);
    if (socket !== undefined && !identitiesOnly) problems.push(...(await unusableIn(socket)));
  } catch (e) {
    problems.push(`the agent at ${socket} does not answer (${(e as Error).message}): start it, or unset SSH_AUTH_SOCK`);
  }
  // Servers take six keys or so: those that the configuration names come first.
  const rank = (key: ParsedKey) => {
    const at = named.indexOf(encoded(key));
    return at === -1 ? named.length : at;
  };
  const offered = held
    .filter((key) => !identitiesOnly || named.includes(encoded(key)))
    .sort((a, b) => rank(a) - rank(b));
  const inAgent = new Set(offered.map(encoded));
  const own = files.filter(({ publicKey }) => publicKey === undefined || !inAgent.has(publicKey));
  problems.push(...own.flatMap(({ problem }) => problem ?? []));
  const methods: AnyAuthMethod[] = [];
  if (offered.length > 0) methods.push({ type: 'agent', username, agent: new SomeOf(socket as string, offered) });
  for (const { key } of own) if (key !== undefined) methods.push({ type: 'publickey', username, key });
  return {
    methods,
    tried: [
      ...offered.map((key) => `${key.comment || key.type} in the agent`),
      ...own.flatMap(({ key, path }) => (key === undefined ? [] : path)),
    ],
    problems,
  };
}

const encoded = (key: ParsedKey) => key.getPublicSSH().toString('base64');

/** A key file, or undefined where there is none. */
async function readKey(path: string): Promise<KeyFile | undefined> {
  const [publicKey, certificate] = await Promise.all([publicKeyIn(`${path}.pub`), publicKeyIn(`${path}-cert.pub`)]);
  const known = publicKey === undefined ? {} : { publicKey: publicKey.text };
  if (publicKey?.type.startsWith('sk-')) {
    return {
      path,
      ...known,
      problem: `${path} is a hardware key, which can't be used here: give IdentityFile another one, or ${BY_SYSTEM}`,
    };
  }
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (e) {
    const { code, message } = e as NodeJS.ErrnoException;
    if (code === 'ENOENT') return publicKey === undefined ? undefined : { path, ...known };
    return { path, ...known, problem: `${path} can't be read (${message})` };
  }
  const parsed = ssh2.utils.parseKey(bytes);
  const key = Array.isArray(parsed) ? parsed[0] : parsed;
  if (key instanceof Error || key === undefined) {
    const locked = /passphrase|encrypted/i.test(String(key));
    const problem = locked
      ? `${path} has a passphrase: run \`ssh-add ${path}\``
      : `${path} is no private key that can be used here (${key?.message}): give one that ssh-keygen made`;
    return { path, ...known, problem };
  }
  const passedOver = `${path}-cert.pub is a certificate, which can't be used here: ${BY_SYSTEM}, or make the key itself known there`;
  const own = { path, publicKey: encoded(key), ...(certificate && { problem: passedOver }) };
  // ssh takes a public key there, too, whose other half an agent has.
  return key.isPrivateKey() ? { ...own, key } : own;
}

async function publicKeyIn(path: string): Promise<{ type: string; text: string } | undefined> {
  const line = await readFile(path, 'utf8').catch(() => '');
  const [, type, text] = /^(\S+) (\S+)/.exec(line) ?? [];
  return type === undefined || text === undefined ? undefined : { type, text };
}

function keysOf(socket: string): Promise<ParsedKey[]> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer in ${AGENT_MS / 1000} s`)), AGENT_MS);
    new ssh2.OpenSSHAgent(socket).getIdentities((error, keys) => {
      clearTimeout(timer);
      if (error) reject(error);
      else resolve((keys ?? []) as ParsedKey[]);
    });
  });
}

const unusable = new Map<string, Promise<string[]>>();

/** What ssh2 leaves out of an agent's keys without a word. Every login of this process has the same: the agent is asked once. */
function unusableIn(socket: string): Promise<string[]> {
  const known = unusable.get(socket) ?? askUnusable(socket);
  unusable.set(socket, known);
  return known;
}

async function askUnusable(socket: string): Promise<string[]> {
  const env = { ...process.env, SSH_AUTH_SOCK: socket };
  const options = { env, timeout: AGENT_MS };
  // Without ssh-add there is nothing to add to what is said anyway.
  const { stdout } = await promisify(execFile)('ssh-add', ['-L'], options).catch(() => ({ stdout: '' }));
  return stdout.split('\n').flatMap((line) => {
    const [type = '', , ...comment] = line.split(' ');
    const name = `${comment.join(' ') || type} in the agent`;
    if (type.includes('-cert-v01')) {
      return `${name} is a certificate, which can't be used here: ${BY_SYSTEM}, or make the key itself known there`;
    }
    return /^(?:webauthn-)?sk-/.test(type)
      ? `${name} is a hardware key, which can't be used here: add another one to the agent, or ${BY_SYSTEM}`
      : [];
  });
}

/** An agent with some of its keys, in this order. */
class SomeOf extends ssh2.OpenSSHAgent {
  constructor(
    socket: string,
    private readonly keys: ParsedKey[],
  ) {
    super(socket);
  }
  override getIdentities(callback: IdentityCallback<ParsedKey>): void {
    callback(undefined, this.keys);
  }
}
