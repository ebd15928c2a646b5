/**
 * The Grafana dashboards: that they are what their table says, and that every query of every panel has an answer when a real
 * run has written to a real Prometheus.
 */
import { readdirSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dashboard, dashboardJson, type Trends } from '../../data/grafana/dashboards';
import { type Distribution, percentile } from '../../lib/result/distribution';
import { parseResult, type Result } from '../../lib/result/result';
import { startFlakyProxy } from '../flaky-proxy';
import { ROOT } from '../k6';
import { Daemon, freePort, missing } from '../servers';
import { CLI, environment, newBucket, notRun, openStage, Program, type Stage } from '../stage';

const FOLDER = join(ROOT, 'data', 'grafana', 'dashboards');
const NAMES: Readonly<Record<Trends, string>> = { native: 's3loadtest.json', stats: 's3loadtest-trend-stats.json' };
const noPrometheus = await missing(['prometheus']);

describe.each(Object.entries(NAMES) as [Trends, string][])('%s: %s', (trends, name) => {
  test('is what the table of panels gives', async () => {
    await expect(dashboardJson(trends)).toMatchFileSnapshot(join(FOLDER, name));
  });
});

test('there are no others', () => {
  expect(readdirSync(FOLDER).sort()).toEqual(Object.values(NAMES).sort());
});

if (noPrometheus.length > 0) notRun('queries of the dashboards', noPrometheus.join(', '));

