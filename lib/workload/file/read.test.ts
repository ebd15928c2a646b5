import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../settings/config';
import { readWorkloadFile } from './read';
import { SCHEMA } from './schema';

const OPS = 'operations: {GET: 60, PUT: 40}';

const BUCKETS_101 = Array.from({ length: 101 }, (_, n) => `bucket-${n}`).join();

/** The lines that a file is refused with, without its name. */
function problemsOf(text: string): string[] {
  try {
    readWorkloadFile('w.yaml', text);
    return [];
  } catch (e) {
    expect(e).toBeInstanceOf(ConfigError);
    return (e as ConfigError).problems.map((line) => line.replace(/^w\.yaml:/, ''));
  }
}

test('a file is what it says', () => {
  const file = readWorkloadFile('w.yaml', `name: web\n${OPS}\nvus: 8\nobjects: {sizes: [1KB, 4KB]}\n`);
  expect(file).toEqual({
    name: 'web',
    operations: { GET: 60, PUT: 40 },
    vus: 8,
    objects: { sizes: ['1KB', '4KB'] },
  });
});

test('anchors and aliases are written out', () => {
  const text = `name: a\nloads:\n  - name: one\n    operations: &mix {GET: 100}\n  - {name: two, operations: *mix}\n`;
  expect(readWorkloadFile('w.yaml', text).loads?.[1]?.operations).toEqual({ GET: 100 });
});

test('editors are given the same schema', async () => {
  await expect(`${JSON.stringify(SCHEMA, null, 2)}\n`).toMatchFileSnapshot('../../../data/workload.schema.json');
});

