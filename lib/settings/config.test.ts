import { describe, expect, test } from 'vitest';
import {
  type Config,
  ConfigError,
  defaultText,
  type Environment,
  nameOf,
  ORIGIN,
  publicConfig,
  readConfig,
  readWithoutCredentials,
  type Setting,
  type SettingName,
  settings,
  settingTexts,
} from './config';

/** 32 bytes. */
const SSE_C_KEY = Buffer.from('01234567890123456789012345678901').toString('base64');
const SECRETS = {
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'hush/hush',
  AWS_SESSION_TOKEN: 'to/ken==',
  S3LOADTEST_SSE_C_KEY: SSE_C_KEY,
};

/** As little as a run needs. */
const LEAST: Environment = {
  S3_ENDPOINTS: 'http://127.0.0.1:9000',
  AWS_ACCESS_KEY_ID: SECRETS.AWS_ACCESS_KEY_ID,
  AWS_SECRET_ACCESS_KEY: SECRETS.AWS_SECRET_ACCESS_KEY,
  S3_BUCKET: 'bucket',
};

function problemsOf(...environments: Environment[]): readonly string[] {
  try {
    readConfig(...environments);
  } catch (e) {
    if (e instanceof ConfigError) return e.problems;
    throw e;
  }
  return [];
}

const all = Object.entries(settings) as [SettingName, Setting<unknown>][];

test('the table of settings: variable, option, default', () => {
  const table = all.map(([, s]) => `${s.env.join(', ')} | ${s.option ? `--${s.option}` : ''} | ${defaultText(s)}`);
  // A change here changes docs/settings.md and what users have set: say so in CHANGELOG.md.
  expect(`\n${table.join('\n')}\n`).toMatchInlineSnapshot(`
    "
    S3_ENDPOINTS, S3_POOL |  | required
    AWS_ACCESS_KEY_ID |  | required
    AWS_SECRET_ACCESS_KEY |  | required
    AWS_SESSION_TOKEN |  | none
    S3LOADTEST_USERS |  | none
    S3LOADTEST_SSE_C_KEY |  | none
    S3LOADTEST_CREDENTIALS | --credentials <source> | env; aws where AWS_PROFILE is set and no key
    AWS_REGION |  | us-east-1
    S3_BUCKET |  | required
    S3LOADTEST_CREATE_BUCKET | --create-bucket | false
    S3LOADTEST_PREFIX | --prefix <prefix> | loadtest/
    S3_VERIFY_SSL |  | false
    S3_ADDRESSING |  | path
    S3LOADTEST_TIMEOUT | --timeout <time> | 60s
    S3LOADTEST_REQUEST_TIMEOUT | --request-timeout <time> | none; with the http and jslib backends --timeout
    S3LOADTEST_HEADERS | --header <header> | none
    S3LOADTEST_STORAGE_CLASS | --storage-class <class> | none
    S3LOADTEST_CHECKSUM | --checksum <algorithm> | none
    S3LOADTEST_CHECKSUM_TRAILER | --checksum-trailer | false
    S3LOADTEST_SIGN_PAYLOAD | --sign-payload | false
    S3LOADTEST_SSE_C | --sse-c | false
    S3LOADTEST_CHECK | --no-check | true
    S3LOADTEST_HTTP_PROXY | --http-proxy <which> | environment
    S3LOADTEST_RESOLVE | --resolve <addresses> | any
    S3LOADTEST_ALLOW_PARTIAL | --allow-partial | false
    S3LOADTEST_PART_SIZE |  | 8MB
    S3LOADTEST_PART_CONCURRENCY | --part-concurrency <n> | 1
    S3LOADTEST_RETRIES | --retries <n> | 4
    S3LOADTEST_RETRY_DELAY | --retry-delay <time> | 0.1s, doubling up to 30s, for each failure that may pass
    S3LOADTEST_BACKEND |  | native where k6 has it, else http
    S3LOADTEST_JSLIB_URL |  | https://jslib.k6.io/aws/0.14.0/index.js
    S3POOL_BINARY |  | s3pool on PATH, else what S3POOL_URL has
    S3POOL_URL |  | none
    S3POOL_SHA256 |  | none
    S3LOADTEST_DURATION | --duration <time> | 5m
    S3LOADTEST_CONCURRENCY | --concurrency <n> | cores × 8; 64 under bare \`k6 run\`
    S3LOADTEST_RATE | --rate <ops> | as fast as the VUs go (closed loop)
    S3LOADTEST_STAGES | --stages <list> | none
    S3LOADTEST_RAMP | --ramp <time> | 0s: all at once
    S3LOADTEST_BURST | --burst <time> | the pattern's own
    S3LOADTEST_PAUSE | --pause <time> | the pattern's own
    S3LOADTEST_SIZE | --size <list> | the pattern's own
    S3LOADTEST_POPULARITY | --keys <popularity> | each as likely
    S3LOADTEST_RANGE | --range <bytes> | whole objects
    S3LOADTEST_BPS | --bps <bytes> | 100
    S3LOADTEST_VERIFY | --verify | false
    S3LOADTEST_SEED_OBJECTS | --seed-objects <n> | 0
    S3LOADTEST_SEED | --seed <n> | 1
    S3LOADTEST_TESTS |  | all of them
    S3LOADTEST_WORKLOAD |  | none
    S3LOADTEST_PREPARED | --prepared <file> | prepared/NAME.json in S3LOADTEST_DATA_DIR (CLI)
    S3LOADTEST_WORKER_ID | --worker-id <id> | w0
    S3LOADTEST_WARMUP | --warmup <time> | 0s: figures cover the whole run
    S3LOADTEST_UNTIL_STEADY | --until-steady | false
    S3LOADTEST_THRESHOLDS | --threshold <metric:expr> | http_req_failed:rate<0.01
    S3LOADTEST_STATS_INTERVAL | --stats-interval <time> | 30s
    S3LOADTEST_LOG_LEVEL | --log-level <level> | info
    S3LOADTEST_DATA_DIR |  | ./data
    S3LOADTEST_KEY_DIR |  | ./data/keys
    S3LOADTEST_PRICES | --prices <file> | data/prices.json, AWS list prices as an example
    S3LOADTEST_WORKERS_FILE |  | ./workers
    S3LOADTEST_REMOTE_CODE_DIR |  | ~/.s3loadtest/code
    S3LOADTEST_REMOTE_LOG_DIR |  | ~/.s3loadtest/runs
    S3LOADTEST_SSH |  | built-in
    S3LOADTEST_SSH_CONFIG |  | ~/.ssh/config and /etc/ssh/ssh_config
    "
  `);
});

test.each(all)('%s: what is shown as its default is its default', (_, s) => {
  // A list's text describes it, as "the pattern's own".
  if (s.fallback === undefined || Array.isArray(s.fallback)) return expect(defaultText(s)).toMatch(/\S/);
  const shown = s.parse(defaultText(s));
  if (shown === undefined) expect(defaultText(s)).toContain(String(s.fallback));
  else expect(shown).toEqual(s.fallback);
});

