/** What memory a plan may need, and how it is best used. Pure. */
import { formatBytes } from '../settings/units';
import { largestPiece, memoryNeed } from './payload';
import { k6Vus, loadText, type Plan } from './plan';
import { has, holdsConnections } from './step';
import type { ShapedLoad } from './with-settings';

/** An object as large as that takes 5 ms of CPU to move: what else an operation costs does not count. */
const LARGE = 10 * 1024 ** 2;
/** What a VU holds while it works, and how much garbage may lie beside all of them where there is little of it. */
const VU_HOLDS = 256 * 1024;
const GARBAGE = 24 * 1024 ** 2;
const [LEAST_PERCENT, MOST_PERCENT] = [15, 400];

/**
 * How large garbage may grow, in percent of what is in use, where nothing but large objects is moved, by their average size:
 * operations are few then, and memory can be had for hardly any CPU. Undefined where there may be many.
 */
export function gcPercent({ loads }: Pick<Plan, 'loads'>): number | undefined {
  const large = loads.every(({ step, sizes }) => {
    const bytes = sizes.reduce((sum, size) => sum + size.bytes, 0);
    const movesBodies = step.commands.every(({ body, answer }) => body === 'payload' || answer.kind === 'payload');
    return movesBodies && !holdsConnections(step) && bytes >= LARGE * sizes.length;
  });
  if (!large) return undefined;
  const vus = loads.reduce((sum, load) => sum + k6Vus(load), 0);
  return Math.max(LEAST_PERCENT, Math.min(MOST_PERCENT, Math.round((100 * GARBAGE) / (vus * VU_HOLDS))));
}

/** Bytes that a held connection takes, garbage included: measured at 10,000, and at 2,000 by TLS. */
const CONNECTION = 25 * 1024;
const TLS_CONNECTION = 110 * 1024;
/** What one that uploads has besides where chunks are signed: a whole one, for its signature goes before it. Half of them upload. */
const SIGNED_CHUNK = 64 * 1024;
/** Copies of a body that is put into chunks, garbage included. */
const CHUNKED_COPIES = 2;

/** Why the run would take the machine's memory down, in one line; undefined when it would not. `free` in bytes, or NaN. */
export function tooLittleMemory({ loads, config }: Plan, free: number): string | undefined {
  // The extension makes bodies while it sends them, and keeps none.
  const kept = ({ step }: ShapedLoad) => config.backend !== 'native' && has('write', step) && !holdsConnections(step);
  // Grafana's client keeps what it gets, whole.
  const whole = ({ step }: ShapedLoad) => config.backend === 'jslib' && has('read', step) && !holdsConnections(step);
  const bytesOf = (load: ShapedLoad) => (kept(load) || whole(load) ? load.sizes.map((size) => size.bytes) : []);
  const partOf = (load: ShapedLoad) => (whole(load) ? Number.POSITIVE_INFINITY : config.partSize);
  const { checksumTrailer, signPayload } = config;
  const plain = config.endpoints.some((endpoint) => endpoint.startsWith('https:')) ? TLS_CONNECTION : CONNECTION;
  const connection = plain + (checksumTrailer && signPayload ? SIGNED_CHUNK / 2 : 0);
  const copies = checksumTrailer ? CHUNKED_COPIES : 0;
  const needs = loads.map((load) => {
    const ofVus = memoryNeed(k6Vus(load), bytesOf(load), partOf(load), config.partConcurrency, copies);
    const more = holdsConnections(load.step) ? load.shape.vus * connection : 0;
    // One VU that does it all is there however much that is.
    return load.step.kind !== 'operation' ? { fixed: ofVus, more } : { fixed: 0, more: ofVus };
  });
  const fixed = needs.reduce((sum, n) => sum + n.fixed, 0);
  const more = needs.reduce((sum, n) => sum + n.more, 0);
  const need = fixed + more;
  if (!(need > free)) return undefined;
  const most = Math.floor((config.concurrency * (free - fixed)) / more);
  const piece = Math.max(...loads.map((load) => largestPiece(bytesOf(load), partOf(load))));
  const each = piece > 0 ? ` with up to ${formatBytes(piece)} each under way` : '';
  const fewer = most > 0 ? `--concurrency ${most}` : 'smaller objects (--size)';
  return (
    `${loadText({ loads })}${each} may need ${formatBytes(need)} of memory, and ` +
    `${formatBytes(free)} are free: take ${fewer}, or --no-memory-check to run all the same`
  );
}
