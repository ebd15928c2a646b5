/** One SSH connection to a worker's machine, through jump hosts where ssh's configuration has them. */
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import ssh2, { type AuthHandlerMiddleware, type Client, type ClientChannel, type ConnectConfig } from 'ssh2';
import { Remote, RemoteError, type Running, type Shell } from '../workers/remote';
import type { Place } from '../workers/workers-file';
import { routeTo, type Target } from './config';
import { type Identities, identitiesFor } from './identities';
import { KnownHost } from './known-hosts';
import { SshProblem } from './problem';

export interface SshOptions {
  /** ssh's configuration, in place of the user's and the system's. */
  readonly configFile?: string | undefined;
  /** SSH_AUTH_SOCK and PATH are read from it. */
  readonly environment: NodeJS.ProcessEnv;
  /** Calls the attempt off. */
  readonly signal?: AbortSignal;
  /** For everything until commands can be run, all jump hosts included: 10 s where left out. */
  readonly connectMs?: number;
  /** How often the other side is asked whether it is there, where ssh's configuration has no ServerAliveInterval. */
  readonly keepaliveMs?: number;
}

const CONNECT_MS = 10_000;
const KEEPALIVE_MS = 5_000;
/** Questions that stay without an answer before a connection counts as lost. */
const UNANSWERED = 3;
/** sshd turns connections away at random when many come at once (MaxStartups), before it says anything. */
const RETRY_MS = 300;
/** https://datatracker.ietf.org/doc/html/rfc4254#section-5.1 */
const ADMINISTRATIVELY_PROHIBITED = 1;

/**
 * Connects to a place.
 * @throws RemoteError with one line that says what to do; the signal's reason
 */
export async function connectBySsh(place: Place, options: SshOptions): Promise<Remote> {
  const attempt = new Attempt(place, options);
  try {
    return new Remote(place, await attempt.run());
  } catch (e) {
    attempt.destroy();
    if (e instanceof SshProblem) throw new RemoteError(place, e.trouble, e.message);
    throw e;
  }
}

class Attempt {
  private readonly clients: Client[] = [];
  private readonly began = Date.now();
  private readonly ms: number;
  /** Nobody waits for it any more. */
  private over = false;
  /** What it is about to do, for the message that it took too long. */
  private doing = "reading ssh's configuration";

  constructor(
    private readonly place: Place,
    private readonly options: SshOptions,
  ) {
    this.ms = options.connectMs ?? CONNECT_MS;
  }

