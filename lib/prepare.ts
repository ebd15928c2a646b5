/** What is done before the load: the bucket is tried, keys to read are found, or written where that is asked for. */
import { sleep } from 'k6';
import crypto from 'k6/crypto';
import { setTimeout } from 'k6/timers';
import type { Config, ObjectSize } from './config';
import { createKeyFrame, createKeyMaker, type FoundKeys, findKeys, foundKeysFor, type ListedKeys } from './keys';
import { createPayload, describePayload, type Payload } from './payload';
import { k6Vus, onlyReading, type Plan, type PlannedLoad } from './plan';
import { PREFLIGHT_TIMEOUT_MS, preflight } from './preflight';
import { createSilentRecorder } from './recorder';
import type { HeldConnections, Holding, Outcome, Recorder, S3 } from './s3/api';
import { backends } from './s3/backends';
import { describeFailure } from './s3/classify';
import { holdConnections, openFiles } from './s3/held';
import { formatCount } from './units';

/** k6 keeps attempts at a failed operation within what the original did. */
const ATTEMPTS = 5;
const SEEDING_TOLD_MS = 5_000;

/** A client for one VU. `first` is the endpoint it begins with, by number. */
export function connect(config: Config, recorder: Recorder, first: number, how: { plainKeys?: boolean } = {}): S3 {
  return backends[config.backend]({ ...config, ...how, ...common(config, first), attempts: ATTEMPTS }, recorder);
}

