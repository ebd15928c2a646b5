/** The engine of the CLI: makes requests out of the rows of lib/s3/commands.ts as those of k6's VUs do, on node:http. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from '../../lib/s3/commands';
import type { Arguments, EngineOptions, Reply } from '../../lib/s3/engine';
import { takeTurns } from '../../lib/s3/outage';
import { replyOf } from '../../lib/s3/reply';
import { extrasOf, hostsOf, pathsOf } from '../../lib/s3/request';
import { nextPause } from '../../lib/s3/retry';
import { createSigner, unsigned } from '../../lib/s3/sign';
import { encodeKey } from '../../lib/s3/uri';
import { nodeHashes } from './hashes';
import type { Transport } from './transport';

/**
 * One operation on a row without a payload: attempts until one succeeds, can't be mended by another, or was the last. A
 * signal that aborts ends repeats. What changes the bucket it does not break off: nobody would know whether it was done.
 * @throws the signal's reason, and nothing else
 */
export type NodeCall = (key: string, text?: string, more?: Arguments, signal?: AbortSignal) => Promise<Reply>;

export interface NodeEngine {
  compile(command: Command): NodeCall;
}

export interface NodeEngineOptions
  extends Pick<
    EngineOptions,
    'endpoints' | 'bucket' | 'addressing' | 'region' | 'credentials' | 'timeout' | 'attempts'
  > {
  /** Requests go to a proxy that signs them. */
  readonly leavesSigning: boolean;
}

/** `pause` waits so many milliseconds between attempts. */
export function createNodeEngine(
  options: NodeEngineOptions,
  transport: Transport,
  pause: (ms: number) => Promise<unknown> = sleep,
): NodeEngine {
  const { credentials, region, timeout, attempts } = options;
  const hosts = hostsOf(options, (host) =>
    options.leavesSigning ? unsigned : createSigner(nodeHashes, credentials, region, host),
  );
  const paths = pathsOf(options);
  const { next: nextHost, learn } = takeTurns(hosts, 0);

  return {
    compile: (command) => {
      const { method, on, effect } = command;
      const changes = effect === 'write' || effect === 'delete' || effect === 'configure';
      return async (key, text = '', more = {}, signal) => {
        const path = on === 'bucket' ? paths.bucket : paths.objects + encodeKey(key);
        const { query, headers, payloadHash } = extrasOf(command, text, more, nodeHashes);
        const breakable = changes ? undefined : signal;
        for (let attempt = 1; ; attempt++) {
          const { endpoint, origin, address, signer } = nextHost();
          const began = Date.now();
          const answer = await transport.send({
            ...{ method, origin, address, timeout, body: text, signal: breakable },
            target: query === '' ? path : `${path}?${query}`,
            headers: signer.signWith(method, path, query, headers, payloadHash),
          });
          const sent = { bytes: 0, expected: undefined, objects: more.objects ?? 0 };
          const reply = replyOf(command, endpoint, answer, sent, Date.now() - began);
          learn(reply);
          const seconds = nextPause(reply, attempt, attempts, hosts.length);
          if (seconds === undefined || signal?.aborted) return reply;
          await pause(seconds * 1000);
          breakable?.throwIfAborted();
        }
      };
    },
  };
}