describe.skipIf(noPrometheus.length > 0)('with a real Prometheus', () => {
  let stage: Stage;
  let prometheus: { readonly url: string; stop(): Promise<void> };
  const runs = new Map<Trends, Result>();

  beforeAll(async () => {
    stage = await openStage();
    prometheus = await startPrometheus(await mkdtemp(join(stage.folder, 'prometheus-')));
    runs.set('native', await run({ K6_FEATURES: 'native-histograms' }));
    runs.set('stats', await run({ K6_PROMETHEUS_RW_TREND_STATS: 'p(50),p(95),p(99)' }));
  });

  afterAll(async () => {
    await prometheus?.stop();
    await stage?.stop();
  });

  /** As the README has it: what k6 can be told by its environment it is told so. */
  async function run(variables: Readonly<Record<string, string>>): Promise<Result> {
    const proxy = await startFlakyProxy(stage.server.endpoints[0]);
    const home = await stage.home();
    const env = {
      ...environment(
        stage,
        home,
        { ...stage.server, endpoints: [proxy.endpoint, proxy.endpoint] },
        await newBucket(stage.site),
      ),
      K6_PROMETHEUS_RW_SERVER_URL: `${prometheus.url}/api/v1/write`,
      K6_PROMETHEUS_RW_PUSH_INTERVAL: '1s',
      ...variables,
    };
    // Reads of objects that may be gone, writes, listings; more a second than so few VUs can do.
    const load = ['firehose', 'heavyread', 'listops', 'elephant', '--size', '1KB,10KB', '--seed-objects', '20'];
    const pace = ['--rate', '6000', '--concurrency', '6', '--duration', '6s', '--worker-id', 'w7'];
    const out = ['--threshold', 'http_req_failed:rate<1', '--out', 'experimental-prometheus-rw', '--json'];
    const { code, stdout, stderr } = await new Program(
      process.execPath,
      [CLI, 'run', ...load, ...pace, ...out],
      env,
      home.path,
    ).ended;
    proxy.stop();
    expect(code, stderr).toBe(0);
    return parseResult(stdout);
  }

  async function ask(path: string, parameters: Readonly<Record<string, string>>): Promise<unknown> {
    const response = await fetch(`${prometheus.url}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const answer = (await response.json()) as { data?: unknown; error?: string };
    expect(answer.error, JSON.stringify(parameters)).toBeUndefined();
    return answer.data;
  }

  /** Series that the query gives over the time of the run, with those of their values that are numbers. */
  async function series(
    expr: string,
    { run }: Result,
  ): Promise<Array<{ metric: Record<string, string>; values: number[] }>> {
    const start = Date.parse(run.startedAt) / 1000;
    const range = { start: String(start), end: String(start + run.durationMs / 1000 + 2), step: '1' };
    const data = await ask('query_range', { query: expr, ...range });
    return (data as { result: { metric: Record<string, string>; values: [number, string][] }[] }).result.map((one) => ({
      metric: one.metric,
      values: one.values.map(([, value]) => Number(value)).filter(Number.isFinite),
    }));
  }

  /** As Grafana would put them in. */
  function filledIn(text: string, values: Readonly<Record<string, string>>): string {
    return text
      .replace(/\$\{(\w+):csv\}|\$(\w+)/g, (all, list, name) => values[list ?? name] ?? all)
      .replaceAll('$__rate_interval', '4s');
  }

  const choices = (result: Result) => ({
    ...{ testid: result.run.id, test: '.*', op: '.*', size: '.*', endpoint: '.*', worker: '.*' },
    __rate_interval: '4s',
  });

  const panels = (Object.keys(NAMES) as Trends[]).flatMap((trends) =>
    dashboard(trends).panels.map(({ title, targets }) => ({ trends, title, targets })),
  );

  test.each(panels)('$trends: $title', async ({ trends, targets }) => {
    const result = runs.get(trends) as Result;
    for (const by of ['test', 'op', 'size', 'endpoint', 'worker', 'op,size,worker']) {
      for (const { expr } of targets) {
        const query = filledIn(expr, { ...choices(result), by });
        expect(query).not.toMatch(/\$/);
        const found = await series(query, result);
        expect(
          found.flatMap(({ values }) => values).some((value) => value > 0),
          query,
        ).toBe(true);
        if (!expr.includes(':csv')) continue;
        for (const { metric } of found) expect(Object.keys(metric).sort(), query).toEqual(by.split(',').sort());
      }
    }
  });

  /** A row may have errors only: of elephant's few requests, where the proxy refuses just these. There is no series of its operations. */
  const succeeded = (result: Result) => result.totals.filter(({ ops }) => ops > 0);

  test.each(['native', 'stats'] as const)('%s: operations are those of the Result', async (trends) => {
    const result = runs.get(trends) as Result;
    const [panel] = dashboard(trends).panels;
    // The whole count in place of its rate: it has grown from nothing.
    const total = (panel?.targets[0]?.expr ?? '').replace('rate(', '(').replace('[$__rate_interval]', '');
    const found = await series(filledIn(total, { ...choices(result), by: 'test,op' }), result);
    const counted = found.map(({ metric, values }) => [metric.test, metric.op, values.at(-1)]);
    expect(counted.sort()).toEqual(
      succeeded(result)
        .map(({ test, op, ops }) => [test, op, ops])
        .sort(),
    );
  });

  test('native: a percentile of the whole run is the one of the Result, as near as buckets of 10% are', async () => {
    const result = runs.get('native') as Result;
    const histogram = `k6_s3_op_duration_seconds{testid="${result.run.id}"}`;
    const found = await series(`histogram_quantile(0.95, sum by (test,op) (${histogram}))`, result);
    for (const { test, op, latency } of succeeded(result)) {
      const own = found.find(({ metric }) => metric.test === test && metric.op === op)?.values.at(-1) ?? 0;
      const ratio = (own * 1000) / (percentile(latency as Distribution, 95) as number);
      expect(ratio, `${test} ${op}`).toBeGreaterThan(0.85);
      expect(ratio, `${test} ${op}`).toBeLessThan(1.15);
    }
  });

  test.each(['native', 'stats'] as const)('%s: variables have the values of the run', async (trends) => {
    const result = runs.get(trends) as Result;
    const values: Record<string, unknown> = {};
    for (const { name, query } of dashboard(trends).templating.list) {
      if (typeof query === 'string') continue;
      const [, metric = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(query.query) ?? [];
      values[name] = await ask(`label/${label}/values`, { 'match[]': filledIn(metric, choices(result)) });
    }
    expect(values).toEqual({
      testid: expect.arrayContaining([result.run.id]),
      test: ['elephant', 'firehose', 'heavyread', 'listops'],
      op: ['GET', 'LIST', 'PUT'],
      size: ['10KB', '1KB', 'none'],
      endpoint: result.endpoints.slice(0, 1).map(({ endpoint }) => endpoint),
      worker: ['w7'],
    });
  });
});

async function startPrometheus(folder: string): Promise<{ url: string; stop(): Promise<void> }> {
  const address = `127.0.0.1:${await freePort()}`;
  const features = ['--web.enable-remote-write-receiver', '--enable-feature=native-histograms'];
  const places = ['--config.file=/dev/null', `--storage.tsdb.path=${join(folder, 'data')}`];
  const daemon = new Daemon(
    'prometheus',
    [...features, ...places, `--web.listen-address=${address}`],
    join(folder, 'log'),
  );
  const url = `http://${address}`;
  await daemon.answers(async () => {
    const { ok, status } = await fetch(`${url}/-/ready`);
    if (!ok) throw new Error(`it answers ${status}`);
  });
  return { url, stop: () => daemon.stop() };
}
