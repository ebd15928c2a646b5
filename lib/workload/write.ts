/** Writing objects: by one PUT, or in parts where an object is larger than one. */
import { PUT } from '../s3/commands';
import type { Awaitable, Engine } from '../s3/engine';
import type { PutInParts } from '../s3/multipart';
import type { Outcome } from '../s3/outcome';
import type { ObjectSize } from '../settings/config';
import type { Payload } from './payload';

export type WriteObject = (key: string, size: ObjectSize) => Awaitable<Outcome>;

/** `partSize` is in bytes, and `payload` made for it. `putInParts` is called for the first object that is larger. */
export function writer(
  engine: Engine,
  partSize: number,
  payload: Payload,
  putInParts: (engine: Engine) => PutInParts,
): WriteObject {
  const put = engine.compile(PUT);
  let inParts: PutInParts | undefined;
  return (key, { label, bytes }) => {
    if (bytes <= partSize) return put(key, label, payload.body(bytes));
    inParts ??= putInParts(engine);
    return inParts(key, payload.parts(bytes), label);
  };
}
