/** What is done before the load: the bucket is tried, keys to read are found, or written where that is asked for. */
import crypto from 'k6/crypto';
import { describeFailure } from '../s3/classify';
import type { Engine } from '../s3/engine';
import type { Connect } from '../s3/engines/backends';
import { openFiles } from '../s3/engines/held';
import { PREFLIGHT_TIMEOUT_MS, preflight } from '../s3/preflight';
import type { Config, ObjectSize } from '../settings/config';
import { formatCount } from '../settings/units';
import { createKeyMaker, type FoundKeys, type ListedKeys } from '../workload/keys';
import { does, k6Vus, onlyReading, type Plan } from '../workload/plan';
import { has, holdsConnections } from '../workload/step';
import type { ShapedLoad } from '../workload/with-settings';
import { connect, findReadable, keyEndFor, payloadFor, SILENT, writeOne } from './connection';
import { writer } from './write';

const SEEDING_TOLD_MS = 5_000;

/** Keys to read, or in one line why the load can't begin. */
export async function prepare(
  plan: Plan,
  by: Connect,
  listed: ListedKeys,
): Promise<{ found: FoundKeys } | { problem: string }> {
  const { config } = plan;
  const tooFew = tooFewFiles(plan);
  if (tooFew !== undefined) return { problem: tooFew };
  const test = plan.measured[0]?.test ?? '';
  const check = connect(by, config, SILENT, 0, { timeout: PREFLIGHT_TIMEOUT_MS, attempts: 1 });
  const makeKey = createKeyMaker(config.prefix, config.workerId, test, 0);
  const problem = await preflight(
    check.engine,
    config,
    makeKey,
    does('write', plan) || does('delete', plan) || config.seedObjects > 0,
  );
  if (problem !== undefined) return { problem };
  if (!does('read', plan)) return { found: {} };
  const missing = plan.sizes.filter(({ label }) => (listed[label]?.length ?? 0) === 0);
  const { engine } = connect(by, config, SILENT, 0);
  const found = missing.length > 0 ? { ...findReadable(engine, config, missing) } : {};
  for (const { step, test, readSizes } of plan.loads) {
    for (const size of holdsConnections(step) ? readSizes : []) {
      if ((listed[size.label]?.length ?? 0) + (found[size.label]?.length ?? 0) > 0) continue;
      const written = await writeOne(engine, config, test, size);
      if ('problem' in written) return written;
      found[size.label] = [written.key];
    }
  }
  for (const reader of onlyReading(plan)) {
    const seeded = config.seedObjects > 0 ? await seed(engine, config, reader) : {};
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
  const held = loads.filter(({ step }) => holdsConnections(step));
  if (held.length === 0) return undefined;
  const connections = held.reduce((sum, { shape }) => sum + shape.vus, 0);
  const others = loads.reduce((sum, load) => sum + k6Vus(load), 0) * config.endpoints.length;
  const wanted = connections + others + OTHER_FILES;
  const allowed = openFiles(wanted);
  if (allowed >= wanted) return undefined;
  return (
    `${connections} connections take ${wanted} open files, and k6 may have ${allowed}: take --concurrency ` +
    `${Math.max(1, connections - (wanted - allowed))}, or start it where \`ulimit -n ${wanted}\` is allowed`
  );
}

/** Why a test that only reads can't, in one line. A size that is not there is told, and no reason: the others are. */
function nothingToRead(
  { config, loads }: Plan,
  { test, sizes }: ShapedLoad,
  listed: ListedKeys,
  found: FoundKeys,
): string | undefined {
  const written = new Set(
    loads.flatMap((load) => (has('write', load.step) ? load.sizes.map(({ label }) => label) : [])),
  );
  const isThere = ({ label }: ObjectSize) =>
    written.has(label) || (listed[label]?.length ?? 0) + (found[label]?.length ?? 0) > 0;
  const without = sizes.filter((size) => !isThere(size)).map(({ label }) => label);
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
async function seed(
  engine: Engine,
  config: Config,
  { test, sizes }: ShapedLoad,
): Promise<Record<string, string[]> | string> {
  const makeKey = createKeyMaker(config.prefix, config.workerId, test, 0, keyEndFor(config));
  const keys: Record<string, string[]> = {};
  const write = writer(engine, config.partSize, payloadFor(config, sizes, crypto.randomBytes));
  let told = Date.now();
  for (let n = 0; n < config.seedObjects; n++) {
    const size = sizes[n % sizes.length] as ObjectSize;
    const { label } = size;
    const key = makeKey(label);
    const { failure, status } = await write(key, size);
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