/** Connections of one VU for a test, none at first. */
export function hold(
  config: Config,
  { counting }: Recorder,
  vu: number,
  test: string,
  holding: Holding,
): HeldConnections {
  const options = { ...config, ...common(config, vu), attempts: 1 };
  return holdConnections(options, counting, holding, createKeyFrame(config.prefix, config.workerId, test, vu));
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

function common(config: Config, firstEndpoint: number) {
  const pause = (seconds: number) => new Promise<void>((resolve) => setTimeout(resolve, seconds * 1000));
  return { credentials: config, firstEndpoint, sleep, pause };
}

/** Keys to read, or in one line why the load can't begin. */
export function prepare(plan: Plan, listed: ListedKeys): { found: FoundKeys } | { problem: string } {
  const { config } = plan;
  const tooFew = tooFewFiles(plan);
  if (tooFew !== undefined) return { problem: tooFew };
  const test = plan.measured[0]?.test ?? '';
  const timeout = PREFLIGHT_TIMEOUT_MS;
  const once = { ...config, ...common(config, 0), timeout, attempts: 1 };
  const check = backends[config.backend](once, createSilentRecorder());
  const makeKey = createKeyMaker(config.prefix, config.workerId, test, 0);
  const problem = preflight(check, config, makeKey, plan.writes || plan.deletes || config.seedObjects > 0);
  if (problem !== undefined) return { problem };
  if (!plan.reads) return { found: {} };
  const missing = plan.sizes.filter(({ label }) => (listed[label]?.length ?? 0) === 0);
  const s3 = connect(config, createSilentRecorder(), 0);
  const found = missing.length > 0 ? { ...findReadable(s3, plan, missing) } : {};
  for (const { traffic, test, readSizes } of plan.loads) {
    for (const size of traffic.readsSizes === undefined ? [] : readSizes) {
      if ((listed[size.label]?.length ?? 0) + (found[size.label]?.length ?? 0) > 0) continue;
      const written = writeOne(s3, config, test, size);
      if ('problem' in written) return written;
      found[size.label] = [written.key];
    }
  }
  for (const reader of onlyReading(plan)) {
    const seeded = config.seedObjects > 0 ? seed(s3, config, reader) : {};
    if (typeof seeded === 'string') return { problem: seeded };
    for (const [label, keys] of Object.entries(seeded)) found[label] = [...(found[label] ?? []), ...keys];
    const problem = nothingToRead(plan, reader, listed, found);
    if (problem !== undefined) return { problem };
  }
  return { found };
}

/** Files that k6 has open beside connections to the store, with room to spare. */
const OTHER_FILES = 200;

/** Why connections can't all be open, in one line: each is a file to the system. */
function tooFewFiles({ loads, config }: Plan): string | undefined {
  const held = loads.filter(({ traffic }) => traffic.holdsConnections);
  if (held.length === 0) return undefined;
  const connections = held.reduce((sum, { vus }) => sum + vus, 0);
  const others = loads.reduce((sum, load) => sum + k6Vus(load), 0) * config.endpoints.length;
  const wanted = connections + others + OTHER_FILES;
  const allowed = openFiles(wanted);
  if (allowed >= wanted) return undefined;
  return (
    `${connections} connections take ${wanted} open files, and k6 may have ${allowed}: take --concurrency ` +
    `${Math.max(1, connections - (wanted - allowed))}, or start it where \`ulimit -n ${wanted}\` is allowed`
  );
}

/** Keys of objects of a size: those in the bucket now, or of one that is written, so that there is one. */
export function supply(s3: S3, plan: Plan, test: string, size: ObjectSize): readonly string[] {
  const found = findReadable(s3, plan, [size])[size.label] ?? [];
  if (found.length > 0) return found;
  const written = writeOne(s3, plan.config, test, size);
  if ('key' in written) return [written.key];
  console.warn(written.problem);
  return [];
}

function writeOne(s3: S3, config: Config, test: string, size: ObjectSize): { key: string } | { problem: string } {
  const key = createKeyMaker(config.prefix, config.workerId, test, 0)(size.label);
  const { failure, status } = write(s3, config, payloadFor(config, [size], crypto.randomBytes), key, size);
  if (failure === undefined) return { key };
  const said = describeFailure(status, failure.code, failure.message);
  return { problem: `${test} reads objects of ${size.label}, there is none, and writing one failed: ${said}` };
}

function write(s3: S3, { partSize }: Config, payload: Payload, key: string, { label, bytes }: ObjectSize): Outcome {
  return bytes > partSize
    ? s3.putObjectInParts(key, payload.parts(bytes), label)
    : s3.putObject(key, payload.body(bytes), label);
}

/** Keys of every worker and test in the bucket, of sizes that the plan has. */
export function findReadable(s3: S3, { config }: Plan, sizes: readonly ObjectSize[]): FoundKeys {
  let told = false;
  return findKeys(s3, config.prefix, sizes, foundKeysFor(config.concurrency), ({ status, failure }) => {
    const said = describeFailure(status, failure?.code ?? '', failure?.message ?? '');
    if (!told) console.warn(`keys of other tests are not all found: ${said}`);
    told = true;
  });
}

/** Why a test that only reads can't, in one line. A size that is not there is told, and no reason: the others are. */
function nothingToRead(
  { config, loads }: Plan,
  { test, sizes }: PlannedLoad,
  listed: ListedKeys,
  found: FoundKeys,
): string | undefined {
  const written = new Set(loads.flatMap((load) => (load.traffic.writes ? load.sizes.map(({ label }) => label) : [])));
  const has = ({ label }: ObjectSize) =>
    written.has(label) || (listed[label]?.length ?? 0) + (found[label]?.length ?? 0) > 0;
  const without = sizes.filter((size) => !has(size)).map(({ label }) => label);
  if (without.length === sizes.length) {
    return (
      `${test} finds nothing to read: bucket "${config.bucket}" has no objects of ${without.join(', ')} under ${config.prefix}: ` +
      'write some first with --seed-objects 1000, or by a run of a pattern that writes'
    );
  }
  if (without.length > 0) {
    console.warn(
      `no objects of ${without.join(', ')} are under ${config.prefix}: the other sizes are read, each as often`,
    );
  }
  return undefined;
}

/** Writes as many objects as asked for, the sizes in turn; returns their keys, or why it went wrong. */
function seed(s3: S3, config: Config, { test, sizes }: PlannedLoad): Record<string, string[]> | string {
  const makeKey = createKeyMaker(config.prefix, config.workerId, test, 0);
  const keys: Record<string, string[]> = {};
  const payload = payloadFor(config, sizes, crypto.randomBytes);
  let told = Date.now();
  for (let n = 0; n < config.seedObjects; n++) {
    const size = sizes[n % sizes.length] as ObjectSize;
    const { label } = size;
    const key = makeKey(label);
    const { failure, status } = write(s3, config, payload, key, size);
    if (failure) {
      const said = describeFailure(status, failure.code, failure.message);
      return `--seed-objects: ${formatCount(n)} of ${formatCount(config.seedObjects)} objects are written, the next one failed: ${said}`;
    }
    keys[label] ??= [];
    keys[label].push(key);
    if (Date.now() - told < SEEDING_TOLD_MS) continue;
    told = Date.now();
    console.info(`seeding: ${formatCount(n + 1)} of ${formatCount(config.seedObjects)} objects are written`);
  }
  return keys;
}
