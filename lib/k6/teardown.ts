/** What is done after the load of a workload file: objects and buckets that were for it alone go, and what stays is told. */
import { DELETE, DELETE_BUCKET, LIST_KEYS } from '../s3/commands';
import type { Connect, Engine } from '../s3/engine';
import { keysPageOf, listArguments, type Position } from '../s3/listing';
import { listingByV1 } from '../s3/listing-v1';
import type { Config } from '../settings/config';
import { formatCount } from '../settings/units';
import type { CommandShares } from '../workload/command-shares';
import type { Home } from '../workload/home';
import { inLanes } from '../workload/lanes';
import { k6Vus, type Plan } from '../workload/plan';
import { bucketOfVu, dedicatedFolder, TEMPORARY, testOf } from '../workload/temporary';
import type { ShapedLoad } from '../workload/with-settings';
import { connect, SILENT } from './connection';

/** Deletions, and buckets looked at, at once. */
const AT_ONCE = 16;
/** Keys of one listing, and pages of what is only counted: a run that leaves more says so of these. */
const MOST_PAGES = 20;

export interface Begun {
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly listsV1?: boolean | undefined;
}

/** Says in lines what is left. */
export async function tearDown(plan: Plan, by: Connect, begun: Begun): Promise<void> {
  const loads = plan.loads.flatMap((load) => {
    const data = load.step.kind === 'operation' ? load.step.data : undefined;
    return data === undefined || 'ranges' in data ? [] : [{ load, data }];
  });
  const places = placesOf(plan);
  const engineIn = (config: Config): Engine => {
    const { engine } = connect(by, config, SILENT, 0);
    return begun.listsV1 ? listingByV1(engine) : engine;
  };
  let left = 0;
  for (const { load, data } of loads) {
    if (data.dedicated) for (const config of places) await removeDedicated(engineIn(config), config, load, begun);
    if (data.temporary === undefined) continue;
    if (data.temporary.buckets === undefined) {
      for (const config of places) left += await countTemporary(engineIn(config), config, load, begun);
    }
  }
  left += await removeBuckets(plan, loads, places, engineIn);
  if (left > 0) {
    console.warn(
      `${formatCount(left)} temporary objects are still there: they live longer than the run lasted, or delete leaves some; cleanup takes them`,
    );
  }
}

/** Each bucket once, and by whom of several users. */
function placesOf({ config, homes }: Plan): Config[] {
  if (homes === undefined) return [config];
  const byBucket = new Map<string, Home>(homes.map((home) => [home.bucket, home]));
  return [...byBucket.values()].map(({ bucket, user }) => ({ ...config, bucket, ...user }));
}

async function removeDedicated(
  engine: Engine,
  config: Config,
  { test, sizes }: ShapedLoad,
  { startedAt }: Begun,
): Promise<void> {
  const { before, after } = dedicatedFolder(config, test, startedAt);
  const [size] = sizes;
  if (size === undefined) return;
  const keys: string[] = [];
  await eachPage(engine, `${before}${size.label}${after}`, (page) => keys.push(...page));
  const remove = engine.compileAsync(DELETE);
  let failed = 0;
  await inLanes(keys, AT_ONCE, async (key) => {
    const { failure } = await remove(key, size.label);
    if (failure !== undefined && failure.errorClass !== 'notFound') failed++;
  });
  if (failed > 0) console.warn(`${failed} dedicated objects could not be deleted: cleanup takes them`);
}

/** How many of this run there are, in a bucket where others may have some. */
async function countTemporary(
  engine: Engine,
  config: Config,
  { test, sizes }: ShapedLoad,
  { startedAt }: Begun,
): Promise<number> {
  let count = 0;
  for (const { label } of sizes) {
    const prefix = `${config.prefix}${config.workerId}/${label}/${testOf(test, TEMPORARY)}/`;
    await eachPage(engine, prefix, (keys) => {
      // The time stands behind the folder.
      count += keys.filter((key) => Number(key.slice(prefix.length).split('/')[0]) >= startedAt * 1000).length;
    });
  }
  return count;
}

/** Takes away the buckets of VUs that are empty; returns how many objects are in others. */
async function removeBuckets(
  { loads: all }: Plan,
  loads: ReadonlyArray<{ readonly data: CommandShares }>,
  places: readonly Config[],
  engineIn: (config: Config) => Engine,
): Promise<number> {
  const buckets = loads.flatMap(({ data }) => data.temporary?.buckets ?? []);
  const [own] = buckets;
  if (own === undefined) return 0;
  const vus = all.reduce((sum, load) => sum + k6Vus(load), 0);
  let left = 0;
  await inLanes(
    Array.from({ length: vus }, (_, i) => i + 1),
    AT_ONCE,
    async (vu) => {
      for (const config of users(places)) {
        const bucket = bucketOfVu(own, config.workerId, vu);
        const engine = engineIn({ ...config, bucket });
        let objects = 0;
        const failure = await eachPage(engine, '', (keys) => {
          objects += keys.length;
        });
        left += objects;
        // There is none of another user's.
        if (failure === undefined && objects === 0) await engine.compileAsync(DELETE_BUCKET)('', '');
      }
    },
  );
  return left;
}

/** One place for each set of credentials. */
const users = (places: readonly Config[]) => [
  ...new Map(places.map((config) => [config.accessKeyId, config])).values(),
];

/** Hands on the keys below a prefix; gives the failure that ended it. */
async function eachPage(engine: Engine, prefix: string, look: (keys: string[]) => void): Promise<unknown> {
  const list = engine.compileAsync(LIST_KEYS);
  let from: Position | undefined;
  for (let n = 0; n < MOST_PAGES; n++) {
    const page = keysPageOf(await list('', '', undefined, listArguments({ prefix, from })));
    if (page.failure !== undefined) return page.failure;
    look(page.objects.map(({ key }) => key));
    from = page.next;
    if (from === undefined) return undefined;
  }
  return undefined;
}
