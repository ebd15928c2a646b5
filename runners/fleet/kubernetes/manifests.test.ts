import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { ConfigError } from '../../../lib/settings/config';
import { manifestsOf, type Wishes } from './manifests';

const WISHES: Wishes = {
  name: 'nightly',
  namespace: undefined,
  runId: '20261121T110526Z-nightly-3f9a',
  workers: 3,
  image: 'registry.example/s3loadtest:1',
  extension: true,
  script: { file: 'firehose.js', text: "import exec from 'k6/execution';\n" },
  tests: undefined,
  settings: {
    S3_ENDPOINTS: 'http://s3.example:9000',
    S3_BUCKET: 'bucket',
    S3LOADTEST_BACKEND: 'native',
    S3LOADTEST_DURATION: '10m',
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'hush/hush',
    S3LOADTEST_SSE_C: 'true',
    S3LOADTEST_SSE_C_KEY: 'key/of/mine=',
  },
  outs: [],
  durationMs: 600_000,
  secretName: undefined,
};

interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: unknown;
}

/** What is relied on here, as the CRD has it. */
interface TestRun {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: object;
  readonly spec: {
    readonly parallelism: number;
    readonly script: object;
    readonly arguments: string;
    readonly runner: { readonly image: string; readonly env: readonly EnvVar[]; readonly envFrom: unknown };
  };
}

const testRunOf = (more: Partial<Wishes> = {}) => manifestsOf({ ...WISHES, ...more }).testRun as TestRun;

function valuesOf({ spec }: TestRun): Record<string, string | undefined> {
  return Object.fromEntries(spec.runner.env.map(({ name, value }) => [name, value]));
}

function problemOf(more: Partial<Wishes>): string {
  try {
    manifestsOf({ ...WISHES, ...more });
  } catch (e) {
    if (e instanceof ConfigError) return e.message;
    throw e;
  }
  return '';
}

test('a TestRun has what its CRD requires, and all parts are of one name', () => {
  const { apiVersion, kind, metadata, spec } = testRunOf();
  expect({ apiVersion, kind, metadata }).toEqual({
    apiVersion: 'k6.io/v1alpha1',
    kind: 'TestRun',
    metadata: { name: 'nightly' },
  });
  expect([spec.parallelism, spec.script]).toEqual([3, { configMap: { name: 'nightly', file: 'firehose.js' } }]);
  expect(spec.runner.image).toBe(WISHES.image);
  expect(spec.runner.envFrom).toEqual([{ secretRef: { name: 'nightly' } }]);
  const { configMap, secret } = manifestsOf({ ...WISHES, namespace: 'load' });
  for (const manifest of [configMap, secret, testRunOf({ namespace: 'load' })]) {
    expect(manifest).toMatchObject({ metadata: { name: 'nightly', namespace: 'load' } });
  }
});

test('credentials are in the Secret and nowhere else', () => {
  const { secret, ...others } = manifestsOf({
    ...WISHES,
    settings: { ...WISHES.settings, AWS_SESSION_TOKEN: 'to/ken' },
  });
  const { data } = secret as { data: Record<string, string> };
  const decoded = Object.entries(data).map(([name, value]) => [name, Buffer.from(value, 'base64').toString()]);
  expect(Object.fromEntries(decoded)).toEqual({
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'hush/hush',
    AWS_SESSION_TOKEN: 'to/ken',
    S3LOADTEST_SSE_C_KEY: 'key/of/mine=',
  });
  expect(stringify(others)).not.toMatch(/AKIDEXAMPLE|hush|to\/ken|of\/mine/);
});

test('a Secret that is there is referred to, and none is made', () => {
  expect(manifestsOf({ ...WISHES, secretName: 'theirs' }).secret).toBeUndefined();
  expect(testRunOf({ secretName: 'theirs' }).spec.runner.envFrom).toEqual([{ secretRef: { name: 'theirs' } }]);
});

test('settings go to runners by value: for the initializer, which sees no others', () => {
  const values = valuesOf(testRunOf({ tests: ['firehose', 'spiky'] }));
  expect(values).toMatchObject({
    S3_ENDPOINTS: 'http://s3.example:9000',
    S3_BUCKET: 'bucket',
    S3LOADTEST_DURATION: '10m',
    S3LOADTEST_BACKEND: 'native',
    S3LOADTEST_TESTS: 'firehose,spiky',
    S3LOADTEST_WORKERS: '3',
    S3LOADTEST_CLI: '1',
    S3LOADTEST_EXTENSION: '1',
    K6_AUTO_EXTENSION_RESOLUTION: 'false',
  });
  const worker = testRunOf().spec.runner.env.find(({ name }) => name === 'S3LOADTEST_WORKER_ID');
  expect(worker?.valueFrom).toEqual({ fieldRef: { fieldPath: "metadata.labels['job-name']" } });
});