test('no variable and no option stands for two settings', () => {
  const variables = all.flatMap(([, s]) => [...s.env, ...(s.others ?? [])]);
  const options = all.flatMap(([, s]) => (s.option === undefined ? [] : [s.option.split(' ')[0]]));
  expect(new Set(variables).size).toBe(variables.length);
  expect(new Set(options).size).toBe(options.length);
});

test('what must be given has no default, and the other way round', () => {
  for (const [, s] of all) if (s.required) expect(s.fallback).toBeUndefined();
});

describe('values', () => {
  const KB = 1024;
  const MB = 1024 * KB;
  type Rows = { readonly [K in SettingName]: readonly { text: string; value: Config[K]; why: string }[] };

  const right: Rows = {
    endpoints: [
      { text: 'http://127.0.0.1:9000', value: ['http://127.0.0.1:9000'], why: 'one' },
      { text: 'https://s3.example.com', value: ['https://s3.example.com'], why: "the scheme's own port" },
      {
        text: ' http://a:1 , http://b:2/ ,',
        value: ['http://a:1', 'http://b:2'],
        why: 'spaces, a slash and a comma at the end',
      },
      { text: 'http://[::1]:9000', value: ['http://[::1]:9000'], why: 'IPv6' },
      {
        text: 'https://s3.example/s3#10.0.0.1,https://s3.example/s3#fd00::1',
        value: ['https://s3.example/s3#10.0.0.1', 'https://s3.example/s3#fd00::1'],
        why: 'two addresses of a name',
      },
      { text: 'http://minio_1:65535', value: ['http://minio_1:65535'], why: "a container's name" },
    ],
    accessKeyId: [
      { text: 'AKIAIOSFODNN7EXAMPLE', value: 'AKIAIOSFODNN7EXAMPLE', why: "AWS's" },
      { text: 'a', value: 'a', why: 'as short as others have them' },
      { text: 'tenant$user', value: 'tenant$user', why: "Ceph's tenants" },
      { text: 'test:tester', value: 'test:tester', why: "Swift's accounts" },
    ],
    secretAccessKey: [
      { text: 'wJalrXUtnFEMI/K7MDENG+bPx#=', value: 'wJalrXUtnFEMI/K7MDENG+bPx#=', why: "AWS's" },
      { text: 'correct horse "bättery"', value: 'correct horse "bättery"', why: 'any sign' },
    ],
    sessionToken: [{ text: 'FwoGZXIvYXdzEBYaD/token==', value: 'FwoGZXIvYXdzEBYaD/token==', why: 'as AWS gives them' }],
    users: [
      {
        text: '[{"accessKeyId":"a","secretAccessKey":"b"},{"accessKeyId":"c","secretAccessKey":"d","sessionToken":"e"}]',
        value: [
          { accessKeyId: 'a', secretAccessKey: 'b' },
          { accessKeyId: 'c', secretAccessKey: 'd', sessionToken: 'e' },
        ],
        why: 'two profiles',
      },
    ],
    region: [
      { text: 'eu-west-1', value: 'eu-west-1', why: "AWS's" },
      { text: 'garage', value: 'garage', why: "others'" },
    ],
    bucket: [
      { text: 'my-bucket.v1', value: 'my-bucket.v1', why: 'dots and dashes' },
      { text: 'Old_Bucket', value: 'Old_Bucket', why: 'older names' },
      { text: 'tenant:bucket', value: 'tenant:bucket', why: "Ceph's tenants" },
    ],
    requestTimeout: [{ text: '10m', value: 600_000, why: 'as every duration' }],
    headers: [
      {
        text: 'X-Amz-Server-Side-Encryption: AES256',
        value: { 'x-amz-server-side-encryption': 'AES256' },
        why: 'by lower-case name',
      },
      { text: 'a:b c ; d: e:f', value: { a: 'b c', d: 'e:f' }, why: 'several, with what values may have' },
    ],
    storageClass: [{ text: 'STANDARD_IA', value: 'STANDARD_IA', why: "S3's" }],
    checksum: [{ text: 'CRC64NVME', value: 'crc64nvme', why: "as AWS's headers write it" }],
    checksumTrailer: [{ text: 'true', value: true, why: 'as the option has it' }],
    createBucket: [{ text: 'true', value: true, why: 'as the option has it' }],
    sseC: [{ text: 'true', value: true, why: 'as the option has it' }],
    sseCKey: [{ text: SSE_C_KEY, value: SSE_C_KEY, why: '32 bytes' }],
    credentials: [
      { text: 'AWS', value: 'aws', why: 'any case' },
      { text: 'worker', value: 'worker', why: 'each its own' },
    ],
    signPayload: [{ text: 'true', value: true, why: 'as the option has it' }],
    check: [{ text: 'false', value: false, why: 'as --no-check has it' }],
    allowPartial: [{ text: 'true', value: true, why: 'as the option has it' }],
    verify: [{ text: 'yes', value: true, why: 'as a word' }],
    verifySsl: [
      { text: 'TRUE', value: true, why: 'any case' },
      { text: '1', value: true, why: 'as a number' },
      { text: 'no', value: false, why: 'as a word' },
      { text: 'off', value: false, why: 'another' },
    ],
    addressing: [
      { text: 'Virtual', value: 'virtual', why: 'any case' },
      { text: 'path', value: 'path', why: 'the default' },
    ],
    backend: [
      { text: 'HTTP', value: 'http', why: 'any case' },
      { text: 'native', value: 'native', why: 'whether k6 has it, k6 will see' },
    ],
    jslibUrl: [
      { text: 'https://mirror/aws/0.14.0/index.js', value: 'https://mirror/aws/0.14.0/index.js', why: 'a mirror' },
      { text: '/opt/jslib aws.js', value: '/opt/jslib aws.js', why: 'a file' },
      { text: './jslib-aws.js', value: './jslib-aws.js', why: 'beside us' },
      { text: 'file:///opt/jslib-aws.js', value: 'file:///opt/jslib-aws.js', why: 'as k6 itself writes it' },
    ],
    s3poolBinary: [
      { text: '/opt/s3 pool', value: '/opt/s3 pool', why: 'a file' },
      { text: 's3pool', value: 's3pool', why: 'on PATH' },
      { text: ' None ', value: 'none', why: 'proxies run already' },
    ],
    s3poolUrl: [
      { text: 'https://mirror/s3pool.tar.gz', value: 'https://mirror/s3pool.tar.gz', why: 'an archive' },
      { text: 'http://10.0.0.1:8000/s3pool', value: 'http://10.0.0.1:8000/s3pool', why: 'the checksum vouches for it' },
    ],
    s3poolSha256: [
      { text: `${'AB'.repeat(32)}`, value: 'ab'.repeat(32), why: 'in capitals' },
      { text: ` ${'0'.repeat(64)} `, value: '0'.repeat(64), why: 'as it was copied' },
    ],
    dataDir: [{ text: '/tmp/a b', value: '/tmp/a b', why: 'a folder may have spaces' }],
    keyDir: [{ text: '/tmp/a b', value: '/tmp/a b', why: 'a folder may have spaces' }],
    duration: [
      { text: '1h30m', value: 5_400_000, why: 'a sum' },
      { text: '1s', value: 1000, why: 'the least k6 takes' },
    ],
    bytesPerSecond: [
      { text: '1', value: 1, why: 'the least' },
      { text: '2KB', value: 2048, why: 'with a unit' },
      { text: '1MB', value: MB, why: 'the most' },
    ],
    concurrency: [
      { text: '1', value: 1, why: 'the least' },
      { text: '100000', value: 100_000, why: 'the most' },
    ],
    sizes: [
      { text: '1KB', value: [{ label: '1KB', bytes: KB }], why: 'one' },
      {
        text: '10mb, 1KB',
        value: [
          { label: '10MB', bytes: 10 * MB },
          { label: '1KB', bytes: KB },
        ],
        why: 'in the order given',
      },
      {
        text: '1KB:80,10MB:20',
        value: [
          { label: '1KB', bytes: KB, weight: 80 },
          { label: '10MB', bytes: 10 * MB, weight: 20 },
        ],
        why: 'weights',
      },
      {
        text: '1KB-64KB',
        value: [{ label: '1KB-64KB', bytes: 64 * KB, drawn: { from: KB, to: 64 * KB } }],
        why: 'drawn from one to another',
      },
      {
        text: 'lognormal:1MB:0.8:3, 4KB',
        value: [
          {
            label: 'lognormal-1MB-0.8',
            bytes: Math.round(MB * Math.exp(3.2)),
            weight: 3,
            drawn: { median: MB, sigma: 0.8 },
          },
          { label: '4KB', bytes: 4 * KB },
        ],
        why: 'drawn, and a weight',
      },
      { text: '1024,1KB,1KiB', value: [{ label: '1KB', bytes: KB }], why: 'each once' },
      { text: '1B', value: [{ label: '1B', bytes: 1 }], why: 'the least' },
      { text: '100GB', value: [{ label: '100GB', bytes: 100 * 1024 * MB }], why: 'the most' },
    ],
    rate: [
      { text: '2.5', value: 2.5, why: 'a fraction' },
      { text: '30000/m', value: 500, why: 'by the minute' },
    ],
    ramp: [
      { text: '30s', value: 30_000, why: 'shorter than the run' },
      { text: '5m', value: 300_000, why: 'all of it' },
      { text: '0s', value: 0, why: 'none' },
    ],
    warmup: [
      { text: '30s', value: 30_000, why: 'shorter than the run' },
      { text: '0s', value: 0, why: 'none' },
    ],
    untilSteady: [{ text: 'true', value: true, why: 'on' }],
    stages: [
      {
        text: '100:5m,500:1h30m',
        value: {
          unit: 'vus',
          list: [
            { target: 100, ms: 300_000 },
            { target: 500, ms: 5_400_000 },
          ],
        },
        why: 'VUs',
      },
      {
        text: '100/s:5m, 30/m:1s',
        value: {
          unit: 'rate',
          list: [
            { target: 100, ms: 300_000 },
            { target: 0.5, ms: 1_000 },
          ],
        },
        why: 'rates, each in its unit, and a space',
      },
      { text: '8:1m', value: { unit: 'vus', list: [{ target: 8, ms: 60_000 }] }, why: 'one' },
      {
        text: '2.5/s:1m,0/s:1m',
        value: {
          unit: 'rate',
          list: [
            { target: 2.5, ms: 60_000 },
            { target: 0, ms: 60_000 },
          ],
        },
        why: 'rates have fractions, and some may be nothing',
      },
      {
        text: '0:1s,100000:1s',
        value: {
          unit: 'vus',
          list: [
            { target: 0, ms: 1_000 },
            { target: 100_000, ms: 1_000 },
          ],
        },
        why: 'the least and the most',
      },
    ],
    burst: [
      { text: '10m', value: 600_000, why: 'longer than the run: it is cut short' },
      { text: '1s', value: 1_000, why: 'the least' },
    ],
    pause: [
      { text: '1h', value: 3_600_000, why: 'longer than the run: there is one burst' },
      { text: '1s', value: 1_000, why: 'the least' },
    ],
    seedObjects: [
      { text: '0', value: 0, why: 'none' },
      { text: '1000000', value: 1_000_000, why: 'the most' },
    ],
    tests: [
      { text: 'firehose', value: ['firehose'], why: 'one' },
      { text: 'firehose, list-ops ,spiky', value: ['firehose', 'list-ops', 'spiky'], why: 'spaces, a dash' },
      { text: 'spiky,firehose,spiky', value: ['spiky', 'firehose'], why: 'each once, in their order' },
    ],
    thresholds: [
      {
        text: 'http_req_duration{op:GET,size:1KB}:p(99.9)<50',
        value: [{ metric: 'http_req_duration{op:GET,size:1KB}', expr: 'p(99.9)<50' }],
        why: 'tags and a percentile',
      },
      {
        text: 's3_bytes:count>=1 ; checks:rate == .99;',
        value: [
          { metric: 's3_bytes', expr: 'count>=1' },
          { metric: 'checks', expr: 'rate == .99' },
        ],
        why: 'two, with spaces',
      },
      {
        text: 'http_reqs{endpoint:10.0.0.1:9000}:rate>100',
        value: [{ metric: 'http_reqs{endpoint:10.0.0.1:9000}', expr: 'rate>100' }],
        why: 'a colon in a tag',
      },
      {
        text: 'a:avg<1;a:min<1;a:max<1;a:med<1;a:value!=1;a:p(0)===1;a:p(100)>1',
        value: ['avg<1', 'min<1', 'max<1', 'med<1', 'value!=1', 'p(0)===1', 'p(100)>1'].map((expr) => ({
          metric: 'a',
          expr,
        })),
        why: "all of k6's methods and operators",
      },
    ],
    prefix: [
      { text: 'loadtest/', value: 'loadtest/', why: 'the default' },
      { text: 'a/b.c-d_e/', value: 'a/b.c-d_e/', why: 'several folders' },
    ],
    retries: [{ text: '0', value: 0, why: 'none' }],
    retryDelay: [{ text: '500ms', value: 500, why: 'half a second' }],
    partConcurrency: [{ text: '4', value: 4, why: 'as SDKs do' }],
    popularity: [
      { text: 'zipf:1.1', value: { kind: 'zipf', exponent: 1.1 }, why: 'few are read often' },
      { text: 'hot:10%:90%', value: { kind: 'hot', objects: 0.1, reads: 0.9 }, why: 'a hot set' },
      { text: 'Sequential', value: { kind: 'sequential' }, why: 'one after the other' },
    ],
    range: [{ text: '1MB', value: 1024 ** 2, why: 'a part of an object' }],
    workload: [{ text: './web.yaml', value: './web.yaml', why: 'a file' }],
    prepared: [{ text: 'data/prepared/web.json', value: 'data/prepared/web.json', why: 'a file' }],
    workerId: [
      { text: 'w12', value: 'w12', why: 'short' },
      { text: 'host.example_1', value: 'host.example_1', why: "a host's name" },
    ],
    statsInterval: [{ text: '1s', value: 1000, why: 'the least' }],
    logLevel: [{ text: 'WARNING', value: 'warning', why: 'as Python writes them' }],
    prices: [
      { text: 'prices.json', value: 'prices.json', why: 'a file' },
      { text: 'none', value: 'none', why: 'no cost' },
    ],
    seed: [
      { text: '0', value: 0, why: 'the least' },
      { text: '4294967295', value: 0xffff_ffff, why: 'the most' },
    ],
    httpProxy: [{ text: 'none', value: 'none', why: 'whatever the environment has' }],
    resolve: [{ text: 'all', value: 'all', why: 'an endpoint for each address' }],
    timeout: [{ text: '500ms', value: 500, why: 'below a second' }],
    partSize: [
      { text: '5MB', value: 5 * MB, why: "S3's least" },
      { text: '1GB', value: 1024 * MB, why: 'the most' },
    ],
    workersFile: [{ text: '/etc/my workers', value: '/etc/my workers', why: 'a file of this machine' }],
    remoteCodeDir: [
      { text: '/opt/s3loadtest', value: '/opt/s3loadtest', why: 'the same on all workers' },
      { text: '~/code', value: '~/code', why: "each worker's own home" },
    ],
    remoteLogDir: [{ text: '/var/tmp/s3loadtest', value: '/var/tmp/s3loadtest', why: 'a larger disk' }],
    ssh: [{ text: 'system', value: 'system', why: "this machine's own" }],
    sshConfig: [{ text: './ssh_config', value: './ssh_config', why: "the project's own" }],
  };

  const wrong: { readonly [K in SettingName]: readonly { text: string; why: string }[] } = {
    endpoints: [
      { text: '127.0.0.1:9000', why: 'no scheme' },
      { text: 'ftp://a', why: 'another scheme' },
      { text: 'http://a#b', why: 'an address that is a name' },
      { text: 'http://a#10.0.0.1,http://a#10.0.0.1', why: 'an address twice' },
      { text: 'http://a/s3?x', why: 'a query' },
      { text: 'http://a/s3,http://b', why: 'paths that differ' },
      { text: 'http://a?x=1', why: 'a query' },
      { text: 'http://', why: 'no host' },
      { text: 'http://a:', why: 'no port after the colon' },
      { text: 'http://a:0', why: 'no such port' },
      { text: 'http://a:65536', why: 'nor this' },
      { text: 'http://a:1,http://a:1/', why: 'one twice would count for two' },
      { text: 'http://a:1 http://b:2', why: 'no comma' },
      { text: ',', why: 'none' },
    ],
    accessKeyId: [
      { text: 'a b', why: 'a space' },
      { text: '"AKID"', why: 'quotes that a shell left' },
    ],
    secretAccessKey: [{ text: 'a\nb', why: 'a line break' }],
    sessionToken: [{ text: 'two words', why: 'a space' }],
    users: [
      { text: 'alice,bob', why: 'names, and no credentials' },
      { text: '[]', why: 'none' },
      { text: '[null]', why: 'nobody' },
      { text: '[{"accessKeyId":"a"}]', why: 'a key without its secret' },
      { text: '[{"accessKeyId":"a","secretAccessKey":1}]', why: 'a number' },
    ],
    region: [
      { text: 'us east', why: 'a space' },
      { text: 'us/east', why: 'a slash would be another scope' },
    ],
    bucket: [
      { text: 'ab', why: 'too short' },
      { text: 'my/bucket', why: 'a slash' },
      { text: '-bucket', why: 'begins with a dash' },
      { text: 'bücket', why: 'no ASCII' },
    ],
    requestTimeout: [{ text: '0', why: 'nothing would be in time' }],
    headers: [
      { text: 'AES256', why: 'no name' },
      { text: 'a:', why: 'no value' },
      { text: 'Authorization: x', why: 'ours' },
      { text: 'x-amz-server-side-encryption-customer-algorithm: AES256', why: 'what --sse-c sends' },
    ],
    storageClass: [{ text: 'cold storage', why: 'no word of S3' }],
    checksum: [{ text: 'crc16', why: 'none that S3 has' }],
    checksumTrailer: [{ text: 'crc32c', why: 'not which, but whether' }],
    createBucket: [{ text: 'mine', why: 'not which, but whether' }],
    sseC: [{ text: 'AES256', why: 'not how, but whether' }],
    sseCKey: [
      { text: Buffer.alloc(16).toString('base64'), why: 'a key of AES-128' },
      { text: Buffer.alloc(32).toString('hex'), why: 'not base64' },
      { text: `${'A'.repeat(42)}B=`, why: 'bits beyond the last byte' },
    ],
    credentials: [{ text: 'vault', why: 'neither' }],
    signPayload: [{ text: 'sha256', why: 'not how, but whether' }],
    check: [{ text: 'writes', why: 'not what, but whether' }],
    allowPartial: [{ text: '2', why: 'not how many, but whether' }],
    verify: [{ text: 'md5', why: 'not how, but whether' }],
    verifySsl: [
      { text: 'maybe', why: 'neither' },
      { text: '2', why: 'no truth value' },
    ],
    addressing: [{ text: 'dns', why: "another tool's word" }],
    backend: [
      { text: 'boto3', why: 'a Python client' },
      { text: 'minio', why: 'another' },
    ],
    jslibUrl: [
      { text: 'http://mirror/index.js', why: 'k6 takes no module from there' },
      { text: 'https://', why: 'no address' },
    ],
    s3poolBinary: [],
    s3poolUrl: [
      { text: 'mirror/s3pool', why: 'no scheme' },
      { text: 'https://mirror', why: 'no file' },
      { text: 'file:///opt/s3pool', why: 'that is a path: S3POOL_BINARY' },
    ],
    s3poolSha256: [
      { text: 'ab'.repeat(20), why: 'SHA-1' },
      { text: 'sha256:'.concat('ab'.repeat(32)), why: 'with its name' },
    ],
    dataDir: [],
    keyDir: [],
    duration: [
      { text: '0s', why: 'no time' },
      { text: '999ms', why: 'k6 takes no less than a second' },
      { text: '30', why: 'no unit' },
      { text: '5 m', why: 'a space' },
      { text: '-5m', why: 'negative' },
    ],
    bytesPerSecond: [
      { text: '0', why: 'none would ever end' },
      { text: '1.1MB', why: 'that is not slow' },
      { text: '100/s', why: 'a second is what it is of' },
    ],
    concurrency: [
      { text: '0', why: 'nobody' },
      { text: '1.5', why: 'half a VU' },
      { text: '100001', why: 'too many' },
      { text: 'ten', why: 'a word' },
      { text: '0x10', why: 'no decimal' },
    ],
    sizes: [
      { text: '0B', why: 'S3 has them, a load of them has no bytes' },
      { text: '101GB', why: 'too large' },
      { text: '1KB,,1MB', why: 'an empty one' },
      { text: '1KB 1MB', why: 'no comma' },
      { text: 'big', why: 'a word' },
      { text: '1KB:0', why: 'never' },
      { text: '1KB:1001', why: 'a weight that is too large' },
      { text: '1KB:half', why: 'no weight' },
      { text: '64KB-1KB', why: 'reversed' },
      { text: '1KB-1KB', why: 'nothing between' },
      { text: '1KB-2KB-3KB', why: 'one too many' },
      { text: 'lognormal:1MB', why: 'no deviation' },
      { text: 'lognormal:1MB:0', why: 'one size' },
      { text: 'lognormal:1GB:5', why: 'its largest is no object' },
      { text: 'normal:1MB:1', why: 'not known' },
    ],
    rate: [
      { text: '0', why: 'never' },
      { text: '-1', why: 'negative' },
      { text: '10/d', why: 'no such unit' },
      { text: 'fast', why: 'a word' },
    ],
    ramp: [
      { text: '30', why: 'no unit' },
      { text: '-30s', why: 'negative' },
    ],
    warmup: [
      { text: '30', why: 'no unit' },
      { text: '-30s', why: 'negative' },
    ],
    untilSteady: [{ text: 'maybe', why: 'neither' }],
    stages: [
      { text: '100', why: 'no time' },
      { text: ':5m', why: 'no VUs' },
      { text: '100:5', why: 'a time without a unit' },
      { text: '100:999ms', why: 'k6 takes no run of less than a second' },
      { text: '100:5m,', why: 'an empty one' },
      { text: '100:5m 500:5m', why: 'no comma' },
      { text: '100:5m,500/s:5m', why: 'VUs and rates' },
      { text: '2.5:5m', why: 'half a VU' },
      { text: '100001:5m', why: 'too many VUs' },
      { text: '-1:5m', why: 'negative' },
      { text: '100/d:5m', why: 'no such unit' },
      { text: '5m:100', why: 'the other way round, as k6 has it' },
      { text: '0:5m,0:5m', why: 'no load at all' },
      { text: '0/s:5m', why: 'nor here' },
    ],
    burst: [
      { text: '0s', why: 'no burst' },
      { text: '999ms', why: 'too short' },
      { text: '10', why: 'no unit' },
    ],
    pause: [
      { text: '0s', why: 'no pause' },
      { text: '999ms', why: 'too short' },
      { text: '10', why: 'no unit' },
    ],
    seedObjects: [
      { text: '-1', why: 'negative' },
      { text: '1000001', why: 'too many' },
      { text: '1.5', why: 'a fraction' },
    ],
    tests: [
      { text: 'firehose,,spiky', why: 'an empty one' },
      { text: 'Firehose', why: 'a capital' },
      { text: '../firehose', why: 'a path' },
      { text: 'firehose spiky', why: 'no comma' },
    ],
    thresholds: [
      { text: 'p(99)<50', why: 'no metric' },
      { text: 'http_req_duration', why: 'no expression' },
      { text: 'http_req_duration:p99<50', why: 'k6 writes p(99)' },
      { text: 'http_req_duration:p(101)<50', why: 'no such percentile' },
      { text: 'http_req_duration:p(99)<', why: 'no value' },
      { text: 'http_req_duration:p(99)<1.2.3', why: 'no number' },
      { text: 'http_req_duration:p(99)<50ms', why: 'k6 takes plain numbers' },
      { text: 'http_req_duration:p(99)!==50', why: 'no operator of k6' },
      { text: 'http_req_duration:mean<50', why: 'no method of k6' },
      { text: 'http_req_duration{op}:avg<50', why: 'a tag without a value' },
      { text: 'http_req_duration{op:GET:avg<50', why: 'a brace that nothing closes' },
      { text: 'a:avg<1,b:avg<1', why: 'a comma for the semicolon' },
    ],
    prefix: [
      { text: 'loadtest', why: 'no slash at the end' },
      { text: '/loadtest/', why: 'an empty folder' },
      { text: 'a//', why: 'another' },
      { text: '../', why: 'no folder of a bucket' },
      { text: 'a b/', why: 'a space' },
    ],
    retries: [{ text: '-1', why: 'negative' }],
    retryDelay: [
      { text: '5', why: 'no unit' },
      { text: '0s', why: 'no delay' },
    ],
    partConcurrency: [
      { text: '0', why: 'none' },
      { text: '65', why: 'too many' },
    ],
    popularity: [
      { text: 'zipf', why: 'no exponent' },
      { text: 'zipf:0', why: 'all alike' },
      { text: 'zipf:-1', why: 'the other way round' },
      { text: 'hot:10%', why: 'no share of reads' },
      { text: 'hot:10:90', why: 'no percent' },
      { text: 'hot:0%:90%', why: 'no objects' },
      { text: 'hot:10%:100%', why: 'nothing for the others' },
      { text: 'sequential:1', why: 'it has no number' },
      { text: 'normal', why: 'not known' },
    ],
    range: [
      { text: '0B', why: 'nothing' },
      { text: 'some', why: 'no size' },
    ],
    workload: [],
    prepared: [],
    workerId: [
      { text: 'a/b', why: 'a slash would be another layout' },
      { text: '..', why: 'clients resolve it' },
      { text: 'a b', why: 'a space' },
    ],
    statsInterval: [
      { text: '500ms', why: 'too often' },
      { text: '30', why: 'no unit' },
    ],
    logLevel: [{ text: 'trace', why: 'no such level' }],
    prices: [],
    seed: [
      { text: '-1', why: 'negative' },
      { text: '4294967296', why: 'more than 32 bits' },
      { text: '1.5', why: 'a fraction' },
    ],
    httpProxy: [{ text: 'http://proxy:3128', why: 'that belongs into HTTP_PROXY' }],
    resolve: [{ text: 'some', why: 'neither' }],
    timeout: [
      { text: '0s', why: 'no time' },
      { text: '60', why: 'no unit' },
    ],
    partSize: [
      { text: '4MB', why: "less than S3's least" },
      { text: '2GB', why: 'more than fits a VU' },
      { text: '8', why: 'bytes' },
    ],
    workersFile: [],
    remoteCodeDir: [
      { text: 'code', why: 'from which folder is not said' },
      { text: '~bench/code', why: 'the home of another' },
      { text: '/opt/my code', why: 'a space' },
      { text: '/', why: 'no folder of ours' },
    ],
    remoteLogDir: [{ text: './logs', why: 'from which folder is not said' }],
    ssh: [{ text: 'openssh', why: 'no such way' }],
    sshConfig: [],
  };

  /** What a setting is wrong without. */
  const BESIDE: Partial<Record<SettingName, Environment>> = {
    checksumTrailer: { S3LOADTEST_CHECKSUM: 'sha1' },
    sseC: { S3LOADTEST_SSE_C_KEY: SSE_C_KEY },
  };
  const rightRows = all.flatMap(([name, s]) => right[name].map((row) => ({ ...row, name, variable: s.env[0] })));
  test.each(rightRows)('$variable=$text: $why', ({ name, variable, text, value }) => {
    expect(readConfig({ ...LEAST, ...(BESIDE[name] ?? {}), [variable]: text })[name]).toEqual(value);
  });

  const wrongRows = all.flatMap(([name, s]) => wrong[name].map((row) => ({ ...row, setting: s, variable: s.env[0] })));
  test.each(wrongRows)('$variable=$text is refused in one line: $why', ({ setting, variable, text }) => {
    const problems = problemsOf({ ...LEAST, [variable]: text });
    const shown = setting.secret ? '(not shown)' : JSON.stringify(text.trim());
    expect(problems).toEqual([`${variable} is ${shown}: give ${setting.expected}`]);
    expect(problems[0]).not.toContain('\n');
  });
});

