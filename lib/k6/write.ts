/** Writing objects: by one PUT, or in parts where an object is larger than one. */
import { PUT } from '../s3/commands';
import type { Awaitable, Engine } from '../s3/engine';
import { type PutInParts, putInParts } from '../s3/multipart';
import type { Outcome } from '../s3/outcome';
import type { ObjectSize } from '../settings/config';
import type { Payload } from '../workload/payload';

export type WriteObject = (key: string, size: ObjectSize) => Awaitable<Outcome>;

/** `partSize` is in bytes, and `payload` made for it. */
export function writer(engine: Engine, partSize: number, payload: Payload): WriteObject {
  const put = engine.compile(PUT);
  let inParts: PutInParts | undefined;
  return (key, { label, bytes }) => {
    if (bytes <= partSize) return put(key, label, payload.body(bytes));
    inParts ??= putInParts(engine);
    return inParts(key, payload.parts(bytes), label);
  };
}
