/**
 * Whether a host is the one it was: its key against known_hosts. `ssh-keygen -F` does the search, so hashed names, patterns
 * and ports are found as ssh finds them: https://man.openbsd.org/sshd#SSH_KNOWN_HOSTS_FILE_FORMAT
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { $ } from 'zx';
import { lastLine } from '../../process/last-line';
import { quote } from '../../process/quote';
import type { SshTarget } from './config';
import { BY_SYSTEM, SshProblem } from './problem';

interface KnownKey {
  readonly marker: string | undefined;
  readonly type: string;
  readonly base64: string;
  /** The name it was found under, and the file. */
  readonly name: string;
  readonly file: string;
}

/** Algorithms that prove a key of a type, best first. */
const ALGORITHMS: Readonly<Record<string, readonly string[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'],
};

const PATIENCE = '5s';

/** What is known of one target. */
export class KnownHost {
  private constructor(
    private readonly target: SshTarget,
    private readonly keys: readonly KnownKey[],
  ) {}

  /** @throws SshProblem where known_hosts can't be searched */
  static async lookUp(target: SshTarget, environment: NodeJS.ProcessEnv): Promise<KnownHost> {
    const searches = target.knownHostsFiles
      .filter((file) => existsSync(file))
      .flatMap((file) => target.knownAs.map((name) => search(name, file, environment)));
    return new KnownHost(target, (await Promise.all(searches)).flat());
  }

  /**
   * Host key algorithms to offer, those first whose key is known: a server with several keys shows the one that the first
   * of them stands for.
   */
  algorithms(): string[] {
    const known = this.keys.filter(({ marker }) => marker === undefined).flatMap(({ type }) => ALGORITHMS[type] ?? []);
    return [...new Set([...known, ...Object.values(ALGORITHMS).flat()])];
  }

  /**
   * Why the key is not to be trusted; undefined when it is. `key` is as the server sends it. Resolves after a key that is new,
   * where ssh is configured to accept those, has been kept.
   */
  async objection(key: Buffer): Promise<SshProblem | undefined> {
    const { target, keys } = this;
    const base64 = key.toString('base64');
    const type = typeOf(key);
    const shown = `host key ${fingerprint(key)} (${type})`;
    const [name = target.hostname] = target.knownAs;
    const same = keys.filter((known) => known.base64 === base64);
    const revoked = same.find(({ marker }) => marker === '@revoked');
    if (revoked)
      return new SshProblem('hostKey', `${shown} is marked @revoked in ${revoked.file}: give the host a new one`);
    if (same.some(({ marker }) => marker === undefined)) return undefined;
    // Of a name without the port only a key that fits counts: it may be that of another server on the same host.
    const others = keys.filter((known) => known.name === name && known.marker === undefined);
    const [other] = others;
    if (other) {
      const files = [...new Set(others.map(({ file }) => file))];
      const removing = files.map((file) => `ssh-keygen -R ${quote(name)} -f ${quote(file)}`).join(' && ');
      const types = [...new Set(others.map((known) => known.type))].join(', ');
      const what = others.some((known) => known.type === type)
        ? `${shown} is not the one in ${files.join(', ')}`
        : `${shown} is shown, but ${files.join(', ')} has it by ${types}`;
      return new SshProblem('hostKey', `${what}: if it was meant to change, ${removing} && ${this.learning(type)}`);
    }
    if (keys.some(({ marker, name: found }) => marker === '@cert-authority' && found === name)) {
      return new SshProblem(
        'hostKey',
        `known_hosts has only a @cert-authority for ${name}, and host certificates are not supported here: ${BY_SYSTEM}, or add its own key, ${this.learning(type)}`,
      );
    }
    if (target.unknownKeys === 'no') return undefined;
    if (target.unknownKeys === 'accept-new') return this.keep(name, `${type} ${base64}`);
    const files = target.knownHostsFiles[0] ?? 'known_hosts';
    return new SshProblem(
      'hostKey',
      `${shown} is not in ${files}: see that it is the host's, then ${this.learning(type)}`,
    );
  }

  /** How a user makes the key known. */
  private learning(type: string): string {
    const { hostname, port, jumped, knownAs, knownHostsFiles, command } = this.target;
    const [file] = knownHostsFiles;
    const scanned = port === 22 ? hostname.toLowerCase() : `[${hostname.toLowerCase()}]:${port}`;
    // Names that ssh-keyscan would not write, and hosts that it would not reach.
    if (knownAs[0] !== scanned || file === undefined || jumped) return `${command} true`;
    const short = type.replace(/^ssh-/, '').replace(/^ecdsa-.*/, 'ecdsa');
    return `ssh-keyscan -t ${short} ${port === 22 ? '' : `-p ${port} `}${hostname} >> ${quote(file)}`;
  }

  private async keep(name: string, key: string): Promise<SshProblem | undefined> {
    const [file] = this.target.knownHostsFiles;
    if (file === undefined || file === '/dev/null') return undefined;
    try {
      await appendFile(file, `${name} ${key}\n`, { mode: 0o600 });
      return undefined;
    } catch (e) {
      return new SshProblem('hostKey', `its new host key can't be kept in ${file} (${(e as Error).message})`);
    }
  }
}

async function search(name: string, file: string, environment: NodeJS.ProcessEnv): Promise<KnownKey[]> {
  const run = $({ env: environment, nothrow: true, quiet: true, timeout: PATIENCE, stdio: ['ignore'] });
  const { exitCode, stdout, stderr } = await run`ssh-keygen -F ${name} -f ${file}`;
  if (exitCode === 127) {
    throw new SshProblem(
      'hostKey',
      "ssh-keygen is not installed, so host keys can't be verified: install OpenSSH's client",
    );
  }
  // 1 is for a name that is not there.
  if (exitCode !== 0 && exitCode !== 1) {
    throw new SshProblem('hostKey', `${file} can't be searched (${lastLine(stderr)})`);
  }
  return stdout.split('\n').flatMap((line) => {
    const [, marker, type = '', base64 = ''] = /^(?:(@[\w-]+) )?\S+ (\S+) (\S+)/.exec(line) ?? [];
    return line.startsWith('#') || base64 === '' ? [] : [{ marker, type, base64, name, file }];
  });
}

/** The key's type, which its bytes begin with after four for the length. */
function typeOf(key: Buffer): string {
  return key.toString('latin1', 4, 4 + key.readUInt32BE(0));
}

/** As ssh shows it. */
function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}
