/** Reads that ask for less than an object: none of one that is as it was, or one part. */
import { GET_IF_NONE_MATCH, GET_PART, HEAD } from '../../s3/commands';
import type { Reply } from '../../s3/engine';
import { partBytesFor } from '../../workload/payload';
import { below } from '../../workload/random';
import type { VirtualUser } from '../../workload/step';
import { whenEnded } from './ended';
import { lengthOf } from './lengths';
import type { Done, Play } from './mix';

/** Objects that a VU knows the ETag of, as a cache does. */
const MOST_ETAGS = 100;

interface Tagged {
  readonly key: string;
  readonly etag: string;
}

/**
 * Asks again for objects that the VU knows. That needs their ETags, which are no checksum that could be computed: those of uploads
 * in parts and of encrypted objects are the store's own. So the VU fills so many places with objects, as popular as any, each
 * asked for by a HEAD once; from then on a place is chosen at random.
 */
export function conditionalRead(vu: VirtualUser): Play {
  const { engine, keys, sizes, random } = vu;
  const [head, read] = [engine.compile(HEAD), engine.compile(GET_IF_NONE_MATCH)];
  const bytesOf = lengthOf(vu);
  const each = Math.max(1, Math.floor(MOST_ETAGS / sizes.length));
  const places = new Map(sizes.map(({ label }) => [label, Array<Tagged | undefined>(each)]));

  const ask = (size: string, place: number, { key, etag }: Tagged): Done => {
    const reply = read(key, size, bytesOf(key, size), { headers: { 'if-none-match': etag } });
    return whenEnded(reply, ({ status }) => {
      // Another object now, or none: its ETag is of no more use.
      if (status !== 304) places.get(size)?.fill(undefined, place, place + 1);
      return undefined;
    });
  };

  return ({ size }) => {
    const place = below(each, random);
    const known = places.get(size)?.[place];
    if (known !== undefined) return ask(size, place, known);
    const key = keys.any(size);
    if (key === undefined) return false;
    const goOn = ({ failure, headers }: Reply): Done => {
      if (failure?.errorClass === 'notFound') keys.forget();
      if (failure !== undefined) return undefined;
      const found = { key, etag: headers?.etag ?? '' };
      places.get(size)?.fill(found, place, place + 1);
      return ask(size, place, found);
    };
    return whenEnded(head(key, size), goOn);
  };
}

/** Reads one part of an object, each as likely, as this run's part size cuts it; of one that is no longer, the only one. */
export function partRead(vu: VirtualUser): Play {
  const { engine, keys, random, config } = vu;
  const read = engine.compile(GET_PART);
  const bytesOf = lengthOf(vu);
  return ({ size }) => {
    const key = keys.any(size);
    if (key === undefined) return false;
    const bytes = bytesOf(key, size);
    const partBytes = partBytesFor(bytes ?? 0, config.partSize);
    const part = bytes === undefined ? 0 : below(Math.max(1, Math.ceil(bytes / partBytes)), random);
    const expected = bytes === undefined ? undefined : Math.min(partBytes, bytes - part * partBytes);
    return whenEnded(read(key, size, expected, { query: { partNumber: part + 1 } }), ({ failure }) => {
      if (failure?.errorClass === 'notFound') keys.forget();
      return undefined;
    });
  };
}
