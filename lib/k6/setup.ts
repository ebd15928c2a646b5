/** What is done before the load: the bucket is tried, keys to read are found, or written where that is asked for. */
import crypto from 'k6/crypto';
import { clearTimeout, setTimeout } from 'k6/timers';
import type { Discovery } from '../result/result';
import { describeFailure } from '../s3/classify';
import { DELETE_OBJECTS } from '../s3/commands';
import type { Connect, Engine, Reply } from '../s3/engine';
import { openFiles } from '../s3/engines/held';
import { PATIENCE_MS, waitingText } from '../s3/explain';
import { listingByV1 } from '../s3/listing-v1';
import { putInParts } from '../s3/multipart';
import type { Config, ObjectSize } from '../settings/config';
import { formatCount } from '../settings/units';
import type { Finding } from '../workload/find-keys';
import type { Home } from '../workload/home';
import { createKeyMaker, type FoundKeys, type ListedKeys } from '../workload/keys';
import { countIn, type NumberedSet, numbered, numberedSet } from '../workload/numbered';
import { does, k6Vus, onlyReading, type Plan } from '../workload/plan';
import { seeded } from '../workload/random';
import { drawBytes } from '../workload/sizes';
import { has as hasEffect, holdsConnections, type Step } from '../workload/step';
import type { ShapedLoad } from '../workload/with-settings';
import { writer } from '../workload/write';
import type { Backends } from './backend';
import { connect, SILENT } from './connection';
import { type Checked, preflight } from './preflight';
import { BEFORE_LOAD, findingText, findReadable } from './readable';
import { writeOne } from './supply';

const writes = (step: Step) => hasEffect('write', step);

/** A shorter search nobody notices; the Result has it. */
const WORTH_TELLING_MS = 2_000;
const SEEDING_REPORT_MS = 5_000;

/** What there is to read when the load begins. */
export interface Readable {
  /** Keys that others left, or that were written so that there is one. */
  readonly found: FoundKeys;
  /** Objects that were written to be read. */
  readonly seeded: readonly NumberedSet[];
  /** The store has no DELETE_OBJECTS. */
  readonly oneByOne?: boolean | undefined;
  /** The store has ListObjects of version 1 only. */
  readonly listsV1?: boolean | undefined;
  /** The same of each of several homes, in place of `found` and `seeded`. */
  readonly homes?: readonly Readable[] | undefined;
  /** What looking for keys came to; undefined where nothing was looked for. */
  readonly discovery?: Discovery | undefined;
}

/** What there is to read, or in one line why the load can't begin. */
export async function prepare(
  plan: Plan,
  by: Connect,
  backends: Backends,
  listed: ListedKeys,
): Promise<Readable | { problem: string }> {
  const tooFew = tooFewFiles(plan);
  if (tooFew !== undefined) return { problem: tooFew };
  const { homes } = plan;
  if (homes === undefined) return prepareIn(plan, by, backends, listed, undefined);
  const all: Readable[] = [];
  const byBucket = new Map<string, Readable>();
  for (const { bucket, user, set } of homes) {
    const there = { ...plan, config: { ...plan.config, bucket, ...user } };
    const known = byBucket.get(bucket);
    // Another user finds what the first one found, and is only tried.
    const readable =
      (known ?? set)
        ? await tried(there, by, listed, known ?? holding(set))
        : await prepareIn(there, by, backends, listed, homes);
    if ('problem' in readable) return readable;
    byBucket.set(bucket, readable);
    all.push(readable);
  }
  const [first] = all as [Readable];
  const has = (flag: 'oneByOne' | 'listsV1') => all.some((home) => home[flag]) || undefined;
  return {
    found: {},
    seeded: [],
    oneByOne: has('oneByOne'),
    listsV1: has('listsV1'),
    discovery: first.discovery,
    homes: all,
  };
}

/** What there is where objects were prepared. */
const holding = (set: NumberedSet | undefined): Readable => ({
  found: {},
  seeded: set === undefined || set.count === 0 ? [] : [set],
});

async function tried(
  plan: Plan,
  by: Connect,
  listed: ListedKeys,
  readable: Readable,
): Promise<Readable | { problem: string }> {
  if (!plan.config.check) return readable;
  const { problem, oneByOne, listsV1 } = await check(plan, by, listed);
  return problem === undefined ? { ...readable, oneByOne, listsV1 } : { problem };
}

