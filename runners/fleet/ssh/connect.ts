/** One SSH connection to a worker's machine, through jump hosts where ssh's configuration has them. */
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import ssh2, { type AuthHandlerMiddleware, type Client, type ConnectConfig } from 'ssh2';
import { Remote } from '../remote';
import { RemoteError, type Shell } from '../shell';
import type { Machine } from '../workers-file';
import { loginOf, routeTo, type SshTarget } from './config';
import { diagnose, TurnedAway } from './diagnosis';
import { type Identities, identitiesFor } from './identities';
import { KnownHost } from './known-hosts';
import { SshProblem } from './problem';
import { throughCommand } from './proxy-command';
import { SshShell, UNANSWERED } from './shell';

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
/** sshd turns connections away at random when many come at once (MaxStartups), before it says anything. */
const RETRY_MS = 300;
/** https://datatracker.ietf.org/doc/html/rfc4254#section-5.1 */
const ADMINISTRATIVELY_PROHIBITED = 1;

/**
 * Connects to a machine.
 * @throws RemoteError with one line that says what to do; the signal's reason
 */
export async function connectBySsh(machine: Machine, options: SshOptions): Promise<Remote> {
  const attempt = new Attempt(machine, options);
  try {
    return new Remote(machine, await attempt.run());
  } catch (e) {
    attempt.destroy();
    if (e instanceof SshProblem) throw new RemoteError(machine, e.trouble, e.message);
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
    private readonly machine: Machine,
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
    const { host: name, id: _, slot: __, ...rest } = this.machine;
    const route = await routeTo({ name, ...rest }, { file: configFile, environment });
    const chain: Array<{ client: Client; target: SshTarget }> = [];
    for (const target of route) {
      const last = chain.at(-1);
      const way = last ? () => this.forward(last.client, last.target, target) : this.wayTo(target);
      chain.push({ target, client: await this.logIn(target, way) });
    }
    const target = route.at(-1) as SshTarget;
    const clients = chain.map(({ client }) => client);
    return new SshShell(this.machine, clients, target, this.keepaliveOf(target));
  }

  /** To the first machine: by itself, or through a program. */
  private wayTo(target: SshTarget): (() => Promise<Duplex>) | undefined {
    const { proxyCommand } = target;
    if (proxyCommand === undefined) return undefined;
    return async () => throughCommand(proxyCommand, target, this.options.environment);
  }

  private keepaliveOf(target: SshTarget): number {
    return target.keepaliveMs ?? this.options.keepaliveMs ?? KEEPALIVE_MS;
  }

  /** A way to the next machine through one where we are logged in. */
  private forward(client: Client, from: SshTarget, to: SshTarget): Promise<Duplex> {
    this.doing = `connecting to ${loginOf(to)} from ${loginOf(from)}`;
    return new Promise((resolve, reject) => {
      const failed = (error: Error & { reason?: unknown }) => {
        const forbidden = error.reason === ADMINISTRATIVELY_PROHIBITED;
        const why = forbidden ? 'it forwards nothing' : error.message.replace(/^\(SSH\) Channel open failure: /, '');
        const remedy = forbidden
          ? 'set AllowTcpForwarding in its sshd_config'
          : 'see that it is up, and can be reached from there';
        const what = `${loginOf(from)} does not connect us to ${loginOf(to)}`;
        reject(new SshProblem('unreachable', `${what} (${why}): ${remedy}`));
      };
      try {
        client.forwardOut('127.0.0.1', 0, to.hostname, to.port, (e, channel) => (e ? failed(e) : resolve(channel)));
      } catch (e) {
        failed(e as Error); // its own connection is gone
      }
    });
  }

  private async logIn(target: SshTarget, way: (() => Promise<Duplex>) | undefined): Promise<Client> {
    this.doing = `looking for keys for ${loginOf(target)}`;
    const [known, identities] = await Promise.all([
      KnownHost.lookUp(target, this.options.environment),
      identitiesFor(target),
    ]);
    for (;;) {
      const sock = await way?.();
      this.doing = `connecting to ${loginOf(target)}`;
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

  private async handshake(target: SshTarget, known: KnownHost, identities: Identities, sock: Duplex | undefined) {
    if (this.over) throw new Error('too late');
    const client = new ssh2.Client();
    this.clients.push(client);
    const methods = inTurn(identities);
    let shook = false;
    let verdict: SshProblem | undefined;
    let trusted: Buffer | undefined;
    const config: ConnectConfig = {
      host: target.hostname,
      port: target.port,
      username: target.user,
      ...(sock === undefined ? {} : { sock }),
      authHandler: methods.next,
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
      // 0 is for none of its own: there is one for all of this together.
      readyTimeout: target.connectTimeoutMs ?? 0,
      keepaliveInterval: this.keepaliveOf(target),
      keepaliveCountMax: UNANSWERED,
    };
    return new Promise<Client>((resolve, reject) => {
      const failed = (error: Error & { level?: string }) => {
        // It goes on with the next key.
        if (error.level === 'agent') return;
        client.destroy();
        if (error instanceof SshProblem) return reject(error);
        reject(verdict ?? diagnose(error, { target, identities, shook, allowed: methods.allowed() }));
      };
      client
        // A jump host's connection may break while the next one is being made: what is made over it tells.
        .on('error', () => {})
        .on('error', failed)
        .once('close', () => failed(new Error('the connection was closed')))
        .on('handshake', () => {
          shook = true;
          this.doing = `logging in at ${loginOf(target)}`;
        })
        .once('ready', () => {
          client.removeListener('error', failed);
          resolve(client);
        });
      try {
        client.connect(config);
      } catch (e) {
        failed(e as Error);
      }
    });
  }
}

/** Hands ssh2 one method after the other. */
function inTurn({ methods }: Identities): { next: AuthHandlerMiddleware; allowed: () => readonly string[] } {
  let tried = 0;
  let allowed: readonly string[] = [];
  return {
    allowed: () => allowed,
    next: (left, _partial, next) => {
      allowed = left ?? [];
      // False ends it, which ssh2's types do not have.
      next(methods[tried++] ?? (false as never));
    },
  };
}
