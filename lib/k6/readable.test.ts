import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Finding } from '../workload/find-keys';
import { findingText, keyFinder } from './readable';

const NOTHING: Finding = { keys: {}, requests: 1, ms: 20, complete: true };
const SOME: Finding = { ...NOTHING, keys: { '1KB': ['a', 'b'] }, requests: 9 };

beforeEach(() => {
  vi.useFakeTimers({ now: 1_763_726_400_000 });
  vi.spyOn(console, 'info').mockImplementation(() => {});
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** What the extension does, as far as VUs here go. */
function createBoard() {
  const claimed = new Map<string, number>();
  const posts = new Map<string, { version: number; text: string }>();
  return {
    claim: (name: string, everyMs: number) => {
      const is = Date.now() - (claimed.get(name) ?? Number.NEGATIVE_INFINITY) >= everyMs;
      if (is) claimed.set(name, Date.now());
      return is;
    },
    post: (name: string, text: string) => {
      const version = (posts.get(name)?.version ?? 0) + 1;
      posts.set(name, { version, text });
      return version;
    },
    newer: (name: string, version: number) => {
      const post = posts.get(name);
      return post !== undefined && post.version > version ? post : undefined;
    },
  };
}

/** VUs with nothing to read, each of which tries again every 250 ms; when one of them searched, in seconds. */
async function starve(vus: number, seconds: number, finding: Finding, board?: ReturnType<typeof createBoard>) {
  const began = Date.now();
  const searches: number[] = [];
  const search = async () => {
    searches.push((Date.now() - began) / 1000);
    return finding;
  };
  const all = Array.from({ length: vus }, () => keyFinder(search, board));
  const got = new Set<number>();
  for (let t = 0; t < seconds * 4; t++) {
    for (const [vu, find] of all.entries()) if ((await find()) !== undefined) got.add(vu);
    vi.advanceTimersByTime(250);
  }
  return { searches, got: got.size };
}

describe('VUs with nothing to read', () => {
  test('search for one another: seldom, and ever more seldom, however many they are', async () => {
    const { searches } = await starve(500, 600, NOTHING, createBoard());
    expect(searches[0]).toBeLessThan(1);
    expect(searches.length).toBeGreaterThan(4);
    expect(searches.length).toBeLessThan(10);
  });

  test('all have what one has found, by one search', async () => {
    const { searches, got } = await starve(100, 2, SOME, createBoard());
    expect(searches).toHaveLength(1);
    expect(got).toBe(100);
  });

  test('under stock k6 each searches for itself, ever more seldom', async () => {
    const { searches } = await starve(1, 600, NOTHING);
    expect(searches.length).toBeGreaterThan(4);
    expect(searches.length).toBeLessThan(20);
  });
});

test.each<{ finding: Finding; says: string }>([
  { finding: SOME, says: 'looked for objects to read: 2 keys by 9 listings in 0.0 s' },
  {
    finding: { ...SOME, ms: 10_020, complete: false },
    says: 'looked for objects to read: 2 keys by 9 listings in 10.0 s, and went on with these: there are more folders than a search may list',
  },
  {
    finding: {
      ...NOTHING,
      complete: false,
      failure: {
        ...{ status: 403, bytes: 0, ms: 1, endpoint: 'e' },
        failure: { errorClass: 'auth', code: 'AccessDenied', message: 'no' },
      },
    },
    says: 'looked for objects to read: 0 keys by 1 listings in 0.0 s, not all: 403 AccessDenied: no',
  },
])('$says', ({ finding, says }) => {
  expect(findingText(finding)).toBe(says);
});
