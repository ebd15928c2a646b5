/** Names with several addresses: all are used, others are tried, and figures tell them apart where that is asked for. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseResult, sum } from '../../lib/result/result';
import { startRelay } from '../relay';
import { freePort, makeCertificates, missing } from '../servers';
import { environment, keysIn, newBucket, openStage, programKnowing, type Site, type Stage } from '../stage';

const noOpenssl = (await missing(['openssl'])).length > 0;

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage?.stop());

/** Relays at these addresses, all at one port, and programs that take `addresses` for those of the name. */
async function place(live: readonly string[], addresses: readonly string[], name = 's3.test', site?: Site) {
  const { server, buckets } = site ?? stage.site;
  const home = await stage.home();
  const hosts = join(home.path, 'hosts');
  await writeFile(hosts, addresses.map((address) => `${address} ${name}\n`).join(''));
  const bucket = await newBucket({ server, buckets });
  const port = await freePort();
  const starts = live.map((host) => startRelay(server.endpoints[0], Number.POSITIVE_INFINITY, { host, port }));
  const relays = await Promise.all(starts);
  const env = { ...environment(stage, home, server, bucket), S3_ENDPOINTS: `http://${name}:${port}` };
  const run = (args: readonly string[], more: NodeJS.ProcessEnv = {}) =>
    programKnowing(hosts, args, { ...env, ...more }, home.path).ended;
  const stop = () => {
    for (const relay of relays) relay.stop();
  };
  return { bucket, port, relays, run, stop };
}

const LOAD = ['run', 'firehose', '--size', '1KB', '--concurrency', '8', '--duration', '2s', '--json'];

describe.each(['native', 'http'])('backend %s', (S3LOADTEST_BACKEND) => {
  const by = { S3LOADTEST_BACKEND };

  test('a store at ::1 only is localhost, to runs and to cleanup', async () => {
    const { bucket, run, stop } = await place(['::1'], ['127.0.0.1', '::1'], 'localhost');
    const { code, stdout, stderr } = await run(LOAD, by);
    expect(code, stderr).toBe(0);
    expect(sum(parseResult(stdout).totals).errors).toBe(0);
    expect(keysIn(stage.site, bucket).length).toBeGreaterThan(0);
    const cleaned = await run(['cleanup', '--yes'], by);
    stop();
    expect(cleaned.code, cleaned.stderr).toBe(0);
    expect(keysIn(stage.site, bucket)).toEqual([]);
  });

  test('all addresses of a name are used', async () => {
    const all = ['127.0.0.1', '127.0.0.2', '127.0.0.3'];
    const { relays, run, stop } = await place(all, all);
    const { code, stderr } = await run([...LOAD, '--concurrency', '32'], by);
    stop();
    expect(code, stderr).toBe(0);
    for (const { taken } of relays) expect(taken).toBeGreaterThan(0);
  });

  test('--resolve all makes an endpoint of each', async () => {
    const all = ['127.0.0.1', '127.0.0.2', '::1'];
    const { port, relays, run, stop } = await place(all, all);
    const { code, stdout, stderr } = await run([...LOAD, '--resolve', 'all'], by);
    stop();
    expect(code, stderr).toBe(0);
    const { endpoints, totals } = parseResult(stdout);
    expect(sum(totals).errors).toBe(0);
    const shares = ['127.0.0.1', '127.0.0.2', '[::1]'].map((host) =>
      endpoints.filter(({ endpoint }) => endpoint === `${host}:${port}`).reduce((n, { ops }) => n + ops, 0),
    );
    expect(Math.min(...shares)).toBeGreaterThan(0.9 * Math.max(...shares));
    for (const { taken } of relays) expect(taken).toBeGreaterThan(0);
  });

  test.skipIf(noOpenssl)('--resolve all: certificate and signature are of the name', async () => {
    const tls = await makeCertificates((await stage.home()).path);
    const secure = await stage.another({ tls });
    const all = ['127.0.0.2', '127.0.0.3'];
    const { bucket, port, run, stop } = await place(all, all, 'localhost', secure);
    const own = { ...by, S3_ENDPOINTS: `https://localhost:${port}`, S3_VERIFY_SSL: 'true', SSL_CERT_FILE: tls.ca };
    const { code, stdout, stderr } = await run([...LOAD, '--resolve', 'all'], own);
    expect(code, stderr).toBe(0);
    const { endpoints, totals } = parseResult(stdout);
    expect(sum(totals).errors).toBe(0);
    expect(new Set(endpoints.map(({ endpoint }) => endpoint)).size).toBe(2);
    const S3_ENDPOINTS = `https://localhost:${port}#127.0.0.3`;
    const cleaned = await run(['cleanup', '--yes'], { ...own, S3_ENDPOINTS });
    stop();
    expect(cleaned.code, cleaned.stderr).toBe(0);
    expect(keysIn(secure, bucket)).toEqual([]);
  });
});

test('native: an address that refuses is passed over', async () => {
  const { run, stop } = await place(['127.0.0.2'], ['127.0.0.1', '127.0.0.2']);
  const { code, stdout, stderr } = await run(LOAD, { S3LOADTEST_BACKEND: 'native' });
  stop();
  expect(code, stderr).toBe(0);
  expect(sum(parseResult(stdout).totals).errors).toBe(0);
});

test('--resolve all: a name that does not resolve is told in a line', async () => {
  const { run, stop } = await place([], []);
  const { code, stderr } = await run([...LOAD, '--resolve', 'all']);
  stop();
  expect(code).toBe(2);
  expect(stderr).toMatch(/^S3_ENDPOINTS: the host name "s3\.test" does not resolve \(\w+\), and --resolve is all$/m);
});
