/** Clusters with a node down: it is told, it is left out, and the others are tested. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseResult } from '../../lib/result/result';
import { type Relay, startRelay } from '../relay';
import { freePort } from '../servers';
import { CLI, environment, newBucket, openStage, Program, type Stage } from '../stage';

let stage: Stage;
let relays: Relay[] = [];

beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage?.stop());

async function cluster(nodes: number): Promise<Relay[]> {
  for (const relay of relays) relay.stop();
  relays = await Promise.all(Array.from({ length: nodes }, () => startRelay(stage.server.endpoints[0])));
  return relays;
}
afterAll(() => {
  for (const relay of relays) relay.stop();
});

async function start(command: readonly string[], endpoints: readonly string[], more: NodeJS.ProcessEnv = {}) {
  const home = await stage.home();
  const env = environment(stage, home, stage.site.server, await newBucket(stage.site));
  const own = { ...env, S3_ENDPOINTS: endpoints.join(','), ...more };
  return new Program(process.execPath, [CLI, ...command], own, home.path);
}

const nowhere = async () => `http://127.0.0.1:${await freePort()}`;

describe.each(['native', 'http'])('backend %s', (backend) => {
  const own = { S3LOADTEST_BACKEND: backend, S3LOADTEST_STATS_INTERVAL: '2s' };
  const load = ['run', 'firehose', '--size', '1KB', '--json'];

  test('a node that is down stops the run, unless some may', async () => {
    const [one, two] = (await cluster(2)) as [Relay, Relay];
    const endpoints = [one.endpoint, await nowhere(), two.endpoint];
    const refused = await (await start([...load, '--duration', '1s'], endpoints, own)).ended;
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(
      /nothing listens at \S+ \(connection refused\); --allow-partial begins without it$/m,
    );

    // What is asked of it first fails: of a run as short as this, that may be more than the 1% that any run may have.
    const lenient = ['--threshold', 'http_req_failed{test:firehose}:rate<0.5'];
    const partial = [...load, '--duration', '2s', '--concurrency', '4', '--allow-partial', ...lenient];
    const { code, stdout, stderr } = await (await start(partial, endpoints, own)).ended;
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/nothing listens at \S+ \(connection refused\): the run begins without it/);
    const result = parseResult(stdout);
    const dead = (endpoints[1] as string).replace('http://', '');
    expect(result.warnings.map(({ message }) => message).join('\n')).toMatch(
      /was away for \S+ \(it never answered\): \S+ of its requests went elsewhere/,
    );
    const attempts = result.endpoints.filter(({ endpoint }) => endpoint === dead);
    // It is tried by three requests of each process, or of each VU, and then once a second.
    expect(attempts.reduce((n, { errors }) => n + Object.values(errors).reduce((a, b) => a + b, 0), 0)).toBeLessThan(
      30,
    );
  });

  test('a node that hangs holds up what it was asked, and no more', async () => {
    const nodes = await cluster(3);
    const [hung] = nodes as [Relay];
    const endpoints = nodes.map(({ endpoint }) => endpoint);
    const args = [...load, '--duration', '12s', '--concurrency', '6', '--timeout', '2s'];
    const program = await start(args, endpoints, own);
    await program.says(/STATS/);
    hung.hang();
    const { stdout, stderr } = await program.ended;
    const result = parseResult(stdout);
    const bySecond = new Map<number, number>();
    for (const { t, ops } of result.timeline) bySecond.set(t, (bySecond.get(t) ?? 0) + ops);
    const seconds = [...bySecond.values()];
    // Its requests end by their time limit; then it is left out, and what tries it again holds up one VU of the process, or
    // under k6's own client, where VUs know nothing of each other, each of them for itself.
    const after = seconds.slice(seconds.indexOf(0) + 3, -1);
    expect(after.length, stderr).toBeGreaterThan(3);
    const idle = after.filter((ops) => ops === 0).length;
    expect(idle, JSON.stringify(seconds)).toBeLessThanOrEqual(backend === 'native' ? 0 : after.length / 2);
    expect(result.warnings.map(({ message }) => message).join('\n')).toContain(hung.endpoint.replace('http://', ''));
    if (backend === 'native') expect(stderr).toMatch(/has answered none of 3 requests in a row \(request timeout\)/);
  });
});

test.each(['native', 'http'])('backend %s: what became of the part of a node that dies', async (backend) => {
  const nodes = (await cluster(3)) as [Relay, Relay, Relay];
  const [dies] = nodes;
  const own = { S3LOADTEST_BACKEND: backend, S3LOADTEST_STATS_INTERVAL: '1s', S3LOADTEST_RETRIES: '1' };
  const load = ['run', 'firehose', '--size', '1KB', '--concurrency', '6', '--duration', '9s', '--json'];
  const endpoints = nodes.map(({ endpoint }) => endpoint);
  const program = await start(load, endpoints, own);
  await program.says(/STATS/);
  dies.stop();
  const { stdout, stderr } = await program.ended;
  const result = parseResult(stdout);
  const [dead, ...others] = endpoints.map((endpoint) => {
    const own = result.endpoints.filter((each) => `http://${each.endpoint}` === endpoint);
    const sum = (of: (one: (typeof own)[number]) => number | undefined) =>
      own.reduce((n, one) => n + (of(one) ?? 0), 0);
    const errors = sum((one) => Object.values(one.errors).reduce((a, b) => a + b, 0));
    return {
      ops: sum(({ ops }) => ops),
      errors,
      retries: sum((one) => one.retries),
      redirected: sum((one) => one.redirected),
    };
  });
  const whole = result.endpoints.reduce((n, { ops }) => n + ops, 0);
  if (dead === undefined) throw new Error(stderr);
  // Every request has its turn: a third of them was to go there.
  const meant = dead.ops + dead.errors + dead.redirected;
  expect(Math.abs(meant / ((whole + dead.errors) / 3) - 1), JSON.stringify([dead, others])).toBeLessThan(0.05);
  expect(dead.redirected).toBeGreaterThan(dead.errors);
  expect(dead.retries).toBe(dead.errors);
  expect(others.map(({ errors, redirected }) => [errors, redirected])).toEqual([
    [0, 0],
    [0, 0],
  ]);
  const name = dies.endpoint.replace('http://', '');
  expect(result.outages, stderr).toEqual([{ endpoint: name, t: expect.any(Number), ms: expect.any(Number) }]);
  const [{ t = 0, ms = 0 } = {}] = result.outages ?? [];
  expect(Math.abs(t + ms - result.run.durationMs)).toBeLessThan(2_000);
  expect(stderr).toMatch(
    /was away for \S+ \(from \S+ on\): \S+ of its requests went elsewhere, \d+ failed and were repeated:/,
  );
});

describe.each(['native', 'http'])('backend %s: no node is there any more', (backend) => {
  const own = { S3LOADTEST_BACKEND: backend, S3LOADTEST_STATS_INTERVAL: '1s', S3LOADTEST_RETRIES: '0' };
  const VUS = 4;
  const load = ['run', 'firehose', '--size', '1KB', '--concurrency', `${VUS}`, '--json', '--duration', '8s'];

  async function dies(more: readonly string[]) {
    const [one] = (await cluster(1)) as [Relay];
    const program = await start([...load, ...more], [one.endpoint], own);
    await program.says(/STATS/);
    one.stop();
    const result = parseResult((await program.ended).stdout);
    const after = Math.max(...result.timeline.filter(({ ops }) => ops > 0).map(({ t, ms }) => t + ms));
    const errors = result.timeline.reduce((sum, point) => sum + (point.t < after ? 0 : point.errors), 0);
    return { result, perSecond: (1000 * errors) / (result.run.durationMs - after) };
  }

  test('a closed loop waits longer and longer, and no longer than a second', async () => {
    const { perSecond } = await dies([]);
    // Some 15 in the first second of each VU, then one or two; without a pause it is thousands.
    expect(perSecond).toBeGreaterThan(VUS / 4);
    expect(perSecond).toBeLessThan(VUS * 10);
  });

  test('a rate goes on as it is due', async () => {
    const { perSecond, result } = await dies(['--rate', '100']);
    expect(perSecond).toBeGreaterThan(60);
    expect(result.generator.droppedIterations).toBeLessThan(100);
  });
});

describe('a link that takes its time', () => {
  const SECONDS = 4;
  const load = ['run', 'heavyread', '--size', '1MB', '--seed-objects', '1', '--concurrency', '1', '--json'];
  const limits = ['--timeout', '1s', '--duration', `${SECONDS}s`];

  test.each([
    { backend: 'native', more: [], whole: true, why: 'bytes move all the time' },
    {
      backend: 'native',
      more: ['--request-timeout', '1s'],
      whole: false,
      why: 'that is asked for',
      says: /request timeout: \d+ of 1048576 bytes had come in 1 s \(--request-timeout\)/,
      remedy: /--request-timeout 1s ended .* moved.*raise --request-timeout, or leave it out/,
    },
    { backend: 'http', more: ['--request-timeout', '20s'], whole: true, why: 'k6 knows a limit of the whole' },
    {
      backend: 'http',
      more: [],
      whole: false,
      why: 'and that is --timeout where no other is given',
      says: /request timeout: not all of 1048576 bytes moved in 1 s \(--timeout, .*\); k6's client does not say how many did/,
      remedy: /--timeout 1s ended .* moved.*raise --request-timeout, or take S3LOADTEST_BACKEND=native/,
    },
  ])('$backend $more: a read that is slow is whole: $whole, $why', async ({ backend, more, whole, says, remedy }) => {
    const relay = await startRelay(stage.server.endpoints[0], 400_000);
    const program = await start([...load, ...limits, ...more], [relay.endpoint], { S3LOADTEST_BACKEND: backend });
    const { stdout, stderr } = await program.ended;
    relay.stop();
    const result = parseResult(stdout);
    const [gets] = result.totals.filter(({ op }) => op === 'GET');
    expect({ read: (gets?.ops ?? 0) > 0, errors: gets?.errors }, stderr).toEqual({
      read: whole,
      errors: whole ? {} : { timeout: expect.any(Number) },
    });
    expect(result.errorSamples.map(({ message }) => message)).toEqual(
      says === undefined ? [] : [expect.stringMatching(says)],
    );
    if (remedy === undefined) return;
    expect([result.verdict?.limit, result.verdict?.message]).toEqual(['unknown', expect.stringMatching(remedy)]);
    expect(result.outages).toBe(undefined);
  });
});

test('cleanup and keys go on without it, too', async () => {
  const [one] = (await cluster(1)) as [Relay];
  const endpoints = [one.endpoint, await nowhere()];
  for (const command of [['cleanup', '--yes'], ['keys']]) {
    const refused = await (await start(command, endpoints)).ended;
    expect(refused.code).toBe(2);
    const { code, stderr } = await (await start([...command, '--allow-partial'], endpoints)).ended;
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/^warning: S3_ENDPOINTS: nothing listens at .*: goes on without it$/m);
  }
});

test('--no-check tries nothing before the load', async () => {
  const endpoints = [await nowhere()];
  const args = ['run', 'firehose', '--size', '1KB', '--duration', '1s', '--concurrency', '1'];
  expect((await (await start(args, endpoints)).ended).code).toBe(2);
  const { code, stdout, stderr } = await (await start([...args, '--no-check'], endpoints)).ended;
  expect(code, stderr).toBe(1);
  expect(stdout + stderr).toMatch(/connect=\d/);
});
