/** A plan as k6's options. Pure. */
import type { Options, Scenario } from 'k6/options';
import {
  CLOUD_SYSTEM_TAGS,
  CONNECTIONS,
  ERRORS,
  OP_DURATION,
  OPENED,
  SYSTEM_TAGS,
  submetric,
  submetrics,
} from '../result/metrics';
import { aliases } from '../settings/endpoint';
import type { Plan } from '../workload/plan';
import { acrossWorkers, scenarioOf, WAITING } from '../workload/scenario';
import { durationOf, type Shape } from '../workload/shape';
import { isPaced } from '../workload/step';
import type { ShapedLoad } from '../workload/with-settings';
import { TREND_STATS } from './summary';

/** To look through a large bucket, beside the check: seconds. */
const LOOK_SECONDS = 120;
/** Requests of the check beside one to each endpoint. */
const CHECK_REQUESTS = 3;
/** To write objects first, or to wait for other machines that do. */
const LONG_SETUP_TIMEOUT = '4h';
/** To look at a bucket of each VU. */
const LONG_TEARDOWN = '30m';
/** Each request of the check has as long as any other. */
function setupTimeout({ config: { endpoints, timeout }, homes = [] }: Plan): string {
  const checks = Math.max(1, homes.length) * (endpoints.length + CHECK_REQUESTS);
  return `${LOOK_SECONDS + Math.ceil((checks * timeout) / 1000)}s`;
}

/** What k6 leaves idle connections for: more batches at once than that would connect anew for each. */
const LEAST_IDLE = 64;

/** How long the addresses of a name are taken for its addresses, as in extension/wire/names.go. */
const NAMES_LAST = '30s';

/**
 * k6's options for the plan; or, with `workers`, for so many k6 processes that have a segment each; or, with `forCloud`, for
 * k6 Cloud.
 */
export function optionsOf(plan: Plan, workers = 1, forCloud = false): Options {
  const { config, loads, measured } = plan;
  const asked = config.thresholds;
  const limitsFailures = asked.some((t) => t.metric.startsWith('http_req_failed'));
  const defaults = measured.flatMap(({ test, holdsConnections }) => {
    // To k6 an answer of status 200 is no failure, whatever is in it.
    const corrupt = { metric: submetric(ERRORS, { test, class: 'corrupt' }), expr: 'count<1' };
    const verified = config.verify ? [corrupt] : [];
    // A test in which nothing succeeds must not pass, whatever its other thresholds.
    const opened = { metric: submetric(CONNECTIONS, { test, outcome: OPENED }), expr: 'count>0' };
    if (holdsConnections) return [opened, ...verified];
    const most = { metric: `http_req_failed{test:${test}}`, expr: 'rate<0.01' };
    return [
      { metric: submetric(OP_DURATION, { test }), expr: 'max>0' },
      ...(limitsFailures ? [] : [most]),
      ...verified,
    ];
  });
  const thresholds: Record<string, string[]> = {};
  for (const name of measured.flatMap(submetrics)) thresholds[name] = [];
  const criteria = plan.workloads.flatMap(({ criteria = [] }) => criteria);
  for (const { metric, expr } of [...defaults, ...criteria, ...asked])
    thresholds[metric] = [...(thresholds[metric] ?? []), expr];
  const atOnce = ({ step, shape }: ShapedLoad) => (step.kind === 'task' ? shape.vus : 0);
  const idle = Math.max(LEAST_IDLE, ...loads.map(atOnce));
  const scenarios: Record<string, Scenario> = Object.fromEntries(
    loads.map((load) => [load.name, scenarioFor(load, plan)]),
  );
  // k6 ends a changing arrival rate with its last operation; rates are of the whole duration, pauses included.
  const endsEarly = Object.values(scenarios).some(({ executor }) => executor === 'ramping-arrival-rate');
  if (endsEarly) scenarios[WAITING] = waiting(plan);
  return {
    scenarios: Object.fromEntries(
      Object.entries(scenarios).map(([name, scenario]) => [name, acrossWorkers(scenario, workers)]),
    ),
    thresholds,
    summaryTrendStats: [...TREND_STATS],
    systemTags: [...SYSTEM_TAGS, ...(forCloud ? CLOUD_SYSTEM_TAGS : [])],
    discardResponseBodies: true,
    insecureSkipTLSVerify: !config.verifySsl,
    // A redirect would be followed with a signature for another host.
    maxRedirects: 0,
    throw: true,
    // S3 has no cookies, and a new jar for each iteration is not for nothing.
    noCookiesReset: true,
    ...(isLeftOver(plan) && { teardownTimeout: LONG_TEARDOWN }),
    setupTimeout: config.seedObjects > 0 || workers > 1 ? LONG_SETUP_TIMEOUT : setupTimeout(plan),
    batch: idle,
    batchPerHost: idle,
    userAgent: 's3loadtest',
    dns: { ttl: NAMES_LAST, select: 'random', policy: 'preferIPv4' },
    ...hostsFor(plan),
  };
}

/** Whether there is something to take away after the load. */
const isLeftOver = ({ loads }: Plan): boolean =>
  loads.some(({ step }) => {
    const data = step.kind === 'operation' ? step.data : undefined;
    return data !== undefined && !('ranges' in data) && (data.temporary !== undefined || data.dedicated === true);
  });

/** Endpoints with an address, for k6's own client: extension/request/endpoint.go does without. */
function hostsFor({ config, homes = [] }: Plan): Pick<Options, 'hosts'> {
  const { backend, endpoints, addressing, bucket } = config;
  const resolved = endpoints.filter((endpoint) => endpoint.includes('#'));
  if (backend === 'native' || resolved.length === 0) return {};
  const buckets = new Set([bucket, ...homes.map((home) => home.bucket)]);
  const named = addressing === 'virtual' ? [...buckets] : [''];
  return { hosts: Object.assign({}, ...named.map((before) => aliases(resolved, before))) };
}

/** A VU that sleeps until the duration is over. */
function waiting({ config }: Plan): Scenario {
  return { executor: 'constant-vus', vus: 1, duration: `${config.duration}ms`, gracefulStop: '1s' };
}

/** A step that paces itself keeps to its shape by itself; k6 gives it one VU all the time. */
function scenarioFor(load: ShapedLoad, { config }: Plan): Scenario {
  const { name, test, step, shape } = load;
  const asTask: Shape = { unit: 'vus', vus: 1, ramp: 0, stages: [{ target: 1, ms: durationOf(shape) }] };
  const own = { shape: isPaced(step) ? shape : asTask, schedule: load.schedule(), operations: load.operations };
  return scenarioOf({ name, test, ...own }, config.timeout);
}
