/**
 * Objects that others left, for loads that read: looked for once before the load, and again by one VU of the process when there
 * is nothing to read. Outside the figures, within limits, and each search says what it cost.
 */
import { describeFailure } from '../s3/classify';
import { LIST_KEYS } from '../s3/commands';
import type { Engine } from '../s3/engine';
import { extension } from '../s3/engines/extension';
import { keysPageOf, listArguments } from '../s3/listing';
import type { Config, ObjectSize } from '../settings/config';
import { type Finding, findKeys, type SearchLimits } from '../workload/find-keys';
import { type FoundKeys, foundKeysFor } from '../workload/keys';

/** Before the load: 1,500 folders of a slow store, and no longer than somebody waits without asking why. */
export const BEFORE_LOAD: SearchLimits = { parallel: 16, requests: 2_000, ms: 10_000 };
/** Beside it: not more than the store would notice. */
export const BESIDE_LOAD: SearchLimits = { parallel: 4, requests: 64, ms: 5_000 };

/** Milliseconds between two searches while nothing is found: doubling, half to one and a half of it, so that VUs do not move in step. */
const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 5 * 60_000;

/** What the searching VU posts for the others. */
const POST = 'keys';

/** Keys of every worker and test in the bucket, of these sizes. */
export function findReadable(
  engine: Engine,
  { prefix, concurrency }: Config,
  sizes: readonly ObjectSize[],
  limits: SearchLimits,
): Promise<Finding> {
  const call = engine.compileAsync(LIST_KEYS);
  return findKeys({
    list: async (options) => keysPageOf(await call('', '', undefined, listArguments(options))),
    ...{ prefix, sizes, most: foundKeysFor(concurrency), limits },
  });
}

/** What a search came to, in one line. */
export function findingText({ keys, requests, ms, complete, failure }: Finding): string {
  const n = Object.values(keys).reduce((sum, list) => sum + list.length, 0);
  const found = `looked for objects to read: ${n} keys by ${requests} listings in ${(ms / 1000).toFixed(1)} s`;
  if (failure !== undefined) {
    const { status, failure: { code = '', message = '' } = {} } = failure;
    return `${found}, not all: ${describeFailure(status, code, message)}`;
  }
  return complete ? found : `${found}, and went on with these: there are more folders than a search may list`;
}

/**
 * For one VU: gives keys when a search of this process has found some that the VU does not have yet, undefined else; and makes the
 * search where it is its turn. Under stock k6, whose VUs share nothing, each searches for itself.
 */
export function keyFinder(
  search: () => Promise<Finding>,
  board: Pick<NonNullable<typeof extension>, 'claim' | 'post' | 'newer'> | undefined = extension,
): () => Promise<FoundKeys | undefined> {
  let version = 0;
  let pause = FIRST_PAUSE_MS;
  let next = Date.now() + FIRST_PAUSE_MS * Math.random();
  return async () => {
    const news = board?.newer(POST, version);
    if (news !== undefined) {
      version = news.version;
      return JSON.parse(news.text);
    }
    if (Date.now() < next) return undefined;
    next = Date.now() + pause * (0.5 + Math.random());
    if (board !== undefined && !board.claim(POST, pause)) return undefined;
    pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
    const finding = await search();
    console.info(findingText(finding));
    if (Object.keys(finding.keys).length === 0) return undefined;
    pause = FIRST_PAUSE_MS;
    version = board?.post(POST, JSON.stringify(finding.keys)) ?? 0;
    return finding.keys;
  };
}