test('what only the CLI, or only this machine has a use for, stays here', () => {
  const own = { S3LOADTEST_DATA_DIR: '/here', S3LOADTEST_WORKERS_FILE: './workers', S3LOADTEST_WORKER_ID: 'w7' };
  const { env } = testRunOf({ settings: { ...WISHES.settings, ...own } }).spec.runner;
  const names = env.map(({ name }) => name);
  expect(names).not.toContain('S3LOADTEST_DATA_DIR');
  expect(names).not.toContain('S3LOADTEST_WORKERS_FILE');
  expect(env.filter(({ name }) => name === 'S3LOADTEST_WORKER_ID')).toHaveLength(1);
  expect(new Set(names).size).toBe(names.length);
});

test('that no proxy is started goes to runners, and no path of one here', () => {
  const told = (S3POOL_BINARY: string) =>
    valuesOf(testRunOf({ settings: { ...WISHES.settings, S3POOL_BINARY, S3POOL_URL: 'https://mirror/s3pool' } }));
  expect(told('None').S3POOL_BINARY).toBe('None');
  expect(told('/opt/s3pool')).not.toHaveProperty('S3POOL_BINARY');
  expect(told('none')).not.toHaveProperty('S3POOL_URL');
});

test('Kubernetes finds no references to variables in values', () => {
  const settings = { ...WISHES.settings, S3LOADTEST_THRESHOLDS: 'a$(S3_BUCKET)b$$' };
  expect(valuesOf(testRunOf({ settings })).S3LOADTEST_THRESHOLDS).toBe('a$$(S3_BUCKET)b$$');
});

describe('arguments', () => {
  test('with the extension: histograms on standard output, in so many lines that the log is kept', () => {
    expect(testRunOf().spec.arguments).toBe(
      '--no-usage-report --log-format=json --log-output=stdout --summary-mode=disabled --no-thresholds ' +
        '--out s3loadtest=-,interval=10s',
    );
    expect(testRunOf({ durationMs: 5_000 }).spec.arguments).toContain('interval=1s');
    expect(testRunOf({ durationMs: 86_400_000 }).spec.arguments).toContain('interval=1440s');
  });

  test('of stock k6: its summary', () => {
    const { arguments: own } = testRunOf({ extension: false }).spec;
    expect(own).toBe('--no-usage-report --log-format=json --log-output=stdout');
  });

  test('--out is an argument of its own, as the operator looks for it', () => {
    const { arguments: own } = testRunOf({ outs: ['json=/tmp/samples.json', 'cloud'] }).spec;
    expect(own).toContain(' --out json=/tmp/samples.json --out cloud --system-tags=');
  });
});

describe('the script', () => {
  test('stays as it is in YAML', () => {
    const text = '#\tx: |\n\n  a  \n\u{1F600} "\'\\ — end';
    const { configMap } = manifestsOf({
      ...WISHES,
      script: { file: 'a.js', text: `${text}\n` },
    });
    const back = parse(stringify(configMap, { lineWidth: 0, blockQuote: 'literal' })) as {
      data: Record<string, string>;
    };
    expect(back.data['a.js']).toBe(`${text}\n`);
  });

  test('fits a ConfigMap, or is refused', () => {
    const most = 'x'.repeat(1024 ** 2);
    expect(problemOf({ script: { file: 'a.js', text: most } })).toBe('');
    expect(problemOf({ script: { file: 'a.js', text: `${most}y` } })).toMatch(
      /^a\.js has 1,048,577 bytes: a ConfigMap takes 1,048,576: put it into an image/,
    );
  });
});

describe('refused', () => {
  test.each(['', 'Nightly', '1st', 'a.b', 'a_b', '-a', 'a-', 'a'.repeat(52)])('a name such as %j', (name) => {
    expect(problemOf({ name })).toMatch(/^--name is ".*": give small letters, .* 51 characters at most$/);
  });

  test('a name that is too long with the number of the last runner', () => {
    expect(problemOf({ name: 'a'.repeat(51) })).toBe('');
    expect(problemOf({ name: 'a'.repeat(51), workers: 1_000 })).toContain('50 characters at most');
  });

  test.each(['json=a b', "json='a'", 'json=$HOME'])(
    '--out %s, which the operator would split or a shell change',
    (out) => {
      expect(problemOf({ outs: [out] })).toContain(`--out is "${out}"`);
    },
  );
});
