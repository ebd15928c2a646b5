/** What a VU speaks to the store by: an engine of the backend that the settings name, bodies and keys for it. */
import { sleep } from 'k6';
import crypto from 'k6/crypto';
import { setTimeout } from 'k6/timers';
import { describeFailure } from '../s3/classify';
import type { Connect, Counting, Engine, EngineOptions, EngineSource } from '../s3/engine';
import { holdConnections } from '../s3/engines/held';
import { generatedKeyEnd } from '../s3/engines/native';
import type { HeldConnections, Holding } from '../s3/held';
import type { Config, ObjectSize } from '../settings/config';
import { createKeyFrame, createKeyMaker } from '../workload/keys';
import { createPayload, describePayload, type Payload } from '../workload/payload';
import { BESIDE_LOAD, findReadable } from './readable';
import { writer } from './write';

/** k6 keeps attempts at a failed operation within what the original did. */
const ATTEMPTS = 5;

/** What is done beside the load. */
export const SILENT: Counting = { silent: true, missesExpected: false };

/** An engine for one VU. */
export interface Connection extends Omit<EngineSource, 'create'> {
  readonly engine: Engine;
}

/** `first` is the endpoint that the engine begins with, by number. */
export function connect(
  by: Connect,
  config: Config,
  counting: Counting,
  first: number,
  how: Partial<Pick<EngineOptions, 'plainKeys' | 'timeout' | 'attempts'>> = {},
): Connection {
  const { create, begin, flush } = by(counting);
  return { engine: create({ ...optionsOf(config, first), ...how }), begin, flush };
}

/** Connections of one VU for a test, none at first. */
export function hold(config: Config, counting: Counting, vu: number, test: string, holding: Holding): HeldConnections {
  const options = { ...optionsOf(config, vu), attempts: 1 };
  return holdConnections(options, counting, holding, createKeyFrame(config.prefix, config.workerId, test, vu));
}

function optionsOf(config: Config, firstEndpoint: number): EngineOptions {
  const pause = (seconds: number) => new Promise<void>((resolve) => setTimeout(resolve, seconds * 1000));
  return { ...config, credentials: config, firstEndpoint, attempts: ATTEMPTS, sleep, pause };
}

/** Bodies for an engine of `connect`, of these sizes and no others. */
export function payloadFor(
  { backend, partSize }: Config,
  sizes: readonly ObjectSize[],
  randomBytes: (n: number) => ArrayBuffer,
): Payload {
  if (backend === 'native') return describePayload(partSize);
  return createPayload(
    sizes.map(({ bytes }) => bytes),
    partSize,
    randomBytes,
  );
}

/** What ends the keys of objects with such bodies. */
export function keyEndFor({ backend }: Config): string {
  return backend === 'native' ? generatedKeyEnd() : '';
}

export async function writeOne(
  engine: Engine,
  config: Config,
  test: string,
  size: ObjectSize,
): Promise<{ key: string } | { problem: string }> {
  const key = createKeyMaker(config.prefix, config.workerId, test, 0, keyEndFor(config))(size.label);
  const write = writer(engine, config.partSize, payloadFor(config, [size], crypto.randomBytes));
  const { failure, status } = await write(key, size);
  if (failure === undefined) return { key };
  const said = describeFailure(status, failure.code, failure.message);
  return { problem: `${test} reads objects of ${size.label}, there is none, and writing one failed: ${said}` };
}

/** Keys of objects of a size: those in the bucket now, or of one that is written, so that there is one. */
export async function supply(
  engine: Engine,
  config: Config,
  test: string,
  size: ObjectSize,
): Promise<readonly string[]> {
  const { keys } = await findReadable(engine, config, [size], BESIDE_LOAD);
  const found = keys[size.label] ?? [];
  if (found.length > 0) return found;
  const written = await writeOne(engine, config, test, size);
  if ('key' in written) return [written.key];
  console.warn(written.problem);
  return [];
}
