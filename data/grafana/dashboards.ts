/**
 * The Grafana dashboards, as one table of panels. Both are made of it: they differ in how k6's remote write gives latencies,
 * as native histograms or as statistics of each series. dashboards/*.json is what this gives, and is never edited by hand:
 * `npx vitest run test/e2e/grafana.test.ts -u` writes it.
 */

/** How k6 writes a Trend: with `--features native-histograms`, or by K6_PROMETHEUS_RW_TREND_STATS. */
export type Trends = 'native' | 'stats';

interface Panel {
  readonly title: string;
  readonly description?: string;
  /** A unit's id in Grafana. */
  readonly unit: string;
  /** Of 24 columns. */
  readonly width: 6 | 8 | 12;
  /** PromQL by legend. */
  readonly targets: Readonly<Record<string, string>>;
}

/** What everything but VUs and dropped iterations is told apart by. */
const FILTERS = ['test', 'op', 'size', 'endpoint'] as const;
const RUN = 'testid=~"$testid",worker=~"$worker"';
const ALL = [RUN, ...FILTERS.map((tag) => `${tag}=~"$${tag}"`)].join(',');
/** A connection that is held open has no size. */
const OF_CONNECTIONS = [RUN, ...FILTERS.filter((tag) => tag !== 'size').map((tag) => `${tag}=~"$${tag}"`)].join(',');
/** Grafana's own: long enough for a rate, short enough for the picture. */
const RANGE = '[$__rate_interval]';
const BY = '$' + '{by:csv}';
const LEGEND = ['test', ...FILTERS.slice(1), 'worker'].map((tag) => `{{${tag}}}`).join(' ');

const rate = (metric: string, by = BY, more = '') => `sum by (${by}) (rate(k6_${metric}{${ALL}${more}}${RANGE}))`;

/** Requests that ended an operation well: an upload in parts is over with its last one. */
const ENDED = 'status=~"2..",op!~"preparation|CREATE_MULTIPART|UPLOAD_PART|ABORT_MULTIPART"';

/** Of operations that succeeded. k6 also writes the `count` of a Trend, but divided by 1,000 as if it were milliseconds. */
function operations(trends: Trends): string {
  return trends === 'native'
    ? `histogram_count(${rate('s3_op_duration_seconds')})`
    : rate('http_reqs_total', BY, `,${ENDED}`);
}

function percentile(trends: Trends, metric: string, percent: number, more: string): string {
  return trends === 'native'
    ? `histogram_quantile(${percent / 100}, ${rate(`${metric}_seconds`, BY, more)})`
    : `max by (${BY}) (k6_${metric}_p${percent}{${ALL}${more}})`;
}

/** k6's own metrics are of all requests, those of the preparation included. */
const SUCCEEDED = ',expected_response="true",op!="preparation"';
const SINCE_START = 'Since the start of the run; of several series the highest.';

function panels(trends: Trends): Panel[] {
  const latency = (title: string, metric: string, percent: number, more = ''): Panel => ({
    title: `${title} p${percent}`,
    ...(trends === 'stats' ? { description: SINCE_START } : {}),
    ...{ unit: 's', width: 8, targets: { [LEGEND]: percentile(trends, metric, percent, more) } },
  });
  const perSecond = (title: string, metric: string, description?: string): Panel => ({
    title: `${title} per second`,
    ...(description === undefined ? {} : { description }),
    ...{ unit: 'short', width: 8, targets: { [LEGEND]: rate(metric) } },
  });
  return [
    {
      title: 'Operations per second',
      description: `Successes only. A multipart upload is one${trends === 'native' ? '' : ', a COMPLETE_MULTIPART'}.`,
      ...{ unit: 'ops', width: 12, targets: { [LEGEND]: operations(trends) } },
    },
    {
      title: 'Payload per second',
      ...{ unit: 'binBps', width: 12, targets: { [LEGEND]: rate('s3_bytes_total') } },
    },
    ...[50, 95, 99].map((percent) => latency('Latency', 's3_op_duration', percent)),
    ...[50, 95, 99].map((percent) => latency('Time to first byte', 'http_req_waiting', percent, SUCCEEDED)),
    {
      title: 'Errors per second by class',
      description: 'Failed attempts; each retry is one of its own.',
      ...{ unit: 'short', width: 8, targets: { '{{class}}': rate('s3_errors_total', 'class') } },
    },
    {
      title: 'Throttled per second',
      description: '503 and 429.',
      ...{ unit: 'short', width: 8, targets: { [LEGEND]: rate('s3_errors_total', BY, ',class="throttled"') } },
    },
    perSecond('Retries', 's3_retries_total', 'By the operation and endpoint that failed before.'),
    perSecond('Misses', 's3_misses_total', 'Asked for, and deleted by another meanwhile: no errors.'),
    perSecond('Keys', 's3_objects_total', 'Listed, or deleted in batches.'),
    {
      title: 'Dropped iterations per second',
      description: 'Due at the rate that was asked for, while no VU was free.',
      unit: 'short',
      width: 8,
      targets: { '{{test}} {{worker}}': `sum by (test, worker) (rate(k6_dropped_iterations_total{${RUN}}${RANGE}))` },
    },
    {
      title: 'VUs',
      unit: 'short',
      width: 8,
      targets: {
        'active {{worker}}': `sum by (worker) (k6_vus{${RUN}})`,
        'initialized {{worker}}': `sum by (worker) (k6_vus_max{${RUN}})`,
      },
    },
    {
      title: 'Connections held open',
      unit: 'short',
      width: 8,
      targets: {
        '{{test}} {{op}} {{worker}}': `sum by (test, op, worker) (k6_s3_connections_open{${OF_CONNECTIONS}})`,
      },
    },
    {
      title: 'Connections held so far by outcome',
      description: 'Opened, and how they ended.',
      ...{
        unit: 'short',
        width: 8,
        targets: { '{{outcome}}': `sum by (outcome) (k6_s3_connections_total{${OF_CONNECTIONS}})` },
      },
    },
  ];
}

