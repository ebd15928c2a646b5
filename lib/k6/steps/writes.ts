/** Objects written otherwise than by PUT: by a form, or in parts that are sent or copied. */
import { COMPLETE_UPLOAD, POST } from '../../s3/commands';
import { copyInParts, putInParts } from '../../s3/multipart';
import type { Outcome } from '../../s3/outcome';
import { copySource } from '../../s3/uri';
import { partBytesFor } from '../../workload/payload';
import type { VirtualUser } from '../../workload/step';
import { whenEnded } from './ended';
import { copyKey, lengthOf, newObjects } from './lengths';
import type { Play } from './mix';

export function postForm(vu: VirtualUser): Play {
  const { engine, keys } = vu;
  const post = engine.compile(POST);
  const payload = vu.payload();
  const next = newObjects(vu);
  return ({ size }) => {
    const { key, bytes } = next(size);
    return whenEnded(post(key, size, payload.body(bytes)), ({ failure }) => {
      if (failure === undefined) keys.wrote(size, key);
      return undefined;
    });
  };
}

/** In parts, whatever the size. */
export function putParted(vu: VirtualUser): Play {
  const { engine, keys, config } = vu;
  const put = putInParts(engine, config.partConcurrency, COMPLETE_UPLOAD);
  const payload = vu.payload();
  const next = newObjects(vu);
  return ({ size }) => {
    const { key, bytes } = next(size);
    return whenEnded(put(key, payload.parts(bytes), size), ({ failure }) => {
      if (failure === undefined) keys.wrote(size, key);
      return undefined;
    });
  };
}

/** A new object out of one that is there, in parts of this run's part size. */
export function copyParted(vu: VirtualUser): Play {
  const { engine, keys, config } = vu;
  const copy = copyInParts(engine, config.partConcurrency);
  const bytesOf = lengthOf(vu);
  return ({ size }) => {
    const from = keys.any(size);
    if (from === undefined) return false;
    const key = copyKey(vu, size, from);
    const bytes = bytesOf(from, size) ?? 0;
    const partBytes = partBytesFor(bytes, config.partSize);
    const ended = ({ failure }: Outcome): undefined => {
      if (failure === undefined) keys.wrote(size, key);
      else if (failure.errorClass === 'notFound') keys.forget();
    };
    return whenEnded(copy(key, { bytes, partBytes, source: copySource(config.bucket, from) }, size), ended);
  };
}
