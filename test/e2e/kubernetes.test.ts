/**
 * Runs by k6-operator, without a cluster: what `export k8s` writes is carried out by real k6 processes as the operator's source
 * (v1.6.0) has it: the initializer's `k6 archive` and `k6 inspect`, runners that are started paused, each an execution segment,
 * and set going one after the other over their REST API. What they said is then collected. Not tried: Kubernetes itself, the
 * operator, images.
 */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseResult, type Result, sum } from '../../lib/result/result';
import { segmentsOf } from '../../runners/run/segments';
import { freePort, missing } from '../servers';
import {
  CLI,
  type Ended,
  environment,
  expectNoCredential,
  type Home,
  keysIn,
  newBucket,
  notRun,
  openStage,
  Program,
  type Stage,
} from '../stage';

const noGo = await missing(['go']);
const extended = noGo.length === 0;
if (!extended) notRun("runners with the project's k6, which Go builds", 'go');

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
});

afterAll(async () => {
  await stage?.stop();
});

interface TestRun {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly parallelism: number;
    readonly script: { readonly configMap: { readonly file: string } };
    readonly arguments: string;
    readonly runner: {
      readonly image: string;
      readonly env: ReadonlyArray<{ name: string; value?: string; valueFrom?: { fieldRef: { fieldPath: string } } }>;
    };
  };
}

/** Manifests in a cluster, as far as their pods see of it. */
interface Applied {
  readonly home: Home;
  readonly bucket: string;
  readonly run: TestRun;
  /** Where the ConfigMap is mounted. */
  readonly script: string;
  /** Out of the Secret. */
  readonly credentials: Readonly<Record<string, string>>;
}

const cli = (home: Home, env: NodeJS.ProcessEnv, ...args: string[]) =>
  new Program(process.execPath, [CLI, ...args], env, home.path).ended;

async function setting(): Promise<{ home: Home; bucket: string; env: NodeJS.ProcessEnv }> {
  const home = await stage.home();
  const bucket = await newBucket(stage.site);
  return { home, bucket, env: environment(stage, home, stage.server, bucket) };
}

const LOAD = ['--size', '1KB', '--duration', '1s', '--concurrency', '3'];

async function apply(own: Awaited<ReturnType<typeof setting>>, ...args: string[]): Promise<Applied> {
  const { home, bucket, env } = own;
  const folder = await mkdtemp(join(home.path, 'manifests-'));
  const { code, stderr } = await cli(home, env, 'export', 'k8s', ...args, '--output', folder);
  expect(code, stderr).toBe(0);
  const read = (name: string) => parse(readFileSync(join(folder, name), 'utf8'));
  const run = read('testrun.yaml') as TestRun;
  const { data } = read('configmap.yaml') as { data: Record<string, string> };
  const { data: secret } = read('secret.yaml') as { data: Record<string, string> };
  const mounted = join(folder, 'mounted');
  await mkdir(mounted);
  for (const [name, text] of Object.entries(data)) await writeFile(join(mounted, name), text);
  const credentials = Object.entries(secret).map(([name, value]) => [name, Buffer.from(value, 'base64').toString()]);
  const script = join(mounted, run.spec.script.configMap.file);
  return { home, bucket, run, script, credentials: Object.fromEntries(credentials) };
}

/** The variables that a pod's `env` gives it. */
function variables({ spec }: TestRun, job: string): Record<string, string> {
  return Object.fromEntries(
    spec.runner.env.map(({ name, value, valueFrom }) => {
      if (valueFrom === undefined) return [name, value ?? ''];
      expect(valueFrom.fieldRef.fieldPath).toBe("metadata.labels['job-name']");
      return [name, job];
    }),
  );
}

const bare = (home: Home) => ({ PATH: process.env.PATH, HOME: home.path, TMPDIR: home.temporary });

