/** Nodes of a cluster, as a client sees them: TCP relays on loopback to one S3 server, which can hang. */
import { connect, createServer, type Socket } from 'node:net';
import { listen } from './stage';

export interface Relay {
  /** http://host:port */
  readonly endpoint: string;
  /** Connections that it has taken. */
  readonly taken: number;
  /** From now on it takes connections and bytes, and answers nothing, as a process that is stopped. */
  hang(): void;
  stop(): void;
}

/** Answers pass at so many bytes a second, where that is given. */
export async function startRelay(
  target: string,
  bytesPerSecond = Number.POSITIVE_INFINITY,
  at?: { readonly host: string; readonly port: number },
): Promise<Relay> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let hangs = false;
  let taken = 0;
  const server = createServer((socket) => {
    taken++;
    const behind = connect(Number(port), hostname);
    for (const one of [socket, behind]) {
      sockets.add(one);
      one.on('error', () => {}).on('close', () => sockets.delete(one));
    }
    socket.on('data', (bytes) => hangs || behind.write(bytes)).on('close', () => behind.destroy());
    behind.on('data', (bytes) => {
      if (hangs) return;
      socket.write(bytes);
      behind.pause();
      setTimeout(() => behind.resume(), (1000 * bytes.length) / bytesPerSecond);
    });
    behind.on('close', () => hangs || socket.end());
  });
  const own = await listen(server, at?.host, at?.port);
  return {
    get taken() {
      return taken;
    },
    endpoint: `http://127.0.0.1:${own}`,
    hang: () => {
      hangs = true;
    },
    stop: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
