/** COSBench workloads, imported: what comes out is a workload file that runs as the XML says. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorCount, parseResult, type Result, sum } from '../../lib/result/result';
import { startBusyProxy } from '../flaky-proxy';
import type { Server } from '../servers';
import { CLI, environment, newBucket, openStage, Program, type Stage } from '../stage';

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage?.stop());

const ACCESS_KEY = 'AKIA1MPORTED0KEY0ID0';
const SECRET_KEY = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';

/** As COSBench's users write them: five stages, one of them the load. */
const workload = (main: string, prepare = 'objects=r(1,10);sizes=c(64)KB') => `<?xml version="1.0" encoding="UTF-8" ?>
<workload name="Shop" description="reads &amp; writes">
  <storage type="s3" config="accesskey=${ACCESS_KEY};secretkey=${SECRET_KEY};endpoint=http://10.1.2.3:9000;path_style_access=true" />
  <workflow>
    <workstage name="init">
      <work type="init" workers="1" config="cprefix=shop;containers=r(1,2)" />
    </workstage>
    <workstage name="prepare">
      <work type="prepare" workers="1" config="cprefix=shop;containers=r(1,2);${prepare}" />
    </workstage>
${main}
    <workstage name="cleanup">
      <work type="cleanup" workers="1" config="cprefix=shop;containers=r(1,2);objects=r(1,20)" />
    </workstage>
    <workstage name="dispose">
      <work type="dispose" workers="1" config="cprefix=shop;containers=r(1,2)" />
    </workstage>
  </workflow>
</workload>
`;

const MAIN = workload(`    <workstage name="main">
      <work name="main" workers="8" runtime="300">
        <operation type="read" ratio="80" config="cprefix=shop;containers=u(1,2);objects=u(1,10)" />
        <operation type="write" ratio="20" config="cprefix=shop;containers=u(1,2);objects=u(11,20);sizes=c(64)KB" />
      </work>
    </workstage>`);

/** A folder with load.xml in it, and how to run the CLI there. */
async function imported(xml: string) {
  const home = await stage.home();
  await writeFile(join(home.path, 'load.xml'), xml);
  await mkdir(join(home.data, 'results'), { recursive: true });
  const offline = { PATH: process.env.PATH, HOME: home.path };
  const cli = (...args: string[]) => new Program(process.execPath, [CLI, ...args], offline, home.path).ended;
  const runs = async (backend: string, args: readonly string[], server: Server = stage.server) => {
    // Of a file with several.
    for (const name of ['shop1', 'shop2']) await mkdir(join(stage.site.buckets, name), { recursive: true });
    const env = environment(stage, home, server, await newBucket(stage.site));
    const program = [CLI, 'run', 'load.yaml', ...args, '--json'];
    return new Program(process.execPath, program, { ...env, S3LOADTEST_BACKEND: backend }, home.path).ended;
  };
  return { path: home.path, cli, runs };
}

/** Imports and checks it; returns how to run it. */
async function converted(xml: string) {
  const { path, cli, runs } = await imported(xml);
  const made = await cli('import', 'cosbench', 'load.xml', '--out', 'load.yaml');
  expect({ code: made.code, stdout: made.stdout }).toEqual({ code: 0, stdout: '' });
  const checked = await cli('check', 'load.yaml');
  expect(checked.stderr).toBe('');
  return { runs, stderr: made.stderr, checked: checked.stdout, yaml: await readFile(join(path, 'load.yaml'), 'utf8') };
}

/** Operations and failures of each command, in percent of all. */
function sharesOf({ totals }: Result): Record<string, number> {
  const all = sum(totals);
  return Object.fromEntries(totals.map((of) => [of.op, ((of.ops + errorCount(of)) * 100) / (all.ops + all.errors)]));
}

/** Sizes that a load has written or read. */
const sizesIn = ({ series }: Result, phase: string, op: string) =>
  series.filter((of) => of.phase === phase && of.op === op && of.ops > 0).map(({ size }) => size);

