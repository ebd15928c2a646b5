/**
 * k6's own options for a load (--vus, --iterations, --duration, --stage; K6_VUS …) put one scenario in the place of all that a
 * script has: https://grafana.com/docs/k6/latest/using-k6/scenarios/#options. A pattern of one plain load runs under it.
 */
import type { Options, Scenario } from 'k6/options';
import { parseDuration } from '../settings/units';
import type { Plan } from '../workload/plan';
import { OVERRIDE } from '../workload/scenario';
import { always, isAlways, STEADY } from '../workload/schedule';
import type { ShapedLoad } from '../workload/with-settings';

const INSTEAD = 'set S3LOADTEST_CONCURRENCY, S3LOADTEST_RATE, S3LOADTEST_DURATION and the like instead';

/** The plan under k6's own options, with what to say of that; or, in `problem`, why it can't run so. Undefined without any. */
export function overridden(
  plan: Plan,
  scenarios: Options['scenarios'],
): { plan: Plan; warning: string } | { problem: string } | undefined {
  const scenario = scenarios?.[OVERRIDE];
  if (scenario === undefined) return undefined;
  const [load, another] = plan.loads;
  const tests = [...new Set(plan.loads.map(({ test }) => test))].join(', ');
  const why = load === undefined || another !== undefined ? 'several loads' : obstacle(load, plan);
  if (load === undefined || why !== undefined) {
    return {
      problem: `k6's own options (${textOf(scenario)}) can't replace the load of ${tests}, which has ${why}: ${INSTEAD}`,
    };
  }
  const vus = mostVus(scenario);
  const duration = durationOf(scenario);
  const { rate: _, stages: __, ...config } = plan.config;
  return {
    plan: {
      ...plan,
      config: { ...config, concurrency: vus, duration, ramp: 0 },
      loads: [
        {
          ...load,
          shape: { unit: 'vus', vus, ramp: 0, stages: [{ target: vus, ms: duration }] },
          schedule: () => always(duration),
        },
      ],
    },
    warning: `k6's own options replace the load of ${tests}: ${textOf(scenario)}; settings of VUs, rate, stages and duration do not count`,
  };
}

function obstacle({ step, schedule }: ShapedLoad, { config }: Plan): string | undefined {
  if (step.kind === 'connections') return 'connections to hold';
  if (step.kind === 'task') return 'a pace of its own';
  const windows = schedule();
  // A run shorter than the first burst is on all the time, and still one of bursts.
  return isAlways(windows, config.duration) && windows[0]?.phase === STEADY ? undefined : 'bursts';
}

function mostVus(scenario: Scenario): number {
  switch (scenario.executor) {
    case 'ramping-vus':
      return Math.max(scenario.startVUs ?? 1, ...scenario.stages.map(({ target }) => target));
    case 'shared-iterations':
    case 'per-vu-iterations':
    case 'constant-vus':
      return scenario.vus ?? 1;
    default:
      return 1;
  }
}

/** Milliseconds that it lasts; 0 where that is open. */
function durationOf(scenario: Scenario): number {
  const ms = (text: string) => parseDuration(text) ?? 0;
  switch (scenario.executor) {
    case 'ramping-vus':
      return scenario.stages.reduce((sum, { duration }) => sum + ms(duration), 0);
    case 'constant-vus':
      return ms(scenario.duration);
    default:
      return 0;
  }
}

function textOf(scenario: Scenario): string {
  const vus = mostVus(scenario);
  const unit = vus === 1 ? 'VU' : 'VUs';
  switch (scenario.executor) {
    case 'shared-iterations':
      return `${vus} ${unit}, ${scenario.iterations} iterations`;
    case 'constant-vus':
      return `${vus} ${unit} for ${scenario.duration}`;
    case 'ramping-vus':
      return `stages ${scenario.stages.map(({ duration, target }) => `${duration}:${target}`).join(', ')}`;
    default:
      return scenario.executor;
  }
}
