/** What the backends differ in: the engine of a VU, its bodies, and how its keys end. */
import type { Connect } from '../s3/engine';
import { connectNative } from '../s3/engines/native';
import type { ObjectSize, VuConfig } from '../settings/config';
import { GENERATED_END } from '../workload/keys';
import { describePayload, type Payload } from '../workload/payload';

declare function require(module: './rare'): typeof import('./rare');
declare function require(module: '../s3/engines/jslib'): typeof import('../s3/engines/jslib');

/**
 * How a VU connects by a backend, or why it can't, in one line. To be asked in k6's init context; what others are made of is
 * not loaded.
 */
export function connectBy({ backend, jslibUrl }: Pick<VuConfig, 'backend' | 'jslibUrl'>): Connect | string {
  if (backend === 'native') return connectNative;
  // For jslib, too: its bodies are in there, and it can't be loaded later.
  const { connectHttp, connectProxy } = require('./rare');
  if (backend === 'jslib') {
    const { loadJslib, connectJslib } = require('../s3/engines/jslib');
    return loadJslib(jslibUrl) ?? connectJslib;
  }
  return backend === 'http' ? connectHttp : connectProxy;
}

/** Bodies for an engine of `connectBy`, of these sizes and no others. */
export function payloadFor(
  { backend, partSize }: Pick<VuConfig, 'backend' | 'partSize'>,
  sizes: readonly ObjectSize[],
  randomBytes: (n: number) => ArrayBuffer,
): Payload {
  if (backend === 'native') return describePayload(partSize);
  const { createPayload } = require('./rare');
  const bytes = sizes.map((size) => size.bytes);
  return createPayload(bytes, partSize, randomBytes);
}

/** What ends the keys of objects with such bodies. */
export function keyEndFor({ backend }: Pick<VuConfig, 'backend'>): string {
  return backend === 'native' ? GENERATED_END : '';
}

/** All of it, for the control: which is a bundle of its own, and would have it a second time. */
export interface Backends {
  readonly connectBy: typeof connectBy;
  readonly payloadFor: typeof payloadFor;
  readonly keyEndFor: typeof keyEndFor;
}