describe.each(['native', 'http'])('by %s', (backend) => {
  test('the shares, VUs and sizes of one stage are those of the XML', async () => {
    const { runs, checked } = await converted(MAIN);
    expect(checked).toMatch(/shop: 8 VUs for 5m\n {4}GET 80%, PUT 20%\n/);
    const { code, stdout, stderr } = await runs(backend, ['--duration', '2s']);
    expect(code, stderr).toBe(0);
    const result = parseResult(stdout);
    expect(sum(result.totals).errors).toBe(0);
    expect(sum(result.totals).ops).toBeGreaterThan(100);
    const { GET = 0, PUT = 0 } = sharesOf(result);
    // A VU's deck is whole after 10 operations, and the end of the run may cut eight of them.
    expect(Math.abs(GET - 80)).toBeLessThan(4);
    expect(GET + PUT).toBeCloseTo(100);
    expect(new Set(result.series.map(({ size }) => size))).toEqual(new Set(['64000B']));
  });

  test('stages come one after the other, with their waits and sizes', async () => {
    const stages = `    <workstage name="small" closuredelay="1">
      <work name="w" workers="2" runtime="1" afr="0">
        <operation type="write" config="containers=c(1);objects=s(1,9);sizes=h(1|1|3,2|2|1)KB" />
      </work>
    </workstage>
    <workstage name="Large ones">
      <work name="w" workers="3" runtime="1" afr="200000">
        <operation type="write" ratio="60" config="containers=c(1);objects=s(1,9);sizes=c(1)MB" />
        <operation type="read" ratio="40" config="containers=c(1);objects=u(1,9)" />
      </work>
    </workstage>`;
    const { runs, yaml } = await converted(workload(stages));
    expect(yaml).toContain('stages: 0:1s,3:1s');
    const { code, stdout, stderr } = await runs(backend, []);
    expect(code, stderr).toBe(0);
    const result = parseResult(stdout);
    expect(sum(result.totals).errors).toBe(0);
    expect(result.run.durationMs).toBeGreaterThan(2_900);
    expect(sizesIn(result, 'small', 'PUT')).toEqual(['1000B', '2000B']);
    expect(sizesIn(result, 'large-ones', 'PUT')).toEqual(['1000000B']);
    expect(sizesIn(result, 'large-ones', 'GET')).toEqual(['1000000B']);
    expect(result.thresholds).toEqual(
      expect.arrayContaining([
        { metric: 'http_req_failed{phase:small}', expr: 'rate<=0', ok: true },
        { metric: 'http_req_failed{phase:large-ones}', expr: 'rate<=0.2', ok: true },
      ]),
    );
  });

  test('failures of one load count against its own limit only', async () => {
    const stages = `    <workstage name="one">
      <work name="strict" workers="1" runtime="2" afr="0"><operation type="write" config="containers=c(1);sizes=c(1)KB" /></work>
      <work name="lenient" workers="1" runtime="2" afr="1000000"><operation type="write" config="containers=c(1);sizes=c(1)KB" /></work>
    </workstage>`;
    const { runs } = await converted(workload(stages));
    const proxy = await startBusyProxy(stage.server.endpoints[0], 1);
    const { server } = stage;
    const through = { ...server, endpoints: [proxy.endpoint, proxy.endpoint] } as const;
    const { code, stdout } = await runs(backend, ['--no-check', '--retry-delay', '50ms'], through);
    proxy.stop();
    expect(code).toBe(99);
    const failed = parseResult(stdout).thresholds.filter(({ ok }) => !ok);
    expect(failed.map(({ metric }) => metric)).toEqual(['http_req_failed{phase:one-strict}']);
  });

  test('what is only read is written before, and read in turn', async () => {
    const stages = `    <workstage name="main">
      <work name="main" workers="2" runtime="60">
        <operation type="read" ratio="90" config="containers=u(1,2);objects=s(1,10)" />
        <operation type="head" ratio="10" config="containers=u(1,2);objects=s(1,10)" />
      </work>
    </workstage>`;
    const { runs, yaml } = await converted(workload(stages, 'objects=r(1,10);sizes=u(1,4)KB'));
    expect(yaml).toContain('seed-objects: 20');
    expect(yaml).toContain('popularity: sequential');
    const { code, stdout, stderr } = await runs(backend, ['--duration', '2s']);
    expect(code, stderr).toBe(0);
    const { totals } = parseResult(stdout);
    expect(sum(totals).errors).toBe(0);
    expect(totals.map(({ op }) => op).sort()).toEqual(['GET', 'HEAD']);
  });

  test('all of its operations', async () => {
    const stages = `    <workstage name="main">
      <work name="main" workers="4" runtime="60">
        <operation type="write" ratio="40" config="containers=c(1);objects=r(1,10);sizes=r(1,9)KB" />
        <operation type="read" ratio="20" config="containers=c(1);objects=u(1,10)" />
        <operation type="delete" ratio="20" config="containers=c(1);objects=u(1,10)" />
        <operation type="list" ratio="10" config="containers=c(1)" />
        <operation type="head" ratio="10" config="containers=c(1);objects=u(1,10)" />
      </work>
    </workstage>`;
    const { runs } = await converted(workload(stages));
    const { code, stdout, stderr } = await runs(backend, ['--duration', '2s']);
    expect(code, stderr).toBe(0);
    const result = parseResult(stdout);
    expect(sum(result.totals).errors).toBe(0);
    expect(Object.keys(sharesOf(result)).sort()).toEqual(['DELETE', 'GET', 'HEAD', 'LIST', 'PUT']);
  });
});