/** What the operator makes sure of before it starts runners: of the script as `k6 archive` has it, how many VUs it has. */
async function initialize({ home, run, script, credentials }: Applied): Promise<{ maxVUs: number; archive: string }> {
  const archive = join(home.path, `${run.metadata.name}.tar`);
  const own = variables(run, `${run.metadata.name}-initializer`);
  const given = Object.keys(own).flatMap((name) => ['-e', `${name}=${own[name]}`]);
  // Of what goes to `k6 run`, the operator leaves out what `k6 archive` does not know.
  const args = run.spec.arguments.replace(/--(?:no-usage-report|log-output=\S+)|--out \S+/g, '').match(/\S+/g) ?? [];
  const env = { ...bare(home), ...own, ...credentials };
  const archived = await new Program(stage.k6, ['archive', script, ...given, '-O', archive, ...args], env, home.path)
    .ended;
  expect(archived.code, archived.stderr).toBe(0);
  const inspected = await new Program(stage.k6, ['inspect', '--execution-requirements', archive], env, home.path).ended;
  expect(inspected.code, inspected.stderr).toBe(0);
  expect(inspected.stderr).not.toMatch(/level.*error/);
  return { maxVUs: (JSON.parse(inspected.stdout) as { maxVUs: number }).maxVUs, archive };
}

interface Runner {
  readonly name: string;
  readonly k6: Program;
  readonly port: number;
}

async function startRunners({ home, run, script, credentials }: Applied): Promise<Runner[]> {
  const { name } = run.metadata;
  const { parallelism } = run.spec;
  const ports: number[] = [];
  for (let i = 0; i < parallelism; i++) ports.push(await freePort());
  return segmentsOf(parallelism).map(({ segment, sequence }, i) => {
    const job = `${name}-${i + 1}`;
    const port = ports[i] as number;
    const args = [
      ...['run', '--quiet', `--execution-segment=${segment}`, `--execution-segment-sequence=${sequence}`],
      ...run.spec.arguments.split(' '),
      ...[script, `--address=127.0.0.1:${port}`, '--paused'],
      ...['--tag', `instance_id=${i + 1}`, '--tag', `testrun_name=${name}`],
    ];
    const env = { ...bare(home), ...credentials, ...variables(run, job) };
    return { name: job, port, k6: new Program(stage.k6, args, env, home.path) };
  });
}

/** One after the other, when all of them answer. */
async function setGoing(runners: readonly Runner[]): Promise<void> {
  for (const { port } of runners) await answers(port);
  const body = JSON.stringify({ data: { attributes: { paused: false }, id: 'default', type: 'status' } });
  for (const { port } of runners) {
    const headers = { 'content-type': 'application/json' };
    expect((await fetch(`http://127.0.0.1:${port}/v1/status`, { method: 'PATCH', headers, body })).ok).toBe(true);
  }
}

async function answers(port: number): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end; await sleep(50)) {
    const status = await fetch(`http://127.0.0.1:${port}/v1/status`).catch(() => undefined);
    if (status?.ok) return;
  }
  throw new Error(`nothing answers at port ${port}`);
}

/** Writes what each runner said, as `kubectl logs` gives it, and returns the files. */
function save(home: Home, runners: readonly Runner[]): string[] {
  return runners.map(({ name, k6 }) => {
    const file = join(home.path, `${name}.log`);
    writeFileSync(file, k6.stdout + k6.stderr);
    return file;
  });
}

const given = (files: readonly string[]) => files.flatMap((file) => ['--k8s-logs', file]);

function collected({ stdout }: Ended): Result {
  return parseResult(stdout);
}

const puts = ({ totals }: Result) => totals.find(({ op }) => op === 'PUT')?.ops;

const IMAGES = [
  { what: "the project's k6", image: ['--image', 'registry.example/s3loadtest:1'], backend: 'native', kind: 'hdr' },
  { what: 'stock k6', image: [], backend: 'http', kind: 'quantiles' },
];

