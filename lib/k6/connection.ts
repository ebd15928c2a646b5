/** What a VU speaks to the store by: a client of the backend that the settings name, bodies and keys for it. */
import { sleep } from 'k6';
import crypto from 'k6/crypto';
import { setTimeout } from 'k6/timers';
import type { Awaitable, Counting, HeldConnections, Holding, Outcome, S3, S3Options } from '../s3/api';
import { describeFailure } from '../s3/classify';
import type { Clients, Connect } from '../s3/engines/backends';
import { holdConnections } from '../s3/engines/held';
import { generatedKeyEnd } from '../s3/engines/native';
import type { Config, ObjectSize } from '../settings/config';
import { createKeyFrame, createKeyMaker, type FoundKeys, findKeys, foundKeysFor } from '../workload/keys';
import { createPayload, describePayload, type Payload } from '../workload/payload';

/** k6 keeps attempts at a failed operation within what the original did. */
const ATTEMPTS = 5;

/** What is done beside the load. */
export const SILENT: Counting = { silent: true, missesExpected: false };

/** A client for one VU. */
export interface Connection extends Omit<Clients, 'create'> {
  readonly s3: S3;
}

/** `first` is the endpoint that the client begins with, by number. */
export function connect(
  by: Connect,
  config: Config,
  counting: Counting,
  first: number,
  how: Partial<Pick<S3Options, 'plainKeys' | 'timeout' | 'attempts'>> = {},
): Connection {
  const { create, begin, flush } = by(counting);
  return { s3: create({ ...optionsOf(config, first), ...how }), begin, flush };
}

/** Connections of one VU for a test, none at first. */
export function hold(config: Config, counting: Counting, vu: number, test: string, holding: Holding): HeldConnections {
  const options = { ...optionsOf(config, vu), attempts: 1 };
  return holdConnections(options, counting, holding, createKeyFrame(config.prefix, config.workerId, test, vu));
}

function optionsOf(config: Config, firstEndpoint: number): S3Options {
  const pause = (seconds: number) => new Promise<void>((resolve) => setTimeout(resolve, seconds * 1000));
  return { ...config, credentials: config, firstEndpoint, attempts: ATTEMPTS, sleep, pause };
}

/** Bodies for a client of `connect`, of these sizes and no others. */
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

export function write(
  s3: S3,
  { partSize }: Config,
  payload: Payload,
  key: string,
  size: ObjectSize,
): Awaitable<Outcome> {
  const { label, bytes } = size;
  return bytes > partSize
    ? s3.putObjectInParts(key, payload.parts(bytes), label)
    : s3.putObject(key, payload.body(bytes), label);
}

export async function writeOne(
  s3: S3,
  config: Config,
  test: string,
  size: ObjectSize,
): Promise<{ key: string } | { problem: string }> {
  const key = createKeyMaker(config.prefix, config.workerId, test, 0, keyEndFor(config))(size.label);
  const { failure, status } = await write(s3, config, payloadFor(config, [size], crypto.randomBytes), key, size);
  if (failure === undefined) return { key };
  const said = describeFailure(status, failure.code, failure.message);
  return { problem: `${test} reads objects of ${size.label}, there is none, and writing one failed: ${said}` };
}

/** Keys of every worker and test in the bucket, of these sizes. */
export function findReadable(s3: S3, { prefix, concurrency }: Config, sizes: readonly ObjectSize[]): FoundKeys {
  let told = false;
  return findKeys(s3, prefix, sizes, foundKeysFor(concurrency), ({ status, failure }) => {
    const said = describeFailure(status, failure?.code ?? '', failure?.message ?? '');
    if (!told) console.warn(`keys of other tests are not all found: ${said}`);
    told = true;
  });
}

/** Keys of objects of a size: those in the bucket now, or of one that is written, so that there is one. */
export async function supply(s3: S3, config: Config, test: string, size: ObjectSize): Promise<readonly string[]> {
  const found = findReadable(s3, config, [size])[size.label] ?? [];
  if (found.length > 0) return found;
  const written = await writeOne(s3, config, test, size);
  if ('key' in written) return [written.key];
  console.warn(written.problem);
  return [];
}