test('what is not carried over is a comment in the file and a line on standard error, and credentials are neither', async () => {
  const { cli } = await imported(MAIN);
  const { code, stdout, stderr } = await cli('import', 'cosbench', 'load.xml');
  expect(code).toBe(0);
  for (const says of ['buckets.existing are to be there', 'prepare of 20 objects', 'cleanup is left out']) {
    expect(stdout).toMatch(new RegExp(`^# .*${says}`, 'm'));
    expect(stderr).toMatch(new RegExp(`^load\\.xml:\\d+: .*${says}`, 'm'));
  }
  expect(stdout).toContain(
    'Set for a run: S3_ENDPOINTS=http://10.1.2.3:9000, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY\n',
  );
  for (const key of [ACCESS_KEY, SECRET_KEY]) expect(stdout + stderr).not.toContain(key);
});

describe('a mistake is one line, and nothing is written', () => {
  test.each([
    {
      name: 'no such file',
      xml: MAIN,
      args: ['missing.xml'],
      says: /^missing\.xml can't be read \(ENOENT.*: give a COSBench/,
    },
    { name: 'a folder', xml: MAIN, args: ['.'], says: /^\. is a folder: give a COSBench workload/ },
    { name: 'nothing', xml: '', args: [], says: /^load\.xml: the file is empty/ },
    { name: 'a file of another kind', xml: '{"a": 1}', args: [], says: /^load\.xml:1:1: this is no XML/ },
    {
      name: 'much too much',
      xml: `<workload>${' '.repeat(2 ** 20)}</workload>`,
      args: [],
      says: /^load\.xml has more than 1\.0MB/,
    },
    {
      name: 'a value',
      xml: MAIN.replace('workers="8"', 'workers="many"'),
      args: [],
      says: /^load\.xml:12:34: workers is "many": give/,
    },
    {
      name: 'a name that is no workload file',
      xml: MAIN,
      args: ['load.xml', '--out', 'load.xml'],
      says: /^--out is "load\.xml": give a name that ends in \.yaml/,
    },
    {
      name: 'a folder that is none',
      xml: MAIN,
      args: ['load.xml', '--out', 'load.xml/a.yaml'],
      says: /^error: load\.xml\/a\.yaml can't be written: /,
      code: 1,
    },
  ])('$name', async ({ xml, args, says, code = 2 }) => {
    const { cli, path } = await imported(xml);
    const all = args.length > 1 ? args : [...(args.length > 0 ? args : ['load.xml']), '--out', 'load.yaml'];
    const ended = await cli('import', 'cosbench', ...all);
    expect({ code: ended.code, stdout: ended.stdout }).toEqual({ code, stdout: '' });
    expect(ended.stderr.trim().split('\n')).toEqual([expect.stringMatching(says)]);
    expect(existsSync(join(path, 'load.yaml'))).toBe(false);
  });
});
