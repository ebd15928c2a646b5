/**
 * Objects that others left, for loads that read: looked for once before the load, and again by one VU of the process when there
 * is nothing to read. Outside the figures, within limits, and each search says what it cost. Imports no module of k6, so that VUs
 * can load it when they need it.
 */
import { describeFailure } from '../s3/classify';
import { LIST_KEYS } from '../s3/commands';
import type { Engine } from '../s3/engine';
import type { Board } from '../s3/engines/extension';
import { keysPageOf, listArguments } from '../s3/listing';
import type { ObjectSize, VuConfig } from '../settings/config';
import { type Finding, findKeys, type SearchLimits } from '../workload/find-keys';
import { type FoundKeys, foundKeysFor } from '../workload/keys';

/** Before the load: 1,500 folders of a slow store, and no longer than somebody waits without asking why. */
export const BEFORE_LOAD: SearchLimits = { parallel: 16, requests: 2_000, ms: 10_000 };
/** Beside it: not more than the store would notice. */
export const BESIDE_LOAD: SearchLimits = { parallel: 4, requests: 64, ms: 5_000 };

/** Milliseconds between two searches of a process while nothing is found: doubling. */
const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 5 * 60_000;

/** What the searching VU posts for the others: keys, and how many searches have found none since some were. */
const KEYS = 'keys';
const IN_VAIN = 'searches in vain';

/** Keys of every worker and test in the bucket, of these sizes. */
export function findReadable(
  engine: Engine,
  { prefix, concurrency }: Pick<VuConfig, 'prefix' | 'concurrency'>,
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
  board: Board = ownBoard(),
): () => Promise<FoundKeys | undefined> {
  let version = 0;
  return async () => {
    const news = board.newer(KEYS, version);
    if (news !== undefined) {
      version = news.version;
      return JSON.parse(news.text);
    }
    const inVain = Number(board.newer(IN_VAIN, 0)?.text ?? 0);
    if (!board.claim(KEYS, Math.min(FIRST_PAUSE_MS * 2 ** inVain, LONGEST_PAUSE_MS))) return undefined;
    const finding = await search();
    console.info(findingText(finding));
    const isVain = Object.keys(finding.keys).length === 0;
    board.post(IN_VAIN, `${isVain ? inVain + 1 : 0}`);
    if (isVain) return undefined;
    version = board.post(KEYS, JSON.stringify(finding.keys));
    return finding.keys;
  };
}

/** A board of one VU. Its first search waits for up to the first pause, so that VUs do not move in step. */
function ownBoard(): Board {
  let next = Date.now() + FIRST_PAUSE_MS * Math.random();
  const posts = new Map<string, { version: number; text: string }>();
  return {
    claim: (_, everyMs) => {
      if (Date.now() < next) return false;
      next = Date.now() + everyMs * (0.5 + Math.random());
      return true;
    },
    post: (name, text) => {
      const version = (posts.get(name)?.version ?? 0) + 1;
      posts.set(name, { version, text });
      return version;
    },
    newer: (name, version) => {
      const post = posts.get(name);
      return post !== undefined && post.version > version ? post : undefined;
    },
  };
}