describe.each(IMAGES.filter(({ backend }) => extended || backend === 'http'))(
  'firehose by three runners of $what',
  ({ image, backend, kind }) => {
    let applied: Applied;
    let runners: Runner[];
    let env: NodeJS.ProcessEnv;

    beforeAll(async () => {
      const own = await setting();
      env = own.env;
      applied = await apply(own, 'firehose', '--workers', '3', ...LOAD, ...image);
    });

    test('the initializer finds the load of all, and no credential gets into its archive', async () => {
      const { maxVUs, archive } = await initialize(applied);
      expect(maxVUs).toBe(9);
      const content = readFileSync(archive, 'latin1');
      expect(content).toContain('AWS_SECRET_ACCESS_KEY');
      expectNoCredential({ content });
    });

    test('what is merged out of their logs is what is in the bucket', async () => {
      runners = await startRunners(applied);
      await setGoing(runners);
      for (const { k6 } of runners) expect((await k6.ended).code, k6.stdout + k6.stderr).toBe(0);
      const { home, bucket } = applied;
      const files = save(home, runners);
      const ended = await cli(home, env, 'collect', ...given(files), '--json');
      expect(ended.code, ended.stderr).toBe(0);
      const result = collected(ended);

      const keys = keysIn(stage.site, bucket);
      expect(puts(result)).toBe(keys.length);
      expect(new Set(keys.map((key) => key.split('/')[1]))).toEqual(new Set(runners.map(({ name }) => name)));
      const parts = runners.map(({ name }) => {
        const path = join(home.data, 'results', result.run.id, 'workers', `${name}.json`);
        return parseResult(readFileSync(path, 'utf8'));
      });
      for (const part of parts) expect(sum(part.totals).ops).toBeGreaterThan(10);
      expect(sum(result.totals).ops).toBe(parts.reduce((n, part) => n + sum(part.totals).ops, 0));
      expect(sum(result.series)).toEqual(sum(result.totals));

      expect(result.partial || result.interrupted).toBe(false);
      expect(result.run.backend).toBe(backend);
      expect(result.run.id).toMatch(/^\d{8}T\d{6}Z-s3loadtest-firehose-[0-9a-f]{4}$/);
      expect(result.totals.every(({ latency }) => latency?.kind === kind)).toBe(true);
      expect(result.generator.vus).toBe(9);
      expect(result.workers.map(({ id, segment, exit }) => ({ id, segment, exit }))).toEqual([
        { id: 's3loadtest-firehose-1', segment: '0:1/3', exit: 0 },
        { id: 's3loadtest-firehose-2', segment: '1/3:2/3', exit: 0 },
        { id: 's3loadtest-firehose-3', segment: '2/3:1', exit: 0 },
      ]);
      const said = runners.map(({ k6 }) => k6.stdout + k6.stderr).join('');
      expectNoCredential({ said, stdout: ended.stdout, stderr: ended.stderr });
    });

    test('a log too few is said, and a log too many', async () => {
      const { home } = applied;
      const files = save(home, runners);
      const fewer = await cli(home, env, 'collect', ...given(files.slice(0, 2)), '--json');
      expect(fewer.code).toBe(1);
      expect(fewer.stderr).toContain(
        's3loadtest-firehose-3 (s3loadtest-firehose-3) is missing from 0.0 s on: there is no log of it',
      );
      expect(collected(fewer).partial).toBe(true);
      const twice = await cli(home, env, 'collect', ...given([...files, files[0] as string]));
      expect(twice.code).toBe(2);
      expect(twice.stderr).toContain('are of the same part of the load: give each log once');
    });
  },
);

test.runIf(extended)('a runner that is killed: what it had told counts, the rest is said to be missing', async () => {
  const own = await setting();
  const load = ['--size', '1KB', '--duration', '3s', '--concurrency', '2', '--image', 'some/k6'];
  const applied = await apply(own, 'firehose', '--workers', '2', ...load);
  const runners = await startRunners(applied);
  await setGoing(runners);
  const [first, second] = runners as [Runner, Runner];
  await second.k6.says(/"op":"PUT"/);
  second.k6.kill('SIGKILL');
  await Promise.all(runners.map(({ k6 }) => k6.ended));
  const ended = await cli(own.home, own.env, 'collect', ...given(save(own.home, runners)), '--json');
  expect(ended.code).toBe(1);
  expect(ended.stderr).toMatch(
    /^error: s3loadtest-firehose-2 \(.*\) is missing from \d\.\d s on: its log has no end$/m,
  );
  const result = collected(ended);
  expect([result.partial, result.interrupted]).toEqual([true, true]);
  expect(result.workers.map(({ exit }) => exit)).toEqual([0, 1]);
  const written = keysIn(stage.site, own.bucket).filter((key) => key.startsWith(`loadtest/${second.name}/`)).length;
  const path = join(own.home.data, 'results', result.run.id, 'workers', `${second.name}.json`);
  const told = puts(parseResult(readFileSync(path, 'utf8'))) as number;
  expect(told).toBeGreaterThan(0);
  expect(told).toBeLessThanOrEqual(written);
  expect(first.k6.stdout).toContain('"end":');
});

