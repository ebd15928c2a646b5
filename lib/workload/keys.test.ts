import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  createKeyMaker,
  createTrackedKeys,
  foundKeysFor,
  isListedKey,
  keyFileName,
  parseKey,
  type TrackedKeys,
} from './keys';
import { numbered, numberedSet } from './numbered';

afterEach(() => {
  vi.restoreAllMocks();
});

// loadtest/{worker}/{size}/{test}/{timestamp_us}/{suffix}, as other tools that know the original take it apart.
const labelled = (labels: readonly string[]) => labels.map((label) => ({ label }));

const LAYOUT = /^loadtest\/([^/]+)\/([^/]+)\/([^/]+)\/(\d{16})\/(.+)$/;

describe('createKeyMaker', () => {
  test.each([
    { now: 1_763_726_400_000, why: 'today' },
    { now: 1_000_000_000_000, why: 'since 2001 milliseconds have 13 digits' },
    { now: 9_007_199_254_739, why: 'until 2255, when microseconds are no whole numbers of JavaScript any more' },
  ])('keys have the layout, with 16 digits of microseconds: $why', ({ now }) => {
    vi.spyOn(Date, 'now').mockReturnValue(now);
    const make = createKeyMaker('loadtest/', 'w3', 'firehose', 12);
    for (let i = 0; i < 2500; i++) {
      const [, worker, size, test, time, suffix] = LAYOUT.exec(make('10KB')) ?? [];
      expect([worker, size, test]).toEqual(['w3', '10KB', 'firehose']);
      // The clock's millisecond: what fills it up to microseconds does not run into the next.
      expect(Math.floor(Number(time) / 1000)).toBe(now);
      expect(suffix).toMatch(/^[a-z0-9-]+$/); // nothing that a URL would have to encode
    }
  });

  test('an end that is given ends them, and takes nothing away', () => {
    const make = createKeyMaker('loadtest/', 'w3', 'firehose', 12, '-end');
    expect(make('1KB')).toMatch(/^loadtest\/w3\/1KB\/firehose\/\d{16}\/c-[a-z0-9]{4}-0-end$/);
    expect(make('1KB')).toMatch(/-1-end$/);
  });

  test('one maker serves all sizes', () => {
    const make = createKeyMaker('p/q/', 'w0', 't', 1);
    expect(make('1KB')).toMatch(/^p\/q\/w0\/1KB\/t\//);
    expect(make('100MB')).toMatch(/^p\/q\/w0\/100MB\/t\//);
    expect(make('1KB')).toMatch(/^p\/q\/w0\/1KB\/t\//);
  });

  test('no two keys of a worker are the same, though clock and dice give the same to all', () => {
    vi.spyOn(Date, 'now').mockReturnValue(1_763_726_400_000);
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    const keys = new Set<string>();
    for (let vu = 0; vu < 2000; vu++) {
      const make = createKeyMaker('loadtest/', 'w0', 'firehose', vu);
      for (let i = 0; i < 50; i++) keys.add(make('1KB'));
    }
    // More than the 1,000 microseconds of a millisecond, and than any one digit counts.
    const make = createKeyMaker('loadtest/', 'w0', 'firehose', 2000);
    for (let i = 0; i < 3000; i++) keys.add(make('1KB'));
    expect(keys.size).toBe(2000 * 50 + 3000);
  });

  test('nor are those of two runs or workers with one name, at one millisecond', () => {
    vi.spyOn(Date, 'now').mockReturnValue(1_763_726_400_000);
    const keys = Array.from({ length: 100 }, () => createKeyMaker('loadtest/', 'w0', 'firehose', 1)('1KB'));
    // Four letters: 100 of 1.7 million collide in one of 340 such tests, 3 of them in none.
    expect(new Set(keys).size).toBeGreaterThan(97);
  });
});

/** Everything that can be drawn, each as often as it can: the dice are thrown through all their faces. */
function draws(any: () => string | undefined, faces: number): (string | undefined)[] {
  let i = 0;
  const dice = vi.spyOn(Math, 'random').mockImplementation(() => (i++ + 0.5) / faces);
  const drawn = Array.from({ length: faces }, any);
  dice.mockRestore();
  return drawn.sort();
}

describe('createTrackedKeys', () => {
  test.each([
    { vus: 1, sizes: ['1KB'], room: 5000, why: 'one VU has all the room' },
    { vus: 64, sizes: ['1KB', '10KB', '100KB', '1MB', '10MB', '100MB'], room: 13, why: 'shared by VUs and sizes' },
    { vus: 100_000, sizes: ['1KB', '1MB'], room: 1, why: 'one key at least, or nothing could be read back' },
  ])('$vus VUs, $sizes: $room keys each of a size ($why)', ({ vus, sizes, room }) => {
    const tracked = createTrackedKeys(sizes, vus, {});
    for (let i = 0; i < room + 3; i++) for (const size of sizes) tracked.wrote(size, `${size}-${i}`);
    for (const size of sizes) {
      // The oldest three are forgotten, each other key is as likely as any.
      const remembered = Array.from({ length: room }, (_, i) => `${size}-${i + 3}`).sort();
      expect(draws(() => tracked.any(size), room)).toEqual(remembered);
    }
    if (room > 1) expect(room * sizes.length * vus).toBeLessThanOrEqual(5000);
  });

  test('many rounds of the ring later it still holds the last ones', () => {
    const tracked = createTrackedKeys(['1KB'], 500, {});
    for (let i = 0; i < 1234; i++) tracked.wrote('1KB', `k${i}`);
    expect(draws(() => tracked.any('1KB'), 10)).toEqual(Array.from({ length: 10 }, (_, i) => `k${1224 + i}`));
  });

  test('keys that setup found are as likely as own ones', () => {
    const tracked = createTrackedKeys(['1KB', '1MB'], 1, { '1KB': ['f1', 'f2'], '10GB': ['f3'] });
    expect(draws(() => tracked.any('1KB'), 2)).toEqual(['f1', 'f2']);
    tracked.wrote('1KB', 'own');
    expect(draws(() => tracked.any('1KB'), 3)).toEqual(['f1', 'f2', 'own']);
    expect(draws(() => tracked.any('1KB'), 300).filter((key) => key === 'own')).toHaveLength(100);
  });

  test('there is nothing of a size before it was written, and never of one that is none of the test', () => {
    const tracked = createTrackedKeys(['1KB', '1MB'], 1, { '10GB': ['f'] });
    expect(tracked.any('1KB')).toBeUndefined();
    tracked.wrote('1KB', 'k');
    expect(tracked.any('1KB')).toBe('k');
    expect(tracked.any('1MB')).toBeUndefined();
    tracked.wrote('10GB', 'k');
    expect(tracked.any('10GB')).toBeUndefined();
  });
});

describe('tracked keys of three kinds', () => {
  const FOUND = { '1KB': ['f1', 'f2'], '1MB': ['F'] };
  const LISTED = { '1KB': ['l1', 'l2', 'l3'] };
  const all = (tracked: TrackedKeys, size = '1KB') => [...new Set(draws(() => tracked.any(size), 600))];

  /** One VU with a key of each kind or more. */
  function tracked(): TrackedKeys {
    const keys = createTrackedKeys(['1KB', '1MB'], 1, FOUND, LISTED);
    keys.wrote('1KB', 'own1');
    return keys;
  }

  /** Draws until it is this key: it is then the one given last. */
  function draw(keys: TrackedKeys, key: string): void {
    for (let i = 0; i < 10_000; i++) if (keys.any('1KB') === key) return;
    expect.fail(`${key} was never drawn`);
  }

  test('any is of all of them, each as likely', () => {
    const keys = tracked();
    const drawn = draws(() => keys.any('1KB'), 600);
    for (const key of ['own1', 'f1', 'f2', 'l1', 'l2', 'l3']) {
      expect(drawn.filter((k) => k === key)).toHaveLength(100);
    }
    expect(all(keys, '1MB')).toEqual(['F']);
  });

  test('own is only of those it wrote, of that size', () => {
    const keys = tracked();
    expect(keys.own('1MB')).toBeUndefined();
    keys.wrote('1MB', 'big');
    keys.wrote('1KB', 'own2');
    expect([...new Set(draws(() => keys.own('1KB'), 100))]).toEqual(['own1', 'own2']);
    expect([...new Set(draws(() => keys.own('1MB'), 100))]).toEqual(['big']);
    expect(keys.own('10GB')).toBeUndefined();
  });

  test.each([
    { gone: 'own1', left: ['f1', 'f2', 'l1', 'l2', 'l3'], why: 'an own one' },
    { gone: 'f1', left: ['f2', 'l1', 'l2', 'l3', 'own1'], why: 'a found one, the first' },
    { gone: 'f2', left: ['f1', 'l1', 'l2', 'l3', 'own1'], why: 'the last' },
    {
      gone: 'l2',
      left: ['f1', 'f2', 'l1', 'l2', 'l3', 'own1'],
      why: 'not one out of a key file, which k6 holds once for all VUs',
    },
  ])('forget takes away the key given last, and no other: $why', ({ gone, left }) => {
    const keys = tracked();
    draw(keys, gone);
    keys.forget();
    expect(all(keys).sort()).toEqual(left);
  });

  test('forget does nothing twice, nor before any key was given', () => {
    const keys = tracked();
    keys.forget();
    draw(keys, 'f1');
    keys.forget();
    keys.forget();
    expect(all(keys).sort()).toEqual(['f2', 'l1', 'l2', 'l3', 'own1']);
  });

  test('forget after own takes away that one', () => {
    const keys = createTrackedKeys(['1KB'], 1, FOUND);
    for (const key of ['a', 'b', 'c']) keys.wrote('1KB', key);
    const gone = keys.own('1KB');
    keys.forget();
    expect(all(keys).sort()).toEqual(['a', 'b', 'c', 'f1', 'f2'].filter((key) => key !== gone));
  });

  test('all may be forgotten, one by one, and the size is empty', () => {
    const keys = createTrackedKeys(['1KB'], 1, FOUND);
    for (let i = 0; i < 20; i++) keys.wrote('1KB', `k${i}`);
    const gone = new Set<string>();
    for (let key = keys.any('1KB'); key !== undefined; key = keys.any('1KB')) {
      expect(gone.has(key)).toBe(false);
      gone.add(key);
      keys.forget();
    }
    expect(gone.size).toBe(22);
    keys.forget();
    keys.wrote('1KB', 'again');
    expect(all(keys)).toEqual(['again']);
  });

  test('what was forgotten makes room in the ring, which never holds more than its room', () => {
    const room = 10;
    const keys = createTrackedKeys(['1KB'], 500, {});
    let n = 0;
    const there = new Set<string>();
    for (let round = 0; round < 200; round++) {
      for (let i = 0; i < 1 + (round % 4); i++) {
        keys.wrote('1KB', `k${n}`);
        there.add(`k${n++}`);
      }
      const key = keys.own('1KB') as string;
      expect(there.has(key)).toBe(true);
      keys.forget();
      there.delete(key);
      const held = all(keys).filter((k) => k !== undefined);
      expect(held).not.toContain(key);
      expect(held.length).toBeLessThanOrEqual(room);
    }
    for (let i = 0; i < room; i++) keys.wrote('1KB', `last${i}`);
    // Forgetting puts the ring out of order, so that not quite the oldest go; the newest always stays.
    expect(all(keys)).toContain(`last${room - 1}`);
    expect(all(keys)).toHaveLength(room);
  });

  test('found puts what is in the bucket now in place of what was found before, and leaves all else', () => {
    const keys = tracked();
    keys.found({ '1KB': ['f3'], '10GB': ['other'] });
    expect(all(keys).sort()).toEqual(['f3', 'l1', 'l2', 'l3', 'own1']);
    expect(keys.any('1MB')).toBeUndefined();
  });

  test.each(['f1', 'own1'])('forget after found forgets nothing: what was given before it, here %s, is past', (key) => {
    const keys = tracked();
    draw(keys, key);
    keys.found({ '1KB': ['f3', 'f4'] });
    keys.forget();
    expect(all(keys).sort()).toEqual(['f3', 'f4', 'l1', 'l2', 'l3', 'own1']);
  });

  test('what is forgotten is taken from no list that others hold', () => {
    const found = { '1KB': ['f1', 'f2'] };
    const keys = createTrackedKeys(['1KB'], 1, found);
    const again = { '1KB': ['g1', 'g2'] };
    keys.any('1KB');
    keys.forget();
    keys.found(again);
    keys.any('1KB');
    keys.forget();
    expect([found, again]).toEqual([{ '1KB': ['f1', 'f2'] }, { '1KB': ['g1', 'g2'] }]);
  });

  describe('objects by number', () => {
    const set = numberedSet({ prefix: 'loadtest/', worker: 'w0', test: 't', end: '' }, labelled(['1KB', '1MB']), 7, 1);
    const own = [0, 2, 4, 6].map((n) => numbered(set, n).key);
    const drawn = (keys: TrackedKeys) => {
      const all = Array.from({ length: 1000 }, () => keys.any('1KB'));
      return [...new Set(all)].sort();
    };

    test('are as likely as any other, and none is its own', () => {
      const keys = createTrackedKeys(['1KB', '1MB'], 1, { '1KB': ['found'] }, {}, [set, set]);
      expect(drawn(keys)).toEqual(['found', ...own]);
      expect(keys.own('1KB')).toBeUndefined();
    });

    test('are read no more when they are gone, until all of them are', () => {
      const keys = createTrackedKeys(['1KB', '1MB'], 1, {}, {}, [set]);
      for (let left = own.length; left > 0; left--) {
        expect(drawn(keys).filter((key) => key !== undefined)).toHaveLength(left);
        let key: string | undefined;
        while (key === undefined) key = keys.any('1KB');
        keys.forget();
        keys.forget();
      }
      expect(drawn(keys)).toEqual([undefined]);
      expect(keys.any('1MB')).toBeDefined();
    });
  });

  test('keys out of files are read through what only has a length and indexes, as k6 shares them', () => {
    const shared = { length: 2, 0: 'l0', 1: 'l1' };
    expect(all(createTrackedKeys(['1KB'], 1, {}, { '1KB': shared }))).toEqual(['l0', 'l1']);
    expect(createTrackedKeys(['1KB'], 1, {}, { '1KB': [] }).any('1KB')).toBeUndefined();
  });
});

test('a key file is named after test, worker and size, as the original named it', () => {
  expect(keyFileName({ test: 'firehose', worker: 'host.a_1', size: '100MB' })).toBe(
    'loadtest-keys-firehose-host.a_1-100MB.txt',
  );
});

test.each([
  { key: 'loadtest/w0/1KB/firehose/1763726400000000/1-ab12-0', is: true, why: 'as it was written' },
  { key: 'loadtest/w0/1KB/firehose/1763726400000000/a/b', is: true, why: 'a suffix with slashes' },
  { key: 'loadtest/w0/10KB/firehose/1763726400000000/1-ab12-0', is: false, why: 'another size: it would be corrupt' },
  { key: 'other/w0/1KB/firehose/1763726400000000/1-ab12-0', is: false, why: 'another prefix' },
  { key: 'loadtest/w0/1KB/firehose/17637264/1-ab12-0', is: false, why: 'no key of the layout' },
  { key: 'loadtest/w0/1KB/firehose/1763726400000000/a b', is: false, why: 'it would have to be encoded' },
  { key: 'loadtest/w0/1KB/firehose/1763726400000000/ü', is: false, why: 'likewise' },
  { key: 'loadtest/w0/1KB/firehose/1763726400000000/a\r', is: false, why: 'a line that Windows ended' },
  { key: '# loadtest/w0/1KB/firehose/1763726400000000/a', is: false, why: 'a comment' },
  { key: '', is: false, why: 'an empty line' },
])('a line "$key" is a key: $is, $why', ({ key, is }) => {
  expect(isListedKey('loadtest/', key, '1KB')).toBe(is);
});

test.each([
  {
    key: 'loadtest/w0/1KB/firehose/1763726400000000/1-ab12-0',
    parts: { worker: 'w0', size: '1KB', test: 'firehose' },
    why: 'ours',
  },
  {
    key: 'loadtest/host.a_1/100MB/x/1763726400000000/a/b',
    parts: { worker: 'host.a_1', size: '100MB', test: 'x' },
    why: "the original's suffixes may have slashes",
  },
  { key: 'other/w0/1KB/firehose/1763726400000000/a', parts: undefined, why: 'another prefix' },
  { key: 'xloadtest/w0/1KB/firehose/1763726400000000/a', parts: undefined, why: 'the prefix further on' },
  { key: 'loadtest/w0/1KB/firehose/1763726400000000', parts: undefined, why: 'no suffix' },
  {
    key: 'loadtest/w0/1KB/firehose/1763726400000000/',
    parts: undefined,
    why: 'an empty one: a folder of some console',
  },
  { key: 'loadtest/w0/1KB/firehose/1763726400/a', parts: undefined, why: 'seconds' },
  { key: 'loadtest/w0/1KB/firehose/17637264000000001/a', parts: undefined, why: '17 digits' },
  { key: 'loadtest/w0/1KB/firehose/176372640000000x/a', parts: undefined, why: 'no number' },
  { key: 'loadtest/w0/1KB//1763726400000000/a', parts: undefined, why: 'no test' },
  { key: 'loadtest//1KB/t/1763726400000000/a', parts: undefined, why: 'no worker' },
  { key: '', parts: undefined, why: 'nothing' },
])('$key: $why', ({ key, parts }) => {
  expect(parseKey('loadtest/', key)).toEqual(parts);
});

test('what is made can be read', () => {
  const key = createKeyMaker('a/b/', 'w7', 'ebb', 35)('100MB');
  expect(parseKey('a/b/', key)).toEqual({ worker: 'w7', size: '100MB', test: 'ebb' });
});

test.each([
  { vus: 1, keys: 5000, why: 'one VU gets as many as it would track of its own' },
  { vus: 40, keys: 5000, why: 'so do a few' },
  { vus: 64, keys: 3125, why: '200,000 in all, since each VU gets a copy' },
  { vus: 2000, keys: 120, why: 'but some, or many VUs would read the same few objects' },
  { vus: 100_000, keys: 120, why: 'however many they are' },
])('$vus VUs are given $keys found keys each: $why', ({ vus, keys }) => {
  expect(foundKeysFor(vus)).toBe(keys);
});