describe('readConfig', () => {
  test('a run needs four settings, and has all the others', () => {
    const config = readConfig(LEAST);
    for (const [name, s] of all) {
      if (!s.required) expect(config[name], name).toEqual(s.fallback);
    }
    expect(config).toMatchObject({
      endpoints: ['http://127.0.0.1:9000'],
      bucket: 'bucket',
      accessKeyId: 'AKIDEXAMPLE',
    });
  });

  test.each([
    {
      environments: [{ S3_BUCKET: 'env' }, { S3_BUCKET: 'here' }, { S3_BUCKET: 'home' }],
      is: 'env',
      why: 'the first that has it wins',
    },
    { environments: [{}, { S3_BUCKET: 'here' }, { S3_BUCKET: 'home' }], is: 'here', why: 'then the next' },
    { environments: [{ S3_BUCKET: undefined }, {}, { S3_BUCKET: 'home' }], is: 'home', why: 'then the last' },
    {
      environments: [{ S3_BUCKET: '' }, { S3_BUCKET: 'here' }],
      is: 'here',
      why: 'empty is none, as an unset variable of a CI job is',
    },
    { environments: [{ S3_BUCKET: ' \t' }, { S3_BUCKET: 'here' }], is: 'here', why: 'and so are spaces' },
    { environments: [{ S3_BUCKET: ' env ' }], is: 'env', why: 'spaces around are no part of it' },
  ])('$environments: $why', ({ environments, is }) => {
    const { S3_BUCKET: _, ...rest } = LEAST;
    expect(readConfig(...environments, rest).bucket).toBe(is);
  });

  test.each([
    { environments: [{ S3_POOL: 'http://pool' }], is: 'http://pool', why: "the original's other name" },
    {
      environments: [{ S3_POOL: 'http://pool', S3_ENDPOINTS: 'http://own' }],
      is: 'http://own',
      why: 'the first name wins within one',
    },
    {
      environments: [{ S3_POOL: 'http://pool' }, { S3_ENDPOINTS: 'http://own' }],
      is: 'http://pool',
      why: 'but the nearer environment before that',
    },
    {
      environments: [{ S3_POOL: 'http://pool', S3_ENDPOINTS: ' ' }],
      is: 'http://pool',
      why: 'an empty first name is none',
    },
  ])('$environments: $why', ({ environments, is }) => {
    const { S3_ENDPOINTS: _, ...rest } = LEAST;
    expect(readConfig(...environments, rest).endpoints).toEqual([is]);
  });

  test('--sse-c without a key says how to get one; its key may come later, as credentials do', () => {
    const line =
      'S3LOADTEST_SSE_C is true, and S3LOADTEST_SSE_C_KEY is missing: give 32 bytes in base64, as `openssl rand -base64 32` prints them';
    expect(problemsOf({ ...LEAST, S3LOADTEST_SSE_C: 'true' })).toEqual([line]);
    const { config, lacking } = readWithoutCredentials([{ ...LEAST, S3LOADTEST_SSE_C: 'true' }]);
    expect({ key: config.sseCKey, problems: lacking?.problems }).toEqual({ key: '', problems: [line] });
  });

  test('a key of SSE-C is shown neither as a setting nor where it was given as a header', () => {
    const config = readConfig({ ...LEAST, S3LOADTEST_SSE_C: 'true', S3LOADTEST_SSE_C_KEY: SSE_C_KEY });
    expect(publicConfig(config)).toMatchObject({ sseC: true });
    expect(JSON.stringify(publicConfig(config))).not.toContain(SSE_C_KEY);
    const header = `x-amz-server-side-encryption-customer-key: ${SSE_C_KEY}`;
    const [problem] = problemsOf({ ...LEAST, S3LOADTEST_HEADERS: `a: b;${header};c: d` });
    expect(problem).toContain('"a: b;x-amz-server-side-encryption-customer-key: …;c: d"');
    expect(problem).toContain('SSE-C by --sse-c, and its key, a secret, in S3LOADTEST_SSE_C_KEY');
  });

  test('all that is missing is said at once, a line each, and what is wrong besides', () => {
    const environment = { S3LOADTEST_DURATION: '5 minutes', S3_VERIFY_SSL: 'perhaps' };
    expect(problemsOf(environment)).toEqual([
      'S3_ENDPOINTS is missing (S3 endpoints, separated by commas. Requests go to them in turn): set it in the environment or in .env',
      'AWS_ACCESS_KEY_ID is missing (Access key): set it in the environment or in .env',
      'AWS_SECRET_ACCESS_KEY is missing (Secret key): set it in the environment or in .env',
      'S3_BUCKET is missing (Bucket to test): set it in the environment or in .env',
      'S3_VERIFY_SSL is "perhaps": give true or false',
      'S3LOADTEST_DURATION is "5 minutes": give a duration of 1s or more, such as 30s, 5m, 2h, 1d, 1w or 1h30m',
    ]);
    expect(() => readConfig(environment)).toThrow(problemsOf(environment).join('\n'));
  });

  test('the variable that is wrong is named, not the one it stands for', () => {
    const { S3_ENDPOINTS: _, ...rest } = LEAST;
    expect(problemsOf({ ...rest, S3_POOL: 'nope' })[0]).toMatch(/^S3_POOL is "nope": give /);
  });

  test('an option and a file are named as the user knows them, later on as well', () => {
    const options = { S3LOADTEST_RAMP: '6m', [ORIGIN]: { options: ['S3LOADTEST_RAMP'] } };
    const file = { S3LOADTEST_SEED: '7', [ORIGIN]: { file: '/home/me/.env' } };
    expect(problemsOf(options, LEAST)).toEqual(['--ramp is 6m: the run takes 5m, give no more than that']);
    expect(problemsOf({ ...options, S3LOADTEST_RAMP: 'x' }, LEAST)[0]).toMatch(/^--ramp is "x": give /);
    const config = readConfig(LEAST, file);
    expect(nameOf(config, 'seed')).toBe('S3LOADTEST_SEED in /home/me/.env');
    expect(nameOf(config, 'duration')).toBe('S3LOADTEST_DURATION');
    expect(JSON.stringify(publicConfig(config))).not.toContain('/home/me');
  });

  test('a wrong value is not passed over for a right one further on: it is what the user meant', () => {
    expect(problemsOf({ S3LOADTEST_SEED: 'x' }, { ...LEAST, S3LOADTEST_SEED: '1' })).toHaveLength(1);
  });

  test("another tool's variable counts where no source has ours", () => {
    const own = { AWS_ENDPOINT_URL_S3: 'http://s3', AWS_ENDPOINT_URL: 'http://any', AWS_DEFAULT_REGION: 'eu-west-1' };
    const { S3_ENDPOINTS: _, ...least } = LEAST;
    expect(readConfig(own, least)).toMatchObject({ endpoints: ['http://s3'], region: 'eu-west-1' });
    expect(readConfig(own, { ...LEAST, AWS_REGION: 'garage' })).toMatchObject({
      endpoints: ['http://127.0.0.1:9000'],
      region: 'garage',
    });
    expect(problemsOf({ AWS_ENDPOINT_URL: 'localhost:9000' }, least)[0]).toMatch(
      /^AWS_ENDPOINT_URL is "localhost:9000"/,
    );
  });

  test('credentials are one set: no token of other keys', () => {
    const shell = { AWS_SESSION_TOKEN: 'of-other-keys', AWS_SECRET_ACCESS_KEY: 'others' };
    const config = readConfig(shell, LEAST);
    expect(config.sessionToken).toBeUndefined();
    expect(config.secretAccessKey).toBe(LEAST.AWS_SECRET_ACCESS_KEY);
    expect(settingTexts(shell, LEAST)).toEqual(LEAST);
    expect(readConfig({ ...LEAST, AWS_SESSION_TOKEN: 'own' }, shell).sessionToken).toBe('own');
    const { AWS_SECRET_ACCESS_KEY: _, ...withoutSecret } = LEAST;
    expect(readConfig(withoutSecret, shell)).toMatchObject({
      secretAccessKey: 'others',
      sessionToken: 'of-other-keys',
    });
  });

  test('variables that are no settings are left alone', () => {
    expect(readConfig({ ...LEAST, PATH: '/bin', AWS_PROFILE: 'x' })).toEqual(readConfig(LEAST));
  });
});