const DATASOURCE = { type: 'prometheus', uid: '$' + '{datasource}' };
const HEIGHT = 8;
const COLUMNS = 24;

/** Puts panels side by side, row after row. */
function laidOut(all: readonly Panel[]) {
  let [x, y] = [0, 0];
  return all.map(({ title, description, unit, width, targets }, i) => {
    if (x + width > COLUMNS) [x, y] = [0, y + HEIGHT];
    const gridPos = { x, y, w: width, h: HEIGHT };
    x += width;
    return {
      id: i + 1,
      type: 'timeseries',
      title,
      ...(description === undefined ? {} : { description }),
      gridPos,
      datasource: DATASOURCE,
      fieldConfig: { defaults: { unit, min: 0, custom: { fillOpacity: 5, showPoints: 'never' } }, overrides: [] },
      options: { tooltip: { mode: 'multi', sort: 'desc' }, legend: { calcs: ['mean', 'max'], displayMode: 'table' } },
      targets: Object.entries(targets).map(([legendFormat, expr], n) => ({
        refId: String.fromCharCode(65 + n),
        ...{ datasource: DATASOURCE, expr, legendFormat },
      })),
    };
  });
}

/** A choice of values that a label has; all of them at first. */
function labelVariable(name: string, metric: string) {
  return {
    ...{ name, label: name, type: 'query', datasource: DATASOURCE, refresh: 2, sort: 1 },
    ...{ multi: true, includeAll: true, allValue: '.*', current: { text: ['All'], value: ['$__all'] } },
    query: { query: `label_values(${metric}, ${name})`, refId: name },
  };
}

function variables(trends: Trends) {
  const of = '{testid=~"$testid"}';
  const latency = trends === 'native' ? 'op_duration_seconds' : 'op_duration_p99';
  const measured = `{__name__=~"k6_s3_(${latency}|connections_open)",testid=~"$testid"}`;
  const groups = ['test', 'op', 'size', 'endpoint', 'worker'];
  return [
    { name: 'datasource', label: 'data source', type: 'datasource', query: 'prometheus' },
    { ...labelVariable('testid', 'k6_vus'), label: 'run', sort: 2 },
    ...FILTERS.map((tag) => labelVariable(tag, measured)),
    labelVariable('worker', `k6_vus${of}`),
    {
      ...{ name: 'by', label: 'by', type: 'custom', multi: true, query: groups.join(',') },
      current: { text: ['op'], value: ['op'] },
      options: groups.map((value) => ({ text: value, value, selected: value === 'op' })),
    },
  ];
}

/** The dashboard's file: as Grafana reads it, and people, too. */
export function dashboardJson(trends: Trends): string {
  return `${written(dashboard(trends))}\n`;
}

const LINE = 140;

/** JSON in which what fits on a line stands on one. */
function written(value: unknown, indent = ''): string {
  const line = JSON.stringify(value);
  if (typeof value !== 'object' || value === null || indent.length + line.length <= LINE) return line;
  const inner = `${indent}  `;
  const items = Array.isArray(value)
    ? value.map((item) => written(item, inner))
    : Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}: ${written(item, inner)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return `${open}\n${items.map((item) => inner + item).join(',\n')}\n${indent}${close}`;
}

/** The dashboard, as Grafana reads it. */
export function dashboard(trends: Trends) {
  return {
    uid: `s3loadtest-${trends}`,
    title: trends === 'native' ? 's3loadtest' : 's3loadtest, trend stats',
    tags: ['k6', 's3'],
    schemaVersion: 39,
    editable: true,
    graphTooltip: 1,
    refresh: '5s',
    time: { from: 'now-15m', to: 'now' },
    templating: { list: variables(trends) },
    panels: laidOut(panels(trends)),
  };
}