/** The same of one bucket. */
async function prepareIn(
  plan: Plan,
  by: Connect,
  backends: Backends,
  listed: ListedKeys,
  homes: readonly Home[] | undefined,
): Promise<Readable | { problem: string }> {
  const asIs: Checked = { live: plan.config.endpoints, doubts: [] };
  const { problem, live, oneByOne, listsV1 } = plan.config.check ? await check(plan, by, listed) : asIs;
  if (problem !== undefined) return { problem };
  // What is left to do before the load goes to those that answer.
  const config = { ...plan.config, endpoints: live };
  if (!does('read', plan)) return { found: {}, seeded: [], oneByOne, listsV1 };
  const { engine } = connect(by, config, SILENT, 0);
  const seeded: NumberedSet[] = [];
  for (const reader of config.seedObjects > 0 ? onlyReading(plan) : []) {
    const set = await seed(engine, config, backends, reader);
    if ('problem' in set) return set;
    seeded.push(set);
  }
  const missing = plan.sizes.filter(({ label }) => (listed[label]?.length ?? 0) + countIn(seeded, label) === 0);
  // Each VU is given a copy of what is found in all of them.
  const places = new Set(homes?.map(({ bucket }) => bucket)).size;
  const looking = { ...config, concurrency: config.concurrency * Math.max(1, places) };
  const finding = missing.length > 0 ? await look(by, looking, missing, listsV1) : undefined;
  const found: Record<string, readonly string[]> = { ...finding?.keys };
  const has = ({ label }: ObjectSize) =>
    (listed[label]?.length ?? 0) + (found[label]?.length ?? 0) + countIn(seeded, label) > 0;
  for (const { step, test, readSizes } of plan.loads) {
    for (const size of holdsConnections(step) ? readSizes : []) {
      if (has(size)) continue;
      const payload = backends.payloadFor(config, [size], crypto.randomBytes);
      const keyEnd = backends.keyEndFor(config);
      const written = await writeOne({ engine, config, test, payload, keyEnd }, size);
      if ('problem' in written) return written;
      found[size.label] = [written.key];
    }
  }
  for (const reader of onlyReading(plan)) {
    const problem = nothingToRead(plan, reader, has, finding?.complete !== false);
    if (problem !== undefined) return { problem };
  }
  return { found, seeded, oneByOne, listsV1, discovery: finding && discoveryOf(finding) };
}

/** Tries the bucket, and logs what its user should know. */
async function check(plan: Plan, by: Connect, listed: ListedKeys): Promise<Checked> {
  const { config } = plan;
  const makeKey = createKeyMaker(config.prefix, config.workerId, plan.measured[0]?.test ?? '', 0);
  const engineOf = (endpoints: string[]) => connect(by, { ...config, endpoints }, SILENT, 0, { attempts: 1 }).engine;
  const deletes = does('delete', plan);
  const writes = does('write', plan) || deletes || config.seedObjects > 0;
  const looks = does('read', plan) && plan.sizes.some(({ label }) => (listed[label]?.length ?? 0) === 0);
  const lists = plan.loads.some(({ step }) => step.commands.some(({ effect }) => effect === 'list'));
  const batches = plan.loads.some(({ step }) => step.commands.some(({ op }) => op === DELETE_OBJECTS.op));
  const needs = { lists: lists || looks, writes, deletes, batches };
  const checked = await preflight(engineOf, config, makeKey, needs, watched(config));
  if (checked.created) console.info(`bucket "${config.bucket}" was not there, and is created`);
  if (checked.problem === undefined) for (const doubt of checked.doubts) console.warn(doubt);
  return checked;
}

/** Says what the check waits for, where that takes long. */
function watched(config: Config) {
  return async (doing: string, call: Promise<Reply>): Promise<Reply> => {
    const timer = setTimeout(() => console.info(waitingText(doing, config)), PATIENCE_MS);
    try {
      return await call;
    } finally {
      clearTimeout(timer);
    }
  };
}