  async run(): Promise<Shell> {
    const { signal } = this.options;
    signal?.throwIfAborted();
    let timer: NodeJS.Timeout | undefined;
    let onAbort = () => {};
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new SshProblem('timeout', `no answer in ${this.ms / 1000} s while ${this.doing}`));
      }, this.ms);
      onAbort = () => reject(signal?.reason);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
    const connecting = this.connect();
    // Late, it is destroyed by whoever called us, and what it says then is no news.
    connecting.catch(() => {});
    try {
      return await Promise.race([connecting, late]);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  destroy(): void {
    this.over = true;
    for (const client of this.clients.reverse()) client.destroy();
  }

  private async connect(): Promise<Shell> {
    const { configFile, environment } = this.options;
    const { host: name, id: _, slot: __, ...rest } = this.place;
    const route = await routeTo({ name, ...rest }, { file: configFile, environment });
    let last: { client: Client; target: Target } | undefined;
    for (const target of route) {
      const through = last;
      const client = await this.logIn(target, through && (() => this.forward(through.client, through.target, target)));
      last = { client, target };
    }
    const { client, target } = last as { client: Client; target: Target };
    return new SshShell(this.place, client, this.clients, target, this.keepaliveOf(target));
  }

  private keepaliveOf(target: Target): number {
    return target.keepaliveMs ?? this.options.keepaliveMs ?? KEEPALIVE_MS;
  }

  /** A way to the next machine through one where we are logged in. */
  private forward(client: Client, from: Target, to: Target): Promise<Duplex> {
    this.doing = `connecting to ${at(to)} from ${at(from)}`;
    return new Promise((resolve, reject) => {
      client.forwardOut('127.0.0.1', 0, to.hostname, to.port, (error, channel) => {
        if (!error) return resolve(channel);
        const forbidden = (error as { reason?: unknown }).reason === ADMINISTRATIVELY_PROHIBITED;
        const why = forbidden ? 'it forwards nothing' : error.message.replace(/^\(SSH\) Channel open failure: /, '');
        const remedy = forbidden
          ? 'set AllowTcpForwarding in its sshd_config'
          : 'see that it is up, and can be reached from there';
        reject(new SshProblem('unreachable', `${at(from)} does not connect us to ${at(to)} (${why}): ${remedy}`));
      });
    });
  }

  private async logIn(target: Target, way: (() => Promise<Duplex>) | undefined): Promise<Client> {
    this.doing = `looking for keys for ${at(target)}`;
    const [known, identities] = await Promise.all([
      KnownHost.lookUp(target, this.options.environment),
      identitiesFor(target),
    ]);
    for (;;) {
      const sock = await way?.();
      this.doing = `connecting to ${at(target)}`;
      try {
        return await this.handshake(target, known, identities, sock);
      } catch (e) {
        const rest = this.ms - (Date.now() - this.began);
        if (!(e instanceof TurnedAway)) throw e;
        if (rest < 2 * RETRY_MS) throw e.problem;
        await sleep(RETRY_MS * (0.5 + Math.random()));
      }
    }
  }

  private async handshake(target: Target, known: KnownHost, identities: Identities, sock: Duplex | undefined) {
    if (this.over) throw new Error('too late');
    const client = new ssh2.Client();
    this.clients.push(client);
    let verdict: SshProblem | undefined;
    let trusted: Buffer | undefined;
    let shook = false;
    const authHandler = inTurn(identities);
    const config: ConnectConfig = {
      host: target.hostname,
      port: target.port,
      username: target.user,
      ...(sock === undefined ? {} : { sock }),
      authHandler: authHandler.next,
      algorithms: { serverHostKey: known.algorithms() as never },
      hostVerifier: (key: Buffer, verify: (right: boolean) => void) => {
        // Keys are exchanged again every hour or gigabyte. Without waiting then: ssh2 would send what is written meanwhile
        // in the middle of it, and the server would hang up.
        if (trusted !== undefined) return verify(trusted.equals(key));
        known.objection(key).then((problem) => {
          verdict = problem;
          if (problem === undefined) trusted = Buffer.from(key);
          verify(problem === undefined);
        });
      },
      // ours counts all of it together
      readyTimeout: 0,
      keepaliveInterval: this.keepaliveOf(target),
      keepaliveCountMax: UNANSWERED,
    };
    return new Promise<Client>((resolve, reject) => {
      const failed = (error: Error & { level?: string }) => {
        // It goes on with the next key.
        if (error.level === 'agent') return;
        client.destroy();
        reject(verdict ?? problemOf(error, target, identities, authHandler.left(), shook));
      };
      // A jump host's connection may break while the next one is being made: what is made over it tells.
      client.on('error', () => {});
      client
        .on('handshake', () => {
          shook = true;
          this.doing = `logging in at ${at(target)}`;
        })
        .once('ready', () => {
          client.removeListener('error', failed);
          resolve(client);
        })
        .on('error', failed)
        .once('close', () => failed(new Error('the connection was closed')));
      try {
        client.connect(config);
      } catch (e) {
        failed(e as Error);
      }
    });
  }
}

/** Closed before the server said who it is. */
class TurnedAway extends Error {
  constructor(readonly problem: SshProblem) {
    super(problem.message);
  }
}

const at = ({ user, hostname, port }: Target) =>
  `${user}@${hostname.includes(':') ? `[${hostname}]` : hostname}${port === 22 ? '' : `:${port}`}`;

/** Hands ssh2 one method after the other. */
function inTurn({ methods }: Identities): { next: AuthHandlerMiddleware; left: () => readonly string[] } {
  let tried = 0;
  let allowed: readonly string[] = [];
  return {
    left: () => allowed,
    next: (left, _partial, next) => {
      allowed = left ?? [];
      // False ends it, which ssh2's types do not have.
      next(methods[tried++] ?? (false as never));
    },
  };
}

function problemOf(
  error: Error & { level?: string; code?: unknown },
  target: Target,
  identities: Identities,
  allowed: readonly string[],
  shook: boolean,
): Error {
  const { message } = error;
  const where = at(target);
  const code = String(error.code ?? '');
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    const why = code === 'ENOTFOUND' ? 'is not known' : 'can not be looked up, as no name server answers';
    return new SshProblem('resolve', `the name ${target.hostname} ${why}: correct it, or write its address before it`);
  }
  if (code === 'ECONNREFUSED') {
    return new SshProblem('refused', `${where} refuses connections: start sshd there, or give its port as host:port`);
  }
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH' || code === 'ETIMEDOUT') {
    return new SshProblem('unreachable', `there is no way to ${where} (${code}): see that it is up, and the network`);
  }
  if (error.level === 'client-authentication' || /too many authentication failures/i.test(message)) {
    return new SshProblem('auth', whyNotLetIn(target, identities, allowed, message));
  }
  if (!shook && (code === 'ECONNRESET' || /before handshake|connection was closed/.test(message))) {
    const full = 'raise MaxStartups in its sshd_config, if it is that';
    return new TurnedAway(new SshProblem('refused', `${where} closes every connection at once: ${full}`));
  }
  if (/no matching|malformed|invalid identification|Protocol/i.test(message)) {
    return new SshProblem(
      'config',
      `${where} can't be talked to (${message}): see that it is an SSH 2 server of this decade`,
    );
  }
  return new SshProblem('lost', `the connection to ${where} broke off (${message}): try \`${target.command}\``);
}

