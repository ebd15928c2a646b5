/** What is to be said against endpoints: that they were away, or did otherwise than the others. Pure. */
import { percentile } from '../../lib/result/distribution';
import type { Result, Warning } from '../../lib/result/result';
import { OUT_AFTER } from '../../lib/s3/outage';
import { formatCount, formatDuration, formatLatency } from '../../lib/settings/units';
import { type Loss, lossesOf } from '../figures/outages';
import { share } from './words';

/** Times its fair part of the attempts, and times the others' median latency. */
const UNEVEN = 1.25;
const SLOW = 2;
const LEAST_PER_ENDPOINT = 100;
const LEAST_ERRORS = 10;
/** Failures of requests that nobody answered. */
export const UNANSWERED = ['connect', 'timeout', 'reset'] as const;

interface EndpointCounts {
  readonly endpoint: string;
  readonly attempts: number;
  readonly errors: number;
  /** Requests without an answer, by class. */
  readonly unanswered: Readonly<Record<string, number>>;
}

/** Those that were away, and those that did otherwise than the rest. */
export function unevenEndpoints(result: Result): Warning[] {
  const all = countsOf(result.endpoints);
  const losses = lossesOf(result);
  const away = losses.map((loss) => absence(loss, all));
  if (all.length < 2) return away;
  const present = all.filter((each) => losses.every(({ endpoint }) => endpoint !== each.endpoint));
  return [...away, ...unlike(present, all), ...slowEndpoints(result)];
}

/** `all` are all of the run, `present` those that are not known to have been away. */
function unlike(present: readonly EndpointCounts[], all: readonly EndpointCounts[]): Warning[] {
  // A Result without times of absence has them like this.
  const silent = present.filter((each) => isSilent(each, all));
  const rest = present.filter((each) => !silent.includes(each));
  const attempts = attemptsOf(rest);
  const errors = rest.reduce((n, each) => n + each.errors, 0);
  const fair = attempts / rest.length;
  const code = 'uneven-endpoints';
  return [
    ...silent.map((each) => silence(each, all)),
    ...rest.flatMap((each): Warning[] => {
      if (each.attempts < UNEVEN * fair || each.attempts - fair < LEAST_PER_ENDPOINT) return [];
      const message = `${each.endpoint} had ${share(each.attempts / attempts)} of the requests, its part is ${share(1 / rest.length)}`;
      return [{ code, message, remedy: 'retries go to the next endpoint: see which of the others fail' }];
    }),
    ...rest.flatMap((each): Warning[] => {
      const fairErrors = errors / rest.length;
      // A hung endpoint makes few errors, each after a whole time limit; three standard deviations are no chance.
      if (errors < LEAST_ERRORS || each.errors < Math.max(2 * fairErrors, fairErrors + 3 * Math.sqrt(fairErrors)))
        return [];
      const message = `${each.endpoint} had ${share(each.errors / errors)} of the failures`;
      return [{ code, message, remedy: 'look at this gateway, or leave it out of S3_ENDPOINTS' }];
    }),
  ];
}

function countsOf(endpoints: Result['endpoints']): EndpointCounts[] {
  const byName = new Map<string, EndpointCounts>();
  for (const { endpoint, ops, misses = 0, errors } of endpoints) {
    const known = byName.get(endpoint) ?? { endpoint, attempts: 0, errors: 0, unanswered: {} };
    const failed = sumOf(errors);
    const unanswered: Record<string, number> = { ...known.unanswered };
    for (const name of UNANSWERED) {
      if (errors[name] !== undefined) unanswered[name] = (unanswered[name] ?? 0) + errors[name];
    }
    const attempts = known.attempts + ops + misses + failed;
    byName.set(endpoint, { endpoint, attempts, errors: known.errors + failed, unanswered });
  }
  return [...byName.values()];
}

const sumOf = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((a, b) => a + b, 0);

const attemptsOf = (all: readonly EndpointCounts[]) => all.reduce((n, { attempts }) => n + attempts, 0);

/** Whether an endpoint did not answer for a while, while others did: clients leave it out (lib/s3/outage.ts). */
function isSilent({ endpoint, attempts, unanswered }: EndpointCounts, all: readonly EndpointCounts[]): boolean {
  const others = all.some((each) => each.endpoint !== endpoint && each.attempts > 2 * sumOf(each.unanswered));
  return others && sumOf(unanswered) >= OUT_AFTER && attempts < attemptsOf(all) / all.length / UNEVEN;
}

function silence({ endpoint, attempts, unanswered }: EndpointCounts, all: readonly EndpointCounts[]): Warning {
  const classes = Object.entries(unanswered).map(([name, n]) => `${name} ${n}`);
  const what = `${formatCount(sumOf(unanswered))} requests (${classes.join(', ')})`;
  const part = `it had ${share(attempts / attemptsOf(all))} of all, its part is ${share(1 / all.length)}`;
  const message =
    sumOf(unanswered) === attempts
      ? `${endpoint} answered none of ${what}`
      : `${endpoint} left ${what} unanswered: ${part}`;
  return { code: 'uneven-endpoints', message, remedy: AWAY_REMEDY };
}

const AWAY_REMEDY = 'look at this node; while it does not answer, the others are asked in its place';

function absence(loss: Loss, all: readonly EndpointCounts[]): Warning {
  const { endpoint, times, awayMs, fromMs, redirected, repeated, failed, unmet } = loss;
  const since =
    times === 1 ? `from ${formatDuration(fromMs)} on` : `${times} times, first from ${formatDuration(fromMs)} on`;
  const none = all.some((each) => each.endpoint === endpoint && each.attempts === sumOf(each.unanswered));
  const told = [
    ...(redirected > 0 ? [`${formatCount(redirected)} of its requests went elsewhere`] : []),
    ...(repeated > 0 ? [`${formatCount(repeated)} failed and were repeated`] : []),
    ...(failed > 0 ? [`${formatCount(failed)} failed`] : []),
  ];
  const lost = failed > 0 ? `: ${share(unmet)} of its share was not met` : '';
  const message = `${endpoint} was away for ${formatDuration(awayMs)} (${none ? 'it never answered' : since})${told.length > 0 ? `: ${told.join(', ')}` : ''}${lost}`;
  const remedy =
    all.length > 1
      ? AWAY_REMEDY
      : 'look at this node; rates are over the whole time, and a closed loop asks less often while it does not answer';
  return { code: 'endpoint-away', message, remedy };
}

function slowEndpoints({ endpoints }: Pick<Result, 'endpoints'>): Warning[] {
  const medians = endpoints.flatMap(({ test, op, endpoint, latency }) =>
    latency === undefined || latency.count < LEAST_PER_ENDPOINT
      ? []
      : [{ name: `${test} ${op}`, op, endpoint, ms: percentile(latency, 50) ?? 0 }],
  );
  const slow = new Map<string, Warning>();
  for (const { name, op, endpoint, ms } of medians) {
    const others = medians.filter((each) => each.name === name && each.endpoint !== endpoint).map((each) => each.ms);
    const middle = others.sort((a, b) => a - b)[Math.floor(others.length / 2)];
    if (middle === undefined || ms < SLOW * middle || slow.has(endpoint)) continue;
    const message = `${endpoint} took ${formatLatency(ms)} for a ${op} at the median, the others ${formatLatency(middle)}`;
    slow.set(endpoint, {
      code: 'uneven-endpoints',
      message,
      remedy: 'look at this gateway, or leave it out of S3_ENDPOINTS',
    });
  }
  return [...slow.values()];
}
