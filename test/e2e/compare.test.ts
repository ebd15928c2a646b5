/** `s3loadtest compare` as users start it, on real runs: of one store twice, and of one that takes a quarter longer. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { ComparisonReport } from '../../runners/compare/report';
import { ROOT } from '../k6';
import { command, connected, freePort, missing } from '../servers';
import { CLI, environment, type Home, notRun, openStage, Program, type Stage } from '../stage';

const noGo = await missing(['go']);
if (noGo.length > 0) notRun('comparisons of real runs', 'Go, for a store of known speed');

describe.skipIf(noGo.length > 0)('compare', () => {
  let stage: Stage;
  let home: Home;
  const stores: ChildProcess[] = [];
  /** Paths of runs, by what they are of. */
  const runs: Record<'store' | 'slower', string[]> = { store: [], slower: [] };

  beforeAll(async () => {
    stage = await openStage();
    home = await stage.home();
    const nulls3 = join(stage.folder, 'nulls3');
    await command('go', 'build', '-C', join(ROOT, 'tools', 'nulls3'), '-mod=readonly', '-o', nulls3, '.');
    const [store, slower] = await Promise.all([startStore(nulls3, '100ms'), startStore(nulls3, '125ms')]);
    // Who waits for a store of a fixed speed needs next to no CPU: these do not disturb one another.
    const all = [store, store, store, slower, slower].map((endpoint) => run(endpoint, '20s'));
    const paths = await Promise.all(all);
    runs.store = paths.slice(0, 3);
    runs.slower = paths.slice(3);
  });

  afterAll(async () => {
    for (const store of stores) store.kill();
    await stage?.stop();
  });

  async function startStore(nulls3: string, delay: string): Promise<string> {
    const address = `127.0.0.1:${await freePort()}`;
    // It ends when its standard input does, and so with us.
    stores.push(spawn(nulls3, ['-addr', address, '-delay', delay], { stdio: ['pipe', 'ignore', 'inherit'] }));
    const endpoint = `http://${address}`;
    await vi.waitFor(() => connected(endpoint), 10_000);
    return endpoint;
  }

  async function run(endpoint: string, duration: string): Promise<string> {
    const env = environment(stage, home, { ...stage.server, endpoints: [endpoint, endpoint] }, 'bucket');
    const load = ['firehose', '--size', '1KB', '--concurrency', '16', '--duration', duration];
    const { code, stdout, stderr } = await new Program(process.execPath, [CLI, 'run', ...load], env, home.path).ended;
    expect(code, stderr).toBe(0);
    return /Result: (.*)\/result\.json/.exec(stdout + stderr)?.[1] ?? '';
  }

  const compare = (...args: string[]) =>
    new Program(process.execPath, [CLI, 'compare', ...args], { PATH: process.env.PATH }, home.path).ended;

  async function report(...args: string[]): Promise<ComparisonReport> {
    const { code, stdout, stderr } = await compare(...args, '--format', 'json');
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout);
  }

  test('runs of the same store show no difference', async () => {
    const [a = '', b = ''] = runs.store;
    const { contrasts, schema } = await report(a, b);
    expect(schema).toBe('s3loadtest/comparison@1');
    expect(contrasts.map(({ verdict }) => verdict)).toEqual(['no difference seen']);
    const { code, stdout } = await compare(a, b, '--fail-on-regression', '5%');
    expect(stdout).toContain('other: no difference seen');
    expect(stdout).toContain('no regression beyond 5% is certain');
    expect(code).toBe(0);
  });

  test('a store that is 20% slower is found', async () => {
    const [a = ''] = runs.store;
    const [slower = ''] = runs.slower;
    const [contrast] = (await report(a, slower)).contrasts;
    expect(contrast?.verdict).toBe('worse');
    for (const { op, size, changes } of contrast?.rows ?? []) {
      expect(size).toBe('1KB');
      const p50 = changes.find(({ metric }) => metric === 'p50');
      expect(p50?.verdict, op).toBe('worse');
      expect(p50?.low).toBeLessThan(0.25);
      expect(p50?.high).toBeGreaterThan(0.25);
    }
    const failed = await compare(a, slower, '--fail-on-regression', '5%');
    expect(failed.code).toBe(3);
    expect(failed.stdout).toMatch(
      /^regression: other: firehose (GET|PUT) 1KB: p50 rose by [\d.]+% at least, more than 5%$/m,
    );
    expect((await compare(slower, a, '--fail-on-regression', '5%')).code).toBe(0);
  });

  test('with repeats in throughput, too', async () => {
    const [contrast] = (await report(runs.store.join(), runs.slower.join())).contrasts;
    for (const { op, changes } of contrast?.rows ?? []) {
      const rate = changes.find(({ metric }) => metric === 'ops/s');
      expect(rate?.verdict, op).toBe('worse');
      expect(rate?.change).toBeLessThan(-0.1);
      expect(rate?.change).toBeGreaterThan(-0.3);
    }
  });

  test('several sides are each compared with the first', async () => {
    const [a = '', b = ''] = runs.store;
    const [slower = ''] = runs.slower;
    const { stdout } = await compare(a, b, join(slower, 'result.json'));
    expect(stdout).toContain('other 1: no difference seen');
    expect(stdout).toContain('other 2: worse');
    for (const line of stdout.split('\n').filter((text) => !text.includes('/')))
      expect(line.length).toBeLessThanOrEqual(100);
  });

  test('runs of another load are refused, and compared by force', async () => {
    const [a = ''] = runs.store;
    const other = join(home.path, 'other');
    const { run: facts, ...rest } = JSON.parse(await readFile(join(a, 'result.json'), 'utf8'));
    const changed = { ...facts, id: 'other', config: { ...facts.config, concurrency: 64, rate: 100 } };
    await writeFile(other, JSON.stringify({ ...rest, run: changed }));
    const refused = await compare(a, other);
    expect(refused.code).toBe(2);
    expect(refused.stdout).toBe('');
    expect(refused.stderr.trim().split('\n')).toEqual([
      `--concurrency: 16 in ${a}, 64 in ${other}`,
      `--rate: none in ${a}, 100/s in ${other}`,
      'these runs are not of the same load: --force compares them all the same',
    ]);
    const forced = await compare(a, other, '--force');
    expect(forced.code).toBe(0);
    expect(forced.stdout).toContain('not comparable, by force: --concurrency: 16 in');
  });

  test.each([
    ['--format', 'pdf', '--format is "pdf": give text, md, json, html'],
    ['--fail-on-regression', 'much', '--fail-on-regression is "much": give a percentage such as 5%'],
    ['--run-noise', '-1', '--run-noise is "-1": give a percentage such as 5%'],
    ['--run-noise', '100%', '--run-noise is "100%": give a percentage such as 5%'],
  ])('%s %s is refused', async (option, value, line) => {
    const { code, stderr } = await compare(...runs.store.slice(0, 2), `${option}=${value}`);
    expect([code, stderr.trim()]).toEqual([2, line]);
  });

  test('what is no run is named, all of it', async () => {
    const [a = ''] = runs.store;
    const text = join(home.path, 'text');
    await writeFile(text, 'no\nJSON');
    const { code, stderr } = await compare(a, 'nowhere', text, `${a}/`, ',');
    expect(code).toBe(2);
    expect(stderr.trim().split('\n')).toEqual([
      "nowhere can't be compared: there is no Result; give the folder of a run, or its result.json",
      expect.stringMatching(/text can't be compared: not JSON: .*; give the folder of a run, or its result\.json$/),
      `${a} is the same run as ${a}: give each run once`,
      '"," names no run: give the folder of a run, or its result.json',
    ]);
  });

  test('HTML and Markdown are of the same comparison', async () => {
    const [a = '', b = ''] = runs.store;
    const [html, md] = await Promise.all(['html', 'md'].map((format) => compare(a, b, '--format', format)));
    expect(html?.stdout).toMatch(
      /^<!doctype html>[\s\S]*<strong>other: no difference seen<\/strong>[\s\S]*<\/html>\n$/,
    );
    expect(md?.stdout).toMatch(/^# Comparison\n\n- other: no difference seen/);
  });
});