test.runIf(extended)('delete by three runners: each deletes its part', async () => {
  const own = await setting();
  const written = await cli(own.home, own.env, 'run', 'firehose', ...LOAD);
  expect(written.code, written.stderr).toBe(0);
  const before = keysIn(stage.site, own.bucket).length;
  const applied = await apply(own, 'delete', '--workers', '3', ...LOAD, '--duration', '5s', '--image', 'some/k6');
  expect((await initialize(applied)).maxVUs).toBe(3);
  // Of one second a busy machine may leave a runner nothing.
  const runners = await startRunners(applied);
  await setGoing(runners);
  await Promise.all(runners.map(({ k6 }) => k6.ended));
  const ended = await cli(own.home, own.env, 'collect', ...given(save(own.home, runners)), '--json');
  const deleted = collected(ended).totals.find(({ op }) => op === 'DELETE_OBJECTS');
  expect(keysIn(stage.site, own.bucket)).toEqual([]);
  // One who is still trying the bucket has an object in it that another may find, and delete.
  expect(deleted?.objects).toBeGreaterThanOrEqual(before);
  expect(deleted?.objects).toBeLessThan(before + runners.length);
  expect(before).toBeGreaterThan(30);
});

test.runIf(extended)('thresholds that a runner crossed are crossed by all', async () => {
  const own = await setting();
  const threshold = ['--threshold', 's3_op_duration{op:GET}:max<0.001', '--image', 'some/k6'];
  const applied = await apply(own, 'firehose', '--workers', '2', ...LOAD, ...threshold);
  const runners = await startRunners(applied);
  await setGoing(runners);
  for (const { k6 } of runners) expect((await k6.ended).code).toBe(99);
  const ended = await cli(own.home, own.env, 'collect', ...given(save(own.home, runners)), '--json');
  expect(ended.code, ended.stderr).toBe(99);
});

/**
 * What the command asks of kubectl, and what it makes of the answers. The kubectl here is a script that knows one run, and has
 * its runners' logs out of files; a real one was tried by hand against an API that knew no more.
 */