describe('what stages decide', () => {
  const STAGES = 'S3LOADTEST_STAGES';

  test.each([
    { text: '100:5m,500:10m,10:1m', duration: 960_000, concurrency: 500, why: 'VUs: their sum of times, most of VUs' },
    { text: '100/s:5m,500/s:10m', duration: 900_000, concurrency: 16, why: 'rates: the VUs are as many as asked for' },
  ])('$text: $why', ({ text, duration, concurrency }) => {
    const environment = { ...LEAST, S3LOADTEST_CONCURRENCY: '16', [STAGES]: text };
    expect(readConfig(environment)).toMatchObject({ duration, concurrency });
    expect(readConfig(environment).rate).toBeUndefined();
  });
});

describe('settings that are right by themselves and wrong together', () => {
  const DURATION = 'S3LOADTEST_DURATION';
  const STAGES = 'S3LOADTEST_STAGES';
  const RATE = 'S3LOADTEST_RATE';
  const RAMP = 'S3LOADTEST_RAMP';
  const WARMUP = 'S3LOADTEST_WARMUP';
  const UNTIL_STEADY = 'S3LOADTEST_UNTIL_STEADY';
  const CHECKSUM = 'S3LOADTEST_CHECKSUM';
  const TRAILER = 'S3LOADTEST_CHECKSUM_TRAILER';

  test.each<{ environment: Environment; problems: string[]; why: string }>([
    {
      environment: { [STAGES]: '100:5m', [DURATION]: '5m' },
      problems: [`${STAGES} and ${DURATION} are both set: stages have their own times, leave one of them out`],
      why: 'even where they agree: a change of one would go unseen',
    },
    {
      environment: { [STAGES]: '100:5m', [RATE]: '10' },
      problems: [`${STAGES} and ${RATE} are both set: rates of stages are written 100/s:5m, leave one of them out`],
      why: 'VUs at a rate',
    },
    {
      environment: { [STAGES]: '100/s:5m', [RATE]: '10' },
      problems: [`${STAGES} and ${RATE} are both set: rates of stages are written 100/s:5m, leave one of them out`],
      why: 'two rates',
    },
    {
      environment: { [STAGES]: '100:5m', [DURATION]: '5m', [RATE]: '10', [RAMP]: '6m' },
      problems: [
        `${STAGES} and ${DURATION} are both set: stages have their own times, leave one of them out`,
        `${STAGES} and ${RATE} are both set: rates of stages are written 100/s:5m, leave one of them out`,
        `${RAMP} is 6m: the shortest of the stages takes 5m, give no more than that`,
      ],
      why: 'all of it at once',
    },
    {
      environment: { [DURATION]: '30s', [RAMP]: '31s' },
      problems: [`${RAMP} is 31s: the run takes 30s, give no more than that`],
      why: 'never gets there',
    },
    {
      environment: { [RAMP]: '10m' },
      problems: [`${RAMP} is 10m: the run takes 5m, give no more than that`],
      why: 'nor in the default duration',
    },
    {
      environment: { [STAGES]: '100:10m,500:1m,100:10m', [RAMP]: '90s' },
      problems: [`${RAMP} is 1m30s: the shortest of the stages takes 1m, give no more than that`],
      why: 'one stage would never get there',
    },
    { environment: { [DURATION]: '30s', [RAMP]: '30s' }, problems: [], why: 'gets there at the end' },
    {
      environment: { [DURATION]: '30s', [WARMUP]: '30s' },
      problems: [`${WARMUP} is 30s: the run takes 30s, give 29s or less`],
      why: 'nothing would be measured',
    },
    {
      environment: { [DURATION]: '1s', [WARMUP]: '1s' },
      problems: [`${WARMUP} is 1s: the run takes 1s, leave it out, or run longer`],
      why: 'there is no time for one',
    },
    {
      environment: { [STAGES]: '10:1m,20:1m', [WARMUP]: '2m' },
      problems: [`${WARMUP} is 2m: the run takes 2m, give 1m59s or less`],
      why: 'stages are the time',
    },
    { environment: { [DURATION]: '30s', [WARMUP]: '29s' }, problems: [], why: 'a second is left' },
    {
      environment: { [UNTIL_STEADY]: 'true', [RATE]: '10' },
      problems: [`${UNTIL_STEADY} and ${RATE} are both set: a rate sets the throughput, leave one of them out`],
      why: 'nothing is left to settle',
    },
    {
      environment: { [UNTIL_STEADY]: 'true', [STAGES]: '10:1m,20:1m' },
      problems: [`${UNTIL_STEADY} and ${STAGES} are both set: stages change the load, leave one of them out`],
      why: 'each stage has a throughput of its own',
    },
    {
      environment: { [UNTIL_STEADY]: 'true', [WARMUP]: '30s', [DURATION]: '1m' },
      problems: [`${UNTIL_STEADY} is true: that takes 1m at least, and the run takes 1m: give a longer --duration`],
      why: 'it can not be found out in that time',
    },
    { environment: { [UNTIL_STEADY]: 'true', [WARMUP]: '30s', [RAMP]: '1m' }, problems: [], why: 'five minutes do' },
    { environment: { [UNTIL_STEADY]: 'false', [RATE]: '10' }, problems: [], why: 'it is off' },
    {
      environment: { [TRAILER]: 'true' },
      problems: [
        `${TRAILER} is true, and no checksum is to be sent: give --checksum crc64nvme, crc32c, crc32, sha1 or sha256`,
      ],
      why: 'there is nothing to trail',
    },
    {
      environment: { [TRAILER]: 'true', [CHECKSUM]: 'md5' },
      problems: [
        `${CHECKSUM} is md5, which S3 takes in a header only: give crc64nvme, crc32c, crc32, sha1 or sha256, or leave ${TRAILER} out`,
      ],
      why: 'S3 has no trailer of that name',
    },
    { environment: { [TRAILER]: 'true', [CHECKSUM]: 'crc32' }, problems: [], why: 'it can be sent behind a body' },
    { environment: { [STAGES]: '100:10m,500:1m', [RAMP]: '1m' }, problems: [], why: 'gets there at the end of one' },
    {
      environment: { [STAGES]: '100:10m', [RAMP]: '6m' },
      problems: [],
      why: 'longer than the default duration, which stages replace',
    },
    { environment: { [RATE]: '10', [RAMP]: '1m' }, problems: [], why: 'a rate may climb' },
    { environment: { [STAGES]: '10:1m', S3LOADTEST_CONCURRENCY: '99' }, problems: [], why: 'the CLI always gives VUs' },
    {
      environment: { [STAGES]: '100:5m', [DURATION]: 'long' },
      problems: [`${DURATION} is "long": give ${settings.duration.expected}`],
      why: 'what is wrong by itself comes first',
    },
  ])('$environment: $why', ({ environment, problems }) => {
    expect(problemsOf({ ...LEAST, ...environment })).toEqual(problems);
  });
});