/** Looks for keys once, and says what that came to. */
async function look(by: Connect, config: Config, sizes: readonly ObjectSize[], listsV1 = false): Promise<Finding> {
  const timeout = Math.min(config.timeout, BEFORE_LOAD.ms);
  const { engine } = connect(by, config, SILENT, 0, { timeout, attempts: 1 });
  const finding = await findReadable(listsV1 ? listingByV1(engine) : engine, config, sizes, BEFORE_LOAD);
  if (!finding.complete) console.warn(findingText(finding));
  else if (finding.ms > WORTH_TELLING_MS) console.info(findingText(finding));
  return finding;
}

function discoveryOf({ keys, requests, ms, complete }: Finding): Discovery {
  const objects = Object.values(keys).reduce((sum, list) => sum + list.length, 0);
  return { requests, objects, ms, complete };
}

/** Files that k6 has open beside connections to the store, with room to spare. */
const OTHER_FILES = 200;

/** Why not every connection can be open, in one line: each is a file to the system. A VU may have one to each endpoint. */
function tooFewFiles({ loads, config }: Plan): string | undefined {
  const held = loads.filter(({ step }) => holdsConnections(step)).reduce((sum, { shape }) => sum + shape.vus, 0);
  const vus = loads.reduce((sum, load) => sum + k6Vus(load), 0);
  const endpoints = config.endpoints.length;
  const wanted = held + vus * endpoints + OTHER_FILES;
  const allowed = openFiles(wanted);
  if (allowed >= wanted) return undefined;
  const missing = wanted - allowed;
  const [what, fewer] =
    held > 0
      ? [`${held} connections take`, held - missing]
      : [
          `${vus} VUs at ${endpoints} ${endpoints === 1 ? 'endpoint' : 'endpoints'} take`,
          vus - Math.ceil(missing / endpoints),
        ];
  return (
    `${what} ${wanted} open files, and k6 may have ${allowed}: ` +
    `${fewer < 1 ? '' : `take --concurrency ${fewer}, or `}start it where \`ulimit -n ${wanted}\` is allowed`
  );
}

/**
 * Why a load that only reads can't, in one line. A size that is not there is reported, and no reason: the others are. Where not all
 * was seen, something may be there all the same.
 */
function nothingToRead(
  { config, loads }: Plan,
  { test, sizes }: ShapedLoad,
  has: (size: ObjectSize) => boolean,
  sawAll: boolean,
): string | undefined {
  const written = new Set(loads.flatMap(({ step, sizes }) => (writes(step) ? sizes.map(({ label }) => label) : [])));
  const isThere = (size: ObjectSize) => written.has(size.label) || has(size);
  const without = sizes.filter((size) => !isThere(size)).map(({ label }) => label);
  if (without.length === sizes.length && sawAll) {
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

/** Writes as many objects as the settings say, the sizes in turn; returns which, or why it went wrong. */
async function seed(
  engine: Engine,
  config: Config,
  { payloadFor, keyEndFor }: Backends,
  { test, sizes }: ShapedLoad,
): Promise<NumberedSet | { problem: string }> {
  const { prefix, workerId: worker, seedObjects: count } = config;
  const set = numberedSet({ prefix, worker, test, end: keyEndFor(config) }, sizes, count, Date.now() * 1000);
  const sizeOf = new Map(sizes.map((size) => [size.label, size]));
  const random = seeded(config.seed);
  const write = writer(engine, config.partSize, payloadFor(config, sizes, crypto.randomBytes), putInParts);
  let reported = Date.now();
  for (let n = 0; n < count; n++) {
    const { key, size: label } = numbered(set, n);
    const size = sizeOf.get(label) as ObjectSize;
    const { drawn, bytes: most } = size;
    const bytes = drawn === undefined ? most : drawBytes(drawn, most, random);
    const { failure, status } = await write(key, { label, bytes });
    if (failure) {
      const said = describeFailure(status, failure.code, failure.message);
      return {
        problem: `--seed-objects: ${formatCount(n)} of ${formatCount(count)} objects are written, the next one failed: ${said}`,
      };
    }
    if (Date.now() - reported < SEEDING_REPORT_MS) continue;
    reported = Date.now();
    console.info(`seeding: ${formatCount(n + 1)} of ${formatCount(count)} objects are written`);
  }
  return set;
}