/** One mistake each, and the line about it. */
const BROKEN: readonly (readonly [file: string, line: string | RegExp])[] = [
  ['', '1:1: the file is empty: `s3loadtest example` prints one'],
  ['# nothing\n', '1:1: the file is empty: `s3loadtest example` prints one'],
  ['- a\n- b\n', /^1:1: the file is a list: give a section with name, /],
  ['web', /^1:1: the file is "web": give a section with name, /],
  [OPS, '1:1: name is missing'],
  [`name: Web Site\n${OPS}`, /^1:7: name is "Web Site": give a name of lower-case letters/],
  [`name: 7\n${OPS}`, /^1:7: name is 7: give a name/],
  [`name: web\nname: web2\n${OPS}`, '2:1: this key is there twice: leave one of them out'],
  [`name: web\n\tvus: 3\n${OPS}`, /^2:1: a tab indents this line/],
  ['name: [web\n', /^\d:\d+: this is no YAML: /],
  ['name: "web\n', /^\d:\d+: this is no YAML: /],
  ['name: web', /^1:1: what to do is missing: give operations/],
  ['name: web\noperations: {}', /^2:13: operations is a section: give commands with a percentage each/],
  ['name: web\noperations: {GET: 50, PUT: 40}', '2:1: operations come to 90%: make them 100'],
  ['name: web\noperations: {GET: 70, PUT: 40}', '2:1: operations come to 110%: make them 100'],
  ['name: web\noperations: {GET: 99.9, PUT: 0.2}', '2:1: operations come to 100.1%: make them 100'],
  ['name: web\noperations: {get: 100}', '2:14: operations.get is not known: give GET'],
  ['name: web\noperations: {FETCH: 100}', /^2:14: operations.FETCH is not known: give GET, PUT, HEAD/],
  ['name: web\noperations: {GET: -5, PUT: 100}', /^2:19: operations.GET is -5: give a percentage from 0 to 100/],
  ['name: web\noperations: {GET: half}', /^2:19: operations.GET is "half": give a percentage/],
  ['name: web\noperations: {GET: .nan}', /^2:19: operations.GET is null: give a percentage/],
  ['name: web\noperations: GET', /^2:13: operations is "GET": give commands with a percentage/],
  [
    'name: web\noperations:\n  PUT_BUCKET_POLICY: 100',
    /^3:3: PUT_BUCKET_POLICY changes the bucket for all who use it: say bucket/,
  ],
  [
    `name: web\naccess: {read: 50, data: 80}\n${OPS}`,
    '3:13: access and operations are both there: leave one of them out',
  ],
  ['name: web\naccess: {read: 150, data: 80}', /^2:16: access.read is 150: give the percentage of GET/],
  ['name: web\naccess: {read: 50}', '2:9: access.data is missing'],
  ['name: web\naccess: {read: 50, data: 80, metadata: 20}', '2:30: access.metadata is not known: give read, data'],
  [`name: web\n${OPS}\nvus: many`, /^3:6: vus is "many": give a whole number of virtual users/],
  [`name: web\n${OPS}\nvus: 0`, /^3:6: vus is 0: give a whole number/],
  [`name: web\n${OPS}\nvus: 2.5`, /^3:6: vus is 2.5: give a whole number/],
  [`name: web\n${OPS}\nvus: 99999999999999999999`, /^3:6: vus is 100000000000000000000: give a whole number/],
  [`name: web\n${OPS}\nrate: fast`, /^3:7: rate is "fast": give operations a second/],
  [`name: web\n${OPS}\nrate: 0`, /^3:7: rate is 0: give operations a second/],
  [`name: web\n${OPS}\nduration: 5`, /^3:11: duration is 5: give a duration/],
  [`name: web\n${OPS}\nduration: 500ms`, /^3:11: duration is "500ms": give a duration of 1s or more/],
  [`name: web\n${OPS}\nbursts: {on: 500ms, off: 1m}`, /^3:14: bursts.on is "500ms": give a duration of 1s or more/],
  [`name: web\n${OPS}\nduration: soon`, /^3:11: duration is "soon": give a duration/],
  [`name: web\n${OPS}\nramp: true`, /^3:7: ramp is true: give a duration/],
  [`name: web\n${OPS}\nstages: 10:5m,20/s:5m`, /^3:9: stages is "10:5m,20\/s:5m": give VUs and times/],
  [`name: web\n${OPS}\nstages: 10:5m\nduration: 5m`, '4:1: stages and duration are both there: leave one of them out'],
  [`name: web\n${OPS}\nstages: 10:5m\nrate: 5`, '3:1: rate and stages are both there: leave one of them out'],
  [`name: web\n${OPS}\nbursts: {on: 10m}`, '3:9: bursts.off is missing'],
  [`name: web\n${OPS}\nbursts: 10m`, /^3:9: bursts is "10m": give a section with on, off/],
  [`name: web\n${OPS}\nthink: -1s`, /^3:8: think is "-1s": give a duration/],
  [`name: web\n${OPS}\nrate: 5\nthink: 1s`, /^4:1: think is for VUs: a rate begins operations on time/],
  [`name: web\n${OPS}\nobjects: {sizes: 4XB}`, /^3:18: objects.sizes is "4XB": give a size/],
  [`name: web\n${OPS}\nobjects: {sizes: 64KB-4KB}`, /^3:18: objects.sizes is "64KB-4KB": give a size/],
  [`name: web\n${OPS}\nobjects: {popularity: zipf}`, /^3:23: objects.popularity is "zipf": give zipf:1.1/],
  [`name: web\n${OPS}\nobjects: {sizes: []}`, /^3:18: objects.sizes is a list: give a size/],
  [`name: web\n${OPS}\nobjects: {sizes: [1KB, big]}`, /^3:18: objects.sizes is a list: give a size/],
  [`name: web\n${OPS}\nobjects: {sizes: 0B}`, /^3:18: objects.sizes is "0B": give a size/],
  [`name: web\n${OPS}\nobjects: {sizes: {1KB: -1}}`, /^3:24: objects.sizes.1KB is -1: give a weight, a whole number/],
  [
    `name: web\n${OPS}\nloads: [{name: a, objects: {sizes: {1KB: 0}}}]`,
    /^3:42: loads\[0\].objects.sizes.1KB is 0: give a weight, a whole number/,
  ],
  [
    `name: web\n${OPS}\nloads: [{name: a, objects: {range: 1KB}}]`,
    /^3:29: loads\[0\].objects.range is not known: give sizes/,
  ],
  [`name: web\n${OPS}\nobjects: {sizes: {1KB: 2.5}}`, /^3:24: objects.sizes.1KB is 2.5: give a weight, a whole number/],
  [
    `name: web\n${OPS}\nvus: 8\nloads: [{name: a, vus: 3}]`,
    /^3:1: vus is of all loads together, and each of them has its own/,
  ],
  [
    `name: web\n${OPS}\nloads: [{name: a, duration: 5s}]`,
    /^3:19: duration is of a load with vus, rate or stages of its own/,
  ],
  [`name: web\n${OPS}\nloads: [{name: a}, {name: b, after: a}]`, /^3:30: after is of a load with vus, rate or stages/],
  [
    'name: web\noperations: {GET: 60, DELETE: 40}',
    '2:23: DELETE takes what the same VU has written, and nothing writes here: add PUT',
  ],
  [
    'name: web\noperations: {PUT: 60, DELETE_OBJECTS: 40}\nobjects: {count: 5, overwrite: true}',
    '2:23: DELETE_OBJECTS takes what the same VU has written, and PUT replaces what is there (objects.overwrite): add another that writes',
  ],
  [`name: web\n${OPS}\nramp: 30s\nduration: 20s`, '3:7: ramp is 30s: the run takes 20s, give no more than that'],
  [
    `name: web\n${OPS}\nramp: 30s\nstages: 1:5m,2:20s`,
    '3:7: ramp is 30s: the shortest of the stages of the run takes 20s, give no more than that',
  ],
  [
    `name: web\n${OPS}\nloads: [{name: a, vus: 1, duration: 5s, ramp: 6s}]`,
    '3:47: loads[0].ramp is 6s: a takes 5s, give no more than that',
  ],
  [
    `name: web\n${OPS}\nramp: 6s\nloads: [{name: a, vus: 1, duration: 5s}, {name: b, stages: "1:7s", ramp: 7s}]`,
    '3:7: ramp is 6s: a takes 5s, give no more than that',
  ],
  [
    `name: web\n${OPS}\nloads: [{name: a, vus: 1, duration: 366d}, {name: b, vus: 1, duration: 1s, after: a}]`,
    '3:44: loads[1] ends after 367 days: a run takes 366 at the most',
  ],
  [`name: web\n${OPS}\nthink: 1s\nloads: [{name: a, rate: 5}]`, /^4:9: think is for VUs: a rate begins/],
  [
    `name: web\n${OPS}\nobjects: {number: 5}`,
    /^3:11: objects.number is not known: give sizes, popularity, range, count/,
  ],
  [`name: web\n${OPS}\nobjects: {count: 0}`, /^3:18: objects.count is 0: give a whole number of objects from 1/],
  [
    `name: web\n${OPS}\nobjects: {count: 5, names: {prefix: a/b}}`,
    /^3:37: objects.names.prefix is "a\/b": give letters/,
  ],
  [
    `name: web\n${OPS}\nobjects: {count: 5}\nloads: [{name: a, objects: {sizes: 1KB}}]`,
    /^3:11: count writes objects of objects\.sizes, and only loads have sizes/,
  ],
  [`name: web\n${OPS}\nobjects: {overwrite: true}`, /^3:11: overwrite is about objects that are there before the load/],
  [`name: web\n${OPS}\nobjects: {names: {prefix: a}}`, /^3:11: names is about objects that are there before the load/],
  [`name: web\n${OPS}\nbuckets: {prefix: a}`, /^3:1: which buckets is missing: give existing, a list of names, or new/],
  [`name: web\n${OPS}\nbuckets: {existing: [abc], new: 2}`, /^3:28: existing and new are both there/],
  [`name: web\n${OPS}\nbuckets: {existing: [abc], unique: true}`, /^3:28: unique is of new buckets: leave it out/],
  [
    `name: web\n${OPS}\nbuckets: {existing: [abc, abc]}`,
    /^3:21: buckets.existing is .*: give a list of 1 to 100 different/,
  ],
  [`name: web\n${OPS}\nbuckets: {existing: [A B]}`, /^3:22: buckets.existing\[0\] is "A B": give a bucket's name/],
  [
    `name: web\n${OPS}\nbuckets: {existing: [${BUCKETS_101}]}`,
    /^3:21: buckets.existing is .*: give a list of 1 to 100/,
  ],
  [`name: web\n${OPS}\nbuckets: {new: 101}`, /^3:16: buckets.new is 101: give a whole number of buckets from 1 to 100/],
  [
    `name: web\n${OPS}\ncredentials: [a, b, c]\nbuckets: {new: 50}`,
    /^4:16: 50 buckets for each of 3 credentials are 150/,
  ],
  [`name: web\n${OPS}\nbuckets: {new: 2, prefix: Upper}`, /^3:27: buckets.prefix is "Upper": give lower-case letters/],
  [`name: web\n${OPS}\nbuckets: {new: 2, prefix: -a}`, /^3:27: buckets.prefix is "-a": begin it with a letter/],
  [`name: web\n${OPS}\nbuckets: {new: 2, postfix: a-}`, /^3:28: buckets.postfix is "a-": end it with a letter/],
  [
    `name: web\n${OPS}\nbuckets: {new: 2, prefix: ${'p'.repeat(30)}, postfix: ${'q'.repeat(30)}}`,
    /^3:27: prefix and postfix have 60 signs: S3 takes 41/,
  ],
  [`name: web\n${OPS}\ncredentials: [a, a]`, /^3:14: credentials is .*: give a list of 1 to 100 different profiles/],
  [
    `name: web\n${OPS}\ncredentials: alice`,
    /^3:14: credentials is "alice": give a list of 1 to 100 different profiles/,
  ],
  [`name: web\n${OPS}\nprepare: {workers: 4}`, /^3:1: there is nothing to prepare: give objects.count or buckets.new/],
  [`name: web\n${OPS}\ntemporary: {create: 5}`, /^3:12: temporary.lifetime is missing/],
  [`name: web\n${OPS}\ntemporary: {create: 0, lifetime: 5s}`, /^3:21: temporary.create is 0: give a number of objects/],
  [
    `name: web\n${OPS}\ntemporary: {create: 5%, lifetime: 5s}`,
    /^3:21: temporary.create is "5%", of objects.count: give that/,
  ],
  [
    `name: web\n${OPS}\ntemporary: {create: 5, delete: 6, lifetime: 5s}`,
    /^3:32: temporary.delete is 6: no more than create/,
  ],
  [
    `name: web\n${OPS}\ntemporary: {create: 5, lifetime: 0s}`,
    /^3:34: temporary.lifetime is "0s": give a duration above 0/,
  ],
  [`name: web\n${OPS}\ntemporary: {create: 5, lifetime: 5s, share: 0}`, /^3:45: temporary.share is 0: give more/],
  [
    `name: web\n${OPS}\ntemporary: {create: 5, lifetime: 5s, operations: {GET: 50}}`,
    /^3:38: temporary.operations come to 50%: make them 100/,
  ],
  [
    `name: web\n${OPS}\ntemporary: {create: 5, lifetime: 5s, operations: {PUT: 100}}`,
    /^3:51: temporary.operations.PUT is not known: give GET/,
  ],
  [
    'name: web\noperations: {PUT: 50, PUT_OBJECT_LEGAL_HOLD: 50}\nbucket: {mayChange: true}',
    /^2:23: PUT_OBJECT_LEGAL_HOLD keeps objects from being deleted for a while: say bucket: {mayLock: true}/,
  ],
  [`name: web\n${OPS}\nbucket: {mayChange: perhaps}`, /^3:21: bucket.mayChange is "perhaps": give true or false/],
  [`name: web\n${OPS}\nresponses: {retries: -1}`, /^3:22: responses.retries is -1: give a whole number from 0 to 1000/],
  [`name: web\n${OPS}\nresponses: {retryDelay: 5}`, /^3:25: responses.retryDelay is 5: give a duration above 0/],
  [
    `name: web\n${OPS}\ntags: {op: GET}`,
    /^3:7: tags is a section: give tags such as cluster: blue, and none that samples have anyway/,
  ],
  [`name: web\n${OPS}\ntags: {a: b c}`, /^3:11: tags\.a is "b c": give letters/],
  [`name: web\n${OPS}\nload: []`, '3:1: load is not known: give loads'],
  [`name: web\n${OPS}\nloads: {}`, /^3:8: loads is a section: give a list of 1 to 50 loads/],
  [`name: web\n${OPS}\nloads: []`, /^3:8: loads is a list: give a list of 1 to 50 loads/],
  [`name: web\n${OPS}\nloads:\n  - vus: 3`, '4:5: loads[0].name is missing'],
  [`name: web\n${OPS}\nloads:\n  - name: a\n  - name: a`, /^5:11: loads\[1\]\.name is "a", as another load's/],
  [
    `name: web\n${OPS}\nloads:\n  - name: a\n    vus: 2\n    after: b`,
    /^6:12: loads\[0\]\.after is "b": give the name of a load above/,
  ],
  [`name: web\n${OPS}\nloads:\n  - name: a\n    share: 0`, /^5:12: loads\[0\]\.share is 0: give a weight above 0/],
  [`name: web\n${OPS}\nloads:\n  - name: a\n    share: 2\n    vus: 3`, /^5:5: share divides VUs and rate of the file/],
  [
    `name: web\n${OPS}\nloads:\n  - {name: a, vus: 3}\n  - name: b`,
    /^5:5: this load has no vus, rate or stages, and others have/,
  ],
  [`name: web\nloads:\n  - name: a\n    ${OPS}\n  - name: b`, /^5:5: what to do is missing/],
  [`name: web\n${OPS}\ncriteria: p99<5`, /^3:11: criteria is "p99<5": give a list of k6 thresholds/],
  [`name: web\n${OPS}\ncriteria: [p99<5]`, /^3:12: criteria\[0\] is "p99<5": give a k6 threshold/],
  [`name: web\n${OPS}\nunique: {acls: 6}`, /^3:16: unique.acls is 6: give a whole number of ACLs from 1 to 5/],
  [`name: web\n${OPS}\nolderVersions: 101`, /^3:16: olderVersions is 101: give the percentage/],
  [`name: web\n${OPS}\nsettings: {part-siz: 5MB}`, /^3:12: settings.part-siz is no setting that a file may have/],
  [`name: web\n${OPS}\nsettings: {part-size: tiny}`, /^3:23: settings.part-size is "tiny": give /],
  [`name: web\n${OPS}\nsettings: {secret-access-key: x}`, /^3:12: settings.secret-access-key is no setting/],
  [`name: web\n${OPS}\nprofile: missing`, /^3:1: profile is not known: give name, /],
];

describe('a mistake is one line with its place and a remedy', () => {
  test.each(BROKEN)('%j', (file, line) => {
    const problems = problemsOf(file);
    expect(problems).toEqual([typeof line === 'string' ? line : expect.stringMatching(line)]);
  });

  test('there are 60 of them', () => {
    expect(BROKEN.length).toBeGreaterThanOrEqual(60);
  });
});

test('all mistakes are told at once, in the order of the file', () => {
  const text = 'name: A\noperations: {GET: 50, PUTT: 20}\nvus: many\nduration: 5\n';
  expect(problemsOf(text).map((line) => line.split(':')[0])).toEqual(['1', '2', '3', '4']);
});

describe('what would take the parser long, or its memory, is told at once', () => {
  const within = (ms: number, of: () => void) => {
    // Of this process: others on the machine don't count.
    const spent = () => process.cpuUsage().user / 1_000;
    const began = spent();
    of();
    expect(spent() - began).toBeLessThan(ms);
  };

  test.each([
    ['lists in lists', `a: ${'['.repeat(20_000)}1${']'.repeat(20_000)}`],
    ['lists in lists that do not end', '['.repeat(20_000)],
    ['dashes', '- '.repeat(20_000)],
    ['sections in sections', '{a: '.repeat(20_000)],
    ['keys of keys', '? '.repeat(20_000)],
  ])('%s', (_, text) => {
    within(5_000, () => {
      const problems = problemsOf(`name: web\nx:\n ${text}\n`);
      expect(problems).toEqual([
        expect.stringMatching(/^3:\d+: this is within 50 others: workload files go less deep$/),
      ]);
    });
  });

  test('many keys', () => {
    const keys = Array.from({ length: 20_000 }, (_, i) => `k${i}: 1`).join('\n');
    within(10_000, () => {
      const problems = problemsOf(`name: web\n${keys}\n`);
      expect(problems).toHaveLength(60);
      expect(problems[0]).toMatch(/^1:1: what to do is missing|^2:1: k0 is not known/);
    });
  });

  test('a file of more than 1MB', () => {
    expect(problemsOf(`name: web # ${'x'.repeat(2 ** 20)}`)).toEqual([
      '1:1: the file has more than 1MB: workload files are smaller',
    ]);
  });
});

test.each([
  ['name: web\n"a\\nb": 1\n', '2:1: "a\\nb" is not known'],
  [`name: web\n${'k'.repeat(500)}: 1\n`, `2:1: "${'k'.repeat(59)}… is not known`],
  [`name: web\n${OPS}\nsettings: {"a\\tb": 1}\n`, '3:12: settings."a\\tb" is no setting that a file may have'],
  [`name: web\nvus: *none\n`, '2:6: *none is the name of nothing above: write out what it stands for'],
  [`name: web\n${OPS}\n1: a\n"1": b\n`, '4:1: this key is there twice'],
  [`name: web\n${OPS}\nobjects: {sizes: {toString: 1}}\n`, '3:18: objects.sizes is a section: give a size'],
])('any text is told in one line: %j', (text, says) => {
  const problems = problemsOf(text);
  expect(
    problems.some((line) => line.startsWith(says)),
    problems.join('\n'),
  ).toBe(true);
  for (const line of problems) expect(line).not.toMatch(/[\n\r]/);
});

test('a bomb of aliases is one line', () => {
  const levels = Array.from({ length: 9 }, (_, i) => `  l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(', ')}]`);
  const problems = problemsOf(`settings:\n  l0: &l0 [x]\n${levels.join('\n')}\n`);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(/^1:1: /);
});