describe('what a backend has no way to do is refused', () => {
  const JSLIB = { S3LOADTEST_BACKEND: 'jslib', AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE' };
  const PROXY = { S3LOADTEST_BACKEND: 'proxy' };

  test.each<{ environment: Environment; problems: string[]; why: string }>([
    { environment: JSLIB, problems: [], why: 'nothing to object to' },
    { environment: { ...JSLIB, AWS_ACCESS_KEY_ID: 'k'.repeat(16) }, problems: [], why: 'the shortest key' },
    { environment: { ...JSLIB, AWS_ACCESS_KEY_ID: 'k'.repeat(128) }, problems: [], why: 'the longest' },
    {
      environment: { ...JSLIB, AWS_ACCESS_KEY_ID: 'minioadmin' },
      problems: [
        'AWS_ACCESS_KEY_ID has 10 characters, and S3LOADTEST_BACKEND is "jslib", which takes 16 to 128: give such a key, or another backend',
      ],
      why: 'as small servers have them; the key itself is not shown',
    },
    {
      environment: { ...JSLIB, AWS_ACCESS_KEY_ID: 'k'.repeat(129), S3_ADDRESSING: 'virtual' },
      problems: [
        'S3_ADDRESSING is "virtual", and S3LOADTEST_BACKEND is "jslib", which supports path addressing only: give path, or another backend',
        'AWS_ACCESS_KEY_ID has 129 characters, and S3LOADTEST_BACKEND is "jslib", which takes 16 to 128: give such a key, or another backend',
      ],
      why: 'all of it at once',
    },
    {
      environment: { ...JSLIB, S3_ENDPOINTS: 'http://a:1,http://[::1]:9000' },
      problems: [
        'S3_ENDPOINTS has "http://[::1]:9000", and S3LOADTEST_BACKEND is "jslib", which reads no IPv6 address: give a host name',
      ],
      why: 'it takes the first colon for the one before the port',
    },
    {
      environment: { ...PROXY, S3_ADDRESSING: 'virtual' },
      problems: [
        'S3_ADDRESSING is "virtual", and S3LOADTEST_BACKEND is "proxy", which supports path addressing only: give path, or another backend',
      ],
      why: 'a proxy has one name',
    },
    { environment: { ...PROXY, S3_ENDPOINTS: 'http://[::1]:9000' }, problems: [], why: 'the others read IPv6' },
    {
      environment: { S3LOADTEST_BACKEND: 'http', S3_ADDRESSING: 'virtual', AWS_ACCESS_KEY_ID: 'key' },
      problems: [],
      why: 'and take any key and addressing',
    },
  ])('$environment: $why', ({ environment, problems }) => {
    expect(problemsOf({ ...LEAST, ...environment })).toEqual(problems);
  });
});

describe('credentials', () => {
  const { AWS_ACCESS_KEY_ID: _, AWS_SECRET_ACCESS_KEY: __, ...keyless } = LEAST;

  test.each<{ environment: Environment; missing: number; why: string }>([
    { environment: {}, missing: 2, why: 'requests are signed with them' },
    { environment: { S3LOADTEST_BACKEND: 'jslib' }, missing: 2, why: 'by whomever' },
    { environment: { S3LOADTEST_BACKEND: 'proxy' }, missing: 2, why: 'the one on PATH gets them from here' },
    {
      environment: { S3LOADTEST_BACKEND: 'Proxy', S3POOL_BINARY: ' None' },
      missing: 0,
      why: 'proxies that run have their own',
    },
    {
      environment: { S3LOADTEST_BACKEND: 'proxy', S3POOL_BINARY: ' ' },
      missing: 2,
      why: 'an empty value is no setting',
    },
    {
      environment: { S3LOADTEST_BACKEND: 'proxy', S3POOL_BINARY: 's3pool' },
      missing: 2,
      why: 'one that is started gets them from here',
    },
    { environment: { S3POOL_BINARY: 's3pool' }, missing: 2, why: 'nor is it started for another backend' },
  ])('$environment: $missing are missing: $why', ({ environment, missing }) => {
    const given = { ...keyless, ...environment };
    if (missing > 0) expect(problemsOf(given).filter((line) => / is missing /.test(line))).toHaveLength(missing);
    else expect(readConfig(given)).toMatchObject({ accessKeyId: '', secretAccessKey: '' });
  });
});

describe('secrets', () => {
  const config = readConfig({ ...LEAST, ...SECRETS });

  test('are in what the client gets, and in nothing that is shown', () => {
    expect(config).toMatchObject({
      accessKeyId: 'AKIDEXAMPLE',
      secretAccessKey: 'hush/hush',
      sessionToken: 'to/ken==',
    });
    const shown = JSON.stringify(publicConfig(config));
    for (const secret of Object.values(SECRETS)) expect(shown).not.toContain(secret);
  });

  test('are all that is left out of it', () => {
    const secret = all.filter(([, s]) => s.secret).map(([name]) => name);
    expect(secret.sort()).toEqual(['accessKeyId', 'secretAccessKey', 'sessionToken', 'sseCKey', 'users'].sort());
    const users = [{ accessKeyId: 'a', secretAccessKey: 'b' }];
    const whole = { ...config, users };
    const left = Object.keys(whole).filter((name) => !(name in publicConfig(whole)));
    expect(left.sort()).toEqual(secret);
  });

  test('are not in a message about them, nor in one about an endpoint that has some', () => {
    const [about] = problemsOf({ ...LEAST, AWS_SECRET_ACCESS_KEY: 'hush\thush' });
    expect(about).toBe('AWS_SECRET_ACCESS_KEY is (not shown): give a secret key without control characters');
    const [endpoint] = problemsOf({ ...LEAST, S3_ENDPOINTS: 'http://me:hush@host:9000,https://a:hush@b' });
    expect(endpoint).toMatch(/^S3_ENDPOINTS is "http:\/\/…@host:9000,https:\/\/…@b": give /);
  });
});

test('settingTexts gives each text that is set, once, under its first name, and nothing else', () => {
  const texts = settingTexts(
    { S3_POOL: ' http://pool ', S3LOADTEST_SEED: '', PATH: '/bin' },
    { S3_ENDPOINTS: 'http://own', S3LOADTEST_SEED: '7' },
  );
  expect(texts).toEqual({ S3_ENDPOINTS: 'http://pool', S3LOADTEST_SEED: '7' });
  expect(readConfig({ ...LEAST, ...texts })).toMatchObject({ endpoints: ['http://pool'], seed: 7 });
});
