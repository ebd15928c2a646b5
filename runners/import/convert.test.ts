import { describe, expect, test } from 'vitest';
import { ConfigError, readConfig } from '../../lib/settings/config';
import type { CommandShares } from '../../lib/workload/command-shares';
import type { WorkloadFile } from '../../lib/workload/file/document';
import { readWorkloadFile } from '../../lib/workload/file/read';
import { settingsOf, workloadOf } from '../../lib/workload/file/workload';
import { planOf } from '../../lib/workload/plan';
import { operations } from '../../test/fake-step';
import { convert } from './convert';
import { readCosbench } from './cosbench';
import { merged, toYaml } from './yaml';

/** What an XML comes to: the file as it is read from the YAML that is written, and what was said of it. */
function imported(xml: string) {
  const converted = convert('load.xml', readCosbench('load.xml', xml));
  const yaml = toYaml('load.xml', converted);
  const says = merged(converted.notes).map((note) => note.says);
  const file = readWorkloadFile('load.yaml', yaml);
  plan(file);
  return { file, says, yaml, settings: converted.settings };
}

/** As before a run. @throws ConfigError when its parts don't go together */
function plan(file: WorkloadFile): void {
  const own = settingsOf(file);
  const store = { S3_ENDPOINTS: 'http://a', AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', S3_BUCKET: 'bucket' };
  const stepOf = ({ shares }: CommandShares) => operations(...Object.keys(shares));
  planOf([workloadOf(file, stepOf)], readConfig(store, own), 'S3LOADTEST_CONCURRENCY' in own);
}

const STORAGE = '<storage type="s3"/>';
const workload = (stages: string, storage = STORAGE) =>
  `<workload name="shop">\n${storage}<workflow>\n${stages}\n</workflow></workload>`;
const stage = (works: string, name = 'main') => `<workstage name="${name}">${works}</workstage>`;
const work = (operations: string, more = '', limit = 'runtime="60"') =>
  `<work name="w" workers="8" ${limit} ${more}>${operations}</work>`;
const op = (type: string, config = '', ratio = 100) =>
  `<operation type="${type}" ratio="${ratio}" config="containers=c(1);${config}"/>`;
const READ = op('read', 'objects=u(1,50)');
const single = (works: string) => workload(stage(works));
const writing = (sizes: string) => single(work(op('write', `sizes=${sizes}`)));
const sizesOf = (sizes: string) => imported(writing(sizes)).file.objects?.sizes;

describe('sizes', () => {
  test.each<[string, unknown]>([
    ['c(64)KB', '64000B'],
    // KB is 1,000 bytes to COSBench and 1,024 here.
    ['c(128)KB', '128000B'],
    ['c(1)MB', '1000000B'],
    ['c(2)GB', '2000000000B'],
    ['c(512)B', '512B'],
    ['c(0)KB', '1B'],
    ['c(1024)B', '1024B'],
    [' c( 64 ) KB ', '64000B'],
    ['u(1,64)KB', '1000B-64000B'],
    ['r(1,64)KB', '1000B-64000B'],
    ['s(4,5)MB', '4000000B-5000000B'],
    ['u(7,7)KB', '7000B'],
    ['h(1|1|60,2|2|40)KB', { '1000B': 3, '2000B': 2 }],
    ['h(1|64|80,65|512|20)KB', { '1000B-64000B': 4, '65000B-512000B': 1 }],
    [
      'h(1|100|604,101|500|116,501|1024|51)KB',
      { '1000B-100000B': 604, '101000B-500000B': 116, '501000B-1024000B': 51 },
    ],
    // A bucket without weight is never chosen.
    ['h(1|1|0,5|5|7)KB', '5000B'],
    ['h(1|1|1,2|2|4000)KB', { '1000B': 1, '2000B': 1000 }],
  ])('%s', (text, sizes) => {
    expect(sizesOf(text)).toEqual(sizes);
  });

  test('of several writes of one work are by their shares', () => {
    const both = op('write', 'sizes=c(4)KB', 25) + op('write', 'sizes=h(4|4|1,8|8|1)KB', 75);
    expect(imported(single(work(both))).file).toMatchObject({
      operations: { PUT: 100 },
      objects: { sizes: { '4000B': 5, '8000B': 3 } },
    });
  });

  test.each([
    ['c(0)KB', /an object has a byte at least/],
    ['r(1,9)KB', /come in turn there, and are drawn here/],
    ['h(1|1|1,2|2|4000)KB', /weights of sizes are rounded/],
  ])('%s is not as it was, and that is said', (text, says) => {
    expect(imported(writing(text)).says).toEqual([expect.stringMatching(says)]);
  });
});

/** What one work comes to, and what is said of it. */
const WORKS: [string, string, Partial<WorkloadFile>, RegExp[]][] = [
  ['reads', work(READ), { operations: { GET: 100 }, vus: 8, duration: '1m' }, []],
  [
    'shares',
    work(op('read', '', 80) + op('write', 'sizes=c(1)KB', 20)),
    { operations: { GET: 80, PUT: 20 }, objects: { sizes: '1000B' } },
    [],
  ],
  ['two of one kind', work(op('read', '', 50) + op('read', '', 50)), { operations: { GET: 100 } }, []],
  ['a share of 0', work(op('read', '', 0) + op('list')), { operations: { LIST: 100 } }, []],
  [
    'all operations',
    work(
      [...['read', 'delete', 'list', 'head'].map((type) => op(type, '', 20)), op('write', 'sizes=c(1)B', 20)].join(''),
    ),
    { operations: { GET: 20, DELETE: 20, LIST: 20, HEAD: 20, PUT: 20 } },
    [],
  ],
  ['no ratio', work('<operation type="list"/>'), { operations: { LIST: 100 } }, []],
  ['files', work(op('filewrite', 'files=/tmp/x;fileselection=s')), { operations: { PUT: 100 } }, [/^filewrite: /]],
  ['hours', work(READ, '', 'runtime="3600"'), { duration: '1h' }, []],
  ['a time with odd seconds', work(READ, '', 'runtime="90061"'), { duration: '90061s' }, []],
  [
    'a number of operations',
    work(READ, '', 'totalOps="5000"'),
    { duration: '5m' },
    [/^totalOps=5000: a load ends with its time, 5m is chosen/],
  ],
  [
    'a number of bytes beside a runtime',
    work(READ, 'totalBytes="123456789012"'),
    { duration: '1m' },
    [/^totalBytes=123456789012: the load ends with its runtime/],
  ],
  [
    'rampup',
    work(READ, 'rampup="10"'),
    { duration: '1m10s', ramp: '10s', settings: { warmup: '10s' } },
    [/^rampup=10: the load climbs in that time; COSBench begins with all workers/],
  ],
  ['rampdown', work(READ, 'rampdown="10"'), { duration: '1m' }, [/^rampdown=10 is left out/]],
  [
    'rampup without a runtime',
    work(READ, 'rampup="9"', 'totalOps="1"'),
    { duration: '5m' },
    [/totalOps/, /^rampup=9 is left out/],
  ],
  ['afr', work(READ, 'afr="200000"'), { criteria: ['http_req_failed:rate<=0.2'] }, []],
  ['no failure', work(READ, 'afr="0"'), { criteria: ['http_req_failed:rate<=0'] }, []],
  ['one of a million', work(READ, 'afr="1"'), { criteria: ['http_req_failed:rate<=0.000001'] }, []],
  [
    'attributes that say what holds anyway',
    work(READ, 'type="normal" interval="5" division="none" driver="" rampup="0"'),
    {},
    [],
  ],
  ['interval', work(READ, 'interval="1"'), {}, [/^interval=1 is left out: figures are of each second/]],
  ['division', work(READ, 'division="object"'), {}, [/^division="object" is left out/]],
  ['driver', work(READ, 'driver="driver1"'), {}, [/^driver="driver1" is left out: `s3loadtest dist`/]],
  ['a type of its own', work(READ, 'type="main"'), {}, [/^a work of type "main" is to COSBench a normal one/]],
  ['reads in turn', work(op('read', 'objects=s(1,50)')), { objects: { popularity: 'sequential' } }, []],
  ['as they were written once', work(op('read', 'objects=1-50')), { objects: { popularity: 'sequential' } }, []],
  [
    'reads of some more than others',
    work(op('read', 'objects=h(1|5|90,6|50|10)')),
    {},
    [/^objects=h\(.*\): GET takes any object/],
  ],
  [
    'writes of the same objects',
    work(op('write', 'sizes=c(1)KB;objects=r(1,50)')),
    {},
    [/^objects=r\(1,50\) of a write: each write makes a new/],
  ],
  [
    'deletes alone',
    work(op('delete', 'objects=r(1,50)')),
    { operations: { DELETE: 50, PUT: 50 } },
    [/of a delete/, /as many PUTs as DELETEs/],
  ],
  ['hashCheck', work(op('read', 'hashCheck=true')), {}, [/^hashCheck=true is left out: --verify/]],
  ['hashcheck, as a sample has it', work(op('read', 'hashcheck=TRUE')), {}, [/^hashCheck=true is left out/]],
  ['what is off', work(op('read', 'hashCheck=false;chunked=false;content=random')), {}, []],
  ['content', work(op('write', 'sizes=c(1)KB;content=zero')), {}, [/^content=zero is left out/]],
  ['chunked', work(op('write', 'sizes=c(1)KB;chunked=true')), {}, [/^chunked=true is left out/]],
  ['names of objects', work(op('read', 'oprefix=img-;osuffix=.jpg')), {}, [/^oprefix and osuffix are left out/]],
  ['an entry of another adaptor', work(op('read', 'acl=private')), {}, [/^config has an entry .* \(acl\): left out/]],
  [
    'an attribute of nobody',
    work(READ, 'colour="red"'),
    {},
    [/^attribute colour of <work> is none of COSBench's, and left out/],
  ],
  [
    'an attribute in other letters',
    work(READ, 'Runtime="5"'),
    {},
    [/^attribute Runtime of <work> is none of COSBench's: runtime is/],
  ],
  ['an element of nobody', `<note/>${work(READ)}`, {}, [/^<note> within <workstage> is none of COSBench's/]],
  [
    'config of the work',
    `<work name="w" workers="1" runtime="5" config="containers=c(1);sizes=c(2)KB;objects=s(1,9)"><operation type="write"/></work>`,
    { objects: { sizes: '2000B' } },
    [/^objects=s\(1,9\) of a write/],
  ],
  [
    'config of the operation before that of its work',
    `<work name="w" workers="1" runtime="5" config="sizes=c(2)KB"><operation type="write" config="sizes=c(3)KB"/></work>`,
    { objects: { sizes: '3000B' } },
    [],
  ],
];

describe('one work', () => {
  test.each(WORKS)('%s', (_, works, file, says) => {
    const made = imported(single(works));
    expect(made.file).toMatchObject(file);
    expect(made.says).toEqual(says.map((line) => expect.stringMatching(line)));
  });

  test('is the file itself, without loads', () => {
    expect(imported(single(work(READ))).file).toEqual({
      name: 'shop',
      operations: { GET: 100 },
      vus: 8,
      duration: '1m',
    });
  });
});

describe('several', () => {
  const short = (config = '', seconds = 5) =>
    work(op('write', `sizes=${config || 'c(1)KB'}`), '', `runtime="${seconds}"`);

  test('stages come one after the other, works of one at once', () => {
    const stages = stage(short('', 5) + short('', 9), 'Fill it') + stage(short(), 'then') + stage(short(), 'then');
    const { file } = imported(workload(stages));
    expect(file.loads?.map(({ name, after, duration }) => [name, after, duration])).toEqual([
      ['fill-it-w', undefined, '5s'],
      ['fill-it-w-2', undefined, '9s'],
      ['then', 'fill-it-w-2', '5s'],
      ['then-2', 'then', '5s'],
    ]);
    expect(file.objects).toEqual({ sizes: '1000B' });
  });

  test('waits between them are stages without VUs', () => {
    const delay = '<workstage name="pause" closuredelay="60"><work type="delay" workers="1"/></workstage>';
    const first = `<workstage name="a" closuredelay="2">${short()}</workstage>`;
    const { file, says } = imported(workload(first + delay + stage(short(), 'b')));
    expect(file.loads?.map(({ name, stages }) => [name, stages])).toEqual([
      ['a', undefined],
      ['b', '0:1m2s,8:5s'],
    ]);
    expect(says).toEqual([]);
  });

  test('waits before the first and after the last are left out', () => {
    const delay = '<workstage name="pause" closuredelay="60"><work type="delay" workers="1"/></workstage>';
    const { file, says } = imported(workload(delay + stage(short()) + delay));
    expect(file.duration).toBe('5s');
    expect(says).toEqual([
      'the wait of 1m before the first load is left out',
      'the wait of 1m after the last load is left out',
    ]);
  });

  test('each has its own sizes where they differ', () => {
    const { file } = imported(workload(stage(short('c(4)KB'), 'a') + stage(short('u(1,2)MB'), 'b')));
    expect(file.objects).toBeUndefined();
    expect(file.loads?.map(({ objects }) => objects?.sizes)).toEqual(['4000B', '1000000B-2000000B']);
  });

  test('each has its own limit of failures', () => {
    const failing = (afr: string) => work(READ, `afr="${afr}"`);
    const { file } = imported(workload(stage(failing('5000'), 'a') + stage(failing('0'), 'b')));
    expect(file.criteria).toEqual(['http_req_failed{phase:a}:rate<=0.005', 'http_req_failed{phase:b}:rate<=0']);
  });

  test('figures leave out the climb at the start only', () => {
    const climbing = work(READ, 'rampup="3"');
    const { file, says } = imported(workload(stage(climbing, 'a') + stage(climbing, 'b')));
    expect(file.settings).toEqual({ warmup: '3s' });
    expect(file.loads?.map(({ ramp, duration }) => [ramp, duration])).toEqual([
      ['3s', '1m3s'],
      ['3s', '1m3s'],
    ]);
    expect(says).toContainEqual(expect.stringMatching(/^figures of a load that climbs later/));
  });

  test('what climbs longer than the wait before it begins at once', () => {
    const first = `<workstage name="a" closuredelay="2">${short()}</workstage>`;
    const { file, says } = imported(workload(first + stage(work(READ, 'rampup="30"'), 'b')));
    expect(file.loads?.[1]).toEqual({ name: 'b', after: 'a', operations: { GET: 100 }, stages: '0:2s,8:1m30s' });
    expect(says).toContainEqual(expect.stringMatching(/^rampup=30: the wait before is shorter/));
  });
});

describe('stages without a load', () => {
  const prepare = (config: string) => stage(`<work type="prepare" workers="4" config="${config}"/>`, 'prepare');
  const FIFTY = prepare('containers=r(1,2);objects=r(1,25);sizes=c(8)KB');

  test('what is only read is written before, of its sizes', () => {
    const { file, says } = imported(workload(FIFTY + stage(work(READ))));
    expect(file).toMatchObject({ settings: { 'seed-objects': 50 }, objects: { sizes: '8000B' } });
    expect(says).toContainEqual(expect.stringMatching(/^prepare of 50 objects: settings has seed-objects 50, written/));
  });

  test('each load that only reads has its part', () => {
    const { file } = imported(workload(FIFTY + stage(work(READ), 'a') + stage(work(READ), 'b')));
    expect(file.settings).toEqual({ 'seed-objects': 25 });
  });

  test.each([
    ['containers=r(1,100);objects=r(1,1000);sizes=c(8)KB', 10_000],
    ['containers=c(1);objects=r(1,5000);sizes=c(1)GB', 10],
    ['containers=c(1);objects=r(1,5000);sizes=c(50)GB', 1],
  ])('no more than takes minutes: %s', (config, objects) => {
    const { file, says } = imported(workload(prepare(config) + stage(work(READ))));
    expect(file.settings).toEqual({ 'seed-objects': objects });
    expect(says).toContainEqual(expect.stringMatching(/which is at most 10,000 and 10.0GB/));
  });

  test('HEAD alone reads nothing that could be written before', () => {
    const { file, says } = imported(workload(FIFTY + stage(work(op('head', 'objects=u(1,9)')))));
    expect(file).toMatchObject({ operations: { HEAD: 100 }, objects: { sizes: '8000B' } });
    expect(file.settings).toBeUndefined();
    expect(says).toContainEqual(expect.stringMatching(/^prepare of 50 objects is left out: reads take what/));
  });

  test('a load that deletes writes what it deletes', () => {
    const both = op('read', '', 50) + op('delete', '', 50);
    const { file } = imported(workload(FIFTY + stage(work(both))));
    expect(file).toMatchObject({
      operations: { GET: 33.333, DELETE: 33.333, PUT: 33.333 },
      objects: { sizes: '8000B' },
    });
    expect(file.settings).toBeUndefined();
  });

  test('where loads write, reads take that', () => {
    const both = op('read', '', 50) + op('write', 'sizes=c(1)KB', 50);
    const { file, says } = imported(workload(FIFTY + stage(work(both))));
    expect(file.settings).toBeUndefined();
    expect(says).toContainEqual(expect.stringMatching(/^prepare of 50 objects is left out: reads take what this run/));
  });

  test('the others are told', () => {
    const others = ['init', 'cleanup', 'dispose'].map((type) => stage(`<work type="${type}" workers="1"/>`, type));
    const { says } = imported(workload(others.join('') + stage(work(READ))));
    expect(says).toEqual([
      expect.stringMatching(/^init is left out: --create-bucket/),
      expect.stringMatching(/^cleanup is left out: `s3loadtest cleanup`/),
      expect.stringMatching(/^dispose is left out/),
    ]);
  });

  test('as COSBench keeps them, with all defaults written out', () => {
    const kept = `<work name="prepare" type="prepare" workers="5" interval="5" division="object" runtime="0" rampup="0" rampdown="0"
      afr="0" totalOps="5" totalBytes="0" config="containers=r(1,2);objects=r(1,3);sizes=c(5)KB">
      <auth type="none"/><operation type="prepare" ratio="100" division="object" config="objects=r(0,0)" id="op1"/></work>`;
    expect(imported(workload(stage(kept, 'prepare') + stage(work(READ)))).file.settings).toEqual({ 'seed-objects': 6 });
  });
});

describe('buckets', () => {
  const reading = (config: string) => single(work(`<operation type="read" config="${config}"/>`));

  test.each([
    ['cprefix=logs;containers=c(3)', 'S3_BUCKET=logs3'],
    ['cprefix=logs;csuffix=-eu;containers=u(3,3)', 'S3_BUCKET=logs3-eu'],
    ['containers=c(1)', 'S3_BUCKET=mycontainers1'],
    ['', 'S3_BUCKET'],
  ])('%s', (config, setting) => {
    const { settings, says } = imported(reading(config));
    expect(settings.at(-1)).toBe(setting);
    expect(says).toEqual([]);
  });

  test.each([
    ['containers=u(1,32)', 'mycontainers', 32],
    ['cprefix=bin;containers=h(1|5|1,9|9|1)', 'bin', 9],
  ])('%s are those of the file', (config, prefix, count) => {
    const { settings, says, file } = imported(reading(config));
    expect(settings).not.toContain('S3_BUCKET');
    expect(file.buckets?.existing).toEqual(Array.from({ length: count }, (_, n) => `${prefix}${n + 1}`));
    expect(says).toEqual([expect.stringMatching(/^buckets\.existing are to be there: `buckets: \{new: \d+\}`/)]);
  });

  test.each([
    ['containers=u(5)', 'mycontainers5 to mycontainers2147483647'],
    ['containers=u(1,101)', 'mycontainers1 to mycontainers101'],
    ['cprefix=;containers=u(1,3)', '1 to 3'],
  ])('%s are none that a file has', (config, names) => {
    const { settings, says, file } = imported(reading(config));
    expect([settings.at(-1), file.buckets]).toEqual(['S3_BUCKET', undefined]);
    expect(says).toEqual([
      expect.stringMatching(new RegExp(`^buckets of the load are ${names}: all loads of a file have the same`)),
    ]);
  });
});

describe('storage', () => {
  const at = (config: string, type = 's3') =>
    imported(workload(stage(work(READ)), `<storage type="${type}" config="${config}"/>`));

  test.each([
    ['endpoint=http://10.0.0.1:9000', 'S3_ENDPOINTS=http://10.0.0.1:9000'],
    ['endpoint=https://s3.example/base/', 'S3_ENDPOINTS=https://s3.example/base'],
    ['endpoint=s3.example:8080', 'S3_ENDPOINTS=https://s3.example:8080'],
    ['endpoint=http://who:secret@10.0.0.1', 'S3_ENDPOINTS=http://10.0.0.1'],
    ['endpoint=<endpoint>', 'S3_ENDPOINTS'],
    ['endpoint=', 'S3_ENDPOINTS'],
    ['', 'S3_ENDPOINTS'],
  ])('%s', (config, setting) => {
    const { settings, yaml } = at(config);
    expect(settings[0]).toBe(setting);
    expect(yaml).not.toMatch(/secret@|who/);
  });

  test('several endpoints are several', () => {
    const two = stage(`${work(READ)}<storage type="s3" config="endpoint=http://b"/>`);
    const { settings } = imported(workload(two, '<storage type="s3" config="endpoint=http://a"/>'));
    expect(settings[0]).toBe('S3_ENDPOINTS=http://a,http://b');
  });

  test('a timeout is a setting', () => {
    expect(at('timeout=30000').file.settings).toEqual({ timeout: '30000ms' });
  });

  test.each([
    ['path_style_access=true', 's3', []],
    ['path_style_access=false', 's3', [/S3_ADDRESSING=virtual/]],
    ['proxyhost=proxy.example;proxyport=3128', 's3', [/HTTP_PROXY or HTTPS_PROXY to http:\/\/proxy.example:3128/]],
    ['proxyhost=;proxyport=', 's3', []],
    ['timeout=soon', 's3', [/^timeout is left out/]],
    ['namespace=n', 's3', [/^namespace of <storage> is left out/]],
    ['', 'swift', [/^storage of type "swift": this load goes to an S3 store/]],
  ])('%s of %s', (config, type, says) => {
    expect(at(config, type).says).toEqual(says.map((line) => expect.stringMatching(line)));
  });

  test('what stands where a type should is not told', () => {
    const storage = '<storage type="accesskey=KEY1;secretkey=KEY2"/>';
    const { yaml, says } = imported(workload(stage(work(READ)), storage));
    expect(yaml).not.toMatch(/KEY\d/);
    expect(says).toEqual(['storage of another type: this load goes to an S3 store']);
  });

  test('no credential is told, wherever it stands', () => {
    const KEYS = [
      'KEY1AAAA',
      'KEY2BBBB',
      'KEY3CCCC',
      'KEY4DDDD',
      'KEY5EEEE',
      'KEY6FFFF',
      'KEY7GGGG',
      'KEY8HHHH',
      'KEY9IIII',
    ];
    const storage = `<auth type="swauth" config="username=KEY1AAAA;password=KEY2BBBB"/>
      <storage type="s3" config="accesskey=KEY3CCCC;secretkey=KEY4DDDD;KEY5EEEE;KEY6FFFF=x;Endpoint=http://KEY7GGGG" token="KEY8HHHH"/>`;
    const inOperation = single(work(op('read', 'password=KEY9IIII'))).replace(STORAGE, storage);
    const { yaml, says } = imported(inOperation);
    for (const key of KEYS) expect(`${yaml}${says.join()}`).not.toContain(key);
    expect(says).toContainEqual(expect.stringMatching(/^credentials of <storage> are left out: set AWS_ACCESS_KEY_ID/));
    expect(says).toContainEqual(expect.stringMatching(/^auth of type "swauth" is left out/));
  });
});

describe('names and texts', () => {
  const named = (name: string, description = '') =>
    imported(single(work(READ)).replace('name="shop"', `name="${name}" description="${description}"`));

  test.each([
    ['Big One (2024)', 'big-one-2024'],
    ['2024', 'w-2024'],
    ['Größe', 'gro-e'],
    ['负载', 'cosbench'],
    ['', 'cosbench'],
    ['a'.repeat(99), 'a'.repeat(40)],
    ['__proto__', 'proto'],
  ])('%s is %s', (given, name) => {
    expect(named(given).file.name).toBe(name);
  });

  test('a description is one line, and none that ends a comment or begins a key', () => {
    const { file } = named('x', 'one&#10;two: {#3} \u0085 &lt;four&gt; &quot;');
    expect(file.description).toBe('one two: {#3} \u0085 <four> "'.replace(/\s+/g, ' '));
  });

  test('a name can not leave its comment', () => {
    const { file, yaml } = imported(workload(stage(work(READ), 'a&#10;vus: 99&#x2028;vus: 98')));
    expect(file.vus).toBe(8);
    expect(yaml.split(/\n/).filter((line) => line.includes('99'))).toEqual([expect.stringMatching(/^#/)]);
    expect(yaml).not.toContain('\u2028');
  });
});

describe('XML', () => {
  test('placeholders of samples are taken as they are', () => {
    const text = workload(stage(work(READ)), '<storage type="s3" config="accesskey=<accesskey>;endpoint=<endpoint>"/>');
    expect(imported(text).settings[0]).toBe('S3_ENDPOINTS');
  });

  test.each([
    [
      'a declaration, comments and CDATA',
      `<?xml version="1.0" encoding="UTF-8"?><!-- <a> -->${single(`<!-- b -->${work(READ)}`)}`,
    ],
    ['lines of Windows', single(work(READ)).replaceAll('\n', '\r\n')],
    ['single quotes', single(work(READ)).replaceAll('"', "'")],
    [
      'a namespace',
      single(work(READ)).replace(
        '<workload',
        '<workload xmlns="http://intel.com" xmlns:xsi="x" xsi:schemaLocation="y"',
      ),
    ],
  ])('%s', (_, text) => {
    const { file, says } = imported(text);
    expect(file.operations).toEqual({ GET: 100 });
    expect(says).toEqual([]);
  });
});

const BOMB = Array.from({ length: 9 }, (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(9)}">`).join('');

/** What is wrong, and all that is said of it. */
const BROKEN: [string, string, RegExp | RegExp[]][] = [
  ['nothing', '', /^load\.xml: the file is empty/],
  ['spaces', ' \n ', /^load\.xml: the file is empty/],
  ['a text', 'name: web\nvus: 8\n', /^load\.xml:1:1: this is no XML: it begins with text$/],
  [
    'another XML',
    '<project><x/></project>',
    /^load\.xml:1:1: the file begins with <project>: give a COSBench workload/,
  ],
  [
    'an open element',
    '<workload>\n<workflow>',
    /^load\.xml:2:10: the file ends, and <workflow> of line 2 is open: close it$/,
  ],
  ['an open quote', '<workload name="a>\n</workload>', /^load\.xml:2:\d+: /],
  [
    'an end too many',
    '<workload>\n</workflow></workload>',
    /^load\.xml:2:1: this closes an element that is not open: <workload> of line 1 is$/,
  ],
  ['two roots', '<workload/><workload/>', /^load\.xml:1:\d+: this stands behind the end of the outermost element/],
  ['an &', single(work(READ)).replace('shop', 'a & b'), /^load\.xml:1:\d+: an & stands for itself here: write &amp;/],
  [
    'an entity',
    single(work(READ)).replace('shop', '&shop;'),
    /^load\.xml:1:\d+: an & stands for itself here: write &amp;/,
  ],
  [
    'a bomb',
    `<!DOCTYPE w [<!ENTITY l0 "x">${BOMB}]>\n<workload name="&l9;"/>`,
    /^load\.xml:1:1: a DOCTYPE is not read: take it out$/,
  ],
  [
    'a file of the system',
    '<!DOCTYPE w SYSTEM "file:///etc/passwd"><workload/>',
    /^load\.xml:1:1: a DOCTYPE is not read/,
  ],
  ['depth', '<workload>'.repeat(101), /^load\.xml:1:1001: this is element 101 within another/],
  ['an attribute twice', '<workload name="a" name="b"/>', /^load\.xml:1:\d+: attribute name is there twice/],
  ['an attribute without quotes', '<workload name=a/>', /^load\.xml:1:\d+: this is no XML: unquoted attribute value$/],
  ['no workflow', '<workload name="a"/>', /^load\.xml:1:1: <workload> has no <workflow>/],
  ['no stage', workload(''), /^load\.xml:2:\d+: <workflow> has no <workstage>/],
  ['no work', workload(stage('')), /^load\.xml:3:1: <workstage> has no <work>/],
  [
    'two workflows',
    workload(stage(work(READ))).replace('</workload>', '<workflow/></workload>'),
    /this is a second <workflow>/,
  ],
  [
    'no load',
    workload(stage('<work type="prepare" workers="1" config="objects=r(1,9);sizes=c(1)KB"/>')),
    /no <work> is of type normal/,
  ],
  ['no operation', single(work('')), /^load\.xml:3:\d+: <work> has no <operation>/],
  ['no workers', single(work(READ)).replace('workers="8"', ''), /<work> has no workers/],
  [
    'workers in words',
    single(work(READ)).replace('workers="8"', 'workers="eight"'),
    /^load\.xml:3:48: workers is "eight": give a whole number of workers from 1 to 100000$/,
  ],
  ['no worker at all', single(work(READ)).replace('workers="8"', 'workers="0"'), /workers is "0": give a whole number/],
  [
    'too many workers',
    single(work(READ)).replace('workers="8"', 'workers="100001"'),
    /workers is "100001": give a whole number/,
  ],
  ['no end', single(work(READ, '', '')), /<work> has no end: give it a runtime in seconds/],
  ['an end at once', single(work(READ, '', 'runtime="0"')), /<work> has no end/],
  [
    'a time in words',
    single(work(READ, '', 'runtime="5m"')),
    /runtime is "5m": give a whole number of seconds from 0 to/,
  ],
  ['a time before now', single(work(READ, 'rampup="-1"')), /rampup is "-1": give a whole number of seconds/],
  ['half a second', single(work(READ, 'rampup="0.5"')), /rampup is "0.5": give a whole number of seconds/],
  ['years', single(work(READ, '', 'runtime="99999999999"')), /runtime is "99999999999": give/],
  [
    'a year and a year',
    workload(stage(work(READ, '', 'runtime="20000000"'), 'a') + stage(work(READ, '', 'runtime="20000000"'), 'b')),
    /all loads take 40000000s: a run takes 366d at the most/,
  ],
  ['shares of 90', single(work(op('read', '', 50) + op('list', '', 40))), /ratios of <work> come to 90: make them 100/],
  ['a share of 101', single(work(op('read', '', 101))), /ratio is "101": give a whole number of percent from 0 to 100/],
  ['no type', single(work('<operation/>')), /<operation> has no type: give read, write/],
  [
    'another type',
    single(work(op('append'))),
    /operation type is "append": give read, write, filewrite, delete, list, head/,
  ],
  ['a type of prototypes', single(work(op('constructor'))), /operation type is "constructor": give read/],
  ['a write of nothing', single(work(op('write'))), /a write has no sizes: say sizes=c\(64\)KB in its config/],
  ['sizes without a unit', writing('c(64)'), /^load\.xml:3:\d+: sizes is "c\(64\)": give c\(64\)KB/],
  ['sizes in a unit of none', writing('c(64)KiB'), /sizes is "c\(64\)KiB": give/],
  ['sizes backwards', writing('u(64,1)KB'), /sizes is "u\(64,1\)KB": give/],
  ['sizes without an end', writing('u(64)MB'), /sizes is "u\(64\)MB": objects have 100GB at the most/],
  ['a histogram of no weight', writing('h(1|2|0)KB'), /sizes is "h\(1\|2\|0\)KB": give/],
  ['a histogram that ends early', writing('h(1|2)KB'), /sizes is "h\(1\|2\)KB": give/],
  [
    'too large a histogram',
    writing(`h(${Array(1001).fill('1|2|3').join(',')})KB`),
    /^load\.xml:3:\d+: sizes is "h\(1\|2\|3,.*…": give 1000 parts/,
  ],
  [
    'buckets of nothing',
    single(work('<operation type="read" config="containers=all"/>')),
    /containers is "all": give c\(1\), u\(1,32\)/,
  ],
  ['objects from 0', single(work(op('read', 'objects=u(0,5)'))), /objects is "u\(0,5\)": give/],
  [
    'failures of more than all',
    single(work(READ, 'afr="1000001"')),
    /afr is "1000001": give a whole number of failures of a million/,
  ],
  ['51 works', single(work(READ).repeat(51)), /this is work 51 with a load: a file has 50, make several/],
  ["a terminal's signs", single(work(READ, 'runtimes=""', 'runtime="&#x9b;31m"')), /runtime is " 31m": give/],
];

describe('a mistake is one line with its place and a remedy', () => {
  test.each(BROKEN)('%s', (_, text, line) => {
    let problems: readonly string[] = [];
    try {
      imported(text);
    } catch (e) {
      if (!(e instanceof ConfigError)) throw e;
      problems = e.problems;
    }
    expect(problems).toEqual([line].flat().map((one) => expect.stringMatching(one)));
  });

  test('there are 25 of them at least', () => {
    expect(BROKEN.length).toBeGreaterThanOrEqual(25);
  });

  test('all of them are told at once', () => {
    const text = single(work(op('reed', '', 50) + op('write', 'sizes=5', 50))).replace(
      'name="w"',
      'name="w" rampup="x"',
    );
    expect(() => imported(text)).toThrow(/rampup is "x"/);
    const right = text.replace('rampup="x"', '');
    expect(() => imported(right)).toThrow(/operation type is "reed".*\n.*sizes is "5"/);
  });
});