describe.runIf(extended)('collect --k8s NAME with a stand-in for kubectl', () => {
  const POD = (i: number) => `run-${i}-abcde`;

  interface Cluster {
    readonly stages: readonly string[];
    readonly logs: readonly string[];
    /** Lines after which kubectl loses the connection the first time; never when left out. */
    readonly lost?: number;
    /** How many questions the API server does not answer, after the first. */
    readonly away?: number;
    /** Whether the second pod is deleted before its log has ended. */
    readonly deleted?: boolean;
    /** A pod's status, while runners are started. */
    readonly status?: object;
    /** The run that the TestRun's spec is of. */
    readonly specRun?: string;
  }

  /** Makes a folder with the script in it, for PATH. */
  async function kubectl(home: Home, cluster: Cluster): Promise<string> {
    const { stages, logs, lost, away = 0, deleted = false, status = {}, specRun } = cluster;
    const folder = await mkdtemp(join(home.path, 'bin-'));
    await writeFile(join(folder, 'state'), `0 0 ${away}`);
    const runner = specRun === undefined ? {} : { env: [{ name: 'S3LOADTEST_RUN_ID', value: specRun }] };
    const pods = logs.map((_, i) => ({ metadata: { name: POD(i + 1) }, spec: { nodeName: `node${i + 1}` } }));
    const script = `#!${process.execPath}
const { readFileSync, writeFileSync, appendFileSync } = require('node:fs');
const args = process.argv.slice(2).join(' ');
appendFileSync('${folder}/asked', args + '\\n');
let [looks, follows, away] = readFileSync('${folder}/state', 'utf8').split(' ').map(Number);
const stages = ${JSON.stringify(stages)}, logs = ${JSON.stringify(logs)}, pods = ${JSON.stringify(pods)};
const ended = follows > ${lost === undefined ? 0 : 1};
const print = (value) => process.stdout.write(JSON.stringify(value));
if (looks > 0 && away > 0) {
  away--;
  console.error('The connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?');
  process.exitCode = 1;
} else if (args === '--namespace load get testruns.k6.io run --output json') {
  print({ spec: { parallelism: logs.length, runner: ${JSON.stringify(runner)} }, status: { stage: stages[Math.min(looks++, stages.length - 1)] } });
} else if (args === '--namespace load get pods --selector app=k6,k6_cr=run,runner=true --output json') {
  const terminated = { terminated: { exitCode: 0, reason: 'Completed' } };
  const status = { phase: ended ? 'Succeeded' : 'Running', containerStatuses: [{ name: 'k6', state: ended ? terminated : {} }] };
  print({ items: pods.slice(0, ended && ${deleted} ? 1 : pods.length).map((pod) => ({ ...pod, status })) });
} else if (args === '--namespace load get pods --selector app=k6,k6_cr=run --output json') {
  print({ items: pods.map((pod) => ({ ...pod, status: ${JSON.stringify(status)} })) });
} else if (args === '--namespace load logs --follow --prefix --tail=-1 --max-log-requests=' + logs.length + ' --container k6 --selector app=k6,k6_cr=run,runner=true') {
  follows++;
  const lines = logs.flatMap((file, i) => readFileSync(file, 'utf8').trimEnd().split('\\n').map((line) => '[pod/' + pods[i].metadata.name + '/k6] ' + line));
  const n = follows === 1 ? ${lost ?? 'lines.length'} : lines.length;
  process.stdout.write(lines.slice(0, n).join('\\n') + '\\n');
  if (n < lines.length) { console.error('error: unexpected EOF'); process.exitCode = 1; }
} else {
  console.error('Error from server (NotFound): testruns.k6.io "' + process.argv.at(-3) + '" not found');
  process.exitCode = 1;
}
writeFileSync('${folder}/state', looks + ' ' + follows + ' ' + away);
`;
    await writeFile(join(folder, 'kubectl'), script);
    await chmod(join(folder, 'kubectl'), 0o755);
    return folder;
  }

  let home: Home;
  let env: NodeJS.ProcessEnv;
  let bucket: string;
  let logs: string[];

  beforeAll(async () => {
    const own = await setting();
    ({ home, env, bucket } = own);
    const args = ['--workers', '2', '--name', 'run', ...LOAD, '--image', 'some/k6'];
    const runners = await startRunners(await apply(own, 'firehose', ...args));
    await setGoing(runners);
    await Promise.all(runners.map(({ k6 }) => k6.ended));
    logs = save(home, runners);
  });

  async function collect(
    cluster: Cluster,
    name = 'run',
    more: readonly string[] = [],
  ): Promise<Ended & { asked: string[] }> {
    const folder = await kubectl(home, cluster);
    const own = { ...env, PATH: `${folder}:${env.PATH}` };
    const ended = await cli(home, own, 'collect', '--k8s', name, '--namespace', 'load', '--json', ...more);
    return { ...ended, asked: readFileSync(join(folder, 'asked'), 'utf8').trim().split('\n') };
  }

  test('waits for the start, follows to the end, and knows exit codes and nodes', async () => {
    const ended = await collect({ stages: ['initialization', 'created', 'started'], logs });
    expect(ended.code, ended.stderr).toBe(0);
    expect(ended.stderr).toMatch(
      /waiting for run to start: initialization\nwaiting .* created\nfollowing 2 runners of run/,
    );
    const result = collected(ended);
    expect(puts(result)).toBe(keysIn(stage.site, bucket).length);
    expect(result.workers).toMatchObject([
      { id: 'run-1', host: 'node1', exit: 0 },
      { id: 'run-2', host: 'node2', exit: 0 },
    ]);
    expect(ended.asked.filter((args) => args.includes(' logs '))).toHaveLength(1);
  });

  test('a connection that breaks: asks again, and counts nothing twice', async () => {
    const ended = await collect({ stages: ['started'], logs, lost: 5 });
    expect(ended.code, ended.stderr).toBe(0);
    expect(ended.stderr).toContain('warning: kubectl: error: unexpected EOF; asking again');
    expect(puts(collected(ended))).toBe(keysIn(stage.site, bucket).length);
  });

  test('an API server that is away for some seconds: asks again', async () => {
    const ended = await collect({ stages: ['started'], logs, away: 2 });
    expect(ended.code, ended.stderr).toBe(0);
    expect(
      ended.stderr.match(/warning: kubectl: The connection to the server .* was refused.*; asking again/g),
    ).toHaveLength(2);
    expect(puts(collected(ended))).toBe(keysIn(stage.site, bucket).length);
  });

  test('a pod that is deleted in mid-run is named', async () => {
    const lines = readFileSync(logs[1] as string, 'utf8').split('\n');
    const cut = join(home.path, 'deleted.log');
    await writeFile(
      cut,
      `${lines
        .slice(
          0,
          lines.findIndex((line) => line.includes('"end":')),
        )
        .join('\n')}\n`,
    );
    const ended = await collect({ stages: ['started'], logs: [logs[0] as string, cut], deleted: true });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/^error: run-2 \(run-2\) is missing from .* s on: its pod was deleted$/m);
    expect(collected(ended).partial).toBe(true);
  });

  test.each([
    {
      what: 'an image that can not be pulled',
      status: {
        containerStatuses: [
          { name: 'k6', state: { waiting: { reason: 'ImagePullBackOff', message: 'no such image' } } },
        ],
      },
      says: 'ImagePullBackOff: no such image',
    },
    {
      what: 'a pod that fits nowhere',
      status: {
        conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/1 nodes' }],
      },
      says: 'Unschedulable: 0/1 nodes',
    },
  ])('$what: why is told, and waiting ends', async ({ status, says }) => {
    const ended = await collect({ stages: ['created'], logs, status }, 'run', ['--start-timeout', '1s']);
    expect(ended.code).toBe(2);
    expect(ended.stderr.split('\n')).toEqual([
      `waiting for run to start: ${POD(1)} can't start: ${says}`,
      `TestRun run did not start in 1s: ${POD(1)} can't start: ${says}: see \`kubectl describe pods -l k6_cr=run -n load\``,
      '',
    ]);
  });

  test('why no runner gave a Result', async () => {
    const refused = join(home.path, 'refused.log');
    const line = { level: 'error', msg: 'S3_BUCKET "none" is not there' };
    await writeFile(refused, `${JSON.stringify(line)}\n`);
    const ended = await collect({ stages: ['started'], logs: [refused, refused] });
    expect([ended.code, ended.stdout]).toEqual([1, '']);
    expect(ended.stderr).toMatch(
      new RegExp(`^error: ${POD(1)} \\(node1\\), ${POD(2)} \\(node2\\): S3_BUCKET "none" is not there$`, 'm'),
    );
  });

  test('a TestRun that was changed has the runners of another run', async () => {
    const specRun = '20261121T110526Z-run-0000';
    const ended = await collect({ stages: ['finished'], logs, specRun });
    expect([ended.code, ended.stdout]).toEqual([2, '']);
    expect(ended.stderr).toContain(`was changed since, to ${specRun}`);
    expect(ended.stderr).not.toMatch(/STATS|FINAL/);
    expect(ended.stderr).toContain('`kubectl delete testrun run -n load`');
  });

  test('of a log whose beginning is gone nothing counts, and it is said', async () => {
    const lines = readFileSync(logs[1] as string, 'utf8').split('\n');
    const cut = join(home.path, 'cut.log');
    await writeFile(cut, `${lines.find((line) => line.includes('"end":'))}\n`);
    const ended = await collect({ stages: ['finished'], logs: [logs[0] as string, cut] });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(
      new RegExp(
        `error: ${POD(2)} \\(node2\\) is missing from 0\\.0 s on: lines 0 to \\d+ of the statistics are missing`,
      ),
    );
    expect(collected(ended).partial).toBe(true);
  });

  test('a TestRun in error, and one that is not there', async () => {
    const wrong = await collect({ stages: ['error'], logs });
    expect([wrong.code, wrong.stderr]).toEqual([
      2,
      expect.stringContaining('`kubectl logs job/run-initializer -n load`'),
    ]);
    const none = await collect({ stages: ['started'], logs }, 'other');
    expect([none.code, none.stderr]).toEqual([
      2,
      'kubectl: Error from server (NotFound): testruns.k6.io "other" not found\n',
    ]);
  });
});

