/** Commands over SSH. */
import type { Client, ClientChannel } from 'ssh2';
import { type Exit, type Output, RemoteError, type Running, type Shell } from '../shell';
import type { Machine } from '../workers-file';
import { loginOf, type SshTarget } from './config';

/** Questions that stay without an answer before a connection counts as lost. */
export const UNANSWERED = 3;

/** Commands over the last of these connections, which lead one through the other. */
export class SshShell implements Shell {
  readonly gone: Promise<RemoteError | undefined>;
  private readonly client: Client;
  private closing = false;
  private lost: RemoteError | undefined;

  constructor(
    private readonly machine: Machine,
    private readonly clients: readonly Client[],
    target: SshTarget,
    keepaliveMs: number,
  ) {
    const client = clients.at(-1) as Client;
    this.client = client;
    let why = 'the other side closed it';
    client.on('error', (error: Error & { level?: string }) => {
      const silent = (keepaliveMs * (UNANSWERED + 1)) / 1000;
      why = error.level === 'client-timeout' ? `nothing was heard for ${silent} s` : error.message;
    });
    this.gone = new Promise((resolve) => {
      client.removeAllListeners('close').once('close', () => {
        for (const each of clients) each.destroy();
        if (!this.closing)
          this.lost = new RemoteError(machine, 'lost', `the connection to ${loginOf(target)} is lost (${why})`);
        resolve(this.lost);
      });
    });
  }

  start(command: string, output: Output): Promise<Running> {
    return new Promise((resolve, reject) => {
      const refused = (error: Error) => {
        const why = error.message.replace(/^\(SSH\) Channel open failure: /, '');
        const failure = new RemoteError(this.machine, 'command', `no command can be run there (${why})`);
        // The connection's own end says more, and is heard of a little later.
        setImmediate(() => reject(this.lost ?? failure));
      };
      try {
        this.client.exec(command, (error, channel) =>
          error ? refused(error) : resolve(this.running(channel, output)),
        );
      } catch (e) {
        refused(e as Error);
      }
    });
  }

  private running(channel: ClientChannel, output: Output): Running {
    channel.on('error', () => {}).on('data', output.stdout);
    channel.stderr.on('data', output.stderr);
    const ended = new Promise<Exit>((resolve, reject) => {
      let exit: Exit | undefined;
      channel.once('exit', (code: number | null, signal?: string) => {
        exit = { code, signal };
      });
      channel.once('close', () => {
        if (exit) return resolve(exit);
        const cut = new RemoteError(this.machine, 'lost', 'a command was cut off');
        setImmediate(() => reject(this.lost ?? cut));
      });
    });
    ended.catch(() => {}); // it may be over before anyone waits for it
    return {
      stdin: channel,
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
      for (const client of this.clients) client.destroy();
    }, 1_000);
    await this.gone;
    clearTimeout(timer);
  }
}