function whyNotLetIn(target: Target, identities: Identities, allowed: readonly string[], message: string): string {
  const { tried, problems } = identities;
  const where = at(target);
  if (/too many/i.test(message)) {
    const limit = 'set IdentityFile and IdentitiesOnly for it in your ssh configuration';
    return `${where} took no more keys after the first of ${tried.join(', ')}: ${limit}`;
  }
  if (problems.length > 0) {
    const others = tried.length > 0 ? `, and ${tried.join(', ')} did not let us in` : '';
    return `not let in at ${where}: ${problems.join('; ')}${others}`;
  }
  if (tried.length === 0) {
    const files = target.identityFiles.join(', ');
    return `no key to log in at ${where} with: no agent has one, and there is none of ${files || 'the files, as there are none'}: give IdentityFile in your ssh configuration`;
  }
  if (allowed.length > 0 && !allowed.includes('publickey')) {
    return `${where} takes no keys, only ${allowed.join(', ')}: allow PubkeyAuthentication in its sshd_config`;
  }
  const [file] = target.identityFiles.filter((path) => tried.includes(path));
  const how = file === undefined ? '' : `, ssh-copy-id -i ${file} ${target.command.slice(4)}`;
  return `${where} let us in with none of ${tried.join(', ')}: make the public key known there${how}`;
}

/** Commands over one connection. */
class SshShell implements Shell {
  readonly gone: Promise<RemoteError | undefined>;
  private closing = false;
  private lost: RemoteError | undefined;

  constructor(
    private readonly place: Place,
    private readonly client: Client,
    private readonly hops: readonly Client[],
    target: Target,
    keepaliveMs: number,
  ) {
    let why = 'the other side closed it';
    client.on('error', (error: Error & { level?: string }) => {
      const silent = (keepaliveMs * (UNANSWERED + 1)) / 1000;
      why = error.level === 'client-timeout' ? `nothing was heard for ${silent} s` : error.message;
    });
    this.gone = new Promise((resolve) => {
      client.removeAllListeners('close').once('close', () => {
        for (const hop of hops) hop.destroy();
        if (!this.closing)
          this.lost = new RemoteError(place, 'lost', `the connection to ${at(target)} is lost (${why})`);
        resolve(this.lost);
      });
    });
  }

  start(command: string): Promise<Running> {
    return new Promise((resolve, reject) => {
      const refused = (error: Error) => {
        const why = error.message.replace(/^\(SSH\) Channel open failure: /, '');
        const failure = new RemoteError(this.place, 'command', `no command can be run there (${why})`);
        // The connection's own end says more, and is heard of a little later.
        setImmediate(() => reject(this.lost ?? failure));
      };
      try {
        this.client.exec(command, (error, channel) => (error ? refused(error) : resolve(this.running(channel))));
      } catch (e) {
        refused(e as Error);
      }
    });
  }

  private running(channel: ClientChannel): Running {
    channel.on('error', () => {});
    const ended = new Promise<{ code: number | null; signal?: string | undefined }>((resolve, reject) => {
      let exit: { code: number | null; signal?: string | undefined } | undefined;
      channel.once('exit', (code: number | null, signal?: string) => {
        exit = { code, signal };
      });
      channel.once('close', () => {
        if (exit) return resolve(exit);
        const cut = new RemoteError(this.place, 'lost', 'a command was cut off');
        setImmediate(() => reject(this.lost ?? cut));
      });
    });
    ended.catch(() => {}); // it may be over before anyone waits for it
    return {
      stdin: channel,
      stdout: channel,
      stderr: channel.stderr,
      ended,
      stop: () => {
        try {
          channel.signal('TERM');
          channel.close();
        } catch {
          // the connection is gone, and sshd ends what it ran
        }
      },
    };
  }

  async close(): Promise<void> {
    this.closing = true;
    this.client.end();
    const timer = setTimeout(() => {
      for (const client of this.hops) client.destroy();
    }, 1_000);
    await this.gone;
    clearTimeout(timer);
  }
}