describe('export k8s', () => {
  test('the Secret is for its owner alone; with one that is there none is written, nor credentials asked for', async () => {
    const { home, env } = await setting();
    const folder = join(home.data, 'k8s', 's3loadtest-firehose-spiky');
    const args = ['export', 'k8s', 'firehose', 'spiky', '--workers', '2'];
    const first = await cli(home, env, ...args);
    expect(first.code, first.stderr).toBe(0);
    expect(await readdir(folder)).toEqual(['configmap.yaml', 'secret.yaml', 'testrun.yaml']);
    expect(statSync(join(folder, 'secret.yaml')).mode & 0o777).toBe(0o600);
    expect(first.stdout).toContain(`${folder}/secret.yaml holds the credentials: keep it to yourself\n`);
    const others = ['configmap.yaml', 'testrun.yaml'].map((name) => readFileSync(join(folder, name), 'utf8')).join('');
    expectNoCredential({ others, stdout: first.stdout, stderr: first.stderr });

    await rm(folder, { recursive: true });
    const { AWS_ACCESS_KEY_ID: _, AWS_SECRET_ACCESS_KEY: __, ...open } = env;
    const second = await cli(home, open, ...args, '--secret-name', 'theirs');
    expect(second.code, second.stderr).toBe(0);
    expect(await readdir(folder)).toEqual(['configmap.yaml', 'testrun.yaml']);
    expect(second.stdout).not.toContain('credentials');
  });

  test.each([
    { args: [], says: "error: required option '--workers <n>' not specified" },
    { args: ['--workers', '0'], says: '--workers is "0": give a whole number from 1 to 1000' },
    { args: ['--workers', '2', '--namespace', 'a.b'], says: '--namespace is "a.b": give small letters' },
    { args: ['--workers', '2', '--worker-id', 'w1'], says: '--worker-id is "w1": runners are called by their numbers' },
    { args: ['--workers', '2', '--credentials', 'aws'], says: 'S3LOADTEST_CREDENTIALS is aws: keys of AWS' },
    { args: ['--workers', '2', '--image', 'a b'], says: '--image is "a b": give an image' },
  ])('$args: $says', async ({ args, says }) => {
    const { home, env } = await setting();
    const { code, stdout, stderr } = await cli(home, env, 'export', 'k8s', 'firehose', ...args);
    expect(code).toBe(2);
    expect(stderr).toContain(says);
    expect(stdout).toBe('');
  });

  test('native with stock k6, a proxy that is to be started, and a folder that can not be', async () => {
    const { home, env } = await setting();
    const args = ['export', 'k8s', 'firehose', '--workers', '2'];
    const native = await cli(home, { ...env, S3LOADTEST_BACKEND: 'native' }, ...args);
    expect([native.code, native.stderr]).toEqual([
      2,
      expect.stringContaining('S3LOADTEST_BACKEND is "native": stock k6'),
    ]);
    const proxied = await cli(home, { ...env, S3LOADTEST_BACKEND: 'proxy', S3POOL_BINARY: 's3pool' }, ...args);
    expect([proxied.code, proxied.stderr]).toEqual([
      2,
      expect.stringContaining('S3POOL_BINARY is "s3pool": runners start no proxy: give S3POOL_BINARY=none'),
    ]);
    const file = join(home.path, 'file');
    await writeFile(file, '');
    const nowhere = await cli(home, env, ...args, '--output', join(file, 'below'));
    expect([nowhere.code, nowhere.stderr]).toEqual([
      1,
      expect.stringMatching(/^error: manifests can't be written to .*\n$/),
    ]);
  });
});
