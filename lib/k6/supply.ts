/** Sees that there is an object to read. Imports no module of k6, so that VUs can load it when they need it. */
import { describeFailure } from '../s3/classify';
import type { Engine } from '../s3/engine';
import { putInParts } from '../s3/multipart';
import type { ObjectSize, VuConfig } from '../settings/config';
import { createKeyMaker } from '../workload/keys';
import type { Payload } from '../workload/payload';
import { writer } from '../workload/write';
import { BESIDE_LOAD, findReadable } from './readable';

export interface Supplier {
  readonly engine: Engine;
  readonly config: VuConfig;
  readonly test: string;
  /** Bodies of the size that is written. */
  readonly payload: Payload;
  /** What ends the keys of objects with such bodies. */
  readonly keyEnd: string;
}

/** Writes an object for a test to read, and gives its key. */
export async function writeOne(
  { engine, config, test, payload, keyEnd }: Supplier,
  size: ObjectSize,
): Promise<{ key: string } | { problem: string }> {
  const key = createKeyMaker(config.prefix, config.workerId, test, 0, keyEnd)(size.label);
  const { failure, status } = await writer(engine, config.partSize, payload, putInParts)(key, size);
  if (failure === undefined) return { key };
  const said = describeFailure(status, failure.code, failure.message);
  return { problem: `${test} reads objects of ${size.label}, there is none, and writing one failed: ${said}` };
}

/** Keys of objects of a size: those in the bucket now, or of one that is written, so that there is one. */
export async function supply(supplier: Supplier, size: ObjectSize): Promise<readonly string[]> {
  const { keys } = await findReadable(supplier.engine, supplier.config, [size], BESIDE_LOAD);
  const found = keys[size.label] ?? [];
  if (found.length > 0) return found;
  const written = await writeOne(supplier, size);
  if ('key' in written) return [written.key];
  console.warn(written.problem);
  return [];
}
